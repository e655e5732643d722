/*
 * scorecard_load.c: a scorecard's declaration as rows, resolved to relations and an owner.
 *
 * Names are stored beside OID hints: the name wins, so that a restored dump finds its tables; a name that is gone is
 * followed through its OID, so that renames are noticed. Hints are believed only in the database where they were taken.
 */
#include "custprio.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "captured.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "clv/params.h"
#include "lifecycle.h"
#include "metric.h"
#include "miscadmin.h"
#include "regime.h"
#include "relation.h"
#include "scorecard.h"
#include "tier_policy.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datum.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

static void
read_id(HeapTuple row, TupleDesc desc, void *arg)
{
	bool		isnull;

	*(int64 *) arg = DatumGetInt64(heap_getattr(row, 1, desc, &isnull));
}

int64
scorecard_id_by_name(const char *name)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(name)};
	int64		id = 0;

	if (catalog_select("SELECT scorecard_id FROM custprio.scorecard WHERE name = $1",
					   1, types, values, NULL, read_id, &id) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("scorecard \"%s\" does not exist", name),
				 errhint("SELECT name FROM custprio.scorecard lists them; names are case-sensitive.")));
	return id;
}

/* The order of these columns is that of the enum below. */
static const char *const load_query =
	"SELECT s.name, s.schema_name, s.priority_oid, s.source, s.source_oid, s.customer, s.purchased_at, s.amount,"
	" s.filter, s.customers, s.customers_oid, s.customers_key, s.every, s.time_zone, s.history, s.frequency_by, s.bins,"
	" s.segment_map, s.abc_cuts, s.amount_scale, s.max_runtime, s.paused, s.version, s.owner_oid, s.owner_name,"
	" s.recorded_in, s.clv_model, s.clv_time_unit, s.clv_horizon, s.clv_discount, s.clv_margin, s.clv_growth, s.capture,"
	" s.rebuild_every, s.rebase_every, s.refresh_on_commit, s.changed_since,"
	" s.tier_history_age, s.tier_history_rows, e.changed_mark, e.rebuilt_at, e.source_relations, e.as_of, e.day_chosen, e.version, e.run_id, e.state_as_of, e.state_version,"
	" (SELECT m.weight FROM custprio.metric m WHERE m.scorecard_id = s.scorecard_id AND m.metric = 'recency'),"
	" (SELECT m.weight FROM custprio.metric m WHERE m.scorecard_id = s.scorecard_id AND m.metric = 'frequency'),"
	" (SELECT m.weight FROM custprio.metric m WHERE m.scorecard_id = s.scorecard_id AND m.metric = 'monetary'),"
	" (SELECT m.weight FROM custprio.metric m WHERE m.scorecard_id = s.scorecard_id AND m.metric = 'clv'),"
	" s.partition_by, s.thresholds_by, s.segment_minimum, s.segments_captured, s.allow_protected,"
	" s.clv_chosen, s.clv_chosen_on,"
	" (SELECT f.choice FROM custprio.clv_fit f WHERE f.scorecard_id = s.scorecard_id AND f.run_id = e.run_id AND f.choice IS NOT NULL)"
	" FROM custprio.scorecard s LEFT JOIN custprio.epoch e USING (scorecard_id) WHERE s.scorecard_id = $1";

enum
{
	C_NAME = 1, C_SCHEMA, C_PRIORITY_OID, C_SOURCE, C_SOURCE_OID, C_CUSTOMER, C_PURCHASED_AT, C_AMOUNT,
	C_FILTER, C_CUSTOMERS, C_CUSTOMERS_OID, C_CUSTOMERS_KEY, C_EVERY, C_TIME_ZONE, C_HISTORY, C_FREQUENCY_BY, C_BINS,
	C_SEGMENT_MAP, C_ABC_CUTS, C_AMOUNT_SCALE, C_MAX_RUNTIME, C_PAUSED, C_VERSION, C_OWNER_OID, C_OWNER_NAME,
	C_RECORDED_IN, C_CLV_MODEL, C_CLV_TIME_UNIT, C_CLV_HORIZON, C_CLV_DISCOUNT, C_CLV_MARGIN, C_CLV_GROWTH,
	C_CAPTURE, C_REBUILD_EVERY, C_REBASE_EVERY, C_REFRESH_ON_COMMIT, C_CHANGED_SINCE, C_TIER_HISTORY_AGE,
	C_TIER_HISTORY_ROWS, C_CHANGED_MARK, C_REBUILT_AT, C_SOURCE_RELATIONS, C_AS_OF, C_DAY_CHOSEN, C_EPOCH_VERSION,
	C_EPOCH_RUN, C_STATE_AS_OF, C_STATE_VERSION,
	C_WEIGHT, C_PARTITION_BY = C_WEIGHT + SCORECARD_METRICS, C_THRESHOLDS_BY, C_SEGMENT_MINIMUM,
	C_SEGMENTS_CAPTURED, C_ALLOW_PROTECTED,
	C_CLV_CHOSEN, C_CLV_CHOSEN_ON, C_CLV_CHOICE
};

