#include "data/base/files.h"

#include "data/base/gzip.h"
#include "data/base/zstd.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <xxhash.h>

Path path_of(const char *format, ...) {
    Path p;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(p.s, sizeof p.s, format, args);
    va_end(args);
    if (n < 0 || n >= (int)sizeof p.s) p.s[0] = 0;
    return p;
}

static bool fail_path(Error *e, const char *path) {
    int why = *path ? errno : ENAMETOOLONG; /* path_of makes "" of a path too long */
    return fail(e, exit_code_of(why), "file: %s: %s", path, strerror(why));
}

static const char *kind_of_file(mode_t mode) {
    return S_ISFIFO(mode) ? "a FIFO" : S_ISSOCK(mode) ? "a socket" : S_ISDIR(mode) ? "a folder" : "a device";
}

int file_open(const char *path, int64_t *size, Error *e) {
    struct stat s;
    int fd = -1;
    bool found = stat(path, &s) == 0;
    if (found && S_ISREG(s.st_mode)) {
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* another file may be there by now */
        found = fd >= 0 && fstat(fd, &s) == 0;
    }
    if (found && S_ISREG(s.st_mode)) {
        if (size) *size = s.st_size;
        return fd;
    }
    if (found)
        fail(e, EXIT_USAGE, "file: %s: is %s (a regular file is needed)", path, kind_of_file(s.st_mode));
    else
        fail_path(e, path);
    if (fd >= 0) close(fd);
    return -1;
}

/* Appends all that an open file has, `size` bytes unless it grows meanwhile. */
static bool append_all(int fd, const char *path, int64_t size, Bytes *out, Error *e) {
    enum { MORE = 1 << 16 };
    for (int64_t room = size + 1;; room = MORE) {
        if (!bytes_reserve(out, room, e)) return false;
        ssize_t got = read(fd, out->data + out->size, (size_t)(out->capacity - out->size));
        if (got < 0 && errno != EINTR) return fail_path(e, path);
        if (got == 0) return true;
        if (got > 0) out->size += got;
    }
}

bool file_read_descriptor(int fd, const char *name, Bytes *out, Error *e) {
    int64_t before = out->size;
    bool ok = append_all(fd, name, 0, out, e);
    if (!ok) out->size = before;
    return ok;
}

static const struct Packing {
    bool (*begins)(const void *data, int64_t size);
    bool (*unpack)(const void *data, int64_t size, const char *name, Bytes *out, Error *e);
} packings[] = {{gzip_begins, gzip_unpack}, {zstd_begins, zstd_unpack}};

/* NULL: the bytes are as they are. */
static const struct Packing *packing_of(const void *data, int64_t size) {
    for (size_t i = 0; i < sizeof packings / sizeof *packings; i++)
        if (packings[i].begins(data, size)) return &packings[i];
    return NULL;
}

bool packed_begins(const void *data, int64_t size) {
    return packing_of(data, size);
}

bool file_read(const char *path, Bytes *out, Error *e) {
    char magic[4];
    int64_t size, before = out->size;
    int fd = file_open(path, &size, e);
    if (fd < 0) return false;
    const struct Packing *p = packing_of(magic, pread(fd, magic, sizeof magic, 0));
    Bytes packed = {0};
    bool ok = append_all(fd, path, size, p ? &packed : out, e) &&
              (!p || p->unpack(packed.data, packed.size, path, out, e));
    if (!ok) out->size = before;
    bytes_free(&packed);
    close(fd);
    return ok;
}

bool file_read_raw(const char *path, int64_t most, Bytes *out, Error *e) {
    int64_t size, before = out->size;
    int fd = file_open(path, &size, e);
    if (fd < 0) return false;
    bool ok = size <= most ? append_all(fd, path, size, out, e)
                           : fail(e, EXIT_USAGE,
                                  "file: %s: %lld bytes are too many for what it should be (at most %lld)",
                                  path, (long long)size, (long long)most);
    if (!ok) out->size = before;
    close(fd);
    return ok;
}

