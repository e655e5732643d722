/*
 * fit.c: maximum likelihood for every ClvModel.
 *
 * The logarithms of the parameters are searched, with time scaled so that the longest is 1, within bounds that no
 * sensible fit comes near. NLopt's low-storage BFGS climbs from several starts, on a sample where there is much data; the
 * best goes on with everything; Newton's method, with a Hessian from differences of the analytic gradient, polishes to
 * the last digits. The same Hessian gives the covariance and tells whether the data determine the parameters at all. In
 * the end some histories' likelihoods are computed by a second formula: an optimum of a wrong likelihood is no optimum.
 *
 * With covariates (covariates.c) the coefficients are searched too, of covariates standardised (covariate_scale.c) so
 * that all steps are of one size, from the optimum without them. Every unknown moves the logarithm of one parameter of a
 * customer, so that gradients and Hessians by a customer's parameters, of which there are few, carry over by
 * multiplication.
 */
#include "custprio.h"

#include "clv/fit.h"

#include <math.h>
#include <nlopt.h>

#include "clv/cholesky.h"
#include "clv/collapse.h"
#include "clv/covariate_scale.h"
#include "clv/special.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#define BOUND			16.0	/* of the logarithm of a scaled parameter, either side */
#define SAMPLE_ROWS		500		/* of more different histories, starts are tried on so many customers */
#define DIFFERENCE		1e-4	/* step of the differences that make the Hessian, in logarithms */
#define NEWTON_ROUNDS	25
#define GRADIENT_GOOD	1e-7	/* converged if no derivative of the mean is greater ... */
#define GRADIENT_BEST	1e-12	/* ... and nothing is gained below this */
#define EXTREME			100.0	/* logarithm of a customer's scaled parameter beyond which no likelihood is asked for */
#define VAGUE			10.0	/* standard error of a logarithm from which on the data say nothing of a parameter */
#define CHECKED_ROWS	8		/* histories computed by the second formula */
#define CHECK_TOLERANCE	1e-8
#define START_BOUND		8.0		/* of the logarithms that a fit with covariates starts from */

typedef struct Problem
{
	const ClvModel *model;
	double		k;				/* of an Erlang model */
	const ClvData *data;
	const ClvDesign *design;	/* NULL: no covariates */
	const double *covariates;	/* standardised, by profile */
	int			n_covariates;
	int			n_unknowns;		/* parameters and coefficients */
	double		weight;			/* sum of the data's weights */
	double		l2;				/* penalty on squared parameters */
	double		ridge;			/* penalty on squared logarithms of parameters */
	int			evaluations;
	nlopt_opt	opt;
} Problem;

static bool
all_finite(const double *value, int n)
{
	for (int i = 0; i < n; i++)
		if (!isfinite(value[i]))
			return false;
	return true;
}

static double
greatest(const double *value, int n)
{
	double		most = 0;

	for (int i = 0; i < n; i++)
		most = fmax(most, fabs(value[i]));
	return most;
}

/* What the unknowns are for customers of one profile: each moves the logarithm of one parameter by its factor. */
typedef struct Loadings
{
	int			param[CLV_MAX_UNKNOWNS];
	double		factor[CLV_MAX_UNKNOWNS];
} Loadings;

static void
load(const Problem *problem, int profile, Loadings *loadings)
{
	int			n = problem->model->n_params;

	for (int i = 0; i < n; i++)
	{
		loadings->param[i] = i;
		loadings->factor[i] = 1;
	}
	if (problem->design)
		clv_design_loadings(problem->design, problem->covariates + (Size) profile * problem->n_covariates,
							loadings->param + n, loadings->factor + n);
}

/* Logarithms of the parameters of customers of a profile. */
static void
customer_logs(const Problem *problem, const Loadings *loadings, const double *unknown, double *logs)
{
	memset(logs, 0, CLV_MAX_PARAMS * sizeof(double));
	for (int i = 0; i < problem->n_unknowns; i++)
		logs[loadings->param[i]] += loadings->factor[i] * unknown[i];
}

