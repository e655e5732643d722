-- What the published views call.

CREATE FUNCTION custprio.as_of(name text) RETURNS date
  AS 'MODULE_PATHNAME', 'custprio_as_of' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.as_of(text) IS
  'local day, inclusive, up to which the published rows of a scorecard count purchases; NULL before its first refresh';

CREATE FUNCTION custprio.recency_days(name text, moment timestamptz) RETURNS int
  AS 'MODULE_PATHNAME', 'custprio_recency_days' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.recency_days(text, timestamptz) IS
  'whole days from a moment to a scorecard''s as-of day, both as local days of the scorecard''s zone';
