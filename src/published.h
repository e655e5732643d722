/* published.h: the tables and views that a scorecard publishes. */
#ifndef CUSTPRIO_PUBLISHED_H
#define CUSTPRIO_PUBLISHED_H

#include "postgres.h"

typedef struct PublishedObject
{
	const char *suffix;
	char		relkind;
} PublishedObject;

#define PUBLISHED_OBJECTS 5

/* In the order of creation; views come last and depend on the tables. */
extern const PublishedObject published_objects[PUBLISHED_OBJECTS];

/* Error when a relation of one of the names exists. */
extern void published_check_free(const char *scorecard, Oid namespace);

/* Create all as the current user; returns the priority table. */
extern Oid	published_create(const char *scorecard, Oid namespace, Oid key_type, Oid key_collation);

/* Add the indexes that are made once the tables are filled; called within the owner's scope. */
extern void published_build_indexes(Oid priority_relid, Oid history_relid);

/* Whether a table is one that some scorecard publishes. */
extern bool published_is_table(Oid relid);

/* Add a numeric column to the priority table with a comment, or drop it, as the current user. */
extern void published_add_metric(Oid priority_relid, const char *column, const char *comment);
extern void published_drop_metric(Oid priority_relid, const char *column);

/* Drop what exists of them in a schema and belongs to owner, as the current user. */
extern void published_drop(const char *scorecard, const char *schema, Oid priority_relid, Oid owner);

#endif
