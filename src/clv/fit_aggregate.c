/*
 * fit_aggregate.c: the aggregates fit_bgnbd, fit_mbgnbd, fit_bgcnbd, fit_mbgcnbd, fit_pareto_nbd, fit_bgbb,
 * fit_sbg and fit_gamma_gamma; and of fit_bgnbd_covariates and fit_pareto_nbd_covariates.
 *
 * The state collects distinct histories (collapse.c) and is parallel safe: partial states travel as plain arrays of
 * numbers. A row with a NULL is left out; a row that no model can have is an error. Data that cannot be fitted give a
 * row without parameters, with the reason in status and a warning with a hint: in a GROUP BY the other groups' fits
 * survive, and every function of parameters refuses such a row.
 */
#include "custprio.h"

#include <math.h>

#include "clv/collapse.h"
#include "clv/params.h"
#include "clv/profiles.h"
#include "clv/sbg.h"
#include "clv/value.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "stats/arguments.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(custprio_fit_add);
PG_FUNCTION_INFO_V1(custprio_fit_cnbd_add);
PG_FUNCTION_INFO_V1(custprio_fit_bgbb_add);
PG_FUNCTION_INFO_V1(custprio_fit_sbg_add);
PG_FUNCTION_INFO_V1(custprio_fit_gamma_gamma_add);
PG_FUNCTION_INFO_V1(custprio_fit_covariates_add);
PG_FUNCTION_INFO_V1(custprio_fit_combine);
PG_FUNCTION_INFO_V1(custprio_fit_serialize);
PG_FUNCTION_INFO_V1(custprio_fit_deserialize);
PG_FUNCTION_INFO_V1(custprio_fit_bgnbd);
PG_FUNCTION_INFO_V1(custprio_fit_mbgnbd);
PG_FUNCTION_INFO_V1(custprio_fit_bgcnbd);
PG_FUNCTION_INFO_V1(custprio_fit_mbgcnbd);
PG_FUNCTION_INFO_V1(custprio_fit_pareto_nbd);
PG_FUNCTION_INFO_V1(custprio_fit_bgbb);
PG_FUNCTION_INFO_V1(custprio_fit_sbg);
PG_FUNCTION_INFO_V1(custprio_fit_gamma_gamma);
PG_FUNCTION_INFO_V1(custprio_fit_bgnbd_covariates);
PG_FUNCTION_INFO_V1(custprio_fit_pareto_nbd_covariates);

#define UNIT_SIZE	8			/* longest name of a unit of time, and its end */
#define DECLINES	2			/* successive falls of the likelihood after which no greater k is tried */

/* Options are the same in every row; -1, or UNKNOWN: no row was seen yet. */
typedef struct FitState
{
	ClvCollapse *collapse;
	ClvProfiles *profiles;		/* different covariates; NULL: none were seen yet, or there are none */
	int			n_covariates[CLV_PROCESSES];
	double		l2;
	int			k;				/* of an Erlang model; 0: that of greatest likelihood */
	char		unit[UNIT_SIZE];	/* of time, by name; empty: not said */
	double		log_intervals;	/* sum of logarithms of the times between purchases ... */
	double		rest;			/* ... and what rounding has taken from it, so that the order of rows does not show */
} FitState;

/* Add to the sum of logarithms (Neumaier's way). */
static void
add_log_intervals(FitState *state, double value)
{
	double		sum = state->log_intervals + value;

	state->rest += fabs(state->log_intervals) >= fabs(value) ? (state->log_intervals - sum) + value :
		(value - sum) + state->log_intervals;
	state->log_intervals = sum;
}

static MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	return context;
}

static FitState *
state_create(MemoryContext context)
{
	FitState   *state = MemoryContextAllocZero(context, sizeof(FitState));

	state->collapse = clv_collapse_create(context);
	state->l2 = -1;
	state->k = -1;
	return state;
}

static FitState *
state_argument(FunctionCallInfo fcinfo)
{
	MemoryContext context = aggregate_context(fcinfo);

	return PG_ARGISNULL(0) ? state_create(context) : (FitState *) PG_GETARG_POINTER(0);
}

