/*
 * validate.c: validate() and its companions, how well each model would have predicted the recent past of a scorecard.
 *
 *   source ── histories before the holdout, and what happened in it
 *                 │ fits as the scorecard makes them, of each model
 *                 ▼
 *   predictions ── beside what happened: in all, by frequency, by week
 *
 * As in P. Fader, B. Hardie and K. L. Lee, "Counting your customers the easy way" (2005). Two naive predictors stand
 * beside the models: each customer's purchases of the year before, and the RFM score.
 *
 * The source is read once, by a query of ours around the owner's expressions, as the owner in a security-restricted
 * operation. Histories become customers as a refresh of the last day before the holdout would see them, and
 * customer_clv.c fits and predicts. The measures are queries over what came of it.
 */
#include "custprio.h"

#include "card_argument.h"
#include "clv/collapse.h"
#include "clv/value.h"
#include "customer_clv.h"
#include "declaration.h"
#include "executor/spi.h"
#include "executor/tstoreReceiver.h"
#include "funcapi.h"
#include "purchase_table.h"
#include "scorecard.h"

#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/float.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(custprio_validate);
PG_FUNCTION_INFO_V1(custprio_validate_calibration);
PG_FUNCTION_INFO_V1(custprio_validate_tracking);

#define HOLDOUT_MAX		36500

/* As they are listed. */
static const ClvModel *const models[] = {&clv_bgnbd, &clv_mbgnbd, &clv_pareto_nbd};

#define MODELS	lengthof(models)

typedef struct Validation
{
	Scorecard  *card;
	DateADT		as_of;			/* last day of the holdout */
	DateADT		split;			/* last day before it */
	int			holdout;		/* days */
	double		unit;			/* days in the scorecard's unit of time */
	CustomerSet *set;			/* customers as of the split, in the order of the histories */
	EpochFit   *fit[MODELS];
	Tuplestorestate *history;
	Tuplestorestate *predicted;
	Tuplestorestate *expected;
} Validation;

/*
 * Days with purchases are the events. Read under the owner scope's pinned search_path, which begins with pg_catalog.
 * $1: last day of the holdout, $2: last day before it, $3: first day that counts. %s: expressions, source, segments.
 */
static const char *const history_query =
	"WITH days AS ("
	" SELECT c, day, sum(amount) AS gross FROM ("
	"  SELECT (%s) AS c, (%s)::date AS day, (%s)::numeric AS amount FROM %s WHERE %s) s"
	" WHERE c IS NOT NULL AND amount >= 0 AND amount NOT IN ('NaN', 'Infinity')"
	"  AND isfinite(day) AND day >= $3 AND day <= $1 GROUP BY 1, 2),"
	"numbered AS (SELECT *, row_number() OVER (PARTITION BY c ORDER BY day) AS nth FROM days),"
	"histories AS (SELECT c,"
	"  (count(*) FILTER (WHERE day <= $2) - 1)::int4 AS x, min(day) AS first_day,"
	"  max(day) FILTER (WHERE day <= $2) AS last_day,"
	"  coalesce(avg(gross) FILTER (WHERE nth > 1 AND day <= $2), 0)::float8 AS m,"
	"  sum(gross) FILTER (WHERE day <= $2) AS revenue,"
	"  (count(*) FILTER (WHERE day > $2 - 365 AND day <= $2))::float8 AS year_count,"
	"  coalesce(sum(gross) FILTER (WHERE day > $2 - 365 AND day <= $2), 0)::float8 AS year_value,"
	"  (count(*) FILTER (WHERE day > $2))::float8 AS actual,"
	"  coalesce(sum(gross) FILTER (WHERE day > $2), 0)::float8 AS actual_value,"
	"  array_agg(day) FILTER (WHERE nth > 1) AS repeat_days"
	" FROM numbered GROUP BY c HAVING min(day) <= $2)"
	"SELECT x, first_day, last_day, m, revenue, year_count, year_value, actual, actual_value, repeat_days, %s"
	" FROM histories %s";

enum
{
	H_X, H_FIRST_DAY, H_LAST_DAY, H_M, H_REVENUE, H_YEAR_COUNT, H_YEAR_VALUE, H_ACTUAL, H_ACTUAL_VALUE, H_REPEAT_DAYS,
	H_SEGMENT, H_COLUMNS
};

