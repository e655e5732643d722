/*
 * metric_values.c: the added metrics of all customers of a refresh.
 *
 *   rows of relations ── one query per relation, key and window ──► values
 *   purchase summary and predictions, values of other metrics ── expression per customer ──► values
 *
 * Everything runs as the scorecard's owner inside its scope. Values are rounded once to the metric's decimals, and what
 * is published, scored and compared is that. Of other relations only rows up to the as-of day count.
 */
#include "custprio.h"

#include "aliases.h"
#include "metric.h"

#include "customer_set.h"
#include "exact.h"
#include "expression.h"
#include "query.h"
#include "regime.h"
#include "table_writer.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/sysattr.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(custprio_scoring_day);
PG_FUNCTION_INFO_V1(custprio_metric_value);

/* What scoring_day() and metric_value() answer while metrics are computed. */
static bool computing = false;
static DateADT computing_day;
static const Scorecard *computing_card;
static const Customer *computing_customer;

Datum
custprio_scoring_day(PG_FUNCTION_ARGS)
{
	if (!computing)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("scoring_day() has a value only while a metric is computed"),
				 errhint("Use it in the expressions of custprio.add_metric.")));
	PG_RETURN_DATEADT(computing_day);
}

Datum
custprio_metric_value(PG_FUNCTION_ARGS)
{
	const MetricValue *value;
	int			nth;

	if (computing_customer == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("metric_value() has a value only while a metric is computed from purchases"),
				 errhint("Name metrics in the expressions of custprio.add_metric like columns.")));
	nth = metric_find(computing_card, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	if (nth < 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("scorecard \"%s\" has no added metric \"%s\"", computing_card->name,
						text_to_cstring(PG_GETARG_TEXT_PP(0)))));
	value = &computing_customer->metric[nth];
	if (value->status != METRIC_KNOWN)
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(exact_to_numeric(value->value, computing_card->added[nth].decimals));
}

bool
metrics_read_relations(const Scorecard *card)
{
	for (int nth = 0; nth < card->n_added; nth++)
		if ((card->added[nth].origin == METRIC_OF_CUSTOMERS || card->added[nth].origin == METRIC_OF_RELATION) &&
			!(card->capture && card->added[nth].captured))
			return true;
	return false;
}

/* Names the metrics at hand in messages. */
typedef struct MetricNames
{
	const AddedMetric *const *metric;
	int			n;
	const Scorecard *card;
} MetricNames;

static void
name_metrics(void *arg)
{
	const MetricNames *names = arg;
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < names->n; i++)
		appendStringInfo(&list, "%s\"%s\"", i > 0 ? ", " : "", names->metric[i]->name);
	errcontext("computing metric %s of scorecard \"%s\"", list.data, names->card->name);
}

/* The relation, key, time and filter of a metric as they stand: those of the card where the metric follows it. */
typedef struct MetricRows
{
	const char *relation;
	Oid			relid;
	const char *key;
	const char *occurred_at;
	const char *filter;			/* of the card, beside the metric's own */
	Interval   *within;
	bool		regimes;		/* rows before the regime that applies are left out */
} MetricRows;

static MetricRows
metric_rows(const Scorecard *card, const AddedMetric *metric)
{
	MetricRows	rows = {metric->relation, metric->relid, metric->key, metric->occurred_at, NULL, metric->within, false};

	if (metric->origin == METRIC_OF_CUSTOMERS)
	{
		rows.relation = card->customers;
		rows.relid = card->customers_relid;
		rows.key = card->customers_key;
	}
	else if (metric->origin == METRIC_OF_SOURCE)
	{
		rows.relation = card->source;
		rows.relid = card->source_relid;
		rows.key = card->customer;
		rows.occurred_at = card->purchased_at;
		rows.filter = card->filter;
		if (rows.within == NULL)
			rows.within = card->history;
		rows.regimes = true;
	}
	if (rows.relation == NULL || !OidIsValid(rows.relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 metric->origin == METRIC_OF_CUSTOMERS
				 ? errmsg("scorecard \"%s\" has no relation of customers any more, which metric \"%s\" reads", card->name,
						  metric->name)
				 : errmsg("relation %s of metric \"%s\" of scorecard \"%s\" does not exist", rows.relation, metric->name,
						  card->name),
				 errhint("Remove the metric with drop_metric, or bring the relation back.")));
	return rows;
}