/* What scorecard_load needs beside the card while it resolves relations. */
typedef struct Loading
{
	Scorecard  *card;
	LoadMode	mode;
	Oid			priority_hint;
	Oid			source_hint;
	Oid			customers_hint;
	Oid			owner_hint;
	char	   *owner_name;
	bool		believe_hints;
	bool		new_owner;		/* the priority table is not the recorded one and has another owner */
} Loading;

static Datum
column(HeapTuple row, TupleDesc desc, int attno, bool *isnull)
{
	return heap_getattr(row, attno, desc, isnull);
}

static char *
text_column(HeapTuple row, TupleDesc desc, int attno)
{
	bool		isnull;
	Datum		value = column(row, desc, attno, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

static Interval *
interval_column(HeapTuple row, TupleDesc desc, int attno)
{
	bool		isnull;
	Datum		value = column(row, desc, attno, &isnull);

	return isnull ? NULL : DatumGetIntervalP(datumCopy(value, false, sizeof(Interval)));
}

/* 0 for NULL */
static int32
int_column(HeapTuple row, TupleDesc desc, int attno)
{
	bool		isnull;
	Datum		value = column(row, desc, attno, &isnull);

	return isnull ? 0 : DatumGetInt32(value);
}

/* A numeric array column as an array of its elements, none of which is NULL. */
static Numeric *
numerics_column(HeapTuple row, TupleDesc desc, int attno, int *n)
{
	bool		isnull;
	Datum		value = column(row, desc, attno, &isnull);
	Datum	   *elements;
	Numeric    *result;
	int			i;

	*n = 0;
	if (isnull)
		return NULL;
	deconstruct_array(DatumGetArrayTypePCopy(value), NUMERICOID, -1, false, TYPALIGN_INT, &elements, NULL, n);
	result = palloc(sizeof(Numeric) * Max(*n, 1));
	for (i = 0; i < *n; i++)
		result[i] = DatumGetNumericCopy(elements[i]);
	return result;
}

/* The model as declared; with "auto" the one that was last chosen, or the default until then. */
static void
read_clv_model(Scorecard *card, HeapTuple row, TupleDesc desc)
{
	char	   *name = text_column(row, desc, C_CLV_MODEL);
	char	   *chosen = text_column(row, desc, C_CLV_CHOSEN);
	Datum		chosen_on;
	bool		isnull;

	card->clv_auto = strcmp(name, "auto") == 0;
	if (!card->clv_auto)
	{
		card->clv_model = clv_model_by_name(name);
		return;
	}
	chosen_on = column(row, desc, C_CLV_CHOSEN_ON, &isnull);
	card->clv_is_chosen = chosen != NULL && !isnull && clv_model_by_name(chosen) != NULL;
	card->clv_model = card->clv_is_chosen ? clv_model_by_name(chosen) : &clv_mbgnbd;
	card->clv_chosen_on = card->clv_is_chosen ? DatumGetDateADT(chosen_on) : 0;
	card->clv_choice = text_column(row, desc, C_CLV_CHOICE);
}

static void
read_scorecard(HeapTuple row, TupleDesc desc, void *arg)
{
	Loading    *loading = arg;
	Scorecard  *card = loading->card;
	Datum		value;
	bool		isnull;
	int			i;

	card->name = text_column(row, desc, C_NAME);
	card->source = text_column(row, desc, C_SOURCE);
	card->customer = text_column(row, desc, C_CUSTOMER);
	card->purchased_at = text_column(row, desc, C_PURCHASED_AT);
	card->amount = text_column(row, desc, C_AMOUNT);
	card->filter = text_column(row, desc, C_FILTER);
	card->customers = text_column(row, desc, C_CUSTOMERS);
	card->customers_key = text_column(row, desc, C_CUSTOMERS_KEY);
	card->every = interval_column(row, desc, C_EVERY);
	card->history = interval_column(row, desc, C_HISTORY);
	card->max_runtime = interval_column(row, desc, C_MAX_RUNTIME);
	card->time_zone = text_column(row, desc, C_TIME_ZONE);
	card->frequency_by_day = strcmp(text_column(row, desc, C_FREQUENCY_BY), "day") == 0;
	card->bins = int_column(row, desc, C_BINS);
	card->segment_map = text_column(row, desc, C_SEGMENT_MAP);
	card->amount_scale = int_column(row, desc, C_AMOUNT_SCALE);
	card->abc_cuts = numerics_column(row, desc, C_ABC_CUTS, &card->n_abc_cuts);
	card->partition_by = text_column(row, desc, C_PARTITION_BY);
	card->thresholds_by_segment = strcmp(text_column(row, desc, C_THRESHOLDS_BY), "segment") == 0;
	card->segment_minimum = int_column(row, desc, C_SEGMENT_MINIMUM);
	card->segments_captured = DatumGetBool(column(row, desc, C_SEGMENTS_CAPTURED, &isnull));
	card->allow_protected = text_column(row, desc, C_ALLOW_PROTECTED);
	read_clv_model(card, row, desc);
	card->clv_time_unit = text_column(row, desc, C_CLV_TIME_UNIT);
	card->clv_horizon = interval_column(row, desc, C_CLV_HORIZON);
	card->clv_discount = DatumGetFloat8(column(row, desc, C_CLV_DISCOUNT, &isnull));
	card->clv_margin = DatumGetFloat8(column(row, desc, C_CLV_MARGIN, &isnull));
	card->clv_growth = DatumGetFloat8(column(row, desc, C_CLV_GROWTH, &isnull));
	card->capture = strcmp(text_column(row, desc, C_CAPTURE), "trigger") == 0;
	card->rebuild_every = interval_column(row, desc, C_REBUILD_EVERY);
	card->rebase_every = interval_column(row, desc, C_REBASE_EVERY);
	card->refresh_on_commit = DatumGetBool(column(row, desc, C_REFRESH_ON_COMMIT, &isnull));
	card->changed_since = text_column(row, desc, C_CHANGED_SINCE);
	card->tier_history_age = interval_column(row, desc, C_TIER_HISTORY_AGE);
	value = column(row, desc, C_TIER_HISTORY_ROWS, &isnull);
	card->tier_history_rows = isnull ? 0 : DatumGetInt64(value);
	value = column(row, desc, C_CHANGED_MARK, &isnull);
	card->changed_mark = isnull ? 0 : DatumGetTimestampTz(value);
	value = column(row, desc, C_REBUILT_AT, &isnull);
	card->rebuilt_at = isnull ? 0 : DatumGetTimestampTz(value);
	card->source_relations = text_column(row, desc, C_SOURCE_RELATIONS);
	card->paused = DatumGetBool(column(row, desc, C_PAUSED, &isnull));
	card->version = int_column(row, desc, C_VERSION);

	value = column(row, desc, C_AS_OF, &isnull);
	card->has_epoch = !isnull;
	card->as_of = isnull ? 0 : DatumGetInt32(value);
	value = column(row, desc, C_DAY_CHOSEN, &isnull);
	card->day_chosen = !isnull && DatumGetBool(value);
	card->epoch_version = int_column(row, desc, C_EPOCH_VERSION);
	value = column(row, desc, C_EPOCH_RUN, &isnull);
	card->epoch_run = isnull ? 0 : DatumGetInt64(value);
	value = column(row, desc, C_STATE_AS_OF, &isnull);
	card->has_state = !isnull;
	card->state_as_of = isnull ? 0 : DatumGetInt32(value);
	card->state_version = int_column(row, desc, C_STATE_VERSION);

	for (i = 0; i < SCORECARD_METRICS; i++)
	{
		value = column(row, desc, C_WEIGHT + i, &isnull);
		card->weight[i] = isnull ? int64_to_numeric(0) : DatumGetNumericCopy(value);
	}
	card->schema = text_column(row, desc, C_SCHEMA);
	loading->priority_hint = DatumGetObjectId(column(row, desc, C_PRIORITY_OID, &isnull));
	loading->source_hint = DatumGetObjectId(column(row, desc, C_SOURCE_OID, &isnull));
	value = column(row, desc, C_CUSTOMERS_OID, &isnull);
	loading->customers_hint = isnull ? InvalidOid : DatumGetObjectId(value);
	loading->owner_hint = DatumGetObjectId(column(row, desc, C_OWNER_OID, &isnull));
	loading->owner_name = text_column(row, desc, C_OWNER_NAME);
	loading->believe_hints = strcmp(text_column(row, desc, C_RECORDED_IN), custprio_database_identity()) == 0;
}

/* OID of schema.name, InvalidOid when there is none. Rights on the schema are not asked: this reads no data. */
static Oid
relation_by_name(const char *schema, const char *name)
{
	Oid			namespace = get_namespace_oid(schema, true);

	return OidIsValid(namespace) ? get_relname_relid(name, namespace) : InvalidOid;
}

/*
 * Relation behind a stored qualified name and its hint; *name becomes what it is called now. InvalidOid when neither
 * leads anywhere.
 */
static Oid
resolve(Loading *loading, char **name, Oid hint)
{
	List	   *parts = textToQualifiedNameList(cstring_to_text(*name));
	Oid			relid = InvalidOid;
	bool		named;

	if (list_length(parts) == 2)
		relid = relation_by_name(strVal(linitial(parts)), strVal(lsecond(parts)));
	named = OidIsValid(relid);
	if (!named && loading->believe_hints && OidIsValid(hint) && get_rel_name(hint) != NULL)
		relid = hint;
	if (OidIsValid(relid))
	{
		if (relid != hint || !loading->believe_hints)
			loading->card->moved = true;
		if (!named)
		{
			*name = relation_name(relid);
			loading->card->moved = true;
		}
	}
	return relid;
}

/* Owner of a relation; InvalidOid if it just went away. */
static Oid
relation_owner(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

/* The table that has the priority table's name is another one, as far as can be told. */
static void
raise_not_the_one(Loading *loading)
{
	Scorecard  *card = loading->card;

	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("table %s may not be the one that scorecard \"%s\" publishes",
					relation_name(card->priority_relid), card->name),
			 errdetail("It belongs to role \"%s\", the scorecard to role \"%s\".",
					   GetUserNameFromId(card->owner, false), loading->owner_name),
			 errhint("If it is, as after a restore without owners, its owner confirms that by calling alter_scorecard with the scorecard's name.")));
}

/* A published table beside the priority table, which must be a plain table of the same owner. */
static Oid
published_table(Loading *loading, const char *suffix)
{
	Scorecard  *card = loading->card;
	char	   *name = psprintf("%s%s", card->name, suffix);
	char	   *qualified = quote_qualified_identifier(card->schema, name);
	Oid			relid = relation_by_name(card->schema, name);

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table %s of scorecard \"%s\" does not exist", qualified, card->name),
				 errhint("Published tables stay in the schema of the priority table. If this one is lost, use drop_scorecard and create_scorecard.")));
	if (get_rel_relkind(relid) != RELKIND_RELATION)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("%s of scorecard \"%s\" is not a plain table", qualified, card->name),
				 errhint("Use drop_scorecard and create_scorecard to publish it again.")));
	if (relation_owner(relid) != card->owner)
	{
		if (loading->new_owner)
			raise_not_the_one(loading);
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("table %s of scorecard \"%s\" belongs to another role than the priority table",
						qualified, card->name),
				 errhint("Run ALTER TABLE %s OWNER TO %s; the published views must follow too.", qualified,
						 quote_identifier(GetUserNameFromId(card->owner, true)))));
	}
	return relid;
}

