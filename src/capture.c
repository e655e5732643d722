/*
 * capture.c: triggers on a source that note which customers changed.
 *
 * On the source and on each of its partitions stand statement triggers for INSERT, UPDATE and DELETE with transition
 * tables, which see COPY, MERGE, ON CONFLICT and foreign key cascades too, one for TRUNCATE that fires always, and on
 * plain tables a row trigger that fires only for logical replication. They put each changed customer's key into the
 * queue once per statement, old and new one of an update, and nothing where no column that the scorecard reads changed.
 *
 * They run in the writer's transaction, so nothing of ours must fail it or run code of somebody else: the key is a plain
 * column, or one cast to a wider type, and is taken from the row directly. Where that does not work any more, as when a
 * column was renamed, the queue is told that everything may have changed, and the next refresh says what is wrong.
 */
#include "custprio.h"

#include "capture.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "queue.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/tuplestore.h"
#include "utils/varlena.h"

PG_FUNCTION_INFO_V1(custprio_capture);

/* How to take the key from a row of one relation for one scorecard; kept for the session. */
typedef struct CapturePlan
{
	struct
	{
		int64		scorecard_id;
		Oid			relid;
	}			id;				/* hash key */
	bool		valid;
	bool		ignore;			/* no such scorecard, or its source is another one */
	bool		blind;			/* the key cannot be told: everything may have changed */
	AttrNumber	column;
	bool		has_cast;
	FmgrInfo	cast;
	Oid			key_type;
	int			n_used;			/* columns that the scorecard reads */
	AttrNumber *used;
} CapturePlan;

static HTAB *plans = NULL;
static MemoryContext plan_context = NULL;

static void
forget_plans(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS status;
	CapturePlan *plan;

	hash_seq_init(&status, plans);
	while ((plan = hash_seq_search(&status)) != NULL)
		if (relid == InvalidOid || plan->id.relid == relid)
			plan->valid = false;
}

