-- Influence in a network of customers.

CREATE FUNCTION custprio.pagerank(edges regclass, from_column name, to_column name, weight_column name DEFAULT NULL,
  damping float8 DEFAULT 0.85, tolerance float8 DEFAULT 1e-10, max_iterations int DEFAULT 1000)
  RETURNS TABLE (node text, pagerank float8, relative_rank float8)
  AS 'MODULE_PATHNAME', 'custprio_pagerank' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED;
COMMENT ON FUNCTION custprio.pagerank(regclass, name, name, name, float8, float8, int) IS
'influence of each node of a network by PageRank (Brin and Page 1998): ranks add up to 1, relative_rank is 1 for the average node. Each row is a link that gives rank from one node to the other, in proportion to its weight (1 without a column); for referrals, from the customer who came to the one who sent them. Equal rows add up. A row with a NULL, of weight 0, or from a node to itself is no link, though its ends are nodes. What has no links gives its rank to all evenly. Ranks are within damping / (1 - damping) × tolerance of the exact ones in sum; without convergence an error. Same result whatever the rows'' order and the plan';
