/* params.h: fitted parameters as SQL composites. */
#ifndef CUSTPRIO_CLV_PARAMS_H
#define CUSTPRIO_CLV_PARAMS_H

#include <math.h>

#include "clv/fit.h"
#include "fmgr.h"
#include "utils/tuplestore.h"

/* The model whose parameters a composite type of schema custprio holds, by the type's name; NULL if it is none. */
extern const ClvModel *clv_model_by_name(const char *name);

/* What a function that takes parameters keeps between calls; see clv_params_argument. */
typedef struct ClvParams
{
	const ClvModel *model;
	const char *type;			/* name in SQL: the model's, or that of the model with covariates */
	ClvDesign	design;			/* without a model: no covariates */
	double		value[CLV_MAX_PARAMS];	/* at covariates of 0 */
	double		coefficient[CLV_MAX_COEFFICIENTS];
	double		covariance[CLV_MAX_UNKNOWNS][CLV_MAX_UNKNOWNS];	/* of both */
	bool		has_covariance;
	char		time_unit[16];	/* empty: not said */
	Size		size;			/* of the datum they were taken from */
	char	   *datum;
	uint32		generation;		/* counts the different parameters so far */
} ClvParams;

/*
 * The parameters in an argument, checked. extra points to a pointer of the caller's that lives as long as the context,
 * NULL at first: a parameter that is the same bytes as in the last call is not taken apart again. Raises for parameters
 * that are not numbers above zero and for those of a fit that did not converge.
 */
extern const ClvParams *clv_params_argument(Datum argument, ClvParams **extra, MemoryContext context);

/* What a function that takes the parameters of a customer keeps between calls; all zero at first. */
typedef struct ClvCustomerParams
{
	bool		with_covariance;	/* the caller's wish */
	ClvParams  *given;
	ClvParams  *own;			/* of the base model, at the customer's covariates */
	double		covariates[CLV_PROCESSES * CLV_MAX_COVARIATES];
	uint32		generation;		/* of the given ones that own was made from; 0: none yet */
} ClvCustomerParams;

/*
 * The parameters of a customer: those in the first argument, or, where they depend on covariates, what they are for
 * purchase_covariates and dropout_covariates in the second and third. next receives the argument after these.
 */
extern const ClvParams *clv_customer_params(FunctionCallInfo fcinfo, ClvCustomerParams *customer, int *next);

/* The name of a fit's composite type. */
extern const char *clv_fit_type(const ClvFit *fit);

/* A fit as the composite type of its model. time_unit may be NULL. */
extern Datum clv_fit_composite(const ClvFit *fit, const char *time_unit);

/* A fit as a row of a set, which has the columns of that type. */
extern void clv_store_fit(const ClvFit *fit, const char *time_unit, Tuplestorestate *store, TupleDesc desc);

/* Says what is wrong with a history. */
extern void clv_refuse_history(double x, double t_x, double t);

/* Raise unless these are calibration statistics a model can have. */
static inline void
clv_check_history(double x, double t_x, double t)
{
	/* the conversion is quicker than floor(), and right for all that a customer can buy */
	if (unlikely(!(x >= 0 && x < 1e15 && x == (double) (int64) x && t_x >= 0 && t_x <= t && t < INFINITY &&
				   (x > 0 || t_x == 0))))
		clv_refuse_history(x, t_x, t);
}

/*
 * Raise unless this can be the sum of the logarithms of x times between purchases that add up to t_x, in the unit of t_x.
 */
extern void clv_check_log_intervals(double x, double t_x, double log_intervals);

/* The same for a model of discrete time, whose sums are no longer than this. */
#define CLV_MAX_OPPORTUNITIES	10000

extern void clv_check_opportunities(double x, double t_x, double n);

#endif
