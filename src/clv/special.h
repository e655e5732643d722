/* special.h: special functions as the CLV models need them, without the cancellation of the textbook forms. */
#ifndef CUSTPRIO_CLV_SPECIAL_H
#define CUSTPRIO_CLV_SPECIAL_H

extern double log_gamma(double z);	/* log of gamma(z), z > 0; unlike lgamma() it touches no global */
extern double log_pochhammer(double a, double x);	/* log gamma(a + x) - log gamma(a), a > 0, x >= 0 */
extern double digamma_difference(double a, double x);	/* digamma(a + x) - digamma(a) */
extern double log_beta(double a, double b);
extern double log_add(double a, double b);	/* log(exp(a) + exp(b)); either may be -infinity */
extern double log_one_minus_exp(double a);	/* log(1 - exp(a)), a <= 0 */
extern double decay_mean(double k, double l);	/* (1 - exp(-k l)) / k, and l at k = 0 */

/*
 * The regularised incomplete beta function I_x(a, b), x = odds / (1 + odds), but for the factor x^a (1 - x)^b / (a B(a, b)):
 * quick where the odds are below a / b, which is where I_x itself and not 1 - I_x is wanted.
 */
extern double incomplete_beta_fraction(double a, double b, double odds);

/* 2F1(1, b; c; z), 0 < b < c, 0 <= z < 1 */
extern double hypergeometric_one(double b, double c, double z);

#endif
