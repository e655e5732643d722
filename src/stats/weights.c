/*
 * weights.c: weights of criteria, from people's comparisons (AHP) or from the data (entropy).
 *
 * AHP: T. L. Saaty, "How to make a decision: the analytic hierarchy process", European Journal of Operational
 * Research 48 (1990) 9-26. Entropy: C. E. Shannon's entropy of each criterion's shares, as in C.-L. Hwang and K. Yoon,
 * "Multiple Attribute Decision Making" (1981).
 */
#include "custprio.h"

#include <math.h>

#include "access/htup_details.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "stats/arguments.h"
#include "utils/float.h"

PG_FUNCTION_INFO_V1(custprio_ahp_weights);
PG_FUNCTION_INFO_V1(custprio_entropy_weights);

#define AHP_MAX				15
#define AHP_RATIO_MAX		0.1
#define COMPARISON_MAX		1000	/* Saaty's scale ends at 9 */
#define AHP_ITERATIONS		100000
#define RECIPROCAL_TOLERANCE 0.01	/* people write 0.33 for a third */

/* Mean consistency index of random reciprocal matrices, by size (Saaty). */
static const double random_index[AHP_MAX + 1] = {
	0, 0, 0, 0.58, 0.90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49, 1.51, 1.48, 1.56, 1.57, 1.59
};

/*
 * Comparisons above the diagonal count; those below must be their reciprocals, and are made so exactly. Returns a copy.
 */
static double *
check_comparisons(const double *given, int n)
{
	double	   *matrix = palloc(n * n * sizeof(double));

	for (int i = 0; i < n; i++)
		for (int j = i; j < n; j++)
		{
			double		a = given[i * n + j];
			double		b = given[j * n + i];

			if (!(Min(a, b) >= 1.0 / COMPARISON_MAX && Max(a, b) <= COMPARISON_MAX))
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("argument \"comparisons\" must contain numbers between 1/%d and %d only",
								COMPARISON_MAX, COMPARISON_MAX),
						 errdetail("Criteria %d and %d compare as %g and %g.", i + 1, j + 1, a, b),
						 errhint("Write 3 where the row's criterion is three times as important, and a third where the column's is.")));
			if (fabs(a * b - 1) > RECIPROCAL_TOLERANCE || (i == j && a != 1))
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 i == j ? errmsg("argument \"comparisons\" must have 1 on its diagonal")
						 : errmsg("argument \"comparisons\" must have reciprocals below its diagonal"),
						 errdetail("Criteria %d and %d compare as %g and %g.", i + 1, j + 1, a, b),
						 errhint("An entry of 3 asks for a third on the other side of the diagonal.")));
			matrix[i * n + j] = a;
			matrix[j * n + i] = 1 / a;
		}
	return matrix;
}

/* The principal eigenvector, with sum 1, by power iteration; returns its eigenvalue. Entries are positive. */
static double
principal_eigenvector(const double *matrix, int n, double *vector)
{
	double		next[AHP_MAX];
	double		change = 1;
	double		sum = 0;

	for (int i = 0; i < n; i++)
		vector[i] = 1.0 / n;
	for (int round = 0; change > 1e-15; round++)
	{
		if (round == AHP_ITERATIONS)
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("weights of these comparisons cannot be found"),
					 errhint("Comparisons are usually between 1/9 and 9.")));
		CHECK_FOR_INTERRUPTS();
		sum = 0;
		for (int i = 0; i < n; i++)
		{
			next[i] = 0;
			for (int j = 0; j < n; j++)
				next[i] += matrix[i * n + j] * vector[j];
			sum += next[i];
		}
		change = 0;
		for (int i = 0; i < n; i++)
		{
			next[i] /= sum;
			change = Max(change, fabs(next[i] / vector[i] - 1));
			vector[i] = next[i];
		}
		/* the last bits may go to and fro */
		if (round > 1000 && change < 1e-14)
			break;
	}
	return sum;
}

/* ahp_weights(comparisons, force): weights, lambda_max, consistency_index, consistency_ratio */
Datum
custprio_ahp_weights(PG_FUNCTION_ARGS)
{
	int			n,
				columns;
	double	   *given = float8_matrix(PG_GETARG_ARRAYTYPE_P(0), "comparisons", &n, &columns);
	bool		force = PG_GETARG_BOOL(1);
	double		weights[AHP_MAX];
	double		lambda,
				index,
				ratio;
	TupleDesc	desc;
	Datum		values[4];
	bool		nulls[4] = {false};

	if (n != columns || n > AHP_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("argument \"comparisons\" must be a square of at most %d criteria", AHP_MAX),
				 errdetail("It has %d rows and %d columns.", n, columns)));
	lambda = principal_eigenvector(check_comparisons(given, n), n, weights);
	/* not below 0 by rounding: lambda_max >= n for every reciprocal matrix */
	index = n > 1 ? Max(0, (lambda - n) / (n - 1)) : 0;
	ratio = n > 2 ? index / random_index[n] : 0;
	if (ratio > AHP_RATIO_MAX && !force)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("comparisons contradict each other"),
				 errdetail("Their consistency ratio is %.3f; at most %g is acceptable.", ratio, AHP_RATIO_MAX),
				 errhint("Look for a criterion that beats another one directly but not by way of a third, or pass force => true.")));
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = float8_array(weights, n);
	values[1] = Float8GetDatum(lambda);
	values[2] = Float8GetDatum(index);
	values[3] = Float8GetDatum(ratio);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/*
 * 1 less the entropy of a column's shares p, over ln(rows): sum p ln(p rows) / ln(rows). 0 for equal values, 1 where one row has
 * all. Values are divided by the largest one first, so that no sum overflows.
 */
static double
divergence(const double *values, int rows, int columns, int column)
{
	double		least = get_float8_infinity(),
				most = 0,
				sum = 0,
				result = 0;

	for (int i = 0; i < rows; i++)
	{
		double		value = values[i * columns + column];

		if (value < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"values\" must not contain negative numbers"),
					 errdetail("Row %d has %g in column %d.", i + 1, value, column + 1),
					 errhint("Shift or reverse the criterion, so that more is better and nothing is below 0.")));
		least = Min(least, value);
		most = Max(most, value);
	}
	/* equal values tell nobody apart, and all zeros have no shares */
	if (least == most)
		return 0;
	for (int i = 0; i < rows; i++)
		sum += values[i * columns + column] / most;
	for (int i = 0; i < rows; i++)
	{
		double		share = values[i * columns + column] / most / sum;

		if (share > 0)
			result += share * log(share * rows);
	}
	return Max(0, result / log(rows));
}

/* entropy_weights(values): a row per object, a column per criterion */
Datum
custprio_entropy_weights(PG_FUNCTION_ARGS)
{
	int			rows,
				columns;
	double	   *values = float8_matrix(PG_GETARG_ARRAYTYPE_P(0), "values", &rows, &columns);
	double	   *weights = palloc(columns * sizeof(double));
	double		sum = 0;

	for (int column = 0; column < columns; column++)
	{
		weights[column] = divergence(values, rows, columns, column);
		sum += weights[column];
		CHECK_FOR_INTERRUPTS();
	}
	if (sum == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no criterion tells the rows apart"),
				 errdetail("All values of each of the %d columns are equal.", columns),
				 errhint("Give two or more rows that differ.")));
	for (int column = 0; column < columns; column++)
		weights[column] /= sum;
	PG_RETURN_DATUM(float8_array(weights, columns));
}
