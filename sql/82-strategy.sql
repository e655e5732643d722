-- What is to be done for the customers of each tier, what was done, and what that costs.

CREATE TABLE custprio.strategy (
  scorecard_id       bigint NOT NULL REFERENCES custprio.scorecard ON DELETE CASCADE,
  tier               custprio.customer_tier NOT NULL,
  action             text NOT NULL CHECK (action <> ''),
  channel            text CHECK (channel <> ''),
  contacts_per_month numeric CHECK (contacts_per_month BETWEEN 0 AND 1000),
  budget             numeric CHECK (budget BETWEEN 0 AND 1e12),
  service_level      text,
  description        text,
  PRIMARY KEY (scorecard_id, tier, action)
);
COMMENT ON TABLE custprio.strategy IS 'by scorecard and tier: actions with channel, contacts and budget; written by set_strategy() and drop_strategy(), dumped';
COMMENT ON COLUMN custprio.strategy.contacts_per_month IS 'contacts of each customer per month; 0.5 is one every other month, NULL: not scheduled';
COMMENT ON COLUMN custprio.strategy.budget IS 'money per customer and month';
COMMENT ON COLUMN custprio.strategy.service_level IS 'what the customer is promised, such as an answer within a day';
GRANT SELECT ON custprio.strategy TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('custprio.strategy', '');

CREATE TABLE custprio.contact_source (
  scorecard_id bigint PRIMARY KEY REFERENCES custprio.scorecard ON DELETE CASCADE,
  relation     text NOT NULL,
  customer     text NOT NULL,
  contacted_at text NOT NULL,
  channel      text
);
COMMENT ON TABLE custprio.contact_source IS 'by scorecard: the relation of contacts made with customers, and the expressions over its columns; written by set_contacts(), dumped';
GRANT SELECT ON custprio.contact_source TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('custprio.contact_source', '');

CREATE FUNCTION custprio.set_strategy(name text, tier custprio.customer_tier, action text, channel text DEFAULT NULL,
  contacts_per_month numeric DEFAULT NULL, budget numeric DEFAULT NULL, service_level text DEFAULT NULL, description text DEFAULT NULL)
  RETURNS void
  AS 'MODULE_PATHNAME', 'custprio_set_strategy' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.set_strategy(text, custprio.customer_tier, text, text, numeric, numeric, text, text) IS
  'set an action for the customers of a tier, or replace the one of that name: channel, contacts per month, budget per customer and month, service level';

CREATE FUNCTION custprio.drop_strategy(name text, tier custprio.customer_tier DEFAULT NULL, action text DEFAULT NULL) RETURNS void
  AS 'MODULE_PATHNAME', 'custprio_drop_strategy' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.drop_strategy(text, custprio.customer_tier, text) IS
  'remove an action of a tier, all actions of a tier, or all of a scorecard';

CREATE FUNCTION custprio.set_contacts(name text, relation regclass, customer text DEFAULT NULL, contacted_at text DEFAULT NULL,
  channel text DEFAULT NULL) RETURNS void
  AS 'MODULE_PATHNAME', 'custprio_set_contacts' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.set_contacts(text, regclass, text, text, text) IS
  'say where contacts with customers are noted: a relation and expressions over its columns for customer, time and channel; NULL as relation: nowhere';

CREATE FUNCTION custprio.contacts_made(name text, from_day date DEFAULT NULL, to_day date DEFAULT NULL, customer text DEFAULT NULL)
  RETURNS TABLE (customer_id text, contacted_on date, channel text)
  AS 'MODULE_PATHNAME', 'custprio_contacts_made' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED;
COMMENT ON FUNCTION custprio.contacts_made(text, date, date, text) IS
  'contacts in the local days from one to another, both inclusive, with customers whom the caller can read in the priority table';

CREATE FUNCTION custprio.contact_plan(name text, month date DEFAULT NULL)
  RETURNS TABLE (customer_id text, tier custprio.customer_tier, channel text, actions text, due bigint, made bigint, missed bigint,
    open bigint, last_contact date)
  LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
  SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  priority text := custprio.priority_table(name);
  today date := custprio.as_of(name);
  first_day date := date_trunc('month', coalesce(month, today))::date;
  last_day date := (first_day + interval '1 month')::date - 1;
  months int := (extract(year FROM first_day) * 12 + extract(month FROM first_day))::int;
  card record;
  holder text;