static void
take_unit(FunctionCallInfo fcinfo, int i, FitState *state)
{
	char	   *unit = PG_ARGISNULL(i) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(i));

	if (strcmp(unit, state->unit) == 0)
		return;
	if (state->l2 >= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time_unit must be the same in every row"),
				 errdetail("It is \"%s\", and was \"%s\".", unit, state->unit)));
	clv_unit_days(unit, true);
	strlcpy(state->unit, unit, UNIT_SIZE);
}

/* Weight in argument i, l2 and time_unit after it, each of which may be absent; false: leave the row out. */
static bool
take_options(FunctionCallInfo fcinfo, int i, FitState *state, double *weight)
{
	double		l2 = 0;

	*weight = 1;
	if (PG_NARGS() > i)
	{
		if (PG_ARGISNULL(i))
			return false;
		*weight = PG_GETARG_FLOAT8(i);
		if (!isfinite(*weight) || *weight < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("weight must be zero or more and finite"),
					 errdetail("It is %s.", float8out_internal(*weight))));
	}
	if (PG_NARGS() > i + 2)
		take_unit(fcinfo, i + 2, state);
	if (PG_NARGS() > i + 1)
	{
		l2 = PG_ARGISNULL(i + 1) ? 0 : PG_GETARG_FLOAT8(i + 1);
		if (!isfinite(l2) || l2 < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("l2 must be zero or more and finite"),
					 errdetail("It is %s.", float8out_internal(l2))));
	}
	if (state->l2 >= 0 && state->l2 != l2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("l2 must be the same in every row"),
				 errdetail("It is %s, and was %s.", float8out_internal(l2), float8out_internal(state->l2))));
	state->l2 = l2;
	return *weight > 0;
}

static Datum
fit_add(FunctionCallInfo fcinfo, void (*check) (double x, double t_x, double t))
{
	FitState   *state = state_argument(fcinfo);
	double		weight;

	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2) && !PG_ARGISNULL(3) && take_options(fcinfo, 4, state, &weight))
	{
		double		x = PG_GETARG_FLOAT8(1),
					t_x = PG_GETARG_FLOAT8(2),
					t = PG_GETARG_FLOAT8(3);

		check(x, t_x, t);
		clv_collapse_add(state->collapse, x, t_x, t, weight);
	}
	PG_RETURN_POINTER(state);
}

/* (state, x, t_x, t [, weight [, l2 [, time_unit]]]) */
Datum
custprio_fit_add(PG_FUNCTION_ARGS)
{
	return fit_add(fcinfo, clv_check_history);
}

/* k in argument i, which may be absent or NULL. */
static void
take_k(FunctionCallInfo fcinfo, int i, FitState *state)
{
	int			k = PG_NARGS() > i && !PG_ARGISNULL(i) ? PG_GETARG_INT32(i) : 0;

	if (PG_NARGS() > i && !PG_ARGISNULL(i) && !(k >= 1 && k <= CLV_MAX_K))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must lie between 1 and %d", CLV_MAX_K),
				 errdetail("It is %d.", k),
				 errhint("Give NULL for the k of greatest likelihood.")));
	if (state->k >= 0 && state->k != k)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("k must be the same in every row")));
	state->k = k;
}

/* (state, x, t_x, t, log_intervals [, k [, weight [, l2 [, time_unit]]]]) */
Datum
custprio_fit_cnbd_add(PG_FUNCTION_ARGS)
{
	FitState   *state = state_argument(fcinfo);
	double		weight;

	/* a sum over no intervals is NULL in SQL */
	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2) && !PG_ARGISNULL(3) && (!PG_ARGISNULL(4) || PG_GETARG_FLOAT8(1) == 0) &&
		take_options(fcinfo, 6, state, &weight))
	{
		double		x = PG_GETARG_FLOAT8(1),
					t_x = PG_GETARG_FLOAT8(2),
					t = PG_GETARG_FLOAT8(3),
					log_intervals = PG_ARGISNULL(4) ? 0 : PG_GETARG_FLOAT8(4);

		clv_check_history(x, t_x, t);
		clv_check_log_intervals(x, t_x, log_intervals);
		take_k(fcinfo, 5, state);
		clv_collapse_add(state->collapse, x, t_x, t, weight);
		add_log_intervals(state, weight * log_intervals);
	}
	PG_RETURN_POINTER(state);
}

