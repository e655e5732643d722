/*
 * score.c: from customers to RFM scores, ABC classes, priority and tiers.
 *
 *   last day, frequency, revenue ─ breaks → digits 1..bins → rfm
 *                                ─ percentile breaks → weighted mean → priority ─ cuts → tier
 *                        revenue ─ cuts → abc
 *              added metrics ─ scales → the same weighted mean
 *
 * A customer's scores depend on the customer and the thresholds alone, those of the customer's segment where it has its
 * own. All arithmetic is on integers or numerics, so
 * they do not depend on the order of anything either. Only buyers are scored.
 */
#include "custprio.h"

#include "score.h"
#include "thresholds_bounds.h"
#include "thresholds_take.h"

#include "exact.h"
#include "lifecycle.h"
#include "tier_cuts.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"

/* The thresholds by use, and the weights as integers of which only the proportions matter. */
typedef struct Scoring
{
	Breaks	   *digit[RFM_METRICS];
	Breaks	   *percentile[SCORECARD_METRICS];
	Breaks	   *abc;
	int64		weight[SCORECARD_METRICS];
	int128		total_weight;
	int			n_metrics;		/* the first ones of Metric; without METRIC_CLV where nobody has a value */
	Breaks	   *scale[METRICS_MAX];	/* of added metrics, NULL where there are none */
	int64		added_weight[METRICS_MAX];
	bool		any_added;		/* one of them has a weight */
} Scoring;

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
			return a->wide_revenue ? exact_compare(a->wide_revenue, b->wide_revenue) == 0 : a->revenue == b->revenue;
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

/* What added metrics there are that cannot tell customers apart. */
static void
warn_of_added(const Scorecard *card, const CustomerSet *set, Scores *scores)
{
	for (int nth = 0; nth < card->n_added; nth++)
	{
		int64		known = 0;
		int64		first = 0;
		bool		differ = false;

		for (uint32 id = 0; id < set->map->n && !differ; id++)
		{
			const Customer *customer = customer_at(set, id);

			if (customer->stage != STAGE_BUYER || customer->metric[nth].status != METRIC_KNOWN)
				continue;
			differ = known++ > 0 && customer->metric[nth].value != first;
			first = customer->metric[nth].value;
		}
		if (known == 0)
			scores->warnings = lappend(scores->warnings, psprintf("no buyer has a value of metric %s",
																  card->added[nth].name));
		else if (!differ && set->n_buyers > 1)
			scores->warnings = lappend(scores->warnings, psprintf("all buyers that have a value of metric %s have the same",
																  card->added[nth].name));
	}
}

/* The built-in metrics' weights, then the added ones', as integers of one scale. */
static void
set_weights(Scoring *scoring, const Scorecard *card)
{
	int			n = SCORECARD_METRICS + card->n_added;
	int64		weight[SCORECARD_METRICS + METRICS_MAX];
	int			scale[SCORECARD_METRICS + METRICS_MAX];
	int			top = 0;
	bool		fits = true;

	for (int m = 0; m < n && fits; m++)
	{
		fits = exact_from_numeric(m < SCORECARD_METRICS ? card->weight[m] : card->added[m - SCORECARD_METRICS].weight,
								  &weight[m], &scale[m]);
		top = fits ? Max(top, scale[m]) : 0;
	}
	for (int m = 0; m < n && fits; m++)
		fits = exact_rescale(weight[m], top - scale[m], &weight[m]);
	if (!fits)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("weights of scorecard \"%s\" are too large or too fine", card->name),
				 errhint("Use weights of a few digits.")));
	memcpy(scoring->weight, weight, sizeof(scoring->weight));
	scoring->any_added = false;
	for (int nth = 0; nth < card->n_added; nth++)
	{
		scoring->added_weight[nth] = weight[SCORECARD_METRICS + nth];
		scoring->any_added |= scoring->added_weight[nth] > 0;
	}
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
find_metric_breaks(Scoring *scoring, const Scorecard *card, Thresholds *thresholds, Thresholds *own)
{
	for (Metric metric = 0; metric < scoring->n_metrics; metric++)
	{
		if (metric < RFM_METRICS)
			scoring->digit[metric] = thresholds_find_for(thresholds, own, metric_name(metric), BREAKS_RFM);
		scoring->percentile[metric] = thresholds_find_for(thresholds, own, metric_name(metric), BREAKS_PERCENTILE);
	}
	for (int nth = 0; nth < card->n_added; nth++)
	{
		const char *kind = metric_threshold_kind(&card->added[nth]);

		scoring->scale[nth] = kind ? thresholds_find_for(thresholds, own, card->added[nth].name, kind) : NULL;
	}
	scoring->abc = thresholds_find_for(thresholds, own, metric_name(METRIC_MONETARY), BREAKS_ABC);
}

/* How to score the customers of each segment of a set, by its id there. */
static Scoring **
scoring_by_segment(Scoring *all, const Scorecard *card, const CustomerSet *set, Thresholds *thresholds, Thresholds **own)
{
	uint32		n = set->segments ? set->segments->n : 0;
	Scoring   **by_segment = MemoryContextAllocHuge(CurrentMemoryContext, (n + 1) * sizeof(Scoring *));

	for (uint32 id = 0; id < n; id++)
	{
		by_segment[id] = all;
		if (own[id] == NULL)
			continue;
		by_segment[id] = palloc(sizeof(Scoring));
		*by_segment[id] = *all;
		find_metric_breaks(by_segment[id], card, thresholds, own[id]);
	}
	return by_segment;
}

