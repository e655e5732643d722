/*
 * refresh.c: one refresh of one scorecard, top to bottom.
 *
 *   source ── rebuild ──► purchases (state) ── rescore ──► scores, thresholds ──► priority table, history, NOTIFY
 *
 * A rebuild reads the whole source and brings the state to it; a rescore takes the state and summarizes again only the
 * customers whose summary does not hold for the as-of day. From there both go the same way.
 *
 * The caller holds the scorecard's lock. Everything is read under one snapshot taken after the lock: a refresh that
 * finished before us is seen whole, and no other one can begin. Work is done as the scorecard's owner in a
 * security-restricted operation; only the catalogs are written as the extension's owner.
 */
#include "custprio.h"

#include "declaration.h"
#include "epoch.h"
#include "publish.h"
#include "query.h"
#include "state.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/date.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* A rescore that would have to summarize more than this share of customers again is done as a rebuild. */
#define STALE_LIMIT_SHARE	0.05
#define STALE_LIMIT_LEAST	1000

const char *
refresh_mode_name(RefreshMode mode)
{
	switch (mode)
	{
		case REFRESH_AUTO:
			return "auto";
		case REFRESH_RESCORE:
			return "rescore";
		case REFRESH_REBUILD:
			return "rebuild";
	}
	return NULL;				/* keep compiler quiet */
}

/* Today in the scorecard's zone; of the transaction's start, so that it stands still during a refresh. */
static DateADT
local_today(const Scorecard *card)
{
	return zone_day(zone_days_create(card->zone), GetCurrentTransactionStartTimestamp());
}

static bool
state_is_valid(const Scorecard *card, DateADT as_of)
{
	return card->has_state && card->state_version == card->version && card->state_as_of <= as_of;
}

/* Settle which mode the run has, and why. */
static void
choose_mode(const Scorecard *card, RefreshRun *run)
{
	if (run->requested == REFRESH_REBUILD)
	{
		run->mode = REFRESH_REBUILD;
		run->reason = "requested";
	}
	else if (!card->has_state)
	{
		run->mode = REFRESH_REBUILD;
		run->reason = "no state yet";
	}
	else if (card->state_version != card->version)
	{
		run->mode = REFRESH_REBUILD;
		run->reason = "declaration changed";
	}
	else if (!state_is_valid(card, run->as_of))
	{
		run->mode = REFRESH_REBUILD;
		run->reason = run->has_as_of ? "as-of day before the state's" : "state of a day to come";
	}
	else if (run->requested == REFRESH_RESCORE)
	{
		run->mode = REFRESH_RESCORE;
		run->reason = "requested";
	}
	else
	{
		run->mode = REFRESH_REBUILD;
		run->reason = "changes of the source are not captured";
	}
}

static void
take_listed(TupleTableSlot *slot, void *arg)
{
	KeyMap	   *listed = arg;
	Datum		key = slot->tts_values[0];
	bool		found;

	if (slot->tts_isnull[0])
		return;
	if (!listed->byval && listed->typlen < 0)
		key = PointerGetDatum(PG_DETOAST_DATUM_PACKED(key));
	keymap_insert(listed, key, keymap_hash(listed, key), &found);
}

/* The keys of the relation of customers, or NULL when the scorecard has none. */
static KeyMap *
read_listed(const Scorecard *card)
{
	KeyMap	   *listed;
	QueryRows	rows = {NULL, take_listed, NULL};

	if (card->customers == NULL)
		return NULL;
	listed = keymap_create(CurrentMemoryContext, card->key_type, sizeof(Datum));
	rows.arg = listed;
	query_each(psprintf("SELECT (%s) FROM %s", card->customers_key, card->customers), InvalidOid, (Datum) 0, &rows,
			   psprintf("the customers of scorecard \"%s\"", card->name));
	return listed;
}

/* Customers from the source; the state follows unless it stands for a later day. */
static void
rebuild(const Scorecard *card, CustomerSet *set, bool write, RefreshRun *run)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "custprio rebuild", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(work);
	SourceResult *source = source_read(card, run->as_of);

	run->counted = true;
	run->rows = source->table->rows;
	state_rebuild(card, source, read_listed(card), set, write, run);
	if (source->spill)
		purchase_spill_close(source->spill);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(work);
}

/* Customers from the state; false when too many of them would have to be read from the source again. */
static bool
rescore(const Scorecard *card, CustomerSet *set, RefreshRun *run)
{
	KeyMap	   *stale;
	SourceResult *source;
	Datum	   *keys;
	int64		n = state_read(card, run->as_of, set, &stale);

	if (stale->n == 0)
		return true;
	if (stale->n > STALE_LIMIT_LEAST && stale->n > n * STALE_LIMIT_SHARE)
		return false;

	keys = palloc(stale->n * sizeof(Datum));
	for (uint32 id = 0; id < stale->n; id++)
		keys[id] = keymap_key(stale, id);
	source = source_read_customers(card, run->as_of, keys, stale->n);
	run->counted = true;
	run->rows = source->table->rows;
	state_resummarize(card, stale, source, set, run);
	return true;
}

