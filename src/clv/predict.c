/*
 * predict.c: the SQL functions of fitted parameters.
 *
 * One C function serves the overloads for all models: the type of the first argument says which. Where parameters depend
 * on covariates, these are the second and third argument, and those of other models follow. Predictions of one
 * query repeat histories, since times are whole days: a small table keeps the last answers by history.
 */
#include "custprio.h"

#include <math.h>

#include "clv/gamma_gamma.h"
#include "clv/hash_numbers.h"
#include "clv/params.h"
#include "clv/value.h"
#include "utils/builtins.h"
#include "utils/float.h"

PG_FUNCTION_INFO_V1(custprio_clv_log_likelihood);
PG_FUNCTION_INFO_V1(custprio_clv_cnbd_log_likelihood);
PG_FUNCTION_INFO_V1(custprio_clv_gamma_gamma_log_likelihood);
PG_FUNCTION_INFO_V1(custprio_clv_p_alive);
PG_FUNCTION_INFO_V1(custprio_clv_expected_purchases);
PG_FUNCTION_INFO_V1(custprio_clv_expected_new);
PG_FUNCTION_INFO_V1(custprio_clv_pmf);
PG_FUNCTION_INFO_V1(custprio_clv_conditional_pmf);
PG_FUNCTION_INFO_V1(custprio_clv_dert);
PG_FUNCTION_INFO_V1(custprio_clv_expected_value);
PG_FUNCTION_INFO_V1(custprio_clv);

#define MEMO_LEAST_BITS	11		/* of the number of answers, which grows fourfold with the questions asked ... */
#define MEMO_MOST_BITS	13		/* ... up to this: more answers take longer to find than they save */
#define MEMO_WAYS	2			/* places for an answer: the last two questions that fall there */

typedef struct Memo
{
	double		x;
	double		t_x;
	double		t;
	double		horizon;
	double		answer;
	uint32		generation;		/* of the parameters that it belongs to; 0: none */
} Memo;

typedef struct Extra
{
	ClvCustomerParams customer;
	const ClvParams *params;	/* of the last call */
	ClvParams  *spend;			/* another argument of clv() */
	Memo	   *memo;
	int			memo_bits;		/* of the number of answers that it has room for */
	uint32		missed;			/* questions asked anew since the memo has this size */
} Extra;

static Extra *
extra_of(FunctionCallInfo fcinfo)
{
	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Extra));
	return fcinfo->flinfo->fn_extra;
}

/* Parameters in the first argument, or at the covariates in the two after it; next is the argument after these. */
static const ClvParams *
params_argument(FunctionCallInfo fcinfo, int *next)
{
	Extra	   *extra = extra_of(fcinfo);

	return extra->params = clv_customer_params(fcinfo, &extra->customer, next);
}

static ClvHistory
history_argument(FunctionCallInfo fcinfo, int first)
{
	ClvHistory	h = {.x = PG_GETARG_FLOAT8(first),.t_x = PG_GETARG_FLOAT8(first + 1),.t = PG_GETARG_FLOAT8(first + 2),
	.weight = 1};

	/* a model's parameters are always taken before */
	if (((Extra *) fcinfo->flinfo->fn_extra)->params->model->discrete)
		clv_check_opportunities(h.x, h.t_x, h.t);
	else
		clv_check_history(h.x, h.t_x, h.t);
	return h;
}

/* What counts opportunities is whole and within the length of our sums. */
static void
check_opportunities(FunctionCallInfo fcinfo, double value, const char *name)
{
	if (((Extra *) fcinfo->flinfo->fn_extra)->params->model->discrete &&
		!(value == floor(value) && value <= CLV_MAX_OPPORTUNITIES))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a whole number of opportunities, at most %d", name, CLV_MAX_OPPORTUNITIES),
				 errdetail("It is %s.", float8out_internal(value))));
}

