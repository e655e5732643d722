/*
 * bgnbd.c: the BG/NBD model (Fader, Hardie and Lee 2005) and the MBG/NBD model (Batislam, Denizel and Filiztekin 2007).
 *
 * While alive a customer buys as a Poisson process of rate lambda ~ gamma(r, alpha), and drops out after each purchase
 * with probability p ~ beta(a, b); in the MBG/NBD also after the first one. So after x repeat purchases BG has survived
 * k = x chances to drop out and MBG k = x + 1. Given a history and that the customer is alive,
 *
 *     lambda ~ gamma(n, rate), n = r + x, rate = alpha + t        p ~ beta(a, beta), beta = b + k
 *
 * and the odds of having dropped out right after the last purchase are a / (b + k - 1) ((alpha + t) / (alpha + t_x))^n
 * (none for BG at x = 0). Every prediction is one about such an Alive customer. The papers write them with 2F1, which
 * has poles at a = 1 and cancels; here they are sums of positive terms: of the J purchases that an immortal customer
 * would make, negative binomial with shape n and z = h / (rate + h), the (i + 1)th is made with probability
 * e_i = E[(1 - p)^i] = (beta)_i / (a + beta)_i.
 */
#include "clv/model.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "clv/quadrature.h"
#include "clv/special.h"

/* Sums longer than this are taken as integrals over p instead. */
#define MAX_TERMS	4000

enum
{
	R, ALPHA, A, B
};

typedef struct Alive
{
	double		n;
	double		rate;
	double		a;
	double		beta;
} Alive;

/* Chances to drop out that a customer with x repeat purchases has survived. */
static inline double
survived(bool modified, double x)
{
	return modified ? x + 1 : x;
}

static Alive
alive_customer(const double *params, bool modified, double x, double t)
{
	return (Alive) {params[R] + x, params[ALPHA] + t, params[A], params[B] + survived(modified, x)};
}

/* Log of the odds against being alive. */
static double
log_odds(const double *params, bool modified, double x, double t_x, double t)
{
	double		k = survived(modified, x);

	if (k == 0)
		return -INFINITY;
	return log(params[A] / (params[B] + k - 1)) + (params[R] + x) * log1p((t - t_x) / (params[ALPHA] + t_x));
}

/* 1 / (1 + exp(odds)) */
static inline double
chance_against(double odds)
{
	return odds > 700 ? exp(-odds) : 1 / (1 + exp(odds));
}

static double
log_likelihood(const double *params, bool modified, const ClvData *data, double *gradient)
{
	double		sum = 0,
				by_r = 0,
				by_alpha = 0,
				by_a = 0,
				by_b = 0;

	for (int g = 0; g < data->n_groups; g++)
	{
		const ClvGroup *group = &data->group[g];
		double		x = group->x;
		double		k = survived(modified, x);
		double		n = params[R] + x;
		double		fixed = log_pochhammer(params[R], x) + log_pochhammer(params[B], k) -
			log_pochhammer(params[A] + params[B], k);
		double		odds_fixed = k > 0 ? params[A] / (params[B] + k - 1) : 0;
		double		weights = 0,
					died = 0;

		for (long i = group->first; i < group->last; i++)
		{
			const ClvHistory *row = &data->row[i];
			double		end = params[ALPHA] + row->t;
			double		last = params[ALPHA] + row->t_x;
			double		grown = log1p(row->t / params[ALPHA]);
			double		value = fixed - params[R] * grown - x * log(end);
			double		dead = 0,
						ratio = 0;

			if (k > 0)
			{
				double		odds;

				ratio = log1p((row->t - row->t_x) / last);
				odds = odds_fixed * exp(n * ratio);
				if (odds < 1e300)
				{
					value += log1p(odds);
					dead = odds / (1 + odds);
				}
				else
				{
					value += log(odds_fixed) + n * ratio;
					dead = 1;
				}
			}
			sum += row->weight * value;
			weights += row->weight;
			died += row->weight * dead;
			by_r += row->weight * (dead * ratio - grown);
			by_alpha += row->weight * (params[R] * row->t / params[ALPHA] - x - dead * n * (row->t - row->t_x) / last) / end;
		}
		if (gradient)
		{
			double		ab = digamma_difference(params[A] + params[B], k);

			by_r += weights * digamma_difference(params[R], x);
			by_a += died / params[A] - weights * ab;
			by_b += weights * (digamma_difference(params[B], k) - ab);
			if (k > 0)
				by_b -= died / (params[B] + k - 1);
		}
	}
	if (gradient)
	{
		gradient[R] = by_r;
		gradient[ALPHA] = by_alpha;
		gradient[A] = by_a;
		gradient[B] = by_b;
	}
	return sum;
}

