/*
 * scorecard.c: create_scorecard, alter_scorecard and drop_scorecard.
 *
 * The published tables are made as the caller, who thereby owns them and the scorecard; the catalog row is written
 * as the extension's owner. A row is written before the tables, so that two sessions that create the same scorecard
 * meet at the catalog's unique index and not halfway.
 */
#include "custprio.h"

#include "capture.h"
#include "card_argument.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "clv/model.h"
#include "declaration.h"
#include "metric.h"
#include "miscadmin.h"
#include "on_commit_list.h"
#include "published.h"
#include "scorecard.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(custprio_create_scorecard);
PG_FUNCTION_INFO_V1(custprio_alter_scorecard);
PG_FUNCTION_INFO_V1(custprio_drop_scorecard);

/* Arguments that create_scorecard and alter_scorecard share, in SQL order. */
enum
{
	ARG_NAME, ARG_SOURCE, ARG_CUSTOMER, ARG_PURCHASED_AT, ARG_AMOUNT, ARG_FILTER, ARG_EVERY, ARG_TIME_ZONE,
	ARG_HISTORY, ARG_CUSTOMERS, ARG_CUSTOMERS_KEY, ARG_FREQUENCY_BY, ARG_BINS, ARG_SEGMENT_MAP, ARG_ABC_CUTS,
	ARG_AMOUNT_SCALE, ARG_MAX_RUNTIME, ARG_CLV_MODEL, ARG_CLV_TIME_UNIT, ARG_CLV_HORIZON, ARG_CLV_DISCOUNT,
	ARG_CLV_MARGIN, ARG_CLV_GROWTH, ARG_PARTITION_BY, ARG_THRESHOLDS_BY, ARG_SEGMENT_MINIMUM, ARG_ALLOW_PROTECTED,
	ARG_CAPTURE, ARG_REBUILD_EVERY, ARG_REBASE_EVERY, ARG_REFRESH_ON_COMMIT,
	ARG_CHANGED_SINCE, ARG_TIER_HISTORY_AGE, ARG_TIER_HISTORY_ROWS, ARG_LAST
};

/* Parameters of a catalog statement. */
typedef struct Parameters
{
	int			n;
	Oid			type[48];
	Datum		value[48];
	char		null[48];
} Parameters;

static void
add_value(Parameters *parameters, Oid type, Datum value, bool isnull)
{
	parameters->type[parameters->n] = type;
	parameters->value[parameters->n] = value;
	parameters->null[parameters->n] = isnull ? 'n' : ' ';
	parameters->n++;
}

static void
add_text(Parameters *parameters, const char *value)
{
	add_value(parameters, TEXTOID, value ? CStringGetTextDatum(value) : (Datum) 0, value == NULL);
}

static void
add_interval(Parameters *parameters, Interval *value)
{
	add_value(parameters, INTERVALOID, IntervalPGetDatum(value), value == NULL);
}

/* The parameters $1 to $40 of the statements that write a scorecard's row. */
static void
add_declaration(Parameters *parameters, Declaration *declaration, const char *schema)
{
	parameters->n = 0;
	add_text(parameters, declaration->name);
	add_text(parameters, schema);
	add_text(parameters, declaration->source);
	add_value(parameters, OIDOID, ObjectIdGetDatum(declaration->source_relid), false);
	add_text(parameters, declaration->customer.text);
	add_text(parameters, declaration->purchased_at.text);
	add_text(parameters, declaration->amount.text);
	add_text(parameters, declaration->filter.text);
	add_text(parameters, declaration->customers);
	add_value(parameters, OIDOID, ObjectIdGetDatum(declaration->customers_relid), declaration->customers == NULL);
	add_text(parameters, declaration->customers_key.text);
	add_interval(parameters, declaration->every);
	add_text(parameters, declaration->time_zone);
	add_interval(parameters, declaration->history);
	add_text(parameters, declaration->frequency_by);
	add_value(parameters, INT4OID, Int32GetDatum(declaration->bins), false);
	add_text(parameters, declaration->segment_map);
	add_value(parameters, NUMERICARRAYOID, PointerGetDatum(declaration->abc_cuts), false);
	add_value(parameters, INT4OID, Int32GetDatum(declaration->amount_scale), false);
	add_interval(parameters, declaration->max_runtime);
	add_text(parameters, declaration->clv_model);
	add_text(parameters, declaration->clv_time_unit);
	add_interval(parameters, declaration->clv_horizon);
	add_value(parameters, FLOAT8OID, Float8GetDatum(declaration->clv_discount), false);
	add_value(parameters, FLOAT8OID, Float8GetDatum(declaration->clv_margin), false);
	add_text(parameters, declaration->capture);
	add_interval(parameters, declaration->rebuild_every);
	add_interval(parameters, declaration->rebase_every);
	add_value(parameters, BOOLOID, BoolGetDatum(declaration->refresh_on_commit), false);
	add_value(parameters, OIDOID, ObjectIdGetDatum(declaration->owner), false);
	add_text(parameters, GetUserNameFromId(declaration->owner, false));
	add_text(parameters, custprio_database_identity());
	add_text(parameters, declaration->partition_by.text);
	add_text(parameters, declaration->changed_since.text);
	add_interval(parameters, declaration->tier_history_age);
	add_value(parameters, INT8OID, Int64GetDatum(declaration->tier_history_rows), declaration->tier_history_rows == 0);
	add_text(parameters, declaration->thresholds_by);
	add_value(parameters, INT4OID, Int32GetDatum(declaration->segment_minimum), false);
	add_value(parameters, FLOAT8OID, Float8GetDatum(declaration->clv_growth), false);
	add_text(parameters, declaration->allow_protected);
}

