/*
 * expression.c: checks the SQL expressions of a declaration and makes them canonical.
 *
 * A declaration's expressions run later, unattended, under other settings. So each is parsed once the way its author
 * means it, refused unless it is one plain expression over the relation's columns that gives the same answer at any
 * time, and written back with every name qualified. The canonical text is parsed again under the settings of a refresh
 * to prove that it still means the same.
 */
#include "custprio.h"

#include "access/genam.h"
#include "access/nbtree.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_am.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "expression.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_func.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "parser/parser.h"
#include "subtransaction.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

/* Expressions are parsed as the target list of this, which shifts every error position. */
#define SELECT_PREFIX "SELECT "

#define HINT_CURRENT_TIME \
	"To count only recent purchases use the option \"history\"; the day that counts as today is chosen with each refresh."
#define HINT_RECENCY \
	"Count days up to the as-of day: custprio.recency_days('crm', last_purchase) > 90."

typedef struct CheckContext
{
	ParseState *pstate;
	Expression *expr;
	Node	   *node;			/* whose functions are being looked at */
	bool		has_column;
	int			aggregate_depth;	/* inside an aggregate's arguments */
	Var		   *loose;			/* a column outside all aggregates */
	bool		has_aggregate;
} CheckContext;

/* In a PG_CATCH block: raise the error again as one about an argument. */
void
rethrow_for_argument(MemoryContext context, const char *argument, const char *hint)
{
	ErrorData  *edata;

	MemoryContextSwitchTo(context);
	edata = CopyErrorData();
	/* A cancel or shutdown is not the argument's fault. */
	if (!ends_statement(edata))
	{
		edata->message = psprintf("argument \"%s\": %s", argument, edata->message);
		if (edata->hint == NULL && hint)
			edata->hint = pstrdup(hint);
	}
	FlushErrorState();
	ReThrowError(edata);
}

/* Error context: positions are in the expression, not in the statement that the client sent. */
static void
point_into_expression(void *arg)
{
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(Max(position - (int) strlen(SELECT_PREFIX), 1));
		internalerrquery((const char *) arg);
	}
}

/* The one expression in text, raw. Anything else that a SELECT could carry is refused. */
static Node *
parse_single(const char *text, ParseState *pstate)
{
	List	   *statements = raw_parser(pstate->p_sourcetext, RAW_PARSE_DEFAULT);
	SelectStmt *select;
	ResTarget  *target;

	if (list_length(statements) != 1 || !IsA(linitial_node(RawStmt, statements)->stmt, SelectStmt))
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("must be one SQL expression"),
				 errdetail("It reads: %s", text)));
	select = (SelectStmt *) linitial_node(RawStmt, statements)->stmt;
	if (select->op != SETOP_NONE || list_length(select->targetList) != 1 || select->distinctClause ||
		select->intoClause || select->fromClause || select->whereClause || select->groupClause ||
		select->havingClause || select->windowClause || select->valuesLists || select->sortClause ||
		select->limitOffset || select->limitCount || select->lockingClause || select->withClause)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("must be one SQL expression"),
				 errdetail("It reads: %s", text),
				 errhint("Give an expression over the columns of the relation, such as a column's name.")));
	target = linitial_node(ResTarget, select->targetList);
	if (target->name)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("must be one SQL expression without a name of its own"),
				 errdetail("It reads: %s", text)));
	if (IsA(target->val, ColumnRef) && IsA(llast(((ColumnRef *) target->val)->fields), A_Star))
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("must be one SQL expression, not all columns"),
				 parser_errposition(pstate, target->location)));
	return target->val;
}

/* Sub-selects are refused before they are analysed: they could read other relations. */
static bool
refuse_subselect(Node *node, ParseState *pstate)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubLink) || IsA(node, SelectStmt))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("must not contain a sub-select"),
				 errhint("Join what you need in a view and use the view instead."),
				 parser_errposition(pstate, exprLocation(node))));
	return raw_expression_tree_walker(node, refuse_subselect, (void *) pstate);
}

