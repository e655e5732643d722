/*
 * table_reader.c: rows of a published table, read a batch ahead.
 *
 * Comparing a table with customers in memory jumps about in that memory for every row. With a batch of rows at hand,
 * all jumps of one kind can be announced to the processor before the first of them is needed.
 */
#include "custprio.h"

#include "compat.h"
#include "table_reader.h"

#include "access/genam.h"
#include "catalog/pg_am_d.h"
#include "executor/executor.h"
#include "parser/parse_coerce.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

TableReader *
table_reader_open(Relation rel, LookAhead look_ahead, int stages, void *arg)
{
	TableReader *reader = palloc0(sizeof(TableReader));

	reader->rel = rel;
	reader->context = CurrentMemoryContext;
	reader->scan = table_beginscan(rel, GetActiveSnapshot(), 0, NULL);
	for (int i = 0; i < READER_BATCH; i++)
		reader->slot[i] = table_slot_create(rel, NULL);
	reader->look_ahead = look_ahead;
	reader->stages = stages;
	reader->arg = arg;
	return reader;
}

TableReader *
table_reader_open_keys(Relation rel, AttrNumber key_column, const KeyMap *keys)
{
	Oid			primary_key = custprio_primary_key_index(rel);
	TableReader *reader;

	if (OidIsValid(primary_key))
	{
		Relation	index = index_open(primary_key, AccessShareLock);

		if (index->rd_index->indnkeyatts == 1 && index->rd_index->indkey.values[0] == key_column &&
			index->rd_rel->relam == BTREE_AM_OID)
		{
			Oid			type = TupleDescAttr(RelationGetDescr(rel), key_column - 1)->atttypid;
			Oid			operator = get_opfamily_member(index->rd_opfamily[0], index->rd_opcintype[0],
													   index->rd_opcintype[0], BTEqualStrategyNumber);

			if (OidIsValid(operator) && IsBinaryCoercible(type, index->rd_opcintype[0]))
			{
				reader = palloc0(sizeof(TableReader));
				reader->rel = rel;
				reader->context = CurrentMemoryContext;
				reader->keys = keys;
				reader->key_column = key_column;
				reader->index = index;
				reader->equal = get_opcode(operator);
				reader->index_scan = custprio_index_beginscan(rel, index, GetActiveSnapshot());
				for (int i = 0; i < READER_BATCH; i++)
					reader->slot[i] = table_slot_create(rel, NULL);
				return reader;
			}
		}
		index_close(index, AccessShareLock);
	}
	reader = table_reader_open(rel, NULL, 0, NULL);
	reader->keys = keys;
	reader->key_column = key_column;
	return reader;
}

/* The row of the next key that has one, by the index. */
static bool
next_by_index(TableReader *reader, TupleTableSlot *slot)
{
	while (reader->next_key < reader->keys->n)
	{
		ScanKeyData key;

		ScanKeyEntryInitialize(&key, 0, 1, BTEqualStrategyNumber, reader->index->rd_opcintype[0],
							   reader->index->rd_indcollation[0], reader->equal,
							   keymap_key(reader->keys, reader->next_key++));
		index_rescan(reader->index_scan, &key, 1, NULL, 0);
		if (index_getnext_slot(reader->index_scan, ForwardScanDirection, slot))
			return true;
		CHECK_FOR_INTERRUPTS();
	}
	return false;
}

static bool
is_wanted(TableReader *reader, TupleTableSlot *slot)
{
	Datum		key;

	slot_getallattrs(slot);
	if (reader->keys == NULL)
		return true;
	if (slot->tts_isnull[reader->key_column - 1])
		return false;
	key = slot->tts_values[reader->key_column - 1];
	if (!reader->keys->byval && reader->keys->typlen < 0)
		key = PointerGetDatum(PG_DETOAST_DATUM_PACKED(key));
	return keymap_find(reader->keys, key, keymap_hash(reader->keys, key)) != KEYMAP_NONE;
}

static void
read_batch(TableReader *reader)
{
	/* the caller's context may be that of a row; an index scan allocates when it first meets a dead entry */
	MemoryContext caller = MemoryContextSwitchTo(reader->context);

	reader->n = reader->next = 0;
	while (reader->n < READER_BATCH)
	{
		TupleTableSlot *slot = reader->slot[reader->n];

		if (reader->index_scan ? !next_by_index(reader, slot) :
			!table_scan_getnextslot(reader->scan, ForwardScanDirection, slot))
			break;
		if (is_wanted(reader, slot))
			reader->n++;
	}
	for (int stage = 0; stage < reader->stages; stage++)
		for (int i = 0; i < reader->n; i++)
			reader->look_ahead(reader->slot[i], stage, reader->arg);
	MemoryContextSwitchTo(caller);
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
	if (reader->index_scan)
	{
		index_endscan(reader->index_scan);
		index_close(reader->index, NoLock);
	}
	else
		table_endscan(reader->scan);
	for (int i = 0; i < READER_BATCH; i++)
		ExecDropSingleTupleTableSlot(reader->slot[i]);
	pfree(reader);
}
