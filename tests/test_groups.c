/* Steps that the OpenCL backend gives to one kernel, row by row, mostly in the form for GPUs:
   softmax, normalizations and such with their gradients against the CPU backend, for rows around
   the sizes of work-groups, and the same bits in every run. Small steps are left to it, too. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "support/devices.h"

enum { RESULTS = 5 };

/* ---- models: of x and dy of one shape, and of `memory` ---- */

typedef struct model {
    hebb_graph *graph;
    hebb_shape shape;
    hebb_dtype dtype;
    hebb_tensor *x, *dy, *result[RESULTS];
    int n_results;
} model;

static void add_result(model *m, hebb_tensor *tensor) { m->result[m->n_results++] = tensor; }

/* The gradients of sum(y dy), as results. */
static void add_gradients(model *m, hebb_tensor *y, hebb_tensor *const *of, size_t n) {
    static const int axes[] = {0, 1, 2, 3};
    hebb_tensor *loss = (hebb_sum)(hebb_mul(y, m->dy), axes, m->shape.rank, false);
    (hebb_gradients)(&loss, 1, of, n, NULL, &m->result[m->n_results]);
    m->n_results += (int)n;
}

static int last_axis(const model *m) { return m->shape.rank - 1; }

static void make_softmax(model *m) {
    hebb_tensor *y = hebb_softmax(m->x);
    add_result(m, y);
    add_gradients(m, y, &m->x, 1);
}

static void make_log_softmax(model *m) {
    hebb_tensor *y = hebb_log_softmax(m->x);
    add_result(m, y);
    add_gradients(m, y, &m->x, 1);
}

static void make_layer_normalization(model *m) {
    const int64_t n = m->shape.dim[last_axis(m)];
    hebb_tensor *gain =
        hebb_state(m->graph, "gain", m->dtype, HEBB_SHAPE(n), hebb_constant_value(2));
    hebb_tensor *bias =
        hebb_state(m->graph, "bias", m->dtype, HEBB_SHAPE(n), hebb_constant_value(1));
    hebb_tensor *mean = hebb_mean(m->x, HEBB_AXES(last_axis(m)), true);
    hebb_tensor *away = hebb_sub(m->x, mean);
    hebb_tensor *variance = hebb_mean(hebb_square(away), HEBB_AXES(last_axis(m)), true);
    hebb_tensor *scale = hebb_rsqrt(hebb_add(variance, hebb_scalar_like(variance, 1e-3)));
    hebb_tensor *y = hebb_add(hebb_mul(hebb_mul(away, scale), gain), bias);
    add_result(m, y);
    add_gradients(m, y, (hebb_tensor *[]){m->x, gain, bias}, 3);
}

/* Over all axes but the second. */
static void make_batch_normalization(model *m) {
    const int axes[] = {0, 2, 3}, n = m->shape.rank - 1;
    hebb_tensor *mean = (hebb_mean)(m->x, axes, n, true), *away = hebb_sub(m->x, mean);
    hebb_tensor *variance = (hebb_mean)(hebb_square(away), axes, n, true);
    hebb_tensor *y =
        hebb_mul(away, hebb_rsqrt(hebb_add(variance, hebb_scalar_like(variance, 1e-3))));
    add_result(m, y);
    add_gradients(m, y, &m->x, 1);
}

/* As in attention: scaled, with a bias that all rows of a batch share. */
static void make_masked_softmax(model *m) {
    const int64_t *dim = &m->shape.dim[m->shape.rank - 2];
    hebb_tensor *mask =
        hebb_state(m->graph, "mask", m->dtype, HEBB_SHAPE(dim[0], dim[1]), hebb_uniform(-1, 1));
    hebb_tensor *y = hebb_softmax(hebb_add(hebb_mul(m->x, hebb_scalar_like(m->x, 0.25)), mask));
    add_result(m, y);
    add_gradients(m, y, &m->x, 1);
}

/* Whole numbers and truth values among the rest: how often each row has its largest element. */
static void make_ties(model *m) {
    hebb_tensor *whole = hebb_cast(m->x, HEBB_I32);
    hebb_tensor *most = hebb_max(whole, HEBB_AXES(last_axis(m)), true);
    hebb_tensor *is_most = hebb_equal(whole, most);
    hebb_tensor *ties = hebb_sum(hebb_cast(is_most, HEBB_I32), HEBB_AXES(last_axis(m)), true);
    add_result(m, hebb_select(is_most, ties, whole));
    add_result(m, ties);
}

