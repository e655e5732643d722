/*
 * bgnbd.c: the BG/NBD model (Fader, Hardie and Lee 2005), the MBG/NBD model (Batislam, Denizel and Filiztekin 2007), and
 * both with regular purchases, BG/CNBD-k and MBG/CNBD-k (Platzer and Reutterer 2016; Reutterer, Platzer and Schroeder 2021).
 *
 * While alive, events happen to a customer as a Poisson process of rate lambda ~ gamma(r, alpha). Every kth of them is a
 * purchase, so the times between purchases are Erlang-k: the larger k, the more regular (k = 1 in the plain models).
 * The customer drops out after each purchase with probability p ~ beta(a, b); in the MBG models also after the first one.
 * So after x repeat purchases BG has survived s = x chances to drop out and MBG s = x + 1. Given a history and that the
 * customer is alive, with j < k events since the last purchase (the phase),
 *
 *     lambda ~ gamma(n + j, rate), n = r + k x, rate = alpha + t        p ~ beta(a, beta), beta = b + s
 *
 * where j has the chance c_j / S, c_j = (n)_j / j! ((t - t_x) / rate)^j, S = c_0 + ... + c_(k-1); and the odds of having
 * dropped out right after the last purchase are a / (b + s - 1) ((alpha + t) / (alpha + t_x))^n / S (none for BG at
 * x = 0). Every prediction is one about such an Alive customer. The papers write them with 2F1, which has poles at a = 1
 * and cancels, or for k > 1 approximate; here they are sums of positive terms: an immortal customer would see N events,
 * negative binomial with shape n + j and z = h / (rate + h), hence J = floor((j + N) / k) purchases, and the (i + 1)th is
 * made with probability e_i = E[(1 - p)^i] = (beta)_i / (a + beta)_i.
 */
#include "clv/model.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "clv/quadrature.h"
#include "clv/simulate.h"
#include "clv/special.h"

/* Sums longer than this are taken as integrals over p instead; with k > 1 from more terms on, over purchases. */
#define MAX_TERMS		4000
#define MAX_TERMS_ERLANG 40000
/* Where every event is a purchase, sums of about so many terms are power series, eight terms at a time. */
#define QUICK_TERMS		256
#define QUICK_STEP		8
#define SERIES			64
/* An integral over the number of purchases starts here, where terms change by parts in a thousand. */
#define FAR				2000

enum
{
	R, ALPHA, A, B, K
};

/* Which of the models. */
typedef struct Kind
{
	bool		modified;		/* may drop out after the first purchase */
	double		k;				/* events per purchase */
} Kind;

typedef struct Alive
{
	double		n;
	double		rate;
	double		a;
	double		beta;
	double		k;
	double		phase;			/* events since the last purchase */
} Alive;

/* Chances to drop out that a customer with x repeat purchases has survived. */
static inline double
survived(Kind kind, double x)
{
	return kind.modified ? x + 1 : x;
}

/* Right after the last purchase, which somebody with several events per purchase need not be: see next_phase. */
static Alive
alive_customer(const double *params, Kind kind, double x, double t)
{
	return (Alive) {params[R] + kind.k * x, params[ALPHA] + t, params[A], params[B] + survived(kind, x), kind.k, 0};
}

/* The customer in the next phase; chance, at first 1, stays in proportion. q = (t - t_x) / (alpha + t). */
static inline void
next_phase(Alive *c, double q, double *chance)
{
	*chance *= c->n / (c->phase + 1) * q;
	c->n++;
	c->phase++;
}

/* S above, and its derivatives by n and by q. */
static double
sum_phases(double n, double q, double k, double *by_n, double *by_q)
{
	double		chance = 1,
				digammas = 0,
				sum = 1;

	*by_n = *by_q = 0;
	for (double j = 0; j < k - 1; j++)
	{
		*by_q += chance * (n + j);
		chance *= (n + j) / (j + 1) * q;
		digammas += 1 / (n + j);
		*by_n += chance * digammas;
		sum += chance;
	}
	return sum;
}

