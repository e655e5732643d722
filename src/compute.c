/*
 * compute.c: the path of a rebuild without its end, for what looks at scores and publishes none.
 *
 * The scorecard is locked, so that declaration and epoch stand still; neither state nor priority table is touched.
 */
#include "custprio.h"

#include "card_argument.h"
#include "compute.h"
#include "scorecard_lock.h"

#include "clv_choice.h"
#include "aliases.h"
#include "customer_clv.h"
#include "declaration.h"
#include "refresh.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

Scorecard *
compute_lock(const char *name)
{
	Scorecard  *card = scorecard_load(scorecard_lock_by_name(name, false));

	scorecard_check_owner(card);
	if (refresh_in_session)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("cannot recompute scorecard \"%s\" while a refresh works in this session", name)));
	return card;
}

void
compute_enter(Scorecard *card, OwnerScope *scope)
{
	PushActiveSnapshot(GetLatestSnapshot());
	owner_scope_enter(scope, card->owner, card->time_zone);
	declaration_verify(card);
	aliases_read(card);
}

void
compute_leave(OwnerScope *scope)
{
	owner_scope_leave(scope);
	PopActiveSnapshot();
}

CustomerSet *
compute_customers(const Scorecard *card, RefreshRun *run)
{
	CustomerSet *set = customer_set_create(card, false);

	set->keep_days |= card->clv_auto;
	refresh_read_source(card, set, run);
	customer_set_finish(set);
	return set;
}

Scores *
compute_scores(const Scorecard *card, RefreshRun *run, CustomerSet **set)
{
	Scorecard	own = *card;		/* may follow another model, for this once */

	*set = compute_customers(card, run);
	if (clv_choice_due(card, run->requested, run->as_of))
		clv_choose(&own, *set, run->as_of, &run->warnings);
	customer_clv_predict(&own, *set, customer_clv_fit(&own, *set, run->as_of), run->as_of, &run->warnings);
	return score_customers(card, *set, run->as_of, NULL);
}

char *
value_text(Oid type, Datum value, bool null)
{
	Oid			output;
	bool		varlena;

	if (null)
		return NULL;
	getTypeOutputInfo(type, &output, &varlena);
	return OidOutputFunctionCall(output, value);
}
