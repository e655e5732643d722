/*
 * customer_values.c: what a customer is worth, risks, needs and refers, from figures that the user has.
 *
 * Plain formulas; the work is in refusing figures that cannot be. The comments of the SQL functions
 * (sql/29-customer-values.sql) give each formula and its source.
 */
#include "custprio.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "stats/arguments.h"
#include "utils/builtins.h"
#include "utils/float.h"

PG_FUNCTION_INFO_V1(custprio_expected_loss);
PG_FUNCTION_INFO_V1(custprio_referral_value);
PG_FUNCTION_INFO_V1(custprio_need_priority);
PG_FUNCTION_INFO_V1(custprio_share_of_wallet);
PG_FUNCTION_INFO_V1(custprio_wallet_potential);
PG_FUNCTION_INFO_V1(custprio_profit_contribution);
PG_FUNCTION_INFO_V1(custprio_loyalty_index);
PG_FUNCTION_INFO_V1(custprio_weighted_score);
PG_FUNCTION_INFO_V1(custprio_population_stability);

static double
not_negative(FunctionCallInfo fcinfo, int i, const char *argument)
{
	double		value = finite_argument(fcinfo, i, argument);

	if (value < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be negative", argument),
				 errdetail("It is %s.", float8out_internal(value))));
	return value;
}

static double
share(FunctionCallInfo fcinfo, int i, const char *argument)
{
	double		value = PG_GETARG_FLOAT8(i);

	if (!(value >= 0 && value <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be between 0 and 1", argument),
				 errdetail("It is %s.", float8out_internal(value)),
				 errhint("Write 0.02 for 2 percent.")));
	return value;
}

static Datum
result(double value)
{
	if (!isfinite(value))
		float_overflow_error();
	return Float8GetDatum(value);
}

/* expected_loss(pd, lgd, ead) */
Datum
custprio_expected_loss(PG_FUNCTION_ARGS)
{
	return result(share(fcinfo, 0, "pd") * share(fcinfo, 1, "lgd") * not_negative(fcinfo, 2, "ead"));
}

/* referral_value(willingness, effect, conversion, value, reward) */
Datum
custprio_referral_value(PG_FUNCTION_ARGS)
{
	return result(share(fcinfo, 0, "willingness") * not_negative(fcinfo, 1, "effect") * share(fcinfo, 2, "conversion") *
				  finite_argument(fcinfo, 3, "value") - not_negative(fcinfo, 4, "reward"));
}

/* need_priority(urgency, importance, difficulty) */
Datum
custprio_need_priority(PG_FUNCTION_ARGS)
{
	double		difficulty = finite_argument(fcinfo, 2, "difficulty");

	if (difficulty <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"difficulty\" must be above 0"),
				 errdetail("It is %s.", float8out_internal(difficulty)),
				 errhint("Use a scale that starts at 1, as for urgency and importance.")));
	return result(not_negative(fcinfo, 0, "urgency") * not_negative(fcinfo, 1, "importance") / difficulty);
}

/* share_of_wallet(sales, wallet) */
Datum
custprio_share_of_wallet(PG_FUNCTION_ARGS)
{
	/* returns may be more than purchases */
	double		sales = Max(finite_argument(fcinfo, 0, "sales"), 0);
	double		wallet = not_negative(fcinfo, 1, "wallet");

	if (wallet == 0)
		PG_RETURN_NULL();
	return result(sales / wallet);
}

/* wallet_potential(sales, wallet) */
Datum
custprio_wallet_potential(PG_FUNCTION_ARGS)
{
	double		sales = Max(finite_argument(fcinfo, 0, "sales"), 0);

	return result(Max(not_negative(fcinfo, 1, "wallet") - sales, 0));
}

/* profit_contribution(revenue, margin, acquisition_cost, service_cost) */
Datum
custprio_profit_contribution(PG_FUNCTION_ARGS)
{
	double		margin = finite_argument(fcinfo, 1, "margin");

	if (margin > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"margin\" must not be above 1"),
				 errdetail("It is %s.", float8out_internal(margin)),
				 errhint("Write 0.25 for 25 percent.")));
	return result(finite_argument(fcinfo, 0, "revenue") * margin - not_negative(fcinfo, 2, "acquisition_cost") -
				  not_negative(fcinfo, 3, "service_cost"));
}