BEGIN
  IF today IS NULL THEN
    RETURN;
  END IF;
  IF NOT isfinite(coalesce(month, today)) THEN
    RAISE EXCEPTION 'argument "month" must be a finite day' USING ERRCODE = 'datetime_field_overflow';
  END IF;
  SELECT s.scorecard_id, s.schema_name, s.name, c.channel IS NOT NULL AS by_channel INTO card
    FROM custprio.scorecard s LEFT JOIN custprio.contact_source c USING (scorecard_id) WHERE s.name = contact_plan.name;
  -- a month that is over is planned by the tier that a customer had when it began, or else came to in it
  holder := CASE WHEN last_day <= today THEN format(
      'SELECT DISTINCT ON (h.customer_id) h.customer_id, h.tier FROM %I.%I h WHERE h.changed_on <= $4'
      ' ORDER BY h.customer_id, h.changed_on <= $3 DESC, CASE WHEN h.changed_on <= $3 THEN h.changed_on - $3 ELSE $3 - h.changed_on END DESC,'
      ' CASE WHEN h.changed_on <= $3 THEN h.run_id ELSE -h.run_id END DESC', card.schema_name, card.name || '_tier_history')
    ELSE format('SELECT p.customer_id, p.tier FROM %s p', priority) END;
  RETURN QUERY EXECUTE format($query$
    WITH planned AS (
      SELECT h.customer_id::text AS customer, h.tier, CASE WHEN $5 THEN coalesce(s.channel, '') ELSE '' END AS via,
        CASE WHEN $5 THEN min(s.channel) ELSE string_agg(DISTINCT s.channel, ', ') END AS channel,
        string_agg(s.action, ', ' ORDER BY s.action) AS actions,
        sum(floor(s.contacts_per_month * ($6 + 1)) - floor(s.contacts_per_month * $6))::bigint AS due
      FROM (%s) h JOIN custprio.strategy s ON s.scorecard_id = $1 AND s.tier = h.tier AND s.contacts_per_month > 0
      GROUP BY h.customer_id, h.tier, CASE WHEN $5 THEN coalesce(s.channel, '') ELSE '' END),
    contact AS (
      SELECT c.customer_id, CASE WHEN p.customer IS NULL THEN '' ELSE c.channel END AS via, count(*) AS made, max(c.contacted_on) AS last
      FROM custprio.contacts_made($2, $3, $4) c
      LEFT JOIN planned p ON p.customer = c.customer_id AND p.via = c.channel
      GROUP BY 1, 2)
    SELECT p.customer, p.tier, p.channel, p.actions, p.due, coalesce(c.made, 0),
      CASE WHEN $4 <= $7 THEN greatest(p.due - coalesce(c.made, 0), 0) ELSE 0 END,
      CASE WHEN $4 > $7 THEN greatest(p.due - coalesce(c.made, 0), 0) ELSE 0 END, c.last
    FROM planned p LEFT JOIN contact c ON c.customer_id = p.customer AND c.via = p.via
    ORDER BY p.tier, p.customer, p.channel
  $query$, holder) USING card.scorecard_id, name, first_day, last_day, card.by_channel, months, today;
END
$function$;
COMMENT ON FUNCTION custprio.contact_plan(text, date) IS
  'contacts of a month by customer and channel: due by the strategy of the tier, made, and missed when the month is over or still open; months that are over count the tier at their beginning';

CREATE FUNCTION custprio.actions_due(name text, day date DEFAULT NULL, customer text DEFAULT NULL)
  RETURNS TABLE (customer_id text, tier custprio.customer_tier, priority numeric, action text, channel text, service_level text,
    last_contact date, due_on date, days_overdue int)
  LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
  SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  priority_table text := custprio.priority_table(name);
  until_day date := coalesce(day, custprio.as_of(name));
