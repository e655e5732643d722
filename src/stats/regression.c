/*
 * regression.c: the aggregates fit_linear and fit_logit, and predict().
 *
 * Linear: weighted least squares. Logistic: maximum likelihood by iteratively reweighted least squares (P. McCullagh
 * and J. A. Nelder, "Generalized Linear Models", 1989), with the step halved while it makes the deviance worse. Where
 * the predictors separate the outcomes, wholly or in part, the likelihood has no maximum: steps then never become
 * small, although the deviance converges, and that is what is tested.
 *
 * A row with a NULL, or of weight 0, is left out. Data that cannot be fitted give a row without coefficients, with the
 * reason in status and a warning: in a GROUP BY the other groups' fits survive, and predict() refuses such a row.
 */
#include "custprio.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "stats/arguments.h"
#include "stats/distribution.h"
#include "stats/least_squares.h"
#include "stats/model.h"
#include "stats/sample.h"
#include "utils/builtins.h"
#include "utils/float.h"

PG_FUNCTION_INFO_V1(custprio_fit_linear_add);
PG_FUNCTION_INFO_V1(custprio_fit_logit_add);
PG_FUNCTION_INFO_V1(custprio_fit_logit_boolean_add);
PG_FUNCTION_INFO_V1(custprio_fit_linear_final);
PG_FUNCTION_INFO_V1(custprio_fit_logit_final);
PG_FUNCTION_INFO_V1(custprio_predict_linear);
PG_FUNCTION_INFO_V1(custprio_predict_logit);

#define LOGIT_ITERATIONS	60
#define LOGIT_HALVINGS		30
#define PERFECT_FIT			1e-28	/* of the sum of squares; rounding leaves as much */

/*
 * Collecting: rows of x, y and weight
 */

/* Adds (y, x in argument 2, weight in argument 3, which may be absent); false: left out. */
static void
add_row(FunctionCallInfo fcinfo, Sample *sample, double y)
{
	double		weight = 1;
	const double *x;
	double	   *row;
	int			p;

	if (PG_ARGISNULL(2) || (PG_NARGS() > 3 && PG_ARGISNULL(3)) ||
		!sample_features(PG_GETARG_ARRAYTYPE_P(2), "x", &x, &p))
		return;
	if (PG_NARGS() > 3)
		weight = PG_GETARG_FLOAT8(3);
	if (!isfinite(weight) || weight < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"weight\" must be zero or more and finite"),
				 errdetail("It is %s.", float8out_internal(weight))));
	if (weight == 0)
		return;
	row = sample_add(sample, p + 2, "x", 2);
	memcpy(row, x, p * sizeof(double));
	row[p] = y;
	row[p + 1] = weight;
}

/* (state, y, x [, weight]) */
Datum
custprio_fit_linear_add(PG_FUNCTION_ARGS)
{
	Sample	   *sample = sample_state(fcinfo);

	if (!PG_ARGISNULL(1))
	{
		double		y = PG_GETARG_FLOAT8(1);

		if (!isfinite(y))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"y\" must be finite"),
					 errdetail("It is %s.", float8out_internal(y)),
					 errhint("Turn such values into NULL, and the row is left out.")));
		add_row(fcinfo, sample, y);
	}
	PG_RETURN_POINTER(sample);
}

Datum
custprio_fit_logit_add(PG_FUNCTION_ARGS)
{
	Sample	   *sample = sample_state(fcinfo);

	if (!PG_ARGISNULL(1))
	{
		double		y = PG_GETARG_FLOAT8(1);

		if (y != 0 && y != 1)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"y\" must be 0 or 1"),
					 errdetail("It is %s.", float8out_internal(y))));
		add_row(fcinfo, sample, y);
	}
	PG_RETURN_POINTER(sample);
}

