/*
 * ab_group.c: which group of an experiment a customer is in.
 *
 * The group follows from a hash of the experiment's name and the customer's key alone: the same on every server, in
 * every session and whatever other customers there are, and independent between experiments. 52 bits of SHA-256 make a
 * number in [0, 1), which falls into one of the groups' shares.
 */
#include "compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/sha2.h"
#include "common/cryptohash.h"
#include "fmgr.h"
#include "port/pg_bswap.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"

PG_FUNCTION_INFO_V1(custprio_ab_group);

#define SHARES_TOLERANCE 1e-9	/* that a sum of shares written in decimals may miss 1 by */

/* A number in [0, 1) that is as good as random. */
static double
hash_fraction(const text *experiment, const text *customer)
{
	uint32		length = pg_hton32((uint32) VARSIZE_ANY_EXHDR(experiment));
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);
	uint64		bits;

	/* the length keeps experiment "a" and customer "bc" apart from "ab" and "c" */
	if (context == NULL || pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, (const uint8 *) &length, sizeof(length)) < 0 ||
		pg_cryptohash_update(context, (const uint8 *) VARDATA_ANY(experiment), VARSIZE_ANY_EXHDR(experiment)) < 0 ||
		pg_cryptohash_update(context, (const uint8 *) VARDATA_ANY(customer), VARSIZE_ANY_EXHDR(customer)) < 0 ||
		pg_cryptohash_final(context, digest, sizeof(digest)) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not compute a SHA-256 hash")));
	pg_cryptohash_free(context);
	memcpy(&bits, digest, sizeof(bits));
	return ldexp((double) (pg_ntoh64(bits) >> 12), -52);
}

/* ab_group(experiment text, customer text, shares float8[]): 1 to the number of shares */
Datum
custprio_ab_group(PG_FUNCTION_ARGS)
{
	ArrayType  *shares = PG_GETARG_ARRAYTYPE_P(2);
	double		at = hash_fraction(PG_GETARG_TEXT_PP(0), PG_GETARG_TEXT_PP(1));
	double		upto = 0;
	Datum	   *share;
	bool	   *nulls;
	int			n;
	int			group = 0;

	deconstruct_array(shares, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &share, &nulls, &n);
	if (n == 0 || ARR_NDIM(shares) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"shares\" must be a list of shares"),
				 errhint("'{0.5,0.5}' makes two groups of the same size.")));
	for (int i = 0; i < n; i++)
	{
		double		value = nulls[i] ? get_float8_nan() : DatumGetFloat8(share[i]);

		if (!(value > 0 && value <= 1))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"shares\" must hold shares above 0 and up to 1"),
					 errdetail("Element %d is %s.", i + 1, nulls[i] ? "NULL" : float8out_internal(value))));
		upto += value;
		if (group == 0 && at < upto)
			group = i + 1;
	}
	if (fabs(upto - 1) > SHARES_TOLERANCE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"shares\" must add up to 1"),
				 errdetail("The sum is %s.", float8out_internal(upto)),
				 errhint("Give customers outside the experiment a group of their own.")));
	PG_RETURN_INT32(group == 0 ? n : group);	/* 0: the sum was rounded down */
}
