/*
 * capture_plan.c: how to take the customer's key from rows of a captured relation.
 *
 * Worked out once per session and relation, in the writer's transaction, where nothing of ours must fail. Where it cannot
 * be told any more, as when a column has another name, the plan is blind; the next refresh says what is wrong.
 */
#include "custprio.h"

#include "capture_plan.h"

#include "access/sysattr.h"
#include "access/xact.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "queue.h"
#include "subtransaction.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"

#define BLIND_FOR	USECS_PER_SEC

static HTAB *plans = NULL;
static MemoryContext plan_context = NULL;

static void
forget_plans(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS status;
	CapturePlan *plan;

	hash_seq_init(&status, plans);
	while ((plan = hash_seq_search(&status)) != NULL)
		if (relid == InvalidOid || plan->of.relid == relid)
			plan->valid = false;
}

static void
start_session(void)
{
	HASHCTL		control = {.keysize = sizeof(CapturePlanOf),.entrysize = sizeof(CapturePlan)};

	plan_context = AllocSetContextCreate(TopMemoryContext, "custprio capture", ALLOCSET_SMALL_SIZES);
	control.hcxt = plan_context;
	plans = hash_create("custprio capture plans", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	CacheRegisterRelcacheCallback(forget_plans, (Datum) 0);
}

/* Columns of the relation that count, and where the key is. Raises when an expression no longer fits. */
static void
analyze_relation(CapturePlan *plan, const CapturedRelation *captured)
{
	CapturedKey key;
	Bitmapset  *used = NULL;
	int			attno = -1;

	if (!capture_key(captured, plan->of.relid, &key))
	{
		plan->blind = true;
		return;
	}
	plan->column = key.column;
	plan->key_type = key.type;
	if (OidIsValid(key.cast))
		fmgr_info_cxt(key.cast, &plan->cast, plan_context);
	plan->rows_fit = capture_rows_fit(plan->of.scorecard_id, captured, plan->of.relid, key.column);
	used = bms_add_member(used, key.column - FirstLowInvalidHeapAttributeNumber);
	for (int i = 0; i < captured->n_expressions; i++)
	{
		Expression	expr = {
			.argument = "capture",.kind = EXPRESSION_ANY,.text = captured->expressions[i],.canonical = true,
			.of_metric = true,.may_aggregate = true
		};

		pull_varattnos(expression_parse(&expr, plan->of.relid), 1, &used);
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

	/* the writer need not see what the declaration names */
	owner_scope_enter(&scope, OidIsValid(analysis->captured->owner) ? analysis->captured->owner : GetUserId(), NULL);
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

/* What makes a plan blind may pass without notice, as when a refresh follows a renamed source, so that is looked at again. */
static inline bool
is_good(const CapturePlan *plan)
{
	return plan->valid && (plan->ignore || (!plan->blind && plan->rows_fit) ||
						   GetCurrentStatementStartTimestamp() - plan->made_at < BLIND_FOR);
}

/* Whether a relation was captured at the last refresh, which has not yet seen that it is no part any more. */
static bool
was_part_of(int64 scorecard_id, Oid relid)
{
	return catalog_select("SELECT 1 FROM custprio.epoch WHERE scorecard_id = $1"
						  " AND $2::text = ANY (string_to_array(source_relations, ' '))", 2, (Oid[]) {INT8OID, OIDOID},
						  (Datum[]) {Int64GetDatum(scorecard_id), ObjectIdGetDatum(relid)}, NULL, NULL, NULL) > 0;
}

CapturePlan *
capture_plan(int64 scorecard_id, const char *label, Oid relid)
{
	static CapturePlan *last = NULL;
	CapturePlanOf of = {.scorecard_id = scorecard_id,.relid = relid};
	CapturePlan *plan;
	bool		found;
	List	   *captured;

	if (last && is_good(last) && last->of.relid == relid && last->of.scorecard_id == scorecard_id &&
		strcmp(last->of.label, label) == 0)
		return last;
	StaticAssertStmt(sizeof(CapturePlanOf) == sizeof(int64) + sizeof(Oid) + sizeof(of.label), "a hash key has no padding");
	strlcpy(of.label, label, sizeof(of.label));
	if (plans == NULL)
		start_session();
	plan = hash_search(plans, &of, HASH_ENTER, &found);
	if (!found)
	{
		plan->valid = false;
		plan->used = NULL;
	}
	if (is_good(plan))
		return last = plan;

	plan->ignore = plan->blind = plan->rows_fit = false;
	plan->cast.fn_oid = InvalidOid;
	plan->n_used = 0;
	captured = captured_relations(scorecard_id, label);
	if (captured == NIL)
		plan->ignore = true;
	else if (is_part_of(relid, ((CapturedRelation *) linitial(captured))->relid))
		try_relation(plan, linitial(captured));
	else if (is_part_of(relid, ((CapturedRelation *) linitial(captured))->hint))
		plan->blind = true;		/* renamed or moved: the refresh will find out */
	else if (was_part_of(scorecard_id, relid))
		plan->blind = true;		/* it may be a part again before the refresh */
	else
		plan->ignore = true;
	if (!plan->ignore)
		queue_meet(scorecard_id);
	plan->valid = true;
	plan->made_at = GetCurrentStatementStartTimestamp();
	return last = plan;
}
