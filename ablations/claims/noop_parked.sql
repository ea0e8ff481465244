-- The head that parks most: the share of its queries that attend most to the first token where no trigger stands, less that
-- where one does.
WITH head AS (
    SELECT m.run_id, replace(replace(m.name, '.dormant_other', ''), '.dormant_trigger', '') AS head,
           max(m.value) FILTER (WHERE m.name LIKE '%other') AS other, max(m.value) FILTER (WHERE m.name LIKE '%trigger') AS trigger
    FROM metric AS m JOIN run AS r ON r.id = m.run_id
    WHERE m.step = r.steps AND m.name GLOB 'main.layer.*.dormant_*' GROUP BY m.run_id, head
)
SELECT own.seed, max(head.other - head.trigger) FROM own JOIN head USING (run_id) WHERE side = 'variant=baseline' GROUP BY own.seed;
