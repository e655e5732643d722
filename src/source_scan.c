/*
 * source_scan.c: reading plain tables directly, in parallel.
 *
 *   leader                      worker 1                  worker n
 *   scans its share of blocks   scans its share           scans its share
 *   into its own table          into its own table        into its own table
 *        │                           │ one file per partition  │
 *        └────────── merges ─────────┴─────────────────────────┘
 *                    each as soon as it is handed over
 *
 * The executor's per-row and per-group costs are what a GROUP BY spends its time on. This path leaves them out: it
 * takes tuples from the table access method and puts them straight into the purchase table. It is used only where it
 * must give the same rows as the query (see scan_relations and plain_column), and then the summaries are the same
 * because adding and merging are exact in any order.
 */
#include "custprio.h"

#include "expression.h"
#include "source.h"
#include "tuple_columns.h"

#include <unistd.h>

#include "access/heapam.h"
#include "access/parallel.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_am.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "rewrite/rewriteManip.h"
#include "storage/bufmgr.h"
#include "storage/condition_variable.h"
#include "storage/sharedfileset.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#define KEY_SHARED		1
#define KEY_SCANS		100		/* + number of the relation */
#define KEY_FILTERS		100000	/* + number of the relation */

#define HAND_OVER_WAIT	100		/* milliseconds until we look whether a worker is still there */

PGDLLEXPORT void custprio_scan_worker(dsm_segment *seg, shm_toc *toc);

/* What to read from one table: the three columns, and the filter over its own column numbers. */
typedef struct ScanRelation
{
	Oid			relid;
	AttrNumber	column[TUPLE_COLUMNS];
	AttrNumber	last_column;
	Node	   *filter;
} ScanRelation;

/* What one worker says of its share. */
typedef struct WorkerShare
{
	pg_atomic_uint32 handed_over;	/* partitions whose files can be read */
	RowCounts	rows;			/* valid when these are all */
} WorkerShare;

/* Shared between leader and workers. */
typedef struct ScanShared
{
	PurchaseRule rule;
	int			rebuild_memory; /* kB */
	int			n_relations;
	SharedFileSet files;
	ConditionVariable handed_over;	/* another partition was */
	WorkerShare worker[FLEXIBLE_ARRAY_MEMBER];
} ScanShared;

/* As ScanRelation, in shared memory. */
typedef struct ScanEntry
{
	ScanRelation relation;		/* filter is of no use here */
	bool		has_filter;
	char		scan[FLEXIBLE_ARRAY_MEMBER];	/* ParallelTableScanDesc */
} ScanEntry;

#define SCAN_OF(entry) ((ParallelTableScanDesc) MAXALIGN((entry)->scan))

/* The column that an expression is, or 0: only a bare column, or one under casts that change no byte. */
static AttrNumber
plain_column(Node *node)
{
	while (IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	if (IsA(node, Var) && ((Var *) node)->varattno > 0)
		return ((Var *) node)->varattno;
	return InvalidAttrNumber;
}

static bool
not_parallel_safe(Oid function, void *context)
{
	return func_parallel(function) != PROPARALLEL_SAFE;
}

static bool
unsafe_node(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, not_parallel_safe, context))
		return true;
	if (IsA(node, CoerceToDomain) || IsA(node, SubLink) || IsA(node, Param))
		return true;
	return expression_tree_walker(node, unsafe_node, context);
}

/*
 * A relation that is read as the query would: a heap without columns that are computed when read, which the filter may
 * use, too.
 */
static bool
plain_heap(Relation rel)
{
	if (rel->rd_rel->relkind != RELKIND_RELATION || rel->rd_rel->relam != HEAP_TABLE_AM_OID)
		return false;
	for (int i = 0; i < RelationGetDescr(rel)->natts; i++)
	{
		char		generated = TupleDescAttr(RelationGetDescr(rel), i)->attgenerated;

		if (generated != '\0' && generated != ATTRIBUTE_GENERATED_STORED)
			return false;
	}
	return true;
}

