/* table_writer.h: rows of a published table written fast, with its indexes, constraints and row triggers. */
#ifndef CUSTPRIO_TABLE_WRITER_H
#define CUSTPRIO_TABLE_WRITER_H

#include "keymap.h"

#include "nodes/execnodes.h"
#include "utils/relcache.h"

typedef struct TableWriter TableWriter;

struct TableWriter
{
	Relation	rel;
	int64		inserted;
	int64		updated;
	int64		deleted;
	struct TableWriterState *state;
};

extern TableWriter *table_writer_open(Oid relid);

/*
 * Put the rows that follow into the primary key only at the end, in the order of the key, so that they may be inserted
 * in another order: index pages fill one after the other. The keys that values point to must last until the writer is
 * closed. Does nothing where the table has other indexes, its owner has given it another primary key, or it is not
 * written in batches.
 */
extern void table_writer_defer_primary_key(TableWriter *writer, AttrNumber key_column, const KeyMap *keys);

/* Name the columns whose values are given to table_writer_insert; those that the owner added get their defaults. */
extern void table_writer_given(TableWriter *writer, const AttrNumber *columns, int n);

/* values and nulls for all columns, dropped ones NULL. What values point to must last until the next flush. */
extern void table_writer_insert(TableWriter *writer, const Datum *values, const bool *nulls);
extern void table_writer_update(TableWriter *writer, TupleTableSlot *old, const Datum *values, const bool *nulls);
extern void table_writer_delete(TableWriter *writer, TupleTableSlot *old);
extern void table_writer_flush(TableWriter *writer);

/* Flushes, fires what triggers were queued and makes the rows visible to the commands that follow. */
extern void table_writer_close(TableWriter *writer);

/* A column's number; an error when it is missing or has another type. */
extern AttrNumber published_column(Relation rel, const char *name, Oid type);

/* A type of schema custprio. */
extern Oid	custprio_type(const char *name);

#endif
