/*
 * tier_policy.c: from the scored tier to the published one.
 *
 *   scored tier, margins ──► target ──► held by stay, protection, grace, steps, calendar ──► override ──► tier
 *                               ▲ row published before: tier, tier_since, previous_tier, below_since, held_by
 *
 * Everything follows from the scores, the as-of day, the row published before and the override in force, so that
 * incremental refreshes, rescores, rebuilds and verify() decide alike. Deciding is repeated until nothing moves: the
 * published row is a fixed point, and a second refresh of the same day changes nothing.
 *
 * Each cut with a margin is a Schmitt trigger: a customer passes it upwards at cut + enter_margin and downwards below
 * cut - leave_margin. Of several of them the customer's target is the tier it has, kept within the best tier that it can
 * enter and the worst one that it would be left in.
 */
#include "custprio.h"

#include "tier_policy.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

const char *
tier_method_name(TierMethod method)
{
	static const char *const names[] = {"share", "priority", "cumulative", "capacity", "rules"};

	return names[method];
}

const char *
tier_hold_name(TierHold hold)
{
	static const char *const names[TIER_HOLDS] = {
		NULL, "hysteresis", "minimum_stay", "protection", "grace", "step", "calendar", "override"
	};

	return names[hold];
}

const char *
override_kind_name(OverrideKind kind)
{
	static const char *const names[] = {"set", "floor", "ceiling", "freeze"};

	return names[kind];
}

/* A day of the year as MM-DD; 02-29 is refused, because most years lack it. */
static bool
parse_day_of_year(const char *text, uint8 *month, uint8 *day)
{
	if (strlen(text) != 5 || text[2] != '-' || strspn(text, "0123456789-") != 5 || strchr(text + 3, '-') ||
		memchr(text, '-', 2))
		return false;
	*month = (text[0] - '0') * 10 + text[1] - '0';
	*day = (text[3] - '0') * 10 + text[4] - '0';
	return *month >= 1 && *month <= 12 && *day >= 1 && *day <= day_tab[0][*month - 1];
}

bool
tier_calendar_parse(char **text, int n, TierCalendar *calendar)
{
	calendar->mondays = false;
	calendar->n = 0;
	calendar->month = palloc(n + 12);
	calendar->day = palloc(n + 12);
	for (int i = 0; i < n; i++)
	{
		int			every = strcmp(text[i], "month") == 0 ? 1 : strcmp(text[i], "quarter") == 0 ? 3 :
			strcmp(text[i], "year") == 0 ? 12 : 0;

		if (n == 1 && strcmp(text[i], "week") == 0)
			calendar->mondays = true;
		else if (n == 1 && every > 0)
		{
			for (int month = 1; month <= 12; month += every)
			{
				calendar->month[calendar->n] = month;
				calendar->day[calendar->n++] = 1;
			}
		}
		else if (parse_day_of_year(text[i], &calendar->month[calendar->n], &calendar->day[calendar->n]))
			calendar->n++;
		else
			return false;
	}
	return true;
}

