/* .memory_limit: training in less memory than it takes by itself gives the same numbers, bit by
   bit; what cannot be done is said. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "support/devices.h"

enum { STEPS = 4, MOST_VARIABLES = 160 };

typedef hebb_tensor *(*network)(hebb_tensor *x);

typedef struct outcome {
    float loss[STEPS];
    hebb_plan_stats stats;
    hebb_status status;
    char message[1024];
    size_t n_variables;
    hebb_array variables[MOST_VARIABLES];
} outcome;

typedef struct problem {
    network network;
    hebb_shape x;
    const char *device;
    unsigned without;
} problem;

/* ---- networks ---- */

static hebb_tensor *deep_mlp(hebb_tensor *x) {
    for (int k = 0; k < 16; k++) x = hebb_dense(x, 32, .activation = hebb_relu);
    return x;
}

static hebb_tensor *deep_gelu(hebb_tensor *x) {
    for (int k = 0; k < 8; k++) x = hebb_dense(x, 32, .activation = hebb_gelu);
    return x;
}

static hebb_tensor *cnn(hebb_tensor *x) {
    for (int k = 0; k < 6; k++) {
        x = hebb_conv2d(x, 8, 3, .padding = HEBB_PADDING_SAME);
        x = hebb_relu(hebb_batch_normalization(x));
        if (k == 3) x = hebb_dropout(hebb_max_pool2d(x, 2), 0.3);
    }
    return hebb_flatten(x);
}

static hebb_tensor *transformer(hebb_tensor *x) {
    for (int k = 0; k < 2; k++) {
        hebb_tensor *h = hebb_layer_normalization(x);
        x = hebb_add(x, hebb_dropout(hebb_multi_head_attention(h, h, 2, 16), 0.1));
        h = hebb_dense(hebb_layer_normalization(x), 64, .activation = hebb_gelu);
        x = hebb_add(x, hebb_dense(h, 32));
    }
    return hebb_flatten(x);
}

/* ---- training ---- */

static hebb_array data_of(hebb_dtype dtype, hebb_shape shape) {
    hebb_array a = {0};
    cr_assert_eq(hebb_array_resize(&a, dtype, shape), HEBB_OK);
    for (int64_t i = 0; i < hebb_array_count(&a); i++)
        if (dtype == HEBB_F32) ((float *)a.data)[i] = (float)(i * 7919 % 1000) / 1000 - 0.5f;
        else ((int32_t *)a.data)[i] = (int32_t)(i % 10);
    return a;
}

static outcome *train(const problem *p, size_t limit) {
    outcome *o = calloc(1, sizeof *o);
    hebb_device *device = device_named(p->device);
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, p->x);
    hebb_tensor *t = hebb_input(g, "t", HEBB_I32, HEBB_SHAPE(p->x.dim[0]));
    hebb_tensor *logits = hebb_dense(p->network(x), 10);
    hebb_tensor *loss = hebb_sparse_softmax_cross_entropy(logits, t);
    hebb_tensor *step = hebb_minimize(loss, hebb_adam(.learning_rate = 0.01));
    hebb_session *s = hebb_session_create(g, device, .seed = 1, .memory_limit = limit,
                                          .without = p->without, .poison = 0xFF);
    hebb_array images = data_of(HEBB_F32, p->x),
               labels = data_of(HEBB_I32, HEBB_SHAPE(p->x.dim[0])), value = {0};
    for (int k = 0; k < STEPS && o->status == HEBB_OK; k++) {
        o->status = hebb_run(s, HEBB_FEED({x, &images}, {t, &labels}),
                             HEBB_FETCH({step, NULL}, {loss, &value}));
        if (o->status == HEBB_OK) o->loss[k] = *(float *)value.data;
    }
    snprintf(o->message, sizeof o->message, "%s", hebb_message(s));
    hebb_session_stats(s, &o->stats);
    o->n_variables = hebb_graph_variable_count(g);
    cr_assert_leq(o->n_variables, MOST_VARIABLES);
    for (size_t k = 0; k < o->n_variables; k++)
        hebb_session_get(s, hebb_graph_variable(g, k), &o->variables[k]);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    hebb_device_close(device);
    hebb_array_free(&images);
    hebb_array_free(&labels);
    hebb_array_free(&value);
    return o;
}

static void forget(outcome *o) {
    for (size_t k = 0; k < o->n_variables; k++) hebb_array_free(&o->variables[k]);
    free(o);
}

static void expect_same(const outcome *a, const outcome *b, double share) {
    for (int k = 0; k < STEPS; k++)
        cr_expect_eq(a->loss[k], b->loss[k], "step %d in %g of the memory: %.9g and %.9g", k, share,
                     (double)a->loss[k], (double)b->loss[k]);
    for (size_t k = 0; k < a->n_variables; k++)
        cr_expect(memcmp(a->variables[k].data, b->variables[k].data,
                         hebb_array_bytes(&a->variables[k])) == 0,
                  "variable %zu in %g of the memory", k, share);
}

