/*
 * value.c: from purchases expected to their value today.
 *
 * A discount is stated per year and applied continuously: delta = ln(1 + d) days / 365.25 per unit of time. Growth of the
 * market by g a year makes a later purchase worth more in the same way, and so lowers delta by ln(1 + g). The integral
 * over the horizon is taken by parts, exp(-delta H) E[X(H)] + delta times the integral of exp(-delta u) E[X(u)], whose
 * integrand is smooth and slow, so that some Gauss-Legendre nodes of E[X(u)] give it to the last digits.
 */
#include "custprio.h"

#include "clv/value.h"

#include <math.h>

#include "clv/quadrature.h"

/* Panels of the integral: short ones first, where E[X(u)] bends most. */
static const double panel_end[] = {0.05, 0.3, 1};

/* Where a market's growth outruns the discount the integrand grows, and with regular purchases it has steps. */
#define ERLANG_PIECES	40
#define MAX_PIECES		100

double
clv_unit_days(const char *unit, bool raise)
{
	if (strcmp(unit, "day") == 0)
		return 1;
	if (strcmp(unit, "week") == 0)
		return 7;
	if (strcmp(unit, "month") == 0)
		return 365.25 / 12;
	if (strcmp(unit, "year") == 0)
		return 365.25;
	if (raise)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown unit of time \"%s\"", unit),
				 errhint("Use day, week, month or year.")));
	return 0;
}

double
clv_discount_rate(double discount, double growth, double unit_days)
{
	return (log1p(discount) - log1p(growth)) * unit_days / 365.25;
}

double
clv_discounted_purchases(const ClvModel *model, const double *params, const ClvHistory *h, double horizon, double rate)
{
	const GaussRule *rule = gauss_rule(GAUSS_SMALL_NODES);
	double		last = model->expected_purchases(params, h, horizon);
	double		sum = 0,
				from = 0;
	int			pieces = 1;		/* of each panel */

	/* over many years' worth of discount the integrand is no longer slow, nor with regular purchases */
	if (rate * horizon > 3 || (rate > 0 && model->erlang))
		return model->dert(params, h, rate, horizon);
	if (rate == 0 || horizon == 0)
		return last;
	if (rate < 0)
		pieces = model->erlang ? ERLANG_PIECES : 1 + (int) Min(-rate * horizon, MAX_PIECES);
	for (int i = 0; i < lengthof(panel_end); i++)
	{
		double		width = (panel_end[i] - from) * horizon / pieces;

		for (int piece = 0; piece < pieces; piece++)
			for (int j = 0; j < rule->n; j++)
			{
				double		u = from * horizon + width * (piece + rule->node[j]);

				sum += rule->weight[j] * width * exp(-rate * u) * model->expected_purchases(params, h, u);
			}
		from = panel_end[i];
	}
	return exp(-rate * horizon) * last + rate * sum;
}
