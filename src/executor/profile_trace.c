/* HEBB_PROFILE: gathers the steps of a session's runs and appends them to the file, which is
   valid JSON after every write. What a trace's fields mean is said in the "Trace Event Format" of
   the Chromium project. */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "../base/point.h"
#include "profile_parts.h"

enum { MUCH = 1 << 20 };

struct hb_trace {
    char *path;
    hb_text events; /* each ",\n{...}" */
};

static const char ending[] = "\n]\n";

static unsigned thread_of(const hb_trace *p) { return (unsigned)((uintptr_t)p >> 4 & 0xffffff); }

static void add_event(hb_trace *p, const hb_timed *timed) {
    hb_text *e = &p->events;
    const double ns = timed->took > 1e-3 ? 1e3 * timed->took : 1;
    const double flops = hb_timed_flops(timed), bytes = hb_timed_bytes(timed);
    hb_text name = {0};
    hb_text_add_name(&name, timed);
    hb_text_add(e, ",\n{\"ph\": \"X\", \"pid\": %ld, \"tid\": %u, ", (long)getpid(), thread_of(p));
    hb_text_add(e, "\"ts\": %.3f, \"dur\": %.3f, \"name\": ", timed->began, timed->took);
    hb_text_add_string(e, name.lost ? "step" : name.at);
    free(name.at);
    hb_text_add(e, ", \"args\": {\"solver\": ");
    hb_text_add_string(e, timed->solver);
    hb_text_add(e, ", \"shapes\": \"");
    hb_text_add_shapes(e, timed->steps);
    hb_text_add(e, "\", \"GFLOP/s\": %.4g, \"GB/s\": %.4g, \"MFLOP\": %.4g, \"MB\": %.4g}}",
                flops / ns, bytes / ns, flops / 1e6, bytes / 1e6);
}

void hb_trace_add(hb_trace *p, const hb_timed *timed) {
    locale_t before = hb_point_begin();
    add_event(p, timed);
    hb_point_end(before);
}

/* ---- the file ---- */

static hebb_status fail(const hb_trace *p, hb_error *error) {
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

static hebb_status write_out(hb_trace *p, hb_error *error) {
    FILE *file = fopen(p->path, "ab"); /* makes it, if it is not there */
    if (file != NULL) {
        fclose(file);
        file = fopen(p->path, "r+b");
    }
    if (file == NULL) return fail(p, error);
    const bool written = append(file, p->events.at, p->events.length);
    hebb_status status = written ? HEBB_OK : fail(p, error);
    if (fclose(file) != 0 && written) status = fail(p, error);
    p->events.length = 0;
    return status;
}

/* ---- life ---- */

hebb_status hb_trace_create(const char *path, const char *device, hb_trace **trace,
                            hb_error *error) {
    hb_trace *p = calloc(1, sizeof *p);
    if (p != NULL) p->path = malloc(strlen(path) + 1);
    if (p == NULL || p->path == NULL) {
        free(p);
        return hb_fail_memory(error, "a profile", sizeof *p);
    }
    strcpy(p->path, path);
    hb_text_add(&p->events, ",\n{\"ph\": \"M\", \"pid\": %ld, \"tid\": %u, ", (long)getpid(),
                thread_of(p));
    hb_text_add(&p->events, "\"name\": \"thread_name\", \"args\": {\"name\": ");
    hb_text_add_string(&p->events, device);
    hb_text_add(&p->events, "}}");
    hebb_status status = write_out(p, error);
    if (status == HEBB_OK) *trace = p;
    else hb_trace_destroy(p);
    return status;
}

void hb_trace_destroy(hb_trace *p) {
    if (p == NULL) return;
    hb_error ignored;
    if (p->events.length > 0) (void)write_out(p, &ignored);
    free(p->events.at);
    free(p->path);
    free(p);
}

hebb_status hb_trace_flush(hb_trace *p, hb_error *error) {
    if (p->events.lost) return hb_fail_memory(error, "a profile", p->events.room);
    return p->events.length < MUCH ? HEBB_OK : write_out(p, error);
}
