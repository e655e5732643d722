/*
 * return_rate.c: the aggregate return_rate(amount), with the amounts of purchases (0 or more) and returns (negative).
 *
 * The state is an array of four exact numbers: sum and number of purchases, sum and number of returns.
 */
#include "custprio.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "exact.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

PG_FUNCTION_INFO_V1(custprio_return_rate_add);
PG_FUNCTION_INFO_V1(custprio_return_rate_combine);
PG_FUNCTION_INFO_V1(custprio_return_rate_final);

enum
{
	PURCHASED, PURCHASES, RETURNED, RETURNS, N_SUMS
};

static Datum *
sums_of(FunctionCallInfo fcinfo, int argument)
{
	Datum	   *sums;
	bool	   *nulls;
	int			n;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(argument), NUMERICOID, -1, false, TYPALIGN_INT, &sums, &nulls, &n);
	if (n != N_SUMS || array_contains_nulls(PG_GETARG_ARRAYTYPE_P(argument)))
		elog(ERROR, "expected %d sums", N_SUMS);
	return sums;
}

static Datum
sums_datum(Datum *sums)
{
	return PointerGetDatum(construct_array(sums, N_SUMS, NUMERICOID, -1, false, TYPALIGN_INT));
}

Datum
custprio_return_rate_add(PG_FUNCTION_ARGS)
{
	Datum	   *sums = sums_of(fcinfo, 0);
	Datum		amount = PG_GETARG_DATUM(1);
	Numeric		number = PG_GETARG_NUMERIC(1);
	bool		back;

	if (numeric_is_nan(number) || numeric_is_inf(number))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be finite", "amount"),
				 errdetail("It is %s.", exact_text(number))));
	back = DatumGetBool(DirectFunctionCall2(numeric_lt, amount, NumericGetDatum(int64_to_numeric(0))));
	if (back)
		amount = DirectFunctionCall1(numeric_uminus, amount);
	sums[back ? RETURNED : PURCHASED] = DirectFunctionCall2(numeric_add, sums[back ? RETURNED : PURCHASED], amount);
	sums[back ? RETURNS : PURCHASES] = DirectFunctionCall2(numeric_add, sums[back ? RETURNS : PURCHASES],
														   NumericGetDatum(int64_to_numeric(1)));
	PG_RETURN_DATUM(sums_datum(sums));
}

Datum
custprio_return_rate_combine(PG_FUNCTION_ARGS)
{
	Datum	   *sums = sums_of(fcinfo, 0);
	Datum	   *other = sums_of(fcinfo, 1);

	for (int i = 0; i < N_SUMS; i++)
		sums[i] = DirectFunctionCall2(numeric_add, sums[i], other[i]);
	PG_RETURN_DATUM(sums_datum(sums));
}

/* part / whole; NULL for nothing of nothing */
static Datum
ratio(Datum part, Datum whole, bool *isnull)
{
	*isnull = DatumGetBool(DirectFunctionCall2(numeric_eq, whole, NumericGetDatum(int64_to_numeric(0))));
	return *isnull ? (Datum) 0 : DirectFunctionCall2(numeric_div, part, whole);
}

/* (by_amount, by_count, returned, returns, purchased, purchases) */
Datum
custprio_return_rate_final(PG_FUNCTION_ARGS)
{
	Datum	   *sums = sums_of(fcinfo, 0);
	TupleDesc	desc;
	Datum		values[6];
	bool		nulls[6] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = ratio(sums[RETURNED], sums[PURCHASED], &nulls[0]);
	values[1] = ratio(sums[RETURNS], sums[PURCHASES], &nulls[1]);
	values[2] = sums[RETURNED];
	values[3] = DirectFunctionCall1(numeric_int8, sums[RETURNS]);
	values[4] = sums[PURCHASED];
	values[5] = DirectFunctionCall1(numeric_int8, sums[PURCHASES]);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
