/*
 * metric_declare.c: add_metric and drop_metric.
 *
 * An added metric is a row of custprio.metric and a column of the priority table. Its expression is checked like those
 * of create_scorecard: it gives the same answer at any time, the owner may read what it names, and its canonical form is
 * what is stored. A protected attribute needs a reason to be read. Nothing of the state changes, so the next refresh
 * starts from it.
 */
#include "custprio.h"

#include "capture.h"
#include "card_argument.h"
#include "exact.h"
#include "metric.h"
#include "policy.h"
#include "protected.h"
#include "published.h"
#include "relation.h"
#include "table_writer.h"
#include "thresholds.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(custprio_add_metric);
PG_FUNCTION_INFO_V1(custprio_drop_metric);

/* Arguments of add_metric, in SQL order. */
enum
{
	ARG_NAME, ARG_METRIC, ARG_EXPRESSION, ARG_WEIGHT, ARG_DIRECTION, ARG_SCALE, ARG_PARAMETERS, ARG_RELATION, ARG_KEY,
	ARG_OCCURRED_AT, ARG_FILTER, ARG_WITHIN, ARG_IF_MISSING, ARG_DECIMALS, ARG_AXIS, ARG_COLUMNS, ARG_ALLOW_PROTECTED,
	ARG_REASON
};

/* A metric on its way into the catalog: the arguments, completed. */
typedef struct MetricDeclaration
{
	AddedMetric metric;
	Expression	expression;
	Expression	key;
	Expression	occurred_at;
	Expression	filter;
	ArrayType  *parameters;
	Numeric		if_missing;
	char	   *axis;
	List	   *protected_columns;	/* of char * */

	/* from custprio.builtin_metric */
	bool		built_in;
	char	   *template;
	char	   *template_origin;
	char	   *template_scale;
	char	   *template_direction;
	char	   *template_axis;
	ArrayType  *template_parameters;
	Numeric		template_if_missing;
} MetricDeclaration;

static char *
text_argument(FunctionCallInfo fcinfo, int arg)
{
	return PG_ARGISNULL(arg) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(arg));
}

static void
read_template(HeapTuple row, TupleDesc desc, void *arg)
{
	MetricDeclaration *declared = arg;
	Datum		value;
	bool		isnull;

	declared->built_in = true;
	declared->template_origin = TextDatumGetCString(heap_getattr(row, 1, desc, &isnull));
	declared->template = TextDatumGetCString(heap_getattr(row, 2, desc, &isnull));
	declared->template_direction = TextDatumGetCString(heap_getattr(row, 3, desc, &isnull));
	declared->template_scale = TextDatumGetCString(heap_getattr(row, 4, desc, &isnull));
	declared->template_parameters = DatumGetArrayTypePCopy(heap_getattr(row, 5, desc, &isnull));
	declared->template_axis = TextDatumGetCString(heap_getattr(row, 6, desc, &isnull));
	value = heap_getattr(row, 7, desc, &isnull);
	declared->template_if_missing = isnull ? NULL : DatumGetNumericCopy(value);
}

/* What {name} in a template stands for: as columns says, else the column or metric of that name. */
static char *
placeholder_text(const char *name, Jsonb *columns)
{
	JsonbValue	buffer;
	JsonbValue *value = columns ? getKeyJsonValueFromContainer(&columns->root, name, strlen(name), &buffer) : NULL;

	if (value == NULL)
		return pstrdup(quote_identifier(name));
	if (value->type != jbvString)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"columns\": \"%s\" is not an expression", name),
				 errhint("Pass texts, for example '{\"%s\": \"my_column\"}'.", name)));
	return psprintf("(%s)", pnstrdup(value->val.string.val, value->val.string.len));
}

