/*
 * publish.c: scores into the priority table and the tier history.
 *
 * The published rows are read once. A row is compared column by column in the form in which it is stored; where
 * nothing differs nothing is written, not even a lock. A customer without a row gets one, a row without a customer
 * goes. Nothing that depends on other customers' positions (a rank, a cumulative share) is stored, so that few
 * purchases change few rows.
 */
#include "custprio.h"

#include "publish.h"

#include "exact.h"
#include "lifecycle.h"
#include "published.h"
#include "table_reader.h"
#include "table_writer.h"
#include "tier_policy.h"
#include "tier_rules.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#define PREFETCH_AHEAD 8			/* customers; they lie in no order in memory */

#define AVERAGE_EXACT INT64CONST(1000000000000000)

/* Columns of the priority table that we write. */
enum
{
	COL_CUSTOMER_ID,
	COL_TIER,
	COL_PRIORITY,
	COL_RFM,
	COL_SEGMENT,
	COL_ABC,
	COL_FREQUENCY,
	COL_MONETARY,
	COL_AVERAGE_ORDER_VALUE,
	COL_FIRST_PURCHASE,
	COL_LAST_PURCHASE,
	COL_P_ALIVE,
	COL_EXPECTED_PURCHASES,
	COL_CLV,
	COL_STAGE,
	COL_RELATIONSHIP,
	COL_SCORED_TIER,
	COL_HELD_BY,
	COL_HELD_UNTIL,
	COL_BELOW_SINCE,
	COL_TIER_SINCE,
	COL_PREVIOUS_TIER,
	N_COLUMNS,
	/* after them one for each added metric */
	COLUMNS_MAX = N_COLUMNS + METRICS_MAX
};

/* Columns of the history. */
enum
{
	HIST_CUSTOMER_ID,
	HIST_CHANGED_ON,
	HIST_CHANGED_AT,
	HIST_RUN_ID,
	HIST_PREVIOUS_TIER,
	HIST_TIER,
	HIST_REASON,
	N_HISTORY_COLUMNS
};

static const char *const column_names[N_COLUMNS] = {
	"customer_id", "tier", "priority", "rfm", "segment", "abc", "frequency", "monetary", "average_order_value",
	"first_purchase", "last_purchase", "p_alive", "expected_purchases", "clv", "stage", "relationship", "scored_tier", "held_by", "held_until",
	"below_since", "tier_since", "previous_tier"
};

typedef struct Publisher
{
	const Scorecard *card;
	CustomerSet *set;
	Scores	   *scores;
	RefreshRun *run;

	TableWriter *priority;
	TableWriter *history;
	int			n_columns;
	AttrNumber	column[COLUMNS_MAX];
	AttrNumber	history_column[N_HISTORY_COLUMNS];
	Datum	   *values;			/* a row of the priority table to write, columns of others NULL */
	bool	   *nulls;
	Datum	   *history_values;
	bool	   *history_nulls;
	Datum	   *segment_text;	/* by RFM score */
	Datum		stage_text[LIFE_STAGES];
	Datum		relationship_text[RELATIONSHIPS];
	int32		usual_gap;		/* of all buyers, for the lifecycle */
	Datum		hold_text[TIER_HOLDS];
	TierRules  *rules;			/* NULL: tiers are cut by values */
	KeyMap	   *overrides;		/* in force on the as-of day; NULL: none */
	bool		same_day;		/* the published rows are of this as-of day */
	bool		same_version;	/* and of this declaration */
	TimestampTz changed_at;		/* as the history has it */
	MemoryContext row_context;
} Publisher;

/* Our columns of one row. */
typedef struct PublishedRow
{
	Datum		value[COLUMNS_MAX];
	bool		null[COLUMNS_MAX];
} PublishedRow;

static void
alloc_row(Relation rel, Datum **values, bool **nulls)
{
	int			natts = RelationGetDescr(rel)->natts;

	*values = palloc0(natts * sizeof(Datum));
	*nulls = palloc(natts * sizeof(bool));
	memset(*nulls, true, natts * sizeof(bool));
}