static bool
is_date_time(Oid type)
{
	switch (type)
	{
		case DATEOID:
		case TIMEOID:
		case TIMETZOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case INTERVALOID:
			return true;
		default:
			return false;
	}
}

/* A function of schema custprio. */
Oid
custprio_function(const char *name, int nargs, const Oid *argtypes)
{
	return LookupFuncName(list_make2(makeString("custprio"), makeString(unconstify(char *, name))), nargs, argtypes,
						  false);
}

static bool
list_member_text(const List *list, const char *text)
{
	for (int i = 0; i < list_length(list); i++)
		if (strcmp(list_nth(list, i), text) == 0)
			return true;
	return false;
}

/* Does text begin with one of the special date inputs that mean the current time? */
static bool
means_current_time(const char *text, int length)
{
	static const char *const words[] = {"now", "today", "tomorrow", "yesterday"};
	int			i;

	while (length > 0 && isspace((unsigned char) *text))
		text++, length--;
	for (i = 0; i < lengthof(words); i++)
	{
		int			n = strlen(words[i]);

		if (length >= n && pg_strncasecmp(text, words[i], n) == 0 &&
			(length == n || !isalpha((unsigned char) text[n])))
			return true;
	}
	return false;
}

static void
refuse_current_time(CheckContext *context, Node *node)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg("must not depend on the current time"),
			 errhint("%s", context->expr->of_segment ? HINT_RECENCY : HINT_CURRENT_TIME),
			 parser_errposition(context->pstate, exprLocation(node))));
}

/* A date or time constant that was spelled 'today' would stay at the day of the declaration. */
static void
check_constant(CheckContext *context, Const *constant)
{
	const char *source = context->pstate->p_sourcetext;
	const char *literal;

	if (!is_date_time(constant->consttype) || constant->location < 0 || constant->location >= (int) strlen(source))
		return;
	literal = strchr(source + constant->location, '\'');
	/* Only the literal itself counts: at most a prefix such as E stands before its quote. */
	if (literal && literal - (source + constant->location) <= 2 && means_current_time(literal + 1, strlen(literal + 1)))
		refuse_current_time(context, (Node *) constant);
}

/* The same detour through text: 'now'::text::date. */
static void
check_text_input(CheckContext *context, CoerceViaIO *coerce)
{
	Node	   *arg = (Node *) coerce->arg;

	while (IsA(arg, RelabelType))
		arg = (Node *) ((RelabelType *) arg)->arg;
	if (is_date_time(coerce->resulttype) && IsA(arg, Const) && !((Const *) arg)->constisnull &&
		((Const *) arg)->consttype == TEXTOID)
	{
		char	   *input = TextDatumGetCString(((Const *) arg)->constvalue);

		if (means_current_time(input, strlen(input)))
			refuse_current_time(context, (Node *) coerce);
	}
}

static bool
is_clock_function(Oid function, void *arg)
{
	switch (function)
	{
		case F_NOW:
		case F_TRANSACTION_TIMESTAMP:
		case F_STATEMENT_TIMESTAMP:
		case F_CLOCK_TIMESTAMP:
		case F_TIMEOFDAY:
		case F_AGE_TIMESTAMP:
		case F_AGE_TIMESTAMPTZ:
			return true;
		default:
			return false;
	}
}

/* Refuse what depends on the current time: looked for first, because it deserves the better hint. */
static bool
refuse_clock(Node *node, CheckContext *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Const))
		check_constant(context, (Const *) node);
	else if (IsA(node, CoerceViaIO))
		check_text_input(context, (CoerceViaIO *) node);
	else if (IsA(node, SQLValueFunction) && ((SQLValueFunction *) node)->op <= SVFOP_LOCALTIMESTAMP_N)
		refuse_current_time(context, node);
	else if (check_functions_in_node(node, is_clock_function, NULL))
		refuse_current_time(context, node);
	return expression_tree_walker(node, refuse_clock, (void *) context);
}

