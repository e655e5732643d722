/*
 * score.c: from customers to RFM scores, ABC classes, priority and tiers.
 *
 *   last day, frequency, revenue → ranks → breaks → digits 1..bins → rfm
 *                                        → percentiles → weighted mean → priority → tier by share
 *                revenue, descending     → cumulative share → abc
 *
 * All arithmetic is on integers or numerics, so results do not depend on the order of rows. Only buyers enter.
 */
#include "custprio.h"

#include "score.h"

#include "abc.h"
#include "exact.h"
#include "quantile.h"
#include "ranking.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#define PRIORITY_MAX 1000000	/* 100, times 10^PRIORITY_SCALE */

/* What scoring works on: the buyers in a row, and their rankings. */
typedef struct Scoring
{
	const Scorecard *card;
	CustomerSet *set;
	Scores	   *scores;
	int32		n;
	Customer  **buyer;
	int64	   *revenue;		/* NULL when set->wide */
	Numeric    *wide_revenue;
	Ranking    *ranking[SCORECARD_METRICS];
	int32	   *digit[SCORECARD_METRICS];	/* by rank */
	int32	   *percentile[SCORECARD_METRICS];	/* by rank */
} Scoring;

const char *
metric_name(Metric metric)
{
	static const char *const names[] = {"recency", "frequency", "monetary"};

	return names[metric];
}

static void
warn(Scoring *scoring, char *text)
{
	scoring->scores->warnings = lappend(scoring->scores->warnings, text);
}

static void
collect_buyers(Scoring *scoring)
{
	CustomerSet *set = scoring->set;
	Size		n = set->n_buyers;
	int64	   *values = MemoryContextAllocHuge(CurrentMemoryContext, (n + 1) * sizeof(int64));

	scoring->n = 0;
	scoring->buyer = MemoryContextAllocHuge(CurrentMemoryContext, (n + 1) * sizeof(Customer *));
	for (uint32 id = 0; id < set->map->n; id++)
	{
		Customer   *customer = customer_at(set, id);

		if (customer->stage == STAGE_BUYER)
			scoring->buyer[scoring->n++] = customer;
	}

	for (int32 i = 0; i < scoring->n; i++)
		values[i] = scoring->buyer[i]->last_day;
	scoring->ranking[METRIC_RECENCY] = rank_int64(values, scoring->n);
	for (int32 i = 0; i < scoring->n; i++)
		values[i] = scoring->buyer[i]->frequency;
	scoring->ranking[METRIC_FREQUENCY] = rank_int64(values, scoring->n);
	if (set->wide)
	{
		scoring->wide_revenue = MemoryContextAllocHuge(CurrentMemoryContext, (n + 1) * sizeof(Numeric));
		for (int32 i = 0; i < scoring->n; i++)
			scoring->wide_revenue[i] = scoring->buyer[i]->wide_revenue;
		scoring->ranking[METRIC_MONETARY] = rank_numeric(scoring->wide_revenue, scoring->n);
		pfree(values);
	}
	else
	{
		for (int32 i = 0; i < scoring->n; i++)
			values[i] = scoring->buyer[i]->revenue;
		scoring->revenue = values;
		scoring->ranking[METRIC_MONETARY] = rank_int64(values, scoring->n);
	}
}

static Numeric
revenue_at(const Scoring *scoring, int32 i)
{
	return scoring->set->wide ? scoring->wide_revenue[i] : exact_to_numeric(scoring->revenue[i], scoring->set->scale);
}

static char *
numeric_text(Numeric num)
{
	return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(num)));
}

/* A buyer's value of a metric, as a threshold shows it. */
static char *
value_text(const Scoring *scoring, Metric metric, int32 i)
{
	char		buf[MAXDATELEN + 1];

	switch (metric)
	{
		case METRIC_RECENCY:
			return psprintf("%s", custprio_date_text(scoring->buyer[i]->last_day, buf));
		case METRIC_FREQUENCY:
			return psprintf(INT64_FORMAT, scoring->buyer[i]->frequency);
		case METRIC_MONETARY:
			return numeric_text(revenue_at(scoring, i));
	}
	return NULL;				/* keep compiler quiet */
}

