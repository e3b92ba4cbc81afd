/* Every backend against the reference interpreter, step by step, through the hb_backend table only:
   random steps of all kinds, and some by hand. On the CPU also: each instruction set, and the same
   bits on one thread and on two.

   HEBB_TEST_SEED moves the random cases, HEBB_TEST_CASES multiplies them (0.1: a tenth of them),
   and HEBB_TEST_POINTS makes none larger than that: for devices that are slow. HEBB_TEST_OPTIMIZED
   is for compilers that are slow: as many cases of each test, in whole batches, are compiled with
   their optimizer, the others without. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/backends/backend.h"
#include "support/step_cases.h"
#include "support/step_reference.h"

enum { RANDOM_SEED = 12345, RANDOM_RUN = 7, TEXT = 8192 };

typedef struct images {
    char *memory[CASE_BUFFERS];
} images;

static void images_free(images *m) {
    for (int b = 0; b < CASE_BUFFERS; b++) free(m->memory[b]);
}

static images images_copy(const step_case *c) {
    images m = {{0}};
    for (int b = 1; b < CASE_BUFFERS; b++) {
        m.memory[b] = malloc(c->bytes[b]);
        memcpy(m.memory[b], c->memory[b], c->bytes[b]);
    }
    return m;
}

/* ---- running a case ---- */

static bool uses_f64(const step_case *c) {
    for (int i = 0; i < c->n_arrays; i++)
        if (c->array[i].dtype == HEBB_F64) return true;
    return false;
}

static void ok(hebb_status status, const hb_error *error, const step_case *c) {
    if (!status) return;
    char text[TEXT];
    case_describe(c, text, sizeof text);
    cr_assert(false, "status %d: %s\n%s", (int)status, error->message, text);
}

static void place_scratch(const hb_backend *backend, hb_device *device, step_case *c) {
    c->step.scratch_bytes = backend->scratch(device, &c->step);
    c->step.scratch_offset = 128;
}

static images run_on(const hb_backend *backend, hb_device *device, step_case *c) {
    hb_error error = {0};
    hb_buffer *buffers[CASE_BUFFERS] = {0};
    hb_prepared *prepared = NULL;
    images got = images_copy(c);
    place_scratch(backend, device, c);
    c->bytes[0] = c->step.scratch_bytes + 128;
    for (int b = 0; b < CASE_BUFFERS; b++) {
        ok(backend->buffer_create(device, c->bytes[b], &buffers[b], &error), &error, c);
        if (b == 0) continue;
        ok(backend->write(device, buffers[b], 0, c->memory[b], c->bytes[b], &error), &error, c);
    }
    ok(backend->prepare(device, &c->step, 1, CASE_BUFFERS, &prepared, &error), &error, c);
    cr_assert(backend->solver(device, prepared, 0) != NULL);
    const hb_run_args args = {.buffers = buffers, .seed = RANDOM_SEED, .step = RANDOM_RUN};
    ok(backend->run(device, prepared, &args, &error), &error, c);
    ok(backend->finish(device, &error), &error, c);
    for (int b = 0; b < CASE_BUFFERS; b++) {
        if (b > 0)
            ok(backend->read(device, buffers[b], 0, got.memory[b], c->bytes[b], &error), &error, c);
        backend->buffer_destroy(device, buffers[b]);
    }
    backend->release(device, prepared);
    return got;
}

/* ---- comparing ---- */

typedef struct expected {
    images want;
    double *error[CASE_BUFFERS]; /* by byte */
} expected;

static expected expect(const step_case *c) {
    expected e = {.want = images_copy(c)};
    reference_buffer buffers[CASE_BUFFERS] = {{0}};
    for (int b = 1; b < CASE_BUFFERS; b++) {
        e.error[b] = calloc(c->bytes[b] + 1, sizeof *e.error[b]);
        buffers[b] = (reference_buffer){e.want.memory[b], e.error[b], c->bytes[b]};
    }
    reference_run(&c->step, buffers, RANDOM_SEED, RANDOM_RUN);
    return e;
}

