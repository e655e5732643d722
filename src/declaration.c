/*
 * declaration.c: checks and completes what a scorecard is declared with.
 *
 * A declaration that passes here can be refreshed unattended: every option is in range, every expression has a type
 * that fits, and the owner has the rights to read what it names. What can be wrong is said with the argument's name.
 * The owner's expressions are evaluated here as the owner, inside a security-restricted operation, as in a refresh.
 */
#include "custprio.h"

#include <math.h>

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "capture.h"
#include "clv/params.h"
#include "clv/value.h"
#include "declaration.h"
#include "exact.h"
#include "executor/spi.h"
#include "metric.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "protected.h"
#include "relation.h"
#include "scorecard.h"
#include "source.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#define ABC_CUTS_MAX 24
#define BINS_MIN 2
#define BINS_MAX 9

void
declaration_init(Declaration *declaration)
{
	memset(declaration, 0, sizeof(Declaration));
	declaration->customer.argument = "customer";
	declaration->customer.kind = EXPRESSION_KEY;
	declaration->purchased_at.argument = "purchased_at";
	declaration->purchased_at.kind = EXPRESSION_TIME;
	declaration->amount.argument = "amount";
	declaration->amount.kind = EXPRESSION_AMOUNT;
	declaration->filter.argument = "filter";
	declaration->filter.kind = EXPRESSION_CONDITION;
	declaration->changed_since.argument = "changed_since";
	declaration->changed_since.kind = EXPRESSION_TIME;
	declaration->customers_key.argument = "customers_key";
	declaration->customers_key.kind = EXPRESSION_KEY;
	declaration->partition_by.argument = "partition_by";
	declaration->partition_by.kind = EXPRESSION_SEGMENT;
}

void
declaration_check_name(const char *name)
{
	const char *c;

	if (name == NULL || *name == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"name\" must not be empty"),
				 errhint("Give the scorecard a short name, such as 'crm'.")));
	if (strlen(name) > SCORECARD_NAME_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("argument \"name\" is too long"),
				 errdetail("\"%s\" has %d bytes; a scorecard's name has at most %d.",
						   name, (int) strlen(name), SCORECARD_NAME_MAX),
				 errhint("Shorten it; the published tables append to it.")));
	for (c = name; *c; c++)
		if ((unsigned char) *c < ' ' || *c == 0x7f)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_NAME),
					 errmsg("argument \"name\" must not contain control characters"),
					 errdetail("Byte %d has the value %d.", (int) (c - name) + 1, (unsigned char) *c),
					 errhint("Use letters, digits and underscores.")));
}

static int
interval_compare(Interval *a, Interval *b)
{
	return DatumGetInt32(DirectFunctionCall2(interval_cmp, IntervalPGetDatum(a), IntervalPGetDatum(b)));
}

/* An interval option, which must lie between a smallest value and a thousand years. */
static void
check_interval(Interval *value, const char *argument, int32 days, TimeOffset time, const char *least, const char *hint)
{
	Interval	smallest = {.day = days, .time = time};
	Interval	largest = {.month = 12000};

	if (value == NULL)
		return;
	if (interval_compare(value, &smallest) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be at least %s", argument, least),
				 errdetail("It is %s.", DatumGetCString(DirectFunctionCall1(interval_out, IntervalPGetDatum(value)))),
				 errhint("%s", hint)));
	if (interval_compare(value, &largest) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be at most 1000 years", argument),
				 errdetail("It is %s.", DatumGetCString(DirectFunctionCall1(interval_out, IntervalPGetDatum(value)))),
				 errhint("%s", hint)));
}

/*
 * The zone's name as the zone database spells it. POSIX rules such as UTC+3, which mean the opposite of what they seem
 * to, and plain offsets, which know no daylight saving, are refused.
 */
