/*
 * pareto_nbd.c: the Pareto/NBD model (Schmittlein, Morrison and Colombo 1987; Fader and Hardie 2005).
 *
 * While alive a customer buys as a Poisson process of rate lambda ~ gamma(r, alpha), and lives for an exponential time
 * of rate mu ~ gamma(s, beta). With n = r + x, a history's likelihood is gamma(r + x) / gamma(r) alpha^-x times
 *
 *     (1 + t/alpha)^-n (1 + t/beta)^-s  +  s/beta  times the integral over u from t_x to t of f(u),
 *     f(u) = (1 + u/alpha)^-n (1 + u/beta)^-(s + 1)
 *
 * (alive at t, or died at u). The literature writes the integral as a difference of two 2F1, which overflows and
 * cancels. We integrate: f is positive, and smooth in y = log(min(alpha, beta) + u), so a few Gauss-Legendre nodes give
 * it to the last digits. For a fit the integral is taken once over each stretch between neighbouring times of the
 * customers with equal x, and summed from the end; a customer's is then one difference.
 */
#include "clv/model.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "clv/hash_numbers.h"
#include "clv/quadrature.h"
#include "clv/simulate.h"
#include "clv/special.h"

/* A panel is so short that log f moves by no more than this, and y by no more than 1. */
#define PANEL_DECAY		8.0
/* What is left of an integral after a decay by exp(-42) does not count. */
#define FORGOTTEN		42.0
/* Stretches are summed while f does not fall by more than exp(-500) over all of them. */
#define MAX_SPREAD		500.0
#define ANSWER_BITS		16		/* P(alive) of 2^16 histories is kept: two megabytes */
#define PARAMS_KEPT		16		/* of so many parameters, as those of several segments; a power of two */

enum
{
	R, ALPHA, S, BETA
};

/* Integrals of f, and of f times minus the derivative of log f by r, alpha, s and beta. */
typedef struct Integral
{
	double		f;
	double		by[4];
} Integral;

static double
log_f(const double *params, double n, double u)
{
	return -n * log1p(u / params[ALPHA]) - (params[S] + 1) * log1p(u / params[BETA]);
}

/*
 * Nodes that integrate a panel to the last digit. The error of m nodes is change^2m (m!)^4 / ((2m + 1) (2m)!^3) for an
 * exponential; long panels also feel that log(alpha + u) has a singularity, pi off the real axis.
 */
static inline int
nodes(double change, double step)
{
	return change < 0.05 ? 3 : change < 0.2 ? 4 : change < 0.9 && step < 0.5 ? GAUSS_SMALL_NODES :
		change < 2.5 ? 8 : GAUSS_NODES;
}

/* Add the integrals over [low, high] of exp(log f - scale). */
static void
integrate(const double *params, double n, double low, double high, double scale, bool with_gradient, Integral *sum)
{
	bool		alpha_least = params[ALPHA] <= params[BETA];
	double		least = alpha_least ? params[ALPHA] : params[BETA];
	double		most = alpha_least ? params[BETA] : params[ALPHA];
	double		s1 = params[S] + 1;
	double		u = low;
	double		lost = 0;

	while (u < high && lost < FORGOTTEN)
	{
		double		y_left = log1p((high - u) / (least + u));
		double		slope = (least + u) * (n / (params[ALPHA] + u) + s1 / (params[BETA] + u));
		double		steep = fmax(fabs(slope - 1), 1);
		double		step = fmin(fmin(1, PANEL_DECAY / steep), y_left);
		const GaussRule *rule = gauss_rule(nodes(steep * step, step));
		double		from = log1p(u / least);

		for (int i = 0; i < rule->n; i++)
		{
			double		grown = expm1(step * rule->node[i]);
			double		at = u + (least + u) * grown;
			double		log_least = from + step * rule->node[i];	/* y is that logarithm */
			double		log_most = log1p(at / most);
			double		log_a = alpha_least ? log_least : log_most;
			double		log_b = alpha_least ? log_most : log_least;
			/* du = (least + u) dy */
			double		weight = rule->weight[i] * step * (least + u) * (1 + grown) * exp(-n * log_a - s1 * log_b - scale);

			sum->f += weight;
			if (with_gradient)
			{
				sum->by[R] += weight * log_a;
				sum->by[ALPHA] -= weight * at / (params[ALPHA] + at);
				sum->by[S] += weight * log_b;
				sum->by[BETA] -= weight * at / (params[BETA] + at);
			}
		}
		if (step >= y_left)
			break;
		if (slope > 1)
			lost += (slope - 1) * step;
		u += (least + u) * expm1(step);
	}

}

