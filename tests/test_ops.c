/* Every op against its float64 reference: each descriptor of support/samples.h on all its samples,
   in float32, float64 and its integers, with all passes and with none, with sizes known when the
   graph is built and with sizes bound at the run, on the CPU and on OpenCL. And the walk over the
   library's table of ops, which fails for one that no descriptor reaches. */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "support/devices.h"
#include "support/instance.h"
#include "support/tally.h"

typedef struct check {
    const char *name;
    hebb_dtype real;
    unsigned without;
    bool open; /* samples with HEBB_ANY, at one batch size, another, and the first again */
} check;

static const check cpu_checks[] = {
    {"forward f32", HEBB_F32, 0, false},
    {"forward f64", HEBB_F64, 0, false},
    {"no passes f32", HEBB_F32, HEBB_NO_PASSES, false},
    {"no passes f64", HEBB_F64, HEBB_NO_PASSES, false},
    {"open sizes f32", HEBB_F32, 0, true},
    {"open sizes f64, no passes", HEBB_F64, HEBB_NO_PASSES, true},
};

/* float64 is optional in OpenCL, and only there for those who check gradients. */
static const check opencl_checks[] = {
    {"forward f32", HEBB_F32, 0, false},
    {"no passes f32", HEBB_F32, HEBB_NO_PASSES, false},
    {"open sizes f32", HEBB_F32, 0, true},
};

static bool takes_part(const check *c, const char *device, const sample *s) {
    if (c->open && !sample_is_open(s)) return false;
    /* A sample of fixed dtypes is the same in every check of f32 and f64. */
    if (c->real == HEBB_F64 && s->dtype != REAL) return false;
    return strcmp(device, "cpu") == 0 || !sample_uses_f64(s, c->real);
}

/* All samples of a descriptor in one graph, so that a backend compiles them together. */
typedef struct trial {
    hebb_graph *graph;
    instance *at;
    size_t count;
    hebb_feed *feeds;
    hebb_fetch *fetches;
    hebb_array *results;
} trial;

static trial make_trial(const descriptor *d, const check *c, const char *device) {
    sample_list list = descriptor_samples(d);
    trial t = {.graph = hebb_graph_create(),
               .at = test_memory(list.count * sizeof *t.at),
               .feeds = test_memory(list.count * MAX_INPUTS * sizeof *t.feeds),
               .fetches = test_memory(list.count * sizeof *t.fetches),
               .results = test_memory(list.count * sizeof *t.results)};
    for (size_t i = 0; i < list.count; i++)
        if (takes_part(c, device, &list.at[i]))
            instance_build(&t.at[t.count++], t.graph, d, &list.at[i], c->real, c->open);
    return t;
}

static void compare(const trial *t, const check *c, const char *device) {
    for (size_t i = 0; i < t->count; i++) {
        const instance *in = &t->at[i];
        char why[512];
        if (values_match(&in->expected, &t->results[i], descriptor_tolerance(in->d, c->real), why,
                         sizeof why))
            continue;
        char a[128] = "", b[128] = "";
        if (in->s.n_in > 0) hebb_shape_text(in->s.in[0].shape, a, sizeof a);
        if (in->s.n_in > 1) hebb_shape_text(in->s.in[1].shape, b, sizeof b);
        cr_expect_fail("%s, %s on %s, sample %zu of %zu (%s %s, %s): %s", in->d->name, c->name,
                       device, i, t->count, a, b, hebb_tensor_name(in->result), why);
    }
}

static void run_trial(trial *t, hebb_session *s, const check *c, const char *device,
                      int64_t batch) {
    size_t n_feeds = 0;
    for (size_t i = 0; i < t->count; i++) {
        instance *in = &t->at[i];
        instance_bind(in, batch, 17 * i + (uint64_t)batch, false);
        for (int k = 0; k < in->s.n_in; k++)
            t->feeds[n_feeds++] = (hebb_feed){in->input[k], &in->fed[k]};
        t->fetches[i] = (hebb_fetch){in->result, &t->results[i]};
    }
    hebb_run(s, t->feeds, n_feeds, t->fetches, t->count);
    cr_assert_not(hebb_failed(s), "%s, %s on %s: %s", t->at[0].d->name, c->name, device,
                  hebb_message(s));
    compare(t, c, device);
}

static void free_trial(trial *t) {
    for (size_t i = 0; i < t->count; i++) hebb_array_free(&t->results[i]);
    hebb_graph_destroy(t->graph);
}

static void run_check(const descriptor *d, const check *c, hebb_device *device,
                      const char *device_name) {
    trial t = make_trial(d, c, device_name);
    cr_assert_not(hebb_failed(t.graph), "%s: %s", d->name, hebb_message(t.graph));
    hebb_session *s = hebb_session_create(t.graph, device, .without = c->without);
    const int64_t batches[] = {BATCH, 3, BATCH};
    for (size_t i = 0; t.count > 0 && i < (c->open ? COUNT(batches) : 1); i++)
        run_trial(&t, s, c, device_name, batches[i]);
    tally(d->name, c->name, device_name, t.count);
    hebb_session_destroy(s);
    free_trial(&t);
}

/* ---- one process a descriptor and device ---- */

static struct criterion_test_params every_descriptor(void) {
    static int numbers[256];
    size_t count = descriptor_count();
    for (size_t i = 0; i < count; i++) numbers[i] = (int)i;
    return cr_make_param_array(int, numbers, count);
}

ParameterizedTestParameters(ops, cpu) { return every_descriptor(); }
ParameterizedTest(int *index, ops, cpu) {
    hebb_device *device = cpu_device();
    for (size_t i = 0; i < COUNT(cpu_checks); i++)
        run_check(descriptor_at((size_t)*index), &cpu_checks[i], device, "cpu");
    hebb_device_close(device);
}

ParameterizedTestParameters(ops, opencl) { return every_descriptor(); }
ParameterizedTest(int *index, ops, opencl) {
    hebb_device *device = opencl_device();
    for (size_t i = 0; i < COUNT(opencl_checks); i++)
        run_check(descriptor_at((size_t)*index), &opencl_checks[i], device, "opencl");
    hebb_device_close(device);
}

/* ---- the table of ops ---- */

static const char *const library_ops[] = {
#define OP(ID, name, from, to, shape, gradient, lowering, code) #name,
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
    {"random_uniform", "test_session.c: moments, and equal on both backends"},
    {"random_normal", "test_session.c: moments, and close on both backends"},
    {"assign", "test_session.c"},
    {"group", "test_session.c"},
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
        cr_expect(reached(library_ops[i]), "op %s has no descriptor", library_ops[i]);
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
        cr_expect(open || d->arity == 0 || strcmp(d->name, "broadcast_to") == 0,
                  "%s has no sample with an open size", d->name);
        cr_expect_eq(descriptor_find(d->name), d, "two descriptors of %s", d->name);
    }
}
