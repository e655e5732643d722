/*
 * queue_limit.c: what becomes of a queue that no refresh empties.
 *
 * A paused or failing scorecard must not fill the disk through those who write to its source. When more keys wait than
 * custprio.queue_max_keys, or the oldest has waited for longer than custprio.queue_max_age, a writer closes the queue:
 * it puts a mark into custprio.closed_queue, which stands for "everything may have changed", and from then on writers
 * add nothing. The next refresh that gets to see the mark is a rebuild, and takes it away with all that had waited.
 *
 * No change is lost by that. A writer that leaves its keys out holds a lock in share mode until its transaction ends,
 * taken before it looks whether the mark still stands. A refresh takes the same lock in exclusive mode before its
 * snapshot and keeps it until its end. So whoever left out keys on account of the mark has ended before the snapshot,
 * which sees the changes; or the refresh did not get the lock, and leaves the mark for the next one; or the lock is the
 * refresh's, and the writer, who does not wait for it, adds its keys as if the queue were open. Nobody closes a queue
 * while a refresh works. The lock dies with a subtransaction that took it, and stays with a prepared transaction.
 *
 * Writers never wait and never fail here. They look at the size of the queue now and then only, by chance, the more
 * often the more they add: counting is a scan.
 */
#include "custprio.h"

#include "queue.h"
#include "scorecard_lock.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "subtransaction.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* Keys added per look at the queue, on average; and pages that looking may read for each of them. */
#define KEYS_PER_LOOK	65536
#define PAGES_PER_LOOK	64

/* How long a refresh waits for writers who leave out keys; below deadlock_timeout. */
#define REOPEN_WAIT		"500ms"

enum
{
	CLOSED_SCORECARD_ID = 1, CLOSED_AT, CLOSED_COLUMNS = CLOSED_AT
};

static List *closed_queues = NIL;	/* of int64 *: may be closed, as far as this session knows */

static Relation
open_marks(void)
{
	return table_open(get_relname_relid("closed_queue", get_namespace_oid("custprio", false)), RowExclusiveLock);
}

static void
lock_tag(LOCKTAG *tag, Relation marks, int64 scorecard_id)
{
	scorecard_locktag(tag, RelationGetRelid(marks), scorecard_id);
}

static int64 *
find_closed(int64 scorecard_id)
{
	ListCell   *lc;

	foreach(lc, closed_queues)
		if (*(int64 *) lfirst(lc) == scorecard_id)
			return lfirst(lc);
	return NULL;
}

static void
note_closed(int64 scorecard_id)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	int64	   *id;

	if (find_closed(scorecard_id) == NULL)
	{
		id = palloc(sizeof(int64));
		*id = scorecard_id;
		closed_queues = lappend(closed_queues, id);
	}
	MemoryContextSwitchTo(old);
}

static void
forget_closed(int64 scorecard_id)
{
	int64	   *id = find_closed(scorecard_id);

	closed_queues = list_delete_ptr(closed_queues, id);
	pfree(id);
}

/* Marks of a scorecard that a snapshot sees; their places are added to a list unless that is NULL. */
static int
find_marks(Relation marks, int64 scorecard_id, Snapshot snapshot, List **places)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	int			found = 0;

	ScanKeyInit(&key, CLOSED_SCORECARD_ID, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(scorecard_id));
	scan = systable_beginscan(marks, InvalidOid, false, snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		found++;
		if (places)
		{
			ItemPointer place = palloc(sizeof(ItemPointerData));

			*place = tuple->t_self;
			*places = lappend(*places, place);
		}
	}
	systable_endscan(scan);
	return found;
}

static bool
mark_stands(Relation marks, int64 scorecard_id)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	bool		stands = find_marks(marks, scorecard_id, snapshot, NULL) > 0;

	UnregisterSnapshot(snapshot);
	return stands;
}

void
queue_meet(int64 scorecard_id)
{
	Relation	marks = open_marks();

	if (mark_stands(marks, scorecard_id))
		note_closed(scorecard_id);
	table_close(marks, NoLock);
}

