-- Templates: what a line of business scores its customers by, as data. apply_template() makes a scorecard of one.

CREATE TABLE custprio.template (
  template    text PRIMARY KEY,
  description text NOT NULL,
  tiers       numeric[] NOT NULL,
  weights     jsonb NOT NULL,
  clv_model   text NOT NULL,
  labels      text[]
);
COMMENT ON TABLE custprio.template IS 'the templates: shares of tiers, weights of the metrics that every scorecard has, model of lifetime value, and labels of tiers';

CREATE TABLE custprio.template_column (
  template    text NOT NULL REFERENCES custprio.template,
  position    int NOT NULL,
  "column"    text NOT NULL,
  relation    text,
  required    boolean NOT NULL,
  description text NOT NULL,
  PRIMARY KEY (template, "column")
);
COMMENT ON TABLE custprio.template_column IS 'what each template wants to know: relations, and columns of them';
COMMENT ON COLUMN custprio.template_column.relation IS 'the relation that the column is one of; NULL: it is a relation itself';

CREATE TABLE custprio.template_metric (
  template    text NOT NULL REFERENCES custprio.template,
  position    int NOT NULL,
  metric      text NOT NULL,
  relation    text,
  needs       text[] NOT NULL,
  expression  text,
  columns     jsonb,
  weight      numeric NOT NULL,
  direction   text,
  scale       text,
  axis        text,
  within      interval,
  if_missing  numeric,
  PRIMARY KEY (template, metric)
);
COMMENT ON TABLE custprio.template_metric IS 'the metrics that each template adds, as arguments of add_metric(); those whose columns are not mapped are left out';
COMMENT ON COLUMN custprio.template_metric.needs IS 'columns of the template that must be mapped for it; names in braces in expression and columns stand for them';

CREATE TABLE custprio.template_strategy (
  template           text NOT NULL REFERENCES custprio.template,
  tier               custprio.customer_tier NOT NULL,
  action             text NOT NULL,
  channel            text,
  contacts_per_month numeric,
  service_level      text,
  description        text,
  PRIMARY KEY (template, tier, action)
);
COMMENT ON TABLE custprio.template_strategy IS 'the strategies that each template sets, to be adapted with set_strategy()';
GRANT SELECT ON custprio.template, custprio.template_column, custprio.template_metric, custprio.template_strategy TO PUBLIC;

INSERT INTO custprio.template (template, description, tiers, weights, clv_model) VALUES
  ('rfm', 'recency, frequency and money of purchases, nothing else', '{0.05,0.2,0.5}', '{"recency": 1, "frequency": 1, "monetary": 1}', 'none'),
  ('high_mid_low', 'three classes of value by revenue: A high, B mid, C low', '{0.2,0.5}', '{"recency": 0, "frequency": 0, "monetary": 1}', 'none'),
  ('retail', 'shops: value to come, size of the basket, returns, online share, coupons', '{0.05,0.2,0.5}', '{"recency": 1, "frequency": 1, "monetary": 1, "clv": 1}', 'mbgnbd'),
  ('finance', 'banks and lenders: transactions and assets; credit risk as an axis of its own', '{0.05,0.2,0.5}', '{"recency": 1, "frequency": 1, "monetary": 2}', 'none'),
  ('healthcare', 'clinics: visits and their cost, adherence, satisfaction; priority of service, not of treatment', '{0.1,0.3,0.6}', '{"recency": 1, "frequency": 2, "monetary": 1}', 'none'),
  ('pharma_hospital', 'hospitals as customers: purchases, size, and the demand that others supply', '{0.1,0.3,0.6}', '{"recency": 1, "frequency": 1, "monetary": 2}', 'none'),
  ('pharma_physician', 'physicians as customers: prescriptions, patients, influence, and potential beside adoption', '{0.1,0.3,0.6}', '{"recency": 1, "frequency": 1, "monetary": 1}', 'none'),
  ('pharma_patient', 'patients in a support programme: supply, adherence, satisfaction; need as an axis of its own', '{0.1,0.3,0.6}', '{"recency": 1, "frequency": 1, "monetary": 0}', 'none'),
  ('b2b_account', 'business accounts: margin, share of wallet, potential, size, complaints', '{0.05,0.2,0.5}', '{"recency": 1, "frequency": 1, "monetary": 2, "clv": 1}', 'mbgnbd');

