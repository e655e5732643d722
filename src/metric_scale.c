/*
 * metric_scale.c: from a metric's value to a number between 0 (worst) and METRIC_ONE (best).
 *
 *   percentile  quantile score with 1000 bins, less 1, over 999
 *   quantile    quantile score with parameter[0] bins, less 1, over bins - 1
 *   minmax      (v - least) / (greatest - least); the ends are parameters, or the population's
 *   z           (z + c) / 2c with z = (v - mean) / standard deviation, clipped at c = parameter[0]
 *   log         ln(1 + v - least) / ln(1 + greatest - least)
 *   breaks      share of the parameters that v reaches
 *   target      1 - |v - parameter[0]| / tolerance, not below 0; tolerance is parameter[1], or the greatest distance
 *
 * What depends on the population is a threshold of the epoch, taken from the buyers whose value is known and written
 * down with the metric's decimals; scoring knows only that. Everything but the logarithm is exact, and sums do not
 * depend on their order; results are rounded half away from zero to 1 / METRIC_ONE.
 */
#include "custprio.h"

#include "metric.h"

#include <math.h>

#include "exact.h"
#include "quantile.h"
#include "ranking.h"
#include "thresholds.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(custprio_scale_metric);

static const char *const scales[] = {"percentile", "quantile", "minmax", "z", "log", "breaks", "target"};

#define CLIP_DEFAULT	(3 * INT64CONST(1000000))	/* 3 standard deviations, times 10^METRIC_CLIP_SCALE */

const char *
metric_scale_name(MetricScale scale)
{
	return scales[scale];
}

bool
metric_scale_by_name(const char *name, MetricScale *scale)
{
	for (int i = 0; i < lengthof(scales); i++)
		if (strcmp(name, scales[i]) == 0)
		{
			*scale = i;
			return true;
		}
	return false;
}

MetricValue
metric_value_of(Numeric number, int decimals)
{
	MetricValue result = {0, METRIC_KNOWN};
	int			scale;

	if (numeric_is_nan(number))
		result.status = METRIC_NAN;
	else if (numeric_is_inf(number))
		result.status = METRIC_INFINITE;
	else
	{
		number = DatumGetNumeric(DirectFunctionCall2(numeric_round, NumericGetDatum(number), Int32GetDatum(decimals)));
		if (!exact_from_numeric(number, &result.value, &scale) ||
			!exact_rescale(result.value, decimals - scale, &result.value))
			result = (MetricValue) {0, METRIC_OUT_OF_RANGE};
	}
	return result;
}

/* How many parameters a scale may have. */
static void
parameter_range(MetricScale scale, int *least, int *most)
{
	*least = scale == SCALE_QUANTILE || scale == SCALE_BREAKS || scale == SCALE_TARGET ? 1 : 0;
	*most = scale == SCALE_PERCENTILE ? 0 : scale == SCALE_BREAKS ? METRIC_BREAKS_MAX :
		scale == SCALE_QUANTILE || scale == SCALE_Z ? 1 : 2;
}

void
metric_set_parameters(AddedMetric *metric, ArrayType *parameters, const char *argument)
{
	static const char *const hints[] = {
		"Scale percentile has none.",
		"Scale quantile has one: the number of bins, such as '{5}'.",
		"Scale minmax has none, or the values that score 0 and 1, such as '{0,100}'.",
		"Scale z has none, or the number of standard deviations at which it is clipped, such as '{3}'.",
		"Scale log has none, or the values that score 0 and 1, such as '{0,100}'.",
		"Scale breaks has the smallest value of each level above the lowest, ascending, such as '{10,50,100}'.",
		"Scale target has the target and optionally the distance from it that scores 0, such as '{30,10}'."
	};
	const char *wrong = NULL;
	Datum	   *elements;
	bool	   *nulls;
	int			least,
				most;

	parameter_range(metric->scale, &least, &most);
	deconstruct_array(parameters, NUMERICOID, -1, false, TYPALIGN_INT, &elements, &nulls, &metric->n_parameters);
	if (ARR_NDIM(parameters) > 1 || metric->n_parameters < least || metric->n_parameters > most)
		wrong = psprintf("Number of elements: %d.", metric->n_parameters);
	if (wrong == NULL && (metric->scale == SCALE_MINMAX || metric->scale == SCALE_LOG) && metric->n_parameters == 1)
		wrong = "Number of elements: 1.";
	metric->parameter = palloc((metric->n_parameters + 1) * sizeof(int64));
	for (int i = 0; i < metric->n_parameters && wrong == NULL; i++)
	{
		MetricValue value = {0, METRIC_NULL};
		int			decimals = metric->scale == SCALE_QUANTILE ? 0 :
			metric->scale == SCALE_Z ? METRIC_CLIP_SCALE : metric->decimals;
		bool		ascends = metric->scale == SCALE_MINMAX || metric->scale == SCALE_LOG || metric->scale == SCALE_BREAKS;
		bool		fits;

		if (!nulls[i])
			value = metric_value_of(DatumGetNumeric(elements[i]), decimals);
		fits = value.status == METRIC_KNOWN && !(ascends && i > 0 && value.value <= metric->parameter[i - 1]);
		if (metric->scale == SCALE_QUANTILE)
			fits = fits && value.value >= 2 && value.value <= METRIC_BINS_MAX;
		else if (metric->scale == SCALE_Z)
			fits = fits && value.value > 0 && value.value <= METRIC_CLIP_MAX * exact_pow10[METRIC_CLIP_SCALE];
		else if (metric->scale == SCALE_TARGET && i == 1)
			fits = fits && value.value > 0;
		if (!fits)
			wrong = psprintf("Element %d is %s.", i + 1, nulls[i] ? "NULL" : exact_text(DatumGetNumeric(elements[i])));
		metric->parameter[i] = value.value;
	}
	if (wrong)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" does not fit scale \"%s\"", argument, metric_scale_name(metric->scale)),
				 errdetail("%s", wrong),
				 errhint("%s", hints[metric->scale])));
}

