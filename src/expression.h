/* expression.h: SQL expressions over the columns of one relation, checked and made canonical. */
#ifndef CUSTPRIO_EXPRESSION_H
#define CUSTPRIO_EXPRESSION_H

#include "compat.h"

#include "nodes/bitmapset.h"
#include "nodes/nodes.h"
#include "nodes/pg_list.h"

typedef enum ExpressionKind
{
	EXPRESSION_KEY,				/* any type whose equality is bitwise */
	EXPRESSION_TIME,			/* date, timestamp, timestamptz */
	EXPRESSION_AMOUNT,			/* int2, int4, int8, numeric, float4, float8 */
	EXPRESSION_CONDITION,		/* boolean */
	EXPRESSION_ANY,				/* whatever it is, as when only its columns matter */
	EXPRESSION_SEGMENT			/* any type, as text */
} ExpressionKind;

/* The names under which the predicate of a segment sees its relations. */
#define SEGMENT_PRIORITY	"priority"
#define SEGMENT_CUSTOMERS	"customers"

typedef struct Expression
{
	const char *argument;		/* name of the SQL argument, for messages */
	ExpressionKind kind;
	char	   *text;			/* NULL: not given; canonical once checked */
	bool		canonical;		/* text is ours: names resolve under pg_catalog, pg_temp */
	bool		of_segment;		/* over a priority table; may call custprio's stable functions */
	Oid			joined;			/* the relation of customers, whose columns count too */
	bool		of_metric;		/* may call scoring_day() */
	bool		may_aggregate;	/* may aggregate the rows of a customer */
	const List *metrics;		/* of char *: metrics that it may name like columns; NIL: none */

	/* set by expression_check */
	Oid			type;			/* never a domain; varchar keys become text */
	int32		typmod;
	Oid			collation;
	bool		aggregate;		/* it does aggregate */
	List	   *uses;			/* of char *: those metrics that it names */
	Bitmapset  *columns;		/* that it reads, as pull_varattnos() gives them */
	Bitmapset  *joined_columns; /* and those of joined */
} Expression;

/*
 * Check expr->text against the relation and replace it by its canonical form, in which every name is qualified. To be
 * called within an owner scope; names of a text that is not canonical resolve under search_path, the caller's. Errors
 * name the argument and point at the place.
 */
extern void expression_check(Expression *expr, Oid relid, const char *search_path);

/* The tree of a canonical expression, its columns as Vars of varno 1. To be called within an owner scope. */
extern Node *expression_parse(Expression *expr, Oid relid);

extern Oid custprio_function(const char *name, int nargs, const Oid *argtypes);

/*
 * In a PG_CATCH block: raise the error again with the argument's name at the start of the message, and with hint if it
 * has none of its own. context is the one to work in.
 */
extern void rethrow_for_argument(MemoryContext context, const char *argument, const char *hint) pg_attribute_noreturn();

#endif
