-- Days on which the rules of a market changed, such as a volume-based procurement: earlier purchases count no more.

CREATE TABLE custprio.regime (
  scorecard_id bigint NOT NULL REFERENCES custprio.scorecard ON DELETE CASCADE,
  regime       text NOT NULL CHECK (regime <> ''),
  starts_on    date NOT NULL,
  applies_from date NOT NULL CHECK (applies_from >= starts_on),
  description  text,
  PRIMARY KEY (scorecard_id, regime)
);
COMMENT ON TABLE custprio.regime IS 'by scorecard: days on which the rules of its market changed; written by add_regime() and drop_regime(), dumped';
COMMENT ON COLUMN custprio.regime.starts_on IS 'first day under the new rules; purchases before it are left out';
COMMENT ON COLUMN custprio.regime.applies_from IS 'first as-of day for which they are';
GRANT SELECT ON custprio.regime TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('custprio.regime', '');

CREATE FUNCTION custprio.add_regime(name text, regime text, starts_on date, applies_from date DEFAULT NULL, description text DEFAULT NULL,
  reason text DEFAULT NULL) RETURNS void
  AS 'MODULE_PATHNAME', 'custprio_add_regime' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.add_regime(text, text, date, date, text, text) IS
  'note a day on which the rules of the market changed: for as-of days from applies_from on (starts_on, unless given) purchases before starts_on are left out, and so set no score, tier, threshold or lifetime value';

CREATE FUNCTION custprio.drop_regime(name text, regime text, reason text DEFAULT NULL) RETURNS void
  AS 'MODULE_PATHNAME', 'custprio_drop_regime' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.drop_regime(text, text, text) IS 'remove such a day: the purchases before it count again';
