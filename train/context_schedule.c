#include "train/context_schedule.h"

#include <inttypes.h>

typedef struct ContextStage {
    int64_t step, context;
} ContextStage;

/* The i-th stage, of a list or of one text with commas; false past the end or where there is none. */
static bool stage_at(const List *schedule, int i, ContextStage *out) {
    for (int item = 0; item < schedule->n; item++) {
        const char *text = schedule->item[item];
        int used = 0;
        for (; sscanf(text, " %" SCNd64 ":%" SCNd64 "%n", &out->step, &out->context, &used) == 2; i--) {
            if (i == 0) return true;
            text += used;
            while (*text == ' ' || *text == ',') text++;
        }
    }
    return false;
}

/* Whether every item of the schedule reads as STEP:CONTEXT to its end. */
static bool is_whole(const List *schedule) {
    for (int item = 0; item < schedule->n; item++) {
        const char *text = schedule->item[item];
        int64_t step, context;
        for (int used = 0; *text; used = 0) {
            if (sscanf(text, " %" SCNd64 ":%" SCNd64 "%n", &step, &context, &used) != 2 || !used)
                return false;
            text += used;
            while (*text == ' ') text++;
            if (*text == ',') text++;
        }
    }
    return true;
}

int contexts_count(const Config *c) {
    ContextStage s;
    int n = 0;
    while (stage_at(&c->train.context_schedule, n, &s)) n++;
    return n ? n : 1;
}

int contexts_at(const Config *c, int64_t step) {
    ContextStage s;
    int64_t context = c->model.context;
    for (int i = 0; stage_at(&c->train.context_schedule, i, &s) && s.step < step; i++) context = s.context;
    return (int)context;
}

/* Whether `so` holds of some stage and the stage before it. */
static bool some_stage(const Config *c, bool (*so)(const Config *c, ContextStage s, ContextStage before)) {
    ContextStage s, before = {-1, 0};
    for (int i = 0; stage_at(&c->train.context_schedule, i, &s); before = s, i++)
        if (so(c, s, before)) return true;
    return false;
}

static bool falls(const Config *c, ContextStage s, ContextStage before) {
    (void)c;
    return s.step <= before.step || s.context <= before.context || s.context < 2;
}

static bool is_past(const Config *c, ContextStage s, ContextStage before) {
    (void)before;
    return s.step >= c->train.steps;
}

static bool splits(const Config *c, ContextStage s, ContextStage before) {
    (void)before;
    return c->train.batch_tokens % s.context;
}

static bool cuts(const Config *c, ContextStage s, ContextStage before) {
    (void)c;
    (void)before;
    return DATA_BLOCK % s.context;
}

bool contexts_unread(const Config *c) {
    return !is_whole(&c->train.context_schedule);
}

bool contexts_late(const Config *c) {
    ContextStage s;
    return stage_at(&c->train.context_schedule, 0, &s) && s.step;
}

bool contexts_fall(const Config *c) {
    return some_stage(c, falls);
}

bool contexts_past(const Config *c) {
    return some_stage(c, is_past);
}

bool contexts_end(const Config *c) {
    return contexts_at(c, INT64_MAX) != c->model.context;
}

bool contexts_split(const Config *c) {
    return some_stage(c, splits);
}

bool contexts_cut(const Config *c) {
    return some_stage(c, cuts);
}
