/* covariate_scale.h: covariates on the scale of a fit, and what was fitted on the scale of the caller. */
#ifndef CUSTPRIO_CLV_COVARIATE_SCALE_H
#define CUSTPRIO_CLV_COVARIATE_SCALE_H

#include "clv/fit.h"

/* Mean and standard deviation of each covariate, of customers. */
typedef struct ClvCovariateScale
{
	double		mean[CLV_PROCESSES * CLV_MAX_COVARIATES];
	double		deviation[CLV_PROCESSES * CLV_MAX_COVARIATES];
} ClvCovariateScale;

/*
 * Standardise in place the covariates of profiles, which as many customers have as weight says. Returns NULL; or why they
 * cannot be used, in the current memory context, with a hint.
 */
extern const char *clv_covariates_standardise(const ClvDesign *design, double *covariates, const double *weight,
											  int n_profiles, ClvCovariateScale *scale, const char **hint);

/*
 * Turn parameters, coefficients and their covariance, fitted to covariates that were standardised so, into those of
 * the covariates as given. There must be a coefficient. Returns NULL; or why they cannot be used, with a hint.
 */
extern const char *clv_covariates_unstandardise(const ClvCovariateScale *scale, ClvFit *fit, const char **hint);

#endif
