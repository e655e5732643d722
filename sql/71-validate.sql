-- Evidence that predictions hold.

CREATE FUNCTION custprio.validate(name text, holdout int DEFAULT 180)
  RETURNS TABLE (method text, status text, customers bigint, actual_purchases float8, predicted_purchases float8,
    mae float8, rmse float8, bias float8, actual_value float8, predicted_value float8, value_mae float8,
    rank_correlation float8, decile_lift float8)
  AS 'MODULE_PATHNAME', 'custprio_validate' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.validate(text, int) IS
  'how well each model of purchases, fitted to the time before, would have predicted the last days up to the published as-of day, beside last year''s purchases and the RFM score; writes nothing';

CREATE FUNCTION custprio.validate_calibration(name text, holdout int DEFAULT 180)
  RETURNS TABLE (method text, repeat_purchases int, customers bigint, actual_mean float8, predicted_mean float8,
    actual_mean_value float8, predicted_mean_value float8)
  AS 'MODULE_PATHNAME', 'custprio_validate_calibration' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.validate_calibration(text, int) IS
  'the same by how often customers had bought again before the holdout (7: seven times or more): actual and predicted purchases and value of a customer';

CREATE FUNCTION custprio.validate_tracking(name text, holdout int DEFAULT 180)
  RETURNS TABLE (method text, week int, period text, first_day date, last_day date, actual float8, expected float8,
    actual_cumulative float8, expected_cumulative float8)
  AS 'MODULE_PATHNAME', 'custprio_validate_tracking' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.validate_tracking(text, int) IS
  'repeat purchases by week since the first purchase of all, actual ones beside those that each model, fitted to the time before the holdout, expects of new customers';
