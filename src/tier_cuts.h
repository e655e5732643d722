/* tier_cuts.h: where tiers begin, in an epoch. */
#ifndef CUSTPRIO_TIER_CUTS_H
#define CUSTPRIO_TIER_CUTS_H

#include "thresholds.h"

/* Whether breaks of a kind are cuts of tiers. */
static inline bool
tier_cut_kind(const char *kind)
{
	return strcmp(kind, BREAKS_TIER) == 0 || strcmp(kind, BREAKS_TIER_ENTER) == 0 || strcmp(kind, BREAKS_TIER_LEAVE) == 0;
}

/* Whether the cuts of all tiers are there; by rules there are none. */
extern bool tier_cuts_complete(Thresholds *thresholds, const Scorecard *card);

/*
 * Take the cuts from the buyers' priorities, or from the metric that is cumulated. Shares are also those of each segment
 * with thresholds of its own.
 */
extern void tier_cuts_take(Thresholds *thresholds, const Scorecard *card, const Buyers *buyers);

/*
 * Give every buyer its scored tier and those within the margins; counts buyers by tier. own has the thresholds of
 * segments (thresholds_by_segment). With rules that is publish.c's.
 */
extern void tier_cuts_apply(Thresholds *thresholds, Thresholds **own, const Scorecard *card, CustomerSet *set,
							int64 *reached);

#endif
