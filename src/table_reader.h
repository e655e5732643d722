/* table_reader.h: rows of a published table, read a batch ahead. */
#ifndef CUSTPRIO_TABLE_READER_H
#define CUSTPRIO_TABLE_READER_H

#include "access/genam.h"
#include "access/tableam.h"
#include "executor/tuptable.h"
#include "keymap.h"
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
	MemoryContext context;		/* what a scan keeps between rows */
	TableScanDesc scan;
	TupleTableSlot *slot[READER_BATCH];
	int			n;
	int			next;
	const KeyMap *keys;			/* only rows of these; NULL: all */
	AttrNumber	key_column;
	uint32		next_key;
	IndexScanDesc index_scan;	/* by the primary key, one key after the other */
	Relation	index;
	RegProcedure equal;
	LookAhead	look_ahead;
	int			stages;
	void	   *arg;
} TableReader;

/* Begin to read an open relation under the active snapshot. */
extern TableReader *table_reader_open(Relation rel, LookAhead look_ahead, int stages, void *arg);

/*
 * Only the rows whose key is among the given ones: through the primary key where the table has it on that column, else
 * by reading everything.
 */
extern TableReader *table_reader_open_keys(Relation rel, AttrNumber key_column, const KeyMap *keys);

/* The next row with all columns deformed, or NULL at the end. It lasts until the next call. */
extern TupleTableSlot *table_reader_next(TableReader *reader);
extern void table_reader_close(TableReader *reader);

#endif