/* One history's log-likelihood from the scaled integral, and its derivatives. */
static double
combine(const double *params, double n, const ClvHistory *row, double fixed, double scale, const Integral *integral,
		double *derivative)
{
	double		grown_a = log1p(row->t / params[ALPHA]);
	double		grown_b = log1p(row->t / params[BETA]);
	double		alive = -n * grown_a - params[S] * grown_b;
	double		ratio = params[S] / params[BETA];
	double		died,
				both,
				dead;

	if (alive - scale > -700)
	{
		double		a = exp(alive - scale);

		died = ratio * integral->f;
		both = scale + log(a + died);
		dead = died / (a + died);
	}
	else
	{
		died = scale + log(ratio * integral->f);
		both = log_add(alive, died);
		dead = exp(died - both);
	}
	if (derivative)
	{
		double		lives = 1 - dead;
		double		share = integral->f > 0 ? dead / integral->f : 0;

		derivative[R] = -lives * grown_a - share * integral->by[R];
		derivative[ALPHA] = (lives * n * row->t / (params[ALPHA] + row->t) - share * n * integral->by[ALPHA] - row->x) /
			params[ALPHA];
		derivative[S] = -lives * grown_b - share * integral->by[S] + dead / params[S];
		derivative[BETA] = (lives * params[S] * row->t / (params[BETA] + row->t) -
							share * (params[S] + 1) * integral->by[BETA] - dead) / params[BETA];
	}
	return fixed + both;
}

/* The integrals from each time of the group to its last one, ascending times. */
static void
sum_stretches(const double *params, double n, const ClvGroup *group, double scale, bool with_gradient, Integral *rest)
{
	memset(&rest[group->n_times - 1], 0, sizeof(Integral));
	for (int i = group->n_times - 2; i >= 0; i--)
	{
		rest[i] = rest[i + 1];
		integrate(params, n, group->time[i], group->time[i + 1], scale, with_gradient, &rest[i]);
	}
}

static double
log_likelihood(const double *params, const ClvData *data, double *gradient)
{
	double		sum = 0;
	Integral   *rest = NULL;
	int			most = 0;

	for (int g = 0; g < data->n_groups; g++)
		if (data->group[g].n_times > most)
			most = data->group[g].n_times;
	rest = malloc(most * sizeof(Integral));
	if (gradient)
		memset(gradient, 0, 4 * sizeof(double));
	for (int g = 0; g < data->n_groups; g++)
	{
		const ClvGroup *group = &data->group[g];
		double		x = group->x;
		double		n = params[R] + x;
		double		fixed = log_pochhammer(params[R], x) - x * log(params[ALPHA]);
		double		scale = log_f(params, n, group->time[0]);
		double		by_r = digamma_difference(params[R], x);
		bool		summed = rest && scale - log_f(params, n, group->time[group->n_times - 1]) < MAX_SPREAD;

		if (summed)
			sum_stretches(params, n, group, scale, gradient != NULL, rest);
		for (long i = group->first; i < group->last; i++)
		{
			const ClvHistory *row = &data->row[i];
			Integral	integral = {0};
			double		derivative[4];

			if (summed)
			{
				const Integral *from = &rest[data->at_t_x[i]];
				const Integral *to = &rest[data->at_t[i]];

				integral.f = from->f - to->f;
				for (int j = 0; j < 4 && gradient; j++)
					integral.by[j] = from->by[j] - to->by[j];
			}
			else
			{
				scale = log_f(params, n, row->t_x);
				integrate(params, n, row->t_x, row->t, scale, gradient != NULL, &integral);
			}
			sum += row->weight * combine(params, n, row, fixed, scale, &integral, gradient ? derivative : NULL);
			if (gradient)
			{
				derivative[R] += by_r;
				for (int j = 0; j < 4; j++)
					gradient[j] += row->weight * derivative[j];
			}
		}
	}
	free(rest);
	return sum;
}