typedef struct Column
{
	const char *name;
	Oid			type;
} Column;

static const Column history_columns[H_COLUMNS] = {
	{"x", INT4OID}, {"first_day", DATEOID}, {"last_day", DATEOID}, {"m", FLOAT8OID}, {"revenue", NUMERICOID},
	{"year_count", FLOAT8OID}, {"year_value", FLOAT8OID}, {"actual", FLOAT8OID}, {"actual_value", FLOAT8OID},
	{"repeat_days", DATEARRAYOID}, {"segment", TEXTOID}
};

/* One row per fitted model and customer: purchases to expect in the holdout, and their value (NULL: no fit). */
static const Column predicted_columns[] = {
	{"nth", INT4OID}, {"x", INT4OID}, {"n", FLOAT8OID}, {"predicted_value", FLOAT8OID}, {"actual", FLOAT8OID},
	{"actual_value", FLOAT8OID}
};

/* One row per model that was fitted and week: repeat purchases to expect until its end. */
static const Column expected_columns[] = {
	{"nth", INT4OID}, {"week", INT4OID}, {"cumulative", FLOAT8OID}
};

static TupleDesc
describe_columns(const Column *column, int n)
{
	TupleDesc	desc = CreateTemplateTupleDesc(n);

	for (int i = 0; i < n; i++)
		TupleDescInitEntry(desc, i + 1, column[i].name, column[i].type, -1, 0);
	return desc;
}

/* $1 method, $2 status: arrays by model. $3 holdout in days, $4 bins. */
static const char *const methods =
	"WITH methods AS (SELECT nth::int, method, status FROM unnest($1, $2) WITH ORDINALITY AS u(method, status, nth)),"
	"guesses AS ("
	" SELECT nth, x, n, predicted_value, coalesce(predicted_value, n) AS v, actual, actual_value FROM predicted"
	" UNION ALL SELECT 4, x, year_count * $3 / 365, year_value * $3 / 365, year_value, actual, actual_value FROM history"
	" UNION ALL SELECT 5, x, NULL, NULL, (custprio.quantile_score(last_day, $4) OVER ()"
	"   + custprio.quantile_score(x, $4) OVER () + custprio.quantile_score(revenue, $4) OVER ())::float8,"
	"  actual, actual_value FROM history)";

/* Average ranks make the correlation Spearman's where values are equal. */
static const char *const measures =
	"%s, ranked AS (SELECT *,"
	"  rank() OVER by_v + (count(*) OVER (PARTITION BY nth, v) - 1) / 2.0::float8 AS rank_v,"
	"  rank() OVER by_actual + (count(*) OVER (PARTITION BY nth, actual_value) - 1) / 2.0::float8 AS rank_actual,"
	"  count(*) OVER (PARTITION BY nth) AS customers FROM guesses"
	"  WINDOW by_v AS (PARTITION BY nth ORDER BY v), by_actual AS (PARTITION BY nth ORDER BY actual_value)),"
	/* the best tenth; of those who are equal at its edge each counts for the part that fits */
	"edge AS (SELECT *, greatest(0, least(1,"
	"   (customers * 0.1 - (rank() OVER (PARTITION BY nth ORDER BY v DESC) - 1))"
	"   / count(*) OVER (PARTITION BY nth, v))) AS share FROM ranked)"
	"SELECT method, status, e.customers, e.actual_purchases, e.predicted_purchases,"
	"  e.mae, e.rmse, e.bias, e.actual_value, e.predicted_value, e.value_mae, e.rank_correlation, e.decile_lift"
	" FROM methods LEFT JOIN (SELECT nth, count(*) AS customers, sum(actual) AS actual_purchases,"
	"   sum(n) AS predicted_purchases, avg(abs(n - actual)) AS mae,"
	"   sqrt(avg((n - actual) * (n - actual))) AS rmse, avg(n - actual) AS bias,"
	"   sum(actual_value) AS actual_value, sum(predicted_value) AS predicted_value,"
	"   avg(abs(predicted_value - actual_value)) AS value_mae,"
	"   corr(rank_v, rank_actual) AS rank_correlation,"
	"   sum(actual_value * share) / nullif(sum(actual_value) * 0.1, 0) AS decile_lift"
	"   FROM edge GROUP BY nth) e USING (nth) ORDER BY nth";

