/*
 * published.c: creates and drops the tables and views that a scorecard publishes.
 *
 * They are ordinary objects of the scorecard's owner in the scorecard's schema, made with plain DDL, so that grants,
 * pg_dump and every tool treat them as such. Every name is qualified and quoted; search_path is pinned meanwhile, so
 * that operators and functions in the views are PostgreSQL's and custprio's own.
 */
#include "custprio.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "lib/stringinfo.h"
#include "published.h"
#include "relation.h"
#include "scorecard.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

const PublishedObject published_objects[PUBLISHED_OBJECTS] = {
	{"_priority", RELKIND_RELATION},
	{"_purchases", RELKIND_RELATION},
	{"_tier_history", RELKIND_RELATION},
	{"_tiers", RELKIND_VIEW},
	{"_tier_summary", RELKIND_VIEW},
};

/*
 * The statements below, with these replaced: %P %S %H %T %Y the five relations, %K the key's type and collation,
 * %N the scorecard's name as a literal.
 */
static const char *const create_statements[] = {
	"CREATE TABLE %P ("
	" customer_id %K PRIMARY KEY,"
	" tier custprio.customer_tier,"
	" priority numeric(7,4),"
	" rfm custprio.rfm_score,"
	" segment text,"
	" abc custprio.customer_tier,"
	" frequency bigint NOT NULL,"
	" monetary numeric NOT NULL,"
	" average_order_value numeric,"
	" first_purchase timestamptz,"
	" last_purchase timestamptz,"
	" p_alive numeric,"
	" expected_purchases numeric,"
	" clv numeric,"
	" stage text,"
	" tier_since date,"
	" previous_tier custprio.customer_tier,"
	" scored_tier custprio.customer_tier,"
	" held_by text,"
	" held_until date,"
	" below_since date,"
	" relationship text"
	") WITH (fillfactor = 90)",
	"COMMENT ON TABLE %P IS 'one row per customer with tier and priority; written by custprio'",
	"COMMENT ON COLUMN %P.customer_id IS 'the customer, as the source names it'",
	"COMMENT ON COLUMN %P.tier IS 'A is the best; NULL without any purchase'",
	"COMMENT ON COLUMN %P.priority IS '0 to 100: weighted mean of the metrics; NULL without any purchase'",
	"COMMENT ON COLUMN %P.rfm IS 'recency, frequency and monetary score, one digit each, higher is better'",
	"COMMENT ON COLUMN %P.segment IS 'name of the segment of the rfm score'",
	"COMMENT ON COLUMN %P.abc IS 'class by cumulative share of revenue'",
	"COMMENT ON COLUMN %P.frequency IS 'number of purchases, or of days with a purchase'",
	"COMMENT ON COLUMN %P.monetary IS 'revenue less returns'",
	"COMMENT ON COLUMN %P.average_order_value IS 'revenue less returns per purchase; NULL without any purchase'",
	"COMMENT ON COLUMN %P.first_purchase IS 'time of the first counted purchase'",
	"COMMENT ON COLUMN %P.last_purchase IS 'time of the last counted purchase'",
	"COMMENT ON COLUMN %P.p_alive IS 'probability that the customer still buys; NULL without a fit'",
	"COMMENT ON COLUMN %P.expected_purchases IS 'purchase days expected within clv_horizon; NULL without a fit'",
	"COMMENT ON COLUMN %P.clv IS 'discounted value of the purchases expected within clv_horizon, times clv_margin; NULL without a fit'",
	"COMMENT ON COLUMN %P.stage IS 'where the customer stands; prospect or returns_only without any purchase, others by set_lifecycle()'",
	"COMMENT ON COLUMN %P.relationship IS 'loyal, potential or churned; NULL without set_lifecycle()'",
	"COMMENT ON COLUMN %P.tier_since IS 'as-of day on which the customer came to this tier'",
	"COMMENT ON COLUMN %P.previous_tier IS 'tier before that'",
	"COMMENT ON COLUMN %P.scored_tier IS 'tier that the scores alone would give'",
	"COMMENT ON COLUMN %P.held_by IS 'why the tier is not simply the scored one: hysteresis, minimum_stay, protection, grace, step, calendar or override'",
	"COMMENT ON COLUMN %P.held_until IS 'first as-of day on which that ends; NULL when no day is set'",
	"COMMENT ON COLUMN %P.below_since IS 'first as-of day, in a row, on which a downgrade was due that is still held'",

	"CREATE TABLE %S ("
	" customer_id %K PRIMARY KEY,"
	" summary custprio.purchase_summary NOT NULL,"
	" listed boolean,"
	" segment text,"
	" earliest date,"
	" next_day date"
	")",
	"COMMENT ON TABLE %S IS 'state of the scorecard: each customer''s purchases condensed; written by custprio'",
	"COMMENT ON COLUMN %S.customer_id IS 'the customer, as the source names it'",
	"COMMENT ON COLUMN %S.summary IS 'counted purchases up to the state''s as-of day'",
	"COMMENT ON COLUMN %S.listed IS 'whether the relation of customers has this one; NULL when the scorecard has none'",
	"COMMENT ON COLUMN %S.segment IS 'value of partition_by for this customer, with which lifetime values are fitted'",
	"COMMENT ON COLUMN %S.earliest IS 'day of the earliest counted row; kept only when the scorecard has a history or regimes'",
	"COMMENT ON COLUMN %S.next_day IS 'first day after the as-of day that has a row of this customer'",

	"CREATE TABLE %H ("
	" customer_id %K NOT NULL,"
	" changed_on date NOT NULL,"
	" changed_at timestamptz NOT NULL DEFAULT pg_catalog.now(),"
	" run_id bigint NOT NULL,"
	" previous_tier custprio.customer_tier,"
	" tier custprio.customer_tier,"
	" reason text NOT NULL"
	")",
	"COMMENT ON TABLE %H IS 'every change of a customer''s tier; written by custprio'",
	"COMMENT ON COLUMN %H.customer_id IS 'the customer, as the source names it'",
	"COMMENT ON COLUMN %H.changed_on IS 'as-of day of the refresh that changed the tier'",
	"COMMENT ON COLUMN %H.changed_at IS 'time of the refresh that changed the tier'",
	"COMMENT ON COLUMN %H.run_id IS 'the refresh, in custprio.refresh_run; 0 where backfill_history filled it in'",
	"COMMENT ON COLUMN %H.previous_tier IS 'tier before; NULL for none'",
	"COMMENT ON COLUMN %H.tier IS 'tier after; NULL for none'",
	"COMMENT ON COLUMN %H.reason IS 'what moved it: override, policy (the declaration), time, behaviour (of the customer), threshold, or data (the customer is gone)'",

	"CREATE VIEW %T AS SELECT p.customer_id,"
	" CAST(p.tier AS text) AS tier,"
	" CAST(p.tier AS integer) AS tier_rank,"
	" custprio.tier_label(%N, p.tier) AS tier_label,"
	" p.priority,"
	" CAST(p.rfm AS text) AS rfm,"
	" p.segment,"
	" CAST(p.abc AS text) AS abc,"
	" p.stage,"
	" p.relationship,"
	" custprio.recency_days(%N, p.last_purchase) AS recency_days,"
	" p.frequency,"
	" p.monetary,"
	" p.p_alive,"
	" p.expected_purchases,"
	" p.clv,"
	" p.tier_since,"
	" (SELECT custprio.as_of(%N)) AS as_of"
	" FROM %P p",
	"COMMENT ON VIEW %T IS 'the tiers in plain types, for applications'",
	"COMMENT ON COLUMN %T.customer_id IS 'the customer, as the source names it'",
	"COMMENT ON COLUMN %T.tier IS 'A is the best; NULL without any purchase'",
	"COMMENT ON COLUMN %T.tier_rank IS '1 for A, 2 for B and so on'",
	"COMMENT ON COLUMN %T.tier_label IS 'what the tier is called; its letter when it has no label'",
	"COMMENT ON COLUMN %T.priority IS '0 to 100; NULL without any purchase'",
	"COMMENT ON COLUMN %T.rfm IS 'recency, frequency and monetary score, one digit each'",
	"COMMENT ON COLUMN %T.segment IS 'name of the segment of the rfm score'",
	"COMMENT ON COLUMN %T.abc IS 'class by cumulative share of revenue'",
	"COMMENT ON COLUMN %T.stage IS 'where the customer stands'",
	"COMMENT ON COLUMN %T.relationship IS 'loyal, potential or churned, with set_lifecycle'",
	"COMMENT ON COLUMN %T.recency_days IS 'whole local days from the last purchase to the as-of day'",
	"COMMENT ON COLUMN %T.frequency IS 'number of purchases, or of days with a purchase'",
	"COMMENT ON COLUMN %T.monetary IS 'revenue less returns'",
	"COMMENT ON COLUMN %T.p_alive IS 'probability that the customer still buys'",
	"COMMENT ON COLUMN %T.expected_purchases IS 'purchase days expected within the horizon'",
	"COMMENT ON COLUMN %T.clv IS 'customer lifetime value within the horizon'",
	"COMMENT ON COLUMN %T.tier_since IS 'as-of day on which the customer came to this tier'",
	"COMMENT ON COLUMN %T.as_of IS 'local day up to which purchases count, inclusive'",

	"CREATE VIEW %Y AS SELECT CAST(p.tier AS text) AS tier,"
	" CAST(p.tier AS integer) AS tier_rank,"
	" custprio.tier_label(%N, p.tier) AS tier_label,"
	" count(*) AS customers,"
	" CASE WHEN p.tier IS NOT NULL THEN"
	"  round(count(*) / sum(count(*)) FILTER (WHERE p.tier IS NOT NULL) OVER (), 4) END AS share_of_customers,"
	" sum(p.monetary) AS revenue,"
	" CASE WHEN p.tier IS NOT NULL THEN"
	"  round(sum(p.monetary) / nullif(sum(sum(p.monetary)) FILTER (WHERE p.tier IS NOT NULL) OVER (), 0), 4) END"
	"  AS share_of_revenue,"
	" round(avg(p.priority), 4) AS average_priority,"
	" round(sum(p.average_order_value * p.frequency) / nullif(sum(p.frequency), 0), 2) AS average_order_value,"
	" round(avg(custprio.recency_days(%N, p.last_purchase)), 1) AS average_recency_days,"
	" round(avg(p.p_alive), 4) AS average_p_alive,"
	" sum(p.clv) AS clv,"
	" (SELECT custprio.as_of(%N)) AS as_of"
	" FROM %P p GROUP BY p.tier ORDER BY p.tier",
	"COMMENT ON VIEW %Y IS 'one row per tier, for reports; the row without a tier counts customers without any purchase'",
	"COMMENT ON COLUMN %Y.tier IS 'A is the best; NULL without any purchase'",
	"COMMENT ON COLUMN %Y.tier_rank IS '1 for A, 2 for B and so on'",
	"COMMENT ON COLUMN %Y.tier_label IS 'what the tier is called; its letter when it has no label'",
	"COMMENT ON COLUMN %Y.customers IS 'customers in the tier'",
	"COMMENT ON COLUMN %Y.share_of_customers IS 'their share of all customers that have a tier'",
	"COMMENT ON COLUMN %Y.revenue IS 'their revenue less returns'",
	"COMMENT ON COLUMN %Y.share_of_revenue IS 'its share of the revenue of all customers that have a tier'",
	"COMMENT ON COLUMN %Y.average_priority IS 'mean priority of the tier''s customers'",
	"COMMENT ON COLUMN %Y.average_order_value IS 'revenue less returns per purchase: the customers'' averages weighted by frequency'",
	"COMMENT ON COLUMN %Y.average_recency_days IS 'mean number of days since the last purchase'",
	"COMMENT ON COLUMN %Y.average_p_alive IS 'mean probability that a customer of the tier still buys'",
	"COMMENT ON COLUMN %Y.clv IS 'sum of the customers'' lifetime values'",
	"COMMENT ON COLUMN %Y.as_of IS 'local day up to which purchases count, inclusive'",
};

