/* Steps that the CPU backend runs together, row by row: softmax and normalizations with their
   gradients against float64 formulas, for rows that do not fill blocks, on any number of threads.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "support/devices.h"

enum { MOST = 1 << 18, RESULTS = 4 };

static void fill(hebb_array *array, double low, double high, unsigned seed) {
    float *x = array->data;
    for (int64_t i = 0; i < hebb_array_count(array); i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(low + (high - low) * (double)(seed >> 8) / (1 << 24));
    }
}

static void expect_near(const hebb_array *got, const double *wanted, double tolerance,
                        const char *what) {
    const float *x = got->data;
    for (int64_t i = 0; i < hebb_array_count(got); i++)
        cr_assert(fabs(x[i] - wanted[i]) <= tolerance * fmax(1, fabs(wanted[i])),
                  "%s[%d]: %.9g, not %.9g", what, (int)i, (double)x[i], wanted[i]);
}

/* ---- models ---- */

typedef struct model {
    hebb_graph *graph;
    hebb_tensor *x, *dy, *result[RESULTS];
    int n_results;
} model;

static void make_softmax(model *m, int64_t rows, int64_t columns) {
    m->x = hebb_input(m->graph, "x", HEBB_F32, HEBB_SHAPE(rows, columns));
    m->result[m->n_results++] = hebb_softmax(m->x);
}

/* Softmax and its gradient: y (dy - sum(y dy)). */
static void make_softmax_gradient(model *m, int64_t rows, int64_t columns) {
    make_softmax(m, rows, columns);
    m->dy = hebb_input(m->graph, "dy", HEBB_F32, HEBB_SHAPE(rows, columns));
    hebb_tensor *loss = hebb_sum(hebb_mul(m->result[0], m->dy), HEBB_AXES(0, 1), false);
    m->n_results = 0;
    hebb_gradients(HEBB_TENSORS(loss), HEBB_TENSORS(m->x), NULL, &m->result[m->n_results++]);
}

static void make_softmax_between(model *m, int64_t rows, int64_t columns) {
    m->x = hebb_input(m->graph, "x", HEBB_F32, HEBB_SHAPE(rows, columns));
    hebb_tensor *x = hebb_reshape(m->x, HEBB_SHAPE(16, rows / 16, columns));
    hebb_tensor *e = hebb_exp(hebb_sub(x, hebb_max(x, HEBB_AXES(1), true)));
    m->result[m->n_results++] = hebb_div(e, hebb_sum(e, HEBB_AXES(1), true));
}

/* y, dx, dgain and dbias. */
static void make_normalization(model *m, int64_t rows, int64_t columns) {
    m->x = hebb_input(m->graph, "x", HEBB_F32, HEBB_SHAPE(rows, columns));
    m->dy = hebb_input(m->graph, "dy", HEBB_F32, HEBB_SHAPE(rows, columns));
    hebb_tensor *gain =
        hebb_state(m->graph, "gain", HEBB_F32, HEBB_SHAPE(columns), hebb_constant_value(2));
    hebb_tensor *bias =
        hebb_state(m->graph, "bias", HEBB_F32, HEBB_SHAPE(columns), hebb_constant_value(1));
    hebb_tensor *mean = hebb_mean(m->x, HEBB_AXES(1), true), *away = hebb_sub(m->x, mean);
    hebb_tensor *variance = hebb_mean(hebb_square(away), HEBB_AXES(1), true);
    hebb_tensor *scale = hebb_rsqrt(hebb_add(variance, hebb_scalar_like(variance, 1e-3)));
    hebb_tensor *y = hebb_add(hebb_mul(hebb_mul(away, scale), gain), bias);
    hebb_tensor *loss = hebb_sum(hebb_mul(y, m->dy), HEBB_AXES(0, 1), false);
    m->result[m->n_results++] = y;
    hebb_gradients(HEBB_TENSORS(loss), HEBB_TENSORS(m->x, gain, bias), NULL, &m->result[1]);
    m->n_results = 4;
}

