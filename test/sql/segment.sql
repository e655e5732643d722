SET search_path = custprio, public;

-- The built-in maps
SELECT map, bins, split, count(*) AS segments, sum(cardinality(codes)) AS codes, bool_and(built_in) AS built_in
FROM segment_map WHERE built_in GROUP BY 1, 2, 3 ORDER BY 1;
SELECT position, segment, cardinality(codes) FROM segment_map WHERE map = 'rfm_11' ORDER BY position;
SELECT position, segment, codes FROM segment_map WHERE map = 'rfm_8_mean' ORDER BY position;
SELECT position, segment, codes FROM segment_map WHERE map = 'rfm_6' ORDER BY position;

-- Looking up
SELECT rfm_segment('555'), rfm_segment('543'), rfm_segment('111'), rfm_segment('155');
SELECT rfm_segment('543', 'rfm_11'), rfm_segment('333', 'rfm_6'), rfm_segment('212', map => 'rfm_8_mean');
SELECT rfm_segment(NULL), rfm_segment('543', NULL);
SELECT m, rfm_segment('222', m) FROM unnest('{rfm_6,rfm_11,rfm_8_mean,NULL,rfm_6,rfm_11}'::text[]) m;
SELECT rfm_segment('611');
SELECT rfm_segment('434', 'rfm_6');
SELECT rfm_segment('543', 'no such map');
SELECT rfm_segment('543', '');

-- A map of one's own, in the order given; codes as strings or numbers
SELECT create_segment_map('halves', 2, '[{"segment": "Now", "codes": ["222", 221, "212", "211"]},
                                         {"segment": "Then \"x\"", "codes": [122, 121, 112, 111]}]');
SELECT map, bins, split, position, segment, codes, built_in, owner_name = current_user AS mine
FROM segment_map WHERE map = 'halves' ORDER BY position;
SELECT rfm_segment('211', 'halves'), rfm_segment('122', 'halves');
SELECT create_segment_map('halves', 2, '[{"segment": "All", "codes": [111,112,121,122,211,212,221,222]}]');
SELECT create_segment_map(map => 'one', bins => 2, split => 'mean',
                          segments => '[{"codes": [111,112,121,122,211,212,221,222], "segment": "All"}]');
SELECT split, segment FROM segment_map WHERE map = 'one';
SELECT create_segment_map('nine', 9, jsonb_agg(jsonb_build_object('segment', 'R' || r, 'codes', codes) ORDER BY r DESC))
FROM (SELECT r, jsonb_agg(100 * r + 10 * f + m) AS codes
      FROM generate_series(1, 9) r, generate_series(1, 9) f, generate_series(1, 9) m GROUP BY r) s;
SELECT rfm_segment('987', 'nine'), rfm_segment('119', 'nine');

-- A map must be a partition of its codes
SELECT create_segment_map('bad', 2, '[{"segment": "Now", "codes": [222, 221, 212, 211]}]');
SELECT create_segment_map('bad', 5, '[{"segment": "Now", "codes": [555]}]');
SELECT create_segment_map('bad', 2, '[{"segment": "Now", "codes": [222, 221, 212, 211, 311, 123]},
                                      {"segment": "Then", "codes": [122, 121, 112, 111]}]');
SELECT create_segment_map('bad', 2, '[{"segment": "Now", "codes": [222, 221, 212, 211]},
                                      {"segment": "Then", "codes": [222, 122, 121, 112, 111]}]');
SELECT create_segment_map('bad', 2, '[{"segment": "Now", "codes": [222, 221, 212, 211, 222]},
                                      {"segment": "Then", "codes": [122, 121, 112, 111]}]');
SELECT create_segment_map('bad', 2, '[{"segment": "Now", "codes": [222, 221, 212, 211]},
                                      {"segment": "Now", "codes": [122, 121, 112, 111]}]');
SELECT create_segment_map('bad', 2, '[{"segment": "Now", "codes": [222, 221, 212, 211, 122, 121, 112, 111]},
                                      {"segment": "Never", "codes": []}]');