/* What is kept from run to run: an average of each row, read before it is written, and the rows
   themselves, in place. */
static void make_averages(model *m) {
    hebb_shape once = m->shape;
    once.dim[last_axis(m)] = 1;
    hebb_tensor *average = hebb_state(m->graph, "average", m->dtype, once, hebb_constant_value(1));
    hebb_tensor *rows = hebb_state(m->graph, "rows", m->dtype, m->shape, hebb_constant_value(0.5));
    hebb_tensor *away = hebb_sub(hebb_add(m->x, rows), average);
    hebb_tensor *mean = hebb_mean(away, HEBB_AXES(last_axis(m)), true);
    hebb_tensor *next = hebb_add(hebb_mul(average, hebb_scalar_like(average, 0.5)), mean);
    add_result(m, hebb_assign(average, next));
    add_result(m, hebb_assign(rows, hebb_mul(away, next)));
}

/* Reductions over the rows of what the rows' reductions have made; of whole numbers, too. */
static void make_across(model *m) {
    hebb_tensor *y = hebb_softmax(m->x);
    hebb_tensor *many = hebb_cast(hebb_greater(y, hebb_scalar_like(y, 2e-3)), HEBB_I32);
    add_result(m, hebb_max(y, HEBB_AXES(0), false));
    add_result(m, hebb_sum(hebb_mul(y, m->dy), HEBB_AXES(0), false));
    add_result(m, hebb_sum(many, HEBB_AXES(0), false));
}

static void make_noise(model *m) {
    hebb_tensor *noise = hebb_random_uniform(m->graph, m->dtype, m->shape);
    hebb_tensor *y = hebb_softmax(hebb_mul(m->x, noise));
    add_result(m, hebb_mul(y, noise));
}

/* Softmax over the first axis: rows whose points lie apart. */
static void make_columns(model *m) {
    hebb_tensor *most = hebb_max(m->x, HEBB_AXES(0), true);
    hebb_tensor *y = hebb_exp(hebb_sub(m->x, most));
    add_result(m, hebb_div(y, hebb_sum(y, HEBB_AXES(0), true)));
}

/* Maxima of windows of 2 x 2, how many share each, and the gradient: dimensions so small that
   kernels for CPUs are without them. */
static void make_pooling(model *m) {
    const int64_t *dim = m->shape.dim;
    const int axes[] = {3, 5};
    hebb_tensor *windows =
        hebb_reshape(m->x, HEBB_SHAPE(dim[0], dim[1], dim[2] / 2, 2, dim[3] / 2, 2));
    hebb_tensor *y = (hebb_max)(windows, axes, 2, false);
    hebb_tensor *tied = hebb_equal(windows, (hebb_max)(windows, axes, 2, true));
    add_result(m, y);
    add_result(m, (hebb_sum)(hebb_cast(tied, HEBB_I32), axes, 2, false));
    add_result(m, (hebb_prod)(windows, axes, 2, false));
    hebb_tensor *loss = hebb_sum(hebb_square(y), HEBB_AXES(0, 1, 2, 3), false);
    (hebb_gradients)(&loss, 1, &m->x, 1, NULL, &m->result[m->n_results++]);
}

/* A sum over all but the second axis of what depends on five numbers a channel. */
static void make_channels(model *m) {
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    const int axes[] = {0, 2, 3};
    hebb_tensor *y = m->x;
    for (int k = 0; k < 5; k++) {
        hebb_tensor *of_channel =
            hebb_state(m->graph, names[k], m->dtype, HEBB_SHAPE(1, m->shape.dim[1], 1, 1),
                       hebb_uniform(0.5, 1));
        y = k % 2 == 0 ? hebb_mul(y, of_channel) : hebb_add(y, of_channel);
    }
    add_result(m, (hebb_mean)(y, axes, 3, false));
}

/* ---- running ---- */

static void fill(hebb_array *array, double low, double high, unsigned seed) {
    for (int64_t i = 0; i < hebb_array_count(array); i++) {
        seed = seed * 1664525u + 1013904223u;
        const double x = low + (high - low) * (double)(seed >> 8) / (1 << 24);
        if (array->dtype == HEBB_F64) ((double *)array->data)[i] = x;
        else ((float *)array->data)[i] = (float)x;
    }
}

typedef void maker(model *m);

typedef struct run {
    hebb_array result[RESULTS];
    int n;
} run;

