/* Every op against its float64 reference: each descriptor of samples.h on all its samples, in
   every floating dtype and its integers, with all passes and with none, with sizes known when the
   graph is built and with sizes bound at the run, on the CPU and on OpenCL; pairs of runs that must
   agree in every bit; and bad arguments. What each check does stands in checks/. And the walk over
   the library's table of ops, which fails for one that no descriptor reaches. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "../checks/instance.h"
#include "support/op_checks.h"

/* ---- a process for each descriptor, on OpenCL for a share of them ---- */

ParameterizedTestParameters(ops, cpu) { return every_descriptor(); }
ParameterizedTest(int *index, ops, cpu) { run_checks((size_t)*index, OF_VALUES, "cpu"); }

ParameterizedTestParameters(ops, opencl) { return every_share(); }
ParameterizedTest(int *share, ops, opencl) { run_share((size_t)*share, OF_VALUES, "opencl"); }

/* ---- the table of ops ---- */

static const struct {
    const char *name, *gradient; /* its rule */
} library_ops[] = {
#define OP(ID, name, from, to, shape, gradient, lowering, code) {#name, #gradient},
#include "../src/graph/ops.def"
#undef OP
};

/* Ops that are no function of fed tensors, and where they are proven. */
static const struct {
    const char *op, *where;
} elsewhere[] = {
    {"input", "every test"},
    {"variable", "test_session.c"},
    {"constant", "test_session.c"},
    {"random_bits", "test_random_values.c: counts, and equal on both backends"},
    {"random_uniform", "test_session.c: moments, and equal on both backends"},
    {"random_normal", "test_session.c: moments, and close on both backends"},
    {"training", "test_layer.c"},
    {"assign", "test_session.c"},
    {"group", "test_session.c"},
    {"scan_slot", "test_scan.c: it is a part of scan"},
    {"scan", "test_scan.c"},
    {"scan_stack", "test_scan.c: a result of scan"},
    {"scan_last", "test_scan.c: a result of scan"},
    {"with_gradient", "test_boundary.c"},
    {"checkpoint", "test_boundary.c"},
    {"recompute", "test_boundary.c: it is a part of checkpoint"},
    {"unpad", "test_gradients.c: it is the gradient of pad"},
    {"max_pool", "samples_pool.c: max_pool is made of it where windows overlap or are padded"},
    {"max_pool_back", "samples_pool.c: it is the gradient of max_pool"},
    {"resample", "samples_pool.c: resize, average_pool and adaptive_average_pool are made of it"},
    {"resample_back", "samples_pool.c: it is the gradient of resample"},
    {"concat_part", "test_gradients.c: it is the gradient of concat"},
};

static bool reached(const char *op) {
    for (size_t i = 0; i < descriptor_count(); i++)
        if (descriptor_at(i)->op != NULL && strcmp(descriptor_at(i)->op, op) == 0) return true;
    for (size_t i = 0; i < COUNT(elsewhere); i++)
        if (strcmp(elsewhere[i].op, op) == 0) {
            printf("%s has no samples here: %s\n", op, elsewhere[i].where);
            return true;
        }
    return false;
}

Test(table, every_op_of_the_library_has_a_descriptor) {
    for (size_t i = 0; i < COUNT(library_ops); i++)
        cr_expect(reached(library_ops[i].name), "op %s has no descriptor", library_ops[i].name);
}

static bool has_rule(const char *op) {
    for (size_t i = 0; i < COUNT(library_ops); i++)
        if (strcmp(library_ops[i].name, op) == 0)
            return strcmp(library_ops[i].gradient, "NONE") != 0 &&
                   strcmp(library_ops[i].gradient, "MISSING") != 0;
    return false;
}

/* A rule that no descriptor calls for would never be checked. */
Test(table, descriptors_check_the_gradient_rules_there_are) {
    for (size_t i = 0; i < descriptor_count(); i++) {
        const descriptor *d = descriptor_at(i);
        if (d->op != NULL && has_rule(d->op))
            cr_expect(d->differentiable, "%s has a gradient rule, but is not differentiable",
                      d->name);
    }
}

/* A descriptor names the primitive that it builds, so that the walk above means something. */
Test(table, descriptors_build_the_op_that_they_name) {
    for (size_t i = 0; i < descriptor_count(); i++) {
        const descriptor *d = descriptor_at(i);
        sample_list list = descriptor_samples(d);
        if (d->op == NULL) continue;
        hebb_graph *g = hebb_graph_create();
        instance in;
        instance_build(&in, g, d, &list.at[0], HEBB_F32, false);
        cr_expect_str_eq(hebb_tensor_op(in.result), d->op, "%s: %s", d->name, hebb_message(g));
        hebb_graph_destroy(g);
    }
}

Test(table, descriptors_are_complete) {
    for (size_t i = 0; i < descriptor_count(); i++) {
        const descriptor *d = descriptor_at(i);
        sample_list list = descriptor_samples(d);
        bool open = false, loose = d->f32.relative > 0 || d->f64.relative > 0;
        for (size_t k = 0; k < list.count; k++) open = open || sample_is_open(&list.at[k]);
        cr_expect(list.count >= 5, "%s has %zu samples", d->name, list.count);
        cr_expect(!loose || d->reason != NULL, "%s gives no reason for its tolerance", d->name);
        cr_expect(descriptor_errors(d).count > 0 || d->no_errors != NULL,
                  "%s has no error samples and does not say why", d->name);
        cr_expect(open || d->arity == 0 || strcmp(d->name, "broadcast_to") == 0,
                  "%s has no sample with an open size", d->name);
        cr_expect_eq(descriptor_find(d->name), d, "two descriptors of %s", d->name);
    }
}

/* ---- tolerances ---- */

/* Errors that no tolerance may let pass, whatever its reason. */
#define GROSS_F32 2e-4
#define GROSS_F64 9e-12

/* The largest element of what the op gives, wrong by a gross error. */
static void expect_refused(const descriptor *d, const sample *s, hebb_dtype real, double error) {
    hebb_graph *g = hebb_graph_create();
    instance in;
    char why[512];
    instance_build(&in, g, d, s, real, false);
    instance_bind(&in, BATCH, 1, false);
    values got = values_cast(&in.expected, in.expected.dtype);
    int64_t largest = -1;
    for (int64_t i = 0; i < got.count && is_floating(got.dtype); i++)
        if (isfinite(got.at[i].f) && (largest < 0 || fabs(got.at[i].f) > fabs(got.at[largest].f)))
            largest = i;
    if (got.dtype == real && largest >= 0 && got.at[largest].f != 0) {
        double size = fabs(got.at[largest].f);
        if (in.expected.scale != NULL) size = fmax(size, in.expected.scale[largest]);
        got.at[largest].f += error * size;
        hebb_array wrong = values_to_array(&got);
        cr_expect_not(
            values_match(&in.expected, &wrong, descriptor_tolerance(d, real), why, sizeof why),
            "%s: an error of %g passes in %s", d->name, error, hebb_dtype_name(real));
    }
    hebb_graph_destroy(g);
}

Test(table, no_tolerance_is_gross) {
    for (size_t i = 0; i < descriptor_count(); i++) {
        const descriptor *d = descriptor_at(i);
        sample_list list = descriptor_samples(d);
        for (size_t k = 0; k < list.count && k < 3; k++) {
            if (list.at[k].dtype != REAL) continue;
            expect_refused(d, &list.at[k], HEBB_F32, GROSS_F32);
            expect_refused(d, &list.at[k], HEBB_F64, GROSS_F64);
        }
    }
}
