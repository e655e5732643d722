/*
 * covariate_scale.c: covariates on the scale of a fit, and what was fitted on the scale of the caller.
 *
 * A fit searches the coefficients of covariates with mean 0 and standard deviation 1 over the customers. Covariates that
 * have no such scale, or are determined by others, cannot be fitted.
 */
#include "custprio.h"

#include "clv/covariate_scale.h"

#include <math.h>

#include "clv/cholesky.h"

#define SPREAD_LEAST	1e-9	/* standard deviation of a covariate over its greatest value; 1 - R squared by others */

/* Why the covariates of a process, standardised, cannot be told from each other, or NULL. */
static const char *
covariates_collinear(const double *covariates, int n_covariates, int first, int n, const double *weight, int n_profiles,
					 ClvProcess process)
{
	double		m[CLV_MAX_UNKNOWNS][CLV_MAX_UNKNOWNS] = {{0}};
	double		total = 0;

	for (int p = 0; p < n_profiles; p++)
	{
		const double *z = covariates + (Size) p * n_covariates + first;

		total += weight[p];
		for (int i = 0; i < n; i++)
			for (int j = 0; j <= i; j++)
				m[i][j] += weight[p] * z[i] * z[j];
	}
	/* no eigenvalue of the correlations up to this covariate may be smaller */
	for (int k = 1; k <= n; k++)
	{
		double		factor[CLV_MAX_UNKNOWNS][CLV_MAX_UNKNOWNS];

		for (int i = 0; i < k; i++)
			for (int j = 0; j <= i; j++)
				factor[i][j] = m[i][j] / total - (i == j ? SPREAD_LEAST : 0);
		if (!clv_cholesky(factor, k))
			return psprintf("%s covariate %d is determined by those before it", clv_process_name[process], k);
	}
	return NULL;
}

const char *
clv_covariates_standardise(const ClvDesign *design, double *covariates, const double *weight, int n_profiles,
						   ClvCovariateScale *scale, const char **hint)
{
	int			n = clv_design_covariates(design);
	int			first = 0;

	*hint = "Leave that covariate out.";
	for (int i = 0; i < n; i++)
	{
		ClvProcess	process = i < design->n[CLV_PURCHASE] ? CLV_PURCHASE : CLV_DROPOUT;
		int			number = process == CLV_PURCHASE ? i + 1 : i + 1 - design->n[CLV_PURCHASE];
		double		most = 0,
					total = 0,
					mean = 0,
					variance = 0;

		for (int p = 0; p < n_profiles; p++)
			most = fmax(most, fabs(covariates[(Size) p * n + i]));
		/* in units of the greatest, so that no square is out of range */
		for (int p = 0; p < n_profiles && most > 0; p++)
		{
			double		z = covariates[(Size) p * n + i] / most - mean;

			total += weight[p];
			mean += weight[p] / total * z;
			variance += weight[p] * z * (covariates[(Size) p * n + i] / most - mean);
		}
		scale->mean[i] = mean * most;
		scale->deviation[i] = total > 0 ? sqrt(variance / total) * most : 0;
		if (!(scale->deviation[i] > SPREAD_LEAST * most))
			return psprintf("%s covariate %d is the same for every customer", clv_process_name[process], number);
		for (int p = 0; p < n_profiles; p++)
			covariates[(Size) p * n + i] = (covariates[(Size) p * n + i] - scale->mean[i]) / scale->deviation[i];
	}
	for (ClvProcess process = 0; process < CLV_PROCESSES; process++)
	{
		const char *reason = covariates_collinear(covariates, n, first, design->n[process], weight, n_profiles,
												  process);

		if (reason)
			return reason;
		first += design->n[process];
	}
	return NULL;
}

/*
 * From standardised covariates to those given: coefficients are divided by standard deviations, and parameters are no
 * longer those at the means but at 0. On logarithms of parameters, and coefficients, that is linear.
 */
const char *
clv_covariates_unstandardise(const ClvCovariateScale *scale, ClvFit *fit, const char **hint)
{
	const ClvDesign *design = &fit->design;
	int			n = fit->model->n_params;
	int			k = n + clv_design_coefficients(design);
	int			param[CLV_MAX_COEFFICIENTS];
	double		at_mean[CLV_MAX_COEFFICIENTS],
				deviation[CLV_MAX_COEFFICIENTS];
	double		turn[CLV_MAX_UNKNOWNS][CLV_MAX_UNKNOWNS] = {{0}};
	double		half[CLV_MAX_UNKNOWNS][CLV_MAX_UNKNOWNS] = {{0}};
	double		before[CLV_MAX_PARAMS];
	bool		usable = true;

	clv_design_loadings(design, scale->mean, param, at_mean);
	clv_design_loadings(design, scale->deviation, param, deviation);
	memcpy(before, fit->params, sizeof(before));
	for (int i = 0; i < n; i++)
		turn[i][i] = 1;
	for (int i = n; i < k; i++)
	{
		/* both have the sign of the effect */
		double		by = fabs(deviation[i - n]);

		turn[i][i] = 1 / by;
		turn[param[i - n]][i] = -at_mean[i - n] / by;
		fit->params[param[i - n]] *= exp(-at_mean[i - n] / by * fit->coefficient[i - n]);
		fit->coefficient[i - n] /= by;
	}
	for (int i = 0; i < k; i++)
		for (int j = 0; j < k; j++)
			for (int l = 0; l < k; l++)
				half[i][j] += turn[i][l] * fit->covariance[l][j] / (l < n ? before[l] : 1) / (j < n ? before[j] : 1);
	for (int i = 0; i < k; i++)
	{
		for (int j = 0; j < k; j++)
		{
			double		sum = 0;

			for (int l = 0; l < k; l++)
				sum += half[i][l] * turn[j][l];
			fit->covariance[i][j] = sum * (i < n ? fit->params[i] : 1) * (j < n ? fit->params[j] : 1);
			usable &= isfinite(fit->covariance[i][j]);
		}
		fit->standard_error[i] = sqrt(fit->covariance[i][i]);
		usable &= isfinite(fit->standard_error[i]) &&
			(i < n ? isfinite(fit->params[i]) && fit->params[i] > 0 : isfinite(fit->coefficient[i - n]));
	}
	if (usable)
		return NULL;
	*hint = "Subtract from each covariate a typical value of it, and divide by a typical difference.";
	return "parameters at covariates of zero are out of range";
}
