/*
 * score.c: from customers to RFM scores, ABC classes, priority and tiers.
 *
 *   last day, frequency, revenue ─ breaks → digits 1..bins → rfm
 *                                ─ percentile breaks → weighted mean → priority ─ cuts → tier
 *                        revenue ─ cuts → abc
 *
 * A customer's scores depend on the customer and the thresholds alone. All arithmetic is on integers or numerics, so
 * they do not depend on the order of anything either. Only buyers are scored.
 */
#include "custprio.h"

#include "score.h"

#include "exact.h"

#include "miscadmin.h"
#include "utils/fmgrprotos.h"

/* The thresholds by use, and the weights as integers of which only the proportions matter. */
typedef struct Scoring
{
	Breaks	   *digit[RFM_METRICS];
	Breaks	   *percentile[SCORECARD_METRICS];
	Breaks	   *abc;
	Breaks	   *tier;
	int64		weight[SCORECARD_METRICS];
	int128		total_weight;
	int			n_metrics;		/* the first ones of Metric; without METRIC_CLV where nobody has a value */
} Scoring;

static inline int
compare_wide(Numeric a, Numeric b)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(a), NumericGetDatum(b)));
}

/* 1 + the number of breaks strictly below the value. Breaks ascend. */
static inline int
score_by_breaks(const Breaks *breaks, int64 value, Numeric wide)
{
	int			low = 0,
				high = breaks->n;

	if (breaks->score)
	{
		int64		at = value - breaks->bound[0];

		return at < 0 ? 1 : at < breaks->n_scores ? breaks->score[at] : breaks->n + 1;
	}
	while (low < high)
	{
		int			middle = (low + high) / 2;
		bool		below = breaks->wide_bound ? compare_wide(breaks->wide_bound[middle], wide) < 0 :
			breaks->bound[middle] < value;

		if (below)
			low = middle + 1;
		else
			high = middle;
	}
	return low + 1;
}

/* 1 + the number of cuts that the value does not reach. Cuts descend. */
static inline int
class_by_cuts(const Breaks *cuts, int64 value, Numeric wide)
{
	int			class = 0;

	while (class < cuts->n &&
		   (cuts->wide_bound ? compare_wide(wide, cuts->wide_bound[class]) < 0 : value < cuts->bound[class]))
		class++;
	return class + 1;
}

static bool
same_value(const Customer *a, const Customer *b, Metric metric)
{
	switch (metric)
	{
		case METRIC_RECENCY:
			return a->last_day == b->last_day;
		case METRIC_FREQUENCY:
			return a->frequency == b->frequency;
		case METRIC_MONETARY:
			return a->wide_revenue ? compare_wide(a->wide_revenue, b->wide_revenue) == 0 : a->revenue == b->revenue;
		case METRIC_CLV:
			return a->clv == b->clv;
	}
	return false;				/* keep compiler quiet */
}

/* Under thresholds taken from equal values all buyers score 1: say so. */
static void
warn_of_constants(const CustomerSet *set, Scores *scores)
{
	for (Metric metric = 0; metric < (set->has_clv ? SCORECARD_METRICS : RFM_METRICS); metric++)
	{
		const Customer *first = NULL;
		uint32		id;

		for (id = 0; id < set->map->n; id++)
		{
			const Customer *customer = customer_at(set, id);

			if (customer->stage != STAGE_BUYER)
				continue;
			if (first && !same_value(first, customer, metric))
				break;
			first = customer;
		}
		if (id == set->map->n)
			scores->warnings = lappend(scores->warnings, psprintf("all customers have the same %s, so all score 1",
																  metric_name(metric)));
	}
}

static void
set_weights(Scoring *scoring, const Scorecard *card)
{
	int			scale[SCORECARD_METRICS];
	int			top = 0;
	bool		fits = true;

	for (int m = 0; m < SCORECARD_METRICS && fits; m++)
	{
		fits = exact_from_numeric(card->weight[m], &scoring->weight[m], &scale[m]);
		top = fits ? Max(top, scale[m]) : 0;
	}
	for (int m = 0; m < SCORECARD_METRICS && fits; m++)
		fits = exact_rescale(scoring->weight[m], top - scale[m], &scoring->weight[m]);
	if (!fits)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("weights of scorecard \"%s\" are too large or too fine", card->name),
				 errhint("Use weights of a few digits.")));
	/* a metric that nobody has leaves the mean, whose weights make up 1 again */
	scoring->total_weight = 0;
	for (int m = 0; m < scoring->n_metrics; m++)
		scoring->total_weight += scoring->weight[m];
	if (scoring->total_weight <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weights of scorecard \"%s\" are all zero", card->name),
				 errhint("Give at least one metric a weight.")));
}