/* A template with its placeholders replaced. */
static char *
fill_template(const char *template, Jsonb *columns)
{
	StringInfoData text;
	List	   *names = NIL;

	if (columns && !JB_ROOT_IS_OBJECT(columns))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"columns\" must be an object of names and expressions"),
				 errhint("Pass for example '{\"score\": \"rating\"}'.")));
	initStringInfo(&text);
	while (*template)
	{
		const char *end = *template == '{' ? strchr(template, '}') : NULL;

		if (end == NULL)
			appendStringInfoChar(&text, *template++);
		else
		{
			char	   *name = pnstrdup(template + 1, end - template - 1);

			names = lappend(names, name);
			appendStringInfoString(&text, placeholder_text(name, columns));
			template = end + 1;
		}
	}
	if (columns)
	{
		JsonbIterator *iterator = JsonbIteratorInit(&columns->root);
		JsonbIteratorToken token;
		JsonbValue	value;

		while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		{
			char	   *given;
			bool		known = false;

			if (token != WJB_KEY)
				continue;
			given = pnstrdup(value.val.string.val, value.val.string.len);
			for (int i = 0; i < list_length(names); i++)
				known = known || strcmp(given, list_nth(names, i)) == 0;
			if (!known)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("argument \"columns\": the metric has no part \"%s\"", given),
						 errhint("custprio.builtin_metric lists the parts of each metric.")));
		}
	}
	return text.data;
}

static void
check_name(const Scorecard *card, const char *name, Oid facts_relid)
{
	if (name == NULL || *name == '\0' || strlen(name) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(name && *name ? ERRCODE_NAME_TOO_LONG : ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"metric\" must be a name of 1 to %d bytes", NAMEDATALEN - 1),
				 errhint("It becomes a column of the priority table.")));
	for (const char *c = name; *c; c++)
		if ((unsigned char) *c < ' ' || *c == 0x7f)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_NAME),
					 errmsg("argument \"metric\" must not contain control characters")));
	for (Metric metric = 0; metric < SCORECARD_METRICS; metric++)
		if (strcmp(name, metric_name(metric)) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_OBJECT),
					 errmsg("argument \"metric\": every scorecard has metric \"%s\"", name),
					 errhint("Give it a weight with custprio.set_weights.")));
	if (metric_find(card, name) >= 0 || get_attnum(card->priority_relid, name) != InvalidAttrNumber ||
		get_attnum(facts_relid, name) != InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_COLUMN),
				 errmsg("argument \"metric\": the name \"%s\" is taken", name),
				 metric_find(card, name) >= 0 ? errdetail("Scorecard \"%s\" has a metric of this name.", card->name)
				 : errdetail("It is a column of the priority table, or one that expressions over purchases know."),
				 errhint("Choose another name.")));
	if (card->n_added == METRICS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("scorecard \"%s\" has %d added metrics already, as many as there can be", card->name,
						METRICS_MAX)));
}

/* What the metric is over, from the relation given and the origin of a built-in metric. */
static void
choose_origin(FunctionCallInfo fcinfo, const Scorecard *card, MetricDeclaration *declared)
{
	AddedMetric *metric = &declared->metric;
	Oid			given = PG_ARGISNULL(ARG_RELATION) ? InvalidOid : PG_GETARG_OID(ARG_RELATION);

	if (OidIsValid(given))
	{
		metric->origin = METRIC_OF_RELATION;
		if (PG_ARGISNULL(ARG_KEY) && given == card->customers_relid)
			metric->origin = METRIC_OF_CUSTOMERS;
		else if (PG_ARGISNULL(ARG_KEY) && given == card->source_relid)
			metric->origin = METRIC_OF_SOURCE;
	}
	else if (declared->built_in)
		(void) metric_origin_by_name(declared->template_origin, &metric->origin);
	else
		metric->origin = METRIC_OF_PURCHASES;

	if (declared->built_in && OidIsValid(given) && strcmp(declared->template_origin, "purchases") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"relation\": metric \"%s\" is computed from purchases", metric->name),
				 errhint("Leave it out.")));
	if (metric->origin == METRIC_OF_RELATION && !OidIsValid(given))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"relation\" must be given for metric \"%s\"", metric->name),
				 errhint("Name the table or view that has its rows.")));
	if (metric->origin == METRIC_OF_CUSTOMERS && !OidIsValid(card->customers_relid))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("scorecard \"%s\" has no relation of customers, which metric \"%s\" reads", card->name,
						metric->name),
				 errhint("Declare one with alter_scorecard(customers => ..., customers_key => ...), or pass relation and key.")));
	if (metric->origin == METRIC_OF_RELATION && PG_ARGISNULL(ARG_KEY))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"key\" must be given with a relation that is not the source or that of the customers"),
				 errhint("Give the expression over it that equals the scorecard's customer.")));
	if (metric->origin == METRIC_OF_SOURCE && !PG_ARGISNULL(ARG_OCCURRED_AT))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"occurred_at\" is the purchase's time for rows of the source"),
				 errhint("Leave it out, or pass a key to treat the source like any other relation.")));
	if (metric->origin == METRIC_OF_PURCHASES)
	{
		static const int row_args[] = {ARG_KEY, ARG_OCCURRED_AT, ARG_FILTER, ARG_WITHIN};
		static const char *const row_names[] = {"key", "occurred_at", "filter", "within"};

		for (int i = 0; i < lengthof(row_args); i++)
			if (!PG_ARGISNULL(row_args[i]))
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("argument \"%s\" needs a relation", row_names[i]),
						 errhint("Without one the expression is over the columns of type custprio.customer_facts.")));
	}
}