/* The role that declared a card, when its OID and its name still agree. */
static Oid
recorded_owner(Loading *loading)
{
	Oid			role = get_role_oid(loading->owner_name, true);

	return loading->believe_hints && role == loading->owner_hint ? role : InvalidOid;
}

/*
 * Find the priority table and with it the owner. False when it is gone or another one, in which case the card belongs
 * to whoever declared it: only for LOAD_TO_DROP, an error otherwise.
 */
static bool
resolve_priority(Loading *loading)
{
	Scorecard  *card = loading->card;
	char	   *stored = quote_qualified_identifier(card->schema, psprintf("%s_priority", card->name));
	char	   *name = stored;
	Oid			relid = resolve(loading, &name, loading->priority_hint);
	bool		recorded = loading->believe_hints && relid == loading->priority_hint;
	char	   *owner_name;
	char	   *schema;

	if (!OidIsValid(relid) && loading->mode == LOAD_TO_DROP)
	{
		card->owner = recorded_owner(loading);
		return false;
	}
	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("priority table %s of scorecard \"%s\" does not exist", stored, card->name),
				 errhint("Use drop_scorecard to remove the rest of the scorecard.")));
	card->owner = relation_owner(relid);
	owner_name = GetUserNameFromId(card->owner, true);
	if (owner_name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("owner of scorecard \"%s\" does not exist", card->name),
				 errdetail("Role with OID %u was dropped.", card->owner)));

	/*
	 * Expressions run as the owner of the priority table. Another table that merely has its name must not lend them
	 * its owner's rights: only the recorded table may have changed hands, and a restored one keeps its owner's name.
	 * Whoever alters the card as the new owner agrees to it.
	 */
	loading->new_owner = !recorded && strcmp(owner_name, loading->owner_name) != 0;
	if (loading->new_owner && loading->mode == LOAD_TO_DROP)
	{
		card->owner = recorded_owner(loading);
		return false;
	}
	card->priority_relid = relid;
	if (loading->new_owner && loading->mode == LOAD_TO_REFRESH)
		raise_not_the_one(loading);

	schema = get_namespace_name(get_rel_namespace(relid));
	/* A priority table under another name is found by its hint each time; only its schema is stored. */
	card->moved = !recorded || strcmp(schema, card->schema) != 0 ||
		strcmp(owner_name, loading->owner_name) != 0 || card->owner != loading->owner_hint;
	card->schema = schema;
	return true;
}

