/* Scans whose rows have nothing to do with each other: those of a recurrent layer, where a row is a
   sequence of the batch. Each thread has some rows, and goes through all iterations with them: it
   waits for nobody, and what one step writes the next finds in the core's own cache. An iteration
   may be as short as a few microseconds, of which starting the threads for each step, and lines
   that they take from each other, would be a third. Called by scan.c.

   The body has loops over rows without reductions, and products of rows with a matrix that stays
   the same; both give the same bits as the steps one by one. */
#include <stdlib.h>
#include <string.h>

#include "products/gemm_rows.h"
#include "scan.h"

#define PACK_NS 0.1 /* a byte */

/* Each thread reads all of the products' matrices in each iteration: copies of more bytes in all
   come from memory, and those that L2 has no room for want so many tiles of rows. */
enum { MOST_PACKED = 4 << 20, TILES_FROM_FAR = 2 };

/* A step of the body. */
typedef struct member {
    const hb_step *step;
    hb_gemm_rows product; /* if it is one, and ... */
    char *copy;    /* ... memory for its B; NULL: that in which the step by itself keeps it */
    hb_loop *form; /* else the loops over the rows of each part, which own their operands ... */
    hb_cpu_loop **loop; /* ... prepared */
} member;

struct hb_cpu_scan_rows {
    const hb_step *step;
    int64_t rows, parts, panels; /* panels: of B of all products */
    size_t n;
    member *member;
    hb_cpu_scan_place *place; /* by part */
    char *waiting;            /* products that wait for their epilogue, ... */
    size_t waiting_bytes;     /* ... so many of each part */
    size_t packed_bytes;
};

/* ---- which scans ---- */

/* The bytes of row 0 that an operand spans, and how far it is from row to row. */
typedef struct span {
    int buffer;
    bool written;
    int64_t begin, end, step;
} span;

static span span_of(const hb_operand *o, const int64_t *dim, int rank, bool written) {
    const int64_t size = (int64_t)hebb_dtype_size(o->dtype);
    span s = {o->buffer, written, o->offset * size, (o->offset + 1) * size, o->stride[0] * size};
    for (int k = 1; k < rank; k++) {
        const int64_t reach = (dim[k] - 1) * o->stride[k] * size;
        if (reach < 0) s.begin += reach;
        else s.end += reach;
    }
    return s;
}

static bool meet(const span *x, const span *y, int64_t rows) {
    const int64_t x_reach = (rows - 1) * x->step, y_reach = (rows - 1) * y->step;
    return x->begin + hb_min(x_reach, 0) < y->end + hb_max(y_reach, 0) &&
           y->begin + hb_min(y_reach, 0) < x->end + hb_max(x_reach, 0);
}

/* Whether no row of the one meets another row of the other. */
static bool are_apart(const span *x, const span *y, int64_t rows) {
    if (x->buffer != y->buffer || !(x->written || y->written) || !meet(x, y, rows)) return true;
    return x->step == y->step && x->end - y->begin <= x->step && y->end - x->begin <= x->step;
}

/* Whether it stays in its row of what the scan writes, which other iterations read and write. */
static bool keeps_to_row(const hb_scan *scan, const span *s, int64_t rows) {
    if (s->buffer <= HB_BUFFER_ARENA) return true;
    const hb_slide *slide = &scan->slides[s->buffer - 1];
    if (!slide->output) return true;
    return s->begin >= 0 && s->end <= s->step && s->step * rows == labs(slide->step);
}

typedef struct span_list {
    int n;
    span *span;
} span_list;

static void add_loop(span_list *list, const hb_loop *loop) {
    for (int k = 0; k < loop->n_in; k++)
        list->span[list->n++] = span_of(&loop->in[k], loop->dim, loop->rank, false);
    for (int k = 0; k < loop->n_out; k++)
        list->span[list->n++] = span_of(&loop->out[k].to, loop->dim, loop->rank, true);
}

static bool is_loop_of_rows(const hb_step *step, int64_t rows) {
    const hb_loop *loop = &step->u.loop;
    return step->kind == HB_LOOP && loop->rank > 0 && loop->dim[0] == rows &&
           loop->n_pre == loop->n_instr;
}