static char *
check_time_zone(const char *given)
{
	static const char *const upper_case_zones[] = {
		"EST5EDT", "CST6CDT", "MST7MDT", "PST8PDT", "GMT0", "GMT+0", "GMT-0"
	};
	const char *argument = given ? given : pg_get_timezone_name(session_timezone);
	pg_tz	   *zone = isalpha((unsigned char) argument[0]) ? pg_tzset(argument) : NULL;
	const char *name = zone ? pg_get_timezone_name(zone) : argument;
	bool		is_rule = true;
	int			i;

	/* Names of the zone database have a lower-case letter or no digit; PostgreSQL spells rules in upper case. */
	if (zone && (strpbrk(name, "0123456789") == NULL || strpbrk(name, "abcdefghijklmnopqrstuvwxyz") != NULL))
		is_rule = false;
	for (i = 0; zone && i < lengthof(upper_case_zones); i++)
		if (strcmp(name, upper_case_zones[i]) == 0)
			is_rule = false;
	if (is_rule || !pg_tz_acceptable(zone))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 given ? errmsg("argument \"time_zone\": \"%s\" is not the name of a time zone", given)
				 : errmsg("argument \"time_zone\": the session's TimeZone \"%s\" is not the name of a time zone", argument),
				 errhint("Pass a name such as time_zone => 'Europe/Berlin'; pg_timezone_names lists them.")));
	return pstrdup(name);
}

static void
read_bins(HeapTuple row, TupleDesc desc, void *arg)
{
	bool		isnull;

	*(int *) arg = DatumGetInt32(heap_getattr(row, 1, desc, &isnull));
}

/* Complete bins and segment_map from one another. */
static void
check_segments(Declaration *declaration)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1];
	int			map_bins = 0;

	if (declaration->keep_segments)
		return;
	if (declaration->has_bins && (declaration->bins < BINS_MIN || declaration->bins > BINS_MAX))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"bins\" must be between %d and %d", BINS_MIN, BINS_MAX),
				 errdetail("It is %d.", declaration->bins),
				 errhint("5 is usual.")));
	if (declaration->segment_map == NULL)
	{
		switch (declaration->has_bins ? declaration->bins : 5)
		{
			case 5:
				declaration->segment_map = "rfm_11";
				break;
			case 3:
				declaration->segment_map = "rfm_6";
				break;
			default:
				ereport(NOTICE,
						(errmsg("scorecard \"%s\" has no segments", declaration->name),
						 errdetail("No built-in segment map has %d bins.", declaration->bins),
						 errhint("Define one with create_segment_map and pass it as segment_map.")));
				return;
		}
	}

	/* The key share lock keeps the map from being dropped before this transaction ends. */
	values[0] = CStringGetTextDatum(declaration->segment_map);
	catalog_execute("SELECT 1 FROM custprio.segment_map WHERE map = $1 FOR KEY SHARE", 1, types, values, NULL);
	if (catalog_select("SELECT bins FROM custprio.segment_map WHERE map = $1", 1, types, values, NULL,
					   read_bins, &map_bins) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("argument \"segment_map\": segment map \"%s\" does not exist", declaration->segment_map),
				 errhint("SELECT DISTINCT map FROM custprio.segment_map lists them.")));
	if (declaration->has_bins && declaration->bins != map_bins)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"bins\" does not fit segment map \"%s\"", declaration->segment_map),
				 errdetail("bins is %d, the map has %d.", declaration->bins, map_bins),
				 errhint("Leave bins out to take those of the map.")));
	declaration->bins = map_bins;
}

static Datum
numeric_constant(const char *text)
{
	return DirectFunctionCall3(numeric_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

/* Cuts must ascend between 0 and 1; the default is 80 % and 95 %. */
static void
check_abc_cuts(Declaration *declaration)
{
	Datum	   *cuts;
	bool	   *nulls;
	int			n;
	Datum		last = numeric_constant("0");
	Datum		one = numeric_constant("1");
	int			i;

	if (declaration->abc_cuts == NULL)
	{
		Datum		usual[2] = {numeric_constant("0.80"), numeric_constant("0.95")};

		declaration->abc_cuts = construct_array(usual, 2, NUMERICOID, -1, false, TYPALIGN_INT);
		return;
	}
	if (ARR_NDIM(declaration->abc_cuts) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"abc_cuts\" must be a list of 1 to %d shares", ABC_CUTS_MAX),
				 errdetail("It has %d dimensions.", ARR_NDIM(declaration->abc_cuts)),
				 errhint("Pass for example '{0.80,0.95}'.")));
	deconstruct_array(declaration->abc_cuts, NUMERICOID, -1, false, TYPALIGN_INT, &cuts, &nulls, &n);
	if (n > ABC_CUTS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"abc_cuts\" must be a list of 1 to %d shares", ABC_CUTS_MAX),
				 errdetail("It has %d elements.", n),
				 errhint("Pass for example '{0.80,0.95}'.")));
	for (i = 0; i < n; i++)
	{
		/* NaN compares as the largest value, so it is refused here too. */
		if (nulls[i] || !DatumGetBool(DirectFunctionCall2(numeric_gt, cuts[i], last)) ||
			!DatumGetBool(DirectFunctionCall2(numeric_lt, cuts[i], one)))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"abc_cuts\" must ascend between 0 and 1"),
					 errdetail("Element %d is %s.", i + 1,
							   nulls[i] ? "NULL" : DatumGetCString(DirectFunctionCall1(numeric_out, cuts[i]))),
					 errhint("Pass for example '{0.80,0.95}'.")));
		last = cuts[i];
	}
}

