-- report(): well-formed, self-contained, and its figures are those of the tables.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(16);

CREATE TABLE people (id int);
CREATE TABLE orders (customer int, at date, amount numeric(10,2));
INSERT INTO people SELECT generate_series(900001, 900130);
SELECT setseed(0.4);
INSERT INTO orders SELECT 900001 + floor(100 * random() * random()), date '2025-01-01' + floor(random() * 350)::int, round((random() * 100)::numeric, 2) FROM generate_series(1, 900);
SELECT create_scorecard('a <b> & c', 'orders', 'customer', 'at', 'amount', every => NULL, time_zone => 'UTC', customers => 'people', customers_key => 'id');
SELECT throws_ok($$ SELECT report('a <b> & c') $$, '55000', NULL, 'there is nothing to report before the first refresh');
SELECT refresh('a <b> & c', as_of => '2025-11-01');
SELECT refresh('a <b> & c', as_of => '2025-12-31');
CREATE TEMP TABLE page AS SELECT report('a <b> & c') AS html, report('a <b> & c', 'text') AS text;

-- as a document
CREATE FUNCTION pg_temp.find(path text) RETURNS text[] LANGUAGE sql AS $$ SELECT xpath(path, xmlparse(DOCUMENT substr(html, strpos(html, '<html'))))::text[] FROM page $$;
CREATE FUNCTION pg_temp.cells(title text, col int) RETURNS text[] LANGUAGE sql AS $$
  SELECT pg_temp.find(format('//h2[.="%s"]/following-sibling::table[1]/tbody/tr/td[%s]/text()', title, col)) $$;
SELECT matches(html, '^<!DOCTYPE html>') FROM page;
SELECT is(pg_temp.find('/html/body/h1/text()'), ARRAY['a &lt;b&gt; &amp; c'], 'well-formed, names escaped');
SELECT is(pg_temp.find('//h2/text()'), ARRAY['Tiers', 'Segments', 'Moves in the last 30 days', 'Metrics', 'Weights', 'Lifetime value', 'Data'], 'its chapters');
SELECT is(pg_temp.find('//@href | //@src | //script | //link'), '{}', 'nothing from elsewhere, and no script');
SELECT is(pg_temp.cells('Tiers', 1), ARRAY(SELECT coalesce(tier, 'none') FROM "a <b> & c_tier_summary"), 'tiers');
SELECT is(pg_temp.cells('Tiers', 2)::bigint[], ARRAY(SELECT customers FROM "a <b> & c_tier_summary"), 'their customers');
SELECT is(pg_temp.cells('Tiers', 4)::numeric[], ARRAY(SELECT revenue FROM "a <b> & c_tier_summary"), 'their revenue');
SELECT is((SELECT sum(n) FROM unnest(pg_temp.cells('Segments', 2)::bigint[]) n), (SELECT count(*) FROM "a <b> & c_priority")::numeric, 'segments make up all customers');
SELECT is((SELECT sum(n) FROM unnest(pg_temp.cells('Moves in the last 30 days', 3)::bigint[]) n), (SELECT sum(customers) FROM migration('a <b> & c', '2025-12-01', '2025-12-31') WHERE from_tier IS DISTINCT FROM to_tier), 'moves');
SELECT is(pg_temp.cells('Data', 3)::bigint[], ARRAY(SELECT found FROM quality('a <b> & c')), 'findings about the data');
SELECT is(array_length(pg_temp.find('//*[local-name()="rect"]'), 1), 2 * (SELECT count(tier)::int FROM "a <b> & c_tier_summary"), 'two bars for each tier');
SELECT is((SELECT count(*) FROM page, people WHERE strpos(html, id::text) > 0 OR strpos(text, id::text) > 0), 0::bigint, 'no single customer');
-- as text
SELECT matches(text, E'^a <b> & c\nas of 2025-12-31\n\nTiers\ntier .*\nA ') FROM page;
SELECT throws_ok($$ SELECT report('a <b> & c', 'pdf') $$, '22023', NULL, 'another format');
SELECT throws_ok($$ SELECT report('nobody') $$, '42704', NULL, 'a scorecard that does not exist');
SELECT * FROM finish();
ROLLBACK;