/* Whether the solver that the step by itself has adds up in order of k, as is done here. */
static bool adds_in_order(const hb_device *device, const hb_step *step) {
    return !hb_cpu_gemm_parts.can_do(device, step) && !hb_cpu_gemm_vector.can_do(device, step);
}

static bool is_product_of_rows(const hb_device *device, const hb_step *step, int64_t rows) {
    const hb_gemm *g = &step->u.gemm;
    return step->kind == HB_GEMM && g->n_batch == 0 && g->m == rows && g->k > 0 && g->b_stays &&
           !g->banded && adds_in_order(device, step);
}

static const hb_loop *loop_of(const hb_step *step) {
    return step->kind == HB_GEMM ? &step->u.gemm.epilogue : &step->u.loop;
}

static void add_step(span_list *list, const hb_step *step) {
    if (step->kind == HB_GEMM) {
        const int64_t dim[] = {step->u.gemm.m, step->u.gemm.k};
        list->span[list->n++] = span_of(&step->u.gemm.a, dim, 2, false);
    }
    add_loop(list, loop_of(step));
}

static bool spans_are_apart(const hb_scan *scan, const span_list *list, int64_t rows) {
    for (int i = 0; i < list->n; i++) {
        if (!keeps_to_row(scan, &list->span[i], rows)) return false;
        if (list->span[i].buffer != HB_BUFFER_ARENA) continue;
        for (int k = 0; k <= i; k++)
            if (!are_apart(&list->span[i], &list->span[k], rows)) return false;
    }
    return true;
}

/* Whether all steps are of as many rows, and these enough for all threads. */
static bool steps_fit(const hb_device *device, const hb_scan *scan, int64_t *rows) {
    const hb_step *first = scan->steps;
    int64_t tile = 1, packed = 0;
    if (scan->n_steps == 0 || (first->kind != HB_LOOP && first->kind != HB_GEMM)) return false;
    *rows = first->kind == HB_GEMM ? first->u.gemm.m : first->u.loop.dim[0];
    for (size_t k = 0; k < scan->n_steps; k++) {
        const hb_step *step = &scan->steps[k];
        const hb_gemm *g = &step->u.gemm;
        if (is_loop_of_rows(step, *rows)) continue;
        if (!is_product_of_rows(device, step, *rows)) return false;
        tile = hb_gemm_kernels(device, g)->rows;
        packed += hb_gemm_rows_packed(device, g) * (int64_t)hebb_dtype_size(g->dtype);
    }
    if (packed > device->l2_bytes) tile *= TILES_FROM_FAR;
    return packed <= MOST_PACKED && *rows >= device->threads * tile;
}

static bool rows_are_apart(const hb_scan *scan, int64_t rows) {
    int most = 0;
    for (size_t k = 0; k < scan->n_steps; k++)
        most += 1 + loop_of(&scan->steps[k])->n_in + loop_of(&scan->steps[k])->n_out;
    span_list list = {0, malloc((size_t)most * sizeof(span))};
    if (!list.span) return false;
    for (size_t k = 0; k < scan->n_steps; k++) add_step(&list, &scan->steps[k]);
    const bool apart = spans_are_apart(scan, &list, rows);
    free(list.span);
    return apart;
}

/* As estimated for a thread. */
static double ns_of(const hb_step *step) { return step->flops / 100; }

/* ---- preparing ---- */

static int64_t first_row(const hb_cpu_scan_rows *r, int64_t part) {
    return hb_part(r->rows, r->parts, part);
}

static void move(hb_operand *o, int64_t rows) { o->offset += rows * o->stride[0]; }

/* The loop over the rows of a part. */
static bool make_form(const hb_cpu_scan_rows *r, const hb_loop *loop, int64_t part, hb_loop *form) {
    const int64_t row = first_row(r, part);
    *form = *loop;
    form->dim[0] = first_row(r, part + 1) - row;
    form->in = malloc((size_t)(loop->n_in + 1) * sizeof *form->in);
    form->out = malloc((size_t)(loop->n_out + 1) * sizeof *form->out);
    if (!form->in || !form->out) return false;
    memcpy(form->in, loop->in, (size_t)loop->n_in * sizeof *form->in);
    memcpy(form->out, loop->out, (size_t)loop->n_out * sizeof *form->out);
    for (int k = 0; k < loop->n_in; k++) move(&form->in[k], row);
    for (int k = 0; k < loop->n_out; k++) move(&form->out[k].to, row);
    return true;
}

