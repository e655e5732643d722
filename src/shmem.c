/*
 * shmem.c: the schedule in shared memory.
 *
 * One slot per database says when its next worker is to start. The launcher reads the slots, a worker writes its own
 * as it exits, and a backend that commits a new or changed scorecard marks its database due and wakes the launcher.
 * Nothing here needs a database connection, and a restart may lose all of it: the launcher then looks everywhere once.
 */
#include "custprio.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "scheduler.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#define FIRST_RETRY	(5 * USECS_PER_SEC)
#define LAST_RETRY	(300 * USECS_PER_SEC)

SchedulerState *scheduler_state = NULL;
LWLock	   *scheduler_lock = NULL;

static shmem_request_hook_type previous_request_hook = NULL;
static shmem_startup_hook_type previous_startup_hook = NULL;

/* The database whose worker this process is. */
static Oid	attached_database = InvalidOid;

static bool wake_registered = false;
static bool wake_pending = false;

static void
request_shmem(void)
{
	if (previous_request_hook)
		previous_request_hook();
	RequestAddinShmemSpace(MAXALIGN(sizeof(SchedulerState)));
	RequestNamedLWLockTranche("custprio", 1);
}

static void
startup_shmem(void)
{
	bool		found;

	if (previous_startup_hook)
		previous_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	scheduler_state = ShmemInitStruct("custprio scheduler", sizeof(SchedulerState), &found);
	scheduler_lock = &GetNamedLWLockTranche("custprio")->lock;
	if (!found)
		memset(scheduler_state, 0, sizeof(SchedulerState));
	LWLockRelease(AddinShmemInitLock);
}

void
scheduler_request_shmem(void)
{
	previous_request_hook = shmem_request_hook;
	shmem_request_hook = request_shmem;
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup_shmem;
}

bool
scheduler_is_loaded(void)
{
	return scheduler_state != NULL;
}

bool
scheduler_is_running(void)
{
	bool		running = false;

	if (scheduler_state != NULL)
	{
		LWLockAcquire(scheduler_lock, LW_SHARED);
		running = scheduler_state->launcher != 0;
		LWLockRelease(scheduler_lock);
	}
	return running;
}

DatabaseSlot *
scheduler_slot(Oid database, bool add)
{
	DatabaseSlot *vacant = NULL;

	for (int i = 0; i < SCHEDULER_DATABASES; i++)
	{
		DatabaseSlot *slot = &scheduler_state->slot[i];

		if (slot->database == database)
			return slot;
		if (vacant == NULL && slot->database == InvalidOid)
			vacant = slot;
	}
	if (!add)
		return NULL;
	if (vacant == NULL)
	{
		scheduler_state->overflow = true;
		return NULL;
	}
	memset(vacant, 0, sizeof(DatabaseSlot));
	vacant->database = database;
	vacant->next_due = GetCurrentTimestamp();
	return vacant;
}

void
scheduler_note_failure(DatabaseSlot *slot, TimestampTz now)
{
	int64		delay = FIRST_RETRY;

	for (int i = 0; i < slot->failures && delay < LAST_RETRY; i++)
		delay *= 2;
	slot->failures++;
	slot->next_due = now + Min(delay, LAST_RETRY);
	scheduler_state->rescan = true;
}

static void
wake_launcher(void)
{
	if (scheduler_state->launcher_latch != NULL)
		SetLatch(scheduler_state->launcher_latch);
}

/* The worker ends, one way or another: settle its slot and let the launcher go on. */
static void
detach(int code, Datum arg)
{
	DatabaseSlot *slot;
	TimestampTz now = GetCurrentTimestamp();

	LWLockAcquire(scheduler_lock, LW_EXCLUSIVE);
	slot = scheduler_slot(attached_database, false);
	if (slot != NULL && slot->worker == MyProcPid)
	{
		slot->worker = 0;
		if (!slot->reported)
			scheduler_note_failure(slot, now);
		else if (slot->woken)
			slot->next_due = now;
	}
	wake_launcher();
	LWLockRelease(scheduler_lock);
}

/* Become the worker of a database; false when it has one, or when nobody asked for it. */
bool
scheduler_attach(Oid database)
{
	DatabaseSlot *slot;
	bool		attached = false;

	attached_database = database;
	before_shmem_exit(detach, (Datum) 0);
	LWLockAcquire(scheduler_lock, LW_EXCLUSIVE);
	slot = scheduler_slot(database, false);
	if (slot != NULL && slot->worker == 0)
	{
		slot->worker = MyProcPid;
		slot->starting = false;
		slot->reported = false;
		attached = true;
	}
	LWLockRelease(scheduler_lock);
	return attached;
}

/* What wakes the database from now on has not been seen by this worker. */
void
scheduler_begin_look(void)
{
	DatabaseSlot *slot;

	LWLockAcquire(scheduler_lock, LW_EXCLUSIVE);
	slot = scheduler_slot(attached_database, false);
	if (slot != NULL)
		slot->woken = false;
	LWLockRelease(scheduler_lock);
}

void
scheduler_report(TimestampTz next_due, bool absent)
{
	DatabaseSlot *slot;

	LWLockAcquire(scheduler_lock, LW_EXCLUSIVE);
	slot = scheduler_slot(attached_database, false);
	if (slot != NULL)
	{
		slot->next_due = next_due;
		slot->absent = absent;
		slot->reported = true;
		slot->failures = 0;
	}
	LWLockRelease(scheduler_lock);
}

bool
scheduler_first_complaint(int complaint)
{
	DatabaseSlot *slot;
	bool		first = false;

	LWLockAcquire(scheduler_lock, LW_EXCLUSIVE);
	slot = scheduler_slot(attached_database, false);
	if (slot != NULL)
	{
		first = (slot->complaints & complaint) == 0;
		slot->complaints |= complaint;
	}
	LWLockRelease(scheduler_lock);
	return first;
}

void
scheduler_end_complaint(int complaint)
{
	DatabaseSlot *slot;

	LWLockAcquire(scheduler_lock, LW_EXCLUSIVE);
	slot = scheduler_slot(attached_database, false);
	if (slot != NULL)
		slot->complaints &= ~complaint;
	LWLockRelease(scheduler_lock);
}

/* Called after the commit is visible to others; must not raise. */
static void
wake_callback(XactEvent event, void *arg)
{
	DatabaseSlot *slot;

	if (!wake_pending || event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE)
		return;
	wake_pending = false;
	if (event != XACT_EVENT_COMMIT)
		return;

	LWLockAcquire(scheduler_lock, LW_EXCLUSIVE);
	slot = scheduler_slot(MyDatabaseId, true);
	if (slot != NULL)
	{
		slot->woken = true;
		slot->absent = false;
		slot->next_due = GetCurrentTimestamp();
	}
	wake_launcher();
	LWLockRelease(scheduler_lock);
}

void
scheduler_wake_at_commit(void)
{
	if (scheduler_state == NULL)
		return;
	if (!wake_registered)
	{
		RegisterXactCallback(wake_callback, NULL);
		wake_registered = true;
	}
	wake_pending = true;
}
