/*
 * worker.c: the refresh worker of one database.
 *
 * It connects, checks that the database is to be served (extension there, of the library's version, identity recorded),
 * refreshes every scorecard that is due in order of due time, tells shared memory when it is needed again, and exits.
 * Each refresh takes its scorecard's session lock and two transactions: the first writes the row "running", the second
 * does the work in a subtransaction, which completes the row, or writes down why it failed. Whatever goes wrong with one
 * scorecard is recorded and the next one follows.
 *
 * Every transaction locks the extension first, so DROP EXTENSION waits for the one transaction in progress, which
 * max_runtime bounds; after it, the worker finds no extension and leaves. Cancelling the worker (pg_cancel_backend)
 * makes way at once.
 */
#include "custprio.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "attempt.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "run.h"
#include "scheduler.h"
#include "scorecard_lock.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "storage/procsignal.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

PGDLLEXPORT void custprio_worker_main(Datum arg);

/* Longest wait for a table that somebody else has locked: one such scorecard must not hold up the others for long. */
#define WORKER_LOCK_TIMEOUT "10s"

typedef struct DueCard
{
	int64		id;
	char	   *name;
	TimestampTz not_before;		/* set when it was dealt with: do not come back earlier for it */
	bool		handled;
} DueCard;

typedef enum Attempt
{
	ATTEMPT_DONE,				/* ran, well or not, or was not due any more */
	ATTEMPT_LOCKED,				/* somebody else refreshes it */
	ATTEMPT_GONE				/* the extension was dropped */
} Attempt;

static MemoryContext worker_context;
static MemoryContext run_context;

static void
begin_transaction(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
}

static void
end_transaction(void)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
	pgstat_report_stat(true);
}

/* Clean up after an error that was copied or reported. */
static void
abandon_transaction(void)
{
	disable_all_timeouts(false);
	QueryCancelPending = false;
	AbortOutOfAnyTransaction();
	FlushErrorState();
}

/* Settings of the database or the configuration that must not change what a refresh does. */
static void
pin_settings(void)
{
	SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_isolation", "read committed", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_read_only", "off", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_deferrable", "off", PGC_SUSET, PGC_S_OVERRIDE);
	if (LockTimeout == 0)
		SetConfigOption("lock_timeout", WORKER_LOCK_TIMEOUT, PGC_SUSET, PGC_S_OVERRIDE);
}

/* Keep the extension from being dropped until the end of the transaction; false when it is not there. */
static bool
hold_extension(void)
{
	Oid			extension = get_extension_oid("custprio", true);

	if (!OidIsValid(extension))
		return false;
	LockDatabaseObject(ExtensionRelationId, extension, 0, AccessShareLock);

	/* we may have waited for a DROP */
	return get_extension_oid("custprio", true) == extension;
}

static bool
database_is_open(void)
{
	HeapTuple	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(MyDatabaseId));
	bool		open = false;

	if (HeapTupleIsValid(tuple))
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);

		open = form->datallowconn && !form->datistemplate;
		ReleaseSysCache(tuple);
	}
	return open;
}

static char *
text_column(HeapTuple row, TupleDesc desc, int attno)
{
	bool		isnull;
	Datum		value = heap_getattr(row, attno, desc, &isnull);

	return isnull ? NULL : MemoryContextStrdup(worker_context, TextDatumGetCString(value));
}

static void
read_text(HeapTuple row, TupleDesc desc, void *arg)
{
	*(char **) arg = text_column(row, desc, 1);
}

/*
 * Whether this database is to be served. If not, the report says when to look again: an absent extension and a library
 * that does not fit after probe_interval, a copied database when resume_all() wakes us.
 */