bool
queue_is_closed(int64 scorecard_id)
{
	Relation	marks;
	LOCKTAG		tag;
	bool		closed;

	if (closed_queues == NIL || find_closed(scorecard_id) == NULL)
		return false;
	marks = open_marks();
	lock_tag(&tag, marks, scorecard_id);
	if (custprio_lock_held(&tag, ExclusiveLock))
		closed = false;			/* a refresh in this very transaction has emptied the queue */
	else if (custprio_lock_held(&tag, ShareLock))
		closed = true;			/* seen before, and nobody can have opened it since */
	else if (LockAcquire(&tag, ShareLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
		closed = false;
	else if (mark_stands(marks, scorecard_id))
		closed = true;
	else
	{
		LockRelease(&tag, ShareLock, false);
		forget_closed(scorecard_id);
		closed = false;
	}
	table_close(marks, NoLock);
	return closed;
}

static void
close_queue(int64 scorecard_id)
{
	Relation	marks = open_marks();
	LOCKTAG		tag;

	lock_tag(&tag, marks, scorecard_id);
	if (!custprio_lock_held(&tag, ExclusiveLock) && LockAcquire(&tag, ShareLock, false, true) != LOCKACQUIRE_NOT_AVAIL)
	{
		Datum		values[CLOSED_COLUMNS];
		bool		nulls[CLOSED_COLUMNS] = {false, false};

		/* the lock belongs to the subtransaction that the mark belongs to: they stay or go together */
		if (!mark_stands(marks, scorecard_id))
		{
			values[CLOSED_SCORECARD_ID - 1] = Int64GetDatum(scorecard_id);
			values[CLOSED_AT - 1] = TimestampTzGetDatum(GetCurrentTimestamp());
			simple_heap_insert(marks, heap_form_tuple(RelationGetDescr(marks), values, nulls));
		}
		note_closed(scorecard_id);
	}
	table_close(marks, NoLock);
}

static bool
happens(double probability)
{
	return probability >= 1 || pg_prng_double(&pg_global_prng_state) < probability;
}

void
queue_check_limits(Relation queue, int64 scorecard_id, int64 added)
{
	Snapshot	snapshot;
	int64		waiting = added;
	TimestampTz oldest,
				now;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	TupleDesc	desc = RelationGetDescr(queue);

	if ((custprio_queue_max_keys == 0 && custprio_queue_max_age == 0) ||
		!happens((double) added / KEYS_PER_LOOK) ||
		!happens((double) PAGES_PER_LOOK / Max(RelationGetNumberOfBlocks(queue), 1)))
		return;
	oldest = now = GetCurrentTimestamp();
	/* rows of earlier commands of this transaction are seen too */
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	ScanKeyInit(&key, QUEUE_SCORECARD_ID, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(scorecard_id));
	scan = systable_beginscan(queue, InvalidOid, false, snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;

		waiting += DatumGetInt32(heap_getattr(tuple, QUEUE_KEYS, desc, &isnull));
		oldest = Min(oldest, DatumGetTimestampTz(heap_getattr(tuple, QUEUE_QUEUED_AT, desc, &isnull)));
	}
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	if ((custprio_queue_max_keys > 0 && waiting > custprio_queue_max_keys) ||
		(custprio_queue_max_age > 0 && now - oldest > custprio_queue_max_age * USECS_PER_SEC))
		close_queue(scorecard_id);
}

static void
take_lock(void *arg)
{
	int			nest_level = NewGUCNestLevel();

	(void) set_config_option("lock_timeout", REOPEN_WAIT, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) LockAcquire(arg, ExclusiveLock, false, false);
	AtEOXact_GUC(false, nest_level);
}

/* Take the lock, waiting a moment for those who hold it and ahead of those who come. */
static bool
lock_patiently(LOCKTAG *tag)
{
	ErrorData  *error = subtransaction_try(take_lock, tag);

	if (error && error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE && error->sqlerrcode != ERRCODE_T_R_DEADLOCK_DETECTED)
		ReThrowError(error);
	return error == NULL;
}

bool
queue_lock_marks(int64 scorecard_id)
{
	Relation	marks = open_marks();
	LOCKTAG		tag;
	bool		locked;

	lock_tag(&tag, marks, scorecard_id);
	locked = LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL || lock_patiently(&tag);
	table_close(marks, NoLock);
	return locked;
}

List *
queue_read_marks(int64 scorecard_id, Snapshot snapshot)
{
	Relation	marks = open_marks();
	List	   *places = NIL;

	(void) find_marks(marks, scorecard_id, snapshot, &places);
	table_close(marks, NoLock);
	return places;
}

void
queue_delete_marks(List *places)
{
	Relation	marks;
	ListCell   *lc;

	if (places == NIL)
		return;
	marks = open_marks();
	foreach(lc, places)
		simple_heap_delete(marks, lfirst(lc));
	table_close(marks, NoLock);
}
