/*
 * capture.c: the functions of the triggers that note which customers changed.
 *
 * Each changed customer's key is put into the queue once per statement, old and new one of an update, and nothing where
 * no column that the scorecard reads changed. Of inserted and deleted rows the key is all that counts. Row triggers have
 * capture_row() as their WHEN condition, which keeps the key and is false, so that no event is queued; the statement's
 * trigger then queues what was kept. A transition table, which PostgreSQL would fill with whole rows and move to disk
 * where they are many, costs several times as much. An update's two rows must be compared, and by names: a condition
 * that had all their columns as arguments would keep their types from being altered. So its trigger has the tables.
 *
 * All of this runs in the writer's transaction, so nothing of ours must fail it or run code of somebody else: the key is
 * a plain column, or one cast to a wider type. Where that does not work any more, as when another column has its name,
 * the queue is told that everything may have changed, and the next refresh says what is wrong. Which relations have the
 * triggers: capture_triggers.c.
 */
#include "custprio.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "capture_plan.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "on_commit_list.h"
#include "queue.h"
#include "statement_keys.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(custprio_capture);
PG_FUNCTION_INFO_V1(custprio_capture_row);

/*
 * A column of a row. From a transition table's row it is taken out of the tuple: to deform all columns before it, as
 * slots do, is a tenth of what capture costs where many rows are copied.
 */
static inline Datum
row_column(TupleTableSlot *slot, AttrNumber column, bool *isnull)
{
	if (TTS_IS_MINIMALTUPLE(slot))
		return heap_getattr(((MinimalTupleTableSlot *) slot)->tuple, column, slot->tts_tupleDescriptor, isnull);
	return slot_getattr(slot, column, isnull);
}

/* Queue the keys that are kept, if they are what the plan would take; otherwise that everything may have changed. */
static void
queue_keys(const CapturePlan *plan, StatementKeys *keys)
{
	if (queue_is_closed(keys->scorecard_id))
		on_commit_note(keys->scorecard_id);
	else if (plan->blind || !plan->rows_fit ||
			 (keys->type != plan->key_type && getBaseType(keys->type) != getBaseType(plan->key_type)))
		queue_add(keys->scorecard_id, NULL);
	else
		statement_keys_queue(keys);
}

