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

static Datum
breaks_array(const Breaks *breaks)
{
	Datum	   *elements = palloc((breaks->n + 1) * sizeof(Datum));

	for (int i = 0; i < breaks->n; i++)
		elements[i] = CStringGetTextDatum(breaks->text[i]);
	return PointerGetDatum(construct_array(elements, breaks->n, TEXTOID, -1, false, TYPALIGN_INT));
}

static void
take_stored(HeapTuple row, TupleDesc desc, void *arg)
{
	Thresholds *thresholds = arg;
	bool		isnull;
	char	   *metric = TextDatumGetCString(heap_getattr(row, 1, desc, &isnull));
	char	   *kind = TextDatumGetCString(heap_getattr(row, 2, desc, &isnull));
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
		catalog_select("SELECT metric, kind, breaks FROM custprio.threshold WHERE scorecard_id = $1 AND run_id = $2",
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
	return thresholds->n == THRESHOLDS_MAX ? thresholds : NULL;
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
	return true;
}

static void
store_thresholds(const Scorecard *card, const Thresholds *thresholds, int64 run_id)
{
	for (int i = 0; i < thresholds->n; i++)
	{
		const Breaks *breaks = &thresholds->breaks[i];
		Oid			types[5] = {INT8OID, INT8OID, TEXTOID, TEXTOID, TEXTARRAYOID};
		Datum		values[5] = {
			Int64GetDatum(card->id), Int64GetDatum(run_id), CStringGetTextDatum(breaks->metric),
			CStringGetTextDatum(breaks->kind), breaks_array(breaks)
		};

		catalog_execute("INSERT INTO custprio.threshold (scorecard_id, run_id, metric, kind, breaks)"
						" VALUES ($1, $2, $3, $4, $5)", 5, types, values, NULL);
	}
}

void
epoch_store(const Scorecard *card, const Scores *scores, const RefreshRun *run, bool state_written)
{
	bool		stored = card->has_epoch && same_thresholds(scores->thresholds, read_thresholds(card));
	int64		epoch_run = stored ? card->epoch_run : run->run_id;
	bool		has_state = state_written || card->has_state;
	DateADT		state_as_of = state_written ? run->as_of : card->state_as_of;
	int			state_version = state_written ? card->version : card->state_version;
	Oid			types[6] = {INT8OID, DATEOID, INT4OID, INT8OID, DATEOID, INT4OID};
	Datum		values[6];
	char		nulls[7] = "      ";

	if (!stored)
		store_thresholds(card, scores->thresholds, run->run_id);
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
