#include "data/own_tokenizer.h"

#include "data/base/process.h"
#include "data/sentencepiece.h"
#include "data/utf8.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char MODEL[] = "tokenizer.model", JSON[] = "tokenizer.json", RULES[] = "tokenizer_config.json";
enum { FILE_BYTES = 256 << 20 };

static bool is_there(const char *folder, const char *name) {
    return !access(path_of("%s/%s", folder, name).s, F_OK);
}

const char *own_tokenizer_file(const char *folder) {
    return is_there(folder, MODEL) ? MODEL : is_there(folder, JSON) ? JSON : NULL;
}

bool own_tokenizer_hash(const char *folder, char hash[HASH_HEX], Error *e) {
    return file_hash(path_of("%s/%s", folder, own_tokenizer_file(folder)).s, hash, e);
}

bool own_tokenizer_copy(const char *from, const char *to, char hash[HASH_HEX], Error *e) {
    const char *name = own_tokenizer_file(from);
    *hash = 0;
    if (!name) return true;
    return file_copy(path_of("%s/%s", from, name).s, path_of("%s/%s", to, name).s, hash, e) &&
           (!is_there(from, RULES) ||
            file_copy(path_of("%s/%s", from, RULES).s, path_of("%s/%s", to, RULES).s, NULL, e));
}

/* ---- numbers as a program wrote them ---- */

typedef struct Ids {
    int32_t *id;
    int64_t n;
} Ids;

static bool push(Ids *s, long id, Error *e) {
    if (id < 0 || id > INT32_MAX) return fail(e, EXIT_FAILED, "tokenizer: a program gave the number %ld", id);
    if (!(s->n & (s->n - 1)) && !memory_grow((void **)&s->id, s->n ? 2 * s->n : 1, sizeof *s->id, e))
        return false;
    s->id[s->n++] = (int32_t)id;
    return true;
}

/* The numbers of a line; *at is then behind it. */
static bool push_line(Ids *s, const char **at, const char *end, Error *e) {
    const char *stop = *at < end ? memchr(*at, '\n', (size_t)(end - *at)) : NULL;
    if (!stop) return fail(e, EXIT_FAILED, "tokenizer: the program's output was cut short");
    while (*at < stop) {
        char *next;
        long id = strtol(*at, &next, 10);
        if (next == *at || next > stop) break;
        if (!push(s, id, e)) return false;
        *at = next;
    }
    *at = stop + 1;
    return true;
}

/* ---- tokenizer.model ---- */

typedef struct Spm {
    Bytes file;
    Pieces pieces;
    SpmRules rules;
    int32_t newline; /* -1: no line can be put behind another */
} Spm;

static void spm_close(Spm *s) {
    pieces_free(&s->pieces);
    bytes_free(&s->file);
}

/* Whether a newline stands alone in the model, so that lines may be encoded one by one. */
static bool newline_alone(const Spm *s) {
    const SpmRules *r = &s->rules;
    if (r->charsmap || r->remove_extra || r->suffix) return false;
    for (int64_t i = 0; i < s->pieces.count; i++) {
        const Piece *p = &s->pieces.piece[i];
        if (p->length > 1 && memchr(p->bytes, '\n', (size_t)p->length)) return false;
    }
    return true;
}

static bool spm_open(Spm *s, const char *folder, Error *e) {
    Path path = path_of("%s/%s", folder, MODEL);
    *s = (Spm){.newline = -1};
    bool ok = file_read_raw(path.s, FILE_BYTES, &s->file, e) &&
              pieces_read(&s->pieces, s->file.data, s->file.size, path.s, e);
    if (ok) sentencepiece_rules(s->file.data, s->file.size, &s->rules);
    if (ok && newline_alone(s)) s->newline = s->pieces.byte['\n'];
    if (!ok) spm_close(s);
    return ok;
}

/* Lines to numbers, by a model file in the scratch folder. */
static bool spm_run(const Path *scratch, const char *model, const char *text, int64_t size, Bytes *out,
                    Error *e) {
    Path with = path_of("--model=%s", model);
    const char *const argv[] = {"spm_encode",    with.s,         "--output_format=id",
                                "--input=lines", "--output=ids", NULL};
    return file_write(path_of("%s/lines", scratch->s).s, text, size, e) &&
           process_run(argv, scratch->s, "log", "sentencepiece", e) &&
           file_read_raw(path_of("%s/ids", scratch->s).s, FILE_BYTES, out, e);
}

