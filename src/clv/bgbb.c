/*
 * bgbb.c: the BG/BB model (Fader, Hardie and Shang 2010), for purchases at discrete opportunities.
 *
 * At each opportunity a customer first leaves for ever with probability theta ~ beta(gamma, delta), and, if still there,
 * buys with probability p ~ beta(alpha, beta). x counts the opportunities bought at, t_x is the last of them and t their
 * number. Somebody who left before opportunity m + 1 lets one see m opportunities, so the likelihood is a sum over
 * m = t_x ... t - 1 and the chance of staying throughout:
 *
 *     (alpha)_x (beta)_(m-x) / (alpha + beta)_m  times  gamma (delta)_m / (gamma + delta)_(m+1), or (delta)_t / (gamma + delta)_t
 *
 * with (a)_k rising factorials. Given a history and that the customer is still there, p ~ beta(alpha + x, beta + t - x)
 * and theta ~ beta(gamma, delta + t); every prediction is about such a customer, and a sum of positive terms: the paper's
 * closed forms have a pole at gamma = 1.
 */
#include "clv/model.h"

#include <math.h>
#include <stddef.h>

#include "clv/quadrature.h"
#include "clv/simulate.h"
#include "clv/special.h"

enum
{
	ALPHA, BETA, GAMMA, DELTA
};

/* Log of the chance of the x purchases within the m opportunities seen, at the positions that they have. */
static double
log_bought(const double *params, double x, double m)
{
	return log_pochhammer(params[ALPHA], x) + log_pochhammer(params[BETA], m - x) -
		log_pochhammer(params[ALPHA] + params[BETA], m);
}

/* Log of the chance to stay for m opportunities. */
static double
log_stayed(const double *params, double m)
{
	return log_pochhammer(params[DELTA], m) - log_pochhammer(params[GAMMA] + params[DELTA], m);
}

/* Log-likelihood of one history; log_alive receives the part of those who stayed. */
static double
log_history(const double *params, double x, double t_x, double t, double *log_alive)
{
	double		both = params[ALPHA] + params[BETA],
				turnover = params[GAMMA] + params[DELTA];
	double		seen = log_bought(params, x, t_x) + log_stayed(params, t_x);
	double		left = -INFINITY;

	for (double m = t_x; m < t; m++)
	{
		left = log_add(left, seen + log(params[GAMMA] / (turnover + m)));
		seen += log((params[BETA] + m - x) / (both + m)) + log((params[DELTA] + m) / (turnover + m));
	}
	*log_alive = seen;
	return log_add(left, seen);
}

/* Add the derivative of one history's log-likelihood, value, times weight. */
static void
add_gradient(const double *params, const ClvHistory *row, double value, double *gradient)
{
	double		both = params[ALPHA] + params[BETA],
				turnover = params[GAMMA] + params[DELTA];
	double		x = row->x;
	double		seen = log_bought(params, x, row->t_x) + log_stayed(params, row->t_x);
	/* differences of digammas, kept up from one m to the next */
	double		by_alpha = digamma_difference(params[ALPHA], x),
				by_beta = digamma_difference(params[BETA], row->t_x - x),
				by_both = digamma_difference(both, row->t_x),
				by_delta = digamma_difference(params[DELTA], row->t_x),
				by_turnover = digamma_difference(turnover, row->t_x);

	for (double m = row->t_x; m <= row->t; m++)
	{
		double		left = m < row->t ? params[GAMMA] / (turnover + m) : 1;
		double		share = row->weight * exp(seen - value) * left;
		double		all = m < row->t ? by_turnover + 1 / (turnover + m) : by_turnover;

		gradient[ALPHA] += share * (by_alpha - by_both);
		gradient[BETA] += share * (by_beta - by_both);
		gradient[GAMMA] += share * ((m < row->t ? 1 / params[GAMMA] : 0) - all);
		gradient[DELTA] += share * (by_delta - all);
		seen += log((params[BETA] + m - x) / (both + m)) + log((params[DELTA] + m) / (turnover + m));
		by_beta += 1 / (params[BETA] + m - x);
		by_both += 1 / (both + m);
		by_delta += 1 / (params[DELTA] + m);
		by_turnover += 1 / (turnover + m);
	}
}

static double
bgbb_log_likelihood(const double *params, const ClvData *data, double *gradient)
{
	double		sum = 0;

	for (int i = 0; gradient && i < 4; i++)
		gradient[i] = 0;
	for (long i = 0; i < data->n; i++)
	{
		const ClvHistory *row = &data->row[i];
		double		alive;
		double		value = log_history(params, row->x, row->t_x, row->t, &alive);

		sum += row->weight * value;
		if (gradient)
			add_gradient(params, row, value, gradient);
	}
	return sum;
}