static char *
published_name(const char *scorecard, const char *suffix)
{
	return psprintf("%s%s", scorecard, suffix);
}

void
published_check_free(const char *scorecard, Oid namespace)
{
	int			i;

	for (i = 0; i < PUBLISHED_OBJECTS; i++)
	{
		char	   *name = published_name(scorecard, published_objects[i].suffix);
		bool		relation = OidIsValid(get_relname_relid(name, namespace));

		if (relation || SearchSysCacheExists2(TYPENAMENSP, CStringGetDatum(name), ObjectIdGetDatum(namespace)))
			ereport(ERROR,
					(errcode(relation ? ERRCODE_DUPLICATE_TABLE : ERRCODE_DUPLICATE_OBJECT),
					 errmsg("argument \"name\": %s %s already exists", relation ? "relation" : "type",
							quote_qualified_identifier(get_namespace_name(namespace), name)),
					 errdetail("Scorecard \"%s\" would publish under this name.", scorecard),
					 errhint("Choose another name or another schema for the scorecard, or rename what has it.")));
	}
}

/* Run one utility statement within the SPI connection at hand. */
static void
run(const char *statement)
{
	if (SPI_execute(statement, false, 0) < 0)
		elog(ERROR, "statement failed: %s", statement);
}

static int
pin_search_path(void)
{
	int			nest_level = NewGUCNestLevel();

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	/* DROP and CREATE would otherwise tell the caller about indexes and the like. */
	(void) set_config_option("client_min_messages", "warning", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	return nest_level;
}

Oid
published_create(const char *scorecard, Oid namespace, Oid key_type, Oid key_collation)
{
	static const char letters[PUBLISHED_OBJECTS] = {'P', 'S', 'H', 'T', 'Y'};
	const char *schema = get_namespace_name(namespace);
	char	   *relation[PUBLISHED_OBJECTS];
	char	   *key;
	char	   *literal = quote_literal_cstr(scorecard);
	int			nest_level = pin_search_path();
	int			i;

	for (i = 0; i < PUBLISHED_OBJECTS; i++)
		relation[i] = quote_qualified_identifier(schema, published_name(scorecard, published_objects[i].suffix));
	key = format_type_be_qualified(key_type);
	if (OidIsValid(key_collation))
		key = psprintf("%s COLLATE %s", key, generate_collation_name(key_collation));

	SPI_connect();
	for (i = 0; i < lengthof(create_statements); i++)
	{
		StringInfoData sql;
		const char *c;

		initStringInfo(&sql);
		for (c = create_statements[i]; *c; c++)
		{
			const char *letter = *c == '%' ? memchr(letters, c[1], PUBLISHED_OBJECTS) : NULL;

			if (*c != '%')
				appendStringInfoChar(&sql, *c);
			else
			{
				c++;
				if (letter)
					appendStringInfoString(&sql, relation[letter - letters]);
				else
					appendStringInfoString(&sql, *c == 'K' ? key : literal);
			}
		}
		run(sql.data);
		pfree(sql.data);
	}
	SPI_finish();
	AtEOXact_GUC(false, nest_level);
	return get_relname_relid(published_name(scorecard, published_objects[0].suffix), namespace);
}

/* Whether a table has no index but its primary key: neither ours, as in a restored dump, nor another. */
static bool
lacks_indexes(Oid relid)
{
	Relation	rel = table_open(relid, NoLock);
	int			others = list_length(RelationGetIndexList(rel)) -
		(OidIsValid(custprio_primary_key_index(rel)) ? 1 : 0);

	table_close(rel, NoLock);
	return others == 0;
}

static void
build_index(Oid relid, const char *columns)
{
	run(psprintf("CREATE INDEX ON %s (%s)", relation_name(relid), columns));
}

void
published_build_indexes(Oid priority_relid, Oid history_relid)
{
	if (!custprio_can_create_in(get_rel_namespace(priority_relid), GetUserId()))
	{
		ereport(WARNING,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("no indexes were built on \"%s\" but its primary key", get_rel_name(priority_relid)),
				 errdetail("Its owner may not create relations in schema \"%s\" any more.",
						   get_namespace_name(get_rel_namespace(priority_relid))),
				 errhint("Create an index on (tier, priority DESC, customer_id) yourself.")));
		return;
	}

	SPI_connect();
	if (lacks_indexes(priority_relid))
		build_index(priority_relid, "tier, priority DESC, customer_id");
	if (lacks_indexes(history_relid))
		build_index(history_relid, "customer_id, changed_at");
	SPI_finish();
}