BEGIN
  IF NOT isfinite(until_day) THEN
    RAISE EXCEPTION 'argument "day" must be a finite day' USING ERRCODE = 'datetime_field_overflow';
  END IF;
  RETURN QUERY EXECUTE format($query$
    WITH contact AS MATERIALIZED (
      SELECT c.customer_id, coalesce(c.channel, '') AS via, max(c.contacted_on) AS last
      FROM custprio.contacts_made($1, NULL, $2, $3) c GROUP BY 1, 2),
    latest AS MATERIALIZED (SELECT c.customer_id, max(c.last) AS last FROM contact c GROUP BY 1),
    scheduled AS (
      SELECT p.customer, p.tier, p.priority, s.action, s.channel, s.service_level,
        CASE WHEN n.channel IS NOT NULL AND s.channel IS NOT NULL THEN c.last ELSE l.last END AS last,
        p.tier_since, ceil(30.4375 / s.contacts_per_month)::int AS days
      FROM (SELECT customer_id::text AS customer, tier, priority, tier_since FROM %s WHERE %s) p
      JOIN custprio.scorecard k ON k.name = $1
      JOIN custprio.strategy s ON s.scorecard_id = k.scorecard_id AND s.tier = p.tier AND s.contacts_per_month > 0
      LEFT JOIN custprio.contact_source n ON n.scorecard_id = k.scorecard_id
      LEFT JOIN contact c ON c.customer_id = p.customer AND c.via = s.channel
      LEFT JOIN latest l ON l.customer_id = p.customer)
    SELECT d.customer, d.tier, d.priority, d.action, d.channel, d.service_level, d.last, d.due_on, $2 - d.due_on
    FROM (SELECT *, coalesce(last + days, tier_since) AS due_on FROM scheduled) d
    WHERE d.due_on <= $2 ORDER BY d.tier, d.priority DESC, d.customer, d.action
  $query$, priority_table, CASE WHEN customer IS NULL THEN 'true' ELSE 'customer_id::text = $3' END) USING name, until_day, customer;
END
$function$;
COMMENT ON FUNCTION custprio.actions_due(text, date, text) IS
  'actions that are due on a day, most valuable customers first: when the last contact in the channel is longer ago than contacts_per_month allows, or since the tier began without any';

CREATE FUNCTION custprio.tier_costs(name text)
  RETURNS TABLE (tier custprio.customer_tier, customers bigint, contacts_per_month numeric, budget_per_month numeric,
    share_of_budget numeric, revenue numeric, share_of_revenue numeric, clv numeric, budget_per_revenue numeric)
  LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  priority text := custprio.priority_table(name);
BEGIN
  RETURN QUERY EXECUTE format($query$
    WITH plan AS (
      SELECT s.tier, sum(s.contacts_per_month) AS contacts, sum(s.budget) AS budget
      FROM custprio.strategy s JOIN custprio.scorecard k USING (scorecard_id) WHERE k.name = $1 GROUP BY s.tier),
    value AS (SELECT p.tier, count(*) AS n, sum(p.monetary) AS revenue, sum(p.clv) AS clv FROM %s p WHERE p.tier IS NOT NULL GROUP BY p.tier),
    cost AS (
      SELECT tier, coalesce(v.n, 0) AS n, coalesce(v.n, 0) * coalesce(plan.contacts, 0) AS contacts,
        coalesce(v.n, 0) * coalesce(plan.budget, 0) AS budget, coalesce(v.revenue, 0) AS revenue, v.clv
      FROM value v FULL JOIN plan USING (tier))
    SELECT c.tier, c.n, c.contacts, c.budget, round(c.budget / nullif(sum(c.budget) OVER (), 0), 4), c.revenue,
      round(c.revenue / nullif(sum(c.revenue) OVER (), 0), 4), c.clv, round(c.budget / nullif(c.revenue, 0), 6)
    FROM cost c ORDER BY c.tier
  $query$, priority) USING name;
END
$function$;
COMMENT ON FUNCTION custprio.tier_costs(text) IS
  'what each tier costs a month by its strategies, beside what it is worth: contacts, budget, revenue, their shares, and budget per revenue';

CREATE FUNCTION custprio.profile(name text, customer text) RETURNS jsonb
  LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  priority text := custprio.priority_table(name);
  key_type text;
  published jsonb;
  reason jsonb;
