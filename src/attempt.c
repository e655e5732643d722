/*
 * attempt.c: the guards that every refresh works under, whoever asked for it.
 *
 * A refresh takes no longer than its max_runtime, says which scorecard an error is about, and never starts another.
 * refresh_attempt() adds what the worker and run_refresh() need: an error that is kept instead of thrown.
 */
#include "custprio.h"

#include <signal.h>

#include "access/xact.h"
#include "attempt.h"
#include "interval_length.h"
#include "miscadmin.h"
#include "run.h"
#include "scorecard_lock.h"
#include "storage/latch.h"
#include "subtransaction.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"

/* max_runtime has a timer of its own, so that the user's statement_timeout goes on beside it. */
static TimeoutId runtime_timer = MAX_TIMEOUTS;
static volatile sig_atomic_t runtime_exceeded = false;

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

/* In a transaction with one snapshot for all, what another refresh published since then cannot be seen, only undone. */
void
refresh_check_snapshot(int64 id, const char *name)
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

static void
refresh_context(void *arg)
{
	errcontext("refresh of scorecard \"%s\"", (char *) arg);
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

	if (refresh_in_session)
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
	refresh_in_session = true;
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
		refresh_in_session = false;
	}
	PG_CATCH();
	{
		disable_timeout(runtime_timer, false);
		refresh_in_session = false;
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

typedef struct Attempt
{
	int64		id;
	RefreshRun *run;
} Attempt;

/* Load a card, refresh it and complete its row. */
static void
refresh_for_user(void *arg)
{
	Attempt    *attempt = arg;
	Scorecard  *card = scorecard_load(attempt->id);

	scorecard_check_owner(card);
	refresh_bounded(card, attempt->run);
	run_finish_ok(attempt->run);
}

/* The same for nobody who would be told of an error: the server log is. */
static void
refresh_for_scheduler(void *arg)
{
	Attempt    *attempt = arg;

	PG_TRY();
	{
		refresh_bounded(scorecard_load(attempt->id), attempt->run);
		run_finish_ok(attempt->run);
	}
	PG_CATCH();
	{
		EmitErrorReport();
		PG_RE_THROW();
	}
	PG_END_TRY();
}

ErrorData *
refresh_attempt(int64 id, RefreshRun *run, bool by_user)
{
	Attempt		attempt = {id, run};

	return subtransaction_try(by_user ? refresh_for_user : refresh_for_scheduler, &attempt);
}
