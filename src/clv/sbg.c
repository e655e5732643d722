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

/* x counts renewals; t_x is 1 where the customer was lost after them, else 0. */
static double
log_likelihood(const double *params, const ClvData *data, double *gradient)
{
	double		both = params[SBG_ALPHA] + params[SBG_BETA];
	double		sum = 0;

	if (gradient)
		gradient[SBG_ALPHA] = gradient[SBG_BETA] = 0;
	for (long i = 0; i < data->n; i++)
	{
		const ClvHistory *row = &data->row[i];
		double		lost = row->t_x;

		sum += row->weight * (log_pochhammer(params[SBG_BETA], row->x) - log_pochhammer(both, row->x) +
							  lost * log(params[SBG_ALPHA] / (both + row->x)));
		if (gradient)
		{
			double		by_both = digamma_difference(both, row->x) + lost / (both + row->x);

			gradient[SBG_ALPHA] += row->weight * (lost / params[SBG_ALPHA] - by_both);
			gradient[SBG_BETA] += row->weight * (digamma_difference(params[SBG_BETA], row->x) - by_both);
		}
	}
	return sum;
}

/* The expectation over theta by quadrature. */
static double
log_likelihood_check(const double *params, const ClvHistory *row)
{
	return log_beta_integral(params[SBG_ALPHA] + row->t_x, params[SBG_BETA] + row->x) -
		log_beta_integral(params[SBG_ALPHA], params[SBG_BETA]);
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
	return exp(log_pochhammer(params[SBG_BETA] + renewals, periods) -
			   log_pochhammer(params[SBG_ALPHA] + params[SBG_BETA] + renewals, periods));
}

double
sbg_derl(const double *params, double renewals, double discount, double periods)
{
	double		stay = params[SBG_BETA] + renewals,
				both = params[SBG_ALPHA] + stay;
	double		z = 1 / (1 + discount);
	double		term = 1,
				sum = 0;

	if (isinf(periods))
		return z < 1 ? stay / both * hypergeometric_one(stay + 1, both + 1, z) :
			params[SBG_ALPHA] > 1 ? stay / (params[SBG_ALPHA] - 1) : INFINITY;
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
