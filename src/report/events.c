/* Event files for TensorBoard (hebb/tensorboard.h). The numbers of fields are those of
   tensorflow/core/util/event.proto and tensorflow/core/framework/{summary,tensor}.proto; scalars,
   images and histograms have the fields that every version of TensorBoard reads. */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <hebb/image.h>

#include "events.h"
#include "wire.h"

enum { EVENT_TIME = 1, EVENT_STEP = 2, EVENT_VERSION = 3, EVENT_SUMMARY = 5 };
enum { SUMMARY_VALUE = 1 };
enum {
    VALUE_TAG = 1,
    VALUE_SCALAR = 2,
    VALUE_IMAGE = 4,
    VALUE_HISTOGRAM = 5,
    VALUE_TENSOR = 8,
    VALUE_METADATA = 9
};
enum { BUCKETS = 30 };

struct hebb_events {
    char *path;
    int file;
    int64_t size;
    hebb_status status;
    char message[512];
};

static hebb_status fail(hebb_events *e, hebb_status status, const char *format, ...) {
    if (e->status != HEBB_OK) return e->status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(e->message, sizeof e->message, format, arguments);
    va_end(arguments);
    return e->status = status;
}

static hebb_status out_of_memory(hebb_events *e) {
    return fail(e, HEBB_E_MEMORY, "out of memory: events");
}

hebb_status hebb_events_status(const hebb_events *e) { return e == NULL ? HEBB_E_NULL : e->status; }

const char *hebb_events_message(const hebb_events *e) {
    return e == NULL ? "the events are NULL" : e->message;
}

const char *hebb_events_path(const hebb_events *e) { return e == NULL ? NULL : e->path; }

int64_t hebb_events_size(const hebb_events *e) { return e == NULL ? 0 : e->size; }

/* ---- writing ---- */

/* Frees the event. What a failing write leaves behind is cut off, so that the file can be read. */
static hebb_status write_event(hebb_events *e, wire *event) {
    wire record = {0};
    hb_wire_record(&record, event->bytes, event->n);
    if (event->failed || record.failed) out_of_memory(e);
    for (size_t done = 0; e->status == HEBB_OK && done < record.n;) {
        ssize_t n = write(e->file, record.bytes + done, record.n - done);
        if (n < 0 && errno == EINTR) continue;
        if (n > 0) done += (size_t)n;
        else {
            fail(e, HEBB_E_FILE, "%s: cannot be written: %s", e->path, strerror(errno));
            if (ftruncate(e->file, e->size) != 0) break; /* the first error is told */
        }
    }
    if (e->status == HEBB_OK) e->size += (int64_t)record.n;
    hb_wire_free(&record);
    hb_wire_free(event);
    return e->status;
}

static wire begin_event(int64_t step) {
    struct timespec now;
    wire event = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    hb_wire_double(&event, EVENT_TIME, (double)now.tv_sec + 1e-9 * (double)now.tv_nsec);
    hb_wire_integer(&event, EVENT_STEP, step);
    return event;
}

/* Takes the value, a message that lacks only its tag. */
static hebb_status write_value(hebb_events *e, const char *tag, int64_t step, wire *content) {
    wire value = {0}, summary = {0}, event = begin_event(step);
    hb_wire_text(&value, VALUE_TAG, tag);
    hb_wire_put(&value, content->bytes, content->n);
    value.failed = value.failed || content->failed;
    hb_wire_free(content);
    hb_wire_message(&summary, SUMMARY_VALUE, &value);
    hb_wire_message(&event, EVENT_SUMMARY, &summary);
    return write_event(e, &event);
}

/* ---- opening ---- */

static bool make_directories(hebb_events *e, const char *path) {
    char *part = strdup(path);
    if (part == NULL) return out_of_memory(e), false;
    for (char *c = part + 1; *c != '\0'; c++) {
        if (*c != '/') continue;
        *c = '\0';
        mkdir(part, 0777); /* what is wrong with it, the last one tells */
        *c = '/';
    }
    bool fine = mkdir(part, 0777) == 0 || errno == EEXIST;
    int error = errno;
    free(part);
    errno = error;
    return fine;
}