/* Decimals of monetary: as given, or those of the amount's type. */
static void
check_amount_scale(Declaration *declaration)
{
	Expression *amount = &declaration->amount;

	if (declaration->has_amount_scale)
	{
		if (declaration->amount_scale < 0 || declaration->amount_scale > EXACT_MAX_SCALE)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"amount_scale\" must be between 0 and %d", EXACT_MAX_SCALE),
					 errdetail("It is %d.", declaration->amount_scale),
					 errhint("It is the number of decimals of published amounts; 2 is usual.")));
		return;
	}
	switch (amount->type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			declaration->amount_scale = 0;
			return;
		case NUMERICOID:
			declaration->amount_scale = Min(exact_typmod_scale(amount->typmod), EXACT_MAX_SCALE);
			if (declaration->amount_scale >= 0)
				return;
			break;
		default:
			break;
	}
	declaration->amount_scale = 2;
	ereport(NOTICE,
			(errmsg("scorecard \"%s\" publishes amounts with 2 decimals", declaration->name),
			 errdetail("The type of %s does not tell how many there are.", amount->text),
			 errhint("Pass amount_scale to choose another number.")));
}

static void
check_frequency_by(Declaration *declaration)
{
	if (declaration->frequency_by == NULL)
		declaration->frequency_by = "purchase";
	if (strcmp(declaration->frequency_by, "purchase") != 0 && strcmp(declaration->frequency_by, "day") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"frequency_by\" must be \"purchase\" or \"day\""),
				 errdetail("It is \"%s\".", declaration->frequency_by),
				 errhint("\"purchase\" counts rows, \"day\" counts days with a purchase.")));
}

/* Run the expressions once over no row: this asks for every right that a refresh will need. */
static void
try_query(Declaration *declaration, const char *argument, const char *relation, const char *sql)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		SPI_connect();
		if (SPI_execute(sql, true, 0) != SPI_OK_SELECT)
			elog(ERROR, "query failed: %s", sql);
		SPI_finish();
	}
	PG_CATCH();
	{
		rethrow_for_argument(context, argument,
							 psprintf("Role %s must be able to run: %s",
									  quote_identifier(GetUserNameFromId(declaration->owner, false)), sql));
	}
	PG_END_TRY();
}

static void
try_expressions(Declaration *declaration)
{
	try_query(declaration, "source", declaration->source,
			  psprintf("SELECT %s, %s, %s FROM %s%s%s LIMIT 0", declaration->customer.text,
					   declaration->purchased_at.text, declaration->amount.text, declaration->source,
					   declaration->filter.text ? " WHERE " : "", declaration->filter.text ? declaration->filter.text : ""));
	if (declaration->customers)
		try_query(declaration, "customers", declaration->customers,
				  psprintf("SELECT %s%s%s FROM %s LIMIT 0", declaration->customers_key.text,
						   declaration->partition_by.text ? ", " : "",
						   declaration->partition_by.text ? declaration->partition_by.text : "", declaration->customers));
}