static const char *const calibration =
	"%s SELECT method, least(x, 7), count(*), avg(actual), avg(n), avg(actual_value), avg(predicted_value)"
	" FROM guesses JOIN methods USING (nth) WHERE nth < 5 GROUP BY nth, method, least(x, 7) ORDER BY nth, least(x, 7)";

/*
 * Weeks end at the split and every seven days before and after it, so that each is of one period; the first and the
 * last one may be shorter. $3: as-of day, $4: split.
 */
static const char *const tracking =
	"WITH methods AS (SELECT nth::int, method FROM unnest($1, $2) WITH ORDINALITY AS u(method, status, nth)"
	"  WHERE nth < 4),"
	"span AS (SELECT min(first_day) AS start, ($4 - min(first_day)) / 7 + 1 AS before FROM history),"
	"weeks AS (SELECT week, greatest(start, $4 + 7 * (week - before) - 6) AS first_day,"
	"   least($3, $4 + 7 * (week - before)) AS last_day,"
	"   CASE WHEN week <= before THEN 'calibration' ELSE 'holdout' END AS period"
	"  FROM span, generate_series(1, before + ($3 - $4 + 6) / 7) week),"
	"bought AS (SELECT before - floor(($4 - day) / 7.0)::int AS week, count(*)::float8 AS n"
	"  FROM span, history, unnest(repeat_days) day GROUP BY 1)"
	"SELECT method, w.week, period, w.first_day, w.last_day, coalesce(b.n, 0),"
	"  e.cumulative - lag(e.cumulative, 1, 0::float8) OVER by_week, sum(coalesce(b.n, 0)) OVER by_week, e.cumulative"
	" FROM methods m CROSS JOIN weeks w LEFT JOIN bought b USING (week)"
	"  LEFT JOIN expected e ON e.nth = m.nth AND e.week = w.week"
	" WINDOW by_week AS (PARTITION BY m.nth ORDER BY w.week) ORDER BY m.nth, w.week";

/* Run a query of ours into a new tuplestore. */
static Tuplestorestate *
query_into_store(const char *sql, int n, const Oid *types, const Datum *values)
{
	Tuplestorestate *store = tuplestore_begin_heap(true, false, work_mem);
	SPIExecuteOptions options = {.read_only = true,.dest = CreateDestReceiver(DestTuplestore)};

	SetTuplestoreDestReceiverParams(options.dest, store, CurrentMemoryContext, true, NULL, NULL);
	options.params = makeParamList(n);
	for (int i = 0; i < n; i++)
		options.params->params[i] = (ParamExternData) {
			.value = values[i],.isnull = false,.pflags = PARAM_FLAG_CONST,.ptype = types[i]
		};
	SPI_connect();
	if (SPI_execute_extended(sql, &options) != SPI_OK_SELECT)
		elog(ERROR, "validation query failed: %s", sql);
	SPI_finish();
	return store;
}

static void
read_histories(Validation *v)
{
	const Scorecard *card = v->card;
	const char *segments = "";
	Datum		values[3];

	if (card->partition_by)
		segments = psprintf("LEFT JOIN (SELECT (%s) AS key, min((%s) COLLATE \"C\") AS segment FROM %s GROUP BY 1) p"
							" ON p.key OPERATOR(pg_catalog.=) c", card->customers_key, card->partition_by, card->customers);
	values[0] = DateADTGetDatum(v->as_of);
	values[1] = DateADTGetDatum(v->split);
	values[2] = DateADTGetDatum(purchase_window_start(card, v->split));
	v->history = query_into_store(psprintf(history_query, card->customer, card->purchased_at, card->amount, card->source,
										   card->filter ? card->filter : "true",
										   card->partition_by ? "p.segment" : "NULL::text", segments),
								  3, (Oid[]) {DATEOID, DATEOID, DATEOID}, values);
}

