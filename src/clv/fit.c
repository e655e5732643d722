/*
 * fit.c: maximum likelihood for every ClvModel.
 *
 * The logarithms of the parameters are searched, with time scaled so that the longest is 1, within bounds that no
 * sensible fit comes near. NLopt's low-storage BFGS climbs from several starts, on a sample where there is much data; the
 * best goes on with everything; Newton's method, with a Hessian from differences of the analytic gradient, polishes to
 * the last digits. The same Hessian gives the covariance and tells whether the data determine the parameters at all. In
 * the end some histories' likelihoods are computed by a second formula: an optimum of a wrong likelihood is no optimum.
 */
#include "custprio.h"

#include "clv/fit.h"

#include <math.h>
#include <nlopt.h>

#include "clv/collapse.h"
#include "clv/special.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#define BOUND			16.0	/* of the logarithm of a scaled parameter, either side */
#define SAMPLE_ROWS		500		/* of more different histories, starts are tried on so many customers */
#define DIFFERENCE		1e-4	/* step of the differences that make the Hessian, in logarithms */
#define NEWTON_ROUNDS	25
#define GRADIENT_GOOD	1e-7	/* converged if no derivative of the mean is greater ... */
#define GRADIENT_BEST	1e-12	/* ... and nothing is gained below this */
#define VAGUE			10.0	/* standard error of a logarithm from which on the data say nothing of a parameter */
#define CHECKED_ROWS	8		/* histories computed by the second formula */
#define CHECK_TOLERANCE	1e-8