/* (state, x, t_x, n [, weight [, l2]]) */
Datum
custprio_fit_bgbb_add(PG_FUNCTION_ARGS)
{
	return fit_add(fcinfo, clv_check_opportunities);
}

/* (state, renewals, lost [, weight [, l2]]) */
Datum
custprio_fit_sbg_add(PG_FUNCTION_ARGS)
{
	FitState   *state = state_argument(fcinfo);
	double		weight;

	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2) && take_options(fcinfo, 3, state, &weight))
	{
		double		renewals = PG_GETARG_FLOAT8(1);

		sbg_check_count(renewals, "renewals", 0);
		clv_collapse_add(state->collapse, renewals, PG_GETARG_BOOL(2) ? 1 : 0, 0, weight);
	}
	PG_RETURN_POINTER(state);
}

/* (state, x, m [, weight [, l2]]): customers without repeat purchases say nothing about spend and are left out. */
Datum
custprio_fit_gamma_gamma_add(PG_FUNCTION_ARGS)
{
	FitState   *state = state_argument(fcinfo);
	double		weight;

	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2) && take_options(fcinfo, 3, state, &weight))
	{
		double		x = PG_GETARG_FLOAT8(1),
					m = PG_GETARG_FLOAT8(2);

		if (!isfinite(x) || x < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("number of repeat purchases x must be zero or more and finite"),
					 errdetail("It is %s.", float8out_internal(x))));
		if (x > 0 && (!isfinite(m) || m <= 0))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("mean value m of repeat purchases must be above zero and finite"),
					 errdetail("It is %s.", float8out_internal(m)),
					 errhint("Leave such customers out with FILTER (WHERE m > 0).")));
		if (x > 0)
			clv_collapse_add(state->collapse, x, m, 0, weight);
	}
	PG_RETURN_POINTER(state);
}

/* Covariates of one process in argument i. They have as many elements in every row. */
static const double *
take_covariates(FunctionCallInfo fcinfo, int i, ClvProcess process, FitState *state)
{
	char		name[32];
	const double *vector;
	int			n;

	snprintf(name, sizeof(name), "%s_covariates", clv_process_name[process]);
	if (PG_ARGISNULL(i))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be NULL", name),
				 errhint("Leave customers without it out with FILTER, or give '{}' for a process without covariates.")));
	vector = float8_vector(PG_GETARG_ARRAYTYPE_P(i), name, &n);
	if (n > CLV_MAX_COVARIATES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("argument \"%s\" must have at most %d elements", name, CLV_MAX_COVARIATES),
				 errdetail("It has %d.", n)));
	if (state->profiles && state->n_covariates[process] != n)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("argument \"%s\" must have as many elements in every row", name),
				 errdetail("It has %d, and had %d.", n, state->n_covariates[process])));
	state->n_covariates[process] = n;
	return vector;
}

/* (state, x, t_x, t, purchase_covariates, dropout_covariates [, weight [, l2 [, time_unit]]]) */
Datum
custprio_fit_covariates_add(PG_FUNCTION_ARGS)
{
	FitState   *state = state_argument(fcinfo);
	ClvHistory	h = {0};

	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2) && !PG_ARGISNULL(3) && take_options(fcinfo, 6, state, &h.weight))
	{
		const double *purchase = take_covariates(fcinfo, 4, CLV_PURCHASE, state);
		const double *dropout = take_covariates(fcinfo, 5, CLV_DROPOUT, state);
		double		both[CLV_PROCESSES * CLV_MAX_COVARIATES];
		int			n = state->n_covariates[CLV_PURCHASE];

		h.x = PG_GETARG_FLOAT8(1);
		h.t_x = PG_GETARG_FLOAT8(2);
		h.t = PG_GETARG_FLOAT8(3);
		clv_check_history(h.x, h.t_x, h.t);
		memcpy(both, purchase, n * sizeof(double));
		memcpy(both + n, dropout, state->n_covariates[CLV_DROPOUT] * sizeof(double));
		if (state->profiles == NULL)
			state->profiles = clv_profiles_create(aggregate_context(fcinfo), n + state->n_covariates[CLV_DROPOUT]);
		h.profile = clv_profiles_number(state->profiles, both);
		clv_collapse_history(state->collapse, h);
	}
	PG_RETURN_POINTER(state);
}

