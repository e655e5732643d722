/*
 * verify.c: verify() and score_as_of(), computing all that is published and writing nothing.
 *
 * score_as_of() is a rebuild as of a day, under thresholds and a fit of that day. For verify() the whole source is read
 * and scored under the thresholds, the fit and the day that the published rows follow, as a rebuild would. Changes that
 * wait in the queue, or happened since the last refresh, show as differences like any other: refresh first to tell them
 * from a defect.
 */
#include "custprio.h"

#include "compute.h"
#include "epoch.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "publish.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(custprio_verify);
PG_FUNCTION_INFO_V1(custprio_score_as_of);

/* Where rows of the answer go. */
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
	RefreshRun	run = {.requested = REFRESH_REBUILD,.mode = REFRESH_REBUILD};
	Differences differences;
	OwnerScope	scope;
	Scorecard  *card;
	CustomerSet *set;
	Thresholds *thresholds;

	InitMaterializedSRF(fcinfo, 0);
	differences.store = result->setResult;
	differences.desc = result->setDesc;
	card = compute_lock(name);
	thresholds = epoch_thresholds(card);
	if (thresholds == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("scorecard \"%s\" has published nothing under its present declaration", name),
				 errhint("Refresh it first.")));
	run.as_of = card->as_of;
	compute_enter(card, &scope);
	set = compute_customers(card, &run);
	customer_clv_predict(card, set, epoch_fit(card), card->as_of, &run.warnings);
	publish_compare(card, set, score_customers(card, set, thresholds), &run, put_difference, &differences);
	compute_leave(&scope);
	return (Datum) 0;
}

static void
put_scores(const char *customer, const Datum *values, const bool *nulls, int n, void *arg)
{
	Differences *rows = arg;
	Datum	   *all_values = palloc((n + 1) * sizeof(Datum));
	bool	   *all_nulls = palloc((n + 1) * sizeof(bool));

	all_values[0] = CStringGetTextDatum(customer);
	all_nulls[0] = false;
	memcpy(all_values + 1, values, n * sizeof(Datum));
	memcpy(all_nulls + 1, nulls, n * sizeof(bool));
	Assert(rows->desc->natts == n + 1);
	tuplestore_putvalues(rows->store, rows->desc, all_values, all_nulls);
}

/* score_as_of(name, day): what a rebuild as of that day would publish, under thresholds and a fit of its own */
Datum
custprio_score_as_of(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	RefreshRun	run = {.requested = REFRESH_REBUILD,.mode = REFRESH_REBUILD,.has_as_of = true};
	Differences rows;
	OwnerScope	scope;
	Scorecard  *card;
	CustomerSet *set;
	Scores	   *scores;

	run.as_of = PG_GETARG_DATEADT(1);
	if (DATE_NOT_FINITE(run.as_of))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("argument \"day\" must be a finite day")));
	InitMaterializedSRF(fcinfo, 0);
	rows.store = result->setResult;
	rows.desc = result->setDesc;
	card = compute_lock(name);
	compute_enter(card, &scope);
	scores = compute_scores(card, &run, &set);
	publish_give(card, set, scores, &run, put_scores, &rows);
	compute_leave(&scope);
	return (Datum) 0;
}
