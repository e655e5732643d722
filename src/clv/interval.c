/*
 * interval.c: confidence intervals of fitted parameters and of what they predict.
 *
 * By the delta method: the covariance of the logarithms of the parameters, which the fit left in them, carries over to a
 * prediction by its gradient, here central differences of the prediction itself. That is done for the logit of a
 * probability and the logarithm of anything else, so bounds never leave the range of the quantity. They tell how far the
 * prediction may be off because the parameters were estimated; what a single customer will do varies far more.
 */
#include "custprio.h"

#include <math.h>

#include "clv/gamma_gamma.h"
#include "clv/params.h"
#include "clv/sbg.h"
#include "clv/value.h"
#include "funcapi.h"
#include "stats/arguments.h"
#include "utils/builtins.h"
#include "utils/float.h"

PG_FUNCTION_INFO_V1(custprio_clv_parameter_intervals);
PG_FUNCTION_INFO_V1(custprio_clv_p_alive_interval);
PG_FUNCTION_INFO_V1(custprio_clv_expected_purchases_interval);
PG_FUNCTION_INFO_V1(custprio_clv_expected_value_interval);
PG_FUNCTION_INFO_V1(custprio_clv_interval);
PG_FUNCTION_INFO_V1(custprio_sbg_survival_interval);
PG_FUNCTION_INFO_V1(custprio_sbg_derl_interval);

/* The predictions themselves, in predict.c; they check all arguments. */
extern Datum custprio_clv_p_alive(PG_FUNCTION_ARGS);
extern Datum custprio_clv_expected_purchases(PG_FUNCTION_ARGS);
extern Datum custprio_clv_expected_value(PG_FUNCTION_ARGS);
extern Datum custprio_clv(PG_FUNCTION_ARGS);
extern Datum custprio_sbg_survival(PG_FUNCTION_ARGS);
extern Datum custprio_sbg_derl(PG_FUNCTION_ARGS);

#define STEP	1e-4			/* of a parameter's logarithm: truncation and rounding are both about 1e-8 */
#define CERTAIN	1e-12			/* a probability this close to 1 has no digits left for a gradient */

typedef struct Extra
{
	FmgrInfo	inner;			/* for the prediction, which keeps things of its own */
	ClvCustomerParams customer;
	ClvParams  *spend;
	TupleDesc	desc;
} Extra;

/* What is predicted, at parameters other than those given. */
typedef struct Question
{
	const ClvModel *model;
	ClvHistory	h;
	double		horizon;
	double		rate;
	double		m;
} Question;

typedef double (*Prediction) (const Question *question, const double *params);

static void
check_covariance(const ClvParams *params)
{
	if (!params->has_covariance)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("parameters of %s have no covariance", params->type),
				 errdetail("They do not come from a fit."),
				 errhint("Take the value of fit_%s itself.", params->type)));
}

/* Variance of a prediction's logarithm, or logit, that one model's parameters cause. */
static double
variance(const ClvParams *params, Prediction predict, const Question *question, bool probability)
{
	int			k = params->model->n_params;
	double		gradient[CLV_MAX_PARAMS];
	double		sum = 0;

	check_covariance(params);
	for (int i = 0; i < k; i++)
	{
		double		at[CLV_MAX_PARAMS];
		double		above,
					below;

		memcpy(at, params->value, sizeof(at));
		at[i] = params->value[i] * exp(STEP);
		above = predict(question, at);
		at[i] = params->value[i] * exp(-STEP);
		below = predict(question, at);
		gradient[i] = log(above / below);
		if (probability)
			gradient[i] -= log((1 - above) / (1 - below));
		gradient[i] /= 2 * STEP;
	}
	for (int i = 0; i < k; i++)
		for (int j = 0; j < k; j++)
			sum += gradient[i] * gradient[j] * params->covariance[i][j] / (params->value[i] * params->value[j]);
	/* rounding may leave a little below nothing */
	return isnan(sum) ? sum : fmax(sum, 0);
}

static Extra *
extra_of(FunctionCallInfo fcinfo)
{
	Extra	   *extra = fcinfo->flinfo->fn_extra;

	if (extra == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
		TupleDesc	desc;

		extra = palloc0(sizeof(Extra));
		extra->inner.fn_mcxt = fcinfo->flinfo->fn_mcxt;
		extra->customer.with_covariance = true;
		if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
			elog(ERROR, "return type must be a row type");
		extra->desc = BlessTupleDesc(CreateTupleDescCopy(desc));
		fcinfo->flinfo->fn_extra = extra;
		MemoryContextSwitchTo(old);
	}
	return extra;
}

