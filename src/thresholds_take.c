/*
 * thresholds_take.c: the breaks and cuts of an epoch, taken from all buyers, and from those of each larger segment.
 *
 * Values are ranked first; breaks and cuts are found on ranks and written down as the values they fall on. Scoring
 * (score.c) knows only what is written down, so that customers get the same scores under thresholds that were just
 * taken and under the same ones read back.
 */
#include "custprio.h"

#include "thresholds_take.h"

#include "abc.h"
#include "exact.h"
#include "metric.h"
#include "quantile.h"
#include "ranking.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

int
metric_that_adds_up(const Scorecard *card, const char *name)
{
	int			n = card->clv_model ? SCORECARD_METRICS : RFM_METRICS;
	int			added = name ? metric_find(card, name) : -1;

	for (int metric = METRIC_FREQUENCY; metric < n; metric++)
		if (name && strcmp(name, metric_name(metric)) == 0)
			return metric;
	return added >= 0 && !card->added[added].lower_is_better ? SCORECARD_METRICS + added : -1;
}

int64
metric_value(const Customer *customer, int metric)
{
	const MetricValue *added;

	switch (metric)
	{
		case METRIC_RECENCY:
			return customer->last_day;
		case METRIC_FREQUENCY:
			return customer->frequency;
		case METRIC_MONETARY:
			return customer->revenue;
		case METRIC_CLV:
			return customer->clv;
	}
	added = &customer->metric[metric - SCORECARD_METRICS];
	return added->status == METRIC_KNOWN ? added->value : 0;
}

static char *
metric_text(const Scorecard *card, const Customer *customer, int metric)
{
	char		buf[MAXDATELEN + 1];

	switch (metric)
	{
		case METRIC_RECENCY:
			return pstrdup(custprio_date_text(customer->last_day, buf));
		case METRIC_FREQUENCY:
			return psprintf(INT64_FORMAT, customer->frequency);
		case METRIC_MONETARY:
			return exact_text(customer_revenue(customer));
		case METRIC_CLV:
			return exact_text(exact_to_numeric(customer->clv, CLV_SCALE(card)));
	}
	return exact_text(exact_to_numeric(metric_value(customer, metric),
									   card->added[metric - SCORECARD_METRICS].decimals));
}

/* How many of the first metrics the customers have. */
static int
n_metrics(const CustomerSet *set)
{
	return set->has_clv ? SCORECARD_METRICS : RFM_METRICS;
}

/* The values of a metric, as ranks. */
static Ranking *
rank_buyers(const Buyers *buyers, int metric)
{
	bool		wide = metric == METRIC_MONETARY && buyers->set->wide;
	Size		size = wide ? sizeof(Numeric) : sizeof(int64);
	void	   *values = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) buyers->n + 1) * size);
	Ranking    *ranking;

	for (int32 i = 0; i < buyers->n; i++)
		if (wide)
			((Numeric *) values)[i] = buyers->buyer[i]->wide_revenue;
		else
			((int64 *) values)[i] = metric_value(buyers->buyer[i], metric);
	ranking = wide ? rank_numeric(values, buyers->n) : rank_int64(values, buyers->n);
	pfree(values);
	return ranking;
}

static void
ranking_free(Ranking *ranking)
{
	pfree(ranking->rank);
	pfree(ranking->count);
	pfree(ranking->example);
	pfree(ranking);
}

static void
take_quantiles(Thresholds *thresholds, const Scorecard *card, const Buyers *buyers, const Ranking *ranking, Metric metric,
			   int bins, const char *kind)
{
	int32	   *rank = palloc(bins * sizeof(int32));
	char	  **text = palloc(bins * sizeof(char *));

	quantile_breaks_ranked(ranking->count, ranking->n_ranks, bins, rank);
	for (int i = 0; i < bins - 1; i++)
		text[i] = i > 0 && rank[i] == rank[i - 1] ? text[i - 1] :
			metric_text(card, buyers->buyer[ranking->example[rank[i]]], metric);
	thresholds_add(thresholds, metric_name(metric), kind, bins - 1, text);
}