static void
add_threshold(Scoring *scoring, const char *metric, const char *kind, int n, char **breaks)
{
	Scores	   *scores = scoring->scores;
	Threshold  *threshold = &scores->threshold[scores->n_thresholds++];

	Assert(scores->n_thresholds <= (int) lengthof(scores->threshold));
	threshold->metric = metric;
	threshold->kind = kind;
	threshold->n = n;
	threshold->breaks = breaks;
}

/* Quantile scores by rank, and the breaks as a threshold. */
static int32 *
quantile_scores(Scoring *scoring, Metric metric, int bins, const char *kind)
{
	Ranking    *ranking = scoring->ranking[metric];
	int32	   *breaks = palloc(bins * sizeof(int32));
	int32	   *score = MemoryContextAllocHuge(CurrentMemoryContext, (ranking->n_ranks + 1) * sizeof(int32));
	char	  **texts = palloc(bins * sizeof(char *));

	quantile_breaks_ranked(ranking->count, ranking->n_ranks, bins, breaks);
	quantile_scores_ranked(breaks, bins - 1, ranking->n_ranks, score);
	for (int i = 0; i < bins - 1; i++)
		texts[i] = i > 0 && breaks[i] == breaks[i - 1] ? texts[i - 1] :
			value_text(scoring, metric, ranking->example[breaks[i]]);
	add_threshold(scoring, metric_name(metric), kind, bins - 1, texts);
	return score;
}

/* Scores 1 or 2 by rank: 2 above the mean. The break is the mean, rounded; the comparison is exact. */
static int32 *
mean_scores(Scoring *scoring, Metric metric)
{
	Ranking    *ranking = scoring->ranking[metric];
	int32	   *score = MemoryContextAllocHuge(CurrentMemoryContext, (ranking->n_ranks + 1) * sizeof(int32));
	char	  **text = palloc(sizeof(char *));
	int128		sum = 0;
	Numeric		total,
				n = int64_to_numeric(scoring->n);

	if (metric == METRIC_MONETARY && scoring->set->wide)
	{
		total = exact_to_numeric(0, 0);
		for (int32 i = 0; i < scoring->n; i++)
			total = DatumGetNumeric(DirectFunctionCall2(numeric_add, NumericGetDatum(total),
														NumericGetDatum(scoring->wide_revenue[i])));
		for (int32 r = 0; r < ranking->n_ranks; r++)
			score[r] = 1 + DatumGetBool(DirectFunctionCall2(numeric_gt,
															DirectFunctionCall2(numeric_mul, NumericGetDatum(n),
																				NumericGetDatum(scoring->wide_revenue[ranking->example[r]])),
															NumericGetDatum(total)));
	}
	else
	{
		for (int32 r = 0; r < ranking->n_ranks; r++)
		{
			Customer   *customer = scoring->buyer[ranking->example[r]];
			int64		value = metric == METRIC_RECENCY ? customer->last_day :
				metric == METRIC_FREQUENCY ? customer->frequency : customer->revenue;

			sum += (int128) value * ranking->count[r];
		}
		for (int32 r = 0; r < ranking->n_ranks; r++)
		{
			Customer   *customer = scoring->buyer[ranking->example[r]];
			int64		value = metric == METRIC_RECENCY ? customer->last_day :
				metric == METRIC_FREQUENCY ? customer->frequency : customer->revenue;

			score[r] = 1 + ((int128) value * scoring->n > sum);
		}
		total = exact128_to_numeric(sum, metric == METRIC_MONETARY ? scoring->set->scale : 0);
	}

	if (metric == METRIC_RECENCY)
	{
		char		buf[MAXDATELEN + 1];
		int64		day = (int64) (sum / scoring->n);

		if (sum < 0 && sum % scoring->n != 0)
			day--;				/* the day on which the mean lies */
		text[0] = psprintf("%s", custprio_date_text((DateADT) day, buf));
	}
	else
		text[0] = numeric_text(DatumGetNumeric(DirectFunctionCall2(numeric_div, NumericGetDatum(total),
																   NumericGetDatum(n))));
	add_threshold(scoring, metric_name(metric), "rfm", 1, text);
	return score;
}

