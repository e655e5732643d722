/*
 * refresh.c: one refresh of one scorecard, top to bottom.
 *
 *   source ── rebuild ──► purchases (state) ── rescore ──► scores, thresholds ──► priority table, history, NOTIFY
 *
 * A rebuild reads the whole source and brings the state to it; a rescore takes the state and summarizes again only the
 * customers who changed and those whose summary does not hold for the as-of day. From there both go the same way. An
 * incremental refresh does the same with the customers who changed alone, under the thresholds of the epoch.
 *
 * The caller holds the scorecard's lock. Everything is read under one snapshot taken after the lock: a refresh that
 * finished before us is seen whole, and no other one can begin. Work is done as the scorecard's owner in a
 * security-restricted operation; only the catalogs are written as the extension's owner.
 */
#include "custprio.h"

#include "aliases.h"
#include "declaration.h"
#include "capture.h"
#include "changed_since.h"
#include "clv_choice.h"
#include "epoch.h"
#include "history_limit.h"
#include "publish.h"
#include "query.h"
#include "queue.h"
#include "relation.h"
#include "run.h"
#include "state.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

/* A rescore that would have to summarize more than this share of customers again is done as a rebuild. */
#define STALE_LIMIT_SHARE	0.05
#define STALE_LIMIT_LEAST	1000
/* A source of so many rows should have an index on the key. */
#define UNINDEXED_LIMIT		100000
/* A rebuild instead, for customers who changed. */
#define QUEUE_LIMIT_SHARE	0.1

static double
estimated_rows(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	double		rows = 0;

	if (HeapTupleIsValid(tuple))
	{
		rows = ((Form_pg_class) GETSTRUCT(tuple))->reltuples;
		ReleaseSysCache(tuple);
	}
	/* a table that was never analyzed is small, or about to be */
	return rows < 0 ? 0 : rows;
}

/* Rows of the source with its partitions; 0 for what holds none itself, as a view. */
static double
estimated_source_rows(const Scorecard *card)
{
	double		rows = 0;
	ListCell   *lc;

	foreach(lc, relation_with_heirs(card->source_relid, AccessShareLock))
		if (get_rel_relkind(lfirst_oid(lc)) == RELKIND_RELATION)
			rows += estimated_rows(lfirst_oid(lc));
	return rows;
}

static bool
rebuild_due(const Scorecard *card)
{
	TimestampTz due;

	if (card->rebuilt_at == 0)
		return true;
	due = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(card->rebuilt_at),
												  IntervalPGetDatum(card->rebuild_every)));
	return GetCurrentTransactionStartTimestamp() >= due;
}

/*
 * Whether the epoch of the published rows goes on: then a refresh that nobody asked for another day or to go deeper
 * keeps its as-of day, as it keeps its thresholds and fit.
 */
static bool
epoch_lasts(const Scorecard *card, DateADT today)
{
	Timestamp	end;

	if (!card->has_epoch || card->day_chosen || card->epoch_version != card->version || today < card->as_of)
		return false;
	end = DatumGetTimestamp(DirectFunctionCall2(date_pl_interval, DateADTGetDatum(card->as_of),
												IntervalPGetDatum(card->rebase_every)));
	return date2timestamp_no_overflow(today) < end;
}

static bool
state_is_valid(const Scorecard *card, DateADT as_of)
{
	return card->has_state && card->state_version == card->version && card->state_as_of <= as_of;
}

/* Why captured changes are not all there is, or NULL. */
static const char *
capture_gap(const Scorecard *card, const ChangeQueue *queue, bool lapsed)
{
	double		customers = queue ? Max(estimated_rows(card->purchases_relid), 0) : 0;

	if (queue == NULL)
		return "changes of the source are not captured";
	if (card->capture)
	{
		if (queue->closed)
			return "more changes waited, or for longer, than the queue holds";
		if (queue->everything)
			return "the source was truncated, or a change could not be told by customer";
		if (capture_is_bypassed(card))
			return "the source became a part of another table, through which it changes unseen";
		if (card->source_relations == NULL)
			return "capture began, or was interrupted, since the last rebuild";
		if (strcmp(card->source_relations, capture_relations(card)) != 0)
			return "the partitions of the source changed";
		if (lapsed)
			return "a capture trigger was missing";
		if (!capture_enabled(card))
			return "a capture trigger is disabled";
	}
	else if (card->changed_mark == 0)
		return "it is not known since when the source may have changed";
	if (card->rebuild_every && rebuild_due(card))
		return "rebuild_every is due";
	if (queue->keys->n > STALE_LIMIT_LEAST && queue->keys->n > customers * QUEUE_LIMIT_SHARE)
		return "many customers changed";
	return NULL;
}