static bool
same_text(const char *a, const char *b)
{
	return (a == NULL || b == NULL) ? a == b : strcmp(a, b) == 0;
}

/* Whether one query can compute both. */
static bool
same_rows(const Scorecard *card, const AddedMetric *a, const AddedMetric *b)
{
	MetricRows	ours = metric_rows(card, a);
	MetricRows	theirs = metric_rows(card, b);

	return ours.relid == theirs.relid && a->aggregate == b->aggregate && same_text(ours.key, theirs.key) &&
		same_text(ours.occurred_at, theirs.occurred_at) && same_text(a->filter, b->filter) &&
		same_text(ours.filter, theirs.filter) && ours.regimes == theirs.regimes &&
		((ours.within == NULL || theirs.within == NULL) ? ours.within == theirs.within :
		 memcmp(ours.within, theirs.within, sizeof(Interval)) == 0);
}

char *
metric_query(const Scorecard *card, const AddedMetric *const *metrics, int n, DateADT as_of, const char *condition)
{
	MetricRows	rows = metric_rows(card, metrics[0]);
	StringInfoData sql;
	char		day[MAXDATELEN + 1];
	const char *key = rows.key;
	/* of single rows, those of the key itself count: two customers' attributes make no third */
	const char *join = metrics[0]->aggregate ? aliases_join(card, &key) : "";

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT (%s)", key);
	for (int i = 0; i < n; i++)
		appendStringInfo(&sql, ", (%s)::pg_catalog.\"numeric\"", metrics[i]->expression);
	appendStringInfoString(&sql, metrics[0]->aggregate ? ", pg_catalog.count(*)" : ", 1::pg_catalog.int8");
	appendStringInfo(&sql, " FROM %s%s WHERE %s", rows.relation, join, condition);
	if (rows.filter)
		appendStringInfo(&sql, " AND (%s)", rows.filter);
	if (metrics[0]->filter)
		appendStringInfo(&sql, " AND (%s)", metrics[0]->filter);
	if (rows.occurred_at)
	{
		/* TimeZone is the card's: a cast to date gives the local day */
		const char *as_of_text = psprintf("'%s'::pg_catalog.date", custprio_date_text(as_of, day));

		appendStringInfo(&sql, " AND pg_catalog.isfinite(%s) AND (%s)::pg_catalog.date OPERATOR(pg_catalog.<=) %s",
						 rows.occurred_at, rows.occurred_at, as_of_text);
		if (rows.within)
			appendStringInfo(&sql, " AND (%s)::pg_catalog.date OPERATOR(pg_catalog.>)"
							 " (%s OPERATOR(pg_catalog.-) %s::pg_catalog.\"interval\")::pg_catalog.date",
							 rows.occurred_at, as_of_text,
							 quote_literal_cstr(DatumGetCString(DirectFunctionCall1(interval_out,
																					 IntervalPGetDatum(rows.within)))));
		if (rows.regimes && regime_start(card, as_of) != DATEVAL_NOBEGIN)
			appendStringInfo(&sql, " AND (%s)::pg_catalog.date OPERATOR(pg_catalog.>=) '%s'::pg_catalog.date",
							 rows.occurred_at, custprio_date_text(regime_start(card, as_of), day));
	}
	if (metrics[0]->aggregate)
		appendStringInfoString(&sql, " GROUP BY 1");
	return sql.data;
}

void
metric_try(const Scorecard *card, const AddedMetric *metric, DateADT as_of)
{
	char	   *sql = metric_query(card, &metric, 1, as_of, "true");

	computing = true;
	computing_day = as_of;
	PG_TRY();
	{
		SPI_connect();
		if (SPI_execute(psprintf("%s LIMIT 0", sql), true, 0) != SPI_OK_SELECT)
			elog(ERROR, "query failed: %s", sql);
		SPI_finish();
	}
	PG_FINALLY();
	{
		computing = false;
	}
	PG_END_TRY();
}