/* Bytes of a row, and of a vector of covariates, of a partial state. */
static int64
row_size(const FitState *state)
{
	return 4 * sizeof(double) + (state->profiles ? sizeof(int32) : 0);
}

static int64
vector_size(const FitState *state)
{
	return (state->n_covariates[CLV_PURCHASE] + state->n_covariates[CLV_DROPOUT]) * (int64) sizeof(double);
}

/* Take the other state's covariates over. */
static void
combine_profiles(FitState *state, const FitState *other, MemoryContext context)
{
	if (state->profiles == NULL)
	{
		memcpy(state->n_covariates, other->n_covariates, sizeof(state->n_covariates));
		state->profiles = clv_profiles_create(context, vector_size(other) / sizeof(double));
	}
	for (ClvProcess process = 0; process < CLV_PROCESSES; process++)
		if (state->n_covariates[process] != other->n_covariates[process])
			ereport(ERROR,
					(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
					 errmsg("argument \"%s_covariates\" must have as many elements in every row",
							clv_process_name[process])));
}

Datum
custprio_fit_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	FitState   *state = PG_ARGISNULL(0) ? NULL : (FitState *) PG_GETARG_POINTER(0);
	FitState   *other = PG_ARGISNULL(1) ? NULL : (FitState *) PG_GETARG_POINTER(1);
	ClvHistory *rows;
	long		n;

	if (other == NULL && state == NULL)
		PG_RETURN_NULL();
	if (state == NULL)
		state = state_create(context);
	if (other)
	{
		if (state->l2 >= 0 && other->l2 >= 0 && state->l2 != other->l2)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("l2 must be the same in every row")));
		if (state->k >= 0 && other->k >= 0 && state->k != other->k)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("k must be the same in every row")));
		if (state->l2 >= 0 && other->l2 >= 0 && strcmp(state->unit, other->unit) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("time_unit must be the same in every row")));
		if (other->l2 >= 0)
			strlcpy(state->unit, other->unit, UNIT_SIZE);
		state->l2 = Max(state->l2, other->l2);
		state->k = Max(state->k, other->k);
		add_log_intervals(state, other->log_intervals);
		state->rest += other->rest;
		if (other->profiles)
			combine_profiles(state, other, context);
		rows = clv_collapse_rows(other->collapse, &n);
		for (long i = 0; i < n; i++)
		{
			if (other->profiles)
				rows[i].profile = clv_profiles_number(state->profiles,
													  clv_profiles_vector(other->profiles, rows[i].profile));
			clv_collapse_history(state->collapse, rows[i]);
		}
		pfree(rows);
	}
	PG_RETURN_POINTER(state);
}

Datum
custprio_fit_serialize(PG_FUNCTION_ARGS)
{
	FitState   *state = (FitState *) PG_GETARG_POINTER(0);
	int			n_profiles = state->profiles ? clv_profiles_count(state->profiles) : 0;
	StringInfoData buffer;
	ClvHistory *rows;
	long		n;

	aggregate_context(fcinfo);
	rows = clv_collapse_rows(state->collapse, &n);
	/* a partial state must fit into a datum */
	if (n * row_size(state) + n_profiles * vector_size(state) > MaxAllocSize - 1024)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many distinct histories for a parallel fit"),
				 errhint("Set max_parallel_workers_per_gather to 0, or give times in whole days.")));
	pq_begintypsend(&buffer);
	pq_sendfloat8(&buffer, state->l2);
	pq_sendint32(&buffer, state->k);
	pq_sendbytes(&buffer, state->unit, UNIT_SIZE);
	pq_sendfloat8(&buffer, state->log_intervals);
	pq_sendfloat8(&buffer, state->rest);
	for (ClvProcess process = 0; process < CLV_PROCESSES; process++)
		pq_sendint32(&buffer, state->n_covariates[process]);
	pq_sendint32(&buffer, n_profiles);
	for (int i = 0; i < n_profiles; i++)
		for (int j = 0; j < vector_size(state) / sizeof(double); j++)
			pq_sendfloat8(&buffer, clv_profiles_vector(state->profiles, i)[j]);
	pq_sendint64(&buffer, n);
	for (long i = 0; i < n; i++)
	{
		pq_sendfloat8(&buffer, rows[i].x);
		pq_sendfloat8(&buffer, rows[i].t_x);
		pq_sendfloat8(&buffer, rows[i].t);
		pq_sendfloat8(&buffer, rows[i].weight);
		if (state->profiles)
			pq_sendint32(&buffer, rows[i].profile);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

static void
refuse_partial_state(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION), errmsg("invalid partial state of a fit")));
}

