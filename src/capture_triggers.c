/*
 * capture_triggers.c: the triggers that stand on the relations that are captured for a scorecard.
 *
 * captured.c tells which these are; capture_follow() makes the triggers agree with that. On each relation and on each of
 * its partitions stand statement triggers for INSERT, UPDATE and DELETE, which fire for COPY, MERGE, ON CONFLICT and
 * foreign key cascades too, and one for TRUNCATE that fires always. On those that hold rows themselves
 * stand row triggers for inserted and deleted rows, and one that fires only for logical replication. What they do is in
 * capture.c. A relation that is itself a part of another cannot be captured: statements that name the other one would
 * fire the other one's triggers.
 */
#include "custprio.h"

#include "capture.h"
#include "relation.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "published.h"
#include "subtransaction.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

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
bool
capture_key_column(Node *node, AttrNumber *column, Oid *cast)
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

bool
capture_key(const CapturedRelation *captured, Oid relid, CapturedKey *key)
{
	Expression	expr = {
		.argument = strcmp(captured->label, "source") == 0 ? "customer" : "key",.kind = EXPRESSION_KEY,
		.text = captured->customer,.canonical = true
	};
	Node	   *node = expression_parse(&expr, relid);

	key->type = expr.type;
	return capture_key_column(node, &key->column, &key->cast);
}

/* Whether a relation is a child or partition of one that is not in the list. */
static bool
has_parent_outside(Oid relid, const List *list)
{
	Relation	inherits = table_open(InheritsRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(inherits, InheritsRelidSeqnoIndexId, true, NULL, 1, &key);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
		found = !list_member_oid(list, ((Form_pg_inherits) GETSTRUCT(tuple))->inhparent);
	systable_endscan(scan);
	table_close(inherits, AccessShareLock);
	return found;
}

/*
 * Whether rows of a relation or of its heirs can change through a statement that names none of these, which fires none of
 * their statement triggers. Partitions have one parent.
 */
static bool
is_bypassed(Oid relid)
{
	List	   *all = relation_with_heirs(relid, AccessShareLock);
	ListCell   *lc;

	foreach(lc, all)
		if ((lfirst_oid(lc) == relid || !get_rel_relispartition(lfirst_oid(lc))) && has_parent_outside(lfirst_oid(lc), all))
			return true;
	return false;
}

void
capture_check_relation(const char *argument, Oid relid, const char *name, Expression *key, Oid owner)
{
	Oid			cast;
	AttrNumber	column;
	char		kind = get_rel_relkind(relid);
	ListCell   *lc;

	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("argument \"capture\": changes of %s cannot be captured", name),
				 errdetail("It is not a table."),
				 errhint("Use capture => 'none', or the table behind it as the %s.", argument)));
	if (is_bypassed(relid))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("argument \"capture\": changes of %s cannot be captured", name),
				 errdetail("It or a child of it is a part of another table, and no trigger of it sees what is done through that."),
				 errhint("Use capture => 'none', or the other table as the %s.", argument)));
	foreach(lc, relation_with_heirs(relid, AccessShareLock))
	{
		Oid			part = lfirst_oid(lc);

		if (get_rel_relkind(part) == RELKIND_FOREIGN_TABLE)
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("argument \"capture\": changes of %s cannot be captured", name),
					 errdetail("Its partition \"%s\" is a foreign table.", get_rel_name(part)),
					 errhint("Use capture => 'none'.")));
		if (published_is_table(part))
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("argument \"capture\": changes of table \"%s\" cannot be captured", get_rel_name(part)),
					 errdetail("A scorecard publishes it, and refreshes write without firing statement triggers."),
					 errhint("Use capture => 'none'.")));
		if (!custprio_owns_relation(part, owner))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("argument \"capture\": triggers can be put on table \"%s\" by its owner only",
							get_rel_name(part)),
					 errhint("Use capture => 'none', or let the table's owner create the scorecard.")));
	}
	if (!capture_key_column(expression_parse(key, relid), &column, &cast))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("argument \"capture\": the customer must be a column, or one cast to a wider type"),
				 errdetail("It is %s.", key->text),
				 errhint("Use capture => 'none', or add a generated column for the key.")));
}