static void
publisher_open(Publisher *p)
{
	static const char *const history_names[N_HISTORY_COLUMNS] = {
		"customer_id", "changed_on", "changed_at", "run_id", "previous_tier", "tier", "reason"
	};
	Oid			tier = custprio_type("customer_tier");
	Oid			types[N_COLUMNS] = {
		p->card->key_type, tier, NUMERICOID, custprio_type("rfm_score"), TEXTOID, tier, INT8OID, NUMERICOID, NUMERICOID,
		TIMESTAMPTZOID, TIMESTAMPTZOID, NUMERICOID, NUMERICOID, NUMERICOID, TEXTOID, TEXTOID, tier, TEXTOID, DATEOID, DATEOID,
		DATEOID, tier
	};
	Oid			history_types[N_HISTORY_COLUMNS] = {
		p->card->key_type, DATEOID, TIMESTAMPTZOID, INT8OID, tier, tier, TEXTOID
	};
	SegmentMap *segments = p->scores->segments;

	p->priority = table_writer_open(p->card->priority_relid);
	p->history = table_writer_open(p->card->history_relid);
	for (int i = 0; i < N_COLUMNS; i++)
		p->column[i] = published_column(p->priority->rel, column_names[i], types[i]);
	for (int i = 0; i < N_HISTORY_COLUMNS; i++)
		p->history_column[i] = published_column(p->history->rel, history_names[i], history_types[i]);
	p->n_columns = N_COLUMNS + p->card->n_added;
	for (int i = N_COLUMNS; i < p->n_columns; i++)
		p->column[i] = published_column(p->priority->rel, p->card->added[i - N_COLUMNS].name, NUMERICOID);
	table_writer_given(p->priority, p->column, p->n_columns);
	table_writer_given(p->history, p->history_column, N_HISTORY_COLUMNS);

	alloc_row(p->priority->rel, &p->values, &p->nulls);
	alloc_row(p->history->rel, &p->history_values, &p->history_nulls);

	p->segment_text = palloc0(RFM_LIMIT * sizeof(Datum));
	for (int code = 0; segments && code < RFM_LIMIT; code++)
		if (segments->segment[code])
			p->segment_text[code] = CStringGetTextDatum(segments->segment[code]);
	for (LifecycleStage stage = 0; stage < LIFE_STAGES; stage++)
		p->stage_text[stage] = CStringGetTextDatum(lifecycle_stage_name(stage));
	for (Relationship relationship = 0; relationship < RELATIONSHIPS; relationship++)
		p->relationship_text[relationship] = CStringGetTextDatum(relationship_name(relationship));
	if (p->card->lifecycle)
	{
		Breaks	   *gap = thresholds_find(p->scores->thresholds, LIFECYCLE_METRIC, BREAKS_LIFECYCLE);

		p->usual_gap = gap ? pg_strtoint32(gap->text[0]) : 0;
	}
	for (TierHold hold = HOLD_NONE + 1; hold < TIER_HOLDS; hold++)
		p->hold_text[hold] = CStringGetTextDatum(tier_hold_name(hold));
	p->rules = tier_rules_open(p->card, p->priority->rel);
	p->overrides = tier_overrides_load(p->card, p->run->as_of);
	p->same_day = p->card->has_epoch && p->card->as_of == p->run->as_of;
	p->same_version = p->card->has_epoch && p->card->epoch_version == p->card->version;
	p->changed_at = GetCurrentTransactionStartTimestamp();
	p->row_context = AllocSetContextCreate(CurrentMemoryContext, "custprio published row", ALLOCSET_DEFAULT_SIZES);
}

static void
publisher_close(Publisher *p)
{
	tier_rules_close(p->rules);
	table_writer_close(p->history);
	table_writer_close(p->priority);
	MemoryContextDelete(p->row_context);
}

static void
put(PublishedRow *row, int column, Datum value, bool null)
{
	row->value[column] = value;
	row->null[column] = null;
}

/* A revenue rounded to the scorecard's scale. */
static Datum
published_money(const Scorecard *card, const Customer *customer)
{
	if (customer->wide_revenue == NULL && customer->revenue_scale == card->amount_scale)
		return NumericGetDatum(exact_to_numeric(customer->revenue, customer->revenue_scale));
	return DirectFunctionCall2(numeric_round, NumericGetDatum(customer_revenue(customer)),
							   Int32GetDatum(card->amount_scale));
}

/*
 * Revenue per purchase, rounded half away from zero to the scorecard's scale. Up to 10^15 the integers give what
 * numeric division and rounding give: its 16 digits tell every quotient from the nearest tie.
 */