static CapturePlan *
find_plan(int64 scorecard_id, Oid relid)
{
	CapturePlan key;
	CapturePlan *plan;
	bool		found;

	if (plans == NULL)
	{
		HASHCTL		control = {.keysize = sizeof(key.id),.entrysize = sizeof(CapturePlan)};

		plan_context = AllocSetContextCreate(TopMemoryContext, "custprio capture", ALLOCSET_SMALL_SIZES);
		control.hcxt = plan_context;
		plans = hash_create("custprio capture plans", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		CacheRegisterRelcacheCallback(forget_plans, (Datum) 0);
	}
	memset(&key.id, 0, sizeof(key.id));
	key.id.scorecard_id = scorecard_id;
	key.id.relid = relid;
	plan = hash_search(plans, &key.id, HASH_ENTER, &found);
	if (!found)
		plan->valid = false;
	return plan;
}

/* Built-in casts that depend on nothing and cannot fail: an error here would be the writer's. */
static bool
cast_is_harmless(Oid function)
{
	switch (function)
	{
		case F_INT4_INT2:
		case F_INT8_INT2:
		case F_INT8_INT4:
		case F_TEXT_BPCHAR:
		case F_TEXT_NAME:
			return true;
	}
	return false;
}

/* The column behind a key expression, and the function of a harmless cast of it; false for anything else. */
static bool
key_column(Node *node, AttrNumber *column, Oid *cast)
{
	*cast = InvalidOid;
	while (IsA(node, RelabelType))
		node = (Node *) castNode(RelabelType, node)->arg;
	if (IsA(node, FuncExpr))
	{
		FuncExpr   *func = castNode(FuncExpr, node);

		if (!cast_is_harmless(func->funcid))
			return false;
		*cast = func->funcid;
		node = linitial(func->args);
		while (IsA(node, RelabelType))
			node = (Node *) castNode(RelabelType, node)->arg;
	}
	if (!IsA(node, Var) || castNode(Var, node)->varattno <= 0)
		return false;
	*column = castNode(Var, node)->varattno;
	return true;
}

typedef struct StoredSource
{
	char	   *text[4];		/* customer, purchased_at, amount, filter */
	char	   *source;
	char	   *capture;
	Oid			source_oid;		/* a hint */
} StoredSource;

static void
read_source(HeapTuple row, TupleDesc desc, void *arg)
{
	StoredSource *stored = arg;
	bool		isnull;

	for (int i = 0; i < 6; i++)
	{
		Datum		value = heap_getattr(row, i + 1, desc, &isnull);
		char	   *string = isnull ? NULL : TextDatumGetCString(value);

		if (i < 4)
			stored->text[i] = string;
		else if (i == 4)
			stored->source = string;
		else
			stored->capture = string;
	}
	stored->source_oid = DatumGetObjectId(heap_getattr(row, 7, desc, &isnull));
}

/* Whether a relation is the named source, or inherits from it. */
static bool
belongs_to(Oid relid, const char *source)
{
	List	   *name = textToQualifiedNameList(cstring_to_text(source));
	Oid			root = list_length(name) == 2 && OidIsValid(get_namespace_oid(strVal(linitial(name)), true)) ?
		get_relname_relid(strVal(lsecond(name)), get_namespace_oid(strVal(linitial(name)), true)) : InvalidOid;

	return OidIsValid(root) && list_member_oid(find_all_inheritors(root, NoLock, NULL), relid);
}

/* Columns of the relation that the scorecard reads, and where the key is. Raises when an expression no longer fits. */
static void
analyze_source(CapturePlan *plan, StoredSource *stored, Oid relid)
{
	static const ExpressionKind kinds[4] = {EXPRESSION_KEY, EXPRESSION_TIME, EXPRESSION_AMOUNT, EXPRESSION_CONDITION};
	Bitmapset  *used = NULL;
	Oid			cast;
	int			attno = -1;

	for (int i = 0; i < 4; i++)
	{
		Expression	expr = {.argument = "capture",.kind = kinds[i],.text = stored->text[i],.canonical = true};
		Node	   *node;

		if (expr.text == NULL)
			continue;
		node = expression_parse(&expr, relid);
		pull_varattnos(node, 1, &used);
		if (i == 0)
		{
			plan->key_type = expr.type;
			if (!key_column(node, &plan->column, &cast))
				plan->blind = true;
			else if (OidIsValid(cast))
			{
				plan->has_cast = true;
				fmgr_info_cxt(cast, &plan->cast, plan_context);
			}
		}
	}
	plan->used = MemoryContextAlloc(plan_context, sizeof(AttrNumber) * Max(bms_num_members(used), 1));
	while ((attno = bms_next_member(used, attno)) >= 0)
	{
		AttrNumber	column = attno + FirstLowInvalidHeapAttributeNumber;

		if (column <= 0)
			plan->blind = true; /* a whole row or a system column */
		else
			plan->used[plan->n_used++] = column;
	}
}

static CapturePlan *
plan_for(int64 scorecard_id, Oid relid)
{
	CapturePlan *plan = find_plan(scorecard_id, relid);
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(scorecard_id)};
	StoredSource stored = {0};

	if (plan->valid)
		return plan;
	plan->ignore = plan->blind = plan->has_cast = false;
	plan->n_used = 0;
	if (catalog_select("SELECT customer, purchased_at, amount, filter, source, capture, source_oid FROM custprio.scorecard"
					   " WHERE scorecard_id = $1", 1, types, values, NULL, read_source, &stored) == 0 ||
		strcmp(stored.capture, "trigger") != 0)
		plan->ignore = true;
	else if (!belongs_to(relid, stored.source))
	{
		/* renamed or moved: the refresh will find out; or not ours at all */
		if (list_member_oid(find_all_inheritors(stored.source_oid, NoLock, NULL), relid))
			plan->blind = true;
		else
			plan->ignore = true;
	}
	else
	{
		MemoryContext context = CurrentMemoryContext;
		ResourceOwner owner = CurrentResourceOwner;
		OwnerScope	scope;

		/* a declaration that no longer fits is for the refresh to report, not for the writer to suffer */
		BeginInternalSubTransaction(NULL);
		PG_TRY();
		{
			owner_scope_enter(&scope, GetUserId(), NULL);
			analyze_source(plan, &stored, relid);
			owner_scope_leave(&scope);
			ReleaseCurrentSubTransaction();
		}
		PG_CATCH();
		{
			MemoryContextSwitchTo(context);
			RollbackAndReleaseCurrentSubTransaction();
			FlushErrorState();
			plan->blind = true;
		}
		PG_END_TRY();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
	}
	/* what makes it blind may pass without notice, as when a refresh follows a renamed source */
	plan->valid = !plan->blind;
	return plan;
}

