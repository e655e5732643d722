-- Type purchase_summary, its aggregates, operators and accessors.

CREATE TYPE custprio.purchase_summary;

CREATE FUNCTION custprio.purchase_summary_in(cstring) RETURNS custprio.purchase_summary
  AS 'MODULE_PATHNAME', 'custprio_summary_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION custprio.purchase_summary_out(custprio.purchase_summary) RETURNS cstring
  AS 'MODULE_PATHNAME', 'custprio_summary_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION custprio.purchase_summary_recv(internal) RETURNS custprio.purchase_summary
  AS 'MODULE_PATHNAME', 'custprio_summary_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION custprio.purchase_summary_send(custprio.purchase_summary) RETURNS bytea
  AS 'MODULE_PATHNAME', 'custprio_summary_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE TYPE custprio.purchase_summary (
  INPUT = custprio.purchase_summary_in,
  OUTPUT = custprio.purchase_summary_out,
  RECEIVE = custprio.purchase_summary_recv,
  SEND = custprio.purchase_summary_send,
  INTERNALLENGTH = VARIABLE,
  ALIGNMENT = double,
  STORAGE = extended
);

COMMENT ON TYPE custprio.purchase_summary IS
  'a customer''s purchases condensed: counts, exact sums and the distinct purchase days; mergeable in any order';
COMMENT ON FUNCTION custprio.purchase_summary_in(cstring) IS 'input';
COMMENT ON FUNCTION custprio.purchase_summary_out(custprio.purchase_summary) IS 'output';
COMMENT ON FUNCTION custprio.purchase_summary_recv(internal) IS 'binary input';
COMMENT ON FUNCTION custprio.purchase_summary_send(custprio.purchase_summary) IS 'binary output';

-- equality of canonical values
CREATE FUNCTION custprio.purchase_summary_eq(custprio.purchase_summary, custprio.purchase_summary) RETURNS boolean
  AS 'MODULE_PATHNAME', 'custprio_summary_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION custprio.purchase_summary_ne(custprio.purchase_summary, custprio.purchase_summary) RETURNS boolean
  AS 'MODULE_PATHNAME', 'custprio_summary_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE OPERATOR pg_catalog.= (
  LEFTARG = custprio.purchase_summary, RIGHTARG = custprio.purchase_summary,
  FUNCTION = custprio.purchase_summary_eq, COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>),
  RESTRICT = eqsel, JOIN = eqjoinsel
);
CREATE OPERATOR pg_catalog.<> (
  LEFTARG = custprio.purchase_summary, RIGHTARG = custprio.purchase_summary,
  FUNCTION = custprio.purchase_summary_ne, COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=),
  RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON FUNCTION custprio.purchase_summary_eq(custprio.purchase_summary, custprio.purchase_summary) IS
  'implementation of = operator';
COMMENT ON FUNCTION custprio.purchase_summary_ne(custprio.purchase_summary, custprio.purchase_summary) IS
  'implementation of <> operator';
COMMENT ON OPERATOR pg_catalog.= (custprio.purchase_summary, custprio.purchase_summary) IS 'equal';
COMMENT ON OPERATOR pg_catalog.<> (custprio.purchase_summary, custprio.purchase_summary) IS 'not equal';

-- aggregates
CREATE FUNCTION custprio.summarize_trans(custprio.purchase_summary, timestamptz, numeric, text)
  RETURNS custprio.purchase_summary
  AS 'MODULE_PATHNAME', 'custprio_summarize_tz' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION custprio.summarize_trans(custprio.purchase_summary, date, numeric)
  RETURNS custprio.purchase_summary
  AS 'MODULE_PATHNAME', 'custprio_summarize_date' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION custprio.merge_trans(custprio.purchase_summary, custprio.purchase_summary)
  RETURNS custprio.purchase_summary
  AS 'MODULE_PATHNAME', 'custprio_summary_merge_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION custprio.summary_final(custprio.purchase_summary) RETURNS custprio.purchase_summary
  AS 'MODULE_PATHNAME', 'custprio_summary_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION custprio.summarize_trans(custprio.purchase_summary, timestamptz, numeric, text) IS
  'aggregate transition function';
COMMENT ON FUNCTION custprio.summarize_trans(custprio.purchase_summary, date, numeric) IS
  'aggregate transition function';
COMMENT ON FUNCTION custprio.merge_trans(custprio.purchase_summary, custprio.purchase_summary) IS
  'aggregate transition and combine function';
COMMENT ON FUNCTION custprio.summary_final(custprio.purchase_summary) IS 'aggregate final function';

CREATE AGGREGATE custprio.summarize(purchased_at timestamptz, amount numeric, time_zone text) (
  SFUNC = custprio.summarize_trans, STYPE = custprio.purchase_summary, SSPACE = 192,
  FINALFUNC = custprio.summary_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.merge_trans, PARALLEL = SAFE
);
CREATE AGGREGATE custprio.summarize(purchased_on date, amount numeric) (
  SFUNC = custprio.summarize_trans, STYPE = custprio.purchase_summary, SSPACE = 192,
  FINALFUNC = custprio.summary_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.merge_trans, PARALLEL = SAFE
);
CREATE AGGREGATE custprio.merge(custprio.purchase_summary) (
  SFUNC = custprio.merge_trans, STYPE = custprio.purchase_summary, SSPACE = 192,
  FINALFUNC = custprio.summary_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.merge_trans, PARALLEL = SAFE
);
COMMENT ON AGGREGATE custprio.summarize(timestamptz, numeric, text) IS
  'condense purchases (amount >= 0) and returns (amount < 0), counting days in the given time zone; rows with a NULL time or amount are passed over, no rows give NULL';
COMMENT ON AGGREGATE custprio.summarize(date, numeric) IS
  'condense purchases dated by day; each day counts as midnight in UTC';