Datum
custprio_fit_logit_boolean_add(PG_FUNCTION_ARGS)
{
	Sample	   *sample = sample_state(fcinfo);

	if (!PG_ARGISNULL(1))
		add_row(fcinfo, sample, PG_GETARG_BOOL(1));
	PG_RETURN_POINTER(sample);
}

/*
 * The sorted rows as a problem of least squares, whose target and weight are y and the weights. Returns NULL, or why
 * no regression is possible.
 */
static const char *
make_problem(Sample *sample, LeastSquares *problem)
{
	int			p = sample->width - 2;
	Size		size = sample->n * sizeof(double);
	double	   *weight = MemoryContextAllocHuge(CurrentMemoryContext, size);
	double	   *target = MemoryContextAllocHuge(CurrentMemoryContext, size);

	sample_sort(sample);
	for (int64 i = 0; i < sample->n; i++)
	{
		target[i] = sample->value[i * sample->width + p];
		weight[i] = sample->value[i * sample->width + p + 1];
	}
	if (sample->n < p + 2)
		return psprintf("too few rows (" INT64_FORMAT ") for the number of predictors (%d)", sample->n, p);
	least_squares_create(problem, p, sample->n);
	problem->stride = sample->width;
	problem->row = sample->value;
	problem->weight = weight;
	problem->target = target;
	least_squares_solve(problem);
	if (problem->total == 0)
		return "y is constant";
	if (problem->collinear)
		return psprintf("predictor %d is constant or a linear combination of those before it", problem->collinear);
	return NULL;
}

static void
warn(const char *what, const char *status)
{
	ereport(WARNING,
			(errcode(ERRCODE_DATA_EXCEPTION), errmsg("%s could not be fitted: %s", what, status)));
}

/* Composite values as they are filled in. */
typedef struct Attributes
{
	TupleDesc	desc;
	int			n;
	Datum		values[20];
	bool		nulls[20];
} Attributes;

static void
begin_attributes(FunctionCallInfo fcinfo, Attributes *out)
{
	memset(out, 0, sizeof(Attributes));
	if (get_call_result_type(fcinfo, NULL, &out->desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
}

static void
put(Attributes *out, bool known, Datum value)
{
	out->nulls[out->n] = !known;
	out->values[out->n++] = value;
}

static void
put_number(Attributes *out, bool known, double value)
{
	put(out, known && isfinite(value), Float8GetDatum(value));
}

static void
put_list(Attributes *out, bool known, const double *values, int n)
{
	put(out, known, known ? float8_array(values, n) : (Datum) 0);
}

static Datum
end_attributes(Attributes *out)
{
	if (out->desc->natts != out->n)
		elog(ERROR, "row type has %d attributes instead of %d", out->desc->natts, out->n);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(out->desc), out->values, out->nulls));
}

/*
 * fit_linear
 */