static Datum
published_average(const Scorecard *card, const Customer *customer)
{
	if (customer->wide_revenue == NULL && customer->revenue_scale == card->amount_scale &&
		customer->revenue < AVERAGE_EXACT && customer->revenue > -AVERAGE_EXACT)
	{
		int64		half = customer->purchases / 2;
		int64		rounded = customer->revenue >= 0 ?
			(customer->revenue + half) / customer->purchases : -((half - customer->revenue) / customer->purchases);

		return NumericGetDatum(exact_to_numeric(rounded, card->amount_scale));
	}
	return DirectFunctionCall2(numeric_round,
							   DirectFunctionCall2(numeric_div, NumericGetDatum(customer_revenue(customer)),
												   NumericGetDatum(int64_to_numeric(customer->purchases))),
							   Int32GetDatum(card->amount_scale));
}

/* Whether a column follows from the customer and the thresholds alone, and neither from its tier nor the row before. */
static inline bool
is_scored(int column)
{
	return column == COL_CUSTOMER_ID || (column >= COL_PRIORITY && column <= COL_RELATIONSHIP) || column >= N_COLUMNS;
}

bool
publish_is_scored_column(const Scorecard *card, const char *name)
{
	for (int i = 0; i < N_COLUMNS; i++)
		if (strcmp(name, column_names[i]) == 0)
			return is_scored(i);
	return metric_find(card, name) >= 0;
}

/* Stage and relationship; without rules of a lifecycle only those without a purchase have a stage. */
static void
put_stage(const Publisher *p, const Customer *customer, PublishedRow *row)
{
	const Lifecycle *rules = p->card->lifecycle;
	LifecycleStage stage = customer->stage == STAGE_PROSPECT ? LIFE_PROSPECT : LIFE_RETURNS_ONLY;

	if (rules)
		stage = lifecycle_stage(rules, customer, p->set->has_clv, p->usual_gap, p->run->as_of);
	put(row, COL_STAGE, p->stage_text[stage], customer->stage == STAGE_BUYER && rules == NULL);
	put(row, COL_RELATIONSHIP,
		rules ? p->relationship_text[lifecycle_relationship(rules, customer, stage)] : (Datum) 0, rules == NULL);
}

/* All columns of a customer but those that place_customer() fills, which depend on the row before. */
static void
published_row(const Publisher *p, const Customer *customer, PublishedRow *row)
{
	bool		buyer = customer->stage == STAGE_BUYER;
	bool		predicted;
	Datum		segment = buyer ? p->segment_text[customer->rfm] : (Datum) 0;

	put(row, COL_CUSTOMER_ID, customer->key, false);
	put(row, COL_PRIORITY, buyer ? NumericGetDatum(exact_to_numeric(customer->priority, PRIORITY_SCALE)) : (Datum) 0,
		!buyer);
	put(row, COL_RFM, RfmScoreGetDatum(customer->rfm), !buyer);
	put(row, COL_SEGMENT, segment, segment == (Datum) 0);
	put(row, COL_ABC, CustomerTierGetDatum(customer->abc), !buyer);
	put(row, COL_FREQUENCY, Int64GetDatum(customer->frequency), false);
	put(row, COL_MONETARY, published_money(p->card, customer), false);
	put(row, COL_AVERAGE_ORDER_VALUE, buyer ? published_average(p->card, customer) : (Datum) 0, !buyer);
	put(row, COL_FIRST_PURCHASE, TimestampTzGetDatum(customer->first), !buyer);
	put(row, COL_LAST_PURCHASE, TimestampTzGetDatum(customer->last), !buyer);
	predicted = buyer && p->set->has_clv;
	put(row, COL_P_ALIVE, predicted ? NumericGetDatum(exact_to_numeric(customer->p_alive, ALIVE_SCALE)) : (Datum) 0,
		!predicted);
	put(row, COL_EXPECTED_PURCHASES,
		predicted ? NumericGetDatum(exact_to_numeric(customer->expected_purchases, EXPECTED_SCALE)) : (Datum) 0, !predicted);
	put(row, COL_CLV, predicted ? NumericGetDatum(exact_to_numeric(customer->clv, CLV_SCALE(p->card))) : (Datum) 0,
		!predicted);
	put_stage(p, customer, row);
	for (int nth = 0; nth < p->card->n_added; nth++)
	{
		bool		known = customer->metric[nth].status == METRIC_KNOWN;

		put(row, N_COLUMNS + nth, known ? NumericGetDatum(exact_to_numeric(customer->metric[nth].value,
																		   p->card->added[nth].decimals)) : (Datum) 0,
			!known);
	}
}

