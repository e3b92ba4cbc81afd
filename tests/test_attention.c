/* Attention: against Keras (tests/golden/attention.txt), its gradients, rows that are masked
   entirely, keys and values that are kept from run to run, places, variables, errors. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <hebb/hebb.h>

#include "support/devices.h"
#include "support/golden.h"
#include "support/layer_gradient.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void expect_close(const hebb_array *got, const hebb_array *wanted, double tolerance,
                         const char *name, const char *what) {
    cr_assert_not_null(wanted, "%s: no %s", name, what);
    cr_assert_eq(hebb_array_count(got), hebb_array_count(wanted), "%s %s", name, what);
    for (int64_t i = 0; i < hebb_array_count(got); i++) {
        double g = hebb_array_at(got, i), w = hebb_array_at(wanted, i);
        cr_expect(fabs(g - w) <= tolerance * (1 + fabs(w)), "%s: %s[%d] is %.8g, wanted %.8g", name,
                  what, (int)i, g, w);
    }
}

/* ---- against Keras ---- */

/* The tensors of a case: queries and values are open in batch and time. */
typedef struct sample {
    hebb_tensor *q, *v, *k, *n, *m, *a, *scores;
} sample;

static hebb_tensor *build_plain(const char *name, sample *s) {
    hebb_attention_options o = {
        .key = s->k, .query_mask = s->n, .value_mask = s->m, .scores = &s->scores, .name = "layer"};
    o.causal_mask = strcmp(name, "dot_causal") == 0 || strcmp(name, "additive_no_scale") == 0;
    o.use_scale = strcmp(name, "dot_masks") == 0 || strcmp(name, "concat") == 0;
    o.no_scale = strcmp(name, "additive_no_scale") == 0;
    if (strcmp(name, "concat") == 0) o.score_mode = HEBB_SCORE_CONCAT;
    return name[0] == 'a' ? hebb_additive_attention_with(s->q, s->v, &o)
                          : hebb_attention_with(s->q, s->v, &o);
}

static hebb_tensor *build_heads(const char *name, sample *s) {
    hebb_multi_head_options o = {.key = s->k,
                                 .value_mask = s->m,
                                 .attention_mask = s->a,
                                 .causal_mask = s->q == s->v,
                                 .scores = &s->scores,
                                 .name = "layer"};
    if (strcmp(name, "groups") == 0)
        return hebb_group_query_attention_with(s->q, s->v, 2, 4, 2, &o);
    if (strcmp(name, "groups_masks") == 0)
        return hebb_group_query_attention_with(s->q, s->v, 2, 3, 1, &o);
    if (strcmp(name, "heads") == 0) return hebb_multi_head_attention_with(s->q, s->v, 2, 3, &o);
    if (strcmp(name, "heads_masks") == 0) {
        o.value_dim = 2;
        o.output_dim = 5;
        return hebb_multi_head_attention_with(s->q, s->v, 2, 3, &o);
    }
    o.no_bias = true;
    o.sliding_window = strcmp(name, "heads_window") == 0 ? 2 : 0;
    return hebb_multi_head_attention_with(s->q, s->v, 2, 2, &o);
}

static hebb_tensor *truth(hebb_graph *g, const golden_case *c, const char *name) {
    const hebb_array *value = golden_find(c, name);
    return value == NULL ? NULL : hebb_cast(hebb_constant(g, value), HEBB_BOOL);
}

static void set_variables(hebb_session *s, const golden_case *c) {
    hebb_graph *g = hebb_session_graph(s);
    for (size_t k = 0; k < hebb_graph_variable_count(g); k++) {
        hebb_tensor *variable = hebb_graph_variable(g, k);
        const char *name = hebb_tensor_name(variable) + strlen("layer/");
        cr_assert_not_null(golden_find(c, name), "%s: no %s", c->name, name);
        hebb_session_set(s, variable, golden_find(c, name));
    }
    cr_assert_not(hebb_failed(s), "%s: %s", c->name, hebb_message(s));
}

