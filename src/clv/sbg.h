/* sbg.h: what the shifted-beta-geometric model predicts; times are whole numbers of contract periods. */
#ifndef CUSTPRIO_CLV_SBG_H
#define CUSTPRIO_CLV_SBG_H

/* Places of the parameters. */
enum
{
	SBG_ALPHA, SBG_BETA
};

/* Chance that a customer who has renewed so often renews at least periods times more. */
extern double sbg_survival(const double *params, double periods, double renewals);

/*
 * Discounted expected residual lifetime of a customer just before the next renewal, which counts in full, the one after
 * it 1 / (1 + discount) ...; over periods renewals, or INFINITY. Infinite where discount is 0 and alpha <= 1.
 */
extern double sbg_derl(const double *params, double renewals, double discount, double periods);

/* Raise unless this is a whole number within the length of our sums. */
extern void sbg_check_count(double value, const char *name, double least);

#endif
