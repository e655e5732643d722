/*
 * epoch.c: the thresholds and fits of a run, and the row of custprio.epoch that points to them.
 *
 * Both are stored under the run that first had them. A run that finds the same ones leaves them, so a refresh
 * with nothing changed writes nothing here.
 */
#include "custprio.h"

#include "epoch.h"

#include "access/xact.h"
#include "capture.h"
#include "clv/params.h"
#include "lifecycle.h"
#include "tier_cuts.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"

static Datum
breaks_array(const Breaks *breaks)
{
	Datum	   *elements = palloc((breaks->n + 1) * sizeof(Datum));

	for (int i = 0; i < breaks->n; i++)
		elements[i] = CStringGetTextDatum(breaks->text[i]);
	return PointerGetDatum(construct_array(elements, breaks->n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* The thresholds of a segment, or of all customers for NULL. The rows of a segment follow one another. */
static Thresholds *
thresholds_of(Thresholds *thresholds, const text *segment)
{
	SegmentThresholds *last = thresholds->n_segments > 0 ? &thresholds->segment[thresholds->n_segments - 1] : NULL;

	if (segment == NULL)
		return thresholds;
	if (last == NULL || compare_segments(last->segment, segment) != 0)
	{
		if (thresholds->segment == NULL)
			thresholds->segment = palloc0(SEGMENTS_MAX * sizeof(SegmentThresholds));
		if (thresholds->n_segments == SEGMENTS_MAX)
			elog(ERROR, "too many segments in custprio.threshold");
		last = &thresholds->segment[thresholds->n_segments++];
		last->segment = segment;
	}
	return &last->own;
}

static void
take_stored(HeapTuple row, TupleDesc desc, void *arg)
{
	bool		isnull;
	char	   *metric = TextDatumGetCString(heap_getattr(row, 1, desc, &isnull));
	char	   *kind = TextDatumGetCString(heap_getattr(row, 2, desc, &isnull));
	Datum		segment = heap_getattr(row, 4, desc, &isnull);
	Thresholds *thresholds = thresholds_of(arg, isnull ? NULL : DatumGetTextPCopy(segment));
	Datum	   *elements;
	bool	   *nulls;
	char	  **texts;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(heap_getattr(row, 3, desc, &isnull)), TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, &nulls, &n);
	texts = palloc((n + 1) * sizeof(char *));
	for (int i = 0; i < n; i++)
		texts[i] = nulls[i] ? pstrdup("Infinity") : TextDatumGetCString(elements[i]);
	if (thresholds->n < THRESHOLDS_MAX)
		thresholds_add(thresholds, metric, kind, n, texts);
}

static Thresholds *
read_thresholds(const Scorecard *card)
{
	Thresholds *thresholds = palloc0(sizeof(Thresholds));
	Oid			types[2] = {INT8OID, INT8OID};
	Datum		values[2] = {Int64GetDatum(card->id), Int64GetDatum(card->epoch_run)};

	if (card->has_epoch)
		catalog_select("SELECT metric, kind, breaks, segment FROM custprio.threshold"
					   " WHERE scorecard_id = $1 AND run_id = $2 ORDER BY segment COLLATE \"C\"",
					   2, types, values, NULL, take_stored, thresholds);
	return thresholds;
}

Thresholds *
epoch_thresholds(const Scorecard *card)
{
	Thresholds *thresholds;

	if (!card->has_epoch || card->epoch_version != card->version)
		return NULL;
	thresholds = read_thresholds(card);
	return thresholds_complete(thresholds) && tier_cuts_complete(thresholds, card) &&
		lifecycle_complete(thresholds, card) ? thresholds : NULL;
}

static bool
same_thresholds(Thresholds *a, Thresholds *b)
{
	if (a->n != b->n)
		return false;
	for (int i = 0; i < a->n; i++)
	{
		Breaks	   *ours = &a->breaks[i];
		Breaks	   *theirs = thresholds_find(b, ours->metric, ours->kind);

		if (theirs == NULL || theirs->n != ours->n)
			return false;
		for (int t = 0; t < ours->n; t++)
			if (strcmp(ours->text[t], theirs->text[t]) != 0)
				return false;
	}
	if (a->n_segments != b->n_segments)
		return false;
	for (int i = 0; i < a->n_segments; i++)
		if (compare_segments(a->segment[i].segment, b->segment[i].segment) != 0 ||
			!same_thresholds(&a->segment[i].own, &b->segment[i].own))
			return false;
	return true;
}

static void
store_thresholds(const Scorecard *card, const text *segment, const Thresholds *thresholds, int64 run_id)
{
	for (int i = 0; i < thresholds->n; i++)
	{
		const Breaks *breaks = &thresholds->breaks[i];
		Oid			types[6] = {INT8OID, INT8OID, TEXTOID, TEXTOID, TEXTARRAYOID, TEXTOID};
		Datum		values[6] = {
			Int64GetDatum(card->id), Int64GetDatum(run_id), CStringGetTextDatum(breaks->metric),
			CStringGetTextDatum(breaks->kind), breaks_array(breaks), PointerGetDatum(segment)
		};

		catalog_execute("INSERT INTO custprio.threshold (scorecard_id, run_id, metric, kind, breaks, segment)"
						" VALUES ($1, $2, $3, $4, $5, $6)", 6, types, values, segment ? NULL : "     n");
	}
	for (int i = 0; i < thresholds->n_segments; i++)
		store_thresholds(card, thresholds->segment[i].segment, &thresholds->segment[i].own, run_id);
}

static Datum
doubles_array(const double *value, int n)
{
	Datum	   *elements = palloc((n + 1) * sizeof(Datum));

	for (int i = 0; i < n; i++)
		elements[i] = Float8GetDatum(value[i]);
	return PointerGetDatum(construct_array(elements, n, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* The fits of a segment; those of all customers for NULL. The rows of a segment follow one another. */
static void
fits_of(EpochFit *fit, const text *segment, ClvFit **purchases, ClvFit **spend)
{
	SegmentFit *last = fit->n_segments > 0 ? &fit->segment[fit->n_segments - 1] : NULL;

	*purchases = &fit->purchases;
	*spend = &fit->spend;
	if (segment == NULL)
		return;
	if (last == NULL || compare_segments(last->segment, segment) != 0)
	{
		if (fit->segment == NULL)
			fit->segment = palloc0(SEGMENTS_MAX * sizeof(SegmentFit));
		if (fit->n_segments == SEGMENTS_MAX)
			elog(ERROR, "too many segments in custprio.clv_fit");
		last = &fit->segment[fit->n_segments++];
		last->segment = segment;
	}
	*purchases = &last->purchases;
	*spend = &last->spend;
}

static void
take_fit(HeapTuple row, TupleDesc desc, void *arg)
{
	EpochFit   *fit = arg;
	bool		isnull;
	const ClvModel *model = clv_model_by_name(TextDatumGetCString(heap_getattr(row, 1, desc, &isnull)));
	ClvFit	   *purchases,
			   *spend,
			   *into;
	Datum		segment = heap_getattr(row, 5, desc, &isnull);
	Datum		choice;
	Datum		parameters;

	fits_of(fit, isnull ? NULL : DatumGetTextPCopy(segment), &purchases, &spend);
	choice = heap_getattr(row, 6, desc, &isnull);
	if (!isnull)
		fit->choice = TextDatumGetCString(choice);
	if (model == NULL)
		return;
	into = model == &clv_gamma_gamma ? spend : purchases;
	into->model = model;
	into->converged = DatumGetBool(heap_getattr(row, 2, desc, &isnull));
	into->status = TextDatumGetCString(heap_getattr(row, 3, desc, &isnull));
	parameters = heap_getattr(row, 4, desc, &isnull);
	if (isnull)
		into->converged = false;
	else
	{
		ArrayType  *array = DatumGetArrayTypeP(parameters);

		if (ARR_NDIM(array) == 1 && ARR_DIMS(array)[0] == model->n_params && !ARR_HASNULL(array))
			memcpy(into->params, ARR_DATA_PTR(array), model->n_params * sizeof(double));
		else
			into->converged = false;
	}
}

EpochFit *
epoch_fit(const Scorecard *card)
{
	EpochFit   *fit = palloc0(sizeof(EpochFit));
	Oid			types[2] = {INT8OID, INT8OID};
	Datum		values[2] = {Int64GetDatum(card->id), Int64GetDatum(card->epoch_run)};

	if (card->clv_model == NULL || !card->has_epoch)
		return NULL;
	catalog_select("SELECT model, converged, status, parameters, segment, choice FROM custprio.clv_fit"
				   " WHERE scorecard_id = $1 AND run_id = $2 ORDER BY segment COLLATE \"C\"",
				   2, types, values, NULL, take_fit, fit);
	return fit->purchases.model == card->clv_model && fit->spend.model ? fit : NULL;
}

static bool
same_fit(const ClvFit *a, const ClvFit *b)
{
	return a->model == b->model && a->converged == b->converged && strcmp(a->status, b->status) == 0 &&
		(!a->converged || memcmp(a->params, b->params, a->model->n_params * sizeof(double)) == 0);
}

/* Whether the stored fits are these. */
static bool
fit_is_stored(const Scorecard *card, const EpochFit *fit)
{
	EpochFit   *stored;

	if (fit == NULL)
		return true;
	stored = epoch_fit(card);
	if (stored == NULL || !same_fit(&stored->purchases, &fit->purchases) || !same_fit(&stored->spend, &fit->spend) ||
		stored->n_segments != fit->n_segments || strcmp(stored->choice ? stored->choice : "", fit->choice ? fit->choice : "") != 0)
		return false;
	for (int i = 0; i < fit->n_segments; i++)
		if (compare_segments(stored->segment[i].segment, fit->segment[i].segment) != 0 ||
			!same_fit(&stored->segment[i].purchases, &fit->segment[i].purchases) ||
			!same_fit(&stored->segment[i].spend, &fit->segment[i].spend))
			return false;
	return true;
}

static void
store_fit(const Scorecard *card, const text *segment, const ClvFit *fit, const char *choice, int64 run_id)
{
	int			k = fit->model->n_params;
	double		covariance[CLV_MAX_PARAMS * CLV_MAX_PARAMS];
	Oid			types[16] = {
		INT8OID, INT8OID, TEXTOID, BOOLOID, TEXTOID, FLOAT8ARRAYOID, FLOAT8OID, FLOAT8OID, INT8OID, INT4OID, FLOAT8OID,
		FLOAT8ARRAYOID, FLOAT8ARRAYOID, TEXTOID, TEXTOID, TEXTOID
	};
	char		nulls[17] = "                ";
	Datum		values[16];

	for (int i = 0; i < k * k; i++)
		covariance[i] = fit->covariance[i / k][i % k];
	values[0] = Int64GetDatum(card->id);
	values[1] = Int64GetDatum(run_id);
	values[2] = CStringGetTextDatum(fit->model->name);
	values[3] = BoolGetDatum(fit->converged);
	values[4] = CStringGetTextDatum(fit->status);
	values[5] = doubles_array(fit->params, k);
	values[6] = Float8GetDatum(fit->log_likelihood);
	values[7] = Float8GetDatum(fit->n);
	values[8] = Int64GetDatum(fit->distinct);
	values[9] = Int32GetDatum(fit->iterations);
	values[10] = Float8GetDatum(fit->gradient_norm);
	values[11] = doubles_array(fit->standard_error, k);
	values[12] = doubles_array(covariance, k * k);
	values[13] = CStringGetTextDatum(card->clv_time_unit);
	values[14] = PointerGetDatum(segment);
	values[15] = choice ? CStringGetTextDatum(choice) : (Datum) 0;
	nulls[14] = segment ? ' ' : 'n';
	nulls[15] = choice ? ' ' : 'n';
	if (!fit->converged)
		nulls[5] = nulls[6] = nulls[10] = nulls[11] = nulls[12] = 'n';
	if (fit->model == &clv_gamma_gamma)
		nulls[13] = 'n';
	catalog_execute("INSERT INTO custprio.clv_fit (scorecard_id, run_id, model, converged, status, parameters,"
					" log_likelihood, n, distinct_rows, iterations, gradient_norm, standard_errors, covariance, time_unit,"
					" segment, choice) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
					16, types, values, nulls);
}

void
epoch_store(const Scorecard *card, const Scores *scores, const EpochFit *fit, const RefreshRun *run, bool state_written)
{
	bool		stored = card->has_epoch && same_thresholds(scores->thresholds, read_thresholds(card)) &&
		fit_is_stored(card, fit);
	int64		epoch_run = stored ? card->epoch_run : run->run_id;
	bool		has_state = state_written || card->has_state;
	DateADT		state_as_of = state_written ? run->as_of : card->state_as_of;
	int			state_version = state_written ? card->version : card->state_version;
	bool		day_chosen = run->rebased || card->as_of != run->as_of ? run->as_of != run->today : card->day_chosen;
	bool		rebuilt = run->mode == REFRESH_REBUILD && state_written && (card->capture || card->changed_since);
	/* with a trigger disabled there may be changes that nobody noted: the next run rebuilds again */
	char	   *relations = !rebuilt || !card->capture ? card->source_relations :
		capture_enabled(card) ? run->source_relations : NULL;
	bool		same_relations = relations && card->source_relations ? strcmp(relations, card->source_relations) == 0 :
		relations == card->source_relations;
	Oid			types[10] = {
		INT8OID, DATEOID, INT4OID, INT8OID, DATEOID, INT4OID, TIMESTAMPTZOID, TEXTOID, BOOLOID, TIMESTAMPTZOID
	};
	Datum		values[10];
	char		nulls[11] = "          ";

	if (!stored)
		store_thresholds(card, NULL, scores->thresholds, run->run_id);
	if (!stored && fit)
	{
		store_fit(card, NULL, &fit->purchases, fit->choice, run->run_id);
		store_fit(card, NULL, &fit->spend, NULL, run->run_id);
		for (int i = 0; i < fit->n_segments; i++)
		{
			store_fit(card, fit->segment[i].segment, &fit->segment[i].purchases, NULL, run->run_id);
			store_fit(card, fit->segment[i].segment, &fit->segment[i].spend, NULL, run->run_id);
		}
	}
	if (stored && same_relations && !(rebuilt && card->rebuild_every) && card->as_of == run->as_of &&
		card->changed_mark == run->changed_mark && card->day_chosen == day_chosen && card->epoch_version == card->version &&
		card->has_state == has_state && (!has_state || (card->state_as_of == state_as_of &&
														card->state_version == state_version)))
		return;

	values[0] = Int64GetDatum(card->id);
	values[1] = DateADTGetDatum(run->as_of);
	values[2] = Int32GetDatum(card->version);
	values[3] = Int64GetDatum(epoch_run);
	values[4] = DateADTGetDatum(state_as_of);
	values[5] = Int32GetDatum(state_version);
	values[6] = TimestampTzGetDatum(rebuilt ? GetCurrentTransactionStartTimestamp() : card->rebuilt_at);
	values[7] = relations ? CStringGetTextDatum(relations) : (Datum) 0;
	values[8] = BoolGetDatum(day_chosen);
	values[9] = TimestampTzGetDatum(run->changed_mark);
	nulls[9] = run->changed_mark != 0 ? ' ' : 'n';
	nulls[6] = rebuilt || card->rebuilt_at != 0 ? ' ' : 'n';
	nulls[7] = relations ? ' ' : 'n';
	if (!has_state)
		nulls[4] = nulls[5] = 'n';
	catalog_execute("INSERT INTO custprio.epoch (scorecard_id, as_of, version, run_id, state_as_of, state_version,"
					" rebuilt_at, source_relations, day_chosen, changed_mark) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
					" ON CONFLICT (scorecard_id) DO UPDATE SET as_of = EXCLUDED.as_of, version = EXCLUDED.version,"
					" run_id = EXCLUDED.run_id, state_as_of = EXCLUDED.state_as_of,"
					" state_version = EXCLUDED.state_version, rebuilt_at = EXCLUDED.rebuilt_at,"
					" source_relations = EXCLUDED.source_relations, day_chosen = EXCLUDED.day_chosen,"
					" changed_mark = EXCLUDED.changed_mark",
					10, types, values, nulls);
}