/* Find the published tables and the type of the key. */
static void
resolve_published(Loading *loading)
{
	Scorecard  *card = loading->card;
	AttrNumber	attno;
	int32		typmod;

	if (!resolve_priority(loading) || loading->mode == LOAD_TO_DROP)
		return;
	if (get_rel_relkind(card->priority_relid) != RELKIND_RELATION)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("%s of scorecard \"%s\" is not a plain table", relation_name(card->priority_relid), card->name),
				 errhint("Use drop_scorecard and create_scorecard to publish it again.")));
	card->purchases_relid = published_table(loading, "_purchases");
	card->history_relid = published_table(loading, "_tier_history");

	attno = get_attnum(card->priority_relid, "customer_id");
	if (attno == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("priority table %s has no column \"customer_id\"", relation_name(card->priority_relid)),
				 errhint("Use drop_scorecard and create_scorecard to publish it again.")));
	get_atttypetypmodcoll(card->priority_relid, attno, &card->key_type, &typmod, &card->key_collation);
}

/* Find what the card reads. */
static void
resolve_sources(Loading *loading)
{
	Scorecard  *card = loading->card;
	bool		strict = loading->mode == LOAD_TO_REFRESH;

	card->source_relid = resolve(loading, &card->source, loading->source_hint);
	if (!OidIsValid(card->source_relid) && strict)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("source table %s of scorecard \"%s\" does not exist", card->source, card->name),
				 errhint("Name another one with alter_scorecard, or use drop_scorecard.")));
	if (card->customers)
	{
		card->customers_relid = resolve(loading, &card->customers, loading->customers_hint);
		if (!OidIsValid(card->customers_relid) && strict)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_TABLE),
					 errmsg("customers table %s of scorecard \"%s\" does not exist", card->customers, card->name),
					 errhint("Name another one with alter_scorecard, or use drop_scorecard.")));
	}
	/* a metric's relation that is gone is told when the metric is computed, with its name (metric_values.c) */
	for (int i = 0; i < card->n_added; i++)
		if (card->added[i].relation)
			card->added[i].relid = resolve(loading, &card->added[i].relation, card->added[i].relid_hint);
	card->zone = pg_tzset(card->time_zone);
	if (card->zone == NULL && strict)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" of scorecard \"%s\" is not known to this server", card->time_zone, card->name),
				 errhint("Install the server's time zone data, or choose another zone with alter_scorecard.")));
}