/* Is a function one of PostgreSQL's own casts of dates, times and money? They depend on settings, not on other data. */
static bool
is_builtin_cast(Oid function)
{
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	if (function >= FirstUnpinnedObjectId)
		return false;
	rel = table_open(CastRelationId, AccessShareLock);
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_cast cast = (Form_pg_cast) GETSTRUCT(tuple);

		found = cast->castfunc == function &&
			(is_date_time(cast->castsource) || is_date_time(cast->casttarget) ||
			 cast->castsource == MONEYOID || cast->casttarget == MONEYOID);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

/* scoring_day() and metric_value(), which a refresh gives their values. */
static bool
is_metric_function(const Expression *expr, Oid function)
{
	return expr->of_metric &&
		(function == custprio_function("scoring_day", 0, NULL) ||
		 (expr->metrics && function == custprio_function("metric_value", 1, (Oid[]) {TEXTOID})));
}

/* Note which metric metric_value() asks for. */
static void
check_metric_value(CheckContext *context, FuncExpr *call)
{
	Const	   *name;

	if (!context->expr->metrics || call->funcid != custprio_function("metric_value", 1, (Oid[]) {TEXTOID}))
		return;
	name = linitial(call->args);
	if (IsA(name, Const) && !name->constisnull)
	{
		char	   *metric = TextDatumGetCString(name->constvalue);

		if (list_member_text(context->expr->metrics, metric))
		{
			if (!list_member_text(context->expr->uses, metric))
				context->expr->uses = lappend(context->expr->uses, metric);
			return;
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("metric_value() must be given the name of an added metric"),
			 parser_errposition(context->pstate, exprLocation((Node *) call))));
}

/*
 * An aggregate whose result can depend on the order of its rows: sums of floating-point numbers are rounded after each
 * row, and arrays and strings grow row by row.
 */
static bool
order_matters(const Aggref *aggref)
{
	Form_pg_aggregate form;
	HeapTuple	tuple;
	Oid			step;

	if (aggref->aggkind != AGGKIND_NORMAL || aggref->aggorder != NIL || aggref->aggdistinct != NIL)
		return false;
	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggref->aggfnoid));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for aggregate %u", aggref->aggfnoid);
	form = (Form_pg_aggregate) GETSTRUCT(tuple);
	step = form->aggtransfn;
	ReleaseSysCache(tuple);
	switch (step)
	{
		case F_FLOAT4PL:
		case F_FLOAT8PL:
		case F_FLOAT4_ACCUM:
		case F_FLOAT8_ACCUM:
		case F_FLOAT8_REGR_ACCUM:
		case F_ARRAY_AGG_TRANSFN:
		case F_ARRAY_AGG_ARRAY_TRANSFN:
		case F_STRING_AGG_TRANSFN:
		case F_BYTEA_STRING_AGG_TRANSFN:
		case F_JSON_AGG_TRANSFN:
		case F_JSONB_AGG_TRANSFN:
		case F_JSON_OBJECT_AGG_TRANSFN:
		case F_JSONB_OBJECT_AGG_TRANSFN:
		case F_XMLCONCAT2:
			return true;
		default:
			return false;
	}
}

static void
check_aggregate(CheckContext *context, Aggref *aggref)
{
	if (!context->expr->may_aggregate)
		ereport(ERROR,
				(errcode(ERRCODE_GROUPING_ERROR),
				 errmsg("must not use an aggregate function"),
				 context->expr->of_metric ? errhint("Only rows of a relation can be aggregated.") :
				 errhint("Every row of the source is one purchase; aggregate in a view if it is not."),
				 parser_errposition(context->pstate, exprLocation((Node *) aggref))));
	if (order_matters(aggref))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("aggregate %s depends on the order of rows", format_procedure(aggref->aggfnoid)),
				 errdetail("The same rows could give another result each time."),
				 errhint("Cast floating-point numbers to numeric, or write ORDER BY inside the aggregate."),
				 parser_errposition(context->pstate, exprLocation((Node *) aggref))));
	context->has_aggregate = true;
}