static int
execute(Parameters *parameters, const char *sql)
{
	return catalog_execute(sql, parameters->n, parameters->type, parameters->value, parameters->null);
}

static char *
text_argument(FunctionCallInfo fcinfo, int arg)
{
	return PG_ARGISNULL(arg) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(arg));
}

static void
expression_argument(FunctionCallInfo fcinfo, int arg, Expression *expression)
{
	if (!PG_ARGISNULL(arg))
	{
		expression->text = text_argument(fcinfo, arg);
		expression->canonical = false;
	}
}

/* Put every argument that is not NULL into the declaration. */
static void
read_arguments(FunctionCallInfo fcinfo, Declaration *declaration)
{
	if (!PG_ARGISNULL(ARG_SOURCE))
		declaration->source_relid = PG_GETARG_OID(ARG_SOURCE);
	expression_argument(fcinfo, ARG_CUSTOMER, &declaration->customer);
	expression_argument(fcinfo, ARG_PURCHASED_AT, &declaration->purchased_at);
	expression_argument(fcinfo, ARG_AMOUNT, &declaration->amount);
	expression_argument(fcinfo, ARG_FILTER, &declaration->filter);
	if (!PG_ARGISNULL(ARG_EVERY))
		declaration->every = PG_GETARG_INTERVAL_P(ARG_EVERY);
	if (!PG_ARGISNULL(ARG_TIME_ZONE))
		declaration->time_zone = text_argument(fcinfo, ARG_TIME_ZONE);
	if (!PG_ARGISNULL(ARG_HISTORY))
		declaration->history = PG_GETARG_INTERVAL_P(ARG_HISTORY);
	if (!PG_ARGISNULL(ARG_CUSTOMERS))
		declaration->customers_relid = PG_GETARG_OID(ARG_CUSTOMERS);
	expression_argument(fcinfo, ARG_CUSTOMERS_KEY, &declaration->customers_key);
	if (!PG_ARGISNULL(ARG_FREQUENCY_BY))
		declaration->frequency_by = text_argument(fcinfo, ARG_FREQUENCY_BY);
	if (!PG_ARGISNULL(ARG_ABC_CUTS))
		declaration->abc_cuts = PG_GETARG_ARRAYTYPE_P(ARG_ABC_CUTS);
	if (!PG_ARGISNULL(ARG_AMOUNT_SCALE))
	{
		declaration->has_amount_scale = true;
		declaration->amount_scale = PG_GETARG_INT32(ARG_AMOUNT_SCALE);
	}
	if (!PG_ARGISNULL(ARG_MAX_RUNTIME))
		declaration->max_runtime = PG_GETARG_INTERVAL_P(ARG_MAX_RUNTIME);

	if (!PG_ARGISNULL(ARG_CLV_MODEL))
		declaration->clv_model = text_argument(fcinfo, ARG_CLV_MODEL);
	if (!PG_ARGISNULL(ARG_CLV_TIME_UNIT))
		declaration->clv_time_unit = text_argument(fcinfo, ARG_CLV_TIME_UNIT);
	if (!PG_ARGISNULL(ARG_CLV_HORIZON))
		declaration->clv_horizon = PG_GETARG_INTERVAL_P(ARG_CLV_HORIZON);
	if (!PG_ARGISNULL(ARG_CLV_DISCOUNT))
	{
		declaration->has_clv_discount = true;
		declaration->clv_discount = PG_GETARG_FLOAT8(ARG_CLV_DISCOUNT);
	}
	if (!PG_ARGISNULL(ARG_CLV_MARGIN))
	{
		declaration->has_clv_margin = true;
		declaration->clv_margin = PG_GETARG_FLOAT8(ARG_CLV_MARGIN);
	}
	if (!PG_ARGISNULL(ARG_CLV_GROWTH))
	{
		declaration->has_clv_growth = true;
		declaration->clv_growth = PG_GETARG_FLOAT8(ARG_CLV_GROWTH);
	}
	expression_argument(fcinfo, ARG_PARTITION_BY, &declaration->partition_by);
	if (!PG_ARGISNULL(ARG_THRESHOLDS_BY))
		declaration->thresholds_by = text_argument(fcinfo, ARG_THRESHOLDS_BY);
	if (!PG_ARGISNULL(ARG_SEGMENT_MINIMUM))
	{
		declaration->has_segment_minimum = true;
		declaration->segment_minimum = PG_GETARG_INT32(ARG_SEGMENT_MINIMUM);
	}
	if (!PG_ARGISNULL(ARG_ALLOW_PROTECTED))
		declaration->allow_protected = text_argument(fcinfo, ARG_ALLOW_PROTECTED);
	if (!PG_ARGISNULL(ARG_CAPTURE))
		declaration->capture = text_argument(fcinfo, ARG_CAPTURE);
	if (!PG_ARGISNULL(ARG_REBUILD_EVERY))
		declaration->rebuild_every = PG_GETARG_INTERVAL_P(ARG_REBUILD_EVERY);
	if (!PG_ARGISNULL(ARG_REBASE_EVERY))
		declaration->rebase_every = PG_GETARG_INTERVAL_P(ARG_REBASE_EVERY);
	if (!PG_ARGISNULL(ARG_REFRESH_ON_COMMIT))
		declaration->refresh_on_commit = PG_GETARG_BOOL(ARG_REFRESH_ON_COMMIT);
	expression_argument(fcinfo, ARG_CHANGED_SINCE, &declaration->changed_since);
	if (!PG_ARGISNULL(ARG_TIER_HISTORY_AGE))
		declaration->tier_history_age = PG_GETARG_INTERVAL_P(ARG_TIER_HISTORY_AGE);
	if (!PG_ARGISNULL(ARG_TIER_HISTORY_ROWS))
	{
		declaration->tier_history_rows = PG_GETARG_INT64(ARG_TIER_HISTORY_ROWS);
		if (declaration->tier_history_rows <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"tier_history_rows\" must be above zero"),
					 errdetail("It is " INT64_FORMAT ".", declaration->tier_history_rows),
					 errhint("Leave it out, or reset it, to keep every row of the tier history.")));
	}

	/* One of these given alone chooses the other. */
	if (!PG_ARGISNULL(ARG_BINS) || !PG_ARGISNULL(ARG_SEGMENT_MAP))
	{
		declaration->keep_segments = false;
		declaration->has_bins = !PG_ARGISNULL(ARG_BINS);
		declaration->bins = declaration->has_bins ? PG_GETARG_INT32(ARG_BINS) : 0;
		declaration->segment_map = text_argument(fcinfo, ARG_SEGMENT_MAP);
	}
}