/* "directory/name" */
static bool set_path(hebb_events *e, const char *directory, const char *name) {
    size_t size = strlen(directory) + strlen(name) + 2;
    free(e->path);
    e->path = malloc(size);
    if (e->path == NULL) return out_of_memory(e), false;
    snprintf(e->path, size, "%s/%s", directory, name);
    return true;
}

/* A name that sorts by time, and that no other file has. */
static bool create(hebb_events *e, const char *directory) {
    char host[64] = "host", name[160];
    gethostname(host, sizeof host - 1);
    for (unsigned k = 0; e->file < 0 && k < 100000; k++) {
        snprintf(name, sizeof name, "events.out.tfevents.%010lld.%s.%ld.%u", (long long)time(NULL),
                 host, (long)getpid(), k);
        if (!set_path(e, directory, name)) return false;
        e->file = open(e->path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND, 0666);
        if (e->file < 0 && errno != EEXIST) break;
    }
    return e->file >= 0;
}

/* The first record of a file. */
static void write_version(hebb_events *e) {
    struct timespec now;
    wire event = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    hb_wire_double(&event, EVENT_TIME, (double)now.tv_sec);
    hb_wire_text(&event, EVENT_VERSION, "brain.Event:2");
    write_event(e, &event);
}

static void open_new(hebb_events *e, const char *directory) {
    errno = 0;
    if (!make_directories(e, directory) || !create(e, directory)) {
        fail(e, HEBB_E_FILE, "%s: cannot be made: %s", e->path != NULL ? e->path : directory,
             strerror(errno));
    } else write_version(e);
}

hebb_events *hebb_events_open(const char *directory) {
    hebb_events *e = calloc(1, sizeof *e);
    if (e == NULL) return NULL;
    e->file = -1;
    if (directory == NULL || *directory == '\0')
        fail(e, directory == NULL ? HEBB_E_NULL : HEBB_E_ARGUMENT, "events_open: no directory");
    else open_new(e, directory);
    return e;
}

/* Whether the file was found and cut. */
static bool continue_file(hebb_events *e, const char *directory, const char *name, int64_t size) {
    struct stat about;
    if (strchr(name, '/') != NULL || !set_path(e, directory, name)) return false;
    e->file = open(e->path, O_WRONLY | O_APPEND);
    if (e->file >= 0 && fstat(e->file, &about) == 0 && about.st_size >= size &&
        ftruncate(e->file, size) == 0) {
        e->size = size;
        return true;
    }
    if (e->file >= 0) close(e->file);
    e->file = -1;
    return false;
}

hebb_events *hb_events_continue(const char *directory, const char *name, int64_t size) {
    hebb_events *e = calloc(1, sizeof *e);
    if (e == NULL) return NULL;
    e->file = -1;
    if (!continue_file(e, directory, name, size) && e->status == HEBB_OK) open_new(e, directory);
    return e;
}

void hebb_events_close(hebb_events *e) {
    if (e == NULL) return;
    if (e->file >= 0) close(e->file);
    free(e->path);
    free(e);
}

/* ---- what there is to log ---- */

/* Whether the call can go on. */
static bool check(hebb_events *e, const char *function, const char *tag, const void *what) {
    if (e == NULL || e->status != HEBB_OK) return false;
    if (tag != NULL && what != NULL) return true;
    fail(e, HEBB_E_NULL, "%s: %s is NULL", function, tag == NULL ? "the tag" : tag);
    return false;
}

hebb_status hebb_events_scalar(hebb_events *e, const char *tag, int64_t step, double value) {
    if (!check(e, "events_scalar", tag, tag)) return hebb_events_status(e);
    wire content = {0};
    hb_wire_float(&content, VALUE_SCALAR, (float)value);
    return write_value(e, tag, step, &content);
}

typedef struct moments {
    double low, high, n, sum, squares;
} moments;