static void expected_free(expected *e) {
    images_free(&e->want);
    for (int b = 1; b < CASE_BUFFERS; b++) free(e->error[b]);
}

static bool close_enough(const char *got, const char *want, hebb_dtype dtype, double error) {
    if (memcmp(got, want, hebb_dtype_size(dtype)) == 0 || !isfinite(error)) return true;
    const double x = reference_read(got, dtype, 0), y = reference_read(want, dtype, 0);
    if (isnan(x) || isnan(y)) return isnan(x) && isnan(y);
    return x == y || fabs(x - y) <= error;
}

static void check_array(const step_case *c, const case_array *a, const expected *e, images *got,
                        const char *where) {
    const int64_t size = (int64_t)hebb_dtype_size(a->dtype);
    char *x = got->memory[a->buffer] + a->offset, *y = e->want.memory[a->buffer] + a->offset;
    const double *error = e->error[a->buffer] + a->offset;
    for (int64_t i = 0; i < a->count; i++) {
        if (close_enough(x + i * size, y + i * size, a->dtype, error[i * size])) continue;
        char text[TEXT];
        case_describe(c, text, sizeof text);
        cr_assert(
            false, "%s: element %lld of the %s at byte %lld of buffer %d: %.9g, not %.9g +- %g\n%s",
            where, (long long)i, hebb_dtype_name(a->dtype), (long long)a->offset, a->buffer,
            reference_read(x, a->dtype, i), reference_read(y, a->dtype, i), error[i * size], text);
    }
}

/* Outside the arrays nothing may change. */
static void check_guards(const step_case *c, const images *got, const char *where) {
    for (int b = 1; b < CASE_BUFFERS; b++) {
        char *touched = calloc(c->bytes[b] + 1, 1);
        for (int i = 0; i < c->n_arrays; i++)
            if (c->array[i].buffer == b)
                memset(touched + c->array[i].offset, 1,
                       (size_t)c->array[i].count * hebb_dtype_size(c->array[i].dtype));
        for (size_t i = 0; i < c->bytes[b]; i++) {
            if (touched[i] || got->memory[b][i] == c->memory[b][i]) continue;
            char text[TEXT];
            case_describe(c, text, sizeof text);
            cr_assert(false, "%s: byte %zu of buffer %d, which is nobody's, was written\n%s", where,
                      i, b, text);
        }
        free(touched);
    }
}

static void check(const step_case *c, const expected *e, images *got, const char *where) {
    for (int i = 0; i < c->n_arrays; i++) check_array(c, &c->array[i], e, got, where);
    check_guards(c, got, where);
}

static void check_same_bits(const step_case *c, const images *a, const images *b) {
    for (int i = 1; i < CASE_BUFFERS; i++) {
        if (memcmp(a->memory[i], b->memory[i], c->bytes[i]) == 0) continue;
        char text[TEXT];
        case_describe(c, text, sizeof text);
        cr_assert(false, "one thread and two give different bits\n%s", text);
    }
}

/* ---- devices ---- */

typedef struct opened {
    const hb_backend *backend;
    hb_device *device;
    char where[96];
    bool f64;
} opened;

enum { MOST_DEVICES = 16 };

static void open_one(opened *list, int *n, const hb_backend *backend, int index, const char *isa) {
    hb_error error = {0};
    hb_device *device = NULL;
    if (isa) setenv("HEBB_ISA", isa, 1);
    const hebb_status status = backend->open(index, &device, &error);
    if (isa) unsetenv("HEBB_ISA");
    cr_assert(!status, "%s:%d does not open: %s", backend->name, index, error.message);
    opened *o = &list[(*n)++];
    *o = (opened){.backend = backend, .device = device};
    o->f64 = backend->has_dtype(device, HEBB_F64);
    snprintf(o->where, sizeof o->where, "%s:%d %s", backend->name, index, isa ? isa : "");
}