static run run_model(hebb_device *device, maker *make, hebb_shape shape, hebb_dtype dtype) {
    model m = {.graph = hebb_graph_create(), .shape = shape, .dtype = dtype};
    m.x = hebb_input(m.graph, "x", dtype, shape);
    m.dy = hebb_input(m.graph, "dy", dtype, shape);
    make(&m);
    hebb_session *s = hebb_session_create(m.graph, device, .seed = 7);
    hebb_array x = hebb_array_zeros(dtype, shape), dy = hebb_array_zeros(dtype, shape);
    fill(&x, -3, 3, 1);
    fill(&dy, -1, 1, 2);
    hebb_feed feeds[] = {{m.x, &x}, {m.dy, &dy}};
    run r = {.n = m.n_results};
    hebb_fetch fetches[RESULTS];
    for (int k = 0; k < r.n; k++) fetches[k] = (hebb_fetch){m.result[k], &r.result[k]};
    for (int k = 0; k < 2; k++) hebb_run(s, feeds, 2, fetches, (size_t)r.n);
    cr_assert(!hebb_failed(s), "%s", hebb_message(s));
    hebb_session_destroy(s);
    hebb_graph_destroy(m.graph);
    hebb_array_free(&x);
    hebb_array_free(&dy);
    return r;
}

static void free_run(run *r) {
    for (int k = 0; k < r->n; k++) hebb_array_free(&r->result[k]);
}

/* A test's devices: an OpenCL driver that compiles takes half a second to begin. */
static hebb_device *cpu, *for_cpus, *for_gpus;

static hebb_device *measure(void) {
    if (cpu == NULL) cpu = cpu_device();
    return cpu;
}

static hebb_device *device_of(const char *form) {
    hebb_device **device = strcmp(form, "cpu") == 0 ? &for_cpus : &for_gpus;
    setenv("HEBB_OPENCL_SMALL", "0", 1);
    setenv("HEBB_OPENCL_KERNELS", form, 1);
    if (*device == NULL) *device = opencl_device();
    return *device;
}

static void close_devices(void) {
    hebb_device_close(cpu);
    hebb_device_close(for_cpus);
    hebb_device_close(for_gpus);
}
TestSuite(groups, .fini = close_devices);

static double element(const hebb_array *a, int64_t i) {
    if (a->dtype == HEBB_I32) return ((const int *)a->data)[i];
    return a->dtype == HEBB_F64 ? ((const double *)a->data)[i] : ((const float *)a->data)[i];
}

static void expect_near(const hebb_array *got, const hebb_array *wanted, const char *what,
                        const hebb_shape *shape) {
    const double tolerance = got->dtype == HEBB_F64 ? 1e-12 : 2e-5;
    double scale = 1;
    for (int64_t i = 0; i < hebb_array_count(got); i++)
        scale = fmax(scale, fabs(element(wanted, i)));
    for (int64_t i = 0; i < hebb_array_count(got); i++)
        cr_assert(fabs(element(got, i) - element(wanted, i)) <= tolerance * scale ||
                      (isnan(element(got, i)) && isnan(element(wanted, i))),
                  "%s of %d x %d...: element %d is %.9g, not %.9g", what, (int)shape->dim[0],
                  (int)shape->dim[1], (int)i, element(got, i), element(wanted, i));
}

static void check_form(const char *form, maker *make, const char *name, hebb_shape shape,
                       hebb_dtype dtype) {
    hebb_device *device = device_of(form);
    run wanted = run_model(measure(), make, shape, dtype);
    run got = run_model(device, make, shape, dtype), again = run_model(device, make, shape, dtype);
    for (int k = 0; k < got.n; k++) {
        char what[64];
        snprintf(what, sizeof what, "%s, result %d", name, k);
        expect_near(&got.result[k], &wanted.result[k], what, &shape);
        const size_t bytes =
            (size_t)hebb_array_count(&got.result[k]) * hebb_dtype_size(got.result[k].dtype);
        cr_expect(bytes == 0 || memcmp(got.result[k].data, again.result[k].data, bytes) == 0,
                  "%s differs from run to run", what);
    }
    free_run(&wanted);
    free_run(&got);
    free_run(&again);
}

static void check_model(maker *make, const char *name, hebb_shape shape, hebb_dtype dtype) {
    check_form("gpu", make, name, shape, dtype);
}

/* ---- tests ---- */

/* Rows of fewer points than items, of one more and one less than whole work-groups, one row, none,
   and rows too long for one kernel. */
