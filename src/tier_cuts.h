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

/* The metric of the scorecard that tiers are cut on when by cumulative share; -1: none of that name adds up. */
extern int	tier_metric(const Scorecard *card, const char *name);

/* Whether the cuts of all tiers are there; by rules there are none. */
extern bool tier_cuts_complete(Thresholds *thresholds, const Scorecard *card);

/* Take the cuts from the buyers' priorities, or from the metric that is cumulated. */
extern void tier_cuts_take(Thresholds *thresholds, const Scorecard *card, const CustomerSet *set);

/* Give every buyer its scored tier and those within the margins; counts buyers by tier. With rules that is publish.c's. */
extern void tier_cuts_apply(Thresholds *thresholds, const Scorecard *card, CustomerSet *set, int64 *reached);

#endif
