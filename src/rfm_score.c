/*
 * rfm_score.c: the type rfm_score, three digits 1 to 9 for recency, frequency and monetary value.
 *
 * Higher is better in every digit. The score is stored in two bytes by value as the number it is written as, so
 * ordering, hashing and indexing an array of 1000 by score need no decoding.
 */
#include "rfm_score.h"

#include "common/hashfn.h"
#include "libpq/pqformat.h"
#include "utils/sortsupport.h"

PG_FUNCTION_INFO_V1(custprio_rfm_in);
PG_FUNCTION_INFO_V1(custprio_rfm_out);
PG_FUNCTION_INFO_V1(custprio_rfm_recv);
PG_FUNCTION_INFO_V1(custprio_rfm_send);
PG_FUNCTION_INFO_V1(custprio_rfm_cmp);
PG_FUNCTION_INFO_V1(custprio_rfm_sortsupport);
PG_FUNCTION_INFO_V1(custprio_rfm_hash);
PG_FUNCTION_INFO_V1(custprio_rfm_hash_extended);
PG_FUNCTION_INFO_V1(custprio_rfm_smaller);
PG_FUNCTION_INFO_V1(custprio_rfm_larger);
PG_FUNCTION_INFO_V1(custprio_rfm_from_int4);
PG_FUNCTION_INFO_V1(custprio_rfm_code);
PG_FUNCTION_INFO_V1(custprio_rfm_make);
PG_FUNCTION_INFO_V1(custprio_rfm_recency);
PG_FUNCTION_INFO_V1(custprio_rfm_frequency);
PG_FUNCTION_INFO_V1(custprio_rfm_monetary);

Datum
custprio_rfm_in(PG_FUNCTION_ARGS)
{
	char	   *input = PG_GETARG_CSTRING(0);
	bool		ok = true;

	/* A shorter string fails at its terminator, before anything behind it is read. */
	for (int i = 0; ok && i < 3; i++)
		ok = input[i] >= '1' && input[i] <= '9';

	if (!ok || input[3] != '\0')
		ereturn(fcinfo->context, (Datum) 0,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s: \"%s\"", "rfm_score", input),
				 errdetail("An RFM score is exactly three digits from 1 to 9: recency, frequency, monetary."),
				 errhint("Write it like \"543\", without spaces.")));

	PG_RETURN_RFM_SCORE(rfm_pack(input[0] - '0', input[1] - '0', input[2] - '0'));
}

Datum
custprio_rfm_out(PG_FUNCTION_ARGS)
{
	RfmScore	score = PG_GETARG_RFM_SCORE(0);
	char	   *result = palloc(4);

	result[0] = (char) ('0' + rfm_recency(score));
	result[1] = (char) ('0' + rfm_frequency(score));
	result[2] = (char) ('0' + rfm_monetary(score));
	result[3] = '\0';
	PG_RETURN_CSTRING(result);
}

Datum
custprio_rfm_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			value = (int16) pq_getmsgint(buf, 2);

	if (!rfm_is_valid(value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid binary value for type %s: %d", "rfm_score", value),
				 errdetail("An RFM score is sent as a two-byte integer whose three digits are each from 1 to 9.")));

	PG_RETURN_RFM_SCORE((RfmScore) value);
}

Datum
custprio_rfm_send(PG_FUNCTION_ARGS)
{
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendint16(&buf, (uint16) PG_GETARG_RFM_SCORE(0));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/* The six comparisons differ in nothing but the operator. */
#define RFM_COMPARISON(name, op) \
	PG_FUNCTION_INFO_V1(custprio_rfm_##name); \
	Datum \
	custprio_rfm_##name(PG_FUNCTION_ARGS) \
	{ \
		PG_RETURN_BOOL(PG_GETARG_RFM_SCORE(0) op PG_GETARG_RFM_SCORE(1)); \
	}

RFM_COMPARISON(eq, ==)
RFM_COMPARISON(ne, !=)
RFM_COMPARISON(lt, <)
RFM_COMPARISON(le, <=)
RFM_COMPARISON(gt, >)
RFM_COMPARISON(ge, >=)

static int
rfm_compare(RfmScore a, RfmScore b)
{
	return (int) a - (int) b;
}

Datum
custprio_rfm_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(rfm_compare(PG_GETARG_RFM_SCORE(0), PG_GETARG_RFM_SCORE(1)));
}

static int
rfm_fastcmp(Datum x, Datum y, SortSupport ssup)
{
	return rfm_compare(DatumGetRfmScore(x), DatumGetRfmScore(y));
}

Datum
custprio_rfm_sortsupport(PG_FUNCTION_ARGS)
{
	SortSupport ssup = (SortSupport) PG_GETARG_POINTER(0);

	ssup->comparator = rfm_fastcmp;
	PG_RETURN_VOID();
}

Datum
custprio_rfm_hash(PG_FUNCTION_ARGS)
{
	return hash_uint32((uint32) PG_GETARG_RFM_SCORE(0));
}

Datum
custprio_rfm_hash_extended(PG_FUNCTION_ARGS)
{
	return hash_uint32_extended((uint32) PG_GETARG_RFM_SCORE(0), PG_GETARG_INT64(1));
}

Datum
custprio_rfm_smaller(PG_FUNCTION_ARGS)
{
	PG_RETURN_RFM_SCORE(Min(PG_GETARG_RFM_SCORE(0), PG_GETARG_RFM_SCORE(1)));
}

Datum
custprio_rfm_larger(PG_FUNCTION_ARGS)
{
	PG_RETURN_RFM_SCORE(Max(PG_GETARG_RFM_SCORE(0), PG_GETARG_RFM_SCORE(1)));
}

Datum
custprio_rfm_from_int4(PG_FUNCTION_ARGS)
{
	int32		value = PG_GETARG_INT32(0);

	if (!rfm_is_valid(value))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("RFM score %d is out of range", value),
				 errdetail("An RFM score has three digits, each from 1 to 9.")));

	PG_RETURN_RFM_SCORE((RfmScore) value);
}

Datum
custprio_rfm_code(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(PG_GETARG_RFM_SCORE(0));
}

/* Raise unless one digit of a score under construction is in range. */
static void
check_digit(int32 digit, const char *name)
{
	if (digit < RFM_MIN_DIGIT || digit > RFM_MAX_DIGIT)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("%s score %d is out of range", name, digit),
				 errdetail("Every digit of an RFM score is from 1 to 9.")));
}

Datum
custprio_rfm_make(PG_FUNCTION_ARGS)
{
	int32		recency = PG_GETARG_INT32(0);
	int32		frequency = PG_GETARG_INT32(1);
	int32		monetary = PG_GETARG_INT32(2);

	check_digit(recency, "recency");
	check_digit(frequency, "frequency");
	check_digit(monetary, "monetary");
	PG_RETURN_RFM_SCORE(rfm_pack(recency, frequency, monetary));
}

Datum
custprio_rfm_recency(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(rfm_recency(PG_GETARG_RFM_SCORE(0)));
}

Datum
custprio_rfm_frequency(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(rfm_frequency(PG_GETARG_RFM_SCORE(0)));
}

Datum
custprio_rfm_monetary(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(rfm_monetary(PG_GETARG_RFM_SCORE(0)));
}