UPDATE custprio.template SET labels = '{High,Mid,Low}' WHERE template = 'high_mid_low';

INSERT INTO custprio.template_column
  SELECT t.template, c.* FROM custprio.template t, (VALUES
    (1, 'source', NULL, true, 'relation of purchases, one row each'),
    (2, 'customer', 'source', true, 'key of the customer'),
    (3, 'purchased_at', 'source', true, 'day or time of the purchase'),
    (4, 'amount', 'source', true, 'amount; negative for a return'),
    (5, 'filter', 'source', false, 'condition that rows must meet to count')) c;
INSERT INTO custprio.template_column
  SELECT t.template, c.* FROM custprio.template t, (VALUES
    (6, 'customers', NULL::text, 'relation of all customers'), (7, 'customers_key', 'customers', 'key of the customer')) v(position, name, relation, description),
    LATERAL (VALUES (v.position, v.name, v.relation, t.template IN ('pharma_hospital', 'pharma_physician', 'b2b_account', 'finance'), v.description)) c;
INSERT INTO custprio.template_column VALUES
  ('retail', 10, 'online', 'source', false, 'condition: bought online'),
  ('retail', 11, 'coupon', 'source', false, 'condition: bought with a coupon'),
  ('finance', 10, 'assets', 'customers', true, 'assets under management'),
  ('finance', 11, 'balance', 'customers', false, 'balance of the credit line'),
  ('finance', 12, 'credit_limit', 'customers', false, 'its limit'),
  ('finance', 20, 'loan', NULL, false, 'relation of loans'),
  ('finance', 21, 'loan_key', 'loan', false, 'key of the customer'),
  ('finance', 22, 'pd', 'loan', false, 'probability of default, 0 to 1'),
  ('finance', 23, 'lgd', 'loan', false, 'loss given default, 0 to 1'),
  ('finance', 24, 'ead', 'loan', false, 'exposure at default'),
  ('healthcare', 20, 'dispensing', NULL, false, 'relation of dispensed medicines'),
  ('healthcare', 21, 'dispensing_key', 'dispensing', false, 'key of the patient'),
  ('healthcare', 22, 'dispensed_on', 'dispensing', false, 'day'),
  ('healthcare', 23, 'days_supply', 'dispensing', false, 'days that it lasts'),
  ('pharma_hospital', 10, 'beds', 'customers', true, 'number of beds'),
  ('pharma_hospital', 11, 'wallet', 'customers', false, 'estimated purchases of all suppliers'),
  ('pharma_physician', 10, 'patients', 'customers', true, 'number of patients'),
  ('pharma_physician', 11, 'wallet', 'customers', false, 'estimated prescriptions of all products'),
  ('pharma_physician', 20, 'referral', NULL, false, 'relation of referrals or citations'),
  ('pharma_physician', 21, 'referral_key', 'referral', false, 'key of the physician who is referred to'),
  ('pharma_physician', 22, 'referral_weight', 'referral', false, 'weight of the referral'),
  ('pharma_patient', 10, 'urgency', 'customers', false, 'urgency of the need, by the caregivers; not inferred'),
  ('pharma_patient', 11, 'importance', 'customers', false, 'importance of the need'),
  ('pharma_patient', 12, 'difficulty', 'customers', false, 'difficulty of meeting it'),
  ('pharma_patient', 20, 'dispensing', NULL, true, 'relation of dispensed medicines'),
  ('pharma_patient', 21, 'dispensing_key', 'dispensing', true, 'pseudonym of the patient'),
  ('pharma_patient', 22, 'dispensed_on', 'dispensing', true, 'day'),
  ('pharma_patient', 23, 'days_supply', 'dispensing', true, 'days that it lasts'),
  ('b2b_account', 10, 'wallet', 'customers', false, 'estimated purchases of all suppliers'),
  ('b2b_account', 11, 'employees', 'customers', false, 'number of employees'),
  ('b2b_account', 12, 'cost', 'source', false, 'cost of what was sold'),
  ('b2b_account', 20, 'complaint', NULL, false, 'relation of complaints'),
  ('b2b_account', 21, 'complaint_key', 'complaint', false, 'key of the account'),
  ('b2b_account', 22, 'complaint_at', 'complaint', false, 'day or time');