SELECT create_segment_map('bad', 2, jsonb_agg(jsonb_build_object('segment', 'S' || i, 'codes', '[111]'::jsonb)))
FROM generate_series(1, 9) i;
SELECT create_segment_map('bad', 2, '[]');

-- Other faults of the argument
SELECT create_segment_map('bad', 2, '{"Now": [111]}');
SELECT create_segment_map('bad', 2, '"Now"');
SELECT create_segment_map('bad', 2, 'null');
SELECT create_segment_map('bad', 2, '[1]');
SELECT create_segment_map('bad', 2, '[["Now", 111]]');
SELECT create_segment_map('bad', 2, '[{"segment": "Now"}]');
SELECT create_segment_map('bad', 2, '[{"segment": "Now", "code": [111]}]');
SELECT create_segment_map('bad', 2, '[{"segment": "Now", "codes": [111], "colour": "red"}]');
SELECT create_segment_map('bad', 2, '[{"segment": 1, "codes": [111]}]');
SELECT create_segment_map('bad', 2, '[{"segment": "Now", "codes": "111"}]');
SELECT create_segment_map('bad', 2, '[{"segment": "Now", "codes": {"111": 1}}]');
SELECT create_segment_map('bad', 2, '[{"segment": "Now", "codes": [null]}]');
SELECT create_segment_map('bad', 2, '[{"segment": "Now", "codes": [[111]]}]');
SELECT create_segment_map('bad', 2, '[{"segment": "Now", "codes": ["11"]}]');
SELECT create_segment_map('bad', 2, '[{"segment": "Now", "codes": [101]}]');
SELECT create_segment_map('bad', 2, '[{"segment": "Now", "codes": [1111]}]');
SELECT create_segment_map('bad', 2, '[{"segment": "Now", "codes": [-11]}]');
SELECT create_segment_map('bad', 2, '[{"segment": "Now", "codes": [111.0]}]');
SELECT create_segment_map('bad', 2, '[{"segment": "", "codes": [111]}]');
SELECT create_segment_map('bad', 2, '[{"segment": "Now ", "codes": [111]}]');
SELECT create_segment_map('bad', 2, '[{"segment": "Now\n", "codes": [111]}]');
SELECT create_segment_map('', 2, '[]');
SELECT create_segment_map(repeat('x', 64), 2, '[]');
SELECT create_segment_map('rfm_12', 2, '[]');
SELECT create_segment_map('rfm_11', 5, '[]');
SELECT create_segment_map('bad', 1, '[]');
SELECT create_segment_map('bad', 10, '[]');
SELECT create_segment_map('bad', 2, '[]', 'median');
SELECT create_segment_map('bad', 3, '[]', 'mean');
SELECT create_segment_map(NULL, 2, '[]');
SELECT create_segment_map('bad', NULL, '[]');
SELECT create_segment_map('bad', 2, NULL);
SELECT create_segment_map('bad', 2, '[]', NULL);
SELECT count(*) FROM segment_map WHERE map = 'bad';

-- Dropping
SELECT drop_segment_map('one');
SELECT drop_segment_map('one');
SELECT drop_segment_map('rfm_11');
SELECT drop_segment_map(NULL);
SELECT drop_segment_map('nine');

-- An expression of PL/pgSQL lives as long as the transaction, and follows a map that changes meanwhile
DO $$
DECLARE
  score custprio.rfm_score := '222';
BEGIN
  FOR i IN 1..3 LOOP
    PERFORM custprio.drop_segment_map('halves');
    PERFORM custprio.create_segment_map('halves', 2, jsonb_build_array(jsonb_build_object(
      'segment', 'All ' || i, 'codes', '[111,112,121,122,211,212,221,222]'::jsonb)));
    RAISE NOTICE '%', custprio.rfm_segment(score, 'halves');
  END LOOP;
END $$;