/* The first day of the calendar on or after a day. */
static DateADT
next_calendar_day(const TierCalendar *calendar, DateADT from)
{
	int			year,
				month,
				day;
	DateADT		next = NO_DAY;

	if (calendar->mondays)
		return from + (8 - j2day(from + POSTGRES_EPOCH_JDATE)) % 7;
	if (calendar->n == 0)
		return from;
	j2date(from + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	for (int i = 0; i < calendar->n; i++)
	{
		bool		passed = calendar->month[i] < month || (calendar->month[i] == month && calendar->day[i] < day);

		next = Min(next, date2j(year + passed, calendar->month[i], calendar->day[i]) - POSTGRES_EPOCH_JDATE);
	}
	return next;
}

/* Later of the days so far and another one, which then is the hold. */
static void
hold_until(TierState *state, TierHold hold, DateADT day)
{
	if (state->hold == HOLD_NONE || day > state->until)
	{
		state->hold = hold;
		state->until = day;
	}
}

/* The tier that margins leave a customer in, or move it to. */
static CustomerTier
target_tier(TierScore score, CustomerTier tier)
{
	return tier > score.enter ? score.enter : tier < score.leave ? score.leave : tier;
}

/* When a move to the target may come, and what it waits for, into state. The last change does not count if it was the first tier. */
static void
find_holds(const TierPolicy *policy, CustomerTier target, TierState *state, DateADT as_of)
{
	bool		changed = state->previous != 0;

	state->hold = HOLD_NONE;
	if (changed && policy->minimum_stay > 0)
		hold_until(state, HOLD_MINIMUM_STAY, state->since + policy->minimum_stay);
	if (target < state->tier)
	{
		state->below_since = NO_DAY;
		return;
	}
	if (state->below_since == NO_DAY || state->below_since > as_of)
		state->below_since = as_of;
	if (changed && state->tier < state->previous && policy->protection > 0)
		hold_until(state, HOLD_PROTECTION, state->since + policy->protection);
	if (policy->grace > 0)
		hold_until(state, HOLD_GRACE, state->below_since + policy->grace);
	if (changed && state->tier > state->previous && policy->max_steps_down > 0)
		hold_until(state, HOLD_STEP, state->since + policy->step_days);
	if (policy->calendar.mondays || policy->calendar.n > 0)
	{
		DateADT		from = Max(state->below_since, state->since + 1);

		hold_until(state, HOLD_CALENDAR,
				   next_calendar_day(&policy->calendar, state->hold == HOLD_NONE ? from : Max(from, state->until)));
	}
}

/* The tier of a downgrade to the target, which may cross only so many tiers of the ladder. */
static CustomerTier
step_down(const TierPolicy *policy, CustomerTier tier, CustomerTier target)
{
	int			most = policy->position[tier] + policy->max_steps_down;

	if (policy->max_steps_down == 0 || policy->position[target] <= most)
		return target;
	for (CustomerTier letter = tier + 1; letter < target; letter++)
		if (policy->position[letter] == most)
			return letter;
	return target;
}

/* Let the policy move a customer as far as it goes on this day. */
static void
apply_policy(const TierPolicy *policy, TierScore score, TierState *state, DateADT as_of)
{
	CustomerTier target;

	while ((target = target_tier(score, state->tier)) != state->tier)
	{
		find_holds(policy, target, state, as_of);
		if (state->hold != HOLD_NONE && state->until > as_of)
			return;
		state->previous = state->tier;
		state->tier = target < state->tier ? target : step_down(policy, state->tier, target);
		state->since = as_of;
		state->below_since = NO_DAY;
	}
	state->below_since = NO_DAY;
	state->hold = state->tier == score.scored ? HOLD_NONE : HOLD_HYSTERESIS;
	state->until = NO_DAY;
}

/* What the override makes of the policy's tier; *binds: it is the override that gives the tier. */
static CustomerTier
overridden_tier(const TierOverride *override, CustomerTier decided, CustomerTier before, bool *binds)
{
	*binds = true;
	switch (override->kind)
	{
		case OVERRIDE_SET:
			return override->tier;
		case OVERRIDE_FREEZE:
			return before != 0 ? before : decided;
		case OVERRIDE_FLOOR:
			*binds = decided > override->tier;
			return Min(decided, override->tier);
		case OVERRIDE_CEILING:
			*binds = decided < override->tier;
			return Max(decided, override->tier);
	}
	return decided;				/* keep compiler quiet */
}

TierState
tier_decide(const TierPolicy *policy, TierScore score, const TierState *before, const TierOverride *override,
			DateADT as_of)
{
	TierState	state = *before;
	bool		binds = false;

	/* what an override gave is nothing to go on from, nor is a tier that the ladder lacks or that is of a day to come */
	if (state.tier == 0 || state.hold == HOLD_OVERRIDE || policy->position[state.tier] < 0 || state.since > as_of)
		state.tier = score.scored;
	if (state.below_since != NO_DAY && state.below_since > as_of)
		state.below_since = NO_DAY;
	if (state.tier == before->tier)
		apply_policy(policy, score, &state, as_of);
	else
	{
		state.below_since = state.until = NO_DAY;
		state.hold = HOLD_NONE;
	}

	if (override)
	{
		CustomerTier tier = overridden_tier(override, state.tier, before->tier, &binds);

		if (binds)
		{
			state.tier = tier;
			state.below_since = NO_DAY;
			state.hold = HOLD_OVERRIDE;
			state.until = override->expires == NO_DAY ? NO_DAY : override->expires + 1;
		}
	}
	if (state.tier == before->tier)
	{
		state.since = before->since;
		state.previous = before->previous;
	}
	else
	{
		state.since = as_of;
		state.previous = before->tier;
	}
	return state;
}

/* What reading the catalogs fills in. */
typedef struct Ladder
{
	Scorecard  *card;
	int			n_cuts;
} Ladder;

static char *
text_or_null(HeapTuple row, TupleDesc desc, int attno)
{
	bool		isnull;
	Datum		value = heap_getattr(row, attno, desc, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

static Numeric
numeric_or_null(HeapTuple row, TupleDesc desc, int attno)
{
	bool		isnull;
	Datum		value = heap_getattr(row, attno, desc, &isnull);

	return isnull ? NULL : DatumGetNumericCopy(value);
}

static int
int_or_zero(HeapTuple row, TupleDesc desc, int attno)
{
	bool		isnull;
	Datum		value = heap_getattr(row, attno, desc, &isnull);

	return isnull ? 0 : DatumGetInt32(value);
}

static void
read_tier(HeapTuple row, TupleDesc desc, void *arg)
{
	Ladder	   *ladder = arg;
	Scorecard  *card = ladder->card;
	bool		isnull;
	int			nth = card->n_tiers++;

	if (nth >= TIER_Z)
		return;
	card->tier[nth] = (uint8) DatumGetInt32(heap_getattr(row, 1, desc, &isnull));
	card->tier_cut[nth] = numeric_or_null(row, desc, 2);
	card->tier_condition[nth] = text_or_null(row, desc, 3);
	if (card->tier_cut[nth] || card->tier_condition[nth])
		ladder->n_cuts++;
}

static void
read_policy(HeapTuple row, TupleDesc desc, void *arg)
{
	TierPolicy *policy = arg;
	char	   *method = text_or_null(row, desc, 1);
	char	   *unit = text_or_null(row, desc, 5);
	bool		isnull;
	Datum		days;

	for (policy->method = TIERS_BY_SHARE; strcmp(tier_method_name(policy->method), method) != 0; policy->method++)
		if (policy->method == TIERS_BY_RULES)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("tiers cannot be cut by \"%s\"", method),
					 errhint("Declare them again with set_tiers.")));
	policy->metric = text_or_null(row, desc, 2);
	policy->enter_margin = numeric_or_null(row, desc, 3);
	policy->leave_margin = numeric_or_null(row, desc, 4);
	policy->margin_in_shares = strcmp(unit, "shares") == 0;
	policy->minimum_stay = int_or_zero(row, desc, 6);
	policy->protection = int_or_zero(row, desc, 7);
	policy->grace = int_or_zero(row, desc, 8);
	policy->max_steps_down = int_or_zero(row, desc, 9);
	policy->step_days = int_or_zero(row, desc, 10);
	days = heap_getattr(row, 11, desc, &isnull);
	if (!isnull)
	{
		Datum	   *elements;
		char	  **words;
		int			n;

		deconstruct_array(DatumGetArrayTypeP(days), TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, &n);
		words = palloc((n + 1) * sizeof(char *));
		for (int i = 0; i < n; i++)
			words[i] = TextDatumGetCString(elements[i]);
		if (!tier_calendar_parse(words, n, &policy->calendar))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("days for downgrades are not known"),
					 errhint("Declare them again with set_tier_policy.")));
	}
}

