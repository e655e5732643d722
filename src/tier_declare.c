/*
 * tier_declare.c: set_tiers and set_tier_policy, how an owner has tiers cut and customers held in them.
 */
#include "custprio.h"

#include "abc.h"
#include "card_argument.h"
#include "exact.h"
#include "expression.h"
#include "policy.h"
#include "publish.h"
#include "thresholds.h"
#include "thresholds_take.h"
#include "tier_cuts.h"
#include "tier_policy.h"

#include "access/sysattr.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(custprio_set_tiers);
PG_FUNCTION_INFO_V1(custprio_set_tier_policy);

#define LABEL_MAX		63		/* characters */
#define STEPS_MAX		(TIER_Z - 1)

/* Arguments of set_tiers */
enum
{
	TIERS_SHARES = 1, TIERS_TIERS, TIERS_REASON, TIERS_PRIORITIES, TIERS_CUMULATIVE, TIERS_METRIC, TIERS_CAPACITIES,
	TIERS_RULES, TIERS_LABELS
};

/* and of set_tier_policy */
enum
{
	POLICY_MINIMUM_STAY = 1, POLICY_PROTECTION, POLICY_GRACE, POLICY_MAX_STEPS_DOWN, POLICY_STEP_DAYS,
	POLICY_DOWNGRADE_ON, POLICY_ENTER_MARGIN, POLICY_LEAVE_MARGIN, POLICY_MARGIN_IN, POLICY_REASON
};

#define TIERS_AS_TEXT \
	"SELECT pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(" \
	" 'by', coalesce((SELECT p.method FROM custprio.tier_policy p WHERE p.scorecard_id = $1), 'share')," \
	" 'metric', (SELECT p.metric FROM custprio.tier_policy p WHERE p.scorecard_id = $1)," \
	" 'tiers', pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('tier', tier::text, 'share', share, 'cut', cut," \
	"  'rule', condition, 'label', label) ORDER BY tier)))::text FROM custprio.tier_rule WHERE scorecard_id = $1"
#define POLICY_AS_TEXT \
	"SELECT coalesce((SELECT pg_catalog.jsonb_strip_nulls(pg_catalog.to_jsonb(p) - (CASE" \
	"  WHEN enter_margin IS NULL AND leave_margin IS NULL THEN '{scorecard_id,method,metric,margin_in}'" \
	"  ELSE '{scorecard_id,method,metric}' END)::text[])::text FROM custprio.tier_policy p WHERE scorecard_id = $1), '{}')"

/* What set_tiers is called with. */
typedef struct Ladder
{
	TierMethod	method;
	const char *argument;		/* that gave the cuts */
	int			n_cuts;
	Datum	   *cut;			/* numerics, or texts of rules */
	CustomerTier tier[TIER_Z];
	char	   *label[TIER_Z];	/* NULL: the letter itself */
	char	   *metric;
} Ladder;

static const char *
hint_for(TierMethod method)
{
	switch (method)
	{
		case TIERS_BY_SHARE:
			return "'{0.05,0.20,0.50}' gives the best 5 percent A, up to 20 percent B, up to 50 percent C, and the rest D.";
		case TIERS_BY_PRIORITY:
			return "'{80,50}' gives A from priority 80 on, B from 50 on, and C below.";
		case TIERS_BY_CUMULATIVE:
			return "'{0.80,0.95}' gives A to the customers who make up 80 percent of the total, B up to 95 percent, and the rest C.";
		case TIERS_BY_CAPACITY:
			return "'{200,800}' gives A to at most 200 customers, B to at most 800 more, and the rest C.";
		case TIERS_BY_RULES:
			return "'{\"clv > 1000\",\"frequency >= 2\"}' gives A where the first condition holds, else B where the second does, else C.";
	}
	return NULL;				/* keep compiler quiet */
}

