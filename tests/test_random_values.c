/* Random integers, Bernoulli, permutations, categorical and truncated normal values: counts and
   moments at fixed seeds, and the same bits on both backends. */
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>

#include "../checks/values.h"
#include "support/devices.h"

#define N           20000
#define COUNT_OF(a) (int)(sizeof(a) / sizeof *(a))

/* ---- drawing ---- */

typedef hebb_tensor *maker(hebb_graph *g);

static hebb_array draw(const char *device_name, maker *make, uint64_t seed) {
    hebb_graph *g = hebb_graph_create();
    hebb_device *device = kept_device(device_name);
    hebb_tensor *t = make(g);
    cr_assert_not(hebb_failed(g), "%s", hebb_message(g));
    hebb_session *s = hebb_session_create(g, device, .seed = seed);
    hebb_array out = {0};
    hebb_run(s, HEBB_NO_FEED, HEBB_FETCH({t, &out}));
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    return out;
}

static hebb_tensor *bits(hebb_graph *g) { return hebb_random_bits(g, HEBB_SHAPE(N)); }
static hebb_tensor *dice(hebb_graph *g) {
    return hebb_random_integers(g, HEBB_I32, HEBB_SHAPE(N), 1, 7);
}
static hebb_tensor *wide(hebb_graph *g) {
    return hebb_random_integers(g, HEBB_I64, HEBB_SHAPE(N), -(1ll << 40),
                                -(1ll << 40) + (1ll << 31));
}
static hebb_tensor *bytes(hebb_graph *g) {
    return hebb_random_integers(g, HEBB_U8, HEBB_SHAPE(N), 0, 256);
}
static hebb_tensor *coins(hebb_graph *g) { return hebb_random_bernoulli(g, HEBB_SHAPE(N), 0.3); }
static hebb_tensor *heads(hebb_graph *g) { return hebb_random_bernoulli(g, HEBB_SHAPE(N), 1); }
static hebb_tensor *tails(hebb_graph *g) { return hebb_random_bernoulli(g, HEBB_SHAPE(N), 0); }
static hebb_tensor *order(hebb_graph *g) { return hebb_random_permutation(g, N); }
static hebb_tensor *orders(hebb_graph *g) {
    hebb_tensor *like = hebb_full(g, HEBB_F32, HEBB_SHAPE(N, 4), 0);
    return hebb_random_permutation_like(like, 1);
}
static const double logits[] = {0, 1, -1, -INFINITY, 2};
static hebb_tensor *classes(hebb_graph *g) {
    float numbers[COUNT_OF(logits)];
    for (int k = 0; k < COUNT_OF(logits); k++) numbers[k] = (float)logits[k];
    hebb_array array = {.dtype = HEBB_F32, .shape = HEBB_SHAPE(COUNT_OF(logits)), .data = numbers};
    hebb_tensor *row = hebb_constant(g, &array);
    return hebb_random_categorical(hebb_broadcast_to(row, HEBB_SHAPE(N, COUNT_OF(logits))));
}

/* ---- the same everywhere ---- */

Test(devices, draw_the_same_whole_numbers) {
    maker *const makers[] = {bits, dice, wide, bytes, coins, order, orders};
    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) {
        hebb_array a = draw("cpu", makers[i], 7), b = draw("opencl", makers[i], 7);
        cr_expect_eq(hebb_array_bytes(&a), hebb_array_bytes(&b));
        cr_expect_eq(memcmp(a.data, b.data, hebb_array_bytes(&a)), 0, "maker %zu", i);
        hebb_array_free(&a);
        hebb_array_free(&b);
    }
}

Test(streams, differ_by_seed) {
    hebb_array a = draw("cpu", dice, 1), b = draw("cpu", dice, 2);
    cr_expect_neq(memcmp(a.data, b.data, hebb_array_bytes(&a)), 0);
    hebb_array_free(&a);
    hebb_array_free(&b);
}

/* ---- distributions ---- */

/* Pearson's statistic of counts against probabilities, which has k - 1 degrees of freedom: beyond
   their number by five of its deviations it is no accident. */