/*
 * Settle which mode the run has, and why. Some customers alone can be scored only under thresholds there are, hence
 * has_thresholds.
 */
static void
choose_mode(const Scorecard *card, const ChangeQueue *queue, bool lapsed, bool has_thresholds, RefreshRun *run)
{
	const char *gap;

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
	else if (!aliases_applied(card))
	{
		run->mode = REFRESH_REBUILD;
		run->reason = "the aliases changed";
	}
	else if (run->requested == REFRESH_RESCORE && !(queue && (queue->everything || queue->closed)))
	{
		run->mode = REFRESH_RESCORE;
		run->reason = "requested";
	}
	else if ((gap = capture_gap(card, queue, lapsed)) != NULL)
	{
		run->mode = REFRESH_REBUILD;
		run->reason = gap;
	}
	else if (has_thresholds && card->state_as_of == run->as_of && metrics_read_relations(card))
	{
		run->mode = REFRESH_RESCORE;
		run->reason = "metrics read relations whose changes are not captured";
	}
	else if (has_thresholds && card->state_as_of == run->as_of)
	{
		run->mode = REFRESH_INCREMENTAL;
		run->reason = run->requested == REFRESH_INCREMENTAL ? "requested" : "within the epoch";
	}
	else
	{
		run->mode = REFRESH_RESCORE;
		run->reason = card->has_epoch && card->as_of == run->as_of ? "no thresholds to keep" :
			run->has_as_of ? "another as-of day" : "rebase_every is due";
	}
	if (run->requested == REFRESH_INCREMENTAL && run->mode != REFRESH_INCREMENTAL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("an incremental refresh of scorecard \"%s\" is not possible now", card->name),
				 errdetail("A %s is needed: %s.", refresh_mode_name(run->mode), run->reason),
				 errhint("Use mode \"auto\"; an incremental refresh needs capture => 'trigger' or changed_since, and thresholds of the same day.")));
}

typedef struct ListedReader
{
	KeyMap	   *listed;
	const Aliases *aliases;
} ListedReader;

static void
take_listed(TupleTableSlot *slot, void *arg)
{
	ListedReader *reader = arg;
	KeyMap	   *listed = reader->listed;
	Datum		key = slot->tts_values[0];
	ListedCustomer *customer;
	text	   *segment;
	bool		found;

	if (slot->tts_isnull[0])
		return;
	if (!listed->byval && listed->typlen < 0)
		key = PointerGetDatum(PG_DETOAST_DATUM_PACKED(key));
	key = alias_canonical(reader->aliases, key);
	customer = keymap_entry(listed, keymap_insert(listed, key, keymap_hash(listed, key), &found));
	if (slot->tts_isnull[1])
		return;
	/* of several rows the least value, whatever order they come in */
	segment = DatumGetTextPP(slot->tts_values[1]);
	if (customer->segment == NULL || compare_segments(segment, customer->segment) < 0)
	{
		customer->segment = MemoryContextAlloc(listed->context, VARSIZE_ANY(segment));
		memcpy(customer->segment, segment, VARSIZE_ANY(segment));
	}
}

