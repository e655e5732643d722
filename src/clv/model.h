/*
 * model.h: what a statistical model of customer lifetime value offers to fitting and prediction.
 *
 * A model is described by a ClvModel; everything that fits, predicts, stores or validates goes through it, so a new
 * model is one file with one of these. Times are in one unit throughout (the caller's: days, weeks ...); a model does
 * not know which. Functions are pure, raise nothing, and give a finite value for every valid input: parameters above
 * zero, 0 <= x, 0 <= t_x <= t, t_x = 0 where x = 0. Checks of input belong to the caller (clv_check_history).
 */
#ifndef CUSTPRIO_CLV_MODEL_H
#define CUSTPRIO_CLV_MODEL_H

#include <stdbool.h>

#define CLV_MAX_PARAMS	8
#define CLV_MAX_COVARIATES	16	/* of a process; see covariates.h */
#define CLV_MAX_EFFECTS	3		/* parameters that covariates act on */
#define CLV_MAX_COEFFICIENTS (CLV_MAX_EFFECTS * CLV_MAX_COVARIATES)
#define CLV_MAX_UNKNOWNS	(CLV_MAX_PARAMS + CLV_MAX_COEFFICIENTS)	/* numbers that a fit finds */
#define CLV_STARTS		3		/* points from which a fit climbs */
#define CLV_MAX_K		20		/* events per purchase of an Erlang model */

struct pg_prng_state;

/* One customer's calibration statistics, or as many customers as weight says. */
typedef struct ClvHistory
{
	double		x;				/* repeat purchases (days with one, less the first) */
	union
	{
		double		t_x;		/* from the first to the last purchase */
		double		m;			/* Gamma-Gamma: mean value of the x repeat purchases */
	};
	double		t;				/* from the first purchase to the as-of day */
	double		weight;
	int			profile;		/* customers with the same one share their covariates; 0 where there are none */
} ClvHistory;

/*
 * Histories to fit to, sorted by (profile, x, t_x, t) and parted by profile and x: what depends on x alone is computed once per group, and
 * what depends on x and a time once per distinct time of the group (time[at_t_x[i]] is row i's t_x; see pareto_nbd.c).
 */
typedef struct ClvGroup
{
	double		x;
	long		first;			/* rows first to last - 1 */
	long		last;
	int			n_times;
	double	   *time;			/* distinct t_x and t, ascending */
} ClvGroup;

typedef struct ClvData
{
	ClvHistory *row;
	long		n;
	ClvGroup   *group;
	int			n_groups;
	int		   *at_t_x;			/* per row, indexes into its group's times; NULL unless the model asks for them */
	int		   *at_t;
} ClvData;

typedef struct ClvModel
{
	const char *name;			/* as in SQL: bgnbd, mbgnbd, pareto_nbd, gamma_gamma ... */
	int			n_params;
	const char *param[CLV_MAX_PARAMS];
	bool		erlang;			/* a whole number k from 1 to CLV_MAX_K follows the parameters; a fit takes it as given */
	bool		discrete;		/* times count opportunities to buy: whole numbers without a unit */
	bool		quick;			/* answers without a sum, or keeps its answers itself */
	bool		indexes_times;	/* its likelihood reads at_t_x and at_t */
	int			time_power[CLV_MAX_PARAMS]; /* 1: scales with the unit of time (or of money), 0: does not */

	/*
	 * What only some models need to be fitted (NULL: what suits models of purchases). Logarithms of scaled parameters to
	 * start from; why data cannot be fitted, or NULL; and what scales times (or money), such as 1 / the longest time.
	 */
	const double (*starts)[CLV_MAX_PARAMS];
	const char *(*unfit) (const ClvData *data, double weight, const char **hint);
	double		(*scale) (const ClvData *data);

	/*
	 * Sum over all histories of weight times log-likelihood. gradient, unless NULL, receives the sum's derivative with
	 * respect to each parameter itself (not its logarithm).
	 */
	double		(*log_likelihood) (const double *params, const ClvData *data, double *gradient);

	/* The same by a formula that shares nothing with it but the definition (quadrature, say); slow is fine. */
	double		(*log_likelihood_check) (const double *params, const ClvHistory *row);

	/* P(alive) at t + later, given the history up to t. */
	double		(*p_alive) (const double *params, const ClvHistory *history, double later);

	/* Expected purchases in (t, t + horizon] given the history; and in (0, horizon] of a new customer. */
	double		(*expected_purchases) (const double *params, const ClvHistory *history, double horizon);
	double		(*expected_new) (const double *params, double horizon);

	/* Log of the probability of n purchases in (0, horizon]; and in (t, t + horizon] given the history. */
	double		(*log_pmf) (const double *params, double n, double horizon);
	double		(*log_conditional_pmf) (const double *params, double n, const ClvHistory *history, double horizon);

	/* A history as the model makes it; see simulate.h. */
	void		(*simulate) (const double *params, struct pg_prng_state *prng, ClvHistory *history);

	/* Discounted expected residual transactions at the continuous rate delta > 0 per unit; over (0, horizon]. */
	double		(*dert) (const double *params, const ClvHistory *history, double delta, double horizon);
} ClvModel;

extern const ClvModel clv_bgnbd;
extern const ClvModel clv_mbgnbd;
extern const ClvModel clv_bgcnbd;
extern const ClvModel clv_mbgcnbd;
extern const ClvModel clv_pareto_nbd;
extern const ClvModel clv_bgbb;
extern const ClvModel clv_sbg;	/* likelihoods only; see sbg.h for the rest */
extern const ClvModel clv_gamma_gamma;	/* log_likelihood and its check only; see gamma_gamma.h for the rest */

#endif
