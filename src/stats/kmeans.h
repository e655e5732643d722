/* kmeans.h: clusters of rows by k-means. */
#ifndef CUSTPRIO_STATS_KMEANS_H
#define CUSTPRIO_STATS_KMEANS_H

#include "stats/sample.h"

typedef struct KMeans
{
	int			k;
	int			width;
	double	   *mean;			/* of each feature */
	double	   *sd;				/* population standard deviation; 0: equal values, the feature plays no part */
	double	   *centroid;		/* k rows, in the features' own units */
	double	   *standard;		/* k rows, standardised */
	/* of the fit */
	int64	   *size;			/* rows in each cluster */
	int64		n;
	int64		distinct;
	double		within;			/* sums of squares, standardised */
	double		total;
	double		silhouette;		/* simplified; NaN for k = 1 */
	int			iterations;		/* of the best start */
	bool		converged;
} KMeans;

/* Sorts the sample. Allocates in the current context. */
extern KMeans *kmeans_fit(Sample *sample, int k, int64 seed);

/* Cluster of a row of features, from 0. */
extern int	kmeans_nearest(const KMeans *model, const double *features);

/* (b - a) / max(a, b) of a row: a its distance from the nearest centroid, b from the next one. */
extern double kmeans_silhouette(const KMeans *model, const double *features);

/* Fill in standard from the other attributes. */
extern void kmeans_prepare(KMeans *model);

extern void kmeans_check_k(int k);

#endif