static void
exponentiate(const Problem *problem, const double *logs, double *params)
{
	memset(params, 0, CLV_MAX_PARAMS * sizeof(double));
	for (int i = 0; i < problem->model->n_params; i++)
		params[i] = exp(logs[i]);
	if (problem->model->erlang)
		params[problem->model->n_params] = problem->k;
}

/* The data of the profile that begins with group *next, which becomes the first group of the one after it. */
static ClvData
profile_data(const ClvData *data, int *next, int *profile)
{
	ClvData		part = *data;
	int			first = *next;

	*profile = data->row[data->group[first].first].profile;
	while (*next < data->n_groups && data->row[data->group[*next].first].profile == *profile)
		(*next)++;
	/* models with covariates read groups, whose rows are counted in all the data */
	part.group = data->group + first;
	part.n_groups = *next - first;
	return part;
}

/* Log-likelihood of one profile at the logarithms of its parameters, and its derivatives by these. */
static double
profile_likelihood(const Problem *problem, const ClvData *part, const double *logs, double *by_log)
{
	double		params[CLV_MAX_PARAMS];
	double		value;

	if (!(greatest(logs, problem->model->n_params) <= EXTREME))
		return -INFINITY;
	exponentiate(problem, logs, params);
	value = problem->model->log_likelihood(params, part, by_log);
	for (int i = 0; by_log && i < problem->model->n_params; i++)
		by_log[i] *= params[i];
	return value;
}

/* The log-likelihood of everybody, and its derivatives by the unknowns. */
static double
log_likelihood(const Problem *problem, const double *unknown, double *gradient)
{
	double		sum = 0;

	if (gradient)
		memset(gradient, 0, problem->n_unknowns * sizeof(double));
	for (int next = 0; next < problem->data->n_groups;)
	{
		int			profile;
		ClvData		part = profile_data(problem->data, &next, &profile);
		Loadings	loadings;
		double		logs[CLV_MAX_PARAMS];
		double		by_log[CLV_MAX_PARAMS];

		load(problem, profile, &loadings);
		customer_logs(problem, &loadings, unknown, logs);
		sum += profile_likelihood(problem, &part, logs, gradient ? by_log : NULL);
		if (!isfinite(sum))
			break;
		for (int i = 0; gradient && i < problem->n_unknowns; i++)
			gradient[i] += loadings.factor[i] * by_log[loadings.param[i]];
	}
	return sum;
}

/*
 * The penalised mean log-likelihood at the unknowns: logarithms of parameters, then coefficients; and its derivatives.
 * -INFINITY where not finite.
 */
static double
objective(Problem *problem, const double *unknown, double *gradient)
{
	double		value = log_likelihood(problem, unknown, gradient) / problem->weight;

	problem->evaluations++;
	for (int i = 0; i < problem->n_unknowns; i++)
	{
		bool		is_log = i < problem->model->n_params;
		double		itself = is_log ? exp(unknown[i]) : unknown[i];

		value -= problem->l2 * itself * itself + problem->ridge * unknown[i] * unknown[i];
		if (gradient)
			gradient[i] = gradient[i] / problem->weight - 2 * problem->l2 * itself * (is_log ? itself : 1) -
				2 * problem->ridge * unknown[i];
	}
	if (!isfinite(value) || (gradient && !all_finite(gradient, problem->n_unknowns)))
	{
		for (int i = 0; gradient && i < problem->n_unknowns; i++)
			gradient[i] = 0;
		return -INFINITY;
	}
	return value;
}

/* For NLopt. An interrupt must not jump out of its frames: it is told to stop, and the caller sees to the rest. */
static double
nlopt_objective(unsigned k, const double *unknown, double *gradient, void *arg)
{
	Problem    *problem = arg;
	double		value = objective(problem, unknown, gradient);

	if (INTERRUPTS_PENDING_CONDITION())
		nlopt_force_stop(problem->opt);
	return isinf(value) ? -1e100 : value;
}

