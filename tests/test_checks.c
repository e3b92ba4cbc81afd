/* The checks of ops can fail: descriptors that are wrong in one way each are reported, by the check
   that is meant to see it. And numbers keep away from kinks where derivatives are checked. */
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>

#include <hebb/elementwise.h>

#include "../checks/check.h"
#include "../checks/instance.h"
#include "support/devices.h"

/* ---- one check of a descriptor, and what it reports ---- */

typedef struct report {
    size_t failures;
    char first[1024];
} report;

static void note(void *user, const char *message) {
    report *r = user;
    if (r->failures++ == 0) snprintf(r->first, sizeof r->first, "%s", message);
}

static report run(const descriptor *d, const char *name) {
    hebb_device *cpu = cpu_device();
    report r = {0};
    checker at = {.device = cpu, .name = "cpu", .f64 = true, .cpu = cpu, .fail = note, .user = &r};
    bool found = false;
    for (size_t i = 0; i < check_count(); i++) {
        if (strcmp(check_at(i)->name, name) != 0) continue;
        check_result result = check_run(check_at(i), d, &at);
        cr_expect_eq(result.failures, r.failures);
        found = true;
    }
    cr_expect(found, "there is no check %s", name);
    hebb_device_close(cpu);
    return r;
}

static void expect_failure(const descriptor *d, const char *name, const char *words) {
    report r = run(d, name);
    cr_expect_gt(r.failures, 0, "%s sees nothing", name);
    cr_expect(strstr(r.first, words) != NULL, "no \"%s\" in: %s", words, r.first);
}

static void expect_success(const descriptor *d, const char *name) {
    report r = run(d, name);
    cr_expect_eq(r.failures, 0, "%s", r.first);
}

/* ---- a descriptor, right and wrong ---- */

static double twice(const double *x) { return 2 * x[0]; }
static double nearly_twice(const double *x) { return 2.0001 * x[0]; }

static hebb_tensor *build_twice(hebb_graph *g, hebb_tensor *const *in, const params *p) {
    return hebb_add(in[0], in[0]);
}

/* The right value; the gradient is half of what it should be. */
static hebb_tensor *build_half_constant(hebb_graph *g, hebb_tensor *const *in, const params *p) {
    return hebb_add(in[0], hebb_stop_gradient(in[0]));
}

/* The right gradient, but not of what is differentiated again. */
static hebb_tensor *build_wrong_curve(hebb_graph *g, hebb_tensor *const *in, const params *p) {
    return hebb_mul(in[0], hebb_stop_gradient(in[0]));
}

static descriptor doubling(void) {
    return (descriptor){.name = "twice",
                        .build = build_twice,
                        .real = twice,
                        .result = SAME,
                        .arity = 1,
                        .family = unary_family,
                        .dtypes = TAKES_REAL,
                        .differentiable = true};
}

Test(checks, pass_what_is_right) {
    descriptor d = doubling();
    expect_success(&d, "forward f32");
    expect_success(&d, "forward f64");
    expect_success(&d, "open sizes f32");
    expect_success(&d, "repetition");
    expect_success(&d, "poisoned memory");
    expect_success(&d, "views and copies");
    expect_success(&d, "in place");
    expect_success(&d, "gradient");
    expect_success(&d, "second gradient");
    expect_success(&d, "gradient's bits");
}

Test(checks, see_wrong_values) {
    descriptor d = doubling();
    d.real = nearly_twice;
    expect_failure(&d, "forward f32", "twice: forward f32 on cpu of (f32 [7]): element 0");
    expect_failure(&d, "forward f64", "element 0");
    expect_failure(&d, "no passes f32", "element 0");
    expect_failure(&d, "open sizes f32", "element 0");
}

Test(checks, see_wrong_gradients) {
    descriptor d = doubling();
    d.build = build_half_constant;
    expect_success(&d, "forward f32");
    expect_failure(&d, "gradient", "analytic");
    d.build = build_wrong_curve;
    expect_failure(&d, "gradient", "analytic");
    expect_failure(&d, "second gradient", "analytic");
}