/* What they write is read again soon: it is not stored past the caches. */
static hebb_status make_loops(hb_device *device, const hb_cpu_scan_rows *r, member *m,
                              hb_error *error) {
    const hb_cpu_repeat repeat = {.times = 1};
    hebb_status status = HEBB_OK;
    m->form = calloc((size_t)r->parts, sizeof *m->form);
    m->loop = calloc((size_t)r->parts, sizeof(hb_cpu_loop *));
    if (!m->form || !m->loop) return hb_fail_memory(error, "a scan", sizeof *m->form);
    for (int64_t part = 0; part < r->parts && !status; part++) {
        if (!make_form(r, &m->step->u.loop, part, &m->form[part]))
            return hb_fail_memory(error, "a scan", sizeof *m->form);
        status = hb_cpu_loop_prepare_block(device, &m->form[part], repeat, &m->loop[part], error);
    }
    return status;
}

static hebb_status make_product(hb_device *device, hb_cpu_scan_rows *r, member *m,
                                hb_error *error) {
    const hb_gemm *g = &m->step->u.gemm;
    if (!hb_gemm_rows_make(device, g, &m->product))
        return hb_fail_memory(error, "a scan", sizeof m->product);
    const int64_t waiting = hb_gemm_rows_waiting(&m->product) * m->product.element;
    const int64_t rows = hb_ceil_div(r->rows, r->parts);
    r->waiting_bytes = hb_max(r->waiting_bytes, hb_round_up((size_t)(waiting * rows), HB_CPU_LINE));
    r->panels += m->product.panels;
    const size_t packed = (size_t)(hb_gemm_rows_packed(device, g) * m->product.element);
    r->packed_bytes += packed;
    if (!hb_gemm_keeps_b(device, g) && !(m->copy = hb_cpu_allocate(packed)))
        return hb_fail_memory(error, "a scan", packed);
    return hb_gemm_rows_prepare(device, &m->product, error);
}

static hebb_status make_members(hb_device *device, hb_cpu_scan_rows *r, hb_error *error) {
    const hb_scan *scan = r->step->u.scan;
    hebb_status status = HEBB_OK;
    for (size_t k = 0; k < r->n && !status; k++) {
        member *m = &r->member[k];
        m->step = &scan->steps[k];
        status = m->step->kind == HB_GEMM ? make_product(device, r, m, error)
                                          : make_loops(device, r, m, error);
    }
    return status;
}

static bool make_places(const hb_device *device, hb_cpu_scan_rows *r) {
    r->place = calloc((size_t)r->parts, sizeof *r->place);
    if (!r->place) return false;
    for (int64_t part = 0; part < r->parts; part++)
        if (!hb_cpu_scan_place_make(device, r->step->u.scan, &r->place[part])) return false;
    return true;
}

static hebb_status make(hb_device *device, hb_cpu_scan_rows *r, hb_error *error) {
    r->n = r->step->u.scan->n_steps;
    r->member = calloc(r->n, sizeof *r->member);
    if (!r->member || !make_places(device, r)) return hb_fail_memory(error, "a scan", sizeof *r);
    const hebb_status status = make_members(device, r, error);
    if (status || r->waiting_bytes == 0) return status;
    r->waiting = hb_cpu_allocate((size_t)r->parts * r->waiting_bytes);
    return r->waiting ? HEBB_OK : hb_fail_memory(error, "a scan", r->waiting_bytes);
}