static Oid
rows_relid(const Scorecard *card, const AddedMetric *metric)
{
	return metric->origin == METRIC_OF_CUSTOMERS ? card->customers_relid :
		metric->origin == METRIC_OF_SOURCE ? card->source_relid : metric->relid;
}

static void
expression_of(Expression *expr, const char *argument, ExpressionKind kind, char *text)
{
	memset(expr, 0, sizeof(Expression));
	expr->argument = argument;
	expr->kind = kind;
	expr->text = text;
	expr->of_metric = true;
}

/* Check the expressions as the owner and make them canonical. */
static void
check_expressions(FunctionCallInfo fcinfo, Scorecard *card, MetricDeclaration *declared, const char *search_path,
				  Oid facts_relid)
{
	AddedMetric *metric = &declared->metric;
	Oid			relid = metric->origin == METRIC_OF_PURCHASES ? facts_relid : rows_relid(card, metric);
	Expression *expr = &declared->expression;

	if (metric->origin == METRIC_OF_PURCHASES)
		for (int i = 0; i < card->n_added; i++)
			expr->metrics = lappend(unconstify(List *, expr->metrics), card->added[i].name);
	else
		expr->may_aggregate = true;
	expression_check(expr, relid, search_path);
	metric->expression = expr->text;
	metric->aggregate = expr->aggregate;
	metric->uses = expr->uses;

	expression_of(&declared->key, "key", EXPRESSION_KEY, text_argument(fcinfo, ARG_KEY));
	expression_of(&declared->occurred_at, "occurred_at", EXPRESSION_TIME, text_argument(fcinfo, ARG_OCCURRED_AT));
	expression_of(&declared->filter, "filter", EXPRESSION_CONDITION, text_argument(fcinfo, ARG_FILTER));
	if (declared->key.text)
	{
		expression_check(&declared->key, relid, search_path);
		if (declared->key.type != card->key_type)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("argument \"key\" must have the type of the customer"),
					 errdetail("key is %s, customer_id is %s.", format_type_be(declared->key.type),
							   format_type_be(card->key_type)),
					 errhint("Cast it, for example key => '(%s)::%s'.", declared->key.text,
							 format_type_be(card->key_type))));
		metric->key = declared->key.text;
	}
	if (declared->occurred_at.text)
	{
		expression_check(&declared->occurred_at, relid, search_path);
		metric->occurred_at = declared->occurred_at.text;
	}
	if (declared->filter.text)
	{
		expression_check(&declared->filter, relid, search_path);
		metric->filter = declared->filter.text;
	}
	if (metric->within && metric->occurred_at == NULL && metric->origin != METRIC_OF_SOURCE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"within\" needs \"occurred_at\""),
				 errhint("Give the expression that says when a row of the relation happened.")));
}