/* Shares of buyers that each tier reached, as JSON. */
static char *
shares_json(const Scorecard *card, const Scores *scores, int64 buyers)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	for (int i = 0; i < card->n_tiers; i++)
		appendStringInfo(&json, "%s\"%c\": %.6f", i > 0 ? ", " : "", tier_letter(card->tier[i]),
						 buyers > 0 ? (double) scores->reached[card->tier[i]] / buyers : 0.0);
	appendStringInfoChar(&json, '}');
	return json.data;
}

/*
 * The thresholds to keep, and in *fit their epoch's fit, or NULL to take new ones. Within an epoch, a refresh that nobody asked to go deeper leaves
 * them: a customer's tier then moves because of that customer, not because others bought.
 */
static Thresholds *
thresholds_to_keep(const Scorecard *card, const RefreshRun *run, EpochFit **fit)
{
	*fit = NULL;
	if (run->requested != REFRESH_AUTO || !card->has_epoch || card->as_of != run->as_of)
		return NULL;
	*fit = epoch_fit(card);
	if (card->clv_model && *fit == NULL)
		return NULL;
	return epoch_thresholds(card);
}

/* Tell listeners, if anything they can read has changed. */
static void
notify(const Scorecard *card, const RefreshRun *run)
{
	StringInfoData payload;
	char		day[MAXDATELEN + 1];

	if (run->inserted + run->updated + run->deleted == 0)
		return;
	initStringInfo(&payload);
	appendStringInfoString(&payload, "{\"scorecard\": ");
	escape_json(&payload, card->name);
	appendStringInfo(&payload,
					 ", \"run_id\": " INT64_FORMAT ", \"as_of\": \"%s\", \"inserted\": " INT64_FORMAT
					 ", \"updated\": " INT64_FORMAT ", \"deleted\": " INT64_FORMAT ", \"tier_changes\": " INT64_FORMAT "}",
					 run->run_id, custprio_date_text(run->as_of, day), run->inserted, run->updated, run->deleted,
					 run->tier_changes);
	Async_Notify(psprintf("custprio_%s", card->name), payload.data);
}

void
refresh_scorecard(Scorecard *card, RefreshRun *run)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "custprio refresh", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(work);
	OwnerScope	scope;
	CustomerSet *set;
	Thresholds *thresholds;
	EpochFit   *fit;
	Scores	   *scores;
	List	   *warnings;
	bool		state_written;

	run->warnings = NIL;
	if (!run->has_as_of)
		run->as_of = local_today(card);
	choose_mode(card, run);
	/* an older day that was asked for is published without giving up the state of the newer one */
	state_written = !(run->has_as_of && card->has_state && card->state_version == card->version &&
					  card->state_as_of > run->as_of);

	PushActiveSnapshot(GetLatestSnapshot());
	owner_scope_enter(&scope, card->owner, card->time_zone);
	declaration_verify(card);

	set = customer_set_create(card->key_type);
	if (run->mode == REFRESH_RESCORE && !rescore(card, set, run))
	{
		run->mode = REFRESH_REBUILD;
		run->reason = "too many customers to summarize again";
		set = customer_set_create(card->key_type);
	}
	if (run->mode == REFRESH_REBUILD)
		rebuild(card, set, state_written, run);

	customer_set_finish(set);
	thresholds = thresholds_to_keep(card, run, &fit);
	run->rebased = thresholds == NULL;
	if (run->rebased)
		fit = customer_clv_fit(card, set, run->as_of);
	customer_clv_predict(card, set, fit, run->as_of, &run->warnings);
	scores = score_customers(card, set, thresholds);
	publish(card, set, scores, run);

	owner_scope_leave(&scope);
	PopActiveSnapshot();

	epoch_store(card, scores, fit, run, state_written);
	scorecard_heal(card);
	notify(card, run);

	run->customers = set->map->n;
	run->buyers = set->n_buyers;
	run->orphans = set->n_orphans;

	MemoryContextSwitchTo(old);
	run->shares = shares_json(card, scores, set->n_buyers);
	warnings = list_concat(run->warnings, scores->warnings);
	run->warnings = NIL;
	for (int i = 0; i < list_length(warnings); i++)
		run->warnings = lappend(run->warnings, pstrdup(list_nth(warnings, i)));
	MemoryContextDelete(work);
}