static void check_counts(const int64_t *count, const double *p, int k, const char *what) {
    double statistic = 0, freedom = -1;
    for (int i = 0; i < k; i++) {
        if (p[i] == 0) {
            cr_expect_eq(count[i], 0, "%s: %d was drawn", what, i);
            continue;
        }
        const double d = (double)count[i] - N * p[i];
        statistic += d * d / (N * p[i]);
        freedom++;
    }
    cr_expect_lt(statistic, freedom + 5 * sqrt(2 * freedom), "%s: chi-square %g with %g", what,
                 statistic, freedom);
}

static void count_values(const hebb_array *a, int64_t low, int k, int64_t *count) {
    memset(count, 0, (size_t)k * sizeof *count);
    for (int64_t i = 0; i < N; i++) {
        const int64_t x = (int64_t)hebb_array_at(a, i) - low;
        cr_assert(x >= 0 && x < k, "%lld", (long long)x);
        count[x]++;
    }
}

static void check_even(maker *make, int64_t low, int k, const char *what) {
    int64_t count[256];
    double p[256];
    hebb_array a = draw("cpu", make, 11);
    count_values(&a, low, k, count);
    for (int i = 0; i < k; i++) p[i] = 1.0 / k;
    check_counts(count, p, k, what);
    hebb_array_free(&a);
}

Test(counts, integers) {
    check_even(dice, 1, 6, "dice");
    check_even(bytes, 0, 256, "bytes");
}

Test(counts, wide_integers_fill_their_range) {
    hebb_array a = draw("cpu", wide, 3);
    double sum = 0;
    const double low = -0x1p40, size = 0x1p31;
    for (int64_t i = 0; i < N; i++) {
        const double u = (hebb_array_at(&a, i) - low) / size;
        cr_assert(u >= 0 && u < 1);
        sum += u;
    }
    cr_expect_float_eq(sum / N, 0.5, 5 * sqrt(1.0 / 12 / N));
    hebb_array_free(&a);
}

Test(counts, bernoulli) {
    int64_t count[2];
    hebb_array a = draw("cpu", coins, 5), b = draw("cpu", heads, 5), c = draw("cpu", tails, 5);
    count_values(&a, 0, 2, count);
    check_counts(count, (const double[]){0.7, 0.3}, 2, "p 0.3");
    count_values(&b, 0, 2, count);
    cr_expect_eq(count[1], N);
    count_values(&c, 0, 2, count);
    cr_expect_eq(count[0], N);
    hebb_array_free(&a);
    hebb_array_free(&b);
    hebb_array_free(&c);
}

Test(counts, permutations) {
    static bool seen[N];
    int64_t count[24] = {0};
    double p[24];
    hebb_array a = draw("cpu", order, 9), b = draw("cpu", orders, 9);
    for (int64_t i = 0; i < N; i++) {
        const int64_t x = (int64_t)hebb_array_at(&a, i);
        cr_assert(x >= 0 && x < N && !seen[x]);
        seen[x] = true;
    }
    /* All orders of four are as likely: Lehmer's code tells which it is. */
    for (int64_t i = 0; i < N; i++) {
        int code = 0;
        for (int k = 0; k < 4; k++) {
            int smaller = 0;
            for (int l = k + 1; l < 4; l++)
                smaller += hebb_array_at(&b, 4 * i + l) < hebb_array_at(&b, 4 * i + k);
            code = code * (4 - k) + smaller;
        }
        count[code]++;
    }
    for (int k = 0; k < 24; k++) p[k] = 1.0 / 24;
    check_counts(count, p, 24, "orders of four");
    hebb_array_free(&a);
    hebb_array_free(&b);
}

Test(counts, categorical) {
    int64_t count[COUNT_OF(logits)];
    double p[COUNT_OF(logits)], sum = 0;
    for (int k = 0; k < COUNT_OF(logits); k++) sum += exp(logits[k]);
    for (int k = 0; k < COUNT_OF(logits); k++) p[k] = exp(logits[k]) / sum;
    for (int d = 0; d < 2; d++) {
        hebb_array a = draw(d == 0 ? "cpu" : "opencl", classes, 4);
        count_values(&a, 0, COUNT_OF(logits), count);
        check_counts(count, p, COUNT_OF(logits), d == 0 ? "cpu" : "opencl");
        hebb_array_free(&a);
    }
}