/* Functions of all that a row can be reduced to, some of which choose. */
static void make_functions(model *m, int64_t rows, int64_t columns) {
    m->x = hebb_input(m->graph, "x", HEBB_F32, HEBB_SHAPE(rows, columns));
    hebb_tensor *one = hebb_scalar_like(m->x, 1);
    hebb_tensor *largest = hebb_max(m->x, HEBB_AXES(1), true);
    hebb_tensor *least = hebb_min(m->x, HEBB_AXES(1), true);
    hebb_tensor *sum = hebb_sum(hebb_exp(hebb_sub(m->x, largest)), HEBB_AXES(1), true);
    hebb_tensor *product =
        hebb_prod(hebb_add(hebb_mul(m->x, hebb_scalar_like(m->x, 1e-3)), one), HEBB_AXES(1), true);
    hebb_tensor *range = hebb_square(hebb_sub(largest, least));
    hebb_tensor *wide = hebb_greater(range, hebb_scalar_like(range, 35.8));
    range = hebb_select(wide, hebb_sqrt(range), hebb_neg(largest));
    m->result[m->n_results++] = hebb_sub(m->x, hebb_add(largest, hebb_log(sum)));
    m->result[m->n_results++] = hebb_mul(hebb_sub(m->x, least), hebb_pow(sum, product));
    m->result[m->n_results++] = hebb_div(hebb_add(m->x, hebb_tanh(product)), range);
}

/* ---- running ---- */

typedef void maker(model *m, int64_t rows, int64_t columns);

typedef struct run {
    hebb_array x, dy, result[RESULTS];
} run;

static void run_model(maker *make, int64_t rows, int64_t columns, int threads, unsigned without,
                      run *r) {
    model m = {.graph = hebb_graph_create()};
    make(&m, rows, columns);
    hebb_device *device = cpu_device();
    hebb_device_set_threads(device, threads);
    hebb_session *s = hebb_session_create(m.graph, device, .without = without);
    *r = (run){.x = hebb_array_zeros(HEBB_F32, HEBB_SHAPE(rows, columns)),
               .dy = hebb_array_zeros(HEBB_F32, HEBB_SHAPE(rows, columns))};
    fill(&r->x, -3, 3, 1);
    fill(&r->dy, -1, 1, 2);
    hebb_feed feeds[] = {{m.x, &r->x}, {m.dy, &r->dy}};
    hebb_fetch fetches[RESULTS];
    for (int k = 0; k < m.n_results; k++) fetches[k] = (hebb_fetch){m.result[k], &r->result[k]};
    for (int k = 0; k < 2; k++)
        hebb_run(s, feeds, m.dy != NULL ? 2 : 1, fetches, (size_t)m.n_results);
    cr_assert(!hebb_failed(s), "%s", hebb_message(s));
    hebb_session_destroy(s);
    hebb_device_close(device);
    hebb_graph_destroy(m.graph);
}

static void free_run(run *r) {
    hebb_array_free(&r->x);
    hebb_array_free(&r->dy);
    for (int k = 0; k < RESULTS; k++) hebb_array_free(&r->result[k]);
}

/* ---- references ---- */

static double wanted[RESULTS][MOST];

static void refer_softmax(const run *r, int64_t rows, int64_t columns, bool gradient) {
    for (int64_t i = 0; i < rows; i++) {
        const float *x = (const float *)r->x.data + i * columns;
        const float *dy = (const float *)r->dy.data + i * columns;
        double *y = &wanted[0][i * columns], sum = 0, dot = 0;
        for (int64_t j = 0; j < columns; j++) sum += y[j] = exp(x[j]);
        for (int64_t j = 0; j < columns; j++) dot += (y[j] /= sum) * dy[j];
        for (int64_t j = 0; gradient && j < columns; j++) y[j] *= dy[j] - dot;
    }
}

static void refer_normalization(const run *r, int64_t rows, int64_t columns) {
    memset(wanted, 0, sizeof wanted);
    const double n = (double)columns;
    for (int64_t i = 0; i < rows; i++) {
        const float *x = (const float *)r->x.data + i * columns;
        const float *dy = (const float *)r->dy.data + i * columns;
        double mean = 0, variance = 0, sum = 0, dot = 0;
        for (int64_t j = 0; j < columns; j++) mean += x[j] / n;
        for (int64_t j = 0; j < columns; j++) variance += (x[j] - mean) * (x[j] - mean) / n;
        const double scale = 1 / sqrt(variance + 1e-3);
        for (int64_t j = 0; j < columns; j++) {
            const double hat = (x[j] - mean) * scale;
            wanted[0][i * columns + j] = 2 * hat + 1;
            wanted[2][j] += hat * dy[j];
            wanted[3][j] += dy[j];
            sum += 2 * dy[j] / n;
            dot += 2 * dy[j] * hat / n;
        }
        for (int64_t j = 0; j < columns; j++)
            wanted[1][i * columns + j] = scale * (2 * dy[j] - sum - (x[j] - mean) * scale * dot);
    }
}

