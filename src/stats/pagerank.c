/*
 * pagerank.c: influence in a network, where a reference by the influential counts more.
 *
 * PageRank (S. Brin and L. Page, "The anatomy of a large-scale hypertextual Web search engine", Computer Networks 30
 * (1998) 107-117): the share of its time that somebody spends at each node who follows links, chosen by their weight,
 * and with probability 1 - damping begins anew at a node drawn evenly. From a node without links to others one always
 * begins anew (A. N. Langville and C. D. Meyer, "Deeper inside PageRank", Internet Mathematics 1 (2004) 335-380).
 *
 * Power iteration from equal ranks until the ranks change by no more than tolerance in all; the distance from the exact
 * ranks is then at most damping / (1 - damping) times that. Nodes and links are sorted before anything is summed, so
 * that the ranks depend neither on the rows' order nor on the plan.
 */
#include "custprio.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "query.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(custprio_pagerank);

enum
{
	ARG_EDGES, ARG_FROM, ARG_TO, ARG_WEIGHT, ARG_DAMPING, ARG_TOLERANCE, ARG_MAX_ITERATIONS
};

typedef struct Link
{
	uint32		from;
	uint32		to;
	double		weight;
} Link;

typedef struct Graph
{
	MemoryContext context;
	KeyMap	   *nodes;			/* by name; entries are keys alone */
	Link	   *link;
	int64		n_links;
	int64		room;
} Graph;

static uint32
node_of(Graph *graph, Datum name)
{
	bool		found;

	name = PointerGetDatum(PG_DETOAST_DATUM_PACKED(name));
	return keymap_insert(graph->nodes, name, keymap_hash(graph->nodes, name), &found);
}

static void
add_link(Graph *graph, uint32 from, uint32 to, double weight)
{
	if (graph->n_links == graph->room)
	{
		graph->room = Max(graph->room * 2, 256);
		graph->link = graph->link ? repalloc_huge(graph->link, graph->room * sizeof(Link)) :
			MemoryContextAllocHuge(graph->context, graph->room * sizeof(Link));
	}
	graph->link[graph->n_links++] = (Link) {from, to, weight};
}

/* A row (from, to, weight). Without a NULL, and unless it leads back to itself, it is a link; its ends are nodes. */
static void
take_link(TupleTableSlot *slot, void *arg)
{
	Graph	   *graph = arg;
	uint32		end[2];
	double		weight;

	for (int i = 0; i < 2; i++)
		end[i] = slot->tts_isnull[i] ? KEYMAP_NONE : node_of(graph, slot->tts_values[i]);
	if (slot->tts_isnull[2])
		return;
	weight = DatumGetFloat8(slot->tts_values[2]);
	if (!isfinite(weight) || weight < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weight of a link must be finite and not negative"),
				 errdetail("It is %s.", float8out_internal(weight))));
	if (weight > 0 && end[0] != end[1] && end[0] != KEYMAP_NONE && end[1] != KEYMAP_NONE)
		add_link(graph, end[0], end[1], weight);
}

static int
compare_nodes(const void *left, const void *right, void *arg)
{
	const KeyMap *nodes = arg;
	Size		a_len;
	Size		b_len;
	const char *a = keymap_bytes(nodes, keymap_key(nodes, *(const uint32 *) left), &a_len);
	const char *b = keymap_bytes(nodes, keymap_key(nodes, *(const uint32 *) right), &b_len);
	int			difference = memcmp(a, b, Min(a_len, b_len));

	return difference ? difference : a_len < b_len ? -1 : a_len > b_len;
}

static int
compare_links(const void *left, const void *right)
{
	const Link *a = left;
	const Link *b = right;

	if (a->to != b->to)
		return a->to < b->to ? -1 : 1;
	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	return a->weight < b->weight ? -1 : a->weight > b->weight;
}

/* Number the nodes by name, and sort the links by their ends; returns the nodes' ids in that order. */
static uint32 *
sort_graph(Graph *graph)
{
	uint32		n = graph->nodes->n;
	uint32	   *id = MemoryContextAllocHuge(graph->context, n * sizeof(uint32));
	uint32	   *position = MemoryContextAllocHuge(graph->context, n * sizeof(uint32));

	for (uint32 i = 0; i < n; i++)
		id[i] = i;
	qsort_arg(id, n, sizeof(uint32), compare_nodes, graph->nodes);
	for (uint32 i = 0; i < n; i++)
		position[id[i]] = i;
	for (int64 i = 0; i < graph->n_links; i++)
	{
		graph->link[i].from = position[graph->link[i].from];
		graph->link[i].to = position[graph->link[i].to];
	}
	if (graph->n_links > 1)
		qsort(graph->link, graph->n_links, sizeof(Link), compare_links);
	return id;
}

/* Make each link's weight its part of all weight that leaves its node; false where none does. */
static bool *
find_shares(Graph *graph)
{
	uint32		n = graph->nodes->n;
	double	   *leaving = MemoryContextAllocHuge(graph->context, n * sizeof(double));
	bool	   *leads = MemoryContextAllocHuge(graph->context, n * sizeof(bool));

	memset(leaving, 0, n * sizeof(double));
	for (int64 i = 0; i < graph->n_links; i++)
		leaving[graph->link[i].from] += graph->link[i].weight;
	for (uint32 i = 0; i < n; i++)
	{
		leads[i] = leaving[i] > 0;
		if (!isfinite(leaving[i]))
			float_overflow_error();
	}
	for (int64 i = 0; i < graph->n_links; i++)
		graph->link[i].weight /= leaving[graph->link[i].from];
	return leads;
}

