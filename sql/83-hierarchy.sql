-- Keys that stand for one customer, and accounts that belong together.

CREATE TABLE custprio.alias_source (
  scorecard_id bigint PRIMARY KEY REFERENCES custprio.scorecard ON DELETE CASCADE,
  relation     text NOT NULL,
  alias        text NOT NULL,
  canonical    text NOT NULL
);
COMMENT ON TABLE custprio.alias_source IS 'by scorecard: the relation that says which keys are duplicates of which, and the expressions over its columns; written by set_aliases(), dumped';
GRANT SELECT ON custprio.alias_source TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('custprio.alias_source', '');

CREATE TABLE custprio.alias_state (
  scorecard_id bigint PRIMARY KEY REFERENCES custprio.scorecard ON DELETE CASCADE,
  fingerprint  text NOT NULL
);
COMMENT ON TABLE custprio.alias_state IS 'by scorecard: a fingerprint of the aliases under which its state was made';

CREATE FUNCTION custprio.set_aliases(name text, relation regclass, alias text DEFAULT NULL, canonical text DEFAULT NULL) RETURNS void
  AS 'MODULE_PATHNAME', 'custprio_set_aliases' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.set_aliases(text, regclass, text, text) IS
  'say which keys are duplicates of which: a relation with an alias and the key it stands for in each row; the next refresh merges them, and takes apart those whose row is gone; NULL as relation: none';

CREATE FUNCTION custprio.rollup(name text, parents regclass, key_column name, parent_column name, levels int[] DEFAULT NULL,
  on_cycle text DEFAULT 'error')
  RETURNS TABLE (account text, parent text, level int, accounts bigint, customers bigint, own_revenue numeric, revenue numeric,
    frequency numeric, clv numeric, best_tier custprio.customer_tier, tiers jsonb)
  LANGUAGE plpgsql STABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  priority text := custprio.priority_table(name);
  edges text;
  tree text;
  bad record;
BEGIN
  IF parents IS NULL OR key_column IS NULL OR parent_column IS NULL THEN
    RAISE EXCEPTION 'arguments "parents", "key_column" and "parent_column" must not be NULL' USING ERRCODE = 'null_value_not_allowed';
  END IF;
  IF on_cycle IS NULL OR on_cycle NOT IN ('error', 'report') THEN
    RAISE EXCEPTION 'argument "on_cycle" must be "error" or "report"' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT c AS missing INTO bad FROM unnest(ARRAY[key_column, parent_column]) c
    WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = parents AND a.attname = c AND a.attnum > 0 AND NOT a.attisdropped) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION '% has no column "%"', parents, bad.missing USING ERRCODE = 'undefined_column';
  END IF;
  edges := format('SELECT DISTINCT e.%2$I::text AS account, e.%3$I::text AS parent FROM %1$s e WHERE e.%2$I IS NOT NULL', parents, key_column, parent_column);
  EXECUTE format('SELECT account, min(parent) AS one, max(parent) AS other FROM (%s) e GROUP BY account HAVING count(DISTINCT parent) > 1 LIMIT 1', edges)
    INTO bad;
  IF bad.account IS NOT NULL THEN
    RAISE EXCEPTION 'account "%" has two parents', bad.account USING ERRCODE = 'cardinality_violation',
      DETAIL = format('They are "%s" and "%s".', bad.one, bad.other), HINT = 'What lies below would be counted twice.';
  END IF;
  -- all accounts, also such as are only named as a parent or only published; then those that hang on a root, with the
  -- way up to it: what does not is in a circle, or below one
  tree := format($query$
    WITH RECURSIVE edge AS MATERIALIZED (SELECT account, max(parent) AS parent FROM (%s) e GROUP BY account),
    node AS MATERIALIZED (
      SELECT account, parent FROM edge
      UNION ALL (SELECT parent, NULL FROM edge WHERE parent IS NOT NULL UNION SELECT customer_id::text, NULL FROM %s
                 EXCEPT SELECT account, NULL FROM edge)),
    hanging AS (
      SELECT account, parent, 0 AS level, ARRAY[account] AS path FROM node WHERE parent IS NULL
      UNION ALL SELECT n.account, n.parent, h.level + 1, h.path || n.account FROM hanging h JOIN node n ON n.parent = h.account)
  $query$, edges, priority);
  IF on_cycle = 'error' THEN
    EXECUTE tree || 'SELECT n.account FROM node n LEFT JOIN hanging h USING (account) WHERE h.account IS NULL ORDER BY 1 LIMIT 1' INTO bad;
    IF bad.account IS NOT NULL THEN
      RAISE EXCEPTION 'the parents of account "%" go round in a circle', bad.account USING ERRCODE = 'invalid_recursion',
        HINT = 'Pass on_cycle => ''report'' to have such accounts listed, without a level.';
    END IF;
  END IF;
  RETURN QUERY EXECUTE tree || format($query$,
    value AS MATERIALIZED (SELECT p.customer_id::text AS account, p.tier, p.monetary, p.frequency, p.clv FROM %s p),
    total AS (
      SELECT a.account, count(*) AS accounts, count(v.account) AS customers, coalesce(sum(v.monetary), 0) AS revenue,
        coalesce(sum(v.frequency), 0) AS frequency, sum(v.clv) AS clv, custprio.min(v.tier) AS best_tier
      FROM hanging h LEFT JOIN value v ON v.account = h.account, unnest(h.path) a(account) GROUP BY a.account),
    tiers AS (
      SELECT account, jsonb_object_agg(tier, n ORDER BY tier) AS tiers FROM (
        SELECT a.account, v.tier::text AS tier, count(*) AS n FROM hanging h JOIN value v USING (account), unnest(h.path) a(account)
        WHERE v.tier IS NOT NULL GROUP BY 1, 2) t GROUP BY account)
    SELECT n.account, n.parent, h.level, coalesce(t.accounts, 1), coalesce(t.customers, (v.account IS NOT NULL)::int), coalesce(v.monetary, 0),
      coalesce(t.revenue, v.monetary, 0), coalesce(t.frequency, v.frequency, 0), CASE WHEN h.account IS NULL THEN v.clv ELSE t.clv END,
      CASE WHEN h.account IS NULL THEN v.tier ELSE t.best_tier END,
      CASE WHEN h.account IS NULL AND v.tier IS NOT NULL THEN jsonb_build_object(v.tier::text, 1) ELSE coalesce(x.tiers, '{}') END
    FROM node n LEFT JOIN hanging h USING (account) LEFT JOIN value v USING (account) LEFT JOIN total t USING (account) LEFT JOIN tiers x USING (account)
    WHERE $1 IS NULL OR h.level = ANY ($1) OR h.level IS NULL
    ORDER BY h.level NULLS LAST, n.account
  $query$, priority) USING levels;
END
$function$;
COMMENT ON FUNCTION custprio.rollup(text, regclass, name, name, int[], text) IS
  'what each account and all below it are worth together, from a column that names each account''s parent: level 0 are those without one, and a customer counts once at each level; circles are an error, or listed without a level and each alone';
