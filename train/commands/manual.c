#include "train/commands/manual.h"

#include "data/base/text.h"
#include "train/config/config.h"

#include <stdlib.h>
#include <string.h>

/* ---- what a command's texts say ---- */

typedef struct Word {
    char name[32];
    const char *about; /* of an option; "" of an action */
    int length;        /* of `about` */
} Word;

/* The next option of a help text, from *at on: "  --db PATH   results". */
static bool next_option(const char **at, Word *out) {
    for (const char *line = *at; line && *line; line = *at) {
        size_t length = strcspn(line, "\n");
        *at = line + length + (line[length] == '\n');
        line += strspn(line, " ");
        if (*line != '-') continue;
        size_t name = strcspn(line, " \n");
        const char *end = *at - (*at > line && (*at)[-1] == '\n'), *about = strstr(line, "  ");
        if (!about || about > end) about = end;
        while (about < end && *about == ' ') about++;
        *out = (Word){.about = about, .length = (int)(end - about)};
        snprintf(out->name, sizeof out->name, "%.*s", (int)name, line);
        return true;
    }
    return false;
}

/* The next action of a usage: "plan|run FILE", "list | show KEY"; a word in capitals or with a dash is none.
 */
static bool next_action(const char **at, Word *out) {
    while (*at && **at) {
        const char *word = *at + strspn(*at, " ");
        size_t length = strspn(word, "abcdefghijklmnopqrstuvwxyz");
        bool ends = !word[length] || word[length] == ' ' || word[length] == '|';
        *at = strchr(word, '|');
        if (*at) ++*at;
        if (!length || !ends) continue;
        *out = (Word){.about = ""};
        snprintf(out->name, sizeof out->name, "%.*s", (int)length, word);
        return true;
    }
    return false;
}

static bool has_actions(const Command *c) {
    return strchr(c->usage, '|');
}

static bool takes_keys(const Command *c) {
    return strstr(c->usage, "key=value");
}

/* ---- the man page ---- */

/* As lines of their own that troff leaves as they are. */
static void man_lines(FILE *out, const char *text) {
    fputs(".nf\n", out);
    for (bool begins = true; *text; begins = *text++ == '\n') {
        if (begins && strchr(".'", *text)) fputs("\\&", out);
        if (*text == '\\' || *text == '-') fputc('\\', out);
        fputc(*text == '\\' ? 'e' : *text, out);
    }
    fputs(".fi\n", out);
}

static void man_list(FILE *out, const Command *c) {
    char *text = NULL;
    size_t size;
    FILE *list = text_open(&text, &size);
    c->list(list);
    fclose(list);
    man_lines(out, text);
    free(text);
}

void manual_man(FILE *out, const Command *const *commands, const char *version) {
    fprintf(out,
            ".TH SINKLAB 1 \"\" \"sinklab %s\"\n.SH NAME\nsinklab \\- trains small GPTs and watches "
            "attention sinks form\n",
            version);
    fputs(".SH SYNOPSIS\n.B sinklab\n.I COMMAND\n\\&...\n.SH COMMANDS\n", out);
    for (; *commands; commands++) {
        const Command *c = *commands;
        fprintf(out, ".SS %s\n.B sinklab %s\n%s\n.PP\n%s.\n.PP\n", c->name, c->name, c->usage, c->summary);
        if (c->options) man_lines(out, c->options);
        if (c->list) man_list(out, c);
    }
    fputs(".SH EXIT STATUS\n0: done. 1: failed or diverged. 2: a mistake in what was asked for. 130, 143: "
          "stopped by a signal, "
          "after a checkpoint.\n.SH FILES\nresults.db, results.db.d/KEY: results and checkpoints. "
          "data/cache: prepared texts.\n",
          out);
}

/* ---- completions ---- */

static void put_words(FILE *out, const Command *c) {
    const char *options = c->options, *usage = c->usage;
    Word w;
    while (has_actions(c) && next_action(&usage, &w)) fprintf(out, "%s ", w.name);
    while (next_option(&options, &w)) fprintf(out, "%s ", w.name);
    for (int i = 0; takes_keys(c) && config_key_name(i); i++) fprintf(out, "%s= ", config_key_name(i));
}

void manual_bash(FILE *out, const Command *const *commands, const char *version) {
    fprintf(out,
            "# bash completion for sinklab %s: sinklab help --bash\n_sinklab() {\n    local "
            "current=${COMP_WORDS[COMP_CWORD]} words\n",
            version);
    fputs("    if [ \"$COMP_CWORD\" = 1 ]; then\n        words='help ", out);
    for (int i = 0; commands[i]; i++) fprintf(out, "%s ", commands[i]->name);
    fputs("'\n        COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n        return\n    fi\n"
          "    case ${COMP_WORDS[1]} in\n",
          out);
    for (; *commands; commands++) {
        fprintf(out, "    %s) words='", (*commands)->name);
        put_words(out, *commands);
        fputs("' ;;\n", out);
    }
    fputs("    *) words= ;;\n    esac\n    COMPREPLY=($(compgen -W \"$words --help\" -- \"$current\") "
          "$(compgen -f -- \"$current\"))\n"
          "    [[ ${COMPREPLY[0]} != *= ]] || compopt -o nospace\n}\ncomplete -o filenames -F _sinklab "
          "sinklab\n",
          out);
}

/* 'NAME:what it is', quoted for zsh, whose _describe ends a name at a colon. */
static void put_described(FILE *out, const char *name, const char *about, int length) {
    fprintf(out, " '%s:", name);
    for (int i = 0; i < length; i++)
        fprintf(out, about[i] == '\'' ? "'\\''" : about[i] == ':' ? "\\:" : "%c", about[i]);
    fputc('\'', out);
}

void manual_zsh(FILE *out, const Command *const *commands, const char *version) {
    fprintf(out,
            "#compdef sinklab\n# zsh completion for sinklab %s: sinklab help --zsh\n_sinklab() {\n    local "
            "-a names flags\n    names=(",
            version);
    for (int i = 0; commands[i]; i++)
        put_described(out, commands[i]->name, commands[i]->summary, (int)strlen(commands[i]->summary));
    fputs(")\n    if (( CURRENT == 2 )); then\n        _describe command names\n        return\n    fi\n    "
          "case $words[2] in\n",
          out);
    for (; *commands; commands++) {
        const char *options = (*commands)->options, *usage = (*commands)->usage;
        Word w;
        fprintf(out, "    %s) flags=(", (*commands)->name);
        while (has_actions(*commands) && next_action(&usage, &w)) put_described(out, w.name, "", 0);
        while (next_option(&options, &w)) put_described(out, w.name, w.about, w.length);
        for (int i = 0; takes_keys(*commands) && config_key_name(i); i++)
            fprintf(out, " '%s='", config_key_name(i));
        fputs(") ;;\n", out);
    }
    fputs("    esac\n    _describe option flags\n    _files\n}\n_sinklab \"$@\"\n", out);
}
