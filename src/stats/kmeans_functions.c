/*
 * kmeans_functions.c: k-means in SQL.
 *
 * kmeans() OVER fits and assigns within the window's partition; fit_kmeans() makes a model of the type kmeans_model
 * (sql/28-kmeans.sql), by which kmeans_assign() assigns any row later; suggest_k() fits several numbers of clusters.
 * Rows are assigned by the model as it stands in the composite on all paths, so these agree to the last row.
 */
#include "custprio.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "stats/arguments.h"
#include "stats/kmeans.h"
#include "stats/model.h"
#include "utils/memutils.h"
#include "window_partition.h"

PG_FUNCTION_INFO_V1(custprio_kmeans_add);
PG_FUNCTION_INFO_V1(custprio_kmeans_final);
PG_FUNCTION_INFO_V1(custprio_suggest_k_final);
PG_FUNCTION_INFO_V1(custprio_kmeans_assign);
PG_FUNCTION_INFO_V1(custprio_kmeans_silhouette);
PG_FUNCTION_INFO_V1(custprio_kmeans_window);

enum
{
	OPTION_K, OPTION_SEED
};

static void
refuse_null(const char *argument)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("argument \"%s\" must not be NULL", argument)));
}

static void
add_features(Sample *sample, const double *features, int width)
{
	memcpy(sample_add(sample, width, "features", 0), features, width * sizeof(double));
}

/* (state, features, k [, seed]) */
Datum
custprio_kmeans_add(PG_FUNCTION_ARGS)
{
	Sample	   *sample = sample_state(fcinfo);
	const double *features;
	int			width;

	if (PG_ARGISNULL(2))
		refuse_null("k");
	kmeans_check_k(PG_GETARG_INT32(2));
	sample_option(sample, OPTION_K, "k", PG_GETARG_INT32(2));
	if (PG_NARGS() > 3)
	{
		if (PG_ARGISNULL(3))
			refuse_null("seed");
		sample_option(sample, OPTION_SEED, "seed", PG_GETARG_INT64(3));
	}
	if (!PG_ARGISNULL(1) && sample_features(PG_GETARG_ARRAYTYPE_P(1), "features", &features, &width))
		add_features(sample, features, width);
	PG_RETURN_POINTER(sample);
}

static Datum
matrix(const double *values, int rows, int columns)
{
	Datum	   *elements = palloc(rows * columns * sizeof(Datum));
	int			dims[2] = {rows, columns};
	int			lower[2] = {1, 1};

	for (int i = 0; i < rows * columns; i++)
		elements[i] = Float8GetDatum(values[i]);
	return PointerGetDatum(construct_md_array(elements, NULL, 2, dims, lower, FLOAT8OID, 8, FLOAT8PASSBYVAL,
											  TYPALIGN_DOUBLE));
}

