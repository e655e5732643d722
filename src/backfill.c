/*
 * backfill.c: backfill_history(), the tier history of days on which the scorecard did not run yet.
 *
 * Each day is computed as a refresh of that day would have (compute.c) and compared with the day before it in the grid;
 * the changes of tier go to the history with run number 0, which no refresh has, and the last instant of the day.
 * custprio.backfilled_day knows the days, so that a call that adds days joins them to those that are there: the first
 * new day continues from the filled day before it, and the filled day after the last new one is noted again.
 *
 * Days from the first refresh on belong to the refreshes and are left alone. Two days' customers are in memory at a
 * time, however many days there are.
 */
#include "custprio.h"

#include "compute.h"
#include "publish.h"
#include "table_reader.h"
#include "table_writer.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "zone_days.h"

PG_FUNCTION_INFO_V1(custprio_backfill_history);

#define BACKFILL_RUN	0		/* what the history has instead of a refresh's number */
#define NONE			DATEVAL_NOEND

/* The days of one call. */
typedef struct Grid
{
	DateADT		from;
	DateADT		to;
	DateADT		before;			/* the latest filled day before them, or NONE */
	DateADT		after;			/* the first filled day after them, or NONE */
	int			n;
	DateADT    *day;
} Grid;

/* One day computed, in memory of its own. */
typedef struct Day
{
	MemoryContext context;
	CustomerSet *set;
	Scores	   *scores;
	RefreshRun	run;
} Day;

/* Step n of the grid; NONE beyond what a date can hold. */
static DateADT
grid_day(DateADT from, const Interval *step, int64 n)
{
	Interval	whole = {.day = step->day * n,.month = step->month * n};
	Timestamp	at;

	at = DatumGetTimestamp(DirectFunctionCall2(date_pl_interval, DateADTGetDatum(from), IntervalPGetDatum(&whole)));
	return DatumGetDateADT(DirectFunctionCall1(timestamp_date, TimestampGetDatum(at)));
}

static void
check_arguments(DateADT from, DateADT to, const Interval *step)
{
	if (DATE_NOT_FINITE(from) || DATE_NOT_FINITE(to))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("arguments \"from_day\" and \"to_day\" must be finite days")));
	if (from > to)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"from_day\" must not be after \"to_day\"")));
	if (step->time != 0 || step->day < 0 || step->month < 0 || (step->day == 0 && step->month == 0) ||
		step->day > 1000000 || step->month > 12000)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"step\" must be whole days, weeks, months or years, at least one day"),
				 errdetail("It is %s.", DatumGetCString(DirectFunctionCall1(interval_out, IntervalPGetDatum(step)))),
				 errhint("Pass for example '1 day' or '1 month'.")));
}

static void
read_day(HeapTuple row, TupleDesc desc, void *arg)
{
	bool		isnull;
	Datum		value = heap_getattr(row, 1, desc, &isnull);

	*(DateADT *) arg = isnull ? NONE : DatumGetDateADT(value);
}

static DateADT
filled_day(const Scorecard *card, const char *sql, DateADT than)
{
	DateADT		day = NONE;

	catalog_select(sql, 2, (Oid[]) {INT8OID, DATEOID}, (Datum[]) {Int64GetDatum(card->id), DateADTGetDatum(than)}, NULL,
				   read_day, &day);
	return day;
}

/* The columns of the history that tell whose a row is. */
typedef struct HistoryColumns
{
	AttrNumber	run_id;
	AttrNumber	changed_on;
	AttrNumber	changed_at;
} HistoryColumns;

static HistoryColumns
history_columns(Relation rel)
{
	return (HistoryColumns) {
		published_column(rel, "run_id", INT8OID), published_column(rel, "changed_on", DATEOID),
		published_column(rel, "changed_at", TIMESTAMPTZOID)
	};
}

/* The local day on which refreshes began to write the history, or NONE. */
static DateADT
first_refreshed_day(const Scorecard *card)
{
	Relation	rel = table_open(card->history_relid, AccessShareLock);
	HistoryColumns column = history_columns(rel);
	TableReader *reader = table_reader_open(rel, NULL, 0, NULL);
	TupleTableSlot *slot;
	TimestampTz first = DT_NOEND;

	while ((slot = table_reader_next(reader)) != NULL)
		if (DatumGetInt64(slot->tts_values[column.run_id - 1]) != BACKFILL_RUN)
			first = Min(first, DatumGetTimestampTz(slot->tts_values[column.changed_at - 1]));
	table_reader_close(reader);
	table_close(rel, NoLock);
	return TIMESTAMP_NOT_FINITE(first) ? NONE : zone_day(zone_days_create(card->zone), first);
}

/* Take out what earlier calls noted for the days of the grid and for the day after them. */
static void
clear_history(const Scorecard *card, const Grid *grid)
{
	TableWriter *writer = table_writer_open(card->history_relid);
	HistoryColumns column = history_columns(writer->rel);
	TableReader *reader = table_reader_open(writer->rel, NULL, 0, NULL);
	TupleTableSlot *slot;

	while ((slot = table_reader_next(reader)) != NULL)
	{
		DateADT		day = DatumGetDateADT(slot->tts_values[column.changed_on - 1]);

		if (DatumGetInt64(slot->tts_values[column.run_id - 1]) == BACKFILL_RUN &&
			((day >= grid->from && day <= grid->to) || day == grid->after))
			table_writer_delete(writer, slot);
	}
	table_reader_close(reader);
	table_writer_close(writer);
}

