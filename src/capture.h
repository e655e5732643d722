/* capture.h: triggers on a source that note which customers changed. */
#ifndef CUSTPRIO_CAPTURE_H
#define CUSTPRIO_CAPTURE_H

#include "declaration.h"

/* Raise unless changes of the declared source can be captured. Called within the owner's scope. */
extern void capture_check(Declaration *declaration);

/*
 * Create the triggers of a scorecard on its source and every partition, as the current user, or remove them. Creating
 * waits for transactions that have written to the source, so that a snapshot taken afterwards misses none of them.
 */
extern void capture_create(int64 scorecard_id, Oid source_relid, bool only_missing);
extern void capture_drop(int64 scorecard_id, Oid source_relid);

/* Whether the source and all its partitions have their triggers, and whether these are enabled. */
extern bool capture_exists(const Scorecard *card);
extern bool capture_enabled(const Scorecard *card);

/* The source and its partitions as text, to tell whether the set has changed. */
extern char *capture_relations(Oid source_relid);

#endif
