-- ABC and XYZ classes.

CREATE FUNCTION custprio.abc_class(value numeric) RETURNS custprio.customer_tier
  AS 'MODULE_PATHNAME', 'custprio_abc_class' LANGUAGE C WINDOW IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION custprio.abc_class(numeric) IS
'window function: class A, B or C of the row''s value among all rows of the partition, with cuts 0.80 and 0.95; see abc_class(numeric, numeric[])';

CREATE FUNCTION custprio.abc_class(value numeric, cuts numeric[]) RETURNS custprio.customer_tier
  AS 'MODULE_PATHNAME', 'custprio_abc_class' LANGUAGE C WINDOW IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION custprio.abc_class(numeric, numeric[]) IS
'window function: ABC class of the row''s value among all rows of the partition. Values are walked in descending order; a value is in class A while the share before it of the sum of all positive values is below the first cut, so whoever crosses a cut stays in the better class; equal values share a class; zero and negative values are in the last class. Exact. The window''s ORDER BY and frame play no part. NULL gives NULL, NaN and infinity are errors; 1 to 24 cuts, ascending between 0 and 1, the same for the whole partition';

CREATE FUNCTION custprio.xyz_class(amounts numeric[], cuts numeric[] DEFAULT '{0.5,1.0}') RETURNS text
  AS 'MODULE_PATHNAME', 'custprio_xyz_class' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.xyz_class(numeric[], numeric[]) IS
'how steady the amounts per period are, by their coefficient of variation (population standard deviation over mean): X up to the first cut, Y up to the second, else Z; exact. NULL elements are ignored; NULL when there is no element or the mean is not above 0; a single positive element is X; NaN and infinity are errors';
