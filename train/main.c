/* Owns: the command line of the program: the one table of commands, --help, and the one place
 * where an error is printed. Does not own: what a command does. */
#include "data/base/columns.h"
#include "data/base/fold.h"
#include "train/commands/command.h"
#include "train/commands/manual.h"
#include "train/config/config.h" /* NUMERICS */
#include "train/config/did_you_mean.h"
#include "train/host.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define VERSION "0.1"

static const Command *const commands[] = {
    &train_command, &sweep_command,  &runs_command,   &query_command,  &report_command,
    &watch_command, &merge_command,  &probe_command,  &sample_command, &data_command,
    &fetch_command, &export_command, &import_command, &bench_command,  NULL,
};
enum { COMMANDS = sizeof commands / sizeof *commands - 1 };

static void print_help(FILE *out) {
    fprintf(out, "usage: sinklab COMMAND ...\n\nTrains small GPTs and watches attention sinks form.\n\n");
    for (int i = 0; i < COMMANDS; i++) fprintf(out, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(out,
            "\nsinklab help COMMAND, or COMMAND --help, tells its options; sinklab --version the version.\n"
            "sinklab help --man is the man page; --bash and --zsh complete words in these shells.\n\n"
            "exit: 0 done; 1 failed or diverged; 2 a mistake in what was asked for; 130, 143 stopped by a "
            "signal, saved\n");
}

static void print_command_help(FILE *out, const Command *command) {
    fprintf(out, "usage: sinklab %s %s\n\n%s\n", command->name, command->usage, command->summary);
    if (command->options) fprintf(out, "\noptions:\n%s", command->options);
    if (command->list) command->list(out);
}

/* The help of a command, or of the program (NULL), on lines that the terminal has room for. */
static bool show_help(const Command *command, Error *e) {
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out) return fail(e, EXIT_FAILED, "help: %s", strerror(errno));
    command ? print_command_help(out, command) : print_help(out);
    if (fclose(out)) return fail(e, EXIT_FAILED, "help: %s", strerror(errno));
    fold_print(stdout, text, isatty(STDOUT_FILENO) ? columns_of_terminal(STDOUT_FILENO) : INT_MAX);
    free(text);
    return true;
}

static bool is_help(const char *word) {
    return !strcmp(word, "--help") || !strcmp(word, "-h");
}

static bool is_version(const char *word) {
    return !strcmp(word, "--version") || !strcmp(word, "-V") || !strcmp(word, "version");
}

/* A command's words ask for its help, before any `--`. */
static bool asks_help(int argc, char **argv) {
    for (int i = 0; i < argc && strcmp(argv[i], "--"); i++)
        if (is_help(argv[i])) return true;
    return false;
}

/* What is a command of other programs, or an action of one here. */
static const struct {
    const char *word, *command;
} elsewhere[] = {
    {"run", "train CONFIG, or sweep run FILE"},
    {"plan", "sweep plan FILE"},
    {"status", "sweep status FILE"},
    {"verdict", "sweep verdict FILE"},
    {"ls", "runs list"},
    {"list", "runs list"},
    {"show", "runs show KEY"},
    {"diff", "runs diff KEY KEY"},
    {"delete", "runs delete KEY"},
    {"eval", "probe"},
    {"evaluate", "probe"},
    {"generate", "sample"},
    {"sql", "query"},
    {"plot", "report"},
    {"serve", "watch"},
    {"download", "fetch"},
    {"prepare", "data"},
    {"convert", "import"},
};

static int unknown_command(const char *name, Error *e) {
    char hint[96];
    DidYouMean n = {.text = name};
    for (int i = 0; i < COMMANDS; i++) did_you_mean_offer(&n, commands[i]->name);
    did_you_mean_offer(&n, "--version");
    did_you_mean_offer(&n, "--help");
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        if (!strcmp(elsewhere[i].word, name)) n = (DidYouMean){.best = elsewhere[i].command};
    did_you_mean_hint(&n, hint, sizeof hint);
    fail(e, EXIT_USAGE, "command line: unknown command %s%s", name,
         *hint ? hint : " (sinklab --help lists them)");
    return e->code;
}

static const Command *find_command(const char *name) {
    for (int i = 0; i < COMMANDS; i++)
        if (!strcmp(name, commands[i]->name)) return commands[i];
    return NULL;
}

static const struct {
    const char *option;
    Manual *print;
} manuals[] = {{"--man", manual_man}, {"--bash", manual_bash}, {"--zsh", manual_zsh}};

enum { MANUALS = sizeof manuals / sizeof *manuals };

/* help, help COMMAND, help --man. */
static int help(int words, char **word, Error *e) {
    const char *options[MANUALS + 1] = {NULL};
    char hint[96];
    for (int i = 0; words && i < MANUALS; i++) {
        options[i] = manuals[i].option;
        if (strcmp(word[0], options[i])) continue;
        manuals[i].print(stdout, commands, VERSION);
        return EXIT_DONE;
    }
    if (words && word[0][0] == '-')
        return fail(e, EXIT_USAGE, "command line: help: unknown option %s%s", word[0],
                    did_you_mean_among(word[0], options, hint, sizeof hint)),
               EXIT_USAGE;
    const Command *command = words ? find_command(word[0]) : NULL;
    if (words && !command) return unknown_command(word[0], e);
    return show_help(command, e) ? EXIT_DONE : e->code;
}

static int dispatch(int argc, char **argv, Error *e) {
    if (argc < 1) {
        fail(e, EXIT_USAGE, "command line: no command given (sinklab --help lists them)");
        return e->code;
    }
    if (is_help(argv[0]) || !strcmp(argv[0], "help")) return help(argc - 1, argv + 1, e);
    if (is_version(argv[0])) {
        printf("sinklab " VERSION " (numerics %d, commit %s)\n", NUMERICS, host_git());
        return EXIT_DONE;
    }
    const Command *command = find_command(argv[0]);
    if (!command) return unknown_command(argv[0], e);
    return asks_help(argc - 1, argv + 1) ? help(1, argv, e) : command->run(argc - 1, argv + 1, e);
}

/* Whoever read standard output has seen enough: where that is no reason to die (train/signals.h), it is no
 * failure. */
static bool reader_left(void) {
    struct pollfd out = {.fd = STDOUT_FILENO};
    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}

int program(int argc, char **argv) {
    Error e = {0};
    prctl(PR_SET_NAME,
          "sinklab"); /* a sweep starts its runs as /proc/self/exe, and top would call them exe */
    int code = dispatch(argc - 1, argv + 1, &e);
    if (code == EXIT_DONE && (fflush(stdout) || ferror(stdout)) && !reader_left()) {
        fail(&e, EXIT_FAILED, "standard output: cannot write: %s", strerror(errno));
        code = e.code;
    }
    if (code != EXIT_DONE && e.text[0]) fprintf(stderr, "sinklab: %s\n", e.text);
    return code;
}