INSERT INTO custprio.template_column
  SELECT t.template, c.* FROM (VALUES ('retail'), ('healthcare'), ('pharma_patient'), ('b2b_account')) t(template), (VALUES
    (30, 'survey', NULL, false, 'relation of answers to surveys'),
    (31, 'survey_key', 'survey', false, 'key of the customer'),
    (32, 'survey_at', 'survey', false, 'day or time of the answer'),
    (33, 'score', 'survey', false, 'answer, 0 to 10')) c;

INSERT INTO custprio.template_metric (template, position, metric, relation, needs, expression, columns, weight, direction, scale, axis, within, if_missing) VALUES
  ('retail', 1, 'order_value', NULL, '{}', NULL, NULL, 1, NULL, NULL, NULL, NULL, NULL),
  ('retail', 2, 'return_rate', NULL, '{}', NULL, NULL, 0.5, NULL, NULL, NULL, NULL, NULL),
  ('retail', 3, 'online_share', 'source', '{online}', 'avg(CASE WHEN {online} THEN 1 ELSE 0 END)', NULL, 0, 'higher', 'minmax', NULL, NULL, NULL),
  ('retail', 4, 'coupon_share', 'source', '{coupon}', 'avg(CASE WHEN {coupon} THEN 1 ELSE 0 END)', NULL, 0.5, 'lower', 'minmax', NULL, NULL, NULL),
  ('finance', 1, 'assets', 'customers', '{assets}', '({assets})::numeric', NULL, 2, 'higher', 'percentile', NULL, NULL, NULL),
  ('finance', 2, 'credit_limit_use', 'customers', '{balance,credit_limit}', NULL, '{"balance": "balance", "credit_limit": "credit_limit"}', 0, NULL, NULL, NULL, NULL, NULL),
  ('finance', 3, 'expected_loss', 'loan', '{pd,lgd,ead}', NULL, '{"pd": "pd", "lgd": "lgd", "ead": "ead"}', 0, NULL, NULL, NULL, NULL, NULL),
  ('healthcare', 1, 'visit_rate', NULL, '{}', 'purchase_days * 30.4375 / (tenure + 1)', NULL, 1, 'higher', 'percentile', NULL, NULL, NULL),
  ('healthcare', 2, 'pdc', 'dispensing', '{dispensed_on,days_supply}', NULL, '{"day": "dispensed_on", "days_supply": "days_supply"}', 1, NULL, NULL, NULL, NULL, NULL),
  ('pharma_hospital', 1, 'beds', 'customers', '{beds}', '({beds})::numeric', NULL, 1, 'higher', 'log', NULL, NULL, NULL),
  ('pharma_physician', 1, 'patients', 'customers', '{patients}', '({patients})::numeric', NULL, 2, 'higher', 'percentile', NULL, NULL, NULL),
  ('pharma_physician', 2, 'influence', 'referral', '{referral_weight}', NULL, '{"weight": "referral_weight"}', 1, NULL, NULL, NULL, NULL, NULL),
  ('pharma_patient', 1, 'pdc', 'dispensing', '{dispensed_on,days_supply}', NULL, '{"day": "dispensed_on", "days_supply": "days_supply"}', 2, NULL, NULL, NULL, NULL, NULL),
  ('pharma_patient', 2, 'need_priority', 'customers', '{urgency,importance,difficulty}', NULL, '{"urgency": "urgency", "importance": "importance", "difficulty": "difficulty"}', 0, NULL, NULL, NULL, NULL, NULL),
  ('b2b_account', 1, 'employees', 'customers', '{employees}', '({employees})::numeric', NULL, 0.5, 'higher', 'log', NULL, NULL, NULL),
  ('b2b_account', 2, 'margin', 'source', '{amount,cost}', NULL, '{"amount": "amount", "cost": "cost"}', 2, NULL, NULL, NULL, NULL, NULL),
  ('b2b_account', 3, 'complaints', 'complaint', '{}', NULL, NULL, 0.5, NULL, NULL, NULL, '1 year', 0);