/* loyalty_index(purchases, feedback, weight): feedback may be NULL */
Datum
custprio_loyalty_index(PG_FUNCTION_ARGS)
{
	int64		purchases;
	double		repurchase,
				weight;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(2))
		PG_RETURN_NULL();
	purchases = PG_GETARG_INT64(0);
	weight = share(fcinfo, 2, "weight");
	if (purchases < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"purchases\" must not be negative"),
				 errdetail("It is " INT64_FORMAT ".", purchases)));
	if (purchases == 0)
		PG_RETURN_NULL();
	repurchase = (purchases - 1.0) / purchases;
	if (PG_ARGISNULL(1))
		return result(repurchase);
	return result((1 - weight) * repurchase + weight * share(fcinfo, 1, "feedback"));
}

/* weighted_score(values, weights): a NULL among the values leaves the mean */
Datum
custprio_weighted_score(PG_FUNCTION_ARGS)
{
	ArrayType  *values = PG_GETARG_ARRAYTYPE_P(0);
	Datum	   *value;
	bool	   *isnull;
	int			n,
				n_weights;
	double	   *weight = float8_vector(PG_GETARG_ARRAYTYPE_P(1), "weights", &n_weights);
	double		sum = 0,
				weights = 0,
				all = 0;

	if (ARR_NDIM(values) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("argument \"%s\" must be a one-dimensional array", "values"),
				 errdetail("It has %d dimensions.", ARR_NDIM(values))));
	deconstruct_array(values, FLOAT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &value, &isnull, &n);
	if (n != n_weights)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("there must be as many weights as values"),
				 errdetail("There are %d values and %d weights.", n, n_weights)));
	for (int i = 0; i < n; i++)
	{
		if (weight[i] < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"weights\" must not contain negative numbers"),
					 errdetail("Element %d is %g.", i + 1, weight[i])));
		if (!isnull[i] && !isfinite(DatumGetFloat8(value[i])))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"values\" must not contain NaN or infinity"),
					 errdetail("Element %d is %g.", i + 1, DatumGetFloat8(value[i]))));
		all += weight[i];
		if (isnull[i])
			continue;
		sum += weight[i] * DatumGetFloat8(value[i]);
		weights += weight[i];
	}
	if (all == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"weights\" must not be all zero")));
	if (weights == 0)
		PG_RETURN_NULL();
	return result(sum / weights);
}

/* Counts or shares of classes, none negative and not all zero; their sum is returned. */
static double
classes(ArrayType *array, const char *argument, double **count, int *n)
{
	double		sum = 0;

	*count = float8_vector(array, argument, n);
	for (int i = 0; i < *n; i++)
	{
		if ((*count)[i] < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"%s\" must not contain negative numbers", argument),
					 errdetail("Element %d is %g.", i + 1, (*count)[i])));
		sum += (*count)[i];
	}
	if (sum == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be empty or all zero", argument)));
	return sum;
}

/* psi(expected, actual, min_share) */
Datum
custprio_population_stability(PG_FUNCTION_ARGS)
{
	int			n,
				n_actual;
	double	   *expected,
			   *actual;
	double		expected_sum = classes(PG_GETARG_ARRAYTYPE_P(0), "expected", &expected, &n);
	double		actual_sum = classes(PG_GETARG_ARRAYTYPE_P(1), "actual", &actual, &n_actual);
	double		least = share(fcinfo, 2, "min_share");
	double		sum = 0;

	if (least == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"min_share\" must be above 0"),
				 errhint("An empty class counts as this share, as its logarithm is infinite.")));
	if (n != n_actual)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("there must be as many expected as actual classes"),
				 errdetail("There are %d expected and %d actual ones.", n, n_actual)));
	for (int i = 0; i < n; i++)
	{
		double		e = Max(expected[i] / expected_sum, least);
		double		a = Max(actual[i] / actual_sum, least);

		sum += (a - e) * log(a / e);
	}
	return result(sum);
}
