/*
 * metric.h: metrics that an owner adds to a scorecard beside recency, frequency, monetary and clv.
 *
 * A value is an integer, the number times 10^decimals, so that ranks, sums and comparisons are exact. Scaled it is an
 * integer from 0 to METRIC_ONE.
 */
#ifndef CUSTPRIO_METRIC_H
#define CUSTPRIO_METRIC_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/date.h"
#include "utils/numeric.h"

#define METRICS_MAX			64	/* added ones of a scorecard */
#define METRIC_DECIMALS		6	/* unless others are asked for */
#define METRIC_DECIMALS_MAX	12
/* What a value of 1 is, scaled; a multiple of 999, the best percentile score less 1. */
#define METRIC_ONE			999000
#define METRIC_BINS_MAX		1000
#define METRIC_BREAKS_MAX	100
#define METRIC_CLIP_MAX		100
#define METRIC_CLIP_SCALE	6	/* decimals of the number of standard deviations at which scale z is clipped */

typedef enum MetricOrigin
{
	METRIC_OF_PURCHASES,		/* the customer's purchase_summary and predictions */
	METRIC_OF_CUSTOMERS,		/* the relation of customers */
	METRIC_OF_SOURCE,			/* the rows of the source */
	METRIC_OF_RELATION			/* another relation with a key of its own */
} MetricOrigin;

typedef enum MetricScale
{
	SCALE_PERCENTILE,
	SCALE_QUANTILE,
	SCALE_MINMAX,
	SCALE_Z,
	SCALE_LOG,
	SCALE_BREAKS,
	SCALE_TARGET
} MetricScale;

typedef enum MetricStatus
{
	METRIC_NULL,				/* of a zeroed value: nothing is known */
	METRIC_KNOWN,
	METRIC_NAN,
	METRIC_INFINITE,
	METRIC_OUT_OF_RANGE
} MetricStatus;

#define METRIC_STATUSES (METRIC_OUT_OF_RANGE + 1)

typedef struct MetricValue
{
	int64		value;			/* times 10^decimals */
	MetricStatus status;
} MetricValue;

typedef struct AddedMetric
{
	char	   *name;
	Numeric		weight;
	MetricOrigin origin;
	char	   *expression;		/* canonical */
	bool		aggregate;
	List	   *uses;			/* of char *: other metrics that the expression names */
	bool		lower_is_better;
	MetricScale scale;
	int			n_parameters;
	int64	   *parameter;		/* times 10^decimals; the clip of z times 10^METRIC_CLIP_SCALE; the bins as they are */
	int			decimals;
	bool		is_value;		/* its axis is value */

	/* of METRIC_OF_RELATION */
	char	   *relation;		/* quoted and schema-qualified */
	Oid			relid;			/* InvalidOid when it is gone */
	Oid			relid_hint;
	char	   *key;

	/* of all but METRIC_OF_PURCHASES */
	char	   *occurred_at;	/* NULL: rows of all times count; of the source: purchased_at */
	char	   *filter;			/* NULL: all rows */
	Interval   *within;			/* NULL: rows up to the as-of day, however old */
	bool		captured;		/* changes are, if those of the source are */
	bool		has_default;	/* what those without value get */
	int64		default_value;
	char	   *allow_protected;	/* why it may read protected attributes; NULL: it may not */
} AddedMetric;

struct Breaks;
struct Buyers;
struct Scorecard;
struct CustomerSet;
struct Thresholds;

/* metric_load.c: the added metrics of a card, without resolving their relations. */
extern void metrics_load(struct Scorecard *card);

/* Number of a metric among the added ones, or -1. */
extern int	metric_find(const struct Scorecard *card, const char *name);
extern const char *metric_origin_name(MetricOrigin origin);
extern bool metric_origin_by_name(const char *name, MetricOrigin *origin);

/*
 * metric_declare.c: check that the expressions of the metrics still fit their relations, which stay locked. To be called
 * within an owner scope before anything is read.
 */
extern void metrics_verify(const struct Scorecard *card);

/* Warnings of metrics that read what was protected since they were added, without a reason: a list of char *. */
extern List *metrics_protected_since(const struct Scorecard *card);

/* Find out which metrics' relations can be captured, and note it in the catalog. */
extern void metrics_note_captured(const struct Scorecard *card);

/* metric_users.c: what else of the scorecard uses an added metric, as phrases for a message: a list of char *. */
extern List *metric_users(const struct Scorecard *card, const char *name);

/* metric_scale.c */
extern const char *metric_scale_name(MetricScale scale);
extern bool metric_scale_by_name(const char *name, MetricScale *scale);

/* A number as an integer of so many decimals, rounded half away from zero. */
extern MetricValue metric_value_of(Numeric number, int decimals);

/* Check the parameters of a metric's scale and take them; errors name the argument. Decimals must be set. */
extern void metric_set_parameters(AddedMetric *metric, ArrayType *parameters, const char *argument);

/* Take a metric's thresholds, if its scale has any, from the buyers whose value is known, if there are so many. */
extern void metric_take_thresholds(struct Thresholds *thresholds, const struct Scorecard *card,
								   const struct Buyers *buyers, int nth, int least);

/*
 * A value scaled, from 0 (worst) to METRIC_ONE (best); -1 when there are no thresholds to scale it by. breaks are those
 * of the metric's own kind, prepared, or NULL.
 */
extern int32 metric_scaled(const AddedMetric *metric, const struct Breaks *breaks, int64 value);

/* The kind of a metric's thresholds as custprio.threshold spells it, or NULL when its scale needs none. */
extern const char *metric_threshold_kind(const AddedMetric *metric);

/* metric_values.c */

/*
 * Compute every added metric of all customers of the set, as the current user, which is the card's owner in its scope:
 * predictions must have been made. as_of is the day up to which rows of other relations count, inclusive.
 */
extern void metric_values(const struct Scorecard *card, struct CustomerSet *set, DateADT as_of);

/* Whether values can change, within a day, without anybody being told of it: then all are computed at each refresh. */
extern bool metrics_read_relations(const struct Scorecard *card);

/*
 * A query of metrics over the same rows: key, value of each, and the number of rows behind them. Raises when the relation
 * is gone.
 */
extern char *metric_query(const struct Scorecard *card, const AddedMetric *const *metrics, int n, DateADT as_of,
						  const char *condition);

/* Run a query of metric_query() over no row, so that every right a refresh needs is asked for. */
extern void metric_try(const struct Scorecard *card, const AddedMetric *metric, DateADT as_of);

#endif