static bool
check_function(Oid function, void *arg)
{
	CheckContext *context = arg;
	Node	   *node = context->node;
	char		volatility = func_volatile(function);
	bool		is_operator = IsA(node, OpExpr) || IsA(node, DistinctExpr) || IsA(node, NullIfExpr) || IsA(node, ScalarArrayOpExpr);
	const char *name;

	if (is_metric_function(context->expr, function))
		return false;
	if (isAnyTempNamespace(get_func_namespace(function)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("must not use a temporary function"),
				 errdetail("Function %s is gone when this session ends.", get_func_name(function)),
				 parser_errposition(context->pstate, exprLocation(node))));
	if (volatility == PROVOLATILE_IMMUTABLE)
		return false;
	if (volatility == PROVOLATILE_STABLE)
	{
		/* Text forms of dates and times follow DateStyle and TimeZone, which a refresh pins. */
		if (IsA(node, CoerceViaIO) &&
			(is_date_time(((CoerceViaIO *) node)->resulttype) || is_date_time(exprType((Node *) ((CoerceViaIO *) node)->arg))))
			return false;
		if (IsA(node, FuncExpr) && is_builtin_cast(function))
			return false;
		/* as_of(), recency_days() and rfm_segment() stand still while an epoch lasts */
		if (context->expr->of_segment &&
			getExtensionOfObject(ProcedureRelationId, function) == get_extension_oid("custprio", true))
			return false;
	}

	if (IsA(node, ScalarArrayOpExpr))
		name = psprintf("operator %s", format_operator(((ScalarArrayOpExpr *) node)->opno));
	else if (is_operator)
		name = psprintf("operator %s", format_operator(((OpExpr *) node)->opno));
	else
		name = psprintf("function %s", format_procedure(function));
	if (volatility == PROVOLATILE_VOLATILE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("%s is volatile", name),
				 errdetail("It may have side effects, or another result each time."),
				 errhint("Use only immutable functions and casts."),
				 parser_errposition(context->pstate, exprLocation(node))));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg("%s is not immutable", name),
			 errdetail("Its result can change with settings or with other data."),
			 is_operator
			 ? errhint("Cast both sides to one type without a time zone, for example ordered_at::date >= '2024-01-01'.")
			 : errhint("Use only immutable functions and casts, for example ordered_at::date."),
			 parser_errposition(context->pstate, exprLocation(node))));
	return false;
}

/* Refuse whatever must not be in an expression; note whether it has a column. */
static bool
check_node(Node *node, CheckContext *context)
{
	ParseState *pstate = context->pstate;

	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Var:
			if (((Var *) node)->varattno <= 0)
				ereport(ERROR,
						(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						 ((Var *) node)->varattno == 0
						 ? errmsg("must not use a whole row")
						 : errmsg("must not use a system column"),
						 errhint("Use ordinary columns."),
						 parser_errposition(pstate, exprLocation(node))));
			context->has_column = true;
			if (context->aggregate_depth == 0)
				context->loose = (Var *) node;
			break;
		case T_FuncExpr:
			check_metric_value(context, (FuncExpr *) node);
			break;
		case T_Param:
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_PARAMETER),
					 errmsg("must not use a parameter"),
					 parser_errposition(pstate, exprLocation(node))));
			break;
		case T_Aggref:
			check_aggregate(context, (Aggref *) node);
			break;
		case T_GroupingFunc:
			ereport(ERROR,
					(errcode(ERRCODE_GROUPING_ERROR),
					 errmsg("must not use GROUPING"),
					 parser_errposition(pstate, exprLocation(node))));
			break;
		case T_WindowFunc:
			ereport(ERROR,
					(errcode(ERRCODE_WINDOWING_ERROR),
					 errmsg("must not use a window function"),
					 errhint("Compute it in a view and use the view instead."),
					 parser_errposition(pstate, exprLocation(node))));
			break;
		case T_SQLValueFunction:
			/* The current time was refused before. */
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
					 errmsg("must not depend on the current user, schema or database"),
					 parser_errposition(pstate, exprLocation(node))));
			break;
		default:
			break;
	}
	if ((IsA(node, FuncExpr) && ((FuncExpr *) node)->funcretset) || (IsA(node, OpExpr) && ((OpExpr *) node)->opretset))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("must not use a function that returns a set"),
				 errhint("Expand the rows in a view and use the view instead."),
				 parser_errposition(pstate, exprLocation(node))));
	context->node = node;
	(void) check_functions_in_node(node, check_function, context);
	if (IsA(node, Aggref))
	{
		bool		result;

		context->aggregate_depth++;
		result = expression_tree_walker(node, check_node, (void *) context);
		context->aggregate_depth--;
		return result;
	}
	return expression_tree_walker(node, check_node, (void *) context);
}

