-- Metrics that owners add to a scorecard, and attributes that must not enter them without a reason.

-- What expressions over purchases read, column by column; src/metric_values.c fills it per customer.
CREATE TYPE custprio.customer_facts AS (
  frequency bigint,
  purchases bigint,
  purchase_days int,
  revenue numeric,
  gross numeric,
  returns numeric,
  return_rows bigint,
  average_order_value numeric,
  first_purchase timestamptz,
  last_purchase timestamptz,
  first_day date,
  last_day date,
  recency int,
  tenure int,
  p_alive numeric,
  expected_purchases numeric,
  clv numeric,
  as_of date,
  summary custprio.purchase_summary
);
COMMENT ON TYPE custprio.customer_facts IS 'what the expressions of metrics over purchases read, one value per customer';
COMMENT ON COLUMN custprio.customer_facts.frequency IS 'purchases, or days with a purchase, as the scorecard counts them';
COMMENT ON COLUMN custprio.customer_facts.purchases IS 'number of purchases';
COMMENT ON COLUMN custprio.customer_facts.purchase_days IS 'days with a purchase';
COMMENT ON COLUMN custprio.customer_facts.revenue IS 'revenue less returns';
COMMENT ON COLUMN custprio.customer_facts.gross IS 'sum of the purchases';
COMMENT ON COLUMN custprio.customer_facts.returns IS 'sum of the returns, positive';
COMMENT ON COLUMN custprio.customer_facts.return_rows IS 'number of returns';
COMMENT ON COLUMN custprio.customer_facts.average_order_value IS 'revenue less returns per purchase; NULL without any purchase, as all that follows';
COMMENT ON COLUMN custprio.customer_facts.recency IS 'days from the last purchase to the as-of day';
COMMENT ON COLUMN custprio.customer_facts.tenure IS 'days from the first purchase to the as-of day';
COMMENT ON COLUMN custprio.customer_facts.p_alive IS 'as published; NULL without a fit';
COMMENT ON COLUMN custprio.customer_facts.expected_purchases IS 'as published; NULL without a fit';
COMMENT ON COLUMN custprio.customer_facts.clv IS 'as published; NULL without a fit';
COMMENT ON COLUMN custprio.customer_facts.as_of IS 'the as-of day';
COMMENT ON COLUMN custprio.customer_facts.summary IS 'the customer''s purchases condensed, for its functions';

CREATE FUNCTION custprio.scoring_day() RETURNS date
  AS 'MODULE_PATHNAME', 'custprio_scoring_day' LANGUAGE C STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION custprio.scoring_day() IS
  'as-of day of the refresh that computes a metric; only in expressions of add_metric';

CREATE FUNCTION custprio.metric_value(metric text) RETURNS numeric
  AS 'MODULE_PATHNAME', 'custprio_metric_value' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION custprio.metric_value(text) IS
  'value of another added metric of the customer; only in expressions of add_metric, where the metric''s name alone means the same';

CREATE FUNCTION custprio.covered_days(periods datemultirange) RETURNS int
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN CASE WHEN NOT pg_catalog.lower_inf(periods) AND NOT pg_catalog.upper_inf(periods) THEN
    (SELECT coalesce(sum(pg_catalog.upper(p) - pg_catalog.lower(p)), 0)::int FROM pg_catalog.unnest(periods) p) END;
COMMENT ON FUNCTION custprio.covered_days(datemultirange) IS
  'number of days that lie in any of the periods; NULL when one has no bound';

CREATE FUNCTION custprio.add_metric(
  name text,
  metric text,
  expression text DEFAULT NULL,
  weight numeric DEFAULT NULL,
  direction text DEFAULT NULL,
  scale text DEFAULT NULL,
  parameters numeric[] DEFAULT NULL,
  relation regclass DEFAULT NULL,
  key text DEFAULT NULL,
  occurred_at text DEFAULT NULL,
  filter text DEFAULT NULL,
  within interval DEFAULT NULL,
  if_missing numeric DEFAULT NULL,
  decimals int DEFAULT NULL,
  axis text DEFAULT NULL,
  columns jsonb DEFAULT NULL,
  allow_protected text DEFAULT NULL,
  reason text DEFAULT NULL
) RETURNS void
  AS 'MODULE_PATHNAME', 'custprio_add_metric' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.add_metric(text, text, text, numeric, text, text, numeric[], regclass, text, text, text, interval,
  numeric, int, text, jsonb, text, text) IS
  'add a metric to a scorecard and a column to its priority table: an expression over purchases, over the relation of customers, or one that aggregates the rows of any relation; without one the built-in metric of that name';

