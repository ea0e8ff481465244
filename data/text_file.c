#include "data/text_file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char UNPACK[] = "unpack it first", CONVERT[] = "convert it to UTF-8: iconv -f UTF-16 -t UTF-8",
                  CONVERT_32[] = "convert it to UTF-8: iconv -f UTF-32 -t UTF-8",
                  EXTRACT[] = "write its text to a file first",
                  ENCODED[] = "its tokens are of another tokenizer: give the text they were made from",
                  SHARD[] = "data.tokenizer: ids takes it; or give the text that it was made from",
                  REMOVE[] = "leave it out of the texts' folder";

/* The bytes `mark` at place `at`. The first row that fits counts. */
typedef struct Format {
    int at, length;
    const char *mark;
    NoText is;
} Format;

#define MARK(at, bytes) at, sizeof bytes - 1, bytes

static const Format formats[] = {
    {MARK(0, "PK\3\4"), {"a zip archive", UNPACK}},
    {MARK(0, "PK\5\6"), {"a zip archive", UNPACK}},
    {MARK(0, "\xFD"
             "7zXZ"),
     {"an xz file", UNPACK}},
    {MARK(0, "\x28\xB5\x2F\xFD"), {"zstd within another packing", UNPACK}},
    {MARK(4, "1AY&SY"), {"a bzip2 file", UNPACK}},
    {MARK(0, "\x1F\x8B"), {"gzip within gzip", UNPACK}},
    {MARK(0, "\x1F\x9D"), {"a file of compress", UNPACK}},
    {MARK(0, "\x04\x22\x4D\x18"), {"an lz4 file", UNPACK}},
    {MARK(0, "LZIP\1"), {"an lzip file", UNPACK}},
    {MARK(0, "7z\xBC\xAF\x27\x1C"), {"a 7z archive", UNPACK}},
    {MARK(0, "Rar!\x1A\7"), {"a rar archive", UNPACK}},
    {MARK(257, "ustar"), {"a tar archive", UNPACK}},
    {MARK(0, "!<arch>\n"), {"an ar archive", UNPACK}},
    {MARK(0, "\xFF\xFE\0\0"), {"UTF-32", CONVERT_32}},
    {MARK(0, "\0\0\xFE\xFF"), {"UTF-32", CONVERT_32}},
    {MARK(0, "\xFF\xFE"), {"UTF-16", CONVERT}},
    {MARK(0, "\xFE\xFF"), {"UTF-16", CONVERT}},
    {MARK(0, "PAR1"), {"a Parquet table", EXTRACT}},
    {MARK(0, "ARROW1\0\0"), {"an Arrow table", EXTRACT}},
    {MARK(0, "Obj\1"), {"an Avro table", EXTRACT}},
    {MARK(0, "\x89HDF\r\n"), {"an HDF5 file", EXTRACT}},
    {MARK(0, "SQLite format 3\0"), {"an SQLite database", EXTRACT}},
    {MARK(0, "%PDF-"), {"a PDF", EXTRACT}},
    {MARK(0, "{\\rtf"), {"rich text", EXTRACT}},
    {MARK(0, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"), {"an Office document", EXTRACT}},
    {MARK(0, "version https://git-lfs.github.com/spec/"),
     {"a pointer of Git LFS", "get the file: git lfs pull"}},
    {MARK(0, "\x88\xD8\x34\1"), {"a token file of llm.c", SHARD}}, /* 20240520: uint16 */
    {MARK(0, "\xA1\xD9\x34\1"), {"a token file of llm.c", SHARD}}, /* 20240801: uint32 */
    {MARK(0, "\x93NUMPY"), {"a NumPy array", ENCODED}},
    {MARK(5, "\0\0\0{"), {"safetensors", REMOVE}}, /* a header of less than 2^40 bytes */
    {MARK(0, "GGUF\2\0\0\0"), {"GGUF", REMOVE}},
    {MARK(0, "GGUF\3\0\0\0"), {"GGUF", REMOVE}},
    {MARK(0, "\x7F"
             "ELF"),
     {"a program", REMOVE}},
    {MARK(0, "\x89PNG"), {"an image", REMOVE}},
    {MARK(0, "\xFF\xD8\xFF"), {"an image", REMOVE}},
    {MARK(0, "GIF87a"), {"an image", REMOVE}},
    {MARK(0, "GIF89a"), {"an image", REMOVE}},
};

static NoText by_mark(const char *head, int64_t size) {
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const Format *f = &formats[i];
        if (size >= f->at + f->length && memcmp(head + f->at, f->mark, (size_t)f->length) == 0) return f->is;
    }
    return (NoText){0};
}

/* Bytes that texts do not have: controls other than bell to carriage return, and escape. */
static bool is_control(unsigned char c) {
    return c < 7 || (c > 13 && c < 27) || (c > 27 && c < 32);
}

/* Judges by control bytes at even and at odd places: 16-bit characters of Latin text are half zeros, 16-bit
 * tokens have their high bytes among the controls, and what is packed or random has a control in ten bytes.
 */
static NoText by_controls(const char *head, int64_t size) {
    int64_t zeros[2] = {0}, controls[2] = {0};
    for (int64_t i = 0; i < size; i++) {
        zeros[i % 2] += head[i] == 0;
        controls[i % 2] += is_control((unsigned char)head[i]);
    }
    int high = zeros[1] > zeros[0];
    if (5 * zeros[high] > size && 20 * zeros[!high] < size && 20 * controls[!high] < size)
        return (NoText){"UTF-16", CONVERT};
    if (5 * controls[1] > size / 2 && controls[1] > 2 * controls[0])
        return (NoText){"16-bit numbers, as files of tokens have", SHARD};
    if (100 * (controls[0] + controls[1]) > size)
        return (NoText){"binary data, with more than one control character in a hundred bytes", REMOVE};
    return (NoText){0};
}

/* The length of a line without its end. */
static int64_t line_length(const char *at, const char *end) {
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    int64_t n = (newline ? newline : end) - at;
    return n && at[n - 1] == '\r' ? n - 1 : n;
}

/* Whether a line is an object of JSON, as far as its ends tell; `cut`: the line may go on. */
static bool is_object(const char *line, int64_t n, bool cut) {
    return n > 1 && line[0] == '{' && (line[1] == '"' || line[1] == ' ') && memchr(line, ':', (size_t)n) &&
           (cut || line[n - 1] == '}');
}

static const NoText json = {"JSON lines", "name the field that has the text: data.source: PATH#FIELD"};

/* An object a line, twice, or once with a "text". */
static NoText by_lines(const char *head, int64_t size, bool whole) {
    const char *end = head + size;
    int64_t first = line_length(head, end);
    const char *second = memchr(head, '\n', (size_t)size);
    if (!is_object(head, first, !second && !whole)) return (NoText){0};
    if (memmem(head, (size_t)first, "\"text\"", 6)) return json;
    if (!second || ++second == end) return (NoText){0};
    int64_t n = line_length(second, end);
    return is_object(second, n, !whole && !memchr(second, '\n', (size_t)(end - second))) ? json : (NoText){0};
}

NoText no_text(const char *head, int64_t size, bool whole) {
    NoText is = {0};
    if (size) is = by_mark(head, size);
    if (size && !is.name) is = by_controls(head, size);
    if (size && !is.name) is = by_lines(head, size, whole);
    return is;
}

/* An object alone may be a text: its file's name tells. */
static bool is_named_lines(const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    return strstr(name, ".jsonl") || strstr(name, ".ndjson");
}

static bool accept(const char *path, const char *head, int64_t size, bool whole, Error *e) {
    NoText is = no_text(head, size, whole);
    if (!is.name && size && is_named_lines(path)) is = json;
    return is.name
               ? fail(e, EXIT_USAGE, "text: %s: looks like %s, not like text (%s)", path, is.name, is.hint)
               : true;
}

/* Reads the first bytes of a file as they are on the disk. */
static bool read_head(const char *path, char *head, int64_t *size, Error *e) {
    int fd = file_open(path, NULL, e);
    if (fd < 0) return false;
    *size = pread(fd, head, TEXT_HEAD, 0);
    int why = errno;
    close(fd);
    return *size >= 0 ? true : fail(e, EXIT_FAILED, "file: %s: %s", path, strerror(why));
}

bool text_file_read(const char *path, Bytes *out, Error *e) {
    int64_t before = out->size, size = 0;
    if (!bytes_reserve(out, TEXT_HEAD, e) || !read_head(path, out->data + before, &size, e)) return false;
    bool packed = packed_begins(out->data + before, size);
    if (!packed && !accept(path, out->data + before, size, size < TEXT_HEAD, e)) return false;
    if (!file_read(path, out, e)) return false;
    size = out->size - before;
    bool whole = size <= TEXT_HEAD;
    if (!packed || accept(path, out->data + before, whole ? size : TEXT_HEAD, whole, e)) return true;
    out->size = before;
    return false;
}
