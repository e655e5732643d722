/*
 * run.c: the account of every refresh.
 *
 * Rows of custprio.refresh_run are written as the extension's owner: nobody else may write there. A row is described
 * once, as a list of columns and values, and becomes an INSERT, an UPDATE or a composite value from that.
 * Whoever holds the scorecard's lock may close rows that still say "running": their process is gone.
 */
#include "custprio.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "run.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgroids.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#define RUN_COLUMNS_MAX 48

typedef struct RunColumn
{
	const char *name;
	Oid			type;
	Datum		value;
	bool		isnull;
} RunColumn;

typedef struct RunRow
{
	int			n;
	RunColumn	column[RUN_COLUMNS_MAX];
} RunRow;

/* failures of the last finished run before row r, and one more */
#define FAILURES_SQL \
	"1 + coalesce((SELECT p.failures FROM custprio.refresh_run p" \
	" WHERE p.scorecard_id = r.scorecard_id AND p.run_id < r.run_id AND p.status IN ('ok', 'failed')" \
	" ORDER BY p.run_id DESC LIMIT 1), 0)"

const char *
refresh_mode_name(RefreshMode mode)
{
	switch (mode)
	{
		case REFRESH_AUTO:
			return "auto";
		case REFRESH_INCREMENTAL:
			return "incremental";
		case REFRESH_RESCORE:
			return "rescore";
		case REFRESH_REBUILD:
			return "rebuild";
	}
	return NULL;				/* keep compiler quiet */
}

static void
set_datum(RunRow *row, const char *name, Oid type, Datum value)
{
	RunColumn  *column;

	Assert(row->n < RUN_COLUMNS_MAX);
	column = &row->column[row->n++];
	column->name = name;
	column->type = type;
	column->value = value;
	column->isnull = false;
}

static void
set_int64(RunRow *row, const char *name, int64 value)
{
	set_datum(row, name, INT8OID, Int64GetDatum(value));
}

static void
set_int32(RunRow *row, const char *name, int32 value)
{
	set_datum(row, name, INT4OID, Int32GetDatum(value));
}

static void
set_time(RunRow *row, const char *name, TimestampTz value)
{
	set_datum(row, name, TIMESTAMPTZOID, TimestampTzGetDatum(value));
}

/* A NULL string leaves the column as it is. */
static void
set_text(RunRow *row, const char *name, const char *value)
{
	if (value != NULL)
		set_datum(row, name, TEXTOID, CStringGetTextDatum(value));
}

/* What is known before the work. */
static void
set_start(RunRow *row, int64 scorecard, const char *started_by, const RefreshRun *run, TimestampTz started_at)
{
	set_int64(row, "run_id", run->run_id);
	set_int64(row, "scorecard_id", scorecard);
	set_text(row, "started_by", started_by);
	set_int32(row, "pid", MyProcPid);
	set_time(row, "started_at", started_at);
	set_text(row, "requested", refresh_mode_name(run->requested));
}

/* What a finished refresh says of itself. */
static void
set_outcome(RunRow *row, const RefreshRun *run)
{
	set_text(row, "status", "ok");
	set_time(row, "finished_at", GetCurrentTimestamp());
	set_text(row, "mode", refresh_mode_name(run->mode));
	set_text(row, "reason", run->reason);
	set_datum(row, "as_of", DATEOID, DateADTGetDatum(run->as_of));
	set_datum(row, "rebased", BOOLOID, BoolGetDatum(run->rebased));
	if (run->counted)
	{
		set_int64(row, "rows_read", run->rows.read);
		set_int64(row, "purchases", run->rows.purchases);
		set_int64(row, "returns", run->rows.returns);
		set_int64(row, "null_customer", run->rows.null_customer);
		set_int64(row, "null_time", run->rows.null_time);
		set_int64(row, "null_amount", run->rows.null_amount);
		set_int64(row, "nan_amount", run->rows.nan_amount);
		set_int64(row, "infinite_amount", run->rows.infinite_amount);
		set_int64(row, "infinite_time", run->rows.infinite_time);
		set_int64(row, "future_rows", run->rows.future);
		set_int64(row, "filtered_by_history", run->rows.before_history);
	}
	if (run->queued >= 0)
		set_int64(row, "queued", run->queued);
	if (!run->partial)
	{
		set_int64(row, "customers", run->customers);
		set_int64(row, "buyers", run->buyers);
		set_int64(row, "orphans", run->orphans);
	}
	set_int64(row, "inserted", run->inserted);
	set_int64(row, "updated", run->updated);
	set_int64(row, "deleted", run->deleted);
	set_int64(row, "tier_changes", run->tier_changes);
	set_int64(row, "state_written", run->state_written);
	if (run->shares != NULL)
		set_datum(row, "shares", JSONBOID, DirectFunctionCall1(jsonb_in, CStringGetDatum(run->shares)));
	if (run->missing_values != NULL)
		set_datum(row, "missing_values", JSONBOID, DirectFunctionCall1(jsonb_in, CStringGetDatum(run->missing_values)));
	if (run->unknown_rows != NULL)
		set_datum(row, "unknown_rows", JSONBOID, DirectFunctionCall1(jsonb_in, CStringGetDatum(run->unknown_rows)));
	if (run->warnings != NIL)
	{
		Datum	   *texts = palloc(sizeof(Datum) * list_length(run->warnings));
		int			n = 0;
		ListCell   *lc;

		foreach(lc, run->warnings)
			texts[n++] = CStringGetTextDatum((char *) lfirst(lc));
		set_datum(row, "warnings", TEXTARRAYOID,
				  PointerGetDatum(construct_array(texts, n, TEXTOID, -1, false, TYPALIGN_INT)));
	}
	set_int32(row, "failures", 0);
}

