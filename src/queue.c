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
 * the state it belongs to is measured afresh in another database. A row of the queue packs as many keys as fit on a page,
 * so that a statement that changes a hundred customers writes one row, and one that changes a hundred thousand about a
 * hundred pages. There is no index: a refresh reads the whole queue, which holds what waits for refreshes and no more.
 * How long it can grow: queue_limit.c.
 */
#include "custprio.h"

#include "on_commit_list.h"
#include "queue.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tupmacs.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

/* Bytes of keys in one row: the most that stays on a page; a single key that is longer is moved out of line. */
#define PACK_BYTES	(TOAST_TUPLE_TARGET_MAIN - MAXALIGN(SizeofHeapTupleHeader) - 64)
#define NUMBER_BYTES	10

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

/*
 * A row of the queue in the making: keys by value as numbers, which are short as customers' numbers mostly are; others
 * as their bytes, preceded by their length if that varies.
 */
typedef struct Pack
{
	Relation	rel;
	int64		scorecard_id;
	int32		n;
	Size		len;			/* of the varlena */
	Size		capacity;
	char	   *bytes;			/* the varlena */
} Pack;

static void
pack_insert(Pack *pack)
{
	Datum		values[QUEUE_COLUMNS];
	bool		nulls[QUEUE_COLUMNS] = {false, false, pack->n == 0, false};
	HeapTuple	tuple;

	values[QUEUE_SCORECARD_ID - 1] = Int64GetDatum(pack->scorecard_id);
	values[QUEUE_KEYS - 1] = Int32GetDatum(pack->n);
	values[QUEUE_CUSTOMERS - 1] = PointerGetDatum(pack->bytes);
	values[QUEUE_QUEUED_AT - 1] = TimestampTzGetDatum(GetCurrentStatementStartTimestamp());
	if (pack->n > 0)
		SET_VARSIZE(pack->bytes, pack->len);
	tuple = heap_form_tuple(RelationGetDescr(pack->rel), values, nulls);
	simple_heap_insert(pack->rel, tuple);
	heap_freetuple(tuple);
	pack->n = 0;
	pack->len = VARHDRSZ;
}

/* An unsigned number in groups of 7 bits, the lowest first; the top bit says that more follow. At most 10 bytes. */
static Size
put_number(char *at, uint64 number)
{
	Size		len = 0;

	do
	{
		at[len++] = (char) ((number & 0x7f) | (number > 0x7f ? 0x80 : 0));
		number >>= 7;
	} while (number > 0);
	return len;
}

static bool
get_number(const char **at, const char *end, uint64 *number)
{
	*number = 0;
	for (int shift = 0; *at < end && shift < 64; shift += 7)
	{
		uint8		byte = (uint8) *(*at)++;

		*number |= (uint64) (byte & 0x7f) << shift;
		if (byte < 0x80)
			return true;
	}
	return false;
}

static void
pack_key(Pack *pack, const KeyMap *map, Datum key)
{
	const char *from = NULL;
	Size		len = 0;

	if (!map->byval)
		from = keymap_bytes(map, key, &len);
	if (pack->n > 0 && pack->len + len + NUMBER_BYTES > PACK_BYTES)
		pack_insert(pack);
	if (pack->len + len + NUMBER_BYTES > pack->capacity)
	{
		pack->capacity = Max(2 * pack->capacity, pack->len + len + NUMBER_BYTES);
		pack->bytes = repalloc(pack->bytes, pack->capacity);
	}
	if (map->byval)
		pack->len += put_number(pack->bytes + pack->len, (uint64) key << map->unused_bits >> map->unused_bits);
	else
	{
		if (map->typlen < 0)
			pack->len += put_number(pack->bytes + pack->len, len);
		memcpy(pack->bytes + pack->len, from, len);
		pack->len += len;
	}
	pack->n++;
}

static void
pack_begin(Pack *pack, int64 scorecard_id)
{
	*pack = (Pack) {.rel = queue_open(RowExclusiveLock),.scorecard_id = scorecard_id,.len = VARHDRSZ,.capacity = 64};
	pack->bytes = palloc(pack->capacity);
}

