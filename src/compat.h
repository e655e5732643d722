/* compat.h: every condition on the server's version lives here. */
#ifndef CUSTPRIO_COMPAT_H
#define CUSTPRIO_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "custprio needs PostgreSQL 15 or newer"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#else
/* Before 16 an input function cannot report an error softly. */
#define ereturn(context, dummy_value, ...) ereport(ERROR, __VA_ARGS__)
#endif

#include "catalog/pg_namespace.h"
#include "executor/executor.h"
#include "parser/parse_relation.h"
#include "utils/acl.h"
#include "utils/rel.h"

/* Make rel the only relation of an executor state, as its range table entry 1. */
static inline void
custprio_init_range_table(EState *estate, Relation rel)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);
#if PG_VERSION_NUM >= 160000
	List	   *permissions = NIL;
#endif

	rte->rtekind = RTE_RELATION;
	rte->relid = RelationGetRelid(rel);
	rte->relkind = rel->rd_rel->relkind;
	rte->rellockmode = RowExclusiveLock;
#if PG_VERSION_NUM >= 180000
	addRTEPermissionInfo(&permissions, rte);
	ExecInitRangeTable(estate, list_make1(rte), permissions, bms_make_singleton(1));
#elif PG_VERSION_NUM >= 160000
	addRTEPermissionInfo(&permissions, rte);
	ExecInitRangeTable(estate, list_make1(rte), permissions);
#else
	ExecInitRangeTable(estate, list_make1(rte));
#endif
}

/* Index entries for a row just inserted. */
static inline void
custprio_insert_index_tuples(ResultRelInfo *info, TupleTableSlot *slot, EState *estate)
{
#if PG_VERSION_NUM >= 160000
	list_free(ExecInsertIndexTuples(info, slot, estate, false, false, NULL, NIL, false));
#else
	list_free(ExecInsertIndexTuples(info, slot, estate, false, false, NULL, NIL));
#endif
}

/* Whether this process holds a lock in just this mode. */
#if PG_VERSION_NUM >= 170000
#define custprio_lock_held(tag, mode) LockHeldByMe(tag, mode, false)
#else
#define custprio_lock_held(tag, mode) LockHeldByMe(tag, mode)
#endif

/* Prepare for single-row updates. */
static inline void
custprio_init_epq(EPQState *epq, EState *estate)
{
#if PG_VERSION_NUM >= 160000
	EvalPlanQualInit(epq, estate, NULL, NIL, -1, NIL);
#else
	EvalPlanQualInit(epq, estate, NULL, NIL, -1);
#endif
}

static inline Oid
custprio_primary_key_index(Relation rel)
{
#if PG_VERSION_NUM >= 180000
	return RelationGetPrimaryKeyIndex(rel, false);
#else
	return RelationGetPrimaryKeyIndex(rel);
#endif
}

#if PG_VERSION_NUM >= 180000
#define custprio_index_beginscan(rel, index, snapshot) index_beginscan(rel, index, snapshot, NULL, 1, 0)
#else
#define custprio_index_beginscan(rel, index, snapshot) index_beginscan(rel, index, snapshot, 1, 0)
#endif

/* Whether a role owns a relation. */
static inline bool
custprio_owns_relation(Oid relid, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(RelationRelationId, relid, role);
#else
	return pg_class_ownercheck(relid, role);
#endif
}

/* Whether a role may create relations in a schema. */
static inline bool
custprio_can_create_in(Oid namespace, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(NamespaceRelationId, namespace, role, ACL_CREATE) == ACLCHECK_OK;
#else
	return pg_namespace_aclcheck(namespace, role, ACL_CREATE) == ACLCHECK_OK;
#endif
}

/* Grouped columns have a range table entry of their own. */
#if PG_VERSION_NUM >= 180000
#define CUSTPRIO_HAS_GROUP_RTE
#endif

#if PG_VERSION_NUM >= 180000 && !defined(pg_attribute_noreturn)
#define pg_attribute_noreturn() __attribute__((noreturn))
#endif

#endif
