/*
 * params.c: fitted parameters as SQL composites.
 *
 * Each model has a composite type of its name: its parameters first, with the k of an Erlang model as an integer at their
 * end, then the fit's status (sql/23-clv-models.sql).
 * Values without a status are what somebody wrote by hand or took from a paper, and are used as they are; those of a
 * fit that did not converge are refused everywhere.
 */
#include "custprio.h"

#include "clv/params.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

/* Attributes after the parameters, in this order. */
enum
{
	LOG_LIKELIHOOD, CUSTOMERS, DISTINCT_ROWS, ITERATIONS, GRADIENT_NORM, CONVERGED, STATUS, STANDARD_ERRORS,
	COVARIANCE, TIME_UNIT, N_STATUS
};

static const ClvModel *const models[] = {
	&clv_bgnbd, &clv_mbgnbd, &clv_bgcnbd, &clv_mbgcnbd, &clv_pareto_nbd, &clv_bgbb, &clv_sbg,
	&clv_gamma_gamma
};

const ClvModel *
clv_model_by_name(const char *name)
{
	for (int i = 0; i < lengthof(models); i++)
		if (strcmp(models[i]->name, name) == 0)
			return models[i];
	return NULL;
}

static const ClvModel *
model_of_type(Oid type)
{
	const ClvModel *model = NULL;
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));

	if (HeapTupleIsValid(tuple))
	{
		Form_pg_type form = (Form_pg_type) GETSTRUCT(tuple);

		if (form->typnamespace == get_namespace_oid("custprio", true))
			model = clv_model_by_name(NameStr(form->typname));
		ReleaseSysCache(tuple);
	}
	if (model == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("type %s does not hold parameters of a model", format_type_be(type))));
	return model;
}

static void
check_parameter(const ClvModel *model, int i, bool isnull, double value)
{
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter %s of %s is null", model->param[i], model->name)));
	if (i == model->n_params && !(value >= 1 && value <= CLV_MAX_K))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter %s of %s must lie between 1 and %d", model->param[i], model->name, CLV_MAX_K),
				 errdetail("It is %d.", (int) value)));
	if (!isfinite(value) || value <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter %s of %s must be a number above zero", model->param[i], model->name),
				 errdetail("It is %s.", float8out_internal(value))));
}

static void
take_apart(HeapTupleHeader header, ClvParams *params)
{
	Oid			type = HeapTupleHeaderGetTypeId(header);
	TupleDesc	desc = lookup_rowtype_tupdesc(type, HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header),.t_data = header};
	Datum		values[CLV_MAX_PARAMS + N_STATUS];
	bool		nulls[CLV_MAX_PARAMS + N_STATUS];
	const ClvModel *model = model_of_type(type);
	int			n = model->n_params;
	int			k = n + (model->erlang ? 1 : 0);

	if (desc->natts != k + N_STATUS)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("type %s has another shape than this version of custprio expects", model->name),
				 errhint("Run ALTER EXTENSION custprio UPDATE.")));
	heap_deform_tuple(&tuple, desc, values, nulls);
	ReleaseTupleDesc(desc);

	params->model = model;
	if (!nulls[k + CONVERGED] && !DatumGetBool(values[k + CONVERGED]))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("parameters of %s come from a fit that did not converge", model->name),
				 nulls[k + STATUS] ? 0 : errdetail("Its status is \"%s\".", TextDatumGetCString(values[k + STATUS])),
				 errhint("Look at the fit's status, and fit to other data or another model.")));
	for (int i = 0; i < k; i++)
	{
		params->value[i] = nulls[i] ? 0 : i < n ? DatumGetFloat8(values[i]) : DatumGetInt32(values[i]);
		check_parameter(model, i, nulls[i], params->value[i]);
	}
	params->has_covariance = false;
	if (!nulls[k + COVARIANCE])
	{
		ArrayType  *array = DatumGetArrayTypeP(values[k + COVARIANCE]);

		if (ARR_NDIM(array) == 2 && ARR_DIMS(array)[0] == n && ARR_DIMS(array)[1] == n && !ARR_HASNULL(array))
		{
			for (int i = 0; i < n * n; i++)
				params->covariance[i / n][i % n] = ((float8 *) ARR_DATA_PTR(array))[i];
			params->has_covariance = true;
		}
	}
	params->time_unit[0] = '\0';
	if (!nulls[k + TIME_UNIT])
		strlcpy(params->time_unit, TextDatumGetCString(values[k + TIME_UNIT]), sizeof(params->time_unit));
}

const ClvParams *
clv_params_argument(Datum argument, ClvParams **extra, MemoryContext context)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(argument);
	Size		size = HeapTupleHeaderGetDatumLength(header);
	ClvParams  *params = *extra;

	if (params && params->size == size && memcmp(params->datum, header, size) == 0)
		return params;
	if (params == NULL)
		params = *extra = MemoryContextAllocZero(context, sizeof(ClvParams));
	params->size = 0;			/* in case of an error */
	take_apart(header, params);
	if (params->datum)
		pfree(params->datum);
	params->datum = MemoryContextAlloc(context, size);
	memcpy(params->datum, header, size);
	params->size = size;
	params->generation++;
	return params;
}

