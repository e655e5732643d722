/* protected.h: attributes that must not enter a score without a reason. */
#ifndef CUSTPRIO_PROTECTED_H
#define CUSTPRIO_PROTECTED_H

#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"

/*
 * The protected attributes among the columns of a relation (a set as pull_varattnos() gives it) and whatever stands
 * behind them, through views and generated columns: a list of "relation.column", each once. *why is the reason of the
 * first one.
 */
extern List *protected_attributes(Oid relid, const Bitmapset *columns, char **why);

#endif
