-- customer_tier: one letter, A is the best. `<` means "ranks before"; for "B or better" write at_least(tier, 'B').

CREATE TYPE custprio.customer_tier;

CREATE FUNCTION custprio.customer_tier_in(cstring) RETURNS custprio.customer_tier
  AS 'MODULE_PATHNAME', 'custprio_tier_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.customer_tier_in(cstring) IS 'I/O';
CREATE FUNCTION custprio.customer_tier_out(custprio.customer_tier) RETURNS cstring
  AS 'MODULE_PATHNAME', 'custprio_tier_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.customer_tier_out(custprio.customer_tier) IS 'I/O';
CREATE FUNCTION custprio.customer_tier_recv(internal) RETURNS custprio.customer_tier
  AS 'MODULE_PATHNAME', 'custprio_tier_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.customer_tier_recv(internal) IS 'I/O';
CREATE FUNCTION custprio.customer_tier_send(custprio.customer_tier) RETURNS bytea
  AS 'MODULE_PATHNAME', 'custprio_tier_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.customer_tier_send(custprio.customer_tier) IS 'I/O';

CREATE TYPE custprio.customer_tier (
  INPUT = custprio.customer_tier_in,
  OUTPUT = custprio.customer_tier_out,
  RECEIVE = custprio.customer_tier_recv,
  SEND = custprio.customer_tier_send,
  INTERNALLENGTH = 1,
  PASSEDBYVALUE,
  ALIGNMENT = char,
  STORAGE = plain
);
COMMENT ON TYPE custprio.customer_tier IS 'a customer''s tier, one letter A to Z; A is the best and sorts first';

-- Comparison

CREATE FUNCTION custprio.customer_tier_eq(custprio.customer_tier, custprio.customer_tier) RETURNS boolean
  AS 'MODULE_PATHNAME', 'custprio_tier_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION custprio.customer_tier_eq(custprio.customer_tier, custprio.customer_tier) IS 'implementation of the operator =';
CREATE FUNCTION custprio.customer_tier_ne(custprio.customer_tier, custprio.customer_tier) RETURNS boolean
  AS 'MODULE_PATHNAME', 'custprio_tier_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION custprio.customer_tier_ne(custprio.customer_tier, custprio.customer_tier) IS 'implementation of the operator <>';
CREATE FUNCTION custprio.customer_tier_lt(custprio.customer_tier, custprio.customer_tier) RETURNS boolean
  AS 'MODULE_PATHNAME', 'custprio_tier_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION custprio.customer_tier_lt(custprio.customer_tier, custprio.customer_tier) IS 'implementation of the operator <';
CREATE FUNCTION custprio.customer_tier_le(custprio.customer_tier, custprio.customer_tier) RETURNS boolean
  AS 'MODULE_PATHNAME', 'custprio_tier_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION custprio.customer_tier_le(custprio.customer_tier, custprio.customer_tier) IS 'implementation of the operator <=';
CREATE FUNCTION custprio.customer_tier_gt(custprio.customer_tier, custprio.customer_tier) RETURNS boolean
  AS 'MODULE_PATHNAME', 'custprio_tier_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION custprio.customer_tier_gt(custprio.customer_tier, custprio.customer_tier) IS 'implementation of the operator >';
CREATE FUNCTION custprio.customer_tier_ge(custprio.customer_tier, custprio.customer_tier) RETURNS boolean
  AS 'MODULE_PATHNAME', 'custprio_tier_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION custprio.customer_tier_ge(custprio.customer_tier, custprio.customer_tier) IS 'implementation of the operator >=';

CREATE OPERATOR pg_catalog.= (
  LEFTARG = custprio.customer_tier, RIGHTARG = custprio.customer_tier, FUNCTION = custprio.customer_tier_eq,
  COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>),
  HASHES, MERGES,
  RESTRICT = eqsel, JOIN = eqjoinsel
);
COMMENT ON OPERATOR pg_catalog.= (custprio.customer_tier, custprio.customer_tier) IS 'equal';
CREATE OPERATOR pg_catalog.<> (
  LEFTARG = custprio.customer_tier, RIGHTARG = custprio.customer_tier, FUNCTION = custprio.customer_tier_ne,
  COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=),
  RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR pg_catalog.<> (custprio.customer_tier, custprio.customer_tier) IS 'not equal';