static const int64_t sizes[][2] = {{5, 2},   {37, 3},   {300, 10}, {70, 31},  {70, 32},  {3, 33},
                                   {1, 129}, {8, 257},  {9, 1023}, {2, 1025}, {64, 64},  {0, 7},
                                   {3, 0},   {2, 4097}, {1, 8191}, {1, 8193}, {2, 20011}};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void check_sizes(maker *make, const char *name, hebb_dtype dtype, int every) {
    for (int k = 0; k < SIZES; k += every)
        check_model(make, name, HEBB_SHAPE(sizes[k][0], sizes[k][1]), dtype);
}

Test(groups, softmax) { check_sizes(make_softmax, "softmax", HEBB_F32, 1); }
Test(groups, log_softmax) { check_sizes(make_log_softmax, "log softmax", HEBB_F32, 3); }
Test(groups, layer_normalization) {
    check_sizes(make_layer_normalization, "layer normalization", HEBB_F32, 1);
}
Test(groups, ties) { check_sizes(make_ties, "ties", HEBB_F32, 4); }
Test(groups, averages) { check_sizes(make_averages, "averages", HEBB_F32, 3); }
Test(groups, noise) { check_sizes(make_noise, "noise", HEBB_F32, 4); }
Test(groups, columns) { check_sizes(make_columns, "columns", HEBB_F32, 3); }

Test(groups, doubles) {
    if (!hebb_device_get_info(device_of("gpu")).f64) cr_skip_test("no f64");
    check_sizes(make_layer_normalization, "layer normalization", HEBB_F64, 4);
}

Test(groups, more_dimensions) {
    check_model(make_masked_softmax, "masked softmax", HEBB_SHAPE(2, 3, 17, 17), HEBB_F32);
    check_model(make_masked_softmax, "masked softmax", HEBB_SHAPE(2, 1, 5, 200), HEBB_F32);
    check_model(make_layer_normalization, "layer normalization", HEBB_SHAPE(3, 5, 70), HEBB_F32);
    check_model(make_batch_normalization, "batch normalization", HEBB_SHAPE(3, 5, 7, 9), HEBB_F32);
    check_model(make_batch_normalization, "batch normalization", HEBB_SHAPE(40, 6), HEBB_F32);
    check_model(make_batch_normalization, "batch normalization", HEBB_SHAPE(1, 64, 5, 5), HEBB_F32);
}

Test(groups, small_dimensions) {
    static const char *const forms[] = {"cpu", "gpu"};
    for (int k = 0; k < 2; k++) {
        check_form(forms[k], make_pooling, "pooling", HEBB_SHAPE(2, 3, 20, 26), HEBB_F32);
        check_form(forms[k], make_pooling, "pooling", HEBB_SHAPE(1, 2, 4, 6), HEBB_F32);
        check_form(forms[k], make_softmax, "softmax", HEBB_SHAPE(70, 10), HEBB_F32);
        check_form(forms[k], make_columns, "columns", HEBB_SHAPE(5, 70), HEBB_F32);
    }
}

/* Rows that an item does one after the other: of a block and one more, of several, few and many;
   too long, and so many that the next ones are asked for. */
Test(groups, on_processors) {
    static const int64_t rows[][2] = {{300, 256}, {3, 257},   {70, 64},
                                      {7, 5000},  {2, 20011}, {0, 70}};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        const hebb_shape shape = HEBB_SHAPE(rows[k][0], rows[k][1]);
        check_form("cpu", make_softmax, "softmax", shape, HEBB_F32);
        check_form("cpu", make_layer_normalization, "layer normalization", shape, HEBB_F32);
        if (k % 3 == 0) check_form("cpu", make_averages, "averages", shape, HEBB_F32);
        if (k % 3 == 1) check_form("cpu", make_ties, "ties", shape, HEBB_F32);
        if (k % 3 == 2) check_form("cpu", make_noise, "noise", shape, HEBB_F32);
    }
    check_form("cpu", make_softmax, "softmax", HEBB_SHAPE(2100, 4096), HEBB_F32);
    check_form("cpu", make_masked_softmax, "masked softmax", HEBB_SHAPE(2, 3, 17, 70), HEBB_F32);
    check_form("cpu", make_batch_normalization, "batch normalization", HEBB_SHAPE(3, 5, 7, 9),
               HEBB_F32);
}

/* What scripts/check-kernels simulates: short rows side by side, and one that many items share; on
   processors, longer ones. */