void
tier_policy_load(Scorecard *card)
{
	TierPolicy *policy = palloc0(sizeof(TierPolicy));
	Ladder		ladder = {card, 0};
	Oid			type = INT8OID;
	Datum		id = Int64GetDatum(card->id);

	card->tier_policy = policy;
	card->n_tiers = 0;
	card->tier = palloc0(TIER_Z);
	card->tier_cut = palloc0(TIER_Z * sizeof(Numeric));
	card->tier_condition = palloc0(TIER_Z * sizeof(char *));
	catalog_select("SELECT method, metric, enter_margin, leave_margin, margin_in, minimum_stay, protection, grace,"
				   " max_steps_down, step_days, downgrade_on FROM custprio.tier_policy WHERE scorecard_id = $1",
				   1, &type, &id, NULL, read_policy, policy);
	catalog_select("SELECT tier::int4, coalesce(share, cut), condition FROM custprio.tier_rule WHERE scorecard_id = $1"
				   " ORDER BY tier", 1, &type, &id, NULL, read_tier, &ladder);
	if (card->n_tiers == 0 || ladder.n_cuts != card->n_tiers - 1)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("tier rules of scorecard \"%s\" are incomplete", card->name),
				 errdetail("%d tiers have %d cuts; every tier but the last needs one.", card->n_tiers, ladder.n_cuts)));
	memset(policy->position, -1, sizeof(policy->position));
	for (int i = 0; i < card->n_tiers; i++)
		policy->position[card->tier[i]] = i;
	policy->holds = policy->enter_margin || policy->leave_margin || policy->minimum_stay > 0 || policy->protection > 0 ||
		policy->grace > 0 || policy->max_steps_down > 0 || policy->calendar.mondays || policy->calendar.n > 0;
}