static int open_all(opened *list) {
    int n = 0;
    for (int i = 0; hb_backends[i]; i++) {
        const hb_backend *backend = hb_backends[i];
        if (backend->count() == 0) cr_log_info("%s: no device, skipped", backend->name);
        if (strcmp(backend->name, "cpu") == 0) {
            open_one(list, &n, backend, 0, "baseline");
            open_one(list, &n, backend, 0, "avx2");
            open_one(list, &n, backend, 0, "avx512");
            continue;
        }
        for (int d = 0; d < backend->count() && d < 4; d++) open_one(list, &n, backend, d, NULL);
    }
    return n;
}

static void close_all(opened *list, int n) {
    for (int i = 0; i < n; i++) list[i].backend->close(list[i].device);
}

/* Whether a loop with reductions stores something in the place of an input at every point. */
static bool reduces_in_place(const step_case *c) {
    const hb_loop *loop = &c->step.u.loop;
    if (c->step.kind != HB_LOOP || loop->n_pre == loop->n_instr) return false;
    for (int i = 0; i < loop->n_out; i++)
        for (int k = 0; k < loop->n_in; k++)
            if (loop->out[i].value < loop->n_pre && loop->in[k].buffer == loop->out[i].to.buffer &&
                loop->in[k].offset == loop->out[i].to.offset)
                return true;
    return false;
}

static bool can_do(const opened *o, const step_case *c) {
    if (!o->f64 && uses_f64(c)) return false;
    return o->backend->reduces_once || !reduces_in_place(c);
}

static void try_on(const opened *o, step_case *c, const expected *e) {
    hb_error error = {0};
    if (!can_do(o, c)) return;
    images got = run_on(o->backend, o->device, c);
    check(c, e, &got, o->where);
    if (o->backend->set_threads) {
        ok(o->backend->set_threads(o->device, 2, &error), &error, c);
        images again = run_on(o->backend, o->device, c);
        check_same_bits(c, &got, &again);
        images_free(&again);
        ok(o->backend->set_threads(o->device, 1, &error), &error, c);
    }
    images_free(&got);
}

/* Takes the case. */
static void try_everywhere(const opened *list, int n, step_case *c) {
    expected e = expect(c);
    for (int i = 0; i < n; i++) try_on(&list[i], c, &e);
    expected_free(&e);
    case_free(c);
}

/* ---- random cases ---- */

typedef step_case *make_case(uint64_t seed, case_limits limits);

enum { BATCH = 25 };

/* Prepares the steps as one plan, for what the device then remembers of them: all kernels are
   compiled as one program, where each step's own would take several times as long. */
static void compile_together(const opened *o, step_case *const *cases, int n) {
    hb_error error = {0};
    hb_step steps[BATCH];
    hb_prepared *prepared = NULL;
    size_t n_steps = 0;
    for (int i = 0; i < n; i++) {
        if (!can_do(o, cases[i])) continue;
        place_scratch(o->backend, o->device, cases[i]);
        steps[n_steps++] = cases[i]->step;
    }
    const hebb_status status =
        o->backend->prepare(o->device, steps, n_steps, CASE_BUFFERS, &prepared, &error);
    cr_assert(!status, "%s: status %d: %s", o->where, (int)status, error.message);
    o->backend->release(o->device, prepared);
}

static void try_random(make_case *make, int count, case_limits limits) {
    setenv("HEBB_OPENCL_SMALL", "0", 1);
    opened list[MOST_DEVICES];
    const int n = open_all(list);
    const char *seed = getenv("HEBB_TEST_SEED"), *more = getenv("HEBB_TEST_CASES");
    const char *points = getenv("HEBB_TEST_POINTS"), *optimized = getenv("HEBB_TEST_OPTIMIZED");
    const uint64_t first = seed ? strtoull(seed, NULL, 10) : 1;
    if (more) count = (int)ceil(count * strtod(more, NULL));
    if (points && atoll(points) < limits.points) limits.points = atoll(points);
    for (int i = 0; i < n; i++)
        if (list[i].backend->set_threads) list[i].backend->set_threads(list[i].device, 1, NULL);
    for (int i = 0; i < count; i += BATCH) {
        step_case *cases[BATCH];
        const int m = count - i < BATCH ? count - i : BATCH;
        if (optimized && i >= atoi(optimized)) setenv("HEBB_OPENCL_OPTIONS", "-cl-opt-disable", 1);
        for (int k = 0; k < m; k++) cases[k] = make(first + (uint64_t)(i + k), limits);
        for (int k = 0; k < n; k++) compile_together(&list[k], cases, m);
        for (int k = 0; k < m; k++) try_everywhere(list, n, cases[k]);
    }
    close_all(list, n);
}