/* Protected attributes that the metric reads need a reason. */
static void
check_protected(const Scorecard *card, MetricDeclaration *declared)
{
	AddedMetric *metric = &declared->metric;
	Bitmapset  *columns = bms_union(declared->expression.columns, declared->filter.columns);
	char	   *why = NULL;

	if (metric->origin == METRIC_OF_PURCHASES)
		return;
	declared->protected_columns = protected_attributes(rows_relid(card, metric), columns, &why);
	if (metric->allow_protected && strspn(metric->allow_protected, " \t\r\n") == strlen(metric->allow_protected))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"allow_protected\" must be a reason"),
				 errhint("Say why the attribute may be scored; it is stored and shown.")));
	if (declared->protected_columns != NIL && metric->allow_protected == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("metric \"%s\" reads the protected attribute %s", metric->name,
						(char *) linitial(declared->protected_columns)),
				 errdetail("It is protected: %s.", why),
				 errhint("Leave it out, or pass allow_protected => 'the reason why it may be scored'.")));
	if (declared->protected_columns == NIL)
		metric->allow_protected = NULL;
}

static void
check_within(Interval *within)
{
	Interval	day = {.day = 1};

	if (within && DatumGetInt32(DirectFunctionCall2(interval_cmp, IntervalPGetDatum(within), IntervalPGetDatum(&day))) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"within\" must be at least 1 day"),
				 errdetail("It is %s.", DatumGetCString(DirectFunctionCall1(interval_out, IntervalPGetDatum(within)))),
				 errhint("Days are whole local days up to the as-of day, inclusive.")));
}

/* Decimals that the type of an expression tells of: none of integers, those of numeric(p,s). */
static int
decimals_of(const Expression *expr)
{
	switch (expr->type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return 0;
		case NUMERICOID:
			return exact_typmod_scale(expr->typmod) < 0 ? METRIC_DECIMALS :
				Min(exact_typmod_scale(expr->typmod), METRIC_DECIMALS_MAX);
		default:
			return METRIC_DECIMALS;
	}
}