/* Run a statement whose parameters are the row's values in order. */
static void
execute_row(const char *sql, const RunRow *row)
{
	Oid			types[RUN_COLUMNS_MAX];
	Datum		values[RUN_COLUMNS_MAX];

	for (int i = 0; i < row->n; i++)
	{
		types[i] = row->column[i].type;
		values[i] = row->column[i].value;
	}
	catalog_execute(sql, row->n, types, values, NULL);
}

static void
insert_row(const RunRow *row)
{
	StringInfoData names;
	StringInfoData params;

	initStringInfo(&names);
	initStringInfo(&params);
	for (int i = 0; i < row->n; i++)
	{
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", row->column[i].name);
		appendStringInfo(&params, "%s$%d", i > 0 ? ", " : "", i + 1);
	}
	execute_row(psprintf("INSERT INTO custprio.refresh_run (%s) OVERRIDING SYSTEM VALUE VALUES (%s)",
						 names.data, params.data), row);
}

/* Update by the row's first column, run_id; extra is appended to the SET list. */
static void
update_row(const RunRow *row, const char *extra)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "UPDATE custprio.refresh_run r SET ");
	for (int i = 1; i < row->n; i++)
		appendStringInfo(&sql, "%s%s = $%d", i > 1 ? ", " : "", row->column[i].name, i + 1);
	appendStringInfo(&sql, "%s WHERE r.run_id = $1", extra);
	execute_row(sql.data, row);
}

int64
run_next_id(void)
{
	Oid			schema = get_namespace_oid("custprio", false);
	Oid			sequence = get_relname_relid("refresh_run_run_id_seq", schema);

	if (!OidIsValid(sequence))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("sequence custprio.refresh_run_run_id_seq does not exist"),
				 errhint("The extension's catalogs are damaged; drop the extension and create it again.")));

	/* without a permission check: the caller may refresh, that is enough to number the refresh */
	return nextval_internal(sequence, false);
}

void
run_begin(int64 scorecard, const char *started_by, const RefreshRun *run, TimestampTz started_at)
{
	RunRow		row = {0};

	set_start(&row, scorecard, started_by, run, started_at);
	set_text(&row, "status", "running");
	if (run->has_as_of)
		set_datum(&row, "as_of", DATEOID, DateADTGetDatum(run->as_of));
	insert_row(&row);
}

void
run_finish_ok(const RefreshRun *run)
{
	RunRow		row = {0};

	set_int64(&row, "run_id", run->run_id);
	set_outcome(&row, run);
	update_row(&row, "");
}

void
run_finish_failed(int64 run_id, const ErrorData *edata)
{
	RunRow		row = {0};

	set_int64(&row, "run_id", run_id);
	set_text(&row, "status", "failed");
	set_time(&row, "finished_at", GetCurrentTimestamp());
	set_text(&row, "sqlstate", unpack_sql_state(edata->sqlerrcode));
	set_text(&row, "message", edata->message);
	set_text(&row, "detail", edata->detail);
	set_text(&row, "hint", edata->hint);
	set_text(&row, "context", edata->context);
	update_row(&row, ", failures = " FAILURES_SQL);
}

Datum
run_record(int64 scorecard, const char *started_by, const RefreshRun *run, TimestampTz started_at, TupleDesc tupdesc)
{
	RunRow		row = {0};
	Datum	   *values;
	bool	   *nulls;

	set_start(&row, scorecard, started_by, run, started_at);
	set_outcome(&row, run);
	insert_row(&row);
	if (tupdesc == NULL)
		return (Datum) 0;
	values = palloc0(sizeof(Datum) * tupdesc->natts);
	nulls = palloc(sizeof(bool) * tupdesc->natts);
	for (int i = 0; i < tupdesc->natts; i++)
	{
		nulls[i] = true;
		for (int j = 0; j < row.n; j++)
		{
			if (strcmp(NameStr(TupleDescAttr(tupdesc, i)->attname), row.column[j].name) != 0)
				continue;
			values[i] = row.column[j].value;
			nulls[i] = false;
			break;
		}
	}
	return HeapTupleGetDatum(heap_form_tuple(tupdesc, values, nulls));
}