typedef struct Check
{
	const Scorecard *card;
	Oid			relid;
	const char *name;
	Expression	key;
} Check;

static void
check_as_owner(void *arg)
{
	Check	   *check = arg;
	OwnerScope	scope;

	owner_scope_enter(&scope, check->card->owner, check->card->time_zone);
	capture_check_relation("relation", check->relid, check->name, &check->key, check->card->owner);
	owner_scope_leave(&scope);
}

char *
capture_problem(const Scorecard *card, Oid relid, const char *name, char *key)
{
	Check		check = {
		card, relid, name, {.argument = "key",.kind = EXPRESSION_KEY,.text = key,.canonical = true}
	};
	ErrorData  *error;

	if (!OidIsValid(relid))
		return pstrdup("the relation does not exist");
	error = subtransaction_try(check_as_owner, &check);
	if (error == NULL)
		return NULL;
	if (ends_statement(error))
		ReThrowError(error);
	return error->detail ? error->detail : error->message;
}

void
capture_check(Declaration *declaration)
{
	if (declaration->capture == NULL)
		declaration->capture = "none";
	if (strcmp(declaration->capture, "none") == 0)
		return;
	if (strcmp(declaration->capture, "trigger") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"capture\" is not a way to capture changes: \"%s\"", declaration->capture),
				 errhint("Use trigger or none.")));
	capture_check_relation("source", declaration->source_relid, declaration->source, &declaration->customer,
						   declaration->owner);
}

static void
execute(const char *sql)
{
	if (SPI_execute(sql, false, 0) < 0)
		elog(ERROR, "statement failed: %s", sql);
}

/* What the names of a relation's triggers for a scorecard begin with; those of any relation when label is NULL. */
static char *
trigger_prefix(int64 scorecard_id, const char *label)
{
	if (label == NULL)
		return psprintf("custprio_capture_" INT64_FORMAT "_", scorecard_id);
	Assert(strlen(label) <= CAPTURE_LABEL_MAX);
	return psprintf("custprio_capture_" INT64_FORMAT "_%s_", scorecard_id, label);
}

