/*
 * covariates.c: the models with time-invariant covariates (Fader and Hardie 2007).
 *
 * What is known of a customer beside the purchases, such as the channel or the year of birth, shifts parameters. With
 * covariates y of purchases and z of dropout, and the parameters with index 0 those of a customer whose covariates are 0,
 *
 *     BG/NBD       alpha = alpha0 exp(-g1 y)    a = a0 exp(g2 z), b = b0 exp(g3 z)
 *     Pareto/NBD   alpha = alpha0 exp(-g1 y)    beta = beta0 exp(-g2 z)
 *
 * so that a positive coefficient means more purchases (E[lambda] = r / alpha), and earlier death (E[mu] = s / beta). A
 * customer's likelihood and predictions are those of the base model with the customer's own parameters: customers who
 * share their covariates are fitted to by the base model's functions, and the chain rule does the rest.
 */
#include "clv/covariates.h"

#include <stddef.h>

/* Positions of parameters in bgnbd.c and pareto_nbd.c. */
enum
{
	ALPHA = 1, A = 2, B = 3, BETA = 3
};

const char *const clv_process_name[CLV_PROCESSES] = {"purchase", "dropout"};

const ClvCovariateModel clv_bgnbd_covariates = {
	.name = "bgnbd_covariates",
	.base = &clv_bgnbd,
	.n_effects = 3,
	.effect = {
		{"purchase_coefficients", ALPHA, CLV_PURCHASE, -1},
		{"dropout_a_coefficients", A, CLV_DROPOUT, 1},
		{"dropout_b_coefficients", B, CLV_DROPOUT, 1},
	},
};

const ClvCovariateModel clv_pareto_nbd_covariates = {
	.name = "pareto_nbd_covariates",
	.base = &clv_pareto_nbd,
	.n_effects = 2,
	.effect = {
		{"purchase_coefficients", ALPHA, CLV_PURCHASE, -1},
		{"dropout_coefficients", BETA, CLV_DROPOUT, -1},
	},
};

int
clv_design_covariates(const ClvDesign *design)
{
	return design->n[CLV_PURCHASE] + design->n[CLV_DROPOUT];
}

int
clv_design_coefficients(const ClvDesign *design)
{
	int			n = 0;

	for (int e = 0; e < design->model->n_effects; e++)
		n += design->n[design->model->effect[e].process];
	return n;
}

void
clv_design_loadings(const ClvDesign *design, const double *covariates, int *param, double *factor)
{
	int			n = 0;

	for (int e = 0; e < design->model->n_effects; e++)
	{
		const ClvEffect *effect = &design->model->effect[e];
		int			first = effect->process == CLV_PURCHASE ? 0 : design->n[CLV_PURCHASE];

		for (int i = 0; i < design->n[effect->process]; i++, n++)
		{
			param[n] = effect->param;
			if (factor)
				factor[n] = effect->sign * covariates[first + i];
		}
	}
}
