/* What readers and writers of files share: where errors go, a file that is read from its beginning
   and distrusted, a file that is written aside. Nothing here reaches below the public interface. */
#ifndef HB_FILE_H
#define HB_FILE_H

#include <hebb/array.h>

/* ---- errors (report.c) ---- */

/* Where errors of one file go. */
typedef struct report {
    const char *path;
    char *message;
    size_t size;
} report;

/* Makes the message empty. HEBB_E_NULL if the path is NULL. */
hebb_status hb_report_begin(report *r, const char *path, char *message, size_t size);
/* Writes "path: ..." and returns the status. */
hebb_status hb_report(const report *r, hebb_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- reading (source.c) ---- */

/* Bytes one after the other, of a file (plain or gzip-compressed alike) or of a part of one. */
typedef struct hb_source hb_source;
struct hb_source {
    report report;
    const char *part;  /* of an archive, for messages; NULL: the whole file */
    int64_t offset;    /* bytes read so far, uncompressed */
    char promise[160]; /* what the header says, for messages; "" before it is known */
    /* Reads up to `want` bytes: none only at the end; -1 after an error, which it reports. */
    int64_t (*pull)(hb_source *source, void *bytes, size_t want, hebb_status *status);
    void *state;
};

/* HEBB_E_NULL also if there is no place for the result. */
hebb_status hb_source_open(hb_source *source, const char *path, const void *result, char *message,
                           size_t size);
void hb_source_close(hb_source *source);
/* "path: part: ..." */
hebb_status hb_source_fail(const hb_source *source, hebb_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Up to `want` bytes, *got of them: fewer only at the end. */
hebb_status hb_source_some(hb_source *source, void *bytes, size_t want, size_t *got);
/* Exactly `want` bytes, or HEBB_E_FORMAT: truncated. */
hebb_status hb_source_read(hb_source *source, void *bytes, size_t want);
/* Nothing may follow. */
hebb_status hb_source_end(hb_source *source);

/* Elements of a file, `size` bytes each, into elements of an array. */
typedef void hb_convert(const void *how, const unsigned char *from, void *to, size_t count);
/* Reads `count` elements into `array` (emptied), in one dimension. A header may promise more than
   the file holds, so that memory is taken as the file fills it. `size` is at most 16. */
hebb_status hb_source_elements(hb_source *source, hebb_dtype dtype, int64_t count, size_t size,
                               hb_convert *convert, const void *how, hebb_array *array);
/* Room for `count` elements in one dimension; keeps the first `used` ones. */
hebb_status hb_source_grow(hb_source *source, hebb_array *array, hebb_dtype dtype, int64_t count,
                           int64_t used);

/* ---- writing (aside.c) ---- */

/* A file that is written under another name, flushed, then renamed, so that whoever reads finds the
   old file or the new one, each complete. What is there and is no ordinary file (a pipe, /dev/null)
   is written to as it is, and not replaced. */
typedef struct hb_aside {
    report report;
    char *name; /* what is written; NULL: the path itself */
    int file;
    int64_t offset; /* bytes written */
} hb_aside;

hebb_status hb_aside_open(hb_aside *aside, const report *r);
hebb_status hb_aside_write(hb_aside *aside, const void *bytes, size_t size);
/* Writes over what was written at that byte. */
hebb_status hb_aside_patch(hb_aside *aside, int64_t at, const void *bytes, size_t size);
/* Puts the file in its place if all went well so far, else removes what there is. */
hebb_status hb_aside_close(hb_aside *aside, hebb_status status);

#endif
