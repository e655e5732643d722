/*
 * owner_rows.c: answers about customers that need the owner's rights, for whoever may see these customers.
 *
 * The predicate of a segment may read columns of the customers' relation that only the scorecard's owner may read, and
 * it must never run with the rights of whoever asks. So queries made of an owner's expressions run as the owner, in a
 * security-restricted operation, and the answer is cut down to the customers whom the caller can read in the priority
 * table by grants and row security: who may read none gets an error, as from the table itself.
 */
#include "custprio.h"

#include "funcapi.h"
#include "keymap.h"
#include "miscadmin.h"
#include "owner_rows.h"
#include "query.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/tuplestore.h"

typedef struct Answer
{
	ReturnSetInfo *result;
	KeyMap	   *visible;		/* NULL: all customers */
	Oid			key_type;
	FmgrInfo	output;			/* of the key's type */
	MemoryContext scratch;		/* of one row */
} Answer;

static Datum
plain_key(const KeyMap *map, Datum key)
{
	if (!map->byval && map->typlen < 0)
		return PointerGetDatum(PG_DETOAST_DATUM_PACKED(key));
	return key;
}

static void
take_visible(TupleTableSlot *slot, void *arg)
{
	KeyMap	   *visible = arg;
	Datum		key = plain_key(visible, slot->tts_values[0]);
	bool		found;

	keymap_insert(visible, key, keymap_hash(visible, key), &found);
}

/* The customers whom the current user can read, or NULL for all of them; raises without any right. */
static KeyMap *
visible_customers(const Scorecard *card)
{
	KeyMap	   *visible;
	QueryRows	rows = {NULL, take_visible, NULL};

	if (pg_class_aclcheck(card->priority_relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK &&
		check_enable_rls(card->priority_relid, InvalidOid, true) != RLS_ENABLED)
		return NULL;
	visible = keymap_create(CurrentMemoryContext, card->key_type, sizeof(Datum));
	rows.arg = visible;
	query_each(psprintf("SELECT customer_id FROM %s",
						quote_qualified_identifier(card->schema, get_rel_name(card->priority_relid))),
			   InvalidOid, (Datum) 0, &rows, psprintf("the customers of scorecard \"%s\"", card->name));
	return visible;
}

static void
give_row(TupleTableSlot *slot, void *arg)
{
	Answer	   *answer = arg;
	TupleDesc	desc = answer->result->setDesc;
	MemoryContext old = MemoryContextSwitchTo(answer->scratch);
	Datum	   *values = palloc(desc->natts * sizeof(Datum));

	Assert(slot->tts_tupleDescriptor->natts == desc->natts);
	if (answer->visible)
	{
		Datum		key = plain_key(answer->visible, slot->tts_values[0]);

		if (keymap_find(answer->visible, key, keymap_hash(answer->visible, key)) == KEYMAP_NONE)
		{
			MemoryContextSwitchTo(old);
			MemoryContextReset(answer->scratch);
			return;
		}
	}
	memcpy(values, slot->tts_values, desc->natts * sizeof(Datum));
	values[0] = CStringGetTextDatum(OutputFunctionCall(&answer->output, values[0]));
	tuplestore_putvalues(answer->result->setResult, desc, values, slot->tts_isnull);
	MemoryContextSwitchTo(old);
	MemoryContextReset(answer->scratch);
}

static void
name_query(void *arg)
{
	errcontext("%s", (const char *) arg);
}

void
owner_rows(FunctionCallInfo fcinfo, const Scorecard *card, const char *sql, const char *what)
{
	Answer		answer = {.key_type = card->key_type};
	QueryRows	rows = {NULL, give_row, &answer};
	ErrorContextCallback callback = {error_context_stack, name_query, unconstify(char *, what)};
	OwnerScope	scope;
	Oid			output;
	bool		is_varlena;

	InitMaterializedSRF(fcinfo, 0);
	answer.result = (ReturnSetInfo *) fcinfo->resultinfo;
	answer.scratch = AllocSetContextCreate(CurrentMemoryContext, "custprio row", ALLOCSET_DEFAULT_SIZES);
	getTypeOutputInfo(card->key_type, &output, &is_varlena);
	fmgr_info(output, &answer.output);
	answer.visible = visible_customers(card);
	error_context_stack = &callback;
	owner_scope_enter(&scope, card->owner, card->time_zone);
	query_each(sql, InvalidOid, (Datum) 0, &rows, what);
	owner_scope_leave(&scope);
	error_context_stack = callback.previous;
	MemoryContextDelete(answer.scratch);
}

char *
owner_rows_only(const Scorecard *card, const char *column, text *customer)
{
	return psprintf("%s OPERATOR(pg_catalog.=) CAST(%s AS %s)", column,
					quote_literal_cstr(text_to_cstring(customer)), format_type_be_qualified(card->key_type));
}

Scorecard *
owner_rows_card(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"name\" must not be NULL"),
				 errhint("SELECT name FROM custprio.scorecard lists the scorecards.")));
	return scorecard_load_for(scorecard_id_by_name(text_to_cstring(PG_GETARG_TEXT_PP(0))), LOAD_TO_ALTER);
}
