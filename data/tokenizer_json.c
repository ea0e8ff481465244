#include "data/tokenizer_json.h"

#include "data/utf8.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* ---- pieces ---- */

/* <unk>, <s> and </s> have no text; of bytes there is BOS alone. */
static const char *control_name(const Codec *c, int32_t id) {
    static const char *const names[] = {"<unk>", "<s>", "</s>"};
    if (id == c->pieces.bos) return "<s>";
    return id < 3 ? names[id] : NULL;
}

static bool is_byte(const Pieces *p, int32_t id) {
    const Piece *x = &p->piece[id];
    return x->length == 1 && p->byte[(unsigned char)*x->bytes] == id;
}

static json_t *spelling(const Codec *c, int32_t id) {
    const Piece *x = &c->pieces.piece[id];
    if (!x->length) return json_pack("s", control_name(c, id));
    if (is_byte(&c->pieces, id)) return json_sprintf("<0x%02X>", (unsigned char)*x->bytes);
    return json_stringn(x->bytes, (size_t)x->length);
}

static json_t *vocabulary(const Codec *c) {
    json_t *all = json_object();
    for (int32_t id = 0; id < c->pieces.count; id++) {
        json_t *name = spelling(c, id);
        if (!name || json_object_set_new(all, json_string_value(name), json_integer(id))) {
            json_decref(name);
            json_decref(all);
            return NULL;
        }
        json_decref(name);
    }
    return all;
}

/* ---- merges ---- */

static bool is_piece(const json_t *vocab, const char *text, int length) {
    return json_object_getn(vocab, text, (size_t)length) != NULL;
}

static bool add_splits(json_t *merges, const json_t *vocab, const Piece *x) {
    const unsigned char *text = (const unsigned char *)x->bytes;
    for (int left = utf8_length(text, x->length); left && left < x->length;
         left += utf8_length(text + left, x->length - left)) {
        if (!is_piece(vocab, x->bytes, left) || !is_piece(vocab, x->bytes + left, x->length - left)) continue;
        json_t *pair = json_array();
        json_array_append_new(pair, json_stringn(x->bytes, (size_t)left));
        json_array_append_new(pair, json_stringn(x->bytes + left, (size_t)(x->length - left)));
        if (json_array_size(pair) != 2 || json_array_append_new(merges, pair)) return false;
    }
    return true;
}

/* Every way in which a piece comes of two, in the order of the pieces, which is that of their scores. */
static json_t *merges_of(const Pieces *p, const json_t *vocab) {
    json_t *all = json_array();
    for (int32_t id = 0; id < p->count; id++) {
        const Piece *x = &p->piece[id];
        if (x->length > 1 && !add_splits(all, vocab, x)) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
}

/* ---- the file ---- */

/* A space and the word behind it are merged apart from others where a space can only begin a piece. */
static json_t *words(const Pieces *p) {
    for (int32_t id = 0; id < p->count; id++) {
        const Piece *x = &p->piece[id];
        if (x->length > 1 && memchr(x->bytes + 1, ' ', (size_t)x->length - 1)) return json_null();
    }
    return json_pack("{s:s, s:{s:s}, s:s, s:b}", "type", "Split", "pattern", "Regex", " ?[^ ]+| ", "behavior",
                     "Isolated", "invert", 0);
}

static json_t *template_of(bool bos, int32_t id) {
    if (!bos) return json_null();
    json_t *begin = json_pack("{s:{s:s, s:i}}", "SpecialToken", "id", "<s>", "type_id", 0);
    json_t *first = json_pack("{s:{s:s, s:i}}", "Sequence", "id", "A", "type_id", 0);
    json_t *second = json_pack("{s:{s:s, s:i}}", "Sequence", "id", "B", "type_id", 0);
    return json_pack("{s:s, s:[O, O], s:[o, o, o], s:{s:{s:s, s:[i], s:[s]}}}", "type", "TemplateProcessing",
                     "single", begin, first, "pair", begin, first, second, "special_tokens", "<s>", "id",
                     "<s>", "ids", (int)id, "tokens", "<s>");
}

static json_t *special_tokens(const Codec *c) {
    json_t *all = json_array();
    for (int32_t id = 0; id < c->pieces.count; id++)
        if (!c->pieces.piece[id].length && control_name(c, id) &&
            json_array_append_new(all, json_pack("{s:i, s:s, s:b, s:b, s:b, s:b, s:b}", "id", (int)id,
                                                 "content", control_name(c, id), "single_word", 0, "lstrip",
                                                 0, "rstrip", 0, "normalized", 0, "special", 1))) {
            json_decref(all);
            return NULL;
        }
    return all;
}

static json_t *tokenizer(const Codec *c, bool bos) {
    json_t *vocab = vocabulary(c), *merges = vocab ? merges_of(&c->pieces, vocab) : NULL;
    json_t *model = json_pack("{s:s, s:n, s:n, s:n, s:n, s:b, s:b, s:b, s:o, s:o}", "type", "BPE", "dropout",
                              "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", 0,
                              "byte_fallback", 1, "ignore_merges", 0, "vocab", vocab, "merges", merges);
    return json_pack("{s:s, s:n, s:n, s:o, s:n, s:o, s:o, s:{s:s, s:[{s:s}, {s:s}]}, s:o}", "version", "1.0",
                     "truncation", "padding", "added_tokens", special_tokens(c), "normalizer",
                     "pre_tokenizer", words(&c->pieces), "post_processor", template_of(bos, c->pieces.bos),
                     "decoder", "type", "Sequence", "decoders", "type", "ByteFallback", "type", "Fuse",
                     "model", model);
}

bool tokenizer_json_write(const Codec *c, bool bos, const char *folder, Error *e) {
    Path path = path_of("%s/tokenizer.json", folder);
    json_t *all = tokenizer(c, bos);
    if (!all) return fail(e, EXIT_FAILED, "memory: %s: none left", path.s);
    bool ok = !json_dump_file(all, path.s, JSON_INDENT(1)) ||
              fail(e, EXIT_FAILED, "tokenizer: %s: %s", path.s, strerror(errno));
    json_decref(all);
    return ok;
}