Test(steps, small_loops) { try_random(case_loop, 300, (case_limits){600, true}); }
Test(steps, loops) { try_random(case_loop, 100, (case_limits){30000, true}); }
Test(steps, loops_without_f64) { try_random(case_loop, 60, (case_limits){5000, false}); }
Test(steps, large_loops) { try_random(case_loop, 8, (case_limits){300000, true}); }
Test(steps, operands_in_turns) { try_random(case_turns, 300, (case_limits){60000, true}); }
Test(steps, small_reductions) { try_random(case_reduction, 300, (case_limits){600, true}); }
Test(steps, reductions) { try_random(case_reduction, 100, (case_limits){30000, true}); }
Test(steps, reductions_without_f64) { try_random(case_reduction, 60, (case_limits){5000, false}); }
Test(steps, large_reductions) { try_random(case_reduction, 10, (case_limits){400000, false}); }
Test(steps, small_reductions_in_place) {
    try_random(case_reduction_in_place, 300, (case_limits){600, true});
}
Test(steps, reductions_in_place) {
    try_random(case_reduction_in_place, 150, (case_limits){30000, true});
}
Test(steps, large_reductions_in_place) {
    try_random(case_reduction_in_place, 20, (case_limits){400000, false});
}
Test(steps, shared_reductions) {
    try_random(case_shared_reduction, 60, (case_limits){60000, true});
}
Test(steps, products) { try_random(case_gemm, 200, (case_limits){400000, true}); }
Test(steps, large_products) { try_random(case_gemm, 30, (case_limits){8000000, true}); }
Test(steps, round_products) { try_random(case_round_gemm, 20, (case_limits){16000000, false}); }
Test(steps, tall_products) { try_random(case_tall_gemm, 20, (case_limits){40000000, false}); }
Test(steps, products_of_samples) {
    try_random(case_gemm_of_samples, 20, (case_limits){40000000, false});
}
Test(steps, products_of_long_sums) {
    try_random(case_long_gemm, 20, (case_limits){40000000, true});
}
/* By name also where it does not pay; in both forms of kernels. */
Test(steps, short_products) {
    setenv("HEBB_GEMM", "short", 1);
    try_random(case_short_gemm, 20, (case_limits){2500000, true});
    setenv("HEBB_OPENCL_KERNELS", "gpu", 1);
    try_random(case_short_gemm, 50, (case_limits){2500000, true});
}
Test(steps, small_convolutions) { try_random(case_conv, 200, (case_limits){20000, true}); }
Test(steps, convolutions) { try_random(case_conv, 60, (case_limits){1000000, true}); }
Test(steps, deep_convolutions) { try_random(case_deep_conv, 60, (case_limits){300000, true}); }
Test(steps, convolutions_of_few_channels) {
    try_random(case_conv_few_channels, 150, (case_limits){1000000, true});
}
Test(steps, convolutions_of_channels_by_themselves) {
    try_random(case_conv_depthwise, 60, (case_limits){1000000, false});
}
Test(steps, convolutions_3x3) { try_random(case_conv_3x3, 40, (case_limits){8000000, true}); }
Test(steps, convolutions_5x5) { try_random(case_conv_5x5, 30, (case_limits){8000000, true}); }
Test(steps, strided_convolutions) {
    try_random(case_conv_strided, 60, (case_limits){8000000, true});
}
Test(steps, convolutions_of_volumes) {
    try_random(case_conv_volumes, 60, (case_limits){4000000, true});
}
/* Also where it does not pay: in the cheapest form, and in others. */
Test(steps, winograd) {
    setenv("HEBB_CONV", "winograd", 1);
    try_random(case_conv_3x3, 40, (case_limits){1000000, false});
    try_random(case_conv_wide, 15, (case_limits){1000000, false});
}
Test(steps, winograd_4x4) {
    setenv("HEBB_CONV", "winograd4", 1);
    try_random(case_conv_3x3, 40, (case_limits){1000000, false});
    try_random(case_conv_wide, 20, (case_limits){1000000, false});
}
Test(steps, winograd_5x5) {
    setenv("HEBB_CONV", "winograd", 1);
    try_random(case_conv_5x5, 40, (case_limits){1000000, false});
}
Test(steps, bands_of_rows) {
    setenv("HEBB_CONV", "bands", 1);
    try_random(case_conv, 40, (case_limits){20000, true});
    try_random(case_conv_few_channels, 30, (case_limits){100000, false});
}
Test(steps, folds) { try_random(case_fold, 100, (case_limits){20000, true}); }
Test(steps, resampling) { try_random(case_resample, 150, (case_limits){30000, true}); }
Test(steps, gradients_of_maxima) { try_random(case_max_back, 100, (case_limits){20000, true}); }
Test(steps, along_an_axis) { try_random(case_along, 120, (case_limits){0, true}); }
Test(steps, along_many_places) { try_random(case_along, 60, (case_limits){30000, true}); }
Test(steps, indexed) { try_random(case_indexed, 150, (case_limits){0, true}); }

