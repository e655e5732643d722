/*
 * policy.c: set_weights, and how every change of a policy is noted.
 *
 * No policy touches what the state holds, so the state stays valid and the next refresh may start from it; only the
 * published scores are out of date. Every change is noted in custprio.policy_change with who made it and why.
 */
#include "custprio.h"

#include "card_argument.h"
#include "exact.h"
#include "metric.h"
#include "policy.h"
#include "scheduler.h"
#include "thresholds.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(custprio_set_weights);

#define WEIGHT_SCALE	9		/* decimals that a weight is kept with */
#define WEIGHT_MAX		1000000

static Numeric
constant(int64 value)
{
	return DatumGetNumeric(DirectFunctionCall1(int8_numeric, Int64GetDatum(value)));
}

void
policy_require(FunctionCallInfo fcinfo, int arg, const char *argument)
{
	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("argument \"%s\" must not be NULL", argument)));
}

char *
policy_text_argument(FunctionCallInfo fcinfo, int arg)
{
	return PG_ARGISNULL(arg) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(arg));
}

DateADT
policy_day_argument(FunctionCallInfo fcinfo, int arg, const char *argument, DateADT none, const char *hint)
{
	if (PG_ARGISNULL(arg))
		return none;
	if (DATE_NOT_FINITE(PG_GETARG_DATEADT(arg)))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("argument \"%s\" must be a finite day", argument),
				 hint ? errhint("%s", hint) : 0));
	return PG_GETARG_DATEADT(arg);
}

static void
read_text(HeapTuple row, TupleDesc desc, void *arg)
{
	bool		isnull;
	Datum		value = heap_getattr(row, 1, desc, &isnull);

	*(char **) arg = isnull ? NULL : TextDatumGetCString(value);
}

char *
policy_text(const Scorecard *card, const char *sql)
{
	char	   *text = NULL;

	catalog_select(sql, 1, (Oid[]) {INT8OID}, (Datum[]) {Int64GetDatum(card->id)}, NULL, read_text, &text);
	return text;
}

#define WEIGHTS_AS_TEXT \
	"SELECT pg_catalog.jsonb_object_agg(metric, weight)::text FROM custprio.metric WHERE scorecard_id = $1"

void
policy_note_change(const Scorecard *card, const char *policy, const char *sql, const char *before, const char *reason)
{
	char	   *after = policy_text(card, sql);
	Datum		id = Int64GetDatum(card->id);
	Oid			id_type = INT8OID;

	if (before && after && strcmp(before, after) == 0)
		return;
	catalog_execute("INSERT INTO custprio.policy_change (scorecard_id, changed_by, policy, old, new, reason)"
					" VALUES ($1, $2, $3, $4::jsonb, $5::jsonb, $6)", 6,
					(Oid[]) {INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID},
					(Datum[]) {id, CStringGetTextDatum(GetUserNameFromId(GetUserId(), false)),
							   CStringGetTextDatum(policy), before ? CStringGetTextDatum(before) : (Datum) 0,
							   after ? CStringGetTextDatum(after) : (Datum) 0,
							   reason ? CStringGetTextDatum(reason) : (Datum) 0},
					(char[]) {' ', ' ', ' ', before ? ' ' : 'n', after ? ' ' : 'n', reason ? ' ' : 'n', '\0'});
	catalog_execute("UPDATE custprio.epoch SET state_version = state_version + 1"
					" WHERE scorecard_id = $1 AND state_version ="
					" (SELECT version FROM custprio.scorecard WHERE scorecard_id = $1)", 1, &id_type, &id, NULL);
	catalog_execute("UPDATE custprio.scorecard SET version = version + 1 WHERE scorecard_id = $1", 1, &id_type, &id, NULL);
	scheduler_wake_at_commit();
}

/* The number of a metric among the built-in and then the added ones; raises for a name that the scorecard has not. */
static int
metric_by_name(const Scorecard *card, const char *name)
{
	StringInfoData names;
	int			n = card->clv_model ? SCORECARD_METRICS : RFM_METRICS;
	int			added = metric_find(card, name);

	if (added >= 0)
		return SCORECARD_METRICS + added;
	initStringInfo(&names);
	for (Metric metric = 0; metric < n; metric++)
	{
		if (strcmp(name, metric_name(metric)) == 0)
			return metric;
		appendStringInfo(&names, "%s%s", metric > 0 ? ", " : "", metric_name(metric));
	}
	for (int i = 0; i < card->n_added; i++)
		appendStringInfo(&names, ", %s", card->added[i].name);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("argument \"weights\": scorecard \"%s\" has no metric \"%s\"", card->name, name),
			 card->clv_model ? errhint("Its metrics are %s.", names.data)
			 : errhint("Its metrics are %s; clv needs a clv_model.", names.data)));
	return 0;					/* keep compiler quiet */
}

