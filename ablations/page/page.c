#include "ablations/page/page.h"

#include "ablations/page/figure_table.h"
#include "ablations/page/page_database.h"
#include "ablations/page/sentence/sizes.h"
#include "data/base/text.h"
#include "data/base/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

Path page_folder(void) {
    char program[512];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n <= 0) return (Path){""};
    program[n] = 0;
    Path folder = path_of("%.*s/ablations/page", (int)(strrchr(program, '/') - program), program);
    /* The one that joined last: npm brings all or none. */
    Path library = path_of("%s/node_modules/@codemirror/lang-sql/dist/index.cjs", folder.s);
    return access(library.s, R_OK) ? (Path){""} : folder;
}

typedef struct Page {
    FILE *out;
    const char *folder;
    Store *s;
    const char *sweep;
    const SentenceModel *sentence; /* NULL: none */
    Error *e;
} Page;

/* ---- bytes ---- */

static void write_base64(FILE *out, const unsigned char *data, size_t size) {
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        unsigned v = (unsigned)data[i] << 16 | (left > 1 ? (unsigned)data[i + 1] << 8 : 0) |
                     (left > 2 ? data[i + 2] : 0);
        fputc(digit[v >> 18], out);
        fputc(digit[v >> 12 & 63], out);
        fputc(left > 1 ? digit[v >> 6 & 63] : '=', out);
        fputc(left > 2 ? digit[v & 63] : '=', out);
    }
}

/* A block of data that the page's script unpacks by its id: zlib, then base64. */
static bool write_packed(const Page *p, const char *id, const Bytes *b) {
    uLongf size = compressBound((uLong)b->size);
    unsigned char *packed = malloc(size);
    bool ok = packed && compress2(packed, &size, (const unsigned char *)b->data, (uLong)b->size, 9) == Z_OK;
    if (ok) {
        fprintf(p->out, "<script type=\"application/octet-stream\" id=\"%s\">", id);
        write_base64(p->out, packed, size);
        fputs("</script>\n", p->out);
    }
    free(packed);
    return ok || fail(p->e, EXIT_FAILED, "report: out of memory");
}

/* ---- parts: each puts one file, or the database, where the template names it ---- */

typedef bool Part(const Page *p, const char *word, const char *name, const Bytes *file);

/* A script's text may hold what would end it. */
static void write_script(FILE *out, const char *text, size_t size) {
    static const char end[] = "</script";
    for (size_t i = 0; i < size; i++) {
        bool ends = size - i >= sizeof end - 1 && !strncasecmp(text + i, end, sizeof end - 1);
        fputs(ends ? "<\\" : "", out);
        if (!ends) fputc(text[i], out);
    }
}

/* JSON between tags: no < of a text begins one. */
static void write_json(FILE *out, const char *text, size_t size) {
    for (size_t i = 0; i < size; i++) fputs(text[i] == '<' ? "\\u003c" : (char[]){text[i], 0}, out);
}

/* A style or a script between tags of its own. */
static bool put_tagged(const Page *p, const char *word, const char *name, const Bytes *file) {
    (void)name;
    fprintf(p->out, "<%s>\n", word);
    write_script(p->out, file->data, (size_t)file->size);
    fprintf(p->out, "</%s>\n", word);
    return true;
}

/* A module's lines in the page's one module: names are shared, so nothing is imported or exported. */
static bool put_module(const Page *p, const char *word, const char *name, const Bytes *file) {
    (void)word;
    static const char import[] = "import ", export[] = "export ";
    fprintf(p->out, "// %s\n", name);
    for (const char *at = file->data, *end = at + file->size; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at)), *next = newline ? newline + 1 : end;
        bool exported = !strncmp(at, export, sizeof export - 1);
        const char *from = exported ? at + sizeof export - 1 : at;
        if (strncmp(at, import, sizeof import - 1)) write_script(p->out, from, (size_t)(next - from));
        at = next;
    }
    return true;
}

static bool put_packed(const Page *p, const char *word, const char *name, const Bytes *file) {
    (void)word;
    return write_packed(p, name, file);
}