/* The integrals over p and lambda of the definition, each in the logarithm of what it integrates over. */
typedef struct Definition
{
	double		power;			/* of lambda or p */
	double		rest;			/* rate of lambda, or power of 1 - p */
} Definition;

static double
of_lambda(double u, void *arg)
{
	const Definition *d = arg;

	return d->power * u - d->rest * exp(u);
}

static double
of_logit(double u, void *arg)
{
	const Definition *d = arg;
	double		p = -log1p(exp(-fabs(u)));
	double		q = p - fabs(u);

	return u > 0 ? d->power * p + d->rest * q : d->power * q + d->rest * p;
}

/* How far from the peak of a density of logits is nothing left, on the side of one power; see the other's effect. */
static double
tail(double power, double other)
{
	return 60 / power + 20 / sqrt(power) + log1p(60 / other);
}

static double
log_gamma_integral(double power, double rest)
{
	Definition	d = {power, rest};
	double		peak = log(power / rest);

	return log_integral(of_lambda, &d, peak - tail(power, 1), peak + log1p(60 / power) + 20 / sqrt(power));
}

static double
log_beta_integral(double power, double rest)
{
	Definition	d = {power, rest};
	double		peak = log(power / rest);

	return log_integral(of_logit, &d, peak - tail(power, rest), peak + tail(rest, power));
}

/*
 * One history's likelihood by quadrature over lambda and p:
 * E[lambda^x (1-p)^k exp(-lambda t)] + E[lambda^x p (1-p)^(k-1) exp(-lambda t_x)].
 */
static double
log_likelihood_check(const double *params, bool modified, const ClvHistory *row)
{
	double		k = survived(modified, row->x);
	double		n = params[R] + row->x;
	double		scale = -log_gamma_integral(params[R], params[ALPHA]) - log_beta_integral(params[A], params[B]);
	double		alive = log_gamma_integral(n, params[ALPHA] + row->t) + log_beta_integral(params[A], params[B] + k);

	if (k == 0)
		return scale + alive;
	return scale + log_add(alive, log_gamma_integral(n, params[ALPHA] + row->t_x) +
						   log_beta_integral(params[A] + 1, params[B] + k - 1));
}

typedef struct OverP
{
	Alive		c;
	double		w;				/* horizon / rate */
	bool		purchases;		/* expected purchases, or survival */
} OverP;

/* Beta density of p times (1 - (1 + p w)^-n) / p or (1 + p w)^-n, by the logit of p. */
static double
over_p(double u, void *arg)
{
	const OverP *o = arg;
	double		larger = -log1p(exp(-fabs(u)));
	double		p = u > 0 ? larger : larger + u;
	double		q = u > 0 ? larger - u : larger;
	double		power = o->c.n * log1p(exp(p) * o->w);

	return o->c.a * p + o->c.beta * q + (o->purchases ? log(-expm1(-power)) - p : -power);
}

static double
integral_over_p(const Alive *c, double w, bool purchases)
{
	OverP		o = {*c, w, purchases};
	double		peak = log(c->a / c->beta);
	double		low = fmin(peak, -log1p(c->n * w)) - tail(c->a, c->beta);
	double		high = peak + tail(c->beta, c->a);

	return exp(log_integral(over_p, &o, low, high) - log_beta(c->a, c->beta));
}

/*
 * Sum over J of its probability times (i = J) survival, or times the sum of e_i below J, the expected purchases within
 * horizon of a customer who is alive. Kept within range by scale, a logarithm.
 */
