/* Products that leave out what a mask makes zero (src/executor/bands.c, the CPU backend's solver
   "banded"): attention whose mask the planner sees through gives the values and gradients of that
   with the same mask fed, about which nothing is known. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <hebb/hebb.h>

/* Who sees whom: low <= key - query <= high. */
typedef struct mask {
    int64_t queries, keys, low, high;
} mask;

enum { HEADS = 2, FEATURES = 48, FAR = 1 << 20 };

static bool sees(const mask *m, int64_t query, int64_t key) {
    return key - query >= m->low && key - query <= m->high;
}

typedef struct attention {
    hebb_graph *g;
    hebb_tensor *q, *k, *v, *fed; /* inputs; fed is NULL if the mask is known */
} attention;

/* ---- masks: ways to spell them ---- */

typedef hebb_tensor *spelling(const mask *m, hebb_tensor *scores, hebb_tensor *query,
                              hebb_tensor *key);

static hebb_tensor *number(hebb_tensor *like, int64_t x) {
    return hebb_scalar_like(like, (double)x);
}

static hebb_tensor *by_select(const mask *m, hebb_tensor *scores, hebb_tensor *query,
                              hebb_tensor *key) {
    hebb_tensor *seen = hebb_less_equal(key, hebb_add(query, number(query, m->high)));
    if (m->low > -FAR)
        seen = hebb_and(seen, hebb_greater(hebb_sub(key, query), number(query, m->low - 1)));
    return hebb_select(seen, scores, hebb_scalar_like(scores, -INFINITY));
}

/* What is not seen, and the other way around. */
static hebb_tensor *by_not(const mask *m, hebb_tensor *scores, hebb_tensor *query,
                           hebb_tensor *key) {
    hebb_tensor *hidden = hebb_less(number(query, m->high), hebb_sub(key, query));
    return hebb_select(hidden, hebb_scalar_like(scores, -3e38), scores);
}

static hebb_tensor *by_sum(const mask *m, hebb_tensor *scores, hebb_tensor *query,
                           hebb_tensor *key) {
    hebb_tensor *seen = hebb_greater_equal(query, hebb_sub(key, number(key, m->high)));
    hebb_tensor *zero = hebb_scalar_like(scores, 0), *low = hebb_scalar_like(scores, -1e9);
    return hebb_add(scores, hebb_select(seen, hebb_mul(scores, zero), low));
}

/* A window around the query, or around another place: |key - query - middle| <= reach. */
static hebb_tensor *by_distance(const mask *m, hebb_tensor *scores, hebb_tensor *query,
                                hebb_tensor *key) {
    const int64_t middle = (m->low + m->high) / 2, reach = m->high - middle;
    hebb_tensor *off = hebb_abs(hebb_sub(hebb_sub(query, key), number(query, -middle)));
    return hebb_select(hebb_less(off, number(query, reach + 1)), scores,
                       hebb_scalar_like(scores, -1e30));
}

/* ---- the graph ---- */

static hebb_tensor *input(attention *a, const char *name, hebb_dtype dtype, int64_t rows) {
    return hebb_input(a->g, name, dtype, HEBB_SHAPE(HEADS, rows, FEATURES));
}

static hebb_tensor *transposed(hebb_tensor *x) { return hebb_swap_axes(x, 1, 2); }

/* What attention gives, and the gradients of a sum with various factors. */
static void build(attention *a, const mask *m, hebb_dtype dtype, spelling *spell,
                  hebb_tensor *wanted[4]) {
    a->g = hebb_graph_create();
    a->q = input(a, "q", dtype, m->queries);
    a->k = input(a, "k", dtype, m->keys);
    a->v = input(a, "v", dtype, m->keys);
    a->fed = NULL;
    hebb_tensor *scores = hebb_matmul(a->q, transposed(a->k)), *masked;
    if (spell != NULL) {
        hebb_tensor *like = hebb_sum(scores, HEBB_AXES(0), false);
        masked =
            spell(m, scores, hebb_iota_like(like, 0, HEBB_I32), hebb_iota_like(like, 1, HEBB_I32));
    } else {
        a->fed = hebb_input(a->g, "mask", HEBB_BOOL, HEBB_SHAPE(m->queries, m->keys));
        masked = hebb_select(a->fed, scores, hebb_scalar_like(scores, -1e30));
    }
    wanted[0] = hebb_matmul(hebb_softmax(masked), a->v);
    hebb_tensor *cost = hebb_sum(hebb_sin(wanted[0]), HEBB_ALL_AXES, false);
    hebb_gradients(&cost, 1, (hebb_tensor *[]){a->q, a->k, a->v}, 3, NULL, wanted + 1);
}

static hebb_array drawn(hebb_tensor *t, uint32_t seed) {
    hebb_array x = hebb_array_zeros(hebb_tensor_dtype(t), hebb_tensor_shape(t));
    for (int64_t i = 0; i < hebb_array_count(&x); i++) {
        seed = seed * 1664525u + 1013904223u;
        hebb_array_set(&x, i, (double)(seed >> 8) / 16777216.0 * 2 - 1);
    }
    return x;
}