Scorecard *
scorecard_load_for(int64 id, LoadMode mode)
{
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(id)};
	Loading		loading = {0};
	Scorecard  *card = palloc0(sizeof(Scorecard));

	loading.card = card;
	loading.mode = mode;
	card->id = id;
	if (catalog_select(load_query, 1, types, values, NULL, read_scorecard, &loading) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("scorecard number " INT64_FORMAT " does not exist", id)));

	metrics_load(card);
	tier_policy_load(card);
	lifecycle_load(card);
	regimes_load(card);
	/* Names that were just changed elsewhere must be seen. */
	AcceptInvalidationMessages();
	resolve_published(&loading);
	resolve_sources(&loading);
	if (card->capture)
		card->captured = captured_relations(id, NULL);
	return card;
}

const char *
scorecard_clv_model_name(const Scorecard *card)
{
	return card->clv_auto ? "auto" : card->clv_model ? card->clv_model->name : "none";
}

Scorecard *
scorecard_load(int64 id)
{
	return scorecard_load_for(id, LOAD_TO_REFRESH);
}

void
scorecard_check_owner(Scorecard *card)
{
	if (!has_privs_of_role(GetUserId(), card->owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of scorecard \"%s\"", card->name),
				 OidIsValid(card->owner)
				 ? errdetail("The scorecard belongs to role \"%s\".", GetUserNameFromId(card->owner, false))
				 : errdetail("Its owner and its priority table are gone, so that only a superuser may drop it.")));
}