static void
refuse_read_only(const char *function)
{
	PreventCommandDuringRecovery(function);
	PreventCommandIfReadOnly(function);
}

/* A schema by name; raises without CREATE on it. */
static Oid
creation_namespace(const char *name)
{
	MemoryContext context = CurrentMemoryContext;
	volatile Oid namespace = InvalidOid;

	PG_TRY();
	{
		namespace = LookupCreationNamespace(name);
	}
	PG_CATCH();
	{
		rethrow_for_argument(context, "schema",
							 "Scorecards publish tables there: choose a schema in which you may create tables.");
	}
	PG_END_TRY();
	return namespace;
}

/* The schema to publish in: as named, or the first of search_path that is not custprio's own. */
static Oid
target_namespace(const char *name)
{
	Oid			extension_schema = get_namespace_oid("custprio", true);
	Oid			namespace;

	if (name == NULL)
	{
		List	   *path = list_delete_oid(fetch_search_path(false), extension_schema);

		if (path == NIL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_SCHEMA),
					 errmsg("argument \"schema\": no schema has been selected to publish in"),
					 errhint("Pass schema => 'name', or set search_path.")));
		name = get_namespace_name(linitial_oid(path));
	}
	namespace = creation_namespace(name);
	if (isAnyTempNamespace(namespace) || namespace == extension_schema)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_SCHEMA_NAME),
				 errmsg("argument \"schema\": nothing can be published in schema \"%s\"", name),
				 errhint("Choose a schema of your own.")));
	return namespace;
}