static void
score_metrics(Scoring *scoring)
{
	SegmentMap *segments = scoring->scores->segments;

	for (Metric metric = METRIC_RECENCY; metric <= METRIC_MONETARY; metric++)
	{
		if (segments && segments->split_by_mean)
			scoring->digit[metric] = mean_scores(scoring, metric);
		else
			scoring->digit[metric] = quantile_scores(scoring, metric, scoring->card->bins, "rfm");
		scoring->percentile[metric] = quantile_scores(scoring, metric, PERCENTILE_BINS, "percentile");
		if (scoring->ranking[metric]->n_ranks == 1)
			warn(scoring, psprintf("all customers have the same %s, so all score 1", metric_name(metric)));
	}
}

/*
 * Weights as integers on one scale. Only their proportions matter.
 */
static void
integer_weights(const Scorecard *card, int64 *weights)
{
	int			scale[SCORECARD_METRICS];
	int			top = 0;
	bool		fits = true;

	for (int m = 0; m < SCORECARD_METRICS; m++)
	{
		fits = fits && exact_from_numeric(card->weight[m], &weights[m], &scale[m]);
		if (fits)
			top = Max(top, scale[m]);
	}
	for (int m = 0; m < SCORECARD_METRICS && fits; m++)
		fits = exact_rescale(weights[m], top - scale[m], &weights[m]);
	if (!fits)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("weights of scorecard \"%s\" are too large or too fine", card->name),
				 errhint("Use weights of a few digits.")));
}

/*
 * Priority: 100 times the weighted mean of (percentile - 1) / 999, rounded half up to PRIORITY_SCALE decimals.
 */
static void
score_priority(Scoring *scoring)
{
	int64		weights[SCORECARD_METRICS];
	int128		total = 0;

	integer_weights(scoring->card, weights);
	for (int m = 0; m < SCORECARD_METRICS; m++)
		total += weights[m];
	if (total <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weights of scorecard \"%s\" are all zero", scoring->card->name),
				 errhint("Give at least one metric a weight.")));
	total *= PERCENTILE_BINS - 1;

	for (int32 i = 0; i < scoring->n; i++)
	{
		Customer   *customer = scoring->buyer[i];
		int32		digits[SCORECARD_METRICS];
		int128		sum = 0;

		for (int m = 0; m < SCORECARD_METRICS; m++)
		{
			int32		rank = scoring->ranking[m]->rank[i];

			digits[m] = scoring->digit[m][rank];
			sum += (int128) weights[m] * (scoring->percentile[m][rank] - 1);
		}
		customer->rfm = rfm_pack(digits[METRIC_RECENCY], digits[METRIC_FREQUENCY], digits[METRIC_MONETARY]);
		customer->priority = (int32) ((sum * PRIORITY_MAX * 2 + total) / (total * 2));
	}
}

/* ABC classes of revenue, and as thresholds the smallest revenue of each class but the last. */
static void
score_abc(Scoring *scoring)
{
	const Scorecard *card = scoring->card;
	Ranking    *ranking = scoring->ranking[METRIC_MONETARY];
	uint8	   *class = MemoryContextAllocHuge(CurrentMemoryContext, ranking->n_ranks + 1);
	char	  **cuts = palloc0((card->n_abc_cuts + 1) * sizeof(char *));

	if (scoring->set->wide)
	{
		AbcNumericWalk walk;
		Numeric		total = exact_to_numeric(0, 0);
		Numeric		zero = total;

		for (int32 i = 0; i < scoring->n; i++)
			if (DatumGetBool(DirectFunctionCall2(numeric_gt, NumericGetDatum(scoring->wide_revenue[i]),
												 NumericGetDatum(zero))))
				total = DatumGetNumeric(DirectFunctionCall2(numeric_add, NumericGetDatum(total),
															NumericGetDatum(scoring->wide_revenue[i])));
		abc_numeric_begin(&walk, total, card->abc_cuts, card->n_abc_cuts);
		for (int32 r = ranking->n_ranks - 1; r >= 0; r--)
			class[r] = abc_numeric_step(&walk, scoring->wide_revenue[ranking->example[r]], ranking->count[r]);
	}
	else
	{
		AbcWalk		walk;
		int128		total = 0;

		for (int32 i = 0; i < scoring->n; i++)
			total += Max(scoring->revenue[i], 0);
		abc_walk_begin(&walk, total, card->abc_cuts, card->n_abc_cuts);
		for (int32 r = ranking->n_ranks - 1; r >= 0; r--)
			class[r] = abc_walk_step(&walk, scoring->revenue[ranking->example[r]], ranking->count[r]);
	}

	for (int32 i = 0; i < scoring->n; i++)
		scoring->buyer[i]->abc = class[ranking->rank[i]];
	/* a class that nobody is in has the cut of the class above it */
	for (int32 r = ranking->n_ranks - 1; r >= 0 && class[r] <= card->n_abc_cuts; r--)
		cuts[class[r] - 1] = value_text(scoring, METRIC_MONETARY, ranking->example[r]);
	for (int i = 0; i < card->n_abc_cuts; i++)
		if (cuts[i] == NULL)
			cuts[i] = i > 0 ? cuts[i - 1] : pstrdup("Infinity");
	add_threshold(scoring, "monetary", "abc", card->n_abc_cuts, cuts);
}

