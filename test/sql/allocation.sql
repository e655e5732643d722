-- largest_remainder and greedy_allocation: exact sums, bounds, reasons, refusals.
\set VERBOSITY default
SET search_path = custprio, public;
-- 100,000 votes and 10 seats: the remainders decide
SELECT * FROM largest_remainder('{47000,16000,15800,12000,6100,3100}', 10);
SELECT * FROM largest_remainder('{1,1,1}', 100);
SELECT * FROM largest_remainder('{1,2,3}', 0);
SELECT * FROM largest_remainder('{0.1,0.2,0.7}', 10);
-- equal remainders: the larger share, then the earlier one
SELECT * FROM largest_remainder('{1,3}', 2);
SELECT * FROM largest_remainder('{0,0,5}', 7);
-- bounds; what they take or leave goes to the others
SELECT * FROM largest_remainder('{8,1,1}', 10, floors => '{0,2,2}');
SELECT * FROM largest_remainder('{8,1,1}', 10, caps => '{4,NULL,NULL}');
SELECT * FROM largest_remainder('{8,1,1}', 10, '{NULL,3,0}', '{5,NULL,2}');
SELECT * FROM largest_remainder('{5,5,0}', 10, '{0,0,3}');
SELECT * FROM largest_remainder('{1,1}', 4, '{2,2}', '{2,2}');
SELECT * FROM largest_remainder('{3}', 9223372036854775807);
SELECT * FROM largest_remainder('{1e-300,1e300}', 3);
-- the reasons why not
SELECT * FROM largest_remainder('{8,1,1}', 10, '{4,4,4}');
SELECT * FROM largest_remainder('{8,1,1}', 10, caps => '{4,3,2}');
SELECT * FROM largest_remainder('{0,0}', 5);
SELECT * FROM largest_remainder('{0,0}', 5, '{2,3}');
SELECT * FROM largest_remainder('{}', 5);
SELECT * FROM largest_remainder('{}', 0);
SELECT * FROM largest_remainder('{1,1}', 10, '{9223372036854775807,9223372036854775807}');
-- refused
SELECT * FROM largest_remainder(NULL, 5);
SELECT * FROM largest_remainder('{1}', NULL);
SELECT * FROM largest_remainder('{1}', -5);
SELECT * FROM largest_remainder('{1,-1}', 5);
SELECT * FROM largest_remainder('{1,NULL}', 5);
SELECT * FROM largest_remainder('{1,NaN}', 5);
SELECT * FROM largest_remainder('{1,Infinity}', 5);
SELECT * FROM largest_remainder('{{1,2}}', 5);
SELECT * FROM largest_remainder('{1,2}', 5, '{1}');
SELECT * FROM largest_remainder('{1,2}', 5, '{-1,0}');
SELECT * FROM largest_remainder('{1,2}', 5, caps => '{1,-2}');
SELECT * FROM largest_remainder('{1,2}', 5, caps => '{1,2,3}');
SELECT * FROM largest_remainder('{1,2}', 5, '{3,0}', '{2,9}');

SELECT * FROM greedy_allocation('{{9,5,1},{6,6,0},{4,3,2}}', 5);
SELECT * FROM greedy_allocation('{{9,5,1},{6,6,0},{4,3,2}}', 3);
SELECT * FROM greedy_allocation('{{9,5,1},{6,6,0},{4,3,-2}}', 20);
SELECT * FROM greedy_allocation('{{1,1},{1,1}}', 1);
SELECT * FROM greedy_allocation('{{9,5}}', 0);
SELECT * FROM greedy_allocation('{{9,5}}', NULL);
SELECT * FROM greedy_allocation('{{9,5}}', -1);
SELECT * FROM greedy_allocation('{{9,5},{1,2}}', 3);
SELECT * FROM greedy_allocation('{{9,NULL}}', 3);
SELECT * FROM greedy_allocation('{9,5}', 3);
SELECT * FROM greedy_allocation('{{9,NaN}}', 3);
