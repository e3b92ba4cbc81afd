/* The progress bar: the only thing here that prints, to where it is told. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "train.h"

typedef struct bar {
    FILE *out;
    bool terminal;
    double drawn;  /* seconds of the epoch at which it was drawn last, ... */
    double begun;  /* ... and at which its first batch was done */
    bool prepared; /* has done one: before the first, a plan is made, and on OpenCL compiled */
} bar;

enum { MOST_COLUMNS = 400, BAR_COLUMNS = 20 };

static size_t columns(FILE *out) {
    struct winsize size = {0};
    if (ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col < 20) return 80;
    return size.ws_col < MOST_COLUMNS ? size.ws_col : MOST_COLUMNS;
}

/* snprintf() that goes on where the last one ended, and stops where the line does. */
#define APPEND(line, used, room, ...)                                                              \
    do {                                                                                           \
        if (used < room) used += (size_t)snprintf((line) + used, room - used, __VA_ARGS__);        \
    } while (0)

static size_t add_logs(const hebb_fit_state *fit, char *line, size_t used, size_t room) {
    for (size_t k = 0; k < fit->n_logs; k++)
        APPEND(line, used, room, "  %s %.4f", fit->logs[k].name, fit->logs[k].value);
    return used;
}

/* By the batches after the first one, which may have waited for a compiler. */
static size_t add_time_left(const bar *b, const hebb_fit_state *fit, char *line, size_t used,
                            size_t room) {
    const double batches = (double)(fit->batches - fit->batch);
    if (fit->batch < 2) return used;
    const long left = (long)((fit->seconds - b->begun) * batches / (double)(fit->batch - 1) + 0.5);
    APPEND(line, used, room, "  ETA %ld:%02ld", left / 60, left % 60);
    return used;
}

static void draw(const bar *b, const hebb_fit_state *fit) {
    char line[MOST_COLUMNS + 1], marks[BAR_COLUMNS + 1];
    size_t room = columns(b->out), used = 0; /* the last column stays free: it would wrap */
    int64_t full = BAR_COLUMNS * fit->batch / fit->batches;
    memset(marks, '.', BAR_COLUMNS);
    memset(marks, '#', (size_t)full);
    marks[BAR_COLUMNS] = '\0';
    APPEND(line, used, room, "epoch %lld/%lld", (long long)fit->epoch + 1, (long long)fit->epochs);
    if (room >= 60) APPEND(line, used, room, " [%s]", marks);
    APPEND(line, used, room, " %3d%%", (int)(100 * fit->batch / fit->batches));
    if (!b->prepared) APPEND(line, used, room, "  preparing");
    used = add_time_left(b, fit, line, used, room);
    if (fit->batch > 0) used = add_logs(fit, line, used, room);
    fprintf(b->out, "\r%-*s", (int)room - 1, line);
    fflush(b->out);
}

static hebb_status progress_epoch_begin(hebb_callback *self, hebb_fit_state *fit) {
    bar *b = self->data;
    b->drawn = b->begun = 0;
    if (b->terminal) draw(b, fit);
    return HEBB_OK;
}

static hebb_status progress_batch_end(hebb_callback *self, hebb_fit_state *fit) {
    bar *b = self->data;
    b->prepared = true;
    if (fit->batch == 1) b->begun = fit->seconds;
    if (!b->terminal || (fit->batch > 1 && fit->seconds - b->drawn < 0.1)) return HEBB_OK;
    b->drawn = fit->seconds;
    draw(b, fit);
    return HEBB_OK;
}

/* Lines that stay. */
typedef struct record {
    FILE *out;
    size_t width, indent, used; /* columns: of a line, before those that go on, written so far */
} record;

/* What does not fit goes on in the next line, indented. */
static void write_part(record *r, const char *part) {
    const size_t length = strlen(part);
    if (r->used + length >= r->width && r->used > r->indent) {
        fprintf(r->out, "\n%*s", (int)r->indent, "");
        r->used = r->indent;
    }
    fputs(part, r->out);
    r->used += length;
}

/* Writing may fail; that is no reason to end a training. */
static hebb_status progress_epoch_end(hebb_callback *self, hebb_fit_state *fit) {
    const bar *b = self->data;
    record r = {.out = b->out, .width = b->terminal ? columns(b->out) : SIZE_MAX};
    char part[320];
    if (b->terminal) fprintf(b->out, "\r%*s\r", (int)r.width - 1, "");
    snprintf(part, sizeof part, "epoch %lld/%lld", (long long)fit->epoch + 1,
             (long long)fit->epochs);
    write_part(&r, part);
    r.indent = r.used;
    for (size_t k = 0; k < fit->n_logs; k++) {
        snprintf(part, sizeof part, "  %.255s %.4f", fit->logs[k].name, fit->logs[k].value);
        write_part(&r, part);
    }
    snprintf(part, sizeof part, "  %.2f s", fit->seconds);
    write_part(&r, part);
    fputc('\n', b->out);
    fflush(b->out);
    return HEBB_OK;
}

static void progress_destroy(hebb_callback *self) { free(self->data); }

hebb_callback hebb_progress(FILE *out) {
    hebb_callback c = {.name = "progress",
                       .epoch_begin = progress_epoch_begin,
                       .batch_end = progress_batch_end,
                       .epoch_end = progress_epoch_end,
                       .destroy = progress_destroy};
    bar *b = calloc(1, sizeof *b);
    c.data = b;
    c.status = out == NULL ? HEBB_E_NULL : b == NULL ? HEBB_E_MEMORY : HEBB_OK;
    if (out != NULL && b != NULL) *b = (bar){.out = out, .terminal = isatty(fileno(out)) == 1};
    return c;
}