/* The only break is the mean, as avg() gives it; of days, the day on which it falls. */
static void
take_mean(Thresholds *thresholds, const Buyers *buyers, const Ranking *ranking, Metric metric)
{
	char	  **text = palloc(sizeof(char *));
	Numeric		total;
	int128		sum = 0;

	if (metric == METRIC_MONETARY && buyers->set->wide)
	{
		total = exact_to_numeric(0, 0);
		for (int32 i = 0; i < buyers->n; i++)
			total = exact_op(numeric_add, total, buyers->buyer[i]->wide_revenue);
	}
	else
	{
		for (int32 rank = 0; rank < ranking->n_ranks; rank++)
			sum += (int128) metric_value(buyers->buyer[ranking->example[rank]], metric) * ranking->count[rank];
		total = exact128_to_numeric(sum, metric == METRIC_MONETARY ? buyers->set->scale : 0);
	}

	if (metric == METRIC_RECENCY)
	{
		char		buf[MAXDATELEN + 1];
		int64		day = (int64) (sum / buyers->n) - (sum < 0 && sum % buyers->n != 0 ? 1 : 0);

		text[0] = pstrdup(custprio_date_text((DateADT) day, buf));
	}
	else
		text[0] = exact_text(exact_op(numeric_div, total, int64_to_numeric(buyers->n)));
	thresholds_add(thresholds, metric_name(metric), BREAKS_RFM, 1, text);
}

void
thresholds_fill_empty_cuts(char **cuts, int n)
{
	for (int i = 0; i < n; i++)
		if (cuts[i] == NULL)
			cuts[i] = i > 0 ? cuts[i - 1] : pstrdup("Infinity");
}

/* The smallest value of each class but the last, classes being cut by cumulative share of a metric's total. */
static char **
cumulative_cuts(const Scorecard *card, const Buyers *buyers, const Ranking *ranking, int metric, const Numeric *shares,
				int n_cuts)
{
	char	  **cuts = palloc0((n_cuts + 1) * sizeof(char *));
	bool		wide = metric == METRIC_MONETARY && buyers->set->wide;
	int			class_before = 0;
	const Customer *before = NULL;
	AbcWalk		walk;
	AbcNumericWalk wide_walk;

	if (wide)
	{
		Numeric		zero = exact_to_numeric(0, 0);
		Numeric		total = zero;

		for (int32 i = 0; i < buyers->n; i++)
			total = exact_op(numeric_add, total, exact_op(numeric_larger, zero, buyers->buyer[i]->wide_revenue));
		abc_numeric_begin(&wide_walk, total, shares, n_cuts);
	}
	else
	{
		int128		total = 0;

		for (int32 i = 0; i < buyers->n; i++)
			total += Max(metric_value(buyers->buyer[i], metric), 0);
		abc_walk_begin(&walk, total, shares, n_cuts);
	}

	for (int32 rank = ranking->n_ranks - 1; rank >= -1; rank--)
	{
		const Customer *customer = rank >= 0 ? buyers->buyer[ranking->example[rank]] : NULL;
		int			class = n_cuts + 1;

		if (customer && wide)
			class = abc_numeric_step(&wide_walk, customer->wide_revenue, ranking->count[rank]);
		else if (customer)
			class = abc_walk_step(&walk, metric_value(customer, metric), ranking->count[rank]);
		if (before && class != class_before)
			cuts[class_before - 1] = metric_text(card, before, metric);
		if (class > n_cuts)
			break;
		before = customer;
		class_before = class;
	}
	thresholds_fill_empty_cuts(cuts, n_cuts);
	return cuts;
}

char **
thresholds_cumulative_cuts(const Scorecard *card, const Buyers *buyers, int metric, const Numeric *shares, int n)
{
	Ranking    *ranking = rank_buyers(buyers, metric);
	char	  **cuts = cumulative_cuts(card, buyers, ranking, metric, shares, n);

	ranking_free(ranking);
	return cuts;
}

