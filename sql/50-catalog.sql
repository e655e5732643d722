-- Catalogs. Declarations (scorecard, metric, tier_rule, segment_map, identity) are dumped; runs, thresholds and
-- epochs are not: a restored database measures afresh. Nobody writes here but custprio's own functions.

CREATE SEQUENCE custprio.scorecard_id_seq;
COMMENT ON SEQUENCE custprio.scorecard_id_seq IS 'numbers scorecards; dumped with them';

CREATE TABLE custprio.scorecard (
  scorecard_id  bigint PRIMARY KEY DEFAULT pg_catalog.nextval('custprio.scorecard_id_seq'),
  name          text NOT NULL UNIQUE,
  schema_name   text NOT NULL,
  priority_oid  oid NOT NULL,
  source        text NOT NULL,
  source_oid    oid NOT NULL,
  customer      text NOT NULL,
  purchased_at  text NOT NULL,
  amount        text NOT NULL,
  filter        text,
  customers     text,
  customers_oid oid,
  customers_key text,
  every         interval,
  time_zone     text NOT NULL,
  history       interval,
  frequency_by  text NOT NULL,
  bins          int NOT NULL,
  segment_map   text,
  abc_cuts      numeric[] NOT NULL,
  amount_scale  int NOT NULL,
  max_runtime   interval,
  clv_model     text NOT NULL,
  clv_time_unit text NOT NULL,
  clv_horizon   interval NOT NULL,
  clv_discount  float8 NOT NULL,
  clv_margin    float8 NOT NULL,
  clv_growth    float8 NOT NULL,
  partition_by  text,
  thresholds_by text NOT NULL,
  segment_minimum int NOT NULL,
  allow_protected text,
  segments_captured boolean NOT NULL DEFAULT false,
  capture       text NOT NULL,
  rebuild_every interval,
  rebase_every  interval NOT NULL,
  refresh_on_commit boolean NOT NULL,
  changed_since text,
  tier_history_age interval,
  tier_history_rows bigint,
  trimmed_run   bigint NOT NULL DEFAULT 0,
  paused        boolean NOT NULL DEFAULT false,
  version       int NOT NULL DEFAULT 1,
  owner_oid     oid NOT NULL,
  owner_name    text NOT NULL,
  recorded_in   text NOT NULL,
  clv_chosen    text,
  clv_chosen_on date,
  created_at    timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE custprio.scorecard IS 'one row per scorecard: where the purchases are and how customers are scored';
COMMENT ON COLUMN custprio.scorecard.source IS 'quoted, schema-qualified name of the relation of purchases; source_oid is only a hint';
COMMENT ON COLUMN custprio.scorecard.every IS 'time between two refreshes by the scheduler; NULL: only by hand';
COMMENT ON COLUMN custprio.scorecard.clv_model IS 'model of purchases that lifetime values follow: mbgnbd, bgnbd, pareto_nbd, auto, or none';
COMMENT ON COLUMN custprio.scorecard.clv_time_unit IS 'unit of time of the fit: day, week, month or year';
COMMENT ON COLUMN custprio.scorecard.clv_horizon IS 'time after the as-of day in which purchases count';
COMMENT ON COLUMN custprio.scorecard.clv_discount IS 'discount per year: 0.1 for 10 percent';
COMMENT ON COLUMN custprio.scorecard.clv_margin IS 'share of a purchase''s value that counts';
COMMENT ON COLUMN custprio.scorecard.clv_growth IS 'growth of the market per year, by which later purchases are worth more: 0.03 for 3 percent';
COMMENT ON COLUMN custprio.scorecard.partition_by IS 'expression over the relation of customers whose values part them into segments, each with fits of its own; NULL: one fit';
COMMENT ON COLUMN custprio.scorecard.thresholds_by IS 'whose thresholds score a customer: pooled (those of all buyers), or segment (those of the buyers of its segment)';
COMMENT ON COLUMN custprio.scorecard.segment_minimum IS 'number of buyers below which a segment follows the thresholds of all buyers';
COMMENT ON COLUMN custprio.scorecard.allow_protected IS 'why partition_by may read protected attributes; NULL where it reads none';
COMMENT ON COLUMN custprio.scorecard.segments_captured IS 'whether changes of partition_by can be captured, if those of the source are';
COMMENT ON COLUMN custprio.scorecard.clv_chosen IS 'with clv_model auto, the model that validated best';
COMMENT ON COLUMN custprio.scorecard.clv_chosen_on IS 'as-of day of that choice';
COMMENT ON COLUMN custprio.scorecard.capture IS 'how changes of the source are noted: trigger, or none';
COMMENT ON COLUMN custprio.scorecard.rebuild_every IS 'time after which the whole source is read again, for what triggers cannot see; NULL: only when needed';
COMMENT ON COLUMN custprio.scorecard.changed_since IS 'time of a source row''s last change, by which changed customers are found without triggers';
COMMENT ON COLUMN custprio.scorecard.tier_history_age IS 'how long rows of the tier history stay; NULL: for ever';
COMMENT ON COLUMN custprio.scorecard.tier_history_rows IS 'how many rows of the tier history stay, the latest ones; NULL: all';
COMMENT ON COLUMN custprio.scorecard.trimmed_run IS 'latest run of which a row of the tier history has gone by these limits';
COMMENT ON COLUMN custprio.scorecard.rebase_every IS 'how long an epoch lasts: refreshes within it keep thresholds, fit and as-of day';
COMMENT ON COLUMN custprio.scorecard.refresh_on_commit IS 'whether transactions that change the source refresh the scorecard before they commit';
COMMENT ON COLUMN custprio.scorecard.version IS 'raised by every change of the declaration that can move a score';
COMMENT ON COLUMN custprio.scorecard.owner_oid IS 'hint for dropping a scorecard whose priority table is gone; the owner is the priority table''s owner';
COMMENT ON COLUMN custprio.scorecard.owner_name IS 'a priority table that is not the recorded one, as after a restore, must belong to this role';
COMMENT ON COLUMN custprio.scorecard.recorded_in IS 'system identifier and OID of the database for which the OIDs in this row are true';

CREATE TABLE custprio.metric (
  scorecard_id  bigint NOT NULL REFERENCES custprio.scorecard ON DELETE CASCADE,
  metric        text NOT NULL,
  weight        numeric NOT NULL CHECK (weight >= 0),
  position      int NOT NULL DEFAULT 0,
  origin        text NOT NULL DEFAULT 'built-in' CHECK (origin IN ('built-in', 'purchases', 'customers', 'source', 'relation')),
  expression    text,
  aggregate     boolean NOT NULL DEFAULT false,
  uses          text[] NOT NULL DEFAULT '{}',
  direction     text NOT NULL DEFAULT 'higher' CHECK (direction IN ('higher', 'lower')),
  scale         text NOT NULL DEFAULT 'percentile',
  parameters    numeric[] NOT NULL DEFAULT '{}',
  decimals      int NOT NULL DEFAULT 0,
  axis          text NOT NULL DEFAULT 'value' CHECK (axis IN ('value', 'risk', 'need', 'potential', 'adoption')),
  relation      text,
  relation_oid  oid,
  key           text,
  occurred_at   text,
  filter        text,
  within        interval,
  if_missing    numeric,
  captured      boolean NOT NULL DEFAULT false,
  protected     text[] NOT NULL DEFAULT '{}',
  allow_protected text,
  PRIMARY KEY (scorecard_id, metric),
  CHECK (axis = 'value' OR weight = 0),
  CHECK ((origin = 'built-in') = (expression IS NULL))
);
COMMENT ON TABLE custprio.metric IS 'the metrics of a scorecard, and their weights in its priority; see doc/metrics.md';
COMMENT ON COLUMN custprio.metric.position IS 'order in which added metrics were added and are computed';
COMMENT ON COLUMN custprio.metric.origin IS 'what the expression is over: the summary of a customer''s purchases, the relation of customers, the source, or another relation; built-in for recency, frequency, monetary and clv';
COMMENT ON COLUMN custprio.metric.aggregate IS 'whether the expression aggregates the rows of each customer';
COMMENT ON COLUMN custprio.metric.uses IS 'other metrics that the expression names';
COMMENT ON COLUMN custprio.metric.decimals IS 'decimals with which the value is published and scored';
COMMENT ON COLUMN custprio.metric.axis IS 'value may enter the priority; risk, need, potential and adoption never do';
COMMENT ON COLUMN custprio.metric.relation IS 'quoted, schema-qualified name of the relation; relation_oid is only a hint';
COMMENT ON COLUMN custprio.metric.if_missing IS 'value of customers for whom the expression gives NULL or who have no row; NULL: the metric leaves their mean';
COMMENT ON COLUMN custprio.metric.captured IS 'whether changes of its relation can be captured, if those of the source are; else refreshes read it whole';
COMMENT ON COLUMN custprio.metric.protected IS 'protected attributes that the expression or filter reads';
COMMENT ON COLUMN custprio.metric.allow_protected IS 'why it may';

CREATE TABLE custprio.tier_rule (
  scorecard_id  bigint NOT NULL REFERENCES custprio.scorecard ON DELETE CASCADE,
  tier          custprio.customer_tier NOT NULL,
  share         numeric CHECK (share > 0 AND share < 1),
  cut           numeric,
  condition     text,
  label         text,
  PRIMARY KEY (scorecard_id, tier)
);
COMMENT ON TABLE custprio.tier_rule IS 'the ladder of tiers and where each begins: share, cut or condition, as custprio.tier_policy.method says; none for the last tier';
COMMENT ON COLUMN custprio.tier_rule.share IS 'share of customers down to which the tier reaches';
COMMENT ON COLUMN custprio.tier_rule.cut IS 'least priority, cumulative share, or number of customers that the tier has room for';
COMMENT ON COLUMN custprio.tier_rule.condition IS 'condition over the columns of the priority table; the first that holds gives the tier';
COMMENT ON COLUMN custprio.tier_rule.label IS 'what people call the tier; NULL: its letter';

-- One row per scorecard: what the published table and the state stand for now.
CREATE TABLE custprio.epoch (
  scorecard_id  bigint PRIMARY KEY REFERENCES custprio.scorecard ON DELETE CASCADE,
  as_of         date,
  day_chosen    boolean NOT NULL DEFAULT false,
  version       int,
  run_id        bigint,
  state_as_of   date,
  state_version int,
  rebuilt_at    timestamptz,
  source_relations text,
  changed_mark  timestamptz
);
COMMENT ON COLUMN custprio.epoch.changed_mark IS 'with changed_since: changes that the last refresh did not see carry this time or a later one';
COMMENT ON TABLE custprio.epoch IS 'per scorecard: the as-of day and the run whose thresholds the published rows follow, and the day of the state';
COMMENT ON COLUMN custprio.epoch.day_chosen IS 'whether the as-of day was asked for and is not the day of that refresh: then the next one without such a wish goes back to today';

CREATE TABLE custprio.refresh_run (
  run_id          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  scorecard_id    bigint NOT NULL REFERENCES custprio.scorecard ON DELETE CASCADE,
  status          text NOT NULL CHECK (status IN ('running', 'ok', 'failed', 'skipped')),
  started_by      text NOT NULL CHECK (started_by IN ('worker', 'user', 'commit')),
  pid             int,
  started_at      timestamptz NOT NULL,
  finished_at     timestamptz,
  requested       text NOT NULL,
  mode            text,
  reason          text,
  as_of           date,
  rebased         boolean,
  queued          bigint,
  rows_read       bigint,
  purchases       bigint,
  returns         bigint,
  null_customer   bigint,
  null_time       bigint,
  null_amount     bigint,
  nan_amount      bigint,
  infinite_amount bigint,
  infinite_time   bigint,
  future_rows     bigint,
  filtered_by_history bigint,
  customers       bigint,
  buyers          bigint,
  orphans         bigint,
  inserted        bigint,
  updated         bigint,
  deleted         bigint,
  tier_changes    bigint,
  state_written   bigint,
  shares          jsonb,
  missing_values  jsonb,
  unknown_rows    jsonb,
  warnings        text[],
  failures        int NOT NULL DEFAULT 0,
  sqlstate        text,
  message         text,
  detail          text,
  hint            text,
  context         text
);
CREATE INDEX refresh_run_scorecard_idx ON custprio.refresh_run (scorecard_id, run_id DESC);
COMMENT ON TABLE custprio.refresh_run IS 'every refresh, also failed and running ones, with what it read, left out and wrote';
COMMENT ON COLUMN custprio.refresh_run.rebased IS 'whether new thresholds were taken; otherwise those of the epoch were kept';
COMMENT ON COLUMN custprio.refresh_run.missing_values IS 'per added metric, the buyers whose value is missing, by cause: null, nan, infinite, out_of_range';
COMMENT ON COLUMN custprio.refresh_run.unknown_rows IS 'per added metric, the rows of its relation that count by time and filter but name no customer of the scorecard; NULL in runs over some customers alone';
COMMENT ON COLUMN custprio.refresh_run.queued IS 'customers whose captured changes the run took in';
COMMENT ON COLUMN custprio.refresh_run.failures IS 'how many runs of this scorecard have failed in a row, this one included';

CREATE TABLE custprio.threshold (
  scorecard_id  bigint NOT NULL REFERENCES custprio.scorecard ON DELETE CASCADE,
  run_id        bigint NOT NULL,
  metric        text NOT NULL,
  kind          text NOT NULL CHECK (kind IN ('rfm', 'percentile', 'abc', 'tier', 'tier_enter', 'tier_leave', 'lifecycle', 'quantile', 'minmax', 'z', 'log', 'target')),
  breaks        text[] NOT NULL,
  segment       text,
  UNIQUE NULLS NOT DISTINCT (scorecard_id, run_id, segment, metric, kind)
);
COMMENT ON TABLE custprio.threshold IS 'the breaks and cuts of each epoch: days for recency, plain numbers for the rest; cast breaks to date[] or numeric[]; minmax and log: least and greatest value, z: mean and standard deviation, target: greatest distance';
COMMENT ON COLUMN custprio.threshold.segment IS 'value of partition_by among whose buyers they were taken; NULL: all buyers';

-- Written by the triggers on sources, in the writers' transactions and without rights of theirs; see src/queue.c. A row
-- holds as many keys as fit, and nothing is ever looked up by value, so that there is no index for writers to keep.
CREATE TABLE custprio.change_queue (
  scorecard_id bigint NOT NULL,
  keys         int NOT NULL,
  customers    bytea,
  queued_at    timestamptz NOT NULL
) WITH (toast_tuple_target = 8160);
ALTER TABLE custprio.change_queue ALTER COLUMN customers SET STORAGE EXTERNAL;
COMMENT ON TABLE custprio.change_queue IS 'customers whose purchases changed since their scorecard was refreshed, once per statement, in one that changed many perhaps more often: the bytes of their keys';
COMMENT ON COLUMN custprio.change_queue.keys IS 'how many customers the row names; 0: any customer may have changed';

-- Queues that were too long or too old, see src/queue_limit.c; nearly always empty.
CREATE TABLE custprio.closed_queue (
  scorecard_id bigint NOT NULL,
  closed_at    timestamptz NOT NULL
);
COMMENT ON TABLE custprio.closed_queue IS 'scorecards whose changes are not noted one by one any more, until a refresh reads the whole source';

-- Which relations triggers watch for each scorecard, how a row names its customer, and all expressions whose value counts.
-- A label, of 16 bytes at most, tells a scorecard's relations apart. capture_follow() (src/capture.h) brings the
-- triggers to what stands here.
-- Every writer's session asks for this once: planning the whole of custprio.captured would cost it more than its write.
CREATE VIEW custprio.captured_source AS
SELECT s.scorecard_id, 'source'::text AS label, s.source AS relation, s.source_oid AS relation_oid, s.customer,
       pg_catalog.array_remove(ARRAY[s.purchased_at, s.amount, s.filter]
         || ARRAY(SELECT pg_catalog.unnest(ARRAY[m.expression, m.filter]) FROM custprio.metric m
                  WHERE m.scorecard_id = s.scorecard_id AND m.origin = 'source'),
         NULL) AS expressions, s.owner_name
FROM custprio.scorecard s WHERE s.capture = 'trigger';
COMMENT ON VIEW custprio.captured_source IS 'sources whose changes are captured, as custprio.captured has them';

CREATE VIEW custprio.captured AS
SELECT scorecard_id, label, relation, relation_oid, customer, expressions, owner_name FROM custprio.captured_source
UNION ALL
SELECT s.scorecard_id, 'customers', s.customers, s.customers_oid, s.customers_key,
       pg_catalog.array_remove(pg_catalog.array_agg(m.expression) || pg_catalog.array_agg(m.occurred_at)
         || pg_catalog.array_agg(m.filter) || s.partition_by, NULL), s.owner_name
FROM custprio.scorecard s
  LEFT JOIN custprio.metric m ON m.scorecard_id = s.scorecard_id AND m.origin = 'customers' AND m.captured
WHERE s.capture = 'trigger' AND s.customers IS NOT NULL AND (m.metric IS NOT NULL OR s.segments_captured) GROUP BY s.scorecard_id
UNION ALL
SELECT s.scorecard_id, 'metric_' || pg_catalog.min(m.position), m.relation, m.relation_oid, m.key,
       pg_catalog.array_remove(pg_catalog.array_agg(m.expression) || pg_catalog.array_agg(m.occurred_at)
         || pg_catalog.array_agg(m.filter), NULL), s.owner_name
FROM custprio.scorecard s JOIN custprio.metric m USING (scorecard_id)
WHERE s.capture = 'trigger' AND m.origin = 'relation' AND m.captured
GROUP BY s.scorecard_id, m.relation, m.relation_oid, m.key;
COMMENT ON VIEW custprio.captured IS 'relations whose changes are captured for each scorecard, the key of a row''s customer and the expressions that count';

CREATE TABLE custprio.clv_fit (
  scorecard_id    bigint NOT NULL REFERENCES custprio.scorecard ON DELETE CASCADE,
  run_id          bigint NOT NULL,
  segment         text,
  model           text NOT NULL,
  converged       boolean NOT NULL,
  status          text NOT NULL,
  parameters      float8[],
  log_likelihood  float8,
  n               float8 NOT NULL,
  distinct_rows   bigint NOT NULL,
  iterations      int NOT NULL,
  gradient_norm   float8,
  standard_errors float8[],
  covariance      float8[],
  time_unit       text,
  choice          text,
  UNIQUE NULLS NOT DISTINCT (scorecard_id, run_id, segment, model)
);
COMMENT ON TABLE custprio.clv_fit IS 'the fits of each epoch, of purchases and of spend: parameters in the order of the model''s type; failed ones with the reason in status';
COMMENT ON COLUMN custprio.clv_fit.choice IS 'with clv_model auto, the figures by which this model was chosen';
COMMENT ON COLUMN custprio.clv_fit.segment IS 'value of partition_by among whose customers it was fitted; NULL: all customers';

-- Whose database this is: system identifier and database OID when scheduling was last allowed.
CREATE TABLE custprio.identity (
  singleton         boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  system_identifier text NOT NULL,
  database_oid      oid NOT NULL
);
COMMENT ON TABLE custprio.identity IS 'the database that the scheduler may serve; a copy or a restored dump differs from it until resume_all() is called';