/* Whether what is computed of a column follows from the customer alone, and not from the row before. */
static inline bool
is_computed(int column)
{
	return column < COL_TIER_SINCE || column >= N_COLUMNS;
}

/*
 * The same, with the scored tier. Where rules cut tiers the row itself is what they look at, so the customer's tier and
 * the count of it wait until here.
 */
static void
scored_row(Publisher *p, Customer *customer, PublishedRow *row)
{
	bool		buyer = customer->stage == STAGE_BUYER;

	published_row(p, customer, row);
	if (buyer && p->rules)
	{
		TupleTableSlot *slot = tier_rules_row(p->rules);

		for (int i = 0; i < p->n_columns; i++)
			if (is_scored(i))
			{
				slot->tts_values[p->column[i] - 1] = row->value[i];
				slot->tts_isnull[p->column[i] - 1] = row->null[i];
			}
		customer->tier = customer->enter_tier = customer->leave_tier = tier_rules_apply(p->rules);
		p->scores->reached[customer->tier]++;
	}
	put(row, COL_SCORED_TIER, CustomerTierGetDatum(customer->tier), !buyer);
}

static const TierState no_state = {.since = NO_DAY,.below_since = NO_DAY,.until = NO_DAY};

/* The tier of a customer after the one before (no_state: none), under the policy and any override. */
static TierState
place_customer(const Publisher *p, const Customer *customer, const TierState *before)
{
	TierScore	score = {customer->tier, customer->enter_tier, customer->leave_tier};
	uint32		id = KEYMAP_NONE;
	TierState	state;

	if (customer->stage == STAGE_BUYER)
	{
		if (p->overrides)
			id = keymap_find(p->overrides, customer->key, keymap_hash(p->overrides, customer->key));
		return tier_decide(p->card->tier_policy, score, before,
						   id == KEYMAP_NONE ? NULL : keymap_entry(p->overrides, id), p->run->as_of);
	}
	/* without a purchase there is no tier */
	state = no_state;
	state.previous = before->tier != 0 ? before->tier : before->previous;
	state.since = before->tier != 0 ? p->run->as_of : before->since;
	return state;
}

static void
put_day(PublishedRow *row, int column, DateADT day)
{
	put(row, column, DateADTGetDatum(day), day == NO_DAY);
}

static void
put_state(const Publisher *p, PublishedRow *row, const TierState *state)
{
	put(row, COL_TIER, CustomerTierGetDatum(state->tier), state->tier == 0);
	put(row, COL_HELD_BY, p->hold_text[state->hold], state->hold == HOLD_NONE);
	put_day(row, COL_HELD_UNTIL, state->until);
	put_day(row, COL_BELOW_SINCE, state->below_since);
	put_day(row, COL_TIER_SINCE, state->since);
	put(row, COL_PREVIOUS_TIER, CustomerTierGetDatum(state->previous), state->previous == 0);
}

static DateADT
day_before(const Publisher *p, TupleTableSlot *old, int column)
{
	AttrNumber	attnum = p->column[column];

	return old->tts_isnull[attnum - 1] ? NO_DAY : DatumGetDateADT(old->tts_values[attnum - 1]);
}

static CustomerTier
tier_before(const Publisher *p, TupleTableSlot *old, int column)
{
	AttrNumber	attnum = p->column[column];

	return old->tts_isnull[attnum - 1] ? 0 : DatumGetCustomerTier(old->tts_values[attnum - 1]);
}

/* What a published row says of the tier. */
static TierState
state_before(const Publisher *p, TupleTableSlot *old)
{
	AttrNumber	held_by = p->column[COL_HELD_BY];
	TierState	state = {
		.tier = tier_before(p, old, COL_TIER),.previous = tier_before(p, old, COL_PREVIOUS_TIER),
		.since = day_before(p, old, COL_TIER_SINCE),.below_since = day_before(p, old, COL_BELOW_SINCE),
		.until = day_before(p, old, COL_HELD_UNTIL),.hold = HOLD_NONE
	};

	if (!old->tts_isnull[held_by - 1])
		for (TierHold hold = HOLD_NONE + 1; hold < TIER_HOLDS; hold++)
			if (datum_image_eq(old->tts_values[held_by - 1], p->hold_text[hold], false, -1))
				state.hold = hold;
	return state;
}