/* Both or none of the relation of customers and its key, which must match the customer's type. */
static void
check_customers(Declaration *declaration, const char *search_path)
{
	if (OidIsValid(declaration->customers_relid) != (declaration->customers_key.text != NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("arguments \"customers\" and \"customers_key\" belong together"),
				 errdetail("\"%s\" is missing.", declaration->customers_key.text ? "customers" : "customers_key"),
				 errhint("Give the relation of customers and the expression over it that equals \"customer\", or neither.")));
	if (declaration->partition_by.text && !OidIsValid(declaration->customers_relid))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"partition_by\" needs \"customers\""),
				 errdetail("It is %s.", declaration->partition_by.text),
				 errhint("It is an expression over the relation of customers: give customers and customers_key too.")));
	if (!OidIsValid(declaration->customers_relid))
		return;
	relation_check(declaration->customers_relid, "customers", declaration->name);
	declaration->customers = relation_name(declaration->customers_relid);
	expression_check(&declaration->customers_key, declaration->customers_relid, search_path);
	if (declaration->customers_key.type != declaration->customer.type)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("argument \"customers_key\" must have the type of \"customer\""),
				 errdetail("customers_key is %s, customer is %s.", format_type_be(declaration->customers_key.type),
						   format_type_be(declaration->customer.type)),
				 errhint("Cast one of them, for example customers_key => '(%s)::%s'.", declaration->customers_key.text,
						 format_type_be(declaration->customer.type))));
	if (declaration->partition_by.text)
		expression_check(&declaration->partition_by, declaration->customers_relid, search_path);
}

/* Whose thresholds count, and from how many buyers on a segment has its own. */
static void
check_thresholds_by(Declaration *declaration)
{
	if (declaration->thresholds_by == NULL)
		declaration->thresholds_by = "pooled";
	if (strcmp(declaration->thresholds_by, "pooled") != 0 && strcmp(declaration->thresholds_by, "segment") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"thresholds_by\" must be pooled or segment"),
				 errdetail("It is \"%s\".", declaration->thresholds_by),
				 errhint("Thresholds are those of all buyers, or of those of the customer's segment.")));
	if (strcmp(declaration->thresholds_by, "segment") == 0 && declaration->partition_by.text == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"thresholds_by\" needs \"partition_by\""),
				 errdetail("It is segment."),
				 errhint("Say with partition_by which segment a customer is in, or use thresholds_by => 'pooled'.")));
	if (!declaration->has_segment_minimum)
		declaration->segment_minimum = SEGMENT_MINIMUM;
	if (declaration->segment_minimum < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"segment_minimum\" must be above zero"),
				 errdetail("It is %d.", declaration->segment_minimum),
				 errhint("It is the number of buyers below which a segment follows the thresholds of all.")));
}

/* What customers are parted by enters fits and thresholds, and so the scores: protected attributes need a reason. */
static void
check_protected(Declaration *declaration)
{
	const char *reason = declaration->allow_protected;
	List	   *found = NIL;
	char	   *why = NULL;

	if (reason && strspn(reason, " \t\r\n") == strlen(reason))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"allow_protected\" must be a reason"),
				 errhint("Say why the attribute may part the customers; it is stored.")));
	if (declaration->partition_by.text)
		found = protected_attributes(declaration->customers_relid, declaration->partition_by.columns, &why);
	if (found == NIL)
		declaration->allow_protected = NULL;
	else if (reason == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("argument \"partition_by\" reads the protected attribute %s", (char *) linitial(found)),
				 errdetail("It is protected: %s.", why),
				 errhint("Fits and thresholds by it enter the scores: leave it out, or pass allow_protected => 'the reason why it may'.")));
}

List *
declaration_protected_since(const Scorecard *card)
{
	Expression	expr = {.argument = "partition_by",.kind = EXPRESSION_SEGMENT,.text = card->partition_by,.canonical = true};
	List	   *found;
	char	   *why = NULL;

	if (card->partition_by == NULL || card->allow_protected)
		return NIL;
	(void) expression_parse(&expr, card->customers_relid);
	found = protected_attributes(card->customers_relid, expr.columns, &why);
	return found == NIL ? NIL : list_make1(psprintf("partition_by reads %s, which is protected now: %s",
													(char *) linitial(found), why));
}

/* How long an epoch lasts: thresholds, fit and as-of day are a local day's, so it is whole days. */
static void
check_rebase_every(Declaration *declaration)
{
	Interval   *given = declaration->rebase_every;

	if (given == NULL)
	{
		declaration->rebase_every = palloc0(sizeof(Interval));
		declaration->rebase_every->day = 1;
		return;
	}
	check_interval(given, "rebase_every", 1, 0, "1 day", "Refreshes in between keep thresholds, fit and as-of day.");
	given = DatumGetIntervalP(DirectFunctionCall1(interval_justify_hours, IntervalPGetDatum(given)));
	if (given->time != 0 || given->day < 0 || given->month < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"rebase_every\" must be whole days, weeks, months or years"),
				 errdetail("It is %s.", DatumGetCString(DirectFunctionCall1(interval_out,
																			IntervalPGetDatum(declaration->rebase_every)))),
				 errhint("An epoch begins and ends with a local day, as with '1 day' or '1 week'.")));
	declaration->rebase_every = given;
}

