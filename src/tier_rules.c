/*
 * tier_rules.c: the rules that tiers are cut by, evaluated over rows of the priority table.
 *
 * A rule sees a row as it is about to be published, before its tier is known. set_tiers has checked that it is immutable
 * and reads no column that follows from the tier; it runs as the scorecard's owner, whose conditions they are.
 */
#include "custprio.h"

#include "tier_rules.h"

#include "expression.h"
#include "tier_policy.h"

#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "utils/rel.h"

struct TierRules
{
	const Scorecard *card;
	EState	   *estate;
	ExprContext *context;
	TupleTableSlot *slot;
	ExprState  *condition[TIER_Z];
};

TierRules *
tier_rules_open(const Scorecard *card, Relation priority)
{
	TierRules  *rules;

	if (card->tier_policy->method != TIERS_BY_RULES)
		return NULL;
	rules = palloc0(sizeof(TierRules));
	rules->card = card;
	rules->estate = CreateExecutorState();
	rules->context = GetPerTupleExprContext(rules->estate);
	rules->slot = MakeSingleTupleTableSlot(RelationGetDescr(priority), &TTSOpsVirtual);
	rules->context->ecxt_scantuple = rules->slot;
	for (int i = 0; i < card->n_tiers - 1; i++)
	{
		Expression	rule = {.argument = "rules",.kind = EXPRESSION_CONDITION,.text = card->tier_condition[i],.canonical = true};
		Node	   *tree = expression_parse(&rule, RelationGetRelid(priority));

		rules->condition[i] = ExecPrepareQual(make_ands_implicit((Expr *) tree), rules->estate);
	}
	return rules;
}

void
tier_rules_close(TierRules *rules)
{
	if (rules == NULL)
		return;
	ExecDropSingleTupleTableSlot(rules->slot);
	FreeExecutorState(rules->estate);
}

TupleTableSlot *
tier_rules_row(TierRules *rules)
{
	TupleTableSlot *slot = ExecClearTuple(rules->slot);

	memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts * sizeof(bool));
	memset(slot->tts_values, 0, slot->tts_tupleDescriptor->natts * sizeof(Datum));
	return ExecStoreVirtualTuple(slot);
}

CustomerTier
tier_rules_apply(TierRules *rules)
{
	int			i;

	for (i = 0; i < rules->card->n_tiers - 1; i++)
		if (ExecQual(rules->condition[i], rules->context))
			break;
	ResetExprContext(rules->context);
	return rules->card->tier[i];
}
