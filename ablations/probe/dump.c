/* An array at a tap, as it passes (the probe's rows, under --do where that is given), as a file that numpy
 * reads: float32, (layers, rows, T, width) of a tap of the blocks, (rows, T, width) of one outside; and the
 * attention weights, (rows, layers, heads, T, T) of the first rows. */
#include "ablations/probe/kept_weights.h"
#include "ablations/probe/modes.h"
#include "data/base/bytes.h"
#include "data/base/files.h"
#include "model/instruments/cells.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    TapPoint at;
    bool of_block;
} taps[] = {
    {"embed", TAP_EMBED, false},      {"attn_in", TAP_ATTN_IN, true},       {"value", TAP_VALUE, true},
    {"attn_out", TAP_ATTN_OUT, true}, {"head_out", TAP_HEAD_OUT, true},     {"attn_add", TAP_ATTN_ADD, true},
    {"mlp_in", TAP_MLP_IN, true},     {"mlp_hidden", TAP_MLP_HIDDEN, true}, {"mlp_out", TAP_MLP_OUT, true},
    {"resid", TAP_RESID, true},       {"final", TAP_FINAL, false},          {"logits", TAP_LOGITS, false}};
enum { TAP_NAMES = sizeof taps / sizeof *taps };
#define WEIGHTS "weights" /* of attention: no floats of a token, so of no tap */

static int tap_of(const char *name) {
    int i = 0;
    while (i < TAP_NAMES && strcmp(taps[i].name, name)) i++;
    return i;
}

/* Floats are gathered by layer and token, since logits pass a chunk of tokens at a time. */
typedef struct Dump {
    int layers, width; /* width 0: nothing has passed */
    int64_t tokens;    /* of the pass */
    float *data;       /* (layers, tokens, width) */
} Dump;

static void see(void *self, const View *v) {
    Dump *d = self;
    if (!d->width) {
        d->width = v->width;
        d->data =
            instrument_memory((size_t)d->layers * (size_t)d->tokens * (size_t)d->width, sizeof *d->data);
    }
    float *to = d->data + ((v->layer > 0 ? v->layer : 0) * d->tokens + v->first) * d->width;
    for (int64_t n = 0; n < v->tokens; n++)
        memcpy(to + n * d->width, v->data + n * v->ld, (size_t)d->width * sizeof *to);
}

/* numpy's format 1.0: magic, version, the length of what follows, and a dictionary in blanks up to a line's
 * end, all a multiple of 64 bytes. */
static bool npy_head(const char *shape, Bytes *out, Error *e) {
    enum { MAGIC = 10, ALIGN = 64 };
    char text[192];
    int n = snprintf(text, sizeof text, "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", shape);
    int length = (MAGIC + n + ALIGN) / ALIGN * ALIGN - MAGIC;
    memset(text + n, ' ', (size_t)(length - n));
    text[length - 1] = '\n';
    const char magic[MAGIC] = {'\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0, (char)length, 0};
    return bytes_append(out, magic, MAGIC, e) && bytes_append(out, text, length, e);
}

static bool write_array(const char *path, const char *shape, const float *data, int64_t floats, Error *e) {
    Bytes out = {0};
    bool ok = npy_head(shape, &out, e) && bytes_append(&out, data, floats * (int64_t)sizeof *data, e) &&
              file_write(path, out.data, out.size, e);
    bytes_free(&out);
    return ok;
}

bool dump_check(const ProbedModel *s, Error *e) {
    char names[256] = "";
    for (int i = 0; i < TAP_NAMES; i++) sprintf(names + strlen(names), "%s%s", i ? ", " : "", taps[i].name);
    int tap = tap_of(s->o->dump);
    if (tap < TAP_NAMES && taps[tap].of_block && taps[tap].at != TAP_RESID)
        return probed_model_whole(s, "--dump", e);
    return tap < TAP_NAMES || !strcmp(s->o->dump, WEIGHTS) ||
           fail(e, EXIT_USAGE, "--dump: %.40s: no such tap (there are %s, " WEIGHTS ")", s->o->dump, names);
}

static bool write_tap(ProbedModel *s, Tape *t, int tap, const ProbeRows *p, const char *path, Error *e) {
    char shape[64];
    Dump d = {.layers = taps[tap].of_block ? (int)s->m->config.layers : 1, .tokens = (int64_t)p->rows * p->T};
    Observer eye = {1u << taps[tap].at, &d, see, NULL};
    tape_observe(t, (Observers){&eye, 1});
    model_forward(s->m, t, &(Batch){p->rows, p->T, p->at.x, p->at.y, p->at.doc_start, 0});
    int n = taps[tap].of_block ? sprintf(shape, "%d, ", d.layers) : 0;
    sprintf(shape + n, "%d, %d, %d", p->rows, p->T, d.width);
    bool ok = write_array(path, shape, d.data, d.layers * d.tokens * d.width, e);
    free(d.data);
    return ok;
}

static bool write_weights(ProbedModel *s, Tape *t, const ProbeRows *p, const char *path, Error *e) {
    char shape[64];
    KeptWeights k = weights_keep(s->m, p->rows, p->T, WEIGHTS_RAW);
    Observer eye = weights_observer(&k);
    tape_observe(t, (Observers){&eye, 1});
    model_forward(s->m, t, &(Batch){p->rows, p->T, p->at.x, p->at.y, p->at.doc_start, 0});
    sprintf(shape, "%d, %d, %d, %d, %d", k.rows, k.layers, k.heads, k.T, k.T);
    bool ok = write_array(path, shape, k.A, (int64_t)k.rows * k.layers * k.heads * k.T * k.T, e);
    weights_free(&k);
    return ok;
}

bool dump_show(ProbedModel *s, Error *e) {
    const ProbeRows *p = s->no_bos ? &s->other : &s->main;
    int tap = tap_of(s->o->dump);
    Tape *t = NULL;
    bool ok =
        probed_model_tape(s, p, true, false, &t, e) &&
        (tap < TAP_NAMES ? write_tap(s, t, tap, p, s->o->npy, e) : write_weights(s, t, p, s->o->npy, e));
    tape_free(t);
    if (ok && !s->o->json && !s->o->quiet) printf("%s: %s\n\n", s->o->dump, s->o->npy);
    return ok;
}
