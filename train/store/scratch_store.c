#include "train/store/scratch_store.h"

bool scratch_open(ScratchStore *s, const Config *c, Error *e) {
    RunIdentity id = {.key = "00000000000000000000000000000000",
                      .variant = c->variant,
                      .label = "",
                      .config = "{}",
                      .host = "",
                      .cpu = "",
                      .blas_arch = "",
                      .git = "",
                      .corpus = "",
                      .licence = "",
                      .threads = 1,
                      .steps = c->train.steps};
    *s = (ScratchStore){0};
    if (!folder_scratch("bench", &s->folder, e)) return false;
    return store_open(&s->store, path_of("%s/results.db", s->folder.s).s, STORE_WRITE, e) &&
           store_enqueue(s->store, &id, &s->run, e);
}

void scratch_close(ScratchStore *s) {
    store_close(s->store);
    if (s->folder.s[0]) folder_remove(s->folder.s);
    *s = (ScratchStore){0};
}