BEGIN
  SELECT format_type(a.atttypid, a.atttypmod) INTO key_type FROM pg_attribute a
    WHERE a.attrelid = priority::regclass AND a.attname = 'customer_id';
  EXECUTE format('SELECT to_jsonb(p) FROM %s p WHERE p.customer_id = CAST($1 AS %s)', priority, key_type)
    INTO published USING customer;
  IF published IS NULL THEN
    RAISE EXCEPTION 'scorecard "%" has no customer "%"', name, customer USING ERRCODE = 'no_data_found',
      HINT = format('SELECT customer_id FROM %s lists the customers.', priority);
  END IF;
  -- thresholds are for the owner's members and pg_monitor, and may be out of date: the rest is told all the same
  BEGIN
    SELECT jsonb_agg(to_jsonb(e)) INTO reason FROM custprio.explain(name, customer) e;
  EXCEPTION WHEN object_not_in_prerequisite_state OR insufficient_privilege THEN
    reason := NULL;
  END;
  RETURN jsonb_build_object(
    'scorecard', name,
    'as_of', custprio.as_of(name),
    'customer', published,
    'reason', reason,
    'segments', (SELECT coalesce(jsonb_agg(jsonb_build_object('segment', m.segment, 'dimension', m.dimension) ORDER BY m.segment), '[]')
                 FROM custprio.segment_members(name, NULL, customer) m),
    'strategy', (SELECT coalesce(jsonb_agg(to_jsonb(s) - '{scorecard_id,tier}'::text[] ORDER BY s.action), '[]')
                 FROM custprio.strategy s JOIN custprio.scorecard k USING (scorecard_id)
                 WHERE k.name = profile.name AND s.tier::text = published ->> 'tier'),
    'last_contact', (SELECT max(c.contacted_on) FROM custprio.contacts_made(name, NULL, NULL, customer) c),
    'next_actions', (SELECT coalesce(jsonb_agg(to_jsonb(d) - '{customer_id,tier,priority}'::text[] ORDER BY d.due_on, d.action), '[]')
                     FROM custprio.actions_due(name, NULL, published ->> 'customer_id') d));
END
$function$;
COMMENT ON FUNCTION custprio.profile(text, text) IS
  'all that is known of one customer, for a screen: published row, reason of the tier, segments, strategy, last contact and actions due';

CREATE FUNCTION custprio.allocate(name text, capacity bigint, method text DEFAULT 'proportional', by text DEFAULT 'priority',
  per text DEFAULT 'customer', caps jsonb DEFAULT '{}', floors jsonb DEFAULT '{}', customer_caps jsonb DEFAULT '{}',
  customer_floors jsonb DEFAULT '{}', decay float8 DEFAULT 0.5)
  RETURNS TABLE (recipient text, tier custprio.customer_tier, weight numeric, allocated bigint, reason text)
  LANGUAGE plpgsql STABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
AS $function$
#variable_conflict use_column
DECLARE
  priority text := custprio.priority_table(name);
  bound record;
  r record;
  outcome record;
  units bigint[];
  most bigint;