static void check_layer(const golden_case *c, hebb_device *device) {
    hebb_graph *g = hebb_graph_create();
    hebb_shape open = HEBB_SHAPE(HEBB_ANY, HEBB_ANY, 4);
    const hebb_array *v = golden_find(c, "v"), *k = golden_find(c, "k");
    sample x = {.q = hebb_input(g, "q", HEBB_F32, open)};
    x.v = v != NULL ? hebb_input(g, "v", HEBB_F32, open) : x.q;
    x.k = k != NULL ? hebb_constant(g, k) : NULL;
    x.n = truth(g, c, "n");
    x.m = truth(g, c, "m");
    x.a = truth(g, c, "a");
    bool plain = c->name[0] == 'd' || c->name[0] == 'c' || c->name[0] == 'a';
    hebb_tensor *y = plain ? build_plain(c->name, &x) : build_heads(c->name, &x), *slopes[2];
    hebb_tensor *dy = hebb_constant(g, golden_find(c, "dy"));
    hebb_gradients(&y, 1, (hebb_tensor *[]){x.q, x.v}, v != NULL ? 2 : 1, &dy, slopes);
    hebb_session *s = hebb_session_create(g, device);
    cr_assert_not(hebb_failed(s), "%s: %s", c->name, hebb_message(s));
    set_variables(s, c);
    hebb_array got[4] = {{0}, {0}, {0}, {0}};
    hebb_fetch fetches[] = {
        {y, &got[0]}, {x.scores, &got[1]}, {slopes[0], &got[2]}, {slopes[1], &got[3]}};
    hebb_run(s, (hebb_feed[]){{x.q, golden_find(c, "q")}, {x.v, v}}, v != NULL ? 2 : 1, fetches,
             v != NULL ? 4 : 3);
    cr_assert_not(hebb_failed(s), "%s: %s", c->name, hebb_message(s));
    static const char *const names[] = {"y", "s", "dq", "dv"};
    for (int i = 0; i < (v != NULL ? 4 : 3); i++)
        if (i != 1 || x.n == NULL)
            expect_close(&got[i], golden_find(c, names[i]), 2e-5, c->name, names[i]);
    for (int i = 0; i < 4; i++) hebb_array_free(&got[i]);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
}

/* From place 3 on: x open in batch and time. */
static void check_places(const golden_case *c, hebb_device *device) {
    hebb_graph *g = hebb_graph_create();
    const hebb_array *value = golden_find(c, "x");
    hebb_shape open = value->shape;
    open.dim[0] = open.dim[1] = HEBB_ANY;
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, open);
    hebb_tensor *start = hebb_full(g, HEBB_I32, HEBB_SCALAR, 3);
    hebb_tensor *y = c->name[0] == 's' ? hebb_sine_position_encoding(x, .start = start)
                                       : hebb_rotary_embedding(x, .start = start);
    hebb_session *s = hebb_session_create(g, device);
    hebb_array got = {0};
    hebb_run(s, HEBB_FEED({x, value}), HEBB_FETCH({y, &got}));
    cr_assert_not(hebb_failed(s), "%s: %s", c->name, hebb_message(s));
    expect_close(&got, golden_find(c, "y"), 2e-6, c->name, "y");
    hebb_array_free(&got);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
}

/* Those that have something of each kind: on OpenCL each graph's kernels are compiled anew. */
static bool is_chosen(const char *name) {
    static const char *const chosen[] = {"dot_masks", "additive", "heads_masks", "groups",
                                         "rotary"};
    for (size_t k = 0; k < COUNT(chosen); k++)
        if (strcmp(name, chosen[k]) == 0) return true;
    return false;
}

static void check_golden(hebb_device *device, bool all) {
    golden_file *file = golden_open(GOLDEN_FOLDER "/attention.txt");
    golden_case c;
    const char *wrong = NULL;
    int count = 0;
    cr_assert_not_null(file);
    for (; golden_next(file, &c, &wrong); golden_free(&c), count++)
        if (!all && !is_chosen(c.name)) continue;
        else if (golden_find(&c, "x") != NULL) check_places(&c, device);
        else check_layer(&c, device);
    cr_expect_null(wrong, "%s", wrong);
    cr_expect_eq(count, 14);
    golden_close(file);
    hebb_device_close(device);
}

