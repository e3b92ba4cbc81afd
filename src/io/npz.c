/* Reads NumPy's .npz archives (hebb/npy.h): the directory at the end of the file says where members
   are and how many bytes they have, which is checked before anything is allocated for them. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "names.h"
#include "npy.h"
#include "zip.h"

struct hebb_npz {
    hebb_names names;
    hebb_array *arrays;
    size_t count;
};

typedef struct reader {
    report report;
    FILE *file;
    int64_t bytes;     /* of the file */
    int64_t directory; /* its first byte */
    uint32_t directory_bytes, members;
    hebb_npz *result;
} reader;

typedef struct member {
    char *name;
    int method;
    uint32_t checksum, packed, whole; /* bytes in the file, and of what is in them */
    int64_t at;                       /* its local header */
} member;

/* ---- bytes of the file ---- */

static hebb_status read_at(const reader *r, int64_t at, void *bytes, size_t size) {
    if (fseeko(r->file, (off_t)at, SEEK_SET) == 0 && fread(bytes, 1, size, r->file) == size)
        return HEBB_OK;
    if (ferror(r->file))
        return hb_report(&r->report, HEBB_E_FILE, "byte %lld: cannot be read: %s", (long long)at,
                         strerror(errno));
    return hb_report(&r->report, HEBB_E_FORMAT, "truncated at byte %lld", (long long)r->bytes);
}

/* The end of the directory is the last thing in the file but for a comment of up to 65535 bytes. */
static hebb_status find_end(reader *r, unsigned char end[ZIP_END_BYTES]) {
    enum { MOST = ZIP_END_BYTES + UINT16_MAX };
    size_t size = r->bytes < MOST ? (size_t)r->bytes : MOST;
    unsigned char *tail = malloc(size + 1);
    if (tail == NULL) return hb_report(&r->report, HEBB_E_MEMORY, "out of memory");
    hebb_status status = read_at(r, r->bytes - (int64_t)size, tail, size);
    bool found = false;
    for (size_t k = ZIP_END_BYTES; status == HEBB_OK && !found && k <= size; k++) {
        const unsigned char *at = tail + size - k;
        found = zip_get(at, 4) == ZIP_END && zip_get(at + 20, 2) == k - ZIP_END_BYTES;
        if (found) memcpy(end, at, ZIP_END_BYTES);
        if (found) r->bytes -= (int64_t)k;
    }
    free(tail);
    if (status == HEBB_OK && !found)
        return hb_report(&r->report, HEBB_E_FORMAT,
                         "not a zip archive, or truncated: no directory ends at byte %lld",
                         (long long)r->bytes);
    return status;
}

static hebb_status find_directory(reader *r) {
    unsigned char end[ZIP_END_BYTES];
    hebb_status status = find_end(r, end);
    if (status != HEBB_OK) return status;
    r->members = zip_get(end + 10, 2);
    r->directory_bytes = zip_get(end + 12, 4);
    r->directory = zip_get(end + 16, 4);
    if (r->members == UINT16_MAX || r->directory_bytes == UINT32_MAX || r->directory == UINT32_MAX)
        return hb_report(&r->report, HEBB_E_UNSUPPORTED, "byte %lld: zip64", (long long)r->bytes);
    if (zip_get(end + 4, 4) != 0 || r->members != zip_get(end + 8, 2))
        return hb_report(&r->report, HEBB_E_UNSUPPORTED, "byte %lld: one part of several",
                         (long long)r->bytes);
    if (r->directory + r->directory_bytes != r->bytes)
        return hb_report(&r->report, HEBB_E_FORMAT,
                         "byte %lld: a directory of %lu bytes at byte %lld does not end here",
                         (long long)r->bytes, (unsigned long)r->directory_bytes,
                         (long long)r->directory);
    return HEBB_OK;
}

/* ---- a member's bytes, as a source ---- */

typedef struct stream {
    const reader *r;
    const member *m;
    z_stream z;
    uint32_t left;           /* of the packed bytes */
    uint32_t checksum, made; /* of what came out */
    bool ended;              /* deflate says so */
    unsigned char in[16384];
} stream;

static int64_t fail_stream(hb_source *s, hebb_status *status, hebb_status with, const char *what) {
    *status = hb_source_fail(s, with, "byte %lld of the member: %s", (long long)s->offset, what);
    return -1;
}

static bool fill(stream *t) {
    if (t->z.avail_in > 0 || t->left == 0) return true;
    size_t want = t->left < sizeof t->in ? t->left : sizeof t->in;
    if (fread(t->in, 1, want, t->r->file) != want) return false;
    t->left -= (uint32_t)want;
    t->z.next_in = t->in;
    t->z.avail_in = (uInt)want;
    return true;
}