CREATE OPERATOR pg_catalog.< (
  LEFTARG = custprio.customer_tier, RIGHTARG = custprio.customer_tier, FUNCTION = custprio.customer_tier_lt,
  COMMUTATOR = OPERATOR(pg_catalog.>), NEGATOR = OPERATOR(pg_catalog.>=),
  RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR pg_catalog.< (custprio.customer_tier, custprio.customer_tier) IS 'ranks before: is better';
CREATE OPERATOR pg_catalog.<= (
  LEFTARG = custprio.customer_tier, RIGHTARG = custprio.customer_tier, FUNCTION = custprio.customer_tier_le,
  COMMUTATOR = OPERATOR(pg_catalog.>=), NEGATOR = OPERATOR(pg_catalog.>),
  RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR pg_catalog.<= (custprio.customer_tier, custprio.customer_tier) IS 'ranks before or equal: at least as good';
CREATE OPERATOR pg_catalog.> (
  LEFTARG = custprio.customer_tier, RIGHTARG = custprio.customer_tier, FUNCTION = custprio.customer_tier_gt,
  COMMUTATOR = OPERATOR(pg_catalog.<), NEGATOR = OPERATOR(pg_catalog.<=),
  RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR pg_catalog.> (custprio.customer_tier, custprio.customer_tier) IS 'ranks after: is worse';
CREATE OPERATOR pg_catalog.>= (
  LEFTARG = custprio.customer_tier, RIGHTARG = custprio.customer_tier, FUNCTION = custprio.customer_tier_ge,
  COMMUTATOR = OPERATOR(pg_catalog.<=), NEGATOR = OPERATOR(pg_catalog.<),
  RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR pg_catalog.>= (custprio.customer_tier, custprio.customer_tier) IS 'ranks after or equal: at most as good';

CREATE FUNCTION custprio.customer_tier_cmp(custprio.customer_tier, custprio.customer_tier) RETURNS int
  AS 'MODULE_PATHNAME', 'custprio_tier_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION custprio.customer_tier_cmp(custprio.customer_tier, custprio.customer_tier) IS 'btree support: less than, equal or greater';
CREATE FUNCTION custprio.customer_tier_sortsupport(internal) RETURNS void
  AS 'MODULE_PATHNAME', 'custprio_tier_sortsupport' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.customer_tier_sortsupport(internal) IS 'btree support: fast sorting';
CREATE FUNCTION custprio.customer_tier_hash(custprio.customer_tier) RETURNS int
  AS 'MODULE_PATHNAME', 'custprio_tier_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION custprio.customer_tier_hash(custprio.customer_tier) IS 'hash support';
CREATE FUNCTION custprio.customer_tier_hash_extended(custprio.customer_tier, bigint) RETURNS bigint
  AS 'MODULE_PATHNAME', 'custprio_tier_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION custprio.customer_tier_hash_extended(custprio.customer_tier, bigint) IS 'hash support with a seed';

CREATE OPERATOR CLASS custprio.customer_tier_ops DEFAULT FOR TYPE custprio.customer_tier USING btree AS
  OPERATOR 1 pg_catalog.<, OPERATOR 2 pg_catalog.<=, OPERATOR 3 pg_catalog.=, OPERATOR 4 pg_catalog.>=, OPERATOR 5 pg_catalog.>,
  FUNCTION 1 custprio.customer_tier_cmp(custprio.customer_tier, custprio.customer_tier),
  FUNCTION 2 custprio.customer_tier_sortsupport(internal),
  FUNCTION 4 pg_catalog.btequalimage(oid);
COMMENT ON OPERATOR CLASS custprio.customer_tier_ops USING btree IS 'btree operator class of customer_tier: A first';
COMMENT ON OPERATOR FAMILY custprio.customer_tier_ops USING btree IS 'btree operator family of customer_tier';
CREATE OPERATOR CLASS custprio.customer_tier_ops DEFAULT FOR TYPE custprio.customer_tier USING hash AS
  OPERATOR 1 pg_catalog.=,
  FUNCTION 1 custprio.customer_tier_hash(custprio.customer_tier),
  FUNCTION 2 custprio.customer_tier_hash_extended(custprio.customer_tier, bigint);
COMMENT ON OPERATOR CLASS custprio.customer_tier_ops USING hash IS 'hash operator class of customer_tier';
COMMENT ON OPERATOR FAMILY custprio.customer_tier_ops USING hash IS 'hash operator family of customer_tier';

-- Aggregates
CREATE FUNCTION custprio.customer_tier_smaller(custprio.customer_tier, custprio.customer_tier) RETURNS custprio.customer_tier
  AS 'MODULE_PATHNAME', 'custprio_tier_smaller' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.customer_tier_smaller(custprio.customer_tier, custprio.customer_tier) IS 'the one that sorts first';
CREATE FUNCTION custprio.customer_tier_larger(custprio.customer_tier, custprio.customer_tier) RETURNS custprio.customer_tier
  AS 'MODULE_PATHNAME', 'custprio_tier_larger' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.customer_tier_larger(custprio.customer_tier, custprio.customer_tier) IS 'the one that sorts last';
CREATE AGGREGATE custprio.min(custprio.customer_tier) (
  SFUNC = custprio.customer_tier_smaller, STYPE = custprio.customer_tier, COMBINEFUNC = custprio.customer_tier_smaller,
  SORTOP = OPERATOR(pg_catalog.<), PARALLEL = SAFE
);
COMMENT ON AGGREGATE custprio.min(custprio.customer_tier) IS 'the best tier: the one that sorts first';
CREATE AGGREGATE custprio.max(custprio.customer_tier) (
  SFUNC = custprio.customer_tier_larger, STYPE = custprio.customer_tier, COMBINEFUNC = custprio.customer_tier_larger,
  SORTOP = OPERATOR(pg_catalog.>), PARALLEL = SAFE
);
COMMENT ON AGGREGATE custprio.max(custprio.customer_tier) IS 'the worst tier: the one that sorts last';

-- Casts. All are explicit: a tier or score is not silently taken for text or a number, nor the other way round.
CREATE CAST (custprio.customer_tier AS text) WITH INOUT;
COMMENT ON CAST (custprio.customer_tier AS text) IS 'the letter';
CREATE CAST (text AS custprio.customer_tier) WITH INOUT;
COMMENT ON CAST (text AS custprio.customer_tier) IS 'from one letter A to Z';
CREATE FUNCTION custprio.customer_tier(rank int) RETURNS custprio.customer_tier
  AS 'MODULE_PATHNAME', 'custprio_tier_from_int4' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.customer_tier(int) IS 'the tier of a rank: 1 is A, 26 is Z';
CREATE CAST (int AS custprio.customer_tier) WITH FUNCTION custprio.customer_tier(int);
COMMENT ON CAST (int AS custprio.customer_tier) IS 'from a rank: 1 is A, 26 is Z';
CREATE FUNCTION custprio.tier_rank(tier custprio.customer_tier) RETURNS int
  AS 'MODULE_PATHNAME', 'custprio_tier_rank' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.tier_rank(custprio.customer_tier) IS 'the rank of a tier: A is 1, Z is 26';
CREATE CAST (custprio.customer_tier AS int) WITH FUNCTION custprio.tier_rank(custprio.customer_tier);
COMMENT ON CAST (custprio.customer_tier AS int) IS 'the rank: A is 1, Z is 26';

-- People say "B or better", and < and > run the other way. The bodies are bound when they are created, so they need no
-- search_path setting, and without one the planner inlines them and can use an index on the tier.
CREATE FUNCTION custprio.at_least(tier custprio.customer_tier, minimum custprio.customer_tier) RETURNS boolean
  LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE
  RETURN tier OPERATOR(pg_catalog.<=) minimum;
COMMENT ON FUNCTION custprio.at_least(custprio.customer_tier, custprio.customer_tier) IS 'whether the first tier is the second or better: at_least(tier, ''B'') holds for A and B';
CREATE FUNCTION custprio.better_than(tier custprio.customer_tier, other custprio.customer_tier) RETURNS boolean
  LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE
  RETURN tier OPERATOR(pg_catalog.<) other;
COMMENT ON FUNCTION custprio.better_than(custprio.customer_tier, custprio.customer_tier) IS 'whether the first tier is better than the second: better_than(tier, ''B'') holds for A';
CREATE FUNCTION custprio.tier_distance(a custprio.customer_tier, b custprio.customer_tier) RETURNS int
  AS 'MODULE_PATHNAME', 'custprio_tier_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.tier_distance(custprio.customer_tier, custprio.customer_tier) IS 'how many steps lie between two tiers, never negative: from A to C it is 2';