static void
read_existing_schema(HeapTuple row, TupleDesc desc, void *arg)
{
	bool		isnull;

	*(char **) arg = TextDatumGetCString(heap_getattr(row, 1, desc, &isnull));
}

static void
raise_name_taken(const char *name)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(name)};
	char	   *schema = NULL;

	catalog_select("SELECT schema_name FROM custprio.scorecard WHERE name = $1", 1, types, values, NULL,
				   read_existing_schema, &schema);
	ereport(ERROR,
			(errcode(ERRCODE_DUPLICATE_OBJECT),
			 errmsg("argument \"name\": scorecard \"%s\" already exists", name),
			 schema ? errdetail("It publishes in schema \"%s\".", schema) : 0,
			 errhint("Choose another name, change it with alter_scorecard, or remove it with drop_scorecard.")));
}

/* Find out whether changes of the customers' segments can be captured, and note it in the catalog. */
static void
note_segments_captured(const Scorecard *card)
{
	char	   *problem = NULL;
	bool		captured = false;

	if (card->partition_by)
	{
		problem = capture_problem(card, card->customers_relid, card->customers, card->customers_key);
		captured = problem == NULL;
	}
	if (problem && card->capture)
		ereport(NOTICE,
				(errmsg("changes of the customers' segments are not captured"),
				 errdetail("%s", problem),
				 errhint("After such changes, refresh the scorecard in mode rebuild.")));
	if (captured != card->segments_captured)
		catalog_execute("UPDATE custprio.scorecard SET segments_captured = $2 WHERE scorecard_id = $1", 2,
						(Oid[]) {INT8OID, BOOLOID}, (Datum[]) {Int64GetDatum(card->id), BoolGetDatum(captured)}, NULL);
}

Datum
custprio_create_scorecard(PG_FUNCTION_ARGS)
{
	char	   *search_path = pstrdup(namespace_search_path);
	Declaration declaration;
	Parameters	parameters;
	Oid			name_type[1] = {TEXTOID};
	Datum		name_value[1];
	Oid			namespace;
	Oid			priority;

	refuse_read_only("create_scorecard()");
	declaration_init(&declaration);
	declaration.name = text_argument(fcinfo, ARG_NAME);
	declaration.owner = GetUserId();
	declaration_check_name(declaration.name);
	read_arguments(fcinfo, &declaration);
	name_value[0] = CStringGetTextDatum(declaration.name);
	if (catalog_select("SELECT 1 FROM custprio.scorecard WHERE name = $1", 1, name_type, name_value, NULL, NULL, NULL) > 0)
		raise_name_taken(declaration.name);
	namespace = target_namespace(PG_ARGISNULL(ARG_LAST) ? NULL : NameStr(*PG_GETARG_NAME(ARG_LAST)));
	published_check_free(declaration.name, namespace);
	declaration_check(&declaration, search_path);

	/* The table's OID follows when the table exists. */
	add_declaration(&parameters, &declaration, get_namespace_name(namespace));
	if (execute(&parameters,
				"INSERT INTO custprio.scorecard (name, schema_name, priority_oid, source, source_oid, customer,"
				" purchased_at, amount, filter, customers, customers_oid, customers_key, every, time_zone, history,"
				" frequency_by, bins, segment_map, abc_cuts, amount_scale, max_runtime, clv_model, clv_time_unit,"
				" clv_horizon, clv_discount, clv_margin, capture, rebuild_every, rebase_every,"
				" refresh_on_commit, owner_oid, owner_name, recorded_in, partition_by,"
				" changed_since, tier_history_age, tier_history_rows, thresholds_by, segment_minimum, clv_growth,"
				" allow_protected)"
				" VALUES ($1, $2, 0, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,"
				" $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40)"
				" ON CONFLICT (name) DO NOTHING") == 0)
		raise_name_taken(declaration.name);
	catalog_execute("INSERT INTO custprio.metric (scorecard_id, metric, weight)"
					" SELECT s.scorecard_id, m, 1 FROM custprio.scorecard s,"
					" pg_catalog.unnest('{recency,frequency,monetary,clv}'::text[]) m"
					" WHERE s.name = $1 AND (m <> 'clv' OR s.clv_model <> 'none')",
					1, name_type, name_value, NULL);
	catalog_execute("INSERT INTO custprio.tier_rule (scorecard_id, tier, share)"
					" SELECT s.scorecard_id, t.tier::custprio.customer_tier, t.share FROM custprio.scorecard s,"
					" (VALUES ('A'::text, 0.05), ('B', 0.20), ('C', 0.50), ('D', NULL)) t(tier, share) WHERE s.name = $1",
					1, name_type, name_value, NULL);

	priority = published_create(declaration.name, namespace, declaration.customer.type, declaration.customer.collation);
	parameters.n = 0;
	add_text(&parameters, declaration.name);
	add_value(&parameters, OIDOID, ObjectIdGetDatum(priority), false);
	execute(&parameters, "UPDATE custprio.scorecard SET priority_oid = $2 WHERE name = $1");
	if (declaration.partition_by.text)
		note_segments_captured(scorecard_load(scorecard_id_by_name(declaration.name)));
	if (strcmp(declaration.capture, "trigger") == 0)
		capture_follow(scorecard_id_by_name(declaration.name));

	/* The first scorecard says whose database this is; a copy of it differs. */
	parameters.n = 0;
	add_text(&parameters, psprintf(UINT64_FORMAT, GetSystemIdentifier()));
	add_value(&parameters, OIDOID, ObjectIdGetDatum(MyDatabaseId), false);
	execute(&parameters, "INSERT INTO custprio.identity (system_identifier, database_oid) VALUES ($1, $2)"
			" ON CONFLICT DO NOTHING");
	scheduler_wake_at_commit();
	PG_RETURN_OID(priority);
}

