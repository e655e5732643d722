-- How tiers are cut, what holds a customer in one, and what people decide about single customers; see doc/tiers.md.

CREATE TABLE custprio.tier_policy (
  scorecard_id   bigint PRIMARY KEY REFERENCES custprio.scorecard ON DELETE CASCADE,
  method         text NOT NULL DEFAULT 'share' CHECK (method IN ('share', 'priority', 'cumulative', 'capacity', 'rules')),
  metric         text,
  minimum_stay   int CHECK (minimum_stay > 0),
  protection     int CHECK (protection > 0),
  grace          int CHECK (grace > 0),
  max_steps_down int CHECK (max_steps_down > 0),
  step_days      int CHECK (step_days > 0),
  downgrade_on   text[],
  enter_margin   numeric CHECK (enter_margin > 0),
  leave_margin   numeric CHECK (leave_margin > 0),
  margin_in      text NOT NULL DEFAULT 'points' CHECK (margin_in IN ('points', 'shares')),
  CHECK ((max_steps_down IS NULL) = (step_days IS NULL))
);
COMMENT ON TABLE custprio.tier_policy IS 'how the tiers of a scorecard are cut and what holds customers in them; no row: by shares, and nothing';
COMMENT ON COLUMN custprio.tier_policy.method IS 'what tiers are cut by: share of customers, priority, cumulative share of a metric, capacity, or rules';
COMMENT ON COLUMN custprio.tier_policy.metric IS 'metric that is cumulated';
COMMENT ON COLUMN custprio.tier_policy.minimum_stay IS 'days between two changes of a customer''s tier';
COMMENT ON COLUMN custprio.tier_policy.protection IS 'days after an upgrade without downgrade';
COMMENT ON COLUMN custprio.tier_policy.grace IS 'days for which a customer must score below its tier before it is downgraded';
COMMENT ON COLUMN custprio.tier_policy.max_steps_down IS 'tiers that one downgrade may cross';
COMMENT ON COLUMN custprio.tier_policy.step_days IS 'days from one downgrade to the next';
COMMENT ON COLUMN custprio.tier_policy.downgrade_on IS 'days on which downgrades take effect: week, month, quarter, year, or MM-DD';
COMMENT ON COLUMN custprio.tier_policy.enter_margin IS 'how far beyond its cut a tier is entered';
COMMENT ON COLUMN custprio.tier_policy.leave_margin IS 'how far below its cut a tier is left';
GRANT SELECT ON custprio.tier_policy TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('custprio.tier_policy', '');

CREATE TABLE custprio.tier_override (
  scorecard_id bigint NOT NULL REFERENCES custprio.scorecard ON DELETE CASCADE,
  customer     text NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('set', 'floor', 'ceiling', 'freeze')),
  tier         custprio.customer_tier CHECK ((tier IS NULL) = (kind = 'freeze')),
  starts       date NOT NULL,
  expires      date CHECK (expires >= starts),
  reason       text NOT NULL,
  set_by       text NOT NULL,
  set_at       timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  cleared_at   timestamptz,
  cleared_by   text,
  clear_reason text
);
CREATE INDEX tier_override_scorecard_idx ON custprio.tier_override (scorecard_id, customer);
COMMENT ON TABLE custprio.tier_override IS 'what people decided about single customers, also what is over; dumped with the declarations, and read through custprio.overrides';
COMMENT ON COLUMN custprio.tier_override.customer IS 'text of the customer''s key';
COMMENT ON COLUMN custprio.tier_override.expires IS 'last as-of day for which it holds; NULL: no end';
-- It tells about customers: the database's owner must be able to dump it, and nobody else reads it directly.
GRANT SELECT ON custprio.tier_override TO pg_database_owner;
SELECT pg_catalog.pg_extension_config_dump('custprio.tier_override', '');

CREATE FUNCTION custprio.set_tiers(
  name text,
  shares numeric[] DEFAULT NULL,
  tiers custprio.customer_tier[] DEFAULT NULL,
  reason text DEFAULT NULL,
  priorities numeric[] DEFAULT NULL,
  cumulative numeric[] DEFAULT NULL,
  metric text DEFAULT NULL,
  capacities bigint[] DEFAULT NULL,
  rules text[] DEFAULT NULL,
  labels text[] DEFAULT NULL
) RETURNS void
  AS 'MODULE_PATHNAME', 'custprio_set_tiers' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.set_tiers(text, numeric[], custprio.customer_tier[], text, numeric[], numeric[], text, bigint[], text[], text[]) IS
  'cut tiers by shares of customers, ascending ({0.1,0.3} gives the best tenth A, up to three tenths B, and the rest C), or by priorities, cumulative share of a metric, capacities, or rules';

CREATE FUNCTION custprio.set_tier_policy(
  name text,
  minimum_stay int DEFAULT NULL,
  protection int DEFAULT NULL,
  grace int DEFAULT NULL,
  max_steps_down int DEFAULT NULL,
  step_days int DEFAULT NULL,
  downgrade_on text[] DEFAULT NULL,
  enter_margin numeric DEFAULT NULL,
  leave_margin numeric DEFAULT NULL,
  margin_in text DEFAULT 'points',
  reason text DEFAULT NULL
) RETURNS void
  AS 'MODULE_PATHNAME', 'custprio_set_tier_policy' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.set_tier_policy(text, int, int, int, int, int, text[], numeric, numeric, text, text) IS
  'say what holds customers in their tiers, in days, tiers and margins; what is left out holds nobody, so that the name alone ends every hold';

CREATE FUNCTION custprio.set_override(
  name text,
  customer text,
  kind text,
  tier custprio.customer_tier DEFAULT NULL,
  reason text DEFAULT NULL,
  expires date DEFAULT NULL,
  starts date DEFAULT NULL
) RETURNS void
  AS 'MODULE_PATHNAME', 'custprio_set_override' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.set_override(text, text, text, custprio.customer_tier, text, date, date) IS
  'decide about one customer from the next refresh on: set its tier, a floor or a ceiling for it, or freeze the one it has; a reason is needed, and expires is the last as-of day';

CREATE FUNCTION custprio.clear_override(name text, customer text, reason text DEFAULT NULL) RETURNS void
  AS 'MODULE_PATHNAME', 'custprio_clear_override' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.clear_override(text, text, text) IS
  'end the overrides of one customer, in force or to come; its tier goes back to the scored one at the next refresh';

CREATE FUNCTION custprio.tier_label(name text, tier custprio.customer_tier) RETURNS text
  AS 'MODULE_PATHNAME', 'custprio_tier_label' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.tier_label(text, custprio.customer_tier) IS
  'what the owner of a scorecard calls a tier; its letter when it has no label';
