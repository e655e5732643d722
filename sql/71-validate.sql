-- Evidence that predictions hold.

CREATE FUNCTION custprio.validate(name text, holdout int DEFAULT 180)
  RETURNS TABLE (method text, status text, customers bigint, actual_purchases float8, predicted_purchases float8,
    mae float8, rmse float8, bias float8, actual_value float8, predicted_value float8, value_mae float8,
    rank_correlation float8, decile_lift float8)
  AS 'MODULE_PATHNAME', 'custprio_validate' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.validate(text, int) IS
  'how well each model of purchases, fitted to the time before, would have predicted the last days up to the published as-of day, beside last year''s purchases and the RFM score; writes nothing';