/* Rows of one query on their way into the set. */
typedef struct Taking
{
	const Scorecard *card;
	CustomerSet *set;
	const AddedMetric *metric[METRICS_MAX];
	int			n;
	MemoryContext row_context;
	bool	   *seen;			/* by customer; NULL: grouped, so that no customer comes twice */
} Taking;

static MetricValue
value_of(Datum number, bool isnull, int decimals)
{
	if (isnull)
		return (MetricValue) {0, METRIC_NULL};
	return metric_value_of(DatumGetNumeric(number), decimals);
}

static void
take_values(TupleTableSlot *slot, Taking *taking)
{
	KeyMap	   *map = taking->set->map;
	Datum		key = slot->tts_values[0];
	bool		again;
	uint32		id = KEYMAP_NONE;

	if (!slot->tts_isnull[0])
	{
		if (!map->byval && map->typlen < 0)
			key = PointerGetDatum(PG_DETOAST_DATUM_PACKED(key));
		id = keymap_find(map, key, keymap_hash(map, key));
	}
	if (id == KEYMAP_NONE)
	{
		for (int i = 0; i < taking->n; i++)
			taking->set->unknown_rows[taking->metric[i] - taking->card->added] +=
				DatumGetInt64(slot->tts_values[taking->n + 1]);
		return;
	}
	again = taking->seen && taking->seen[id];
	if (taking->seen)
		taking->seen[id] = true;
	for (int i = 0; i < taking->n; i++)
	{
		const AddedMetric *metric = taking->metric[i];
		MetricValue *into = &customer_at(taking->set, id)->metric[metric - taking->card->added];
		MetricValue value = value_of(slot->tts_values[i + 1], slot->tts_isnull[i + 1], metric->decimals);

		if (again && (value.status != into->status || value.value != into->value))
		{
			Oid			output;
			bool		varlena;

			getTypeOutputInfo(taking->card->key_type, &output, &varlena);
			ereport(ERROR,
					(errcode(ERRCODE_CARDINALITY_VIOLATION),
					 errmsg("metric \"%s\" has more than one value for a customer", metric->name),
					 errdetail("Rows of customer %s give different values.", OidOutputFunctionCall(output, key)),
					 errhint("Use an aggregate function in the expression, such as max, or mend the rows.")));
		}
		*into = value;
	}
}

static void
take_row(TupleTableSlot *slot, void *arg)
{
	Taking	   *taking = arg;
	MemoryContext old = MemoryContextSwitchTo(taking->row_context);

	take_values(slot, taking);
	MemoryContextSwitchTo(old);
	MemoryContextReset(taking->row_context);
}

/* All metrics over relations, those with the same rows in one query. */
static void
read_relations(const Scorecard *card, CustomerSet *set, DateADT as_of)
{
	bool	   *done = palloc0(METRICS_MAX * sizeof(bool));
	Oid			array_type = set->partial ? get_array_type(card->key_type) : InvalidOid;
	Datum		array = set->partial ? keymap_array(aliases_expand(card, set->map), card->key_type) : (Datum) 0;
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "custprio metric row", ALLOCSET_SMALL_SIZES);

	for (int nth = 0; nth < card->n_added; nth++)
	{
		Taking		taking = {.card = card,.set = set,.row_context = row_context};
		QueryRows	rows = {NULL, take_row, &taking};
		MetricNames names = {taking.metric, 0, card};
		ErrorContextCallback callback = {error_context_stack, name_metrics, &names};
		const char *condition = "true";

		if (done[nth] || card->added[nth].origin == METRIC_OF_PURCHASES)
			continue;
		for (int other = nth; other < card->n_added; other++)
			if (!done[other] && card->added[other].origin != METRIC_OF_PURCHASES &&
				same_rows(card, &card->added[nth], &card->added[other]))
			{
				taking.metric[taking.n++] = &card->added[other];
				done[other] = true;
			}
		if (!card->added[nth].aggregate)
			taking.seen = MemoryContextAllocExtended(CurrentMemoryContext, set->map->n + 1,
													 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		if (set->partial)
			condition = psprintf("(%s) OPERATOR(pg_catalog.=) ANY ($1)", metric_rows(card, &card->added[nth]).key);
		names.n = taking.n;
		error_context_stack = &callback;
		query_each(metric_query(card, taking.metric, taking.n, as_of, condition), array_type, array, &rows,
				   "the rows of a metric");
		error_context_stack = callback.previous;
	}
	MemoryContextDelete(row_context);
}

