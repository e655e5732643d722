/*
 * fit_aggregate.c: the aggregates fit_bgnbd, fit_mbgnbd, fit_pareto_nbd, fit_bgbb and fit_gamma_gamma.
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
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(custprio_fit_add);
PG_FUNCTION_INFO_V1(custprio_fit_bgbb_add);
PG_FUNCTION_INFO_V1(custprio_fit_gamma_gamma_add);
PG_FUNCTION_INFO_V1(custprio_fit_combine);
PG_FUNCTION_INFO_V1(custprio_fit_serialize);
PG_FUNCTION_INFO_V1(custprio_fit_deserialize);
PG_FUNCTION_INFO_V1(custprio_fit_bgnbd);
PG_FUNCTION_INFO_V1(custprio_fit_mbgnbd);
PG_FUNCTION_INFO_V1(custprio_fit_pareto_nbd);
PG_FUNCTION_INFO_V1(custprio_fit_bgbb);
PG_FUNCTION_INFO_V1(custprio_fit_gamma_gamma);

typedef struct FitState
{
	ClvCollapse *collapse;
	double		l2;
} FitState;

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
	FitState   *state = MemoryContextAlloc(context, sizeof(FitState));

	state->collapse = clv_collapse_create(context);
	state->l2 = -1;
	return state;
}

static FitState *
state_argument(FunctionCallInfo fcinfo)
{
	MemoryContext context = aggregate_context(fcinfo);

	return PG_ARGISNULL(0) ? state_create(context) : (FitState *) PG_GETARG_POINTER(0);
}

/* Weight in argument i and l2 after it, each of which may be absent; false: leave the row out. */
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

/* (state, x, t_x, t [, weight [, l2]]) */
Datum
custprio_fit_add(PG_FUNCTION_ARGS)
{
	return fit_add(fcinfo, clv_check_history);
}

/* (state, x, t_x, n [, weight [, l2]]) */
Datum
custprio_fit_bgbb_add(PG_FUNCTION_ARGS)
{
	return fit_add(fcinfo, clv_check_opportunities);
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
		state->l2 = Max(state->l2, other->l2);
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

static Datum
fit(FunctionCallInfo fcinfo, const ClvModel *model)
{
	FitState   *state = PG_ARGISNULL(0) ? NULL : (FitState *) PG_GETARG_POINTER(0);
	ClvFit		found;
	ClvHistory *rows;
	long		n;

	aggregate_context(fcinfo);
	if (state == NULL)
		PG_RETURN_NULL();
	/* the state stays as it is: a window may go on with it */
	rows = clv_collapse_rows(state->collapse, &n);
	clv_fit(model, rows, n, Max(state->l2, 0), &found);
	pfree(rows);
	if (!found.converged)
		ereport(WARNING,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("%s could not be fitted: %s", model->name, found.status),
				 found.hint ? errhint("%s", found.hint) : 0));
	return clv_fit_composite(&found, NULL);
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
custprio_fit_gamma_gamma(PG_FUNCTION_ARGS)
{
	return fit(fcinfo, &clv_gamma_gamma);
}
