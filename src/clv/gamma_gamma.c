/*
 * gamma_gamma.c: the Gamma-Gamma model of spend (Colombo and Jiang 1999; Fader, Hardie and Lee 2005, note 025).
 *
 * Purchases of a customer are gamma(p, nu) with nu ~ gamma(q, gamma); only customers with repeat purchases of a
 * positive mean value enter. gamma is in units of money. The likelihood of a mean m of x purchases is written so that
 * nothing cancels for large x or large sums:
 *
 *     -log B(p x, q) - p x log(1 + gamma / (m x)) - q log(1 + m x / gamma) - log m
 */
#include "clv/gamma_gamma.h"

#include <math.h>
#include <stddef.h>

#include "clv/model.h"
#include "clv/quadrature.h"
#include "clv/simulate.h"
#include "clv/special.h"

enum
{
	P, Q, GAMMA
};

static double
log_likelihood(const double *params, const ClvData *data, double *gradient)
{
	double		sum = 0,
				by_p = 0,
				by_q = 0,
				by_gamma = 0;

	for (int g = 0; g < data->n_groups; g++)
	{
		const ClvGroup *group = &data->group[g];
		double		px = params[P] * group->x;
		double		fixed = -log_beta(px, params[Q]);
		double		weights = 0,
					logs_p = 0,
					logs_q = 0;

		for (long i = group->first; i < group->last; i++)
		{
			const ClvHistory *row = &data->row[i];
			double		total = row->m * group->x;
			double		log_p = log1p(params[GAMMA] / total);
			double		log_q = log1p(total / params[GAMMA]);

			sum += row->weight * (fixed - px * log_p - params[Q] * log_q - log(row->m));
			weights += row->weight;
			logs_p += row->weight * log_p;
			logs_q += row->weight * log_q;
			by_gamma += row->weight * (params[Q] * (total / params[GAMMA]) - px) / (total + params[GAMMA]);
		}
		by_p += group->x * (weights * digamma_difference(px, params[Q]) - logs_p);
		by_q += weights * digamma_difference(params[Q], px) - logs_q;
	}
	if (gradient)
	{
		gradient[P] = by_p;
		gradient[Q] = by_q;
		gradient[GAMMA] = by_gamma;
	}
	return sum;
}

typedef struct Spend
{
	const double *params;
	const ClvHistory *row;
} Spend;

/* Density of m given nu, times that of nu, in u = log nu. */
static double
over_nu(double u, void *arg)
{
	const Spend *s = arg;
	double		px = s->params[P] * s->row->x;

	return (px + s->params[Q]) * u - exp(u) * (s->params[GAMMA] + s->row->m * s->row->x);
}

static double
log_likelihood_check(const double *params, const ClvHistory *row)
{
	Spend		s = {params, row};
	double		px = params[P] * row->x;
	double		power = px + params[Q];
	double		peak = log(power / (params[GAMMA] + row->m * row->x));
	double		integral = log_integral(over_nu, &s, peak - 60 / power - 20 / sqrt(power),
										peak + log1p(60 / power) + 20 / sqrt(power));

	return integral - lgamma(px) - lgamma(params[Q]) + params[Q] * log(params[GAMMA]) + px * log(row->x) +
		(px - 1) * log(row->m);
}

bool
gamma_gamma_has_mean(const double *params)
{
	return params[Q] > 1;
}

double
gamma_gamma_expected_value(const double *params, double x, double m)
{
	if (x == 0)
		return params[P] * params[GAMMA] / (params[Q] - 1);
	return params[P] * (params[GAMMA] + m * x) / (params[P] * x + params[Q] - 1);
}

static const char *
unfit(const ClvData *data, double weight, const char **hint)
{
	*hint = "Give customers with at least one repeat purchase and a positive mean value.";
	if (data->n == 0)
		return "no customers with repeat purchases";
	if (weight <= 1)
		return "only one customer";
	*hint = "Without a spread of values take the mean value itself.";
	for (long i = 1; i < data->n; i++)
		if (data->row[i].m != data->row[0].m)
			return NULL;
	return "all customers spend the same";
}

/* The mean of m becomes 1. */
static double
scale(const ClvData *data)
{
	double		sum = 0,
				weight = 0;

	for (long i = 0; i < data->n; i++)
	{
		sum += data->row[i].weight * data->row[i].m;
		weight += data->row[i].weight;
	}
	return weight / sum;
}

/* Typical, few and doubtful, many and certain. */
static const double starts[CLV_STARTS][CLV_MAX_PARAMS] = {{1.5, 1.2, -0.7}, {0, 0.5, 0}, {2.5, 2.5, 0}};

const ClvModel clv_gamma_gamma = {
	.name = "gamma_gamma",
	.n_params = 3,
	.param = {"p", "q", "gamma"},
	.time_power = {0, 0, 1},
	.starts = starts,
	.unfit = unfit,
	.scale = scale,
	.log_likelihood = log_likelihood,
	.log_likelihood_check = log_likelihood_check,
	.simulate = clv_simulate_gamma_gamma,
};
