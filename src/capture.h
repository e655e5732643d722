/* capture.h: triggers on relations that note which customers of a scorecard changed. */
#ifndef CUSTPRIO_CAPTURE_H
#define CUSTPRIO_CAPTURE_H

#include "captured.h"
#include "declaration.h"

#define CAPTURE_LABEL_MAX	16	/* bytes; leaves room for the triggers' names */

/*
 * The column behind a key expression, and the function of a harmless cast of it or InvalidOid: what the trigger can
 * take from a row without running anybody's code. False for anything else.
 */
extern bool capture_key_column(Node *node, AttrNumber *column, Oid *cast);

/* The same for the key of a captured relation or of a part of it, with the type it has. Raises when it does not parse. */
typedef struct CapturedKey
{
	AttrNumber	column;
	Oid			cast;
	Oid			type;
} CapturedKey;

extern bool capture_key(const CapturedRelation *captured, Oid relid, CapturedKey *key);

/* Whether the row triggers of a relation, or of a part that holds its rows, take keys from the relation's column. */
extern bool capture_rows_fit(int64 scorecard_id, const CapturedRelation *captured, Oid relid, AttrNumber column);

/* Raise unless changes of the declared source can be captured. Called within the owner's scope. */
extern void capture_check(Declaration *declaration);

/* The same for any relation, quoted and qualified by name; argument is what to call it in errors. */
extern void capture_check_relation(const char *argument, Oid relid, const char *name, Expression *key, Oid owner);

/* Why changes of a relation, by its quoted name and canonical key, cannot be captured for a scorecard; NULL: they can. */
extern char *capture_problem(const Scorecard *card, Oid relid, const char *name, char *key);

/*
 * Bring the triggers of a scorecard, as the current user, to what custprio.captured says now: on each relation and
 * every partition of it, and on no other. Those that stay are made anew: writers that still follow an older declaration
 * are waited for, so that a snapshot taken afterwards misses none of them.
 */
extern void capture_follow(int64 scorecard_id);

/* Put triggers only where there are none, as on partitions that came since. */
extern void capture_complete(const Scorecard *card);

/* Whether the relations and all their partitions have their triggers, and whether these are enabled. */
extern bool capture_exists(const Scorecard *card);
extern bool capture_enabled(const Scorecard *card);

/* Whether rows change through another table that a captured relation has come to be a part of. */
extern bool capture_is_bypassed(const Scorecard *card);

/* The relations and their partitions as text, to tell whether the set has changed. */
extern char *capture_relations(const Scorecard *card);

#endif
