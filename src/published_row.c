/*
 * published_row.c: what a row of the priority table should be, and how it compares with the one that is there.
 *
 *   customer, scores ──► publisher_row ──► scored tier ──► publisher_place (policy, override) ──► row_put_state
 *
 * Columns are compared in the form in which they are stored. Writing them is publish.c's job, listing what differs
 * publish_compare.c's.
 */
#include "custprio.h"

#include "published_row.h"

#include "exact.h"
#include "publish.h"
#include "regime.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#define AVERAGE_EXACT INT64CONST(1000000000000000)

const char *const priority_columns[N_COLUMNS] = {
	"customer_id", "tier", "priority", "rfm", "segment", "abc", "frequency", "monetary", "average_order_value",
	"first_purchase", "last_purchase", "p_alive", "expected_purchases", "clv", "stage", "relationship",
	"scored_tier", "held_by", "held_until", "below_since", "tier_since", "previous_tier"
};

static void
alloc_row(Relation rel, Datum **values, bool **nulls)
{
	int			natts = RelationGetDescr(rel)->natts;

	*values = palloc0(natts * sizeof(Datum));
	*nulls = palloc(natts * sizeof(bool));
	memset(*nulls, true, natts * sizeof(bool));
}

void
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
		p->column[i] = published_column(p->priority->rel, priority_columns[i], types[i]);
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

void
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
		if (strcmp(name, priority_columns[i]) == 0)
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

/* All columns of a customer but those that publisher_place() fills, which depend on the row before. */
void
publisher_row(const Publisher *p, const Customer *customer, PublishedRow *row)
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

/*
 * The same, with the scored tier. Where rules cut tiers the row itself is what they look at, so the customer's tier and
 * the count of it wait until here.
 */
void
publisher_scored_row(Publisher *p, Customer *customer, PublishedRow *row)
{
	bool		buyer = customer->stage == STAGE_BUYER;

	publisher_row(p, customer, row);
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

const TierState no_tier_state = {.since = NO_DAY,.below_since = NO_DAY,.until = NO_DAY};

/* The tier of a customer after the one before (no_tier_state: none), under the policy and any override. */
TierState
publisher_place(const Publisher *p, const Customer *customer, const TierState *before)
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
	state = no_tier_state;
	state.previous = before->tier != 0 ? before->tier : before->previous;
	state.since = before->tier != 0 ? p->run->as_of : before->since;
	return state;
}

static void
put_day(PublishedRow *row, int column, DateADT day)
{
	put(row, column, DateADTGetDatum(day), day == NO_DAY);
}

void
row_put_state(const Publisher *p, PublishedRow *row, const TierState *state)
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

CustomerTier
row_tier(const Publisher *p, TupleTableSlot *old, int column)
{
	AttrNumber	attnum = p->column[column];

	return old->tts_isnull[attnum - 1] ? 0 : DatumGetCustomerTier(old->tts_values[attnum - 1]);
}

/* What a published row says of the tier. */
TierState
row_state(const Publisher *p, TupleTableSlot *old)
{
	AttrNumber	held_by = p->column[COL_HELD_BY];
	TierState	state = {
		.tier = row_tier(p, old, COL_TIER),.previous = row_tier(p, old, COL_PREVIOUS_TIER),
		.since = day_before(p, old, COL_TIER_SINCE),.below_since = day_before(p, old, COL_BELOW_SINCE),
		.until = day_before(p, old, COL_HELD_UNTIL),.hold = HOLD_NONE
	};

	if (!old->tts_isnull[held_by - 1])
		for (TierHold hold = HOLD_NONE + 1; hold < TIER_HOLDS; hold++)
			if (datum_image_eq(old->tts_values[held_by - 1], p->hold_text[hold], false, -1))
				state.hold = hold;
	return state;
}

bool
row_column_equals(const Publisher *p, TupleTableSlot *old, int column, const PublishedRow *row)
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
	return row_column_equals(p, old, COL_FREQUENCY, row) && row_column_equals(p, old, COL_MONETARY, row) &&
		row_column_equals(p, old, COL_FIRST_PURCHASE, row) && row_column_equals(p, old, COL_LAST_PURCHASE, row);
}

static bool
added_equal(const Publisher *p, TupleTableSlot *old, const PublishedRow *row)
{
	for (int i = N_COLUMNS; i < p->n_columns; i++)
		if (!row_column_equals(p, old, i, row))
			return false;
	return true;
}

bool
publisher_overrides(const Publisher *p, Datum key)
{
	return p->overrides && keymap_find(p->overrides, key, keymap_hash(p->overrides, key)) != KEYMAP_NONE;
}

/* Whether purchases that grew too old can be all that changed: the last one is the same, and the first ones are gone. */
static bool
left_history(const Publisher *p, TupleTableSlot *old, const PublishedRow *row)
{
	AttrNumber	first = p->column[COL_FIRST_PURCHASE];

	return purchase_window_moves(p->card) && row_column_equals(p, old, COL_LAST_PURCHASE, row) && !old->tts_isnull[first - 1] &&
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
 *   behaviour  the customer's purchases changed, or within a day an added metric, or within an epoch the segment
 *   threshold  none of these: the customer stood still and the thresholds moved
 *
 * Purchases that changed go before predictions that moved, but after a hold that ran out: the tier would have changed
 * without them.
 */
const char *
row_change_reason(const Publisher *p, TupleTableSlot *old, const PublishedRow *row, const TierState *before,
			  const TierState *state)
{
	bool		ran_out = before->hold >= HOLD_MINIMUM_STAY && before->hold <= HOLD_CALENDAR;

	if (state->hold == HOLD_OVERRIDE ||
		(before->hold == HOLD_OVERRIDE && !publisher_overrides(p, row->value[COL_CUSTOMER_ID])))
		return "override";
	if (!p->same_version)
		return "policy";
	if (!p->same_day && ran_out && row_column_equals(p, old, COL_SCORED_TIER, row))
		return "time";
	if (!behaviour_equals(p, old, row))
		return p->same_day || !left_history(p, old, row) ? "behaviour" : "time";
	if (p->same_day)
		return p->run->rebased && added_equal(p, old, row) ? "threshold" : "behaviour";
	return row_column_equals(p, old, COL_P_ALIVE, row) && added_equal(p, old, row) ? "threshold" : "time";
}

/* Have a row's customer fetched. */
void
publisher_look_ahead(TupleTableSlot *slot, int stage, void *arg)
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