static void
pack_end(Pack *pack, int64 added)
{
	pack_insert(pack);
	pfree(pack->bytes);
	queue_check_limits(pack->rel, pack->scorecard_id, added);
	table_close(pack->rel, NoLock);
	on_commit_note(pack->scorecard_id);
}

void
queue_add(int64 scorecard_id, const KeyMap *keys)
{
	Pack		pack;

	if (keys && keys->n == 0)
		return;
	pack_begin(&pack, scorecard_id);
	for (uint32 id = 0; keys && id < keys->n; id++)
		pack_key(&pack, keys, keymap_key(keys, id));
	pack_end(&pack, keys ? keys->n : 1);
}

void
queue_add_list(int64 scorecard_id, const KeyMap *type, const Datum *keys, int64 n)
{
	Pack		pack;

	if (n == 0)
		return;
	pack_begin(&pack, scorecard_id);
	for (int64 i = 0; i < n; i++)
		pack_key(&pack, type, keys[i]);
	pack_end(&pack, n);
}

/* Take the keys out of a row; false when they are not of the key's type, as after that was changed. */
static bool
unpack_keys(KeyMap *keys, int32 n, bytea *packed)
{
	const char *at = VARDATA_ANY(packed);
	const char *end = at + VARSIZE_ANY_EXHDR(packed);

	for (int32 i = 0; i < n; i++)
	{
		uint64		number = keys->typlen;
		Datum		key;
		bool		found;
		bytea	   *value = NULL;

		if ((keys->byval || keys->typlen < 0) && !get_number(&at, end, &number))
			return false;
		if (keys->byval)
		{
			Datum		image = (Datum) number;

			/* sign bits as a table's values have them */
			store_att_byval(&image, (Datum) number, keys->typlen);
			key = fetch_att(&image, true, keys->typlen);
		}
		else
		{
			if (number > end - at)
				return false;
			key = PointerGetDatum(at);
			if (keys->typlen < 0)
			{
				value = palloc(VARHDRSZ + number);
				SET_VARSIZE(value, VARHDRSZ + number);
				memcpy(VARDATA(value), at, number);
				key = PointerGetDatum(value);
			}
			at += number;
		}
		keymap_insert(keys, key, keymap_hash(keys, key), &found);
		if (value)
			pfree(value);
	}
	return at == end;
}

ChangeQueue *
queue_read(int64 scorecard_id, Oid key_type, bool opened, Snapshot snapshot)
{
	ChangeQueue *queue = palloc0(sizeof(ChangeQueue));
	Relation	rel = queue_open(RowExclusiveLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	queue->keys = keymap_create(CurrentMemoryContext, key_type, sizeof(Datum));
	ScanKeyInit(&key, QUEUE_SCORECARD_ID, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(scorecard_id));
	scan = systable_beginscan(rel, InvalidOid, false, snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		int32		n = DatumGetInt32(heap_getattr(tuple, QUEUE_KEYS, RelationGetDescr(rel), &isnull));

		if (queue->n_rows == queue->capacity)
		{
			queue->capacity = Max(2 * queue->capacity, 64);
			queue->row = queue->row ? repalloc_huge(queue->row, queue->capacity * sizeof(ItemPointerData)) :
				palloc(queue->capacity * sizeof(ItemPointerData));
		}
		queue->row[queue->n_rows++] = tuple->t_self;
		if (n > 0)
		{
			Datum		value = heap_getattr(tuple, QUEUE_CUSTOMERS, RelationGetDescr(rel), &isnull);
			bytea	   *packed = DatumGetByteaPP(value);

			if (!unpack_keys(queue->keys, n, packed))
				queue->everything = true;
			if ((Pointer) packed != DatumGetPointer(value))
				pfree(packed);
		}
		else
			queue->everything = true;
		CHECK_FOR_INTERRUPTS();
	}
	systable_endscan(scan);
	table_close(rel, NoLock);
	queue->marks = queue_read_marks(scorecard_id, snapshot);
	queue->closed = queue->marks != NIL;
	if (!opened)
		queue->marks = NIL;
	return queue;
}

void
queue_delete(const ChangeQueue *queue)
{
	Relation	rel;

	queue_delete_marks(queue->marks);
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
