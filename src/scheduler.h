/* scheduler.h: what the launcher, the refresh workers and everybody's backends share. */
#ifndef CUSTPRIO_SCHEDULER_H
#define CUSTPRIO_SCHEDULER_H

#include "datatype/timestamp.h"
#include "storage/latch.h"
#include "storage/lwlock.h"

#define SCHEDULER_DATABASES	4096	/* more databases than this are not served */

/* Things a database's worker complains about in the log only once. */
#define COMPLAINT_IDENTITY	0x01
#define COMPLAINT_VERSION	0x02

typedef struct DatabaseSlot
{
	Oid			database;		/* InvalidOid: free */
	pid_t		worker;			/* its worker, 0: none */
	bool		starting;		/* a worker was asked for and has not attached yet */
	bool		woken;			/* something became due since a worker looked last */
	bool		reported;		/* the attached worker has said when to come back */
	bool		absent;			/* it has no extension: looked at every custprio.probe_interval */
	int			complaints;		/* COMPLAINT_ bits that are in the log already */
	int			failures;		/* workers in a row that ended without a report */
	TimestampTz next_due;		/* when to start a worker; DT_NOEND: only when woken */
} DatabaseSlot;

typedef struct SchedulerState
{
	pid_t		launcher;		/* 0: none */
	Latch	   *launcher_latch;
	bool		rescan;			/* a worker failed: look whether its database still exists */
	bool		overflow;		/* a database found no slot */
	DatabaseSlot slot[SCHEDULER_DATABASES];
} SchedulerState;

/* shmem.c: NULL without shared_preload_libraries; every access under the lock */
extern SchedulerState *scheduler_state;
extern LWLock *scheduler_lock;

extern void scheduler_request_shmem(void);
extern bool scheduler_is_loaded(void);
extern bool scheduler_is_running(void);

/* The slot of a database, made if add; NULL: there is none, or no room. Call with the lock held. */
extern DatabaseSlot *scheduler_slot(Oid database, bool add);

/* Count a worker that ended without a report, and set when to try again. Call with the lock held. */
extern void scheduler_note_failure(DatabaseSlot *slot, TimestampTz now);

/* For the worker of MyDatabaseId, between attach and exit. */
extern bool scheduler_attach(Oid database);
extern void scheduler_begin_look(void);
extern void scheduler_report(TimestampTz next_due, bool absent);
extern bool scheduler_first_complaint(int complaint);
extern void scheduler_end_complaint(int complaint);

#endif
