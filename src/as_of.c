/*
 * as_of.c: the as-of day of a scorecard, for the views that it publishes.
 *
 * Readers of a view need no right on custprio's catalogs, so these read them as the extension's owner. The day and the
 * zone are looked up once per query: PL/pgSQL keeps an expression for the whole transaction, in which a refresh may
 * come.
 */
#include "custprio.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "scorecard.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(custprio_as_of);
PG_FUNCTION_INFO_V1(custprio_recency_days);

typedef struct AsOf
{
	text	   *name;			/* the scorecard asked for */
	bool		known;			/* false: nothing is published yet */
	DateADT		day;
	pg_tz	   *zone;
	CommandId	command;		/* for which they hold */
	TimestampTz statement;
} AsOf;

static void
read_as_of(HeapTuple row, TupleDesc desc, void *arg)
{
	AsOf	   *as_of = arg;
	bool		isnull;
	char	   *zone = TextDatumGetCString(heap_getattr(row, 1, desc, &isnull));
	Datum		day = heap_getattr(row, 2, desc, &isnull);

	as_of->zone = pg_tzset(zone);
	if (as_of->zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" is not known to this server", zone),
				 errhint("Install the server's time zone data, or choose another zone with alter_scorecard.")));
	as_of->known = !isnull;
	as_of->day = isnull ? 0 : DatumGetDateADT(day);
}

/* As-of day and zone of the scorecard named in the first argument, remembered for the query. */
static AsOf *
as_of_scorecard(FunctionCallInfo fcinfo)
{
	text	   *name = PG_GETARG_TEXT_PP(0);
	AsOf	   *as_of = fcinfo->flinfo->fn_extra;
	Oid			types[1] = {TEXTOID};
	Datum		values[1];
	MemoryContext old;

	if (as_of && as_of->command == GetCurrentCommandId(false) &&
		as_of->statement == GetCurrentStatementStartTimestamp() &&
		VARSIZE_ANY_EXHDR(as_of->name) == VARSIZE_ANY_EXHDR(name) &&
		memcmp(VARDATA_ANY(as_of->name), VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name)) == 0)
		return as_of;
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	as_of = palloc0(sizeof(AsOf));
	as_of->name = cstring_to_text_with_len(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	MemoryContextSwitchTo(old);
	as_of->command = GetCurrentCommandId(false);
	as_of->statement = GetCurrentStatementStartTimestamp();
	values[0] = PointerGetDatum(as_of->name);
	if (catalog_select("SELECT s.time_zone, e.as_of FROM custprio.scorecard s LEFT JOIN custprio.epoch e USING (scorecard_id)"
					   " WHERE s.name = $1", 1, types, values, NULL, read_as_of, as_of) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("scorecard \"%s\" does not exist", text_to_cstring(name)),
				 errhint("SELECT name FROM custprio.scorecard lists them; names are case-sensitive.")));
	fcinfo->flinfo->fn_extra = as_of;
	return as_of;
}

Datum
custprio_as_of(PG_FUNCTION_ARGS)
{
	AsOf	   *as_of = as_of_scorecard(fcinfo);

	if (!as_of->known)
		PG_RETURN_NULL();
	PG_RETURN_DATEADT(as_of->day);
}

/* Whole local days from a moment to the as-of day. */
Datum
custprio_recency_days(PG_FUNCTION_ARGS)
{
	TimestampTz moment = PG_GETARG_TIMESTAMPTZ(1);
	AsOf	   *as_of = as_of_scorecard(fcinfo);
	struct pg_tm tm;
	fsec_t		fsec;
	int			offset;

	if (!as_of->known || TIMESTAMP_NOT_FINITE(moment))
		PG_RETURN_NULL();
	if (timestamp2tm(moment, &offset, &tm, &fsec, NULL, as_of->zone) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	PG_RETURN_INT32(as_of->day - (date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE));
}
