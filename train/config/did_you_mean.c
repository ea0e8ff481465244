#include "train/config/did_you_mean.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST = 63 }; /* longer words get no guess */

static int smaller(int a, int b) {
    return a < b ? a : b;
}

/* Insertions, deletions, substitutions and swaps of neighbours that turn a into b. */
static int edit_distance(const char *a, const char *b) {
    int rows[3][LONGEST + 1]; /* row i of the table is rows[i % 3]: a swap looks two rows back */
    int n = (int)strlen(a), m = (int)strlen(b);
    for (int j = 0; j <= m; j++) rows[0][j] = j;
    for (int i = 1; i <= n; i++) {
        int *now = rows[i % 3], *before = rows[(i + 2) % 3], *earlier = rows[(i + 1) % 3];
        now[0] = i;
        for (int j = 1; j <= m; j++) {
            now[j] = smaller(before[j - 1] + (a[i - 1] != b[j - 1]), smaller(before[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = smaller(now[j], earlier[j - 2] + 1);
        }
    }
    return rows[n % 3][m];
}

/* Edits between text and word; what stops early is near, and so is the last part of a dotted word. */
static int distance_of(const char *text, const char *word) {
    int distance = edit_distance(text, word);
    if (!strncmp(text, word, strlen(text))) distance = smaller(distance, 1);
    const char *dot = strrchr(word, '.');
    if (dot && !strchr(text, '.')) distance = smaller(distance, edit_distance(text, dot + 1));
    return distance;
}

/* A word as near as the best, if the text is the beginning of both and it is not among them yet. */
static void add_other(DidYouMean *n, const char *text, const char *word) {
    bool begins = !strncmp(text, n->best, strlen(text)) && !strncmp(text, word, strlen(text));
    bool known = !strcmp(n->best, word);
    for (int i = 0; i < n->others; i++) known |= !strcmp(n->also[i], word);
    if (begins && !known && n->others < ALSO_MEANT) n->also[n->others++] = word;
}

void did_you_mean_offer(DidYouMean *n, const char *word) {
    const char *text = n->text + strspn(n->text, "-"); /* the dashes of options tell nothing apart */
    size_t length = strlen(text);
    if (length == 0 || length > LONGEST || strlen(word) > LONGEST) return;
    int distance = distance_of(text, word + strspn(word, "-"));
    /* A third of the letters may be wrong: beyond that a guess misleads more than it helps. */
    if (distance > (int)(length + 1) / 3 || (n->best && distance > n->distance)) return;
    if (n->best && distance == n->distance) {
        add_other(n, text, word);
        return;
    }
    n->best = word;
    n->distance = distance;
    n->others = 0;
}

/* How many of the others there is room for beside the best. */
static int others_that_fit(const DidYouMean *n, size_t room) {
    size_t length = sizeof " (did you mean ?)" + strlen(n->best);
    int fit = 0;
    while (fit < n->others && (length += strlen(" or ") + strlen(n->also[fit])) <= room) fit++;
    return fit;
}

const char *did_you_mean_hint(const DidYouMean *n, char *text, size_t room) {
    text[0] = 0;
    if (!n->best) return text;
    int others = others_that_fit(n, room);
    size_t at = (size_t)snprintf(text, room, " (did you mean %s", n->best);
    for (int i = 0; i < others; i++)
        at += (size_t)snprintf(text + at, room - at, "%s%s", i < others - 1 ? ", " : " or ", n->also[i]);
    if (at < room) snprintf(text + at, room - at, "?)");
    return text;
}

const char *did_you_mean_among(const char *word, const char *const *known, char *text, size_t room) {
    DidYouMean n = {.text = word};
    for (int i = 0; known[i]; i++) did_you_mean_offer(&n, known[i]);
    if (n.best) return did_you_mean_hint(&n, text, room);
    size_t used = (size_t)snprintf(text, room, " (one of: ");
    for (int i = 0; known[i] && used < room; i++)
        used += (size_t)snprintf(text + used, room - used, "%s%s", known[i], known[i + 1] ? ", " : ")");
    return text;
}
