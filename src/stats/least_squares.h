/* least_squares.h: weighted linear least squares with an intercept. */
#ifndef CUSTPRIO_STATS_LEAST_SQUARES_H
#define CUSTPRIO_STATS_LEAST_SQUARES_H

typedef struct LeastSquares
{
	int			p;				/* predictors, without the intercept */
	int64		n;
	int			stride;			/* from one row's predictors to the next */
	const double *row;
	const double *weight;
	const double *target;
	/* found */
	double	   *coefficient;	/* p + 1, the intercept first */
	double		weights;		/* sum */
	double		residual;		/* weighted sum of squares */
	double		total;			/* the same about the weighted mean of target */
	int			collinear;		/* the first predictor that is a combination of those before, from 1; 0: none */
	/* inner */
	double	   *center;			/* weighted means */
	double	   *r;				/* p x p upper triangle of the centred, weighted predictors' QR decomposition */
	double	   *work;			/* p + 1 columns of n */
} LeastSquares;

/* Allocates what solving n rows needs. */
extern void least_squares_create(LeastSquares *problem, int p, int64 n);

/* False if collinear; then nothing else is found. */
extern bool least_squares_solve(LeastSquares *problem);

/* Variances of the p + 1 coefficients for a residual variance of 1: the diagonal of the inverse of X'WX. */
extern void least_squares_variance(const LeastSquares *problem, double *variance);

#endif