CREATE FUNCTION custprio.drop_metric(name text, metric text, reason text DEFAULT NULL) RETURNS void
  AS 'MODULE_PATHNAME', 'custprio_drop_metric' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.drop_metric(text, text, text) IS
  'remove an added metric and its column of the priority table; refused while other objects depend on the column';

CREATE FUNCTION custprio.scale_metric(value numeric, scale text, direction text DEFAULT 'higher', parameters numeric[] DEFAULT '{}',
  breaks numeric[] DEFAULT NULL, decimals int DEFAULT 6) RETURNS int
  AS 'MODULE_PATHNAME', 'custprio_scale_metric' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.scale_metric(numeric, text, text, numeric[], numeric[], int) IS
  'a value as a scorecard scales it, from 0 (worst) to 999000 (best); breaks as custprio.threshold has them; NULL for NULL, NaN, infinity and where breaks are missing';

-- What add_metric knows by name. {part} stands for the column or metric of that name unless columns says otherwise.
CREATE TABLE custprio.builtin_metric (
  metric      text PRIMARY KEY,
  origin      text NOT NULL CHECK (origin IN ('purchases', 'customers', 'source', 'relation')),
  expression  text NOT NULL,
  direction   text NOT NULL DEFAULT 'higher' CHECK (direction IN ('higher', 'lower')),
  scale       text NOT NULL DEFAULT 'percentile',
  parameters  numeric[] NOT NULL DEFAULT '{}',
  axis        text NOT NULL DEFAULT 'value',
  if_missing  numeric,
  description text NOT NULL
);
COMMENT ON TABLE custprio.builtin_metric IS 'the metrics that add_metric knows by name: their expressions, with parts in braces that its argument columns fills';
COMMENT ON COLUMN custprio.builtin_metric.origin IS 'what the expression is over: a customer''s purchases, the relation of customers, the rows of the source, or those of a relation to be given';
GRANT SELECT ON custprio.builtin_metric TO PUBLIC;

INSERT INTO custprio.builtin_metric (metric, origin, expression, direction, scale, parameters, axis, if_missing, description) VALUES
('order_value', 'purchases', 'average_order_value', 'higher', 'percentile', '{}', 'value', NULL,
 'revenue less returns per purchase'),
('purchase_rate', 'purchases', 'purchase_days * 30.4375 / (tenure + 1)', 'higher', 'percentile', '{}', 'value', NULL,
 'days with a purchase per month since the first one'),
('purchase_rhythm', 'purchases', '(last_day - first_day) / nullif(purchase_days - 1, 0)::numeric', 'lower', 'percentile', '{}', 'value', NULL,
 'mean number of days between two purchase days; missing with a single one'),
('return_rate', 'purchases', 'returns / nullif(gross, 0)', 'lower', 'percentile', '{}', 'value', NULL,
 'share of the purchases'' amount that was returned'),
('repurchase', 'purchases', 'CASE WHEN purchase_days > 1 THEN 1 WHEN purchase_days = 1 THEN 0 END', 'higher', 'minmax', '{0,1}', 'value', NULL,
 '1 for who bought on more than one day, else 0; its mean over customers is the repurchase rate'),
('loyalty_index', 'purchases', 'CASE WHEN purchases > 0 THEN least(1, (purchase_days - 1) * 30.4375 / greatest(tenure, 1)) END', 'higher', 'minmax', '{0,1}', 'value', NULL,
 'repeat purchase days per month since the first purchase, at most 1: 0 for a single purchase day, 1 for a purchase every month'),
('share_of_wallet', 'purchases', 'CASE WHEN {wallet} > 0 THEN least(1, revenue / {wallet}) END', 'higher', 'minmax', '{0,1}', 'value', NULL,
 'revenue over the customer''s estimated purchases of all suppliers, which metric {wallet} has; at most 1'),