/* Log of the odds against being alive. */
static double
log_odds(const double *params, Kind kind, double x, double t_x, double t)
{
	double		chances = survived(kind, x);
	double		n = params[R] + kind.k * x;
	double		by_n,
				by_q;

	if (chances == 0)
		return -INFINITY;
	return log(params[A] / (params[B] + chances - 1)) + n * log1p((t - t_x) / (params[ALPHA] + t_x)) -
		log(sum_phases(n, (t - t_x) / (params[ALPHA] + t), kind.k, &by_n, &by_q));
}

/* 1 / (1 + exp(odds)) */
static inline double
chance_against(double odds)
{
	return odds > 700 ? exp(-odds) : 1 / (1 + exp(odds));
}

/* P(alive) at t. */
static inline double
alive_now(const double *params, Kind kind, double x, double t_x, double t)
{
	double		chances = survived(kind, x);

	if (chances == 0)
		return 1;
	if (kind.k == 1)
	{
		/* without logarithms of the odds, where they are within range */
		double		power = (params[R] + x) * log1p((t - t_x) / (params[ALPHA] + t_x));
		double		odds = params[A] / (params[B] + chances - 1);

		if (power < 500 && odds < 1e50)
			return 1 / (1 + odds * exp(power));
	}
	return chance_against(log_odds(params, kind, x, t_x, t));
}

/*
 * Of Erlang models without what does not depend on the parameters: (k - 1) times the logarithms of the times between
 * purchases, and -log gamma(k) for each purchase. That matters only where k is chosen.
 */