static double
sum_over_purchases(const Alive *c, double horizon, bool purchases)
{
	double		w = horizon / c->rate;
	double		z = horizon / (c->rate + horizon);
	double		scale = -c->n * log1p(w);
	double		chance = 1,		/* of J = j, but for scale */
				all = 1,
				made = 0,		/* expected purchases of J = j */
				survive = 1,	/* e_j */
				sum = purchases ? 0 : 1;

	if (horizon == 0)
		return purchases ? 0 : 1;
	if (c->n * w + 40 * (1 + w) > MAX_TERMS)
		return integral_over_p(c, w, purchases);
	for (double j = 0;; j++)
	{
		double		term;

		chance *= (c->n + j) / (j + 1) * z;
		made += survive;
		survive *= (c->beta + j) / (c->a + c->beta + j);
		term = chance * (purchases ? made : survive);
		sum += term;
		all += chance;
		/* what is left is below a geometric series of this ratio, made growing by no more than 1 a step */
		if (z * (c->n + j + 1) * (j + 3) < (j + 2) * (j + 2))
		{
			double		ratio = z * fmax((c->n + j + 1) / (j + 2), 1);

			if (ratio < 1 && chance * (purchases ? made + 1 / (1 - ratio) : survive) < 1e-17 * (1 - ratio) * sum)
				break;
		}
		if (all > 1e200)
		{
			chance *= 1e-200;
			all *= 1e-200;
			sum *= 1e-200;
			scale += 460.51701859880914;
		}
		if (j > 100 * MAX_TERMS)
			break;
	}
	return exp(scale + log(sum));
}

static double
p_alive(const double *params, bool modified, const ClvHistory *h, double later)
{
	double		now = chance_against(log_odds(params, modified, h->x, h->t_x, h->t));
	Alive		c = alive_customer(params, modified, h->x, h->t);

	return later > 0 ? now * sum_over_purchases(&c, later, false) : now;
}

static double
expected_purchases(const double *params, bool modified, const ClvHistory *h, double horizon)
{
	Alive		c = alive_customer(params, modified, h->x, h->t);

	return chance_against(log_odds(params, modified, h->x, h->t_x, h->t)) * sum_over_purchases(&c, horizon, true);
}

/* Log of P(J = j). */
static double
log_negative_binomial(const Alive *c, double j, double horizon)
{
	if (horizon == 0)
		return j == 0 ? 0 : -INFINITY;
	return (j > 0 ? log_pochhammer(c->n, j) - log_gamma(j + 1) - j * log1p(c->rate / horizon) : 0) -
		c->n * log1p(horizon / c->rate);
}

/* Log of P(J >= j): below the mean from the lower terms, above it from the upper, so that nothing cancels. */
static double
log_tail(const Alive *c, double j, double horizon)
{
	double		z = horizon / (c->rate + horizon);
	double		term = 1,
				sum;

	if (j == 0)
		return 0;
	if (j <= c->n * horizon / c->rate)
	{
		/* downwards from j - 1 */
		sum = 1;
		for (double i = j - 1; i > 0 && term > 1e-18 * sum; i--)
		{
			term *= i / ((c->n + i - 1) * z);
			sum += term;
		}
		return log_one_minus_exp(fmin(log_negative_binomial(c, j - 1, horizon) + log(sum), -1e-300));
	}
	sum = 1;
	for (double i = j;; i++)
	{
		double		ratio = (c->n + i) / (i + 1) * z;

		term *= ratio;
		sum += term;
		if (ratio < 1 && term < 1e-17 * (1 - fmax(ratio, z)) * sum)
			break;
	}
	return log_negative_binomial(c, j, horizon) + log(sum);
}

/* Log of the probability that a customer who is alive makes j purchases within horizon. */
static double
log_alive_pmf(const Alive *c, double j, double horizon)
{
	double		survives = log_pochhammer(c->beta, j) - log_pochhammer(c->a + c->beta, j);
	double		pmf = survives + log_negative_binomial(c, j, horizon);

	if (j == 0 || horizon == 0)
		return pmf;
	/* or drops out after the jth, with more to come otherwise */
	return log_add(pmf, log_pochhammer(c->beta, j - 1) - log_pochhammer(c->a + c->beta, j - 1) +
				   log(c->a / (c->a + c->beta + j - 1)) + log_tail(c, j, horizon));
}