/* The first line as the model takes a text, with the space that some put before it; of an empty one with
 * others behind it (`more`) the space alone. */
static bool first_line(const Spm *s, const Path *scratch, const char *text, int64_t size, bool more, Ids *ids,
                       Error *e) {
    Bytes line = {0}, out = {0};
    bool ok = bytes_append(&line, text, size, e) && bytes_append(&line, "\n", 1, e) &&
              spm_run(scratch, MODEL, line.data, line.size, &out, e);
    const char *at = out.data;
    ok = ok && push_line(ids, &at, out.data + out.size, e);
    for (int64_t i = 0; ok && !size && more && s->rules.dummy_prefix && i < s->pieces.count; i++)
        if (s->pieces.piece[i].length == 1 && *s->pieces.piece[i].bytes == ' ') {
            ok = push(ids, (long)i, e);
            break;
        }
    bytes_free(&line);
    bytes_free(&out);
    return ok;
}

/* The lines behind it, each after a newline, by the same model without that space: in Protocol Buffers a
 * field that comes again wins, so that normalizer_spec {add_dummy_prefix: false} is put behind the file. */
static bool later_lines(const Spm *s, const Path *scratch, const char *text, int64_t size, Ids *ids,
                        Error *e) {
    static const char plain[] = {0x1A, 0x02, 0x18, 0x00};
    Bytes model = {0}, lines = {0}, out = {0};
    bool ok = bytes_append(&model, s->file.data, s->file.size, e) &&
              bytes_append(&model, plain, sizeof plain, e) &&
              file_write(path_of("%s/plain.model", scratch->s).s, model.data, model.size, e) &&
              bytes_append(&lines, text, size, e) && bytes_append(&lines, "\n", 1, e) &&
              spm_run(scratch, "plain.model", lines.data, lines.size, &out, e);
    const char *at = out.data;
    for (int64_t i = 0; ok && i < lines.size; i++)
        if (lines.data[i] == '\n')
            ok = push(ids, s->newline, e) && push_line(ids, &at, out.data + out.size, e);
    bytes_free(&model);
    bytes_free(&lines);
    bytes_free(&out);
    return ok;
}

/* add_bos_token of tokenizer_config.json; LlamaTokenizer, whose files these are, adds BOS where it is silent.
 */
static bool adds_bos(const char *folder) {
    json_t *rules = json_load_file(path_of("%s/%s", folder, RULES).s, 0, NULL);
    bool adds = !json_is_false(json_object_get(rules, "add_bos_token"));
    json_decref(rules);
    return adds;
}

static bool spm_encode(const Spm *s, const Path *scratch, const char *folder, const char *text, int64_t size,
                       Ids *ids, Error *e) {
    const char *newline = size ? memchr(text, '\n', (size_t)size) : NULL;
    int64_t first = newline ? newline - text : size;
    if (newline && s->newline < 0)
        return fail(e, EXIT_USAGE,
                    "tokenizer: %s/%s: does not take lines apart from each other: one line at a time", folder,
                    MODEL);
    return file_write(path_of("%s/%s", scratch->s, MODEL).s, s->file.data, s->file.size, e) &&
           first_line(s, scratch, text, first, newline != NULL, ids, e) &&
           (!newline || later_lines(s, scratch, newline + 1, size - first - 1, ids, e));
}

static bool encode_model(const char *folder, const Path *scratch, const char *text, int64_t size, Ids *ids,
                         int32_t *bos, Error *e) {
    Spm s;
    if (!spm_open(&s, folder, e)) return false;
    *bos = adds_bos(folder) ? s.pieces.bos : -1;
    bool ok = spm_encode(&s, scratch, folder, text, size, ids, e);
    if (ok && *bos < 0 && adds_bos(folder))
        ok = fail(e, EXIT_USAGE, "tokenizer: %s/%s: has no <s> to begin with", folder, MODEL);
    spm_close(&s);
    return ok;
}

/* ---- tokenizer.json ---- */

