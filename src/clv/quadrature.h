/* quadrature.h: integrals of positive functions given by their logarithm. */
#ifndef CUSTPRIO_CLV_QUADRATURE_H
#define CUSTPRIO_CLV_QUADRATURE_H

/* Log of a positive integrand; -infinity where it vanishes. */
typedef double (*LogIntegrand) (double u, void *arg);

/* Log of the integral of exp(f) over [low, high], to about 1e-13 of the integral. */
extern double log_integral(LogIntegrand f, void *arg, double low, double high);

/* Log of the beta function by quadrature over the logit, to check closed forms with. */
extern double log_beta_integral(double a, double b);

/* How far from the peak of a density of logits nothing is left, on the side of one power; see the other's effect. */
extern double logit_tail(double power, double other);

/*
 * Gauss-Legendre rules of up to GAUSS_NODES nodes on [0, 1], made once per process; small ones for stretches on which the
 * integrand hardly moves.
 */
#define GAUSS_NODES			12
#define GAUSS_SMALL_NODES	6

typedef struct GaussRule
{
	int			n;
	double		node[GAUSS_NODES];
	double		weight[GAUSS_NODES];
} GaussRule;

extern const GaussRule *gauss_rule(int n);

#endif
