/*
 * publish_compare.c: what would be published, without publishing it: for verify(), score_as_of() and preview().
 */
#include "custprio.h"

#include "publish.h"

#include "published_row.h"
#include "table_reader.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* A value of one of our columns as text, or NULL. */
static char *
column_text(const Publisher *p, int column, Datum value, bool null)
{
	Oid			type = TupleDescAttr(RelationGetDescr(p->priority->rel), p->column[column] - 1)->atttypid;
	Oid			output;
	bool		varlena;

	if (null)
		return NULL;
	getTypeOutputInfo(type, &output, &varlena);
	return OidOutputFunctionCall(output, value);
}

void
publish_compare(const Scorecard *card, CustomerSet *set, Scores *scores, RefreshRun *run,
				PublishedDifference difference, void *arg)
{
	Publisher	publisher = {.card = card, .set = set, .scores = scores, .run = run};
	Publisher  *p = &publisher;
	TableReader *reader;
	TupleTableSlot *slot;
	MemoryContext old;

	publisher_open(p);
	reader = table_reader_open(p->priority->rel, publisher_look_ahead, 2, p);
	old = MemoryContextSwitchTo(p->row_context);
	while ((slot = table_reader_next(reader)) != NULL)
	{
		AttrNumber	key_column = p->column[COL_CUSTOMER_ID] - 1;
		Datum		key = slot->tts_values[key_column];
		char	   *name = column_text(p, COL_CUSTOMER_ID, key, slot->tts_isnull[key_column]);
		uint32		id = KEYMAP_NONE;

		if (name && !set->map->byval && set->map->typlen < 0)
			key = PointerGetDatum(PG_DETOAST_DATUM_PACKED(key));
		if (name)
			id = keymap_find(set->map, key, keymap_hash(set->map, key));
		if (id == KEYMAP_NONE)
			difference(name, "customer_id", name, NULL, arg);
		else
		{
			TierState	before = row_state(p, slot);
			TierState	state;
			PublishedRow row;

			customer_at(set, id)->published = true;
			publisher_scored_row(p, customer_at(set, id), &row);
			state = publisher_place(p, customer_at(set, id), &before);
			row_put_state(p, &row, &state);
			for (int i = COL_TIER; i < p->n_columns; i++)
				if (is_computed(i) && !row_column_equals(p, slot, i, &row))
					difference(name, i < N_COLUMNS ? priority_columns[i] : card->added[i - N_COLUMNS].name,
							   column_text(p, i, slot->tts_values[p->column[i] - 1], slot->tts_isnull[p->column[i] - 1]),
							   column_text(p, i, row.value[i], row.null[i]), arg);
		}
		MemoryContextReset(p->row_context);
	}
	table_reader_close(reader);
	for (uint32 id = 0; id < set->map->n; id++)
	{
		if (!customer_at(set, id)->published)
		{
			char	   *name = column_text(p, COL_CUSTOMER_ID, customer_at(set, id)->key, false);

			difference(name, "customer_id", NULL, name, arg);
		}
		if (id % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	MemoryContextSwitchTo(old);
	publisher_close(p);
}

/* A customer's added metrics, as a row has them, by name. */
static Datum
added_as_jsonb(const Publisher *p, const PublishedRow *row)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	for (int nth = 0; nth < p->card->n_added; nth++)
	{
		char	   *value = column_text(p, N_COLUMNS + nth, row->value[N_COLUMNS + nth], row->null[N_COLUMNS + nth]);

		appendStringInfoString(&json, nth > 0 ? ", " : "");
		escape_json(&json, p->card->added[nth].name);
		appendStringInfo(&json, ": %s", value ? value : "null");
	}
	appendStringInfoChar(&json, '}');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

void
publish_give(const Scorecard *card, CustomerSet *set, Scores *scores, RefreshRun *run, PublishedScores give,
			 void *arg)
{
	Publisher	publisher = {.card = card, .set = set, .scores = scores, .run = run};
	MemoryContext old;

	publisher_open(&publisher);
	old = MemoryContextSwitchTo(publisher.row_context);
	for (uint32 id = 0; id < set->map->n; id++)
	{
		TierState	state;
		PublishedRow row;
		char	   *name;

		publisher_scored_row(&publisher, customer_at(set, id), &row);
		state = publisher_place(&publisher, customer_at(set, id), &no_tier_state);
		row_put_state(&publisher, &row, &state);
		name = column_text(&publisher, COL_CUSTOMER_ID, row.value[COL_CUSTOMER_ID], false);
		/* the column after those that are given */
		row.value[COL_RELATIONSHIP + 1] = added_as_jsonb(&publisher, &row);
		row.null[COL_RELATIONSHIP + 1] = false;
		give(name, &row.value[COL_TIER], &row.null[COL_TIER], COL_RELATIONSHIP + 1 - COL_TIER + 1, arg);
		MemoryContextReset(publisher.row_context);
		CHECK_FOR_INTERRUPTS();
	}
	MemoryContextSwitchTo(old);
	publisher_close(&publisher);
}
