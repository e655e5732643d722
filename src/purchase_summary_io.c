/*
 * purchase_summary_io.c: the type's text and binary forms, and its accessors.
 *
 * Text is a JSON object with ISO dates and UTC instants, so it does not depend on DateStyle or TimeZone. Both input
 * functions distrust what they read: every relation between the fields is checked before a value is made of it.
 */
#include "custprio.h"

#include <math.h>

#include "exact.h"
#include "purchase_summary.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(custprio_summary_in);
PG_FUNCTION_INFO_V1(custprio_summary_out);
PG_FUNCTION_INFO_V1(custprio_summary_recv);
PG_FUNCTION_INFO_V1(custprio_summary_send);
PG_FUNCTION_INFO_V1(custprio_summary_eq);
PG_FUNCTION_INFO_V1(custprio_summary_ne);
PG_FUNCTION_INFO_V1(custprio_summary_purchases);
PG_FUNCTION_INFO_V1(custprio_summary_purchase_days);
PG_FUNCTION_INFO_V1(custprio_summary_first_purchase);
PG_FUNCTION_INFO_V1(custprio_summary_last_purchase);
PG_FUNCTION_INFO_V1(custprio_summary_first_day);
PG_FUNCTION_INFO_V1(custprio_summary_last_day);
PG_FUNCTION_INFO_V1(custprio_summary_revenue);
PG_FUNCTION_INFO_V1(custprio_summary_gross);
PG_FUNCTION_INFO_V1(custprio_summary_returns);
PG_FUNCTION_INFO_V1(custprio_summary_average_order_value);
PG_FUNCTION_INFO_V1(custprio_summary_recency);
PG_FUNCTION_INFO_V1(custprio_summary_tenure);
PG_FUNCTION_INFO_V1(custprio_summary_repeat_days);
PG_FUNCTION_INFO_V1(custprio_summary_repeat_recency);
PG_FUNCTION_INFO_V1(custprio_summary_repeat_log_intervals);
PG_FUNCTION_INFO_V1(custprio_summary_repeat_value);

#define COMPARE_NUMERIC(f, a, b) \
	DatumGetBool(DirectFunctionCall2(f, NumericGetDatum(a), NumericGetDatum(b)))

/* A value as it comes from outside, before it is believed. */
typedef struct SummaryParts
{
	char	   *zone;
	SummarySums sums;
	DateADT    *days;
	PurchaseSummary header;		/* counts, instants and scale; nothing behind it */
} SummaryParts;

static void
bad_summary(int sqlstate, const char *detail)
{
	ereport(ERROR,
			(errcode(sqlstate),
			 errmsg("invalid purchase_summary"),
			 errdetail_internal("%s", detail)));
}

/* Decimals of a finite number. */
static int
numeric_scale_of(Numeric num)
{
	return DatumGetInt32(DirectFunctionCall1(numeric_scale, NumericGetDatum(num)));
}

