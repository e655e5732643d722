/*
 * capture.c: the trigger function that notes which customers changed.
 *
 * It puts each changed customer's key into the queue once per statement, old and new one of an update, and nothing where
 * no column that the scorecard reads changed. It runs in the writer's transaction, so nothing of ours must fail it or
 * run code of somebody else: the key is a plain column, or one cast to a wider type, and is taken from the row directly.
 * Where that does not work any more, as when a column was dropped, the queue is told that everything may have changed,
 * and the next refresh says what is wrong. Which relations have the triggers: capture_triggers.c.
 *
 * Every writer pays for this, so a statement costs little more than reading its transition tables: what to read is
 * worked out once per session and trigger, memory is kept from one call to the next, and keys are packed into few rows.
 */
#include "custprio.h"

#include "capture.h"

#include "access/htup_details.h"
#include "catalog/pg_inherits.h"
#include "commands/trigger.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "on_commit.h"
#include "optimizer/optimizer.h"
#include "queue.h"
#include "statement_keys.h"
#include "subtransaction.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(custprio_capture);

/* How to take the key from a row for one trigger; kept for the session. */
typedef struct CapturePlan
{
	Oid			trigger;		/* hash key */
	Oid			relid;
	bool		valid;
	bool		ignore;			/* nothing is captured here any more */
	bool		blind;			/* the key cannot be told: everything may have changed */
	int64		scorecard_id;
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
		if (relid == InvalidOid || plan->relid == relid)
			plan->valid = false;
}