/* Copies or inflates once; how many bytes came out, -1 if the data is corrupt. */
static int64_t unpack(stream *t, void *bytes, size_t want) {
    if (t->m->method == ZIP_STORED) {
        size_t now = want < t->z.avail_in ? want : t->z.avail_in;
        if (now > 0) memcpy(bytes, t->z.next_in, now);
        t->z.next_in += now;
        t->z.avail_in -= (uInt)now;
        t->ended = t->z.avail_in == 0 && t->left == 0;
        return (int64_t)now;
    }
    t->z.next_out = bytes;
    t->z.avail_out = (uInt)want;
    int code = inflate(&t->z, Z_NO_FLUSH);
    t->ended = code == Z_STREAM_END;
    if (code != Z_OK && code != Z_STREAM_END) return code == Z_MEM_ERROR ? -2 : -1;
    return (int64_t)(want - t->z.avail_out);
}

static int64_t pull_member(hb_source *s, void *bytes, size_t want, hebb_status *status) {
    stream *t = s->state;
    int64_t got = 0;
    if (want > (1u << 30)) want = 1u << 30;
    while (got == 0 && !t->ended) {
        if (!fill(t)) return fail_stream(s, status, HEBB_E_FILE, "cannot be read");
        got = unpack(t, bytes, want);
        if (got == -2) return fail_stream(s, status, HEBB_E_MEMORY, "out of memory");
        if (got < 0) return fail_stream(s, status, HEBB_E_FORMAT, "corrupt deflate data");
    }
    t->checksum = (uint32_t)crc32(t->checksum, bytes, (uInt)got);
    t->made += (uint32_t)got;
    if (got == 0 && (t->made != t->m->whole || t->left > 0 || t->z.avail_in > 0))
        return fail_stream(s, status, HEBB_E_FORMAT, "its size is not what the directory says");
    if (got == 0 && t->checksum != t->m->checksum)
        return fail_stream(s, status, HEBB_E_FORMAT, "its checksum is wrong");
    return got;
}

static hebb_status read_array(const reader *r, const member *m, hebb_array *array) {
    stream *t = calloc(1, sizeof *t);
    if (t == NULL || inflateInit2(&t->z, -MAX_WBITS) != Z_OK) {
        free(t);
        return hb_report(&r->report, HEBB_E_MEMORY, "out of memory");
    }
    t->r = r;
    t->m = m;
    t->left = m->packed;
    hb_source s = {.report = r->report, .part = m->name, .pull = pull_member, .state = t};
    hebb_status status = hb_npy_read(&s, array);
    inflateEnd(&t->z);
    free(t);
    return status;
}

/* ---- members ---- */

/* Where its bytes begin: the local header may have another extra field than the directory. */
static hebb_status seek_member(const reader *r, const member *m) {
    unsigned char local[ZIP_LOCAL_BYTES];
    if (m->at + ZIP_LOCAL_BYTES > r->directory)
        return hb_report(&r->report, HEBB_E_FORMAT, "%s: it begins at byte %lld, too late", m->name,
                         (long long)m->at);
    hebb_status status = read_at(r, m->at, local, sizeof local);
    if (status != HEBB_OK) return status;
    int64_t first = m->at + ZIP_LOCAL_BYTES + zip_get(local + 26, 2) + zip_get(local + 28, 2);
    if (zip_get(local, 4) != ZIP_LOCAL || first + m->packed > r->directory)
        return hb_report(&r->report, HEBB_E_FORMAT, "byte %lld: no member of %lu bytes (%s)",
                         (long long)m->at, (unsigned long)m->packed, m->name);
    if (fseeko(r->file, (off_t)first, SEEK_SET) != 0)
        return hb_report(&r->report, HEBB_E_FILE, "cannot be read: %s", strerror(errno));
    return HEBB_OK;
}

static hebb_status take_member(reader *r, const member *m) {
    hebb_npz *f = r->result;
    size_t length = strlen(m->name);
    if (length < 4 || strcmp(m->name + length - 4, ".npy") != 0) return HEBB_OK;
    if (m->packed == UINT32_MAX || m->whole == UINT32_MAX || m->at == UINT32_MAX)
        return hb_report(&r->report, HEBB_E_UNSUPPORTED, "%s: zip64", m->name);
    if (m->method != ZIP_STORED && m->method != ZIP_DEFLATED)
        return hb_report(&r->report, HEBB_E_UNSUPPORTED, "%s: %s %d", m->name,
                         m->method < 0 ? "encrypted" : "compressed by method", m->method);
    hebb_array array = {0};
    hebb_status status = seek_member(r, m);
    if (status == HEBB_OK) status = read_array(r, m, &array);
    if (status == HEBB_OK && !hb_names_add(&f->names, m->name, length - 4))
        status = hb_report(&r->report, HEBB_E_MEMORY, "out of memory");
    if (status == HEBB_OK) f->arrays[f->count++] = array;
    else hebb_array_free(&array);
    return status;
}