/* The prediction for all arguments but the last, which is the level. */
static double
estimate(FunctionCallInfo fcinfo, PGFunction function)
{
	LOCAL_FCINFO(inner, FUNC_MAX_ARGS);
	int			n = PG_NARGS() - 1;

	InitFunctionCallInfoData(*inner, &extra_of(fcinfo)->inner, n, InvalidOid, NULL, NULL);
	for (int i = 0; i < n; i++)
		inner->args[i] = fcinfo->args[i];
	return DatumGetFloat8(function(inner));
}

static Datum
interval(FunctionCallInfo fcinfo, double value, double half, bool probability)
{
	Datum		values[3];
	bool		nulls[3] = {false, false, false};
	double		lower = value,
				upper = value;

	/* what is certain has no width: nothing expected in no time, BG/NBD's one-time buyers */
	if (value != 0 && !(probability && 1 - value < CERTAIN))
	{
		if (!isfinite(half))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("interval is out of range"),
					 errdetail("The estimate is %s.", float8out_internal(value))));
		if (probability)
		{
			lower = value / (value + (1 - value) * exp(half));
			upper = value / (value + (1 - value) * exp(-half));
		}
		else
		{
			lower = value * exp(value > 0 ? -half : half);
			upper = value * exp(value > 0 ? half : -half);
		}
	}
	values[0] = Float8GetDatum(value);
	values[1] = Float8GetDatum(lower);
	values[2] = Float8GetDatum(upper);
	return HeapTupleGetDatum(heap_form_tuple(extra_of(fcinfo)->desc, values, nulls));
}

/* Parameters, with their covariance, in the first argument or at the covariates after it; next is what comes then. */
static const ClvParams *
params_argument(FunctionCallInfo fcinfo, int *next)
{
	return clv_customer_params(fcinfo, &extra_of(fcinfo)->customer, next);
}

static double
predict_p_alive(const Question *question, const double *params)
{
	return question->model->p_alive(params, &question->h, question->horizon);
}

static double
predict_purchases(const Question *question, const double *params)
{
	return question->model->expected_purchases(params, &question->h, question->horizon);
}

static double
predict_discounted(const Question *question, const double *params)
{
	return clv_discounted_purchases(question->model, params, &question->h, question->horizon, question->rate);
}

static double
predict_value(const Question *question, const double *params)
{
	return gamma_gamma_expected_value(params, question->h.x, question->m);
}

/* The history in the arguments from first on. */
static ClvHistory
history(FunctionCallInfo fcinfo, int first)
{
	return (ClvHistory) {.x = PG_GETARG_FLOAT8(first),.t_x = PG_GETARG_FLOAT8(first + 1),
		.t = PG_GETARG_FLOAT8(first + 2),.weight = 1};
}

/* (params, x, t_x, t, later or horizon, level) */
static Datum
purchase_interval(FunctionCallInfo fcinfo, PGFunction function, Prediction predict, bool probability)
{
	int			at;
	double		value = estimate(fcinfo, function);
	const ClvParams *params = params_argument(fcinfo, &at);
	double		width = level_argument(fcinfo, at + 4);
	Question	question = {.model = params->model,.h = history(fcinfo, at),.horizon = PG_GETARG_FLOAT8(at + 3)};

	return interval(fcinfo, value, width * sqrt(variance(params, predict, &question, probability)), probability);
}

Datum
custprio_clv_p_alive_interval(PG_FUNCTION_ARGS)
{
	return purchase_interval(fcinfo, custprio_clv_p_alive, predict_p_alive, true);
}

Datum
custprio_clv_expected_purchases_interval(PG_FUNCTION_ARGS)
{
	return purchase_interval(fcinfo, custprio_clv_expected_purchases, predict_purchases, false);
}

/* (gamma_gamma, x, m, level) */
Datum
custprio_clv_expected_value_interval(PG_FUNCTION_ARGS)
{
	int			at;
	double		value = estimate(fcinfo, custprio_clv_expected_value);
	const ClvParams *params = params_argument(fcinfo, &at);
	double		width = level_argument(fcinfo, at + 2);
	Question	question = {.h.x = PG_GETARG_FLOAT8(at),.m = PG_GETARG_FLOAT8(at + 1)};

	return interval(fcinfo, value, width * sqrt(variance(params, predict_value, &question, false)), false);
}