/* Turn parts into a value, or raise sqlstate with what is wrong with them. */
static PurchaseSummary *
summary_from_parts(SummaryParts *parts, int sqlstate)
{
	PurchaseSummary *h = &parts->header;
	Numeric		zero = exact_to_numeric(0, 0);
	pg_tz	   *zone;
	ZoneDays   *zd;
	int			off;

	zone = strlen(parts->zone) <= PG_UINT8_MAX ? pg_tzset(parts->zone) : NULL;
	if (zone == NULL || !pg_tz_acceptable(zone))
		bad_summary(sqlstate, "The time zone is not known.");
	if (h->purchases < 0 || h->returns < 0)
		bad_summary(sqlstate, "A count is negative.");
	if (h->n_days > h->purchases || (h->purchases > 0 && h->n_days == 0))
		bad_summary(sqlstate, "The number of purchase days does not go with the number of purchases.");
	for (int i = 0; i < h->n_days; i++)
	{
		if (DATE_NOT_FINITE(parts->days[i]) || !IS_VALID_DATE(parts->days[i]))
			bad_summary(sqlstate, "A purchase day is out of range.");
		if (i > 0 && parts->days[i] <= parts->days[i - 1])
			bad_summary(sqlstate, "The purchase days are not sorted, or one stands there twice.");
	}
	if (numeric_is_nan(parts->sums.gross) || numeric_is_inf(parts->sums.gross) ||
		numeric_is_nan(parts->sums.returned) || numeric_is_inf(parts->sums.returned) ||
		numeric_is_nan(parts->sums.first_gross) || numeric_is_inf(parts->sums.first_gross))
		bad_summary(sqlstate, "A sum is not a finite number.");
	if (numeric_scale_of(parts->sums.gross) > h->scale || numeric_scale_of(parts->sums.returned) > h->scale ||
		numeric_scale_of(parts->sums.first_gross) > h->scale)
		bad_summary(sqlstate, "A sum has too many decimals.");
	if (COMPARE_NUMERIC(numeric_lt, parts->sums.gross, zero) ||
		COMPARE_NUMERIC(numeric_lt, parts->sums.returned, zero) ||
		COMPARE_NUMERIC(numeric_lt, parts->sums.first_gross, zero) ||
		COMPARE_NUMERIC(numeric_gt, parts->sums.first_gross, parts->sums.gross))
		bad_summary(sqlstate, "The sums contradict each other.");
	if (h->n_days <= 1 && COMPARE_NUMERIC(numeric_ne, parts->sums.first_gross, parts->sums.gross))
		bad_summary(sqlstate, "The gross of the only purchase day is not the gross total.");
	if ((h->n_days == 0 && COMPARE_NUMERIC(numeric_ne, parts->sums.gross, zero)) ||
		((h->returns > 0) != COMPARE_NUMERIC(numeric_ne, parts->sums.returned, zero)))
		bad_summary(sqlstate, "A sum does not go with its count.");

	if (h->purchases > 0)
	{
		if (!IS_VALID_TIMESTAMP(h->first) || !IS_VALID_TIMESTAMP(h->last) || h->first > h->last)
			bad_summary(sqlstate, "The first purchase is not before the last one.");
		if (h->purchases == 1 && h->first != h->last)
			bad_summary(sqlstate, "The only purchase is not the first and the last one.");
		/* where clocks go back over midnight, the first instant may fall on the day after the first day */
		zd = zone_days_create(zone);
		off = zone_day(zd, h->first) - parts->days[0];
		if (off < 0 || off > 1)
			bad_summary(sqlstate, "The first purchase is not on the first purchase day.");
		off = parts->days[h->n_days - 1] - zone_day(zd, h->last);
		if (off < 0 || off > 1)
			bad_summary(sqlstate, "The last purchase is not on the last purchase day.");
	}
	else
		h->first = h->last = 0;

	return summary_build(h, pg_get_timezone_name(zone), &parts->sums, parts->days);
}

/* A member of the JSON object as text; raises when it is absent or of another kind. */
static char *
json_member(JsonbContainer *object, const char *name, bool null_allowed)
{
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(object, name, strlen(name), &value) != NULL)
	{
		if (value.type == jbvString)
			return pnstrdup(value.val.string.val, value.val.string.len);
		if (value.type == jbvNumeric)
			return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value.val.numeric)));
		if (value.type == jbvNull && null_allowed)
			return NULL;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type %s", "purchase_summary"),
			 errdetail("Member \"%s\" is missing or of the wrong type.", name)));
	return NULL;				/* keep compiler quiet */
}

