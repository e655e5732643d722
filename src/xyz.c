/*
 * xyz.c: XYZ classes, how steadily a customer buys.
 *
 * The class comes from the coefficient of variation of a customer's amounts per period: the population standard
 * deviation over the mean. With n amounts, sum s and sum of squares q, its square is (n q - s^2) / s^2, so for s > 0
 *
 *     cv <= cut   <=>   n q <= (1 + cut^2) s^2
 *
 * which needs neither a root nor a division and is exact in numeric.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#define XYZ_CUTS	2

PG_FUNCTION_INFO_V1(custprio_xyz_class);

static Datum
multiply(Datum left, Datum right)
{
	return DirectFunctionCall2(numeric_mul, left, right);
}

static Datum
add(Datum left, Datum right)
{
	return DirectFunctionCall2(numeric_add, left, right);
}

static bool
less(Datum left, Datum right)
{
	return DatumGetBool(DirectFunctionCall2(numeric_lt, left, right));
}

/* The elements of a one-dimensional numeric[]; what names the argument in messages. */
static int
get_elements(ArrayType *array, const char *what, Datum **elements, bool **nulls)
{
	int			n;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a one-dimensional array", what),
				 errdetail("The array has %d dimensions.", ARR_NDIM(array))));
	deconstruct_array(array, NUMERICOID, -1, false, TYPALIGN_INT, elements, nulls, &n);
	return n;
}

static void
refuse_special(Datum value, const char *what)
{
	Numeric		num = DatumGetNumeric(value);

	if (numeric_is_nan(num) || numeric_is_inf(num))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be finite", what),
				 errdetail("Found %s.", DatumGetCString(DirectFunctionCall1(numeric_out, value))),
				 errhint("Leave such elements out, or turn them into NULL.")));
}

static void
check_cuts(const Datum *cuts, const bool *nulls, int n)
{
	if (n != XYZ_CUTS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("two cuts are needed"),
				 errdetail("Got %d.", n),
				 errhint("Give the largest coefficients of variation of X and of Y, for example {0.5,1.0}.")));
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("cuts must not contain NULL"),
					 errdetail("Element %d is NULL.", i + 1)));
		refuse_special(cuts[i], "cuts");
	}
	if (less(cuts[0], NumericGetDatum(int64_to_numeric(0))) || !less(cuts[0], cuts[1]))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cuts must be ascending and not negative"),
				 errdetail("Got %s and %s.",
						   DatumGetCString(DirectFunctionCall1(numeric_out, cuts[0])),
						   DatumGetCString(DirectFunctionCall1(numeric_out, cuts[1])))));
}

Datum
custprio_xyz_class(PG_FUNCTION_ARGS)
{
	static const char *const class_name[XYZ_CUTS + 1] = {"X", "Y", "Z"};
	Datum		zero = NumericGetDatum(int64_to_numeric(0));
	Datum		one = NumericGetDatum(int64_to_numeric(1));
	Datum		sum = zero;
	Datum		squares = zero;
	int64		count = 0;
	int			class = 0;
	Datum	   *amounts;
	Datum	   *cuts;
	bool	   *nulls;
	bool	   *cut_nulls;
	int			n;
	int			n_cuts;

	n_cuts = get_elements(PG_GETARG_ARRAYTYPE_P(1), "cuts", &cuts, &cut_nulls);
	check_cuts(cuts, cut_nulls, n_cuts);

	n = get_elements(PG_GETARG_ARRAYTYPE_P(0), "amounts", &amounts, &nulls);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			continue;
		refuse_special(amounts[i], "amounts");
		sum = add(sum, amounts[i]);
		squares = add(squares, multiply(amounts[i], amounts[i]));
		count++;
	}
	if (count == 0 || !less(zero, sum))
		PG_RETURN_NULL();

	squares = multiply(squares, NumericGetDatum(int64_to_numeric(count)));
	sum = multiply(sum, sum);
	while (class < XYZ_CUTS && less(multiply(add(one, multiply(cuts[class], cuts[class])), sum), squares))
		class++;
	PG_RETURN_TEXT_P(cstring_to_text(class_name[class]));
}