Test(attention, is_that_of_keras_on_cpu) { check_golden(cpu_device(), true); }
Test(attention, is_that_of_keras_on_opencl) {
    check_golden(opencl_device(), getenv("HEBB_TESTS_FULL") != NULL);
}

/* ---- gradients, in f64 ---- */

/* bool [2, 3]: of the second example nothing is there. */
static hebb_tensor *half_there(hebb_tensor *x) {
    int32_t lengths[] = {2, 0};
    hebb_array array = hebb_array_view(lengths, HEBB_I32, HEBB_SHAPE(2));
    return hebb_sequence_mask(hebb_constant(hebb_tensor_graph(x), &array), x);
}

static hebb_tensor *dot(hebb_tensor *x) {
    return hebb_attention(x, hebb_square(x), .value_mask = half_there(x), .use_scale = true,
                          .dropout = 0.2);
}
static hebb_tensor *concat(hebb_tensor *x) {
    return hebb_attention(x, x, .use_scale = true, .score_mode = HEBB_SCORE_CONCAT);
}
static hebb_tensor *additive(hebb_tensor *x) {
    return hebb_additive_attention(x, hebb_exp(x), .query_mask = half_there(x),
                                   .causal_mask = true);
}
static hebb_tensor *heads(hebb_tensor *x) {
    return hebb_multi_head_attention(x, x, 2, 2, .causal_mask = true, .rotary = 100,
                                     .dropout = 0.2);
}
static hebb_tensor *heads_masked(hebb_tensor *x) {
    return hebb_multi_head_attention(x, hebb_square(x), 3, 1, .value_dim = 2, .output_dim = 3,
                                     .value_mask = half_there(x), .query_mask = half_there(x));
}
static hebb_tensor *groups(hebb_tensor *x) {
    return hebb_group_query_attention(x, x, 2, 4, 2, .causal_mask = true, .sliding_window = 2);
}
static hebb_tensor *places(hebb_tensor *x) {
    x = hebb_position_embedding(hebb_rotary_embedding(x, .max_wavelength = 50), 5);
    return hebb_square(hebb_sine_position_encoding(x));
}

Test(attention, gradients) {
    check_layer_gradient("dot", dot, HEBB_SHAPE(2, 3, 4));
    check_layer_gradient("concat", concat, HEBB_SHAPE(2, 3, 4));
    check_layer_gradient("additive", additive, HEBB_SHAPE(2, 3, 4));
    check_layer_gradient("heads", heads, HEBB_SHAPE(2, 3, 4));
    check_layer_gradient("heads with masks", heads_masked, HEBB_SHAPE(2, 3, 4));
    check_layer_gradient("groups", groups, HEBB_SHAPE(2, 3, 4));
    check_layer_gradient("places", places, HEBB_SHAPE(2, 3, 4));
}

/* ---- rows that are masked entirely ---- */

/* The second example has no keys: weights, results and gradients are 0 there, and finite everywhere
   for large scores. */