/* What is stored, as a declaration that was checked before. */
static void
declare_as_stored(Declaration *declaration, Scorecard *card)
{
	Datum	   *cuts = palloc(sizeof(Datum) * Max(card->n_abc_cuts, 1));
	int			i;

	declaration_init(declaration);
	declaration->name = card->name;
	declaration->owner = card->owner;
	declaration->source_relid = card->source_relid;
	declaration->customer.text = card->customer;
	declaration->purchased_at.text = card->purchased_at;
	declaration->amount.text = card->amount;
	declaration->filter.text = card->filter;
	declaration->customers_relid = card->customers_relid;
	declaration->customers_key.text = card->customers_key;
	declaration->partition_by.text = card->partition_by;
	declaration->thresholds_by = card->thresholds_by_segment ? "segment" : "pooled";
	declaration->has_segment_minimum = true;
	declaration->segment_minimum = card->segment_minimum;
	declaration->allow_protected = card->allow_protected;
	declaration->customer.canonical = declaration->purchased_at.canonical = declaration->amount.canonical =
		declaration->filter.canonical = declaration->customers_key.canonical = declaration->partition_by.canonical = true;
	declaration->every = card->every;
	declaration->time_zone = card->time_zone;
	declaration->history = card->history;
	declaration->frequency_by = card->frequency_by_day ? "day" : "purchase";
	declaration->bins = card->bins;
	declaration->segment_map = card->segment_map;
	declaration->keep_segments = true;
	for (i = 0; i < card->n_abc_cuts; i++)
		cuts[i] = NumericGetDatum(card->abc_cuts[i]);
	declaration->abc_cuts = construct_array(cuts, card->n_abc_cuts, NUMERICOID, -1, false, TYPALIGN_INT);
	declaration->has_amount_scale = true;
	declaration->amount_scale = card->amount_scale;
	declaration->max_runtime = card->max_runtime;
	declaration->clv_model = pstrdup(scorecard_clv_model_name(card));
	declaration->clv_time_unit = card->clv_time_unit;
	declaration->clv_horizon = card->clv_horizon;
	declaration->capture = card->capture ? "trigger" : "none";
	declaration->rebuild_every = card->rebuild_every;
	declaration->rebase_every = card->rebase_every;
	declaration->refresh_on_commit = card->refresh_on_commit;
	declaration->changed_since.text = card->changed_since;
	declaration->changed_since.canonical = true;
	declaration->tier_history_age = card->tier_history_age;
	declaration->tier_history_rows = card->tier_history_rows;
	declaration->has_clv_discount = declaration->has_clv_margin = declaration->has_clv_growth = true;
	declaration->clv_discount = card->clv_discount;
	declaration->clv_margin = card->clv_margin;
	declaration->clv_growth = card->clv_growth;
}

