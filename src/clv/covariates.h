/* covariates.h: models in which parameters depend on what is known of a customer beside the purchases. */
#ifndef CUSTPRIO_CLV_COVARIATES_H
#define CUSTPRIO_CLV_COVARIATES_H

#include "clv/model.h"

/* What covariates act on; each process has covariates of its own. */
typedef enum ClvProcess
{
	CLV_PURCHASE, CLV_DROPOUT, CLV_PROCESSES
} ClvProcess;

extern const char *const clv_process_name[CLV_PROCESSES];

/* One parameter of the base model times exp(sign * coefficients * covariates). */
typedef struct ClvEffect
{
	const char *coefficients;	/* their column in SQL */
	int			param;
	ClvProcess	process;
	double		sign;
} ClvEffect;

typedef struct ClvCovariateModel
{
	const char *name;			/* as in SQL */
	const ClvModel *base;
	int			n_effects;
	ClvEffect	effect[CLV_MAX_EFFECTS];
} ClvCovariateModel;

extern const ClvCovariateModel clv_bgnbd_covariates;
extern const ClvCovariateModel clv_pareto_nbd_covariates;

/*
 * A model with so many covariates per process. Its unknowns are the logarithms of the base parameters, at covariates
 * of 0, and then the coefficients, effect by effect.
 */
typedef struct ClvDesign
{
	const ClvCovariateModel *model;
	int			n[CLV_PROCESSES];
} ClvDesign;

extern int	clv_design_covariates(const ClvDesign *design);	/* of a customer: of purchases, then of dropout */
extern int	clv_design_coefficients(const ClvDesign *design);

/*
 * The parameter whose logarithm each coefficient moves, and by what factor for a customer with these covariates (unless
 * factor is NULL).
 */
extern void clv_design_loadings(const ClvDesign *design, const double *covariates, int *param, double *factor);

#endif
