/* Random graphs: no pass changes values or gradients, gradients are right, both backends agree. A
   seed that fails prints its graph; run it alone by setting HEBB_TEST_SEED. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "support/devices.h"
#include "../checks/gradcheck.h"
#include "support/random_graph.h"
#include "support/tally.h"

#define RESULTS (RANDOM_OUTPUTS + 1 + RANDOM_INPUTS)
#define GROUPS  8
#define SEEDS   25 /* a group */

typedef struct results {
    hebb_array at[RESULTS];
} results;

/* Values, objective and gradients, for the passes that are left. */
static results compute(const random_graph *r, hebb_device *device, unsigned without,
                       uint64_t seed) {
    results out = {0};
    hebb_feed feeds[RANDOM_INPUTS];
    hebb_fetch fetches[RESULTS];
    for (int k = 0; k < RANDOM_INPUTS; k++) {
        feeds[k] = (hebb_feed){r->input[k], &r->value[k]};
        fetches[k] = (hebb_fetch){r->gradient[k], &out.at[k]};
    }
    for (int k = 0; k < RANDOM_OUTPUTS; k++)
        fetches[RANDOM_INPUTS + k] = (hebb_fetch){r->output[k], &out.at[RANDOM_INPUTS + k]};
    fetches[RESULTS - 1] = (hebb_fetch){r->objective, &out.at[RESULTS - 1]};
    hebb_session *s = hebb_session_create(r->graph, device, .without = without);
    hebb_run(s, feeds, RANDOM_INPUTS, fetches, RESULTS);
    if (hebb_failed(s)) hebb_graph_print(r->graph, stdout);
    cr_assert_not(hebb_failed(s), "seed %" PRIu64 ", without %u: %s", seed, without,
                  hebb_message(s));
    hebb_session_destroy(s);
    return out;
}

static void free_results(results *r) {
    for (int k = 0; k < RESULTS; k++) hebb_array_free(&r->at[k]);
}

/* Relative to the largest element: sums in another order round otherwise. */
static bool agree(const results *a, const results *b, double limit, const char *what,
                  uint64_t seed) {
    bool all = true;
    for (int k = 0; k < RESULTS; k++) {
        char why[256];
        values expected = values_from_array(&a->at[k]);
        expected.scale = test_memory((size_t)expected.count * sizeof *expected.scale);
        double largest = 0;
        for (int64_t i = 0; i < expected.count; i++)
            largest = fmax(largest, fabs(expected.at[i].f));
        for (int64_t i = 0; i < expected.count; i++) expected.scale[i] = largest;
        bool same = values_match(&expected, &b->at[k], (tolerance){limit, limit}, why, sizeof why);
        cr_expect(same, "seed %" PRIu64 ", %s, result %d: %s", seed, what, k, why);
        all = all && same;
    }
    return all;
}

static void check_graph(const random_graph *r, uint64_t seed) {
    if (hebb_graph_status(r->graph) != HEBB_OK) hebb_graph_print(r->graph, stdout);
    cr_assert_eq(hebb_graph_status(r->graph), HEBB_OK, "seed %" PRIu64 ": %s", seed,
                 hebb_graph_message(r->graph));
}

/* The seeds of one group, or the one that the environment names. */
static uint64_t first_seed(int group, uint64_t base, uint64_t *count) {
    const char *one = getenv("HEBB_TEST_SEED");
    *count = one == NULL ? SEEDS : 1;
    return one == NULL ? base + (uint64_t)group * SEEDS : strtoull(one, NULL, 10);
}

static struct criterion_test_params groups(void) {
    static int numbers[GROUPS];
    for (int i = 0; i < GROUPS; i++) numbers[i] = i;
    return cr_make_param_array(int, numbers, GROUPS);
}

/* ---- every pass keeps the values ---- */

static const struct {
    const char *name;
    unsigned without;
} settings[] = {
    {"all passes", 0},
    {"no folding", HEBB_NO_FOLD},
    {"no common subexpressions", HEBB_NO_CSE},
    {"no fusion", HEBB_NO_FUSION},
    {"no reuse", HEBB_NO_REUSE},
};

