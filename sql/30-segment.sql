-- Segment maps: which RFM scores make up which segment. A map is data, checked when it is defined and when it is used.

CREATE TABLE custprio.segment_map (
  map           text NOT NULL,
  bins          int NOT NULL CHECK (bins BETWEEN 2 AND 9),
  split         text NOT NULL CHECK (split IN ('quantile', 'mean')),
  position      int NOT NULL CHECK (position > 0),
  segment       text NOT NULL CHECK (segment <> ''),
  codes         custprio.rfm_score[] NOT NULL CHECK (pg_catalog.cardinality(codes) > 0),
  built_in      boolean NOT NULL DEFAULT false,
  owner_name    text,
  PRIMARY KEY (map, position),
  UNIQUE (map, segment),
  CHECK (split <> 'mean' OR bins = 2)
);
COMMENT ON TABLE custprio.segment_map IS 'segments by map: each map puts every RFM code of its bins into exactly one segment; write it with create_segment_map()';
COMMENT ON COLUMN custprio.segment_map.map IS 'name of the map; rfm_... are built in';
COMMENT ON COLUMN custprio.segment_map.bins IS 'the digits of the codes run from 1 to this';
COMMENT ON COLUMN custprio.segment_map.split IS 'how values become digits: quantile, or mean (2 is above the mean, 1 is not)';
COMMENT ON COLUMN custprio.segment_map.position IS 'order of the segments within the map, as defined';
COMMENT ON COLUMN custprio.segment_map.segment IS 'name of the segment';
COMMENT ON COLUMN custprio.segment_map.codes IS 'the RFM scores of the segment';
COMMENT ON COLUMN custprio.segment_map.built_in IS 'comes with the extension; cannot be dropped and is not dumped';
COMMENT ON COLUMN custprio.segment_map.owner_name IS 'role that created the map and may drop it; NULL for built-in maps';
GRANT SELECT ON custprio.segment_map TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('custprio.segment_map', 'WHERE NOT built_in');

-- The default: 11 segments over the 125 codes of five bins, as marketing tools commonly draw them.
INSERT INTO custprio.segment_map (map, bins, split, position, segment, codes, built_in) VALUES
  ('rfm_11', 5, 'quantile', 1, 'Champions', '{555,554,544,545,454,455,445}', true),
  ('rfm_11', 5, 'quantile', 2, 'Loyal Customers', '{543,444,435,355,354,345,344,335}', true),
  ('rfm_11', 5, 'quantile', 3, 'Potential Loyalists',
   '{553,551,552,541,542,533,532,531,452,451,442,441,431,453,433,432,423,353,352,351,342,341,333,323}', true),
  ('rfm_11', 5, 'quantile', 4, 'New Customers', '{512,511,422,421,412,411,311}', true),
  ('rfm_11', 5, 'quantile', 5, 'Promising',
   '{525,524,523,522,521,515,514,513,425,424,413,414,415,315,314,313}', true),
  ('rfm_11', 5, 'quantile', 6, 'Need Attention', '{535,534,443,434,343,334,325,324}', true),
  ('rfm_11', 5, 'quantile', 7, 'About To Sleep', '{331,321,312,221,213,231,241,251}', true),
  ('rfm_11', 5, 'quantile', 8, 'At Risk',
   '{255,254,245,244,253,252,243,242,235,234,225,224,153,152,145,143,142,135,134,133,125,124}', true),
  ('rfm_11', 5, 'quantile', 9, 'Cannot Lose Them', '{155,154,144,214,215,115,114,113}', true),
  ('rfm_11', 5, 'quantile', 10, 'Hibernating', '{332,322,233,232,223,222,132,123,122,212,211}', true),
  ('rfm_11', 5, 'quantile', 11, 'Lost', '{111,112,121,131,141,151}', true);

-- Each of recency, frequency and monetary is above the mean (2) or not (1). Monetary decides important or general;
-- recency and frequency decide value (both high), development (buys recently, seldom), retention (often, not recently)
-- and win-back (neither).
INSERT INTO custprio.segment_map (map, bins, split, position, segment, codes, built_in) VALUES
  ('rfm_8_mean', 2, 'mean', 1, 'Important Value', '{222}', true),
  ('rfm_8_mean', 2, 'mean', 2, 'Important Development', '{212}', true),
  ('rfm_8_mean', 2, 'mean', 3, 'Important Retention', '{122}', true),
  ('rfm_8_mean', 2, 'mean', 4, 'Important Win-back', '{112}', true),
  ('rfm_8_mean', 2, 'mean', 5, 'General Value', '{221}', true),
  ('rfm_8_mean', 2, 'mean', 6, 'General Development', '{211}', true),
  ('rfm_8_mean', 2, 'mean', 7, 'General Retention', '{121}', true),
  ('rfm_8_mean', 2, 'mean', 8, 'General Win-back', '{111}', true);

-- Three bins, six groups, from recency and the sum of frequency and monetary (2 to 6). Champions: recency 3, sum 5 or
-- more. Loyal: recency 3 and sum 4, or recency 2 and sum 5 or more. Recent: recency 3, sum 3 or less. Needs Attention:
-- recency 2, sum 4 or less. At Risk: recency 1, sum 4 or more. Inactive: the rest. A higher digit never leads to a
-- group that stands later in the list.
INSERT INTO custprio.segment_map (map, bins, split, position, segment, codes, built_in) VALUES
  ('rfm_6', 3, 'quantile', 1, 'Champions', '{333,332,323}', true),
  ('rfm_6', 3, 'quantile', 2, 'Loyal', '{331,322,313,233,232,223}', true),
  ('rfm_6', 3, 'quantile', 3, 'Recent', '{321,312,311}', true),
  ('rfm_6', 3, 'quantile', 4, 'Needs Attention', '{231,222,213,221,212,211}', true),
  ('rfm_6', 3, 'quantile', 5, 'At Risk', '{133,132,123,131,122,113}', true),
  ('rfm_6', 3, 'quantile', 6, 'Inactive', '{121,112,111}', true);

CREATE FUNCTION custprio.create_segment_map(map text, bins int, segments jsonb, split text DEFAULT 'quantile') RETURNS void
  AS 'MODULE_PATHNAME', 'custprio_create_segment_map' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.create_segment_map(text, int, jsonb, text) IS 'define a segment map, best segment first: [{"segment": "Champions", "codes": ["555", "554"]}, ...]; every code of the bins must be in exactly one segment';
CREATE FUNCTION custprio.drop_segment_map(map text) RETURNS void
  AS 'MODULE_PATHNAME', 'custprio_drop_segment_map' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION custprio.drop_segment_map(text) IS 'remove a segment map that no scorecard uses; its owner only';
CREATE FUNCTION custprio.rfm_segment(score custprio.rfm_score, map text DEFAULT 'rfm_11') RETURNS text
  AS 'MODULE_PATHNAME', 'custprio_rfm_segment' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.rfm_segment(custprio.rfm_score, text) IS 'name of the segment into which a segment map puts an RFM score';
