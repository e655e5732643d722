/*
 * proportion.c: shares of customers with their intervals, and what is made of them.
 *
 * The interval of one share is E. B. Wilson's (Journal of the American Statistical Association 22 (1927) 209-212): the
 * shares that the data do not contradict. It stays inside 0 to 1 and is right for few customers and for 0 %. That of a
 * difference of two shares is R. G. Newcombe's hybrid of the two Wilson intervals (Statistics in Medicine 17 (1998)
 * 873-890, method 10). Promoters and detractors are shares of the same customers; their difference's interval is made
 * in the same way with the correlation that shares of one sample have (G. Y. Zou and A. Donner, Statistics in Medicine
 * 27 (2008) 1693-1702).
 */
#include "custprio.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "stats/arguments.h"
#include "stats/distribution.h"
#include "utils/builtins.h"
#include "utils/float.h"

PG_FUNCTION_INFO_V1(custprio_wilson_interval);
PG_FUNCTION_INFO_V1(custprio_ab_result);
PG_FUNCTION_INFO_V1(custprio_counts_combine);
PG_FUNCTION_INFO_V1(custprio_repurchase_add);
PG_FUNCTION_INFO_V1(custprio_csat_add);
PG_FUNCTION_INFO_V1(custprio_nps_add);
PG_FUNCTION_INFO_V1(custprio_share_final);
PG_FUNCTION_INFO_V1(custprio_nps_final);

#define LEVEL		0.95		/* of the aggregates' intervals */
#define SATISFIED	4			/* on the usual scale of 1 to 5 */

typedef struct Share
{
	double		value;
	double		lower;
	double		upper;
} Share;

static Share
wilson(int64 hits, int64 n, double z)
{
	double		p = (double) hits / n;
	double		center = (p + z * z / (2.0 * n)) / (1 + z * z / n);
	double		half = z * sqrt(p * (1 - p) / n + z * z / (4.0 * n * n)) / (1 + z * z / n);

	/* exactly 0 and 1 where they are, without the last bit of rounding */
	return (Share) {p, hits == 0 ? 0 : Max(center - half, 0), hits == n ? 1 : Min(center + half, 1)};
}

static Datum
row_of(FunctionCallInfo fcinfo, Datum *values, bool *nulls, int n)
{
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (desc->natts != n)
		elog(ERROR, "row type has %d attributes instead of %d", desc->natts, n);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* (share, lower_bound, upper_bound, hits, n) */
static Datum
share_row(FunctionCallInfo fcinfo, int64 hits, int64 n, double z)
{
	Share		share = n > 0 ? wilson(hits, n, z) : (Share) {0};
	Datum		values[5] = {Float8GetDatum(share.value), Float8GetDatum(share.lower), Float8GetDatum(share.upper),
		Int64GetDatum(hits), Int64GetDatum(n)
	};
	bool		nulls[5] = {n == 0, n == 0, n == 0, false, false};

	return row_of(fcinfo, values, nulls, 5);
}

static void
check_hits(int64 hits, int64 n)
{
	if (hits < 0 || n < hits)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of hits must be between 0 and n"),
				 errdetail("It is " INT64_FORMAT " of " INT64_FORMAT ".", hits, n)));
}

/* wilson_interval(hits, n, level) */
Datum
custprio_wilson_interval(PG_FUNCTION_ARGS)
{
	int64		hits = PG_GETARG_INT64(0);
	int64		n = PG_GETARG_INT64(1);

	check_hits(hits, n);
	PG_RETURN_DATUM(share_row(fcinfo, hits, n, level_argument(fcinfo, 2)));
}

/*
 * The bounds of b - a from those of its parts; correlation is that of the two shares. They move apart by the distances
 * to the bounds that the difference has to move towards.
 */
static Share
difference(Share a, Share b, double correlation)
{
	double		down_b = b.value - b.lower,
				up_b = b.upper - b.value,
				down_a = a.value - a.lower,
				up_a = a.upper - a.value,
				value = b.value - a.value;

	return (Share) {value,
		Max(value - sqrt(down_b * down_b - 2 * correlation * down_b * up_a + up_a * up_a), -1),
		Min(value + sqrt(up_b * up_b - 2 * correlation * up_b * down_a + down_a * down_a), 1)};
}

/* ab_result(hits_a, n_a, hits_b, n_b, level) */
Datum
custprio_ab_result(PG_FUNCTION_ARGS)
{
	int64		hits_a = PG_GETARG_INT64(0),
				n_a = PG_GETARG_INT64(1),
				hits_b = PG_GETARG_INT64(2),
				n_b = PG_GETARG_INT64(3);
	double		width = level_argument(fcinfo, 4);
	Datum		values[8];
	bool		nulls[8] = {false};
	bool		known = n_a > 0 && n_b > 0;
	Share		a = {0},
				b = {0},
				d = {0};
	double		pooled,
				z;

	check_hits(hits_a, n_a);
	check_hits(hits_b, n_b);
	if (n_a > 0)
		a = wilson(hits_a, n_a, width);
	if (n_b > 0)
		b = wilson(hits_b, n_b, width);
	if (known)
		d = difference(a, b, 0);
	pooled = ((double) hits_a + hits_b) / ((double) n_a + n_b);
	z = d.value / sqrt(pooled * (1 - pooled) * (1.0 / n_a + 1.0 / n_b));

	values[0] = Float8GetDatum(a.value);
	nulls[0] = n_a == 0;
	values[1] = Float8GetDatum(b.value);
	nulls[1] = n_b == 0;
	values[2] = Float8GetDatum(d.value);
	values[3] = Float8GetDatum(d.lower);
	values[4] = Float8GetDatum(d.upper);
	nulls[2] = nulls[3] = nulls[4] = !known;
	values[5] = Float8GetDatum(known && hits_a > 0 ? d.value / a.value : 0);
	nulls[5] = !known || hits_a == 0;
	/* all or none in both groups: nothing to test */
	values[6] = Float8GetDatum(z);
	values[7] = Float8GetDatum(normal_p_value(z));
	nulls[6] = nulls[7] = !known || !(pooled > 0 && pooled < 1);
	PG_RETURN_DATUM(row_of(fcinfo, values, nulls, 8));
}