bool file_write(const char *path, const void *data, int64_t size, Error *e) {
    FILE *file = fopen(path, "wb");
    if (!file) return fail_path(e, path);
    bool ok = fwrite(data, 1, (size_t)size, file) == (size_t)size;
    ok = fclose(file) == 0 && ok;
    return ok ? true : fail_path(e, path);
}

bool file_replace(const char *path, const void *data, int64_t size, Error *e) {
    Path part = path_of("%s.%d.part", path, (int)getpid());
    if (file_write(part.s, data, size, NULL) && !rename(part.s, path)) return true;
    fail_path(e, *part.s ? path : part.s); /* by the name that was asked for */
    remove(part.s);
    return false;
}

bool file_map(const char *path, const void **data, int64_t *size, Error *e) {
    *data = NULL;
    *size = 0;
    int64_t bytes;
    int fd = file_open(path, &bytes, e);
    if (fd < 0) return false;
    void *map = bytes ? mmap(NULL, (size_t)bytes, PROT_READ, MAP_SHARED, fd, 0) : NULL;
    bool ok = map != MAP_FAILED;
    if (ok)
        *data = map, *size = bytes;
    else
        fail_path(e, path);
    close(fd);
    return ok;
}

bool file_copy(const char *from, const char *to, char *hash, Error *e) {
    const void *data;
    int64_t size;
    if (!file_map(from, &data, &size, e)) return false;
    bool ok = file_write(to, data, size, e);
    if (ok && hash) hash_hex(data, size, hash);
    if (data) munmap((void *)data, (size_t)size);
    return ok;
}

bool folder_scratch(const char *name, Path *out, Error *e) {
    const char *where = getenv("TMPDIR");
    *out = path_of("%s/sinklab-%s-XXXXXX", where && *where ? where : "/tmp", name);
    if (mkdtemp(out->s)) return true;
    fail(e, exit_code_of(errno), "%s: %s: %s", name, out->s, strerror(errno));
    out->s[0] = 0;
    return false;
}

bool folder_make(const char *path, Error *e) {
    Path p = path_of("%s", path);
    for (char *slash = p.s + 1; p.s[0]; slash++) {
        char was = *slash;
        if (was && was != '/') continue;
        *slash = 0;
        struct stat s;
        if (mkdir(p.s, 0777)) {
            int why = errno;
            bool there = stat(p.s, &s) == 0;
            errno = there ? ENOTDIR : why;
            if (!there || !S_ISDIR(s.st_mode)) return fail_path(e, p.s);
        }
        *slash = was;
        if (!was) return true;
    }
    return fail(e, EXIT_USAGE, "file: %s: not a path", path);
}

static int sync_one(const char *path, const struct stat *s, int type, struct FTW *at) {
    (void)s, (void)type, (void)at;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    int failed = fsync(fd);
    close(fd);
    return failed;
}

bool folder_sync(const char *path, Error *e) {
    return nftw(path, sync_one, 16, FTW_DEPTH | FTW_PHYS) == 0 ? true : fail_path(e, path);
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *at) {
    (void)s, (void)type, (void)at;
    return remove(path);
}

void folder_remove(const char *path) {
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *folder_lacks_room(const char *path) {
    enum { LITTLE = 1 << 20 };
    struct statvfs s;
    bool full = statvfs(path, &s) == 0 && s.f_bavail * s.f_frsize < LITTLE;
    return full ? "no space left on device" : "is the disk full?";
}

void hash_hex(const void *data, int64_t size, char hex[HASH_HEX]) {
    XXH128_hash_t h = XXH3_128bits(data, (size_t)size);
    snprintf(hex, HASH_HEX, "%016llx%016llx", (unsigned long long)h.high64, (unsigned long long)h.low64);
}

bool file_hash(const char *path, char hex[HASH_HEX], Error *e) {
    const void *data;
    int64_t size;
    if (!file_map(path, &data, &size, e)) return false;
    hash_hex(data, size, hex);
    if (data) munmap((void *)data, (size_t)size);
    return true;
}
