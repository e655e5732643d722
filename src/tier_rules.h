/* tier_rules.h: the rules that tiers are cut by, evaluated over rows of the priority table. */
#ifndef CUSTPRIO_TIER_RULES_H
#define CUSTPRIO_TIER_RULES_H

#include "customer_tier.h"
#include "scorecard.h"

#include "executor/tuptable.h"
#include "utils/relcache.h"

typedef struct TierRules TierRules;

/* The rules of a card over its open priority table; NULL when tiers are not cut by rules. */
extern TierRules *tier_rules_open(const Scorecard *card, Relation priority);
extern void tier_rules_close(TierRules *rules);

/* A row to fill in by attribute number: all columns are NULL. */
extern TupleTableSlot *tier_rules_row(TierRules *rules);

/* The tier of the first rule that holds for the row, or the last tier. */
extern CustomerTier tier_rules_apply(TierRules *rules);

#endif
