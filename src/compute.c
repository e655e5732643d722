/*
 * compute.c: the path of a rebuild without its end, for what looks at scores and publishes none.
 *
 * The scorecard is locked, so that declaration and epoch stand still; neither state nor priority table is touched.
 */
#include "custprio.h"

#include "compute.h"

#include "customer_clv.h"
#include "declaration.h"
#include "run.h"
#include "utils/snapmgr.h"

Scorecard *
compute_lock(const char *name)
{
	Scorecard  *card = scorecard_load(scorecard_lock_by_name(name, false));

	scorecard_check_owner(card);
	if (refresh_in_session())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("cannot recompute scorecard \"%s\" while a refresh works in this session", name)));
	return card;
}

void
compute_enter(const Scorecard *card, OwnerScope *scope)
{
	PushActiveSnapshot(GetLatestSnapshot());
	owner_scope_enter(scope, card->owner, card->time_zone);
	declaration_verify(card);
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
	CustomerSet *set = customer_set_create(card->key_type);

	refresh_read_source(card, set, run);
	customer_set_finish(set);
	return set;
}

Scores *
compute_scores(const Scorecard *card, RefreshRun *run, CustomerSet **set)
{
	*set = compute_customers(card, run);
	customer_clv_predict(card, *set, customer_clv_fit(card, *set, run->as_of), run->as_of, &run->warnings);
	return score_customers(card, *set, NULL);
}