static moments moments_of(const hebb_array *values) {
    moments m = {INFINITY, -INFINITY, 0, 0, 0};
    for (int64_t k = 0; k < hebb_array_count(values); k++) {
        double x = hebb_array_at(values, k);
        if (!isfinite(x)) continue;
        m.low = fmin(m.low, x);
        m.high = fmax(m.high, x);
        m.n++;
        m.sum += x;
        m.squares += x * x;
    }
    return m;
}

/* limits[k] is the upper end of interval k; equal values are in the first of them. */
static void count(const hebb_array *values, const moments *m, double *limits, double *counts) {
    double width = (m->high / BUCKETS - m->low / BUCKETS);
    for (int k = 0; k < BUCKETS; k++) {
        limits[k] = k + 1 < BUCKETS && width > 0 ? m->low + width * (k + 1) : m->high;
        counts[k] = 0;
    }
    for (int64_t k = 0; k < hebb_array_count(values); k++) {
        double x = hebb_array_at(values, k);
        if (!isfinite(x)) continue;
        int place = width > 0 ? (int)fmin(floor(x / width - m->low / width), BUCKETS - 1) : 0;
        counts[place < 0 ? 0 : place]++;
    }
}

hebb_status hebb_events_histogram(hebb_events *e, const char *tag, int64_t step,
                                  const hebb_array *values) {
    if (!check(e, "events_histogram", tag, values)) return hebb_events_status(e);
    double limits[BUCKETS], counts[BUCKETS];
    moments m = moments_of(values);
    if (m.n == 0) return HEBB_OK;
    count(values, &m, limits, counts);
    size_t n = m.high > m.low ? BUCKETS : 1;
    wire histogram = {0}, content = {0};
    const double numbers[] = {m.low, m.high, m.n, m.sum, m.squares};
    for (int k = 0; k < 5; k++) hb_wire_double(&histogram, k + 1, numbers[k]);
    hb_wire_doubles(&histogram, 6, limits, n);
    hb_wire_doubles(&histogram, 7, counts, n);
    hb_wire_message(&content, VALUE_HISTOGRAM, &histogram);
    return write_value(e, tag, step, &content);
}

hebb_status hebb_events_images(hebb_events *e, const char *tag, int64_t step,
                               const hebb_array *images) {
    if (!check(e, "events_images", tag, images)) return hebb_events_status(e);
    hebb_array picture = {0}, bytes = {0};
    char words[320];
    hebb_status status = hebb_image_grid(images, &picture, words, sizeof words);
    if (status == HEBB_OK) status = hebb_encode_png(&picture, &bytes, words, sizeof words);
    if (status == HEBB_OK) {
        wire image = {0}, content = {0};
        hb_wire_integer(&image, 1, picture.shape.dim[0]);
        hb_wire_integer(&image, 2, picture.shape.dim[1]);
        hb_wire_integer(&image, 3, picture.shape.rank == 2 ? 1 : picture.shape.dim[2]);
        hb_wire_bytes(&image, 4, bytes.data, hebb_array_bytes(&bytes));
        hb_wire_message(&content, VALUE_IMAGE, &image);
        write_value(e, tag, step, &content);
    } else fail(e, status, "events_images: %s: %s", tag, words);
    hebb_array_free(&picture);
    hebb_array_free(&bytes);
    return e->status;
}

hebb_status hebb_events_text(hebb_events *e, const char *tag, int64_t step, const char *text) {
    enum { DT_STRING = 7, DATA_CLASS_TENSOR = 2 };
    if (!check(e, "events_text", tag, text)) return hebb_events_status(e);
    wire tensor = {0}, plugin = {0}, metadata = {0}, content = {0}, scalar = {0};
    hb_wire_integer(&tensor, 1, DT_STRING);
    hb_wire_message(&tensor, 2, &scalar); /* its shape */
    hb_wire_text(&tensor, 8, text);
    hb_wire_text(&plugin, 1, "text");
    hb_wire_message(&metadata, 1, &plugin);
    hb_wire_integer(&metadata, 4, DATA_CLASS_TENSOR);
    hb_wire_message(&content, VALUE_TENSOR, &tensor);
    hb_wire_message(&content, VALUE_METADATA, &metadata);
    return write_value(e, tag, step, &content);
}