/* Add a row's customer; one without is of no concern. */
static void
add_key(KeyMap *keys, CapturePlan *plan, TupleTableSlot *slot)
{
	bool		isnull;
	bool		found;
	Datum		key = slot_getattr(slot, plan->column, &isnull);

	if (isnull)
		return;
	if (plan->has_cast)
		key = FunctionCall1(&plan->cast, key);
	if (!keys->byval && keys->typlen < 0)
		key = PointerGetDatum(PG_DETOAST_DATUM_PACKED(key));
	keymap_insert(keys, key, keymap_hash(keys, key), &found);
}

static bool
used_columns_equal(const CapturePlan *plan, TupleTableSlot *a, TupleTableSlot *b)
{
	for (int i = 0; i < plan->n_used; i++)
	{
		AttrNumber	column = plan->used[i];
		Form_pg_attribute attr = TupleDescAttr(a->tts_tupleDescriptor, column - 1);
		bool		a_null,
					b_null;
		Datum		a_value = slot_getattr(a, column, &a_null);
		Datum		b_value = slot_getattr(b, column, &b_null);

		if (a_null != b_null || (!a_null && !datum_image_eq(a_value, b_value, attr->attbyval, attr->attlen)))
			return false;
	}
	return true;
}

/* Transition tables are shared by all triggers of a statement, each of which may have read them. */
static void
rewind_rows(Tuplestorestate *store)
{
	if (store)
	{
		tuplestore_select_read_pointer(store, 0);
		tuplestore_rescan(store);
	}
}

static bool
next_row(Tuplestorestate *store, TupleTableSlot *slot)
{
	return store && tuplestore_gettupleslot(store, true, false, slot);
}

/*
 * Keys of the rows of both transition tables. An update puts its old and new row in both at once, so that the tables
 * run in step; a pair that is equal in all used columns changes nothing. Were they ever out of step, pairs would
 * differ, and their keys be queued.
 */
static void
add_keys_of_statement(KeyMap *keys, CapturePlan *plan, TriggerData *trigger)
{
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	TupleTableSlot *old = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	TupleTableSlot *new = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	bool		update = trigger->tg_oldtable && trigger->tg_newtable;

	rewind_rows(trigger->tg_oldtable);
	rewind_rows(trigger->tg_newtable);
	for (;;)
	{
		bool		has_old = next_row(trigger->tg_oldtable, old);
		bool		has_new = next_row(trigger->tg_newtable, new);

		if (!has_old && !has_new)
			break;
		if (update && has_old && has_new && used_columns_equal(plan, old, new))
			continue;
		if (has_old)
			add_key(keys, plan, old);
		if (has_new)
			add_key(keys, plan, new);
		CHECK_FOR_INTERRUPTS();
	}
	ExecDropSingleTupleTableSlot(old);
	ExecDropSingleTupleTableSlot(new);
}

static void
add_keys_of_row(KeyMap *keys, CapturePlan *plan, TriggerData *trigger)
{
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
	{
		if (used_columns_equal(plan, trigger->tg_trigslot, trigger->tg_newslot))
			return;
		add_key(keys, plan, trigger->tg_newslot);
	}
	add_key(keys, plan, trigger->tg_trigslot);
}

