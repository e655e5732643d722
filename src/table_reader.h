/* table_reader.h: rows of a published table, read a batch ahead. */
#ifndef CUSTPRIO_TABLE_READER_H
#define CUSTPRIO_TABLE_READER_H

#include "access/tableam.h"
#include "executor/tuptable.h"
#include "utils/relcache.h"

#define READER_BATCH 32

/*
 * What to have fetched before a row is looked at: called for every row of a batch with stage 0, then for every row
 * with stage 1, and so on. Each stage may use what the one before has prefetched.
 */
typedef void (*LookAhead) (TupleTableSlot *slot, int stage, void *arg);

typedef struct TableReader
{
	Relation	rel;
	TableScanDesc scan;
	TupleTableSlot *slot[READER_BATCH];
	int			n;
	int			next;
	LookAhead	look_ahead;
	int			stages;
	void	   *arg;
} TableReader;

/* Begin to read an open relation under the active snapshot. */
extern TableReader *table_reader_open(Relation rel, LookAhead look_ahead, int stages, void *arg);

/* The next row with all columns deformed, or NULL at the end. It lasts until the next call. */
extern TupleTableSlot *table_reader_next(TableReader *reader);
extern void table_reader_close(TableReader *reader);

#endif