/* The cuts into the ladder, as the one argument has them. */
static void
read_cuts(FunctionCallInfo fcinfo, Ladder *ladder)
{
	static const struct
	{
		int			arg;
		const char *name;
		const char *unit;
	}			arguments[] = {
		[TIERS_BY_SHARE] = {TIERS_SHARES, "shares", "shares"},
		[TIERS_BY_PRIORITY] = {TIERS_PRIORITIES, "priorities", "priorities"},
		[TIERS_BY_CUMULATIVE] = {TIERS_CUMULATIVE, "cumulative", "shares"},
		[TIERS_BY_CAPACITY] = {TIERS_CAPACITIES, "capacities", "numbers"},
		[TIERS_BY_RULES] = {TIERS_RULES, "rules", "conditions"},
	};
	int			given = 0;
	int			most;
	ArrayType  *array;
	bool	   *nulls;

	for (TierMethod method = TIERS_BY_SHARE; method <= TIERS_BY_RULES; method++)
		if (!PG_ARGISNULL(arguments[method].arg))
		{
			ladder->method = method;
			given++;
		}
	if (given != 1)
		ereport(ERROR,
				(errcode(given == 0 ? ERRCODE_NULL_VALUE_NOT_ALLOWED : ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("exactly one of the arguments \"shares\", \"priorities\", \"cumulative\", \"capacities\" and \"rules\" must be given"),
				 errhint("shares => '{0.05,0.20}' cuts by shares of customers.")));
	ladder->argument = arguments[ladder->method].name;
	most = ladder->method == TIERS_BY_CUMULATIVE ? ABC_MAX_CUTS : TIER_Z - 1;
	array = PG_GETARG_ARRAYTYPE_P(arguments[ladder->method].arg);
	if (ladder->method == TIERS_BY_RULES)
		deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &ladder->cut, &nulls, &ladder->n_cuts);
	else if (ladder->method == TIERS_BY_CAPACITY)
		deconstruct_array(array, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &ladder->cut, &nulls,
						  &ladder->n_cuts);
	else
		deconstruct_array(array, NUMERICOID, -1, false, TYPALIGN_INT, &ladder->cut, &nulls, &ladder->n_cuts);
	if (ARR_NDIM(array) != 1 || ladder->n_cuts > most)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be a list of 1 to %d %s", ladder->argument, most,
						arguments[ladder->method].unit),
				 errhint("%s", hint_for(ladder->method))));
	for (int i = 0; i < ladder->n_cuts; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\": element %d is NULL", ladder->argument, i + 1),
					 errhint("%s", hint_for(ladder->method))));
		if (ladder->method == TIERS_BY_CAPACITY)
			ladder->cut[i] = DirectFunctionCall1(int8_numeric, ladder->cut[i]);
	}
}

/* Cuts in order and within bounds; NaN compares as the largest value, so it is refused too. */
static void
check_cuts(Ladder *ladder)
{
	Numeric		zero = int64_to_numeric(0);
	Numeric		one = int64_to_numeric(1);
	Numeric		hundred = int64_to_numeric(100);
	Numeric		last = NULL;

	for (int i = 0; i < ladder->n_cuts && ladder->method != TIERS_BY_RULES; i++)
	{
		Numeric		cut = DatumGetNumeric(ladder->cut[i]);
		bool		right = true;
		const char *must = NULL;

		switch (ladder->method)
		{
			case TIERS_BY_SHARE:
			case TIERS_BY_CUMULATIVE:
				right = exact_compare(cut, last ? last : zero) > 0 && exact_compare(cut, one) < 0;
				must = "must ascend between 0 and 1";
				break;
			case TIERS_BY_PRIORITY:
				right = exact_compare(cut, zero) > 0 && (last ? exact_compare(cut, last) < 0 : exact_compare(cut, hundred) <= 0);
				must = "must descend between 100 and 0";
				break;
			case TIERS_BY_CAPACITY:
				right = exact_compare(cut, one) >= 0;
				must = "must be whole numbers of customers, at least 1";
				break;
			case TIERS_BY_RULES:
				break;
		}
		if (!right)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"%s\" %s", ladder->argument, must),
					 errdetail("Element %d is %s.", i + 1, exact_text(cut)),
					 errhint("%s", hint_for(ladder->method))));
		last = cut;
	}
}