static int banded_products(hebb_session *s) {
    int n = 0;
    for (size_t k = 0; k < hebb_session_profile_count(s); k++) {
        hebb_profile_row row;
        cr_assert_eq(hebb_session_profile_row(s, k, &row), HEBB_OK);
        if (strcmp(row.solver, "banded") == 0) n += (int)row.count;
    }
    return n;
}

/* The number of products in bands. */
static int run(const mask *m, hebb_dtype dtype, spelling *spell, int threads,
               hebb_array results[4]) {
    attention a;
    hebb_tensor *wanted[4];
    build(&a, m, dtype, spell, wanted);
    hebb_device *device = hebb_device_open("cpu");
    cr_assert_eq(hebb_device_set_threads(device, threads), HEBB_OK);
    hebb_session *s = hebb_session_create(a.g, device);
    hebb_session_profile(s, true);
    hebb_array q = drawn(a.q, 1), k = drawn(a.k, 2), v = drawn(a.v, 3);
    hebb_array seen = hebb_array_zeros(HEBB_BOOL, HEBB_SHAPE(m->queries, m->keys));
    for (int64_t i = 0; i < m->queries; i++)
        for (int64_t j = 0; j < m->keys; j++) hebb_array_set(&seen, i * m->keys + j, sees(m, i, j));
    const hebb_feed feeds[] = {{a.q, &q}, {a.k, &k}, {a.v, &v}, {a.fed, &seen}};
    hebb_fetch fetches[4];
    for (int i = 0; i < 4; i++) fetches[i] = (hebb_fetch){wanted[i], &results[i]};
    hebb_run(s, feeds, a.fed != NULL ? 4 : 3, fetches, 4);
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    const int n = banded_products(s);
    hebb_array *arrays[] = {&q, &k, &v, &seen};
    for (int i = 0; i < 4; i++) hebb_array_free(arrays[i]);
    hebb_session_destroy(s);
    hebb_device_close(device);
    hebb_graph_destroy(a.g);
    return n;
}

static void expect_same(const mask *m, hebb_dtype dtype, spelling *spell, bool banded) {
    hebb_array known[4] = {0}, fed[4] = {0}, alone[4] = {0};
    const int products = run(m, dtype, spell, 2, known);
    cr_expect_eq(run(m, dtype, NULL, 2, fed), 0);
    run(m, dtype, spell, 1, alone);
    if (banded)
        cr_expect_geq(products, 4, "%d x %d: %d products in bands", (int)m->queries, (int)m->keys,
                      products);
    const double allowed = dtype == HEBB_F64 ? 1e-13 : 2e-5;
    for (int k = 0; k < 4; k++) {
        for (int64_t i = 0; i < hebb_array_count(&fed[k]); i++)
            cr_assert_float_eq(hebb_array_at(&known[k], i), hebb_array_at(&fed[k], i), allowed,
                               "%d x %d [%d, %d]: result %d at %d", (int)m->queries, (int)m->keys,
                               (int)m->low, (int)m->high, k, (int)i);
        cr_expect_eq(memcmp(known[k].data, alone[k].data, hebb_array_bytes(&known[k])), 0);
        hebb_array_free(&known[k]);
        hebb_array_free(&fed[k]);
        hebb_array_free(&alone[k]);
    }
}

/* ---- tests ---- */

Test(bands, causal) {
    const mask m = {320, 320, -FAR, 0}, odd = {331, 331, -FAR, 0};
    expect_same(&m, HEBB_F32, by_select, true);
    expect_same(&m, HEBB_F32, by_not, true);
    expect_same(&m, HEBB_F32, by_sum, true);
    expect_same(&odd, HEBB_F32, by_select, true);
    expect_same(&odd, HEBB_F64, by_select, true);
}

Test(bands, windows) {
    const mask m = {300, 300, -40, 0}, around = {257, 257, -17, 17}, ahead = {200, 230, 5, 45};
    expect_same(&m, HEBB_F32, by_select, true);
    expect_same(&around, HEBB_F32, by_distance, true);
    expect_same(&ahead, HEBB_F32, by_distance, false);
    expect_same(&ahead, HEBB_F64, by_distance, false);
}

/* More keys than queries, and queries that see nothing: those see all keys alike. */
Test(bands, of_matrices_that_are_not_square) {
    const mask last = {300, 381, -FAR, 81}, none = {200, 200, -FAR, -3};
    expect_same(&last, HEBB_F32, by_select, true);
    expect_same(&none, HEBB_F32, by_not, false);
    const mask left = {331, 250, -FAR, 0}, beyond = {331, 150, -20, 0};
    expect_same(&left, HEBB_F32, by_select, true);
    expect_same(&beyond, HEBB_F32, by_distance, false);
}

/* Where little is left out, as of few keys, products are as always. */
Test(bands, small_ones_are_left_alone) {
    const mask m = {40, 40, -FAR, 0}, wide = {256, 256, -FAR, 200};
    hebb_array results[4] = {0};
    cr_expect_eq(run(&m, HEBB_F32, by_select, 2, results), 0);
    cr_expect_eq(run(&wide, HEBB_F32, by_select, 2, results), 0);
    for (int k = 0; k < 4; k++) hebb_array_free(&results[k]);
}