/* ---- small steps in one plan ---- */

static void move_operand(hb_operand *operand, int by) {
    if (operand->buffer > 0) operand->buffer += by;
}

/* Makes the step work on other buffers. */
static void move_buffers(step_case *c, int by) {
    hb_gemm *gemm = &c->step.u.gemm;
    hb_loop *loop = c->step.kind == HB_GEMM ? &gemm->epilogue : &c->step.u.loop;
    for (int k = 0; k < loop->n_in; k++) move_operand(&loop->in[k], by);
    for (int k = 0; k < loop->n_out; k++) move_operand(&loop->out[k].to, by);
    if (c->step.kind != HB_GEMM) return;
    move_operand(&gemm->a, by);
    move_operand(&gemm->b, by);
}

/* All cases in one plan, each on memory of its own. How many do not have a kernel of their own. */
static int run_together(const opened *o, step_case *const *cases, int n, images *got) {
    hb_error error = {0};
    hb_step steps[BATCH];
    hb_buffer *buffers[BATCH * CASE_BUFFERS] = {0};
    hb_prepared *prepared = NULL;
    size_t scratch = 0;
    int members = 0;
    for (int i = 0; i < n; i++) {
        place_scratch(o->backend, o->device, cases[i]);
        scratch = cases[i]->step.scratch_bytes > scratch ? cases[i]->step.scratch_bytes : scratch;
        move_buffers(cases[i], i * CASE_BUFFERS);
        steps[i] = cases[i]->step;
        for (int b = 0; b < CASE_BUFFERS; b++) {
            hb_buffer **buffer = &buffers[i * CASE_BUFFERS + b];
            const size_t bytes = b > 0 ? cases[i]->bytes[b] : i == 0 ? 1 << 20 : 0;
            ok(o->backend->buffer_create(o->device, bytes, buffer, &error), &error, cases[i]);
            if (b == 0) continue;
            ok(o->backend->write(o->device, *buffer, 0, cases[i]->memory[b], bytes, &error), &error,
               cases[i]);
        }
    }
    cr_assert_leq(scratch + 128, 1 << 20);
    ok(o->backend->prepare(o->device, steps, (size_t)n, n * CASE_BUFFERS, &prepared, &error),
       &error, cases[0]);
    const hb_run_args args = {.buffers = buffers, .seed = RANDOM_SEED, .step = RANDOM_RUN};
    ok(o->backend->run(o->device, prepared, &args, &error), &error, cases[0]);
    ok(o->backend->finish(o->device, &error), &error, cases[0]);
    for (int i = 0; i < n; i++) {
        const char *solver = o->backend->solver(o->device, prepared, (size_t)i);
        members += strcmp(solver, "small, with the last one") == 0;
        got[i] = images_copy(cases[i]);
        for (int b = 0; b < CASE_BUFFERS; b++) {
            hb_buffer *buffer = buffers[i * CASE_BUFFERS + b];
            if (b > 0)
                ok(o->backend->read(o->device, buffer, 0, got[i].memory[b], cases[i]->bytes[b],
                                    &error),
                   &error, cases[i]);
            o->backend->buffer_destroy(o->device, buffer);
        }
        move_buffers(cases[i], -i * CASE_BUFFERS);
    }
    o->backend->release(o->device, prepared);
    return members;
}