static char *
trigger_name(int64 scorecard_id, const char *label, const char *event)
{
	return psprintf("%s%s", trigger_prefix(scorecard_id, label), event);
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

static const char *const statement_events[] = {"insert", "update", "delete", "truncate"};

/* Row triggers, of relations that hold rows: what their names end with, what they fire for, and the row they look at. */
static const char *const row_events[][3] = {{"inserted", "INSERT", "NEW"}, {"deleted", "DELETE", "OLD"}};

/* The column that the condition of a row trigger takes keys from; InvalidAttrNumber for any other condition. */
static AttrNumber
column_of_condition(const Trigger *trigger)
{
	Node	   *condition = trigger->tgqual ? stringToNode(trigger->tgqual) : NULL;
	AttrNumber	column;
	Oid			cast;

	if (condition == NULL || !IsA(condition, FuncExpr) || list_length(castNode(FuncExpr, condition)->args) != 2 ||
		!capture_key_column(lsecond(castNode(FuncExpr, condition)->args), &column, &cast))
		return InvalidAttrNumber;
	return column;
}

/* What follows a prefix in a trigger's name; NULL when that begins otherwise. */
static const char *
name_after(const Trigger *trigger, const char *prefix)
{
	Size		len = strlen(prefix);

	return strncmp(trigger->tgname, prefix, len) == 0 ? trigger->tgname + len : NULL;
}

static bool
is_row_event(const char *event)
{
	for (int e = 0; e < lengthof(row_events); e++)
		if (strcmp(event, row_events[e][0]) == 0)
			return true;
	return false;
}

/* When a trigger of that event fires, by its letter in pg_trigger; 0: a relation with or without rows has no such trigger. */
static char
fires_when(const char *event, bool has_rows)
{
	if (strcmp(event, "truncate") == 0)
		return TRIGGER_FIRES_ALWAYS;
	if (has_rows && strcmp(event, "replica") == 0)
		return TRIGGER_FIRES_ON_REPLICA;
	if (has_rows && is_row_event(event))
		return TRIGGER_FIRES_ON_ORIGIN;
	for (int e = 0; e < lengthof(statement_events); e++)
		if (strcmp(event, statement_events[e]) == 0)
			return TRIGGER_FIRES_ON_ORIGIN;
	return 0;
}

/*
 * Whether a relation has all of its triggers; if asked, whether they fire as they ought to. Those that are to fire under
 * logical replication alone, or also, count as missing when they have come to fire as others do: enabling all of a table's
 * triggers, as after loading a dump without them, does that.
 */
static bool
has_triggers(int64 scorecard_id, const char *label, Oid relid, bool enabled)
{
	Relation	rel = table_open(relid, AccessShareLock);
	bool		has_rows = rel->rd_rel->relkind == RELKIND_RELATION;
	int			missing = lengthof(statement_events) + (has_rows ? lengthof(row_events) + 1 : 0);
	char	   *prefix = trigger_prefix(scorecard_id, label);

	for (int i = 0; rel->trigdesc && i < rel->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &rel->trigdesc->triggers[i];
		const char *event = name_after(trigger, prefix);
		char		right = event ? fires_when(event, has_rows) : 0;
		char		fires = trigger->tgenabled;

		if (right == 0)
			continue;
		if (fires == right || (!enabled && fires == TRIGGER_DISABLED) ||
			(right == TRIGGER_FIRES_ON_ORIGIN && (!enabled || fires == TRIGGER_FIRES_ALWAYS)))
			missing--;
	}
	table_close(rel, NoLock);
	return missing == 0;
}

/* Whether the row triggers that a relation has take keys from the column of that name: names can change places. */
static bool
rows_take(int64 scorecard_id, const char *label, Oid relid, const char *column)
{
	Relation	rel = table_open(relid, AccessShareLock);
	char	   *prefix = trigger_prefix(scorecard_id, label);
	bool		fit = true;

	for (int i = 0; rel->trigdesc && i < rel->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &rel->trigdesc->triggers[i];
		const char *event = name_after(trigger, prefix);

		if (event && is_row_event(event) && column_of_condition(trigger) != get_attnum(relid, column))
			fit = false;
	}
	table_close(rel, NoLock);
	return fit;
}

/* A relation that holds rows: this one, or one of its parts; InvalidOid when there is none. */
static Oid
one_with_rows(Oid relid)
{
	Oid			found = get_rel_relkind(relid) == RELKIND_RELATION ? relid : InvalidOid;
	ListCell   *lc;

	if (get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE)
		foreach(lc, find_inheritance_children(relid, NoLock))
		{
			found = one_with_rows(lfirst_oid(lc));
			if (OidIsValid(found))
				break;
		}
	return found;
}

/*
 * Names of columns change in a relation and all its parts at once, and row triggers are made for all together: looking at
 * one part is enough, and a writer need not open a thousand.
 */
bool
capture_rows_fit(int64 scorecard_id, const CapturedRelation *captured, Oid relid, AttrNumber column)
{
	Oid			part = one_with_rows(relid);

	return !OidIsValid(part) || rows_take(scorecard_id, captured->label, part, get_attname(relid, column, false));
}

/* Name of the column that the key of a relation is, or of a part of it. */
static char *
key_column(const CapturedRelation *captured, Oid relid, CapturedKey *key)
{
	if (!capture_key(captured, relid, key))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("changes of table \"%s\" cannot be captured", get_rel_name(relid)),
				 errdetail("The customer is no column, nor one cast to a wider type: %s.", captured->customer),
				 errhint("Use alter_scorecard() with capture => 'none'.")));
	return get_attname(relid, key->column, false);
}