Numeric
policy_check_weight(Numeric given, const char *argument, const char *metric)
{
	if (exact_compare(given, constant(0)) < 0 || exact_compare(given, constant(WEIGHT_MAX)) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\": a weight must be between 0 and %d", argument, WEIGHT_MAX),
				 errdetail("The weight of \"%s\" is %s.", metric, exact_text(given)),
				 errhint("Only the proportions of the weights matter.")));
	given = DatumGetNumeric(DirectFunctionCall2(numeric_round, NumericGetDatum(given), Int32GetDatum(WEIGHT_SCALE)));
	return DatumGetNumeric(DirectFunctionCall1(numeric_trim_scale, NumericGetDatum(given)));
}

/* set_weights(name, weights jsonb, reason): metrics that are not named keep their weight */
Datum
custprio_set_weights(PG_FUNCTION_ARGS)
{
	Scorecard  *card = own_card_argument(fcinfo, "set_weights()");
	char	   *before = policy_text(card, WEIGHTS_AS_TEXT);
	Numeric		weight[SCORECARD_METRICS + METRICS_MAX];
	Numeric		sum = constant(0);
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *metric_key = NULL;
	Jsonb	   *weights;

	policy_require(fcinfo, 1, "weights");
	weights = PG_GETARG_JSONB_P(1);
	if (!JB_ROOT_IS_OBJECT(weights) || JB_ROOT_COUNT(weights) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"weights\" must be an object of metrics and numbers"),
				 errhint("Pass for example '{\"recency\": 1, \"monetary\": 2}'.")));
	memcpy(weight, card->weight, sizeof(card->weight));
	for (int i = 0; i < card->n_added; i++)
		weight[SCORECARD_METRICS + i] = card->added[i].weight;
	iterator = JsonbIteratorInit(&weights->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			metric_key = pnstrdup(value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE)
		{
			int			metric = metric_by_name(card, metric_key);

			if (value.type != jbvNumeric)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("argument \"weights\": the weight of \"%s\" is not a number", metric_key),
						 errhint("Pass for example '{\"recency\": 1, \"monetary\": 2}'.")));
			weight[metric] = policy_check_weight(value.val.numeric, "weights", metric_key);
			if (metric >= SCORECARD_METRICS && !card->added[metric - SCORECARD_METRICS].is_value &&
				exact_compare(weight[metric], constant(0)) > 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("argument \"weights\": metric \"%s\" must not enter the priority", metric_key),
						 errdetail("It is an axis of its own, not of value."),
						 errhint("Set it against a metric of value with custprio.grid, or add it again with axis => 'value'.")));
		}
	}
	/* lifetime values and added metrics may be missing, and then the rest must still make a mean */
	for (Metric metric = 0; metric < RFM_METRICS; metric++)
		sum = exact_op(numeric_add, sum, weight[metric]);
	if (exact_compare(sum, constant(0)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"weights\": recency, frequency and monetary would all weigh nothing"),
				 errdetail("Customers have no priority where no metric with a weight is known; clv and added metrics can be missing."),
				 errhint("Give one of them a weight, however small.")));
	for (Metric metric = 0; metric < (card->clv_model ? SCORECARD_METRICS : RFM_METRICS); metric++)
		catalog_execute("INSERT INTO custprio.metric (scorecard_id, metric, weight) VALUES ($1, $2, $3)"
						" ON CONFLICT (scorecard_id, metric) DO UPDATE SET weight = EXCLUDED.weight", 3,
						(Oid[]) {INT8OID, TEXTOID, NUMERICOID},
						(Datum[]) {Int64GetDatum(card->id), CStringGetTextDatum(metric_name(metric)),
								   NumericGetDatum(weight[metric])}, NULL);
	for (int i = 0; i < card->n_added; i++)
		catalog_execute("UPDATE custprio.metric SET weight = $3 WHERE scorecard_id = $1 AND metric = $2", 3,
						(Oid[]) {INT8OID, TEXTOID, NUMERICOID},
						(Datum[]) {Int64GetDatum(card->id), CStringGetTextDatum(card->added[i].name),
								   NumericGetDatum(weight[SCORECARD_METRICS + i])}, NULL);
	policy_note_change(card, "weights", WEIGHTS_AS_TEXT, before, policy_text_argument(fcinfo, 2));
	PG_RETURN_VOID();
}