/* Called for each history, in their order, with its number. */
typedef void (*HistoryRow) (Validation *v, uint32 nth, TupleTableSlot *slot, void *arg);

static void
each_history(Validation *v, HistoryRow row, void *arg)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(describe_columns(history_columns, H_COLUMNS), &TTSOpsMinimalTuple);
	uint32		nth = 0;

	tuplestore_rescan(v->history);
	while (tuplestore_gettupleslot(v->history, true, false, slot))
	{
		slot_getallattrs(slot);
		row(v, nth++, slot, arg);
		CHECK_FOR_INTERRUPTS();
	}
	ExecDropSingleTupleTableSlot(slot);
}

/* A buyer as a refresh of the last day before the holdout knows them, by the number of the history. */
static void
add_customer(Validation *v, uint32 nth, TupleTableSlot *slot, void *arg)
{
	Datum		key = Int64GetDatum((int64) nth);
	bool		found;
	Customer   *customer = customer_at(v->set, keymap_insert(v->set->map, key, keymap_hash(v->set->map, key), &found));

	Assert(!found);
	customer->stage = STAGE_BUYER;
	customer->repeat_days = DatumGetInt32(slot->tts_values[H_X]);
	customer->purchases = customer->repeat_days + 1;
	customer->first_day = DatumGetDateADT(slot->tts_values[H_FIRST_DAY]);
	customer->last_day = DatumGetDateADT(slot->tts_values[H_LAST_DAY]);
	customer->repeat_value = DatumGetFloat8(slot->tts_values[H_M]);
	customer->segment = slot->tts_isnull[H_SEGMENT] ? KEYMAP_NONE :
		customer_set_segment(v->set, DatumGetTextPP(slot->tts_values[H_SEGMENT]));
	v->set->n_buyers++;
}

static void
fit_models(Validation *v)
{
	for (int i = 0; i < MODELS; i++)
	{
		Scorecard	card = *v->card;

		card.clv_model = models[i];
		card.clv_choice = NULL;
		v->fit[i] = customer_clv_fit(&card, v->set, v->split);
	}
}

/* What a model's fit is worth, as a scorecard that follows it would tell. */
static char *
fit_status(const EpochFit *fit)
{
	StringInfoData status;
	int			pooled = 0;

	initStringInfo(&status);
	appendStringInfoString(&status, fit->purchases.status);
	if (fit->purchases.converged && !fit->spend.converged)
		appendStringInfo(&status, "; no values: %s", fit->spend.status);
	else if (fit->purchases.converged && strcmp(fit->spend.status, "converged") != 0)
		appendStringInfo(&status, "; values %s", fit->spend.status);
	for (int i = 0; i < fit->n_segments; i++)
		pooled += !fit->segment[i].purchases.converged || !fit->segment[i].spend.converged;
	if (fit->n_segments > 0)
		appendStringInfo(&status, "; %d of %d segments have fits of their own", fit->n_segments - pooled, fit->n_segments);
	return status.data;
}