hebb_status hb_cpu_scan_rows_make(hb_device *device, const hb_step *step, hb_cpu_scan_rows **rows,
                                  hb_error *error) {
    int64_t count = 0;
    *rows = NULL;
    if (device->threads < 2 || ns_of(step) < HB_CPU_PARALLEL_NS ||
        !steps_fit(device, step->u.scan, &count) || !rows_are_apart(step->u.scan, count))
        return HEBB_OK;
    hb_cpu_scan_rows *r = calloc(1, sizeof *r);
    if (!r) return hb_fail_memory(error, "a scan", sizeof *r);
    *r = (hb_cpu_scan_rows){.step = step, .rows = count, .parts = device->threads};
    const hebb_status status = make(device, r, error);
    if (status) hb_cpu_scan_rows_free(r);
    else *rows = r;
    if (!status) hb_log("cpu: a scan: each thread has rows of its own");
    return status;
}

static void free_member(const hb_cpu_scan_rows *r, member *m) {
    hb_gemm_rows_free(&m->product);
    free(m->copy);
    for (int64_t part = 0; m->form && m->loop && part < r->parts; part++) {
        hb_cpu_loop_release(m->loop[part]);
        free(m->form[part].in);
        free(m->form[part].out);
    }
    free(m->form);
    free(m->loop);
}

void hb_cpu_scan_rows_free(hb_cpu_scan_rows *r) {
    if (!r) return;
    for (size_t k = 0; r->member && k < r->n; k++) free_member(r, &r->member[k]);
    for (int64_t part = 0; r->place && part < r->parts; part++)
        hb_cpu_scan_place_free(&r->place[part]);
    free(r->member);
    free(r->place);
    free(r->waiting);
    free(r);
}

/* ---- running ---- */

typedef struct run_context {
    hb_device *device;
    const hb_cpu_scan_rows *rows;
    const hb_run_args *args, *first; /* first: what the body is given in the first iteration */
} run_context;

static char *copy_of_b(const member *m, const hb_run_args *body) {
    return m->copy ? m->copy : hb_cpu_base(body, HB_BUFFER_ARENA) + m->step->scratch_offset;
}

static void pack(void *context, int64_t begin, int64_t end, int thread) {
    const run_context *c = context;
    for (size_t k = 0; k < c->rows->n && end > 0; k++) {
        const member *m = &c->rows->member[k];
        const int64_t panels = m->product.panels;
        if (panels > 0 && begin < panels)
            hb_gemm_rows_pack(&m->product, c->first, hb_max(begin, 0), hb_min(end, panels),
                              copy_of_b(m, c->first));
        begin -= panels;
        end -= panels;
    }
}

static void run_part(const run_context *c, int64_t part, int thread) {
    const hb_cpu_scan_rows *r = c->rows;
    const hb_cpu_scan_place *place = &r->place[part];
    const int64_t row = first_row(r, part), end = first_row(r, part + 1);
    char *waiting = r->waiting ? r->waiting + (size_t)part * r->waiting_bytes : NULL;
    hb_run_args body = hb_cpu_scan_begin(r->step, place, c->args);
    for (int64_t t = 0; t < r->step->u.scan->times; t++) {
        hb_cpu_scan_go_to(r->step, place, c->args, t, part, r->parts, &body);
        for (size_t k = 0; k < r->n; k++) {
            const member *m = &r->member[k];
            if (m->loop) hb_cpu_loop_run_alone(c->device, m->loop[part], &body);
            else
                hb_gemm_rows_run(c->device, &m->product, &body, copy_of_b(m, &body), thread, 0, row,
                                 end, waiting);
        }
    }
}

static void run_parts(void *context, int64_t begin, int64_t end, int thread) {
    for (int64_t part = begin; part < end; part++) run_part(context, part, thread);
}

void hb_cpu_scan_rows_run(hb_device *device, const hb_cpu_scan_rows *r, const hb_run_args *args) {
    hb_run_args first = hb_cpu_scan_begin(r->step, &r->place[0], args);
    run_context context = {device, r, args, &first};
    if (r->step->u.scan->times == 0) return;
    hb_cpu_scan_go_to(r->step, &r->place[0], args, 0, 0, r->parts, &first);
    hb_cpu_parallel(device, r->panels, PACK_NS * (double)r->packed_bytes, pack, &context);
    hb_cpu_parallel(device, r->parts, ns_of(r->step), run_parts, &context);
}
