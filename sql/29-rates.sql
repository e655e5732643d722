-- Rates of customers with their intervals.

CREATE TYPE custprio.proportion AS (
  share       float8,
  lower_bound float8,
  upper_bound float8,
  hits        bigint,
  n           bigint
);
COMMENT ON TYPE custprio.proportion IS 'a share of customers, hits of n, and the bounds of its interval; share and bounds are NULL for n = 0';

CREATE FUNCTION custprio.wilson_interval(hits bigint, n bigint, level float8 DEFAULT 0.95) RETURNS custprio.proportion
  AS 'MODULE_PATHNAME', 'custprio_wilson_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.wilson_interval(bigint, bigint, float8) IS
'a share with its interval by Wilson (1927), the shares that hits of n do not contradict at the level: (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n). Right for few rows and for none or all of them; rows must be independent of each other';

CREATE FUNCTION custprio.ab_result(hits_a bigint, n_a bigint, hits_b bigint, n_b bigint, level float8 DEFAULT 0.95,
  OUT share_a float8, OUT share_b float8, OUT difference float8, OUT lower_bound float8, OUT upper_bound float8,
  OUT lift float8, OUT z float8, OUT p_value float8)
  AS 'MODULE_PATHNAME', 'custprio_ab_result' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.ab_result(bigint, bigint, bigint, bigint, float8) IS
'how much more often group b does something than group a: the difference of their shares with its interval by Newcombe (1998, method 10), lift = difference / share_a, and the two-proportion z test with pooled variance and its two-sided p value. Groups have to be drawn by chance (see ab_group), the size fixed beforehand: looking again and again until p is small finds differences that are not there. A group without customers gives NULL';

CREATE FUNCTION custprio.counts_combine(bigint[], bigint[]) RETURNS bigint[]
  AS 'MODULE_PATHNAME', 'custprio_counts_combine' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.counts_combine(bigint[], bigint[]) IS 'parallel part of the aggregates that count';
CREATE FUNCTION custprio.proportion_final(bigint[]) RETURNS custprio.proportion
  AS 'MODULE_PATHNAME', 'custprio_share_final' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.proportion_final(bigint[]) IS 'final function of the aggregates that return a proportion';

CREATE FUNCTION custprio.repurchase_rate_add(bigint[], purchases bigint) RETURNS bigint[]
  AS 'MODULE_PATHNAME', 'custprio_repurchase_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.repurchase_rate_add(bigint[], bigint) IS 'transition function of repurchase_rate';