/* In these shares of the memory that it takes by itself. */
static void expect_fits(const problem *p, const double *share, int n) {
    outcome *plain = train(p, 0);
    cr_assert_eq(plain->status, HEBB_OK, "%s", plain->message);
    cr_expect_eq(plain->stats.again_steps, 0);
    for (int k = 0; k < n; k++) {
        size_t limit = (size_t)(share[k] * (double)plain->stats.peak_bytes);
        outcome *limited = train(p, limit);
        cr_assert_eq(limited->status, HEBB_OK, "%s", limited->message);
        cr_expect_leq(limited->stats.peak_bytes, limit);
        cr_expect_gt(limited->stats.again_steps, 0);
        cr_expect_eq(limited->stats.steps, plain->stats.steps + limited->stats.again_steps);
        cr_expect_float_eq(limited->stats.flops - limited->stats.again_flops, plain->stats.flops,
                           1e-6 * plain->stats.flops);
        expect_same(plain, limited, share[k]);
        forget(limited);
    }
    forget(plain);
}
#define FITS(p, ...)                                                                               \
    expect_fits(&(p), (const double[]){__VA_ARGS__},                                               \
                sizeof((double[]){__VA_ARGS__}) / sizeof(double))

Test(memory_limit, deep_mlp) {
    problem p = {deep_mlp, HEBB_SHAPE(64, 32), "cpu", 0};
    FITS(p, 0.9, 0.6, 0.4, 0.3);
}
Test(memory_limit, deep_mlp_with_gelu) {
    problem p = {deep_gelu, HEBB_SHAPE(64, 32), "cpu", 0};
    FITS(p, 0.8, 0.6, 0.45);
}
Test(memory_limit, cnn_with_normalization_and_dropout) {
    problem p = {cnn, HEBB_SHAPE(8, 3, 16, 16), "cpu", 0};
    FITS(p, 0.9, 0.6);
}
Test(memory_limit, transformer) {
    problem p = {transformer, HEBB_SHAPE(4, 16, 32), "cpu", 0};
    FITS(p, 0.8, 0.6, 0.45);
}
/* Large enough for steps to be run together, row by row. */
Test(memory_limit, cnn_of_larger_images) {
    problem p = {cnn, HEBB_SHAPE(16, 3, 48, 48), "cpu", 0};
    FITS(p, 0.7);
}
Test(memory_limit, without_fusion) {
    problem p = {cnn, HEBB_SHAPE(8, 3, 16, 16), "cpu", HEBB_NO_FUSION};
    FITS(p, 0.75);
}
Test(memory_limit, on_opencl) {
    problem p = {deep_gelu, HEBB_SHAPE(64, 32), "opencl", 0};
    FITS(p, 0.6);
}
Test(memory_limit, cnn_on_opencl) {
    problem p = {cnn, HEBB_SHAPE(8, 3, 16, 16), "opencl", 0};
    FITS(p, 0.6);
}

/* ---- limits that are not needed, or too small ---- */

Test(memory_limit, larger_than_needed_changes_nothing) {
    problem p = {cnn, HEBB_SHAPE(8, 3, 16, 16), "cpu", 0};
    outcome *plain = train(&p, 0), *enough = train(&p, plain->stats.peak_bytes);
    cr_expect_eq(enough->status, HEBB_OK);
    cr_expect_eq(enough->stats.peak_bytes, plain->stats.peak_bytes);
    cr_expect_eq(enough->stats.steps, plain->stats.steps);
    cr_expect_eq(enough->stats.again_steps, 0);
    expect_same(plain, enough, 1);
    forget(plain);
    forget(enough);
}

/* More is computed again, the less there is; and only what is needed. */
Test(memory_limit, work_grows_as_memory_shrinks) {
    problem p = {deep_gelu, HEBB_SHAPE(64, 32), "cpu", 0};
    outcome *plain = train(&p, 0);
    double last = 0;
    for (int percent = 90; percent >= 50; percent -= 10) {
        outcome *o = train(&p, plain->stats.peak_bytes * (size_t)percent / 100);
        cr_assert_eq(o->status, HEBB_OK, "%s", o->message);
        cr_expect_geq(o->stats.again_flops, last, "%d %%", percent);
        last = o->stats.again_flops;
        if (percent == 90) /* the cheap ones: no product is among them */
            cr_expect_lt(o->stats.again_flops, 0.02 * plain->stats.flops);
        forget(o);
    }
    cr_expect_lt(last, 0.4 * plain->stats.flops); /* less than another forward pass */
    forget(plain);
}