/* ---- tests ---- */

/* Rows and columns: one block, many, with rows left over; short rows, of which the last ones are
   turned around, rows that are run staggered, and rows of many tiles. */
static const int64_t sizes[][2] = {{8, 3},      {37, 17},    {1000, 200}, {4099, 33},  {130, 2003},
                                   {1003, 261}, {613, 400},  {9, 20011},  {20011, 13}, {65001, 4},
                                   {8191, 32},  {16200, 16}, {100003, 2}, {8197, 31}};
enum { SIZES = sizeof sizes / sizeof *sizes };

Test(rows, softmax) {
    for (int k = 0; k < SIZES; k++)
        for (int gradient = 0; gradient < 2; gradient++) {
            run r;
            run_model(gradient ? make_softmax_gradient : make_softmax, sizes[k][0], sizes[k][1], 2,
                      0, &r);
            refer_softmax(&r, sizes[k][0], sizes[k][1], gradient);
            expect_near(&r.result[0], wanted[0], 2e-6, gradient ? "dx" : "y");
            free_run(&r);
        }
}

Test(rows, normalization_with_gradients) {
    static const char *const names[] = {"y", "dx", "dgain", "dbias"};
    static const unsigned without[] = {0, HEBB_NO_REUSE, HEBB_NO_FUSION, HEBB_NO_CSE};
    for (int k = 0; k < SIZES; k++)
        for (int w = 0; w < 4; w++) {
            run r;
            run_model(make_normalization, sizes[k][0], sizes[k][1], 2, without[w], &r);
            refer_normalization(&r, sizes[k][0], sizes[k][1]);
            for (int i = 0; i < 4; i++) expect_near(&r.result[i], wanted[i], 1e-4, names[i]);
            free_run(&r);
        }
}

Test(rows, any_number_of_threads_gives_the_same_bits) {
    for (int k = 0; k < SIZES; k++) {
        run one, three;
        run_model(make_normalization, sizes[k][0], sizes[k][1], 1, 0, &one);
        run_model(make_normalization, sizes[k][0], sizes[k][1], 3, 0, &three);
        for (int i = 0; i < 4; i++)
            cr_expect(memcmp(one.result[i].data, three.result[i].data,
                             (size_t)hebb_array_count(&one.result[i]) * sizeof(float)) == 0,
                      "result %d of %d x %d", i, (int)sizes[k][0], (int)sizes[k][1]);
        free_run(&one);
        free_run(&three);
    }
}

Test(rows, functions_of_results_are_those_without_fusion) {
    static const int64_t some[][2] = {{1, 256}, {7, 300}, {40, 512}, {1003, 261}, {255, 1000}};
    for (int k = 0; k < 5; k++) {
        run fused, apart;
        run_model(make_functions, some[k][0], some[k][1], 2, 0, &fused);
        run_model(make_functions, some[k][0], some[k][1], 2, HEBB_NO_FUSION, &apart);
        for (int i = 0; i < 3; i++) {
            const float *x = apart.result[i].data;
            for (int64_t j = 0; j < hebb_array_count(&apart.result[i]); j++) wanted[0][j] = x[j];
            expect_near(&fused.result[i], wanted[0], 1e-4, "y");
        }
        free_run(&fused);
        free_run(&apart);
    }
}

/* How many steps were run row by row in the two runs that run_model() makes. */
static int steps_together(maker *make, int64_t rows, int64_t columns) {
    static char text[1 << 16];
    char path[] = "/tmp/hebb-test-XXXXXX";
    int file = mkstemp(path);
    cr_assert_geq(file, 0);
    close(file);
    setenv("HEBB_PROFILE", path, 1);
    run r;
    run_model(make, rows, columns, 2, 0, &r);
    free_run(&r);
    FILE *profile = fopen(path, "rb");
    cr_assert_not_null(profile);
    text[fread(text, 1, sizeof text - 1, profile)] = '\0';
    fclose(profile);
    unlink(path);
    int n = 0;
    for (const char *at = text; (at = strstr(at, "rows together")) != NULL; at++) n++;
    return n;
}

/* All of the normalization is one step of the profile, but for what is done once a column. */
Test(rows, are_found) {
    cr_expect_eq(steps_together(make_normalization, 1000, 200), 2, "one in each of two runs");
}

/* A softmax along the middle axis, whose rows would be columns, a float each in a line. */
Test(rows, that_share_lines_are_left_apart) {
    cr_expect_eq(steps_together(make_softmax_between, 16 * 128, 512), 0);
}
