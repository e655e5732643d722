/*
 * sbg.c: the shifted-beta-geometric model of contracts (Fader and Hardie 2007, 2010).
 *
 * At each renewal a customer leaves with a probability theta of the customer's own, theta ~ beta(alpha, beta). Somebody
 * who renewed n times and was then lost, or was not up to now, has the likelihood
 *
 *     B(alpha + 1, beta + n) / B(alpha, beta)        B(alpha, beta + n) / B(alpha, beta)
 *
 * and theta ~ beta(alpha, beta + n) in the second case: the longer somebody has stayed, the likelier the next renewal.
 */
#include "custprio.h"

#include "clv/model.h"

#include <math.h>

#include "clv/collapse.h"
#include "clv/params.h"
#include "clv/quadrature.h"
#include "clv/sbg.h"
#include "clv/simulate.h"
#include "clv/special.h"
#include "utils/float.h"

PG_FUNCTION_INFO_V1(custprio_sbg_log_likelihood);
PG_FUNCTION_INFO_V1(custprio_sbg_survival);
PG_FUNCTION_INFO_V1(custprio_sbg_retention_rate);
PG_FUNCTION_INFO_V1(custprio_sbg_derl);
PG_FUNCTION_INFO_V1(custprio_sbg_clv);

enum
{
	ALPHA, BETA
};

/* x counts renewals; t_x is 1 where the customer was lost after them, else 0. */
static double
log_likelihood(const double *params, const ClvData *data, double *gradient)
{
	double		both = params[ALPHA] + params[BETA];
	double		sum = 0;

	if (gradient)
		gradient[ALPHA] = gradient[BETA] = 0;
	for (long i = 0; i < data->n; i++)
	{
		const ClvHistory *row = &data->row[i];
		double		lost = row->t_x;

		sum += row->weight * (log_pochhammer(params[BETA], row->x) - log_pochhammer(both, row->x) +
							  lost * log(params[ALPHA] / (both + row->x)));
		if (gradient)
		{
			double		by_both = digamma_difference(both, row->x) + lost / (both + row->x);

			gradient[ALPHA] += row->weight * (lost / params[ALPHA] - by_both);
			gradient[BETA] += row->weight * (digamma_difference(params[BETA], row->x) - by_both);
		}
	}
	return sum;
}

/* The expectation over theta by quadrature. */
static double
log_likelihood_check(const double *params, const ClvHistory *row)
{
	return log_beta_integral(params[ALPHA] + row->t_x, params[BETA] + row->x) -
		log_beta_integral(params[ALPHA], params[BETA]);
}

static const char *
unfit(const ClvData *data, double weight, const char **hint)
{
	bool		lost = false,
				renewed = false;

	*hint = "Give all customers of a cohort, those who are still there included.";
	if (data->n == 0)
		return "no customers";
	if (weight <= 1)
		return "only one customer";
	for (long i = 0; i < data->n; i++)
	{
		lost |= data->row[i].t_x > 0;
		renewed |= data->row[i].x > 0;
	}
	*hint = "Wait until some have left and some have renewed.";
	if (!lost)
		return "no customer was lost";
	if (!renewed)
		return "no customer has renewed";
	return NULL;
}

/* Renewals are counted. */
static double
scale(const ClvData *data)
{
	return 1;
}

static const double starts[CLV_STARTS][CLV_MAX_PARAMS] = {{-0.4, 0.5}, {1.5, 2.5}, {-2.5, -1.5}};

const ClvModel clv_sbg = {
	.name = "sbg",
	.n_params = 2,
	.param = {"alpha", "beta"},
	.discrete = true,
	.starts = starts,
	.unfit = unfit,
	.scale = scale,
	.log_likelihood = log_likelihood,
	.log_likelihood_check = log_likelihood_check,
	.simulate = clv_simulate_sbg,
};

double
sbg_survival(const double *params, double periods, double renewals)
{
	return exp(log_pochhammer(params[BETA] + renewals, periods) -
			   log_pochhammer(params[ALPHA] + params[BETA] + renewals, periods));
}

