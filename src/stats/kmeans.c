/*
 * kmeans.c: clusters of rows by k-means.
 *
 * Lloyd's algorithm (S. P. Lloyd, "Least squares quantization in PCM", IEEE Transactions on Information Theory 28
 * (1982) 129-137) from several starts by greedy k-means++ (D. Arthur and S. Vassilvitskii, "k-means++: the advantages
 * of careful seeding", SODA 2007), of which the one with the smallest sum of squares is followed to the end.
 *
 * Features are standardised first, so that units play no part: less the mean, over the population standard deviation;
 * one whose values are all equal counts nothing. Rows are sorted and equal ones are made one with a weight before
 * anything is summed or drawn, so the result depends on the rows and the seed alone: not on their order, nor on the
 * plan. Clusters are numbered by their centroids in ascending order, the first feature first.
 */
#include "custprio.h"

#include "stats/kmeans.h"

#include <math.h>

#include "common/pg_prng.h"
#include "miscadmin.h"
#include "utils/float.h"
#include "utils/memutils.h"

#define KMEANS_STARTS		10
#define KMEANS_ITERATIONS	300
#define START_ITERATIONS	20		/* tell which start is best; without clear clusters the end may be far away */

typedef struct Points
{
	int			width;
	int64		n;				/* distinct rows */
	double	   *value;			/* standardised, ascending */
	double	   *weight;			/* how many rows are equal to it */
} Points;

typedef struct Partition
{
	double	   *centroid;
	double	   *weight;			/* of each cluster */
	int		   *cluster;		/* of each point */
	double		within;
	int			iterations;
	bool		converged;
} Partition;

void
kmeans_check_k(int k)
{
	if (k < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of clusters must be 1 or more"),
				 errdetail("It is %d.", k)));
}

static void
refuse_k(int k, int64 distinct)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("more clusters than distinct rows"),
			 errdetail("%d clusters were asked for, and there are " INT64_FORMAT " distinct rows of features.",
					   k, distinct)));
}

static double
standardised(const KMeans *model, const double *features, int j)
{
	return model->sd[j] > 0 ? (features[j] - model->mean[j]) / model->sd[j] : 0;
}

static double
squared_distance(const double *a, const double *b, int width)
{
	double		sum = 0;

	for (int j = 0; j < width; j++)
		sum += (a[j] - b[j]) * (a[j] - b[j]);
	return sum;
}

/* Means and standard deviations, in two passes over the sorted sample. */
static void
find_scale(const Sample *sample, KMeans *model)
{
	for (int j = 0; j < model->width; j++)
	{
		double		least = get_float8_infinity(),
					most = -least,
					mean = 0,
					squares = 0;

		for (int64 i = 0; i < sample->n; i++)
		{
			double		value = sample->value[i * model->width + j];

			least = Min(least, value);
			most = Max(most, value);
			mean += (value - mean) / (i + 1);
		}
		for (int64 i = 0; i < sample->n; i++)
		{
			double		off = sample->value[i * model->width + j] - mean;

			squares += off * off;
		}
		/* the mean of equal values may be off by its last bit */
		model->mean[j] = least == most ? least : mean;
		model->sd[j] = least == most ? 0 : sqrt(squares / sample->n);
		if (!isfinite(model->mean[j]) || !isfinite(model->sd[j]) || (least < most && model->sd[j] == 0))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("features cannot be standardised"),
					 errdetail("Feature %d runs from %g to %g.", j + 1, least, most),
					 errhint("Measure it in another unit.")));
		CHECK_FOR_INTERRUPTS();
	}
}

/* The sample as distinct points with weights. */
static void
find_points(Sample *sample, const KMeans *model, Points *points)
{
	Sample		scaled = {.context = CurrentMemoryContext,.width = model->width,.n = sample->n};
	Size		row = model->width * sizeof(double);

	scaled.value = MemoryContextAllocHuge(CurrentMemoryContext, sample->n * row);
	for (int64 i = 0; i < sample->n; i++)
		for (int j = 0; j < model->width; j++)
			scaled.value[i * model->width + j] = standardised(model, sample->value + i * model->width, j);
	/* once more: rounding may make rows equal, and so move them in their order */
	sample_sort(&scaled);
	points->width = model->width;
	points->value = scaled.value;
	points->weight = MemoryContextAllocHuge(CurrentMemoryContext, sample->n * sizeof(double));
	points->n = 0;
	for (int64 i = 0; i < sample->n; i++)
	{
		double	   *value = scaled.value + i * model->width;

		if (points->n > 0 && memcmp(value, points->value + (points->n - 1) * model->width, row) == 0)
		{
			points->weight[points->n - 1]++;
			continue;
		}
		memmove(points->value + points->n * model->width, value, row);
		points->weight[points->n++] = 1;
	}
}

