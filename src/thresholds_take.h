/* thresholds_take.h: the breaks and cuts of an epoch, taken from all buyers, and from those of each larger segment. */
#ifndef CUSTPRIO_THRESHOLDS_TAKE_H
#define CUSTPRIO_THRESHOLDS_TAKE_H

#include "thresholds.h"

/*
 * Take the breaks of all metrics and the cuts of ABC from the buyers and, if the scorecard wants it, from those of each
 * segment that is large enough; warnings, a list of char *, says how many are not.
 */
extern void thresholds_take_metrics(Thresholds *thresholds, const Scorecard *card, const Buyers *buyers,
									const SegmentMap *segments, List **warnings);

/*
 * A metric's place among all of the scorecard: Metric, or SCORECARD_METRICS and the number of an added one. -1: there is
 * none of this name whose values add up.
 */
extern int	metric_that_adds_up(const Scorecard *card, const char *name);

/* A buyer's value of it; 0 where there is none. */
extern int64 metric_value(const Customer *customer, int metric);

/* The smallest value of each class but the last, when classes are cut by cumulative share of a metric's total. */
extern char **thresholds_cumulative_cuts(const Scorecard *card, const Buyers *buyers, int metric,
										 const Numeric *shares, int n);

/* Make cuts that nobody reaches (NULL) those of the class above; infinity where there is none. */
extern void thresholds_fill_empty_cuts(char **cuts, int n);

#endif
