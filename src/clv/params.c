/*
 * params.c: fitted parameters as SQL composites.
 *
 * Each model has a composite type of its name: its parameters first, with the k of an Erlang model as an integer at their
 * end, then the coefficients of covariates as arrays, then the fit's status (sql/23-clv-models.sql).
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
#include "stats/arguments.h"
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

static const ClvCovariateModel *const covariate_models[] = {&clv_bgnbd_covariates, &clv_pareto_nbd_covariates};

/* Attributes before the status. */
#define MAX_COLUMNS		(CLV_MAX_PARAMS + CLV_MAX_EFFECTS + N_STATUS)

const ClvModel *
clv_model_by_name(const char *name)
{
	for (int i = 0; i < lengthof(models); i++)
		if (strcmp(models[i]->name, name) == 0)
			return models[i];
	return NULL;
}

/* Take the model from the name of the type. */
static void
take_model(Oid type, ClvParams *params)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));

	params->model = NULL;
	params->design = (ClvDesign) {0};
	if (HeapTupleIsValid(tuple))
	{
		Form_pg_type form = (Form_pg_type) GETSTRUCT(tuple);

		if (form->typnamespace == get_namespace_oid("custprio", true))
		{
			params->model = clv_model_by_name(NameStr(form->typname));
			for (int i = 0; i < lengthof(covariate_models); i++)
				if (strcmp(covariate_models[i]->name, NameStr(form->typname)) == 0)
				{
					params->design.model = covariate_models[i];
					params->model = covariate_models[i]->base;
				}
		}
		ReleaseSysCache(tuple);
	}
	if (params->model == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("type %s does not hold parameters of a model", format_type_be(type))));
	params->type = params->design.model ? params->design.model->name : params->model->name;
}

static void
check_parameter(const ClvParams *params, int i, bool isnull)
{
	const ClvModel *model = params->model;
	double		value = params->value[i];

	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter %s of %s is null", model->param[i], params->type)));
	if (i == model->n_params && !(value >= 1 && value <= CLV_MAX_K))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter %s of %s must lie between 1 and %d", model->param[i], params->type, CLV_MAX_K),
				 errdetail("It is %d.", (int) value)));
	if (!isfinite(value) || value <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter %s of %s must be a number above zero", model->param[i], params->type),
				 errdetail("It is %s.", float8out_internal(value))));
}

/* Coefficients in one column each; all effects of a process have as many. */
static void
take_coefficients(const Datum *values, const bool *nulls, ClvParams *params)
{
	const ClvCovariateModel *model = params->design.model;
	bool		seen[CLV_PROCESSES] = {false};
	int			total = 0;

	for (int e = 0; model && e < model->n_effects; e++)
	{
		const ClvEffect *effect = &model->effect[e];
		const double *vector;
		int			n;

		if (nulls[e])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s of %s are null", effect->coefficients, params->type)));
		vector = float8_vector(DatumGetArrayTypeP(values[e]), effect->coefficients, &n);
		if (n > CLV_MAX_COVARIATES || (seen[effect->process] && params->design.n[effect->process] != n))
			ereport(ERROR,
					(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
					 n > CLV_MAX_COVARIATES ?
					 errmsg("%s of %s must be at most %d", effect->coefficients, params->type, CLV_MAX_COVARIATES) :
					 errmsg("%s of %s must be as many as the other coefficients of %s", effect->coefficients,
							params->type, clv_process_name[effect->process]),
					 errdetail("They are %d.", n)));
		params->design.n[effect->process] = n;
		seen[effect->process] = true;
		memcpy(params->coefficient + total, vector, n * sizeof(double));
		total += n;
	}
}

