-- Whole units of a resource, shared out so that they add up.

CREATE FUNCTION custprio.largest_remainder(shares numeric[], total bigint, floors bigint[] DEFAULT NULL, caps bigint[] DEFAULT NULL,
  OUT allocated bigint[], OUT unallocated bigint, OUT reason text)
  AS 'MODULE_PATHNAME', 'custprio_largest_remainder' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.largest_remainder(numeric[], bigint, bigint[], bigint[]) IS
'whole units in proportion to shares, adding up to the total exactly (method of largest remainders, Hamilton), each at least its floor and at most its cap; what a bound takes or leaves goes to the others in proportion. Equal remainders: the larger share, then the earlier one first. A NULL among floors and caps is no bound. Where caps are too small, the caps are given and reason says so; where floors are too large, allocated is NULL. Exact arithmetic; NULL shares or total give NULL';

CREATE FUNCTION custprio.greedy_allocation(marginal_returns float8[], total bigint,
  OUT allocated bigint[], OUT unallocated bigint, OUT reason text)
  AS 'MODULE_PATHNAME', 'custprio_greedy_allocation' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.greedy_allocation(float8[], bigint) IS
'units given one by one to whom the next one brings most: a row of marginal_returns per recipient with what its first, second, … unit brings, which must not increase, and then the sum of returns is the largest possible. Nothing is given that brings nothing; equal returns go to the earlier row';