static void check_nothing_to_see(hebb_dtype dtype, hebb_device *device) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", dtype, HEBB_SHAPE(HEBB_ANY, HEBB_ANY, 2)), *weights;
    hebb_tensor *y = hebb_attention(x, x, .value_mask = half_there(x), .scores = &weights);
    hebb_tensor *slope = hebb_gradient(hebb_sum(hebb_square(y), HEBB_ALL_AXES, false), x);
    hebb_array value = hebb_array_zeros(dtype, HEBB_SHAPE(2, 3, 2)), got[3] = {{0}, {0}, {0}};
    for (int i = 0; i < 12; i++)
        hebb_array_set(&value, i, (i % 5 - 2) * (dtype == HEBB_F16 ? 10.0 : 60.0));
    hebb_session *s = hebb_session_create(g, device);
    hebb_run(s, HEBB_FEED({x, &value}),
             HEBB_FETCH({y, &got[0]}, {weights, &got[1]}, {slope, &got[2]}));
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    for (int k = 0; k < 3; k++)
        for (int64_t n = hebb_array_count(&got[k]), i = 0; i < n; i++) {
            double number = hebb_array_at(&got[k], i);
            cr_expect(isfinite(number));
            if (i >= n / 2) cr_expect_eq(number, 0, "%d of %d: %g", (int)i, k, number);
        }
    for (int row = 0; row < 3; row++) {
        double sum = 0;
        for (int i = 0; i < 3; i++) sum += hebb_array_at(&got[1], 3 * row + i);
        cr_expect(fabs(sum - 1) < 1e-2, "%g", sum);
        cr_expect_eq(hebb_array_at(&got[1], 3 * row + 2), 0);
    }
    for (int k = 0; k < 3; k++) hebb_array_free(&got[k]);
    hebb_array_free(&value);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
}

Test(attention, of_nothing_is_nothing) {
    hebb_device *device = cpu_device();
    check_nothing_to_see(HEBB_F32, device);
    check_nothing_to_see(HEBB_F64, device);
    check_nothing_to_see(HEBB_F16, device);
    check_nothing_to_see(HEBB_BF16, device);
    hebb_device_close(device);
}
Test(attention, of_nothing_is_nothing_on_opencl) {
    hebb_device *device = opencl_device();
    check_nothing_to_see(HEBB_F32, device);
    hebb_device_close(device);
}

/* Two keys and four queries, which see what is less than one or two places away. */
Test(attention, nothing_in_the_window_is_nothing) {
    hebb_graph *g = hebb_graph_create();
    hebb_device *device = cpu_device();
    hebb_tensor *query = hebb_full(g, HEBB_F64, HEBB_SHAPE(1, 4, 2), 1), *weights[2];
    hebb_tensor *key = hebb_full(g, HEBB_F64, HEBB_SHAPE(1, 2, 2), 1);
    for (int k = 0; k < 2; k++)
        hebb_multi_head_attention(query, key, 1, 2, .sliding_window = 1 + k, .causal_mask = k > 0,
                                  .scores = &weights[k]);
    const double want[2][8] = {{1, 0, 0, 1, 0, 0, 0, 0}, {1, 0, 0.5, 0.5, 0, 1, 0, 0}};
    hebb_array got[2] = {{0}, {0}};
    hebb_session *s = hebb_session_create(g, device);
    hebb_run(s, HEBB_NO_FEED, HEBB_FETCH({weights[0], &got[0]}, {weights[1], &got[1]}));
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < 8; i++)
            cr_expect_float_eq(hebb_array_at(&got[k], i), want[k][i], 1e-12, "%d of %d", i, k);
    for (int k = 0; k < 2; k++) hebb_array_free(&got[k]);
    hebb_session_destroy(s);
    hebb_device_close(device);
    hebb_graph_destroy(g);
}

/* ---- keys and values kept from run to run ---- */

enum { FEATURES = 6, CACHE = 8, ROWS = 2 };

/* Two blocks; with `start`, keys and values are kept. */
static hebb_tensor *model(hebb_tensor *x, hebb_tensor *start) {
    hebb_share_begin(hebb_tensor_graph(x), "model");
    hebb_multi_head_options o = {.causal_mask = true, .start = start, .cache = start ? CACHE : 0};
    x = hebb_position_embedding(x, CACHE, .start = start);
    o.rotary = 30;
    x = hebb_add(x, hebb_multi_head_attention_with(x, x, 3, 2, &o));
    x = hebb_layer_normalization(x);
    o.rotary = 0;
    o.sliding_window = 3;
    x = hebb_add(x, hebb_group_query_attention_with(x, x, 3, 4, 2, &o));
    hebb_share_end(hebb_tensor_graph(x));
    return x;
}