/* Trigger function; its argument is the scorecard's number. */
Datum
custprio_capture(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	int64		scorecard_id;
	CapturePlan *plan;
	MemoryContext work;
	MemoryContext old;
	KeyMap	   *keys;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) || trigger->tg_trigger->tgnargs != 1)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("custprio.capture() must be called by the triggers that create_scorecard makes")));
	scorecard_id = pg_strtoint64(trigger->tg_trigger->tgargs[0]);
	plan = plan_for(scorecard_id, RelationGetRelid(trigger->tg_relation));
	if (plan->ignore)
		return PointerGetDatum(NULL);
	if (plan->blind || TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
	{
		queue_add(scorecard_id, NULL);
		return PointerGetDatum(NULL);
	}
	work = AllocSetContextCreate(CurrentMemoryContext, "custprio captured keys", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(work);
	keys = keymap_create(work, plan->key_type, sizeof(Datum));
	if (TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		add_keys_of_row(keys, plan, trigger);
	else
		add_keys_of_statement(keys, plan, trigger);
	queue_add(scorecard_id, keys);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(work);
	return PointerGetDatum(NULL);
}

void
capture_check(Declaration *declaration)
{
	Oid			cast;
	AttrNumber	column;
	char		kind = get_rel_relkind(declaration->source_relid);
	ListCell   *lc;

	if (declaration->capture == NULL)
		declaration->capture = "none";
	if (strcmp(declaration->capture, "none") == 0)
		return;
	if (strcmp(declaration->capture, "trigger") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"capture\" is not a way to capture changes: \"%s\"", declaration->capture),
				 errhint("Use trigger or none.")));
	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("argument \"capture\": changes of %s cannot be captured", declaration->source),
				 errdetail("It is not a table."),
				 errhint("Use capture => 'none', or the table behind it as the source.")));
	foreach(lc, find_all_inheritors(declaration->source_relid, AccessShareLock, NULL))
	{
		Oid			relid = lfirst_oid(lc);

		if (get_rel_relkind(relid) == RELKIND_FOREIGN_TABLE)
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("argument \"capture\": changes of %s cannot be captured", declaration->source),
					 errdetail("Its partition \"%s\" is a foreign table.", get_rel_name(relid)),
					 errhint("Use capture => 'none'.")));
		if (!custprio_owns_relation(relid, declaration->owner))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("argument \"capture\": triggers can be put on table \"%s\" by its owner only",
							get_rel_name(relid)),
					 errhint("Use capture => 'none', or let the table's owner create the scorecard.")));
	}
	if (!key_column(expression_parse(&declaration->customer, declaration->source_relid), &column, &cast))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("argument \"capture\": the customer must be a column, or one cast to a wider type"),
				 errdetail("It is %s.", declaration->customer.text),
				 errhint("Use capture => 'none', or add a generated column for the key.")));
}

static void
execute(const char *sql)
{
	if (SPI_execute(sql, false, 0) < 0)
		elog(ERROR, "statement failed: %s", sql);
}

static char *
trigger_name(int64 scorecard_id, const char *event)
{
	return psprintf("custprio_capture_" INT64_FORMAT "_%s", scorecard_id, event);
}

