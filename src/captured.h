/* captured.h: which relations are captured for a scorecard, as the view custprio.captured lists them. */
#ifndef CUSTPRIO_CAPTURED_H
#define CUSTPRIO_CAPTURED_H

#include "nodes/pg_list.h"

/*
 * A relation whose changes are captured for a scorecard, as the view custprio.captured lists it. Its rows name a
 * customer by a key expression, and count when one of the expressions has another value. To have more relations
 * captured, add them to that view, check them with capture_check_relation and call capture_follow (capture.h).
 */
typedef struct CapturedRelation
{
	char	   *label;			/* tells a scorecard's relations apart */
	Oid			relid;			/* InvalidOid: there is none now */
	Oid			hint;			/* what it was when it was declared */
	char	   *customer;		/* canonical expressions */
	int			n_expressions;
	char	  **expressions;
	Oid			owner;			/* the scorecard's, as recorded; InvalidOid: there is no such role */
} CapturedRelation;

/* What is captured for a scorecard: a list of CapturedRelation, only the one of a label unless that is NULL. */
extern List *captured_relations(int64 scorecard_id, const char *label);

#endif