const char *
metric_threshold_kind(const AddedMetric *metric)
{
	switch (metric->scale)
	{
		case SCALE_PERCENTILE:
			return BREAKS_PERCENTILE;
		case SCALE_BREAKS:
			return NULL;
		case SCALE_MINMAX:
		case SCALE_LOG:
			return metric->n_parameters > 0 ? NULL : metric_scale_name(metric->scale);
		case SCALE_TARGET:
			return metric->n_parameters > 1 ? NULL : metric_scale_name(metric->scale);
		case SCALE_QUANTILE:
		case SCALE_Z:
			return metric_scale_name(metric->scale);
	}
	return NULL;				/* keep compiler quiet */
}

static char *
value_text(const AddedMetric *metric, int64 value)
{
	return exact_text(exact_to_numeric(value, metric->decimals));
}

static void
take_quantiles(Thresholds *thresholds, const AddedMetric *metric, const int64 *values, int32 n, int bins)
{
	Ranking    *ranking = rank_int64(values, n);
	int32	   *rank = palloc(bins * sizeof(int32));
	char	  **text = palloc(bins * sizeof(char *));

	quantile_breaks_ranked(ranking->count, ranking->n_ranks, bins, rank);
	for (int i = 0; i < bins - 1; i++)
		text[i] = i > 0 && rank[i] == rank[i - 1] ? text[i - 1] :
			value_text(metric, values[ranking->example[rank[i]]]);
	thresholds_add(thresholds, metric->name, metric_threshold_kind(metric), bins - 1, text);
}

static void
take_pair(Thresholds *thresholds, const AddedMetric *metric, int n, int64 first, int64 second)
{
	char	  **text = palloc(2 * sizeof(char *));

	text[0] = value_text(metric, first);
	text[1] = value_text(metric, second);
	thresholds_add(thresholds, metric->name, metric_threshold_kind(metric), n, text);
}

/* Distance of two values, which may not fit a signed integer. */
static inline uint64
distance(int64 a, int64 b)
{
	return a > b ? (uint64) a - (uint64) b : (uint64) b - (uint64) a;
}

/* The integer nearest to a / b, halves away from zero; b > 0. */
static inline int128
divide_rounded(int128 a, int128 b)
{
	return a >= 0 ? (a + b / 2) / b : -((-a + b / 2) / b);
}

/*
 * Mean and standard deviation (of the population), both rounded to the metric's decimals. The sum of squares is kept in
 * two halves of 64 bits, so that it is exact whatever the values.
 */
static void
take_z(Thresholds *thresholds, const AddedMetric *metric, const int64 *values, int32 n)
{
	int128		sum = 0;
	uint128		low = 0;
	uint128		high = 0;
	int64		mean;
	double		deviation;

	for (int32 i = 0; i < n; i++)
		sum += values[i];
	mean = (int64) divide_rounded(sum, n);
	for (int32 i = 0; i < n; i++)
	{
		uint64		d = distance(values[i], mean);
		uint128		square = (uint128) d * d;

		low += (uint64) square;
		high += square >> 64;
	}
	deviation = rint(sqrt((ldexp((double) high, 64) + (double) low) / n));
	take_pair(thresholds, metric, 2, mean, deviation >= (double) PG_INT64_MAX ? PG_INT64_MAX : (int64) deviation);
}