/* The arrays of methods and of their statuses. */
static void
method_arrays(const Validation *v, Datum *names, Datum *statuses)
{
	const char *naive = v->set->n_buyers > 0 ? "ok" : "no customers";
	Datum		name[MODELS + 2];
	Datum		status[MODELS + 2];

	for (int i = 0; i < MODELS; i++)
	{
		name[i] = CStringGetTextDatum(models[i]->name);
		status[i] = CStringGetTextDatum(fit_status(v->fit[i]));
	}
	name[MODELS] = CStringGetTextDatum("last_year");
	name[MODELS + 1] = CStringGetTextDatum("rfm_score");
	status[MODELS] = status[MODELS + 1] = CStringGetTextDatum(naive);
	*names = PointerGetDatum(construct_array(name, MODELS + 2, TEXTOID, -1, false, TYPALIGN_INT));
	*statuses = PointerGetDatum(construct_array(status, MODELS + 2, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Where the predictions of one model go. */
typedef struct Prediction
{
	int			nth;			/* model, from 0 */
	bool		has_value;
	Predictors	predictors;
	TupleDesc	desc;
} Prediction;

static void
put_prediction(Validation *v, uint32 nth, TupleTableSlot *slot, void *arg)
{
	Prediction *prediction = arg;
	const Customer *customer = customer_at(v->set, nth);
	const Predictor *predictor = predictor_of(&prediction->predictors, customer->segment);
	ClvHistory	h = customer_history(v->card, customer, v->split);
	double		n = predictor_expected(predictor, &h, v->split - customer->first_day);
	Datum		values[lengthof(predicted_columns)];
	bool		nulls[lengthof(predicted_columns)] = {0};

	values[0] = Int32GetDatum(prediction->nth + 1);
	values[1] = slot->tts_values[H_X];
	values[2] = Float8GetDatum(n);
	values[3] = Float8GetDatum(prediction->has_value ? n * predictor_value(predictor, customer) : 0);
	values[4] = slot->tts_values[H_ACTUAL];
	values[5] = slot->tts_values[H_ACTUAL_VALUE];
	nulls[3] = !prediction->has_value;
	tuplestore_putvalues(v->predicted, prediction->desc, values, nulls);
}

static void
predict_holdout(Validation *v)
{
	Prediction	prediction;

	v->predicted = tuplestore_begin_heap(true, false, work_mem);
	prediction.desc = describe_columns(predicted_columns, lengthof(predicted_columns));
	for (int i = 0; i < MODELS; i++)
	{
		if (!v->fit[i]->purchases.converged)
			continue;
		prediction.nth = i;
		prediction.has_value = v->fit[i]->spend.converged;
		predictors_init(&prediction.predictors, v->set, v->fit[i], v->holdout / v->unit, get_float8_nan());
		each_history(v, put_prediction, &prediction);
	}
}

/* How many customers each segment won on each day: x the segment's id (-1: none), t the day. */
static ClvData *
first_days(const Validation *v)
{
	ClvCollapse *days = clv_collapse_create(CurrentMemoryContext);
	ClvHistory *rows;
	long		n;

	for (uint32 id = 0; id < v->set->map->n; id++)
	{
		const Customer *customer = customer_at(v->set, id);

		clv_collapse_add(days, customer->segment == KEYMAP_NONE ? -1 : customer->segment, 0, customer->first_day, 1);
	}
	rows = clv_collapse_rows(days, &n);
	return clv_data_create(rows, n, false);
}

/* Repeat purchases to expect until a day of all who were won by then. */
static double
expected_until(const Validation *v, const Predictors *predictors, const ClvData *won, DateADT day)
{
	double		sum = 0;

	for (long i = 0; i < won->n; i++)
	{
		const ClvHistory *cohort = &won->row[i];
		uint32		segment = cohort->x < 0 ? KEYMAP_NONE : (uint32) cohort->x;

		if (cohort->t < day)
			sum += cohort->weight * predictor_expected_new(predictor_of(predictors, segment),
														   (day - cohort->t) / v->unit);
	}
	CHECK_FOR_INTERRUPTS();
	return sum;
}

static void
expect_weeks(Validation *v)
{
	ClvData    *won = first_days(v);
	TupleDesc	desc = describe_columns(expected_columns, lengthof(expected_columns));
	DateADT		start = v->split;
	int			before;
	int			weeks;

	v->expected = tuplestore_begin_heap(true, false, work_mem);
	if (won->n == 0)
		return;
	for (long i = 0; i < won->n; i++)
		start = Min(start, (DateADT) won->row[i].t);
	before = (v->split - start) / 7 + 1;
	weeks = before + (v->holdout + 6) / 7;
	for (int i = 0; i < MODELS; i++)
	{
		Predictors	predictors;

		if (!v->fit[i]->purchases.converged)
			continue;
		predictors_init(&predictors, v->set, v->fit[i], 0, get_float8_nan());
		for (int week = 1; week <= weeks; week++)
		{
			DateADT		day = Min(v->as_of, v->split + 7 * (week - before));
			Datum		values[3] = {
				Int32GetDatum(i + 1), Int32GetDatum(week), Float8GetDatum(expected_until(v, &predictors, won, day))
			};

			tuplestore_putvalues(v->expected, desc, values, (bool[3]) {false, false, false});
		}
	}
}

/* Let queries read a tuplestore by a name. */
static void
register_store(const char *name, Tuplestorestate *store, const Column *column, int n)
{
	EphemeralNamedRelation relation = palloc0(sizeof(EphemeralNamedRelationData));

	relation->md.name = pstrdup(name);
	relation->md.reliddesc = InvalidOid;
	relation->md.tupdesc = describe_columns(column, n);
	relation->md.enrtype = ENR_NAMED_TUPLESTORE;
	relation->md.enrtuples = tuplestore_tuple_count(store);
	relation->reldata = store;
	if (SPI_register_relation(relation) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register \"%s\"", name);
}

static void
check_holdout(int holdout)
{
	if (holdout < 1 || holdout > HOLDOUT_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"holdout\" must be between 1 and %d days", HOLDOUT_MAX),
				 errdetail("It is %d.", holdout),
				 errhint("A quarter to a half of the time that the purchases span is usual.")));
}

static void
load_card(Validation *v, const char *name)
{
	int64		id = scorecard_id_by_name(name);

	scorecard_check_caller(id, name);
	v->card = scorecard_load(id);
	scorecard_check_owner(v->card);
	if (!v->card->has_epoch)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("scorecard \"%s\" has published nothing yet", name),
				 errdetail("The holdout ends with the as-of day of what is published."), errhint("Refresh it first.")));
}