static double
time_argument(FunctionCallInfo fcinfo, int i, const char *name)
{
	double		value = PG_GETARG_FLOAT8(i);

	if (!isfinite(value) || value < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be zero or more and finite", name),
				 errdetail("It is %s.", float8out_internal(value)),
				 errhint("Give it in the unit of time of the parameters.")));
	check_opportunities(fcinfo, value, name);
	return value;
}

static double
count_argument(FunctionCallInfo fcinfo, int i)
{
	double		value = PG_GETARG_INT32(i);

	if (value < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of purchases must be zero or more"),
				 errdetail("It is %d.", (int) value)));
	return value;
}

/* A number that is none must not leave us. */
static Datum
answer(double value)
{
	if (!isfinite(value))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("result is out of range"),
				 errdetail("The parameters or the history are beyond what double precision can hold.")));
	return Float8GetDatum(value);
}

static Memo *
memo_places(const Extra *extra, const Memo *question)
{
	double		key[4] = {question->x, question->t_x, question->t, question->horizon};

	return &extra->memo[hash_numbers(key, lengthof(key), extra->memo_bits) & ~(MEMO_WAYS - 1)];
}

/* A larger memo with the answers of the present one. */
static void
memo_grow(FunctionCallInfo fcinfo)
{
	Extra	   *extra = fcinfo->flinfo->fn_extra;
	Memo	   *old = extra->memo;
	uint32		old_size = old ? 1 << extra->memo_bits : 0;

	extra->missed = 0;
	extra->memo_bits = old ? extra->memo_bits + 2 : MEMO_LEAST_BITS;
	extra->memo = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Memo) << extra->memo_bits);
	for (uint32 i = 0; i < old_size; i++)
		if (old[i].generation == extra->params->generation)
		{
			Memo	   *place = memo_places(extra, &old[i]);

			place[place->generation != 0 ? 1 : 0] = old[i];
		}
	if (old)
		pfree(old);
}

/* The place for the answer to a question; known tells whether it is there already. */
static Memo *
memo_of(FunctionCallInfo fcinfo, const ClvHistory *h, double horizon, bool *known)
{
	Extra	   *extra = fcinfo->flinfo->fn_extra;
	Memo		question = {.x = h->x,.t_x = h->t_x,.t = h->t,.horizon = horizon,
	.generation = extra->params->generation};
	Memo	   *place;

	if (extra->memo == NULL || (extra->memo_bits < MEMO_MOST_BITS && extra->missed >> (extra->memo_bits - 1) > 0))
		memo_grow(fcinfo);
	place = memo_places(extra, &question);
	for (int i = 0; i < MEMO_WAYS; i++)
	{
		Memo	   *memo = &place[i];

		if (memo->x == h->x && memo->t_x == h->t_x && memo->t == h->t && memo->horizon == horizon &&
			memo->generation == question.generation)
		{
			*known = true;
			return memo;
		}
	}
	*known = false;
	extra->missed++;
	place[1] = place[0];
	place[0] = question;
	return place;
}

static double
history_log_likelihood(const ClvParams *params, ClvHistory h)
{
	double		time[2] = {h.t_x, h.t};
	int			first = 0,
				last = h.t > h.t_x ? 1 : 0;
	ClvGroup	group = {.x = h.x,.first = 0,.last = 1,.n_times = last + 1,.time = time};
	ClvData		data = {.row = &h,.n = 1,.group = &group,.n_groups = 1,.at_t_x = &first,.at_t = &last};

	return params->model->log_likelihood(params->value, &data, NULL);
}

/* log_likelihood(params, x, t_x, t) */
Datum
custprio_clv_log_likelihood(PG_FUNCTION_ARGS)
{
	int			at;
	const ClvParams *params = params_argument(fcinfo, &at);

	return answer(history_log_likelihood(params, history_argument(fcinfo, at)));
}