/* The columns and the filter of parent as child has them; false when it can't be told. */
static bool
translate_to_child(Relation parent, Relation child, const ScanRelation *from, ScanRelation *to)
{
	memset(to, 0, sizeof(ScanRelation));
	to->relid = RelationGetRelid(child);
	for (int i = 0; i < 3; i++)
	{
		Form_pg_attribute theirs = TupleDescAttr(RelationGetDescr(parent), from->column[i] - 1);

		to->column[i] = get_attnum(to->relid, NameStr(theirs->attname));
		if (to->column[i] <= 0 ||
			TupleDescAttr(RelationGetDescr(child), to->column[i] - 1)->atttypid != theirs->atttypid)
			return false;
		to->last_column = Max(to->last_column, to->column[i]);
	}
	if (from->filter)
		to->filter = (Node *) map_partition_varattnos((List *) list_make1(from->filter), 1, child, parent);
	if (to->filter)
		to->filter = linitial((List *) to->filter);
	return true;
}

/*
 * The tables to scan, as ScanRelation, or NIL when the query must be used. The locks stay.
 */
static List *
scan_relations(const Scorecard *card, Oid types[3])
{
	Expression	exprs[4] = {
		{.argument = "customer", .kind = EXPRESSION_KEY, .text = card->customer, .canonical = true},
		{.argument = "purchased_at", .kind = EXPRESSION_TIME, .text = card->purchased_at, .canonical = true},
		{.argument = "amount", .kind = EXPRESSION_AMOUNT, .text = card->amount, .canonical = true},
		{.argument = "filter", .kind = EXPRESSION_CONDITION, .text = card->filter, .canonical = true}
	};
	ScanRelation top = {0};
	Relation	parent;
	List	   *result = NIL;
	ListCell   *lc;

	/* the query would ask for this right by naming the schema */
	(void) LookupExplicitNamespace(get_namespace_name(get_rel_namespace(card->source_relid)), false);
	parent = table_open(card->source_relid, AccessShareLock);
	if ((parent->rd_rel->relkind != RELKIND_RELATION && parent->rd_rel->relkind != RELKIND_PARTITIONED_TABLE) ||
		check_enable_rls(card->source_relid, GetUserId(), true) == RLS_ENABLED ||
		pg_class_aclcheck(card->source_relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
	{
		table_close(parent, NoLock);
		return NIL;
	}

	top.relid = card->source_relid;
	for (int i = 0; i < 3; i++)
	{
		top.column[i] = plain_column(expression_parse(&exprs[i], card->source_relid));
		if (top.column[i] == InvalidAttrNumber)
		{
			table_close(parent, NoLock);
			return NIL;
		}
		types[i] = exprs[i].type;
	}
	if (card->filter)
	{
		top.filter = eval_const_expressions(NULL, expression_parse(&exprs[3], card->source_relid));
		if (unsafe_node(top.filter, NULL))
		{
			table_close(parent, NoLock);
			return NIL;
		}
	}

	foreach(lc, find_all_inheritors(card->source_relid, AccessShareLock, NULL))
	{
		Relation	child = table_open(lfirst_oid(lc), NoLock);
		ScanRelation *scan = palloc(sizeof(ScanRelation));
		bool		usable;

		if (child->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		{
			table_close(child, NoLock);
			continue;			/* holds no rows itself */
		}
		usable = translate_to_child(parent, child, &top, scan) && plain_heap(child);
		table_close(child, NoLock);
		if (!usable)
		{
			result = NIL;
			break;
		}
		result = lappend(result, scan);
	}
	table_close(parent, NoLock);
	return result;
}

/* Take a row into the purchase table, and keep that within its bounds. */
static inline void
take_row(SourceResult *result, PurchaseSpill *spill, Size limit, const Datum *values, const bool *nulls)
{
	if (likely(!purchase_table_add(result->table, values, nulls)))
		return;
	CHECK_FOR_INTERRUPTS();
	if (spill == NULL)
		source_limit_memory(result);
	else if (purchase_table_memory(result->table) > limit)
		purchase_spill_write(spill, result->table);
}

/* All rows of a scan whose columns have a fixed place in the tuples: without slots, which cost more than the rest. */
static void
take_tuples(TableScanDesc scan, const TupleColumns *columns, SourceResult *result, PurchaseSpill *spill, Size limit)
{
	HeapTuple	tuple;

	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Datum		values[TUPLE_COLUMNS];
		bool		nulls[TUPLE_COLUMNS];

		tuple_columns_get(columns, tuple, values, nulls);
		take_row(result, spill, limit, values, nulls);
	}
}

/* All rows of a scan that pass the filter, through a slot. */
static void
take_slots(TableScanDesc scan, Relation rel, const ScanRelation *relation, SourceResult *result, PurchaseSpill *spill,
		   Size limit)
{
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	EState	   *estate = NULL;
	ExprContext *econtext = NULL;
	ExprState  *filter = NULL;

	if (relation->filter)
	{
		estate = CreateExecutorState();
		econtext = GetPerTupleExprContext(estate);
		econtext->ecxt_scantuple = slot;
		filter = ExecPrepareQual(make_ands_implicit((Expr *) relation->filter), estate);
	}
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		Datum		values[TUPLE_COLUMNS];
		bool		nulls[TUPLE_COLUMNS];

		if (filter)
		{
			bool		wanted = ExecQual(filter, econtext);

			ResetExprContext(econtext);
			if (!wanted)
				continue;
		}
		slot_getsomeattrs(slot, relation->last_column);
		for (int i = 0; i < TUPLE_COLUMNS; i++)
		{
			values[i] = slot->tts_values[relation->column[i] - 1];
			nulls[i] = slot->tts_isnull[relation->column[i] - 1];
		}
		take_row(result, spill, limit, values, nulls);
	}
	ExecDropSingleTupleTableSlot(slot);
	if (estate)
		FreeExecutorState(estate);
}

/* Read one table, or this process's share of it, into the purchase table. Rows may stay staged. */
static void
scan_into(Relation rel, ScanRelation *relation, ParallelTableScanDesc shared, SourceResult *result,
		  PurchaseSpill *spill, Size limit)
{
	TupleColumns columns;
	TableScanDesc scan = shared ? table_beginscan_parallel(rel, shared) :
		table_beginscan(rel, GetActiveSnapshot(), 0, NULL);

	if (relation->filter == NULL && tuple_columns_locate(&columns, RelationGetDescr(rel), relation->column))
		take_tuples(scan, &columns, result, spill, limit);
	else
		take_slots(scan, rel, relation, result, spill, limit);
	table_endscan(scan);
}

/*
 * As many workers as the planner would take for a sequential scan of so many blocks, but no more than there are
 * processors beside the leader's: each has a table of nearly all customers to hand over.
 */
static int
workers_for(BlockNumber blocks)
{
	int64		threshold = Max(min_parallel_table_scan_size, 1);
	int			most = Min(max_parallel_workers_per_gather, sysconf(_SC_NPROCESSORS_ONLN) - 1);
	int			workers = 0;

	while (blocks >= threshold && workers < most)
	{
		workers++;
		threshold *= 3;
	}
	return workers;
}

static void
scan_alone(List *relations, SourceResult *result)
{
	ListCell   *lc;

	foreach(lc, relations)
	{
		ScanRelation *relation = lfirst(lc);
		Relation	rel = table_open(relation->relid, NoLock);

		scan_into(rel, relation, NULL, result, NULL, 0);
		table_close(rel, NoLock);
	}
	purchase_table_flush_all(result->table);
}

/* Lay out the shared memory of a parallel scan. */
static ScanShared *
share_scan(ParallelContext *pcxt, List *relations, const PurchaseRule *rule, ScanEntry **entries)
{
	Size		shared_size = add_size(offsetof(ScanShared, worker), mul_size(sizeof(WorkerShare), pcxt->nworkers));
	ScanShared *shared;
	ListCell   *lc;

	shm_toc_estimate_chunk(&pcxt->estimator, shared_size);
	shm_toc_estimate_keys(&pcxt->estimator, 1);
	foreach(lc, relations)
	{
		ScanRelation *relation = lfirst(lc);
		Relation	rel = table_open(relation->relid, NoLock);

		shm_toc_estimate_chunk(&pcxt->estimator,
							   offsetof(ScanEntry, scan) + MAXIMUM_ALIGNOF +
							   table_parallelscan_estimate(rel, GetActiveSnapshot()));
		shm_toc_estimate_keys(&pcxt->estimator, 1);
		if (relation->filter)
		{
			shm_toc_estimate_chunk(&pcxt->estimator, strlen(nodeToString(relation->filter)) + 1);
			shm_toc_estimate_keys(&pcxt->estimator, 1);
		}
		table_close(rel, NoLock);
	}

	InitializeParallelDSM(pcxt);
	shared = shm_toc_allocate(pcxt->toc, shared_size);
	shared->rule = *rule;
	shared->rebuild_memory = custprio_rebuild_memory;
	shared->n_relations = list_length(relations);
	ConditionVariableInit(&shared->handed_over);
	for (int i = 0; i < pcxt->nworkers; i++)
		pg_atomic_init_u32(&shared->worker[i].handed_over, 0);
	if (pcxt->nworkers > 0)
		SharedFileSetInit(&shared->files, pcxt->seg);
	shm_toc_insert(pcxt->toc, KEY_SHARED, shared);

	foreach(lc, relations)
	{
		ScanRelation *relation = lfirst(lc);
		Relation	rel = table_open(relation->relid, NoLock);
		int			number = foreach_current_index(lc);
		ScanEntry  *entry;

		entry = shm_toc_allocate(pcxt->toc, offsetof(ScanEntry, scan) + MAXIMUM_ALIGNOF +
								 table_parallelscan_estimate(rel, GetActiveSnapshot()));
		entry->relation = *relation;
		entry->has_filter = relation->filter != NULL;
		table_parallelscan_initialize(rel, SCAN_OF(entry), GetActiveSnapshot());
		shm_toc_insert(pcxt->toc, KEY_SCANS + number, entry);
		if (relation->filter)
		{
			char	   *text = nodeToString(relation->filter);
			char	   *copy = shm_toc_allocate(pcxt->toc, strlen(text) + 1);

			strcpy(copy, text);
			shm_toc_insert(pcxt->toc, KEY_FILTERS + number, copy);
		}
		entries[number] = entry;
		table_close(rel, NoLock);
	}
	return shared;
}

static void
add_counts(RowCounts *to, const RowCounts *from)
{
	to->read += from->read;
	to->purchases += from->purchases;
	to->returns += from->returns;
	to->null_customer += from->null_customer;
	to->null_time += from->null_time;
	to->null_amount += from->null_amount;
	to->nan_amount += from->nan_amount;
	to->infinite_amount += from->infinite_amount;
	to->infinite_time += from->infinite_time;
	to->future += from->future;
	to->before_history += from->before_history;
}

/* Wait until a worker has handed over a partition. False when it never started, and others have read its share. */
static bool
wait_for_partition(ParallelContext *pcxt, ScanShared *shared, int worker, uint32 partition)
{
	pg_atomic_uint32 *handed_over = &shared->worker[worker].handed_over;
	pid_t		pid;

	/* one that failed has stopped, too: what it raised is raised while we sleep or wait for its end */
	while (pg_atomic_read_u32(handed_over) <= partition &&
		   GetBackgroundWorkerPid(pcxt->worker[worker].bgwhandle, &pid) != BGWH_STOPPED)
		(void) ConditionVariableTimedSleep(&shared->handed_over, HAND_OVER_WAIT, PG_WAIT_EXTENSION);
	ConditionVariableCancelSleep();
	if (pg_atomic_read_u32(handed_over) <= partition)
		return false;
	pg_read_barrier();
	return true;
}

/* Merge what the workers hand over into the leader's table, which spills when it gets too large. */
static void
merge_workers(ParallelContext *pcxt, ScanShared *shared, SourceResult *result)
{
	Size		limit = (Size) custprio_rebuild_memory * 1024;
	int			n = pcxt->nworkers_launched;

	for (int partition = 0; partition < PURCHASE_PARTITIONS; partition++)
	{
		purchase_table_flush(result->table, partition);
		for (int i = 0; i < n; i++)
		{
			if (!wait_for_partition(pcxt, shared, i, partition))
				continue;
			if (result->spill == NULL && purchase_table_memory(result->table) > limit)
				result->spill = purchase_spill_create();
			purchase_spill_read_shared(&shared->files.fs, i, partition, result->table, result->spill, limit);
		}
	}
	for (int i = 0; i < n; i++)
		if (wait_for_partition(pcxt, shared, i, PURCHASE_PARTITIONS - 1))
		{
			add_counts(&result->table->rows, &shared->worker[i].rows);
			result->workers++;
		}
}

static void
scan_in_parallel(List *relations, const PurchaseRule *rule, int workers, SourceResult *result)
{
	ParallelContext *pcxt;
	ScanShared *shared;
	ScanEntry **entries = palloc(sizeof(ScanEntry *) * list_length(relations));
	ListCell   *lc;

	EnterParallelMode();
	pcxt = CreateParallelContext("custprio", "custprio_scan_worker", workers);
	shared = share_scan(pcxt, relations, rule, entries);
	LaunchParallelWorkers(pcxt);

	foreach(lc, relations)
	{
		ScanRelation *relation = lfirst(lc);
		Relation	rel = table_open(relation->relid, NoLock);

		scan_into(rel, relation, SCAN_OF(entries[foreach_current_index(lc)]), result, NULL, 0);
		table_close(rel, NoLock);
	}

	merge_workers(pcxt, shared, result);
	WaitForParallelWorkersToFinish(pcxt);
	DestroyParallelContext(pcxt);
	ExitParallelMode();
}

/* A worker: scans its share of every table and leaves its customers in files. */
void
custprio_scan_worker(dsm_segment *seg, shm_toc *toc)
{
	ScanShared *shared = shm_toc_lookup(toc, KEY_SHARED, false);
	WorkerShare *share = &shared->worker[ParallelWorkerNumber];
	SourceResult *result = source_result_create();
	PurchaseSpill *spill;

	SharedFileSetAttach(&shared->files, seg);
	spill = purchase_spill_create_shared(&shared->files.fs, ParallelWorkerNumber);
	source_result_start(result, &shared->rule);
	for (int i = 0; i < shared->n_relations; i++)
	{
		ScanEntry  *entry = shm_toc_lookup(toc, KEY_SCANS + i, false);
		ScanRelation relation = entry->relation;
		Relation	rel = table_open(relation.relid, AccessShareLock);

		relation.filter = entry->has_filter ? stringToNode(shm_toc_lookup(toc, KEY_FILTERS + i, false)) : NULL;
		scan_into(rel, &relation, SCAN_OF(entry), result, spill, (Size) shared->rebuild_memory * 1024);
		table_close(rel, NoLock);
	}
	for (int i = 0; i < PURCHASE_PARTITIONS; i++)
	{
		purchase_spill_hand_over(spill, i, result->table);
		share->rows = result->table->rows;
		pg_write_barrier();
		pg_atomic_write_u32(&share->handed_over, i + 1);
		ConditionVariableBroadcast(&shared->handed_over);
	}
}

bool
source_scan(const Scorecard *card, DateADT as_of, SourceResult *result)
{
	Oid			types[3];
	List	   *relations = scan_relations(card, types);
	PurchaseRule rule;
	BlockNumber blocks = 0;
	int			workers;
	ListCell   *lc;

	if (relations == NIL)
		return false;

	purchase_rule_set(&rule, card, as_of, types[1], types[2]);
	source_result_start(result, &rule);
	result->fast = true;
	foreach(lc, relations)
	{
		Relation	rel = table_open(((ScanRelation *) lfirst(lc))->relid, NoLock);

		blocks += RelationGetNumberOfBlocks(rel);
		table_close(rel, NoLock);
	}
	workers = workers_for(blocks);
	if (workers == 0 || IsInParallelMode() || list_length(relations) > KEY_FILTERS - KEY_SCANS)
		scan_alone(relations, result);
	else
		scan_in_parallel(relations, &rule, workers, result);
	return true;
}