INSERT INTO custprio.template_metric (template, position, metric, relation, needs, expression, columns, weight, scale)
  SELECT t.template, m.* FROM (VALUES ('pharma_hospital'), ('pharma_physician'), ('b2b_account')) t(template), (VALUES
    (10, 'wallet', 'customers', '{wallet}'::text[], '({wallet})::numeric', NULL::jsonb, 0, 'percentile'),
    (11, 'share_of_wallet', NULL, '{wallet}', NULL, NULL, 1, NULL),
    (12, 'potential', NULL, '{wallet}', NULL, NULL, 0, NULL)) m;
INSERT INTO custprio.template_metric (template, position, metric, relation, needs, columns, weight)
  SELECT t.template, 20, 'satisfaction', 'survey', '{score}', '{"score": "score"}', 1
  FROM (VALUES ('retail'), ('healthcare'), ('pharma_patient'), ('b2b_account')) t(template);

-- Visits per month: A 4 to 8, B 2 to 4, C 1 to 2; the lower ends, to be raised where it pays.
INSERT INTO custprio.template_strategy
  SELECT t.template, s.tier::custprio.customer_tier, s.action, s.channel, s.contacts_per_month, s.service_level, s.description
  FROM (VALUES ('pharma_hospital'), ('pharma_physician')) t(template), (VALUES
    ('A', 'executive visit', 'visit', 0.25, 'within a day', 'a member of the board looks after the account'),
    ('A', 'account manager', 'visit', 4, 'within a day', 'usual range 4 to 8 a month'),
    ('B', 'representative', 'visit', 2, 'within three days', 'usual range 2 to 4 a month'),
    ('B', 'academic meeting', 'event', 0.25, NULL, 'invitation once a quarter'),
    ('C', 'representative', 'visit', 1, 'within a week', 'usual range 1 to 2 a month'),
    ('C', 'newsletter', 'mail', NULL, NULL, NULL),
    ('D', 'newsletter', 'mail', NULL, NULL, NULL),
    ('D', 'training online', 'online', NULL, NULL, NULL)) s(tier, action, channel, contacts_per_month, service_level, description);
INSERT INTO custprio.template_strategy
  SELECT t.template, s.tier::custprio.customer_tier, s.action, s.channel, s.contacts_per_month, s.service_level, s.description
  FROM (VALUES ('rfm'), ('retail'), ('finance'), ('b2b_account')) t(template), (VALUES
    ('A', 'personal contact', 'phone', 1, 'within a day', 'VIP service'),
    ('B', 'personal offer', 'mail', 0.5, 'within three days', NULL),
    ('C', 'campaign', 'mail', NULL, NULL, NULL),
    ('D', 'automatic mail', 'mail', NULL, NULL, 'low-cost marketing only')) s(tier, action, channel, contacts_per_month, service_level, description);
INSERT INTO custprio.template_strategy
  SELECT t.template, s.tier::custprio.customer_tier, s.action, s.channel, s.contacts_per_month, s.service_level, NULL
  FROM (VALUES ('healthcare'), ('pharma_patient')) t(template), (VALUES
    ('A', 'call by a nurse', 'phone', 1, 'within a day'),
    ('B', 'reminder and call', 'phone', 0.5, 'within three days'),
    ('C', 'reminder', 'message', NULL, NULL),
    ('D', 'reminder', 'message', NULL, NULL)) s(tier, action, channel, contacts_per_month, service_level);