('potential', 'purchases', 'CASE WHEN {wallet} IS NOT NULL THEN greatest(0, {wallet} - revenue) END', 'higher', 'percentile', '{}', 'potential', NULL,
 'estimated purchases of all suppliers, which metric {wallet} has, less revenue: capacity times (1 - share of wallet)'),
('profit', 'purchases', 'revenue * {margin} - coalesce({acquisition_cost}, 0) - coalesce({service_cost}, 0)', 'higher', 'percentile', '{}', 'value', NULL,
 'profit contribution: revenue times the margin (a number, or a metric), less what winning and serving the customer cost, which metrics have'),
('margin', 'source', 'sum(({amount} - {cost})::numeric)', 'higher', 'percentile', '{}', 'value', NULL,
 'gross margin: amounts less costs of the purchases'' rows'),
('spend_trend', 'source', 'custprio.theil_sen_slope({day}::date - date ''2000-01-01'', {amount}::float8)', 'higher', 'z', '{}', 'value', NULL,
 'growth of spend: the robust (Theil-Sen) slope of amounts over days'),
('need_priority', 'customers', '{urgency} * {importance} / nullif({difficulty}, 0)::numeric', 'higher', 'percentile', '{}', 'need', NULL,
 'urgency times importance over difficulty'),
('credit_limit_use', 'customers', '{balance} / nullif({credit_limit}, 0)::numeric', 'lower', 'minmax', '{0,1}', 'risk', NULL,
 'share of the credit limit in use'),
('satisfaction', 'relation', 'avg({score}::numeric)', 'higher', 'percentile', '{}', 'value', NULL,
 'mean of the customer''s scores'),
('nps', 'relation', '100 * (count(*) FILTER (WHERE {score} >= 9) - count(*) FILTER (WHERE {score} <= 6)) / nullif(count({score}), 0)::numeric',
 'higher', 'minmax', '{-100,100}', 'value', NULL, 'Net Promoter Score of the customer''s own answers from 0 to 10: percent of 9 and 10 less percent of 0 to 6'),
('complaints', 'relation', 'count(*)', 'lower', 'percentile', '{}', 'value', 0, 'number of rows; 0 without any'),
('visits', 'relation', 'count(*)', 'higher', 'percentile', '{}', 'value', 0, 'number of rows; 0 without any'),
('influence', 'relation', 'sum({weight}::numeric)', 'higher', 'log', '{}', 'value', 0,
 'weighted in-degree: the sum of the weights of the rows that point to the customer; 0 without any'),
('pagerank', 'relation', 'max({relative_rank}::numeric)', 'higher', 'log', '{}', 'value', 0,
 'influence in which a reference by the influential counts more: the relation is a view of custprio.pagerank(); 0 outside of the network'),
('referral_value', 'relation', 'sum(({willingness} * {effect} * {conversion} * {value} - {reward})::numeric)', 'higher', 'percentile', '{}', 'value', 0,
 'willingness times effect times conversion times value, less the reward, over the customer''s referrals'),
('channel_share', 'relation', 'avg(CASE WHEN {channel} THEN 1 ELSE 0 END)', 'higher', 'minmax', '{0,1}', 'value', NULL,
 'share of rows in a channel: {channel} is a condition, such as channel = ''online'''),
('expected_loss', 'relation', 'sum(({pd} * {lgd} * {ead})::numeric)', 'lower', 'percentile', '{}', 'risk', 0,
 'probability of default times loss given default times exposure at default, over the customer''s loans'),
('pdc', 'relation', 'least(1, coalesce(custprio.covered_days(range_agg(daterange({day}, {day} + {days_supply})) FILTER (WHERE {days_supply} > 0)'
  ' * datemultirange(daterange(NULL, custprio.scoring_day() + 1))), 0) / nullif(greatest(custprio.scoring_day() + 1 - min({day}), 0), 0)::numeric)',
 'higher', 'minmax', '{0,1}', 'value', NULL,
 'proportion of days covered: days with supply since the first dispensing, up to the as-of day, over all days; 0.8 counts as adherent');