typedef struct reader {
    hebb_session *session;
    hebb_tensor *part, *start, *result;
    const float *text; /* [ROWS, CACHE, FEATURES] */
} reader;

/* Reads `n` places from `from` on, and compares with `whole` [ROWS, CACHE, FEATURES]. */
static void read_part(const reader *r, int from, int n, const hebb_array *whole) {
    hebb_array part = hebb_array_zeros(HEBB_F32, HEBB_SHAPE(ROWS, n, FEATURES)), got = {0};
    for (int row = 0; row < ROWS; row++)
        memcpy((float *)part.data + row * n * FEATURES, r->text + (row * CACHE + from) * FEATURES,
               (size_t)(n * FEATURES) * sizeof(float));
    int32_t place = from;
    hebb_array start = hebb_array_view(&place, HEBB_I32, HEBB_SCALAR);
    hebb_run(r->session, HEBB_FEED({r->part, &part}, {r->start, &start}),
             HEBB_FETCH({r->result, &got}));
    cr_assert_not(hebb_failed(r->session), "%s", hebb_message(r->session));
    for (int row = 0; row < ROWS; row++)
        for (int k = 0; k < n * FEATURES; k++) {
            double g = hebb_array_at(&got, row * n * FEATURES + k);
            double w = hebb_array_at(whole, (row * CACHE + from) * FEATURES + k);
            cr_expect(fabs(g - w) <= 1e-5, "place %d + %d: %.8g, wanted %.8g", from, k / FEATURES,
                      g, w);
        }
    hebb_array_free(&part);
    hebb_array_free(&got);
}

static void check_cache(hebb_device *device) {
    float text[ROWS * CACHE * FEATURES];
    for (size_t i = 0; i < COUNT(text); i++) text[i] = (float)sin(1 + 1.7 * (double)(i * i));
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, HEBB_ANY, FEATURES));
    hebb_tensor *part = hebb_input(g, "part", HEBB_F32, HEBB_SHAPE(ROWS, HEBB_ANY, FEATURES));
    hebb_tensor *start = hebb_input(g, "start", HEBB_I32, HEBB_SCALAR);
    hebb_tensor *y = model(x, NULL), *z = model(part, start);
    cr_expect_eq(hebb_graph_variable_count(g), 1 + 8 + 2 + 8 + 4); /* shared, and four caches */
    hebb_session *s = hebb_session_create(g, device, .seed = 5);
    hebb_array fed = hebb_array_view(text, HEBB_F32, HEBB_SHAPE(ROWS, CACHE, FEATURES)),
               whole = {0};
    hebb_run(s, HEBB_FEED({x, &fed}), HEBB_FETCH({y, &whole}));
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    const reader r = {s, part, start, z, text};
    for (int place = 0; place < CACHE; place++) read_part(&r, place, 1, &whole);
    read_part(&r, 0, 5, &whole); /* a new text: nothing of what is kept behind it counts */
    read_part(&r, 5, 1, &whole);
    read_part(&r, 4, 3, &whole); /* some of it read again */
    read_part(&r, 7, 1, &whole);
    hebb_array_free(&whole);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    hebb_device_close(device);
}

Test(attention, with_a_cache_equals_that_of_the_whole) { check_cache(cpu_device()); }
Test(attention, with_a_cache_equals_that_of_the_whole_on_opencl) { check_cache(opencl_device()); }

/* ---- variables and sizes ---- */

static void expect_shape(const hebb_tensor *y, hebb_shape wanted) {
    char got[160], want[160];
    hebb_shape_text(hebb_tensor_shape(y), got, sizeof got);
    hebb_shape_text(wanted, want, sizeof want);
    cr_expect_str_eq(got, want);
}