INSERT INTO custprio.template_strategy VALUES
  ('high_mid_low', 'A', 'personal contact', 'phone', 1, 'within a day', 'high value'),
  ('high_mid_low', 'B', 'personal offer', 'mail', 0.5, NULL, 'mid value'),
  ('high_mid_low', 'C', 'campaign', 'mail', NULL, NULL, 'low value');

CREATE FUNCTION custprio.template_columns(template text)
  RETURNS TABLE ("column" text, relation text, required boolean, description text)
  LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF NOT EXISTS (SELECT FROM custprio.template t WHERE t.template = template_columns.template) THEN
    RAISE EXCEPTION 'there is no template "%"', template USING ERRCODE = 'undefined_object',
      HINT = format('Templates are %s.', (SELECT string_agg(t.template, ', ' ORDER BY t.template) FROM custprio.template t));
  END IF;
  RETURN QUERY SELECT c."column", c.relation, c.required, c.description FROM custprio.template_column c
    WHERE c.template = template_columns.template ORDER BY c.position;
END
$function$;
COMMENT ON FUNCTION custprio.template_columns(text) IS
  'what a template wants to know: relations, and columns (or expressions over them), to be named in the mapping of apply_template()';

-- Within a pinned search_path; caller_path is where the caller's names are looked up.
CREATE FUNCTION custprio.apply_template_within(caller_path text, name text, template text, mapping jsonb, every interval, target name)
  RETURNS regclass
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  own_path constant text := current_setting('search_path');
  t record;
  m record;
  missing text;
  unknown text;
  relations jsonb := '{}';
  r record;
  priority regclass;
  expression text;
  parts jsonb;
