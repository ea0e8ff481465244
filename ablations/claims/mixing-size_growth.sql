-- How much larger is what BOS takes from mixing in the widest model than in the narrowest?
WITH gap AS (
    SELECT own.seed, (r.config ->> '$.model.width') AS width,
           avg(e.mixing) FILTER (WHERE side = 'variant=no_bos') - avg(e.mixing) FILTER (WHERE side = 'variant=baseline') AS gap
    FROM own JOIN run AS r ON r.id = own.run_id JOIN eval AS e ON e.run_id = r.id AND e.probe = 'main' AND e.step = r.steps
    GROUP BY own.seed, width HAVING count(*) = 2
)
SELECT seed, max(gap) FILTER (WHERE width = 256) - max(gap) FILTER (WHERE width = 64) FROM gap
WHERE width IN (64, 256) GROUP BY seed HAVING count(*) = 2;