/* DDL with names pinned and without notices of what it did. */
static int
begin_ddl(void)
{
	int			nest_level = NewGUCNestLevel();

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	(void) set_config_option("client_min_messages", "warning", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	SPI_connect();
	return nest_level;
}

static void
end_ddl(int nest_level)
{
	SPI_finish();
	AtEOXact_GUC(false, nest_level);
}

static char *
relation_name(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
}

static const char *const statement_events[] = {"insert", "update", "delete", "truncate"};

/* How many of the statement triggers a relation has; only enabled ones, if asked. */
static int
count_triggers(int64 scorecard_id, Oid relid, bool enabled)
{
	Relation	rel = table_open(relid, NoLock);
	int			found = 0;

	for (int i = 0; rel->trigdesc && i < rel->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &rel->trigdesc->triggers[i];

		if (enabled && trigger->tgenabled != TRIGGER_FIRES_ON_ORIGIN && trigger->tgenabled != TRIGGER_FIRES_ALWAYS)
			continue;
		for (int e = 0; e < lengthof(statement_events); e++)
			if (strcmp(trigger->tgname, trigger_name(scorecard_id, statement_events[e])) == 0)
				found++;
	}
	table_close(rel, NoLock);
	return found;
}

void
capture_create(int64 scorecard_id, Oid source_relid, bool only_missing)
{
	static const struct
	{
		const char *event;
		const char *tables;
	}			triggers[] = {
		{"insert", "REFERENCING NEW TABLE AS custprio_new"},
		{"update", "REFERENCING OLD TABLE AS custprio_old NEW TABLE AS custprio_new"},
		{"delete", "REFERENCING OLD TABLE AS custprio_old"},
		{"truncate", ""},
	};
	int			nest_level = begin_ddl();
	ListCell   *lc;

	foreach(lc, find_all_inheritors(source_relid, ShareRowExclusiveLock, NULL))
	{
		Oid			relid = lfirst_oid(lc);
		char	   *name = relation_name(relid);

		/* a trigger that somebody disabled stays so */
		if (only_missing && count_triggers(scorecard_id, relid, false) == lengthof(statement_events))
			continue;
		for (int i = 0; i < lengthof(triggers); i++)
			execute(psprintf("CREATE OR REPLACE TRIGGER %s AFTER %s ON %s %s FOR EACH STATEMENT"
							 " EXECUTE FUNCTION custprio.capture('" INT64_FORMAT "')",
							 trigger_name(scorecard_id, triggers[i].event), triggers[i].event, name, triggers[i].tables,
							 scorecard_id));
		execute(psprintf("ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER %s", name, trigger_name(scorecard_id, "truncate")));
		if (get_rel_relkind(relid) != RELKIND_RELATION)
			continue;
		/* rows that logical replication applies fire no statement triggers of these kinds */
		execute(psprintf("CREATE OR REPLACE TRIGGER %s AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW"
						 " EXECUTE FUNCTION custprio.capture('" INT64_FORMAT "')",
						 trigger_name(scorecard_id, "replica"), name, scorecard_id));
		execute(psprintf("ALTER TABLE ONLY %s ENABLE REPLICA TRIGGER %s", name, trigger_name(scorecard_id, "replica")));
	}
	end_ddl(nest_level);
}

void
capture_drop(int64 scorecard_id, Oid source_relid)
{
	static const char *const events[] = {"insert", "update", "delete", "truncate", "replica"};
	int			nest_level;
	ListCell   *lc;

	if (!OidIsValid(source_relid))
		return;
	nest_level = begin_ddl();
	foreach(lc, find_all_inheritors(source_relid, AccessExclusiveLock, NULL))
		for (int i = 0; i < lengthof(events); i++)
			execute(psprintf("DROP TRIGGER IF EXISTS %s ON %s", trigger_name(scorecard_id, events[i]),
							 relation_name(lfirst_oid(lc))));
	end_ddl(nest_level);
}

static bool
all_have_triggers(const Scorecard *card, bool enabled)
{
	ListCell   *lc;

	foreach(lc, find_all_inheritors(card->source_relid, AccessShareLock, NULL))
		if (count_triggers(card->id, lfirst_oid(lc), enabled) != lengthof(statement_events))
			return false;
	return true;
}

bool
capture_exists(const Scorecard *card)
{
	return all_have_triggers(card, false);
}

bool
capture_enabled(const Scorecard *card)
{
	return all_have_triggers(card, true);
}

char *
capture_relations(Oid source_relid)
{
	StringInfoData text;
	List	   *relids = list_copy(find_all_inheritors(source_relid, AccessShareLock, NULL));
	ListCell   *lc;

	initStringInfo(&text);
	list_sort(relids, list_oid_cmp);
	foreach(lc, relids)
		appendStringInfo(&text, "%s%u", text.len > 0 ? " " : "", lfirst_oid(lc));
	return text.data;
}
