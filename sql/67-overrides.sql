-- Overrides, for those who may act for a scorecard's owner.

CREATE VIEW custprio.overrides WITH (security_barrier) AS
SELECT s.name AS scorecard, v.customer, v.kind, v.tier, v.starts, v.expires, v.reason, v.set_by, v.set_at,
       v.cleared_at, v.cleared_by, v.clear_reason,
       v.cleared_at IS NULL AND v.starts <= coalesce(e.as_of, v.starts)
         AND (v.expires IS NULL OR v.expires >= coalesce(e.as_of, v.starts)) AS in_force
FROM custprio.tier_override v
JOIN custprio.scorecard s USING (scorecard_id)
JOIN custprio.scorecard_owner o USING (scorecard_id)
LEFT JOIN custprio.epoch e USING (scorecard_id)
WHERE pg_catalog.pg_has_role(o.owner, 'USAGE');
COMMENT ON VIEW custprio.overrides IS 'what people decided about single customers, also what is over; for members of the scorecard''s owner';
COMMENT ON COLUMN custprio.overrides.expires IS 'last as-of day for which it holds; NULL: no end';
COMMENT ON COLUMN custprio.overrides.in_force IS 'whether it holds for the as-of day of the published rows; a new one shows there after the next refresh';
GRANT SELECT ON custprio.overrides TO PUBLIC;