/* Scale, direction, axis, decimals, weight and the value of those without one. */
static void
check_options(FunctionCallInfo fcinfo, MetricDeclaration *declared)
{
	AddedMetric *metric = &declared->metric;
	const char *direction = text_argument(fcinfo, ARG_DIRECTION);
	const char *scale = text_argument(fcinfo, ARG_SCALE);
	ArrayType  *parameters = PG_ARGISNULL(ARG_PARAMETERS) ? NULL : PG_GETARG_ARRAYTYPE_P(ARG_PARAMETERS);
	Numeric		zero = int64_to_numeric(0);

	if (direction == NULL)
		direction = declared->built_in ? declared->template_direction : "higher";
	if (strcmp(direction, "higher") != 0 && strcmp(direction, "lower") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"direction\" must be \"higher\" or \"lower\""),
				 errdetail("It is \"%s\".", direction),
				 errhint("It says which values are better.")));
	metric->lower_is_better = strcmp(direction, "lower") == 0;
	/* the parameters of a template belong to its scale */
	if (scale == NULL && parameters == NULL && declared->built_in)
		parameters = declared->template_parameters;
	if (scale == NULL)
		scale = declared->built_in ? declared->template_scale : "percentile";
	if (!metric_scale_by_name(scale, &metric->scale))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"scale\": there is no scale \"%s\"", scale),
				 errhint("Use percentile, quantile, minmax, z, log, breaks or target.")));
	if (metric->scale == SCALE_TARGET && metric->lower_is_better)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"direction\" must be \"higher\" with scale \"target\""),
				 errhint("Values near the target are the best ones.")));
	metric->decimals = PG_ARGISNULL(ARG_DECIMALS) ? decimals_of(&declared->expression) : PG_GETARG_INT32(ARG_DECIMALS);
	if (metric->decimals < 0 || metric->decimals > METRIC_DECIMALS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"decimals\" must be between 0 and %d", METRIC_DECIMALS_MAX),
				 errdetail("It is %d.", metric->decimals),
				 errhint("Values are published and scored with so many decimals; there is room for 18 digits in all.")));
	declared->parameters = parameters ? parameters : construct_empty_array(NUMERICOID);
	metric_set_parameters(metric, declared->parameters, "parameters");

	declared->axis = text_argument(fcinfo, ARG_AXIS);
	if (declared->axis == NULL)
		declared->axis = declared->built_in ? declared->template_axis : "value";
	if (strcmp(declared->axis, "value") != 0 && strcmp(declared->axis, "risk") != 0 &&
		strcmp(declared->axis, "need") != 0 && strcmp(declared->axis, "potential") != 0 &&
		strcmp(declared->axis, "adoption") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"axis\": there is no axis \"%s\"", declared->axis),
				 errhint("Use value, risk, need, potential or adoption; only value enters the priority.")));
	metric->is_value = strcmp(declared->axis, "value") == 0;
	if (PG_ARGISNULL(ARG_WEIGHT))
		metric->weight = metric->is_value ? int64_to_numeric(1) : zero;
	else
		metric->weight = policy_check_weight(PG_GETARG_NUMERIC(ARG_WEIGHT), "weight", metric->name);
	if (!metric->is_value && DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(metric->weight),
																NumericGetDatum(zero))) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"weight\" must be 0 on axis \"%s\"", declared->axis),
				 errdetail("Only metrics of axis \"value\" enter the priority."),
				 errhint("Leave the weight out, or pass axis => 'value'.")));

	declared->if_missing = PG_ARGISNULL(ARG_IF_MISSING) ? declared->template_if_missing : PG_GETARG_NUMERIC(ARG_IF_MISSING);
	if (declared->if_missing)
	{
		MetricValue value = metric_value_of(declared->if_missing, metric->decimals);

		if (value.status != METRIC_KNOWN)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"if_missing\" is out of range"),
					 errdetail("It is %s.", exact_text(declared->if_missing)),
					 errhint("It is the value of customers for whom there is none.")));
		metric->has_default = true;
		metric->default_value = value.value;
	}
}

static Datum
text_array(const List *texts)
{
	Datum	   *elements = palloc((list_length(texts) + 1) * sizeof(Datum));

	for (int i = 0; i < list_length(texts); i++)
		elements[i] = CStringGetTextDatum(list_nth(texts, i));
	return PointerGetDatum(construct_array(elements, list_length(texts), TEXTOID, -1, false, TYPALIGN_INT));
}

static void
store_metric(const Scorecard *card, const MetricDeclaration *declared)
{
	const AddedMetric *metric = &declared->metric;
	Oid			types[21] = {
		INT8OID, TEXTOID, NUMERICOID, TEXTOID, TEXTOID, BOOLOID, TEXTARRAYOID, TEXTOID, TEXTOID, NUMERICARRAYOID, INT4OID,
		TEXTOID, TEXTOID, OIDOID, TEXTOID, TEXTOID, TEXTOID, INTERVALOID, NUMERICOID, TEXTARRAYOID, TEXTOID
	};
	Datum		values[21];
	char		nulls[22] = "                     ";
	const char *texts[] = {metric->relation, metric->key, metric->occurred_at, metric->filter, metric->allow_protected};
	static const int text_at[] = {12, 14, 15, 16, 20};

	values[0] = Int64GetDatum(card->id);
	values[1] = CStringGetTextDatum(metric->name);
	values[2] = NumericGetDatum(metric->weight);
	values[3] = CStringGetTextDatum(metric_origin_name(metric->origin));
	values[4] = CStringGetTextDatum(metric->expression);
	values[5] = BoolGetDatum(metric->aggregate);
	values[6] = text_array(metric->uses);
	values[7] = CStringGetTextDatum(metric->lower_is_better ? "lower" : "higher");
	values[8] = CStringGetTextDatum(metric_scale_name(metric->scale));
	values[9] = PointerGetDatum(declared->parameters);
	values[10] = Int32GetDatum(metric->decimals);
	values[11] = CStringGetTextDatum(declared->axis);
	values[13] = ObjectIdGetDatum(metric->relid);
	values[17] = IntervalPGetDatum(metric->within);
	values[18] = NumericGetDatum(declared->if_missing);
	values[19] = text_array(declared->protected_columns);
	for (int i = 0; i < lengthof(texts); i++)
	{
		values[text_at[i]] = texts[i] ? CStringGetTextDatum(texts[i]) : (Datum) 0;
		nulls[text_at[i]] = texts[i] ? ' ' : 'n';
	}
	nulls[13] = metric->relation ? ' ' : 'n';
	nulls[17] = metric->within ? ' ' : 'n';
	nulls[18] = declared->if_missing ? ' ' : 'n';
	catalog_execute("INSERT INTO custprio.metric (scorecard_id, metric, weight, origin, expression, aggregate, uses,"
					" direction, scale, parameters, decimals, axis, relation, relation_oid, key, occurred_at, filter,"
					" within, if_missing, protected, allow_protected, position)"
					" SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,"
					" $21, 1 + pg_catalog.max(m.position) FROM custprio.metric m WHERE m.scorecard_id = $1",
					21, types, values, nulls);
}

