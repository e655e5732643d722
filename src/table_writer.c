/*
 * table_writer.c: rows of a published table written fast.
 *
 * Inserts go through table_multi_insert in batches; updates and deletes, which are few, through the executor's
 * functions for single rows (those of logical replication). Indexes, constraints and row triggers that the owner has
 * added to a published table are served; tables with an insert trigger get their rows one by one.
 */
#include "custprio.h"

#include "table_writer.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "executor/nodeModifyTable.h"
#include "miscadmin.h"
#include "rewrite/rewriteHandler.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#define WRITER_BATCH 500

typedef struct TableWriterState
{
	EState	   *estate;
	ResultRelInfo *info;
	EPQState	epq;
	bool		bulk;
	BulkInsertState bistate;
	MemoryContext context;		/* of the slots */
	MemoryContext batch_context;	/* heap_multi_insert leaves memory behind */
	int			n;
	TupleTableSlot *slot[WRITER_BATCH];
	const KeyMap *keys;			/* set while the primary key is deferred */
	KeyedEntry *deferred;		/* key and packed TID of every row inserted */
	int64		n_deferred;
	int64		max_deferred;
	TupleTableSlot *one;
	ExprState **default_value;	/* by column; NULL: none, or the value is given */
	Bitmapset  *given;			/* columns that are ours */
	TupleTableSlot *latest;		/* a row that somebody else has changed meanwhile */
} TableWriterState;

Oid
custprio_type(const char *name)
{
	Oid			type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name),
									   ObjectIdGetDatum(get_namespace_oid("custprio", false)));

	if (!OidIsValid(type))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("type custprio.%s does not exist", name),
				 errhint("The extension's catalogs do not fit its library: run ALTER EXTENSION custprio UPDATE.")));
	return type;
}

AttrNumber
published_column(Relation rel, const char *name, Oid type)
{
	AttrNumber	attnum = get_attnum(RelationGetRelid(rel), name);

	if (attnum <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of table \"%s\" is missing", name, RelationGetRelationName(rel)),
				 errhint("Columns that a scorecard made must stay; drop the scorecard and create it again.")));
	if (TupleDescAttr(RelationGetDescr(rel), attnum - 1)->atttypid != type)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of table \"%s\" has type %s instead of %s", name, RelationGetRelationName(rel),
						format_type_be(TupleDescAttr(RelationGetDescr(rel), attnum - 1)->atttypid),
						format_type_be(type)),
				 errhint("Give the column its type back, or drop the scorecard and create it again.")));
	return attnum;
}

TableWriter *
table_writer_open(Oid relid)
{
	TableWriter *writer = palloc0(sizeof(TableWriter));
	TableWriterState *state = palloc0(sizeof(TableWriterState));
	TriggerDesc *triggers;
	Relation	rel = table_open(relid, RowExclusiveLock);

	if (rel->rd_rel->relkind != RELKIND_RELATION)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", RelationGetRelationName(rel)),
				 errhint("Drop the scorecard and create it again.")));
	writer->rel = rel;
	writer->state = state;
	state->estate = CreateExecutorState();
	state->info = makeNode(ResultRelInfo);
	custprio_init_range_table(state->estate, rel);
	InitResultRelInfo(state->info, rel, 1, NULL, 0);
	/* where triggers look for it */
	state->estate->es_opened_result_relations = list_make1(state->info);
	state->estate->es_output_cid = GetCurrentCommandId(true);
	state->estate->es_snapshot = GetActiveSnapshot();
	AfterTriggerBeginQuery();
	ExecOpenIndices(state->info, false);
	custprio_init_epq(&state->epq, state->estate);

	triggers = state->info->ri_TrigDesc;
	state->bulk = triggers == NULL ||
		!(triggers->trig_insert_before_row || triggers->trig_insert_after_row || triggers->trig_insert_new_table);
	if (state->bulk)
		state->bistate = GetBulkInsertState();
	state->one = table_slot_create(rel, NULL);
	state->latest = table_slot_create(rel, NULL);
	state->context = CurrentMemoryContext;
	state->batch_context = AllocSetContextCreate(CurrentMemoryContext, "custprio rows to insert",
												 ALLOCSET_DEFAULT_SIZES);
	return writer;
}

