-- What a scorecard's owner decides beyond where the purchases are: what weighs how much, and where tiers begin.

CREATE TABLE custprio.policy_change (
  scorecard_id bigint NOT NULL REFERENCES custprio.scorecard ON DELETE CASCADE,
  changed_at   timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  changed_by   text NOT NULL,
  policy       text NOT NULL CHECK (policy IN ('weights', 'tiers', 'tier_policy', 'lifecycle', 'metric', 'regimes')),
  old          jsonb,
  new          jsonb,
  reason       text
);
CREATE INDEX policy_change_scorecard_idx ON custprio.policy_change (scorecard_id, changed_at);
COMMENT ON TABLE custprio.policy_change IS 'every change of a scorecard''s weights, tiers, tier policy, metrics and regimes: by whom, when and why; dumped with the declarations';
GRANT SELECT ON custprio.policy_change TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('custprio.policy_change', '');

CREATE FUNCTION custprio.set_weights(name text, weights jsonb, reason text DEFAULT NULL) RETURNS void
  AS 'MODULE_PATHNAME', 'custprio_set_weights' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.set_weights(text, jsonb, text) IS
  'set the weights of metrics in the priority, as {"recency": 1, "monetary": 2}; metrics that are not named keep theirs, and only proportions matter';