BEGIN
  PERFORM custprio.template_columns(coalesce(template, ''));
  SELECT * INTO t FROM custprio.template x WHERE x.template = apply_template_within.template;
  IF mapping IS NULL OR jsonb_typeof(mapping) <> 'object' THEN
    RAISE EXCEPTION 'argument "mapping" must be an object of columns and what they are in this database' USING ERRCODE = 'invalid_parameter_value',
      HINT = format('SELECT * FROM custprio.template_columns(%L) lists what the template wants to know.', template);
  END IF;
  SELECT string_agg(format('%I', k), ', ' ORDER BY k) INTO unknown FROM jsonb_object_keys(mapping) k
    WHERE k NOT IN (SELECT c."column" FROM custprio.template_column c WHERE c.template = t.template);
  IF unknown IS NOT NULL THEN
    RAISE EXCEPTION 'template "%" has no column %', template, unknown USING ERRCODE = 'undefined_column',
      HINT = format('SELECT * FROM custprio.template_columns(%L) lists what the template wants to know.', template);
  END IF;
  -- required ones, and what belongs to a relation that is given
  SELECT string_agg(format(E'%s: %s%s', c."column", coalesce(format('of %s: ', c.relation), ''), c.description), E'\n' ORDER BY c.position) INTO missing
    FROM custprio.template_column c WHERE c.template = t.template AND (mapping ->> c."column") IS NULL
      AND (c.required OR (c."column" = c.relation || '_key' AND (mapping ->> c.relation) IS NOT NULL)
           OR EXISTS (SELECT FROM custprio.template_column o WHERE o.template = t.template AND o.relation = c."column" AND (mapping ->> o."column") IS NOT NULL));
  IF missing IS NOT NULL THEN
    RAISE EXCEPTION 'template "%" cannot be applied without some columns', template USING ERRCODE = 'undefined_column',
      DETAIL = missing, HINT = 'Name them in the mapping: {"column": "name or expression", ...}.';
  END IF;

  -- the caller's names
  PERFORM set_config('search_path', caller_path, true);
  FOR r IN SELECT c."column" AS role FROM custprio.template_column c
    WHERE c.template OPERATOR(pg_catalog.=) t.template AND c.relation IS NULL AND (mapping OPERATOR(pg_catalog.->>) c."column") IS NOT NULL
  LOOP
    relations := pg_catalog.jsonb_set(relations, ARRAY[r.role],
      pg_catalog.to_jsonb(((mapping OPERATOR(pg_catalog.->>) r.role)::regclass)::oid::bigint));
  END LOOP;
  priority := custprio.create_scorecard(name => name, source => (relations OPERATOR(pg_catalog.->>) 'source')::oid::regclass,
    customer => mapping OPERATOR(pg_catalog.->>) 'customer', purchased_at => mapping OPERATOR(pg_catalog.->>) 'purchased_at',
    amount => mapping OPERATOR(pg_catalog.->>) 'amount', filter => mapping OPERATOR(pg_catalog.->>) 'filter', every => every,
    customers => (relations OPERATOR(pg_catalog.->>) 'customers')::oid::regclass,
    customers_key => mapping OPERATOR(pg_catalog.->>) 'customers_key', clv_model => t.clv_model, schema => target);
  PERFORM set_config('search_path', own_path, true);

  PERFORM custprio.set_weights(name, t.weights, format('template %s', template));
  PERFORM custprio.set_tiers(name, t.tiers, labels => t.labels, reason => format('template %s', template));
  FOR m IN SELECT * FROM custprio.template_metric x WHERE x.template = t.template ORDER BY x.position
  LOOP
    IF EXISTS (SELECT FROM unnest(m.needs || coalesce(ARRAY[m.relation], '{}')) n WHERE n IS NOT NULL AND (mapping ->> n) IS NULL) THEN
      RAISE NOTICE 'metric "%" is left out', m.metric USING
        DETAIL = format('It needs %s.', (SELECT string_agg(n, ', ') FROM unnest(m.needs || coalesce(ARRAY[m.relation], '{}')) n
                                         WHERE n IS NOT NULL AND (mapping ->> n) IS NULL));
      CONTINUE;
    END IF;
    expression := m.expression;
    FOR r IN SELECT n FROM unnest(m.needs) n LOOP
      expression := replace(expression, '{' || r.n || '}', '(' || (mapping ->> r.n) || ')');
    END LOOP;
    SELECT jsonb_object_agg(c.key, mapping ->> c.value) INTO parts FROM jsonb_each_text(m.columns) c;
    PERFORM set_config('search_path', caller_path, true);
    PERFORM custprio.add_metric(name, m.metric, expression, weight => m.weight, direction => m.direction, scale => m.scale,
      relation => (relations OPERATOR(pg_catalog.->>) m.relation)::oid::regclass,
      key => CASE WHEN m.relation OPERATOR(pg_catalog.=) ANY ('{source,customers}'::text[]) THEN NULL
                  ELSE mapping OPERATOR(pg_catalog.->>) (m.relation OPERATOR(pg_catalog.||) '_key') END,
      occurred_at => mapping OPERATOR(pg_catalog.->>) (m.relation OPERATOR(pg_catalog.||) '_at'), within => m.within,
      if_missing => m.if_missing, axis => m.axis, columns => parts, reason => pg_catalog.concat('template ', t.template));
    PERFORM set_config('search_path', own_path, true);
  END LOOP;
  PERFORM custprio.set_strategy(name, s.tier, s.action, s.channel, s.contacts_per_month, NULL, s.service_level, s.description)
    FROM custprio.template_strategy s WHERE s.template = t.template;
  RETURN priority;
END
$function$;
COMMENT ON FUNCTION custprio.apply_template_within(text, text, text, jsonb, interval, name) IS
  'does the work of apply_template(), which hands it the caller''s search_path';

CREATE FUNCTION custprio.apply_template(name text, template text, mapping jsonb, every interval DEFAULT '15 minutes', schema name DEFAULT NULL)
  RETURNS regclass
  LANGUAGE sql VOLATILE PARALLEL UNSAFE
  RETURN custprio.apply_template_within(pg_catalog.current_setting('search_path'), name, template, mapping, every, schema);
COMMENT ON FUNCTION custprio.apply_template(text, text, jsonb, interval, name) IS
  'create a scorecard from a template: the mapping names this database''s relations and columns for those of the template; metrics whose columns are not mapped are left out with a notice, and what is required must be there';