/* The statement that gives a metric's declaration for custprio.policy_change. */
static char *
metric_as_text(const char *name)
{
	return psprintf("SELECT pg_catalog.jsonb_strip_nulls(pg_catalog.to_jsonb(m) -"
					" '{scorecard_id,relation_oid,position,captured}'::text[])::text"
					" FROM custprio.metric m WHERE scorecard_id = $1 AND metric = %s", quote_literal_cstr(name));
}

/* Why changes of a metric's relation cannot be captured, or NULL. */
static char *
capture_problem_of(const Scorecard *card, const AddedMetric *metric)
{
	bool		of_customers = metric->origin == METRIC_OF_CUSTOMERS;

	return capture_problem(card, rows_relid(card, metric), of_customers ? card->customers : metric->relation,
						   of_customers ? card->customers_key : metric->key);
}

void
metrics_note_captured(const Scorecard *card)
{
	for (int nth = 0; nth < card->n_added; nth++)
	{
		const AddedMetric *metric = &card->added[nth];
		char	   *problem;

		if (metric->origin != METRIC_OF_CUSTOMERS && metric->origin != METRIC_OF_RELATION)
			continue;
		problem = capture_problem_of(card, metric);
		if (problem && card->capture)
			ereport(NOTICE,
					(errmsg("changes of what metric \"%s\" reads are not captured", metric->name),
					 errdetail("%s", problem),
					 errhint("Each refresh reads its relation whole, which gives the same values.")));
		if ((problem == NULL) != metric->captured)
			catalog_execute("UPDATE custprio.metric SET captured = $3 WHERE scorecard_id = $1 AND metric = $2", 3,
							(Oid[]) {INT8OID, TEXTOID, BOOLOID},
							(Datum[]) {Int64GetDatum(card->id), CStringGetTextDatum(metric->name),
									   BoolGetDatum(problem == NULL)}, NULL);
	}
}

/*
 * Bring the triggers to the metrics there are now. What is known of the source stays complete: its triggers are made
 * anew under a lock that keeps writers out, and the metrics' relations are read whole by the refresh that follows.
 */
static void
follow_capture(const Scorecard *before)
{
	bool		complete;
	Scorecard  *card;

	if (!before->capture)
		return;
	complete = before->source_relations && strcmp(before->source_relations, capture_relations(before)) == 0;
	capture_follow(before->id);
	card = scorecard_load_for(before->id, LOAD_TO_ALTER);
	if (complete)
		catalog_execute("UPDATE custprio.epoch SET source_relations = $2 WHERE scorecard_id = $1", 2,
						(Oid[]) {INT8OID, TEXTOID},
						(Datum[]) {Int64GetDatum(card->id), CStringGetTextDatum(capture_relations(card))}, NULL);
}