/*
 * The time of a row's last change. It must be a point in time, and rows must not come into sight long after it, as those
 * of a materialized view do.
 */
static void
check_changed_since(Declaration *declaration, const char *search_path)
{
	Expression *time = &declaration->changed_since;

	if (time->text == NULL)
		return;
	if (strcmp(declaration->capture, "none") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("arguments \"changed_since\" and \"capture\" exclude each other"),
				 errdetail("Triggers see every change, a time of change not those that leave no row behind."),
				 errhint("Leave out changed_since.")));
	if (get_rel_relkind(declaration->source_relid) == RELKIND_MATVIEW)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("argument \"changed_since\" does not work for a materialized view"),
				 errdetail("A change shows in %s when that is refreshed, with a time long before.", declaration->source),
				 errhint("Use the tables behind it as the source, or leave out changed_since.")));
	expression_check(time, declaration->source_relid, search_path);
	if (time->type != TIMESTAMPTZOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("argument \"changed_since\" must be a timestamp with time zone, not %s", format_type_be(time->type)),
				 errhint("If the column has times of a zone, say which, as with AT TIME ZONE.")));
	try_query(declaration, "changed_since", declaration->source,
			  psprintf("SELECT %s FROM %s LIMIT 0", time->text, declaration->source));
	/* what leaves no time behind is found by reading all */
	if (declaration->rebuild_every == NULL)
	{
		declaration->rebuild_every = palloc0(sizeof(Interval));
		declaration->rebuild_every->day = 1;
	}
}

static void
check_clv(Declaration *declaration)
{
	Interval   *year;

	if (declaration->clv_model == NULL)
		declaration->clv_model = "mbgnbd";
	if (strcmp(declaration->clv_model, "none") != 0 && strcmp(declaration->clv_model, "auto") != 0 &&
		(clv_model_by_name(declaration->clv_model) == NULL ||
		 clv_model_by_name(declaration->clv_model)->expected_purchases == NULL ||
		 clv_model_by_name(declaration->clv_model)->discrete ||
		 clv_model_by_name(declaration->clv_model)->erlang))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"clv_model\": there is no model \"%s\"", declaration->clv_model),
				 errhint("Use mbgnbd, bgnbd, pareto_nbd, auto, or none.")));
	if (declaration->clv_time_unit == NULL)
		declaration->clv_time_unit = "week";
	if (clv_unit_days(declaration->clv_time_unit, false) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"clv_time_unit\": unknown unit of time \"%s\"", declaration->clv_time_unit),
				 errhint("Use day, week, month or year.")));
	if (declaration->clv_horizon == NULL)
	{
		year = palloc0(sizeof(Interval));
		year->day = 365;
		declaration->clv_horizon = year;
	}
	check_interval(declaration->clv_horizon, "clv_horizon", 1, 0, "1 day",
				   "It is the time after the as-of day in which purchases count.");
	if (!declaration->has_clv_discount)
		declaration->clv_discount = 0.1;
	if (!isfinite(declaration->clv_discount) || declaration->clv_discount < 0 || declaration->clv_discount > 100)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"clv_discount\" must lie between 0 and 100"),
				 errdetail("It is %s.", float8out_internal(declaration->clv_discount)),
				 errhint("It is a rate per year: 0.1 for 10 percent.")));
	if (!declaration->has_clv_margin)
		declaration->clv_margin = 1;
	if (!isfinite(declaration->clv_margin) || declaration->clv_margin <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"clv_margin\" must be above zero and finite"),
				 errdetail("It is %s.", float8out_internal(declaration->clv_margin)),
				 errhint("It is the share of a purchase's value that counts: 0.3 for 30 percent.")));
	if (!declaration->has_clv_growth)
		declaration->clv_growth = 0;
	if (!(declaration->clv_growth > -1 && declaration->clv_growth <= CLV_MAX_GROWTH))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"clv_growth\" must be above -1 and at most %d", CLV_MAX_GROWTH),
				 errdetail("It is %s.", float8out_internal(declaration->clv_growth)),
				 errhint("It is a rate per year: 0.03 for 3 percent.")));
}