/* The letters: as given, best first, or A onwards. */
static void
read_letters(FunctionCallInfo fcinfo, Ladder *ladder)
{
	ArrayType  *array;
	Datum	   *letters;
	bool	   *nulls;
	int			n;

	for (int i = 0; i <= ladder->n_cuts; i++)
		ladder->tier[i] = i + 1;
	if (PG_ARGISNULL(TIERS_TIERS))
		return;
	array = PG_GETARG_ARRAYTYPE_P(TIERS_TIERS);
	deconstruct_array(array, ARR_ELEMTYPE(array), sizeof(CustomerTier), true, TYPALIGN_CHAR, &letters, &nulls, &n);
	if (n != ladder->n_cuts + 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"tiers\" must have one tier more than \"%s\" has cuts", ladder->argument),
				 errdetail("There are %d tiers and %d cuts.", n, ladder->n_cuts)));
	for (int i = 0; i < n; i++)
	{
		if (nulls[i] || (i > 0 && DatumGetUInt8(letters[i]) <= ladder->tier[i - 1]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"tiers\" must go from better to worse tiers"),
					 nulls[i] ? errdetail("Element %d is NULL.", i + 1)
					 : errdetail("Element %d is %c.", i + 1, tier_letter(DatumGetUInt8(letters[i]))),
					 errhint("A is the best tier, as in '{A,B,C}'.")));
		ladder->tier[i] = DatumGetUInt8(letters[i]);
	}
}

/* Labels in any language, one for each tier. */
static void
read_labels(FunctionCallInfo fcinfo, Ladder *ladder)
{
	Datum	   *labels;
	bool	   *nulls;
	int			n;

	if (PG_ARGISNULL(TIERS_LABELS))
		return;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(TIERS_LABELS), TEXTOID, -1, false, TYPALIGN_INT, &labels, &nulls, &n);
	if (n != ladder->n_cuts + 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"labels\" must have one label for each tier"),
				 errdetail("There are %d labels and %d tiers.", n, ladder->n_cuts + 1)));
	for (int i = 0; i < n; i++)
	{
		char	   *label = nulls[i] ? NULL : TextDatumGetCString(labels[i]);

		if (label == NULL || strspn(label, " \t\r\n") == strlen(label) || pg_mbstrlen(label) > LABEL_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"labels\": a label must have 1 to %d characters", LABEL_MAX),
					 errdetail("Element %d is %s.", i + 1, label ? quote_literal_cstr(label) : "NULL")));
		for (int before = 0; before < i; before++)
			if (strcmp(label, ladder->label[before]) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("argument \"labels\": two tiers have the label \"%s\"", label)));
		ladder->label[i] = label;
	}
}

/* Rules in their canonical form, each over columns that follow from the customer alone. */
static void
check_rules(const Scorecard *card, Ladder *ladder, const char *search_path)
{
	OwnerScope	scope;

	owner_scope_enter(&scope, card->owner, card->time_zone);
	for (int i = 0; i < ladder->n_cuts; i++)
	{
		Expression	rule = {.argument = "rules",.kind = EXPRESSION_CONDITION,.text = TextDatumGetCString(ladder->cut[i])};
		Bitmapset  *columns = NULL;
		int			column = -1;

		expression_check(&rule, card->priority_relid, search_path);
		pull_varattnos(expression_parse(&rule, card->priority_relid), 1, &columns);
		while ((column = bms_next_member(columns, column)) >= 0)
		{
			char	   *name = get_attname(card->priority_relid, column + FirstLowInvalidHeapAttributeNumber, false);

			if (!publish_is_scored_column(card, name))
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
						 errmsg("argument \"rules\": a rule must not use column \"%s\"", name),
						 errdetail("It follows from the tier, or is no column that custprio computes."),
						 errhint("Use columns such as priority, rfm, segment, frequency, monetary, last_purchase or clv.")));
		}
		ladder->cut[i] = CStringGetTextDatum(rule.text);
	}
	owner_scope_leave(&scope);
}

/* What is cut by cumulative share: the named metric, or revenue. */
static void
read_metric(FunctionCallInfo fcinfo, const Scorecard *card, Ladder *ladder)
{
	char	   *metric = policy_text_argument(fcinfo, TIERS_METRIC);

	if (ladder->method != TIERS_BY_CUMULATIVE)
	{
		if (metric)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"metric\" goes with \"cumulative\" only")));
		return;
	}
	ladder->metric = metric ? metric : pstrdup(metric_name(METRIC_MONETARY));
	if (metric_that_adds_up(card, ladder->metric) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("argument \"metric\": scorecard \"%s\" has no metric \"%s\" that can be cumulated", card->name,
						ladder->metric),
				 errhint("Metrics that add up are frequency%s, and added ones of which more is better.",
						 card->clv_model ? ", monetary and clv" : " and monetary (clv needs a clv_model)")));
}

