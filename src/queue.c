/*
 * queue.c: the customers whose purchases changed since a refresh last looked.
 *
 * A writer's trigger (capture.c) puts the keys of the customers it changed here, in the writer's own transaction: the
 * change and its queue row become visible at the same instant, or never. A refresh takes the scorecard's lock, then one
 * snapshot, and reads queue, source and state under that snapshot; at the end it deletes exactly the queue rows that
 * it saw. So for each change there are two cases. The snapshot sees it: then it sees its queue row too, and the
 * customer is summarized again from a source that has the change. Or it does not: then the queue row is not among those
 * deleted, and the next refresh finds it. When the writer began, what isolation level it has, whether it was prepared
 * or rolled back to a savepoint makes no difference, since nothing here looks at transaction numbers or times. Only a
 * refresh deletes rows, and only one works at a time.
 *
 * Keys are stored as their bytes: a key's equality is that of its bytes (keymap.h), and the table is never dumped, as
 * the state it belongs to is measured afresh in another database.
 */
#include "custprio.h"

#include "queue.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

enum
{
	QUEUE_SCORECARD_ID = 1, QUEUE_CUSTOMER, QUEUE_QUEUED_AT, QUEUE_COLUMNS = QUEUE_QUEUED_AT
};

static Relation
queue_open(LOCKMODE lock)
{
	Oid			relid = get_relname_relid("change_queue", get_namespace_oid("custprio", false));

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table custprio.change_queue does not exist"),
				 errhint("Run ALTER EXTENSION custprio UPDATE.")));
	return table_open(relid, lock);
}

static Datum
key_bytes(const KeyMap *map, Datum key)
{
	const char *from = (const char *) &key;
	Size		len = sizeof(Datum);
	bytea	   *bytes;

	if (!map->byval)
		from = keymap_bytes(map, key, &len);
	bytes = palloc(len + VARHDRSZ);
	SET_VARSIZE(bytes, len + VARHDRSZ);
	memcpy(VARDATA(bytes), from, len);
	return PointerGetDatum(bytes);
}

static Datum
key_from_bytes(const KeyMap *map, bytea *bytes)
{
	Datum		key;

	if (!map->byval && map->typlen < 0)
		return PointerGetDatum(bytes);	/* the same layout as the key's own */
	if (!map->byval)
		return PointerGetDatum(VARDATA_ANY(bytes));
	memcpy(&key, VARDATA_ANY(bytes), sizeof(Datum));
	return key;
}

void
queue_add(int64 scorecard_id, const KeyMap *keys)
{
	Relation	rel;
	CatalogIndexState indexes;
	uint32		n = keys ? keys->n : 1;
	TimestampTz now = GetCurrentStatementStartTimestamp();

	if (n == 0)
		return;
	rel = queue_open(RowExclusiveLock);
	indexes = CatalogOpenIndexes(rel);
	for (uint32 id = 0; id < n; id++)
	{
		Datum		values[QUEUE_COLUMNS] = {Int64GetDatum(scorecard_id), (Datum) 0, TimestampTzGetDatum(now)};
		bool		nulls[QUEUE_COLUMNS] = {false, keys == NULL, false};
		HeapTuple	tuple;

		if (keys)
			values[QUEUE_CUSTOMER - 1] = key_bytes(keys, keymap_key(keys, id));
		tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);
		CatalogTupleInsertWithInfo(rel, tuple, indexes);
		heap_freetuple(tuple);
		if (id % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	CatalogCloseIndexes(indexes);
	table_close(rel, NoLock);
}

ChangeQueue *
queue_read(int64 scorecard_id, Oid key_type, Snapshot snapshot)
{
	ChangeQueue *queue = palloc0(sizeof(ChangeQueue));
	Relation	rel = queue_open(RowExclusiveLock);
	Oid			index = get_relname_relid("change_queue_scorecard_idx", RelationGetNamespace(rel));
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	queue->keys = keymap_create(CurrentMemoryContext, key_type, sizeof(Datum));
	ScanKeyInit(&key, QUEUE_SCORECARD_ID, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(scorecard_id));
	scan = systable_beginscan(rel, index, OidIsValid(index), snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		bool		found;
		Datum		value = heap_getattr(tuple, QUEUE_CUSTOMER, RelationGetDescr(rel), &isnull);

		if (queue->n_rows == queue->capacity)
		{
			queue->capacity = Max(2 * queue->capacity, 64);
			queue->row = queue->row ? repalloc_huge(queue->row, queue->capacity * sizeof(ItemPointerData)) :
				palloc(queue->capacity * sizeof(ItemPointerData));
		}
		queue->row[queue->n_rows++] = tuple->t_self;
		if (isnull)
			queue->everything = true;
		else
		{
			Datum		customer = key_from_bytes(queue->keys, DatumGetByteaPP(value));

			keymap_insert(queue->keys, customer, keymap_hash(queue->keys, customer), &found);
		}
		CHECK_FOR_INTERRUPTS();
	}
	systable_endscan(scan);
	table_close(rel, NoLock);
	return queue;
}

void
queue_delete(const ChangeQueue *queue)
{
	Relation	rel;

	if (queue->n_rows == 0)
		return;
	rel = queue_open(RowExclusiveLock);
	for (int64 i = 0; i < queue->n_rows; i++)
	{
		simple_heap_delete(rel, &queue->row[i]);
		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	table_close(rel, NoLock);
}
