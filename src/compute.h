/* compute.h: all that a scorecard would publish, computed from the source and published nowhere. */
#ifndef CUSTPRIO_COMPUTE_H
#define CUSTPRIO_COMPUTE_H

#include "score.h"

/* The card of a name, for somebody who may act for its owner, locked until the end of the transaction. */
extern Scorecard *compute_lock(const char *name);

/* Work as the owner, with one new snapshot, from here to compute_leave(). */
extern void compute_enter(Scorecard *card, OwnerScope *scope);
extern void compute_leave(OwnerScope *scope);

/*
 * All customers from the source as of run->as_of, and those scored under thresholds and a fit of their own, as a
 * rebuild of that day would.
 */
extern CustomerSet *compute_customers(const Scorecard *card, RefreshRun *run);
extern Scores *compute_scores(const Scorecard *card, RefreshRun *run, CustomerSet **set);

/* A value as text, or NULL. */
extern char *value_text(Oid type, Datum value, bool null);

#endif