static void
take_apart(HeapTupleHeader header, ClvParams *params)
{
	Oid			type = HeapTupleHeaderGetTypeId(header);
	TupleDesc	desc = lookup_rowtype_tupdesc(type, HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header),.t_data = header};
	Datum		values[MAX_COLUMNS];
	bool		nulls[MAX_COLUMNS];
	const ClvModel *model;
	int			n,
				k,
				at;				/* of the status */

	take_model(type, params);
	model = params->model;
	n = model->n_params;
	k = n + (model->erlang ? 1 : 0);
	at = k + (params->design.model ? params->design.model->n_effects : 0);
	if (desc->natts != at + N_STATUS)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("type %s has another shape than this version of custprio expects", params->type),
				 errhint("Run ALTER EXTENSION custprio UPDATE.")));
	heap_deform_tuple(&tuple, desc, values, nulls);
	ReleaseTupleDesc(desc);

	if (!nulls[at + CONVERGED] && !DatumGetBool(values[at + CONVERGED]))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("parameters of %s come from a fit that did not converge", params->type),
				 nulls[at + STATUS] ? 0 : errdetail("Its status is \"%s\".", TextDatumGetCString(values[at + STATUS])),
				 errhint("Look at the fit's status, and fit to other data or another model.")));
	for (int i = 0; i < k; i++)
	{
		params->value[i] = nulls[i] ? 0 : i < n ? DatumGetFloat8(values[i]) : DatumGetInt32(values[i]);
		check_parameter(params, i, nulls[i]);
	}
	take_coefficients(values + k, nulls + k, params);
	params->has_covariance = false;
	if (!nulls[at + COVARIANCE])
	{
		ArrayType  *array = DatumGetArrayTypeP(values[at + COVARIANCE]);

		if (params->design.model)
			n += clv_design_coefficients(&params->design);
		if (ARR_NDIM(array) == 2 && ARR_DIMS(array)[0] == n && ARR_DIMS(array)[1] == n && !ARR_HASNULL(array))
		{
			for (int i = 0; i < n * n; i++)
				params->covariance[i / n][i % n] = ((float8 *) ARR_DATA_PTR(array))[i];
			params->has_covariance = true;
		}
	}
	params->time_unit[0] = '\0';
	if (!nulls[at + TIME_UNIT])
		strlcpy(params->time_unit, TextDatumGetCString(values[at + TIME_UNIT]), sizeof(params->time_unit));
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

/* Covariates of a process in an argument. */
static void
covariates_argument(FunctionCallInfo fcinfo, int i, const ClvParams *params, ClvProcess process, double *covariates)
{
	char		name[32];
	const double *vector;
	int			n;

	snprintf(name, sizeof(name), "%s_covariates", clv_process_name[process]);
	vector = float8_vector(PG_GETARG_ARRAYTYPE_P(i), name, &n);
	if (n != params->design.n[process])
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("argument \"%s\" must have as many elements as %s has coefficients for it", name, params->type),
				 errdetail("It has %d elements, and there are %d coefficients.", n, params->design.n[process])));
	memcpy(covariates, vector, n * sizeof(double));
}

/*
 * The parameters at covariates. Their logarithms are linear in the logarithms of those at 0 and in the coefficients, and so
 * is the covariance of logarithms.
 */
static void
shift_params(const ClvParams *given, const double *covariates, bool with_covariance, ClvParams *own)
{
	int			n = given->model->n_params;
	int			k = n + clv_design_coefficients(&given->design);
	int			param[CLV_MAX_UNKNOWNS];
	double		factor[CLV_MAX_UNKNOWNS];
	double		shift[CLV_MAX_PARAMS] = {0};

	for (int i = 0; i < n; i++)
	{
		param[i] = i;
		factor[i] = 1;
	}
	clv_design_loadings(&given->design, covariates, param + n, factor + n);
	for (int i = n; i < k; i++)
		shift[param[i]] += factor[i] * given->coefficient[i - n];
	for (int i = 0; i < n; i++)
	{
		own->value[i] = given->value[i] * exp(shift[i]);
		if (!isfinite(own->value[i]) || own->value[i] <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("parameter %s of %s is out of range at these covariates", given->model->param[i],
							given->type),
					 errdetail("It is %s times exp(%s).", float8out_internal(given->value[i]),
							   float8out_internal(shift[i])),
					 errhint("Are the covariates in the units that the fit was made with?")));
	}
	own->has_covariance = with_covariance && given->has_covariance;
	if (!own->has_covariance)
		return;
	memset(own->covariance, 0, sizeof(own->covariance));
	/* from parameters to logarithms, and from those at covariates to parameters */
	for (int i = 0; i < k; i++)
		factor[i] *= own->value[param[i]] / (i < n ? given->value[i] : 1);
	for (int i = 0; i < k; i++)
		for (int j = 0; j < k; j++)
			own->covariance[param[i]][param[j]] += factor[i] * factor[j] * given->covariance[i][j];
}

