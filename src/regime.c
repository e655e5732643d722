/*
 * regime.c: days on which the rules of a market changed.
 *
 * Purchases under earlier rules, such as those before a volume-based procurement took hold, say little of what a
 * customer is worth now. From the as-of day on which a regime applies, which may be some time after its start, purchases
 * before its start are left out like those that a scorecard's history leaves out, and by the same means: so a scorecard
 * comes to a regime by itself, keeps exact in incremental refreshes, and as of an earlier day scores as it did then.
 */
#include "custprio.h"

#include "regime.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"

static void
read_regime(HeapTuple row, TupleDesc desc, void *arg)
{
	Scorecard  *card = arg;
	bool		isnull;

	card->regime = card->regime ? repalloc(card->regime, (card->n_regimes + 1) * sizeof(Regime)) : palloc(sizeof(Regime));
	card->regime[card->n_regimes].starts_on = DatumGetDateADT(heap_getattr(row, 1, desc, &isnull));
	card->regime[card->n_regimes++].applies_from = DatumGetDateADT(heap_getattr(row, 2, desc, &isnull));
}

void
regimes_load(Scorecard *card)
{
	catalog_select("SELECT starts_on, applies_from FROM custprio.regime WHERE scorecard_id = $1", 1,
				   (Oid[]) {INT8OID}, (Datum[]) {Int64GetDatum(card->id)}, NULL, read_regime, card);
}

DateADT
regime_start(const Scorecard *card, DateADT as_of)
{
	DateADT		start = DATEVAL_NOBEGIN;

	for (int i = 0; i < card->n_regimes; i++)
		if (card->regime[i].applies_from <= as_of)
			start = Max(start, card->regime[i].starts_on);
	return start;
}
