#include "train/commands/command.h"

#include "train/config/config.h"
#include "train/config/did_you_mean.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { HINT_TEXT = 128 };

/* The flag of that name, `length` bytes of word, or NULL. */
static const Flag *find_flag(const Flag *flags, const char *word, size_t length) {
    for (; flags->name; flags++)
        if (!strncmp(flags->name, word, length) && !flags->name[length]) return flags;
    return NULL;
}

static bool unknown_flag(const Flag *flags, const char *word, size_t length, Error *e) {
    char name[64], hint[HINT_TEXT];
    snprintf(name, sizeof name, "%.*s", (int)length, word);
    DidYouMean n = {.text = name};
    for (; flags->name; flags++) did_you_mean_offer(&n, flags->name);
    did_you_mean_hint(&n, hint, sizeof hint);
    const char *key = config_key_named(name + strspn(name, "-"));
    if (!key && !*hint) snprintf(hint, sizeof hint, " (--help lists them)");
    if (key) snprintf(hint, sizeof hint, " (a key of the configuration stands without dashes: %s=...)", key);
    return fail(e, EXIT_USAGE, "command line: unknown option %s%s", name, hint);
}

static bool add_text(const Flag *flag, const char *text, Error *e) {
    TextList *texts = flag->value;
    if (!*text) return fail(e, EXIT_USAGE, "command line: %s: empty", flag->name);
    if (texts->n == LIST_ITEMS)
        return fail(e, EXIT_USAGE, "command line: %s: at most %d times", flag->name, LIST_ITEMS);
    texts->at[texts->n++] = text;
    return true;
}

static bool set_flag(const Flag *flag, const char *text, Error *e) {
    if (flag->type == FLAG_TEXT) {
        *(const char **)flag->value = text;
        return true;
    }
    if (flag->type == FLAG_LIST) return add_text(flag, text, e);
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (!*text || *end || errno || isspace((unsigned char)*text))
        return fail(e, EXIT_USAGE, "command line: %s: expected an integer, not \"%s\"", flag->name, text);
    *(int64_t *)flag->value = value;
    return true;
}

/* Options begin with a dash; "-" alone and negative numbers are words. */
static bool is_option(const char *word) {
    return word[0] == '-' && word[1] && !isdigit((unsigned char)word[1]) && word[1] != '.';
}

/* Reads the option at argv[i]; returns how many words it took, 0 on error. */
static int read_option(const Flag *flags, int argc, char **argv, int i, Error *e) {
    const char *equals = strchr(argv[i], '=');
    size_t length = equals ? (size_t)(equals - argv[i]) : strlen(argv[i]);
    const Flag *flag = find_flag(flags, argv[i], length);
    if (!flag) return unknown_flag(flags, argv[i], length, e);
    if (flag->type == FLAG_BOOL) {
        if (equals) return fail(e, EXIT_USAGE, "command line: %s takes no value", flag->name);
        *(bool *)flag->value = true;
        return 1;
    }
    if (equals) return set_flag(flag, equals + 1, e);
    /* An option where the value should be is a forgotten value, not a value. */
    if (i + 1 >= argc || is_option(argv[i + 1]))
        return fail(e, EXIT_USAGE, "command line: %s needs a value (%s=VALUE)", flag->name, flag->name);
    return set_flag(flag, argv[i + 1], e) ? 2 : 0;
}

bool flags_read(const Flag *flags, int argc, char **argv, int *n_words, Error *e) {
    int words = 0;
    bool ended = false;
    for (int i = 0; i < argc;) {
        if (!ended && !strcmp(argv[i], "--")) {
            ended = true;
            i++;
        } else if (ended || !is_option(argv[i])) {
            argv[words++] = argv[i++]; /* words <= i: nothing unread is overwritten */
        } else {
            int taken = read_option(flags, argc, argv, i, e);
            if (!taken) return false;
            i += taken;
        }
    }
    *n_words = words;
    return true;
}