/* The relation of customers as ListedCustomers, all or those among some, or NULL when the scorecard has none. */
KeyMap *
refresh_listed(const Scorecard *card, const KeyMap *among)
{
	ListedReader reader = {.aliases = card->aliases};
	QueryRows	rows = {NULL, take_listed, &reader};
	Oid			array_type = InvalidOid;
	Datum		array = (Datum) 0;

	if (card->customers == NULL)
		return NULL;
	reader.listed = keymap_create(CurrentMemoryContext, card->key_type, sizeof(ListedCustomer));
	if (among)
	{
		array_type = get_array_type(card->key_type);
		array = keymap_array(aliases_expand(card, among), card->key_type);
	}
	query_each(psprintf("SELECT (%s), (%s) FROM %s%s", card->customers_key,
						card->partition_by ? card->partition_by : "NULL::text", card->customers,
						among ? psprintf(" WHERE (%s) OPERATOR(pg_catalog.=) ANY ($1)", card->customers_key) : ""),
			   array_type, array, &rows,
			   psprintf("the customers of scorecard \"%s\"", card->name));
	return reader.listed;
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
	state_rebuild(card, source, refresh_listed(card, NULL), set, write, run);
	if (source->spill)
		purchase_spill_close(source->spill);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(work);
}

void
refresh_read_source(const Scorecard *card, CustomerSet *set, RefreshRun *run)
{
	rebuild(card, set, false, run);
}

/* Summarize customers again from the source, bring the state to it and take them into set. */
static void
resummarize(const Scorecard *card, const KeyMap *customers, bool list_anew, CustomerSet *set, RefreshRun *run)
{
	SourceResult *source;

	if (estimated_source_rows(card) >= UNINDEXED_LIMIT && !source_key_is_indexed(card->source_relid, card->customer))
		run->warnings = lappend(run->warnings,
								psprintf("the whole source was read for %u customers: it has no index that starts with %s",
										 customers->n, card->customer));
	source = source_read_customers(card, run->as_of, customers);
	run->counted = true;
	run->rows = source->table->rows;
	state_resummarize(card, customers, list_anew ? refresh_listed(card, customers) : NULL, source, set, run);
}

