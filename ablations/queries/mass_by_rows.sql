-- What does first mass follow: rows seen, or tokens seen?
-- Mean over heads, and the largest head's, over the runs of an arm, averaged over the 20 updates that end where a run has seen
-- 1, 2, 4, ... rows of model.context tokens (at the first update past that). Arms of several contexts agree by rows or by tokens.
WITH mass AS (
    SELECT run_id, step, avg(first_mass) AS mass, max(first_mass) AS largest FROM step_head GROUP BY run_id, step
), smooth AS (
    SELECT run_id, step, avg(mass) OVER past20 AS mass, avg(largest) OVER past20 AS largest
    FROM mass WINDOW past20 AS (PARTITION BY run_id ORDER BY step ROWS BETWEEN 19 PRECEDING AND CURRENT ROW)
), seen AS (
    SELECT m.run_id, s.tokens, m.mass, m.largest, CAST(r.config ->> '$.model.context' AS INTEGER) AS T,
           CAST(floor(log2(s.tokens / CAST(r.config ->> '$.model.context' AS REAL))) AS INTEGER) AS power
    FROM smooth AS m JOIN step AS s USING (run_id, step) JOIN run AS r ON r.id = m.run_id
), first AS (
    SELECT *, row_number() OVER (PARTITION BY run_id, power ORDER BY tokens) AS place FROM seen WHERE power >= 0
)
SELECT a.arm, f.T, min(f.tokens) / f.T AS rows, min(f.tokens) AS tokens, count(*) AS runs, round(avg(f.mass), 4) AS mass,
       round(avg(f.largest), 4) AS largest_head
FROM first AS f JOIN arm AS a USING (run_id) WHERE f.place = 1 GROUP BY a.arm, f.T, f.power ORDER BY a.arm, f.T, f.power;