static bool
check_database(void)
{
	TimestampTz probe_at = GetCurrentTimestamp() + custprio_probe_interval * USECS_PER_SEC;
	char	   *version = NULL;
	char	   *recorded = NULL;

	if (!database_is_open())
	{
		scheduler_report(DT_NOEND, false);
		return false;
	}
	if (!hold_extension())
	{
		scheduler_report(probe_at, true);
		return false;
	}

	catalog_select("SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'custprio'",
				   0, NULL, NULL, NULL, read_text, &version);
	if (strcmp(version, CUSTPRIO_VERSION) != 0)
	{
		if (scheduler_first_complaint(COMPLAINT_VERSION))
			ereport(LOG,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("scorecards of database \"%s\" are not refreshed: the extension has version %s, the library version %s",
							get_database_name(MyDatabaseId), version, CUSTPRIO_VERSION),
					 errhint("Run ALTER EXTENSION custprio UPDATE there, and restart the server if a new library was installed.")));
		scheduler_report(probe_at, true);
		return false;
	}
	scheduler_end_complaint(COMPLAINT_VERSION);

	catalog_select("SELECT system_identifier || '/' || database_oid FROM custprio.identity",
				   0, NULL, NULL, NULL, read_text, &recorded);
	if (recorded != NULL && strcmp(recorded, custprio_database_identity()) != 0)
	{
		if (scheduler_first_complaint(COMPLAINT_IDENTITY))
			ereport(LOG,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("scorecards of database \"%s\" are not refreshed: it is a copy or was restored",
							get_database_name(MyDatabaseId)),
					 errdetail("Identity %s is recorded, this is %s.", recorded, custprio_database_identity()),
					 errhint("Call custprio.resume_all() there to have them refreshed.")));
		scheduler_report(DT_NOEND, false);
		return false;
	}
	scheduler_end_complaint(COMPLAINT_IDENTITY);
	if (recorded == NULL)
	{
		/* no scorecard was ever created here */
		scheduler_report(DT_NOEND, false);
		return false;
	}
	return true;
}

/* Append a row (id, name, ...) to the list of cards that arg points to. */
static void
read_card(HeapTuple row, TupleDesc desc, void *arg)
{
	List	  **cards = arg;
	DueCard    *card = MemoryContextAllocZero(worker_context, sizeof(DueCard));
	MemoryContext caller;
	bool		isnull;

	card->id = DatumGetInt64(heap_getattr(row, 1, desc, &isnull));
	card->name = text_column(row, desc, 2);
	caller = MemoryContextSwitchTo(worker_context);
	*cards = lappend(*cards, card);
	MemoryContextSwitchTo(caller);
}

/* Runs that a crash, a shutdown or a kill cut off stand as running; their scorecards are not locked. */
static void
close_stale_runs(void)
{
	List	   *cards = NIL;
	ListCell   *lc;

	catalog_select("SELECT s.scorecard_id, s.name FROM custprio.scorecard s"
				   " WHERE (SELECT r.status FROM custprio.refresh_run r"
				   "  WHERE r.scorecard_id = s.scorecard_id AND r.status <> 'skipped'"
				   "  ORDER BY r.run_id DESC LIMIT 1) = 'running'",
				   0, NULL, NULL, NULL, read_card, &cards);
	foreach(lc, cards)
	{
		DueCard    *card = lfirst(lc);

		if (scorecard_lock(card->id, false, false))
			run_close_stale(card->id);
	}
}

static List *
list_due(void)
{
	List	   *cards = NIL;
	Oid			types[] = {TIMESTAMPTZOID};
	Datum		values[] = {TimestampTzGetDatum(GetCurrentTimestamp())};

	catalog_select("SELECT scorecard_id, name FROM custprio.schedule WHERE next_due <= $1"
				   " ORDER BY next_due, scorecard_id",
				   lengthof(types), types, values, NULL, read_card, &cards);
	return cards;
}

/* Somebody may have refreshed, paused or dropped it since the list was made. */
static bool
still_due(int64 id)
{
	Oid			types[] = {INT8OID, TIMESTAMPTZOID};
	Datum		values[] = {Int64GetDatum(id), TimestampTzGetDatum(GetCurrentTimestamp())};

	return catalog_select("SELECT 1 FROM custprio.schedule WHERE scorecard_id = $1 AND next_due <= $2",
						  lengthof(types), types, values, NULL, NULL, NULL) > 0;
}

