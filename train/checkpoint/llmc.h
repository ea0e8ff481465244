/* Owns: model files of llm.c (train_gpt2.c, gpt2_124M.bin): a header of 256 int32, then the tensors of a
 * GPT-2, each of all layers together, as fp32 (version 3) or bf16 (version 5).
 * Does not own: its files of optimiser state and of tokens (data/shards.h). */
#ifndef SINKLAB_LLMC_H
#define SINKLAB_LLMC_H

#include "train/checkpoint/checkpoint.h"
#include "train/config/config.h"

/* Whether it is a file, and no folder. */
bool llmc_is_file(const char *path);

/* The model's keys, all others at their defaults, and the weights. Refused (EXIT_USAGE): another version,
 * sizes that are none or do not give the file's size, and numbers that are not finite. */
bool llmc_import(const char *path, Config *c, Model **m, Error *e);

/* Writes such a file, fp32, the vocabulary padded with zeros to a multiple of 128 as llm.c has it. Refused
 * (EXIT_USAGE): a model that GPT-2 as llm.c computes it does not hold, by the key. */
bool llmc_export(const char *path, const Config *c, const Model *m, Error *e);

#endif