/* The key of a row in the condition of a row trigger. */
static char *
key_of_row(const CapturedRelation *captured, Oid relid, const char *row)
{
	CapturedKey key;
	char	   *column = psprintf("%s.%s", row, quote_identifier(key_column(captured, relid, &key)));

	if (key.type == get_atttype(relid, key.column))
		return column;
	return psprintf("CAST(%s AS %s)", column, format_type_be_qualified(key.type));
}

/* The triggers of one relation alone, whether it has heirs or not. */
static void
create_triggers(int64 scorecard_id, const CapturedRelation *captured, Oid relid)
{
	const char *label = captured->label;
	char	   *name = relation_name(relid);
	char	   *arguments = psprintf("'" INT64_FORMAT "', %s", scorecard_id, quote_literal_cstr(label));

	for (int i = 0; i < lengthof(statement_events); i++)
		execute(psprintf("CREATE OR REPLACE TRIGGER %s AFTER %s ON %s %s FOR EACH STATEMENT EXECUTE FUNCTION custprio.capture(%s)",
						 quote_identifier(trigger_name(scorecard_id, label, statement_events[i])), statement_events[i], name,
						 strcmp(statement_events[i], "update") == 0 ?
						 "REFERENCING OLD TABLE AS custprio_old NEW TABLE AS custprio_new" : "", arguments));
	execute(psprintf("ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER %s", name,
					 quote_identifier(trigger_name(scorecard_id, label, "truncate"))));
	if (get_rel_relkind(relid) != RELKIND_RELATION)
		return;
	for (int i = 0; i < lengthof(row_events); i++)
		execute(psprintf("CREATE OR REPLACE TRIGGER %s AFTER %s ON %s FOR EACH ROW"
						 " WHEN (custprio.capture_row(%s, %s)) EXECUTE FUNCTION custprio.capture(%s)",
						 quote_identifier(trigger_name(scorecard_id, label, row_events[i][0])), row_events[i][1], name,
						 quote_literal_cstr(psprintf(INT64_FORMAT " %s", scorecard_id, label)),
						 key_of_row(captured, relid, row_events[i][2]), arguments));
	/* rows that logical replication applies fire none of these */
	execute(psprintf("CREATE OR REPLACE TRIGGER %s AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW"
					 " EXECUTE FUNCTION custprio.capture(%s)",
					 quote_identifier(trigger_name(scorecard_id, label, "replica")), name, arguments));
	execute(psprintf("ALTER TABLE ONLY %s ENABLE REPLICA TRIGGER %s", name,
					 quote_identifier(trigger_name(scorecard_id, label, "replica"))));
}

/* Drop the scorecard's triggers on relations where none of that label belongs. */
static void
drop_strays(int64 scorecard_id, List *captured)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(trigger_prefix(scorecard_id, NULL))};
	SPITupleTable *found;

	if (SPI_execute_with_args("SELECT t.tgrelid, t.tgname::text FROM pg_catalog.pg_trigger t"
							  " WHERE t.tgfoid = 'custprio.capture()'::pg_catalog.regprocedure"
							  " AND pg_catalog.starts_with(t.tgname::text, $1) ORDER BY t.tgrelid, t.tgname",
							  1, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "triggers could not be read");
	found = SPI_tuptable;
	for (uint64 i = 0; i < found->numvals; i++)
	{
		bool		isnull;
		Oid			relid = DatumGetObjectId(SPI_getbinval(found->vals[i], found->tupdesc, 1, &isnull));
		char	   *trigger = SPI_getvalue(found->vals[i], found->tupdesc, 2);
		bool		stays = false;
		ListCell   *lc;

		foreach(lc, captured)
		{
			CapturedRelation *relation = lfirst(lc);
			char	   *prefix = trigger_prefix(scorecard_id, relation->label);

			if (OidIsValid(relation->relid) && strncmp(trigger, prefix, strlen(prefix)) == 0 &&
				list_member_oid(find_all_inheritors(relation->relid, NoLock, NULL), relid))
				stays = true;
		}
		if (!stays)
			execute(psprintf("DROP TRIGGER IF EXISTS %s ON %s", quote_identifier(trigger), relation_name(relid)));
	}
}

