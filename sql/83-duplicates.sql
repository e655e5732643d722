-- Which customers may be one and the same.

CREATE FUNCTION custprio.plain_text(value text) RETURNS text
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN nullif(btrim(regexp_replace(lower(CASE WHEN pg_catalog.getdatabaseencoding() = 'UTF8' THEN normalize(value, NFKC) ELSE value END),
                                     '\s+', ' ', 'g')), '');
COMMENT ON FUNCTION custprio.plain_text(text) IS
  'a text as duplicates are compared: letters of one form (NFKC in a database of UTF-8) and in lower case, single spaces; NULL when nothing is left';

CREATE FUNCTION custprio.phone_digits(value text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN nullif(ltrim(regexp_replace(value, '[^0-9]', '', 'g'), '0'), '');
COMMENT ON FUNCTION custprio.phone_digits(text) IS
  'the digits of a telephone number without zeros in front, so that +49 30 1234 and 0049-30-1234 are equal; NULL when nothing is left';

CREATE FUNCTION custprio.duplicate_candidates(relation regclass, key_column name, equal_columns name[] DEFAULT '{}',
  phone_columns name[] DEFAULT '{}', similar_columns name[] DEFAULT '{}', block_by name[] DEFAULT NULL,
  threshold float8 DEFAULT 0.8, max_block int DEFAULT 100)
  RETURNS TABLE (alias text, canonical text, matched text, score float8, agreement jsonb)
  LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
  SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  compared name[] := equal_columns || phone_columns || similar_columns;
  blocks name[] := coalesce(block_by, equal_columns || phone_columns);
  exact int := cardinality(equal_columns || phone_columns);
  columns name[];
  bad text;
  similarity text;
  found_pair record;
  node int;
  root int[];
  -- by candidate, numbered in the order of the keys: so the least of a group is its canonical one
  keys text[] := '{}';
  parents int[] := '{}';
  matches text[] := '{}';
  scores float8[] := '{}';
  agreements jsonb[] := '{}';
BEGIN
  IF relation IS NULL OR key_column IS NULL OR equal_columns IS NULL OR phone_columns IS NULL OR similar_columns IS NULL
    OR array_position(compared || blocks, NULL) IS NOT NULL THEN
    RAISE EXCEPTION 'arguments "relation", "key_column" and names of columns must not be NULL' USING ERRCODE = 'null_value_not_allowed';
  END IF;
  SELECT c INTO bad FROM unnest(key_column || compared || blocks) c
    WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = c AND a.attnum > 0 AND NOT a.attisdropped) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION '% has no column "%"', relation, bad USING ERRCODE = 'undefined_column';
  END IF;
  IF cardinality(compared) = 0 THEN
    RAISE EXCEPTION 'there is no column to compare' USING ERRCODE = 'invalid_parameter_value',
      HINT = 'Name columns in "equal_columns", "phone_columns" or "similar_columns".';
  END IF;
  IF cardinality(blocks) = 0 THEN
    RAISE EXCEPTION 'argument "block_by" must name a column' USING ERRCODE = 'invalid_parameter_value',
      DETAIL = 'To compare each row with each other one takes time with the square of their number.',
      HINT = 'Name columns of which duplicates are likely to share one, such as a postal code or the first letters of the name.';
  END IF;
  IF threshold IS NULL OR NOT (threshold > 0 AND threshold <= 1) THEN
    RAISE EXCEPTION 'argument "threshold" must be above 0 and at most 1' USING ERRCODE = 'invalid_parameter_value',
      DETAIL = format('It is %s.', coalesce(threshold::text, 'NULL'));
  END IF;
  IF max_block IS NULL OR max_block < 2 THEN
    RAISE EXCEPTION 'argument "max_block" must be at least 2' USING ERRCODE = 'invalid_parameter_value',
      DETAIL = format('It is %s.', coalesce(max_block::text, 'NULL'));
  END IF;
  IF cardinality(similar_columns) > 0 THEN
    SELECT format('%I.similarity', n.nspname) INTO similarity
      FROM pg_extension e JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
        JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid JOIN pg_namespace n ON n.oid = p.pronamespace
      WHERE e.extname = 'pg_trgm' AND p.proname = 'similarity' AND oidvectortypes(p.proargtypes) = 'text, text';
    IF NOT FOUND THEN
      RAISE EXCEPTION 'similarity of texts needs the extension pg_trgm' USING ERRCODE = 'object_not_in_prerequisite_state',
        HINT = 'CREATE EXTENSION pg_trgm, which comes with PostgreSQL, or compare by equal_columns and phone_columns alone.';
    END IF;
  END IF;

  -- Lines, each with the texts by which it is compared, and of which it has to share one; n counts keys, and lines of
  -- one key are not compared. What too many share tells nobody apart.
  columns := compared || ARRAY(SELECT c FROM unnest(blocks) c WHERE c <> ALL (compared));
  FOR found_pair IN EXECUTE format($query$
    WITH line AS MATERIALIZED (
      SELECT row_number() OVER (ORDER BY t.%1$I) AS r, dense_rank() OVER (ORDER BY t.%1$I) AS n, t.%1$I::text AS key,
        ARRAY[%2$s] AS v
      FROM %4$s t WHERE t.%1$I IS NOT NULL),
    block AS MATERIALIZED (
      SELECT l.r, l.n, u.pass, u.value, count(*) OVER (PARTITION BY u.pass, u.value) AS size
      FROM line l, unnest(ARRAY[%3$s]) WITH ORDINALITY u(value, pass) WHERE u.value IS NOT NULL),
    pair AS (
      SELECT DISTINCT a.r AS a, b.r AS b FROM block a JOIN block b ON a.pass = b.pass AND a.value = b.value AND a.n < b.n
      WHERE a.size <= $2),
    scored AS (
      SELECT DISTINCT ON (x.n, y.n) x.n AS a, y.n AS b, x.key AS a_key, y.key AS b_key, s.score, p.agreement
      FROM pair JOIN line x ON x.r = pair.a JOIN line y ON y.r = pair.b, LATERAL (VALUES (ARRAY[%5$s]::float8[])) p(agreement),
        LATERAL (SELECT avg(u) AS score FROM unnest(p.agreement) u) s
      WHERE s.score >= $1 ORDER BY x.n, y.n, s.score DESC, p.agreement),
    candidate AS (SELECT n, row_number() OVER (ORDER BY n) AS i FROM (SELECT a AS n FROM scored UNION SELECT b FROM scored) q)
    SELECT a.i::int AS a, b.i::int AS b, s.a_key, s.b_key, s.score, s.agreement, NULL::text AS unused, (SELECT count(*) FROM candidate) AS n
    FROM scored s JOIN candidate a ON a.n = s.a JOIN candidate b ON b.n = s.b
    UNION ALL
    SELECT NULL, NULL, NULL, NULL, NULL, NULL, ($3)[q.pass], count(*)
    FROM (SELECT DISTINCT pass, value FROM block WHERE size > $2) q GROUP BY q.pass
    ORDER BY score DESC, a, b, unused
  $query$, key_column,
    (SELECT string_agg(format('custprio.%I(t.%I::text) COLLATE "C"', CASE WHEN u.i > cardinality(equal_columns) AND u.i <= exact
        THEN 'phone_digits' ELSE 'plain_text' END, u.c), ', ' ORDER BY u.i) FROM unnest(columns) WITH ORDINALITY u(c, i)),
    (SELECT string_agg(format('l.v[%s]', array_position(columns, u.c)), ', ' ORDER BY u.i) FROM unnest(blocks) WITH ORDINALITY u(c, i)),
    relation,
    (SELECT string_agg(format(CASE WHEN i <= exact THEN '(x.v[%1$s] = y.v[%1$s])::int' ELSE '%2$s(x.v[%1$s], y.v[%1$s])' END, i, similarity), ', ' ORDER BY i)
     FROM generate_series(1, cardinality(compared)) i)) USING threshold, max_block, blocks
  LOOP
    IF found_pair.unused IS NOT NULL THEN
      RAISE WARNING 'rows were not compared by values of column "%" that more than % rows share', found_pair.unused, max_block
        USING DETAIL = format('Number of these values: %s.', found_pair.n),
          HINT = 'Name in "block_by" what tells more apart, or raise "max_block".';
      CONTINUE;
    END IF;
    IF cardinality(keys) = 0 THEN
      keys := array_fill(NULL::text, ARRAY[found_pair.n::int]);
      parents := array_fill(NULL::int, ARRAY[found_pair.n::int]);
      matches := keys;
      scores := array_fill(NULL::float8, ARRAY[found_pair.n::int]);
      agreements := array_fill(NULL::jsonb, ARRAY[found_pair.n::int]);
    END IF;
    -- the best pair of each comes first
    root := ARRAY[found_pair.a, found_pair.b];
    FOR side IN 1 .. 2 LOOP
      node := root[side];
      IF keys[node] IS NULL THEN
        keys[node] := CASE side WHEN 1 THEN found_pair.a_key ELSE found_pair.b_key END;
        parents[node] := node;
        matches[node] := CASE side WHEN 1 THEN found_pair.b_key ELSE found_pair.a_key END;
        scores[node] := found_pair.score;
        agreements[node] := (SELECT jsonb_object_agg(u.c, round(u.v::numeric, 4)) FROM unnest(compared, found_pair.agreement) u(c, v));
      END IF;
      WHILE parents[node] <> node LOOP
        parents[node] := parents[parents[node]];
        node := parents[node];
      END LOOP;
      root[side] := node;
    END LOOP;
    parents[greatest(root[1], root[2])] := least(root[1], root[2]);
  END LOOP;

  FOR i IN 1 .. cardinality(keys) LOOP
    node := i;
    WHILE parents[node] <> node LOOP
      node := parents[node];
    END LOOP;
    IF node <> i THEN
      alias := keys[i]; canonical := keys[node]; matched := matches[i]; score := scores[i]; agreement := agreements[i];
      RETURN NEXT;
    END IF;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION custprio.duplicate_candidates(regclass, name, name[], name[], name[], name[], float8, int) IS
  'keys of a relation that may be one customer: one row per alias, with the least key of its group as the canonical one, as set_aliases() takes them, and the key that matched best. Rows that share the value of a block_by column (of an equal or telephone column, unless given) are compared: the score is the mean agreement of the columns known in both, 1 or 0 for equal texts and telephone numbers, the similarity of trigrams (pg_trgm) for similar ones. Values that more than max_block rows share are passed over, with a warning. Look at the candidates before you merge them';