/* Put one option back to what create_scorecard makes of NULL; arg becomes the argument it must not be given with. */
static bool
reset_option(Declaration *declaration, const char *option, int *arg)
{
	if (strcmp(option, "filter") == 0)
	{
		declaration->filter.text = NULL;
		*arg = ARG_FILTER;
	}
	else if (strcmp(option, "every") == 0)
	{
		declaration->every = NULL;
		*arg = ARG_EVERY;
	}
	else if (strcmp(option, "time_zone") == 0)
	{
		declaration->time_zone = NULL;
		*arg = ARG_TIME_ZONE;
	}
	else if (strcmp(option, "history") == 0)
	{
		declaration->history = NULL;
		*arg = ARG_HISTORY;
	}
	else if (strcmp(option, "customers") == 0 || strcmp(option, "customers_key") == 0)
	{
		/* One is nothing without the other. */
		declaration->customers_relid = InvalidOid;
		declaration->customers_key.text = NULL;
		*arg = option[9] ? ARG_CUSTOMERS_KEY : ARG_CUSTOMERS;
	}
	else if (strcmp(option, "frequency_by") == 0)
	{
		declaration->frequency_by = NULL;
		*arg = ARG_FREQUENCY_BY;
	}
	else if (strcmp(option, "bins") == 0 || strcmp(option, "segment_map") == 0)
	{
		/* Each is chosen from the other. */
		declaration->keep_segments = false;
		declaration->has_bins = false;
		declaration->segment_map = NULL;
		*arg = strcmp(option, "bins") == 0 ? ARG_BINS : ARG_SEGMENT_MAP;
	}
	else if (strcmp(option, "abc_cuts") == 0)
	{
		declaration->abc_cuts = NULL;
		*arg = ARG_ABC_CUTS;
	}
	else if (strcmp(option, "amount_scale") == 0)
	{
		declaration->has_amount_scale = false;
		*arg = ARG_AMOUNT_SCALE;
	}
	else if (strcmp(option, "max_runtime") == 0)
	{
		declaration->max_runtime = NULL;
		*arg = ARG_MAX_RUNTIME;
	}
	else if (strcmp(option, "capture") == 0)
	{
		declaration->capture = NULL;
		*arg = ARG_CAPTURE;
	}
	else if (strcmp(option, "rebuild_every") == 0)
	{
		declaration->rebuild_every = NULL;
		*arg = ARG_REBUILD_EVERY;
	}
	else if (strcmp(option, "changed_since") == 0)
	{
		declaration->changed_since.text = NULL;
		*arg = ARG_CHANGED_SINCE;
	}
	else if (strcmp(option, "tier_history_age") == 0)
	{
		declaration->tier_history_age = NULL;
		*arg = ARG_TIER_HISTORY_AGE;
	}
	else if (strcmp(option, "tier_history_rows") == 0)
	{
		declaration->tier_history_rows = 0;
		*arg = ARG_TIER_HISTORY_ROWS;
	}
	else if (strcmp(option, "rebase_every") == 0)
	{
		declaration->rebase_every = NULL;
		*arg = ARG_REBASE_EVERY;
	}
	else if (strcmp(option, "refresh_on_commit") == 0)
	{
		declaration->refresh_on_commit = false;
		*arg = ARG_REFRESH_ON_COMMIT;
	}
	else if (strcmp(option, "clv_model") == 0)
	{
		declaration->clv_model = NULL;
		*arg = ARG_CLV_MODEL;
	}
	else if (strcmp(option, "clv_time_unit") == 0)
	{
		declaration->clv_time_unit = NULL;
		*arg = ARG_CLV_TIME_UNIT;
	}
	else if (strcmp(option, "clv_horizon") == 0)
	{
		declaration->clv_horizon = NULL;
		*arg = ARG_CLV_HORIZON;
	}
	else if (strcmp(option, "clv_discount") == 0)
	{
		declaration->has_clv_discount = false;
		*arg = ARG_CLV_DISCOUNT;
	}
	else if (strcmp(option, "clv_margin") == 0)
	{
		declaration->has_clv_margin = false;
		*arg = ARG_CLV_MARGIN;
	}
	else if (strcmp(option, "clv_growth") == 0)
	{
		declaration->has_clv_growth = false;
		*arg = ARG_CLV_GROWTH;
	}
	else if (strcmp(option, "partition_by") == 0)
	{
		declaration->partition_by.text = NULL;
		*arg = ARG_PARTITION_BY;
	}
	else if (strcmp(option, "thresholds_by") == 0)
	{
		declaration->thresholds_by = NULL;
		*arg = ARG_THRESHOLDS_BY;
	}
	else if (strcmp(option, "segment_minimum") == 0)
	{
		declaration->has_segment_minimum = false;
		*arg = ARG_SEGMENT_MINIMUM;
	}
	else if (strcmp(option, "allow_protected") == 0)
	{
		declaration->allow_protected = NULL;
		*arg = ARG_ALLOW_PROTECTED;
	}
	else
		return false;
	return true;
}