bool
published_is_table(Oid relid)
{
	return catalog_select("SELECT 1 FROM custprio.scorecard s WHERE s.schema_name = $1"
						  " AND $2 IN (s.name || '_priority', s.name || '_purchases', s.name || '_tier_history')",
						  2, (Oid[]) {TEXTOID, TEXTOID},
						  (Datum[]) {CStringGetTextDatum(get_namespace_name(get_rel_namespace(relid))),
									 CStringGetTextDatum(get_rel_name(relid))}, NULL, NULL, NULL) > 0;
}

/* Is relid a view over the priority table? Within the SPI connection at hand. */
static bool
is_view_of(Oid relid, Oid priority_relid)
{
	Oid			types[2] = {OIDOID, OIDOID};
	Datum		values[2] = {ObjectIdGetDatum(relid), ObjectIdGetDatum(priority_relid)};

	if (SPI_execute_with_args("SELECT 1 FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid"
							  " WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass AND r.ev_class = $1"
							  " AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = $2",
							  2, types, values, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look up dependencies");
	return SPI_processed > 0;
}

/* Run a statement that drops something; an error about dependent objects gets our hint. */
static void
run_drop(const char *statement, const char *hint)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		run(statement);
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(context);
		edata = CopyErrorData();
		if (edata->sqlerrcode == ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST)
			edata->hint = pstrdup(hint);
		FlushErrorState();
		ReThrowError(edata);
	}
	PG_END_TRY();
}