/* An instant, or 0 where it is null; that is how it must be without a purchase. */
static TimestampTz
json_instant(JsonbContainer *object, const char *name, bool present)
{
	char	   *text = json_member(object, name, true);

	if (present != (text != NULL))
		bad_summary(ERRCODE_INVALID_TEXT_REPRESENTATION, "The first and last purchase do not go with the count.");
	if (text == NULL)
		return 0;
	return DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(text),
												   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

static Numeric
numeric_from_text(const char *text)
{
	return DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(text),
											   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

static int64
int8_from_text(const char *text)
{
	return DatumGetInt64(DirectFunctionCall1(int8in, CStringGetDatum(text)));
}

/* Decimals that a sum asks for, within what a summary may have; what is more is refused later. */
static int
text_scale(Numeric num)
{
	if (numeric_is_nan(num) || numeric_is_inf(num))
		return 0;
	return Min(numeric_scale_of(num), SUMMARY_MAX_SCALE);
}

Datum
custprio_summary_in(PG_FUNCTION_ARGS)
{
	Jsonb	   *json = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, PG_GETARG_DATUM(0)));
	JsonbContainer *object = &json->root;
	SummaryParts parts;
	JsonbValue	days;

	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s", "purchase_summary"),
				 errdetail("A purchase_summary is written as a JSON object.")));

	memset(&parts, 0, sizeof(parts));
	parts.zone = json_member(object, "zone", false);
	parts.header.purchases = int8_from_text(json_member(object, "purchases", false));
	parts.header.returns = int8_from_text(json_member(object, "returns", false));
	parts.header.first = json_instant(object, "first", parts.header.purchases != 0);
	parts.header.last = json_instant(object, "last", parts.header.purchases != 0);
	parts.sums.gross = numeric_from_text(json_member(object, "gross", false));
	parts.sums.returned = numeric_from_text(json_member(object, "returned", false));
	parts.sums.first_gross = numeric_from_text(json_member(object, "first_day_gross", false));
	parts.header.scale = Max(text_scale(parts.sums.gross),
							 Max(text_scale(parts.sums.returned), text_scale(parts.sums.first_gross)));

	if (getKeyJsonValueFromContainer(object, "days", strlen("days"), &days) == NULL ||
		days.type != jbvBinary || !JsonContainerIsArray(days.val.binary.data))
		bad_summary(ERRCODE_INVALID_TEXT_REPRESENTATION, "Member \"days\" is not an array.");
	parts.header.n_days = JsonContainerSize(days.val.binary.data);
	parts.days = palloc((parts.header.n_days + 1) * sizeof(DateADT));
	for (int i = 0; i < parts.header.n_days; i++)
	{
		JsonbValue *day = getIthJsonbValueFromContainer(days.val.binary.data, i);

		if (day->type != jbvString)
			bad_summary(ERRCODE_INVALID_TEXT_REPRESENTATION, "A purchase day is not a string.");
		parts.days[i] = DatumGetDateADT(DirectFunctionCall1(date_in,
															CStringGetDatum(pnstrdup(day->val.string.val,
																					 day->val.string.len))));
	}
	PG_RETURN_POINTER(summary_from_parts(&parts, ERRCODE_INVALID_TEXT_REPRESENTATION));
}

static void
append_instant(StringInfo out, const char *name, TimestampTz at, bool present)
{
	char		text[MAXDATELEN + 1];
	int			utc = 0;

	appendStringInfo(out, ", \"%s\": ", name);
	if (present)
		appendStringInfo(out, "\"%s\"",
						 JsonEncodeDateTime(text, TimestampTzGetDatum(at), TIMESTAMPTZOID, &utc));
	else
		appendStringInfoString(out, "null");
}

Datum
custprio_summary_out(PG_FUNCTION_ARGS)
{
	PurchaseSummary *s = PG_GETARG_PURCHASE_SUMMARY_P(0);
	SummarySums sums;
	StringInfoData out;

	initStringInfo(&out);
	summary_sums(s, &sums);
	appendStringInfoString(&out, "{\"zone\": ");
	escape_json(&out, pnstrdup(s->data, s->zone_len));
	appendStringInfo(&out, ", \"purchases\": " INT64_FORMAT ", \"returns\": " INT64_FORMAT,
					 s->purchases, s->returns);
	append_instant(&out, "first", s->first, s->purchases > 0);
	append_instant(&out, "last", s->last, s->purchases > 0);
	appendStringInfo(&out, ", \"gross\": \"%s\"", exact_text(sums.gross));
	appendStringInfo(&out, ", \"returned\": \"%s\"", exact_text(sums.returned));
	appendStringInfo(&out, ", \"first_day_gross\": \"%s\", \"days\": [", exact_text(sums.first_gross));
	for (int i = 0; i < s->n_days; i++)
	{
		char		text[MAXDATELEN + 1];

		JsonEncodeDateTime(text, DateADTGetDatum(SUMMARY_DAYS(s)[i]), DATEOID, NULL);
		appendStringInfo(&out, "%s\"%s\"", i > 0 ? ", " : "", text);
	}
	appendStringInfoString(&out, "]}");
	PG_RETURN_CSTRING(out.data);
}