Datum
custprio_fit_linear_final(PG_FUNCTION_ARGS)
{
	Sample	   *sample = sample_final_state(fcinfo);
	LeastSquares problem;
	Attributes	out;
	const char *status;
	bool		ok,
				perfect;
	int			k;				/* coefficients */
	double	   *error,
			   *t,
			   *p_value;
	double		degrees,
				explained,
				r_squared,
				f;

	if (sample == NULL || sample->n == 0)
		PG_RETURN_NULL();
	begin_attributes(fcinfo, &out);
	status = make_problem(sample, &problem);
	ok = status == NULL;
	if (!ok)
	{
		warn("linear regression", status);
		memset(&problem, 0, sizeof(problem));
	}
	k = sample->width - 1;
	degrees = sample->n - k;
	perfect = ok && problem.residual <= PERFECT_FIT * problem.total;
	if (perfect)
		problem.residual = 0;
	explained = problem.total - problem.residual;
	r_squared = explained / problem.total;
	f = explained / (k - 1) / (problem.residual / degrees);
	error = palloc(k * sizeof(double));
	t = palloc(k * sizeof(double));
	p_value = palloc(k * sizeof(double));
	if (ok)
		least_squares_variance(&problem, error);
	for (int i = 0; ok && i < k; i++)
	{
		error[i] = sqrt(error[i] * problem.residual / degrees);
		t[i] = problem.coefficient[i] / error[i];
		p_value[i] = perfect ? 0 : t_p_value(t[i], degrees);
	}

	put_list(&out, ok, problem.coefficient, k);
	put_list(&out, ok, error, k);
	put_list(&out, ok && !perfect, t, k);
	put_list(&out, ok && !perfect, p_value, k);
	put_number(&out, ok, r_squared);
	put_number(&out, ok, 1 - (1 - r_squared) * (sample->n - 1) / degrees);
	put_number(&out, ok, sqrt(problem.residual / degrees));
	put_number(&out, ok && !perfect, f);
	put_number(&out, ok && !perfect, ok && !perfect ? f_p_value(f, k - 1, degrees) : 0);
	put(&out, ok, Int64GetDatum(sample->n - k));
	put(&out, true, Int64GetDatum(sample->n));
	put(&out, true, BoolGetDatum(ok));
	put(&out, true, CStringGetTextDatum(!ok ? status : perfect ? "perfect fit" : "ok"));
	PG_RETURN_DATUM(end_attributes(&out));
}

/*
 * fit_logit
 */

typedef struct Logit
{
	LeastSquares *problem;		/* of one step: weight and target are working ones */
	const double *weight;		/* of the rows */
	const double *y;
	double	   *working_weight;
	double	   *working_target;
	double	   *score;			/* linear predictor of each row */
	double	   *coefficient;
	double		deviance;
	int			iterations;
} Logit;

static double
score_of(const double *x, int p, const double *coefficient)
{
	double		sum = coefficient[0];

	for (int j = 0; j < p; j++)
		sum += coefficient[j + 1] * x[j];
	return sum;
}

/* log(1 + exp(score)) */
static double
softplus(double score)
{
	return Max(score, 0) + log1p(exp(-fabs(score)));
}

/* Scores and deviance at the coefficients; returns the largest change of a score. */
static double
evaluate(Logit *fit)
{
	const LeastSquares *problem = fit->problem;
	double		change = 0;

	fit->deviance = 0;
	for (int64 i = 0; i < problem->n; i++)
	{
		double		score = score_of(problem->row + i * problem->stride, problem->p, fit->coefficient);

		change = Max(change, fabs(score - fit->score[i]));
		fit->score[i] = score;
		/* not as softplus(score) - y score, which cancels */
		fit->deviance += 2 * fit->weight[i] * softplus(fit->y[i] > 0 ? -score : score);
	}
	return change;
}

/* The least squares problem whose solution are the next coefficients. */
static void
set_working(Logit *fit)
{
	for (int64 i = 0; i < fit->problem->n; i++)
	{
		double		tail = exp(-fabs(fit->score[i]));
		double		variance = tail / ((1 + tail) * (1 + tail));
		double		small = tail / (1 + tail);	/* the less likely outcome's probability */
		bool		unlikely = (fit->score[i] > 0) != (fit->y[i] > 0);
		double		residual = unlikely ? 1 - small : small;

		variance = Max(variance, 1e-290);
		fit->working_weight[i] = fit->weight[i] * variance;
		fit->working_target[i] = fit->score[i] + (fit->y[i] > 0 ? residual : -residual) / variance;
	}
}