/* add_metric(name, metric, expression, ...) */
Datum
custprio_add_metric(PG_FUNCTION_ARGS)
{
	char	   *search_path = pstrdup(namespace_search_path);
	MetricDeclaration declared;
	AddedMetric *metric = &declared.metric;
	Oid			facts_relid = get_typ_typrelid(custprio_type("customer_facts"));
	char	   *text = text_argument(fcinfo, ARG_EXPRESSION);
	Scorecard  *card;
	OwnerScope	scope;

	PreventCommandDuringRecovery("add_metric()");
	PreventCommandIfReadOnly("add_metric()");
	memset(&declared, 0, sizeof(declared));
	card = scorecard_lock_own(text_argument(fcinfo, ARG_NAME), LOAD_TO_ALTER);
	metric->name = text_argument(fcinfo, ARG_METRIC);
	check_name(card, metric->name, facts_relid);

	if (text == NULL)
	{
		Oid			type = TEXTOID;
		Datum		name = CStringGetTextDatum(metric->name);

		if (catalog_select("SELECT origin, expression, direction, scale, parameters, axis, if_missing"
						   " FROM custprio.builtin_metric WHERE metric = $1", 1, &type, &name, NULL, read_template,
						   &declared) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("argument \"expression\" must be given: there is no built-in metric \"%s\"", metric->name),
					 errhint("custprio.builtin_metric lists the built-in metrics.")));
		text = fill_template(declared.template, PG_ARGISNULL(ARG_COLUMNS) ? NULL : PG_GETARG_JSONB_P(ARG_COLUMNS));
	}
	else if (!PG_ARGISNULL(ARG_COLUMNS))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"columns\" belongs to built-in metrics"),
				 errhint("Leave out the expression, or columns.")));
	choose_origin(fcinfo, card, &declared);
	metric->within = PG_ARGISNULL(ARG_WITHIN) ? NULL : PG_GETARG_INTERVAL_P(ARG_WITHIN);
	check_within(metric->within);
	expression_of(&declared.expression, "expression", EXPRESSION_AMOUNT, text);
	metric->allow_protected = text_argument(fcinfo, ARG_ALLOW_PROTECTED);
	if (metric->origin == METRIC_OF_RELATION)
	{
		metric->relid = PG_GETARG_OID(ARG_RELATION);
		metric->relation = relation_checked_name(metric->relid, "relation", card->name);
	}

	owner_scope_enter(&scope, card->owner, card->time_zone);
	check_expressions(fcinfo, card, &declared, search_path, facts_relid);
	if (metric->origin != METRIC_OF_PURCHASES)
		metric_try(card, metric, card->has_epoch ? card->as_of : DatumGetDateADT(DirectFunctionCall1(timestamptz_date,
						   TimestampTzGetDatum(GetCurrentTimestamp()))));
	owner_scope_leave(&scope);
	check_options(fcinfo, &declared);
	check_protected(card, &declared);

	store_metric(card, &declared);
	published_add_metric(card->priority_relid, metric->name,
						 psprintf("metric: %s%s%s", metric->expression, metric->origin == METRIC_OF_PURCHASES ? "" : " of ",
								  metric->origin == METRIC_OF_CUSTOMERS ? card->customers :
								  metric->origin == METRIC_OF_SOURCE ? card->source :
								  metric->relation ? metric->relation : ""));
	policy_note_change(card, "metric", metric_as_text(metric->name), NULL, text_argument(fcinfo, ARG_REASON));
	metrics_note_captured(scorecard_load_for(card->id, LOAD_TO_ALTER));
	follow_capture(card);
	PG_RETURN_VOID();
}