/* A name that is no column: perhaps a metric's, whose value is then asked for. */
static Node *
find_metric(ParseState *pstate, ColumnRef *ref, Node *found)
{
	const List *metrics = pstate->p_ref_hook_state;
	char	   *name;

	if (found || list_length(ref->fields) != 1 || !IsA(linitial(ref->fields), String))
		return NULL;
	name = strVal(linitial(ref->fields));
	if (list_member_text(metrics, name))
	{
		Const	   *argument = makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1, CStringGetTextDatum(name), false,
										 false);
		FuncExpr   *call = makeFuncExpr(custprio_function("metric_value", 1, (Oid[]) {TEXTOID}), NUMERICOID,
										list_make1(argument), InvalidOid, DEFAULT_COLLATION_OID,
										COERCE_EXPLICIT_CALL);

		call->location = ref->location;
		return (Node *) call;
	}
	return NULL;
}

static int
hint_cast(Expression *expr, const char *type)
{
	return errhint("Cast it, for example %s => %s.", expr->argument,
				   quote_literal_cstr(psprintf("(%s)::%s", expr->text, type)));
}

/* Is equality of a type under a collation the same as equality of its bytes? */
static bool
equality_is_bitwise(Oid type, Oid collation)
{
	Oid			opclass = GetDefaultOpClass(type, BTREE_AM_OID);
	Oid			family;
	Oid			input_type;
	Oid			function;

	/* Trailing blanks do not count in a bpchar, whatever its operator class says. */
	if (!OidIsValid(opclass) || type == BPCHAROID)
		return false;
	family = get_opclass_family(opclass);
	input_type = get_opclass_input_type(opclass);
	function = get_opfamily_proc(family, input_type, input_type, BTEQUALIMAGE_PROC);
	return OidIsValid(function) &&
		DatumGetBool(OidFunctionCall1Coll(function, collation, ObjectIdGetDatum(input_type)));
}

static void
check_key(Expression *expr)
{
	if (OidIsValid(expr->collation) && !get_collation_isdeterministic(expr->collation))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("nondeterministic collation \"%s\" cannot tell customers apart", get_collation_name(expr->collation)),
				 errhint("Choose another collation, for example: (code COLLATE \"C\").")));
	if (type_is_collatable(expr->type) && !OidIsValid(expr->collation))
		ereport(ERROR,
				(errcode(ERRCODE_INDETERMINATE_COLLATION),
				 errmsg("could not determine which collation to use"),
				 errhint("Use the COLLATE clause to set it.")));
	if (!equality_is_bitwise(expr->type, expr->collation))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("type %s cannot be a customer key", format_type_be(expr->type)),
				 errdetail("Keys are of types in which equal values have equal bytes, such as bigint, integer, uuid and text."),
				 hint_cast(expr, "text")));
}