/* Loops, reductions and products by turns, so small that on OpenCL most of them are parts of the
   kernels of others. */
static void try_together(const opened *o, uint64_t seed, int n) {
    const case_limits few = {600, o->f64}, some = {6000, o->f64};
    step_case *cases[BATCH] = {0};
    images got[BATCH];
    for (int i = 0; i < n; i++, seed++)
        cases[i] = i % 3 == 0   ? case_loop(seed, few)
                   : i % 3 == 1 ? case_reduction(seed, few)
                                : case_gemm(seed, some);
    const int members = run_together(o, cases, n, got);
    if (strcmp(o->backend->name, "opencl") == 0) cr_expect_gt(members, n / 2, "%d only", members);
    for (int i = 0; i < n; i++) {
        expected e = expect(cases[i]);
        check(cases[i], &e, &got[i], o->where);
        expected_free(&e);
        images_free(&got[i]);
        case_free(cases[i]);
    }
}

Test(steps, small_ones_together) {
    const char *seed = getenv("HEBB_TEST_SEED"), *more = getenv("HEBB_TEST_CASES");
    const uint64_t first = seed ? strtoull(seed, NULL, 10) : 1;
    const int plans = (int)ceil(5 * (more ? strtod(more, NULL) : 1));
    opened list[MOST_DEVICES];
    const int n = open_all(list);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < plans; k++) try_together(&list[i], first + 100 * (uint64_t)k, 15);
    close_all(list, n);
}

/* In the form for the other kind of device, too. */
Test(steps, small_ones_together_in_the_other_form) {
    const char *form = getenv("HEBB_OPENCL_KERNELS");
    setenv("HEBB_OPENCL_KERNELS", form && strcmp(form, "gpu") == 0 ? "cpu" : "gpu", 1);
    opened list[MOST_DEVICES];
    const int n = open_all(list);
    for (int i = 0; i < n; i++)
        if (strcmp(list[i].backend->name, "opencl") == 0)
            for (int k = 0; k < 3; k++) try_together(&list[i], 1000 + 100 * (uint64_t)k, 15);
    close_all(list, n);
}

/* ---- cases by hand ---- */

/* A test's cases share the devices: an OpenCL driver that compiles takes half a second to begin. */
static opened by_hand[MOST_DEVICES];
static int n_by_hand;

static void try_by_hand(step_case *c) {
    if (n_by_hand == 0) n_by_hand = open_all(by_hand);
    try_everywhere(by_hand, n_by_hand, c);
}

static void close_by_hand(void) { close_all(by_hand, n_by_hand); }
TestSuite(steps, .fini = close_by_hand);

/* One reduction of an f32 array of shape [rows, columns], over the dimensions marked; case_finish()
   is still to be called. */