-- A map that a scorecard uses stays
BEGIN;
CREATE TABLE public.segment_orders (customer int, ordered_on date, amount int);
SELECT create_segment_map('in use', 2, '[{"segment": "All", "codes": [111,112,121,122,211,212,221,222]}]');
SELECT create_scorecard('segment_test', 'segment_orders', 'customer', 'ordered_on', 'amount', segment_map => 'in use', schema => 'public');
SAVEPOINT s;
SELECT drop_segment_map('in use');
ROLLBACK TO s;
SELECT rfm_segment('111', 'in use');
ROLLBACK;

-- Who may do what
CREATE ROLE regress_custprio_maker;
CREATE ROLE regress_custprio_other;
SET ROLE regress_custprio_maker;
SELECT create_segment_map('theirs', 2, '[{"segment": "All", "codes": [111,112,121,122,211,212,221,222]}]');
SELECT owner_name FROM segment_map WHERE map = 'theirs';
INSERT INTO segment_map SELECT * FROM segment_map;
UPDATE segment_map SET segment = 'x';
DELETE FROM segment_map;
TRUNCATE segment_map;
SET ROLE regress_custprio_other;
SELECT rfm_segment('111', 'theirs');
SELECT drop_segment_map('theirs');
SELECT drop_segment_map('halves');
RESET ROLE;
GRANT regress_custprio_maker TO regress_custprio_other;
SET ROLE regress_custprio_other;
SELECT drop_segment_map('theirs');
SET ROLE regress_custprio_maker;
SELECT create_segment_map('theirs', 2, '[{"segment": "All", "codes": [111,112,121,122,211,212,221,222]}]');
RESET ROLE;
-- A map whose creator is gone is the extension owner's
DROP ROLE regress_custprio_maker;
SET ROLE regress_custprio_other;
SELECT drop_segment_map('theirs');
RESET ROLE;
SELECT drop_segment_map('theirs');
DROP ROLE regress_custprio_other;

-- Objects of the caller's search_path change nothing
CREATE SCHEMA evil;
CREATE TABLE evil.segment_map (map text, bins int, split text, segment text, codes rfm_score[], position int);
CREATE FUNCTION evil.texteq(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'ran as %', current_user; END $$;
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.texteq);
CREATE FUNCTION evil.unnest(text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RAISE 'ran as %', current_user; END $$;
SET search_path = evil, pg_catalog, custprio;
SELECT custprio.rfm_segment('543');
SELECT custprio.drop_segment_map('halves');
SELECT custprio.create_segment_map('halves', 2, '[{"segment": "All", "codes": [111,112,121,122,211,212,221,222]}]');
SELECT custprio.drop_segment_map('halves');
SET search_path = custprio, public;
DROP SCHEMA evil CASCADE;

-- A map that a superuser broke by hand is noticed where it is used
BEGIN;
UPDATE segment_map SET codes = array_remove(codes, '543') WHERE map = 'rfm_11';
SAVEPOINT s;
SELECT rfm_segment('555');
ROLLBACK TO s;
UPDATE segment_map SET codes = codes || '{543,555,555}' WHERE map = 'rfm_11' AND segment = 'Lost';
SAVEPOINT s;
SELECT rfm_segment('555');
ROLLBACK TO s;
UPDATE segment_map SET codes = codes || '{611}' WHERE map = 'rfm_11' AND segment = 'Lost';
SAVEPOINT s;
SELECT rfm_segment('555');
ROLLBACK TO s;
UPDATE segment_map SET codes = codes || '{NULL}' WHERE map = 'rfm_11' AND segment = 'Lost';
SAVEPOINT s;
SELECT rfm_segment('555');
ROLLBACK TO s;
UPDATE segment_map SET bins = 4 WHERE map = 'rfm_11' AND segment = 'Lost';
SAVEPOINT s;
SELECT rfm_segment('555');
ROLLBACK TO s;
INSERT INTO segment_map VALUES ('rfm_6', 3, 'quantile', 7, 'Void', '{}', true);
ROLLBACK;
SELECT rfm_segment('555');
