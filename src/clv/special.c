/*
 * special.c: special functions as the CLV models need them, without the cancellation of the textbook forms.
 *
 * Differences of log gamma at large, close arguments are where other packages lose a likelihood (with b = 10^16 only
 * noise is left of lgamma(b + x) - lgamma(b)). Here the differences themselves are computed: small arguments are
 * shifted up by the recurrence, then Stirling's series is subtracted term by term.
 */
#include "clv/special.h"

#include <math.h>

/* From here on the series below is exact to double precision. */
#define STIRLING_FROM	16.0
#define MAX_FRACTION	20000000	/* terms of a continued fraction; enough for 1 - z of 1e-12 */

/* log gamma(z) - [(z - 1/2) log z - z + log(2 pi) / 2] for z >= STIRLING_FROM. */
static double
stirling_rest(double z)
{
	double		w = 1 / (z * z);

	return (1.0 / 12 - w * (1.0 / 360 - w * (1.0 / 1260 - w * (1.0 / 1680 - w * (1.0 / 1188 - w * (691.0 / 360360 -
																								  w / 156)))))) / z;
}

/* log z - 1/(2z) - digamma(z) for z >= STIRLING_FROM. */
static double
digamma_rest(double z)
{
	double		w = 1 / (z * z);

	return w * (1.0 / 12 - w * (1.0 / 120 - w * (1.0 / 252 - w * (1.0 / 240 - w * (1.0 / 132 - w * (691.0 / 32760 -
																									w / 12))))));
}

double
log_gamma(double z)
{
	double		product = 1;

	/* near 1 and 2, where the logarithm vanishes, the library is exact and we would not be */
	if (z < 3.5)
	{
		int			sign;

		return lgamma_r(z, &sign);
	}
	while (z < STIRLING_FROM)
		product *= z++;
	return (z - 0.5) * log(z) - z + 0.91893853320467274178 + stirling_rest(z) - log(product);
}

double
log_pochhammer(double a, double x)
{
	double		ratio = 1;
	double		shift = 0;

	if (x == 0)
		return 0;
	/* few whole steps: a product has no rounding to speak of */
	if (x <= 8 && x == floor(x) && a < 1e30)
	{
		for (double j = 0; j < x; j++)
			ratio *= a + j;
		return log(ratio);
	}
	/* gamma(a + x) / gamma(a) = gamma(a + n + x) / gamma(a + n) times the product of (a + k) / (a + k + x) */
	while (a < STIRLING_FROM)
	{
		ratio *= a / (a + x);
		if (ratio < 1e-280)
		{
			shift += log(ratio);
			ratio = 1;
		}
		a++;
	}
	return (a - 0.5) * log1p(x / a) + x * (log(a + x) - 1) + (stirling_rest(a + x) - stirling_rest(a)) + log(ratio) +
		shift;
}

double
digamma_difference(double a, double x)
{
	double		sum = 0;

	if (x == 0)
		return 0;
	if (x <= 16 && x == floor(x))
	{
		for (double j = 0; j < x; j++)
			sum += 1 / (a + j);
		return sum;
	}
	while (a < STIRLING_FROM)
	{
		sum += x / (a * (a + x));
		a++;
	}
	return sum + log1p(x / a) + x / (2 * a * (a + x)) + (digamma_rest(a) - digamma_rest(a + x));
}

double
log_beta(double a, double b)
{
	return a < b ? log_gamma(a) - log_pochhammer(b, a) : log_gamma(b) - log_pochhammer(a, b);
}

double
log_add(double a, double b)
{
	if (a < b)
		return log_add(b, a);
	return isinf(b) ? a : a + log1p(exp(b - a));
}

double
log_one_minus_exp(double a)
{
	return a > -0.6931471805599453 ? log(-expm1(a)) : log1p(-exp(a));
}

double
decay_mean(double k, double l)
{
	return fabs(k * l) < 1e-300 ? l : -expm1(-k * l) / k;
}

/* 2F1(1, b; c; z) for 0 < b < c and 0 <= z < 1 by Gauss's continued fraction, whose terms all lie in (0, 1). */
double
hypergeometric_one(double b, double c, double z)
{
	double		fraction = 1,
				above = 1,
				below = 0;

	for (long k = 1; k <= MAX_FRACTION; k++)
	{
		double		half = k / 2;
		double		a = k == 1 ? b / c :
			k % 2 == 1 ? (b + half) / (c + k - 2) * ((c + half - 1) / (c + k - 1)) :
			half / (c + k - 2) * ((c - b + half - 1) / (c + k - 1));
		double		change;

		below = 1 / (1 - a * z * below);
		above = 1 - a * z / above;
		change = above * below;
		fraction *= change;
		if (fabs(change - 1) < 1e-16)
			break;
	}
	return 1 / fraction;
}

/* Numerator by numerator of the fraction 1 / (1 + d1 / (1 + d2 / ...)) (DiDonato and Morris 1992), by Lentz's method. */
double
incomplete_beta_fraction(double a, double b, double odds)
{
	const double tiny = 1e-300;
	double		x = odds / (1 + odds);
	double		above = 1,
				below,
				fraction;

	below = 1 - (a + b) / (a + 1) * x;
	below = 1 / (fabs(below) < tiny ? tiny : below);
	fraction = below;
	for (double m = 1; m <= MAX_FRACTION; m++)
	{
		double		even = m * (b - m) / (a + 2 * m - 1) * x / (a + 2 * m);
		double		odd = -(a + m) / (a + 2 * m) * (a + b + m) / (a + 2 * m + 1) * x;
		double		change;

		below = 1 + even * below;
		below = 1 / (fabs(below) < tiny ? tiny : below);
		above = 1 + even / above;
		above = fabs(above) < tiny ? tiny : above;
		fraction *= below * above;
		below = 1 + odd * below;
		below = 1 / (fabs(below) < tiny ? tiny : below);
		above = 1 + odd / above;
		above = fabs(above) < tiny ? tiny : above;
		change = below * above;
		fraction *= change;
		if (fabs(change - 1) < 1e-16)
			break;
	}
	return fraction;
}
