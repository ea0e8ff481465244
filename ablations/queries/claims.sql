-- What came of every claim that was put to the test?
SELECT w.name AS sweep, w.claim, v.expected, v.side, v.stratum, v.n AS seeds, round(v.mean, 4) AS difference,
       round(v.low, 4) AS low, round(v.high, 4) AS high, v.verdict, v.more_seeds, v.note
FROM verdict AS v JOIN sweep AS w ON w.name = v.sweep ORDER BY w.id, v.metric, v.side, v.stratum;