static double
log_likelihood(const double *params, Kind kind, const ClvData *data, double *gradient)
{
	double		sum = 0,
				by_r = 0,
				by_alpha = 0,
				by_a = 0,
				by_b = 0;

	for (int g = 0; g < data->n_groups; g++)
	{
		const ClvGroup *group = &data->group[g];
		double		events = kind.k * group->x;
		double		chances = survived(kind, group->x);
		double		n = params[R] + events;
		double		fixed = log_pochhammer(params[R], events) + log_pochhammer(params[B], chances) -
			log_pochhammer(params[A] + params[B], chances) - events * log(params[ALPHA]);
		double		odds_fixed = chances > 0 ? params[A] / (params[B] + chances - 1) : 0;
		double		weights = 0,
					died = 0;

		for (long i = group->first; i < group->last; i++)
		{
			const ClvHistory *row = &data->row[i];
			double		end = params[ALPHA] + row->t;
			double		last = params[ALPHA] + row->t_x;
			double		grown = log1p(row->t / params[ALPHA]);
			double		value = fixed - n * grown;
			double		phases = 1,
						by_n = 0,
						by_q = 0,
						q = 0;
			double		dead = 0,
						ratio = 0;

			if (kind.k > 1)
			{
				q = (row->t - row->t_x) / end;
				phases = sum_phases(n, q, kind.k, &by_n, &by_q);
				value += log(phases);
			}
			if (chances > 0)
			{
				double		odds;

				ratio = log1p((row->t - row->t_x) / last);
				odds = odds_fixed * exp(n * ratio) / phases;
				if (odds < 1e300)
				{
					value += log1p(odds);
					dead = odds / (1 + odds);
				}
				else
				{
					value += log(odds_fixed / phases) + n * ratio;
					dead = 1;
				}
			}
			sum += row->weight * value;
			weights += row->weight;
			died += row->weight * dead;
			by_r += row->weight * (dead * ratio - grown);
			by_alpha += row->weight * (params[R] * row->t / params[ALPHA] - events - dead * n * (row->t - row->t_x) / last) / end;
			if (kind.k > 1)
			{
				double		share = row->weight * (1 - dead) / phases;

				by_r += share * by_n;
				by_alpha -= share * by_q * q / end;
			}
		}
		if (gradient)
		{
			double		ab = digamma_difference(params[A] + params[B], chances);

			by_r += weights * digamma_difference(params[R], events);
			by_a += died / params[A] - weights * ab;
			by_b += weights * (digamma_difference(params[B], chances) - ab);
			if (chances > 0)
				by_b -= died / (params[B] + chances - 1);
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

/* The integral over lambda of the definition, in its logarithm. */
typedef struct Definition
{
	double		power;			/* of lambda */
	double		rest;			/* its rate */
} Definition;

static double
of_lambda(double u, void *arg)
{
	const Definition *d = arg;

	return d->power * u - d->rest * exp(u);
}

static double
log_gamma_integral(double power, double rest)
{
	Definition	d = {power, rest};
	double		peak = log(power / rest);

	return log_integral(of_lambda, &d, peak - logit_tail(power, 1), peak + log1p(60 / power) + 20 / sqrt(power));
}

/*
 * One history's likelihood by quadrature over lambda and p, with s chances survived and d = t - t_x:
 * E[lambda^(k x) (1-p)^s exp(-lambda t) (1 + lambda d + ... + (lambda d)^(k-1) / (k-1)!)] +
 * E[lambda^(k x) p (1-p)^(s-1) exp(-lambda t_x)].
 */
static double
log_likelihood_check(const double *params, Kind kind, const ClvHistory *row)
{
	double		chances = survived(kind, row->x);
	double		n = params[R] + kind.k * row->x;
	double		scale = -log_gamma_integral(params[R], params[ALPHA]) - log_beta_integral(params[A], params[B]);
	double		alive = log_gamma_integral(n, params[ALPHA] + row->t);

	for (double j = 1; j < kind.k && row->t > row->t_x; j++)
		alive = log_add(alive, j * log(row->t - row->t_x) - lgamma(j + 1) +
						log_gamma_integral(n + j, params[ALPHA] + row->t));
	alive += log_beta_integral(params[A], params[B] + chances);
	if (chances == 0)
		return scale + alive;
	return scale + log_add(alive, log_gamma_integral(n, params[ALPHA] + row->t_x) +
						   log_beta_integral(params[A] + 1, params[B] + chances - 1));
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
	double		low = fmin(peak, -log1p(c->n * w)) - logit_tail(c->a, c->beta);
	double		high = peak + logit_tail(c->beta, c->a);

	return exp(log_integral(over_p, &o, low, high) - log_beta(c->a, c->beta));
}

/* Log of (n)_j / j!, without the cancellation of one large number with another. */
static double
log_choices(double n, double j)
{
	if (j < n)
		return log_pochhammer(n, j) - log_gamma(j + 1);
	return (n < 1 ? -log_pochhammer(n + j, 1 - n) : log_pochhammer(j + 1, n - 1)) - log_gamma(n);
}

/* Log of P(N = j). */
static double
log_negative_binomial(const Alive *c, double j, double horizon)
{
	if (horizon == 0)
		return j == 0 ? 0 : -INFINITY;
	return (j > 0 ? log_choices(c->n, j) - j * log1p(c->rate / horizon) : 0) - c->n * log1p(horizon / c->rate);
}

typedef struct OverPurchases
{
	Alive		c;
	double		horizon;
	double		made;			/* of FAR purchases; 0: survival is asked for */
} OverPurchases;

/*
 * Chance of so many purchases, as a smooth function of a real number, times what is asked for; in its logarithm v. From
 * FAR on e_i is summed by e_i = F(i) - F(i + 1), F(i) = (beta)_i / (a + beta - 1)_i (a + beta - 1) / (a - 1).
 */
static double
over_purchases(double v, void *arg)
{
	const OverPurchases *o = arg;
	const Alive *c = &o->c;
	double		count = exp(v);
	double		events = c->k * count - c->phase;	/* the first of k numbers of events with so many purchases */
	double		chance = 1,
				chances = 1;
	double		value;

	for (double i = 0; i < c->k - 1; i++)
	{
		chance *= (c->n + events + i) / (events + i + 1) * (o->horizon / (c->rate + o->horizon));
		chances += chance;
	}
	if (o->made > 0)
	{
		double		power = c->a - 1;
		double		from = c->beta + FAR,
					to = c->beta + count;
		double		stretch;	/* log of ((beta + i)_power / its value at FAR), by power */

		if (fabs(power) < 1e-7)
			stretch = log(to / from);
		else if (power > 0)
			stretch = (log_pochhammer(to, power) - log_pochhammer(from, power)) / power;
		else
			stretch = (log_pochhammer(to + power, -power) - log_pochhammer(from + power, -power)) / -power;
		value = log(o->made + exp(log_pochhammer(c->beta, FAR) - log_pochhammer(c->a + c->beta, FAR)) *
					(c->a + c->beta - 1 + FAR) * decay_mean(power, stretch));
	}
	else
		value = log_pochhammer(c->beta, count) - log_pochhammer(c->a + c->beta, count);
	return log_negative_binomial(c, events, o->horizon) + log(chances) + value + v;
}

/*
 * Sum over counts from FAR on, by the midpoint form of Euler's and Maclaurin's formula:
 * integral + f'/24 - 7 f'''/5760.
 */
static double
sum_far(const Alive *c, double horizon, double made)
{
	OverPurchases o = {*c, horizon, made};
	double		most = (c->n + 60 + 15 * sqrt(c->n)) * horizon / c->rate / c->k;
	double		near[4];		/* f at FAR - 2 to FAR + 1, either side of the midpoint */

	for (int i = 0; i < 4; i++)
		near[i] = exp(over_purchases(log(FAR - 2 + i), &o)) / (FAR - 2 + i);
	return exp(log_integral(over_purchases, &o, log(FAR - 0.5), log(most + 2 * FAR))) +
		(27 * (near[2] - near[1]) - (near[3] - near[0])) / 24 / 24 -
		7 * (near[3] - 3 * near[2] + 3 * near[1] - near[0]) / 5760;
}

/*
 * Expected purchases of a customer who is alive, each event a purchase, are a power series in z without the factor
 * (1 - z)^n: its coefficients are the expected purchases of j events times (n)_j / j!. They depend on the parameters and
 * x alone, so the last series are kept, each as far as it was needed.
 */
typedef struct Series
{
	double		n;				/* of the customer; 0: none, as parameters are above zero */
	double		a;
	double		beta;
	int			terms;
	int			most;			/* terms that are within range */
	double		survive;		/* e_i of the next term */
	double		made;			/* expected purchases of the last term's events */
	double		choices;		/* (n)_j / j! of the last term */
	double		coefficient[QUICK_TERMS];	/* from z^1 on */
} Series;

static Series *
series_of(const Alive *c)
{
	static Series kept[SERIES];
	Series	   *series = &kept[c->beta < 1e9 ? (int) c->beta % SERIES : 0];

	if (series->n != c->n || series->a != c->a || series->beta != c->beta)
		*series = (Series) {.n = c->n,.a = c->a,.beta = c->beta,.most = QUICK_TERMS,.survive = 1,.choices = 1};
	return series;
}

static void
extend(Series *series)
{
	for (int i = 0; i < QUICK_STEP; i++)
	{
		int			j = series->terms++;

		series->made += series->survive;
		series->survive *= (series->beta + j) / (series->a + series->beta + j);
		series->choices *= (series->n + j) / (j + 1);
		series->coefficient[j] = series->made * series->choices;
	}
	if (!(series->choices < 1e280))
		series->most = series->terms - QUICK_STEP;
}

/* Expected purchases as sum_over_purchases, with the logarithm of its factor; less than 0 where the series is too short. */
static double
sum_quickly(const Alive *c, double horizon, double scale)
{
	Series	   *series = series_of(c);
	double		z = horizon / (c->rate + horizon);
	double		z2 = z * z,
				z4 = z2 * z2,
				z8 = z4 * z4;
	double		power = z,		/* of the first term of a step */
				sum = 0;

	for (int from = 0;;)
	{
		const double *w = &series->coefficient[from];
		double		last,
					ratio,
					left;

		if (series->terms == from && from < series->most)
			extend(series);
		if (from >= series->most)
			return -1;
		last = w[7] * z;
		sum += power * (((w[0] + w[1] * z) + z2 * (w[2] + w[3] * z)) + z4 * ((w[4] + w[5] * z) + z2 * (w[6] + last)));
		last *= power * z2 * z4;
		power *= z8;
		from += QUICK_STEP;
		/* what is left is below a geometric series of chances, each event making no more than one purchase more */
		ratio = c->n > 1 ? z * (c->n + from) / (from + 1) : z;
		left = 1 - ratio;
		if (left > 0 && last * (1 + left) <= 1e-17 * left * left * sum)
			return sum * exp(scale);
	}
}

/*
 * Sum over N of its probability times (J = i) survival e_i, or times the sum of e_i below J, the expected purchases within
 * horizon of a customer who is alive. Kept within range by scale, a logarithm.
 */
static double
sum_over_purchases(const Alive *c, double horizon, bool purchases)
{
	double		w = horizon / c->rate;
	double		z = horizon / (c->rate + horizon);
	double		scale = -c->n * log1p(w);
	double		terms = c->n * w + 40 * (1 + w);
	double		chance = 1,		/* of N = j, but for scale */
				all = 1,
				made = 0,		/* expected purchases of N = j */
				survive = 1,	/* e_i */
				count = 0,		/* J */
				until = c->k - c->phase,	/* events until the next purchase */
				sum = purchases ? 0 : 1;
	bool		far = c->k > 1 && terms > MAX_TERMS_ERLANG;

	if (horizon == 0)
		return purchases ? 0 : 1;
	if (c->k == 1 && terms > MAX_TERMS)
		return integral_over_p(c, w, purchases);
	if (c->k == 1 && purchases && terms < QUICK_TERMS && scale > -600)
	{
		sum = sum_quickly(c, horizon, scale);
		if (sum >= 0)
			return sum;
		sum = 0;
	}
	for (double j = 0;; j++)
	{
		double		term;

		chance *= (c->n + j) / (j + 1) * z;
		if (--until == 0)
		{
			made += survive;
			survive *= (c->beta + count) / (c->a + c->beta + count);
			until = c->k;
			if (++count == FAR && far)
				break;
		}
		term = chance * (purchases ? made : survive);
		sum += term;
		all += chance;
		/*
		 * What is left is below a geometric series of this ratio, made growing by no more than 1 a step. As made grows, it
		 * need not be looked at while chance is not yet small.
		 */
		if (!(purchases && chance > 1e-16 * all) && z * (c->n + j + 1) * (j + 3) < (j + 2) * (j + 2))
		{
			double		ratio = c->n > 1 ? z * (c->n + j + 1) / (j + 2) : z;

			if (ratio < 1 && chance * (purchases ? made + 1 / (1 - ratio) : survive) <= 1e-17 * (1 - ratio) * sum)
				break;
		}
		if (all > 1e200)
		{
			chance *= 1e-200;
			all *= 1e-200;
			sum *= 1e-200;
			scale += 460.51701859880914;
		}
		if (chance == 0 || j > 1000 * MAX_TERMS_ERLANG)
			break;
	}
	return exp(scale + log(sum)) + (far ? sum_far(c, horizon, purchases ? made : 0) : 0);
}

/* The same for a customer who is alive after the history, in a phase that one does not know. */
static double
sum_over_phases(const double *params, Kind kind, const ClvHistory *h, double horizon, bool purchases)
{
	Alive		c = alive_customer(params, kind, h->x, h->t);
	double		q = (h->t - h->t_x) / c.rate;
	double		chance = 1,
				all = 0,
				sum = 0;

	while (c.phase < kind.k)
	{
		sum += chance * sum_over_purchases(&c, horizon, purchases);
		all += chance;
		next_phase(&c, q, &chance);
	}
	return sum / all;
}

static double
p_alive(const double *params, Kind kind, const ClvHistory *h, double later)
{
	double		now = alive_now(params, kind, h->x, h->t_x, h->t);

	return later > 0 ? now * sum_over_phases(params, kind, h, later, false) : now;
}

static double
expected_purchases(const double *params, Kind kind, const ClvHistory *h, double horizon)
{
	return alive_now(params, kind, h->x, h->t_x, h->t) * sum_over_phases(params, kind, h, horizon, true);
}

/* Log of P(N >= j): below the mean from the lower terms, above it from the upper, so that nothing cancels. */
static double
log_tail(const Alive *c, double j, double horizon)
{
	double		w = horizon / c->rate;
	double		z = horizon / (c->rate + horizon);
	double		term = 1,
				sum;

	if (j == 0)
		return 0;
	/* where terms do not fall off within a reasonable number, as an incomplete beta function */
	if (w > MAX_TERMS)
	{
		double		factor = -j * log1p(1 / w) - c->n * log1p(w) - log_beta(j, c->n);

		if (j <= c->n * w)
			return log_one_minus_exp(fmin(factor + log(incomplete_beta_fraction(c->n, j, 1 / w) / c->n), -1e-300));
		return fmin(factor + log(incomplete_beta_fraction(j, c->n, w) / j), 0);
	}
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
	double		first = fmax(c->k * j - c->phase, 0);	/* events at which there are j purchases, or would be */
	double		pmf = -INFINITY;

	for (double i = first; i < c->k * (j + 1) - c->phase; i++)
		pmf = log_add(pmf, log_negative_binomial(c, i, horizon));
	pmf += log_pochhammer(c->beta, j) - log_pochhammer(c->a + c->beta, j);
	if (j == 0 || horizon == 0)
		return pmf;
	/* or drops out after the jth, with more to come otherwise */
	return log_add(pmf, log_pochhammer(c->beta, j - 1) - log_pochhammer(c->a + c->beta, j - 1) +
				   log(c->a / (c->a + c->beta + j - 1)) + log_tail(c, first, horizon));
}

static double
log_conditional_pmf(const double *params, Kind kind, double j, const ClvHistory *h, double horizon)
{
	double		odds = log_odds(params, kind, h->x, h->t_x, h->t);
	double		alive = isinf(odds) && odds < 0 ? 0 : -log_add(0, odds);
	Alive		c = alive_customer(params, kind, h->x, h->t);
	double		q = (h->t - h->t_x) / c.rate;
	double		chance = 1,
				all = 0,
				pmf = -INFINITY;

	while (c.phase < kind.k)
	{
		if (chance > 0)
			pmf = log_add(pmf, log(chance) + log_alive_pmf(&c, j, horizon));
		all += chance;
		next_phase(&c, q, &chance);
	}
	pmf += alive - log(all);
	return j == 0 ? fmin(log_add(pmf, odds + alive), 0) : pmf;
}

typedef struct Discounted
{
	Alive		c;				/* n one more than the customer's */
	double		delta;
	const double *params;
	Kind		kind;
	const ClvHistory *history;
} Discounted;

/* Log of exp(-delta u) times the rate of purchases at u, but for the factor n / rate. */
static double
discounted_rate(double u, void *arg)
{
	const Discounted *d = arg;

	return log(sum_over_purchases(&d->c, u, false)) - d->delta * u;
}

/* Log of exp(-delta u) times the purchases until u. */
static double
discounted_purchases(double u, void *arg)
{
	const Discounted *d = arg;

	return log(sum_over_phases(d->params, d->kind, d->history, u, true)) - d->delta * u;
}

static double
dert(const double *params, Kind kind, const ClvHistory *h, double delta, double horizon)
{
	Alive		c = alive_customer(params, kind, h->x, h->t);
	Discounted	d = {c, delta, params, kind, h};
	double		alive = alive_now(params, kind, h->x, h->t_x, h->t);
	double		end = delta > 0 ? fmin(horizon, 50 / delta) : horizon;

	if (delta == 0 && !isinf(horizon))
		return alive * sum_over_phases(params, kind, h, horizon, true);
	/* with several events per purchase the rate goes up and down; by parts, the purchases themselves only grow */
	if (kind.k > 1)
		return alive * (exp(log(delta) + log_integral(discounted_purchases, &d, 0, end)) +
						exp(-delta * end) * sum_over_phases(params, kind, h, end, true));
	/* E[lambda exp(-lambda p u)] = n / rate E[(1 + p u / rate)^-(n + 1)] */
	d.c.n += 1;
	return alive * exp(log(c.n / c.rate) + log_integral(discounted_rate, &d, 0, end));
}

/* A new customer: just bought for the first time. */
static const ClvHistory newcomer = {.x = 0,.t_x = 0,.t = 0,.weight = 1};

/* The table of functions for one of the models. */
#define MODEL_FUNCTIONS(model, modified, k, has_k) \
static double \
model##_log_likelihood(const double *params, const ClvData *data, double *gradient) \
{ \
	return log_likelihood(params, (Kind) {modified, k}, data, gradient); \
} \
static double \
model##_check(const double *params, const ClvHistory *row) \
{ \
	return log_likelihood_check(params, (Kind) {modified, k}, row); \
} \
static double \
model##_p_alive(const double *params, const ClvHistory *h, double later) \
{ \
	return p_alive(params, (Kind) {modified, k}, h, later); \
} \
static double \
model##_expected_purchases(const double *params, const ClvHistory *h, double horizon) \
{ \
	return expected_purchases(params, (Kind) {modified, k}, h, horizon); \
} \
static double \
model##_expected_new(const double *params, double horizon) \
{ \
	return expected_purchases(params, (Kind) {modified, k}, &newcomer, horizon); \
} \
static double \
model##_log_pmf(const double *params, double n, double horizon) \
{ \
	return log_conditional_pmf(params, (Kind) {modified, k}, n, &newcomer, horizon); \
} \
static double \
model##_log_conditional_pmf(const double *params, double n, const ClvHistory *h, double horizon) \
{ \
	return log_conditional_pmf(params, (Kind) {modified, k}, n, h, horizon); \
} \
static double \
model##_dert(const double *params, const ClvHistory *h, double delta, double horizon) \
{ \
	return dert(params, (Kind) {modified, k}, h, delta, horizon); \
} \
static void \
model##_simulate(const double *params, struct pg_prng_state *prng, ClvHistory *h) \
{ \
	clv_simulate_bgnbd(params, modified, k, prng, h); \
} \
const ClvModel clv_##model = { \
	.name = #model, \
	.n_params = 4, \
	.param = {"r", "alpha", "a", "b", has_k ? "k" : NULL}, \
	.erlang = has_k, \
	.time_power = {0, 1, 0, 0}, \
	.log_likelihood = model##_log_likelihood, \
	.log_likelihood_check = model##_check, \
	.p_alive = model##_p_alive, \
	.expected_purchases = model##_expected_purchases, \
	.expected_new = model##_expected_new, \
	.log_pmf = model##_log_pmf, \
	.log_conditional_pmf = model##_log_conditional_pmf, \
	.dert = model##_dert, \
	.simulate = model##_simulate, \
};

MODEL_FUNCTIONS(bgnbd, false, 1, false)
MODEL_FUNCTIONS(mbgnbd, true, 1, false)
MODEL_FUNCTIONS(bgcnbd, false, params[K], true)
MODEL_FUNCTIONS(mbgcnbd, true, params[K], true)
