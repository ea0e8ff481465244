/* Owns: a text from standard input, kept as a file so that a run can be found and repeated by it. Does not
 * own: how the file is read (data/corpus.h). */
#ifndef SINKLAB_STANDARD_INPUT_H
#define SINKLAB_STANDARD_INPUT_H

#include "data/data.h"

/* Where c->source is "-": reads standard input to its end, keeps it as cache_dir/stdin/HASH.txt, and makes
 * that the source. An empty one is refused (EXIT_USAGE). */
bool standard_input_keep(DataConfig *c, const char *cache_dir, Error *e);

#endif
