/*
 * thresholds.c: the breaks and cuts of an epoch, by metric and kind, of all buyers and of each larger segment.
 */
#include "custprio.h"

#include "thresholds.h"

#include "utils/memutils.h"

const char *
metric_name(Metric metric)
{
	static const char *const names[] = {"recency", "frequency", "monetary", "clv"};

	return names[metric];
}

void
thresholds_add(Thresholds *thresholds, const char *metric, const char *kind, int n, char **text)
{
	Breaks	   *breaks = &thresholds->breaks[thresholds->n++];

	Assert(thresholds->n <= THRESHOLDS_MAX);
	memset(breaks, 0, sizeof(Breaks));
	breaks->metric = metric;
	breaks->kind = kind;
	breaks->n = n;
	breaks->text = text;
}

Breaks *
thresholds_find(Thresholds *thresholds, const char *metric, const char *kind)
{
	for (int i = 0; i < thresholds->n; i++)
		if (strcmp(thresholds->breaks[i].metric, metric) == 0 && strcmp(thresholds->breaks[i].kind, kind) == 0)
			return &thresholds->breaks[i];
	return NULL;
}

Breaks *
thresholds_find_for(Thresholds *thresholds, Thresholds *own, const char *metric, const char *kind)
{
	Breaks	   *breaks = own ? thresholds_find(own, metric, kind) : NULL;

	return breaks ? breaks : thresholds_find(thresholds, metric, kind);
}

Thresholds **
thresholds_by_segment(const Thresholds *thresholds, const CustomerSet *set)
{
	uint32		n = set->segments ? set->segments->n : 0;
	Thresholds **own = MemoryContextAllocExtended(CurrentMemoryContext, (n + 1) * sizeof(Thresholds *),
												  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (int i = 0; n > 0 && i < thresholds->n_segments; i++)
	{
		Datum		name = PointerGetDatum(thresholds->segment[i].segment);
		uint32		id = keymap_find(set->segments, name, keymap_hash(set->segments, name));

		if (id != KEYMAP_NONE)
			own[id] = &thresholds->segment[i].own;
	}
	return own;
}

bool
thresholds_complete(Thresholds *thresholds)
{
	for (Metric metric = 0; metric < RFM_METRICS; metric++)
		if (thresholds_find(thresholds, metric_name(metric), BREAKS_RFM) == NULL ||
			thresholds_find(thresholds, metric_name(metric), BREAKS_PERCENTILE) == NULL)
			return false;
	return thresholds_find(thresholds, metric_name(METRIC_MONETARY), BREAKS_ABC) != NULL;
}

const char *
metric_name_of(const Scorecard *card, int metric)
{
	return metric < SCORECARD_METRICS ? metric_name(metric) : card->added[metric - SCORECARD_METRICS].name;
}
