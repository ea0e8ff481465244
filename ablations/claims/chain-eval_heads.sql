-- What share of heads has its largest mass on key 10, of trained models that are evaluated under the intervention `do`?
SELECT own.seed, avg(h.sink_position = 10)
FROM own JOIN run AS r ON r.id = own.run_id JOIN eval_head AS h ON h.run_id = r.id AND h.step = r.steps
WHERE h.probe = 'main do ' || :do GROUP BY own.run_id;