/* The last instant of a local day; within the owner's scope, whose TimeZone is the scorecard's. */
static TimestampTz
end_of_day(DateADT day)
{
	int			overflow;

	return date2timestamptz_opt_overflow(day + 1, &overflow) - 1;
}

static Day *
compute_day(const Scorecard *card, DateADT as_of)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "custprio backfill day",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Day		   *day = palloc0(sizeof(Day));

	day->context = context;
	day->run = (RefreshRun) {.run_id = BACKFILL_RUN,.requested = REFRESH_REBUILD,.mode = REFRESH_REBUILD,
	.has_as_of = true,.as_of = as_of};
	day->scores = compute_scores(card, &day->run, &day->set);
	MemoryContextSwitchTo(old);
	return day;
}

/* Compute a day and note how tiers changed since the one before, which is freed. */
static Day *
fill_day(const Scorecard *card, Day *before, DateADT as_of)
{
	Day		   *day = compute_day(card, as_of);
	MemoryContext old = MemoryContextSwitchTo(day->context);

	publish_history(card, before ? before->set : NULL, day->set, day->scores, end_of_day(as_of), &day->run);
	MemoryContextSwitchTo(old);
	if (before)
		MemoryContextDelete(before->context);
	return day;
}

/* The days there are to fill; false when there is none, and then says why. */
static bool
make_grid(const Scorecard *card, const Interval *step, DateADT today, Grid *grid)
{
	DateADT		refreshed = first_refreshed_day(card);
	DateADT		last = Min(grid->to, Min(today, refreshed) - 1);
	int			capacity = 64;

	if (last < grid->to)
	{
		char		text[MAXDATELEN + 1];

		ereport(NOTICE,
				(errmsg("history of scorecard \"%s\" is filled up to %s only", card->name,
						custprio_date_text(last, text)),
				 refreshed <= today ? errdetail("Refreshes have written it since then.")
				 : errdetail("The day after it is not over.")));
	}
	if (last < grid->from)
		return false;
	grid->to = last;
	grid->day = palloc(capacity * sizeof(DateADT));
	for (int64 i = 0;; i++)
	{
		DateADT		day = grid_day(grid->from, step, i);

		if (day > grid->to)
			break;
		if (grid->n == capacity)
		{
			capacity *= 2;
			grid->day = repalloc_huge(grid->day, capacity * sizeof(DateADT));
		}
		grid->day[grid->n++] = day;
	}
	grid->before = filled_day(card, "SELECT max(day) FROM custprio.backfilled_day WHERE scorecard_id = $1 AND day < $2",
							  grid->from);
	grid->after = filled_day(card, "SELECT min(day) FROM custprio.backfilled_day WHERE scorecard_id = $1 AND day > $2",
							 grid->to);
	return true;
}

/* Make the filled days of the grid's range these. */
static void
store_days(const Scorecard *card, const Grid *grid)
{
	Datum	   *days = palloc(grid->n * sizeof(Datum));
	Oid			types[4] = {INT8OID, DATEOID, DATEOID, DATEARRAYOID};
	Datum		values[4] = {Int64GetDatum(card->id), DateADTGetDatum(grid->from), DateADTGetDatum(grid->to)};

	for (int i = 0; i < grid->n; i++)
		days[i] = DateADTGetDatum(grid->day[i]);
	values[3] = PointerGetDatum(construct_array(days, grid->n, DATEOID, sizeof(DateADT), true, TYPALIGN_INT));
	catalog_execute("WITH gone AS (DELETE FROM custprio.backfilled_day WHERE scorecard_id = $1"
					"  AND day BETWEEN $2 AND $3 AND day <> ALL ($4))"
					" INSERT INTO custprio.backfilled_day (scorecard_id, day) SELECT $1, d FROM pg_catalog.unnest($4) d"
					" ON CONFLICT DO NOTHING", 4, types, values, NULL);
}

/* backfill_history(name, from_day, to_day, step): one row per day */
Datum
custprio_backfill_history(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Grid		grid = {.from = PG_GETARG_DATEADT(1),.to = PG_GETARG_DATEADT(2)};
	Interval   *step = DatumGetIntervalP(DirectFunctionCall1(interval_justify_hours, PG_GETARG_DATUM(3)));
	Scorecard  *card;
	OwnerScope	scope;
	Day		   *day = NULL;

	PreventCommandDuringRecovery("backfill_history()");
	PreventCommandIfReadOnly("backfill_history()");
	check_arguments(grid.from, grid.to, step);
	InitMaterializedSRF(fcinfo, 0);
	card = compute_lock(name);
	compute_enter(card, &scope);
	if (!make_grid(card, step, zone_today(card->zone), &grid))
	{
		compute_leave(&scope);
		return (Datum) 0;
	}
	clear_history(card, &grid);
	if (grid.before != NONE)
		day = compute_day(card, grid.before);
	for (int i = 0; i < grid.n; i++)
	{
		Datum		values[3];
		bool		nulls[3] = {false, false, false};

		day = fill_day(card, day, grid.day[i]);
		values[0] = DateADTGetDatum(grid.day[i]);
		values[1] = Int64GetDatum(day->set->map->n);
		values[2] = Int64GetDatum(day->run.tier_changes);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	if (grid.after != NONE)
		(void) fill_day(card, day, grid.after);
	compute_leave(&scope);
	store_days(card, &grid);
	return (Datum) 0;
}