/*
 * (params, gamma_gamma, x, t_x, t, m, horizon, discount, time_unit, margin, growth, level). How often and how much are
 * fitted apart and taken to be independent by both models, so the variances of the two factors' logarithms add up.
 */
Datum
custprio_clv_interval(PG_FUNCTION_ARGS)
{
	int			at;
	double		value = estimate(fcinfo, custprio_clv);
	const ClvParams *params = params_argument(fcinfo, &at);
	double		width = level_argument(fcinfo, at + 10);
	const ClvParams *spend = clv_params_argument(PG_GETARG_DATUM(at), &extra_of(fcinfo)->spend,
												 fcinfo->flinfo->fn_mcxt);
	char	   *unit = text_to_cstring(PG_GETARG_TEXT_PP(at + 7));
	Question	question = {.model = params->model,.h = history(fcinfo, at + 1),.m = PG_GETARG_FLOAT8(at + 4),
	.horizon = PG_GETARG_FLOAT8(at + 5),.rate = clv_discount_rate(PG_GETARG_FLOAT8(at + 6), PG_GETARG_FLOAT8(at + 9),
									  clv_unit_days(unit, true))};

	return interval(fcinfo, value, width * sqrt(variance(params, predict_discounted, &question, false) +
												variance(spend, predict_value, &question, false)), false);
}

static double
predict_survival(const Question *question, const double *params)
{
	return sbg_survival(params, question->horizon, question->h.x);
}

static double
predict_derl(const Question *question, const double *params)
{
	return sbg_derl(params, question->h.x, question->rate, question->horizon);
}

/* (sbg, periods, renewals, level) */
Datum
custprio_sbg_survival_interval(PG_FUNCTION_ARGS)
{
	int			at;
	double		value = estimate(fcinfo, custprio_sbg_survival);
	const ClvParams *params = params_argument(fcinfo, &at);
	double		width = level_argument(fcinfo, 3);
	Question	question = {.horizon = PG_GETARG_FLOAT8(1),.h.x = PG_GETARG_FLOAT8(2)};

	return interval(fcinfo, value, width * sqrt(variance(params, predict_survival, &question, true)), true);
}

/* (sbg, renewals, discount, periods, level) */
Datum
custprio_sbg_derl_interval(PG_FUNCTION_ARGS)
{
	int			at;
	double		value = estimate(fcinfo, custprio_sbg_derl);
	const ClvParams *params = params_argument(fcinfo, &at);
	double		width = level_argument(fcinfo, 4);
	Question	question = {.h.x = PG_GETARG_FLOAT8(1),.rate = PG_GETARG_FLOAT8(2),.horizon = PG_GETARG_FLOAT8(3)};

	return interval(fcinfo, value, width * sqrt(variance(params, predict_derl, &question, false)), false);
}

static void
store_interval(ReturnSetInfo *result, const char *name, double value, double lower, double upper)
{
	Datum		values[4] = {CStringGetTextDatum(name), Float8GetDatum(value), Float8GetDatum(lower),
	Float8GetDatum(upper)};
	bool		nulls[4] = {false, false, false, false};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* (params, level): one row per parameter, intervals of their logarithms; then one per coefficient */
Datum
custprio_clv_parameter_intervals(PG_FUNCTION_ARGS)
{
	ClvParams  *kept = NULL;
	const ClvParams *params = clv_params_argument(PG_GETARG_DATUM(0), &kept, CurrentMemoryContext);
	const ClvCovariateModel *model = params->design.model;
	double		width = level_argument(fcinfo, 1);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			n = params->model->n_params;

	check_covariance(params);
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < n; i++)
	{
		double		value = params->value[i];
		double		half = width * sqrt(params->covariance[i][i]) / value;

		store_interval(result, params->model->param[i], value, value * exp(-half), value * exp(half));
	}
	for (int e = 0; model && e < model->n_effects; e++)
		for (int j = 1; j <= params->design.n[model->effect[e].process]; j++, n++)
		{
			double		value = params->coefficient[n - params->model->n_params];
			double		half = width * sqrt(params->covariance[n][n]);

			store_interval(result, psprintf("%s[%d]", model->effect[e].coefficients, j), value, value - half,
						   value + half);
		}
	return (Datum) 0;
}
