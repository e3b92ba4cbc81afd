/* Reads files from their beginning (file.h). zlib reads plain files and gzip alike, so nothing here
   knows which of the two it has. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "file.h"

/* This much is asked for at first, and twice as much whenever that has been filled. */
#define FIRST_BYTES ((int64_t)64 << 20)
#define BLOCK_BYTES 16384      /* read and converted at a time */
#define MOST_BYTES  (1u << 30) /* a call of zlib counts in int */

hebb_status hb_source_fail(const hb_source *s, hebb_status status, const char *format, ...) {
    char words[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    if (s->part == NULL) return hb_report(&s->report, status, "%s", words);
    return hb_report(&s->report, status, "%s: %s", s->part, words);
}

static hebb_status fail_truncated(const hb_source *s) {
    const char *promise = s->promise[0] != 0 ? s->promise : "the header is not complete";
    return hb_source_fail(s, HEBB_E_FORMAT, "truncated at byte %lld: %s", (long long)s->offset,
                          promise);
}

/* ---- files ---- */

/* zlib's last error on the file as a status with words; HEBB_OK if there is none. */
static hebb_status stream_error(const hb_source *s) {
    int code = Z_OK;
    int reason = errno;
    const char *words = gzerror(s->state, &code);
    /* zlib puts the path in front, and so does hb_report(). */
    size_t length = strlen(s->report.path);
    if (strncmp(words, s->report.path, length) == 0 && strncmp(words + length, ": ", 2) == 0)
        words += length + 2;
    long long offset = (long long)s->offset;
    switch (code) {
    case Z_OK:
    case Z_STREAM_END: return HEBB_OK;
    case Z_BUF_ERROR: return fail_truncated(s); /* the compressed stream stops short */
    case Z_MEM_ERROR:
        return hb_source_fail(s, HEBB_E_MEMORY, "out of memory after byte %lld", offset);
    case Z_ERRNO:
        return hb_source_fail(s, HEBB_E_FILE, "cannot be read after byte %lld: %s", offset,
                              strerror(reason));
    default:
        return hb_source_fail(s, HEBB_E_FORMAT, "corrupt gzip data after byte %lld: %s", offset,
                              words);
    }
}

static int64_t pull_file(hb_source *s, void *bytes, size_t want, hebb_status *status) {
    int got = gzread(s->state, bytes, (unsigned)(want < MOST_BYTES ? want : MOST_BYTES));
    if (got > 0) return got;
    *status = stream_error(s);
    return *status != HEBB_OK ? -1 : 0;
}

hebb_status hb_source_open(hb_source *s, const char *path, const void *result, char *message,
                           size_t size) {
    *s = (hb_source){.pull = pull_file};
    hebb_status status = hb_report_begin(&s->report, path, message, size);
    if (status != HEBB_OK) return status;
    if (result == NULL) return hb_report(&s->report, HEBB_E_NULL, "the array is NULL");
    errno = 0;
    s->state = gzopen(path, "rb");
    if (s->state == NULL && (errno == 0 || errno == ENOMEM))
        return hb_report(&s->report, HEBB_E_MEMORY, "cannot be opened: out of memory");
    if (s->state == NULL)
        return hb_report(&s->report, HEBB_E_FILE, "cannot be opened: %s", strerror(errno));
    return HEBB_OK;
}

void hb_source_close(hb_source *s) {
    if (s->state != NULL) gzclose(s->state);
    s->state = NULL;
}

/* ---- bytes ---- */

hebb_status hb_source_some(hb_source *s, void *bytes, size_t want, size_t *got) {
    hebb_status status = HEBB_OK;
    for (*got = 0; *got < want;) {
        int64_t n = s->pull(s, (char *)bytes + *got, want - *got, &status);
        if (n < 0) return status;
        if (n == 0) break;
        s->offset += n;
        *got += (size_t)n;
    }
    return HEBB_OK;
}

hebb_status hb_source_read(hb_source *s, void *bytes, size_t want) {
    size_t got;
    hebb_status status = hb_source_some(s, bytes, want, &got);
    return status == HEBB_OK && got < want ? fail_truncated(s) : status;
}

/* Reading past the end also makes zlib compare the checksum. */
hebb_status hb_source_end(hb_source *s) {
    unsigned char extra;
    size_t got;
    int64_t end = s->offset;
    hebb_status status = hb_source_some(s, &extra, 1, &got);
    if (status != HEBB_OK || got == 0) return status;
    return hb_source_fail(s, HEBB_E_FORMAT, "trailing bytes after byte %lld: %s", (long long)end,
                          s->promise);
}

/* ---- elements ---- */

hebb_status hb_source_grow(hb_source *s, hebb_array *array, hebb_dtype dtype, int64_t count,
                           int64_t used) {
    hebb_array larger = {0};
    hebb_status status = hebb_array_resize(&larger, dtype, HEBB_SHAPE(count));
    if (status != HEBB_OK)
        return hb_source_fail(s, status, "no memory for %lld elements: %s", (long long)count,
                              s->promise);
    if (used > 0) memcpy(larger.data, array->data, (size_t)used * hebb_dtype_size(dtype));
    hebb_array_free(array);
    *array = larger;
    return HEBB_OK;
}

hebb_status hb_source_elements(hb_source *s, hebb_dtype dtype, int64_t count, size_t size,
                               hb_convert *convert, const void *how, hebb_array *array) {
    unsigned char block[BLOCK_BYTES];
    int64_t element = (int64_t)hebb_dtype_size(dtype);
    int64_t most = BLOCK_BYTES / (int64_t)size;
    int64_t room = FIRST_BYTES / element < count ? FIRST_BYTES / element : count;
    hebb_status status = hb_source_grow(s, array, dtype, room, 0);
    for (int64_t done = 0; status == HEBB_OK && done < count;) {
        if (done == room) {
            room = count / 2 > room ? 2 * room : count;
            status = hb_source_grow(s, array, dtype, room, done);
            if (status != HEBB_OK) break;
        }
        int64_t now = room - done < most ? room - done : most;
        status = hb_source_read(s, block, (size_t)now * size);
        if (status != HEBB_OK) break;
        convert(how, block, (char *)array->data + done * element, (size_t)now);
        done += now;
    }
    return status;
}
