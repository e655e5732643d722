/*
 * bootstrap.c: the parametric bootstrap of fitted parameters (Efron and Tibshirani 1993).
 *
 * bootstrap() simulates cohorts of customers who have been watched as long as the real ones, by the fitted model, and
 * fits each again. The parameters found scatter about the given ones as these do about the true ones, whatever the size
 * of the cohort and however skewed their distribution; so do predictions from them. The same seed gives the same cohorts.
 */
#include "custprio.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "clv/params.h"
#include "clv/sbg.h"
#include "clv/simulate.h"
#include "common/pg_prng.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/float.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(custprio_clv_bootstrap);

#define MAX_REPLICATES	100000

/* How long customers were watched (or their purchases, for spend), and how many customers each time. */
typedef struct Cohort
{
	int			n;
	double	   *time;
	double	   *customers;		/* NULL: one each */
	long		total;
} Cohort;

static double *
float8_array(FunctionCallInfo fcinfo, int i, const char *name, int *n)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(i);

	*n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if (ARR_HASNULL(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not contain nulls", name)));
	return (double *) ARR_DATA_PTR(array);
}

static void
check_time(const ClvModel *model, double time)
{
	if (model == &clv_sbg)
		sbg_check_count(time, "element of t", 0);
	else if (model->discrete)
		clv_check_opportunities(0, 0, time);
	else if (model == &clv_gamma_gamma)
	{
		if (!isfinite(time) || time < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("number of repeat purchases x must be zero or more and finite"),
					 errdetail("It is %s.", float8out_internal(time))));
	}
	else
		clv_check_history(0, 0, time);
}

static Cohort
cohort_arguments(FunctionCallInfo fcinfo, const ClvModel *model)
{
	Cohort		cohort = {0};
	int			n;

	cohort.time = float8_array(fcinfo, 1, "t", &cohort.n);
	cohort.total = cohort.n;
	for (int i = 0; i < cohort.n; i++)
		check_time(model, cohort.time[i]);
	if (PG_ARGISNULL(2))
		return cohort;
	cohort.customers = float8_array(fcinfo, 2, "customers", &n);
	if (n != cohort.n)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("t and customers must have equally many elements"),
				 errdetail("They have %d and %d.", cohort.n, n)));
	cohort.total = 0;
	for (int i = 0; i < n; i++)
	{
		double		customers = cohort.customers[i];

		if (!(customers >= 0 && customers <= INT_MAX) || customers != floor(customers))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("customers must be whole numbers of zero or more"),
					 errdetail("One is %s.", float8out_internal(customers))));
		cohort.total += (long) customers;
	}
	return cohort;
}

/* A cohort anew; returns how many histories it has. */
static long
simulate(const ClvParams *params, const Cohort *cohort, pg_prng_state *prng, ClvHistory *rows)
{
	bool		spend = params->model == &clv_gamma_gamma;
	long		n = 0;

	for (int i = 0; i < cohort->n; i++)
	{
		double		customers = cohort->customers ? cohort->customers[i] : 1;

		/* spend of nobody's purchases */
		if (spend && cohort->time[i] == 0)
			continue;
		for (double j = 0; j < customers; j++)
		{
			ClvHistory	h = {.weight = 1};

			if (spend)
				h.x = cohort->time[i];
			else
				h.t = cohort->time[i];
			params->model->simulate(params->value, prng, &h);
			rows[n++] = h;
		}
		CHECK_FOR_INTERRUPTS();
	}
	return n;
}

/* bootstrap(params, t, customers, replicates, seed) */
Datum
custprio_clv_bootstrap(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ClvParams  *kept = NULL;
	const ClvParams *params;
	Cohort		cohort;
	pg_prng_state prng;
	int			replicates;
	MemoryContext each;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(3) || PG_ARGISNULL(4))
		return (Datum) 0;
	params = clv_params_argument(PG_GETARG_DATUM(0), &kept, CurrentMemoryContext);
	cohort = cohort_arguments(fcinfo, params->model);
	replicates = PG_GETARG_INT32(3);
	if (replicates < 1 || replicates > MAX_REPLICATES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("replicates must lie between 1 and %d", MAX_REPLICATES),
				 errdetail("It is %d.", replicates)));
	if (cohort.total > MaxAllocHugeSize / sizeof(ClvHistory))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("too many customers")));
	pg_prng_seed(&prng, (uint64) PG_GETARG_INT64(4));

	each = AllocSetContextCreate(CurrentMemoryContext, "custprio bootstrap", ALLOCSET_DEFAULT_SIZES);
	for (int i = 0; i < replicates; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(each);
		ClvHistory *rows = MemoryContextAllocHuge(each, Max(cohort.total, 1) * sizeof(ClvHistory));
		ClvFit		found;

		clv_refit(params->model, params->value, rows, simulate(params, &cohort, &prng, rows), &found);
		clv_store_fit(&found, params->time_unit[0] ? params->time_unit : NULL, result->setResult, result->setDesc);
		MemoryContextSwitchTo(old);
		MemoryContextReset(each);
	}
	return (Datum) 0;
}