static bool
column_equals(const Publisher *p, TupleTableSlot *old, int column, const PublishedRow *row)
{
	AttrNumber	attnum = p->column[column];
	Form_pg_attribute attr = TupleDescAttr(old->tts_tupleDescriptor, attnum - 1);
	Datum		stored = old->tts_values[attnum - 1];
	bool		null = old->tts_isnull[attnum - 1];

	if (null || row->null[column])
		return null == row->null[column];
	return attr->attbyval ? stored == row->value[column] : datum_image_eq(stored, row->value[column], false, attr->attlen);
}

/* Whether what the customer did shows in the row: then a change of tier is due to behaviour. */
static bool
behaviour_equals(const Publisher *p, TupleTableSlot *old, const PublishedRow *row)
{
	return column_equals(p, old, COL_FREQUENCY, row) && column_equals(p, old, COL_MONETARY, row) &&
		column_equals(p, old, COL_FIRST_PURCHASE, row) && column_equals(p, old, COL_LAST_PURCHASE, row);
}

static bool
added_equal(const Publisher *p, TupleTableSlot *old, const PublishedRow *row)
{
	for (int i = N_COLUMNS; i < p->n_columns; i++)
		if (!column_equals(p, old, i, row))
			return false;
	return true;
}

static bool
is_overridden(const Publisher *p, Datum key)
{
	return p->overrides && keymap_find(p->overrides, key, keymap_hash(p->overrides, key)) != KEYMAP_NONE;
}

/* Whether purchases that grew too old can be all that changed: the last one is the same, and the first ones are gone. */
static bool
left_history(const Publisher *p, TupleTableSlot *old, const PublishedRow *row)
{
	AttrNumber	first = p->column[COL_FIRST_PURCHASE];

	return p->card->history && column_equals(p, old, COL_LAST_PURCHASE, row) && !old->tts_isnull[first - 1] &&
		!row->null[COL_FIRST_PURCHASE] &&
		DatumGetTimestampTz(row->value[COL_FIRST_PURCHASE]) > DatumGetTimestampTz(old->tts_values[first - 1]);
}

/*
 * Why the tier of a customer who was published before has changed: the first of these that holds.
 *
 *   override   one gives the tier, or one that gave it before holds no more
 *   policy     the declaration changed
 *   time       a hold ran out while the scores stayed where they were, purchases left the scorecard's history, or the
 *              customer's predictions or added metrics moved with the as-of day
 *   behaviour  the customer's purchases changed, or within a day an added metric
 *   threshold  none of these: the customer stood still and the thresholds moved
 *
 * Purchases that changed go before predictions that moved, but after a hold that ran out: the tier would have changed
 * without them.
 */
static const char *
change_reason(const Publisher *p, TupleTableSlot *old, const PublishedRow *row, const TierState *before,
			  const TierState *state)
{
	bool		ran_out = before->hold >= HOLD_MINIMUM_STAY && before->hold <= HOLD_CALENDAR;

	if (state->hold == HOLD_OVERRIDE || (before->hold == HOLD_OVERRIDE && !is_overridden(p, row->value[COL_CUSTOMER_ID])))
		return "override";
	if (!p->same_version)
		return "policy";
	if (!p->same_day && ran_out && column_equals(p, old, COL_SCORED_TIER, row))
		return "time";
	if (!behaviour_equals(p, old, row))
		return p->same_day || !left_history(p, old, row) ? "behaviour" : "time";
	if (p->same_day)
		return added_equal(p, old, row) ? "threshold" : "behaviour";
	return column_equals(p, old, COL_P_ALIVE, row) && added_equal(p, old, row) ? "threshold" : "time";
}

static void
note_change(Publisher *p, Datum key, CustomerTier previous, CustomerTier tier, const char *reason)
{
#define HISTORY(column, datum, null) \
	(p->history_values[p->history_column[column] - 1] = (datum), \
	 p->history_nulls[p->history_column[column] - 1] = (null))

	HISTORY(HIST_CUSTOMER_ID, key, false);
	HISTORY(HIST_CHANGED_ON, DateADTGetDatum(p->run->as_of), false);
	HISTORY(HIST_CHANGED_AT, TimestampTzGetDatum(p->changed_at), false);
	HISTORY(HIST_RUN_ID, Int64GetDatum(p->run->run_id), false);
	HISTORY(HIST_PREVIOUS_TIER, CustomerTierGetDatum(previous), previous == 0);
	HISTORY(HIST_TIER, CustomerTierGetDatum(tier), tier == 0);
	HISTORY(HIST_REASON, CStringGetTextDatum(reason), false);
	table_writer_insert(p->history, p->history_values, p->history_nulls);
	p->run->tier_changes++;
}

