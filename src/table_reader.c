/*
 * table_reader.c: rows of a published table, read a batch ahead.
 *
 * Comparing a table with customers in memory jumps about in that memory for every row. With a batch of rows at hand,
 * all jumps of one kind can be announced to the processor before the first of them is needed.
 */
#include "custprio.h"

#include "table_reader.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/snapmgr.h"

TableReader *
table_reader_open(Relation rel, LookAhead look_ahead, int stages, void *arg)
{
	TableReader *reader = palloc0(sizeof(TableReader));

	reader->rel = rel;
	reader->scan = table_beginscan(rel, GetActiveSnapshot(), 0, NULL);
	for (int i = 0; i < READER_BATCH; i++)
		reader->slot[i] = table_slot_create(rel, NULL);
	reader->look_ahead = look_ahead;
	reader->stages = stages;
	reader->arg = arg;
	return reader;
}

static void
read_batch(TableReader *reader)
{
	reader->n = reader->next = 0;
	while (reader->n < READER_BATCH &&
		   table_scan_getnextslot(reader->scan, ForwardScanDirection, reader->slot[reader->n]))
		slot_getallattrs(reader->slot[reader->n++]);
	for (int stage = 0; stage < reader->stages; stage++)
		for (int i = 0; i < reader->n; i++)
			reader->look_ahead(reader->slot[i], stage, reader->arg);
}

TupleTableSlot *
table_reader_next(TableReader *reader)
{
	if (reader->next == reader->n)
	{
		/* a batch that was not full was the last */
		if (reader->n > 0 && reader->n < READER_BATCH)
			return NULL;
		CHECK_FOR_INTERRUPTS();
		read_batch(reader);
		if (reader->n == 0)
			return NULL;
	}
	return reader->slot[reader->next++];
}

void
table_reader_close(TableReader *reader)
{
	table_endscan(reader->scan);
	for (int i = 0; i < READER_BATCH; i++)
		ExecDropSingleTupleTableSlot(reader->slot[i]);
	pfree(reader);
}
