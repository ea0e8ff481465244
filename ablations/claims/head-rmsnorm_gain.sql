-- How many nats of validation loss does the norm gain?
SELECT own.seed, max(e.val_loss) FILTER (WHERE side = 'head_out=none') - max(e.val_loss) FILTER (WHERE side = 'head_out=rmsnorm')
FROM own JOIN run AS r ON r.id = own.run_id JOIN eval AS e ON e.run_id = r.id AND e.probe = 'main' AND e.step = r.steps
GROUP BY own.seed HAVING count(*) = 2;