BEGIN
  IF capacity IS NULL OR capacity < 0 THEN
    RAISE EXCEPTION 'argument "capacity" must be a number of units from 0 on' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF method IS NULL OR method NOT IN ('proportional', 'greedy') THEN
    RAISE EXCEPTION 'argument "method": there is no method "%"', method USING ERRCODE = 'invalid_parameter_value',
      HINT = 'Use proportional or greedy.';
  END IF;
  IF per IS NULL OR per NOT IN ('customer', 'tier') THEN
    RAISE EXCEPTION 'argument "per" must be "customer" or "tier"' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF decay IS NULL OR NOT (decay > 0 AND decay <= 1) THEN
    RAISE EXCEPTION 'argument "decay" must be above 0 and at most 1' USING ERRCODE = 'invalid_parameter_value',
      HINT = 'It is what each further unit brings, relative to the one before.';
  END IF;
  IF NOT EXISTS (SELECT FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
                 WHERE a.attrelid = priority::regclass AND a.attname = by AND a.attnum > 0 AND NOT a.attisdropped AND t.typcategory = 'N') THEN
    RAISE EXCEPTION 'argument "by": % has no column of numbers "%"', priority, by USING ERRCODE = 'undefined_column',
      HINT = 'Use priority, monetary, clv, frequency or an added metric.';
  END IF;
  SELECT b.argument, e.key, e.value INTO bound
    FROM (VALUES ('caps', caps, true), ('floors', floors, true), ('customer_caps', customer_caps, false), ('customer_floors', customer_floors, false)) b(argument, given, of_tier),
      LATERAL jsonb_each(CASE WHEN jsonb_typeof(b.given) = 'object' THEN b.given ELSE '{"": ""}' END) e
    WHERE CASE WHEN jsonb_typeof(e.value) = 'number' THEN e.value::numeric NOT BETWEEN 0 AND 9e18 OR e.value::numeric <> trunc(e.value::numeric) ELSE true END
       OR (b.of_tier AND e.key !~ '^[A-Z*]$') LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'argument "%" must be an object of % and whole numbers from 0 on', bound.argument,
      CASE WHEN bound.argument LIKE 'customer%' THEN 'customers' ELSE 'tiers' END
      USING ERRCODE = 'invalid_parameter_value', DETAIL = format('It has %s: %s.', to_json(bound.key), bound.value),
      HINT = 'For example {"A": 10, "*": 2}: 10 for each of tier A, 2 for each other.';
  END IF;

  EXECUTE format($query$
    WITH recipient AS (
      SELECT %2$s AS recipient, p.tier, greatest(coalesce(%3$s, 0), 0) AS weight FROM %1$s p WHERE p.tier IS NOT NULL %4$s),
    bounded AS (
      SELECT recipient, tier, weight,
        coalesce((CASE WHEN $5 THEN $3 ->> recipient END)::bigint, ($1 ->> tier::text)::bigint, ($1 ->> '*')::bigint) AS cap,
        coalesce((CASE WHEN $5 THEN $4 ->> recipient END)::bigint, ($2 ->> tier::text)::bigint, ($2 ->> '*')::bigint, 0) AS owed
      FROM recipient)
    SELECT array_agg(recipient ORDER BY tier, weight DESC, recipient) AS recipients,
      array_agg(tier ORDER BY tier, weight DESC, recipient) AS tiers,
      array_agg(weight ORDER BY tier, weight DESC, recipient) AS weights,
      array_agg(cap ORDER BY tier, weight DESC, recipient) AS caps,
      array_agg(owed ORDER BY tier, weight DESC, recipient) AS floors,
      coalesce(sum(owed), 0) AS floor_sum, max(least(cap, $6) - owed) AS most, max(recipient) FILTER (WHERE owed > cap) AS crossed
    FROM bounded
  $query$, priority, CASE per WHEN 'customer' THEN 'p.customer_id::text' ELSE 'p.tier::text' END,
    CASE per WHEN 'customer' THEN format('p.%I::numeric', by) ELSE format('sum(p.%I::numeric)', by) END,
    CASE per WHEN 'customer' THEN '' ELSE 'GROUP BY p.tier' END)
    INTO r USING caps, floors, customer_caps, customer_floors, per = 'customer', capacity;
  IF r.crossed IS NOT NULL THEN
    RAISE EXCEPTION 'the floor of "%" is above its cap', r.crossed USING ERRCODE = 'invalid_parameter_value',
      HINT = 'See the arguments caps, floors, customer_caps and customer_floors.';
  END IF;
  IF r.recipients IS NULL OR r.floor_sum > capacity THEN
    recipient := NULL; tier := NULL; weight := NULL; allocated := capacity;
    reason := CASE WHEN r.recipients IS NULL THEN 'not allocated: there is nobody to allocate to'
                   ELSE format('not allocated: the floors add up to %s, which is more', r.floor_sum) END;
    RETURN NEXT;
    RETURN;
  END IF;

  IF method = 'proportional' THEN
    SELECT * INTO outcome FROM custprio.largest_remainder(r.weights, capacity, r.floors, r.caps);
    units := outcome.allocated;
  ELSE
    -- beyond its floor, the n-th unit brings weight times decay to the power of n - 1; beyond its cap, nothing
    most := least(coalesce(r.most, capacity), capacity - r.floor_sum);
    IF most * cardinality(r.recipients) > 20000000 THEN
      RAISE EXCEPTION 'too many units to compare' USING ERRCODE = 'program_limit_exceeded',
        DETAIL = format('Each of %s recipients might get %s units.', cardinality(r.recipients), most), HINT = 'Give caps.';
    END IF;
    IF most = 0 THEN
      units := r.floors;
      SELECT capacity - r.floor_sum AS unallocated, 'all caps are reached'::text AS reason INTO outcome;
    ELSE
      SELECT g.* INTO outcome FROM (
        SELECT array_agg(ARRAY(SELECT CASE WHEN n <= coalesce(u.cap, 9223372036854775807) - u.owed THEN u.weight * decay ^ (n - 1) ELSE 0 END
                               FROM generate_series(1, most) n ORDER BY n) ORDER BY u.nth) AS gains
        FROM unnest(r.weights::float8[], r.caps, r.floors) WITH ORDINALITY u(weight, cap, owed, nth)) matrix,
        LATERAL custprio.greedy_allocation(matrix.gains, (capacity - r.floor_sum)::bigint) g;
      SELECT array_agg(u.a + u.owed ORDER BY u.nth) INTO units FROM unnest(outcome.allocated, r.floors) WITH ORDINALITY u(a, owed, nth);
    END IF;
  END IF;
  RETURN QUERY SELECT u.recipient, u.tier, u.weight, u.allocated, NULL::text
    FROM unnest(r.recipients, r.tiers, r.weights, units) WITH ORDINALITY u(recipient, tier, weight, allocated, nth) ORDER BY u.nth;
  IF outcome.unallocated > 0 THEN
    recipient := NULL; tier := NULL; weight := NULL; allocated := outcome.unallocated;
    reason := 'not allocated: ' || outcome.reason;
    RETURN NEXT;
  END IF;