static bool put_figures(const Page *p, const char *word, const char *name, const Bytes *file) {
    (void)word, (void)file;
    fprintf(p->out, "<script type=\"application/json\" id=\"%s\">", name);
    figure_table_json(p->out);
    fputs("</script>\n", p->out);
    return true;
}

static bool put_database(const Page *p, const char *word, const char *name, const Bytes *file) {
    (void)word, (void)file;
    Bytes copy = {0};
    Path queries = path_of("%s/../queries", p->folder);
    bool ok = extract(p->s, p->sweep, queries.s, &copy, p->e) && write_packed(p, name, &copy);
    bytes_free(&copy);
    return ok;
}

/* What is told of the model, then its program, weights and tokenizer, each by an id that begins with `name`.
 */
static bool put_sentence(const Page *p, const char *word, const char *name, const Bytes *file) {
    (void)word, (void)file;
    const SentenceModel *m = p->sentence;
    if (!m) return true;
    const struct {
        const char *id;
        const Bytes *bytes;
    } blocks[] = {{"program", &m->program}, {"weights", &m->weights}, {"tokenizer", &m->tokenizer}};
    char *text = NULL;
    size_t size = 0;
    FILE *out = text_open(&text, &size);
    fputs("{\"name\": ", out);
    json_string(out, m->name);
    fputs(", \"key\": ", out);
    json_string(out, m->key);
    fprintf(out, ", \"step\": %lld, \"bos\": %d, \"head_norm\": %d, ", (long long)m->step, m->bos,
            m->head_norm);
    fprintf(out, "\"layers\": %d, \"heads\": %d, \"tokens\": %d}", SENTENCE_LAYERS, SENTENCE_HEADS,
            SENTENCE_TOKENS);
    fclose(out);
    fprintf(p->out, "<script type=\"application/json\" id=\"%s\">", name);
    write_json(p->out, text, size);
    fputs("</script>\n", p->out);
    free(text);
    bool ok = true;
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        ok = ok && write_packed(p, path_of("%s.%s", name, blocks[i].id).s, blocks[i].bytes);
    return ok;
}

static const struct PartRow {
    const char *word;
    Part *put;
    bool reads; /* the file it names */
} part_rows[] = {
    {"style", put_tagged, true},       {"script", put_tagged, true},      {"module", put_module, true},
    {"packed", put_packed, true},      {"database", put_database, false}, {"figures", put_figures, false},
    {"sentence", put_sentence, false},
};

static bool put_part(const Page *p, const char *word, const char *name) {
    for (size_t i = 0; i < sizeof part_rows / sizeof *part_rows; i++) {
        if (strcmp(part_rows[i].word, word)) continue;
        Bytes file = {0};
        Path path = path_of("%s/%s", p->folder, name);
        bool ok = !part_rows[i].reads ||
                  (file_read(path.s, &file, p->e) && bytes_append(&file, "", 1, p->e) && file.size--);
        ok = ok && part_rows[i].put(p, word, name, &file);
        bytes_free(&file);
        return ok;
    }
    return fail(p->e, EXIT_FAILED, "report: page.html: unknown part %s", word);
}

/* The template's lines as they are, but for "@WORD NAME", which a part replaces. */
static bool write_template(const Page *p, char *text) {
    bool ok = true;
    char *rest, word[32], name[256];
    for (char *line = strtok_r(text, "\n", &rest); ok && line; line = strtok_r(NULL, "\n", &rest)) {
        if (sscanf(line, "@%31s %255s", word, name) == 2)
            ok = put_part(p, word, name);
        else
            fprintf(p->out, "%s\n", line);
    }
    return ok;
}

bool page_write(FILE *out, const char *folder, Store *s, const char *sweep, const SentenceModel *sentence,
                Error *e) {
    Page p = {out, folder, s, sweep, sentence, e};
    Bytes text = {0};
    Path path = path_of("%s/page.html", folder);
    bool ok = file_read(path.s, &text, e) && bytes_append(&text, "", 1, e) && write_template(&p, text.data);
    bytes_free(&text);
    return ok;
}