void
scorecard_heal(Scorecard *card)
{
	Oid			types[10] = {INT8OID, TEXTOID, OIDOID, TEXTOID, OIDOID, TEXTOID, OIDOID, OIDOID, TEXTOID, TEXTOID};
	Datum		values[10];
	char		nulls[11] = "          ";

	if (!card->moved || RecoveryInProgress() || XactReadOnly)
		return;
	values[0] = Int64GetDatum(card->id);
	values[1] = CStringGetTextDatum(get_namespace_name(get_rel_namespace(card->priority_relid)));
	values[2] = ObjectIdGetDatum(card->priority_relid);
	values[3] = CStringGetTextDatum(card->source);
	values[4] = ObjectIdGetDatum(card->source_relid);
	values[5] = card->customers ? CStringGetTextDatum(card->customers) : (Datum) 0;
	values[6] = ObjectIdGetDatum(card->customers_relid);
	values[7] = ObjectIdGetDatum(card->owner);
	values[8] = CStringGetTextDatum(GetUserNameFromId(card->owner, false));
	values[9] = CStringGetTextDatum(custprio_database_identity());
	if (card->customers == NULL)
		nulls[5] = nulls[6] = 'n';
	catalog_execute("UPDATE custprio.scorecard SET schema_name = $2, priority_oid = $3, source = $4, source_oid = $5,"
					" customers = $6, customers_oid = $7, owner_oid = $8, owner_name = $9, recorded_in = $10"
					" WHERE scorecard_id = $1",
					10, types, values, nulls);
	for (int i = 0; i < card->n_added; i++)
		if (OidIsValid(card->added[i].relid))
			catalog_execute("UPDATE custprio.metric SET relation = $3, relation_oid = $4"
							" WHERE scorecard_id = $1 AND metric = $2", 4,
							(Oid[]) {INT8OID, TEXTOID, TEXTOID, OIDOID},
							(Datum[]) {Int64GetDatum(card->id), CStringGetTextDatum(card->added[i].name),
									   CStringGetTextDatum(card->added[i].relation),
									   ObjectIdGetDatum(card->added[i].relid)}, NULL);
	card->moved = false;
}
