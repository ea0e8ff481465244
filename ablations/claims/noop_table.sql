-- Means over seeds: shares of queries that attend most to the first token, of the head that parks most; mass, loss.
WITH head AS (
    SELECT m.run_id, replace(replace(m.name, '.dormant_other', ''), '.dormant_trigger', '') AS head,
           max(m.value) FILTER (WHERE m.name LIKE '%other') AS other, max(m.value) FILTER (WHERE m.name LIKE '%trigger') AS trigger
    FROM metric AS m JOIN run AS r ON r.id = m.run_id
    WHERE m.step = r.steps AND m.name GLOB 'main.layer.*.dormant_*' GROUP BY m.run_id, head
), most AS (
    SELECT *, row_number() OVER (PARTITION BY run_id ORDER BY other - trigger DESC, head) AS place FROM head
)
SELECT side, count(*) AS seeds, avg(m.other) AS at_others, avg(m.trigger) AS at_triggers, avg(e.sink_mass) AS sink_mass,
       avg(e.val_loss) AS val_loss
FROM own JOIN most AS m ON m.run_id = own.run_id AND m.place = 1
JOIN run AS r ON r.id = own.run_id JOIN eval AS e ON e.run_id = r.id AND e.probe = 'main' AND e.step = r.steps
GROUP BY side ORDER BY side;