Test(checks, see_a_gradient_where_none_is_declared) {
    descriptor d = doubling();
    d.differentiable = false;
    expect_failure(&d, "gradient is zero", "element 0 is 2");
}

/* The integers and bool are not among the dtypes: addition takes the former. */
Test(checks, see_arguments_that_are_not_refused) {
    descriptor d = doubling();
    expect_failure(&d, "errors", "expected the error \"dtype\", got \"ok\"");
}

Test(checks, see_errors_of_other_words) {
    const error_sample errors[] = {{.n_in = 1,
                                    .in = {{.shape = DIMS(2), .dtype = HEBB_BOOL}},
                                    .status = HEBB_E_DTYPE,
                                    .message = "bool is not welcome"}};
    descriptor d = doubling();
    d.family = NULL;
    d.errors = errors;
    d.n_errors = 1;
    expect_failure(&d, "errors", "\"bool is not welcome\" is not in the message");
    d.n_errors = 0;
    expect_failure(&d, "errors", "has no error samples");
    d.no_errors = "a reason";
    expect_success(&d, "errors");
}

HEBB_ELEMENTWISE_FORWARD(thrice, (x), 3 * x);
static void thrice_gradient(hebb_grad *d) { d->dx[0] = hebb_add(d->dy, hebb_add(d->dy, d->dy)); }

/* What the device cannot run. */
static hebb_tensor *build_without_function(hebb_graph *g, hebb_tensor *const *in, const params *p) {
    hebb_elementwise op = thrice;
    op.f32 = NULL;
    op.f64 = NULL;
    op.gradient = thrice_gradient;
    return hebb_apply(&op, in[0]);
}

Test(checks, see_runs_that_fail) {
    static const char *const names[] = {"forward f32",     "open sizes f32",   "repetition",
                                        "poisoned memory", "views and copies", "in place",
                                        "gradient"};
    descriptor d = doubling();
    d.build = build_without_function;
    for (size_t k = 0; k < COUNT(names); k++) expect_failure(&d, names[k], "no C function");
}

/* ---- kinks ---- */

static bool close_together(const double *x) { return fabs(x[0] - x[1]) < KINK_WIDTH; }

Test(kinks, are_kept_away_from) {
    const double kinks[] = {-1, 0, 1};
    descriptor d = *descriptor_find("relu");
    d.kinks = kinks;
    d.n_kinks = COUNT(kinks);
    sample s = {.n_in = 1, .dtype = REAL, .domain = REALS, .in = {{.shape = DIMS(4000)}}};
    for (int differ = 0; differ < 2; differ++) {
        hebb_graph *g = hebb_graph_create();
        instance in;
        instance_build(&in, g, &d, &s, HEBB_F64, false);
        instance_bind(&in, BATCH, 7, differ);
        size_t near = 0;
        for (int64_t i = 0; i < 4000; i++)
            for (size_t k = 0; k < COUNT(kinks); k++)
                near += fabs(hebb_array_at(&in.fed[0], i) - kinks[k]) < KINK_WIDTH - 1e-6;
        if (differ) cr_expect_eq(near, 0);
        else cr_expect_gt(near, 0, "only derivatives need it");
        hebb_graph_destroy(g);
    }
}

Test(kinks, may_depend_on_several_operands) {
    descriptor d = *descriptor_find("maximum");
    d.near_kink = close_together;
    sample s = {.n_in = 2,
                .dtype = REAL,
                .domain = REALS,
                .in = {{.shape = DIMS(6, 5), .view = STRETCHED}, {.shape = DIMS(5)}}};
    for (uint64_t seed = 0; seed < 20; seed++) {
        hebb_graph *g = hebb_graph_create();
        instance in;
        instance_build(&in, g, &d, &s, HEBB_F64, false);
        instance_bind(&in, BATCH, seed, true);
        for (int64_t i = 0; i < 5; i++)
            cr_expect_gt(fabs(hebb_array_at(&in.fed[0], i) - hebb_array_at(&in.fed[1], i)),
                         KINK_WIDTH - 1e-6);
        hebb_graph_destroy(g);
    }
}
