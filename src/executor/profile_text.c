/* What profiles say of steps. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile_parts.h"

void hb_text_add(hb_text *text, const char *format, ...) {
    va_list arguments;
    for (;;) {
        const size_t left = text->room - text->length;
        va_start(arguments, format);
        const int n = vsnprintf(left ? text->at + text->length : NULL, left, format, arguments);
        va_end(arguments);
        if (n >= 0 && (size_t)n < left) {
            text->length += (size_t)n;
            return;
        }
        const size_t room = 2 * text->room + (size_t)n + 1;
        char *larger = n < 0 ? NULL : realloc(text->at, room);
        if (larger == NULL) {
            text->lost = true;
            return;
        }
        text->at = larger;
        text->room = room;
    }
}

void hb_text_add_string(hb_text *text, const char *string) {
    hb_text_add(text, "\"");
    for (; *string != '\0'; string++)
        if (*string == '"' || *string == '\\' || (unsigned char)*string < ' ')
            hb_text_add(text, "\\u%04x", (unsigned)*string);
        else hb_text_add(text, "%c", *string);
    hb_text_add(text, "\"");
}

/* "maximum, subtract + exp, sum and 2 more" */
void hb_text_add_name(hb_text *text, const hb_timed *timed) {
    enum { NAMED = 3 };
    const size_t shown = timed->n <= NAMED ? timed->n : NAMED;
    for (size_t k = 0; k < shown; k++) {
        const char *name = timed->steps[k].name;
        hb_text_add(text, "%s%s", k > 0 ? ", " : "", name != NULL ? name : "step");
    }
    if (shown < timed->n) hb_text_add(text, " and %zu more", timed->n - shown);
}

static void add_sizes(hb_text *text, const char *name, const int64_t *dim, int rank) {
    hb_text_add(text, "%s[", name);
    for (int k = 0; k < rank; k++) hb_text_add(text, "%s%" PRId64, k > 0 ? ", " : "", dim[k]);
    hb_text_add(text, "]");
}

static void add_space(hb_text *text, const hb_loop *loop) {
    add_sizes(text, "", loop->dim, loop->rank);
    for (int k = 0, n = 0; k < loop->rank; k++)
        if (loop->reduce[k]) hb_text_add(text, "%s %d", n++ > 0 ? "," : " reduced over", k);
}

static void add_conv(hb_text *text, const hb_conv *c) {
    add_sizes(text, "in ", (const int64_t[]){c->batch, c->groups * c->in_channels}, 2);
    add_sizes(text, " x ", c->in, 3);
    add_sizes(text, ", kernel ", c->kernel, 3);
    add_sizes(text, ", stride ", c->stride, 3);
    add_sizes(text, ", out ", (const int64_t[]){c->batch, c->groups * c->out_channels}, 2);
    add_sizes(text, " x ", c->out, 3);
}

static void add_resample(hb_text *text, const hb_resample *r) {
    const hb_resample_axis *a = r->axis;
    hb_text_add(text, "%" PRId64 " of ", r->outer);
    add_sizes(text, "in ", (const int64_t[]){a[0].in, a[1].in, a[2].in, r->inner}, 4);
    add_sizes(text, ", out ", (const int64_t[]){a[0].out, a[1].out, a[2].out, r->inner}, 4);
}

void hb_text_add_shapes(hb_text *text, const hb_step *step) {
    const hb_gemm *g = &step->u.gemm;
    const hb_fold *f = &step->u.fold;
    const hb_along *a = &step->u.along;
    const hb_indexed *x = &step->u.indexed;
    switch (step->kind) {
    case HB_LOOP: add_space(text, &step->u.loop); break;
    case HB_GEMM:
        if (g->n_batch > 0) add_sizes(text, "batch ", g->batch, g->n_batch);
        add_sizes(text, g->n_batch > 0 ? " m, k, n " : "m, k, n ",
                  (const int64_t[]){g->m, g->k, g->n}, 3);
        break;
    case HB_GATHER:
    case HB_SCATTER_ADD:
    case HB_SCATTER_SET:
        add_sizes(text, "rows, width, count ", (const int64_t[]){x->rows, x->width, x->count}, 3);
        break;
    case HB_CONV:
    case HB_CONV_INPUT:
    case HB_CONV_WEIGHT: add_conv(text, &step->u.conv); break;
    case HB_FOLD:
        hb_text_add(text, "%" PRId64 " of ", f->outer);
        add_sizes(text, "in ", f->in, 3);
        add_sizes(text, ", kernel ", f->kernel, 3);
        break;
    case HB_RESAMPLE:
    case HB_MAX_BACK: add_resample(text, &step->u.resample); break;
    case HB_ARGSORT:
    case HB_RECURRENCE:
    case HB_TAKE_ALONG:
    case HB_PUT_ALONG: add_sizes(text, "", (const int64_t[]){a->outer, a->n, a->inner}, 3); break;
    case HB_SCAN: hb_text_add(text, "%" PRId64 " times", step->u.scan->times); break;
    default: break;
    }
}