Test(attention, variables_and_shapes) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, HEBB_ANY, 8)), *scores;
    hebb_tensor *v = hebb_input(g, "v", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 7, 5));
    hebb_tensor *y = hebb_multi_head_attention(x, v, 4, 3, .value_dim = 2, .scores = &scores);
    expect_shape(y, HEBB_SHAPE(HEBB_ANY, HEBB_ANY, 8));
    expect_shape(scores, HEBB_SHAPE(HEBB_ANY, 4, HEBB_ANY, 7));
    y = hebb_group_query_attention(x, x, 6, 4, 2, .output_dim = 9, .scores = &scores);
    expect_shape(y, HEBB_SHAPE(HEBB_ANY, HEBB_ANY, 9));
    expect_shape(scores, HEBB_SHAPE(HEBB_ANY, 4, HEBB_ANY, HEBB_ANY));
    hebb_tensor *one = hebb_input(g, "one", HEBB_F32, HEBB_SHAPE(3, 1, 8));
    hebb_tensor *start = hebb_input(g, "start", HEBB_I32, HEBB_SCALAR);
    y = hebb_group_query_attention(one, one, 6, 4, 2, .cache = 32, .start = start);
    expect_shape(y, HEBB_SHAPE(3, 1, 8));
    hebb_position_embedding(x, 32);
    cr_expect_str_eq(hebb_graph_message(g), "");
    static const struct {
        const char *name;
        int64_t rows, columns;
    } some[] = {{"multi_head_attention/query/kernel", 8, 12},
                {"multi_head_attention/key/kernel", 5, 12},
                {"multi_head_attention/value/kernel", 5, 8},
                {"multi_head_attention/attention_output/kernel", 8, 8},
                {"group_query_attention/query/kernel", 8, 24},
                {"group_query_attention/value/kernel", 8, 12},
                {"group_query_attention/attention_output/kernel", 24, 9},
                {"position_embedding/embeddings", 32, 8}};
    for (size_t k = 0; k < COUNT(some); k++)
        expect_shape(hebb_graph_find(g, some[k].name), HEBB_SHAPE(some[k].rows, some[k].columns));
    hebb_tensor *cache = hebb_graph_find(g, "group_query_attention_1/key_cache");
    expect_shape(cache, HEBB_SHAPE(32, 3, 2, 6));
    cr_expect_not(hebb_variable_trainable(cache));
    hebb_graph_destroy(g);
}

/* ---- errors ---- */

#define FAILS(status, words, ...)                                                                  \
    do {                                                                                           \
        hebb_graph *g = hebb_graph_create();                                                       \
        hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(2, 6, 5));                        \
        hebb_tensor *v = hebb_input(g, "v", HEBB_F32, HEBB_SHAPE(2, 3, 5));                        \
        hebb_tensor *i = hebb_input(g, "i", HEBB_I32, HEBB_SHAPE(2, 6, 5));                        \
        hebb_tensor *o = hebb_input(g, "o", HEBB_F32, HEBB_SHAPE(HEBB_ANY, HEBB_ANY, HEBB_ANY));   \
        hebb_tensor *b = hebb_input(g, "b", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 1, 5));                 \
        hebb_tensor *m = hebb_input(g, "m", HEBB_BOOL, HEBB_SHAPE(2, 6));                          \
        hebb_tensor *n = hebb_input(g, "n", HEBB_I32, HEBB_SCALAR);                                \
        (void)v, (void)i, (void)o, (void)b, (void)m, (void)n;                                      \
        cr_expect(hebb_tensor_is_inert(__VA_ARGS__));                                              \
        cr_expect_eq(hebb_graph_status(g), HEBB_E_##status, "%s", hebb_graph_message(g));          \
        cr_expect(strstr(hebb_graph_message(g), words), "%s", hebb_graph_message(g));              \
        cr_expect(strstr(hebb_graph_message(g), "test_attention.c:"), "%s",                        \
                  hebb_graph_message(g));                                                          \
        hebb_graph_destroy(g);                                                                     \
    } while (0)