CREATE FUNCTION custprio.sample_data(template text, schema name, customers int DEFAULT 300, seed bigint DEFAULT 1) RETURNS jsonb
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  wanted text[] := ARRAY(SELECT c."column" FROM custprio.template_columns(coalesce(template, '')) c);
  mapping jsonb;
BEGIN
  IF schema IS NULL OR customers IS NULL OR customers < 1 OR customers > 1000000 OR seed IS NULL THEN
    RAISE EXCEPTION 'sample data need a schema, a seed, and 1 to 1000000 customers' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF to_regnamespace(quote_ident(schema)) IS NULL THEN
    EXECUTE format('CREATE SCHEMA %I', schema);
  END IF;
  -- u(n, what): numbers between 0 and 1 that depend on nothing but seed, row and purpose
  EXECUTE format($sql$
    CREATE TABLE %1$I.purchase AS
    SELECT c.n AS customer_id, date '2024-01-01' + (700 * u.when_)::int AS purchased_on,
      round(CASE WHEN u.kind < 0.04 THEN -5 ELSE exp(2 + 1.5 * u.size + 1.5 * c.wealth) END::numeric, 2)::numeric(12,2) AS amount,
      round((exp(2 + 1.5 * u.size + 1.5 * c.wealth) * (0.4 + 0.4 * u.kind))::numeric, 2) AS cost,
      CASE WHEN u.kind < 0.5 THEN 'online' ELSE 'store' END AS channel, u.size > 0.8 AS coupon
    FROM (SELECT n, (hashint8extended(n, $1) & 65535) / 65536.0::float8 AS wealth, (hashint8extended(n, $1 + 1) & 65535) / 65536.0::float8 AS eagerness
          FROM generate_series(1, $2::bigint) n) c,
      LATERAL generate_series(1, 1 + (12 * c.eagerness ^ 2)::int) k,
      LATERAL (SELECT (hashint8extended(c.n * 1000 + k, $1 + 2) & 65535) / 65536.0::float8 AS when_,
        (hashint8extended(c.n * 1000 + k, $1 + 3) & 65535) / 65536.0::float8 AS size,
        (hashint8extended(c.n * 1000 + k, $1 + 4) & 65535) / 65536.0::float8 AS kind) u
  $sql$, schema) USING seed, customers;
  EXECUTE format($sql$
    CREATE TABLE %1$I.customer AS
    SELECT n AS customer_id, 'Customer ' || n AS name, (ARRAY['north', 'south', 'west'])[1 + (100 * a)::int %% 3] AS territory,
      (20 + 1500 * a ^ 3)::int AS beds, (10 + 900 * b ^ 2)::int AS patients, (2 + 4000 * b ^ 4)::int AS employees,
      round((2000 * a + 500)::numeric, 2) AS wallet, round((100000 * b ^ 3)::numeric, 2) AS assets,
      round((1000 * a * b)::numeric, 2) AS balance, round((1000 * a + 100)::numeric, 2) AS credit_limit,
      1 + (4 * a)::int AS urgency, 1 + (4 * b)::int AS importance, 1 + (4 * a * b)::int AS difficulty
    FROM (SELECT n, (hashint8extended(n, $1) & 65535) / 65536.0::float8 AS a, (hashint8extended(n, $1 + 5) & 65535) / 65536.0::float8 AS b
          FROM generate_series(1, ($2 * 1.1)::bigint + 1) n) c
  $sql$, schema) USING seed, customers;
  mapping := jsonb_build_object('source', format('%I.purchase', schema), 'customer', 'customer_id', 'purchased_at', 'purchased_on', 'amount', 'amount',
    'customers', format('%I.customer', schema), 'customers_key', 'customer_id', 'online', 'channel = ''online''', 'coupon', 'coupon', 'cost', 'cost',
    'beds', 'beds', 'patients', 'patients', 'employees', 'employees', 'wallet', 'wallet', 'assets', 'assets', 'balance', 'balance',
    'credit_limit', 'credit_limit', 'urgency', 'urgency', 'importance', 'importance', 'difficulty', 'difficulty');
  IF 'survey' = ANY (wanted) THEN
    EXECUTE format($sql$
      CREATE TABLE %1$I.survey AS SELECT n AS customer_id, date '2025-06-01' + (100 * a)::int AS answered_on, (10 * a)::int AS score
      FROM (SELECT n, (hashint8extended(n, $1 + 6) & 65535) / 65536.0::float8 AS a FROM generate_series(1, $2::bigint) n) c WHERE a > 0.2
    $sql$, schema) USING seed, customers;
    mapping := mapping || jsonb_build_object('survey', format('%I.survey', schema), 'survey_key', 'customer_id', 'survey_at', 'answered_on', 'score', 'score');
  END IF;
  IF 'loan' = ANY (wanted) THEN
    EXECUTE format($sql$
      CREATE TABLE %1$I.loan AS SELECT n AS customer_id, round(a::numeric / 10, 4) AS pd, round((0.3 + a / 3)::numeric, 4) AS lgd, round((20000 * a)::numeric, 2) AS ead
      FROM (SELECT n, (hashint8extended(n, $1 + 7) & 65535) / 65536.0::float8 AS a FROM generate_series(1, $2::bigint) n) c WHERE a < 0.6
    $sql$, schema) USING seed, customers;
    mapping := mapping || jsonb_build_object('loan', format('%I.loan', schema), 'loan_key', 'customer_id', 'pd', 'pd', 'lgd', 'lgd', 'ead', 'ead');
  END IF;
  IF 'dispensing' = ANY (wanted) THEN
    EXECUTE format($sql$
      CREATE TABLE %1$I.dispensing AS SELECT n AS customer_id, date '2025-01-01' + 30 * k AS dispensed_on, 10 + (20 * a)::int AS days_supply
      FROM (SELECT n, (hashint8extended(n, $1 + 8) & 65535) / 65536.0::float8 AS a FROM generate_series(1, $2::bigint) n) c, generate_series(0, 9) k
    $sql$, schema) USING seed, customers;
    mapping := mapping || jsonb_build_object('dispensing', format('%I.dispensing', schema), 'dispensing_key', 'customer_id',
      'dispensed_on', 'dispensed_on', 'days_supply', 'days_supply');
  END IF;
  IF 'referral' = ANY (wanted) THEN
    EXECUTE format($sql$
      CREATE TABLE %1$I.referral AS SELECT n AS from_id, 1 + (a ^ 3 * ($2 - 1))::bigint AS to_id, round((1 + 4 * a)::numeric, 1) AS weight
      FROM (SELECT n, (hashint8extended(n, $1 + 9) & 65535) / 65536.0::float8 AS a FROM generate_series(1, $2::bigint) n) c
    $sql$, schema) USING seed, customers;
    mapping := mapping || jsonb_build_object('referral', format('%I.referral', schema), 'referral_key', 'to_id', 'referral_weight', 'weight');
  END IF;
  IF 'complaint' = ANY (wanted) THEN
    EXECUTE format($sql$
      CREATE TABLE %1$I.complaint AS SELECT n AS customer_id, date '2025-01-01' + (300 * a)::int AS filed_on
      FROM (SELECT n, (hashint8extended(n, $1 + 10) & 65535) / 65536.0::float8 AS a FROM generate_series(1, $2::bigint) n) c WHERE a < 0.2
    $sql$, schema) USING seed, customers;
    mapping := mapping || jsonb_build_object('complaint', format('%I.complaint', schema), 'complaint_key', 'customer_id', 'complaint_at', 'filed_on');
  END IF;
  RETURN (SELECT jsonb_object_agg(e.key, e.value) FROM jsonb_each(mapping) e WHERE e.key = ANY (wanted));
END
$function$;
COMMENT ON FUNCTION custprio.sample_data(text, name, int, bigint) IS
  'make tables of invented data for a template in a schema, always the same for a seed, and return the mapping that apply_template() wants';