/* How much closer than nearest[] the points come to a centroid at point c: the new sum of squares. */
static double
sum_with(const Points *points, int64 c, const double *nearest)
{
	double		sum = 0;

	for (int64 i = 0; i < points->n; i++)
	{
		double		distance = squared_distance(points->value + i * points->width, points->value + c * points->width,
												points->width);

		sum += points->weight[i] * Min(distance, nearest[i]);
	}
	return sum;
}

static int64
draw(const Points *points, int k, const double *nearest, double sum, pg_prng_state *random)
{
	double		left = pg_prng_double(random) * sum;
	int64		last = -1;

	for (int64 i = 0; i < points->n; i++)
	{
		double		chance = points->weight[i] * nearest[i];

		if (chance <= 0)
			continue;
		last = i;
		left -= chance;
		if (left < 0)
			break;
	}
	/* distinct, but closer to each other than their squares can tell */
	if (last < 0)
		refuse_k(k, points->n);
	return last;
}

/* Greedy k-means++: each centroid the best of a few points, drawn by squared distance from those before. */
static void
choose_start(const Points *points, int k, pg_prng_state *random, double *nearest, Partition *partition)
{
	int			tries = 2 + (int) log(k);
	double		sum = 0;

	/* the first by weight alone */
	for (int64 i = 0; i < points->n; i++)
	{
		nearest[i] = 1;
		sum += points->weight[i];
	}
	for (int c = 0; c < k; c++)
	{
		int64		best = -1;
		double		best_sum = get_float8_infinity();

		for (int t = 0; t < (c == 0 ? 1 : tries); t++)
		{
			int64		candidate = draw(points, k, nearest, sum, random);
			double		with = c == 0 ? 0 : sum_with(points, candidate, nearest);

			CHECK_FOR_INTERRUPTS();
			if (best < 0 || with < best_sum)
			{
				best = candidate;
				best_sum = with;
			}
		}
		memcpy(partition->centroid + c * points->width, points->value + best * points->width,
			   points->width * sizeof(double));
		sum = 0;
		for (int64 i = 0; i < points->n; i++)
		{
			double		distance = squared_distance(points->value + i * points->width,
													points->value + best * points->width, points->width);

			nearest[i] = c == 0 ? distance : Min(nearest[i], distance);
			sum += points->weight[i] * nearest[i];
		}
	}
}

static int
nearest_centroid(const double *centroid, int k, int width, const double *value, double *distance, double *next)
{
	int			cluster = 0;

	*distance = *next = get_float8_infinity();
	for (int c = 0; c < k; c++)
	{
		double		d = squared_distance(value, centroid + c * width, width);

		if (d < *distance)
		{
			*next = *distance;
			*distance = d;
			cluster = c;
		}
		else if (d < *next)
			*next = d;
	}
	return cluster;
}

/* Centroids as the means of their clusters; a cluster without points takes the point farthest from its own. */
static void
move_centroids(const Points *points, int k, double *distance, Partition *partition)
{
	int			width = points->width;

	memset(partition->weight, 0, k * sizeof(double));
	for (int64 i = 0; i < points->n; i++)
		partition->weight[partition->cluster[i]] += points->weight[i];
	for (int c = 0; c < k; c++)
	{
		int64		farthest = -1;

		if (partition->weight[c] > 0)
			continue;
		/* not one that is alone: its cluster would be without points in turn */
		for (int64 i = 0; i < points->n; i++)
			if (partition->weight[partition->cluster[i]] > points->weight[i] &&
				(farthest < 0 || distance[i] > distance[farthest]))
				farthest = i;
		Assert(farthest >= 0);
		partition->weight[partition->cluster[farthest]] -= points->weight[farthest];
		partition->weight[c] = points->weight[farthest];
		partition->cluster[farthest] = c;
		distance[farthest] = 0;
	}
	memset(partition->centroid, 0, (Size) k * width * sizeof(double));
	for (int64 i = 0; i < points->n; i++)
		for (int j = 0; j < width; j++)
			partition->centroid[partition->cluster[i] * width + j] += points->weight[i] * points->value[i * width + j];
	for (int c = 0; c < k; c++)
		for (int j = 0; j < width; j++)
			partition->centroid[c * width + j] /= partition->weight[c];
}

/* On from the partition's centroids, until nothing changes or it has had so many iterations in all. */
static void
lloyd(const Points *points, int k, double *distance, int iterations, Partition *partition)
{
	for (int64 i = 0; i < points->n; i++)
		partition->cluster[i] = -1;
	for (; partition->iterations < iterations && !partition->converged; partition->iterations++)
	{
		partition->converged = true;
		partition->within = 0;
		for (int64 i = 0; i < points->n; i++)
		{
			double		next;
			int			cluster = nearest_centroid(partition->centroid, k, points->width,
												   points->value + i * points->width, &distance[i], &next);

			if (cluster != partition->cluster[i])
				partition->converged = false;
			partition->cluster[i] = cluster;
			partition->within += points->weight[i] * distance[i];
			CHECK_FOR_INTERRUPTS();
		}
		if (!partition->converged)
			move_centroids(points, k, distance, partition);
	}
}