static void
reset_options(FunctionCallInfo fcinfo, Declaration *declaration)
{
	Datum	   *options;
	bool	   *nulls;
	int			n;
	int			i;

	if (PG_ARGISNULL(ARG_LAST))
		return;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(ARG_LAST), TEXTOID, -1, false, TYPALIGN_INT, &options, &nulls, &n);
	for (i = 0; i < n; i++)
	{
		char	   *option = nulls[i] ? NULL : TextDatumGetCString(options[i]);
		int			arg;

		if (option == NULL || !reset_option(declaration, option, &arg))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 option ? errmsg("argument \"reset\": \"%s\" is not an option that can be reset", option)
					 : errmsg("argument \"reset\" must not contain NULL"),
					 errhint("Options are filter, every, time_zone, history, customers, frequency_by, bins, segment_map, abc_cuts, amount_scale, max_runtime, clv_model, clv_time_unit, clv_horizon, clv_discount, clv_margin, clv_growth, partition_by, thresholds_by, segment_minimum, allow_protected, capture, rebuild_every, rebase_every, refresh_on_commit, changed_since, tier_history_age and tier_history_rows.")));
		if (!PG_ARGISNULL(arg))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"%s\" is both given and reset", option),
					 errhint("Leave it out of one of the two.")));
	}
}

static bool
same_text(const char *a, const char *b)
{
	return (a == NULL || b == NULL) ? a == b : strcmp(a, b) == 0;
}

/* Numeric equality, so that 0.8 is 0.80. */
static bool
same_cuts(Scorecard *card, ArrayType *cuts)
{
	Datum	   *elements;
	int			n;
	int			i;

	deconstruct_array(cuts, NUMERICOID, -1, false, TYPALIGN_INT, &elements, NULL, &n);
	if (n != card->n_abc_cuts)
		return false;
	for (i = 0; i < n; i++)
		if (!DatumGetBool(DirectFunctionCall2(numeric_eq, elements[i], NumericGetDatum(card->abc_cuts[i]))))
			return false;
	return true;
}

static bool
same_interval(Interval *a, Interval *b)
{
	/* Field by field: 30 days and 1 month are different histories. */
	return (a == NULL || b == NULL) ? a == b : a->month == b->month && a->day == b->day && a->time == b->time;
}

/* Can any published value be another one under the new declaration? */
static bool
scores_can_change(Scorecard *card, Declaration *declaration)
{
	return declaration->source_relid != card->source_relid ||
		!same_text(declaration->customer.text, card->customer) ||
		!same_text(declaration->purchased_at.text, card->purchased_at) ||
		!same_text(declaration->amount.text, card->amount) ||
		!same_text(declaration->filter.text, card->filter) ||
		declaration->customers_relid != card->customers_relid ||
		!same_text(declaration->customers_key.text, card->customers_key) ||
		!same_text(declaration->time_zone, card->time_zone) ||
		!same_interval(declaration->history, card->history) ||
		(strcmp(declaration->frequency_by, "day") == 0) != card->frequency_by_day ||
		declaration->bins != card->bins ||
		!same_text(declaration->segment_map, card->segment_map) ||
		!same_cuts(card, declaration->abc_cuts) ||
		declaration->amount_scale != card->amount_scale ||
		(strcmp(declaration->capture, "trigger") == 0) != card->capture ||
		!same_text(declaration->clv_model, scorecard_clv_model_name(card)) ||
		!same_text(declaration->partition_by.text, card->partition_by) ||
		(strcmp(declaration->thresholds_by, "segment") == 0) != card->thresholds_by_segment ||
		(declaration->segment_minimum != card->segment_minimum && card->thresholds_by_segment) ||
		!same_text(declaration->changed_since.text, card->changed_since) ||
		!same_text(declaration->clv_time_unit, card->clv_time_unit) ||
		!same_interval(declaration->clv_horizon, card->clv_horizon) ||
		declaration->clv_discount != card->clv_discount || declaration->clv_margin != card->clv_margin ||
		declaration->clv_growth != card->clv_growth;
}

