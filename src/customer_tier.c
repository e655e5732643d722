/*
 * customer_tier.c: the type customer_tier, one letter A to Z of which A is the best.
 *
 * A tier is stored in one byte by value as its rank (A = 1), so that comparing ranks sorts A first and a published
 * row spends no more on it than it must. On the wire it is the letter, in text and in binary, which keeps the rank an
 * inner matter.
 */
#include "customer_tier.h"

#include "common/hashfn.h"
#include "libpq/pqformat.h"
#include "utils/sortsupport.h"

PG_FUNCTION_INFO_V1(custprio_tier_in);
PG_FUNCTION_INFO_V1(custprio_tier_out);
PG_FUNCTION_INFO_V1(custprio_tier_recv);
PG_FUNCTION_INFO_V1(custprio_tier_send);
PG_FUNCTION_INFO_V1(custprio_tier_cmp);
PG_FUNCTION_INFO_V1(custprio_tier_sortsupport);
PG_FUNCTION_INFO_V1(custprio_tier_hash);
PG_FUNCTION_INFO_V1(custprio_tier_hash_extended);
PG_FUNCTION_INFO_V1(custprio_tier_smaller);
PG_FUNCTION_INFO_V1(custprio_tier_larger);
PG_FUNCTION_INFO_V1(custprio_tier_from_int4);
PG_FUNCTION_INFO_V1(custprio_tier_rank);
PG_FUNCTION_INFO_V1(custprio_tier_distance);

Datum
custprio_tier_in(PG_FUNCTION_ARGS)
{
	char	   *input = PG_GETARG_CSTRING(0);
	CustomerTier tier = input[0] != '\0' && input[1] == '\0' ? tier_from_letter((unsigned char) input[0]) : 0;

	if (tier == 0)
		ereturn(fcinfo->context, (Datum) 0,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s: \"%s\"", "customer_tier", input),
				 errdetail("A tier is exactly one letter from A to Z."),
				 errhint("A is the best tier. Lower case and spaces are not accepted.")));

	PG_RETURN_CUSTOMER_TIER(tier);
}

Datum
custprio_tier_out(PG_FUNCTION_ARGS)
{
	char	   *result = palloc(2);

	result[0] = tier_letter(PG_GETARG_CUSTOMER_TIER(0));
	result[1] = '\0';
	PG_RETURN_CSTRING(result);
}

Datum
custprio_tier_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			letter = pq_getmsgbyte(buf);
	CustomerTier tier = tier_from_letter((unsigned char) letter);

	if (tier == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid binary value for type %s: byte %d", "customer_tier", letter),
				 errdetail("A tier is sent as its letter, one byte from 65 (A) to 90 (Z).")));

	PG_RETURN_CUSTOMER_TIER(tier);
}

Datum
custprio_tier_send(PG_FUNCTION_ARGS)
{
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendbyte(&buf, (uint8) tier_letter(PG_GETARG_CUSTOMER_TIER(0)));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/* The six comparisons differ in nothing but the operator. */
#define TIER_COMPARISON(name, op) \
	PG_FUNCTION_INFO_V1(custprio_tier_##name); \
	Datum \
	custprio_tier_##name(PG_FUNCTION_ARGS) \
	{ \
		PG_RETURN_BOOL(PG_GETARG_CUSTOMER_TIER(0) op PG_GETARG_CUSTOMER_TIER(1)); \
	}

TIER_COMPARISON(eq, ==)
TIER_COMPARISON(ne, !=)
TIER_COMPARISON(lt, <)
TIER_COMPARISON(le, <=)
TIER_COMPARISON(gt, >)
TIER_COMPARISON(ge, >=)

static int
tier_compare(CustomerTier a, CustomerTier b)
{
	return (int) a - (int) b;
}

Datum
custprio_tier_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(tier_compare(PG_GETARG_CUSTOMER_TIER(0), PG_GETARG_CUSTOMER_TIER(1)));
}

static int
tier_fastcmp(Datum x, Datum y, SortSupport ssup)
{
	return tier_compare(DatumGetCustomerTier(x), DatumGetCustomerTier(y));
}

Datum
custprio_tier_sortsupport(PG_FUNCTION_ARGS)
{
	SortSupport ssup = (SortSupport) PG_GETARG_POINTER(0);

	ssup->comparator = tier_fastcmp;
	PG_RETURN_VOID();
}

Datum
custprio_tier_hash(PG_FUNCTION_ARGS)
{
	return hash_uint32(PG_GETARG_CUSTOMER_TIER(0));
}

Datum
custprio_tier_hash_extended(PG_FUNCTION_ARGS)
{
	return hash_uint32_extended(PG_GETARG_CUSTOMER_TIER(0), PG_GETARG_INT64(1));
}

/* Transition of min(): the tier that ranks before, so the better one. */
Datum
custprio_tier_smaller(PG_FUNCTION_ARGS)
{
	PG_RETURN_CUSTOMER_TIER(Min(PG_GETARG_CUSTOMER_TIER(0), PG_GETARG_CUSTOMER_TIER(1)));
}

Datum
custprio_tier_larger(PG_FUNCTION_ARGS)
{
	PG_RETURN_CUSTOMER_TIER(Max(PG_GETARG_CUSTOMER_TIER(0), PG_GETARG_CUSTOMER_TIER(1)));
}

Datum
custprio_tier_from_int4(PG_FUNCTION_ARGS)
{
	int32		rank = PG_GETARG_INT32(0);

	if (!tier_is_valid(rank))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("tier rank %d is out of range", rank),
				 errdetail("Tiers are numbered from 1 (A, the best) to 26 (Z).")));

	PG_RETURN_CUSTOMER_TIER((CustomerTier) rank);
}

Datum
custprio_tier_rank(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(PG_GETARG_CUSTOMER_TIER(0));
}

/* How many steps lie between two tiers, whichever is better. */
Datum
custprio_tier_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(abs(tier_compare(PG_GETARG_CUSTOMER_TIER(0), PG_GETARG_CUSTOMER_TIER(1))));
}