/* The message tells what can be reached; that much is enough, and no variable has changed. */
Test(memory_limit, too_small_is_an_error_that_says_what_would_do) {
    problem p = {deep_mlp, HEBB_SHAPE(64, 32), "cpu", 0};
    outcome *plain = train(&p, 0), *failed = train(&p, 1000);
    cr_expect_eq(failed->status, HEBB_E_MEMORY);
    size_t asked = 0, least = 0, natural = 0;
    int read = sscanf(failed->message,
                      "run: the memory limit is %zu bytes, and this plan takes at least %zu "
                      "(%zu without a limit)",
                      &asked, &least, &natural);
    cr_assert_eq(read, 3, "%s", failed->message);
    cr_expect_eq(asked, 1000);
    cr_expect_eq(natural, plain->stats.peak_bytes);
    cr_expect_lt(least, natural / 2);
    cr_expect_not_null(strstr(failed->message, "[64, 32] ("), "%s", failed->message);
    outcome *reached = train(&p, least);
    cr_assert_eq(reached->status, HEBB_OK, "%s", reached->message);
    cr_expect_leq(reached->stats.peak_bytes, least);
    expect_same(plain, reached, 0);
    forget(plain);
    forget(failed);
    forget(reached);
}

/* The session goes on after the error, with what fits. */
Test(memory_limit, a_smaller_run_fits_after_the_error) {
    hebb_device *device = cpu_device();
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 32));
    hebb_tensor *y = deep_mlp(x);
    hebb_session *s = hebb_session_create(g, device, .memory_limit = 64 * 1024);
    hebb_array large = data_of(HEBB_F32, HEBB_SHAPE(4096, 32)), value = {0};
    hebb_array small = data_of(HEBB_F32, HEBB_SHAPE(8, 32));
    cr_expect_eq(hebb_run(s, HEBB_FEED({x, &large}), HEBB_FETCH({y, &value})), HEBB_E_MEMORY);
    cr_expect_eq(hebb_run(s, HEBB_FEED({x, &small}), HEBB_FETCH({y, &value})), HEBB_OK, "%s",
                 hebb_message(s));
    hebb_array_free(&large);
    hebb_array_free(&small);
    hebb_array_free(&value);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    hebb_device_close(device);
}

/* A model hands its limit to the session that it makes. */
Test(memory_limit, of_a_model) {
    hebb_device *device = cpu_device();
    for (int limited = 0; limited < 2; limited++) {
        hebb_graph *g = hebb_graph_create();
        hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 32));
        hebb_tensor *t = hebb_input(g, "t", HEBB_I32, HEBB_SHAPE(HEBB_ANY));
        hebb_tensor *loss = hebb_sparse_softmax_cross_entropy(hebb_dense(deep_mlp(x), 10), t);
        hebb_model *model =
            hebb_model_create(g, device, .inputs = HEBB_LIST(x, t), .loss = loss,
                              .optimizer = hebb_sgd(), .memory_limit = limited ? 1000 : 0);
        hebb_array columns[2] = {data_of(HEBB_F32, HEBB_SHAPE(64, 32)),
                                 data_of(HEBB_I32, HEBB_SHAPE(64))};
        hebb_fit(model, HEBB_DATASET(columns[0], columns[1]), .epochs = 1, .batch = 64);
        cr_expect_eq(hebb_model_status(model), limited ? HEBB_E_MEMORY : HEBB_OK, "%s",
                     hebb_message(model));
        hebb_model_destroy(model);
        hebb_graph_destroy(g);
        for (int k = 0; k < 2; k++) hebb_array_free(&columns[k]);
    }
    hebb_device_close(device);
}

/* HEBB_DUMP=plan tells of each value where it is computed and why it is kept, dropped or neither.
 */
Test(memory_limit, the_dump_tells_every_choice) {
    problem p = {deep_gelu, HEBB_SHAPE(64, 32), "cpu", 0};
    FILE *file = tmpfile();
    cr_assert_not_null(file);
    fflush(stderr);
    int kept = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    setenv("HEBB_DUMP", "plan", 1);
    forget(train(&p, 150000));
    unsetenv("HEBB_DUMP");
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    static char text[1 << 20];
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    static const char *const expected[] = {
        "memory limit 150000 bytes: ",
        ": dropped after step ",
        " by itself: ",
        ", inside: computing it again is less than keeping 8192 bytes (",
        ", kept, 8192 bytes, read by ",
        ": computing it again is more (",
        ": it is wanted in memory",
        "inside: those that read it are in the same step",
        "by tiles, again ",
    };
    for (size_t k = 0; k < sizeof expected / sizeof *expected; k++)
        cr_expect_not_null(strstr(text, expected[k]), "no \"%s\"", expected[k]);
}