/* Add a row's customer; one without is of no concern. */
static inline void
add_key(CapturePlan *plan, StatementKeys *keys, TupleTableSlot *slot)
{
	bool		isnull;
	Datum		key = row_column(slot, plan->column, &isnull);

	if (!isnull)
		statement_keys_add(keys, key, OidIsValid(plan->cast.fn_oid) ? &plan->cast : NULL);
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
static TupleTableSlot *
begin_rows(TriggerData *trigger, Tuplestorestate *store)
{
	if (store == NULL)
		return NULL;
	tuplestore_select_read_pointer(store, 0);
	tuplestore_rescan(store);
	return MakeSingleTupleTableSlot(RelationGetDescr(trigger->tg_relation), &TTSOpsMinimalTuple);
}

static bool
next_row(Tuplestorestate *store, TupleTableSlot *slot)
{
	return store && tuplestore_gettupleslot(store, true, false, slot);
}

/*
 * Keep the keys of the rows of both transition tables. An update puts its old and new row in both at once, so that the
 * tables run in step; a pair that is equal in all used columns changes nothing. Were they ever out of step, pairs would
 * differ, and their keys be queued.
 */
static void
read_transition_tables(CapturePlan *plan, TriggerData *trigger)
{
	TupleTableSlot *old = begin_rows(trigger, trigger->tg_oldtable);
	TupleTableSlot *new = begin_rows(trigger, trigger->tg_newtable);
	StatementKeys *keys = statement_keys(plan->of.scorecard_id, plan->of.label, plan->key_type);

	for (;;)
	{
		bool		has_old = next_row(trigger->tg_oldtable, old);
		bool		has_new = next_row(trigger->tg_newtable, new);

		if (!has_old && !has_new)
			break;
		if (has_old && has_new && used_columns_equal(plan, old, new))
			continue;
		if (has_old)
			add_key(plan, keys, old);
		if (has_new)
			add_key(plan, keys, new);
		CHECK_FOR_INTERRUPTS();
	}
	if (old)
		ExecDropSingleTupleTableSlot(old);
	if (new)
		ExecDropSingleTupleTableSlot(new);
}

static void
read_row(CapturePlan *plan, TriggerData *trigger)
{
	bool		update = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
	StatementKeys *keys = statement_keys(plan->of.scorecard_id, plan->of.label, plan->key_type);

	if (update && used_columns_equal(plan, trigger->tg_trigslot, trigger->tg_newslot))
		return;
	if (update)
		add_key(plan, keys, trigger->tg_newslot);
	add_key(plan, keys, trigger->tg_trigslot);
}

/* Trigger function; its arguments are the scorecard's number and the label of what is captured. */
Datum
custprio_capture(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	int64		scorecard_id;
	const char *label;
	CapturePlan *plan;
	StatementKeys *keys;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) || trigger->tg_trigger->tgnargs != 2)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("custprio.capture() must be called by the triggers that create_scorecard makes")));
	scorecard_id = pg_strtoint64(trigger->tg_trigger->tgargs[0]);
	label = trigger->tg_trigger->tgargs[1];
	plan = capture_plan(scorecard_id, label, RelationGetRelid(trigger->tg_relation));
	/* keys there may be of a statement around this one that writes to what is captured: they are for its trigger */
	if (plan->ignore)
		return PointerGetDatum(NULL);
	if (queue_is_closed(scorecard_id))
		on_commit_note(scorecard_id);
	else if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event) ||
			 (plan->blind && (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) || TRIGGER_FIRED_FOR_ROW(trigger->tg_event))))
		queue_add(scorecard_id, NULL);
	else if (TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		read_row(plan, trigger);
	else if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		read_transition_tables(plan, trigger);
	/* what row triggers kept is there too: of an update, the rows that moved to other partitions */
	while ((keys = statement_keys_pending(scorecard_id, label)) != NULL)
	{
		queue_keys(plan, keys);
		statement_keys_end(keys);
	}
	return PointerGetDatum(NULL);
}

/* What one row trigger knows while a statement lasts. */
typedef struct RowCapture
{
	StatementKeys *keys;			/* as long as the era is this */
	uint64		era;
	int64		scorecard_id;
	const char *label;
	Oid			key_type;
} RowCapture;

/* Whether values of a type can be kept: an untyped literal is a C string, whose bytes are not to be taken for a value's. */
static bool
type_is_kept(Oid type)
{
	static Oid	kept = InvalidOid;

	if (type == kept)
		return true;
	if (get_typtype(type) == TYPTYPE_PSEUDO || get_typlen(type) < -1 || get_typlen(type) == 0)
		return false;
	kept = type;
	return true;
}

static RowCapture *
begin_row_capture(FunctionCallInfo fcinfo)
{
	MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	RowCapture *row = palloc(sizeof(RowCapture));
	char	   *captured = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *end;

	MemoryContextSwitchTo(old);
	row->scorecard_id = strtoi64(captured, &end, 10);
	row->label = end + 1;
	row->key_type = get_fn_expr_argtype(fcinfo->flinfo, 1);
	if (*end != ' ' || strlen(row->label) > CAPTURE_LABEL_MAX || !type_is_kept(row->key_type))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("custprio.capture_row() must be called by the triggers that create_scorecard makes")));
	row->keys = NULL;
	fcinfo->flinfo->fn_extra = row;
	return row;
}

/*
 * capture_row(captured, customer): false, having kept the customer for the statement's trigger. Anybody can call it; but
 * keys without a statement that writes to what is captured go with the transaction.
 */
Datum
custprio_capture_row(PG_FUNCTION_ARGS)
{
	RowCapture *row = fcinfo->flinfo->fn_extra;

	if (row == NULL)
		row = begin_row_capture(fcinfo);
	if (row->keys == NULL || row->era != statement_keys_era || row->keys->subid != GetCurrentSubTransactionId())
	{
		row->keys = statement_keys(row->scorecard_id, row->label, row->key_type);
		row->era = statement_keys_era;
	}
	statement_keys_add(row->keys, PG_GETARG_DATUM(1), NULL);
	PG_RETURN_BOOL(false);
}