/* Returns NULL, or why there is no maximum. */
static const char *
maximize(Logit *fit)
{
	const char *separated = "the predictors separate the outcomes, wholly or in part, so that no finite coefficients are best";
	int			k = fit->problem->p + 1;
	double	   *before = palloc(k * sizeof(double));
	double		deviance = fit->deviance;
	double		farthest = 0;

	for (fit->iterations = 1; fit->iterations <= LOGIT_ITERATIONS; fit->iterations++)
	{
		double		change;

		set_working(fit);
		if (!least_squares_solve(fit->problem))
			return separated;
		memcpy(before, fit->coefficient, k * sizeof(double));
		memcpy(fit->coefficient, fit->problem->coefficient, k * sizeof(double));
		change = evaluate(fit);
		for (int halving = 0; !(fit->deviance <= deviance * (1 + 1e-10)) && halving < LOGIT_HALVINGS; halving++)
		{
			for (int j = 0; j < k; j++)
				fit->coefficient[j] = (fit->coefficient[j] + before[j]) / 2;
			evaluate(fit);
			change = 1;			/* not converged yet */
		}
		/* scores are exact to the last digits of the terms that they are sums of */
		if (change < 1e-7 + 1e-12 * fabs(fit->coefficient[0]) && fabs(fit->deviance - deviance) <= 1e-11 * (fit->deviance + 0.1))
		{
			/* standard errors are those at the maximum */
			set_working(fit);
			return least_squares_solve(fit->problem) ? NULL : separated;
		}
		deviance = fit->deviance;
		farthest = 0;
		for (int64 i = 0; i < fit->problem->n; i++)
			farthest = Max(farthest, fabs(fit->score[i]));
	}
	/* a step adds about 1 to the scores that run away */
	return farthest > LOGIT_ITERATIONS / 2 ? separated : "the likelihood's maximum was not found";
}

typedef struct Scored
{
	double		score;
	double		y;
	double		weight;
} Scored;

static int
compare_scores(const void *left, const void *right)
{
	const Scored *a = left;
	const Scored *b = right;

	if (a->score != b->score)
		return a->score < b->score ? -1 : 1;
	/* one order of summing */
	if (a->y != b->y)
		return a->y < b->y ? -1 : 1;
	return a->weight < b->weight ? -1 : a->weight > b->weight;
}

/* The chance that a random 1 scores above a random 0, equal scores counting half. */
static double
area_under_curve(const Logit *fit)
{
	int64		n = fit->problem->n;
	Scored	   *scored = MemoryContextAllocHuge(CurrentMemoryContext, n * sizeof(Scored));
	double		below = 0,		/* zeros with a lower score */
				ones = 0,
				won = 0;

	for (int64 i = 0; i < n; i++)
		scored[i] = (Scored) {fit->score[i], fit->y[i], fit->weight[i]};
	qsort(scored, n, sizeof(Scored), compare_scores);
	for (int64 i = 0, end; i < n; i = end)
	{
		double		zeros_here = 0,
					ones_here = 0;

		for (end = i; end < n && scored[end].score == scored[i].score; end++)
			if (scored[end].y > 0)
				ones_here += scored[end].weight;
			else
				zeros_here += scored[end].weight;
		won += ones_here * (below + zeros_here / 2);
		below += zeros_here;
		ones += ones_here;
	}
	pfree(scored);
	return won / ones / below;
}