/* Whether margins go with a way of cutting, and leave every tier a way in and a way out. Raises for the argument. */
static void
check_margins(TierMethod method, Numeric first, Numeric last, Numeric enter, Numeric leave, bool in_shares,
			  const char *argument)
{
	Numeric		one = int64_to_numeric(1);
	Numeric		hundred = int64_to_numeric(100);

	if (enter == NULL && leave == NULL)
		return;
	if (method == TIERS_BY_RULES || (in_shares && method != TIERS_BY_SHARE && method != TIERS_BY_CUMULATIVE) ||
		(!in_shares && method == TIERS_BY_CUMULATIVE))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\": margins in %s do not go with tiers cut by %s", argument,
						in_shares ? "shares" : "points", tier_method_name(method)),
				 errhint(method == TIERS_BY_RULES ? "Rules cannot have margins: write them into the conditions, or use minimum_stay and grace."
						 : in_shares ? "Give margins in points of priority, with margin_in => 'points'."
						 : "Give margins in shares, with margin_in => 'shares'.")));
	if (enter && ((in_shares && exact_compare(enter, first) >= 0) ||
				  (method == TIERS_BY_PRIORITY && exact_compare(exact_op(numeric_add, first, enter), hundred) > 0)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\": nobody could enter the best tier", argument),
				 errdetail("It is cut at %s and enter_margin is %s.", exact_text(first), exact_text(enter))));
	if (leave && in_shares && exact_compare(exact_op(numeric_add, last, leave), one) >= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\": nobody would ever fall to the last tier", argument),
				 errdetail("The tiers above it share %s and leave_margin is %s.", exact_text(last), exact_text(leave))));
}

static void
read_flag(HeapTuple row, TupleDesc desc, void *arg)
{
	bool		isnull;

	*(char **) arg = TextDatumGetCString(heap_getattr(row, 1, desc, &isnull));
}

/* Overrides that are not over must name tiers of the new ladder. */
static void
check_overrides(const Scorecard *card, const Ladder *ladder)
{
	Datum	   *letters = palloc((ladder->n_cuts + 1) * sizeof(Datum));
	char	   *found = NULL;

	for (int i = 0; i <= ladder->n_cuts; i++)
		letters[i] = Int32GetDatum(ladder->tier[i]);
	catalog_select("SELECT tier::text FROM custprio.tier_override WHERE scorecard_id = $1 AND cleared_at IS NULL"
				   " AND (expires IS NULL OR expires >= $2) AND NOT tier::int4 = ANY ($3) ORDER BY tier LIMIT 1", 3,
				   (Oid[]) {INT8OID, DATEOID, INT4ARRAYOID},
				   (Datum[]) {Int64GetDatum(card->id), DateADTGetDatum(card->has_epoch ? card->as_of : DATEVAL_NOBEGIN),
							  PointerGetDatum(construct_array(letters, ladder->n_cuts + 1, INT4OID, sizeof(int32), true,
															  TYPALIGN_INT))}, NULL, read_flag, &found);
	if (found)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("argument \"tiers\": an override names tier %s, which would be gone", found),
				 errhint("Keep the tier, or end the override with clear_override first.")));
}

