-- Stages of a customer's life; see doc/lifecycle.md.

CREATE TABLE custprio.lifecycle (
  scorecard_id    bigint PRIMARY KEY REFERENCES custprio.scorecard ON DELETE CASCADE,
  new_days        int NOT NULL,
  minimum_gaps    int NOT NULL,
  rhythm_quantile float8 NOT NULL,
  lost_after      float8 NOT NULL,
  period          int NOT NULL,
  change          float8 NOT NULL,
  alive_below     float8 NOT NULL,
  loyal_days      int NOT NULL
);
COMMENT ON TABLE custprio.lifecycle IS 'rules of the stages of scorecards that have them';
GRANT SELECT ON custprio.lifecycle TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('custprio.lifecycle', '');

CREATE FUNCTION custprio.set_lifecycle(
  name text,
  new_days int DEFAULT 30,
  minimum_gaps int DEFAULT 3,
  rhythm_quantile float8 DEFAULT 0.95,
  lost_after float8 DEFAULT 2,
  period int DEFAULT 90,
  change float8 DEFAULT 0.25,
  alive_below float8 DEFAULT 0.05,
  loyal_days int DEFAULT 3,
  reason text DEFAULT NULL
) RETURNS void
  AS 'MODULE_PATHNAME', 'custprio_set_lifecycle' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.set_lifecycle(text, int, int, float8, float8, int, float8, float8, int, text) IS
  'have stage and relationship published for buyers too, by each customer''s own purchase rhythm and P(alive)';

CREATE FUNCTION custprio.clear_lifecycle(name text, reason text DEFAULT NULL) RETURNS void
  AS 'MODULE_PATHNAME', 'custprio_clear_lifecycle' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.clear_lifecycle(text, text) IS 'publish no stage and relationship of buyers any more';
