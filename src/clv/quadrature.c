/*
 * quadrature.c: integrals of positive functions given by their logarithm.
 *
 * Logarithms, because our integrands run from 1 to 10^-10000 within one integral. Panels shrink geometrically towards
 * both ends, where the integrands have their powers and boundary layers, and are then bisected until a panel and its
 * two halves agree.
 */
#include "clv/quadrature.h"

#include <math.h>

#include "clv/special.h"

#define TOLERANCE	1e-14
#define MAX_DEPTH	40
#define END_PANELS	44			/* halvings towards each end */

/* Nodes are roots of the Legendre polynomial, found by Newton's method; see Golub and Welsch (1969) for the weights. */
static void
fill_rule(GaussRule *rule, int n)
{
	for (int i = 0; i < n; i++)
	{
		double		z = cos(M_PI * (i + 0.75) / (n + 0.5));
		double		slope = 1;

		for (int round = 0; round < 100; round++)
		{
			double		p = 1,
						before = 0,
						step;

			for (int j = 1; j <= n; j++)
			{
				double		older = before;

				before = p;
				p = ((2 * j - 1) * z * before - (j - 1) * older) / j;
			}
			slope = n * (z * p - before) / (z * z - 1);
			step = p / slope;
			z -= step;
			if (fabs(step) < 1e-16)
				break;
		}
		rule->node[i] = (1 - z) / 2;
		rule->weight[i] = 1 / ((1 - z * z) * slope * slope);
	}
	rule->n = n;
}

const GaussRule *
gauss_rule(int n)
{
	static GaussRule rule[GAUSS_NODES + 1];

	if (rule[n].n == 0)
		fill_rule(&rule[n], n);
	return &rule[n];
}

/* Log of the integral over one panel by one rule. */
static double
panel(LogIntegrand f, void *arg, double low, double high)
{
	const GaussRule *rule = gauss_rule(GAUSS_NODES);
	double		value[GAUSS_NODES];
	double		top = -INFINITY,
				sum = 0;

	for (int i = 0; i < rule->n; i++)
	{
		value[i] = f(low + (high - low) * rule->node[i], arg);
		if (value[i] > top)
			top = value[i];
	}
	if (isinf(top))
		return -INFINITY;
	for (int i = 0; i < rule->n; i++)
		sum += rule->weight[i] * exp(value[i] - top);
	return top + log(sum * (high - low));
}

/* Bisect until it makes no difference any more to an integral of about exp(total). */
static double
refine(LogIntegrand f, void *arg, double low, double high, double whole, double total, int depth)
{
	double		middle = low + (high - low) / 2;
	double		left,
				right,
				halves;

	if (middle <= low || middle >= high)
		return whole;
	left = panel(f, arg, low, middle);
	right = panel(f, arg, middle, high);
	halves = log_add(left, right);
	if (depth >= MAX_DEPTH || isinf(halves) || (halves < total - 36 && whole < total - 36) ||
		fabs(halves - whole) < TOLERANCE * exp(fmin(total - halves, 30)))
		return halves;
	return log_add(refine(f, arg, low, middle, left, total, depth + 1),
				   refine(f, arg, middle, high, right, total, depth + 1));
}

double
log_integral(LogIntegrand f, void *arg, double low, double high)
{
	double		edge[2 * END_PANELS + 1];
	double		first[2 * END_PANELS];
	double		total = -INFINITY,
				answer = -INFINITY;
	double		width = (high - low) / 2;
	int			n = 2 * END_PANELS;

	if (!(high > low))
		return -INFINITY;
	edge[0] = low;
	edge[n] = high;
	edge[END_PANELS] = low + width;
	for (int i = 1; i < END_PANELS; i++)
	{
		edge[END_PANELS - i] = low + width * ldexp(1, -i);
		edge[END_PANELS + i] = high - width * ldexp(1, -i);
	}
	for (int i = 0; i < n; i++)
	{
		first[i] = edge[i + 1] > edge[i] ? panel(f, arg, edge[i], edge[i + 1]) : -INFINITY;
		total = log_add(total, first[i]);
	}
	for (int i = 0; i < n; i++)
		if (edge[i + 1] > edge[i])
			answer = log_add(answer, refine(f, arg, edge[i], edge[i + 1], first[i], total, 0));
	return answer;
}

typedef struct Powers
{
	double		a;
	double		b;
} Powers;

/* p^a (1 - p)^b of the logit u of p; the change of variable has taken one power of each. */
static double
of_logit(double u, void *arg)
{
	const Powers *power = arg;
	double		larger = -log1p(exp(-fabs(u)));
	double		smaller = larger - fabs(u);

	return u > 0 ? power->a * larger + power->b * smaller : power->a * smaller + power->b * larger;
}

double
logit_tail(double power, double other)
{
	return 60 / power + 20 / sqrt(power) + log1p(60 / other);
}

double
log_beta_integral(double a, double b)
{
	Powers		power = {a, b};
	double		peak = log(a / b);

	return log_integral(of_logit, &power, peak - logit_tail(a, b), peak + logit_tail(b, a));
}