/* Climb from unknown, which becomes where it ended. */
static double
climb(Problem *problem, double *unknown, double tolerance, int max_evaluations)
{
	double		value = -INFINITY;

	problem->opt = nlopt_create(NLOPT_LD_LBFGS, problem->n_unknowns);
	if (problem->opt == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	nlopt_set_max_objective(problem->opt, nlopt_objective, problem);
	nlopt_set_lower_bounds1(problem->opt, -BOUND);
	nlopt_set_upper_bounds1(problem->opt, BOUND);
	nlopt_set_ftol_rel(problem->opt, tolerance);
	nlopt_set_maxeval(problem->opt, max_evaluations);
	/* a failed line search leaves the best point it saw: whether that is good is decided by the gradient */
	nlopt_optimize(problem->opt, unknown, &value);
	nlopt_destroy(problem->opt);
	problem->opt = NULL;
	CHECK_FOR_INTERRUPTS();
	return value;
}

/*
 * Minus the Hessian of the log-likelihood of one profile by the logarithms of its parameters, by central differences of
 * the gradient.
 */
static bool
profile_information(const Problem *problem, const ClvData *part, const double *logs,
					double m[CLV_MAX_PARAMS][CLV_MAX_PARAMS])
{
	int			k = problem->model->n_params;
	double		at[CLV_MAX_PARAMS],
				above[CLV_MAX_PARAMS],
				below[CLV_MAX_PARAMS];

	memcpy(at, logs, sizeof(at));
	for (int j = 0; j < k; j++)
	{
		at[j] = logs[j] + DIFFERENCE;
		if (!isfinite(profile_likelihood(problem, part, at, above)) || !all_finite(above, k))
			return false;
		at[j] = logs[j] - DIFFERENCE;
		if (!isfinite(profile_likelihood(problem, part, at, below)) || !all_finite(below, k))
			return false;
		at[j] = logs[j];
		for (int i = 0; i < k; i++)
			m[i][j] = (below[i] - above[i]) / (2 * DIFFERENCE);
	}
	for (int i = 0; i < k; i++)
		for (int j = 0; j < i; j++)
			m[i][j] = m[j][i] = (m[i][j] + m[j][i]) / 2;
	return true;
}

/* Minus the Hessian of the objective by the unknowns. */
static bool
information(Problem *problem, const double *unknown, double m[CLV_MAX_UNKNOWNS][CLV_MAX_UNKNOWNS])
{
	int			k = problem->n_unknowns;

	problem->evaluations += 2 * problem->model->n_params;
	for (int i = 0; i < k; i++)
		memset(m[i], 0, k * sizeof(double));
	for (int next = 0; next < problem->data->n_groups;)
	{
		int			profile;
		ClvData		part = profile_data(problem->data, &next, &profile);
		Loadings	loadings;
		double		logs[CLV_MAX_PARAMS];
		double		own[CLV_MAX_PARAMS][CLV_MAX_PARAMS];

		load(problem, profile, &loadings);
		customer_logs(problem, &loadings, unknown, logs);
		if (!profile_information(problem, &part, logs, own))
			return false;
		for (int i = 0; i < k; i++)
			for (int j = 0; j <= i; j++)
				m[i][j] += loadings.factor[i] * loadings.factor[j] * own[loadings.param[i]][loadings.param[j]];
	}
	for (int i = 0; i < k; i++)
	{
		bool		is_log = i < problem->model->n_params;

		for (int j = 0; j <= i; j++)
			m[i][j] = m[j][i] = m[i][j] / problem->weight;
		m[i][i] += 2 * problem->ridge + problem->l2 * (is_log ? 4 * exp(2 * unknown[i]) : 2);
	}
	CHECK_FOR_INTERRUPTS();
	return true;
}

/*
 * Newton's method with a growing ridge where the Hessian is not negative definite or a step does not climb. The Hessian,
 * which costs two gradients per parameter of the base model, is taken anew only where the last step with it did not bring
 * the gradient down tenfold.
 */
static void
polish(Problem *problem, double *unknown, double *norm)
{
	int			k = problem->n_unknowns;
	double		gradient[CLV_MAX_UNKNOWNS];
	double		m[CLV_MAX_UNKNOWNS][CLV_MAX_UNKNOWNS];
	double		value = objective(problem, unknown, gradient);
	double		ridge = 0;
	bool		stale = true;

	*norm = isinf(value) ? INFINITY : greatest(gradient, k);
	for (int round = 0; round < NEWTON_ROUNDS && *norm > GRADIENT_BEST; round++)
	{
		double		factor[CLV_MAX_UNKNOWNS][CLV_MAX_UNKNOWNS];
		double		before = *norm;
		bool		climbed = false;
		bool		fresh = stale;

		if (isinf(value) || (stale && !information(problem, unknown, m)))
			return;
		for (int attempt = 0; attempt < 12 && !climbed; attempt++)
		{
			double		step[CLV_MAX_UNKNOWNS],
						to[CLV_MAX_UNKNOWNS],
						there[CLV_MAX_UNKNOWNS];
			double		reached,
						longest;

			memcpy(factor, m, sizeof(m));
			for (int i = 0; i < k; i++)
				factor[i][i] += ridge;
			memcpy(step, gradient, k * sizeof(double));
			if (!clv_cholesky(factor, k))
			{
				ridge = fmax(10 * ridge, 1e-8);
				continue;
			}
			clv_cholesky_solve(factor, k, step);
			longest = greatest(step, k);
			for (int i = 0; i < k; i++)
			{
				to[i] = unknown[i] + step[i] * fmin(1, 2 / longest);
				to[i] = fmin(fmax(to[i], -BOUND), BOUND);
			}
			reached = objective(problem, to, there);
			/* at the top the value is all rounding: there the gradient decides */
			if (reached > value || (reached > value - 1e-13 * (1 + fabs(value)) && greatest(there, k) < *norm))
			{
				climbed = true;
				memcpy(unknown, to, k * sizeof(double));
				memcpy(gradient, there, k * sizeof(double));
				value = reached;
				*norm = greatest(gradient, k);
				ridge = ridge > 1e-9 ? ridge / 10 : 0;
			}
			else if (!fresh)
				break;
			else
				ridge = fmax(10 * ridge, 1e-8);
		}
		if (!climbed && fresh)
			return;
		stale = !climbed || *norm > before / 10;
	}
}

/* Why purchases cannot be fitted, or NULL. */
static const char *
purchases_unfit(const ClvData *data, double weight, const char **hint)
{
	bool		repeated = false,
				observed = false;

	*hint = "Give all customers of a cohort, those without a repeat purchase included.";
	if (data->n == 0)
		return "no customers";
	if (weight <= 1)
		return "only one customer";
	for (long i = 0; i < data->n; i++)
	{
		repeated |= data->row[i].x > 0;
		observed |= data->row[i].t_x < data->row[i].t && data->row[i].x > 0;
	}
	*hint = "Wait for repeat purchases, or use a longer period.";
	if (!repeated)
		return "no customer has a repeat purchase";
	*hint = "End the period some time after the last purchases, so that customers can have stayed away.";
	if (!observed)
		return "every customer with repeat purchases bought on the last day";
	*hint = NULL;
	return NULL;
}

/* The longest time becomes 1. */
static double
longest_scale(const ClvData *data)
{
	double		longest = 0;

	for (long i = 0; i < data->n; i++)
		longest = fmax(longest, data->row[i].t);
	return longest > 0 ? 1 / longest : 1;
}

/* Logarithms of scaled parameters: typical, few and certain, many and doubtful */
static const double purchase_starts[CLV_STARTS][CLV_MAX_PARAMS] =
{{-0.7, -1.5, -0.3, 0.7}, {0.7, 0.5, 0.7, 2.0}, {-2.0, -3.0, -1.5, -1.5}};

static double
total_weight(const ClvData *data)
{
	double		sum = 0;

	for (long i = 0; i < data->n; i++)
		sum += data->row[i].weight;
	return sum;
}

/* Every so many-th customer, so that a history counts as often as it should; with groups and times of its own. */
static ClvData *
sample(const ClvData *data, double weight, bool with_times)
{
	double		step = weight / SAMPLE_ROWS;
	ClvHistory *rows = palloc((SAMPLE_ROWS + 1) * sizeof(ClvHistory));
	double		passed = 0,
				next = step / 2;
	long		n = 0;

	for (long i = 0; i < data->n && n <= SAMPLE_ROWS; i++)
	{
		double		taken;

		passed += data->row[i].weight;
		if (passed < next)
			continue;
		taken = floor((passed - next) / step) + 1;
		next += taken * step;
		rows[n] = data->row[i];
		rows[n++].weight = taken * step;
	}
	return clv_data_create(rows, n, with_times);
}

/* The best of several climbs, on a sample of the data if there is much and that will do. */
static void
try_starts(const Problem *whole, bool sampled, double *best)
{
	const double (*starts)[CLV_MAX_PARAMS] = whole->model->starts ? whole->model->starts : purchase_starts;
	Problem		problem = *whole;
	double		highest = -INFINITY;

	if (sampled && whole->data->n > SAMPLE_ROWS)
	{
		problem.data = sample(whole->data, whole->weight, whole->data->at_t != NULL);
		problem.weight = total_weight(problem.data);
	}
	for (int start = 0; start < CLV_STARTS; start++)
	{
		double		logs[CLV_MAX_PARAMS];
		double		value;

		memcpy(logs, starts[start], sizeof(logs));
		value = climb(&problem, logs, sampled ? 1e-5 : 1e-11, sampled ? 60 : 200);
		if (value > highest)
		{
			highest = value;
			memcpy(best, logs, CLV_MAX_PARAMS * sizeof(double));
		}
	}
}

/* Whether the second formula agrees on some of the histories. */
static bool
confirmed(const Problem *problem, const double *unknown)
{
	const ClvModel *model = problem->model;
	const ClvData *data = problem->data;
	long		stride = Max(data->n / CHECKED_ROWS, 1);

	for (long i = 0; i < data->n; i += stride)
	{
		ClvHistory	h = data->row[i];
		double		time[2] = {h.t_x, h.t};
		int			first = 0,
					last = h.t > h.t_x ? 1 : 0;
		ClvGroup	group = {.x = h.x,.first = 0,.last = 1,.n_times = last + 1,.time = time};
		ClvData		one = {.row = &h,.n = 1,.group = &group,.n_groups = 1,.at_t_x = &first,.at_t = &last};
		Loadings	loadings;
		double		logs[CLV_MAX_PARAMS];
		double		params[CLV_MAX_PARAMS];
		double		value,
					second;

		load(problem, h.profile, &loadings);
		customer_logs(problem, &loadings, unknown, logs);
		exponentiate(problem, logs, params);
		h.weight = 1;
		value = model->log_likelihood(params, &one, NULL);
		second = model->log_likelihood_check(params, &h);
		if (!(fabs(value - second) <= CHECK_TOLERANCE * (1 + fabs(value))))
			return false;
		CHECK_FOR_INTERRUPTS();
	}
	return true;
}

static void
give_up(ClvFit *fit, const char *status, const char *hint)
{
	fit->converged = false;
	fit->status = status;
	fit->hint = hint;
}

/* Covariance of the parameters and coefficients from the information; false if it tells too little. */
static bool
take_covariance(Problem *problem, const double *unknown, ClvFit *fit)
{
	int			n = problem->model->n_params;
	int			k = problem->n_unknowns;
	double		m[CLV_MAX_UNKNOWNS][CLV_MAX_UNKNOWNS];

	if (!information(problem, unknown, m) || !clv_cholesky(m, k))
		return false;
	for (int j = 0; j < k; j++)
	{
		double		column[CLV_MAX_UNKNOWNS] = {0};

		column[j] = 1;
		clv_cholesky_solve(m, k, column);
		if (sqrt(column[j] / problem->weight) > VAGUE)
			return false;
		/* the gradient is zero here, so the logarithms' covariance carries over by the parameters alone */
		for (int i = 0; i < k; i++)
			fit->covariance[i][j] = column[i] / problem->weight * (i < n ? fit->params[i] : 1) *
				(j < n ? fit->params[j] : 1);
	}
	for (int i = 0; i < k; i++)
	{
		for (int j = 0; j < i; j++)
			fit->covariance[i][j] = fit->covariance[j][i] = (fit->covariance[i][j] + fit->covariance[j][i]) / 2;
		fit->standard_error[i] = sqrt(fit->covariance[i][i]);
	}
	return true;
}

/* Collapse and scale the histories; false if they cannot be fitted, which is then said. */
static bool
prepare(Problem *problem, ClvHistory *rows, long n, double *scale, ClvFit *fit)
{
	const ClvModel *model = problem->model;
	ClvData    *data = clv_data_create(rows, n, false);
	const char *reason;
	const char *hint;

	memset(fit, 0, sizeof(*fit));
	fit->model = model;
	problem->n_unknowns = model->n_params;
	problem->weight = total_weight(data);
	fit->n = problem->weight;
	fit->distinct = data->n;
	reason = (model->unfit ? model->unfit : purchases_unfit) (data, problem->weight, &hint);
	if (reason)
	{
		give_up(fit, reason, hint);
		return false;
	}
	*scale = (model->scale ? model->scale : longest_scale) (data);
	for (long i = 0; i < data->n; i++)
	{
		rows[i].t_x *= *scale;
		rows[i].t *= *scale;
	}
	problem->data = clv_data_create(rows, data->n, model->indexes_times);
	return true;
}

/* From unknowns to the maximum near them, and all there is to say of it. */
static void
maximise(Problem *problem, double *unknown, double scale, ClvFit *fit)
{
	const ClvModel *model = problem->model;
	const ClvData *data = problem->data;

	climb(problem, unknown, 1e-8, 100);
	polish(problem, unknown, &fit->gradient_norm);

	exponentiate(problem, unknown, fit->params);
	for (int i = model->n_params; i < problem->n_unknowns; i++)
		fit->coefficient[i - model->n_params] = unknown[i];
	fit->converged = true;
	fit->status = "converged";
	fit->hint = NULL;
	fit->undetermined = greatest(unknown, problem->n_unknowns) > BOUND - 1 || !take_covariance(problem, unknown, fit);
	if (fit->undetermined)
		give_up(fit, "the data do not determine the parameters",
				"Use more customers or a longer period, another model, or a small l2 penalty.");
	else if (!(fit->gradient_norm < GRADIENT_GOOD))
		give_up(fit, "no maximum was reached", "Try another model, or a small l2 penalty.");
	else if (!confirmed(problem, unknown))
		give_up(fit, "a second formula gives another likelihood", "Please report the data as a bug.");
	fit->log_likelihood = log_likelihood(problem, unknown, NULL);
	/* densities of times and values scale too: one power of the unit for each purchase (or event), or each mean */
	for (long i = 0; i < data->n; i++)
		fit->log_likelihood += data->row[i].weight * (model == &clv_gamma_gamma ? 1 : problem->k * data->row[i].x) * log(scale);
	for (int i = 0; i < model->n_params; i++)
	{
		if (!model->time_power[i])
			continue;
		fit->params[i] /= scale;
		fit->standard_error[i] /= scale;
		for (int j = 0; j < problem->n_unknowns; j++)
		{
			fit->covariance[i][j] /= scale;
			fit->covariance[j][i] /= scale;
		}
	}
	fit->iterations = problem->evaluations;
}

void
clv_fit(const ClvModel *model, double k, ClvHistory *rows, long n, double l2, ClvFit *fit)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "custprio fit", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(work);
	Problem		problem = {.model = model,.k = k,.l2 = l2};
	double		logs[CLV_MAX_PARAMS] = {0};
	double		scale;

	if (prepare(&problem, rows, n, &scale, fit))
	{
		/* a sample may mislead */
		for (int whole = 0; whole <= (problem.data->n > SAMPLE_ROWS) && !fit->converged; whole++)
		{
			try_starts(&problem, !whole, logs);
			maximise(&problem, logs, scale, fit);
		}
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(work);
}

void
clv_fit_covariates(const ClvDesign *design, double *covariates, int n_profiles, ClvHistory *rows, long n, double l2,
				   ClvFit *fit)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "custprio fit", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(work);
	Problem		pooled = {.model = design->model->base,.k = 1,.l2 = l2};
	ClvHistory *all = MemoryContextAllocHuge(work, Max(n, 1) * sizeof(ClvHistory));
	double	   *weight = MemoryContextAllocHuge(work, Max(n_profiles, 1) * sizeof(double));
	int			k = pooled.model->n_params;
	double		scale;
	bool		fits;

	memset(weight, 0, n_profiles * sizeof(double));
	for (long i = 0; i < n; i++)
	{
		all[i] = rows[i];
		all[i].profile = 0;
		weight[rows[i].profile] += rows[i].weight;
	}
	fits = prepare(&pooled, all, n, &scale, fit);
	fit->design = *design;
	if (fits)
	{
		Problem		problem = pooled;
		ClvCovariateScale standard;
		const char *reason;
		const char *hint;

		MemoryContextSwitchTo(old);
		reason = clv_covariates_standardise(design, covariates, weight, n_profiles, &standard, &hint);
		MemoryContextSwitchTo(work);
		if (reason)
			give_up(fit, reason, hint);
		for (long i = 0; i < n; i++)
		{
			rows[i].t_x *= scale;
			rows[i].t *= scale;
		}
		problem.data = clv_data_create(rows, n, problem.model->indexes_times);
		problem.design = design;
		problem.covariates = covariates;
		problem.n_covariates = clv_design_covariates(design);
		problem.n_unknowns = k + clv_design_coefficients(design);
		fit->distinct = problem.data->n;
		/* a sample may mislead */
		for (int whole = 0; whole <= (pooled.data->n > SAMPLE_ROWS) && !reason && !fit->converged; whole++)
		{
			double		unknown[CLV_MAX_UNKNOWNS] = {0};

			try_starts(&pooled, !whole, unknown);
			if (problem.n_unknowns > k)
			{
				climb(&pooled, unknown, 1e-8, 100);
				for (int i = 0; i < k; i++)
					unknown[i] = fmin(fmax(unknown[i], -START_BOUND), START_BOUND);
			}
			maximise(&problem, unknown, scale, fit);
			fit->iterations += pooled.evaluations;
		}
		if (fit->converged && problem.n_unknowns > k)
		{
			reason = clv_covariates_unstandardise(&standard, fit, &hint);
			if (reason)
				give_up(fit, reason, hint);
		}
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(work);
}

void
clv_refit(const ClvModel *model, const double *from, ClvHistory *rows, long n, ClvFit *fit)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "custprio fit", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(work);
	Problem		problem = {.model = model,.k = model->erlang ? from[model->n_params] : 1};
	double		logs[CLV_MAX_PARAMS] = {0};
	double		scale;

	if (prepare(&problem, rows, n, &scale, fit))
	{
		for (int i = 0; i < model->n_params; i++)
			logs[i] = fmin(fmax(log(from[i] * (model->time_power[i] ? scale : 1)), -BOUND), BOUND);
		maximise(&problem, logs, scale, fit);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(work);
}

void
clv_fit_anyhow(const ClvModel *model, ClvHistory *rows, long n, ClvFit *fit)
{
	static const struct
	{
		double		ridge;
		const char *status;
	}			attempts[] = {
		{0, "converged"},
		{1e-6, "converged with a ridge penalty of 0.000001"},
		{1e-5, "converged with a ridge penalty of 0.00001"},
		{1e-4, "converged with a ridge penalty of 0.0001"},
		{1e-3, "converged with a ridge penalty of 0.001"},
	};
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "custprio fit", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(work);
	Problem		problem = {.model = model,.k = 1};
	double		logs[CLV_MAX_PARAMS] = {0};
	double		scale;

	if (prepare(&problem, rows, n, &scale, fit))
	{
		/* a sample may mislead */
		for (int whole = 0; whole <= (problem.data->n > SAMPLE_ROWS) && !fit->converged; whole++)
		{
			/* a little of a penalty, so that the climb does not run off to where the data say nothing */
			problem.ridge = attempts[1].ridge;
			try_starts(&problem, !whole, logs);
			for (int i = 0; i < lengthof(attempts); i++)
			{
				double		from[CLV_MAX_PARAMS];

				memcpy(from, logs, sizeof(from));
				problem.ridge = attempts[i].ridge;
				maximise(&problem, from, scale, fit);
				if (fit->converged)
					fit->status = attempts[i].status;
				if (!fit->undetermined)
					break;
			}
		}
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(work);
}
