#include "train/contexts.h"

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

/* Whether nothing is left unread. */
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

static bool check_stage(const Config *c, ContextStage s, ContextStage before, Error *e) {
    if (s.step <= before.step || s.context <= before.context)
        return fail(e, EXIT_USAGE,
                    "train.context_schedule: %" PRId64 ":%" PRId64
                    " does not ascend (steps and contexts both)",
                    s.step, s.context);
    if (s.context < 2 || DATA_BLOCK % s.context || c->train.batch_tokens % s.context)
        return fail(e, EXIT_USAGE,
                    "train.context_schedule: a context of %" PRId64
                    " does not divide train.batch_tokens and the text's blocks of %d",
                    s.context, DATA_BLOCK);
    return true;
}

bool contexts_check(const Config *c, Error *e) {
    const List *schedule = &c->train.context_schedule;
    ContextStage s, before = {-1, 0};
    if (!schedule->n) return true;
    if (!is_whole(schedule))
        return fail(e, EXIT_USAGE,
                    "train.context_schedule: expected STEP:CONTEXT, ... such as 0:32, 1000:64");
    for (int i = 0; stage_at(schedule, i, &s); before = s, i++) {
        if (i == 0 && s.step)
            return fail(e, EXIT_USAGE, "train.context_schedule: the first stage begins at step 0");
        if (!check_stage(c, s, before, e)) return false;
    }
    if (before.context == c->model.context) return true;
    return fail(e, EXIT_USAGE, "train.context_schedule: the last context must be model.context, %lld",
                (long long)c->model.context);
}
