-- rfm_score: three digits, higher is better in each; sorts by recency, then frequency, then monetary.

CREATE TYPE custprio.rfm_score;

CREATE FUNCTION custprio.rfm_score_in(cstring) RETURNS custprio.rfm_score
  AS 'MODULE_PATHNAME', 'custprio_rfm_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.rfm_score_in(cstring) IS 'I/O';
CREATE FUNCTION custprio.rfm_score_out(custprio.rfm_score) RETURNS cstring
  AS 'MODULE_PATHNAME', 'custprio_rfm_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.rfm_score_out(custprio.rfm_score) IS 'I/O';
CREATE FUNCTION custprio.rfm_score_recv(internal) RETURNS custprio.rfm_score
  AS 'MODULE_PATHNAME', 'custprio_rfm_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.rfm_score_recv(internal) IS 'I/O';
CREATE FUNCTION custprio.rfm_score_send(custprio.rfm_score) RETURNS bytea
  AS 'MODULE_PATHNAME', 'custprio_rfm_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.rfm_score_send(custprio.rfm_score) IS 'I/O';

CREATE TYPE custprio.rfm_score (
  INPUT = custprio.rfm_score_in,
  OUTPUT = custprio.rfm_score_out,
  RECEIVE = custprio.rfm_score_recv,
  SEND = custprio.rfm_score_send,
  INTERNALLENGTH = 2,
  PASSEDBYVALUE,
  ALIGNMENT = int2,
  STORAGE = plain
);
COMMENT ON TYPE custprio.rfm_score IS 'recency, frequency and monetary scores as three digits 1 to 9, higher is better in each';

-- Comparison

CREATE FUNCTION custprio.rfm_score_eq(custprio.rfm_score, custprio.rfm_score) RETURNS boolean
  AS 'MODULE_PATHNAME', 'custprio_rfm_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION custprio.rfm_score_eq(custprio.rfm_score, custprio.rfm_score) IS 'implementation of the operator =';
CREATE FUNCTION custprio.rfm_score_ne(custprio.rfm_score, custprio.rfm_score) RETURNS boolean
  AS 'MODULE_PATHNAME', 'custprio_rfm_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION custprio.rfm_score_ne(custprio.rfm_score, custprio.rfm_score) IS 'implementation of the operator <>';
CREATE FUNCTION custprio.rfm_score_lt(custprio.rfm_score, custprio.rfm_score) RETURNS boolean
  AS 'MODULE_PATHNAME', 'custprio_rfm_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION custprio.rfm_score_lt(custprio.rfm_score, custprio.rfm_score) IS 'implementation of the operator <';
CREATE FUNCTION custprio.rfm_score_le(custprio.rfm_score, custprio.rfm_score) RETURNS boolean
  AS 'MODULE_PATHNAME', 'custprio_rfm_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION custprio.rfm_score_le(custprio.rfm_score, custprio.rfm_score) IS 'implementation of the operator <=';
CREATE FUNCTION custprio.rfm_score_gt(custprio.rfm_score, custprio.rfm_score) RETURNS boolean
  AS 'MODULE_PATHNAME', 'custprio_rfm_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION custprio.rfm_score_gt(custprio.rfm_score, custprio.rfm_score) IS 'implementation of the operator >';
CREATE FUNCTION custprio.rfm_score_ge(custprio.rfm_score, custprio.rfm_score) RETURNS boolean
  AS 'MODULE_PATHNAME', 'custprio_rfm_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION custprio.rfm_score_ge(custprio.rfm_score, custprio.rfm_score) IS 'implementation of the operator >=';

CREATE OPERATOR pg_catalog.= (
  LEFTARG = custprio.rfm_score, RIGHTARG = custprio.rfm_score, FUNCTION = custprio.rfm_score_eq,
  COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>),
  HASHES, MERGES,
  RESTRICT = eqsel, JOIN = eqjoinsel
);
COMMENT ON OPERATOR pg_catalog.= (custprio.rfm_score, custprio.rfm_score) IS 'equal';
CREATE OPERATOR pg_catalog.<> (
  LEFTARG = custprio.rfm_score, RIGHTARG = custprio.rfm_score, FUNCTION = custprio.rfm_score_ne,
  COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=),
  RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR pg_catalog.<> (custprio.rfm_score, custprio.rfm_score) IS 'not equal';