static void
copy_to_table(const Publisher *p, const PublishedRow *row, Datum *values, bool *nulls)
{
	for (int i = 0; i < p->n_columns; i++)
	{
		values[p->column[i] - 1] = row->value[i];
		nulls[p->column[i] - 1] = row->null[i];
	}
}

/* The published row of a customer who is still there. */
static void
publish_known(Publisher *p, TupleTableSlot *old, Customer *customer)
{
	TierState	before = state_before(p, old);
	TierState	state;
	PublishedRow row;
	bool		changed = false;
	Datum	   *values;
	bool	   *nulls;

	scored_row(p, customer, &row);
	state = place_customer(p, customer, &before);
	put_state(p, &row, &state);
	for (int i = COL_TIER; i < p->n_columns && !changed; i++)
		changed = is_computed(i) && !column_equals(p, old, i, &row);
	if (!changed)
		return;

	values = palloc(old->tts_nvalid * sizeof(Datum));
	nulls = palloc(old->tts_nvalid * sizeof(bool));
	memcpy(values, old->tts_values, old->tts_nvalid * sizeof(Datum));
	memcpy(nulls, old->tts_isnull, old->tts_nvalid * sizeof(bool));
	if (state.tier != before.tier)
		note_change(p, customer->key, before.tier, state.tier, change_reason(p, old, &row, &before, &state));
	copy_to_table(p, &row, values, nulls);
	table_writer_update(p->priority, old, values, nulls);
}

/* A published row whose customer is no more. */
static void
publish_gone(Publisher *p, TupleTableSlot *old, Datum key)
{
	CustomerTier tier = tier_before(p, old, COL_TIER);

	if (tier != 0)
		note_change(p, key, tier, 0, "data");
	table_writer_delete(p->priority, old);
}

static void
publish_new(Publisher *p, Customer *customer)
{
	TierState	state;
	PublishedRow row;

	scored_row(p, customer, &row);
	state = place_customer(p, customer, &no_state);
	put_state(p, &row, &state);
	copy_to_table(p, &row, p->values, p->nulls);
	table_writer_insert(p->priority, p->values, p->nulls);
	if (state.tier != 0)
		note_change(p, customer->key, 0, state.tier, state.hold == HOLD_OVERRIDE ? "override" : "behaviour");
}

/* Have a row's customer fetched. */
static void
fetch_customer(TupleTableSlot *slot, int stage, void *arg)
{
	const Publisher *p = arg;
	const KeyMap *map = p->set->map;
	AttrNumber	column = p->column[COL_CUSTOMER_ID];
	uint64		hash;
	uint32		guess;

	if (slot->tts_isnull[column - 1] || !keymap_can_hash(map, slot->tts_values[column - 1]))
		return;
	hash = keymap_hash(map, slot->tts_values[column - 1]);
	if (stage == 0)
	{
		__builtin_prefetch(&map->slots[keymap_slot(map, hash)]);
		return;
	}
	guess = keymap_guess(map, hash);
	if (guess != KEYMAP_NONE)
	{
		__builtin_prefetch(customer_at(p->set, guess));
		__builtin_prefetch((char *) customer_at(p->set, guess) + 64);
	}
}

/* Compare the published rows, all or only those of some customers, with the set; marks those that it met. */
static void
publish_existing(Publisher *p, const KeyMap *only)
{
	Relation	rel = p->priority->rel;
	KeyMap	   *map = p->set->map;
	TableReader *reader = only ? table_reader_open_keys(rel, p->column[COL_CUSTOMER_ID], only) :
		table_reader_open(rel, fetch_customer, 2, p);
	TupleTableSlot *slot;
	MemoryContext old = MemoryContextSwitchTo(p->row_context);

	while ((slot = table_reader_next(reader)) != NULL)
	{
		Datum		key;
		uint32		id;

		/* the table is its owner's, who may have dropped the primary key */
		if (slot->tts_isnull[p->column[COL_CUSTOMER_ID] - 1])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("table \"%s\" has a row without customer", RelationGetRelationName(rel)),
					 errhint("Delete such rows, then refresh again.")));
		key = slot->tts_values[p->column[COL_CUSTOMER_ID] - 1];
		if (!map->byval && map->typlen < 0)
			key = PointerGetDatum(PG_DETOAST_DATUM_PACKED(key));
		id = keymap_find(map, key, keymap_hash(map, key));
		if (id == KEYMAP_NONE)
			publish_gone(p, slot, key);
		else
		{
			Customer   *customer = customer_at(p->set, id);

			customer->published = true;
			publish_known(p, slot, customer);
		}
		MemoryContextReset(p->row_context);
	}
	MemoryContextSwitchTo(old);
	table_reader_close(reader);
}

