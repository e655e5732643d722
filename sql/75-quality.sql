-- How good the data are that scores are made of.

CREATE FUNCTION custprio.quality(name text)
  RETURNS TABLE (finding text, status text, found bigint, total bigint, share numeric, explanation text)
  LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  card record;
  run custprio.refresh_run;
BEGIN
  SELECT s.scorecard_id, format('%I.%I', s.schema_name, s.name || '_priority') AS priority, s.time_zone, s.customers,
         custprio.as_of(s.name) AS as_of INTO card
    FROM custprio.scorecard s WHERE s.name = quality.name;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'scorecard "%" does not exist', name USING ERRCODE = 'undefined_object',
      HINT = 'SELECT name FROM custprio.scorecard lists the scorecards.';
  END IF;
  SELECT r.* INTO run FROM custprio.refresh_run r
    WHERE r.scorecard_id = card.scorecard_id AND r.status = 'ok' AND r.mode = 'rebuild' ORDER BY r.run_id DESC LIMIT 1;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no run of scorecard "%" has read its whole source', name
      USING ERRCODE = 'object_not_in_prerequisite_state',
      HINT = 'Refresh it with mode "rebuild". Only members of its owner''s role and of pg_monitor see runs.';
  END IF;

  -- rows that were left out, each a defect of the source
  RETURN QUERY
    SELECT f.finding, CASE WHEN f.found > 0 THEN 'warning' ELSE 'ok' END, f.found, run.rows_read,
           round(f.found / nullif(run.rows_read, 0)::numeric, 6), f.explanation
    FROM (VALUES
      (1, 'null_customer', run.null_customer, 'rows without customer, left out'),
      (2, 'null_time', run.null_time, 'rows without time, left out'),
      (3, 'null_amount', run.null_amount, 'rows without amount, left out'),
      (4, 'nan_amount', run.nan_amount, 'rows whose amount is NaN, left out'),
      (5, 'infinite_amount', run.infinite_amount, 'rows whose amount is infinite, left out'),
      (6, 'infinite_time', run.infinite_time, 'rows whose time is infinite or out of range, left out'),
      (7, 'future_rows', run.future_rows, format('rows of days after %s: orders in advance, or clocks and time zones that are wrong', run.as_of))
    ) f(nth, finding, found, explanation) ORDER BY f.nth;
  RETURN QUERY
    SELECT f.finding, CASE WHEN f.found > f.bound * f.total THEN 'warning' ELSE 'ok' END, f.found, f.total,
           round(f.found / nullif(f.total, 0)::numeric, 6), f.explanation
    FROM (VALUES
      (1, 'filtered_by_history', run.filtered_by_history, run.rows_read, 1, 'rows before the history, or before the regime that applies, left out as declared'),
      (2, 'returns', run.returns, run.purchases + run.returns, 0.3, 'rows with a negative amount among those that count'),
      (3, 'orphans', run.orphans, run.buyers, 0, 'buyers whom the relation of customers does not have'),
      (4, 'without_purchase', run.customers - run.buyers, run.customers, 1, 'customers without any purchase that counts'),
      (5, 'run_warnings', coalesce(array_length(run.warnings, 1), 0), NULL, 0,
       coalesce(array_to_string(run.warnings, '; '), 'what the run warned of'))
    ) f(nth, finding, found, total, bound, explanation)
    WHERE f.nth <> 3 OR card.customers IS NOT NULL ORDER BY f.nth;

  -- what the published customers look like
  RETURN QUERY EXECUTE format($query$
    SELECT f.finding, CASE WHEN f.bad THEN 'warning' ELSE 'ok' END, f.found, f.total, round(f.found / nullif(f.total, 0)::numeric, 6), f.explanation
    FROM (SELECT count(*) AS buyers, count(*) FILTER (WHERE monetary < 0) AS negative, count(*) FILTER (WHERE monetary = 0) AS zero,
            max(monetary) AS largest, sum(monetary) FILTER (WHERE monetary > 0) AS revenue,
            $1 - (max(last_purchase) AT TIME ZONE $2)::date AS days
          FROM %s WHERE tier IS NOT NULL) p,
      LATERAL (VALUES
        (1, 'negative_revenue', p.negative, p.buyers, p.negative > 0, 'buyers who returned more than they bought'),
        (2, 'zero_revenue', p.zero, p.buyers, p.zero > p.buyers * 0.05, 'buyers without revenue: gifts, tests, or amounts that are kept elsewhere'),
        (3, 'largest_customer', CASE WHEN p.revenue > 0 THEN 1 ELSE 0 END::bigint, p.buyers, coalesce(p.largest > p.revenue * 0.5, false),
         format('the largest customer has %%s of %%s: above one half it may be a counter or a test account', coalesce(p.largest, 0), coalesce(p.revenue, 0))),
        (4, 'days_without_purchase', p.days::bigint, NULL::bigint, coalesce(p.days > 7, false),
         format('days from the latest purchase of anybody to %%s: more than a week may be a feed that stands still', $1))
      ) f(nth, finding, found, total, bad, explanation) ORDER BY f.nth$query$, card.priority)
    USING card.as_of, card.time_zone;
END
$function$;
COMMENT ON FUNCTION custprio.quality(text) IS
  'findings about the data of a scorecard: what the last run over the whole source left out and counted, and what is odd in what is published; status is ok or warning';