CREATE TABLE custprio.protected_attribute (
  relation     text,
  relation_oid oid,
  attribute    text NOT NULL,
  reason       text NOT NULL,
  declared_by  text,
  declared_at  timestamptz NOT NULL DEFAULT pg_catalog.now(),
  built_in     boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX protected_attribute_key ON custprio.protected_attribute (coalesce(relation, ''), attribute);
COMMENT ON TABLE custprio.protected_attribute IS 'attributes that metrics read only with a reason: columns of a relation, or, where relation is NULL, columns of any relation with these words in their name';
COMMENT ON COLUMN custprio.protected_attribute.relation IS 'quoted, schema-qualified name; relation_oid follows a rename';
GRANT SELECT ON custprio.protected_attribute TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('custprio.protected_attribute', 'WHERE NOT built_in');

INSERT INTO custprio.protected_attribute (attribute, reason, built_in)
SELECT a, r, true FROM (VALUES
  ('{age,birth,birthday,birthdate,birthyear,dob,date_of_birth}'::text[], 'age'),
  ('{sex,gender,pregnant,pregnancy,maternity}', 'sex'),
  ('{orientation,sexual,marital,civil_status}', 'private life'),
  ('{race,racial,ethnic,ethnicity,nationality,citizenship,origin_country,native_language}', 'origin'),
  ('{religion,religious,creed,belief,political,party_membership,trade_union,union_member}', 'belief'),
  ('{region,district,postcode,postal_code,zip,zip_code}', 'region, which can stand for origin'),
  ('{health,diagnosis,diagnoses,disease,illness,medication,disability,disabled,icd,icd10}', 'health'),
  ('{family_history,hereditary,genetic,dna}', 'family history')) AS v(attributes, r), unnest(v.attributes) a;

CREATE FUNCTION custprio.protect_attribute(relation regclass, attribute text, reason text) RETURNS void
  AS 'MODULE_PATHNAME', 'custprio_protect_attribute' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.protect_attribute(regclass, text, text) IS
  'declare that metrics may read a column only with a reason; with relation NULL every column with these words in its name';

CREATE FUNCTION custprio.unprotect_attribute(relation regclass, attribute text) RETURNS void
  AS 'MODULE_PATHNAME', 'custprio_unprotect_attribute' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.unprotect_attribute(regclass, text) IS 'take a declaration of protect_attribute, or a built-in one, back';

CREATE FUNCTION custprio.grid(name text, x text, y text, x_bins int DEFAULT 3, y_bins int DEFAULT 3)
  RETURNS TABLE (customer_id text, x_value numeric, y_value numeric, x_bin int, y_bin int)
  LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  card record;
  side text;
  priority regclass;
BEGIN
  SELECT s.schema_name, s.name INTO card FROM custprio.scorecard s WHERE s.name = grid.name;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'scorecard "%" does not exist', name USING ERRCODE = 'undefined_object',
      HINT = 'SELECT name FROM custprio.scorecard lists the scorecards.';
  END IF;
  priority := format('%I.%I', card.schema_name, card.name || '_priority')::regclass;
  FOREACH side IN ARRAY ARRAY[x, y] LOOP
    PERFORM 1 FROM pg_attribute a
      WHERE a.attrelid = priority AND a.attname = side AND a.attnum > 0 AND NOT a.attisdropped
        AND a.atttypid IN ('numeric'::regtype, 'bigint'::regtype);
    IF NOT FOUND THEN
      RAISE EXCEPTION 'scorecard "%" publishes no number "%"', name, side USING ERRCODE = 'undefined_column',
        HINT = 'Name a metric: priority, frequency, monetary, average_order_value, p_alive, expected_purchases, clv or an added one.';
    END IF;
  END LOOP;
  RETURN QUERY EXECUTE format(
    'SELECT p.customer_id::text, p.%1$I::numeric, p.%2$I::numeric,'
    ' custprio.quantile_score(p.%1$I::numeric, $1) OVER (), custprio.quantile_score(p.%2$I::numeric, $2) OVER ()'
    ' FROM %3$s p WHERE p.%1$I IS NOT NULL AND p.%2$I IS NOT NULL', x, y, priority)
    USING x_bins, y_bins;
END
$function$;
COMMENT ON FUNCTION custprio.grid(text, text, text, int, int) IS
  'customers in a grid of two published numbers, such as value and need, or potential and adoption: the quantile of each, 1 for the lowest values';