/* ---- truncated normal ---- */

typedef struct bounds {
    double low, high;
} bounds;
static const bounds cuts[] = {{-2, 2}, {-1, 0.5}, {1, 3}, {-INFINITY, 0}, {-INFINITY, INFINITY}};
static bounds cut; /* of the graph being made */
static hebb_dtype cut_dtype;
static hebb_tensor *truncated(hebb_graph *g) {
    return hebb_random_truncated_normal(g, cut_dtype, HEBB_SHAPE(N), cut.low, cut.high);
}

static double phi(double x) { return 0.5 * erfc(-x / sqrt(2)); }

/* Eight ranges of values that are as likely each. */
static void check_truncated(const char *device, hebb_dtype dtype) {
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        int64_t count[8] = {0};
        double p[8];
        cut = cuts[i];
        cut_dtype = dtype;
        hebb_array a = draw(device, truncated, 21 + i);
        for (int64_t k = 0; k < N; k++) {
            const double x = hebb_array_at(&a, k);
            cr_assert(x >= cut.low && x <= cut.high, "%g", x);
            const double u = (phi(x) - phi(cut.low)) / (phi(cut.high) - phi(cut.low));
            count[u < 0 ? 0 : u >= 1 ? 7 : (int)(8 * u)]++;
        }
        for (int k = 0; k < 8; k++) p[k] = 1.0 / 8;
        check_counts(count, p, 8, device);
        hebb_array_free(&a);
    }
}
Test(truncated, f32_on_cpu) { check_truncated("cpu", HEBB_F32); }
Test(truncated, f64_on_cpu) { check_truncated("cpu", HEBB_F64); }
Test(truncated, f32_on_opencl) { check_truncated("opencl", HEBB_F32); }

/* The unbounded one reaches the ends of what uniform numbers there are. */
Test(truncated, halves_are_finite) {
    const hebb_dtype halves[] = {HEBB_F16, HEBB_BF16};
    cut = (bounds){-INFINITY, INFINITY};
    for (int d = 0; d < 2; d++) {
        cut_dtype = halves[d];
        hebb_array a = draw("cpu", truncated, 21);
        for (int64_t k = 0; k < N; k++) {
            const double x = hebb_array_at(&a, k);
            cr_assert(fabs(x) < 6, "%g", x);
        }
        hebb_array_free(&a);
    }
}

/* ---- bad arguments ---- */

#define REFUSES(STATUS, ...)                                                                       \
    do {                                                                                           \
        hebb_graph *g = hebb_graph_create();                                                       \
        cr_expect(hebb_tensor_is_inert(__VA_ARGS__));                                              \
        cr_expect_eq(hebb_graph_status(g), STATUS, "%s", hebb_message(g));                         \
        hebb_graph_destroy(g);                                                                     \
    } while (0)

Test(arguments, are_checked) {
    const hebb_shape shape = HEBB_SHAPE(3);
    REFUSES(HEBB_E_ARGUMENT, hebb_random_integers(g, HEBB_I32, shape, 3, 3));
    REFUSES(HEBB_E_ARGUMENT, hebb_random_integers(g, HEBB_U8, shape, 0, 257));
    REFUSES(HEBB_E_ARGUMENT, hebb_random_integers(g, HEBB_I64, shape, 0, (1ll << 31) + 1));
    REFUSES(HEBB_E_DTYPE, hebb_random_integers(g, HEBB_F32, shape, 0, 2));
    REFUSES(HEBB_E_ARGUMENT, hebb_random_bernoulli(g, shape, 1.5));
    REFUSES(HEBB_E_ARGUMENT, hebb_random_bernoulli(g, shape, NAN));
    REFUSES(HEBB_E_SHAPE, hebb_random_permutation(g, -3));
    REFUSES(HEBB_E_ARGUMENT, hebb_random_truncated_normal(g, HEBB_F32, shape, 1, 1));
    REFUSES(HEBB_E_DTYPE, hebb_random_truncated_normal(g, HEBB_I32, shape, 0, 1));
}