void
declaration_check(Declaration *declaration, const char *search_path)
{
	OwnerScope	scope;

	declaration_check_name(declaration->name);
	if (!OidIsValid(declaration->source_relid))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"source\" must not be NULL"),
				 errhint("Give the table or view that holds the purchases, such as 'public.orders'.")));
	relation_check(declaration->source_relid, "source", declaration->name);
	check_interval(declaration->every, "every", 0, USECS_PER_SEC, "1 second",
				   "With NULL the scorecard is refreshed only by hand.");
	check_interval(declaration->history, "history", 1, 0, "1 day",
				   "Without it all purchases count.");
	check_interval(declaration->max_runtime, "max_runtime", 0, USECS_PER_SEC, "1 second",
				   "Without it the setting custprio.max_runtime counts.");
	check_interval(declaration->rebuild_every, "rebuild_every", 0, USECS_PER_SEC, "1 second",
				   "Without it the whole source is read only when needed.");
	check_rebase_every(declaration);
	check_interval(declaration->tier_history_age, "tier_history_age", 1, 0, "1 day",
				   "Without it rows of the tier history stay for ever.");
	check_clv(declaration);
	check_thresholds_by(declaration);
	check_frequency_by(declaration);
	check_segments(declaration);
	check_abc_cuts(declaration);
	declaration->time_zone = check_time_zone(declaration->time_zone);

	owner_scope_enter(&scope, declaration->owner, declaration->time_zone);
	declaration->source = relation_name(declaration->source_relid);
	expression_check(&declaration->customer, declaration->source_relid, search_path);
	expression_check(&declaration->purchased_at, declaration->source_relid, search_path);
	expression_check(&declaration->amount, declaration->source_relid, search_path);
	if (declaration->filter.text)
		expression_check(&declaration->filter, declaration->source_relid, search_path);
	check_customers(declaration, search_path);
	check_protected(declaration);
	try_expressions(declaration);
	capture_check(declaration);
	if (strcmp(declaration->capture, "none") != 0 &&
		!source_key_is_indexed(declaration->source_relid, declaration->customer.text))
		ereport(NOTICE,
				(errmsg("incremental refreshes of scorecard \"%s\" will read all of %s", declaration->name,
						declaration->source),
				 errdetail("It, or a partition of it, has no index that starts with %s.", declaration->customer.text),
				 errhint("Run CREATE INDEX ON %s ((%s)).", declaration->source, declaration->customer.text)));
	if (declaration->refresh_on_commit && strcmp(declaration->capture, "none") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"refresh_on_commit\" needs changes to be captured"),
				 errhint("Use capture => 'trigger', or refresh_on_commit => false.")));
	check_changed_since(declaration, search_path);
	owner_scope_leave(&scope);
	check_amount_scale(declaration);
}

/* An expression of a stored scorecard must still be one of its kind, and a key of the published type. */
static void
verify_expression(const Scorecard *card, Oid relid, const char *argument, ExpressionKind kind, char *text)
{
	Expression	expr = {.argument = argument, .kind = kind, .text = text, .canonical = true};

	if (text == NULL)
		return;
	(void) expression_parse(&expr, relid);
	if (kind == EXPRESSION_KEY && expr.type != card->key_type)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("argument \"%s\": type has changed to %s", argument, format_type_be(expr.type)),
				 errdetail("Scorecard \"%s\" publishes keys of type %s.", card->name, format_type_be(card->key_type)),
				 errhint("Cast it to that type with alter_scorecard, or use drop_scorecard and create_scorecard.")));
}

void
declaration_verify(const Scorecard *card)
{
	verify_expression(card, card->source_relid, "customer", EXPRESSION_KEY, card->customer);
	verify_expression(card, card->source_relid, "purchased_at", EXPRESSION_TIME, card->purchased_at);
	verify_expression(card, card->source_relid, "amount", EXPRESSION_AMOUNT, card->amount);
	verify_expression(card, card->source_relid, "changed_since", EXPRESSION_TIME, card->changed_since);
	verify_expression(card, card->source_relid, "filter", EXPRESSION_CONDITION, card->filter);
	if (card->customers)
	{
		verify_expression(card, card->customers_relid, "customers_key", EXPRESSION_KEY, card->customers_key);
		verify_expression(card, card->customers_relid, "partition_by", EXPRESSION_SEGMENT, card->partition_by);
	}
	metrics_verify(card);
}