void
metric_take_thresholds(Thresholds *thresholds, const Scorecard *card, const Buyers *buyers, int nth, int least_known)
{
	const AddedMetric *metric = &card->added[nth];
	int64	   *values;
	int32		n = 0;
	int64		least,
				greatest;

	if (metric_threshold_kind(metric) == NULL)
		return;
	values = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) buyers->n + 1) * sizeof(int64));
	for (int32 i = 0; i < buyers->n; i++)
		if (buyers->buyer[i]->metric[nth].status == METRIC_KNOWN)
			values[n++] = buyers->buyer[i]->metric[nth].value;
	/* where nobody has a value there is nothing to measure it by, and where few have one, little */
	if (n < least_known)
	{
		pfree(values);
		return;
	}
	least = greatest = values[0];
	for (int32 i = 1; i < n; i++)
	{
		least = Min(least, values[i]);
		greatest = Max(greatest, values[i]);
	}
	switch (metric->scale)
	{
		case SCALE_PERCENTILE:
			take_quantiles(thresholds, metric, values, n, PERCENTILE_BINS);
			break;
		case SCALE_QUANTILE:
			take_quantiles(thresholds, metric, values, n, (int) metric->parameter[0]);
			break;
		case SCALE_MINMAX:
		case SCALE_LOG:
			take_pair(thresholds, metric, 2, least, greatest);
			break;
		case SCALE_Z:
			take_z(thresholds, metric, values, n);
			break;
		case SCALE_TARGET:
			{
				uint64		most = Max(distance(least, metric->parameter[0]), distance(greatest, metric->parameter[0]));

				take_pair(thresholds, metric, 1, (int64) Min(most, (uint64) PG_INT64_MAX), 0);
				break;
			}
		case SCALE_BREAKS:
			break;
	}
	pfree(values);
}

/* Where a value lies between two ends, without regard to direction. */
static int32
between(int64 value, int64 least, int64 greatest, bool logarithmic, int decimals)
{
	double		unit;

	if (value <= least)
		return 0;
	if (value >= greatest)
		return METRIC_ONE;
	if (!logarithmic)
		return (int32) divide_rounded((int128) distance(value, least) * METRIC_ONE, distance(greatest, least));
	unit = (double) exact_pow10[decimals];
	return (int32) rint(METRIC_ONE * (log1p(distance(value, least) / unit) / log1p(distance(greatest, least) / unit)));
}

static int32
scaled_z(const AddedMetric *metric, int64 value, int64 mean, int64 deviation)
{
	int64		clip = metric->n_parameters > 0 ? metric->parameter[0] : CLIP_DEFAULT;
	int128		reach = (int128) clip * deviation;
	int128		scaled;

	if (deviation <= 0)
		return value > mean ? METRIC_ONE : value < mean ? 0 : METRIC_ONE / 2;
	/* METRIC_ONE * (1/2 + z / 2c), over a common denominator, so that it is rounded once */
	scaled = divide_rounded(reach * METRIC_ONE + ((int128) value - mean) * METRIC_ONE * exact_pow10[METRIC_CLIP_SCALE],
							reach * 2);
	return (int32) (scaled < 0 ? 0 : scaled > METRIC_ONE ? METRIC_ONE : scaled);
}

static int32
scaled_target(int64 value, int64 target, int64 tolerance)
{
	uint64		far = distance(value, target);

	if (far == 0)
		return METRIC_ONE;
	if (far >= (uint64) tolerance)
		return 0;
	return (int32) divide_rounded((int128) (tolerance - far) * METRIC_ONE, tolerance);
}

int32
metric_scaled(const AddedMetric *metric, const Breaks *breaks, int64 value)
{
	int32		scaled = 0;

	if (breaks == NULL && metric_threshold_kind(metric) != NULL)
		return -1;
	switch (metric->scale)
	{
		case SCALE_PERCENTILE:
		case SCALE_QUANTILE:
			scaled = (int32) divide_rounded((int128) (score_by_breaks(breaks, value, NULL) - 1) * METRIC_ONE,
											Max(breaks->n, 1));
			break;
		case SCALE_MINMAX:
		case SCALE_LOG:
			scaled = between(value, breaks ? breaks->bound[0] : metric->parameter[0],
							 breaks ? breaks->bound[1] : metric->parameter[1], metric->scale == SCALE_LOG,
							 metric->decimals);
			break;
		case SCALE_Z:
			scaled = scaled_z(metric, value, breaks->bound[0], breaks->bound[1]);
			break;
		case SCALE_BREAKS:
			{
				int			reached = 0;

				while (reached < metric->n_parameters && value >= metric->parameter[reached])
					reached++;
				scaled = (int32) divide_rounded((int128) reached * METRIC_ONE, metric->n_parameters);
				break;
			}
		case SCALE_TARGET:
			scaled = scaled_target(value, metric->parameter[0], breaks ? breaks->bound[0] : metric->parameter[1]);
			break;
	}
	return metric->lower_is_better ? METRIC_ONE - scaled : scaled;
}

