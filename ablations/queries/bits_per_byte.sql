-- Which runs predict their text best, whatever the tokenizer?
-- Bits per byte may be compared between tokenizers, nats per token may not.
SELECT round(f.bits_per_byte, 4) AS bits_per_byte, round(f.val_loss, 4) AS val_loss, f.variant, f.seed,
       r.corpus, r.config ->> '$.data.tokenizer' AS tokenizer, r.config ->> '$.data.vocab' AS vocab,
       r.parameters, substr(f.key, 1, 8) AS key
FROM final AS f JOIN run AS r ON r.id = f.run_id
WHERE f.bits_per_byte IS NOT NULL ORDER BY f.bits_per_byte;