/* One entry of the directory; *at moves behind it. */
static hebb_status read_entry(reader *r, const unsigned char *directory, uint32_t *at) {
    const unsigned char *e = directory + *at;
    uint32_t left = r->directory_bytes - *at;
    uint32_t length = left < ZIP_CENTRAL_BYTES ? 0 : zip_get(e + 28, 2);
    uint64_t whole = left < ZIP_CENTRAL_BYTES ? 0
                                              : (uint64_t)ZIP_CENTRAL_BYTES + length +
                                                    zip_get(e + 30, 2) + zip_get(e + 32, 2);
    if (whole == 0 || whole > left || zip_get(e, 4) != ZIP_CENTRAL)
        return hb_report(&r->report, HEBB_E_FORMAT, "byte %lld: no entry of the directory",
                         (long long)(r->directory + *at));
    member m = {.name = malloc(length + 1),
                .method = zip_get(e + 8, 2) & 1 ? -1 : (int)zip_get(e + 10, 2),
                .checksum = zip_get(e + 16, 4),
                .packed = zip_get(e + 20, 4),
                .whole = zip_get(e + 24, 4),
                .at = zip_get(e + 42, 4)};
    if (m.name == NULL) return hb_report(&r->report, HEBB_E_MEMORY, "out of memory");
    memcpy(m.name, e + ZIP_CENTRAL_BYTES, length);
    m.name[length] = '\0';
    hebb_status status = take_member(r, &m);
    free(m.name);
    *at += (uint32_t)whole;
    return status;
}

static hebb_status read_members(reader *r) {
    unsigned char *directory = malloc((size_t)r->directory_bytes + 1);
    r->result->arrays = calloc((size_t)r->members + 1, sizeof *r->result->arrays);
    hebb_status status = HEBB_OK;
    if (directory == NULL || r->result->arrays == NULL)
        status = hb_report(&r->report, HEBB_E_MEMORY, "out of memory");
    if (status == HEBB_OK) status = read_at(r, r->directory, directory, r->directory_bytes);
    uint32_t at = 0;
    for (uint32_t k = 0; status == HEBB_OK && k < r->members; k++)
        status = read_entry(r, directory, &at);
    if (status == HEBB_OK && at != r->directory_bytes)
        status = hb_report(&r->report, HEBB_E_FORMAT, "byte %lld: the directory has %lu entries",
                           (long long)(r->directory + at), (unsigned long)r->members);
    free(directory);
    return status;
}

static hebb_status read_file(reader *r) {
    struct stat about;
    if (fstat(fileno(r->file), &about) != 0 || !S_ISREG(about.st_mode))
        return hb_report(&r->report, HEBB_E_FILE, "not a regular file");
    r->bytes = about.st_size;
    hebb_status status = find_directory(r);
    return status == HEBB_OK ? read_members(r) : status;
}

hebb_status hebb_npz_read(const char *path, hebb_npz **file, char *message, size_t size) {
    reader r = {0};
    if (file != NULL) *file = NULL;
    hebb_status status = hb_report_begin(&r.report, path, message, size);
    if (status != HEBB_OK) return status;
    if (file == NULL) return hb_report(&r.report, HEBB_E_NULL, "the file is NULL");
    r.result = calloc(1, sizeof *r.result);
    if (r.result == NULL) return hb_report(&r.report, HEBB_E_MEMORY, "out of memory");
    errno = 0;
    r.file = fopen(path, "rb");
    if (r.file == NULL)
        status = hb_report(&r.report, errno == ENOMEM ? HEBB_E_MEMORY : HEBB_E_FILE,
                           "cannot be opened: %s", strerror(errno));
    else status = read_file(&r);
    if (r.file != NULL) fclose(r.file);
    if (status == HEBB_OK) *file = r.result;
    else hebb_npz_destroy(r.result);
    return status;
}

/* ---- looking ---- */

void hebb_npz_destroy(hebb_npz *file) {
    if (file == NULL) return;
    for (size_t k = 0; k < file->count; k++) hebb_array_free(&file->arrays[k]);
    free(file->arrays);
    hebb_names_free(&file->names);
    free(file);
}

size_t hebb_npz_count(const hebb_npz *file) { return file == NULL ? 0 : file->count; }

const char *hebb_npz_name(const hebb_npz *file, size_t index) {
    return index < hebb_npz_count(file) ? file->names.at[index] : NULL;
}

const hebb_array *hebb_npz_array(const hebb_npz *file, size_t index) {
    return index < hebb_npz_count(file) ? &file->arrays[index] : NULL;
}

const hebb_array *hebb_npz_find(const hebb_npz *file, const char *name) {
    int64_t index = file == NULL ? -1 : hebb_names_find(&file->names, name);
    return index < 0 ? NULL : &file->arrays[index];
}