Test(attention, errors_say_what_and_where) {
    FAILS(DTYPE, "attention: the query is i32 [2, 6, 5]", hebb_attention(i, x));
    FAILS(DTYPE, "the value is i32", hebb_multi_head_attention(x, i, 2, 2, .key = x));
    FAILS(SHAPE, "the query is f32 [2, 30]", hebb_attention(hebb_flatten(x), x));
    FAILS(SHAPE, "with known features", hebb_additive_attention(x, o));
    FAILS(SHAPE, "the query has 5 features and the key 2",
          hebb_attention(x, v, .key = hebb_slice(v, HEBB_RANGES({2, 0, 2, 1}))));
    FAILS(SHAPE, "query [2, 6, 5], key [2, 3, 5] and value [2, 6, 5] must have",
          hebb_attention(x, x, .key = v));
    FAILS(NULL, "", hebb_attention(x, NULL));
    FAILS(DTYPE, "the value_mask is f32 [2, 6, 5]; wanted is bool [2, 6]",
          hebb_attention(x, x, .value_mask = x));
    FAILS(SHAPE, "the value_mask is bool [2, 6]; wanted is bool [2, 3]",
          hebb_multi_head_attention(x, v, 2, 2, .value_mask = m));
    FAILS(SHAPE, "the query_mask is bool [2, 6, 1]",
          hebb_attention(x, v, .query_mask = hebb_expand_dims(m, 2)));
    FAILS(SHAPE, "the attention_mask is bool [2, 6]; wanted is bool [2, 6, 3], or that without",
          hebb_attention(x, v, .attention_mask = m));
    FAILS(ARGUMENT, "dropout is 1, not in [0, 1)", hebb_attention(x, x, .dropout = 1));
    FAILS(ARGUMENT, "there is no score_mode 7", hebb_attention(x, x, .score_mode = 7));
    FAILS(ARGUMENT, "multi_head_attention: 0 heads", hebb_multi_head_attention(x, x, 0, 2));
    FAILS(ARGUMENT, "of size -1 and", hebb_multi_head_attention(x, x, 2, -1));
    FAILS(ARGUMENT, "group_query_attention: 4 heads of queries, 3 of keys",
          hebb_group_query_attention(x, x, 2, 4, 3));
    FAILS(ARGUMENT, "for heads of size 3", hebb_multi_head_attention(x, x, 2, 3, .rotary = 1e4));
    FAILS(ARGUMENT, "sliding_window -1",
          hebb_multi_head_attention(x, x, 2, 2, .sliding_window = -1));
    FAILS(ARGUMENT, "a cache of 9 places without start",
          hebb_multi_head_attention(x, x, 2, 2, .cache = 9));
    FAILS(ARGUMENT, "a cache of 0 places with start",
          hebb_multi_head_attention(x, x, 2, 2, .start = n));
    FAILS(DTYPE, "start is f32", hebb_multi_head_attention(x, x, 2, 2, .cache = 9, .start = x));
    FAILS(SHAPE, "start is i32 [2, 6, 5], not i32 []",
          hebb_multi_head_attention(x, x, 2, 2, .cache = 9, .start = i));
    FAILS(SHAPE, "with a cache the batch of the key [?, 1, 5] must be known",
          hebb_multi_head_attention(b, b, 2, 2, .cache = 9, .start = n));
    FAILS(SHAPE, "wanted is bool [2, 9]",
          hebb_multi_head_attention(x, x, 2, 2, .cache = 9, .start = n, .value_mask = m));
    FAILS(DTYPE, "sine_position_encoding: x is i32", hebb_sine_position_encoding(i));
    FAILS(SHAPE, "5 places for a time of 6", hebb_position_embedding(x, 5));
    FAILS(ARGUMENT, "0 places", hebb_position_embedding(x, 0));
    FAILS(SHAPE, "rotary_embedding: x is [2, 6, 5]; wanted are an even", hebb_rotary_embedding(x));
    FAILS(ARGUMENT, "the wavelength 0.5", hebb_rotary_embedding(x, .max_wavelength = 0.5));
    FAILS(DTYPE, "start is f32", hebb_sine_position_encoding(x, .start = x));
}