/* Covariates of a partial state; they keep their numbers. */
static void
deserialize_profiles(StringInfo buffer, FitState *state)
{
	int			n;

	for (ClvProcess process = 0; process < CLV_PROCESSES; process++)
	{
		state->n_covariates[process] = pq_getmsgint(buffer, 4);
		if (state->n_covariates[process] < 0 || state->n_covariates[process] > CLV_MAX_COVARIATES)
			refuse_partial_state();
	}
	n = pq_getmsgint(buffer, 4);
	if (n < 0 || n * vector_size(state) > buffer->len - buffer->cursor)
		refuse_partial_state();
	if (n > 0)
		state->profiles = clv_profiles_create(CurrentMemoryContext, vector_size(state) / sizeof(double));
	for (int i = 0; i < n; i++)
	{
		double		vector[CLV_PROCESSES * CLV_MAX_COVARIATES];

		for (int j = 0; j < vector_size(state) / sizeof(double); j++)
			vector[j] = pq_getmsgfloat8(buffer);
		if (clv_profiles_number(state->profiles, vector) != i)
			refuse_partial_state();
	}
}

Datum
custprio_fit_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	FitState   *state;
	StringInfoData buffer;
	int64		n;

	aggregate_context(fcinfo);
	state = state_create(CurrentMemoryContext);
	initStringInfo(&buffer);
	appendBinaryStringInfo(&buffer, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	state->l2 = pq_getmsgfloat8(&buffer);
	state->k = pq_getmsgint(&buffer, 4);
	strlcpy(state->unit, pq_getmsgbytes(&buffer, UNIT_SIZE), UNIT_SIZE);
	state->log_intervals = pq_getmsgfloat8(&buffer);
	state->rest = pq_getmsgfloat8(&buffer);
	deserialize_profiles(&buffer, state);
	n = pq_getmsgint64(&buffer);
	if (n < 0 || n != (buffer.len - buffer.cursor) / row_size(state))
		refuse_partial_state();
	for (int64 i = 0; i < n; i++)
	{
		ClvHistory	h = {0};

		h.x = pq_getmsgfloat8(&buffer);
		h.t_x = pq_getmsgfloat8(&buffer);
		h.t = pq_getmsgfloat8(&buffer);
		h.weight = pq_getmsgfloat8(&buffer);
		if (state->profiles)
		{
			h.profile = pq_getmsgint(&buffer, 4);
			if (h.profile < 0 || h.profile >= clv_profiles_count(state->profiles))
				refuse_partial_state();
		}
		clv_collapse_history(state->collapse, h);
	}
	pq_getmsgend(&buffer);
	PG_RETURN_POINTER(state);
}

/* Fit with a given k; an Erlang model's log-likelihood becomes that of all purchases, so that those of two k compare. */
static void
fit_with_k(const FitState *state, const ClvModel *model, int k, ClvFit *found)
{
	long		n;
	ClvHistory *rows = clv_collapse_rows(state->collapse, &n);
	double		purchases = 0;

	for (long i = 0; i < n; i++)
		purchases += rows[i].weight * rows[i].x;
	/* rows are spent by it; the state stays as it is: a window may go on with it */
	clv_fit(model, k, rows, n, Max(state->l2, 0), found);
	pfree(rows);
	if (model->erlang)
		found->log_likelihood += (k - 1) * (state->log_intervals + state->rest) - purchases * lgamma(k);
}

