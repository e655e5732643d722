/*
 * simulate.c: histories of customers as each model makes them.
 *
 * Straight from the definitions, customer by customer and purchase by purchase, so that it shares nothing with the
 * likelihoods. Gamma variates are Marsaglia and Tsang's (2000), in logarithms: with a small shape most of them are below
 * what double precision can hold.
 */
#include "custprio.h"

#include "clv/simulate.h"

#include <math.h>

#include "common/pg_prng.h"
#include "miscadmin.h"

/* Above 0, at most 1. */
static double
uniform(pg_prng_state *prng)
{
	return 1 - pg_prng_double(prng);
}

static double
exponential(pg_prng_state *prng)
{
	return -log(uniform(prng));
}

/* Marsaglia's polar method; the second variate is not kept, so that draws depend on nothing but the state. */
static double
normal(pg_prng_state *prng)
{
	for (;;)
	{
		double		u = 2 * uniform(prng) - 1,
					v = 2 * uniform(prng) - 1;
		double		s = u * u + v * v;

		if (s > 0 && s < 1)
			return u * sqrt(-2 * log(s) / s);
	}
}

static double
log_gamma_variate(double shape, pg_prng_state *prng)
{
	double		boost = shape < 1 ? log(uniform(prng)) / shape : 0;
	double		d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3;

	for (;;)
	{
		double		x = normal(prng);
		double		v = 1 + x / sqrt(9 * d);

		if (v <= 0)
			continue;
		v = v * v * v;
		if (log(uniform(prng)) < x * x / 2 + d - d * v + d * log(v))
			return log(d) + log(v) + boost;
	}
}

static double
beta_variate(double a, double b, pg_prng_state *prng)
{
	double		first = log_gamma_variate(a, prng);
	double		second = log_gamma_variate(b, prng);

	return 1 / (1 + exp(second - first));
}

/* Purchases, each after k events at a rate, until a time; with a chance of leaving after each. */
static void
purchases(double rate, double k, double leaving, double until, pg_prng_state *prng, ClvHistory *h)
{
	double		clock = 0;

	for (;;)
	{
		for (int event = 0; event < k; event++)
			clock += exponential(prng) / rate;
		if (!(clock <= until))
			return;
		h->x++;
		h->t_x = clock;
		if (leaving > 0 && uniform(prng) <= leaving)
			return;
		CHECK_FOR_INTERRUPTS();
	}
}

void
clv_simulate_bgnbd(const double *params, bool modified, double k, pg_prng_state *prng, ClvHistory *h)
{
	double		rate = exp(log_gamma_variate(params[0], prng)) / params[1];
	double		leaving = beta_variate(params[2], params[3], prng);

	h->x = h->t_x = 0;
	if (!modified || uniform(prng) > leaving)
		purchases(rate, k, leaving, h->t, prng, h);
}

void
clv_simulate_pareto_nbd(const double *params, pg_prng_state *prng, ClvHistory *h)
{
	double		rate = exp(log_gamma_variate(params[0], prng)) / params[1];
	double		life = exponential(prng) / (exp(log_gamma_variate(params[2], prng)) / params[3]);

	h->x = h->t_x = 0;
	purchases(rate, 1, 0, fmin(h->t, life), prng, h);
}

void
clv_simulate_bgbb(const double *params, pg_prng_state *prng, ClvHistory *h)
{
	double		buying = beta_variate(params[0], params[1], prng);
	double		leaving = beta_variate(params[2], params[3], prng);

	h->x = h->t_x = 0;
	for (double i = 1; i <= h->t && uniform(prng) > leaving; i++)
		if (uniform(prng) <= buying)
		{
			h->x++;
			h->t_x = i;
		}
}

/* t renewals have come due. */
void
clv_simulate_sbg(const double *params, pg_prng_state *prng, ClvHistory *h)
{
	double		leaving = beta_variate(params[0], params[1], prng);

	h->x = h->t_x = 0;
	while (h->x < h->t && h->t_x == 0)
	{
		if (uniform(prng) <= leaving)
			h->t_x = 1;
		else
			h->x++;
	}
	h->t = 0;
}

/* x purchases are given. */
void
clv_simulate_gamma_gamma(const double *params, pg_prng_state *prng, ClvHistory *h)
{
	double		nu = log_gamma_variate(params[1], prng) - log(params[2]);

	h->m = exp(log_gamma_variate(params[0] * h->x, prng) - nu - log(h->x));
}
