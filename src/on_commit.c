/*
 * on_commit.c: refresh_on_commit, the refresh of small scorecards within the transactions that change their sources.
 *
 * What a transaction puts into the queue of such a scorecard is noted (on_commit_list.c). Right before the transaction
 * commits or is prepared, after its deferred triggers, the scorecard is refreshed in it as by anybody else: under the
 * scorecard's lock, as the owner, with a snapshot taken after the lock. Order and tier then become visible at the same instant, or neither
 * does. The price: writers take turns from there to the end of their commit. There is no NOTIFY, which could not be
 * prepared, and no trigger is made for a new partition, which would wait for other writers; such a change is left to the
 * next refresh.
 *
 * A refresh must not cost anybody an order. It works in a subtransaction; where it fails, what failed is undone and
 * written down, the writer gets a warning without details, which are the owner's to see, and the queue keeps the
 * changes for the next refresh.
 */
#include "custprio.h"

#include "attempt.h"
#include "capture.h"
#include "on_commit.h"
#include "on_commit_list.h"
#include "run.h"
#include "scheduler.h"
#include "scorecard_lock.h"
#include "subtransaction.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

static void
read_name(HeapTuple row, TupleDesc desc, void *arg)
{
	bool		isnull;

	*(char **) arg = TextDatumGetCString(heap_getattr(row, 1, desc, &isnull));
}

/* The refresh of one scorecard, and what it left for its account. */
typedef struct CommitRefresh
{
	int64		id;
	RefreshRun	run;
	char	   *name;			/* NULL: not known yet */
	ErrorData  *error;
} CommitRefresh;

/* Whether there is anything to do for a scorecard that may have been dropped, altered or paused meanwhile. */
static bool
is_wanted(CommitRefresh *refresh)
{
	return OidIsValid(get_extension_oid("custprio", true)) &&
		catalog_select("SELECT name FROM custprio.scorecard WHERE scorecard_id = $1 AND refresh_on_commit"
					   " AND NOT paused AND EXISTS (SELECT FROM custprio.change_queue q WHERE q.scorecard_id = $1)", 1,
					   (Oid[]) {INT8OID}, (Datum[]) {Int64GetDatum(refresh->id)}, NULL, read_name, &refresh->name) > 0;
}

static void
refresh_one(void *arg)
{
	CommitRefresh *refresh = arg;
	int64		id = refresh->id;
	RefreshRun *run = &refresh->run;
	TimestampTz started_at = GetCurrentTimestamp();
	Scorecard  *card;

	if (!is_wanted(refresh))
		return;
	(void) scorecard_lock(id, false, true);
	if (!is_wanted(refresh))
		return;
	refresh_check_snapshot(id, refresh->name);
	card = scorecard_load(id);
	if (!capture_exists(card))
		return;
	run->run_id = run_next_id();
	refresh_bounded(card, run);
	/* there are many runs, and each purge takes up to a hundred */
	if (run->run_id % 32 == 0)
		run_purge(id);
	(void) run_record(id, "commit", run, started_at, NULL);
}

/* Others in the way are no failure of the scorecard. */
static bool
is_conflict(int sqlerrcode)
{
	return sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE || sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED ||
		sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
}

static void
record_error(void *arg)
{
	CommitRefresh *refresh = arg;

	if (is_conflict(refresh->error->sqlerrcode))
		run_record_skipped(refresh->id, "commit", refresh->error->message);
	else
	{
		refresh->run.run_id = run_next_id();
		run_begin(refresh->id, "commit", &refresh->run, GetCurrentTimestamp());
		run_finish_failed(refresh->run.run_id, refresh->error);
	}
}

static void
refresh_in_commit(int64 id)
{
	CommitRefresh refresh = {.id = id,.run = {.requested = REFRESH_AUTO,.on_commit = true}};

	refresh.error = subtransaction_try(refresh_one, &refresh);
	if (refresh.error == NULL)
		return;
	ereport(WARNING,
			(errcode(refresh.error->sqlerrcode),
			 refresh.name ? errmsg("scorecard \"%s\" was not refreshed with this transaction", refresh.name)
			 : errmsg("a scorecard was not refreshed with this transaction"),
			 errdetail("The transaction commits all the same; the next refresh takes its changes in."),
			 errhint("The scorecard's owner finds the reason in custprio.refresh_run.")));
	(void) subtransaction_try(record_error, &refresh);
	scheduler_wake_at_commit();
}

static int
compare_ids(const ListCell *a, const ListCell *b)
{
	int64		x = *(int64 *) lfirst(a);
	int64		y = *(int64 *) lfirst(b);

	return x < y ? -1 : x > y;
}

/* Refresh what was touched, always in the same order, so that writers do not wait for each other in a circle. */
static void
refresh_touched(List *ids)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "custprio refresh at commit",
											   ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(work);
	ListCell   *lc;

	list_sort(ids, compare_ids);
	/* let what the last statement wrote be seen; the snapshots of the transaction's statements are gone by now */
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	foreach(lc, ids)
		refresh_in_commit(*(int64 *) lfirst(lc));
	PopActiveSnapshot();
	/* what refreshes write may be the source of another scorecard, which waits for its own refresh */
	MemoryContextSwitchTo(old);
	MemoryContextDelete(work);
}

static void
end_of_transaction(XactEvent event, void *arg)
{
	List	   *ids = on_commit_take();

	if (ids != NIL && (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE) && !XactReadOnly)
		refresh_touched(ids);
}

void
on_commit_init(void)
{
	RegisterXactCallback(end_of_transaction, NULL);
}