/* drop_metric(name, metric, reason) */
Datum
custprio_drop_metric(PG_FUNCTION_ARGS)
{
	Scorecard  *card;
	char	   *name;
	char	   *before;
	List	   *users;
	int			nth;

	PreventCommandDuringRecovery("drop_metric()");
	PreventCommandIfReadOnly("drop_metric()");
	card = scorecard_lock_own(text_argument(fcinfo, 0), LOAD_TO_ALTER);
	name = text_argument(fcinfo, 1);
	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("argument \"metric\" must not be NULL")));
	nth = metric_find(card, name);
	if (nth < 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("argument \"metric\": scorecard \"%s\" has no added metric \"%s\"", card->name, name),
				 errhint("recency, frequency, monetary and clv stay; set_weights can give them a weight of 0.")));
	users = metric_users(card, name);
	if (users != NIL)
	{
		StringInfoData list;

		initStringInfo(&list);
		for (int i = 0; i < list_length(users); i++)
			appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", (char *) list_nth(users, i));
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("metric \"%s\" of scorecard \"%s\" is in use", name, card->name),
				 errdetail("It is used by %s.", list.data),
				 errhint("Drop these metrics and segments first, or cut the tiers otherwise with set_tiers.")));
	}
	before = policy_text(card, metric_as_text(name));
	catalog_execute("DELETE FROM custprio.metric WHERE scorecard_id = $1 AND metric = $2", 2, (Oid[]) {INT8OID, TEXTOID},
					(Datum[]) {Int64GetDatum(card->id), CStringGetTextDatum(name)}, NULL);
	published_drop_metric(card->priority_relid, name);
	policy_note_change(card, "metric", metric_as_text(name), before, text_argument(fcinfo, 2));
	follow_capture(card);
	PG_RETURN_VOID();
}

/* An expression of a stored metric must still be one of its kind. Returns the columns that it reads. */
static Bitmapset *
verify_expression(const Scorecard *card, const AddedMetric *metric, Oid relid, const char *argument, ExpressionKind kind,
				  char *text)
{
	Expression	expr;

	if (text == NULL)
		return NULL;
	expression_of(&expr, psprintf("%s of metric %s", argument, metric->name), kind, text);
	expr.canonical = true;
	expr.may_aggregate = metric->aggregate && kind == EXPRESSION_AMOUNT;
	(void) expression_parse(&expr, relid);
	if (kind == EXPRESSION_KEY && expr.type != card->key_type)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the key of metric \"%s\" is no longer of type %s", metric->name, format_type_be(card->key_type)),
				 errhint("Drop the metric and add it again with a cast.")));
	return expr.columns;
}

List *
metrics_protected_since(const Scorecard *card)
{
	List	   *warnings = NIL;

	for (int nth = 0; nth < card->n_added; nth++)
	{
		const AddedMetric *metric = &card->added[nth];
		Oid			relid = rows_relid(card, metric);
		Bitmapset  *columns;
		List	   *found;
		char	   *why = NULL;

		if (metric->origin == METRIC_OF_PURCHASES || metric->allow_protected || !OidIsValid(relid))
			continue;
		columns = verify_expression(card, metric, relid, "expression", EXPRESSION_AMOUNT, metric->expression);
		columns = bms_union(columns, verify_expression(card, metric, relid, "filter", EXPRESSION_CONDITION, metric->filter));
		found = protected_attributes(relid, columns, &why);
		if (found != NIL)
			warnings = lappend(warnings, psprintf("metric %s reads %s, which is protected now: %s", metric->name,
												  (char *) linitial(found), why));
	}
	return warnings;
}

void
metrics_verify(const Scorecard *card)
{
	for (int nth = 0; nth < card->n_added; nth++)
	{
		const AddedMetric *metric = &card->added[nth];
		Oid			relid = rows_relid(card, metric);

		/* one over purchases is parsed when it is computed; a relation that is gone is told then */
		if (metric->origin == METRIC_OF_PURCHASES || !OidIsValid(relid))
			continue;
		(void) verify_expression(card, metric, relid, "expression", EXPRESSION_AMOUNT, metric->expression);
		(void) verify_expression(card, metric, relid, "key", EXPRESSION_KEY, metric->key);
		(void) verify_expression(card, metric, relid, "occurred_at", EXPRESSION_TIME, metric->occurred_at);
		(void) verify_expression(card, metric, relid, "filter", EXPRESSION_CONDITION, metric->filter);
	}
}