static void
start_session(void)
{
	HASHCTL		control = {.keysize = sizeof(Oid),.entrysize = sizeof(CapturePlan)};

	plan_context = AllocSetContextCreate(TopMemoryContext, "custprio capture", ALLOCSET_SMALL_SIZES);
	control.hcxt = plan_context;
	plans = hash_create("custprio capture plans", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	CacheRegisterRelcacheCallback(forget_plans, (Datum) 0);
}

/* Columns of the relation that count, and where the key is. Raises when an expression no longer fits. */
static void
analyze_relation(CapturePlan *plan, const CapturedRelation *captured)
{
	Expression	key = {.argument = "capture",.kind = EXPRESSION_KEY,.text = captured->customer,.canonical = true};
	Node	   *node = expression_parse(&key, plan->relid);
	Bitmapset  *used = NULL;
	Oid			cast;
	int			attno = -1;

	pull_varattnos(node, 1, &used);
	plan->key_type = key.type;
	if (!capture_key_column(node, &plan->column, &cast))
		plan->blind = true;
	else if (OidIsValid(cast))
	{
		plan->has_cast = true;
		fmgr_info_cxt(cast, &plan->cast, plan_context);
	}
	for (int i = 0; i < captured->n_expressions; i++)
	{
		Expression	expr = {
			.argument = "capture",.kind = EXPRESSION_ANY,.text = captured->expressions[i],.canonical = true,
			.of_metric = true,.may_aggregate = true
		};

		pull_varattnos(expression_parse(&expr, plan->relid), 1, &used);
	}
	if (plan->used)
		pfree(plan->used);
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

typedef struct Analysis
{
	CapturePlan *plan;
	const CapturedRelation *captured;
} Analysis;

static void
analyze_in_scope(void *arg)
{
	Analysis   *analysis = arg;
	OwnerScope	scope;

	owner_scope_enter(&scope, GetUserId(), NULL);
	analyze_relation(analysis->plan, analysis->captured);
	owner_scope_leave(&scope);
}

/* Analyze it; a declaration that no longer fits is for the refresh to report, not for the writer to suffer. */
static void
try_relation(CapturePlan *plan, const CapturedRelation *captured)
{
	Analysis	analysis = {plan, captured};
	ErrorData  *error = subtransaction_try(analyze_in_scope, &analysis);

	if (error && ends_statement(error))
		ReThrowError(error);
	plan->blind |= error != NULL;
}

/* Whether a relation is a captured one or inherits from it. */
static bool
is_part_of(Oid relid, Oid root)
{
	return OidIsValid(root) && (relid == root || list_member_oid(find_all_inheritors(root, NoLock, NULL), relid));
}

static CapturePlan *
plan_for(const Trigger *trigger, Oid relid)
{
	CapturePlan *plan;
	bool		found;
	List	   *captured;

	if (plans == NULL)
		start_session();
	plan = hash_search(plans, &trigger->tgoid, HASH_ENTER, &found);
	if (!found)
	{
		plan->valid = false;
		plan->used = NULL;
	}
	if (plan->valid)
		return plan;

	plan->relid = relid;
	plan->scorecard_id = pg_strtoint64(trigger->tgargs[0]);
	plan->ignore = plan->blind = plan->has_cast = false;
	plan->n_used = 0;
	captured = captured_relations(plan->scorecard_id, trigger->tgargs[1]);
	if (captured == NIL)
		plan->ignore = true;
	else if (is_part_of(relid, ((CapturedRelation *) linitial(captured))->relid))
		try_relation(plan, linitial(captured));
	else if (is_part_of(relid, ((CapturedRelation *) linitial(captured))->hint))
		plan->blind = true;		/* renamed or moved: the refresh will find out */
	else
		plan->ignore = true;
	if (!plan->ignore)
		queue_meet(plan->scorecard_id);
	/* what makes it blind may pass without notice, as when a refresh follows a renamed source */
	plan->valid = !plan->blind;
	return plan;
}

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

/* Add a row's customer; one without is of no concern. */
static inline void
add_key(CapturePlan *plan, TupleTableSlot *slot)
{
	bool		isnull;
	Datum		key = row_column(slot, plan->column, &isnull);

	if (!isnull)
		statement_keys_add(key, plan->has_cast ? &plan->cast : NULL);
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
 * Queue the keys of the rows of both transition tables. An update puts its old and new row in both at once, so that the
 * tables run in step; a pair that is equal in all used columns changes nothing. Were they ever out of step, pairs would
 * differ, and their keys be queued.
 */
static void
queue_statement(CapturePlan *plan, TriggerData *trigger)
{
	TupleTableSlot *old = begin_rows(trigger, trigger->tg_oldtable);
	TupleTableSlot *new = begin_rows(trigger, trigger->tg_newtable);

	statement_keys_begin(plan->scorecard_id, plan->key_type);
	for (;;)
	{
		bool		has_old = next_row(trigger->tg_oldtable, old);
		bool		has_new = next_row(trigger->tg_newtable, new);

		if (!has_old && !has_new)
			break;
		if (has_old && has_new && used_columns_equal(plan, old, new))
			continue;
		if (has_old)
			add_key(plan, old);
		if (has_new)
			add_key(plan, new);
		CHECK_FOR_INTERRUPTS();
	}
	statement_keys_end();
	if (old)
		ExecDropSingleTupleTableSlot(old);
	if (new)
		ExecDropSingleTupleTableSlot(new);
}

static void
queue_row(CapturePlan *plan, TriggerData *trigger)
{
	bool		update = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);

	if (update && used_columns_equal(plan, trigger->tg_trigslot, trigger->tg_newslot))
		return;
	statement_keys_begin(plan->scorecard_id, plan->key_type);
	if (update)
		add_key(plan, trigger->tg_newslot);
	add_key(plan, trigger->tg_trigslot);
	statement_keys_end();
}

/* Trigger function; its arguments are the scorecard's number and the label of what is captured. */
Datum
custprio_capture(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	CapturePlan *plan;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) || trigger->tg_trigger->tgnargs != 2)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("custprio.capture() must be called by the triggers that create_scorecard makes")));
	plan = plan_for(trigger->tg_trigger, RelationGetRelid(trigger->tg_relation));
	if (plan->ignore)
		return PointerGetDatum(NULL);
	if (queue_is_closed(plan->scorecard_id))
	{
		on_commit_note(plan->scorecard_id);
		return PointerGetDatum(NULL);
	}
	if (plan->blind || TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
	{
		queue_add(plan->scorecard_id, NULL);
		return PointerGetDatum(NULL);
	}
	if (TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		queue_row(plan, trigger);
	else
		queue_statement(plan, trigger);
	return PointerGetDatum(NULL);
}
