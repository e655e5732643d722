/*
 * scheduler.c: the launcher, which starts a refresh worker in every database that has something due.
 *
 *     commit of create_scorecard ──wakes──▶ launcher ──starts──▶ worker of one database
 *                                             ▲                     │ refreshes what is due
 *                                             └──── next due ◀──────┘ and exits
 *
 * The launcher is connected to no database and sleeps until the next due time in shared memory, so while nothing is due
 * nobody's DROP DATABASE waits for us. Databases are found by scanning pg_database at start and every
 * custprio.probe_interval; one without the extension is looked at again that often by a worker of its own.
 *
 * Exit codes: the launcher always leaves with 1 (an error, or SIGTERM through die), and the postmaster starts it again
 * after five seconds; workers are never restarted by the postmaster, only by the launcher, with back-off.
 */
#include "custprio.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "scheduler.h"
#include "storage/ipc.h"
#include "storage/procsignal.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

/* PostgreSQL 15.0 to 15.3 have no mark for a database whose DROP was cut short; -2 never occurs there. */
#ifndef DATCONNLIMIT_INVALID_DB
#define DATCONNLIMIT_INVALID_DB	(-2)
#endif

/* From 19 on, a plain DROP DATABASE may end our workers instead of failing. */
#ifndef BGWORKER_INTERRUPTIBLE
#define BGWORKER_INTERRUPTIBLE	0
#endif

#define LAUNCHER_RESTART	5	/* seconds */
#define FIRST_SLOT_RETRY	(1 * USECS_PER_SEC)
#define LAST_SLOT_RETRY		(30 * USECS_PER_SEC)

PGDLLEXPORT void custprio_launcher_main(Datum arg);

/* A worker that was asked for. */
typedef struct StartedWorker
{
	Oid			database;
	BackgroundWorkerHandle *handle;
} StartedWorker;

static MemoryContext launcher_context;
static List *started_workers = NIL;

/* No free worker slot in the server: when to try again, and how long that wait was. 0: slots are free. */
static TimestampTz slots_retry_at = 0;
static int64 slots_retry_delay = 0;

static bool overflow_logged = false;

void
scheduler_init(void)
{
	BackgroundWorker worker;

	scheduler_request_shmem();

	memset(&worker, 0, sizeof(worker));
	strlcpy(worker.bgw_name, "custprio launcher", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "custprio launcher", sizeof(worker.bgw_type));
	strlcpy(worker.bgw_library_name, "custprio", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "custprio_launcher_main", sizeof(worker.bgw_function_name));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = LAUNCHER_RESTART;
	RegisterBackgroundWorker(&worker);
}

static void
launcher_exit(int code, Datum arg)
{
	LWLockAcquire(scheduler_lock, LW_EXCLUSIVE);
	scheduler_state->launcher = 0;
	scheduler_state->launcher_latch = NULL;
	LWLockRelease(scheduler_lock);
}

/* Take over from an earlier launcher: its workers may still run, but those that never attached are not waited for. */
static void
launcher_enter(void)
{
	LWLockAcquire(scheduler_lock, LW_EXCLUSIVE);
	scheduler_state->launcher = MyProcPid;
	scheduler_state->launcher_latch = MyLatch;
	for (int i = 0; i < SCHEDULER_DATABASES; i++)
	{
		DatabaseSlot *slot = &scheduler_state->slot[i];

		if (slot->database == InvalidOid || !slot->starting)
			continue;
		slot->starting = false;
		scheduler_note_failure(slot, GetCurrentTimestamp());
	}
	LWLockRelease(scheduler_lock);
}

/* OIDs of the databases that may be served. */
static List *
list_databases(void)
{
	List	   *databases = NIL;
	Relation	relation;
	TableScanDesc scan;
	HeapTuple	tuple;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	relation = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(relation, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);
		MemoryContext transaction;

		if (!form->datallowconn || form->datistemplate || form->datconnlimit == DATCONNLIMIT_INVALID_DB)
			continue;
		transaction = MemoryContextSwitchTo(launcher_context);
		databases = lappend_oid(databases, form->oid);
		MemoryContextSwitchTo(transaction);
	}
	table_endscan(scan);
	table_close(relation, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(launcher_context);
	return databases;
}

