/*
 * metric_load.c: the metrics that were added to a scorecard, read from the catalog.
 */
#include "custprio.h"

#include "metric.h"

#include "exact.h"
#include "scorecard.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/timestamp.h"

static const char *const origins[] = {"purchases", "customers", "source", "relation"};

const char *
metric_origin_name(MetricOrigin origin)
{
	return origins[origin];
}

bool
metric_origin_by_name(const char *name, MetricOrigin *origin)
{
	for (int i = 0; i < lengthof(origins); i++)
		if (strcmp(name, origins[i]) == 0)
		{
			*origin = i;
			return true;
		}
	return false;
}

int
metric_find(const Scorecard *card, const char *name)
{
	for (int i = 0; i < card->n_added; i++)
		if (strcmp(card->added[i].name, name) == 0)
			return i;
	return -1;
}

static char *
text_column(HeapTuple row, TupleDesc desc, int attno)
{
	bool		isnull;
	Datum		value = heap_getattr(row, attno, desc, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

/* The order of these columns is that of the enum. */
static const char *const metrics_query =
	"SELECT metric, weight, origin, expression, aggregate, uses, direction, scale, parameters, decimals, axis, relation,"
	" relation_oid, key, occurred_at, filter, within, if_missing, allow_protected, captured"
	" FROM custprio.metric WHERE scorecard_id = $1 AND origin <> 'built-in' ORDER BY position, metric";

enum
{
	C_METRIC = 1, C_WEIGHT, C_ORIGIN, C_EXPRESSION, C_AGGREGATE, C_USES, C_DIRECTION, C_SCALE, C_PARAMETERS, C_DECIMALS,
	C_AXIS, C_RELATION, C_RELATION_OID, C_KEY, C_OCCURRED_AT, C_FILTER, C_WITHIN, C_IF_MISSING, C_ALLOW_PROTECTED,
	C_CAPTURED
};

static void
read_metric(HeapTuple row, TupleDesc desc, void *arg)
{
	Scorecard  *card = arg;
	AddedMetric *metric;
	Datum	   *elements;
	Datum		value;
	bool		isnull;
	int			n;

	if (card->n_added == METRICS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("scorecard \"%s\" has more than %d added metrics", card->name, METRICS_MAX)));
	metric = &card->added[card->n_added];
	metric->name = text_column(row, desc, C_METRIC);
	if (!metric_origin_by_name(text_column(row, desc, C_ORIGIN), &metric->origin) ||
		!metric_scale_by_name(text_column(row, desc, C_SCALE), &metric->scale))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("metric \"%s\" of scorecard \"%s\" is of a kind that this version does not know", metric->name,
						card->name),
				 errhint("Run ALTER EXTENSION custprio UPDATE, and restart the server after an update.")));
	metric->weight = DatumGetNumericCopy(heap_getattr(row, C_WEIGHT, desc, &isnull));
	metric->expression = text_column(row, desc, C_EXPRESSION);
	metric->aggregate = DatumGetBool(heap_getattr(row, C_AGGREGATE, desc, &isnull));
	deconstruct_array(DatumGetArrayTypePCopy(heap_getattr(row, C_USES, desc, &isnull)), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, NULL, &n);
	for (int i = 0; i < n; i++)
		metric->uses = lappend(metric->uses, TextDatumGetCString(elements[i]));
	metric->lower_is_better = strcmp(text_column(row, desc, C_DIRECTION), "lower") == 0;
	metric->decimals = DatumGetInt32(heap_getattr(row, C_DECIMALS, desc, &isnull));
	metric->is_value = strcmp(text_column(row, desc, C_AXIS), "value") == 0;
	metric_set_parameters(metric, DatumGetArrayTypePCopy(heap_getattr(row, C_PARAMETERS, desc, &isnull)), "parameters");

	metric->relation = text_column(row, desc, C_RELATION);
	value = heap_getattr(row, C_RELATION_OID, desc, &isnull);
	metric->relid_hint = isnull ? InvalidOid : DatumGetObjectId(value);
	metric->key = text_column(row, desc, C_KEY);
	metric->occurred_at = text_column(row, desc, C_OCCURRED_AT);
	metric->filter = text_column(row, desc, C_FILTER);
	value = heap_getattr(row, C_WITHIN, desc, &isnull);
	metric->within = isnull ? NULL : DatumGetIntervalP(datumCopy(value, false, sizeof(Interval)));
	value = heap_getattr(row, C_IF_MISSING, desc, &isnull);
	metric->has_default = !isnull;
	if (!isnull)
		metric->default_value = metric_value_of(DatumGetNumeric(value), metric->decimals).value;
	metric->allow_protected = text_column(row, desc, C_ALLOW_PROTECTED);
	metric->captured = DatumGetBool(heap_getattr(row, C_CAPTURED, desc, &isnull));
	card->n_added++;
}

void
metrics_load(Scorecard *card)
{
	Oid			type = INT8OID;
	Datum		id = Int64GetDatum(card->id);

	card->n_added = 0;
	card->added = palloc0(METRICS_MAX * sizeof(AddedMetric));
	catalog_select(metrics_query, 1, &type, &id, NULL, read_metric, card);
}