typedef struct Point
{
	const double *params;
	double		n;				/* power of 1 + u / alpha, or number of purchases */
	double		delta;			/* rate of discount */
} Point;

/* f over the death time, by the adaptive routine in plain time. */
static double
density_of_death(double u, void *arg)
{
	const Point *p = arg;

	return log_f(p->params, p->n, u);
}

static double
log_likelihood_check(const double *params, const ClvHistory *row)
{
	Point		p = {params, params[R] + row->x, 0};

	return lgamma(p.n) - lgamma(params[R]) - row->x * log(params[ALPHA]) +
		log_add(log_f(params, p.n, row->t) + log1p(row->t / params[BETA]),
				log(params[S] / params[BETA]) + log_integral(density_of_death, &p, row->t_x, row->t));
}

/* Log of P(alive), and of P(dead). */
static double
log_alive_and_dead(const double *params, const ClvHistory *h, double *log_dead)
{
	double		n = params[R] + h->x;
	double		scale = log_f(params, n, h->t_x);
	double		alive = log_f(params, n, h->t) + log1p(h->t / params[BETA]);
	double		died,
				both;
	Integral	integral = {0};

	integrate(params, n, h->t_x, h->t, scale, false, &integral);
	died = scale + log(params[S] / params[BETA] * integral.f);
	both = log_add(alive, died);
	*log_dead = died - both;
	return alive - both;
}

/* P(alive) at t. */
static double
integrate_alive(const double *params, const ClvHistory *h)
{
	double		n = params[R] + h->x;
	double		scale = log_f(params, n, h->t_x);
	double		alive = -n * log1p(h->t / params[ALPHA]) - params[S] * log1p(h->t / params[BETA]);
	double		log_dead;
	Integral	integral = {0};

	if (scale - alive > 500)
		return exp(log_alive_and_dead(params, h, &log_dead));
	integrate(params, n, h->t_x, h->t, scale, false, &integral);
	return 1 / (1 + params[S] / params[BETA] * integral.f * exp(scale - alive));
}

/* A number for parameters, 0 or the same while they are among the last that were asked for. */
static uint32_t
number_of_params(const double *params)
{
	typedef struct Numbered
	{
		double		params[4];
		uint32_t	number;
	} Numbered;
	static Numbered kept[PARAMS_KEPT];
	static Numbered *last = kept;
	static uint32_t numbers = 0;

	if (memcmp(last->params, params, sizeof(last->params)) == 0)
		return last->number;
	for (int i = 0; i < PARAMS_KEPT; i++)
		if (memcmp(kept[i].params, params, sizeof(last->params)) == 0)
		{
			last = &kept[i];
			return last->number;
		}
	if (numbers == UINT32_MAX)
		return 0;
	last = &kept[numbers % PARAMS_KEPT];
	memcpy(last->params, params, sizeof(last->params));
	last->number = ++numbers;
	return last->number;
}

/*
 * P(alive) at t. All predictions of a history need it, and with times in whole days histories repeat: the last answers
 * are kept, by parameters and history, while the backend lives.
 */
static double
alive_now(const double *params, const ClvHistory *h)
{
	typedef struct Answer
	{
		double		t_x;
		double		t;
		uint32_t	x;
		uint32_t	params;		/* their number; 0: none */
		double		answer;
	} Answer;
	static Answer *answers = NULL;
	static Answer *last = NULL;	/* one question after the other is often the same */
	double		question[3] = {h->t_x, h->t, h->x};
	uint32_t	number = number_of_params(params);
	Answer	   *found;

#define ANSWERS(a) ((a)->params == number && (a)->x == h->x && (a)->t_x == h->t_x && (a)->t == h->t)

	if (last && ANSWERS(last))
		return last->answer;
	if (answers == NULL)
		answers = calloc((size_t) 1 << ANSWER_BITS, sizeof(Answer));
	if (answers == NULL || number == 0 || h->x > UINT32_MAX)
		return integrate_alive(params, h);
	found = &answers[hash_numbers(question, 3, ANSWER_BITS) ^ (number % PARAMS_KEPT)];
	if (!ANSWERS(found))
		*found = (Answer) {h->t_x, h->t, h->x, number, integrate_alive(params, h)};
	last = found;
	return found->answer;

#undef ANSWERS
}

