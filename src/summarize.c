/*
 * summarize.c: the aggregates that make and merge purchase summaries.
 *
 * The transition value is the summary itself, grown in place with slack: a base type with send and recv is what
 * partial aggregation across processes and machines can combine. Rows with a NULL time or amount are passed over, as
 * sum() does; NaN and infinite values are errors, because no total could stand for them.
 */
#include "custprio.h"

#include "purchase_summary.h"

#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(custprio_summarize_tz);
PG_FUNCTION_INFO_V1(custprio_summarize_date);
PG_FUNCTION_INFO_V1(custprio_summary_merge_trans);
PG_FUNCTION_INFO_V1(custprio_summary_final);
PG_FUNCTION_INFO_V1(custprio_summary_concat);

#define FIRST_CAPACITY 4

static PurchaseSummary *
transition_state(FunctionCallInfo fcinfo)
{
	if (!AggCheckCallContext(fcinfo, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("aggregate transition function called outside of an aggregate")));
	return PG_ARGISNULL(0) ? NULL : (PurchaseSummary *) PG_DETOAST_DATUM(PG_GETARG_DATUM(0));
}

/* A zone that a query has named. */
typedef struct NamedZone
{
	struct NamedZone *next;
	ZoneDays   *days;
	int			len;
	char		name[TZ_STRLEN_MAX + 1];
} NamedZone;

/* The zone named by an argument, looked up once per query; rows may alternate between zones. */
static ZoneDays *
zone_of_argument(FunctionCallInfo fcinfo, int argno)
{
	NamedZone  *latest = fcinfo->flinfo->fn_extra;
	NamedZone  *named;
	NamedZone **link;
	text	   *name;
	pg_tz	   *zone = NULL;
	char		buf[TZ_STRLEN_MAX + 1];
	MemoryContext old;

	if (PG_ARGISNULL(argno))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("time zone must not be null"),
				 errhint("Name the time zone in which days are counted, for example 'UTC'.")));
	name = PG_GETARG_TEXT_PP(argno);
	for (link = &latest; (named = *link) != NULL; link = &named->next)
	{
		if (named->len != (int) VARSIZE_ANY_EXHDR(name) || memcmp(named->name, VARDATA_ANY(name), named->len) != 0)
			continue;

		/* to the front, where the next row looks first */
		*link = named->next;
		named->next = latest;
		fcinfo->flinfo->fn_extra = named;
		return named->days;
	}

	text_to_cstring_buffer(name, buf, sizeof(buf));
	if (VARSIZE_ANY_EXHDR(name) <= TZ_STRLEN_MAX)
		zone = pg_tzset(buf);
	if (zone == NULL || !pg_tz_acceptable(zone))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" not recognized", buf),
				 errhint("See the view pg_timezone_names.")));

	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	named = palloc(sizeof(NamedZone));
	named->days = zone_days_create(zone);
	named->len = VARSIZE_ANY_EXHDR(name);
	memcpy(named->name, VARDATA_ANY(name), named->len);
	named->next = latest;
	fcinfo->flinfo->fn_extra = named;
	MemoryContextSwitchTo(old);
	return named->days;
}

static void
amount_of_argument(FunctionCallInfo fcinfo, int argno, PurchaseAmount *amount)
{
	Numeric		num = PG_GETARG_NUMERIC(argno);

	if (numeric_is_nan(num) || numeric_is_inf(num))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("cannot summarize an amount that is NaN or infinite"),
				 errhint("Leave such rows out, for example with FILTER (WHERE ...).")));
	purchase_amount_set(amount, num);
}

static void
check_finite_time(bool finite)
{
	if (!finite)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("cannot summarize a purchase at an infinite time"),
				 errhint("Leave such rows out, for example with FILTER (WHERE ...).")));
}

static PurchaseSummary *
add_in_zone(PurchaseSummary *s, const char *zone, DateADT day, TimestampTz at, const PurchaseAmount *amount)
{
	if (s == NULL)
		s = summary_create(zone, FIRST_CAPACITY);
	else if (s->zone_len != strlen(zone) || memcmp(s->data, zone, s->zone_len) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone must be the same for all rows of a group"),
				 errdetail("It is \"%.*s\" for one row and \"%s\" for another.", (int) s->zone_len, s->data, zone)));
	return summary_add(s, day, at, amount);
}

/* summarize(purchased_at timestamptz, amount numeric, time_zone text) */
Datum
custprio_summarize_tz(PG_FUNCTION_ARGS)
{
	PurchaseSummary *s = transition_state(fcinfo);
	PurchaseAmount amount;
	TimestampTz at;
	ZoneDays   *zone;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
	{
		if (s == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(s);
	}
	zone = zone_of_argument(fcinfo, 3);
	at = PG_GETARG_TIMESTAMPTZ(1);
	check_finite_time(!TIMESTAMP_NOT_FINITE(at));
	amount_of_argument(fcinfo, 2, &amount);
	PG_RETURN_POINTER(add_in_zone(s, pg_get_timezone_name(zone->zone), zone_day(zone, at), at, &amount));
}

/* summarize(purchased_on date, amount numeric): the same as midnight in UTC */
Datum
custprio_summarize_date(PG_FUNCTION_ARGS)
{
	PurchaseSummary *s = transition_state(fcinfo);
	PurchaseAmount amount;
	DateADT		day;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
	{
		if (s == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(s);
	}
	day = PG_GETARG_DATEADT(1);
	check_finite_time(!DATE_NOT_FINITE(day));
	if (day >= TIMESTAMP_END_JULIAN - POSTGRES_EPOCH_JDATE)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("date out of range for timestamp")));
	amount_of_argument(fcinfo, 2, &amount);
	PG_RETURN_POINTER(add_in_zone(s, "UTC", day, (TimestampTz) day * USECS_PER_DAY, &amount));
}

/* Combines two transition values; also the transition function of merge(purchase_summary). */
Datum
custprio_summary_merge_trans(PG_FUNCTION_ARGS)
{
	PurchaseSummary *s = transition_state(fcinfo);

	if (PG_ARGISNULL(1))
	{
		if (s == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(s);
	}
	if (s == NULL)
		PG_RETURN_POINTER(summary_compact(PG_GETARG_PURCHASE_SUMMARY_P(1)));
	PG_RETURN_POINTER(summary_merge(s, PG_GETARG_PURCHASE_SUMMARY_P(1)));
}

/* Never touches its argument: a final function may run more than once on one state. */
Datum
custprio_summary_final(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_POINTER(summary_compact(PG_GETARG_PURCHASE_SUMMARY_P(0)));
}

/* summary || summary */
Datum
custprio_summary_concat(PG_FUNCTION_ARGS)
{
	PurchaseSummary *copy = summary_compact(PG_GETARG_PURCHASE_SUMMARY_P(0));

	copy = summary_merge(copy, PG_GETARG_PURCHASE_SUMMARY_P(1));
	PG_RETURN_POINTER(summary_compact(copy));
}