/* log_likelihood(params of an Erlang model, x, t_x, t, log_intervals) */
Datum
custprio_clv_cnbd_log_likelihood(PG_FUNCTION_ARGS)
{
	int			at;
	const ClvParams *params = params_argument(fcinfo, &at);
	ClvHistory	h = history_argument(fcinfo, at);
	double		log_intervals = PG_GETARG_FLOAT8(at + 3);
	double		k = params->value[params->model->n_params];

	clv_check_log_intervals(h.x, h.t_x, log_intervals);
	return answer(history_log_likelihood(params, h) + (k - 1) * log_intervals - h.x * lgamma(k));
}

static void
check_spend(double x, double m)
{
	if (!isfinite(x) || x < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of repeat purchases x must be zero or more and finite"),
				 errdetail("It is %s.", float8out_internal(x))));
	if (x > 0 && (!isfinite(m) || m <= 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("mean value m of repeat purchases must be above zero and finite"),
				 errdetail("It is %s.", float8out_internal(m)),
				 errhint("m is a mean, not a sum; leave returns and worthless purchases out of it.")));
}

/* log_likelihood(gamma_gamma, x, m) */
Datum
custprio_clv_gamma_gamma_log_likelihood(PG_FUNCTION_ARGS)
{
	int			at;
	const ClvParams *params = params_argument(fcinfo, &at);
	ClvHistory	h = {.x = PG_GETARG_FLOAT8(at),.m = PG_GETARG_FLOAT8(at + 1),.weight = 1};

	check_spend(h.x, h.m);
	if (h.x == 0)
		return Float8GetDatum(0);	/* says nothing about spend */
	return answer(history_log_likelihood(params, h));
}

/* p_alive(params, x, t_x, t, later DEFAULT 0) */
Datum
custprio_clv_p_alive(PG_FUNCTION_ARGS)
{
	int			at;
	const ClvParams *params = params_argument(fcinfo, &at);
	ClvHistory	h = history_argument(fcinfo, at);
	double		later = time_argument(fcinfo, at + 3, "later");
	Memo	   *memo;
	bool		known;

	if (later == 0 || params->model->quick)
		return answer(params->model->p_alive(params->value, &h, later));
	memo = memo_of(fcinfo, &h, later, &known);
	if (!known)
		memo->answer = params->model->p_alive(params->value, &h, later);
	return answer(memo->answer);
}

/* expected_purchases(params, x, t_x, t, horizon) */
Datum
custprio_clv_expected_purchases(PG_FUNCTION_ARGS)
{
	int			at;
	const ClvParams *params = params_argument(fcinfo, &at);
	ClvHistory	h = history_argument(fcinfo, at);
	double		horizon = time_argument(fcinfo, at + 3, "horizon");
	bool		known;
	Memo	   *memo;

	if (params->model->quick)
		return answer(params->model->expected_purchases(params->value, &h, horizon));
	memo = memo_of(fcinfo, &h, horizon, &known);
	if (!known)
		memo->answer = params->model->expected_purchases(params->value, &h, horizon);
	return answer(memo->answer);
}

/* expected_purchases(params, horizon): of a new customer */
Datum
custprio_clv_expected_new(PG_FUNCTION_ARGS)
{
	int			at;
	const ClvParams *params = params_argument(fcinfo, &at);

	return answer(params->model->expected_new(params->value, time_argument(fcinfo, at, "horizon")));
}

/* purchase_probability(params, n, horizon): of a new customer */
Datum
custprio_clv_pmf(PG_FUNCTION_ARGS)
{
	int			at;
	const ClvParams *params = params_argument(fcinfo, &at);

	return answer(exp(params->model->log_pmf(params->value, count_argument(fcinfo, at),
											 time_argument(fcinfo, at + 1, "horizon"))));
}

/* purchase_probability(params, n, x, t_x, t, horizon) */
Datum
custprio_clv_conditional_pmf(PG_FUNCTION_ARGS)
{
	int			at;
	const ClvParams *params = params_argument(fcinfo, &at);
	double		n = count_argument(fcinfo, at);
	ClvHistory	h = history_argument(fcinfo, at + 1);

	return answer(exp(params->model->log_conditional_pmf(params->value, n, &h, time_argument(fcinfo, at + 4, "horizon"))));
}