/* The type that an expression of this kind is stored with; an error when its own does not fit. */
static Oid
target_type(Expression *expr, Oid type)
{
	switch (expr->kind)
	{
		case EXPRESSION_KEY:
			return type == VARCHAROID ? TEXTOID : type;
		case EXPRESSION_TIME:
			if (type == DATEOID || type == TIMESTAMPOID || type == TIMESTAMPTZOID)
				return type;
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("must be a date, timestamp or timestamp with time zone, not %s", format_type_be(type)),
					 hint_cast(expr, "timestamptz")));
			break;
		case EXPRESSION_AMOUNT:
			switch (type)
			{
				case INT2OID:
				case INT4OID:
				case INT8OID:
				case NUMERICOID:
				case FLOAT4OID:
				case FLOAT8OID:
					return type;
				default:
					ereport(ERROR,
							(errcode(ERRCODE_DATATYPE_MISMATCH),
							 errmsg("must be a number, not %s", format_type_be(type)),
							 hint_cast(expr, "numeric")));
			}
			break;
		case EXPRESSION_CONDITION:
			if (type != BOOLOID)
				ereport(ERROR,
						(errcode(ERRCODE_DATATYPE_MISMATCH),
						 errmsg("must be a condition of type boolean, not %s", format_type_be(type)),
						 errhint("Write a comparison, for example status = 'paid'.")));
			return type;
		case EXPRESSION_ANY:
			return type;
		case EXPRESSION_SEGMENT:
			return TEXTOID;
	}
	return InvalidOid;			/* keep the compiler quiet */
}

/*
 * Parse, check and coerce text against an open relation under the present settings; fills in the type of expr.
 */
static Node *
analyse(Expression *expr, Relation rel)
{
	MemoryContext context = CurrentMemoryContext;
	Node	   *volatile result = NULL;
	ErrorContextCallback callback;

	callback.callback = point_into_expression;
	callback.arg = expr->text;
	callback.previous = error_context_stack;
	PG_TRY();
	{
		ParseState *pstate = make_parsestate(NULL);
		CheckContext check = {0};
		ParseNamespaceItem *item;
		Node	   *node;
		Oid			type;
		Oid			target;

		error_context_stack = &callback;
		pstate->p_sourcetext = psprintf(SELECT_PREFIX "%s", expr->text);
		item = addRangeTableEntryForRelation(pstate, rel, AccessShareLock,
											 expr->of_segment ? makeAlias(SEGMENT_PRIORITY, NIL) : NULL, true, true);
		if (expr->metrics)
		{
			pstate->p_post_columnref_hook = find_metric;
			pstate->p_ref_hook_state = unconstify(List *, expr->metrics);
		}
		addNSItemToQuery(pstate, item, true, true, true);
		if (OidIsValid(expr->joined))
		{
			Relation	joined = relation_open(expr->joined, AccessShareLock);

			item = addRangeTableEntryForRelation(pstate, joined, AccessShareLock, makeAlias(SEGMENT_CUSTOMERS, NIL),
												 true, true);
			addNSItemToQuery(pstate, item, true, true, true);
			relation_close(joined, NoLock);
		}
		node = parse_single(expr->text, pstate);
		refuse_subselect(node, pstate);
		node = transformExpr(pstate, node, EXPR_KIND_OTHER);
		if (exprType(node) == UNKNOWNOID)
			node = coerce_type(pstate, node, UNKNOWNOID, expr->kind == EXPRESSION_CONDITION ? BOOLOID : TEXTOID, -1,
							   COERCION_IMPLICIT, COERCE_IMPLICIT_CAST, -1);
		check.pstate = pstate;
		check.expr = expr;
		expr->uses = NIL;
		refuse_clock(node, &check);
		check_node(node, &check);
		if (check.has_aggregate && check.loose)
			ereport(ERROR,
					(errcode(ERRCODE_GROUPING_ERROR),
					 errmsg("must not use a column outside of an aggregate function beside one"),
					 errhint("Each customer has many rows: write max(column), for example."),
					 parser_errposition(pstate, exprLocation((Node *) check.loose))));
		expr->aggregate = check.has_aggregate;
		if (!check.has_column &&
			(expr->kind == EXPRESSION_KEY || expr->kind == EXPRESSION_TIME || expr->kind == EXPRESSION_SEGMENT))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
					 errmsg("must use a column of %s", RelationGetRelationName(rel)),
					 errdetail("It reads: %s", expr->text),
					 errhint("A name in single quotes inside the expression is a constant; columns have no quotes or double quotes.")));
		type = exprType(node);
		expr->typmod = exprTypmod(node);
		if (get_typtype(type) == TYPTYPE_DOMAIN)
		{
			type = getBaseTypeAndTypmod(type, &expr->typmod);
			node = coerce_to_target_type(pstate, node, exprType(node), type, -1, COERCION_EXPLICIT, COERCE_EXPLICIT_CAST, -1);
		}
		target = target_type(expr, type);
		if (target != type)
		{
			node = coerce_to_target_type(pstate, node, type, target, -1, COERCION_EXPLICIT, COERCE_EXPLICIT_CAST, -1);
			expr->typmod = -1;
		}
		assign_expr_collations(pstate, node);
		expr->type = target;
		expr->collation = exprCollation(node);
		expr->columns = NULL;
		pull_varattnos(node, 1, &expr->columns);
		expr->joined_columns = NULL;
		pull_varattnos(node, 2, &expr->joined_columns);
		if (expr->kind == EXPRESSION_KEY)
			check_key(expr);
		free_parsestate(pstate);
		error_context_stack = callback.previous;
		result = node;
	}
	PG_CATCH();
	{
		rethrow_for_argument(context, expr->argument, NULL);
	}
	PG_END_TRY();
	return result;
}