typedef struct ReadingOverrides
{
	KeyMap	   *map;
	Oid			key_type;
	MemoryContext context;
} ReadingOverrides;

static void
read_override(HeapTuple row, TupleDesc desc, void *arg)
{
	ReadingOverrides *reading = arg;
	char	   *customer = text_or_null(row, desc, 1);
	char	   *kind = text_or_null(row, desc, 2);
	bool		isnull;
	bool		found;
	Datum		expires = heap_getattr(row, 4, desc, &isnull);
	Oid			input;
	Oid			ioparam;
	Datum		key;
	TierOverride *override;

	getTypeInputInfo(reading->key_type, &input, &ioparam);
	key = OidInputFunctionCall(input, customer, ioparam, -1);
	override = keymap_entry(reading->map, keymap_insert(reading->map, key, keymap_hash(reading->map, key), &found));
	override->expires = isnull ? NO_DAY : DatumGetDateADT(expires);
	override->tier = int_or_zero(row, desc, 3);
	for (override->kind = OVERRIDE_SET; override->kind < OVERRIDE_FREEZE; override->kind++)
		if (strcmp(override_kind_name(override->kind), kind) == 0)
			break;
}

KeyMap *
tier_overrides_load(const Scorecard *card, DateADT as_of)
{
	ReadingOverrides reading = {NULL, card->key_type, CurrentMemoryContext};

	reading.map = keymap_create(CurrentMemoryContext, card->key_type, sizeof(TierOverride));
	catalog_select("SELECT customer, kind, tier::int4, expires FROM custprio.tier_override WHERE scorecard_id = $1"
				   " AND cleared_at IS NULL AND (starts IS NULL OR starts <= $2) AND (expires IS NULL OR expires >= $2)",
				   2, (Oid[]) {INT8OID, DATEOID}, (Datum[]) {Int64GetDatum(card->id), DateADTGetDatum(as_of)}, NULL,
				   read_override, &reading);
	return reading.map->n > 0 ? reading.map : NULL;
}