/*
 * Binary form: format (1 byte), length and bytes of the zone's name, scale (2), purchases and returns (8 each), first
 * and last (8 each), gross, returned and first day's gross (each a length of 4 and what numeric_send gives), number of
 * days (4), days (4 each).
 */
static void
send_numeric(StringInfo buf, Numeric num)
{
	bytea	   *bytes = DatumGetByteaP(DirectFunctionCall1(numeric_send, NumericGetDatum(num)));

	pq_sendint32(buf, VARSIZE(bytes) - VARHDRSZ);
	pq_sendbytes(buf, VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ);
}

Datum
custprio_summary_send(PG_FUNCTION_ARGS)
{
	PurchaseSummary *s = PG_GETARG_PURCHASE_SUMMARY_P(0);
	SummarySums sums;
	StringInfoData buf;

	summary_sums(s, &sums);
	pq_begintypsend(&buf);
	pq_sendbyte(&buf, SUMMARY_FORMAT);
	pq_sendbyte(&buf, s->zone_len);
	pq_sendbytes(&buf, s->data, s->zone_len);
	pq_sendint16(&buf, s->scale);
	pq_sendint64(&buf, s->purchases);
	pq_sendint64(&buf, s->returns);
	pq_sendint64(&buf, s->first);
	pq_sendint64(&buf, s->last);
	send_numeric(&buf, sums.gross);
	send_numeric(&buf, sums.returned);
	send_numeric(&buf, sums.first_gross);
	pq_sendint32(&buf, s->n_days);
	for (int i = 0; i < s->n_days; i++)
		pq_sendint32(&buf, SUMMARY_DAYS(s)[i]);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

static Numeric
recv_numeric(StringInfo buf)
{
	int32		len = pq_getmsgint(buf, 4);
	StringInfoData part;
	Numeric		num;

	if (len < 0 || len > buf->len - buf->cursor)
		bad_summary(ERRCODE_INVALID_BINARY_REPRESENTATION, "The length of a sum is wrong.");
	initStringInfo(&part);
	appendBinaryStringInfo(&part, pq_getmsgbytes(buf, len), len);
	num = DatumGetNumeric(DirectFunctionCall3(numeric_recv, PointerGetDatum(&part),
											  ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	if (part.cursor != part.len)
		bad_summary(ERRCODE_INVALID_BINARY_REPRESENTATION, "The length of a sum is wrong.");
	return num;
}

Datum
custprio_summary_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	SummaryParts parts;
	int			zone_len;

	memset(&parts, 0, sizeof(parts));
	if (pq_getmsgbyte(buf) != SUMMARY_FORMAT)
		bad_summary(ERRCODE_INVALID_BINARY_REPRESENTATION, "The format is not known.");
	zone_len = pq_getmsgbyte(buf);
	parts.zone = pnstrdup(pq_getmsgbytes(buf, zone_len), zone_len);
	/* the zone library takes any bytes between angle brackets */
	pg_verifymbstr(parts.zone, strlen(parts.zone), false);
	parts.header.scale = pq_getmsgint(buf, 2);
	if (parts.header.scale > SUMMARY_MAX_SCALE)
		bad_summary(ERRCODE_INVALID_BINARY_REPRESENTATION, "The scale is out of range.");
	parts.header.purchases = pq_getmsgint64(buf);
	parts.header.returns = pq_getmsgint64(buf);
	parts.header.first = pq_getmsgint64(buf);
	parts.header.last = pq_getmsgint64(buf);
	parts.sums.gross = recv_numeric(buf);
	parts.sums.returned = recv_numeric(buf);
	parts.sums.first_gross = recv_numeric(buf);
	parts.header.n_days = pq_getmsgint(buf, 4);
	if (parts.header.n_days < 0 ||
		parts.header.n_days != (buf->len - buf->cursor) / (int) sizeof(DateADT) ||
		(buf->len - buf->cursor) % sizeof(DateADT) != 0)
		bad_summary(ERRCODE_INVALID_BINARY_REPRESENTATION, "The number of days does not go with the length.");
	parts.days = palloc((parts.header.n_days + 1) * sizeof(DateADT));
	for (int i = 0; i < parts.header.n_days; i++)
		parts.days[i] = pq_getmsgint(buf, 4);
	PG_RETURN_POINTER(summary_from_parts(&parts, ERRCODE_INVALID_BINARY_REPRESENTATION));
}

static bool
summary_equal(const PurchaseSummary *a, const PurchaseSummary *b)
{
	return VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

Datum
custprio_summary_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(summary_equal(PG_GETARG_PURCHASE_SUMMARY_P(0), PG_GETARG_PURCHASE_SUMMARY_P(1)));
}

Datum
custprio_summary_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!summary_equal(PG_GETARG_PURCHASE_SUMMARY_P(0), PG_GETARG_PURCHASE_SUMMARY_P(1)));
}

