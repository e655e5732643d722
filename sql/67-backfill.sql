-- The tier history of days before a scorecard's first refresh.

CREATE TABLE custprio.backfilled_day (
  scorecard_id bigint NOT NULL REFERENCES custprio.scorecard ON DELETE CASCADE,
  day          date NOT NULL,
  filled_at    timestamptz NOT NULL DEFAULT pg_catalog.now(),
  PRIMARY KEY (scorecard_id, day)
);
COMMENT ON TABLE custprio.backfilled_day IS 'the days that backfill_history() has filled in; dumped, as the history is';
GRANT SELECT ON custprio.backfilled_day TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('custprio.backfilled_day', '');

CREATE FUNCTION custprio.backfill_history(name text, from_day date, to_day date, step interval DEFAULT '1 day')
  RETURNS TABLE (day date, customers bigint, tier_changes bigint)
  AS 'MODULE_PATHNAME', 'custprio_backfill_history' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.backfill_history(text, date, date, interval) IS
  'fill the tier history of days before the first refresh, as if the scorecard had run on them; rows of refreshes, priority table and state stay as they are';
