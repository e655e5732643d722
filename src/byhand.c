/*
 * byhand.c: refresh() and run_refresh().
 *
 * refresh() works in the caller's transaction and leaves one row in custprio.refresh_run if that commits. The procedure
 * run_refresh() takes two transactions like a worker, one for the row "running" and one for the work, so that a failure
 * leaves its row too. Both take the scorecard's lock before anything is read, and look with a snapshot taken after it.
 */
#include "custprio.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "attempt.h"
#include "card_argument.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "run.h"
#include "scorecard_lock.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(custprio_refresh);
PG_FUNCTION_INFO_V1(custprio_run_refresh);

/* Arguments (name, mode, as_of) of both entry points, checked. */
static char *
read_request(FunctionCallInfo fcinfo, RefreshRun *run)
{
	char	   *mode;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", PG_ARGISNULL(0) ? "name" : "mode")));

	mode = text_to_cstring(PG_GETARG_TEXT_PP(1));
	if (strcmp(mode, "auto") == 0)
		run->requested = REFRESH_AUTO;
	else if (strcmp(mode, "rescore") == 0)
		run->requested = REFRESH_RESCORE;
	else if (strcmp(mode, "rebuild") == 0)
		run->requested = REFRESH_REBUILD;
	else if (strcmp(mode, "incremental") == 0)
		run->requested = REFRESH_INCREMENTAL;
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"mode\" is not a refresh mode: \"%s\"", mode),
				 errhint("Use \"auto\", \"incremental\", \"rescore\" or \"rebuild\".")));

	if (!PG_ARGISNULL(2))
	{
		run->has_as_of = true;
		run->as_of = PG_GETARG_DATEADT(2);
		if (DATE_NOT_FINITE(run->as_of))
			ereport(ERROR,
					(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
					 errmsg("argument \"as_of\" must be a finite day"),
					 errhint("Leave it out for today in the scorecard's time zone.")));
	}

	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("cannot refresh a scorecard during recovery"),
				 errhint("Refresh it on the primary server; this standby receives the result.")));
	PreventCommandIfReadOnly("refresh of a scorecard");
	return text_to_cstring(PG_GETARG_TEXT_PP(0));
}

/* refresh(name, mode, as_of): in the caller's transaction, returns the run's row */
Datum
custprio_refresh(PG_FUNCTION_ARGS)
{
	RefreshRun	run = {0};
	char	   *name = read_request(fcinfo, &run);
	int64		id;
	TimestampTz started_at;
	Scorecard  *card;
	TupleDesc	tupdesc;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "refresh must return a row");
	tupdesc = BlessTupleDesc(tupdesc);

	id = scorecard_lock_by_name(name, false);
	refresh_check_snapshot(id, name);

	started_at = GetCurrentTimestamp();
	card = scorecard_load(id);
	scorecard_check_owner(card);
	run_close_stale(id);
	run.run_id = run_next_id();
	refresh_bounded(card, &run);
	run_purge(id);
	PG_RETURN_DATUM(run_record(id, "user", &run, started_at, tupdesc));
}

/* CALL run_refresh(name, mode, as_of): in transactions of its own */
Datum
custprio_run_refresh(PG_FUNCTION_ARGS)
{
	RefreshRun	run = {0};
	char	   *name = read_request(fcinfo, &run);
	int64		id;
	ErrorData  *edata;

	if (fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) || castNode(CallContext, fcinfo->context)->atomic ||
		IsSubTransaction())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("run_refresh() cannot run inside a transaction block, a function or a block with exception handlers"),
				 errhint("Call it on its own, or use custprio.refresh() in your transaction.")));

	SPI_connect_ext(SPI_OPT_NONATOMIC);
	id = scorecard_lock_by_name(name, true);

	/* nobody can catch an error from here on, so the end of the transaction gives the lock back */
	run_close_stale(id);
	run.run_id = run_next_id();
	run_begin(id, "user", &run, GetCurrentTimestamp());
	SPI_commit();

	edata = refresh_attempt(id, &run, true);
	if (edata != NULL)
	{
		run_finish_failed(run.run_id, edata);
		/* a failure is tried again sooner than the launcher knows */
		scheduler_wake_at_commit();
	}
	run_purge(id);
	SPI_commit();

	scorecard_unlock_session(id);
	if (edata != NULL)
		ReThrowError(edata);
	SPI_finish();
	PG_RETURN_VOID();
}
