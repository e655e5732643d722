/*
 * tier_label.c: the labels of a scorecard's tiers, for the views that it publishes.
 *
 * Like as_of.c: readers of a view need no right on custprio's catalogs, and the labels are read once per query.
 */
#include "custprio.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "customer_tier.h"
#include "scorecard.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(custprio_tier_label);

typedef struct TierLabels
{
	text	   *name;			/* the scorecard asked for */
	text	   *label[TIER_Z + 1];
} TierLabels;

static void
read_label(HeapTuple row, TupleDesc desc, void *arg)
{
	TierLabels *labels = arg;
	bool		isnull;
	int			tier = DatumGetInt32(heap_getattr(row, 1, desc, &isnull));

	labels->label[tier] = DatumGetTextPCopy(heap_getattr(row, 2, desc, &isnull));
}

Datum
custprio_tier_label(PG_FUNCTION_ARGS)
{
	text	   *name = PG_GETARG_TEXT_PP(0);
	CustomerTier tier = PG_GETARG_CUSTOMER_TIER(1);
	TierLabels *labels = fcinfo->flinfo->fn_extra;

	if (labels == NULL || VARSIZE_ANY_EXHDR(labels->name) != VARSIZE_ANY_EXHDR(name) ||
		memcmp(VARDATA_ANY(labels->name), VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name)) != 0)
	{
		MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
		Oid			type = TEXTOID;
		Datum		value;

		labels = palloc0(sizeof(TierLabels));
		labels->name = cstring_to_text_with_len(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
		value = PointerGetDatum(labels->name);
		for (int letter = TIER_A; letter <= TIER_Z; letter++)
			labels->label[letter] = cstring_to_text(psprintf("%c", tier_letter(letter)));
		catalog_select("SELECT r.tier::int4, r.label FROM custprio.tier_rule r JOIN custprio.scorecard s USING (scorecard_id)"
					   " WHERE s.name = $1 AND r.label IS NOT NULL", 1, &type, &value, NULL, read_label, labels);
		MemoryContextSwitchTo(old);
		fcinfo->flinfo->fn_extra = labels;
	}
	PG_RETURN_TEXT_P(labels->label[tier]);
}