Datum
custprio_summary_purchases(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(PG_GETARG_PURCHASE_SUMMARY_P(0)->purchases);
}

Datum
custprio_summary_purchase_days(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(PG_GETARG_PURCHASE_SUMMARY_P(0)->n_days);
}

Datum
custprio_summary_first_purchase(PG_FUNCTION_ARGS)
{
	PurchaseSummary *s = PG_GETARG_PURCHASE_SUMMARY_P(0);

	if (s->purchases == 0)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(s->first);
}

Datum
custprio_summary_last_purchase(PG_FUNCTION_ARGS)
{
	PurchaseSummary *s = PG_GETARG_PURCHASE_SUMMARY_P(0);

	if (s->purchases == 0)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(s->last);
}

Datum
custprio_summary_first_day(PG_FUNCTION_ARGS)
{
	PurchaseSummary *s = PG_GETARG_PURCHASE_SUMMARY_P(0);

	if (s->n_days == 0)
		PG_RETURN_NULL();
	PG_RETURN_DATEADT(SUMMARY_DAYS(s)[0]);
}

Datum
custprio_summary_last_day(PG_FUNCTION_ARGS)
{
	PurchaseSummary *s = PG_GETARG_PURCHASE_SUMMARY_P(0);

	if (s->n_days == 0)
		PG_RETURN_NULL();
	PG_RETURN_DATEADT(SUMMARY_DAYS(s)[s->n_days - 1]);
}

Datum
custprio_summary_revenue(PG_FUNCTION_ARGS)
{
	PG_RETURN_NUMERIC(summary_revenue(PG_GETARG_PURCHASE_SUMMARY_P(0)));
}

/* A sum is copied out of the summary: what the wide block holds is no value of its own. */
static Datum
copy_numeric(Numeric num)
{
	return PointerGetDatum(PG_DETOAST_DATUM_COPY(NumericGetDatum(num)));
}

Datum
custprio_summary_gross(PG_FUNCTION_ARGS)
{
	SummarySums sums;

	summary_sums(PG_GETARG_PURCHASE_SUMMARY_P(0), &sums);
	PG_RETURN_DATUM(copy_numeric(sums.gross));
}

Datum
custprio_summary_returns(PG_FUNCTION_ARGS)
{
	SummarySums sums;

	summary_sums(PG_GETARG_PURCHASE_SUMMARY_P(0), &sums);
	PG_RETURN_DATUM(copy_numeric(sums.returned));
}