static void check_passes(hebb_device *device, uint64_t seed) {
    random_graph r = random_graph_make(seed, HEBB_F64, false);
    check_graph(&r, seed);
    results plain = compute(&r, device, HEBB_NO_PASSES, seed);
    bool all = true;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        results other = compute(&r, device, settings[i].without, seed);
        all = agree(&plain, &other, 1e-11, settings[i].name, seed) && all;
        free_results(&other);
    }
    if (!all) hebb_graph_print(r.graph, stdout);
    free_results(&plain);
    hebb_graph_destroy(r.graph);
}

ParameterizedTestParameters(random_graphs, passes) { return groups(); }
ParameterizedTest(int *group, random_graphs, passes) {
    hebb_device *device = cpu_device();
    uint64_t count, first = first_seed(*group, 0, &count);
    for (uint64_t i = 0; i < count; i++) check_passes(device, first + i);
    tally("random graph", "passes", "cpu", count);
    hebb_device_close(device);
}

/* ---- gradients ---- */

static void check_gradient(hebb_device *device, uint64_t seed) {
    random_graph r = random_graph_make(seed, HEBB_F64, true);
    check_graph(&r, seed);
    hebb_session *s = hebb_session_create(r.graph, device);
    gradcheck_input inputs[RANDOM_INPUTS];
    for (int k = 0; k < RANDOM_INPUTS; k++)
        inputs[k] = (gradcheck_input){r.input[k], &r.value[k], r.gradient[k]};
    gradcheck_report report = gradcheck(s, r.objective, inputs, RANDOM_INPUTS);
    cr_expect(report.passed, "seed %" PRIu64 ": %s", seed, report.message);
    if (!report.passed) hebb_graph_print(r.graph, stdout);
    hebb_session_destroy(s);
    hebb_graph_destroy(r.graph);
}

ParameterizedTestParameters(random_graphs, gradients) { return groups(); }
ParameterizedTest(int *group, random_graphs, gradients) {
    hebb_device *device = cpu_device();
    uint64_t count, first = first_seed(*group, 1000, &count);
    for (uint64_t i = 0; i < count; i++) check_gradient(device, first + i);
    tally("random graph", "gradient", "cpu", count);
    hebb_device_close(device);
}

/* ---- both backends ---- */

static void check_backends(hebb_device *cpu, hebb_device *opencl, uint64_t seed) {
    random_graph r = random_graph_make(seed, HEBB_F32, false);
    check_graph(&r, seed);
    results a = compute(&r, cpu, 0, seed), b = compute(&r, opencl, 0, seed);
    if (!agree(&a, &b, 2e-4, "cpu and opencl", seed)) hebb_graph_print(r.graph, stdout);
    free_results(&a);
    free_results(&b);
    hebb_graph_destroy(r.graph);
}

Test(random_graphs, both_backends) {
    hebb_device *opencl = opencl_device(), *cpu = cpu_device();
    for (uint64_t seed = 2000; seed < 2006; seed++) check_backends(cpu, opencl, seed);
    tally("random graph", "f32 against cpu", "opencl", 6);
    hebb_device_close(opencl);
    hebb_device_close(cpu);
}

/* Equal seeds give equal graphs, or a failing seed would be worth nothing. */
Test(random_graphs, repeat) {
    random_graph a = random_graph_make(7, HEBB_F64, false),
                 b = random_graph_make(7, HEBB_F64, false);
    random_graph c = random_graph_make(8, HEBB_F64, false);
    cr_expect_eq(hebb_graph_size(a.graph), hebb_graph_size(b.graph));
    cr_expect_neq(hebb_graph_size(a.graph), hebb_graph_size(c.graph));
    hebb_graph_destroy(a.graph);
    hebb_graph_destroy(b.graph);
    hebb_graph_destroy(c.graph);
}