/* The same of all buyers or of a segment; an added metric's only if so many of them have a value. */
static void
take_metrics(Thresholds *thresholds, const Scorecard *card, const Buyers *buyers, const SegmentMap *segments, int least)
{
	for (Metric metric = 0; metric < n_metrics(buyers->set); metric++)
	{
		Ranking    *ranking = rank_buyers(buyers, metric);

		if (metric < RFM_METRICS && segments && segments->split_by_mean)
			take_mean(thresholds, buyers, ranking, metric);
		else if (metric < RFM_METRICS)
			take_quantiles(thresholds, card, buyers, ranking, metric, card->bins, BREAKS_RFM);
		take_quantiles(thresholds, card, buyers, ranking, metric, PERCENTILE_BINS, BREAKS_PERCENTILE);
		if (metric == METRIC_MONETARY)
			thresholds_add(thresholds, metric_name(metric), BREAKS_ABC, card->n_abc_cuts,
						   cumulative_cuts(card, buyers, ranking, metric, card->abc_cuts, card->n_abc_cuts));
		ranking_free(ranking);
		CHECK_FOR_INTERRUPTS();
	}
	for (int nth = 0; nth < card->n_added; nth++)
		metric_take_thresholds(thresholds, card, buyers, nth, least);
}

static int
compare_names(const void *a, const void *b)
{
	return compare_segments(((const SegmentThresholds *) a)->segment, ((const SegmentThresholds *) b)->segment);
}

/* The segments that are large enough, with their buyers; returns how many there are of any size. */
static int
take_segments(Thresholds *thresholds, const Scorecard *card, const Buyers *all)
{
	const CustomerSet *set = all->set;
	int			n;
	BuyerSegment *largest = customer_set_largest_segments(set, SEGMENTS_MAX, &n);
	Buyers	  **of = MemoryContextAllocExtended(CurrentMemoryContext,
												((set->segments ? set->segments->n : 0) + 1) * sizeof(Buyers *),
												MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	thresholds->segment = palloc0((n + 1) * sizeof(SegmentThresholds));
	for (int i = 0; i < n && largest[i].buyers >= card->segment_minimum; i++)
	{
		SegmentThresholds *segment = &thresholds->segment[thresholds->n_segments++];

		segment->segment = largest[i].name;
		segment->buyers.set = set;
		segment->buyers.buyer = MemoryContextAllocHuge(CurrentMemoryContext, largest[i].buyers * sizeof(Customer *));
		of[largest[i].id] = &segment->buyers;
	}
	for (int32 i = 0; i < all->n; i++)
	{
		Buyers	   *buyers = all->buyer[i]->segment == KEYMAP_NONE ? NULL : of[all->buyer[i]->segment];

		if (buyers)
			buyers->buyer[buyers->n++] = all->buyer[i];
	}
	qsort(thresholds->segment, thresholds->n_segments, sizeof(SegmentThresholds), compare_names);
	pfree(largest);
	pfree(of);
	return set->segments ? set->segments->n : 0;
}

void
thresholds_take_metrics(Thresholds *thresholds, const Scorecard *card, const Buyers *buyers, const SegmentMap *segments,
						List **warnings)
{
	int			n_segments;

	take_metrics(thresholds, card, buyers, segments, 1);
	if (!card->thresholds_by_segment)
		return;
	n_segments = take_segments(thresholds, card, buyers);
	for (int i = 0; i < thresholds->n_segments; i++)
		take_metrics(&thresholds->segment[i].own, card, &thresholds->segment[i].buyers, segments, card->segment_minimum);
	if (thresholds->n_segments < n_segments)
		*warnings = lappend(*warnings,
							psprintf("%d of %d segments follow the thresholds of all customers: they have fewer than %d buyers, or are not among the %d largest",
									 n_segments - thresholds->n_segments, n_segments, card->segment_minimum, SEGMENTS_MAX));
}