const ClvParams *
clv_customer_params(FunctionCallInfo fcinfo, ClvCustomerParams *customer, int *next)
{
	MemoryContext context = fcinfo->flinfo->fn_mcxt;
	const ClvParams *given = clv_params_argument(PG_GETARG_DATUM(0), &customer->given, context);
	double		covariates[CLV_PROCESSES * CLV_MAX_COVARIATES];
	Size		size;
	ClvParams  *own;

	*next = 1;
	if (given->design.model == NULL)
		return given;
	*next = 3;
	covariates_argument(fcinfo, 1, given, CLV_PURCHASE, covariates);
	covariates_argument(fcinfo, 2, given, CLV_DROPOUT, covariates + given->design.n[CLV_PURCHASE]);
	size = clv_design_covariates(&given->design) * sizeof(double);
	own = customer->own;
	if (own && customer->generation == given->generation && memcmp(covariates, customer->covariates, size) == 0)
		return own;
	if (own == NULL)
		own = customer->own = MemoryContextAllocZero(context, sizeof(ClvParams));
	customer->generation = 0;	/* in case of an error */
	own->model = given->model;
	own->type = given->type;
	strlcpy(own->time_unit, given->time_unit, sizeof(own->time_unit));
	shift_params(given, covariates, customer->with_covariance, own);
	own->generation++;
	memcpy(customer->covariates, covariates, size);
	customer->generation = given->generation;
	return own;
}

const char *
clv_fit_type(const ClvFit *fit)
{
	return fit->design.model ? fit->design.model->name : fit->model->name;
}

static Datum
matrix_datum(const ClvFit *fit, int n)
{
	Datum	   *cell = palloc(n * n * sizeof(Datum));
	int			dims[2] = {n, n};
	int			lower[2] = {1, 1};

	for (int i = 0; i < n * n; i++)
		cell[i] = Float8GetDatum(fit->covariance[i / n][i % n]);
	return PointerGetDatum(construct_md_array(cell, NULL, 2, dims, lower, FLOAT8OID, 8, FLOAT8PASSBYVAL,
											  TYPALIGN_DOUBLE));
}

/* A fit as the columns of its model's composite type. */
static void
fit_columns(const ClvFit *fit, const char *time_unit, Datum *values, bool *nulls)
{
	const ClvModel *model = fit->model;
	int			k = model->n_params + (model->erlang ? 1 : 0);
	int			n = model->n_params;

	memset(nulls, 0, MAX_COLUMNS * sizeof(bool));
	for (int i = 0; i < n; i++)
		values[i] = Float8GetDatum(fit->params[i]);
	if (model->erlang)
		values[n] = Int32GetDatum((int32) fit->params[n]);
	for (int e = 0; fit->design.model && e < fit->design.model->n_effects; e++)
	{
		int			many = fit->design.n[fit->design.model->effect[e].process];

		values[k++] = float8_array(fit->coefficient + n - model->n_params, many);
		n += many;
	}
	for (int i = 0; i < k; i++)
		nulls[i] = !fit->converged;
	values[k + STANDARD_ERRORS] = float8_array(fit->standard_error, n);
	values[k + COVARIANCE] = matrix_datum(fit, n);
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
	Oid			type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(clv_fit_type(fit)),
									   ObjectIdGetDatum(get_namespace_oid("custprio", false)));
	TupleDesc	desc = lookup_rowtype_tupdesc(type, -1);
	Datum		values[MAX_COLUMNS];
	bool		nulls[MAX_COLUMNS];
	HeapTuple	tuple;

	fit_columns(fit, time_unit, values, nulls);
	tuple = heap_form_tuple(desc, values, nulls);
	ReleaseTupleDesc(desc);
	return HeapTupleHeaderGetDatum(tuple->t_data);
}

void
clv_store_fit(const ClvFit *fit, const char *time_unit, Tuplestorestate *store, TupleDesc desc)
{
	Datum		values[MAX_COLUMNS];
	bool		nulls[MAX_COLUMNS];

	fit_columns(fit, time_unit, values, nulls);
	tuplestore_putvalues(store, desc, values, nulls);
}

/* Raises what is wrong, if anything is. */
void
clv_refuse_history(double x, double t_x, double t)
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
