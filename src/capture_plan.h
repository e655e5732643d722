/* capture_plan.h: how to take the customer's key from rows of a captured relation. */
#ifndef CUSTPRIO_CAPTURE_PLAN_H
#define CUSTPRIO_CAPTURE_PLAN_H

#include "access/attnum.h"
#include "fmgr.h"
#include "datatype/timestamp.h"
#include "statement_keys.h"

typedef struct CapturePlanOf
{
	int64		scorecard_id;
	Oid			relid;
	char		label[CAPTURE_LABEL_MAX + 4];	/* no padding: it is a hash key */
} CapturePlanOf;

typedef struct CapturePlan
{
	CapturePlanOf of;			/* hash key */
	bool		valid;
	TimestampTz made_at;
	bool		ignore;			/* nothing is captured here any more */
	bool		blind;			/* the key cannot be told: everything may have changed */
	bool		rows_fit;		/* row triggers take the key from where it is */
	AttrNumber	column;
	FmgrInfo	cast;			/* fn_oid InvalidOid: none */
	Oid			key_type;
	int			n_used;			/* columns that the scorecard reads */
	AttrNumber *used;
} CapturePlan;

/* The plan for a relation and the label of what is captured; worked out once per session. */
extern CapturePlan *capture_plan(int64 scorecard_id, const char *label, Oid relid);

#endif