/* A metric and thresholds as given to scale_metric(), checked. */
static void
read_scale(FunctionCallInfo fcinfo, AddedMetric *metric, Breaks **breaks)
{
	Breaks	   *given = palloc0(sizeof(Breaks));
	const char *scale = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	memset(metric, 0, sizeof(AddedMetric));
	metric->name = "metric";
	metric->lower_is_better = strcmp(text_to_cstring(PG_GETARG_TEXT_PP(2)), "lower") == 0;
	if (!metric_scale_by_name(scale, &metric->scale))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"scale\": there is no scale \"%s\"", scale),
				 errhint("Use percentile, quantile, minmax, z, log, breaks or target.")));
	metric->decimals = PG_GETARG_INT32(5);
	if (metric->decimals < 0 || metric->decimals > METRIC_DECIMALS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"decimals\" must be between 0 and %d", METRIC_DECIMALS_MAX),
				 errdetail("It is %d.", metric->decimals)));
	metric_set_parameters(metric, PG_GETARG_ARRAYTYPE_P(3), "parameters");
	*breaks = NULL;
	if (metric_threshold_kind(metric) == NULL || PG_ARGISNULL(4))
		return;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(4), NUMERICOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	given->n = n;
	given->bound = palloc((n + 1) * sizeof(int64));
	for (int i = 0; i < n; i++)
	{
		MetricValue value = {0, METRIC_NULL};

		if (!nulls[i])
			value = metric_value_of(DatumGetNumeric(elements[i]), metric->decimals);
		if (value.status != METRIC_KNOWN || (i > 0 && metric->scale != SCALE_Z && value.value < given->bound[i - 1]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"breaks\" must have ascending numbers"),
					 errdetail("Element %d is %s.", i + 1, nulls[i] ? "NULL" : exact_text(DatumGetNumeric(elements[i])))));
		given->bound[i] = value.value;
	}
	if (n < (metric->scale == SCALE_TARGET ? 1 : metric->scale == SCALE_PERCENTILE || metric->scale == SCALE_QUANTILE ? 0 : 2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"breaks\" has too few elements for scale \"%s\"", scale),
				 errdetail("It has %d.", n)));
	*breaks = given;
}

/* The scale of the last call, for one after the other by the same: its arguments, and what was made of them. */
typedef struct ScaleCache
{
	MemoryContext memory;
	struct varlena *argument[5];	/* all but the value and the decimals; NULL: NULL */
	AddedMetric metric;
	Breaks	   *breaks;
} ScaleCache;

static bool
scale_is_cached(FunctionCallInfo fcinfo, const ScaleCache *cache)
{
	for (int i = 1; i < 5; i++)
	{
		struct varlena *argument = PG_ARGISNULL(i) ? NULL : PG_DETOAST_DATUM(PG_GETARG_DATUM(i));
		struct varlena *cached = cache->argument[i];

		if (argument == NULL || cached == NULL ? argument != cached :
			VARSIZE(argument) != VARSIZE(cached) || memcmp(argument, cached, VARSIZE(argument)) != 0)
			return false;
	}
	return cache->metric.decimals == PG_GETARG_INT32(5);
}

static ScaleCache *
scale_cache(FunctionCallInfo fcinfo)
{
	ScaleCache *cache = fcinfo->flinfo->fn_extra;
	MemoryContext memory;
	MemoryContext old;

	if (cache && scale_is_cached(fcinfo, cache))
		return cache;
	if (cache)
		MemoryContextDelete(cache->memory);
	fcinfo->flinfo->fn_extra = NULL;
	memory = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "custprio scale", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(memory);
	cache = palloc0(sizeof(ScaleCache));
	cache->memory = memory;
	read_scale(fcinfo, &cache->metric, &cache->breaks);
	for (int i = 1; i < 5; i++)
		cache->argument[i] = PG_ARGISNULL(i) ? NULL : PG_DETOAST_DATUM_COPY(PG_GETARG_DATUM(i));
	MemoryContextSwitchTo(old);
	fcinfo->flinfo->fn_extra = cache;
	return cache;
}

/* scale_metric(value, scale, direction, parameters, breaks, decimals): the scaled value, 0 to METRIC_ONE */
Datum
custprio_scale_metric(PG_FUNCTION_ARGS)
{
	ScaleCache *cache;
	MetricValue value;
	int32		scaled;

	for (int i = 0; i < 6; i++)
		if (i != 4 && PG_ARGISNULL(i))
			PG_RETURN_NULL();
	cache = scale_cache(fcinfo);
	value = metric_value_of(PG_GETARG_NUMERIC(0), cache->metric.decimals);
	if (value.status != METRIC_KNOWN)
		PG_RETURN_NULL();
	scaled = metric_scaled(&cache->metric, cache->breaks, value.value);
	if (scaled < 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(scaled);
}
