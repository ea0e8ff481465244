#include "model/instruments/step_head.h"

#include "model/instruments/first_rest.h"

#include <math.h>
#include <stdlib.h>

struct StepHead {
    int rows, T, layers, heads;
    double *mass, *ratio; /* (rows, layers, heads): each cell has one writer, so sums have one order */
    double *norms;        /* (rows, heads, T) scratch */
    Visible visible;
};

StepHead *step_head_create(int rows, int T, int layers, int heads, Visible visible) {
    StepHead *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    size_t cells = (size_t)rows * (size_t)layers * (size_t)heads;
    *s = (StepHead){rows,
                    T,
                    layers,
                    heads,
                    calloc(cells, sizeof(double)),
                    calloc(cells, sizeof(double)),
                    calloc((size_t)rows * (size_t)heads * (size_t)T, sizeof(double)),
                    visible};
    if (s->mass && s->ratio && s->norms) return s;
    step_head_free(s);
    return NULL;
}

void step_head_free(StepHead *s) {
    if (!s) return;
    free(s->mass);
    free(s->ratio);
    free(s->norms);
    free(s);
}

static float dot(const float *a, const float *b, int n) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static double first_mass(const View *v, Visible visible, int row, int head) {
    const float *first = v->heads->first + ((int64_t)row * v->heads->H + head) * v->T;
    const int32_t *doc_start = v->doc_start + (int64_t)row * v->T;
    double sum = 0;
    int seeing = 0;
    for (int t = 0; t < v->T; t++) {
        if (!visible_first(visible, doc_start, t)) continue;
        sum += (double)first[t];
        seeing++;
    }
    return sum / seeing;
}

static double value_ratio(const View *v, const Heads *h, int row, int head, double *norms) {
    const float *value = h->v + (int64_t)row * v->T * h->ld + (int64_t)(head / h->group) * h->dh;
    for (int t = 0; t < v->T; t++) norms[t] = sqrtf(dot(value + t * h->ld, value + t * h->ld, h->dh));
    FirstRest n = first_rest(norms, v->doc_start + (int64_t)row * v->T, v->T);
    return n.first / n.rest;
}

static void see(void *self, const View *v) {
    StepHead *s = self;
    const Heads *h = v->heads;
#pragma omp parallel for schedule(static)
    for (int i = 0; i < v->rows * h->H; i++) {
        int row = i / h->H, head = i % h->H;
        int64_t cell = ((v->row0 + row) * s->layers + v->layer) * s->heads + head;
        s->mass[cell] = first_mass(v, s->visible, row, head);
        s->ratio[cell] = value_ratio(v, h, row, head, s->norms + (int64_t)i * s->T);
    }
}

Observer step_head_observer(StepHead *s) {
    return (Observer){1u << TAP_ATTN_OUT, s, see, NULL};
}

void step_head_rows(StepHead *s, double *of_rows[2], size_t *a_row) {
    of_rows[0] = s->mass;
    of_rows[1] = s->ratio;
    *a_row = (size_t)(s->layers * s->heads);
}

void step_head_take(StepHead *s, double *first_mass, double *value_ratio) {
    int cells = s->layers * s->heads;
    for (int c = 0; c < cells; c++) {
        double mass = 0, ratio = 0;
        for (int r = 0; r < s->rows; r++) {
            mass += s->mass[(int64_t)r * cells + c];
            ratio += s->ratio[(int64_t)r * cells + c];
        }
        first_mass[c] = mass / s->rows;
        value_ratio[c] = ratio / s->rows;
    }
}