/* set_tiers(name, shares, tiers, reason, priorities, cumulative, metric, capacities, rules, labels) */
Datum
custprio_set_tiers(PG_FUNCTION_ARGS)
{
	char	   *search_path = pstrdup(namespace_search_path);
	Scorecard  *card = own_card_argument(fcinfo, "set_tiers()");
	const TierPolicy *policy = card->tier_policy;
	char	   *before = policy_text(card, TIERS_AS_TEXT);
	Ladder		ladder = {0};

	read_cuts(fcinfo, &ladder);
	check_cuts(&ladder);
	read_letters(fcinfo, &ladder);
	read_labels(fcinfo, &ladder);
	read_metric(fcinfo, card, &ladder);
	check_margins(ladder.method, DatumGetNumeric(ladder.cut[0]), DatumGetNumeric(ladder.cut[ladder.n_cuts - 1]),
				  policy->enter_margin, policy->leave_margin, policy->margin_in_shares, ladder.argument);
	check_overrides(card, &ladder);
	if (ladder.method == TIERS_BY_RULES)
		check_rules(card, &ladder, search_path);

	catalog_execute("DELETE FROM custprio.tier_rule WHERE scorecard_id = $1", 1,
					(Oid[]) {INT8OID}, (Datum[]) {Int64GetDatum(card->id)}, NULL);
	for (int i = 0; i <= ladder.n_cuts; i++)
	{
		bool		last = i == ladder.n_cuts;
		bool		share = ladder.method == TIERS_BY_SHARE;
		bool		rule = ladder.method == TIERS_BY_RULES;
		Datum		cut = last ? (Datum) 0 : ladder.cut[i];

		catalog_execute("INSERT INTO custprio.tier_rule (scorecard_id, tier, share, cut, condition, label)"
						" VALUES ($1, $2::custprio.customer_tier, $3, $4, $5, $6)", 6,
						(Oid[]) {INT8OID, INT4OID, NUMERICOID, NUMERICOID, TEXTOID, TEXTOID},
						(Datum[]) {Int64GetDatum(card->id), Int32GetDatum(ladder.tier[i]), cut, cut, cut,
								   ladder.label[i] ? CStringGetTextDatum(ladder.label[i]) : (Datum) 0},
						(char[]) {' ', ' ', last || !share ? 'n' : ' ', last || share || rule ? 'n' : ' ',
								  last || !rule ? 'n' : ' ', ladder.label[i] ? ' ' : 'n', '\0'});
	}
	catalog_execute("INSERT INTO custprio.tier_policy (scorecard_id, method, metric) VALUES ($1, $2, $3)"
					" ON CONFLICT (scorecard_id) DO UPDATE SET method = EXCLUDED.method, metric = EXCLUDED.metric", 3,
					(Oid[]) {INT8OID, TEXTOID, TEXTOID},
					(Datum[]) {Int64GetDatum(card->id), CStringGetTextDatum(tier_method_name(ladder.method)),
							   ladder.metric ? CStringGetTextDatum(ladder.metric) : (Datum) 0},
					(char[]) {' ', ' ', ladder.metric ? ' ' : 'n', '\0'});
	policy_note_change(card, "tiers", TIERS_AS_TEXT, before, policy_text_argument(fcinfo, TIERS_REASON));
	PG_RETURN_VOID();
}

/* A whole number from least to most; 0 for NULL. */
static int
number_argument(FunctionCallInfo fcinfo, int arg, const char *name, int least, int most, const char *unit)
{
	int			value = PG_ARGISNULL(arg) ? least : PG_GETARG_INT32(arg);

	if (value < least || value > most)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be between %d and %d %s", name, least, most, unit),
				 errdetail("It is %d.", value)));
	return value;
}

/* A margin of at least 0 and below most; NULL for NULL and 0. */
static Numeric
margin_argument(FunctionCallInfo fcinfo, int arg, const char *name, int most)
{
	Numeric		value;

	if (PG_ARGISNULL(arg))
		return NULL;
	value = PG_GETARG_NUMERIC(arg);
	if (exact_compare(value, int64_to_numeric(0)) < 0 || exact_compare(value, int64_to_numeric(most)) >= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be at least 0 and less than %d", name, most),
				 errdetail("It is %s.", exact_text(value)),
				 most == 1 ? errhint("Margins in shares are parts of 1: 0.02 for 2 percent.") : 0));
	value = DatumGetNumeric(DirectFunctionCall1(numeric_trim_scale,
												DirectFunctionCall2(numeric_round, NumericGetDatum(value), Int32GetDatum(9))));
	return exact_compare(value, int64_to_numeric(0)) == 0 ? NULL : value;
}

/* The array of downgrade_on as it is stored; NULL for none. */
static ArrayType *
calendar_argument(FunctionCallInfo fcinfo)
{
	ArrayType  *array;
	TierCalendar calendar;
	Datum	   *elements;
	bool	   *nulls;
	char	  **words;
	int			n;

	if (PG_ARGISNULL(POLICY_DOWNGRADE_ON))
		return NULL;
	array = PG_GETARG_ARRAYTYPE_P(POLICY_DOWNGRADE_ON);
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	words = palloc((n + 1) * sizeof(char *));
	for (int i = 0; i < n; i++)
		words[i] = nulls[i] ? "" : TextDatumGetCString(elements[i]);
	if (n == 0 || n > 366 || !tier_calendar_parse(words, n, &calendar))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"downgrade_on\" must be week, month, quarter or year, or a list of days as MM-DD"),
				 errdetail("It is %s.", OidOutputFunctionCall(F_ARRAY_OUT, PointerGetDatum(array))),
				 errhint("'{quarter}' means the first days of January, April, July and October; '{01-01,07-01}' names days. February 29 cannot be one.")));
	return array;
}