/* Columns of type customer_facts, in its order. */
enum
{
	FACT_FREQUENCY, FACT_PURCHASES, FACT_PURCHASE_DAYS, FACT_REVENUE, FACT_GROSS, FACT_RETURNS, FACT_RETURN_ROWS,
	FACT_AVERAGE_ORDER_VALUE, FACT_FIRST_PURCHASE, FACT_LAST_PURCHASE, FACT_FIRST_DAY, FACT_LAST_DAY, FACT_RECENCY,
	FACT_TENURE, FACT_P_ALIVE, FACT_EXPECTED_PURCHASES, FACT_CLV, FACT_AS_OF, FACT_SUMMARY, N_FACTS
};

/* What is computed from purchases: an expression over customer_facts. */
typedef struct FactsExpression
{
	ExprState  *state;
	bool		reads[N_FACTS];
} FactsExpression;

static Datum
fact(const Scorecard *card, const CustomerSet *set, const Customer *customer, DateADT as_of, int column, bool *isnull)
{
	const PurchaseSummary *summary = customer->summary;
	bool		buyer = customer->stage == STAGE_BUYER;
	SummarySums sums;

	/* counts and sums are there for everybody, the rest for buyers */
	*isnull = false;
	switch (column)
	{
		case FACT_FREQUENCY:
			return Int64GetDatum(customer->frequency);
		case FACT_PURCHASES:
			return Int64GetDatum(customer->purchases);
		case FACT_PURCHASE_DAYS:
			return Int32GetDatum(summary->n_days);
		case FACT_REVENUE:
			return NumericGetDatum(customer_revenue(customer));
		case FACT_GROSS:
			summary_sums(summary, &sums);
			return NumericGetDatum(sums.gross);
		case FACT_RETURNS:
			summary_sums(summary, &sums);
			return NumericGetDatum(sums.returned);
		case FACT_RETURN_ROWS:
			return Int64GetDatum(summary->returns);
		case FACT_AS_OF:
			return DateADTGetDatum(as_of);
		case FACT_SUMMARY:
			return PointerGetDatum(summary);
		default:
			break;
	}
	if (buyer)
		switch (column)
		{
			case FACT_AVERAGE_ORDER_VALUE:
				return DirectFunctionCall2(numeric_div, NumericGetDatum(customer_revenue(customer)),
										   NumericGetDatum(int64_to_numeric(customer->purchases)));
			case FACT_FIRST_PURCHASE:
				return TimestampTzGetDatum(customer->first);
			case FACT_LAST_PURCHASE:
				return TimestampTzGetDatum(customer->last);
			case FACT_FIRST_DAY:
				return DateADTGetDatum(customer->first_day);
			case FACT_LAST_DAY:
				return DateADTGetDatum(customer->last_day);
			case FACT_RECENCY:
				return Int32GetDatum(as_of - customer->last_day);
			case FACT_TENURE:
				return Int32GetDatum(as_of - customer->first_day);
			default:
				break;
		}
	if (buyer && set->has_clv)
		switch (column)
		{
			case FACT_P_ALIVE:
				return NumericGetDatum(exact_to_numeric(customer->p_alive, ALIVE_SCALE));
			case FACT_EXPECTED_PURCHASES:
				return NumericGetDatum(exact_to_numeric(customer->expected_purchases, EXPECTED_SCALE));
			case FACT_CLV:
				return NumericGetDatum(exact_to_numeric(customer->clv, CLV_SCALE(card)));
			default:
				break;
		}
	*isnull = true;
	return (Datum) 0;
}

static void
prepare_expression(const Scorecard *card, int nth, Oid relid, FactsExpression *prepared)
{
	Expression	expr = {.argument = "expression",.kind = EXPRESSION_AMOUNT,.canonical = true,.of_metric = true};
	Node	   *node;

	expr.text = card->added[nth].expression;
	for (int i = 0; i < card->n_added; i++)
		expr.metrics = lappend(unconstify(List *, expr.metrics), card->added[i].name);
	node = expression_parse(&expr, relid);
	node = coerce_to_target_type(NULL, node, exprType(node), NUMERICOID, -1, COERCION_EXPLICIT, COERCE_EXPLICIT_CAST, -1);
	prepared->state = ExecInitExpr(expression_planner((Expr *) node), NULL);
	for (int column = 0; column < N_FACTS; column++)
		prepared->reads[column] = bms_is_member(column + 1 - FirstLowInvalidHeapAttributeNumber, expr.columns);
}