static void *
pack_tid(ItemPointer tid)
{
	return (void *) (((uintptr_t) ItemPointerGetBlockNumber(tid) << 16) | ItemPointerGetOffsetNumber(tid));
}

static void
unpack_tid(void *packed, ItemPointer tid)
{
	ItemPointerSet(tid, (BlockNumber) ((uintptr_t) packed >> 16), (OffsetNumber) ((uintptr_t) packed & 0xffff));
}

StaticAssertDecl(sizeof(void *) >= 8, "a TID must fit a pointer");

void
table_writer_defer_primary_key(TableWriter *writer, AttrNumber key_column, const KeyMap *keys)
{
	TableWriterState *state = writer->state;
	ResultRelInfo *info = state->info;
	IndexInfo  *index;

	if (!state->bulk || info->ri_NumIndices != 1)
		return;
	index = info->ri_IndexRelationInfo[0];
	if (!info->ri_IndexRelationDescs[0]->rd_index->indisprimary ||
		!info->ri_IndexRelationDescs[0]->rd_index->indimmediate ||
		index->ii_NumIndexAttrs != 1 || index->ii_IndexAttrNumbers[0] != key_column ||
		index->ii_Expressions != NIL || index->ii_Predicate != NIL)
		return;
	state->keys = keys;
	state->max_deferred = 1024;
	state->deferred = palloc(state->max_deferred * sizeof(KeyedEntry));
}

/* Put all deferred rows into the primary key, in the order of the key. */
static void
insert_deferred(TableWriter *writer)
{
	TableWriterState *state = writer->state;
	Relation	index = state->info->ri_IndexRelationDescs[0];
	IndexInfo  *index_info = state->info->ri_IndexRelationInfo[0];

	keymap_sort_entries(state->keys, state->deferred, state->n_deferred);
	for (int64 i = 0; i < state->n_deferred; i++)
	{
		ItemPointerData tid;
		bool		isnull = false;

		unpack_tid(state->deferred[i].entry, &tid);
		(void) index_insert(index, &state->deferred[i].key, &isnull, &tid, writer->rel, UNIQUE_CHECK_YES, false,
							index_info);
		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	pfree(state->deferred);
	state->keys = NULL;
}

void
table_writer_given(TableWriter *writer, const AttrNumber *columns, int n)
{
	TableWriterState *state = writer->state;
	TupleDesc	desc = RelationGetDescr(writer->rel);

	for (int i = 0; i < n; i++)
		state->given = bms_add_member(state->given, columns[i]);
	for (AttrNumber attnum = 1; attnum <= desc->natts; attnum++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, attnum - 1);
		Node	   *expr;

		if (attr->attisdropped || attr->attgenerated != '\0' || bms_is_member(attnum, state->given))
			continue;
		expr = build_column_default(writer->rel, attnum);
		if (expr == NULL)
			continue;
		if (state->default_value == NULL)
			state->default_value = palloc0(desc->natts * sizeof(ExprState *));
		state->default_value[attnum - 1] = ExecPrepareExpr((Expr *) expr, state->estate);
	}
}

/* Put the defaults of the columns that are not given into a filled slot. They live until the row's memory is reset. */
static void
fill_defaults(TableWriterState *state, TupleTableSlot *slot)
{
	if (state->default_value == NULL)
		return;
	for (int i = 0; i < slot->tts_tupleDescriptor->natts; i++)
		if (state->default_value[i])
			slot->tts_values[i] = ExecEvalExprSwitchContext(state->default_value[i],
															GetPerTupleExprContext(state->estate),
															&slot->tts_isnull[i]);
}

static void
fill_slot(TupleTableSlot *slot, const Datum *values, const bool *nulls)
{
	int			natts = slot->tts_tupleDescriptor->natts;

	ExecClearTuple(slot);
	memcpy(slot->tts_values, values, natts * sizeof(Datum));
	memcpy(slot->tts_isnull, nulls, natts * sizeof(bool));
	ExecStoreVirtualTuple(slot);
}

