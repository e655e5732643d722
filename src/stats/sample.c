/*
 * sample.c: rows of numbers that an aggregate collects to fit something to them at its end.
 *
 * One state serves all aggregates that need their rows more than once. It is parallel safe: partial states are
 * appended to each other, and sorted before they are used, so that results are equal to the last bit whatever the plan.
 */
#include "custprio.h"

#include "stats/sample.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(custprio_sample_combine);
PG_FUNCTION_INFO_V1(custprio_sample_serialize);
PG_FUNCTION_INFO_V1(custprio_sample_deserialize);

static MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	return context;
}

Sample *
sample_create(MemoryContext context)
{
	Sample	   *sample = MemoryContextAllocZero(context, sizeof(Sample));

	sample->context = context;
	return sample;
}

Sample *
sample_state(FunctionCallInfo fcinfo)
{
	MemoryContext context = aggregate_context(fcinfo);

	return PG_ARGISNULL(0) ? sample_create(context) : (Sample *) PG_GETARG_POINTER(0);
}

Sample *
sample_final_state(FunctionCallInfo fcinfo)
{
	aggregate_context(fcinfo);
	return PG_ARGISNULL(0) ? NULL : (Sample *) PG_GETARG_POINTER(0);
}

void
sample_option(Sample *sample, int i, const char *argument, int64 value)
{
	if (sample->has_option[i] && sample->option[i] != value)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be the same in all rows", argument),
				 errdetail("It is " INT64_FORMAT ", and was " INT64_FORMAT ".", value, sample->option[i])));
	sample->has_option[i] = true;
	sample->option[i] = value;
}

static void
make_room(Sample *sample, int64 rows)
{
	Size		row = sample->width * sizeof(double);
	int64		room = Max(sample->room * 2, 64);

	if (rows <= sample->room)
		return;
	room = Max(room, rows);
	if (room > MaxAllocHugeSize / row)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("too many rows")));
	if (sample->value == NULL)
		sample->value = MemoryContextAllocHuge(sample->context, room * row);
	else
		sample->value = repalloc_huge(sample->value, room * row);
	sample->room = room;
}

double *
sample_add(Sample *sample, int width, const char *what, int others)
{
	if (sample->width == 0)
		sample->width = width;
	if (sample->width != width)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("argument \"%s\" must have the same length in all rows", what),
				 errdetail("It has %d elements, and had %d.", width - others, sample->width - others)));
	make_room(sample, sample->n + 1);
	return sample->value + sample->n++ * width;
}

static int
compare_rows(const void *left, const void *right, void *width)
{
	const double *a = left;
	const double *b = right;

	for (int i = 0; i < *(int *) width; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

void
sample_sort(Sample *sample)
{
	/* -0 equals 0 but is not the same */
	for (int64 i = 0; i < sample->n * sample->width; i++)
		sample->value[i] += 0.0;
	if (sample->n > 1)
		qsort_arg(sample->value, sample->n, sample->width * sizeof(double), compare_rows, &sample->width);
}

bool
sample_features(ArrayType *array, const char *argument, const double **values, int *n)
{
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("argument \"%s\" must be a one-dimensional array", argument),
				 errdetail("It has %d dimensions.", ARR_NDIM(array))));
	*n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if (*n < 1 || *n > SAMPLE_MAX_WIDTH - 2)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("argument \"%s\" must have 1 to %d elements", argument, SAMPLE_MAX_WIDTH - 2),
				 errdetail("It has %d.", *n)));
	if (array_contains_nulls(array))
		return false;
	*values = (const double *) ARR_DATA_PTR(array);
	for (int i = 0; i < *n; i++)
		if (!isfinite((*values)[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"%s\" must not contain NaN or infinity", argument),
					 errdetail("Element %d is %g.", i + 1, (*values)[i]),
					 errhint("Turn such values into NULL, and the row is left out.")));
	return true;
}

/*
 * Partial states
 */

static void
append(Sample *sample, const Sample *other)
{
	if (other->n == 0)
		return;
	if (sample->width == 0)
		sample->width = other->width;
	if (sample->width != other->width)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("arrays must have the same length in all rows"),
				 errdetail("Their lengths differ by %d.", abs(sample->width - other->width))));
	make_room(sample, sample->n + other->n);
	memcpy(sample->value + sample->n * sample->width, other->value, other->n * other->width * sizeof(double));
	sample->n += other->n;
}

Datum
custprio_sample_combine(PG_FUNCTION_ARGS)
{
	Sample	   *other;
	Sample	   *sample;

	aggregate_context(fcinfo);
	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	other = (Sample *) PG_GETARG_POINTER(1);
	sample = sample_state(fcinfo);
	for (int i = 0; i < SAMPLE_OPTIONS; i++)
		if (other->has_option[i])
		{
			if (sample->has_option[i] && sample->option[i] != other->option[i])
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("options of the fit must be the same in all rows"),
						 errdetail("There are both " INT64_FORMAT " and " INT64_FORMAT ".",
								   sample->option[i], other->option[i])));
			sample->has_option[i] = true;
			sample->option[i] = other->option[i];
		}
	append(sample, other);
	PG_RETURN_POINTER(sample);
}

Datum
custprio_sample_serialize(PG_FUNCTION_ARGS)
{
	Sample	   *sample = sample_final_state(fcinfo);
	StringInfoData buffer;
	Size		size = sample->n * sample->width * sizeof(double);

	/* a partial state must fit into a datum */
	if (size > MaxAllocSize - 1024)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many rows for a parallel fit"),
				 errhint("Set max_parallel_workers_per_gather to 0.")));
	pq_begintypsend(&buffer);
	for (int i = 0; i < SAMPLE_OPTIONS; i++)
	{
		pq_sendbyte(&buffer, sample->has_option[i]);
		pq_sendint64(&buffer, sample->option[i]);
	}
	pq_sendint32(&buffer, sample->width);
	pq_sendint64(&buffer, sample->n);
	/* to another process of this server: as it stands in memory */
	if (size > 0)
		appendBinaryStringInfo(&buffer, (char *) sample->value, size);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

Datum
custprio_sample_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	Sample	   *sample;
	StringInfoData buffer;

	aggregate_context(fcinfo);
	sample = sample_create(CurrentMemoryContext);
	initStringInfo(&buffer);
	appendBinaryStringInfo(&buffer, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	for (int i = 0; i < SAMPLE_OPTIONS; i++)
	{
		sample->has_option[i] = pq_getmsgbyte(&buffer);
		sample->option[i] = pq_getmsgint64(&buffer);
	}
	sample->width = pq_getmsgint(&buffer, 4);
	sample->n = sample->room = pq_getmsgint64(&buffer);
	if (sample->n < 0 || sample->width < 0 || sample->width > SAMPLE_MAX_WIDTH ||
		sample->n != (sample->width ? (buffer.len - buffer.cursor) / (int64) sizeof(double) / sample->width : 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION), errmsg("invalid partial state of a fit")));
	if (sample->n > 0)
	{
		Size		size = sample->n * sample->width * sizeof(double);

		/* it is not aligned in the message */
		sample->value = MemoryContextAlloc(sample->context, size);
		memcpy(sample->value, pq_getmsgbytes(&buffer, size), size);
	}
	pq_getmsgend(&buffer);
	PG_RETURN_POINTER(sample);
}
