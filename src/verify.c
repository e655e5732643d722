/*
 * verify.c: verify(), preview_refresh() and score_as_of(), computing all that is published and writing nothing.
 *
 * score_as_of() is a rebuild as of a day, under thresholds and a fit of that day; preview_refresh() is one as of today,
 * compared with what is published. For verify() the whole source is read
 * and scored under the thresholds, the fit and the day that the published rows follow, as a rebuild would. Changes that
 * wait in the queue, or happened since the last refresh, show as differences like any other: refresh first to tell them
 * from a defect. What is published of the past, previous_tier and tier_since, is compared with the tier history, for
 * customers of whom that has a row.
 */
#include "custprio.h"

#include "compute.h"
#include "epoch.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "publish.h"
#include "table_reader.h"
#include "table_writer.h"
#include "zone_days.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(custprio_verify);
PG_FUNCTION_INFO_V1(custprio_preview_refresh);
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

/* A customer's latest row of the history. */
typedef struct LastChange
{
	Datum		key;
	int64		run_id;
	Datum		value[3];		/* tier, tier_since, previous_tier: as the priority table has them */
	bool		null[3];
} LastChange;

static const char *const change_columns[3] = {"tier", "tier_since", "previous_tier"};

static KeyMap *
read_last_changes(const Scorecard *card)
{
	static const char *const names[3] = {"tier", "changed_on", "previous_tier"};
	Oid			types[3] = {custprio_type("customer_tier"), DATEOID, custprio_type("customer_tier")};
	KeyMap	   *last = keymap_create(CurrentMemoryContext, card->key_type, sizeof(LastChange));
	Relation	rel = table_open(card->history_relid, AccessShareLock);
	AttrNumber	key_column = published_column(rel, "customer_id", card->key_type);
	AttrNumber	run_column = published_column(rel, "run_id", INT8OID);
	AttrNumber	column[3];
	TableReader *reader = table_reader_open(rel, NULL, 0, NULL);
	TupleTableSlot *slot;

	for (int i = 0; i < 3; i++)
		column[i] = published_column(rel, names[i], types[i]);
	while ((slot = table_reader_next(reader)) != NULL)
	{
		Datum		key = slot->tts_values[key_column - 1];
		int64		run_id = DatumGetInt64(slot->tts_values[run_column - 1]);
		LastChange *change;
		bool		found;

		/* what backfill_history() filled in has number 0 */
		if (run_id == 0 || slot->tts_isnull[key_column - 1])
			continue;
		if (!last->byval && last->typlen < 0)
			key = PointerGetDatum(PG_DETOAST_DATUM_PACKED(key));
		change = keymap_entry(last, keymap_insert(last, key, keymap_hash(last, key), &found));
		if (found && change->run_id > run_id)
			continue;
		change->run_id = run_id;
		for (int i = 0; i < 3; i++)
		{
			change->value[i] = slot->tts_values[column[i] - 1];
			change->null[i] = slot->tts_isnull[column[i] - 1];
		}
	}
	table_reader_close(reader);
	table_close(rel, NoLock);
	return last;
}

/* Compare what is published of tiers with the changes that led there. */
static void
compare_with_history(const Scorecard *card, Differences *differences)
{
	Oid			types[3] = {custprio_type("customer_tier"), DATEOID, custprio_type("customer_tier")};
	KeyMap	   *last = read_last_changes(card);
	Relation	rel = table_open(card->priority_relid, AccessShareLock);
	AttrNumber	key_column = published_column(rel, "customer_id", card->key_type);
	AttrNumber	column[3];
	TableReader *reader = table_reader_open(rel, NULL, 0, NULL);
	TupleTableSlot *slot;

	for (int i = 0; i < 3; i++)
		column[i] = published_column(rel, change_columns[i], types[i]);
	while ((slot = table_reader_next(reader)) != NULL)
	{
		Datum		key = slot->tts_values[key_column - 1];
		const LastChange *change;
		uint32		id;

		if (slot->tts_isnull[key_column - 1])
			continue;
		if (!last->byval && last->typlen < 0)
			key = PointerGetDatum(PG_DETOAST_DATUM_PACKED(key));
		id = keymap_find(last, key, keymap_hash(last, key));
		if (id == KEYMAP_NONE)
			continue;
		change = keymap_entry(last, id);
		/* a tier that differs is a difference of the tier, which the scores tell of; a customer may be gone and back */
		for (int i = 1; i < 3; i++)
		{
			Datum		value = slot->tts_values[column[i] - 1];
			bool		null = slot->tts_isnull[column[i] - 1];

			if (change->null[0] && slot->tts_isnull[column[0] - 1] && null)
				continue;
			if (null != change->null[i] || (!null && value != change->value[i]))
				put_difference(value_text(card->key_type, key, false), change_columns[i],
							   value_text(types[i], value, null),
							   value_text(types[i], change->value[i], change->null[i]), differences);
		}
	}
	table_reader_close(reader);
	table_close(rel, NoLock);
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
	if (!card->has_epoch || card->epoch_version != card->version)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("scorecard \"%s\" has published nothing under its present declaration", name),
				 errhint("Refresh it first.")));
	run.as_of = card->as_of;
	compute_enter(card, &scope);
	set = compute_customers(card, &run);
	/* an epoch over no purchases has none: then whoever bought since is a difference, whatever the score */
	thresholds = epoch_thresholds(card);
	customer_clv_predict(card, set, epoch_fit(card), card->as_of, &run.warnings);
	publish_compare(card, set, score_customers(card, set, run.as_of, thresholds), &run, put_difference, &differences);
	compare_with_history(card, &differences);
	compute_leave(&scope);
	return (Datum) 0;
}

/* preview_refresh(name): what a rescore as of today would change, under thresholds and a fit of its own */
Datum
custprio_preview_refresh(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	RefreshRun	run = {.requested = REFRESH_REBUILD,.mode = REFRESH_REBUILD};
	Differences differences;
	OwnerScope	scope;
	Scorecard  *card;
	CustomerSet *set;
	Scores	   *scores;

	InitMaterializedSRF(fcinfo, 0);
	differences.store = result->setResult;
	differences.desc = result->setDesc;
	card = compute_lock(name);
	run.as_of = run.today = zone_today(card->zone);
	compute_enter(card, &scope);
	scores = compute_scores(card, &run, &set);
	publish_compare(card, set, scores, &run, put_difference, &differences);
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
