/*
 * epoch.c: the thresholds of a run, and the row of custprio.epoch that points to them.
 *
 * Thresholds are stored under the run that first had them. A run that finds the same ones leaves them, so a refresh
 * with nothing changed writes nothing here.
 */
#include "custprio.h"

#include "epoch.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"

/* A threshold that is stored already, to compare with. */
typedef struct StoredThresholds
{
	const Scores *scores;
	int			rows;
	int			equal;
} StoredThresholds;

static Datum
breaks_array(const Threshold *threshold)
{
	Datum	   *elements = palloc((threshold->n + 1) * sizeof(Datum));

	for (int i = 0; i < threshold->n; i++)
		elements[i] = CStringGetTextDatum(threshold->breaks[i]);
	return PointerGetDatum(construct_array(elements, threshold->n, TEXTOID, -1, false, TYPALIGN_INT));
}

static bool
same_breaks(const Threshold *threshold, Datum stored)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(stored), TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	if (n != threshold->n)
		return false;
	for (int i = 0; i < n; i++)
		if (nulls[i] || strcmp(TextDatumGetCString(elements[i]), threshold->breaks[i]) != 0)
			return false;
	return true;
}

static void
compare_threshold(HeapTuple row, TupleDesc desc, void *arg)
{
	StoredThresholds *stored = arg;
	bool		isnull;
	char	   *metric = TextDatumGetCString(heap_getattr(row, 1, desc, &isnull));
	char	   *kind = TextDatumGetCString(heap_getattr(row, 2, desc, &isnull));
	Datum		breaks = heap_getattr(row, 3, desc, &isnull);

	stored->rows++;
	for (int i = 0; i < stored->scores->n_thresholds; i++)
	{
		const Threshold *threshold = &stored->scores->threshold[i];

		if (strcmp(threshold->metric, metric) == 0 && strcmp(threshold->kind, kind) == 0)
			stored->equal += same_breaks(threshold, breaks);
	}
}

static bool
thresholds_are_stored(const Scorecard *card, const Scores *scores)
{
	StoredThresholds stored = {scores, 0, 0};
	Oid			types[2] = {INT8OID, INT8OID};
	Datum		values[2] = {Int64GetDatum(card->id), Int64GetDatum(card->epoch_run)};

	if (!card->has_epoch)
		return false;
	catalog_select("SELECT metric, kind, breaks FROM custprio.threshold WHERE scorecard_id = $1 AND run_id = $2",
				   2, types, values, NULL, compare_threshold, &stored);
	return stored.rows == scores->n_thresholds && stored.equal == scores->n_thresholds;
}

static void
store_thresholds(const Scorecard *card, const Scores *scores, int64 run_id)
{
	for (int i = 0; i < scores->n_thresholds; i++)
	{
		const Threshold *threshold = &scores->threshold[i];
		Oid			types[5] = {INT8OID, INT8OID, TEXTOID, TEXTOID, TEXTARRAYOID};
		Datum		values[5] = {
			Int64GetDatum(card->id), Int64GetDatum(run_id), CStringGetTextDatum(threshold->metric),
			CStringGetTextDatum(threshold->kind), breaks_array(threshold)
		};

		catalog_execute("INSERT INTO custprio.threshold (scorecard_id, run_id, metric, kind, breaks)"
						" VALUES ($1, $2, $3, $4, $5)", 5, types, values, NULL);
	}
}

void
epoch_store(const Scorecard *card, const Scores *scores, const RefreshRun *run, bool state_written)
{
	bool		stored = thresholds_are_stored(card, scores);
	int64		epoch_run = stored ? card->epoch_run : run->run_id;
	bool		has_state = state_written || card->has_state;
	DateADT		state_as_of = state_written ? run->as_of : card->state_as_of;
	int			state_version = state_written ? card->version : card->state_version;
	Oid			types[6] = {INT8OID, DATEOID, INT4OID, INT8OID, DATEOID, INT4OID};
	Datum		values[6];
	char		nulls[7] = "      ";

	if (!stored)
		store_thresholds(card, scores, run->run_id);
	if (stored && card->as_of == run->as_of && card->epoch_version == card->version &&
		card->has_state == has_state && (!has_state || (card->state_as_of == state_as_of &&
														card->state_version == state_version)))
		return;

	values[0] = Int64GetDatum(card->id);
	values[1] = DateADTGetDatum(run->as_of);
	values[2] = Int32GetDatum(card->version);
	values[3] = Int64GetDatum(epoch_run);
	values[4] = DateADTGetDatum(state_as_of);
	values[5] = Int32GetDatum(state_version);
	if (!has_state)
		nulls[4] = nulls[5] = 'n';
	catalog_execute("INSERT INTO custprio.epoch (scorecard_id, as_of, version, run_id, state_as_of, state_version)"
					" VALUES ($1, $2, $3, $4, $5, $6)"
					" ON CONFLICT (scorecard_id) DO UPDATE SET as_of = EXCLUDED.as_of, version = EXCLUDED.version,"
					" run_id = EXCLUDED.run_id, state_as_of = EXCLUDED.state_as_of,"
					" state_version = EXCLUDED.state_version",
					6, types, values, nulls);
}