void
capture_follow(int64 scorecard_id)
{
	List	   *captured = captured_relations(scorecard_id, NULL);
	int			nest_level = begin_ddl();
	ListCell   *lc;
	ListCell   *part;

	drop_strays(scorecard_id, captured);
	foreach(lc, captured)
	{
		CapturedRelation *relation = lfirst(lc);

		if (!OidIsValid(relation->relid))
			continue;			/* the next refresh says so */
		foreach(part, relation_with_heirs(relation->relid, ShareRowExclusiveLock))
			create_triggers(scorecard_id, relation, lfirst_oid(part));
	}
	end_ddl(nest_level);
}

void
capture_complete(const Scorecard *card)
{
	int			nest_level = begin_ddl();
	ListCell   *lc;
	ListCell   *part;

	foreach(lc, card->captured)
	{
		CapturedRelation *relation = lfirst(lc);
		CapturedKey key;
		char	   *column;

		if (!OidIsValid(relation->relid))
			continue;
		column = key_column(relation, relation->relid, &key);
		/* a trigger that somebody disabled stays so */
		foreach(part, relation_with_heirs(relation->relid, ShareRowExclusiveLock))
			if (!has_triggers(card->id, relation->label, lfirst_oid(part), false) ||
				!rows_take(card->id, relation->label, lfirst_oid(part), column))
				create_triggers(card->id, relation, lfirst_oid(part));
	}
	end_ddl(nest_level);
}

static bool
all_have_triggers(const Scorecard *card, bool enabled)
{
	ListCell   *lc;
	ListCell   *part;

	foreach(lc, card->captured)
	{
		CapturedRelation *relation = lfirst(lc);
		CapturedKey key;
		char	   *column;

		if (!OidIsValid(relation->relid))
			return false;
		column = enabled ? NULL : key_column(relation, relation->relid, &key);
		foreach(part, relation_with_heirs(relation->relid, AccessShareLock))
			if (!has_triggers(card->id, relation->label, lfirst_oid(part), enabled) ||
				(!enabled && !rows_take(card->id, relation->label, lfirst_oid(part), column)))
				return false;
	}
	return true;
}

bool
capture_exists(const Scorecard *card)
{
	OwnerScope	scope;
	bool		exists;

	owner_scope_enter(&scope, card->owner, card->time_zone);
	exists = all_have_triggers(card, false);
	owner_scope_leave(&scope);
	return exists;
}

bool
capture_enabled(const Scorecard *card)
{
	return all_have_triggers(card, true);
}

bool
capture_is_bypassed(const Scorecard *card)
{
	ListCell   *lc;

	foreach(lc, card->captured)
	{
		CapturedRelation *relation = lfirst(lc);

		if (OidIsValid(relation->relid) && is_bypassed(relation->relid))
			return true;
	}
	return false;
}

char *
capture_relations(const Scorecard *card)
{
	StringInfoData text;
	ListCell   *lc;
	ListCell   *part;

	initStringInfo(&text);
	foreach(lc, card->captured)
	{
		CapturedRelation *relation = lfirst(lc);
		List	   *relids = NIL;

		if (OidIsValid(relation->relid))
			relids = relation_with_heirs(relation->relid, AccessShareLock);
		list_sort(relids, list_oid_cmp);
		appendStringInfo(&text, "%s%s", text.len > 0 ? " " : "", relation->label);
		foreach(part, relids)
			appendStringInfo(&text, " %u", lfirst_oid(part));
	}
	return text.data;
}