CREATE OPERATOR pg_catalog.< (
  LEFTARG = custprio.rfm_score, RIGHTARG = custprio.rfm_score, FUNCTION = custprio.rfm_score_lt,
  COMMUTATOR = OPERATOR(pg_catalog.>), NEGATOR = OPERATOR(pg_catalog.>=),
  RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR pg_catalog.< (custprio.rfm_score, custprio.rfm_score) IS 'less than';
CREATE OPERATOR pg_catalog.<= (
  LEFTARG = custprio.rfm_score, RIGHTARG = custprio.rfm_score, FUNCTION = custprio.rfm_score_le,
  COMMUTATOR = OPERATOR(pg_catalog.>=), NEGATOR = OPERATOR(pg_catalog.>),
  RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR pg_catalog.<= (custprio.rfm_score, custprio.rfm_score) IS 'less than or equal';
CREATE OPERATOR pg_catalog.> (
  LEFTARG = custprio.rfm_score, RIGHTARG = custprio.rfm_score, FUNCTION = custprio.rfm_score_gt,
  COMMUTATOR = OPERATOR(pg_catalog.<), NEGATOR = OPERATOR(pg_catalog.<=),
  RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR pg_catalog.> (custprio.rfm_score, custprio.rfm_score) IS 'greater than';
CREATE OPERATOR pg_catalog.>= (
  LEFTARG = custprio.rfm_score, RIGHTARG = custprio.rfm_score, FUNCTION = custprio.rfm_score_ge,
  COMMUTATOR = OPERATOR(pg_catalog.<=), NEGATOR = OPERATOR(pg_catalog.<),
  RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR pg_catalog.>= (custprio.rfm_score, custprio.rfm_score) IS 'greater than or equal';

CREATE FUNCTION custprio.rfm_score_cmp(custprio.rfm_score, custprio.rfm_score) RETURNS int
  AS 'MODULE_PATHNAME', 'custprio_rfm_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION custprio.rfm_score_cmp(custprio.rfm_score, custprio.rfm_score) IS 'btree support: less than, equal or greater';
CREATE FUNCTION custprio.rfm_score_sortsupport(internal) RETURNS void
  AS 'MODULE_PATHNAME', 'custprio_rfm_sortsupport' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.rfm_score_sortsupport(internal) IS 'btree support: fast sorting';
CREATE FUNCTION custprio.rfm_score_hash(custprio.rfm_score) RETURNS int
  AS 'MODULE_PATHNAME', 'custprio_rfm_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION custprio.rfm_score_hash(custprio.rfm_score) IS 'hash support';
CREATE FUNCTION custprio.rfm_score_hash_extended(custprio.rfm_score, bigint) RETURNS bigint
  AS 'MODULE_PATHNAME', 'custprio_rfm_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION custprio.rfm_score_hash_extended(custprio.rfm_score, bigint) IS 'hash support with a seed';

CREATE OPERATOR CLASS custprio.rfm_score_ops DEFAULT FOR TYPE custprio.rfm_score USING btree AS
  OPERATOR 1 pg_catalog.<, OPERATOR 2 pg_catalog.<=, OPERATOR 3 pg_catalog.=, OPERATOR 4 pg_catalog.>=, OPERATOR 5 pg_catalog.>,
  FUNCTION 1 custprio.rfm_score_cmp(custprio.rfm_score, custprio.rfm_score),
  FUNCTION 2 custprio.rfm_score_sortsupport(internal),
  FUNCTION 4 pg_catalog.btequalimage(oid);
COMMENT ON OPERATOR CLASS custprio.rfm_score_ops USING btree IS 'btree operator class of rfm_score: by recency, then frequency, then monetary';
COMMENT ON OPERATOR FAMILY custprio.rfm_score_ops USING btree IS 'btree operator family of rfm_score';
CREATE OPERATOR CLASS custprio.rfm_score_ops DEFAULT FOR TYPE custprio.rfm_score USING hash AS
  OPERATOR 1 pg_catalog.=,
  FUNCTION 1 custprio.rfm_score_hash(custprio.rfm_score),
  FUNCTION 2 custprio.rfm_score_hash_extended(custprio.rfm_score, bigint);
COMMENT ON OPERATOR CLASS custprio.rfm_score_ops USING hash IS 'hash operator class of rfm_score';
COMMENT ON OPERATOR FAMILY custprio.rfm_score_ops USING hash IS 'hash operator family of rfm_score';

-- Aggregates
CREATE FUNCTION custprio.rfm_score_smaller(custprio.rfm_score, custprio.rfm_score) RETURNS custprio.rfm_score
  AS 'MODULE_PATHNAME', 'custprio_rfm_smaller' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.rfm_score_smaller(custprio.rfm_score, custprio.rfm_score) IS 'the one that sorts first';
CREATE FUNCTION custprio.rfm_score_larger(custprio.rfm_score, custprio.rfm_score) RETURNS custprio.rfm_score
  AS 'MODULE_PATHNAME', 'custprio_rfm_larger' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.rfm_score_larger(custprio.rfm_score, custprio.rfm_score) IS 'the one that sorts last';
CREATE AGGREGATE custprio.min(custprio.rfm_score) (
  SFUNC = custprio.rfm_score_smaller, STYPE = custprio.rfm_score, COMBINEFUNC = custprio.rfm_score_smaller,
  SORTOP = OPERATOR(pg_catalog.<), PARALLEL = SAFE
);
COMMENT ON AGGREGATE custprio.min(custprio.rfm_score) IS 'the smallest RFM score';
CREATE AGGREGATE custprio.max(custprio.rfm_score) (
  SFUNC = custprio.rfm_score_larger, STYPE = custprio.rfm_score, COMBINEFUNC = custprio.rfm_score_larger,
  SORTOP = OPERATOR(pg_catalog.>), PARALLEL = SAFE
);
COMMENT ON AGGREGATE custprio.max(custprio.rfm_score) IS 'the largest RFM score';

-- Casts. All are explicit: a tier or score is not silently taken for text or a number, nor the other way round.
CREATE CAST (custprio.rfm_score AS text) WITH INOUT;
COMMENT ON CAST (custprio.rfm_score AS text) IS 'the three digits';
CREATE CAST (text AS custprio.rfm_score) WITH INOUT;
COMMENT ON CAST (text AS custprio.rfm_score) IS 'from three digits 1 to 9';
CREATE FUNCTION custprio.rfm_score(code int) RETURNS custprio.rfm_score
  AS 'MODULE_PATHNAME', 'custprio_rfm_from_int4' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.rfm_score(int) IS 'the RFM score written as a number: rfm_score(543)';
CREATE CAST (int AS custprio.rfm_score) WITH FUNCTION custprio.rfm_score(int);
COMMENT ON CAST (int AS custprio.rfm_score) IS 'from the three-digit number';
CREATE FUNCTION custprio.rfm_code(score custprio.rfm_score) RETURNS int
  AS 'MODULE_PATHNAME', 'custprio_rfm_code' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.rfm_code(custprio.rfm_score) IS 'the three digits as a number';
CREATE CAST (custprio.rfm_score AS int) WITH FUNCTION custprio.rfm_code(custprio.rfm_score);
COMMENT ON CAST (custprio.rfm_score AS int) IS 'the three digits as a number';

-- Putting together and taking apart
CREATE FUNCTION custprio.rfm_score(r int, f int, m int) RETURNS custprio.rfm_score
  AS 'MODULE_PATHNAME', 'custprio_rfm_make' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.rfm_score(int, int, int) IS 'an RFM score from its recency, frequency and monetary digits';
CREATE FUNCTION custprio.recency_score(score custprio.rfm_score) RETURNS int
  AS 'MODULE_PATHNAME', 'custprio_rfm_recency' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.recency_score(custprio.rfm_score) IS 'the first digit: recency, higher is more recent';
CREATE FUNCTION custprio.frequency_score(score custprio.rfm_score) RETURNS int
  AS 'MODULE_PATHNAME', 'custprio_rfm_frequency' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.frequency_score(custprio.rfm_score) IS 'the second digit: frequency, higher is more often';
CREATE FUNCTION custprio.monetary_score(score custprio.rfm_score) RETURNS int
  AS 'MODULE_PATHNAME', 'custprio_rfm_monetary' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.monetary_score(custprio.rfm_score) IS 'the third digit: monetary, higher is more money';
