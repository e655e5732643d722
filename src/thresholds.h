/* thresholds.h: the breaks and cuts of an epoch. */
#ifndef CUSTPRIO_THRESHOLDS_H
#define CUSTPRIO_THRESHOLDS_H

#include "customer_set.h"
#include "segment.h"

#include "utils/fmgrprotos.h"

/* Kinds, as custprio.threshold spells them. */
#define BREAKS_RFM			"rfm"
#define BREAKS_PERCENTILE	"percentile"
#define BREAKS_ABC			"abc"
#define BREAKS_TIER			"tier"
#define BREAKS_TIER_ENTER	"tier_enter"	/* where a tier is entered and left, when the policy has margins */
#define BREAKS_TIER_LEAVE	"tier_leave"

#define PERCENTILE_BINS		1000
#define PRIORITY_SCALE		4	/* decimals of a priority */
#define PRIORITY_MAX		1000000 /* 100, times 10^PRIORITY_SCALE */

/*
 * n breaks in ascending order, or n cuts in descending order. The text is what is stored and shown; bound is made of it
 * for the customers at hand (breaks_prepare).
 */
typedef struct Breaks
{
	const char *metric;			/* recency, frequency, monetary, clv, an added one, or priority */
	const char *kind;
	int			n;
	char	  **text;
	int64	   *bound;			/* a value is above a break if greater; reaches a cut if not less */
	Numeric    *wide_bound;		/* the same where revenues are numerics */
	int16	   *score;			/* of the values from bound[0] on, where breaks lie close together; or NULL */
	int64		n_scores;
} Breaks;

/* Digits of RFM, percentiles, ABC, tiers (three kinds) and lifecycle, and at most one of each added metric (metric_threshold_kind). */
#define THRESHOLDS_MAX (RFM_METRICS + SCORECARD_METRICS + 5 + METRICS_MAX)

typedef struct Thresholds
{
	int			n;
	Breaks		breaks[THRESHOLDS_MAX];

	/* with thresholds_by "segment", of the larger segments: what one of them lacks is that of all buyers, above */
	int			n_segments;
	struct SegmentThresholds *segment;	/* in the order of their names */
} Thresholds;

typedef struct SegmentThresholds
{
	const text *segment;
	Thresholds	own;
	Buyers		buyers;			/* of whom they are being taken; empty of stored ones */
} SegmentThresholds;

extern const char *metric_name(Metric metric);

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
		bool		below = breaks->wide_bound ?
			DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(breaks->wide_bound[middle]),
											  NumericGetDatum(wide))) < 0 : breaks->bound[middle] < value;

		if (below)
			low = middle + 1;
		else
			high = middle;
	}
	return low + 1;
}

extern void thresholds_add(Thresholds *thresholds, const char *metric, const char *kind, int n, char **text);

/* 1 + the number of cuts that a value does not reach. Cuts descend. */
static inline int
class_by_cuts(const Breaks *cuts, int64 value, Numeric wide)
{
	int			class = 0;

	while (class < cuts->n &&
		   (cuts->wide_bound ? DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(wide),
																 NumericGetDatum(cuts->wide_bound[class]))) < 0
			: value < cuts->bound[class]))
		class++;
	return class + 1;
}

/* The breaks of a metric and kind, or NULL. */
extern Breaks *thresholds_find(Thresholds *thresholds, const char *metric, const char *kind);

/* The same for the buyers of a segment, whose own thresholds may be NULL. */
extern Breaks *thresholds_find_for(Thresholds *thresholds, Thresholds *own, const char *metric, const char *kind);

/* The own thresholds of each segment of a set, by its id there; NULL: those of all buyers hold. */
extern Thresholds **thresholds_by_segment(const Thresholds *thresholds, const CustomerSet *set);

/* Whether all are there that are never missing: those of recency, frequency and monetary, and the tiers'. */
extern bool thresholds_complete(Thresholds *thresholds);

/* The name of a metric by its place among all: Metric, or SCORECARD_METRICS and the number of an added one. */
extern const char *metric_name_of(const Scorecard *card, int metric);

#endif