static void
find_metric_breaks(Scoring *scoring, Thresholds *thresholds)
{
	for (Metric metric = 0; metric < scoring->n_metrics; metric++)
	{
		if (metric < RFM_METRICS)
			scoring->digit[metric] = thresholds_find(thresholds, metric_name(metric), BREAKS_RFM);
		scoring->percentile[metric] = thresholds_find(thresholds, metric_name(metric), BREAKS_PERCENTILE);
	}
	scoring->abc = thresholds_find(thresholds, metric_name(METRIC_MONETARY), BREAKS_ABC);
}

/*
 * RFM score, ABC class and priority. The priority is 100 times the weighted mean of (percentile - 1) / 999, rounded
 * half up to PRIORITY_SCALE decimals.
 */
static void
score_metrics(const Scoring *scoring, const Scorecard *card, Customer *customer)
{
	int			digit[RFM_METRICS];
	int128		sum = 0;
	int128		most = scoring->total_weight * (PERCENTILE_BINS - 1);

	for (Metric metric = 0; metric < RFM_METRICS; metric++)
	{
		int64		value = metric == METRIC_RECENCY ? customer->last_day :
			metric == METRIC_FREQUENCY ? customer->frequency : customer->revenue;
		int			percentile = score_by_breaks(scoring->percentile[metric], value, customer->wide_revenue);

		digit[metric] = score_by_breaks(scoring->digit[metric], value, customer->wide_revenue);
		sum += (int128) scoring->weight[metric] * (percentile - 1);
	}
	if (scoring->n_metrics > METRIC_CLV)
		sum += (int128) scoring->weight[METRIC_CLV] *
			(score_by_breaks(scoring->percentile[METRIC_CLV], customer->clv, NULL) - 1);
	customer->rfm = rfm_pack(digit[METRIC_RECENCY], digit[METRIC_FREQUENCY], digit[METRIC_MONETARY]);
	customer->priority = (int32) ((sum * PRIORITY_MAX * 2 + most) / (most * 2));
	customer->abc = class_by_cuts(scoring->abc, customer->revenue, customer->wide_revenue);
}

Scores *
score_customers(const Scorecard *card, CustomerSet *set, Thresholds *thresholds)
{
	Scores	   *scores = palloc0(sizeof(Scores));
	Scoring		scoring;
	bool		take = thresholds == NULL;

	if (card->segment_map)
		scores->segments = segment_map_load(card->segment_map);
	if (take)
		thresholds = palloc0(sizeof(Thresholds));
	scores->thresholds = thresholds;
	if (set->n_buyers == 0)
		return scores;
	if (set->n_buyers >= PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many customers in scorecard \"%s\"", card->name)));

	scoring.n_metrics = set->has_clv ? SCORECARD_METRICS : RFM_METRICS;
	set_weights(&scoring, card);
	if (take)
	{
		warn_of_constants(set, scores);
		thresholds_take_metrics(thresholds, card, set, scores->segments);
	}
	thresholds_prepare(thresholds, card, set);
	find_metric_breaks(&scoring, thresholds);
	for (uint32 id = 0; id < set->map->n; id++)
	{
		Customer   *customer = customer_at(set, id);

		if (customer->stage == STAGE_BUYER)
			score_metrics(&scoring, card, customer);
		if (id % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
	}

	if (take)
	{
		thresholds_take_tiers(thresholds, card, set);
		thresholds_prepare(thresholds, card, set);
	}
	scoring.tier = thresholds_find(thresholds, "priority", BREAKS_TIER);
	for (uint32 id = 0; id < set->map->n; id++)
	{
		Customer   *customer = customer_at(set, id);

		if (customer->stage != STAGE_BUYER)
			continue;
		customer->tier = card->tier[class_by_cuts(scoring.tier, customer->priority, NULL) - 1];
		scores->reached[customer->tier]++;
	}
	return scores;
}
