-- Scorecards: declared, changed and dropped by their owners.

CREATE FUNCTION custprio.create_scorecard(
  name text,
  source regclass,
  customer text,
  purchased_at text,
  amount text,
  filter text DEFAULT NULL,
  every interval DEFAULT '15 minutes',
  time_zone text DEFAULT NULL,
  history interval DEFAULT NULL,
  customers regclass DEFAULT NULL,
  customers_key text DEFAULT NULL,
  frequency_by text DEFAULT 'purchase',
  bins int DEFAULT NULL,
  segment_map text DEFAULT NULL,
  abc_cuts numeric[] DEFAULT NULL,
  amount_scale int DEFAULT NULL,
  max_runtime interval DEFAULT NULL,
  clv_model text DEFAULT 'mbgnbd',
  clv_time_unit text DEFAULT 'week',
  clv_horizon interval DEFAULT '365 days',
  clv_discount float8 DEFAULT 0.1,
  clv_margin float8 DEFAULT 1,
  clv_growth float8 DEFAULT 0,
  partition_by text DEFAULT NULL,
  thresholds_by text DEFAULT 'pooled',
  segment_minimum int DEFAULT 100,
  allow_protected text DEFAULT NULL,
  capture text DEFAULT 'none',
  rebuild_every interval DEFAULT NULL,
  rebase_every interval DEFAULT '1 day',
  refresh_on_commit boolean DEFAULT false,
  changed_since text DEFAULT NULL,
  tier_history_age interval DEFAULT NULL,
  tier_history_rows bigint DEFAULT NULL,
  schema name DEFAULT NULL
) RETURNS regclass
  AS 'MODULE_PATHNAME', 'custprio_create_scorecard' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.create_scorecard(text, regclass, text, text, text, text, interval, text, interval, regclass,
  text, text, int, text, numeric[], int, interval, text, text, interval, float8, float8, float8, text, text, int, text, text, interval, interval, boolean, text, interval, bigint, name) IS
  'declare how the customers of a table of purchases are scored; makes the published tables and views in the schema and returns the priority table';

CREATE FUNCTION custprio.alter_scorecard(
  name text,
  source regclass DEFAULT NULL,
  customer text DEFAULT NULL,
  purchased_at text DEFAULT NULL,
  amount text DEFAULT NULL,
  filter text DEFAULT NULL,
  every interval DEFAULT NULL,
  time_zone text DEFAULT NULL,
  history interval DEFAULT NULL,
  customers regclass DEFAULT NULL,
  customers_key text DEFAULT NULL,
  frequency_by text DEFAULT NULL,
  bins int DEFAULT NULL,
  segment_map text DEFAULT NULL,
  abc_cuts numeric[] DEFAULT NULL,
  amount_scale int DEFAULT NULL,
  max_runtime interval DEFAULT NULL,
  clv_model text DEFAULT NULL,
  clv_time_unit text DEFAULT NULL,
  clv_horizon interval DEFAULT NULL,
  clv_discount float8 DEFAULT NULL,
  clv_margin float8 DEFAULT NULL,
  clv_growth float8 DEFAULT NULL,
  partition_by text DEFAULT NULL,
  thresholds_by text DEFAULT NULL,
  segment_minimum int DEFAULT NULL,
  allow_protected text DEFAULT NULL,
  capture text DEFAULT NULL,
  rebuild_every interval DEFAULT NULL,
  rebase_every interval DEFAULT NULL,
  refresh_on_commit boolean DEFAULT NULL,
  changed_since text DEFAULT NULL,
  tier_history_age interval DEFAULT NULL,
  tier_history_rows bigint DEFAULT NULL,
  reset text[] DEFAULT NULL
) RETURNS void
  AS 'MODULE_PATHNAME', 'custprio_alter_scorecard' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.alter_scorecard(text, regclass, text, text, text, text, interval, text, interval, regclass,
  text, text, int, text, numeric[], int, interval, text, text, interval, float8, float8, float8, text, text, int, text, text, interval, interval, boolean, text, interval, bigint, text[]) IS
  'change options of a scorecard: NULL leaves one as it is, and those named in reset become what create_scorecard makes of NULL; tables and grants stay';

CREATE FUNCTION custprio.drop_scorecard(name text) RETURNS void
  AS 'MODULE_PATHNAME', 'custprio_drop_scorecard' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.drop_scorecard(text) IS
  'remove a scorecard with everything that it published; refused while other objects depend on that';

CREATE FUNCTION custprio.capture() RETURNS trigger
  AS 'MODULE_PATHNAME', 'custprio_capture' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.capture() IS
  'trigger function that notes which customers changed; put on sources by create_scorecard and alter_scorecard';

-- For the WHEN condition of row triggers, which PostgreSQL evaluates as whoever writes: so anybody may call it, and what it keeps
-- comes to nothing but for one who is writing to the relation. Its first argument is the number of the scorecard and a label, as in
-- '5 source': each statement parses the condition anew, and every argument costs writers of single rows.
CREATE FUNCTION custprio.capture_row(captured text, customer "any") RETURNS boolean
  AS 'MODULE_PATHNAME', 'custprio_capture_row' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.capture_row(text, "any") IS
  'condition of row triggers that keeps the customer for capture() and is false; put on sources by create_scorecard and alter_scorecard';
