-- Clusters by k-means.

CREATE FUNCTION custprio.kmeans(features float8[], k int) RETURNS int
  AS 'MODULE_PATHNAME', 'custprio_kmeans_window' LANGUAGE C WINDOW IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION custprio.kmeans(float8[], int) IS 'window function: cluster of the row by k-means with seed 0; see kmeans(float8[], int, bigint)';
CREATE FUNCTION custprio.kmeans(features float8[], k int, seed bigint) RETURNS int
  AS 'MODULE_PATHNAME', 'custprio_kmeans_window' LANGUAGE C WINDOW IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION custprio.kmeans(float8[], int, bigint) IS
'window function: cluster of the row, 1 to k, by k-means among all rows of the partition. Features are standardised (mean, population standard deviation); the best of 10 starts by k-means++ is taken. Clusters are numbered by their centroids in ascending order, the first feature first. Equal rows and seed give equal clusters, whatever the order of the rows and the plan; the window''s ORDER BY and frame play no part. A row whose features are NULL or contain NULL is left out and gets NULL; NaN, infinity, features of different lengths and more clusters than distinct rows are errors';

CREATE TYPE custprio.kmeans_model AS (
  centroids             float8[],
  means                 float8[],
  standard_deviations   float8[],
  sizes                 bigint[],
  n                     bigint,
  distinct_rows         bigint,
  within_ss             float8,
  total_ss              float8,
  simplified_silhouette float8,
  iterations            int,
  converged             boolean,
  seed                  bigint
);
COMMENT ON TYPE custprio.kmeans_model IS 'clusters found by fit_kmeans: centroids (one row each, in the features'' own units), the scale of the features, sizes, sums of squares of the standardised features, and the mean simplified silhouette, to which a row alone in its cluster adds 0';

CREATE FUNCTION custprio.kmeans_add(internal, features float8[], k int) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_kmeans_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.kmeans_add(internal, float8[], int) IS 'transition function of fit_kmeans and suggest_k';
CREATE FUNCTION custprio.kmeans_add(internal, features float8[], k int, seed bigint) RETURNS internal
  AS 'MODULE_PATHNAME', 'custprio_kmeans_add' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.kmeans_add(internal, float8[], int, bigint) IS 'transition function of fit_kmeans and suggest_k';
CREATE FUNCTION custprio.fit_kmeans_final(internal) RETURNS custprio.kmeans_model
  AS 'MODULE_PATHNAME', 'custprio_kmeans_final' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.fit_kmeans_final(internal) IS 'final function of fit_kmeans';
CREATE AGGREGATE custprio.fit_kmeans(features float8[], k int) (
  SFUNC = custprio.kmeans_add, STYPE = internal, FINALFUNC = custprio.fit_kmeans_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.sample_combine, SERIALFUNC = custprio.sample_serialize, DESERIALFUNC = custprio.sample_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_kmeans(float8[], int) IS 'clusters of the rows by k-means with seed 0, as a model to assign rows by';
CREATE AGGREGATE custprio.fit_kmeans(features float8[], k int, seed bigint) (
  SFUNC = custprio.kmeans_add, STYPE = internal, FINALFUNC = custprio.fit_kmeans_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.sample_combine, SERIALFUNC = custprio.sample_serialize, DESERIALFUNC = custprio.sample_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.fit_kmeans(float8[], int, bigint) IS 'clusters of the rows by k-means, as a model to assign rows by; rows, options and errors as for the window function kmeans';

CREATE FUNCTION custprio.kmeans_assign(model custprio.kmeans_model, features float8[]) RETURNS int
  AS 'MODULE_PATHNAME', 'custprio_kmeans_assign' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.kmeans_assign(custprio.kmeans_model, float8[]) IS
'cluster whose centroid is nearest to the row, by standardised features; the lower number of equally near ones. NULL if a feature is NULL';
CREATE FUNCTION custprio.simplified_silhouette(model custprio.kmeans_model, features float8[]) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_kmeans_silhouette' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.simplified_silhouette(custprio.kmeans_model, float8[]) IS
'how clearly the row belongs to its cluster: 1 - a/b, a and b being its distances from the nearest and the next centroid; 1 at its centroid, 0 half-way to another. Simplified (Hruschka and others 2004): distances from centroids stand for the mean distances from all rows of Rousseeuw''s silhouette. NULL with one cluster or a NULL feature';

CREATE TYPE custprio.k_suggestion AS (
  k                     int,
  simplified_silhouette float8,
  silhouettes           float8[],
  within_ss             float8[]
);
COMMENT ON TYPE custprio.k_suggestion IS 'what suggest_k found: the number of clusters with the largest mean simplified silhouette, and that and the sum of squares within clusters for each number tried, from 1 on';
CREATE FUNCTION custprio.suggest_k_final(internal) RETURNS custprio.k_suggestion
  AS 'MODULE_PATHNAME', 'custprio_suggest_k_final' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.suggest_k_final(internal) IS 'final function of suggest_k';
CREATE AGGREGATE custprio.suggest_k(features float8[], max_k int) (
  SFUNC = custprio.kmeans_add, STYPE = internal, FINALFUNC = custprio.suggest_k_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.sample_combine, SERIALFUNC = custprio.sample_serialize, DESERIALFUNC = custprio.sample_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.suggest_k(float8[], int) IS 'number of clusters from 2 to max_k with the largest mean simplified silhouette, seed 0; fits every one of them';
CREATE AGGREGATE custprio.suggest_k(features float8[], max_k int, seed bigint) (
  SFUNC = custprio.kmeans_add, STYPE = internal, FINALFUNC = custprio.suggest_k_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = custprio.sample_combine, SERIALFUNC = custprio.sample_serialize, DESERIALFUNC = custprio.sample_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE custprio.suggest_k(float8[], int, bigint) IS 'number of clusters from 2 to max_k with the largest mean simplified silhouette; fits every one of them';