static Datum
divide(Numeric sum, int64 by)
{
	return DirectFunctionCall2(numeric_div, NumericGetDatum(sum), NumericGetDatum(int64_to_numeric(by)));
}

Datum
custprio_summary_average_order_value(PG_FUNCTION_ARGS)
{
	PurchaseSummary *s = PG_GETARG_PURCHASE_SUMMARY_P(0);

	if (s->purchases == 0)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(divide(summary_revenue(s), s->purchases));
}

/* Whole days from one of the summary's days to an as-of day that must not lie before its last day. */
static int32
days_until(const PurchaseSummary *s, DateADT from, DateADT as_of)
{
	if (DATE_NOT_FINITE(as_of))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("as-of day must be finite")));
	if (as_of < SUMMARY_DAYS(s)[s->n_days - 1])
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("as-of day %s is before the last purchase",
						DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum(as_of)))),
				 errdetail("The last purchase is on %s.",
						   DatumGetCString(DirectFunctionCall1(date_out,
															   DateADTGetDatum(SUMMARY_DAYS(s)[s->n_days - 1])))),
				 errhint("Summarize only the purchases up to the as-of day.")));
	return as_of - from;
}

Datum
custprio_summary_recency(PG_FUNCTION_ARGS)
{
	PurchaseSummary *s = PG_GETARG_PURCHASE_SUMMARY_P(0);

	if (s->n_days == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(days_until(s, SUMMARY_DAYS(s)[s->n_days - 1], PG_GETARG_DATEADT(1)));
}

Datum
custprio_summary_tenure(PG_FUNCTION_ARGS)
{
	PurchaseSummary *s = PG_GETARG_PURCHASE_SUMMARY_P(0);

	if (s->n_days == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(days_until(s, SUMMARY_DAYS(s)[0], PG_GETARG_DATEADT(1)));
}

Datum
custprio_summary_repeat_days(PG_FUNCTION_ARGS)
{
	PurchaseSummary *s = PG_GETARG_PURCHASE_SUMMARY_P(0);

	if (s->n_days == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(s->n_days - 1);
}

Datum
custprio_summary_repeat_recency(PG_FUNCTION_ARGS)
{
	PurchaseSummary *s = PG_GETARG_PURCHASE_SUMMARY_P(0);

	if (s->n_days == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(SUMMARY_DAYS(s)[s->n_days - 1] - SUMMARY_DAYS(s)[0]);
}

/* (summary, unit_days): of the times between neighbouring purchase days; 0 without any */
Datum
custprio_summary_repeat_log_intervals(PG_FUNCTION_ARGS)
{
	PurchaseSummary *s = PG_GETARG_PURCHASE_SUMMARY_P(0);
	double		unit_days = PG_GETARG_FLOAT8(1);
	DateADT    *days = SUMMARY_DAYS(s);
	double		sum = 0;

	if (!isfinite(unit_days) || unit_days <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unit_days must be above zero and finite"),
				 errdetail("It is %s.", float8out_internal(unit_days)),
				 errhint("Give the days in the unit of time: 7 for weeks.")));
	if (s->n_days == 0)
		PG_RETURN_NULL();
	for (int i = 1; i < s->n_days; i++)
		sum += log((days[i] - days[i - 1]) / unit_days);
	PG_RETURN_FLOAT8(sum);
}

Datum
custprio_summary_repeat_value(PG_FUNCTION_ARGS)
{
	PurchaseSummary *s = PG_GETARG_PURCHASE_SUMMARY_P(0);
	SummarySums sums;

	if (s->n_days < 2)
		PG_RETURN_NULL();
	summary_sums(s, &sums);
	PG_RETURN_DATUM(divide(DatumGetNumeric(DirectFunctionCall2(numeric_sub, NumericGetDatum(sums.gross),
															   NumericGetDatum(sums.first_gross))),
						   s->n_days - 1));
}
