/* query.h: the rows of a query, one by one, without storing them. */
#ifndef CUSTPRIO_QUERY_H
#define CUSTPRIO_QUERY_H

#include "executor/tuptable.h"
#include "keymap.h"
#include "nodes/params.h"

typedef struct QueryRows
{
	void		(*start) (TupleDesc desc, void *arg);	/* may be NULL */
	void		(*row) (TupleTableSlot *slot, void *arg);	/* all columns are deformed */
	void	   *arg;
} QueryRows;

/*
 * Run a SELECT as the current user under the active snapshot. param, when its type is valid, is $1. The callbacks are
 * called in the executor's memory context. what names the query in messages.
 */
extern void query_each(const char *sql, Oid param_type, Datum param, const QueryRows *rows, const char *what);

/* The same for a SELECT of one column: its values, other than NULL, go into a map of that type. */
extern void query_keys(const char *sql, Oid param_type, Datum param, KeyMap *keys, const char *what);

/* Run a query as the current user, the owner, for its rights and errors alone; those name the argument. */
extern void query_try(const char *sql, const char *argument);

#endif