static RangeTblEntry *
named_relation(Oid relid, const char *name)
{
	RangeTblEntry *entry = makeNode(RangeTblEntry);

	entry->rtekind = RTE_RELATION;
	entry->relid = relid;
	entry->relkind = get_rel_relkind(relid);
	entry->rellockmode = AccessShareLock;
	entry->eref = makeAlias(name, NIL);
	return entry;
}

/* A tree as text with every name qualified. */
static char *
canonical_text(const Expression *expr, Node *node, Relation rel)
{
	PlannedStmt *statement;

	if (!expr->of_segment)
		return deparse_expression(node, deparse_context_for(RelationGetRelationName(rel), RelationGetRelid(rel)),
								  false, false);
	/* of the two ways to name relations in a tree, the one for plans takes more than one of them */
	statement = makeNode(PlannedStmt);
	statement->rtable = list_make1(named_relation(RelationGetRelid(rel), SEGMENT_PRIORITY));
	if (OidIsValid(expr->joined))
		statement->rtable = lappend(statement->rtable, named_relation(expr->joined, SEGMENT_CUSTOMERS));
	return deparse_expression(node, deparse_context_for_plan_tree(statement,
																  list_make2(SEGMENT_PRIORITY, SEGMENT_CUSTOMERS)),
							  true, false);
}

void
expression_check(Expression *expr, Oid relid, const char *search_path)
{
	Relation	rel;
	Node	   *node;
	Expression	again;
	char	   *canonical;

	if (expr->text == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be NULL", expr->argument),
				 errhint("Give an expression over the columns of the relation, such as a column's name.")));
	if (strspn(expr->text, " \t\r\n") == strlen(expr->text))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be empty", expr->argument),
				 errhint("Give an expression over the columns of the relation, such as a column's name.")));
	rel = relation_open(relid, AccessShareLock);
	if (expr->canonical)
		node = analyse(expr, rel);
	else
	{
		int			nest_level = NewGUCNestLevel();

		(void) set_config_option("search_path", search_path, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
		node = analyse(expr, rel);
		AtEOXact_GUC(false, nest_level);
	}
	canonical = canonical_text(expr, node, rel);

	again = *expr;
	again.text = canonical;
	node = analyse(&again, rel);
	if (again.type != expr->type || again.collation != expr->collation ||
		strcmp(canonical_text(expr, node, rel), canonical) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("argument \"%s\": the expression has no form that is independent of search_path", expr->argument),
				 errdetail("It would be stored as: %s", canonical),
				 errhint("Write it in a simpler way, or compute it in a view and use the view instead.")));
	expr->text = canonical;
	expr->canonical = true;
	relation_close(rel, NoLock);
}

Node *
expression_parse(Expression *expr, Oid relid)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	Node	   *node = analyse(expr, rel);

	relation_close(rel, NoLock);
	return node;
}