/* Writes two lines: the text's numbers, and those with what the tokenizer puts around them. */
static const char script[] =
    "const fs = require('fs'), [folder] = process.argv.slice(2);\n"
    "const read = name => fs.existsSync(`${folder}/${name}`) ? "
    "JSON.parse(fs.readFileSync(`${folder}/${name}`)) : {};\n"
    "let library;\n"
    "try { library = require('@huggingface/tokenizers'); }\n"
    "catch { console.error('error: @huggingface/tokenizers is missing (npm install -g "
    "@huggingface/tokenizers, and "
    "NODE_PATH=$(npm root -g))'); process.exit(1); }\n"
    "const t = new library.Tokenizer(read('tokenizer.json'), read('tokenizer_config.json'));\n"
    "const text = fs.readFileSync('text', 'utf8');\n"
    "const ids = special => t.encode(text, { add_special_tokens: special }).ids.join(' ') + '\\n';\n"
    "fs.writeFileSync('ids', ids(false) + ids(true));\n";

/* What stands before the text's numbers in those with all around them. */
static bool find_bos(const Ids *ids, const Ids *around, int32_t *bos, Error *e) {
    for (int64_t before = 0; before < 2 && before + ids->n <= around->n; before++) {
        *bos = before ? around->id[0] : -1;
        if (!ids->n || !memcmp(ids->id, around->id + before, (size_t)ids->n * sizeof *ids->id)) return true;
    }
    return fail(e, EXIT_USAGE, "tokenizer: %s: puts more than one token before a text", JSON);
}

static bool encode_json(const char *folder, const Path *scratch, const char *text, int64_t size, Ids *ids,
                        int32_t *bos, Error *e) {
    Path absolute;
    Bytes out = {0};
    Ids around = {0};
    if (!realpath(folder, absolute.s))
        return fail(e, EXIT_USAGE, "tokenizer: %s: %s", folder, strerror(errno));
    const char *const argv[] = {"node", "encode.cjs", absolute.s, NULL};
    bool ok = file_write(path_of("%s/encode.cjs", scratch->s).s, script, sizeof script - 1, e) &&
              file_write(path_of("%s/text", scratch->s).s, text, size, e) &&
              process_run(argv, scratch->s, "log", "nodejs", e) &&
              file_read_raw(path_of("%s/ids", scratch->s).s, FILE_BYTES, &out, e);
    const char *at = out.data, *end = out.data + out.size;
    ok = ok && push_line(ids, &at, end, e) && push_line(&around, &at, end, e) &&
         find_bos(ids, &around, bos, e);
    bytes_free(&out);
    free(around.id);
    return ok;
}

/* ---- the whole ---- */

static bool check_vocab(const char *folder, int64_t vocab, const Ids *ids, int32_t bos, Error *e) {
    int32_t most = bos;
    for (int64_t i = 0; i < ids->n; i++) most = ids->id[i] > most ? ids->id[i] : most;
    return most < vocab || fail(e, EXIT_USAGE, "tokenizer: %s: gives token %d to a model of %lld", folder,
                                most, (long long)vocab);
}

bool own_tokenizer_encode(const char *folder, int64_t vocab, const char *text, int64_t size, int32_t **out,
                          int64_t *n, int32_t *bos, Error *e) {
    Path scratch;
    Ids ids = {0};
    *out = NULL, *n = 0, *bos = -1;
    if (utf8_invalid_bytes(text, size) || (size && memchr(text, 0, (size_t)size)))
        return fail(e, EXIT_USAGE, "tokenizer: %s: takes UTF-8 without NUL, and the text is not that",
                    folder);
    if (!folder_scratch("tokenizer", &scratch, e)) return false;
    bool model = own_tokenizer_file(folder) == MODEL;
    bool ok = (model ? encode_model : encode_json)(folder, &scratch, text, size, &ids, bos, e);
    folder_remove(scratch.s);
    ok = ok && check_vocab(folder, vocab, &ids, *bos, e);
    if (ok) *out = ids.id, *n = ids.n;
    if (!ok) free(ids.id);
    return ok;
}

bool own_tokenizer_decode(const char *folder, const int32_t *ids, int64_t n, char **text, Error *e) {
    Spm s;
    Bytes out = {0};
    if (own_tokenizer_file(folder) != MODEL)
        return fail(e, EXIT_USAGE, "tokenizer: %s/%s: numbers are not turned back into text", folder, JSON);
    if (!spm_open(&s, folder, e)) return false;
    bool ok = true;
    for (int64_t i = 0; ok && i < n; i++) {
        bool there = ids[i] >= 0 && ids[i] < s.pieces.count;
        ok = !there || bytes_append(&out, s.pieces.piece[ids[i]].bytes, s.pieces.piece[ids[i]].length, e);
    }
    ok = ok && bytes_append(&out, "", 1, e);
    if (!ok) bytes_free(&out);
    *text = out.data;
    spm_close(&s);
    return ok;
}