/* Customers from the state; false when too many of them would have to be read from the source again. */
static bool
rescore(const Scorecard *card, const KeyMap *changed, CustomerSet *set, RefreshRun *run)
{
	KeyMap	   *stale;
	int64		n = state_read(card, run->as_of, changed, set, &stale);

	if (stale->n == 0)
		return true;
	if (stale->n > STALE_LIMIT_LEAST && stale->n > n * STALE_LIMIT_SHARE)
		return false;
	resummarize(card, stale, card->customers && changed && changed->n > 0, set, run);
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

static bool
may_keep_epoch(const RefreshRun *run)
{
	return run->requested == REFRESH_AUTO || run->requested == REFRESH_INCREMENTAL;
}

/*
 * The thresholds to keep, and in *fit their epoch's fit, or NULL to take new ones. Within an epoch, a refresh that nobody
 * asked to go deeper leaves them: a customer's tier then moves because of that customer, not because others bought.
 */
static Thresholds *
thresholds_to_keep(const Scorecard *card, const RefreshRun *run, EpochFit **fit)
{
	*fit = NULL;
	if (!may_keep_epoch(run) || !card->has_epoch || card->as_of != run->as_of)
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

/* Give partitions that came since their triggers, as the owner; true if there were any. */
static bool
complete_capture(const Scorecard *card)
{
	OwnerScope	scope;

	if (capture_exists(card))
		return false;
	owner_scope_enter(&scope, card->owner, card->time_zone);
	capture_complete(card);
	owner_scope_leave(&scope);
	return true;
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
	ChangeQueue *queue = NULL;
	const KeyMap *changed;		/* customers who changed, by what they are published as */
	const KeyMap *only = NULL;
	bool		lapsed = false;
	bool		opened;
	bool		choose;
	bool		state_written;
	int64		trimmed = 0;

	run->queued = -1;
	run->partial = false;
	run->warnings = NIL;
	run->today = zone_today(card->zone);
	if (!run->has_as_of)
		run->as_of = may_keep_epoch(run) && epoch_lasts(card, run->today) ? card->as_of : run->today;
	/* new partitions get their triggers before the snapshot, which then sees what was written without */
	if (card->capture)
		lapsed = complete_capture(card);
	/* a partition that comes or goes while the source is read must make a difference to the next refresh */
	run->source_relations = card->capture && capture_enabled(card) ? capture_relations(card) : NULL;
	opened = card->capture && queue_lock_marks(card->id);
	run->changed_mark = card->changed_since ? changed_since_next_mark(card) : 0;
	PushActiveSnapshot(GetLatestSnapshot());
	if (card->capture)
	{
		queue = queue_read(card->id, card->key_type, opened, GetActiveSnapshot());
		run->queued = queue->keys->n;
	}
	owner_scope_enter(&scope, card->owner, card->time_zone);
	declaration_verify(card);
	run->warnings = list_concat(run->warnings, metrics_protected_since(card));
	run->warnings = list_concat(run->warnings, declaration_protected_since(card));
	if (card->changed_since)
	{
		queue = changed_since_read(card);
		run->queued = queue->keys->n;
	}
	aliases_read(card);
	changed = queue ? aliases_canonical(card, queue->keys) : NULL;
	thresholds = thresholds_to_keep(card, run, &fit);
	if (thresholds == NULL && !run->has_as_of)
		run->as_of = run->today;
	choose_mode(card, queue, lapsed, thresholds != NULL, run);
	/* an older day that was asked for is published without giving up the state of the newer one */
	state_written = !(run->has_as_of && card->has_state && card->state_version == card->version &&
					  card->state_as_of > run->as_of);

	choose = thresholds == NULL && clv_choice_due(card, run->requested, run->as_of);
	set = customer_set_create(card, run->mode == REFRESH_INCREMENTAL);
	set->keep_days |= choose;
	if (run->mode == REFRESH_INCREMENTAL)
	{
		run->partial = true;
		only = changed;
		if (only->n > 0)
			resummarize(card, only, card->customers != NULL, set, run);
	}
	if (run->mode == REFRESH_RESCORE && !rescore(card, changed, set, run))
	{
		run->mode = REFRESH_REBUILD;
		run->reason = "too many customers to summarize again";
		set = customer_set_create(card, false);
		set->keep_days |= choose;
	}
	if (run->mode == REFRESH_REBUILD)
	{
		rebuild(card, set, state_written, run);
		if (state_written)
			aliases_note(card);
	}

	customer_set_finish(set);
	run->rebased = thresholds == NULL;
	if (choose)
		clv_choose(card, set, run->as_of, &run->warnings);
	if (run->rebased)
		fit = customer_clv_fit(card, set, run->as_of);
	customer_clv_predict(card, set, fit, run->as_of, &run->warnings);
	scores = score_customers(card, set, run->as_of, thresholds);
	if (only == NULL || only->n > 0)
		publish(card, set, scores, only, run);
	if (run->rebased)
		trimmed = history_trim(card, run->as_of);

	owner_scope_leave(&scope);
	PopActiveSnapshot();

	/* a day that leaves the state alone has not used up the changes */
	if (queue && state_written)
		queue_delete(queue);
	/* the mark moves on only with a state that has all changes before it, and not for nothing */
	if (!state_written || !(run->mode == REFRESH_REBUILD || (card->changed_mark != 0 && queue && queue->keys->n > 0)))
		run->changed_mark = card->changed_mark;
	epoch_store(card, scores, fit, run, state_written);
	if (trimmed > 0)
		history_note_trimmed(card, trimmed);
	if (choose)
		clv_choice_store(card);
	scorecard_heal(card);
	if (!run->on_commit)
		notify(card, run);

	run->customers = set->map->n;
	run->buyers = set->n_buyers;
	run->orphans = set->n_orphans;

	MemoryContextSwitchTo(old);
	run->shares = run->partial ? NULL : shares_json(card, scores, set->n_buyers);
	run->missing_values = run->partial || scores->missing_values == NULL ? NULL : pstrdup(scores->missing_values);
	run->unknown_rows = run->partial || scores->unknown_rows == NULL ? NULL : pstrdup(scores->unknown_rows);
	warnings = list_concat(run->warnings, scores->warnings);
	run->warnings = NIL;
	for (int i = 0; i < list_length(warnings); i++)
		run->warnings = lappend(run->warnings, pstrdup(list_nth(warnings, i)));
	MemoryContextDelete(work);
}
