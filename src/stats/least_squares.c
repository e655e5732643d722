/*
 * least_squares.c: weighted linear least squares with an intercept.
 *
 * Predictors and target are centred at their weighted means, which takes the intercept out, and decomposed by
 * Householder reflections (G. H. Golub, "Numerical methods for solving linear least squares problems", Numerische
 * Mathematik 7 (1965) 206-216). Neither squares the condition number as normal equations do. A predictor of which
 * less than 1e-7 is left once those before it are taken out counts as collinear, the limit that R's lm has.
 */
#include "postgres.h"

#include "stats/least_squares.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#define COLLINEAR		1e-7
#define CONSTANT		1e-13	/* variation of a column, relative to its mean, that rounding alone may make */

void
least_squares_create(LeastSquares *problem, int p, int64 n)
{
	memset(problem, 0, sizeof(LeastSquares));
	problem->p = p;
	problem->n = n;
	problem->coefficient = palloc0((p + 1) * sizeof(double));
	problem->center = palloc((p + 1) * sizeof(double));
	problem->r = palloc0((Size) p * p * sizeof(double));
	if (n > MaxAllocHugeSize / (p + 1) / sizeof(double))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("too many rows")));
	problem->work = MemoryContextAllocHuge(CurrentMemoryContext, (Size) n * (p + 1) * sizeof(double));
}

/* Number j of row i: a predictor, or the target as the last. */
static double
number(const LeastSquares *problem, int64 i, int j)
{
	return j < problem->p ? problem->row[i * problem->stride + j] : problem->target[i];
}

/* Column j into work, centred, times the root of the weights; returns its length. */
static double
fill_column(LeastSquares *problem, int j)
{
	double	   *column = problem->work + j * problem->n;
	double		mean = 0,
				squares = 0;

	for (int round = 0; round < 2; round++)
	{
		double		sum = 0;

		for (int64 i = 0; i < problem->n; i++)
			sum += problem->weight[i] * (number(problem, i, j) - mean);
		mean += sum / problem->weights;
	}
	for (int64 i = 0; i < problem->n; i++)
	{
		column[i] = sqrt(problem->weight[i]) * (number(problem, i, j) - mean);
		squares += column[i] * column[i];
	}
	if (!isfinite(squares))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("numbers are too large to fit to"),
				 errhint("Measure them in another unit.")));
	problem->center[j] = mean;
	return sqrt(squares) > CONSTANT * fabs(mean) * sqrt(problem->weights) ? sqrt(squares) : 0;
}

/* Make column j zero below row j, and reflect all columns after it. */
static void
reflect(LeastSquares *problem, int j, double length)
{
	double	   *v = problem->work + j * problem->n;
	double		diagonal = v[j] > 0 ? -length : length;
	double		squares;

	v[j] -= diagonal;
	squares = -diagonal * v[j];	/* half of the reflector's squared length */
	for (int k = j + 1; k <= problem->p; k++)
	{
		double	   *column = problem->work + k * problem->n;
		double		product = 0;

		for (int64 i = j; i < problem->n; i++)
			product += v[i] * column[i];
		product /= squares;
		for (int64 i = j; i < problem->n; i++)
			column[i] -= product * v[i];
	}
	problem->r[j * problem->p + j] = diagonal;
	for (int k = j + 1; k < problem->p; k++)
		problem->r[j * problem->p + k] = problem->work[k * problem->n + j];
}

bool
least_squares_solve(LeastSquares *problem)
{
	int			p = problem->p;
	int64		n = problem->n;
	double	   *slope = problem->coefficient + 1;
	double	   *target = problem->work + p * n;
	double	   *length = palloc(p * sizeof(double));

	problem->weights = 0;
	for (int64 i = 0; i < n; i++)
		problem->weights += problem->weight[i];
	problem->collinear = 0;
	for (int j = 0; j < p; j++)
		length[j] = fill_column(problem, j);
	problem->total = fill_column(problem, p);
	problem->total *= problem->total;

	for (int j = 0; j < p; j++)
	{
		double		left = 0;

		CHECK_FOR_INTERRUPTS();
		for (int64 i = j; i < n; i++)
			left += problem->work[j * n + i] * problem->work[j * n + i];
		left = sqrt(left);
		if (length[j] == 0 || !(left > COLLINEAR * length[j]))
		{
			problem->collinear = j + 1;
			pfree(length);
			return false;
		}
		reflect(problem, j, left);
	}
	pfree(length);
	problem->residual = 0;
	for (int64 i = p; i < n; i++)
		problem->residual += target[i] * target[i];
	problem->coefficient[0] = problem->center[p];
	for (int j = p - 1; j >= 0; j--)
	{
		slope[j] = target[j];
		for (int k = j + 1; k < p; k++)
			slope[j] -= problem->r[j * p + k] * slope[k];
		slope[j] /= problem->r[j * p + j];
		problem->coefficient[0] -= slope[j] * problem->center[j];
	}
	return true;
}

void
least_squares_variance(const LeastSquares *problem, double *variance)
{
	int			p = problem->p;
	double	   *column = palloc(p * sizeof(double));	/* of the inverse of r */

	variance[0] = 1 / problem->weights;
	for (int j = 0; j < p; j++)
		variance[j + 1] = 0;
	for (int k = 0; k < p; k++)
	{
		double		at_center = 0;

		for (int j = k; j >= 0; j--)
		{
			column[j] = j == k;
			for (int l = j + 1; l <= k; l++)
				column[j] -= problem->r[j * p + l] * column[l];
			column[j] /= problem->r[j * p + j];
			variance[j + 1] += column[j] * column[j];
			at_center += problem->center[j] * column[j];
		}
		variance[0] += at_center * at_center;
	}
	pfree(column);
}