/* dert(params, x, t_x, t, delta, horizon DEFAULT infinity) */
Datum
custprio_clv_dert(PG_FUNCTION_ARGS)
{
	int			at;
	const ClvParams *params = params_argument(fcinfo, &at);
	ClvHistory	h = history_argument(fcinfo, at);
	double		delta = PG_GETARG_FLOAT8(at + 3);
	double		horizon = PG_GETARG_FLOAT8(at + 4);

	if (!isfinite(delta) || delta < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("delta must be zero or more and finite"),
				 errdetail("It is %s.", float8out_internal(delta)),
				 errhint("Give it in the unit of time of the parameters.")));
	if (!isinf(horizon) || horizon < 0)
		time_argument(fcinfo, at + 4, "horizon");
	if (delta == 0 && isinf(horizon))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("delta must be above zero where no horizon is given"),
				 errhint("A yearly discount d is the continuous rate ln(1 + d) per year; divide it by the units of time in a year.")));
	return answer(params->model->dert(params->value, &h, delta, horizon));
}

static void
check_mean(const double *params, double x)
{
	if (params[0] * x + params[1] <= 1)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the fitted distribution of spend has no mean"),
				 errdetail("Parameter q is %s; a mean needs q above 1.", float8out_internal(params[1])),
				 errhint("Fit with an l2 penalty, or take the mean value of the purchases itself.")));
}

/* expected_value(gamma_gamma, x, m) */
Datum
custprio_clv_expected_value(PG_FUNCTION_ARGS)
{
	int			at;
	const ClvParams *params = params_argument(fcinfo, &at);
	double		x = PG_GETARG_FLOAT8(at);
	double		m = PG_GETARG_FLOAT8(at + 1);

	check_spend(x, m);
	check_mean(params->value, x);
	return answer(gamma_gamma_expected_value(params->value, x, m));
}

/* clv(params, gamma_gamma, x, t_x, t, m, horizon, discount, time_unit, margin DEFAULT 1) */
Datum
custprio_clv(PG_FUNCTION_ARGS)
{
	int			at;
	const ClvParams *params = params_argument(fcinfo, &at);
	Extra	   *extra = fcinfo->flinfo->fn_extra;
	const ClvParams *spend = clv_params_argument(PG_GETARG_DATUM(at), &extra->spend, fcinfo->flinfo->fn_mcxt);
	ClvHistory	h = history_argument(fcinfo, at + 1);
	double		m = PG_GETARG_FLOAT8(at + 4);
	double		horizon = time_argument(fcinfo, at + 5, "horizon");
	double		discount = PG_GETARG_FLOAT8(at + 6);
	char	   *unit = text_to_cstring(PG_GETARG_TEXT_PP(at + 7));
	double		margin = PG_GETARG_FLOAT8(at + 8);
	double		growth = PG_GETARG_FLOAT8(at + 9);

	check_spend(h.x, m);
	check_mean(spend->value, h.x);
	if (!isfinite(discount) || discount < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("discount must be zero or more and finite"),
				 errdetail("It is %s.", float8out_internal(discount)),
				 errhint("It is a rate per year: 0.1 for 10 percent.")));
	if (!isfinite(margin))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("margin must be finite")));
	if (!(growth > -1 && growth <= CLV_MAX_GROWTH))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("growth must be above -1 and at most %d", CLV_MAX_GROWTH),
				 errdetail("It is %s.", float8out_internal(growth)),
				 errhint("It is a rate per year: 0.03 for 3 percent.")));
	if (params->time_unit[0] && strcmp(params->time_unit, unit) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time_unit is \"%s\", but the parameters were fitted in \"%s\"", unit, params->time_unit)));
	return answer(margin * gamma_gamma_expected_value(spend->value, h.x, m) *
				  clv_discounted_purchases(params->model, params->value, &h, horizon,
										   clv_discount_rate(discount, growth, clv_unit_days(unit, true))));
}
