-- A scorecard on one page.

CREATE FUNCTION custprio.report(name text, format text DEFAULT 'html') RETURNS text
  LANGUAGE plpgsql STABLE STRICT PARALLEL RESTRICTED
  SET search_path = pg_catalog, pg_temp
  SET datestyle = 'ISO, YMD'
AS $function$
DECLARE
  card record;
  section record;
  rows json[];
  as_of date;
  result text := '';
  html CONSTANT boolean := report.format = 'html';
BEGIN
  IF report.format NOT IN ('html', 'text') THEN
    RAISE EXCEPTION 'argument "format" must be "html" or "text"' USING ERRCODE = 'invalid_parameter_value',
      DETAIL = format('It is "%s".', report.format);
  END IF;
  SELECT s.scorecard_id, s.name, s.version, s.clv_horizon, s.clv_discount, s.clv_margin, s.clv_growth,
         format('%I.%I', s.schema_name, s.name || '_priority') AS priority,
         format('%I.%I', s.schema_name, s.name || '_tier_summary') AS summary
    INTO card FROM custprio.scorecard s WHERE s.name = report.name;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'scorecard "%" does not exist', name USING ERRCODE = 'undefined_object',
      HINT = 'SELECT name FROM custprio.scorecard lists the scorecards.';
  END IF;
  as_of := custprio.as_of(card.name);
  IF as_of IS NULL THEN
    RAISE EXCEPTION 'scorecard "%" has published nothing yet', name USING ERRCODE = 'object_not_in_prerequisite_state',
      HINT = 'Refresh it first.';
  END IF;

  IF html THEN
    result := format('<!DOCTYPE html>' || E'\n' || '<html lang="en"><head><meta charset="utf-8"/><title>%1$s</title><style>'
      || 'body{font:14px/1.4 sans-serif;margin:2em;max-width:70em}table{border-collapse:collapse;margin:0 0 1em}'
      || 'th,td{border:1px solid #ccc;padding:.2em .6em;text-align:right}th{background:#eee}td:first-child,th:first-child{text-align:left}'
      || '.bar{fill:#47a}.bar2{fill:#b73}</style></head><body>' || E'\n' || '<h1>%1$s</h1><p>as of %2$s</p>' || E'\n',
      replace(replace(replace(card.name, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), as_of);
  ELSE
    result := format(E'%s\nas of %s\n', card.name, as_of);
  END IF;

  -- Figures are those of the published tables and of the functions that are named; single customers are in none of them.
  FOR section IN
    SELECT v.title, v.query FROM (VALUES
      (1, 'Tiers', format('SELECT coalesce(tier, ''none'') AS tier, customers, share_of_customers, revenue, share_of_revenue, average_priority, average_order_value,'
          ' average_recency_days, average_p_alive, clv FROM %s', card.summary)),
      (2, 'Segments', format('SELECT coalesce(segment, stage, ''none'') AS segment, count(*) AS customers, sum(monetary) AS revenue, round(avg(priority), 2) AS average_priority,'
          ' sum(clv) AS clv FROM %s GROUP BY 1 ORDER BY 4 DESC NULLS LAST, 1', card.priority)),
      (3, 'Moves in the last 30 days', format('SELECT coalesce(from_tier::text, ''none'') AS from_tier, coalesce(to_tier::text, ''none'') AS to_tier, customers'
          ' FROM custprio.migration(%L, %L, %L) WHERE from_tier IS DISTINCT FROM to_tier', card.name, as_of - 30, as_of)),
      (4, 'Metrics', format('SELECT metric, customers, round(mean::numeric, 2) AS mean, round(minimum::numeric, 2) AS minimum, round(median::numeric, 2) AS median,'
          ' round(maximum::numeric, 2) AS maximum, round(gini::numeric, 3) AS gini, round(top_20_share::numeric, 3) AS top_20_share FROM custprio.describe(%L)', card.name)),
      (5, 'Weights', format('SELECT metric, weight FROM custprio.metric WHERE scorecard_id = %s ORDER BY weight DESC, metric', card.scorecard_id)),
      (6, 'Lifetime value', format('SELECT f.model, f.status, f.n AS customers, %L AS horizon, %L AS discount, %L AS margin, %L AS growth FROM custprio.clv_fit f'
          ' JOIN custprio.epoch e USING (scorecard_id, run_id) WHERE f.scorecard_id = %s ORDER BY 1', card.clv_horizon, card.clv_discount, card.clv_margin, card.clv_growth, card.scorecard_id)),
      (7, 'Data', CASE WHEN EXISTS (SELECT FROM custprio.refresh_run r WHERE r.scorecard_id = card.scorecard_id AND r.status = 'ok' AND r.mode = 'rebuild')
          THEN format('SELECT finding, status, found, total, explanation FROM custprio.quality(%L)', card.name) END)
    ) v(nth, title, query) WHERE v.query IS NOT NULL ORDER BY v.nth
  LOOP
    EXECUTE format('SELECT array_agg(row_to_json(q)) FROM (%s) q', section.query) INTO rows;
    CONTINUE WHEN rows IS NULL;
    IF html THEN
      result := result || format('<h2>%s</h2>', section.title) || E'\n' || (
        WITH cell AS (SELECT r.nth, c.key, c.col, replace(replace(replace(coalesce(c.value, ''), '&', '&amp;'), '<', '&lt;'), '>', '&gt;') AS value
                      FROM unnest(rows) WITH ORDINALITY r(row, nth), json_each_text(r.row) WITH ORDINALITY c(key, value, col))
        SELECT '<table><thead><tr>' || (SELECT string_agg('<th>' || replace(key, '_', ' ') || '</th>', '' ORDER BY col) FROM cell WHERE nth = 1)
          || '</tr></thead><tbody>' || string_agg(line, '' ORDER BY nth) || '</tbody></table>'
        FROM (SELECT nth, '<tr>' || string_agg('<td>' || value || '</td>', '' ORDER BY col) || '</tr>' || E'\n' AS line FROM cell GROUP BY nth) l) || E'\n';
    ELSE
      result := result || E'\n' || section.title || E'\n' || (
        WITH cell AS (SELECT r.nth, c.key, c.col, coalesce(c.value, '') AS value, greatest(max(length(coalesce(c.value, ''))) OVER (PARTITION BY c.col), length(c.key)) AS width
                      FROM unnest(rows) WITH ORDINALITY r(row, nth), json_each_text(r.row) WITH ORDINALITY c(key, value, col))
        SELECT (SELECT rtrim(string_agg(rpad(key, width), '  ' ORDER BY col)) FROM cell WHERE nth = 1) || E'\n' || string_agg(line, E'\n' ORDER BY nth)
        FROM (SELECT nth, rtrim(string_agg(CASE WHEN value ~ '^-?[0-9.]+$' THEN lpad(value, width) ELSE rpad(value, width) END, '  ' ORDER BY col)) AS line FROM cell GROUP BY nth) l) || E'\n';
    END IF;
    IF html AND section.title = 'Tiers' THEN
      result := result || (
        SELECT format('<svg xmlns="http://www.w3.org/2000/svg" width="620" height="%s" role="img" aria-label="shares of customers and revenue by tier">', 46 * count(*) + 10)
          || string_agg(format('<text x="0" y="%1$s">%2$s</text><rect class="bar" x="30" y="%3$s" width="%4$s" height="16"><title>%5$s of customers</title></rect>'
            || '<rect class="bar2" x="30" y="%6$s" width="%7$s" height="16"><title>%8$s of revenue</title></rect>',
            46 * (nth - 1) + 24, t.row ->> 'tier', 46 * (nth - 1) + 6, round(coalesce(greatest((t.row ->> 'share_of_customers')::numeric, 0), 0) * 580, 1),
            coalesce(t.row ->> 'share_of_customers', '0'), 46 * (nth - 1) + 24,
            round(least(coalesce(greatest((t.row ->> 'share_of_revenue')::numeric, 0), 0), 1) * 580, 1), coalesce(t.row ->> 'share_of_revenue', '0')), '' ORDER BY nth)
          || '</svg><p>Bars: share of customers above, share of revenue below.</p>' || E'\n'
        FROM unnest(rows) WITH ORDINALITY t(row, nth) WHERE t.row ->> 'tier' <> 'none');
    END IF;
  END LOOP;
  RETURN result || CASE WHEN html THEN '</body></html>' ELSE '' END;
END
$function$;
COMMENT ON FUNCTION custprio.report(text, text) IS
  'a scorecard on one page, as html without anything from elsewhere, or as text: tiers, segments, moves, metrics, weights, fits and the quality of the data; single customers are not in it';