/* All metrics over purchases, customer by customer, each after those it was added after. */
static void
evaluate_facts(const Scorecard *card, CustomerSet *set, DateADT as_of)
{
	Oid			relid = get_typ_typrelid(custprio_type("customer_facts"));
	Relation	facts = relation_open(relid, AccessShareLock);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(CreateTupleDescCopy(RelationGetDescr(facts)), &TTSOpsVirtual);
	ExprContext *context = CreateStandaloneExprContext();
	FactsExpression *expression = palloc0(METRICS_MAX * sizeof(FactsExpression));
	const AddedMetric *metric = NULL;
	MetricNames names = {&metric, 1, card};
	ErrorContextCallback callback = {error_context_stack, name_metrics, &names};

	relation_close(facts, NoLock);
	if (slot->tts_tupleDescriptor->natts != N_FACTS)
		elog(ERROR, "type custprio.customer_facts has %d columns instead of %d", slot->tts_tupleDescriptor->natts, N_FACTS);
	context->ecxt_scantuple = slot;
	error_context_stack = &callback;
	for (int nth = 0; nth < card->n_added; nth++)
	{
		metric = &card->added[nth];
		if (metric->origin == METRIC_OF_PURCHASES)
			prepare_expression(card, nth, relid, &expression[nth]);
	}
	for (uint32 id = 0; id < set->map->n; id++)
	{
		Customer   *customer = customer_at(set, id);

		computing_customer = customer;
		for (int nth = 0; nth < card->n_added; nth++)
		{
			MemoryContext old;
			Datum		value;
			bool		isnull;

			metric = &card->added[nth];
			if (metric->origin != METRIC_OF_PURCHASES)
				continue;
			ResetExprContext(context);
			old = MemoryContextSwitchTo(context->ecxt_per_tuple_memory);
			ExecClearTuple(slot);
			for (int column = 0; column < N_FACTS; column++)
			{
				slot->tts_isnull[column] = true;
				if (expression[nth].reads[column])
					slot->tts_values[column] = fact(card, set, customer, as_of, column, &slot->tts_isnull[column]);
			}
			ExecStoreVirtualTuple(slot);
			value = ExecEvalExpr(expression[nth].state, context, &isnull);
			customer->metric[nth] = value_of(value, isnull, metric->decimals);
			if (customer->metric[nth].status == METRIC_NULL && metric->has_default)
				customer->metric[nth] = (MetricValue) {metric->default_value, METRIC_KNOWN};
			MemoryContextSwitchTo(old);
		}
		if (id % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	error_context_stack = callback.previous;
	FreeExprContext(context, true);
	ExecDropSingleTupleTableSlot(slot);
}

static void
fill_missing(const Scorecard *card, CustomerSet *set)
{
	for (uint32 id = 0; id < set->map->n; id++)
		for (int nth = 0; nth < card->n_added; nth++)
		{
			MetricValue *value = &customer_at(set, id)->metric[nth];

			if (value->status == METRIC_NULL && card->added[nth].has_default)
				*value = (MetricValue) {card->added[nth].default_value, METRIC_KNOWN};
		}
}

void
metric_values(const Scorecard *card, CustomerSet *set, DateADT as_of)
{
	if (card->n_added == 0 || set->map->n == 0)
		return;
	set->unknown_rows = palloc0(card->n_added * sizeof(int64));
	computing = true;
	computing_day = as_of;
	computing_card = card;
	PG_TRY();
	{
		read_relations(card, set, as_of);
		fill_missing(card, set);
		if (set->keep_summaries)
			evaluate_facts(card, set, as_of);
	}
	PG_FINALLY();
	{
		computing = false;
		computing_card = NULL;
		computing_customer = NULL;
	}
	PG_END_TRY();
}