COMMENT ON AGGREGATE custprio.merge(custprio.purchase_summary) IS
  'merge summaries; equals summarizing the union of their purchases';

CREATE FUNCTION custprio.purchase_summary_concat(custprio.purchase_summary, custprio.purchase_summary)
  RETURNS custprio.purchase_summary
  AS 'MODULE_PATHNAME', 'custprio_summary_concat' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE OPERATOR pg_catalog.|| (
  LEFTARG = custprio.purchase_summary, RIGHTARG = custprio.purchase_summary,
  FUNCTION = custprio.purchase_summary_concat, COMMUTATOR = OPERATOR(pg_catalog.||)
);
COMMENT ON FUNCTION custprio.purchase_summary_concat(custprio.purchase_summary, custprio.purchase_summary) IS
  'implementation of || operator';
COMMENT ON OPERATOR pg_catalog.|| (custprio.purchase_summary, custprio.purchase_summary) IS 'merge two summaries';

-- accessors
CREATE FUNCTION custprio.purchases(custprio.purchase_summary) RETURNS bigint
  AS 'MODULE_PATHNAME', 'custprio_summary_purchases' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.purchases(custprio.purchase_summary) IS 'number of purchases (rows with amount >= 0)';
CREATE FUNCTION custprio.purchase_days(custprio.purchase_summary) RETURNS int
  AS 'MODULE_PATHNAME', 'custprio_summary_purchase_days' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.purchase_days(custprio.purchase_summary) IS 'number of distinct local days with a purchase';
CREATE FUNCTION custprio.first_purchase(custprio.purchase_summary) RETURNS timestamptz
  AS 'MODULE_PATHNAME', 'custprio_summary_first_purchase' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.first_purchase(custprio.purchase_summary) IS 'instant of the first purchase; NULL without one';
CREATE FUNCTION custprio.last_purchase(custprio.purchase_summary) RETURNS timestamptz
  AS 'MODULE_PATHNAME', 'custprio_summary_last_purchase' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.last_purchase(custprio.purchase_summary) IS 'instant of the last purchase; NULL without one';
CREATE FUNCTION custprio.first_day(custprio.purchase_summary) RETURNS date
  AS 'MODULE_PATHNAME', 'custprio_summary_first_day' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.first_day(custprio.purchase_summary) IS 'first local day with a purchase; NULL without one';
CREATE FUNCTION custprio.last_day(custprio.purchase_summary) RETURNS date
  AS 'MODULE_PATHNAME', 'custprio_summary_last_day' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.last_day(custprio.purchase_summary) IS 'last local day with a purchase; NULL without one';
CREATE FUNCTION custprio.revenue(custprio.purchase_summary) RETURNS numeric
  AS 'MODULE_PATHNAME', 'custprio_summary_revenue' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.revenue(custprio.purchase_summary) IS 'exact sum of all amounts: purchases less returns';
CREATE FUNCTION custprio.gross(custprio.purchase_summary) RETURNS numeric
  AS 'MODULE_PATHNAME', 'custprio_summary_gross' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.gross(custprio.purchase_summary) IS 'exact sum of the purchases, before returns';
CREATE FUNCTION custprio.returns(custprio.purchase_summary) RETURNS numeric
  AS 'MODULE_PATHNAME', 'custprio_summary_returns' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.returns(custprio.purchase_summary) IS 'exact sum of the returns, as a positive number';
CREATE FUNCTION custprio.average_order_value(custprio.purchase_summary) RETURNS numeric
  AS 'MODULE_PATHNAME', 'custprio_summary_average_order_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.average_order_value(custprio.purchase_summary) IS
  'revenue (net of returns) per purchase; NULL without a purchase';
CREATE FUNCTION custprio.recency(summary custprio.purchase_summary, as_of date) RETURNS int
  AS 'MODULE_PATHNAME', 'custprio_summary_recency' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.recency(custprio.purchase_summary, date) IS
  'whole days from the last purchase day to the as-of day; NULL without a purchase, an error if as_of is earlier';
CREATE FUNCTION custprio.tenure(summary custprio.purchase_summary, as_of date) RETURNS int
  AS 'MODULE_PATHNAME', 'custprio_summary_tenure' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.tenure(custprio.purchase_summary, date) IS
  'whole days from the first purchase day to the as-of day; NULL without a purchase, an error if as_of is before the last purchase';
CREATE FUNCTION custprio.repeat_days(custprio.purchase_summary) RETURNS int
  AS 'MODULE_PATHNAME', 'custprio_summary_repeat_days' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.repeat_days(custprio.purchase_summary) IS
  'purchase days after the first: x of the CLV models; NULL without a purchase';
CREATE FUNCTION custprio.repeat_recency(custprio.purchase_summary) RETURNS int
  AS 'MODULE_PATHNAME', 'custprio_summary_repeat_recency' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.repeat_recency(custprio.purchase_summary) IS
  'whole days from the first to the last purchase day: t_x of the CLV models; NULL without a purchase';
CREATE FUNCTION custprio.repeat_log_intervals(summary custprio.purchase_summary, unit_days float8 DEFAULT 1) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_summary_repeat_log_intervals' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.repeat_log_intervals(custprio.purchase_summary, float8) IS
  'sum of the logarithms of the times between neighbouring purchase days, in units of so many days: log_intervals of the Erlang-k CLV models; 0 without a repeat purchase, NULL without a purchase';
CREATE FUNCTION custprio.repeat_value(custprio.purchase_summary) RETURNS numeric
  AS 'MODULE_PATHNAME', 'custprio_summary_repeat_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.repeat_value(custprio.purchase_summary) IS
  'mean gross total of the repeat purchase days: monetary value of the CLV models; NULL without one';