typedef struct Problem
{
	const ClvModel *model;
	double		k;				/* of an Erlang model */
	const ClvData *data;
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

/* The penalised mean log-likelihood at the logarithms of parameters, and its derivatives. -INFINITY where not finite. */
static double
objective(Problem *problem, const double *logs, double *gradient)
{
	int			k = problem->model->n_params;
	double		params[CLV_MAX_PARAMS] = {0};
	double		derivative[CLV_MAX_PARAMS];
	double		value;

	for (int i = 0; i < k; i++)
		params[i] = exp(logs[i]);
	if (problem->model->erlang)
		params[k] = problem->k;
	problem->evaluations++;
	value = problem->model->log_likelihood(params, problem->data, gradient ? derivative : NULL) / problem->weight;
	for (int i = 0; i < k; i++)
	{
		value -= problem->l2 * params[i] * params[i] + problem->ridge * logs[i] * logs[i];
		if (gradient)
			gradient[i] = params[i] * (derivative[i] / problem->weight - 2 * problem->l2 * params[i]) -
				2 * problem->ridge * logs[i];
	}
	if (!isfinite(value) || (gradient && !all_finite(gradient, k)))
	{
		for (int i = 0; gradient && i < k; i++)
			gradient[i] = 0;
		return -INFINITY;
	}
	return value;
}

/* For NLopt. An interrupt must not jump out of its frames: it is told to stop, and the caller sees to the rest. */
static double
nlopt_objective(unsigned k, const double *logs, double *gradient, void *arg)
{
	Problem    *problem = arg;
	double		value = objective(problem, logs, gradient);

	if (INTERRUPTS_PENDING_CONDITION())
		nlopt_force_stop(problem->opt);
	return isinf(value) ? -1e100 : value;
}

/* Climb from logs, which becomes where it ended. */
static double
climb(Problem *problem, double *logs, double tolerance, int max_evaluations)
{
	double		value = -INFINITY;

	problem->opt = nlopt_create(NLOPT_LD_LBFGS, problem->model->n_params);
	if (problem->opt == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	nlopt_set_max_objective(problem->opt, nlopt_objective, problem);
	nlopt_set_lower_bounds1(problem->opt, -BOUND);
	nlopt_set_upper_bounds1(problem->opt, BOUND);
	nlopt_set_ftol_rel(problem->opt, tolerance);
	nlopt_set_maxeval(problem->opt, max_evaluations);
	/* a failed line search leaves the best point it saw: whether that is good is decided by the gradient */
	nlopt_optimize(problem->opt, logs, &value);
	nlopt_destroy(problem->opt);
	problem->opt = NULL;
	CHECK_FOR_INTERRUPTS();
	return value;
}

/* Cholesky factor of a k x k matrix in place (lower triangle); false if it is not positive definite. */
static bool
cholesky(double m[CLV_MAX_PARAMS][CLV_MAX_PARAMS], int k)
{
	for (int i = 0; i < k; i++)
	{
		for (int j = 0; j <= i; j++)
		{
			double		sum = m[i][j];

			for (int l = 0; l < j; l++)
				sum -= m[i][l] * m[j][l];
			if (i > j)
				m[i][j] = sum / m[j][j];
			else if (sum > 1e-14 * fabs(m[i][i]) && sum > 0)
				m[i][i] = sqrt(sum);
			else
				return false;
		}
	}
	return true;
}

/* Solve with a Cholesky factor. */
static void
cholesky_solve(double m[CLV_MAX_PARAMS][CLV_MAX_PARAMS], int k, double *b)
{
	for (int i = 0; i < k; i++)
	{
		for (int j = 0; j < i; j++)
			b[i] -= m[i][j] * b[j];
		b[i] /= m[i][i];
	}
	for (int i = k - 1; i >= 0; i--)
	{
		for (int j = i + 1; j < k; j++)
			b[i] -= m[j][i] * b[j];
		b[i] /= m[i][i];
	}
}

/* Minus the Hessian of the objective by the logarithms, by central differences of the gradient. */
static bool
information(Problem *problem, const double *logs, double m[CLV_MAX_PARAMS][CLV_MAX_PARAMS])
{
	int			k = problem->model->n_params;
	double		at[CLV_MAX_PARAMS],
				above[CLV_MAX_PARAMS],
				below[CLV_MAX_PARAMS];

	memcpy(at, logs, k * sizeof(double));
	for (int j = 0; j < k; j++)
	{
		at[j] = logs[j] + DIFFERENCE;
		if (isinf(objective(problem, at, above)))
			return false;
		at[j] = logs[j] - DIFFERENCE;
		if (isinf(objective(problem, at, below)))
			return false;
		at[j] = logs[j];
		for (int i = 0; i < k; i++)
			m[i][j] = (below[i] - above[i]) / (2 * DIFFERENCE);
	}
	for (int i = 0; i < k; i++)
		for (int j = 0; j < i; j++)
			m[i][j] = m[j][i] = (m[i][j] + m[j][i]) / 2;
	CHECK_FOR_INTERRUPTS();
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

/*
 * Newton's method with a growing ridge where the Hessian is not negative definite or a step does not climb. The Hessian,
 * which costs eight gradients, is taken anew only where the last step with it did not bring the gradient down tenfold.
 */
static void
polish(Problem *problem, double *logs, double *norm)
{
	int			k = problem->model->n_params;
	double		gradient[CLV_MAX_PARAMS];
	double		m[CLV_MAX_PARAMS][CLV_MAX_PARAMS];
	double		value = objective(problem, logs, gradient);
	double		ridge = 0;
	bool		stale = true;

	*norm = isinf(value) ? INFINITY : greatest(gradient, k);
	for (int round = 0; round < NEWTON_ROUNDS && *norm > GRADIENT_BEST; round++)
	{
		double		factor[CLV_MAX_PARAMS][CLV_MAX_PARAMS];
		double		before = *norm;
		bool		climbed = false;
		bool		fresh = stale;

		if (isinf(value) || (stale && !information(problem, logs, m)))
			return;
		for (int attempt = 0; attempt < 12 && !climbed; attempt++)
		{
			double		step[CLV_MAX_PARAMS],
						to[CLV_MAX_PARAMS],
						there[CLV_MAX_PARAMS];
			double		reached,
						longest;

			memcpy(factor, m, sizeof(m));
			for (int i = 0; i < k; i++)
				factor[i][i] += ridge;
			memcpy(step, gradient, sizeof(step));
			if (!cholesky(factor, k))
			{
				ridge = fmax(10 * ridge, 1e-8);
				continue;
			}
			cholesky_solve(factor, k, step);
			longest = greatest(step, k);
			for (int i = 0; i < k; i++)
			{
				to[i] = logs[i] + step[i] * fmin(1, 2 / longest);
				to[i] = fmin(fmax(to[i], -BOUND), BOUND);
			}
			reached = objective(problem, to, there);
			/* at the top the value is all rounding: there the gradient decides */
			if (reached > value || (reached > value - 1e-13 * (1 + fabs(value)) && greatest(there, k) < *norm))
			{
				climbed = true;
				memcpy(logs, to, sizeof(to));
				memcpy(gradient, there, sizeof(there));
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
confirmed(const ClvModel *model, const double *params, const ClvData *data)
{
	long		stride = Max(data->n / CHECKED_ROWS, 1);

	for (long i = 0; i < data->n; i += stride)
	{
		ClvHistory	h = data->row[i];
		double		time[2] = {h.t_x, h.t};
		int			first = 0,
					last = h.t > h.t_x ? 1 : 0;
		ClvGroup	group = {.x = h.x,.first = 0,.last = 1,.n_times = last + 1,.time = time};
		ClvData		one = {.row = &h,.n = 1,.group = &group,.n_groups = 1,.at_t_x = &first,.at_t = &last};
		double		value,
					second;

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

/* Covariance of the parameters from the information; false if it tells too little. */
static bool
take_covariance(Problem *problem, const double *logs, ClvFit *fit)
{
	int			k = problem->model->n_params;
	double		m[CLV_MAX_PARAMS][CLV_MAX_PARAMS];

	if (!information(problem, logs, m) || !cholesky(m, k))
		return false;
	for (int j = 0; j < k; j++)
	{
		double		column[CLV_MAX_PARAMS] = {0};

		column[j] = 1;
		cholesky_solve(m, k, column);
		if (sqrt(column[j] / problem->weight) > VAGUE)
			return false;
		/* the gradient is zero here, so the logarithms' covariance carries over by the parameters alone */
		for (int i = 0; i < k; i++)
			fit->covariance[i][j] = column[i] / problem->weight * fit->params[i] * fit->params[j];
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

/* From the logarithms to the maximum near them, and all there is to say of it. */
static void
maximise(Problem *problem, double *logs, double scale, ClvFit *fit)
{
	const ClvModel *model = problem->model;
	const ClvData *data = problem->data;

	climb(problem, logs, 1e-8, 100);
	polish(problem, logs, &fit->gradient_norm);

	for (int i = 0; i < model->n_params; i++)
		fit->params[i] = exp(logs[i]);
	if (model->erlang)
		fit->params[model->n_params] = problem->k;
	fit->converged = true;
	fit->status = "converged";
	fit->hint = NULL;
	fit->undetermined = greatest(logs, model->n_params) > BOUND - 1 || !take_covariance(problem, logs, fit);
	if (fit->undetermined)
		give_up(fit, "the data do not determine the parameters",
				"Use more customers or a longer period, another model, or a small l2 penalty.");
	else if (!(fit->gradient_norm < GRADIENT_GOOD))
		give_up(fit, "no maximum was reached", "Try another model, or a small l2 penalty.");
	else if (!confirmed(model, fit->params, data))
		give_up(fit, "a second formula gives another likelihood", "Please report the data as a bug.");
	fit->log_likelihood = model->log_likelihood(fit->params, data, NULL);
	/* densities of times and values scale too: one power of the unit for each purchase (or event), or each mean */
	for (long i = 0; i < data->n; i++)
		fit->log_likelihood += data->row[i].weight * (model == &clv_gamma_gamma ? 1 : problem->k * data->row[i].x) * log(scale);
	for (int i = 0; i < model->n_params; i++)
	{
		double		by_i = model->time_power[i] ? 1 / scale : 1;

		fit->params[i] *= by_i;
		fit->standard_error[i] *= by_i;
		for (int j = 0; j < model->n_params; j++)
			fit->covariance[i][j] *= by_i * (model->time_power[j] ? 1 / scale : 1);
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