/* The attributes of kmeans_model, in their order. */
Datum
custprio_kmeans_final(PG_FUNCTION_ARGS)
{
	Sample	   *sample = sample_final_state(fcinfo);
	TupleDesc	desc;
	Datum		values[12];
	bool		nulls[12] = {false};
	Datum	   *sizes;
	KMeans	   *model;
	int			i = 0;

	if (sample == NULL || sample->n == 0)
		PG_RETURN_NULL();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	model = kmeans_fit(sample, sample->option[OPTION_K], sample->option[OPTION_SEED]);
	sizes = palloc(model->k * sizeof(Datum));
	for (int c = 0; c < model->k; c++)
		sizes[c] = Int64GetDatum(model->size[c]);
	values[i++] = matrix(model->centroid, model->k, model->width);
	values[i++] = float8_array(model->mean, model->width);
	values[i++] = float8_array(model->sd, model->width);
	values[i++] = PointerGetDatum(construct_array(sizes, model->k, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	values[i++] = Int64GetDatum(model->n);
	values[i++] = Int64GetDatum(model->distinct);
	values[i++] = Float8GetDatum(model->within);
	values[i++] = Float8GetDatum(model->total);
	nulls[i] = isnan(model->silhouette);
	values[i++] = Float8GetDatum(model->silhouette);
	values[i++] = Int32GetDatum(model->iterations);
	values[i++] = BoolGetDatum(model->converged);
	values[i++] = Int64GetDatum(sample->option[OPTION_SEED]);
	if (desc->natts != i)
		elog(ERROR, "type kmeans_model has %d attributes instead of %d", desc->natts, i);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* Of k = 2 to the largest asked for: the one with the largest simplified silhouette, the smallest of equals. */
Datum
custprio_suggest_k_final(PG_FUNCTION_ARGS)
{
	Sample	   *sample = sample_final_state(fcinfo);
	MemoryContext scratch;
	TupleDesc	desc;
	Datum		values[4];
	bool		nulls[4] = {false};
	double	   *silhouette;
	double	   *within;
	int			max_k,
				best = 0,
				fitted = 0;

	if (sample == NULL || sample->n == 0)
		PG_RETURN_NULL();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	max_k = Min(sample->option[OPTION_K], sample->n);
	silhouette = palloc(max_k * sizeof(double));
	within = palloc(max_k * sizeof(double));
	scratch = AllocSetContextCreate(CurrentMemoryContext, "custprio suggest_k", ALLOCSET_DEFAULT_SIZES);
	for (int k = 1; k <= max_k; k++)
	{
		MemoryContext old = MemoryContextSwitchTo(scratch);
		KMeans	   *model = kmeans_fit(sample, k, sample->option[OPTION_SEED]);

		MemoryContextSwitchTo(old);
		/* one cluster has no silhouette; 0 says as much as rows of which none is nearer to its own than to others */
		silhouette[k - 1] = k == 1 ? 0 : model->silhouette;
		within[k - 1] = model->within;
		max_k = Min(max_k, model->distinct);
		fitted = k;
		if (silhouette[k - 1] > silhouette[best])
			best = k - 1;
		MemoryContextReset(scratch);
	}
	values[0] = Int32GetDatum(best + 1);
	values[1] = Float8GetDatum(silhouette[best]);
	values[2] = float8_array(silhouette, fitted);
	values[3] = float8_array(within, fitted);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* A model from its composite. */
static void *
take_apart(HeapTupleHeader header)
{
	KMeans	   *model = palloc0(sizeof(KMeans));
	int			n = -1;

	model->mean = model_numbers(header, "means", &n);
	model->width = n;
	model->sd = model_numbers(header, "standard_deviations", &n);
	n = -1;
	model->centroid = model_numbers(header, "centroids", &n);
	model->k = n / model->width;
	n = model->k * model->width;
	model_numbers(header, "centroids", &n);
	kmeans_prepare(model);
	return model;
}

/* The model and the row of a call; false: a feature is missing. */
static bool
take_row(FunctionCallInfo fcinfo, const KMeans **model, const double **features)
{
	int			width;

	*model = model_argument(fcinfo, 0, take_apart);
	if (!sample_features(PG_GETARG_ARRAYTYPE_P(1), "features", features, &width))
		return false;
	if (width != (*model)->width)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("argument \"features\" must have as many elements as the rows that the model was fitted to"),
				 errdetail("It has %d, and they had %d.", width, (*model)->width)));
	return true;
}

/* kmeans_assign(model, features) */
Datum
custprio_kmeans_assign(PG_FUNCTION_ARGS)
{
	const KMeans *model;
	const double *features;

	if (!take_row(fcinfo, &model, &features))
		PG_RETURN_NULL();
	PG_RETURN_INT32(1 + kmeans_nearest(model, features));
}

/* simplified_silhouette(model, features) */
Datum
custprio_kmeans_silhouette(PG_FUNCTION_ARGS)
{
	const KMeans *model;
	const double *features;

	if (!take_row(fcinfo, &model, &features) || model->k < 2)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(kmeans_silhouette(model, features));
}

/*
 * kmeans(features, k [, seed]) OVER (...)
 */

/* An argument that all rows of the partition have to agree on. */
static int64
partition_option(FunctionCallInfo fcinfo, WindowObject window, int64 row, int i, const char *argument, Sample *sample)
{
	bool		isnull;
	Datum		datum;

	if (row > 0 && get_fn_expr_arg_stable(fcinfo->flinfo, i))
		return sample->option[i - 1];
	datum = partition_argument(window, i, row, &isnull);
	if (isnull)
		refuse_null(argument);
	sample_option(sample, i - 1, argument, i == 1 ? DatumGetInt32(datum) : DatumGetInt64(datum));
	return sample->option[i - 1];
}

static void
cluster_partition(FunctionCallInfo fcinfo, WindowObject window, void *results, int64 n)
{
	int		   *cluster = results;	/* by row; 0: NULL */
	Sample	   *sample = sample_create(CurrentMemoryContext);
	int64		j = 0;
	double	   *rows;
	KMeans	   *model;

	for (int64 i = 0; i < n; i++)
	{
		bool		isnull;
		const double *features;
		int			width;
		Datum		datum;

		CHECK_FOR_INTERRUPTS();
		kmeans_check_k(partition_option(fcinfo, window, i, 1, "k", sample));
		if (PG_NARGS() > 2)
			partition_option(fcinfo, window, i, 2, "seed", sample);
		datum = partition_argument(window, 0, i, &isnull);
		cluster[i] = !isnull && sample_features(DatumGetArrayTypeP(datum), "features", &features, &width);
		if (cluster[i])
			add_features(sample, features, width);
	}
	if (sample->n == 0)
		return;
	/* the fit sorts its sample */
	rows = MemoryContextAllocHuge(CurrentMemoryContext, sample->n * sample->width * sizeof(double));
	memcpy(rows, sample->value, sample->n * sample->width * sizeof(double));
	model = kmeans_fit(sample, sample->option[OPTION_K], sample->option[OPTION_SEED]);
	for (int64 i = 0; i < n; i++)
		if (cluster[i])
			cluster[i] = 1 + kmeans_nearest(model, rows + j++ * model->width);
}

Datum
custprio_kmeans_window(PG_FUNCTION_ARGS)
{
	int			cluster = *(int *) partition_result(fcinfo, sizeof(int), cluster_partition,
													"Fit with custprio.fit_kmeans and assign with custprio.kmeans_assign.");

	if (cluster == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(cluster);
}
