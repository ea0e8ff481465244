-- What does first mass follow: rows seen, or tokens seen?
-- Mean over heads, and the largest head's, over the runs of an arm, averaged over the 20 updates that end where a run has seen
-- 1, 2, 4, ... rows of model.context tokens (at the first update past that). Arms of several contexts agree by rows or by tokens.
WITH RECURSIVE length AS (
    SELECT id AS run_id, CAST(config ->> '$.model.context' AS INTEGER) AS T FROM run
), seen (run_id, T, power, step) AS ( -- the first update past each power of two of rows
    SELECT run_id, T, 0, 1 FROM length
    UNION ALL
    SELECT run_id, T, power + 1,
           (SELECT s.step FROM step AS s WHERE s.run_id = seen.run_id AND s.step >= seen.step AND s.tokens >= (2 << power) * T
            ORDER BY s.step LIMIT 1)
    FROM seen WHERE step IS NOT NULL
), first AS ( -- an update past several powers at once counts for the last
    SELECT run_id, T, max(power) AS power, step FROM seen WHERE step IS NOT NULL GROUP BY run_id, step
), mass AS (
    SELECT f.run_id, f.T, f.power, f.step, avg(h.first_mass) AS mass, max(h.first_mass) AS largest
    FROM first AS f CROSS JOIN step_head AS h ON h.run_id = f.run_id AND h.step BETWEEN f.step - 19 AND f.step GROUP BY f.run_id, f.step, h.step
), smooth AS (
    SELECT run_id, T, power, step, avg(mass) AS mass, avg(largest) AS largest FROM mass GROUP BY run_id, step
)
SELECT a.arm, m.T, min(s.tokens) / m.T AS rows, min(s.tokens) AS tokens, count(*) AS runs, round(avg(m.mass), 4) AS mass,
       round(avg(m.largest), 4) AS largest_head
FROM smooth AS m JOIN step AS s USING (run_id, step) JOIN arm AS a USING (run_id) GROUP BY a.arm, m.T, m.power ORDER BY a.arm, m.T, m.power;