END
$function$;
COMMENT ON FUNCTION custprio.allocate(text, bigint, text, text, text, jsonb, jsonb, jsonb, jsonb, float8) IS
  'share out whole units of a resource among customers or tiers, by a column of the priority table: in proportion, or greedily to whom the next unit brings most, within caps and floors; the units add up to the capacity exactly, and a last row without recipient says what could not be allocated and why';

CREATE FUNCTION custprio.rep_scorecard(name text, representatives regclass, customer_column name, representative_column name,
  from_day date, to_day date, since_column name DEFAULT NULL, until_column name DEFAULT NULL)
  RETURNS TABLE (representative text, customers bigint, upgrades bigint, downgrades bigint, won bigint, lost bigint,
    a_at_start bigint, a_retained bigint, a_retained_value numeric, contacted bigint, coverage numeric)
  LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
  SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  priority text := custprio.priority_table(name);
  history text;
  missing name;
  noted boolean;
BEGIN
  IF representatives IS NULL OR from_day IS NULL OR to_day IS NULL OR NOT isfinite(from_day) OR NOT isfinite(to_day) OR from_day > to_day THEN
    RAISE EXCEPTION 'arguments "from_day" and "to_day" must be finite days in order, and "representatives" a relation'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT c INTO missing FROM unnest(ARRAY[customer_column, representative_column, since_column, until_column]) WITH ORDINALITY u(c, nth)
    WHERE (c IS NOT NULL OR nth <= 2)
      AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = representatives AND a.attname = c AND a.attnum > 0 AND NOT a.attisdropped);
  IF FOUND THEN
    RAISE EXCEPTION '% has no column "%"', representatives, missing USING ERRCODE = 'undefined_column';
  END IF;
  SELECT format('%I.%I', s.schema_name, s.name || '_tier_history'),
         EXISTS (SELECT FROM custprio.contact_source c WHERE c.scorecard_id = s.scorecard_id) INTO history, noted
    FROM custprio.scorecard s WHERE s.name = rep_scorecard.name;
  -- who looks after a customer on a day: since (inclusive) until (exclusive)
  RETURN QUERY EXECUTE format($query$
    WITH owner AS MATERIALIZED (
      SELECT o.%3$I::text AS customer, o.%4$I::text AS rep, %5$s AS since, %6$s AS until FROM %2$s o
      WHERE o.%3$I IS NOT NULL AND o.%4$I IS NOT NULL),
    change AS (SELECT h.customer_id::text AS customer, h.changed_on, h.previous_tier, h.tier FROM %7$s h
      WHERE h.changed_on > $2 AND h.changed_on <= $3),
    moved AS (
      SELECT o.rep, count(*) FILTER (WHERE c.tier < c.previous_tier) AS up, count(*) FILTER (WHERE c.tier > c.previous_tier) AS down,
        count(*) FILTER (WHERE c.previous_tier IS NULL AND c.tier IS NOT NULL) AS won,
        count(*) FILTER (WHERE c.previous_tier IS NOT NULL AND c.tier IS NULL) AS lost
      FROM change c JOIN owner o ON o.customer = c.customer AND o.since <= c.changed_on AND c.changed_on < o.until GROUP BY o.rep),
    start AS (SELECT DISTINCT ON (h.customer_id) h.customer_id::text AS customer, h.tier FROM %7$s h WHERE h.changed_on <= $2
      ORDER BY h.customer_id, h.changed_on DESC, h.run_id DESC),
    stop AS (SELECT DISTINCT ON (h.customer_id) h.customer_id::text AS customer, h.tier FROM %7$s h WHERE h.changed_on <= $3
      ORDER BY h.customer_id, h.changed_on DESC, h.run_id DESC),
    kept AS (
      SELECT o.rep, count(*) AS n, count(*) FILTER (WHERE b.tier = 'A' AND s.tier = 'A') AS a_kept,
        sum(p.monetary) FILTER (WHERE b.tier = 'A' AND s.tier = 'A') AS a_value
      FROM (SELECT DISTINCT customer, rep FROM owner WHERE since <= $3 AND $3 < until) o
      JOIN stop s USING (customer) LEFT JOIN start b USING (customer)
      LEFT JOIN (SELECT customer_id::text AS customer, monetary FROM %1$s) p USING (customer)
      WHERE s.tier IS NOT NULL GROUP BY o.rep),
    begun AS (
      SELECT o.rep, count(*) AS a FROM (SELECT DISTINCT customer, rep FROM owner WHERE since <= $2 AND $2 < until) o
      JOIN start b USING (customer) WHERE b.tier = 'A' GROUP BY o.rep),
    reached AS (
      SELECT o.rep, count(DISTINCT o.customer) AS n FROM owner o
      JOIN custprio.contacts_made($1, $2, $3) c ON c.customer_id = o.customer AND o.since <= c.contacted_on AND c.contacted_on < o.until
      JOIN stop s ON s.customer = o.customer AND s.tier IS NOT NULL
      WHERE o.since <= $3 AND $3 < o.until GROUP BY o.rep)
    SELECT r.rep, coalesce(k.n, 0), coalesce(m.up, 0), coalesce(m.down, 0), coalesce(m.won, 0), coalesce(m.lost, 0), coalesce(b.a, 0),
      coalesce(k.a_kept, 0), coalesce(k.a_value, 0), CASE WHEN $4 THEN coalesce(c.n, 0) END,
      CASE WHEN $4 THEN round(coalesce(c.n, 0)::numeric / nullif(k.n, 0), 4) END
    FROM (SELECT DISTINCT rep FROM owner) r LEFT JOIN moved m USING (rep) LEFT JOIN kept k USING (rep) LEFT JOIN begun b USING (rep)
    LEFT JOIN reached c USING (rep) ORDER BY r.rep
  $query$, priority, representatives, customer_column, representative_column,
    CASE WHEN since_column IS NULL THEN '''-infinity''::date' ELSE format('coalesce(o.%I::date, ''-infinity'')', since_column) END,
    CASE WHEN until_column IS NULL THEN '''infinity''::date' ELSE format('coalesce(o.%I::date, ''infinity'')', until_column) END,
    history) USING name, from_day, to_day, noted;
END
$function$;
COMMENT ON FUNCTION custprio.rep_scorecard(text, regclass, name, name, date, date, name, name) IS
  'what became of each sales representative''s customers after one day until another: tiers up and down, won and lost, tier A kept and its value, customers contacted; each change counts for who looked after the customer on its day';