CREATE AGGREGATE custprio.repurchase_rate(purchases bigint) (
  SFUNC = custprio.repurchase_rate_add, STYPE = bigint[], INITCOND = '{0,0}', FINALFUNC = custprio.proportion_final,
  COMBINEFUNC = custprio.counts_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.repurchase_rate(bigint) IS 'share of the customers with two or more purchases among those with one or more, with its 95 % interval (Wilson); one row per customer, with the number of purchases in the window of interest. NULL and 0 do not count; young customers had less time to come back';
CREATE FUNCTION custprio.csat_add(bigint[], score float8) RETURNS bigint[]
  AS 'MODULE_PATHNAME', 'custprio_csat_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.csat_add(bigint[], float8) IS 'transition function of csat';
CREATE AGGREGATE custprio.csat(score float8) (
  SFUNC = custprio.csat_add, STYPE = bigint[], INITCOND = '{0,0}', FINALFUNC = custprio.proportion_final,
  COMBINEFUNC = custprio.counts_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.csat(float8) IS 'customer satisfaction: share of the scores of 4 or more, as on a scale of 1 to 5, with its 95 % interval (Wilson); NULL does not count';
CREATE FUNCTION custprio.csat_add(bigint[], score float8, satisfied float8) RETURNS bigint[]
  AS 'MODULE_PATHNAME', 'custprio_csat_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.csat_add(bigint[], float8, float8) IS 'transition function of csat';
CREATE AGGREGATE custprio.csat(score float8, satisfied float8) (
  SFUNC = custprio.csat_add, STYPE = bigint[], INITCOND = '{0,0}', FINALFUNC = custprio.proportion_final,
  COMBINEFUNC = custprio.counts_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.csat(float8, float8) IS 'customer satisfaction: share of the scores of satisfied or more, with its 95 % interval (Wilson)';

CREATE TYPE custprio.net_promoter_score AS (
  nps         float8,
  lower_bound float8,
  upper_bound float8,
  promoters   bigint,
  passives    bigint,
  detractors  bigint,
  n           bigint
);
COMMENT ON TYPE custprio.net_promoter_score IS 'result of nps: from -100 to 100, with its 95 % interval; NULL for n = 0';
CREATE FUNCTION custprio.nps_final(bigint[]) RETURNS custprio.net_promoter_score
  AS 'MODULE_PATHNAME', 'custprio_nps_final' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.nps_final(bigint[]) IS 'final function of nps';
CREATE FUNCTION custprio.nps_add(bigint[], score float8) RETURNS bigint[]
  AS 'MODULE_PATHNAME', 'custprio_nps_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.nps_add(bigint[], float8) IS 'transition function of nps';
CREATE AGGREGATE custprio.nps(score float8) (
  SFUNC = custprio.nps_add, STYPE = bigint[], INITCOND = '{0,0,0}', FINALFUNC = custprio.nps_final,
  COMBINEFUNC = custprio.counts_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.nps(float8) IS 'net promoter score (Reichheld 2003): percentage of scores 9 and 10 less that of 0 to 6, of whole numbers from 0 to 10. The 95 % interval joins the Wilson intervals of both shares with their correlation (Zou and Donner 2008)';

CREATE TYPE custprio.return_rates AS (
  by_amount numeric,
  by_count  numeric,
  returned  numeric,
  returns   bigint,
  purchased numeric,
  purchases bigint
);
COMMENT ON TYPE custprio.return_rates IS 'result of return_rate: returns as a share of purchases, by amount and by number (which may be above 1), and their sums; NULL without purchases';
CREATE FUNCTION custprio.return_rate_add(numeric[], amount numeric) RETURNS numeric[]
  AS 'MODULE_PATHNAME', 'custprio_return_rate_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.return_rate_add(numeric[], numeric) IS 'transition function of return_rate';
CREATE FUNCTION custprio.return_rate_combine(numeric[], numeric[]) RETURNS numeric[]
  AS 'MODULE_PATHNAME', 'custprio_return_rate_combine' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.return_rate_combine(numeric[], numeric[]) IS 'parallel part of return_rate';
CREATE FUNCTION custprio.return_rate_final(numeric[]) RETURNS custprio.return_rates
  AS 'MODULE_PATHNAME', 'custprio_return_rate_final' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.return_rate_final(numeric[]) IS 'final function of return_rate';
CREATE AGGREGATE custprio.return_rate(amount numeric) (
  SFUNC = custprio.return_rate_add, STYPE = numeric[], INITCOND = '{0,0,0,0}', FINALFUNC = custprio.return_rate_final,
  COMBINEFUNC = custprio.return_rate_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.return_rate(numeric) IS 'returns (negative amounts) as a share of purchases (0 or more), by amount and by number; exact. A return counts when it is made, which may be after the period of its purchase';
CREATE FUNCTION custprio.return_rate(purchases custprio.purchase_summary) RETURNS numeric
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN custprio.returns(purchases) / nullif(custprio.gross(purchases), 0);
COMMENT ON FUNCTION custprio.return_rate(custprio.purchase_summary) IS 'returns as a share of purchases by amount: returns / gross; NULL without purchases of value';

-- Aggregates over a customer's own rows.

CREATE FUNCTION custprio.theil_sen_add(internal, x float8, y float8) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_theil_sen_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.theil_sen_add(internal, float8, float8) IS 'transition function of theil_sen_slope';
CREATE FUNCTION custprio.theil_sen_final(internal) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_theil_sen_final' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.theil_sen_final(internal) IS 'final function of theil_sen_slope';
CREATE AGGREGATE custprio.theil_sen_slope(x float8, y float8) (
  SFUNC = custprio.theil_sen_add, STYPE = internal, FINALFUNC = custprio.theil_sen_final,
  COMBINEFUNC = custprio.sample_combine, SERIALFUNC = custprio.sample_serialize, DESERIALFUNC = custprio.sample_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.theil_sen_slope(float8, float8) IS
'growth of y per unit of x as the median of the slopes between all pairs of rows (Theil 1950, Sen 1968): up to 29 % of the rows may be wild without spoiling it. NULL with fewer than two different x; at most 5000 rows, as pairs are compared';

CREATE FUNCTION custprio.gini_add(internal, value float8) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_gini_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.gini_add(internal, float8) IS 'transition function of gini';
CREATE FUNCTION custprio.gini_final(internal) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_gini_final' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.gini_final(internal) IS 'final function of gini';
CREATE AGGREGATE custprio.gini(value float8) (
  SFUNC = custprio.gini_add, STYPE = internal, FINALFUNC = custprio.gini_final,
  COMBINEFUNC = custprio.sample_combine, SERIALFUNC = custprio.sample_serialize, DESERIALFUNC = custprio.sample_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.gini(float8) IS
'Gini coefficient of values of 0 or more: the mean difference between two rows over twice the mean; 0 when all are equal, 1 - 1/n when one row has all. NULL when all are 0; negative values are an error';

CREATE FUNCTION custprio.pdc_add(internal, dispensed date, days_supply int, period_start date, period_end date) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_pdc_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.pdc_add(internal, date, int, date, date) IS 'transition function of pdc';
CREATE FUNCTION custprio.pdc_final(internal) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_pdc_final' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.pdc_final(internal) IS 'final function of pdc';
CREATE AGGREGATE custprio.pdc(dispensed date, days_supply int, period_start date, period_end date) (
  SFUNC = custprio.pdc_add, STYPE = internal, FINALFUNC = custprio.pdc_final,
  COMBINEFUNC = custprio.sample_combine, SERIALFUNC = custprio.sample_serialize, DESERIALFUNC = custprio.sample_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.pdc(date, int, date, date) IS
'proportion of days covered (Pharmacy Quality Alliance): share of the days from period_start to period_end, both included, on which the patient had the medicine; 0.8 is usually called adherent. A supply that overlaps the one before is used after it; one from before the period counts for what is left of it. Without a period_start the period begins with the first supply. NULL without supplies. It knows what was dispensed, not what was taken';

CREATE TYPE custprio.channel_choice AS (
  channel text,
  share   float8,
  entropy float8,
  n       bigint
);
COMMENT ON TYPE custprio.channel_choice IS 'result of channel_preference: the most used channel or ''mixed'', the share of the most used one, the entropy of all in bits (0: only one), and the number of contacts';
CREATE FUNCTION custprio.channel_add(internal, channel text) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_channel_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.channel_add(internal, text) IS 'transition function of channel_preference';
CREATE FUNCTION custprio.channel_add(internal, channel text, min_contacts int) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_channel_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.channel_add(internal, text, int) IS 'transition function of channel_preference';
CREATE FUNCTION custprio.channel_combine(internal, internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_channel_combine' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.channel_combine(internal, internal) IS 'parallel part of channel_preference';
CREATE FUNCTION custprio.channel_serialize(internal) RETURNS bytea
  AS 'MODULE_PATHNAME', 'custprio_channel_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.channel_serialize(internal) IS 'parallel part of channel_preference';
CREATE FUNCTION custprio.channel_deserialize(bytea, internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_channel_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.channel_deserialize(bytea, internal) IS 'parallel part of channel_preference';
CREATE FUNCTION custprio.channel_final(internal) RETURNS custprio.channel_choice
  AS 'MODULE_PATHNAME', 'custprio_channel_final' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.channel_final(internal) IS 'final function of channel_preference';
CREATE AGGREGATE custprio.channel_preference(channel text) (
  SFUNC = custprio.channel_add, STYPE = internal, FINALFUNC = custprio.channel_final,
  COMBINEFUNC = custprio.channel_combine, SERIALFUNC = custprio.channel_serialize, DESERIALFUNC = custprio.channel_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.channel_preference(text) IS 'channel that a customer uses most; ''mixed'' with fewer than 3 contacts or several equally used ones. NULL does not count';
CREATE AGGREGATE custprio.channel_preference(channel text, min_contacts int) (
  SFUNC = custprio.channel_add, STYPE = internal, FINALFUNC = custprio.channel_final,
  COMBINEFUNC = custprio.channel_combine, SERIALFUNC = custprio.channel_serialize, DESERIALFUNC = custprio.channel_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.channel_preference(text, int) IS 'channel that a customer uses most; ''mixed'' with fewer than min_contacts or several equally used ones. NULL does not count';
