/*
 * byhand.c: refresh() and run_refresh(), and the guards that every refresh works under.
 *
 * refresh() works in the caller's transaction and leaves one row in custprio.refresh_run if that commits. The procedure
 * run_refresh() takes three transactions like a worker: the row "running", the work, the outcome, so that a failure
 * leaves its row. Both take the scorecard's lock before anything is read, and look with a snapshot taken after it.
 */
#include "custprio.h"

#include <signal.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "run.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(custprio_refresh);
PG_FUNCTION_INFO_V1(custprio_run_refresh);

/* max_runtime has a timer of its own, so that the user's statement_timeout goes on beside it. */
static TimeoutId runtime_timer = MAX_TIMEOUTS;
static volatile sig_atomic_t runtime_exceeded = false;
static bool refreshing = false;

/* Signal handler: cancel what runs, as a statement timeout does. */
static void
exceed_runtime(void)
{
	runtime_exceeded = true;
	QueryCancelPending = true;
	InterruptPending = true;
	SetLatch(MyLatch);
}

/* Longest time a refresh of this card may take, in milliseconds; 0: any. */
static int
runtime_limit(const Scorecard *card)
{
	int64		limit;

	if (card->max_runtime == NULL)
		return custprio_max_runtime * 1000;
	limit = interval_length(card->max_runtime) / 1000;
	return (int) Max(Min(limit, PG_INT32_MAX), 1);
}

static void
refresh_context(void *arg)
{
	errcontext("refresh of scorecard \"%s\"", (char *) arg);
}

bool
refresh_in_session(void)
{
	return refreshing;
}

/*
 * Refresh a card that is locked and loaded, for no longer than its max_runtime. The text of an error is the caller's
 * to show; a timeout is told apart from a user's cancel.
 */
void
refresh_bounded(Scorecard *card, RefreshRun *run)
{
	MemoryContext caller = CurrentMemoryContext;
	ErrorContextCallback callback;
	int			limit = runtime_limit(card);

	if (refreshing)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("cannot refresh scorecard \"%s\" while another refresh works in this session", card->name),
				 errhint("An expression or trigger that a refresh runs must not start another.")));
	if (runtime_timer == MAX_TIMEOUTS)
		runtime_timer = RegisterTimeout(USER_TIMEOUT, exceed_runtime);

	callback.callback = refresh_context;
	callback.arg = card->name;
	callback.previous = error_context_stack;

	runtime_exceeded = false;
	refreshing = true;
	PG_TRY();
	{
		error_context_stack = &callback;
		if (limit > 0)
			enable_timeout_after(runtime_timer, limit);
		PushActiveSnapshot(GetTransactionSnapshot());
		refresh_scorecard(card, run);
		PopActiveSnapshot();
		disable_timeout(runtime_timer, false);
		/* a timer that fired at the very end must not cancel whatever comes next */
		CHECK_FOR_INTERRUPTS();
		error_context_stack = callback.previous;
		refreshing = false;
	}
	PG_CATCH();
	{
		disable_timeout(runtime_timer, false);
		refreshing = false;
		if (runtime_exceeded && geterrcode() == ERRCODE_QUERY_CANCELED)
		{
			ErrorData  *edata;

			MemoryContextSwitchTo(caller);
			edata = CopyErrorData();
			FlushErrorState();
			edata->message = psprintf("refresh of scorecard \"%s\" took longer than max_runtime", card->name);
			edata->detail = psprintf("The limit is %d ms.", limit);
			edata->hint = pstrdup(card->max_runtime ? "Raise max_runtime with alter_scorecard, or find what slows the source down."
								  : "Raise custprio.max_runtime, or find what slows the source down.");
			ReThrowError(edata);
		}
		PG_RE_THROW();
	}
	PG_END_TRY();
}

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
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("refresh mode \"incremental\" is not available"),
				 errdetail("It needs the capture of changes, which this version of custprio does not have."),
				 errhint("Use \"auto\", \"rescore\" or \"rebuild\".")));
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"mode\" is not a refresh mode: \"%s\"", mode),
				 errhint("Use \"auto\", \"rescore\" or \"rebuild\".")));

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

/* In a transaction with one snapshot for all, what another refresh published since then cannot be seen, only undone. */
static void
check_snapshot(int64 id, const char *name)
{
	int64		seen;
	int64		latest;

	if (!IsolationUsesXactSnapshot())
		return;
	seen = run_latest_ok(id, GetTransactionSnapshot());
	PushActiveSnapshot(GetLatestSnapshot());
	latest = run_latest_ok(id, GetActiveSnapshot());
	PopActiveSnapshot();
	if (latest != seen)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not refresh scorecard \"%s\" because another refresh finished since this transaction began",
						name),
				 errdetail("This transaction sees run " INT64_FORMAT ", the latest is run " INT64_FORMAT ".", seen, latest),
				 errhint("Retry the transaction, or refresh in READ COMMITTED.")));
}

/* refresh(name, mode, as_of): in the caller's transaction, returns the run's row */
Datum
custprio_refresh(PG_FUNCTION_ARGS)
{
	RefreshRun	run = {0};
	char	   *name = read_request(fcinfo, &run);
	int64		id = scorecard_id_by_name(name);
	TimestampTz started_at;
	Scorecard  *card;
	TupleDesc	tupdesc;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "refresh must return a row");
	tupdesc = BlessTupleDesc(tupdesc);

	/* asked before locking too, so that nobody else can hold up the owner's refreshes */
	scorecard_check_caller(id, name);
	scorecard_lock(id, false, true);
	check_snapshot(id, name);

	started_at = GetCurrentTimestamp();
	card = scorecard_load(id);
	scorecard_check_owner(card);
	run_close_stale(id);
	run.run_id = run_next_id();
	refresh_bounded(card, &run);
	run_purge(id);
	PG_RETURN_DATUM(run_record(id, "user", &run, started_at, tupdesc));
}

/*
 * The work of run_refresh() in a subtransaction, because that is what cleans up after an error inside a procedure.
 * NULL when it went well; the outcome is then written with it.
 */
static ErrorData *
attempt_refresh(int64 id, RefreshRun *run)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile edata = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		Scorecard  *card = scorecard_load(id);

		scorecard_check_owner(card);
		refresh_bounded(card, run);
		run_finish_ok(run);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		edata = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	return edata;
}

/* CALL run_refresh(name, mode, as_of): three transactions of its own */
Datum
custprio_run_refresh(PG_FUNCTION_ARGS)
{
	RefreshRun	run = {0};
	char	   *name = read_request(fcinfo, &run);
	int64		id;
	ErrorData  *volatile edata = NULL;

	if (fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) || castNode(CallContext, fcinfo->context)->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("run_refresh() cannot run inside a transaction block or a function"),
				 errhint("Call it on its own, or use custprio.refresh() in your transaction.")));

	SPI_connect_ext(SPI_OPT_NONATOMIC);
	id = scorecard_id_by_name(name);
	scorecard_check_caller(id, name);
	scorecard_lock(id, true, true);
	PG_TRY();
	{
		run_close_stale(id);
		run.run_id = run_next_id();
		run_begin(id, "user", &run, GetCurrentTimestamp());
		SPI_commit();

		edata = attempt_refresh(id, &run);
		if (edata != NULL)
			run_finish_failed(run.run_id, edata);
		run_purge(id);
		SPI_commit();
	}
	PG_FINALLY();
	{
		scorecard_unlock_session(id);
	}
	PG_END_TRY();

	if (edata != NULL)
		ReThrowError(edata);
	SPI_finish();
	PG_RETURN_VOID();
}