static double *
find_ranks(Graph *graph, double damping, double tolerance, int max_iterations)
{
	uint32		n = graph->nodes->n;
	bool	   *leads = find_shares(graph);
	double	   *rank = MemoryContextAllocHuge(graph->context, n * sizeof(double));
	double	   *next = MemoryContextAllocHuge(graph->context, n * sizeof(double));
	double		change = 0;

	for (uint32 i = 0; i < n; i++)
		rank[i] = 1.0 / n;
	for (int iteration = 0; iteration < max_iterations; iteration++)
	{
		double	   *before = rank;
		double		anew = 0;

		for (uint32 i = 0; i < n; i++)
			anew += leads[i] ? (1 - damping) * rank[i] : rank[i];
		for (uint32 i = 0; i < n; i++)
			next[i] = anew / n;
		for (int64 i = 0; i < graph->n_links; i++)
			next[graph->link[i].to] += damping * rank[graph->link[i].from] * graph->link[i].weight;
		change = 0;
		for (uint32 i = 0; i < n; i++)
			change += fabs(next[i] - rank[i]);
		rank = next;
		next = before;
		if (change <= tolerance)
			return rank;
		CHECK_FOR_INTERRUPTS();
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("ranks did not converge in %d iterations", max_iterations),
			 errdetail("The last one changed them by %g in all.", change),
			 errhint("Raise max_iterations or tolerance, or lower damping.")));
}

/* A column of the relation, quoted. */
static const char *
column_argument(FunctionCallInfo fcinfo, int arg, const char *argument, Oid relid)
{
	char	   *column;

	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("argument \"%s\" must not be NULL", argument)));
	column = NameStr(*PG_GETARG_NAME(arg));
	if (get_attnum(relid, column) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("argument \"%s\": relation \"%s\" has no column \"%s\"", argument, get_rel_name(relid), column)));
	return quote_identifier(column);
}

static double
number_argument(FunctionCallInfo fcinfo, int arg, const char *argument, double least, double limit)
{
	double		value = PG_ARGISNULL(arg) ? get_float8_nan() : PG_GETARG_FLOAT8(arg);

	/* NaN is not within either */
	if (!(value >= least && value < limit))
		ereport(ERROR,
				(errcode(PG_ARGISNULL(arg) ? ERRCODE_NULL_VALUE_NOT_ALLOWED : ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be at least %g and below %g", argument, least, limit),
				 PG_ARGISNULL(arg) ? errdetail("It is NULL.") : errdetail("It is %s.", float8out_internal(value))));
	return value;
}

/* pagerank(edges, from_column, to_column, weight_column, damping, tolerance, max_iterations) */
Datum
custprio_pagerank(PG_FUNCTION_ARGS)
{
	Graph		graph = {.context = CurrentMemoryContext};
	QueryRows	rows = {NULL, take_link, &graph};
	double		damping = number_argument(fcinfo, ARG_DAMPING, "damping", 0, 1);
	double		tolerance = number_argument(fcinfo, ARG_TOLERANCE, "tolerance", 1e-15, 1);
	ReturnSetInfo *result;
	const char *from;
	const char *to;
	const char *weight = "1::pg_catalog.float8";
	double	   *rank;
	uint32	   *id;
	Oid			relid;

	if (PG_ARGISNULL(ARG_EDGES))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("argument \"%s\" must not be NULL", "edges")));
	relid = PG_GETARG_OID(ARG_EDGES);
	if (get_rel_name(relid) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", relid)));
	from = column_argument(fcinfo, ARG_FROM, "from_column", relid);
	to = column_argument(fcinfo, ARG_TO, "to_column", relid);
	if (!PG_ARGISNULL(ARG_WEIGHT))
		weight = psprintf("e.%s::pg_catalog.float8", column_argument(fcinfo, ARG_WEIGHT, "weight_column", relid));
	if (PG_ARGISNULL(ARG_MAX_ITERATIONS) || PG_GETARG_INT32(ARG_MAX_ITERATIONS) < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("argument \"%s\" must be at least 1", "max_iterations")));

	InitMaterializedSRF(fcinfo, 0);
	result = (ReturnSetInfo *) fcinfo->resultinfo;
	graph.nodes = keymap_create(CurrentMemoryContext, TEXTOID, sizeof(Datum));
	query_each(psprintf("SELECT e.%s::pg_catalog.text, e.%s::pg_catalog.text, %s FROM %s e", from, to, weight,
						quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid))),
			   InvalidOid, (Datum) 0, &rows, "the links");
	if (graph.nodes->n == 0)
		return (Datum) 0;
	id = sort_graph(&graph);
	rank = find_ranks(&graph, damping, tolerance, PG_GETARG_INT32(ARG_MAX_ITERATIONS));
	for (uint32 i = 0; i < graph.nodes->n; i++)
	{
		Datum		values[3] = {keymap_key(graph.nodes, id[i]), Float8GetDatum(rank[i]),
		Float8GetDatum(rank[i] * graph.nodes->n)};
		bool		nulls[3] = {false, false, false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