/*
 * The weighted mean that the added metrics are part of; sum is that of the built-in ones, in 999ths. A metric that is
 * missing leaves the mean of this customer.
 */
static int32
priority_with_added(const Scoring *scoring, const Scorecard *card, const Customer *customer, int128 sum)
{
	int128		weight = scoring->total_weight;
	int128		most;

	sum *= METRIC_ONE / (PERCENTILE_BINS - 1);
	for (int nth = 0; nth < card->n_added; nth++)
	{
		const MetricValue *value = &customer->metric[nth];
		int32		scaled;

		if (scoring->added_weight[nth] == 0 || value->status != METRIC_KNOWN)
			continue;
		scaled = metric_scaled(&card->added[nth], scoring->scale[nth], value->value);
		if (scaled < 0)
			continue;
		sum += (int128) scoring->added_weight[nth] * scaled;
		weight += scoring->added_weight[nth];
	}
	most = weight * METRIC_ONE;
	return (int32) ((sum * PRIORITY_MAX * 2 + most) / (most * 2));
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
	customer->priority = scoring->any_added ? priority_with_added(scoring, card, customer, sum) :
		(int32) ((sum * PRIORITY_MAX * 2 + most) / (most * 2));
	customer->abc = class_by_cuts(scoring->abc, customer->revenue, customer->wide_revenue);
}

/* How many buyers lack each added metric, and why, as JSON. */
static char *
missing_json(const Scorecard *card, const CustomerSet *set)
{
	static const char *const causes[METRIC_STATUSES] = {"null", NULL, "nan", "infinite", "out_of_range"};
	StringInfoData json;

	if (card->n_added == 0)
		return NULL;
	initStringInfo(&json);
	for (int nth = 0; nth < card->n_added; nth++)
	{
		int64		count[METRIC_STATUSES] = {0};
		char		separator = '{';

		for (uint32 id = 0; id < set->map->n; id++)
			if (customer_at(set, id)->stage == STAGE_BUYER)
				count[customer_at(set, id)->metric[nth].status]++;
		appendStringInfoString(&json, nth == 0 ? "{" : ", ");
		escape_json(&json, card->added[nth].name);
		appendStringInfoString(&json, ": ");
		for (int status = 0; status < METRIC_STATUSES; status++)
			if (causes[status])
			{
				appendStringInfo(&json, "%c\"%s\": " INT64_FORMAT, separator, causes[status], count[status]);
				separator = ',';
			}
		appendStringInfoChar(&json, '}');
		CHECK_FOR_INTERRUPTS();
	}
	appendStringInfoChar(&json, '}');
	return json.data;
}

/* How many rows of each added metric's relation name no customer of the set, as JSON. */
static char *
unknown_json(const Scorecard *card, const CustomerSet *set)
{
	StringInfoData json;

	initStringInfo(&json);
	for (int nth = 0; nth < card->n_added && set->unknown_rows; nth++)
	{
		if (card->added[nth].origin == METRIC_OF_PURCHASES)
			continue;
		appendStringInfoString(&json, json.len == 0 ? "{" : ", ");
		escape_json(&json, card->added[nth].name);
		appendStringInfo(&json, ": " INT64_FORMAT, set->unknown_rows[nth]);
	}
	if (json.len == 0)
		return NULL;
	appendStringInfoChar(&json, '}');
	return json.data;
}

Scores *
score_customers(const Scorecard *card, CustomerSet *set, DateADT as_of, Thresholds *thresholds)
{
	Scores	   *scores = palloc0(sizeof(Scores));
	Scoring		scoring;
	Scoring   **segment_scoring;
	Thresholds **own;
	Buyers		buyers;
	bool		take = thresholds == NULL;

	if (card->segment_map)
		scores->segments = segment_map_load(card->segment_map);
	if (take)
		thresholds = palloc0(sizeof(Thresholds));
	scores->thresholds = thresholds;
	metric_values(card, set, as_of);
	scores->missing_values = missing_json(card, set);
	scores->unknown_rows = unknown_json(card, set);
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
		warn_of_added(card, set, scores);
		buyers = customer_set_buyers(set);
		thresholds_take_metrics(thresholds, card, &buyers, scores->segments, &scores->warnings);
	}
	thresholds_prepare(thresholds, card, set);
	own = thresholds_by_segment(thresholds, set);
	find_metric_breaks(&scoring, card, thresholds, NULL);
	segment_scoring = scoring_by_segment(&scoring, card, set, thresholds, own);
	for (uint32 id = 0; id < set->map->n; id++)
	{
		Customer   *customer = customer_at(set, id);

		if (customer->stage == STAGE_BUYER)
			score_metrics(customer->segment == KEYMAP_NONE ? &scoring : segment_scoring[customer->segment], card, customer);
		if (id % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
	}

	if (take)
	{
		lifecycle_take(thresholds, card, set);
		tier_cuts_take(thresholds, card, &buyers);
		thresholds_prepare(thresholds, card, set);
	}
	tier_cuts_apply(thresholds, own, card, set, scores->reached);
	return scores;
}