Datum
custprio_alter_scorecard(PG_FUNCTION_ARGS)
{
	char	   *search_path = pstrdup(namespace_search_path);
	Declaration declaration;
	Parameters	parameters;
	Scorecard  *card;
	bool		rescore;

	refuse_read_only("alter_scorecard()");
	card = scorecard_lock_own(text_argument(fcinfo, ARG_NAME), LOAD_TO_ALTER);
	declare_as_stored(&declaration, card);
	reset_options(fcinfo, &declaration);
	read_arguments(fcinfo, &declaration);
	if (!OidIsValid(declaration.source_relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("source table %s of scorecard \"%s\" does not exist", card->source, card->name),
				 errhint("Name another one with the argument \"source\".")));
	if (card->customers && !OidIsValid(declaration.customers_relid) && declaration.customers_key.text)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("customers table %s of scorecard \"%s\" does not exist", card->customers, card->name),
				 errhint("Name another one with the argument \"customers\", or pass reset => '{customers}'.")));
	declaration_check(&declaration, search_path);
	if (declaration.customer.type != card->key_type || declaration.customer.collation != card->key_collation)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("argument \"customer\" changes the type or collation of the key of scorecard \"%s\"", card->name),
				 errdetail("The published key is %s, the new one %s.", format_type_be(card->key_type),
						   format_type_be(declaration.customer.type)),
				 errhint("Cast it to the published type, or use drop_scorecard and create_scorecard.")));

	rescore = scores_can_change(card, &declaration);
	add_declaration(&parameters, &declaration, card->schema);
	add_value(&parameters, INT4OID, Int32GetDatum(rescore ? 1 : 0), false);
	add_value(&parameters, OIDOID, ObjectIdGetDatum(card->priority_relid), false);
	add_value(&parameters, INT8OID, Int64GetDatum(card->id), false);
	execute(&parameters,
			"UPDATE custprio.scorecard SET name = $1, schema_name = $2, source = $3, source_oid = $4, customer = $5,"
			" purchased_at = $6, amount = $7, filter = $8, customers = $9, customers_oid = $10, customers_key = $11,"
			" every = $12, time_zone = $13, history = $14, frequency_by = $15, bins = $16, segment_map = $17,"
			" abc_cuts = $18, amount_scale = $19, max_runtime = $20, clv_model = $21, clv_time_unit = $22,"
			" clv_horizon = $23, clv_discount = $24, clv_margin = $25, capture = $26, rebuild_every = $27, rebase_every = $28,"
			" refresh_on_commit = $29, owner_oid = $30, owner_name = $31, recorded_in = $32, partition_by = $33,"
			" changed_since = $34, tier_history_age = $35, tier_history_rows = $36, thresholds_by = $37, segment_minimum = $38,"
			" clv_growth = $39, allow_protected = $40,"
			" version = version + $41, clv_chosen = CASE WHEN $41 = 0 THEN clv_chosen END,"
			" clv_chosen_on = CASE WHEN $41 = 0 THEN clv_chosen_on END, priority_oid = $42 WHERE scorecard_id = $43");
	if (declaration.refresh_on_commit != card->refresh_on_commit)
		on_commit_forget();
	if (rescore)
	{
		Scorecard  *altered = scorecard_load_for(card->id, LOAD_TO_ALTER);

		note_segments_captured(altered);
		metrics_note_captured(altered);
	}
	if (rescore && (card->capture || strcmp(declaration.capture, "trigger") == 0))
		capture_follow(card->id);
	/* a model that is switched on counts; the weights there are stay */
	parameters.n = 0;
	add_value(&parameters, INT8OID, Int64GetDatum(card->id), false);
	if (card->clv_model == NULL)
		execute(&parameters, "INSERT INTO custprio.metric (scorecard_id, metric, weight)"
				" SELECT scorecard_id, 'clv', 1 FROM custprio.scorecard WHERE scorecard_id = $1 AND clv_model <> 'none'"
				" ON CONFLICT DO NOTHING");
	scheduler_wake_at_commit();
	PG_RETURN_VOID();
}

Datum
custprio_drop_scorecard(PG_FUNCTION_ARGS)
{
	Oid			types[1] = {INT8OID};
	Datum		values[1];
	Scorecard  *card;

	refuse_read_only("drop_scorecard()");
	card = scorecard_lock_own(text_argument(fcinfo, 0), LOAD_TO_DROP);
	published_drop(card->name, card->schema, card->priority_relid, card->owner);
	values[0] = Int64GetDatum(card->id);
	catalog_execute("DELETE FROM custprio.scorecard WHERE scorecard_id = $1", 1, types, values, NULL);
	if (card->capture)
		capture_follow(card->id);
	catalog_execute("DELETE FROM custprio.change_queue WHERE scorecard_id = $1", 1, types, values, NULL);
	catalog_execute("DELETE FROM custprio.closed_queue WHERE scorecard_id = $1", 1, types, values, NULL);
	scheduler_wake_at_commit();
	PG_RETURN_VOID();
}