/* A customer to insert, in the order of the index over tier and priority. */
typedef struct NewCustomer
{
	int64		position;
	int64		key;
	Customer   *customer;
} NewCustomer;

#define ST_SORT sort_new_customers
#define ST_ELEMENT_TYPE NewCustomer
#define ST_COMPARE(a, b) \
	((a)->position != (b)->position ? ((a)->position > (b)->position) - ((a)->position < (b)->position) : \
	 ((a)->key > (b)->key) - ((a)->key < (b)->key))
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/*
 * Publish the customers that had no row, best first: a list of the best then reads neighbouring pages, and building
 * the index over tier and priority, whose comparisons are slow, finds its input sorted.
 */
static void
publish_missing(Publisher *p)
{
	KeyMap	   *map = p->set->map;
	NewCustomer *items = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) map->n + 1) * sizeof(NewCustomer));
	MemoryContext old;
	int64		n = 0;

	for (uint32 id = 0; id < map->n; id++)
	{
		Customer   *customer = customer_at(p->set, id);

		if (customer->published)
			continue;
		items[n].position = customer->stage != STAGE_BUYER ? PG_INT64_MAX :
			(int64) customer->tier * (PRIORITY_MAX + 1) + (PRIORITY_MAX - customer->priority);
		items[n].key = map->byval ? (int64) customer->key : 0;
		items[n++].customer = customer;
	}
	sort_new_customers(items, n);
	table_writer_defer_primary_key(p->priority, p->column[COL_CUSTOMER_ID], map);

	old = MemoryContextSwitchTo(p->row_context);
	for (int64 i = 0; i < n; i++)
	{
		if (i + PREFETCH_AHEAD < n)
		{
			__builtin_prefetch(items[i + PREFETCH_AHEAD].customer);
			__builtin_prefetch((char *) items[i + PREFETCH_AHEAD].customer + 64);
		}
		publish_new(p, items[i].customer);
		if (i % 256 == 0)
			MemoryContextReset(p->row_context);
	}
	MemoryContextSwitchTo(old);
	pfree(items);
}

void
publish(const Scorecard *card, CustomerSet *set, Scores *scores, const KeyMap *only, RefreshRun *run)
{
	Publisher	publisher = {.card = card, .set = set, .scores = scores, .run = run};

	publisher_open(&publisher);
	publish_existing(&publisher, only);
	publish_missing(&publisher);
	run->inserted = publisher.priority->inserted;
	run->updated = publisher.priority->updated;
	run->deleted = publisher.priority->deleted;
	publisher_close(&publisher);

	/* the first rows: indexes are built faster over full tables than filled row by row */
	if (!card->has_epoch)
		published_build_indexes(card->priority_relid, card->history_relid);
}

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
	reader = table_reader_open(p->priority->rel, fetch_customer, 2, p);
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
			TierState	before = state_before(p, slot);
			TierState	state;
			PublishedRow row;

			customer_at(set, id)->published = true;
			scored_row(p, customer_at(set, id), &row);
			state = place_customer(p, customer_at(set, id), &before);
			put_state(p, &row, &state);
			for (int i = COL_TIER; i < p->n_columns; i++)
				if (is_computed(i) && !column_equals(p, slot, i, &row))
					difference(name, i < N_COLUMNS ? column_names[i] : card->added[i - N_COLUMNS].name,
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

		scored_row(&publisher, customer_at(set, id), &row);
		state = place_customer(&publisher, customer_at(set, id), &no_state);
		put_state(&publisher, &row, &state);
		give(column_text(&publisher, COL_CUSTOMER_ID, row.value[COL_CUSTOMER_ID], false), &row.value[COL_TIER],
			 &row.null[COL_TIER], COL_STAGE - COL_TIER + 1, arg);
		MemoryContextReset(publisher.row_context);
		CHECK_FOR_INTERRUPTS();
	}
	MemoryContextSwitchTo(old);
	publisher_close(&publisher);
}

