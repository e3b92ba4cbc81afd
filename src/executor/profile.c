/* HEBB_PROFILE: gathers the steps of a session's runs and appends them to the file, which is
   valid JSON after every write. What a trace's fields mean is said in the "Trace Event Format" of
   the Chromium project. */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "profile.h"

enum {
    NESTED = 8, /* steps within steps: scans in scans; the time of deeper ones is their scan's */
    MUCH = 1 << 20,
};

struct hb_profile {
    hb_watch watch;
    char *path;
    double began[NESTED];
    int depth;
    char *text; /* events, each ",\n{...}" */
    size_t length, room;
    bool lost; /* out of memory: an event is missing */
};

static const char ending[] = "\n]\n";

static double microseconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

/* ---- text ---- */

static void __attribute__((format(printf, 2, 3))) add(hb_profile *p, const char *format, ...) {
    va_list arguments;
    for (;;) {
        const size_t left = p->room - p->length;
        va_start(arguments, format);
        const int n = vsnprintf(left ? p->text + p->length : NULL, left, format, arguments);
        va_end(arguments);
        if (n >= 0 && (size_t)n < left) {
            p->length += (size_t)n;
            return;
        }
        char *larger = n < 0 ? NULL : realloc(p->text, 2 * p->room + (size_t)n + 1);
        if (larger == NULL) {
            p->lost = true;
            return;
        }
        p->text = larger;
        p->room = 2 * p->room + (size_t)n + 1;
    }
}

static void add_string(hb_profile *p, const char *text) {
    add(p, "\"");
    for (; *text != '\0'; text++)
        if (*text == '"' || *text == '\\' || (unsigned char)*text < ' ')
            add(p, "\\u%04x", (unsigned)*text);
        else add(p, "%c", *text);
    add(p, "\"");
}

static void add_sizes(hb_profile *p, const char *name, const int64_t *dim, int rank) {
    add(p, "%s[", name);
    for (int k = 0; k < rank; k++) add(p, "%s%" PRId64, k > 0 ? ", " : "", dim[k]);
    add(p, "]");
}

/* ---- what a step works on ---- */

static void add_space(hb_profile *p, const hb_loop *loop) {
    add_sizes(p, "", loop->dim, loop->rank);
    for (int k = 0, n = 0; k < loop->rank; k++)
        if (loop->reduce[k]) add(p, "%s %d", n++ > 0 ? "," : " reduced over", k);
}

static void add_conv(hb_profile *p, const hb_conv *c) {
    add_sizes(p, "in ", (const int64_t[]){c->batch, c->groups * c->in_channels}, 2);
    add_sizes(p, " x ", c->in, 3);
    add_sizes(p, ", kernel ", c->kernel, 3);
    add_sizes(p, ", stride ", c->stride, 3);
    add_sizes(p, ", out ", (const int64_t[]){c->batch, c->groups * c->out_channels}, 2);
    add_sizes(p, " x ", c->out, 3);
}

static void add_shapes(hb_profile *p, const hb_step *step) {
    const hb_gemm *g = &step->u.gemm;
    const hb_fold *f = &step->u.fold;
    const hb_along *a = &step->u.along;
    const hb_indexed *x = &step->u.indexed;
    switch (step->kind) {
    case HB_LOOP: add_space(p, &step->u.loop); break;
    case HB_GEMM:
        if (g->n_batch > 0) add_sizes(p, "batch ", g->batch, g->n_batch);
        add_sizes(p, g->n_batch > 0 ? " m, k, n " : "m, k, n ", (const int64_t[]){g->m, g->k, g->n},
                  3);
        break;
    case HB_GATHER:
    case HB_SCATTER_ADD:
    case HB_SCATTER_SET:
        add_sizes(p, "rows, width, count ", (const int64_t[]){x->rows, x->width, x->count}, 3);
        break;
    case HB_CONV:
    case HB_CONV_INPUT:
    case HB_CONV_WEIGHT: add_conv(p, &step->u.conv); break;
    case HB_FOLD:
        add(p, "%" PRId64 " of ", f->outer);
        add_sizes(p, "in ", f->in, 3);
        add_sizes(p, ", kernel ", f->kernel, 3);
        break;
    case HB_ARGSORT:
    case HB_RECURRENCE:
    case HB_TAKE_ALONG:
    case HB_PUT_ALONG: add_sizes(p, "", (const int64_t[]){a->outer, a->n, a->inner}, 3); break;
    case HB_SCAN: add(p, "%" PRId64 " times", step->u.scan->times); break;
    default: break;
    }
}

/* ---- events ---- */

static void begin(void *context) {
    hb_profile *p = context;
    if (p->depth < NESTED) p->began[p->depth] = microseconds();
    p->depth++;
}

