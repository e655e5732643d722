/* model.c: fitted models as SQL composites. */
#include "custprio.h"

#include "stats/model.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

void *
model_argument(FunctionCallInfo fcinfo, int i, void *(*make) (HeapTupleHeader model))
{
	HeapTupleHeader header = PG_GETARG_HEAPTUPLEHEADER(i);
	Size		size = HeapTupleHeaderGetDatumLength(header);
	ModelCache *cache = fcinfo->flinfo->fn_extra;
	MemoryContext old;

	if (cache && cache->size == size && memcmp(cache->datum, header, size) == 0)
		return cache->made;
	if (cache == NULL)
	{
		cache = fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(ModelCache));
		cache->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "custprio model", ALLOCSET_SMALL_SIZES);
	}
	cache->size = 0;			/* in case of an error */
	MemoryContextReset(cache->context);
	old = MemoryContextSwitchTo(cache->context);
	cache->made = make(header);
	cache->datum = palloc(size);
	memcpy(cache->datum, header, size);
	MemoryContextSwitchTo(old);
	cache->size = size;
	return cache->made;
}

double *
model_numbers(HeapTupleHeader model, const char *attribute, int *n)
{
	bool		isnull;
	Datum		datum = GetAttributeByName(model, attribute, &isnull);
	ArrayType  *array;
	int			found;
	double	   *numbers;

	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("attribute \"%s\" of the model is null", attribute),
				 errhint("Use a model as its fit returned it.")));
	array = DatumGetArrayTypeP(datum);
	found = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	numbers = (double *) ARR_DATA_PTR(array);
	for (int i = 0; i < found; i++)
		if (ARR_HASNULL(array) || !isfinite(numbers[i]))
			found = -1;
	if (found < 1 || (*n >= 0 && found != *n))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("attribute \"%s\" of the model does not fit its other attributes", attribute),
				 errhint("Use a model as its fit returned it.")));
	*n = found;
	return numbers;
}

void
model_check_converged(HeapTupleHeader model, const char *name)
{
	bool		isnull;
	bool		converged = DatumGetBool(GetAttributeByName(model, "converged", &isnull));
	Datum		status;

	if (isnull || converged)
		return;
	status = GetAttributeByName(model, "status", &isnull);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("%s comes from a fit that did not converge", name),
			 isnull ? 0 : errdetail("Its status is \"%s\".", TextDatumGetCString(status)),
			 errhint("Look at the fit's status, and fit to other data or with other predictors.")));
}