/* The same customer in another set; KEYMAP_NONE: not there. */
static uint32
find_customer(const CustomerSet *set, Datum key)
{
	return set ? keymap_find(set->map, key, keymap_hash(set->map, key)) : KEYMAP_NONE;
}

/* Place all customers of a day in memory, after the day before. */
static void
place_all(Publisher *p, const CustomerSet *before, CustomerSet *set)
{
	set->placed = MemoryContextAllocHuge(set->context, ((Size) set->map->n + 1) * sizeof(TierState));
	for (uint32 id = 0; id < set->map->n; id++)
	{
		Customer   *customer = customer_at(set, id);
		uint32		before_id = find_customer(before, customer->key);
		PublishedRow row;

		if (p->rules)
			scored_row(p, customer, &row);
		set->placed[id] = place_customer(p, customer, before_id == KEYMAP_NONE ? &no_state : &before->placed[before_id]);
		MemoryContextReset(p->row_context);
		if (id % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
	}
}

/* Why a tier changed between two computed days: as change_reason() of the same declaration and other days. */
static const char *
reason_between(const Publisher *p, const Customer *then, const Customer *now, const TierState *before,
			   const TierState *state)
{
	static const int columns[] = {COL_FREQUENCY, COL_MONETARY, COL_FIRST_PURCHASE, COL_LAST_PURCHASE};
	PublishedRow a,
				b;
	bool		same = true;

	if (state->hold == HOLD_OVERRIDE || (before->hold == HOLD_OVERRIDE && !is_overridden(p, now->key)))
		return "override";
	if (then == NULL)
		return "behaviour";
	if (before->hold >= HOLD_MINIMUM_STAY && before->hold <= HOLD_CALENDAR && then->tier == now->tier)
		return "time";
	published_row(p, then, &a);
	published_row(p, now, &b);
	for (int i = 0; i < lengthof(columns) && same; i++)
	{
		int			column = columns[i];
		Form_pg_attribute attr = TupleDescAttr(RelationGetDescr(p->priority->rel), p->column[column] - 1);

		same = a.null[column] == b.null[column] &&
			(a.null[column] || datum_image_eq(a.value[column], b.value[column], attr->attbyval, attr->attlen));
	}
	if (!same)
		return p->card->history && then->stage == STAGE_BUYER && now->stage == STAGE_BUYER && then->last == now->last &&
			now->first > then->first ? "time" : "behaviour";
	same = !p->set->has_clv || then->p_alive == now->p_alive;
	for (int nth = 0; nth < p->card->n_added && same; nth++)
		same = then->metric[nth].status == now->metric[nth].status &&
			(now->metric[nth].status != METRIC_KNOWN || then->metric[nth].value == now->metric[nth].value);
	return same ? "threshold" : "time";
}

void
publish_history(const Scorecard *card, CustomerSet *before, CustomerSet *after, Scores *scores,
				TimestampTz changed_at, RefreshRun *run)
{
	Publisher	publisher = {.card = card, .set = after, .scores = scores, .run = run};
	Publisher  *p = &publisher;
	MemoryContext old;

	publisher_open(p);
	p->changed_at = changed_at;
	old = MemoryContextSwitchTo(p->row_context);
	if (before && before->placed == NULL)
		place_all(p, NULL, before);
	place_all(p, before, after);
	for (uint32 id = 0; id < after->map->n; id++)
	{
		const Customer *now = customer_at(after, id);
		uint32		then_id = find_customer(before, now->key);
		const Customer *then = then_id == KEYMAP_NONE ? NULL : customer_at(before, then_id);
		TierState	then_state = then ? before->placed[then_id] : no_state;

		if (then_state.tier != after->placed[id].tier)
			note_change(p, now->key, then_state.tier, after->placed[id].tier,
						reason_between(p, then, now, &then_state, &after->placed[id]));
		MemoryContextReset(p->row_context);
		if (id % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	for (uint32 id = 0; before && id < before->map->n; id++)
	{
		const Customer *then = customer_at(before, id);

		if (then->stage == STAGE_BUYER && find_customer(after, then->key) == KEYMAP_NONE)
			note_change(p, then->key, before->placed[id].tier, 0, "data");
		if (id % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	MemoryContextSwitchTo(old);
	publisher_close(p);
}