/* A fit as the columns of its model's composite type. */
static void
fit_columns(const ClvFit *fit, const char *time_unit, Datum *values, bool *nulls)
{
	const ClvModel *model = fit->model;
	int			n = model->n_params;
	int			k = n + (model->erlang ? 1 : 0);
	Datum		cell[CLV_MAX_PARAMS * CLV_MAX_PARAMS];
	int			dims[2] = {n, n};
	int			lower[2] = {1, 1};

	memset(nulls, 0, (k + N_STATUS) * sizeof(bool));
	for (int i = 0; i < n; i++)
	{
		values[i] = Float8GetDatum(fit->params[i]);
		cell[i] = Float8GetDatum(fit->standard_error[i]);
	}
	if (model->erlang)
		values[n] = Int32GetDatum((int32) fit->params[n]);
	for (int i = 0; i < k; i++)
		nulls[i] = !fit->converged;
	values[k + STANDARD_ERRORS] = PointerGetDatum(construct_array(cell, n, FLOAT8OID, 8, FLOAT8PASSBYVAL,
																  TYPALIGN_DOUBLE));
	for (int i = 0; i < n * n; i++)
		cell[i] = Float8GetDatum(fit->covariance[i / n][i % n]);
	values[k + COVARIANCE] = PointerGetDatum(construct_md_array(cell, NULL, 2, dims, lower, FLOAT8OID, 8,
																FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	values[k + LOG_LIKELIHOOD] = Float8GetDatum(fit->log_likelihood);
	values[k + CUSTOMERS] = Float8GetDatum(fit->n);
	values[k + DISTINCT_ROWS] = Int64GetDatum(fit->distinct);
	values[k + ITERATIONS] = Int32GetDatum(fit->iterations);
	values[k + GRADIENT_NORM] = Float8GetDatum(fit->gradient_norm);
	values[k + CONVERGED] = BoolGetDatum(fit->converged);
	values[k + STATUS] = CStringGetTextDatum(fit->status);
	values[k + TIME_UNIT] = time_unit ? CStringGetTextDatum(time_unit) : (Datum) 0;
	nulls[k + LOG_LIKELIHOOD] = nulls[k + GRADIENT_NORM] = nulls[k + STANDARD_ERRORS] = nulls[k + COVARIANCE] =
		!fit->converged;
	nulls[k + TIME_UNIT] = time_unit == NULL;
}

Datum
clv_fit_composite(const ClvFit *fit, const char *time_unit)
{
	Oid			type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(fit->model->name),
									   ObjectIdGetDatum(get_namespace_oid("custprio", false)));
	TupleDesc	desc = lookup_rowtype_tupdesc(type, -1);
	Datum		values[CLV_MAX_PARAMS + N_STATUS];
	bool		nulls[CLV_MAX_PARAMS + N_STATUS];
	HeapTuple	tuple;

	fit_columns(fit, time_unit, values, nulls);
	tuple = heap_form_tuple(desc, values, nulls);
	ReleaseTupleDesc(desc);
	return HeapTupleHeaderGetDatum(tuple->t_data);
}

void
clv_store_fit(const ClvFit *fit, const char *time_unit, Tuplestorestate *store, TupleDesc desc)
{
	Datum		values[CLV_MAX_PARAMS + N_STATUS];
	bool		nulls[CLV_MAX_PARAMS + N_STATUS];

	fit_columns(fit, time_unit, values, nulls);
	tuplestore_putvalues(store, desc, values, nulls);
}

void
clv_check_history(double x, double t_x, double t)
{
	if (!isfinite(x) || x < 0 || x != floor(x))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of repeat purchases x must be a whole number of zero or more"),
				 errdetail("It is %s.", float8out_internal(x)),
				 errhint("x counts purchase days after the first one.")));
	if (!isfinite(t) || t < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time t since the first purchase must be zero or more and finite"),
				 errdetail("It is %s.", float8out_internal(t))));
	if (!isfinite(t_x) || t_x < 0 || t_x > t)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time t_x from the first to the last purchase must lie between 0 and t"),
				 errdetail("It is %s, and t is %s.", float8out_internal(t_x), float8out_internal(t)),
				 errhint("t_x and t count from the customer's first purchase, in one unit.")));
	if (x == 0 && t_x > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time t_x must be 0 without repeat purchases"),
				 errdetail("It is %s, and x is 0.", float8out_internal(t_x))));
}

void
clv_check_log_intervals(double x, double t_x, double log_intervals)
{
	/* equal intervals have the greatest sum; 1e-6 for rounding */
	double		greatest = x > 0 ? x * log(t_x / x) : 0;
	double		rounding = 1e-6 * (1 + fabs(greatest));

	if (!isfinite(log_intervals) || log_intervals > greatest + rounding ||
		(x <= 1 && log_intervals < greatest - rounding))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("log_intervals is no sum of logarithms of %s times that add up to t_x", float8out_internal(x)),
				 errdetail("It is %s, and t_x is %s.", float8out_internal(log_intervals), float8out_internal(t_x)),
				 errhint("Sum ln() of the times between neighbouring purchase days, in the unit of t_x.")));
}

void
clv_check_opportunities(double x, double t_x, double n)
{
	if (!(n >= 0 && n <= CLV_MAX_OPPORTUNITIES) || n != floor(n))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of opportunities must be a whole number from 0 to %d", CLV_MAX_OPPORTUNITIES),
				 errdetail("It is %s.", float8out_internal(n)),
				 errhint("A model of discrete time counts periods, such as years, in which a customer can buy.")));
	clv_check_history(x, t_x, n);
	if (t_x != floor(t_x) || x > t_x)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("last opportunity t_x must be a whole number of at least x"),
				 errdetail("It is %s, and x is %s.", float8out_internal(t_x), float8out_internal(x))));
}
