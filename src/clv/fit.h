/* fit.h: maximum likelihood for every ClvModel. */
#ifndef CUSTPRIO_CLV_FIT_H
#define CUSTPRIO_CLV_FIT_H

#include "clv/covariates.h"

/* What a fit found. params hold a usable model only if converged; status says in a few words what is wrong otherwise. */
typedef struct ClvFit
{
	const ClvModel *model;
	ClvDesign	design;			/* without a model: no covariates */
	double		params[CLV_MAX_PARAMS]; /* with the k of an Erlang model after them; at covariates of 0 */
	double		coefficient[CLV_MAX_COEFFICIENTS];
	double		log_likelihood; /* the sum, without any penalty */
	double		n;				/* sum of weights */
	long		distinct;		/* histories after collapsing equal ones */
	int			iterations;		/* evaluations of the likelihood of all histories */
	double		gradient_norm;	/* greatest derivative of the mean by the logarithm of a parameter */
	bool		converged;
	bool		undetermined;	/* not converged because the data do not determine the parameters */
	const char *status;			/* "converged", or why not: lives as long as the context of the call */
	const char *hint;			/* what to do about it, or NULL */
	double		standard_error[CLV_MAX_UNKNOWNS];	/* of the parameters, then of the coefficients */
	double		covariance[CLV_MAX_UNKNOWNS][CLV_MAX_UNKNOWNS]; /* of the parameters themselves */
} ClvFit;

/*
 * Fit to n histories in any order; they are sorted, scaled and collapsed in place. The objective is the mean
 * log-likelihood less l2 times the sum of squared parameters, where time (money) is scaled so that the longest t (the
 * mean m) is 1: fits do not depend on the unit. Never raises for data: what cannot be fitted has converged = false and a
 * status. The answer does not depend on the order of histories. k is that of an Erlang model, whose log-likelihood is
 * without what does not depend on the parameters (see bgnbd.c).
 */
extern void clv_fit(const ClvModel *model, double k, ClvHistory *rows, long n, double l2, ClvFit *fit);

/*
 * The same for a model with covariates: the profile of a history counts rows of covariates, which are standardised in place.
 * The penalty includes squared coefficients of standardised covariates. Without any coefficient it is the fit of the base
 * model.
 */
extern void clv_fit_covariates(const ClvDesign *design, double *covariates, int n_profiles, ClvHistory *rows, long n,
							   double l2, ClvFit *fit);

/* As clv_fit without a penalty, climbing from given parameters (with their k) and from nowhere else. */
extern void clv_refit(const ClvModel *model, const double *from, ClvHistory *rows, long n, ClvFit *fit);

/*
 * The same without a penalty; where the data do not determine the parameters (customers all alike, or nobody ever leaves),
 * with the smallest of some penalties on the squared logarithms of the scaled parameters under which they are determined,
 * and status tells which. A parameter that runs off to nothing or to infinity stops where it makes no difference any more.
 */
extern void clv_fit_anyhow(const ClvModel *model, ClvHistory *rows, long n, ClvFit *fit);

#endif
