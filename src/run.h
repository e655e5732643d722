/* run.h: the account of every refresh (custprio.refresh_run); all is written as the extension's owner. */
#ifndef CUSTPRIO_RUN_H
#define CUSTPRIO_RUN_H

#include "access/tupdesc.h"
#include "refresh.h"
#include "utils/snapshot.h"

/* A mode as SQL spells it. */
extern const char *refresh_mode_name(RefreshMode mode);

/* The next run number. Taken before the work, because history and thresholds carry it. */
extern int64 run_next_id(void);

/* Insert the row of a refresh that is about to start. */
extern void run_begin(int64 scorecard, const char *started_by, const RefreshRun *run, TimestampTz started_at);

/* Complete that row. A failure counts the failures in a row before it. */
extern void run_finish_ok(const RefreshRun *run);
extern void run_finish_failed(int64 run_id, const ErrorData *edata);

/* Insert the row of a refresh that is done already, and give the row as a composite of tupdesc, if that is not NULL. */
extern Datum run_record(int64 scorecard, const char *started_by, const RefreshRun *run,
						TimestampTz started_at, TupleDesc tupdesc);

/* Note that a due refresh gave way to others, as when it found its scorecard locked; one row per episode. */
extern void run_record_skipped(int64 scorecard, const char *started_by, const char *reason);

/* Runs of this scorecard that stand as running although the caller holds its lock ended without an account. */
extern void run_close_stale(int64 scorecard);

/* Delete runs older than custprio.run_retention with their thresholds. */
extern void run_purge(int64 scorecard);

/* Highest number of a successful run of this scorecard that a snapshot sees; 0: none. */
extern int64 run_latest_ok(int64 scorecard, Snapshot snapshot);

#endif