/* Give each new database a slot that is due now, and forget those that are gone. */
static void
scan_databases(void)
{
	List	   *databases = list_databases();
	bool		overflow;
	ListCell   *lc;

	LWLockAcquire(scheduler_lock, LW_EXCLUSIVE);
	for (int i = 0; i < SCHEDULER_DATABASES; i++)
	{
		DatabaseSlot *slot = &scheduler_state->slot[i];

		if (slot->database != InvalidOid && slot->worker == 0 && !slot->starting &&
			!list_member_oid(databases, slot->database))
			memset(slot, 0, sizeof(DatabaseSlot));
	}
	scheduler_state->overflow = false;
	foreach(lc, databases)
		(void) scheduler_slot(lfirst_oid(lc), true);
	overflow = scheduler_state->overflow;
	scheduler_state->rescan = false;
	LWLockRelease(scheduler_lock);

	if (overflow && !overflow_logged)
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("custprio schedules refreshes in the first %d databases only", SCHEDULER_DATABASES),
				 errhint("Refresh the scorecards of the others with custprio.refresh() from a client.")));
	overflow_logged = overflow;
	list_free(databases);
}

/* After a reload: a shorter probe_interval counts at once. */
static void
apply_probe_interval(TimestampTz now)
{
	TimestampTz latest = now + custprio_probe_interval * USECS_PER_SEC;

	LWLockAcquire(scheduler_lock, LW_EXCLUSIVE);
	for (int i = 0; i < SCHEDULER_DATABASES; i++)
	{
		DatabaseSlot *slot = &scheduler_state->slot[i];

		if (slot->database != InvalidOid && slot->absent)
			slot->next_due = Min(slot->next_due, latest);
	}
	LWLockRelease(scheduler_lock);
}

/* Forget workers that are over. One that never reached its slot counts as failed. */
static void
reap_workers(TimestampTz now)
{
	ListCell   *lc;

	foreach(lc, started_workers)
	{
		StartedWorker *started = lfirst(lc);
		DatabaseSlot *slot;
		pid_t		pid;

		if (GetBackgroundWorkerPid(started->handle, &pid) != BGWH_STOPPED)
			continue;
		LWLockAcquire(scheduler_lock, LW_EXCLUSIVE);
		slot = scheduler_slot(started->database, false);
		if (slot != NULL && slot->starting)
		{
			slot->starting = false;
			scheduler_note_failure(slot, now);
		}
		LWLockRelease(scheduler_lock);
		started_workers = foreach_delete_current(started_workers, lc);
		pfree(started->handle);
		pfree(started);
	}
}

/* Ask the postmaster for a worker; false when the server has no free slot. */
static bool
start_worker(Oid database)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;
	StartedWorker *started;

	memset(&worker, 0, sizeof(worker));
	snprintf(worker.bgw_name, sizeof(worker.bgw_name), "custprio refresh worker for database %u", database);
	strlcpy(worker.bgw_type, "custprio refresh worker", sizeof(worker.bgw_type));
	strlcpy(worker.bgw_library_name, "custprio", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "custprio_worker_main", sizeof(worker.bgw_function_name));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION | BGWORKER_INTERRUPTIBLE;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_main_arg = ObjectIdGetDatum(database);
	worker.bgw_notify_pid = MyProcPid;
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
		return false;

	started = palloc(sizeof(StartedWorker));
	started->database = database;
	started->handle = handle;
	started_workers = lappend(started_workers, started);
	return true;
}