/* set_tier_policy(name, minimum_stay, protection, grace, max_steps_down, step_days, downgrade_on, enter_margin, leave_margin, margin_in, reason) */
Datum
custprio_set_tier_policy(PG_FUNCTION_ARGS)
{
	Scorecard  *card = own_card_argument(fcinfo, "set_tier_policy()");
	TierMethod	method = card->tier_policy->method;
	char	   *before = policy_text(card, POLICY_AS_TEXT);
	char	   *margin_in = policy_text_argument(fcinfo, POLICY_MARGIN_IN);
	bool		in_shares = margin_in && strcmp(margin_in, "shares") == 0;
	int			stay = number_argument(fcinfo, POLICY_MINIMUM_STAY, "minimum_stay", 0, TIER_POLICY_DAYS_MAX, "days");
	int			protection = number_argument(fcinfo, POLICY_PROTECTION, "protection", 0, TIER_POLICY_DAYS_MAX, "days");
	int			grace = number_argument(fcinfo, POLICY_GRACE, "grace", 0, TIER_POLICY_DAYS_MAX, "days");
	int			steps = number_argument(fcinfo, POLICY_MAX_STEPS_DOWN, "max_steps_down", 0, STEPS_MAX, "tiers");
	int			step_days = number_argument(fcinfo, POLICY_STEP_DAYS, "step_days", 1, TIER_POLICY_DAYS_MAX, "days");
	ArrayType  *downgrade_on = calendar_argument(fcinfo);
	Numeric		enter = margin_argument(fcinfo, POLICY_ENTER_MARGIN, "enter_margin", in_shares ? 1 : 100);
	Numeric		leave = margin_argument(fcinfo, POLICY_LEAVE_MARGIN, "leave_margin", in_shares ? 1 : 100);

	if (margin_in && !in_shares && strcmp(margin_in, "points") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"margin_in\" must be points or shares"),
				 errdetail("It is \"%s\".", margin_in)));
	if (steps == 0 && !PG_ARGISNULL(POLICY_STEP_DAYS))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"step_days\" goes with \"max_steps_down\" only")));
	check_margins(method, card->tier_cut[0], card->tier_cut[card->n_tiers - 2], enter, leave, in_shares,
				  enter ? "enter_margin" : "leave_margin");
	catalog_execute("INSERT INTO custprio.tier_policy AS p (scorecard_id, enter_margin, leave_margin, margin_in, minimum_stay,"
					" protection, grace, max_steps_down, step_days, downgrade_on)"
					" VALUES ($1, $2, $3, $4, NULLIF($5, 0), NULLIF($6, 0), NULLIF($7, 0), NULLIF($8, 0), $9, $10)"
					" ON CONFLICT (scorecard_id) DO UPDATE SET enter_margin = EXCLUDED.enter_margin,"
					" leave_margin = EXCLUDED.leave_margin, margin_in = EXCLUDED.margin_in,"
					" minimum_stay = EXCLUDED.minimum_stay, protection = EXCLUDED.protection, grace = EXCLUDED.grace,"
					" max_steps_down = EXCLUDED.max_steps_down, step_days = EXCLUDED.step_days,"
					" downgrade_on = EXCLUDED.downgrade_on", 10,
					(Oid[]) {INT8OID, NUMERICOID, NUMERICOID, TEXTOID, INT4OID, INT4OID, INT4OID, INT4OID, INT4OID,
							 TEXTARRAYOID},
					(Datum[]) {Int64GetDatum(card->id), NumericGetDatum(enter), NumericGetDatum(leave),
							   CStringGetTextDatum(in_shares ? "shares" : "points"), Int32GetDatum(stay),
							   Int32GetDatum(protection), Int32GetDatum(grace), Int32GetDatum(steps),
							   Int32GetDatum(step_days), PointerGetDatum(downgrade_on)},
					(char[]) {' ', enter ? ' ' : 'n', leave ? ' ' : 'n', ' ', ' ', ' ', ' ', ' ', steps > 0 ? ' ' : 'n',
							  downgrade_on ? ' ' : 'n', '\0'});
	policy_note_change(card, "tier_policy", POLICY_AS_TEXT, before, policy_text_argument(fcinfo, POLICY_REASON));
	PG_RETURN_VOID();
}
