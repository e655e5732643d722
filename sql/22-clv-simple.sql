-- Customer lifetime value in closed form.

CREATE FUNCTION custprio.clv_simple(margin double precision, retention double precision, discount double precision)
  RETURNS double precision
  AS 'MODULE_PATHNAME', 'custprio_clv_simple' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.clv_simple(double precision, double precision, double precision) IS
'expected discounted margin of a customer for ever, from the next period on: margin * retention / (1 + discount - retention). Retention is 0 to 1 and below 1 + discount, discount above -1, all per period; NaN and infinity are errors, NULL gives NULL';

CREATE FUNCTION custprio.clv_simple(margin double precision, retention double precision, discount double precision, periods int)
  RETURNS double precision
  AS 'MODULE_PATHNAME', 'custprio_clv_simple_periods' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.clv_simple(double precision, double precision, double precision, int) IS
'expected discounted margin of a customer over a number of periods, from the next one on: the sum over t = 1 to periods of margin * (retention / (1 + discount))^t; 0 for no period. Retention is 0 to 1, discount above -1; NaN and infinity are errors, NULL gives NULL';