static step_case *begin_reduction(int code, int64_t rows, int64_t columns, bool over_rows,
                                  bool over_columns) {
    step_case *c = case_new(99);
    hb_loop *loop = &c->step.u.loop;
    *loop = (hb_loop){.rank = 2,
                      .dim = {rows, columns},
                      .reduce = {over_rows, over_columns},
                      .n_in = 1,
                      .n_out = 1,
                      .n_instr = 2,
                      .n_pre = 1,
                      .in = c->in,
                      .out = c->out,
                      .instr = c->instr};
    c->instr[0] = (hb_instr){.code = HB_LOAD, .a = 0, .b = -1, .c = -1};
    c->instr[1] = (hb_instr){.code = (uint8_t)code, .a = 0, .b = -1, .c = -1};
    const int64_t kept_rows = over_rows ? 1 : rows, kept_columns = over_columns ? 1 : columns;
    c->in[0] = case_array_add(c, HEBB_F32, rows * columns, true);
    c->in[0].stride[0] = columns;
    c->in[0].stride[1] = 1;
    c->out[0] = (hb_output){case_array_add(c, HEBB_F32, kept_rows * kept_columns, false), 1};
    c->out[0].to.stride[0] = over_rows ? 0 : kept_columns;
    c->out[0].to.stride[1] = over_columns ? 0 : 1;
    return c;
}

static step_case *reduce_matrix(int code, int64_t rows, int64_t columns, bool over_rows,
                                bool over_columns) {
    step_case *c = begin_reduction(code, rows, columns, over_rows, over_columns);
    case_finish(c);
    return c;
}

static float *elements(step_case *c) {
    return (float *)(void *)(c->memory[c->in[0].buffer] + c->in[0].offset * 4);
}

/* Within 1e-6 of the sum, over any axis, of numbers whose partial sums all round. */
Test(steps, sums_are_accurate) {
    for (int axes = 1; axes < 4; axes++) {
        step_case *c = reduce_matrix(HB_SUM, 1500, 1100, axes & 1, axes & 2);
        for (int64_t i = 0; i < 1500 * 1100; i++) elements(c)[i] = 0.7f + 1e-7f * (float)(i % 999);
        try_by_hand(c);
    }
}

/* Reductions of so many elements into so few that two stages share the work, on GPUs and on CPUs.
 */
Test(steps, split_reductions) {
    static const int64_t shapes[][2] = {{2, 30000}, {7000, 3}, {1, 600000}, {600000, 2}};
    const char *points = getenv("HEBB_TEST_POINTS");
    for (int i = 0; i < 4; i++)
        for (int code = HB_SUM; code <= HB_REDMIN; code++) {
            const int64_t rows = shapes[i][0], columns = shapes[i][1];
            if (points && rows * columns > atoll(points)) continue;
            try_by_hand(reduce_matrix(code, rows, columns, rows > columns, rows < columns));
        }
}

/* Results that are stored past the caches, for their size: of rows that begin anywhere. With a
   reduction, too. */
Test(steps, large_results) {
    for (int reduces = 0; reduces < 2; reduces++) {
        const int64_t rows = 901, columns = 1601, apart = columns + 3;
        step_case *c = begin_reduction(HB_SUM, rows, columns, false, true);
        hb_loop *loop = &c->step.u.loop;
        hb_output *whole = &c->out[reduces];
        *whole = (hb_output){case_array_add(c, HEBB_F32, rows * apart, false), 0};
        whole->to.stride[0] = apart;
        whole->to.stride[1] = 1;
        loop->n_out = 1 + reduces;
        if (!reduces) {
            loop->reduce[1] = false;
            loop->n_instr = loop->n_pre;
        }
        case_finish(c);
        try_by_hand(c);
    }
}

Test(steps, extremes_keep_nan) {
    for (int axes = 1; axes < 4; axes++) {
        step_case *c = reduce_matrix(HB_REDMAX + axes % 2, 70, 133, axes & 1, axes & 2);
        elements(c)[3 * 133 + 130] = NAN;
        elements(c)[69 * 133] = INFINITY;
        try_by_hand(c);
    }
}

Test(steps, reductions_of_nothing) {
    for (int code = HB_SUM; code <= HB_PROD; code++) {
        try_by_hand(reduce_matrix(code, 0, 5, true, false));
        try_by_hand(reduce_matrix(code, 5, 0, false, true));
        try_by_hand(reduce_matrix(code, 0, 5, false, true));
        try_by_hand(reduce_matrix(code, 0, 0, true, true));
    }
}