static void end(void *context, const hb_step *step, const char *solver) {
    hb_profile *p = context;
    if (--p->depth >= NESTED) return;
    const double began = p->began[p->depth], took = microseconds() - began;
    const double ns = took > 1e-3 ? 1e3 * took : 1;
    add(p, ",\n{\"ph\": \"X\", \"pid\": %ld, \"tid\": %u, \"ts\": %.3f, \"dur\": %.3f, \"name\": ",
        (long)getpid(), (unsigned)((uintptr_t)p >> 4 & 0xffffff), began, took);
    add_string(p, step->name != NULL ? step->name : "step");
    add(p, ", \"args\": {\"solver\": ");
    add_string(p, solver);
    add(p, ", \"shapes\": \"");
    add_shapes(p, step);
    add(p, "\", \"GFLOP/s\": %.4g, \"GB/s\": %.4g, \"MFLOP\": %.4g, \"MB\": %.4g}}",
        step->flops / ns, step->bytes / ns, step->flops / 1e6, step->bytes / 1e6);
}

/* ---- the file ---- */

static hebb_status fail(const hb_profile *p, hb_error *error) {
    return hb_fail(error, HEBB_E_FILE, "profile: %s: %s", p->path, strerror(errno));
}

/* The first line names the process that the file is of: a session of another one begins anew. */
static void first_line(char *line, size_t size) {
    snprintf(line, size,
             "[{\"ph\": \"M\", \"pid\": %ld, \"name\": \"process_name\", \"args\": {\"name\": "
             "\"hebb\"}}",
             (long)getpid());
}

static bool is_ours(FILE *file, const char *line) {
    char first[160] = "";
    const size_t length = strlen(line);
    return fseek(file, 0, SEEK_SET) == 0 && fread(first, 1, length, file) == length &&
           memcmp(first, line, length) == 0;
}

/* Puts the text before the closing bracket; sessions on other threads do so too. */
static bool append(FILE *file, const char *text, size_t length) {
    char line[160];
    first_line(line, sizeof line);
    if (flock(fileno(file), LOCK_EX) != 0 && errno != ENOTSUP) return false;
    const bool ours = is_ours(file, line);
    if (ours) {
        if (fseek(file, 1 - (long)sizeof ending, SEEK_END) != 0) return false;
    } else {
        const bool empty = ftruncate(fileno(file), 0) == 0 || errno == EINVAL; /* a device */
        if (!empty || fseek(file, 0, SEEK_SET) != 0 || fputs(line, file) == EOF) return false;
    }
    return fwrite(text, 1, length, file) == length && fputs(ending, file) != EOF &&
           fflush(file) == 0;
}

static hebb_status write_out(hb_profile *p, hb_error *error) {
    FILE *file = fopen(p->path, "ab"); /* makes it, if it is not there */
    if (file != NULL) {
        fclose(file);
        file = fopen(p->path, "r+b");
    }
    if (file == NULL) return fail(p, error);
    const bool written = append(file, p->text, p->length);
    hebb_status status = written ? HEBB_OK : fail(p, error);
    if (fclose(file) != 0 && written) status = fail(p, error);
    p->length = 0;
    return status;
}

/* ---- life ---- */

hebb_status hb_profile_create(const char *device, hb_profile **profile, hb_error *error) {
    *profile = NULL;
    const char *path = getenv("HEBB_PROFILE");
    if (path == NULL || *path == '\0') return HEBB_OK;
    hb_profile *p = calloc(1, sizeof *p);
    if (p != NULL) p->path = malloc(strlen(path) + 1);
    if (p == NULL || p->path == NULL) {
        free(p);
        return hb_fail_memory(error, "a profile", sizeof *p);
    }
    strcpy(p->path, path);
    p->watch = (hb_watch){.begin = begin, .end = end, .context = p};
    add(p,
        ",\n{\"ph\": \"M\", \"pid\": %ld, \"tid\": %u, \"name\": \"thread_name\", \"args\": "
        "{\"name\": ",
        (long)getpid(), (unsigned)((uintptr_t)p >> 4 & 0xffffff));
    add_string(p, device);
    add(p, "}}");
    hebb_status status = write_out(p, error);
    if (status == HEBB_OK) *profile = p;
    else hb_profile_destroy(p);
    return status;
}

void hb_profile_destroy(hb_profile *p) {
    if (p == NULL) return;
    hb_error ignored;
    if (p->length > 0) (void)write_out(p, &ignored);
    free(p->text);
    free(p->path);
    free(p);
}

const hb_watch *hb_profile_watch(hb_profile *p) { return p == NULL ? NULL : &p->watch; }

hebb_status hb_profile_flush(hb_profile *p, hb_error *error) {
    if (p == NULL) return HEBB_OK;
    p->depth = 0; /* a step that failed did not end */
    if (p->lost) return hb_fail_memory(error, "a profile", p->room);
    return p->length < MUCH ? HEBB_OK : write_out(p, error);
}