/* One history's likelihood with every expectation over p and theta by quadrature. */
static double
bgbb_log_likelihood_check(const double *params, const ClvHistory *row)
{
	double		scale = log_beta_integral(params[ALPHA], params[BETA]) +
		log_beta_integral(params[GAMMA], params[DELTA]);
	double		sum = -INFINITY;

	for (double m = row->t_x; m <= row->t; m++)
		sum = log_add(sum, log_beta_integral(params[ALPHA] + row->x, params[BETA] + m - row->x) +
					  log_beta_integral(params[GAMMA] + (m < row->t ? 1 : 0), params[DELTA] + m));
	return sum - scale;
}

/* Log of the chance that the customer is there at opportunity t + later. */
static double
log_p_alive(const double *params, const ClvHistory *h, double later)
{
	double		alive;
	double		value = log_history(params, h->x, h->t_x, h->t, &alive);

	return fmin(alive - value, 0) + log_pochhammer(params[DELTA] + h->t, later) -
		log_pochhammer(params[GAMMA] + params[DELTA] + h->t, later);
}

static double
bgbb_p_alive(const double *params, const ClvHistory *h, double later)
{
	return exp(log_p_alive(params, h, later));
}

/* Purchases at each of the opportunities that somebody is there for. */
static double
purchase_rate(const double *params, const ClvHistory *h)
{
	return (params[ALPHA] + h->x) / (params[ALPHA] + params[BETA] + h->t);
}

/* Sum of the chances of being there at each of horizon further opportunities, discounted, given being there now. */
static double
discounted_stays(const double *params, double t, double delta, double horizon)
{
	double		stay = 1,
				sum = 0;

	for (double j = 0; j < horizon; j++)
	{
		stay *= (params[DELTA] + t + j) / (params[GAMMA] + params[DELTA] + t + j) * exp(-delta);
		sum += stay;
		if (stay < 1e-18 * sum / (horizon - j))
			break;
	}
	return sum;
}

static double
bgbb_expected_purchases(const double *params, const ClvHistory *h, double horizon)
{
	return bgbb_p_alive(params, h, 0) * purchase_rate(params, h) * discounted_stays(params, h->t, 0, horizon);
}

/* A new customer: no opportunity has passed. */
static const ClvHistory newcomer = {.x = 0,.t_x = 0,.t = 0,.weight = 1};

static double
bgbb_expected_new(const double *params, double horizon)
{
	return bgbb_expected_purchases(params, &newcomer, horizon);
}

/* Somebody who is there now sees j of the horizon's opportunities, and buys at n of them. */
static double
bgbb_log_conditional_pmf(const double *params, double n, const ClvHistory *h, double horizon)
{
	double		now[4] = {params[ALPHA] + h->x, params[BETA] + h->t - h->x, params[GAMMA], params[DELTA] + h->t};
	double		log_alive = log_p_alive(params, h, 0);
	double		turnover = now[GAMMA] + now[DELTA];
	double		sum = -INFINITY;
	double		seen;

	if (n > horizon)
		return -INFINITY;
	/* of the j seen, any n */
	seen = log_bought(now, n, n) + log_stayed(now, n);
	for (double j = n; j < horizon; j++)
	{
		sum = log_add(sum, seen + log(now[GAMMA] / (turnover + j)));
		seen += log((now[BETA] + j - n) / (now[ALPHA] + now[BETA] + j)) + log((now[DELTA] + j) / (turnover + j)) +
			log((j + 1) / (j + 1 - n));
	}
	sum = log_add(sum, seen) + log_alive;
	return fmin(n == 0 ? log_add(sum, log_one_minus_exp(log_alive)) : sum, 0);
}

static double
bgbb_log_pmf(const double *params, double n, double horizon)
{
	return bgbb_log_conditional_pmf(params, n, &newcomer, horizon);
}

/* The paper's discount is 1 + d = exp(delta) per opportunity; the next one is discounted once. */
static double
bgbb_dert(const double *params, const ClvHistory *h, double delta, double horizon)
{
	double		alive = bgbb_p_alive(params, h, 0) * purchase_rate(params, h);
	double		stay = params[DELTA] + h->t;

	if (!isinf(horizon))
		return alive * discounted_stays(params, h->t, delta, horizon);
	return alive * stay / (params[GAMMA] + stay) * exp(-delta) *
		hypergeometric_one(stay + 1, params[GAMMA] + stay + 1, exp(-delta));
}

/* Opportunities are counted. */
static double
scale(const ClvData *data)
{
	return 1;
}

const ClvModel clv_bgbb = {
	.name = "bgbb",
	.n_params = 4,
	.param = {"alpha", "beta", "gamma", "delta"},
	.discrete = true,
	.scale = scale,
	.log_likelihood = bgbb_log_likelihood,
	.log_likelihood_check = bgbb_log_likelihood_check,
	.p_alive = bgbb_p_alive,
	.expected_purchases = bgbb_expected_purchases,
	.expected_new = bgbb_expected_new,
	.log_pmf = bgbb_log_pmf,
	.log_conditional_pmf = bgbb_log_conditional_pmf,
	.dert = bgbb_dert,
	.simulate = clv_simulate_bgbb,
};