static double
log_conditional_pmf(const double *params, bool modified, double j, const ClvHistory *h, double horizon)
{
	double		odds = log_odds(params, modified, h->x, h->t_x, h->t);
	double		alive = isinf(odds) && odds < 0 ? 0 : -log_add(0, odds);
	Alive		c = alive_customer(params, modified, h->x, h->t);
	double		pmf = alive + log_alive_pmf(&c, j, horizon);

	return j == 0 ? fmin(log_add(pmf, odds + alive), 0) : pmf;
}

typedef struct Discounted
{
	Alive		c;				/* n one more than the customer's */
	double		delta;
} Discounted;

/* Log of exp(-delta u) times the rate of purchases at u, but for the factor n / rate. */
static double
discounted_rate(double u, void *arg)
{
	const Discounted *d = arg;

	return log(sum_over_purchases(&d->c, u, false)) - d->delta * u;
}

static double
dert(const double *params, bool modified, const ClvHistory *h, double delta, double horizon)
{
	Alive		c = alive_customer(params, modified, h->x, h->t);
	Discounted	d = {c, delta};
	double		alive = chance_against(log_odds(params, modified, h->x, h->t_x, h->t));

	/* E[lambda exp(-lambda p u)] = n / rate E[(1 + p u / rate)^-(n + 1)] */
	d.c.n += 1;
	if (delta == 0 && !isinf(horizon))
		return alive * sum_over_purchases(&c, horizon, true);
	return alive * exp(log(c.n / c.rate) + log_integral(discounted_rate, &d, 0, fmin(horizon, 50 / delta)));
}

/* A new customer: just bought for the first time. */
static const ClvHistory newcomer = {.x = 0,.t_x = 0,.t = 0,.weight = 1};

/* The table of functions for one of the two models. */
#define MODEL_FUNCTIONS(model, modified) \
static double \
model##_log_likelihood(const double *params, const ClvData *data, double *gradient) \
{ \
	return log_likelihood(params, modified, data, gradient); \
} \
static double \
model##_check(const double *params, const ClvHistory *row) \
{ \
	return log_likelihood_check(params, modified, row); \
} \
static double \
model##_p_alive(const double *params, const ClvHistory *h, double later) \
{ \
	return p_alive(params, modified, h, later); \
} \
static double \
model##_expected_purchases(const double *params, const ClvHistory *h, double horizon) \
{ \
	return expected_purchases(params, modified, h, horizon); \
} \
static double \
model##_expected_new(const double *params, double horizon) \
{ \
	return expected_purchases(params, modified, &newcomer, horizon); \
} \
static double \
model##_log_pmf(const double *params, double n, double horizon) \
{ \
	return log_conditional_pmf(params, modified, n, &newcomer, horizon); \
} \
static double \
model##_log_conditional_pmf(const double *params, double n, const ClvHistory *h, double horizon) \
{ \
	return log_conditional_pmf(params, modified, n, h, horizon); \
} \
static double \
model##_dert(const double *params, const ClvHistory *h, double delta, double horizon) \
{ \
	return dert(params, modified, h, delta, horizon); \
} \
const ClvModel clv_##model = { \
	.name = #model, \
	.n_params = 4, \
	.param = {"r", "alpha", "a", "b"}, \
	.time_power = {0, 1, 0, 0}, \
	.log_likelihood = model##_log_likelihood, \
	.log_likelihood_check = model##_check, \
	.p_alive = model##_p_alive, \
	.expected_purchases = model##_expected_purchases, \
	.expected_new = model##_expected_new, \
	.log_pmf = model##_log_pmf, \
	.log_conditional_pmf = model##_log_conditional_pmf, \
	.dert = model##_dert, \
};

MODEL_FUNCTIONS(bgnbd, false)
MODEL_FUNCTIONS(mbgnbd, true)