/*
 * Aggregates: states are arrays of counts, changed in place
 */

static int64 *
counts_of(FunctionCallInfo fcinfo, int argument, int n)
{
	ArrayType  *array = AggCheckCallContext(fcinfo, NULL) && argument == 0 ?
		PG_GETARG_ARRAYTYPE_P(argument) : PG_GETARG_ARRAYTYPE_P_COPY(argument);

	if (ARR_NDIM(array) != 1 || ARR_HASNULL(array) || ARR_ELEMTYPE(array) != INT8OID ||
		(n > 0 && ARR_DIMS(array)[0] != n))
		elog(ERROR, "expected counts");
	return (int64 *) ARR_DATA_PTR(array);
}

static Datum
counts_datum(int64 *counts)
{
	return PointerGetDatum((char *) counts - ARR_OVERHEAD_NONULLS(1));
}

Datum
custprio_counts_combine(PG_FUNCTION_ARGS)
{
	int64	   *counts = counts_of(fcinfo, 0, 0);
	int64	   *other = counts_of(fcinfo, 1, ARR_DIMS(PG_GETARG_ARRAYTYPE_P(0))[0]);

	for (int i = 0; i < ARR_DIMS(PG_GETARG_ARRAYTYPE_P(0))[0]; i++)
		counts[i] += other[i];
	PG_RETURN_DATUM(counts_datum(counts));
}

/* repurchase_rate(purchases): those who bought twice among those who bought */
Datum
custprio_repurchase_add(PG_FUNCTION_ARGS)
{
	int64	   *counts = counts_of(fcinfo, 0, 2);
	int64		purchases = PG_GETARG_INT64(1);

	if (purchases < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of purchases must not be negative"),
				 errdetail("It is " INT64_FORMAT ".", purchases)));
	counts[0] += purchases > 1;
	counts[1] += purchases > 0;
	PG_RETURN_DATUM(counts_datum(counts));
}

static void
refuse_score(double score, const char *scale)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("score must be %s", scale),
			 errdetail("It is %s.", float8out_internal(score)),
			 errhint("Turn other answers into NULL, and they are left out.")));
}

/* csat(score [, satisfied]) */
Datum
custprio_csat_add(PG_FUNCTION_ARGS)
{
	int64	   *counts = counts_of(fcinfo, 0, 2);
	double		score = PG_GETARG_FLOAT8(1);
	double		satisfied = PG_NARGS() > 2 ? PG_GETARG_FLOAT8(2) : SATISFIED;

	if (!isfinite(score))
		refuse_score(score, "a finite number");
	if (!isfinite(satisfied))
		refuse_score(satisfied, "a finite number");
	counts[0] += score >= satisfied;
	counts[1]++;
	PG_RETURN_DATUM(counts_datum(counts));
}

Datum
custprio_share_final(PG_FUNCTION_ARGS)
{
	int64	   *counts = counts_of(fcinfo, 0, 2);

	PG_RETURN_DATUM(share_row(fcinfo, counts[0], counts[1], normal_width(LEVEL)));
}

/* nps(score): detractors (0 to 6), passives (7, 8), promoters (9, 10) */
Datum
custprio_nps_add(PG_FUNCTION_ARGS)
{
	int64	   *counts = counts_of(fcinfo, 0, 3);
	double		score = PG_GETARG_FLOAT8(1);

	if (!(score >= 0 && score <= 10) || score != floor(score))
		refuse_score(score, "a whole number from 0 to 10");
	counts[score >= 9 ? 2 : score >= 7]++;
	PG_RETURN_DATUM(counts_datum(counts));
}

/* (nps, lower_bound, upper_bound, promoters, passives, detractors, n) */
Datum
custprio_nps_final(PG_FUNCTION_ARGS)
{
	int64	   *counts = counts_of(fcinfo, 0, 3);
	int64		n = counts[0] + counts[1] + counts[2];
	Share		nps = {0};
	Datum		values[7];
	bool		nulls[7] = {n == 0, n == 0, n == 0};

	if (n > 0)
	{
		Share		against = wilson(counts[0], n, normal_width(LEVEL));
		Share		for_it = wilson(counts[2], n, normal_width(LEVEL));
		double		spread = against.value * (1 - against.value) * for_it.value * (1 - for_it.value);

		nps = difference(against, for_it, spread > 0 ? -against.value * for_it.value / sqrt(spread) : 0);
	}
	values[0] = Float8GetDatum(100 * nps.value);
	values[1] = Float8GetDatum(100 * nps.lower);
	values[2] = Float8GetDatum(100 * nps.upper);
	values[3] = Int64GetDatum(counts[2]);
	values[4] = Int64GetDatum(counts[1]);
	values[5] = Int64GetDatum(counts[0]);
	values[6] = Int64GetDatum(n);
	PG_RETURN_DATUM(row_of(fcinfo, values, nulls, 7));
}