/* Both transactions, under the scorecard's session lock. */
static Attempt
refresh_card(int64 id)
{
	RefreshRun	run = {0};
	ErrorData  *edata;
	bool		due;

	begin_transaction();
	MemoryContextSwitchTo(run_context);
	if (!hold_extension())
	{
		end_transaction();
		return ATTEMPT_GONE;
	}
	if (!scorecard_lock(id, true, false))
	{
		run_record_skipped(id, "worker", "another refresh of this scorecard was running");
		end_transaction();
		return ATTEMPT_LOCKED;
	}
	run_close_stale(id);
	due = still_due(id);
	if (due)
	{
		run.run_id = run_next_id();
		run_begin(id, "worker", &run, GetCurrentTimestamp());
	}
	end_transaction();
	if (!due)
		return ATTEMPT_DONE;

	begin_transaction();
	MemoryContextSwitchTo(run_context);
	if (!hold_extension())
	{
		end_transaction();
		return ATTEMPT_GONE;
	}
	edata = refresh_attempt(id, &run, false);
	if (edata != NULL)
		run_finish_failed(run.run_id, edata);
	run_purge(id);
	end_transaction();
	return ATTEMPT_DONE;
}

/* Deal with one due card; never raises. False: the extension is gone. */
static bool
serve_card(DueCard *card)
{
	volatile Attempt attempt = ATTEMPT_LOCKED;
	char	   *activity = psprintf("custprio: scheduled refresh of scorecard %s", card->name);

	debug_query_string = activity;
	pgstat_report_activity(STATE_RUNNING, activity);
	PG_TRY();
	{
		attempt = refresh_card(card->id);
	}
	PG_CATCH();
	{
		/* the account itself could not be written: come back later, as for a locked scorecard */
		MemoryContextSwitchTo(run_context);
		EmitErrorReport();
		abandon_transaction();
	}
	PG_END_TRY();
	scorecard_unlock_session(card->id);
	pgstat_report_activity(STATE_IDLE, NULL);
	debug_query_string = NULL;

	/* one that is due again at once lets the other databases go first */
	card->handled = true;
	card->not_before = GetCurrentTimestamp() +
		(attempt == ATTEMPT_LOCKED ? custprio_retry_interval : 1) * USECS_PER_SEC;
	MemoryContextSwitchTo(worker_context);
	MemoryContextReset(run_context);
	return attempt != ATTEMPT_GONE;
}

typedef struct NextDue
{
	List	   *cards;			/* those dealt with */
	TimestampTz earliest;
} NextDue;

static void
read_next_due(HeapTuple row, TupleDesc desc, void *arg)
{
	NextDue    *next = arg;
	bool		isnull;
	int64		id = DatumGetInt64(heap_getattr(row, 1, desc, &isnull));
	TimestampTz due = DatumGetTimestampTz(heap_getattr(row, 2, desc, &isnull));
	ListCell   *lc;

	foreach(lc, next->cards)
	{
		DueCard    *card = lfirst(lc);

		if (card->id == id && card->handled)
			due = Max(due, card->not_before);
	}
	next->earliest = Min(next->earliest, due);
}

/* Report when the first of all scorecards is due next. */
static void
report_next_due(List *cards)
{
	NextDue		next = {cards, DT_NOEND};

	begin_transaction();
	if (hold_extension())
	{
		catalog_select("SELECT scorecard_id, next_due FROM custprio.schedule WHERE next_due IS NOT NULL",
					   0, NULL, NULL, NULL, read_next_due, &next);
		scheduler_report(next.earliest, false);
	}
	else
		scheduler_report(GetCurrentTimestamp() + custprio_probe_interval * USECS_PER_SEC, true);
	end_transaction();
}

static void
serve_database(void)
{
	List	   *cards;
	ListCell   *lc;

	scheduler_begin_look();
	begin_transaction();
	if (!check_database())
	{
		end_transaction();
		return;
	}
	close_stale_runs();
	cards = list_due();
	end_transaction();

	foreach(lc, cards)
	{
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		if (!custprio_enabled || !serve_card(lfirst(lc)))
			break;
	}
	report_next_due(cards);
}

void
custprio_worker_main(Datum arg)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	if (!scheduler_attach(DatumGetObjectId(arg)))
		proc_exit(0);
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(arg), InvalidOid, 0);
	pgstat_report_appname("custprio refresh worker");
	pin_settings();

	worker_context = AllocSetContextCreate(TopMemoryContext, "custprio worker", ALLOCSET_DEFAULT_SIZES);
	run_context = AllocSetContextCreate(worker_context, "custprio run", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(worker_context);
	serve_database();
	proc_exit(0);
}