/* Parameters of a customer who is alive at t: lambda ~ gamma(r + x, alpha + t), mu ~ gamma(s, beta + t). */
static void
posterior(const double *params, const ClvHistory *h, double *alive)
{
	alive[R] = params[R] + h->x;
	alive[ALPHA] = params[ALPHA] + h->t;
	alive[S] = params[S];
	alive[BETA] = params[BETA] + h->t;
}

static double
p_alive(const double *params, const ClvHistory *h, double later)
{
	double		now = alive_now(params, h);

	return later > 0 ? now * exp(-params[S] * log1p(later / (params[BETA] + h->t))) : now;
}

static double
expected_new(const double *params, double horizon)
{
	return params[R] * params[BETA] / params[ALPHA] * decay_mean(params[S] - 1, log1p(horizon / params[BETA]));
}

static double
expected_purchases(const double *params, const ClvHistory *h, double horizon)
{
	double		alive[4];

	posterior(params, h, alive);
	return alive_now(params, h) * expected_new(alive, horizon);
}

/* Log of the probability of n purchases in u of somebody who does not die. */
static double
log_purchases(const double *params, double n, double u)
{
	if (u == 0)
		return n == 0 ? 0 : -INFINITY;
	return (n > 0 ? log_pochhammer(params[R], n) - log_gamma(n + 1) - n * log1p(params[ALPHA] / u) : 0) -
		params[R] * log1p(u / params[ALPHA]);
}

/* n purchases before death at u. */
static double
purchases_before_death(double u, void *arg)
{
	const Point *p = arg;

	return log_purchases(p->params, p->n, u) - (p->params[S] + 1) * log1p(u / p->params[BETA]);
}

static double
log_pmf(const double *params, double n, double horizon)
{
	Point		p = {params, n, 0};

	if (horizon == 0)
		return n == 0 ? 0 : -INFINITY;
	return fmin(0, log_add(log_purchases(params, n, horizon) - params[S] * log1p(horizon / params[BETA]),
						   log(params[S] / params[BETA]) +
						   log_integral(purchases_before_death, &p, 0, horizon)));
}

static double
log_conditional_pmf(const double *params, double n, const ClvHistory *h, double horizon)
{
	double		alive[4];
	double		dead;
	double		lives = log_alive_and_dead(params, h, &dead);

	posterior(params, h, alive);
	lives += log_pmf(alive, n, horizon);
	return n == 0 ? fmin(0, log_add(lives, dead)) : lives;
}

/* Alive at u and discounted. */
static double
discounted_life(double u, void *arg)
{
	const Point *p = arg;

	return -p->delta * u - p->params[S] * log1p(u / p->params[BETA]);
}

static double
dert(const double *params, const ClvHistory *h, double delta, double horizon)
{
	double		alive[4];
	Point		p = {alive, 0, delta};

	posterior(params, h, alive);
	if (delta == 0 && !isinf(horizon))
		return expected_purchases(params, h, horizon);
	return alive_now(params, h) * alive[R] / alive[ALPHA] *
		exp(log_integral(discounted_life, &p, 0, fmin(horizon, 50 / delta)));
}

const ClvModel clv_pareto_nbd = {
	.name = "pareto_nbd",
	.n_params = 4,
	.param = {"r", "alpha", "s", "beta"},
	.quick = true,
	.indexes_times = true,
	.time_power = {0, 1, 0, 1},
	.log_likelihood = log_likelihood,
	.log_likelihood_check = log_likelihood_check,
	.p_alive = p_alive,
	.expected_purchases = expected_purchases,
	.expected_new = expected_new,
	.log_pmf = log_pmf,
	.log_conditional_pmf = log_conditional_pmf,
	.dert = dert,
	.simulate = clv_simulate_pareto_nbd,
};