double
sbg_derl(const double *params, double renewals, double discount, double periods)
{
	double		stay = params[BETA] + renewals,
				both = params[ALPHA] + stay;
	double		z = 1 / (1 + discount);
	double		term = 1,
				sum = 0;

	if (isinf(periods))
		return z < 1 ? stay / both * hypergeometric_one(stay + 1, both + 1, z) :
			params[ALPHA] > 1 ? stay / (params[ALPHA] - 1) : INFINITY;
	for (double i = 0; i < periods; i++)
	{
		term *= (stay + i) / (both + i);
		sum += term;
		term *= z;
		if (term * (periods - i) < 1e-17 * sum)
			break;
	}
	return sum;
}

void
sbg_check_count(double value, const char *name, double least)
{
	if (!(value >= least && value <= CLV_MAX_OPPORTUNITIES) || value != floor(value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a whole number from %d to %d", name, (int) least, CLV_MAX_OPPORTUNITIES),
				 errdetail("It is %s.", float8out_internal(value))));
}

/* A whole number of renewals, or periods. */
static double
count_argument(FunctionCallInfo fcinfo, int i, const char *name, double least)
{
	sbg_check_count(PG_GETARG_FLOAT8(i), name, least);
	return PG_GETARG_FLOAT8(i);
}

static const double *
params_argument(FunctionCallInfo fcinfo)
{
	return clv_params_argument(PG_GETARG_DATUM(0), (ClvParams **) &fcinfo->flinfo->fn_extra,
							   fcinfo->flinfo->fn_mcxt)->value;
}

/* log_likelihood(sbg, renewals, lost) */
Datum
custprio_sbg_log_likelihood(PG_FUNCTION_ARGS)
{
	ClvHistory	h = {.x = count_argument(fcinfo, 1, "renewals", 0),.t_x = PG_GETARG_BOOL(2) ? 1 : 0,.weight = 1};
	ClvData		data = {.row = &h,.n = 1};

	PG_RETURN_FLOAT8(log_likelihood(params_argument(fcinfo), &data, NULL));
}

/* survival(sbg, periods, renewals DEFAULT 0) */
Datum
custprio_sbg_survival(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(sbg_survival(params_argument(fcinfo), count_argument(fcinfo, 1, "periods", 0),
								  count_argument(fcinfo, 2, "renewals", 0)));
}

/* retention_rate(sbg, period) */
Datum
custprio_sbg_retention_rate(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(sbg_survival(params_argument(fcinfo), 1, count_argument(fcinfo, 1, "period", 1) - 1));
}

static double
derl_argument(FunctionCallInfo fcinfo, int discount_at)
{
	const double *params = params_argument(fcinfo);
	double		renewals = count_argument(fcinfo, 1, "renewals", 0);
	double		discount = PG_GETARG_FLOAT8(discount_at);
	double		periods = PG_GETARG_FLOAT8(discount_at + 1);
	double		derl;

	if (!isfinite(discount) || discount < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("discount must be zero or more and finite"),
				 errdetail("It is %s.", float8out_internal(discount)),
				 errhint("It is a rate per period of the contract: 0.1 for 10 percent.")));
	if (!isinf(periods) || periods < 0)
		count_argument(fcinfo, discount_at + 1, "periods", 0);
	derl = sbg_derl(params, renewals, discount, periods);
	if (isinf(derl))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("expected residual lifetime is infinite"),
				 errdetail("Parameter alpha is %s; without a discount it must be above 1.",
						   float8out_internal(params[ALPHA])),
				 errhint("Give a discount, or a number of periods.")));
	return derl;
}

/* derl(sbg, renewals, discount, periods DEFAULT infinity) */
Datum
custprio_sbg_derl(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(derl_argument(fcinfo, 2));
}

/* clv(sbg, renewals, margin, discount, periods DEFAULT infinity) */
Datum
custprio_sbg_clv(PG_FUNCTION_ARGS)
{
	double		derl = derl_argument(fcinfo, 3);
	double		margin = PG_GETARG_FLOAT8(2);

	if (!isfinite(margin) || !isfinite(margin * derl))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("margin must be finite, and within what double precision can hold"),
				 errdetail("It is %s.", float8out_internal(margin))));
	PG_RETURN_FLOAT8(margin * derl);
}