void
run_record_skipped(int64 scorecard, const char *started_by, const char *reason)
{
	Oid			types[] = {INT8OID, TEXTOID, TIMESTAMPTZOID, INT4OID, TEXTOID};
	Datum		values[5];

	values[0] = Int64GetDatum(scorecard);
	values[1] = CStringGetTextDatum(started_by);
	values[2] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[3] = Int32GetDatum(MyProcPid);
	values[4] = CStringGetTextDatum(reason);
	catalog_execute("INSERT INTO custprio.refresh_run"
					" (scorecard_id, status, started_by, pid, started_at, finished_at, requested, reason)"
					" SELECT $1, 'skipped', $2, $4, $3, $3, 'auto', $5"
					" WHERE (SELECT p.status FROM custprio.refresh_run p WHERE p.scorecard_id = $1"
					" ORDER BY p.run_id DESC LIMIT 1) IS DISTINCT FROM 'skipped'",
					lengthof(types), types, values, NULL);
}

void
run_close_stale(int64 scorecard)
{
	Oid			types[] = {INT8OID, TIMESTAMPTZOID};
	Datum		values[2];

	values[0] = Int64GetDatum(scorecard);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	catalog_execute("UPDATE custprio.refresh_run r SET status = 'failed', finished_at = $2, sqlstate = '57P01',"
					" message = 'the refresh was cut off: its process ended before it could report',"
					" hint = 'The server log around the time of its start says why.',"
					" failures = " FAILURES_SQL
					" WHERE r.scorecard_id = $1 AND r.status = 'running'",
					lengthof(types), types, values, NULL);
}

/*
 * Only the hundred oldest runs are looked at, so the cost does not depend on how many are kept; more than one run
 * cannot come due for deletion per refresh in the long run. Kept whatever their age: the latest run, the latest
 * success (status shows it), and the run whose thresholds the published rows follow.
 */
void
run_purge(int64 scorecard)
{
	Oid			types[] = {INT8OID, INT4OID};
	Datum		values[2];

	values[0] = Int64GetDatum(scorecard);
	values[1] = Int32GetDatum(custprio_run_retention);
	catalog_execute("WITH oldest AS MATERIALIZED ("
					"  SELECT run_id, finished_at FROM custprio.refresh_run WHERE scorecard_id = $1"
					"  ORDER BY run_id LIMIT 100),"
					" gone AS ("
					"  DELETE FROM custprio.refresh_run r USING oldest o WHERE r.run_id = o.run_id"
					"  AND o.finished_at < pg_catalog.now() - pg_catalog.make_interval(days => $2)"
					"  AND r.run_id IS DISTINCT FROM (SELECT e.run_id FROM custprio.epoch e WHERE e.scorecard_id = $1)"
					"  AND r.run_id <> (SELECT l.run_id FROM custprio.refresh_run l WHERE l.scorecard_id = $1"
					"   ORDER BY l.run_id DESC LIMIT 1)"
					"  AND r.run_id IS DISTINCT FROM (SELECT l.run_id FROM custprio.refresh_run l"
					"   WHERE l.scorecard_id = $1 AND l.status = 'ok' ORDER BY l.run_id DESC LIMIT 1)"
					"  RETURNING r.run_id),"
					" fits AS ("
					"  DELETE FROM custprio.clv_fit f USING gone g WHERE f.scorecard_id = $1 AND f.run_id = g.run_id)"
					" DELETE FROM custprio.threshold t USING gone g WHERE t.scorecard_id = $1 AND t.run_id = g.run_id",
					lengthof(types), types, values, NULL);
}

/* Read with a plain index scan, because SPI would not let the caller choose the snapshot. */
int64
run_latest_ok(int64 scorecard, Snapshot snapshot)
{
	Oid			schema = get_namespace_oid("custprio", false);
	Oid			relid = get_relname_relid("refresh_run", schema);
	Oid			indexid = get_relname_relid("refresh_run_scorecard_idx", schema);
	AttrNumber	status = get_attnum(relid, "status");
	AttrNumber	number = get_attnum(relid, "run_id");
	Relation	relation = table_open(relid, AccessShareLock);
	Relation	index = index_open(indexid, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	int64		latest = 0;

	ScanKeyInit(&key, get_attnum(relid, "scorecard_id"), BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(scorecard));
	scan = systable_beginscan_ordered(relation, index, snapshot, 1, &key);

	/* the index gives the newest run first */
	while (latest == 0 && HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		bool		isnull;
		Datum		value = heap_getattr(tuple, status, RelationGetDescr(relation), &isnull);

		if (strcmp(TextDatumGetCString(value), "ok") == 0)
			latest = DatumGetInt64(heap_getattr(tuple, number, RelationGetDescr(relation), &isnull));
	}
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(relation, AccessShareLock);
	return latest;
}