/* Log the lack of slots once per episode, and wait longer each time. */
static void
note_slots(bool free, TimestampTz now)
{
	if (free)
	{
		if (slots_retry_delay > 0)
			ereport(LOG, (errmsg("custprio found a free background worker slot and goes on")));
		slots_retry_delay = 0;
		slots_retry_at = 0;
		return;
	}
	if (slots_retry_delay == 0)
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("custprio found no free background worker slot and waits for one"),
				 errhint("Consider raising max_worker_processes.")));
	slots_retry_delay = slots_retry_delay == 0 ? FIRST_SLOT_RETRY : Min(2 * slots_retry_delay, LAST_SLOT_RETRY);
	slots_retry_at = now + slots_retry_delay;
}

/*
 * The database that has been due for longest and has no worker, InvalidOid if there is none or custprio.max_workers run
 * already. It is marked as starting. *wake_at becomes the time when the next one is due.
 */
static Oid
next_database(TimestampTz now, TimestampTz *wake_at)
{
	DatabaseSlot *first = NULL;
	int			busy = 0;
	Oid			database = InvalidOid;

	*wake_at = DT_NOEND;
	LWLockAcquire(scheduler_lock, LW_EXCLUSIVE);
	for (int i = 0; i < SCHEDULER_DATABASES; i++)
	{
		DatabaseSlot *slot = &scheduler_state->slot[i];

		if (slot->database == InvalidOid)
			continue;
		if (slot->worker != 0 || slot->starting)
			busy++;
		else if (slot->next_due > now)
			*wake_at = Min(*wake_at, slot->next_due);
		else if (first == NULL || slot->next_due < first->next_due)
			first = slot;
	}
	if (first != NULL && busy < custprio_max_workers)
	{
		first->starting = true;
		database = first->database;
	}
	LWLockRelease(scheduler_lock);
	return database;
}

/* Start what is due and may start; returns when to come back, unless a latch says so earlier. */
static TimestampTz
start_due_workers(TimestampTz now)
{
	TimestampTz wake_at;
	Oid			database;

	while (OidIsValid(database = next_database(now, &wake_at)))
	{
		DatabaseSlot *slot;

		if (slots_retry_at <= now && start_worker(database))
		{
			note_slots(true, now);
			continue;
		}

		LWLockAcquire(scheduler_lock, LW_EXCLUSIVE);
		slot = scheduler_slot(database, false);
		if (slot != NULL)
			slot->starting = false;
		LWLockRelease(scheduler_lock);
		if (slots_retry_at <= now)
			note_slots(false, now);
		return Min(wake_at, slots_retry_at);
	}
	return wake_at;
}

/* One turn of the launcher; returns how long to sleep in milliseconds, -1: until the latch is set. */
static long
launcher_turn(TimestampTz *next_scan)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz wake_at;
	bool		rescan;

	reap_workers(now);
	if (!custprio_enabled)
		return -1;

	LWLockAcquire(scheduler_lock, LW_SHARED);
	rescan = scheduler_state->rescan;
	LWLockRelease(scheduler_lock);
	if (rescan || now >= *next_scan)
	{
		scan_databases();
		*next_scan = now + custprio_probe_interval * USECS_PER_SEC;
	}
	wake_at = Min(start_due_workers(now), *next_scan);
	return TimestampDifferenceMilliseconds(now, wake_at) + 1;
}

void
custprio_launcher_main(Datum arg)
{
	TimestampTz next_scan = 0;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	before_shmem_exit(launcher_exit, (Datum) 0);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	pgstat_report_appname("custprio launcher");

	launcher_context = AllocSetContextCreate(TopMemoryContext, "custprio launcher", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(launcher_context);
	launcher_enter();

	/* a reload may have come before its handler was there */
	ConfigReloadPending = true;
	for (;;)
	{
		long		timeout;

		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			apply_probe_interval(GetCurrentTimestamp());
			next_scan = 0;
		}
		timeout = launcher_turn(&next_scan);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | (timeout >= 0 ? WL_TIMEOUT : 0),
						 timeout, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}
