/*
 * fit_aggregate.c: the aggregates fit_bgnbd, fit_mbgnbd, fit_bgcnbd, fit_mbgcnbd, fit_pareto_nbd, fit_bgbb,
 * fit_sbg and fit_gamma_gamma.
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
#include "clv/sbg.h"
#include "clv/value.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(custprio_fit_add);
PG_FUNCTION_INFO_V1(custprio_fit_cnbd_add);
PG_FUNCTION_INFO_V1(custprio_fit_bgbb_add);
PG_FUNCTION_INFO_V1(custprio_fit_sbg_add);
PG_FUNCTION_INFO_V1(custprio_fit_gamma_gamma_add);
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

#define UNIT_SIZE	8			/* longest name of a unit of time, and its end */
#define DECLINES	2			/* successive falls of the likelihood after which no greater k is tried */

/* Options are the same in every row; -1, or UNKNOWN: no row was seen yet. */
typedef struct FitState
{
	ClvCollapse *collapse;
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
		rows = clv_collapse_rows(other->collapse, &n);
		for (long i = 0; i < n; i++)
			clv_collapse_add(state->collapse, rows[i].x, rows[i].t_x, rows[i].t, rows[i].weight);
		pfree(rows);
	}
	PG_RETURN_POINTER(state);
}

Datum
custprio_fit_serialize(PG_FUNCTION_ARGS)
{
	FitState   *state = (FitState *) PG_GETARG_POINTER(0);
	StringInfoData buffer;
	ClvHistory *rows;
	long		n;

	aggregate_context(fcinfo);
	rows = clv_collapse_rows(state->collapse, &n);
	/* a partial state must fit into a datum */
	if (n > (MaxAllocSize - 1024) / (4 * sizeof(double)))
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
	pq_sendint64(&buffer, n);
	for (long i = 0; i < n; i++)
	{
		pq_sendfloat8(&buffer, rows[i].x);
		pq_sendfloat8(&buffer, rows[i].t_x);
		pq_sendfloat8(&buffer, rows[i].t);
		pq_sendfloat8(&buffer, rows[i].weight);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
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
	n = pq_getmsgint64(&buffer);
	if (n < 0 || n != (buffer.len - buffer.cursor) / (4 * (int64) sizeof(double)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid partial state of a fit")));
	for (int64 i = 0; i < n; i++)
	{
		double		value[4];

		for (int j = 0; j < 4; j++)
			value[j] = pq_getmsgfloat8(&buffer);
		clv_collapse_add(state->collapse, value[0], value[1], value[2], value[3]);
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
	if (!found.converged)
		ereport(WARNING,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("%s could not be fitted: %s", model->name, found.status),
				 found.hint ? errhint("%s", found.hint) : 0));
	return clv_fit_composite(&found, state->unit[0] ? state->unit : NULL);
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