/*
 * Validate, and give what a query makes of it. by_week: the expected purchases by week are wanted, and not the
 * predictions of the holdout.
 */
static Datum
validation(FunctionCallInfo fcinfo, const char *sql, bool by_week)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Validation	v = {.holdout = PG_GETARG_INT32(1)};
	Scorecard	numbered;		/* the same with the histories' numbers for keys */
	OwnerScope	scope;
	Oid			types[4] = {TEXTARRAYOID, TEXTARRAYOID, INT4OID, INT4OID};
	Datum		values[4];

	check_holdout(v.holdout);
	load_card(&v, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	v.as_of = v.card->as_of;
	v.split = v.as_of - v.holdout;
	v.unit = clv_unit_days(v.card->clv_time_unit, true);
	InitMaterializedSRF(fcinfo, 0);
	PushActiveSnapshot(GetLatestSnapshot());
	owner_scope_enter(&scope, v.card->owner, v.card->time_zone);
	declaration_verify(v.card);

	read_histories(&v);
	numbered = *v.card;
	numbered.key_type = INT8OID;
	numbered.n_added = 0;
	v.set = customer_set_create(&numbered, false);
	each_history(&v, add_customer, NULL);
	fit_models(&v);
	method_arrays(&v, &values[0], &values[1]);
	if (by_week)
	{
		expect_weeks(&v);
		types[2] = types[3] = DATEOID;
		values[2] = DateADTGetDatum(v.as_of);
		values[3] = DateADTGetDatum(v.split);
	}
	else
	{
		predict_holdout(&v);
		values[2] = Int32GetDatum(v.holdout);
		values[3] = Int32GetDatum(v.card->bins);
	}

	SPI_connect();
	register_store("history", v.history, history_columns, H_COLUMNS);
	if (by_week)
		register_store("expected", v.expected, expected_columns, lengthof(expected_columns));
	else
		register_store("predicted", v.predicted, predicted_columns, lengthof(predicted_columns));
	if (SPI_execute_with_args(sql, 4, types, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "validation query failed: %s", sql);
	for (uint64 i = 0; i < SPI_processed; i++)
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
	SPI_finish();
	owner_scope_leave(&scope);
	PopActiveSnapshot();
	return (Datum) 0;
}

/* validate(name, holdout): one row per method */
Datum
custprio_validate(PG_FUNCTION_ARGS)
{
	return validation(fcinfo, psprintf(measures, methods), false);
}

/* validate_calibration(name, holdout): one row per method and frequency */
Datum
custprio_validate_calibration(PG_FUNCTION_ARGS)
{
	return validation(fcinfo, psprintf(calibration, methods), false);
}

/* validate_tracking(name, holdout): one row per model and week */
Datum
custprio_validate_tracking(PG_FUNCTION_ARGS)
{
	return validation(fcinfo, tracking, true);
}
