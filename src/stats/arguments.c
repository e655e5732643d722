/* arguments.c: numbers as arguments and results of functions. */
#include "custprio.h"

#include "stats/arguments.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "stats/distribution.h"
#include "utils/builtins.h"
#include "utils/float.h"

double *
float8_matrix(ArrayType *array, const char *argument, int *rows, int *columns)
{
	double	   *matrix;

	if (ARR_NDIM(array) != 2)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("argument \"%s\" must be a matrix", argument),
				 errdetail("It has %d dimensions.", ARR_NDIM(array)),
				 errhint("Write one row after the other, as in '{{1,3},{0.3333,1}}'.")));
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("argument \"%s\" must not contain NULL", argument)));
	*rows = ARR_DIMS(array)[0];
	*columns = ARR_DIMS(array)[1];
	matrix = (double *) ARR_DATA_PTR(array);
	for (int i = 0; i < *rows * *columns; i++)
		if (!isfinite(matrix[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"%s\" must not contain NaN or infinity", argument),
					 errdetail("Row %d has %g in column %d.", i / *columns + 1, matrix[i], i % *columns + 1)));
	return matrix;
}

double *
float8_vector(ArrayType *array, const char *argument, int *n)
{
	double	   *vector = (double *) ARR_DATA_PTR(array);

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("argument \"%s\" must be a one-dimensional array", argument),
				 errdetail("It has %d dimensions.", ARR_NDIM(array))));
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("argument \"%s\" must not contain NULL", argument)));
	*n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	for (int i = 0; i < *n; i++)
		if (!isfinite(vector[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"%s\" must not contain NaN or infinity", argument),
					 errdetail("Element %d is %g.", i + 1, vector[i])));
	return vector;
}

double
finite_argument(FunctionCallInfo fcinfo, int i, const char *argument)
{
	double		value = PG_GETARG_FLOAT8(i);

	if (!isfinite(value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be finite", argument),
				 errdetail("It is %s.", float8out_internal(value)),
				 errhint("Turn such values into NULL.")));
	return value;
}

double
level_argument(FunctionCallInfo fcinfo, int i)
{
	double		level = PG_GETARG_FLOAT8(i);

	if (!(level > 0 && level < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("level must lie between 0 and 1"),
				 errdetail("It is %s.", float8out_internal(level)),
				 errhint("Give 0.95 for an interval that covers in 95 of 100 cases.")));
	return normal_width(level);
}

Datum
float8_array(const double *values, int n)
{
	Datum	   *elements = palloc(Max(n, 1) * sizeof(Datum));

	for (int i = 0; i < n; i++)
		elements[i] = Float8GetDatum(values[i]);
	return PointerGetDatum(construct_array(elements, n, FLOAT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}