/*
 * Tiers by share: the best tier whose share exceeds the share of buyers with strictly higher priority. The thresholds
 * are the smallest priority of each tier but the last.
 */
static void
score_tiers(Scoring *scoring)
{
	const Scorecard *card = scoring->card;
	int64	   *count = MemoryContextAllocHuge(CurrentMemoryContext, (PRIORITY_MAX + 1) * sizeof(int64));
	uint8	   *tier = MemoryContextAllocHuge(CurrentMemoryContext, PRIORITY_MAX + 1);
	char	  **cuts = palloc(card->n_tiers * sizeof(char *));
	int64		mantissa[TIER_Z + 1];
	int			scale[TIER_Z + 1];
	int32		cut[TIER_Z + 1];
	int64		higher = 0;
	int			t = 0;

	for (int i = 0; i < card->n_tiers - 1; i++)
	{
		if (!exact_from_numeric(card->tier_share[i], &mantissa[i], &scale[i]))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("share of tier %c of scorecard \"%s\" has too many decimals", tier_letter(card->tier[i]),
							card->name)));
		cut[i] = -1;
	}

	memset(count, 0, (PRIORITY_MAX + 1) * sizeof(int64));
	for (int32 i = 0; i < scoring->n; i++)
		count[scoring->buyer[i]->priority]++;
	for (int32 priority = PRIORITY_MAX; priority >= 0; priority--)
	{
		if (count[priority] == 0)
			continue;
		while (t < card->n_tiers - 1 &&
			   (int128) higher * exact_pow10[scale[t]] >= (int128) mantissa[t] * scoring->n)
			t++;
		tier[priority] = card->tier[t];
		if (t < card->n_tiers - 1)
			cut[t] = priority;
		higher += count[priority];
	}
	for (int32 i = 0; i < scoring->n; i++)
	{
		Customer   *customer = scoring->buyer[i];

		customer->tier = tier[customer->priority];
		scoring->scores->reached[customer->tier]++;
	}

	/* a tier that nobody is in has the cut of the tier above it */
	for (int i = 0; i < card->n_tiers - 1; i++)
	{
		if (cut[i] < 0)
			cuts[i] = i > 0 ? cuts[i - 1] : pstrdup("Infinity");
		else
			cuts[i] = numeric_text(exact_to_numeric(cut[i], PRIORITY_SCALE));
	}
	add_threshold(scoring, "priority", "tier", card->n_tiers - 1, cuts);
	pfree(count);
	pfree(tier);
}

Scores *
score_customers(const Scorecard *card, CustomerSet *set)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext work = AllocSetContextCreate(caller, "custprio scoring", ALLOCSET_DEFAULT_SIZES);
	Scores	   *scores = palloc0(sizeof(Scores));
	Scoring		scoring = {.card = card, .set = set, .scores = scores};

	if (card->segment_map)
		scores->segments = segment_map_load(card->segment_map);
	if (set->n_buyers > PG_INT32_MAX - 1)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many customers in scorecard \"%s\"", card->name)));

	/* rankings are of no use afterwards; thresholds stay with the scores, in the same small context */
	MemoryContextSwitchTo(work);
	if (set->n_buyers > 0)
	{
		collect_buyers(&scoring);
		score_metrics(&scoring);
		score_priority(&scoring);
		score_abc(&scoring);
		score_tiers(&scoring);
	}
	MemoryContextSwitchTo(caller);
	return scores;
}