void
table_writer_flush(TableWriter *writer)
{
	TableWriterState *state = writer->state;
	MemoryContext old;

	if (state->n == 0)
		return;
	old = MemoryContextSwitchTo(state->batch_context);
	table_multi_insert(writer->rel, state->slot, state->n, state->estate->es_output_cid, 0, state->bistate);
	MemoryContextSwitchTo(old);
	for (int i = 0; i < state->n; i++)
	{
		if (state->keys)
			state->deferred[state->n_deferred - state->n + i].entry = pack_tid(&state->slot[i]->tts_tid);
		else if (state->info->ri_NumIndices > 0)
			custprio_insert_index_tuples(state->info, state->slot[i], state->estate);
		ExecClearTuple(state->slot[i]);
		ResetPerTupleExprContext(state->estate);
	}
	MemoryContextReset(state->batch_context);
	state->n = 0;
	CHECK_FOR_INTERRUPTS();
}

void
table_writer_insert(TableWriter *writer, const Datum *values, const bool *nulls)
{
	TableWriterState *state = writer->state;
	TupleTableSlot *slot;

	writer->inserted++;
	if (!state->bulk)
	{
		fill_slot(state->one, values, nulls);
		fill_defaults(state, state->one);
		ExecSimpleRelationInsert(state->info, state->estate, state->one);
		ResetPerTupleExprContext(state->estate);
		return;
	}
	if (state->slot[state->n] == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(state->context);

		state->slot[state->n] = table_slot_create(writer->rel, NULL);
		MemoryContextSwitchTo(old);
	}
	slot = state->slot[state->n];
	fill_slot(slot, values, nulls);
	fill_defaults(state, slot);
	slot->tts_tableOid = RelationGetRelid(writer->rel);
	if (writer->rel->rd_att->constr)
	{
		if (writer->rel->rd_att->constr->has_generated_stored)
			ExecComputeStoredGenerated(state->info, state->estate, slot, CMD_INSERT);
		ExecConstraints(state->info, slot, state->estate);
	}
	/* the slot must own what it holds until the batch is written */
	ExecMaterializeSlot(slot);
	if (state->keys)
	{
		if (state->n_deferred == state->max_deferred)
		{
			state->max_deferred *= 2;
			state->deferred = repalloc_huge(state->deferred, state->max_deferred * sizeof(KeyedEntry));
		}
		state->deferred[state->n_deferred++].key =
			values[state->info->ri_IndexRelationInfo[0]->ii_IndexAttrNumbers[0] - 1];
	}
	if (state->default_value)
		ResetPerTupleExprContext(state->estate);
	if (++state->n == WRITER_BATCH)
		table_writer_flush(writer);
}

/*
 * Whether nobody has ever changed or locked a row, as a look at its header in the pinned page tells without a lock. The
 * slot's own tuple would not do: it belongs to the scan, which may be ahead by now.
 */
static bool
is_untouched(TupleTableSlot *slot)
{
	Buffer		buffer;
	Page		page;
	HeapTupleHeader header;

	if (!TTS_IS_BUFFERTUPLE(slot))
		return false;
	buffer = ((BufferHeapTupleTableSlot *) slot)->buffer;
	if (!BufferIsValid(buffer))
		return false;
	page = BufferGetPage(buffer);
	header = (HeapTupleHeader) PageGetItem(page, PageGetItemId(page, ItemPointerGetOffsetNumber(&slot->tts_tid)));
	return (header->t_infomask & HEAP_XMAX_INVALID) != 0;
}

/*
 * The version of a row to write over. That is the one our snapshot sees, unless somebody has changed it since: readers
 * may write columns of their own. Then it is their version, locked, or NULL when they have deleted it. Rows that a
 * trigger will be called for are locked in any case, as the executor's functions expect.
 */