Test(groups, some_of_each) {
    const char *kernels = getenv("HEBB_OPENCL_KERNELS");
    const char *form = kernels != NULL && strcmp(kernels, "cpu") == 0 ? "cpu" : "gpu";
    check_form(form, make_softmax, "softmax", HEBB_SHAPE(5, 10), HEBB_F32);
    check_form(form, make_layer_normalization, "layer normalization", HEBB_SHAPE(2, 257), HEBB_F32);
    check_form(form, make_averages, "averages", HEBB_SHAPE(5, 40), HEBB_F32);
    check_form(form, make_ties, "ties", HEBB_SHAPE(3, 33), HEBB_F32);
    check_form(form, make_masked_softmax, "masked softmax", HEBB_SHAPE(2, 1, 3, 40), HEBB_F32);
}

/* What a profile of two runs says. */
static const char *profile_of(const char *form, maker *make, hebb_shape shape) {
    static char text[1 << 16];
    char path[] = "/tmp/hebb-test-XXXXXX";
    hebb_device *device = device_of(form); /* or the test is skipped, before there is a file */
    int file = mkstemp(path);
    cr_assert_geq(file, 0);
    close(file);
    setenv("HEBB_PROFILE", path, 1);
    run r = run_model(device, make, shape, HEBB_F32);
    unsetenv("HEBB_PROFILE");
    free_run(&r);
    FILE *profile = fopen(path, "rb");
    cr_assert_not_null(profile);
    text[fread(text, 1, sizeof text - 1, profile)] = '\0';
    fclose(profile);
    unlink(path);
    return text;
}

/* How many kernels do the work of several steps, in one run. */
static int count_groups_in(const char *form, maker *make, hebb_shape shape) {
    const char *text = profile_of(form, make, shape);
    int n = 0;
    for (const char *at = text; (at = strstr(at, "rows together")) != NULL; at++) n++;
    return n / 2;
}

static int count_groups(maker *make, hebb_shape shape) {
    return count_groups_in("gpu", make, shape);
}

/* So many rows that their sums are made in parts, and so many points that results go past the
   caches. */
Test(groups, across) {
    static const int64_t rows[][2] = {{801, 1601}, {2100, 300}};
    for (int k = 0; k < 2; k++) {
        const hebb_shape shape = HEBB_SHAPE(rows[k][0], rows[k][1]);
        check_form("cpu", make_layer_normalization, "layer normalization", shape, HEBB_F32);
        check_form("cpu", make_across, "across", shape, HEBB_F32);
        cr_expect_null(strstr(profile_of("cpu", make_across, shape), "columns"));
    }
}

/* However many numbers a channel has that its points share, kernels go along the points. */
Test(groups, of_channels) {
    const hebb_shape shape = HEBB_SHAPE(4, 64, 30, 30);
    cr_expect_null(strstr(profile_of("cpu", make_channels, shape), "columns"));
    cr_expect_null(strstr(profile_of("gpu", make_channels, shape), "items"));
    check_form("cpu", make_channels, "channels", shape, HEBB_F32);
    check_form("gpu", make_channels, "channels", shape, HEBB_F32);
}

Test(groups, are_found) {
    cr_expect_eq(count_groups(make_softmax, HEBB_SHAPE(40, 30)), 1);
    cr_expect_eq(count_groups(make_layer_normalization, HEBB_SHAPE(40, 30)), 1);
    cr_expect_eq(count_groups(make_batch_normalization, HEBB_SHAPE(3, 5, 7, 9)), 1);
    cr_expect_eq(count_groups(make_masked_softmax, HEBB_SHAPE(2, 3, 17, 17)), 1);
    cr_expect_eq(count_groups(make_averages, HEBB_SHAPE(40, 30)), 1);
    cr_expect_eq(count_groups(make_columns, HEBB_SHAPE(40, 30)), 0, "their points lie apart");
    cr_expect_eq(count_groups(make_softmax, HEBB_SHAPE(2, 20011)), 0, "too long for registers");
    cr_expect_eq(count_groups_in("cpu", make_softmax, HEBB_SHAPE(70, 64)), 1);
    cr_expect_eq(count_groups_in("cpu", make_softmax, HEBB_SHAPE(70, 10)), 0, "short rows");
    cr_expect_eq(count_groups_in("cpu", make_softmax, HEBB_SHAPE(2, 20011)), 0, "few and long");
}
