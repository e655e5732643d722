/*
 * verify.c: verify(), what is published against the source.
 *
 * The whole source is read and scored under the thresholds, the fit and the day that the published rows follow, as a
 * rebuild would, and nothing is written. Changes that wait in the queue, or happened since the last refresh, show as
 * differences like any other: refresh first to tell them from a defect.
 */
#include "custprio.h"

#include "declaration.h"
#include "epoch.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "publish.h"
#include "run.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(custprio_verify);

typedef struct Differences
{
	Tuplestorestate *store;
	TupleDesc	desc;
} Differences;

static void
put_difference(const char *customer, const char *column, const char *published, const char *recomputed, void *arg)
{
	Differences *differences = arg;
	const char *text[4] = {customer, column, published, recomputed};
	Datum		values[4];
	bool		nulls[4];

	for (int i = 0; i < 4; i++)
	{
		nulls[i] = text[i] == NULL;
		values[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(text[i]);
	}
	tuplestore_putvalues(differences->store, differences->desc, values, nulls);
}

/* verify(name) */
Datum
custprio_verify(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int64		id = scorecard_id_by_name(name);
	RefreshRun	run = {.requested = REFRESH_REBUILD,.mode = REFRESH_REBUILD};
	Differences differences;
	OwnerScope	scope;
	Scorecard  *card;
	CustomerSet *set;
	Thresholds *thresholds;

	InitMaterializedSRF(fcinfo, 0);
	differences.store = result->setResult;
	differences.desc = result->setDesc;

	scorecard_check_caller(id, name);
	(void) scorecard_lock(id, false, true);
	card = scorecard_load(scorecard_id_by_name(name));
	scorecard_check_owner(card);
	if (refresh_in_session())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("cannot verify scorecard \"%s\" while a refresh works in this session", name)));
	thresholds = epoch_thresholds(card);
	if (thresholds == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("scorecard \"%s\" has published nothing under its present declaration", name),
				 errhint("Refresh it first.")));

	run.as_of = card->as_of;
	PushActiveSnapshot(GetLatestSnapshot());
	owner_scope_enter(&scope, card->owner, card->time_zone);
	declaration_verify(card);
	set = customer_set_create(card->key_type);
	refresh_read_source(card, set, &run);
	customer_set_finish(set);
	customer_clv_predict(card, set, epoch_fit(card), card->as_of, &run.warnings);
	publish_compare(card, set, score_customers(card, set, thresholds), &run, put_difference, &differences);
	owner_scope_leave(&scope);
	PopActiveSnapshot();
	return (Datum) 0;
}