static void
drop_relation(Oid relid, char relkind)
{
	run_drop(psprintf("DROP %s %s", relkind == RELKIND_VIEW ? "VIEW" : "TABLE", relation_name(relid)),
			 "Drop the dependent objects first, then the scorecard.");
}

void
published_add_metric(Oid priority_relid, const char *column, const char *comment)
{
	int			nest_level = pin_search_path();

	SPI_connect();
	run(psprintf("ALTER TABLE %s ADD COLUMN %s numeric", relation_name(priority_relid), quote_identifier(column)));
	run(psprintf("COMMENT ON COLUMN %s.%s IS %s", relation_name(priority_relid), quote_identifier(column),
				 quote_literal_cstr(comment)));
	SPI_finish();
	AtEOXact_GUC(false, nest_level);
}

void
published_drop_metric(Oid priority_relid, const char *column)
{
	int			nest_level = pin_search_path();

	SPI_connect();
	run_drop(psprintf("ALTER TABLE %s DROP COLUMN %s", relation_name(priority_relid), quote_identifier(column)),
			 "Drop the dependent objects first, then the metric.");
	SPI_finish();
	AtEOXact_GUC(false, nest_level);
}

void
published_drop(const char *scorecard, const char *schema, Oid priority_relid, Oid owner)
{
	Oid			namespace = get_namespace_oid(schema, true);
	int			nest_level = pin_search_path();
	int			i;

	SPI_connect();
	/* Views first: they depend on the tables. */
	for (i = PUBLISHED_OBJECTS - 1; i >= 0; i--)
	{
		const PublishedObject *object = &published_objects[i];
		Oid			relid = i == 0 ? priority_relid : InvalidOid;
		HeapTuple	tuple;
		bool		ours = false;

		if (i > 0 && OidIsValid(namespace))
			relid = get_relname_relid(published_name(scorecard, object->suffix), namespace);
		tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
		if (HeapTupleIsValid(tuple))
		{
			ours = ((Form_pg_class) GETSTRUCT(tuple))->relkind == object->relkind &&
				((Form_pg_class) GETSTRUCT(tuple))->relowner == owner;
			ReleaseSysCache(tuple);
		}
		/* A view may have stayed behind when the tables changed hands. */
		if (!ours && object->relkind == RELKIND_VIEW && OidIsValid(relid))
			ours = is_view_of(relid, priority_relid);
		/* What took the name of a lost relation is not ours to drop. */
		if (ours)
			drop_relation(relid, object->relkind);
	}
	SPI_finish();
	AtEOXact_GUC(false, nest_level);
}
