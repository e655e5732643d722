-- RFM scores whose digits are taken within each other.

CREATE FUNCTION custprio.nested_rfm_score(last_purchase anyelement, frequency numeric, monetary numeric, bins int DEFAULT 5) RETURNS custprio.rfm_score
  AS 'MODULE_PATHNAME', 'custprio_nested_rfm_score' LANGUAGE C WINDOW IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION custprio.nested_rfm_score(anyelement, numeric, numeric, int) IS
'window function: RFM score by nested binning. The first digit is the quantile of last_purchase (later is better: pass a day) among all rows of the partition, the second that of frequency among the rows of equal first digit, the third that of monetary among those of equal first and second digits; each as quantile_score gives it, so equal customers have equal scores, and a group whose values are all equal scores 1. The window''s ORDER BY and frame play no part. A row with a NULL gets NULL and takes no part, NaN is an error; bins is 1 to 9 and the same for the whole partition';