static int
compare_centroids(const void *left, const void *right, void *width)
{
	const double *a = left;
	const double *b = right;

	for (int j = 0; j < *(int *) width; j++)
		if (a[j] != b[j])
			return a[j] < b[j] ? -1 : 1;
	return 0;
}

void
kmeans_prepare(KMeans *model)
{
	model->standard = palloc((Size) model->k * model->width * sizeof(double));
	for (int c = 0; c < model->k; c++)
		for (int j = 0; j < model->width; j++)
			model->standard[c * model->width + j] = standardised(model, model->centroid + c * model->width, j);
}

/*
 * What is known of the clusters, by the very distances that rows are assigned by later. A row alone in its cluster has
 * silhouette 0, as in P. J. Rousseeuw, "Silhouettes", Journal of Computational and Applied Mathematics 20 (1987) 53-65:
 * else the best number of clusters would be that of the rows.
 */
static void
describe_clusters(const Points *points, KMeans *model)
{
	double	   *silhouettes = palloc0(model->k * sizeof(double));

	model->size = palloc0(model->k * sizeof(int64));
	for (int64 i = 0; i < points->n; i++)
	{
		const double *value = points->value + i * points->width;
		double		distance,
					next;
		int			cluster = nearest_centroid(model->standard, model->k, model->width, value, &distance, &next);

		model->size[cluster] += points->weight[i];
		model->within += points->weight[i] * distance;
		if (next > 0)
			silhouettes[cluster] += points->weight[i] * (1 - sqrt(distance / next));
		for (int j = 0; j < points->width; j++)
			model->total += points->weight[i] * value[j] * value[j];
	}
	for (int c = 0; c < model->k; c++)
		if (model->size[c] > 1)
			model->silhouette += silhouettes[c] / model->n;
	if (model->k == 1)
		model->silhouette = get_float8_nan();
}

KMeans *
kmeans_fit(Sample *sample, int k, int64 seed)
{
	MemoryContext result = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(result, "custprio k-means", ALLOCSET_DEFAULT_SIZES);
	KMeans	   *model = palloc0(sizeof(KMeans));
	int			width = sample->width;
	Partition	best = {.within = get_float8_infinity()};
	Points		points;
	double	   *distance;
	int		   *cluster;
	pg_prng_state random;

	model->k = k;
	model->width = width;
	model->n = sample->n;
	model->mean = palloc(width * sizeof(double));
	model->sd = palloc(width * sizeof(double));
	model->centroid = palloc((Size) k * width * sizeof(double));

	MemoryContextSwitchTo(scratch);
	sample_sort(sample);
	find_scale(sample, model);
	find_points(sample, model, &points);
	model->distinct = points.n;
	if (k > points.n)
		refuse_k(k, points.n);
	pg_prng_seed(&random, seed);
	distance = MemoryContextAllocHuge(scratch, points.n * sizeof(double));
	cluster = MemoryContextAllocHuge(scratch, points.n * sizeof(int));
	for (int start = 0; start < (k == 1 ? 1 : KMEANS_STARTS); start++)
	{
		Partition	partition = {.cluster = cluster};

		partition.centroid = palloc((Size) k * width * sizeof(double));
		partition.weight = palloc(k * sizeof(double));
		choose_start(&points, k, &random, distance, &partition);
		lloyd(&points, k, distance, START_ITERATIONS, &partition);
		if (partition.within < best.within)
			best = partition;
	}
	lloyd(&points, k, distance, KMEANS_ITERATIONS, &best);

	qsort_arg(best.centroid, k, width * sizeof(double), compare_centroids, &width);
	for (int c = 0; c < k; c++)
		for (int j = 0; j < width; j++)
			model->centroid[c * width + j] = model->mean[j] + model->sd[j] * best.centroid[c * width + j];
	model->iterations = best.iterations;
	model->converged = best.converged;
	MemoryContextSwitchTo(result);
	kmeans_prepare(model);
	describe_clusters(&points, model);
	MemoryContextDelete(scratch);
	return model;
}

int
kmeans_nearest(const KMeans *model, const double *features)
{
	double	   *value = palloc(model->width * sizeof(double));
	double		distance,
				next;
	int			cluster;

	for (int j = 0; j < model->width; j++)
		value[j] = standardised(model, features, j);
	cluster = nearest_centroid(model->standard, model->k, model->width, value, &distance, &next);
	pfree(value);
	return cluster;
}

double
kmeans_silhouette(const KMeans *model, const double *features)
{
	double	   *value = palloc(model->width * sizeof(double));
	double		distance,
				next;

	for (int j = 0; j < model->width; j++)
		value[j] = standardised(model, features, j);
	nearest_centroid(model->standard, model->k, model->width, value, &distance, &next);
	pfree(value);
	/* a <= b always; both are 0 on two centroids at one place */
	return next > 0 ? 1 - sqrt(distance / next) : 0;
}