/* The fit with the k of greatest likelihood. */
static void
choose_k(const FitState *state, const ClvModel *model, ClvFit *best)
{
	int			declines = 0;

	fit_with_k(state, model, 1, best);
	for (int k = 2; k <= CLV_MAX_K && declines < DECLINES; k++)
	{
		ClvFit		found;

		fit_with_k(state, model, k, &found);
		if (found.converged && (!best->converged || found.log_likelihood > best->log_likelihood))
		{
			*best = found;
			declines = 0;
			if (k == CLV_MAX_K)
				best->status = "converged; k is the greatest that is tried";
		}
		else
			declines++;
	}
}

/* A fit as the aggregate's result; a warning where it failed. */
static Datum
fit_result(const FitState *state, const ClvFit *found)
{
	if (!found->converged)
		ereport(WARNING,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("%s could not be fitted: %s", clv_fit_type(found), found->status),
				 found->hint ? errhint("%s", found->hint) : 0));
	return clv_fit_composite(found, state->unit[0] ? state->unit : NULL);
}

static Datum
fit(FunctionCallInfo fcinfo, const ClvModel *model)
{
	FitState   *state = PG_ARGISNULL(0) ? NULL : (FitState *) PG_GETARG_POINTER(0);
	ClvFit		found;

	aggregate_context(fcinfo);
	if (state == NULL)
		PG_RETURN_NULL();
	if (model->erlang && state->k <= 0)
		choose_k(state, model, &found);
	else
		fit_with_k(state, model, model->erlang ? state->k : 1, &found);
	return fit_result(state, &found);
}

static Datum
fit_covariates(FunctionCallInfo fcinfo, const ClvCovariateModel *model)
{
	FitState   *state = PG_ARGISNULL(0) ? NULL : (FitState *) PG_GETARG_POINTER(0);
	ClvDesign	design = {.model = model};
	ClvHistory *rows;
	double	   *covariates = NULL;
	int		   *rank;
	int			n_profiles = 0;
	ClvFit		found;
	long		n;

	aggregate_context(fcinfo);
	if (state == NULL)
		PG_RETURN_NULL();
	/* copies: the state stays as it is */
	rows = clv_collapse_rows(state->collapse, &n);
	if (state->profiles)
	{
		memcpy(design.n, state->n_covariates, sizeof(design.n));
		n_profiles = clv_profiles_count(state->profiles);
		covariates = clv_profiles_sorted(state->profiles, &rank);
		for (long i = 0; i < n; i++)
			rows[i].profile = rank[rows[i].profile];
		pfree(rank);
	}
	clv_fit_covariates(&design, covariates, n_profiles, rows, n, Max(state->l2, 0), &found);
	pfree(rows);
	if (covariates)
		pfree(covariates);
	return fit_result(state, &found);
}

Datum
custprio_fit_bgnbd(PG_FUNCTION_ARGS)
{
	return fit(fcinfo, &clv_bgnbd);
}

Datum
custprio_fit_mbgnbd(PG_FUNCTION_ARGS)
{
	return fit(fcinfo, &clv_mbgnbd);
}

Datum
custprio_fit_bgcnbd(PG_FUNCTION_ARGS)
{
	return fit(fcinfo, &clv_bgcnbd);
}

Datum
custprio_fit_mbgcnbd(PG_FUNCTION_ARGS)
{
	return fit(fcinfo, &clv_mbgcnbd);
}

Datum
custprio_fit_pareto_nbd(PG_FUNCTION_ARGS)
{
	return fit(fcinfo, &clv_pareto_nbd);
}

Datum
custprio_fit_bgbb(PG_FUNCTION_ARGS)
{
	return fit(fcinfo, &clv_bgbb);
}

Datum
custprio_fit_sbg(PG_FUNCTION_ARGS)
{
	return fit(fcinfo, &clv_sbg);
}

Datum
custprio_fit_gamma_gamma(PG_FUNCTION_ARGS)
{
	return fit(fcinfo, &clv_gamma_gamma);
}

Datum
custprio_fit_bgnbd_covariates(PG_FUNCTION_ARGS)
{
	return fit_covariates(fcinfo, &clv_bgnbd_covariates);
}

Datum
custprio_fit_pareto_nbd_covariates(PG_FUNCTION_ARGS)
{
	return fit_covariates(fcinfo, &clv_pareto_nbd_covariates);
}