Datum
custprio_fit_logit_final(PG_FUNCTION_ARGS)
{
	Sample	   *sample = sample_final_state(fcinfo);
	LeastSquares problem;
	Logit		fit = {&problem};
	Attributes	out;
	const char *status;
	bool		ok;
	int			k;
	int64		events = 0;
	double		null_deviance = 0,
				rate = 0;
	double	   *error,
			   *z,
			   *p_value;

	if (sample == NULL || sample->n == 0)
		PG_RETURN_NULL();
	begin_attributes(fcinfo, &out);
	k = sample->width - 1;
	fit.coefficient = palloc0(k * sizeof(double));
	error = palloc0(k * sizeof(double));
	z = palloc0(k * sizeof(double));
	p_value = palloc0(k * sizeof(double));
	status = make_problem(sample, &problem);
	for (int64 i = 0; i < sample->n; i++)
		events += sample->value[i * sample->width + k - 1] > 0;
	if (status == NULL)
	{
		Size		size = problem.n * sizeof(double);
		double		ones = 0;

		fit.weight = problem.weight;
		fit.y = problem.target;
		fit.score = MemoryContextAllocHuge(CurrentMemoryContext, size);
		memset(fit.score, 0, size);
		problem.weight = fit.working_weight = MemoryContextAllocHuge(CurrentMemoryContext, size);
		problem.target = fit.working_target = MemoryContextAllocHuge(CurrentMemoryContext, size);
		for (int64 i = 0; i < problem.n; i++)
			ones += fit.weight[i] * fit.y[i];
		rate = ones / problem.weights;
		fit.coefficient[0] = log(rate) - log1p(-rate);
		evaluate(&fit);
		null_deviance = fit.deviance;
		status = maximize(&fit);
	}
	ok = status == NULL;
	if (ok)
	{
		least_squares_variance(&problem, error);
		for (int i = 0; i < k; i++)
		{
			error[i] = sqrt(error[i]);
			z[i] = fit.coefficient[i] / error[i];
			p_value[i] = normal_p_value(z[i]);
		}
	}
	else
		warn("logistic regression", status);

	put_list(&out, ok, fit.coefficient, k);
	put_list(&out, ok, error, k);
	put_list(&out, ok, z, k);
	put_list(&out, ok, p_value, k);
	put_number(&out, ok, -fit.deviance / 2);
	put_number(&out, ok, fit.deviance);
	put_number(&out, ok, null_deviance);
	put_number(&out, ok, fit.deviance + 2 * k);
	put_number(&out, ok, ok ? area_under_curve(&fit) : 0);
	put(&out, true, Int64GetDatum(sample->n));
	put(&out, true, Int64GetDatum(events));
	put(&out, fit.iterations > 0, Int32GetDatum(Min(fit.iterations, LOGIT_ITERATIONS)));
	put(&out, true, BoolGetDatum(ok));
	put(&out, true, CStringGetTextDatum(ok ? "ok" : status));
	PG_RETURN_DATUM(end_attributes(&out));
}

/*
 * predict(model, x)
 */

typedef struct Coefficients
{
	int			n;
	double	   *value;
} Coefficients;

static Coefficients *
take_coefficients(HeapTupleHeader model, const char *name)
{
	Coefficients *coefficients = palloc(sizeof(Coefficients));

	model_check_converged(model, name);
	coefficients->n = -1;
	coefficients->value = model_numbers(model, "coefficients", &coefficients->n);
	return coefficients;
}

static void *
take_linear(HeapTupleHeader model)
{
	return take_coefficients(model, "linear regression");
}

static void *
take_logit(HeapTupleHeader model)
{
	return take_coefficients(model, "logistic regression");
}

/* The score of the row of a call; false: a number is missing. */
static bool
predict(FunctionCallInfo fcinfo, void *(*take) (HeapTupleHeader model), double *score)
{
	const Coefficients *model = model_argument(fcinfo, 0, take);
	const double *x;
	int			p;

	if (!sample_features(PG_GETARG_ARRAYTYPE_P(1), "x", &x, &p))
		return false;
	if (p != model->n - 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("argument \"x\" must have as many elements as the model has predictors"),
				 errdetail("It has %d, and the model has %d.", p, model->n - 1)));
	*score = score_of(x, p, model->value);
	if (!isfinite(*score))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("value out of range: overflow")));
	return true;
}

Datum
custprio_predict_linear(PG_FUNCTION_ARGS)
{
	double		score;

	if (!predict(fcinfo, take_linear, &score))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(score);
}

Datum
custprio_predict_logit(PG_FUNCTION_ARGS)
{
	double		score;

	if (!predict(fcinfo, take_logit, &score))
		PG_RETURN_NULL();
	/* the smaller of p and 1 - p, which does not overflow nor cancel */
	PG_RETURN_FLOAT8(score < 0 ? exp(score) / (1 + exp(score)) : 1 / (1 + exp(-score)));
}