static TupleTableSlot *
latest_version(TableWriter *writer, TupleTableSlot *old, LockTupleMode mode, bool has_trigger)
{
	TableWriterState *state = writer->state;
	ItemPointerData tid = old->tts_tid;
	TM_FailureData failure;
	TM_Result	result;

	if (!has_trigger && is_untouched(old))
		return old;

	result = table_tuple_lock(writer->rel, &tid, state->estate->es_snapshot, state->latest, GetCurrentCommandId(false),
							  mode, LockWaitBlock, TUPLE_LOCK_FLAG_FIND_LAST_VERSION, &failure);
	if (result == TM_Deleted)
		return NULL;
	if (result == TM_SelfModified)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
				 errmsg("a trigger has changed a row of table \"%s\" that is being refreshed",
						RelationGetRelationName(writer->rel)),
				 errhint("Let triggers change only the row that they are called for.")));
	if (result != TM_Ok)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("a row of table \"%s\" was changed at the same time", RelationGetRelationName(writer->rel)),
				 errhint("Refresh again.")));
	return state->latest;
}

/* Put the values of columns that are not ours as they are in the latest version. */
static void
fill_others(TableWriterState *state, TupleTableSlot *slot, TupleTableSlot *latest)
{
	slot_getallattrs(latest);
	for (int i = 0; i < slot->tts_tupleDescriptor->natts; i++)
	{
		if (bms_is_member(i + 1, state->given))
			continue;
		slot->tts_values[i] = latest->tts_values[i];
		slot->tts_isnull[i] = latest->tts_isnull[i];
	}
}

void
table_writer_update(TableWriter *writer, TupleTableSlot *old, const Datum *values, const bool *nulls)
{
	TableWriterState *state = writer->state;
	TriggerDesc *triggers = state->info->ri_TrigDesc;
	TupleTableSlot *latest = latest_version(writer, old, LockTupleNoKeyExclusive,
											triggers != NULL && triggers->trig_update_before_row);

	if (latest == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("a row of table \"%s\" was deleted at the same time", RelationGetRelationName(writer->rel)),
				 errhint("Refresh again.")));
	fill_slot(state->one, values, nulls);
	if (latest != old)
		fill_others(state, state->one, latest);
	ExecSimpleRelationUpdate(state->info, state->estate, &state->epq, latest, state->one);
	ExecClearTuple(state->latest);
	ResetPerTupleExprContext(state->estate);
	writer->updated++;
	CHECK_FOR_INTERRUPTS();
}

void
table_writer_delete(TableWriter *writer, TupleTableSlot *old)
{
	TableWriterState *state = writer->state;
	TriggerDesc *triggers = state->info->ri_TrigDesc;
	TupleTableSlot *latest = latest_version(writer, old, LockTupleExclusive,
											triggers != NULL && triggers->trig_delete_before_row);

	if (latest == NULL)
		return;					/* somebody else was faster */
	ExecSimpleRelationDelete(state->info, state->estate, &state->epq, latest);
	ExecClearTuple(state->latest);
	ResetPerTupleExprContext(state->estate);
	writer->deleted++;
	CHECK_FOR_INTERRUPTS();
}

void
table_writer_close(TableWriter *writer)
{
	TableWriterState *state = writer->state;

	table_writer_flush(writer);
	if (state->keys)
		insert_deferred(writer);
	if (state->bulk)
	{
		FreeBulkInsertState(state->bistate);
		table_finish_bulk_insert(writer->rel, 0);
	}
	EvalPlanQualEnd(&state->epq);
	AfterTriggerEndQuery(state->estate);
	/* also what triggers have opened: those of all writers fire when the innermost one closes */
	ExecCloseResultRelations(state->estate);
	ExecResetTupleTable(state->estate->es_tupleTable, false);
	for (int i = 0; i < WRITER_BATCH && state->slot[i]; i++)
		ExecDropSingleTupleTableSlot(state->slot[i]);
	ExecDropSingleTupleTableSlot(state->one);
	ExecDropSingleTupleTableSlot(state->latest);
	FreeExecutorState(state->estate);
	table_close(writer->rel, NoLock);
	CommandCounterIncrement();
}
