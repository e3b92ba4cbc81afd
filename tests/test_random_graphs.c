/* Random graphs: no pass changes values or gradients, nor does it matter whether sizes are open and
   which were run before; gradients are right; both backends agree. A seed that fails is shrunk, and
   the smallest graph that fails is printed.

   HEBB_TEST_SEED moves the seeds, HEBB_TEST_CASES multiplies how many there are; 0 runs one. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "support/devices.h"
#include "support/random_ops.h"
#include "support/tally.h"

#define GROUPS     4
#define WHY        1024
#define NUDGES     3  /* runs with inputs a little different, to see what rounding may do */
#define NUDGE_ROOM 30 /* times as much as these changed is allowed */

typedef struct checker {
    hebb_device *device, *other;
    hebb_dtype dtype;
    char why[WHY];
} checker;

/* How far rounding errors of the inputs go, and what is allowed where sums may round otherwise. */
static double nudge_of(hebb_dtype dtype) {
    return dtype == HEBB_F64 ? 1e-14 : dtype == HEBB_F32 ? 1e-6 : dtype == HEBB_F16 ? 1e-3 : 1e-2;
}
static double limit_of(const checker *c) {
    return c->dtype == HEBB_F64   ? 1e-11
           : c->other != NULL     ? 2e-4
           : c->dtype == HEBB_F32 ? 1e-5
                                  : 4 * nudge_of(c->dtype);
}

/* ---- running ---- */

typedef struct results {
    hebb_array at[RANDOM_FETCHES + RANDOM_NODES]; /* and the variables after the run */
    int n;
} results;

static void free_results(results *r) {
    for (int k = 0; k < r->n; k++) hebb_array_free(&r->at[k]);
}

static bool run(checker *c, const random_recipe *r, const random_graph *g, hebb_session *s,
                int batch, int way, results *out) {
    hebb_array fed[RANDOM_NODES] = {0};
    hebb_feed feeds[RANDOM_NODES];
    hebb_fetch fetches[RANDOM_FETCHES];
    const double nudge = way == 0 ? 0 : nudge_of(c->dtype);
    size_t n = 0;
    for (int i = 0; i < r->count; i++) {
        if (r->node[i].op != NULL) continue;
        fed[n] = random_value(r, i, c->dtype, batch, nudge, way);
        if (r->node[i].variable) {
            hebb_session_set(s, g->node[i], &fed[n]);
            hebb_array_free(&fed[n]);
            continue;
        }
        feeds[n] = (hebb_feed){g->node[i], &fed[n]};
        n++;
    }
    *out = (results){.n = g->n_fetches};
    for (int k = 0; k < g->n_fetches; k++) fetches[k] = (hebb_fetch){g->fetch[k], &out->at[k]};
    hebb_session_set_step(s, 0);
    const hebb_status status = hebb_run(s, feeds, n, fetches, (size_t)g->n_fetches);
    if (status != HEBB_OK) snprintf(c->why, WHY, "run: %s", hebb_message(s));
    for (int i = 0; i < r->count && status == HEBB_OK; i++)
        if (r->node[i].variable) hebb_session_get(s, g->node[i], &out->at[out->n++]);
    for (size_t i = 0; i < n; i++) hebb_array_free(&fed[i]);
    return status == HEBB_OK;
}

static bool run_once(checker *c, const random_recipe *r, const random_graph *g, hebb_device *device,
                     unsigned without, int batch, int way, results *out) {
    hebb_session *s = hebb_session_create(g->graph, device, .without = without,
                                          .poison = without == 0 ? 0xFF : 0);
    const bool ran = run(c, r, g, s, batch, way, out);
    hebb_session_destroy(s);
    return ran;
}

static bool build(checker *c, const random_recipe *r, int batch, random_graph *g) {
    *g = random_graph_build(r, c->dtype, batch, true);
    if (hebb_graph_status(g->graph) == HEBB_OK) return true;
    snprintf(c->why, WHY, "build: %s", hebb_graph_message(g->graph));
    return false;
}

/* ---- comparing ---- */

static double largest_finite(const values *v) {
    double largest = 0;
    for (int64_t i = 0; i < v->count; i++)
        if (isfinite(v->at[i].f)) largest = fmax(largest, fabs(v->at[i].f));
    return largest;
}

static void largest_change(const results *a, const results *b, double *change) {
    for (int k = 0; k < a->n; k++)
        for (int64_t i = 0; i < hebb_array_count(&a->at[k]); i++) {
            const double d = fabs(hebb_array_at(&a->at[k], i) - hebb_array_at(&b->at[k], i));
            if (isfinite(d)) change[k] = fmax(change[k], d);
        }
}

/* Relative to the largest element, as sums in another order round otherwise; exactly where nothing
   was summed, if all was computed by the same device. */
static bool match(checker *c, const random_graph *g, const results *a, const results *b,
                  const double *change, const char *what) {
    const double limit = limit_of(c);
    for (int k = 0; k < a->n; k++) {
        char why[256];
        values expected = values_from_array(&a->at[k]);
        const bool exactly = c->other == NULL && k < g->n_fetches && g->same_bits[k];
        const double allowed = exactly ? 0 : limit;
        if (is_floating(expected.dtype) && !exactly) {
            const double scale = largest_finite(&expected) + NUDGE_ROOM * change[k] / limit;
            expected.scale = test_memory((size_t)expected.count * sizeof *expected.scale);
            for (int64_t i = 0; i < expected.count; i++) expected.scale[i] = scale;
        }
        if (values_match(&expected, &b->at[k], (tolerance){allowed, allowed}, why, sizeof why))
            continue;
        snprintf(c->why, WHY, "%s, result %d of %d: %s", what, k, a->n, why);
        return false;
    }
    return true;
}

/* a comes from the graph without passes on `device`. Where they differ, what is ill-conditioned is
   told from what is wrong: by how much a changes when the inputs change in their last places. */
static bool agree(checker *c, const random_recipe *r, const random_graph *g, int batch,
                  const results *a, const results *b, const char *what) {
    double change[RANDOM_FETCHES + RANDOM_NODES] = {0};
    if (match(c, g, a, b, change, what)) return true;
    for (int way = 1; way <= NUDGES; way++) {
        results nudged;
        if (run_once(c, r, g, c->device, HEBB_NO_PASSES, batch, way, &nudged))
            largest_change(a, &nudged, change);
        free_results(&nudged);
    }
    return match(c, g, a, b, change, what);
}

/* ---- what may fail ---- */

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

static bool passes_differ(checker *c, const random_recipe *r, const random_graph *g,
                          const results *plain) {
    bool same = true;
    for (size_t i = 0; i < sizeof settings / sizeof *settings && same; i++) {
        results other;
        same = run_once(c, r, g, c->device, settings[i].without, 0, 0, &other) &&
               agree(c, r, g, 0, plain, &other, settings[i].name);
        free_results(&other);
    }
    return !same;
}

static bool same_bits(checker *c, const results *a, const results *b, size_t limit) {
    for (int k = 0; k < a->n; k++) {
        if (memcmp(a->at[k].data, b->at[k].data, hebb_array_bytes(&a->at[k])) == 0) continue;
        snprintf(c->why, WHY, "in %zu bytes of memory, result %d of %d differs", limit, k, a->n);
        return false;
    }
    return true;
}

static size_t peak_of(hebb_session *s) {
    hebb_plan_stats stats = {0};
    hebb_session_stats(s, &stats);
    return stats.peak_bytes;
}

/* With as little memory as it takes: what else the error says is tried until it is believed. */
static bool limits_differ(checker *c, const random_recipe *r, const random_graph *g) {
    hebb_session *s = hebb_session_create(g->graph, c->device, .poison = 0xFF);
    results plain;
    bool same = run(c, r, g, s, 0, 0, &plain);
    size_t limit = peak_of(s), asked, least;
    hebb_session_destroy(s);
    for (limit = limit / 2; limit > 0 && same;) {
        results less;
        s = hebb_session_create(g->graph, c->device, .poison = 0xFF, .memory_limit = limit);
        bool ran = run(c, r, g, s, 0, 0, &less);
        size_t peak = peak_of(s);
        const char *message = hebb_message(s);
        bool told = !ran && sscanf(message, "run: the memory limit is %zu bytes, and this plan takes "
                                            "at least %zu", &asked, &least) == 2;
        same = ran ? same_bits(c, &plain, &less, limit) && peak <= limit : told && least > limit;
        if (ran && peak > limit) snprintf(c->why, WHY, "%zu bytes in %zu", peak, limit);
        limit = told ? least : 0;
        free_results(&less);
        hebb_session_destroy(s);
    }
    free_results(&plain);
    return !same;
}

/* One session with all batch sizes in turn, against plain ones, and against a graph without open
   sizes. The first batch size comes a second time at the end. */
static bool batches_differ(checker *c, const random_recipe *r, const random_graph *g,
                           const results *plain) {
    hebb_session *s = hebb_session_create(g->graph, c->device);
    bool same = true;
    for (int k = 0; k <= RANDOM_BATCHES && same; k++) {
        const int batch = k % RANDOM_BATCHES;
        char what[64];
        results got, expected = {0};
        snprintf(what, sizeof what, "batch of %d", (int)r->batch[batch]);
        same = run(c, r, g, s, batch, 0, &got) &&
               (batch == 0 || run_once(c, r, g, c->device, HEBB_NO_PASSES, batch, 0, &expected)) &&
               agree(c, r, g, batch, batch == 0 ? plain : &expected, &got, what);
        free_results(&got);
        free_results(&expected);
    }
    hebb_session_destroy(s);
    return !same;
}

static bool sizes_matter(checker *c, const random_recipe *r, const random_graph *g,
                         const results *plain, int batch) {
    random_graph known;
    results got = {0}, expected = {0};
    const bool same =
        build(c, r, batch, &known) && run_once(c, r, &known, c->device, 0, batch, 0, &got) &&
        (batch == 0 || run_once(c, r, g, c->device, HEBB_NO_PASSES, batch, 0, &expected)) &&
        agree(c, r, g, batch, batch == 0 ? plain : &expected, &got, "sizes known beforehand");
    free_results(&got);
    free_results(&expected);
    hebb_graph_destroy(known.graph);
    return !same;
}

static bool values_fail(const random_recipe *r, void *user) {
    checker *c = user;
    random_graph g;
    results plain = {0};
    const bool fails = !build(c, r, RANDOM_OPEN, &g) ||
                       !run_once(c, r, &g, c->device, HEBB_NO_PASSES, 0, 0, &plain) ||
                       passes_differ(c, r, &g, &plain) || limits_differ(c, r, &g) ||
                       batches_differ(c, r, &g, &plain) ||
                       sizes_matter(c, r, &g, &plain, 0) ||
                       sizes_matter(c, r, &g, &plain, 1 + (int)(r->seed % (RANDOM_BATCHES - 1)));
    free_results(&plain);
    hebb_graph_destroy(g.graph);
    return fails;
}

/* What a graph is fed for the checker, and the inputs with a gradient. */
typedef struct checked {
    hebb_feed feed[RANDOM_NODES];
    hebb_array fed[RANDOM_NODES];
    hebb_tensor *x[RANDOM_NODES], *gradient[RANDOM_NODES];
    size_t n_feeds, n;
} checked;

static void feed_checker(checker *c, const random_recipe *r, const random_graph *g, checked *k) {
    for (int i = 0; i < r->count; i++) {
        if (r->node[i].op != NULL) continue;
        k->fed[k->n_feeds] = random_value(r, i, c->dtype, 0, 0, 0);
        k->feed[k->n_feeds] = (hebb_feed){g->node[i], &k->fed[k->n_feeds]};
        k->n_feeds++;
        if (g->gradient[i] == NULL) continue;
        k->x[k->n] = g->node[i];
        k->gradient[k->n++] = g->gradient[i];
    }
}

/* y's gradients, or what claims to be that. */
static bool gradient_is_wrong(checker *c, const random_graph *g, const checked *k, hebb_tensor *y,
                              hebb_tensor *const *claimed, int most, const char *what) {
    hebb_session *s = hebb_session_create(g->graph, c->device);
    const hebb_gradcheck_options options = {.gradients = claimed, .most = most};
    hebb_gradcheck_report report;
    hebb_gradcheck_with(y, k->x, k->n, k->feed, k->n_feeds, s, &options, &report);
    hebb_session_destroy(s);
    snprintf(c->why, WHY, "%s: %s", what, report.message);
    return !report.passed;
}

/* A scalar of all gradients. */
static hebb_tensor *of_gradients(const checked *k) {
    hebb_tensor *y = NULL;
    for (size_t i = 0; i < k->n; i++) {
        hebb_tensor *term = hebb_sum(hebb_tanh(k->gradient[i]), HEBB_ALL_AXES, false);
        y = y == NULL ? term : hebb_add(y, term);
    }
    return y;
}

/* Gradients of all, second gradients of some of the graphs. */
static bool gradients_fail(const random_recipe *r, void *user) {
    checker *c = user;
    random_graph g;
    checked k = {.n = 0};
    bool fails = !build(c, r, RANDOM_OPEN, &g);
    feed_checker(c, r, &g, &k);
    if (!fails && k.n > 0)
        fails = gradient_is_wrong(c, &g, &k, g.objective, k.gradient, 40, "gradients");
    if (!fails && k.n > 0 && r->seed % 4 == 0)
        fails = gradient_is_wrong(c, &g, &k, of_gradients(&k), NULL, 5, "second gradients");
    for (size_t i = 0; i < k.n_feeds; i++) hebb_array_free(&k.fed[i]);
    hebb_graph_destroy(g.graph);
    return fails;
}

static bool backends_differ(const random_recipe *r, void *user) {
    checker *c = user;
    random_graph g;
    bool fails = !build(c, r, RANDOM_OPEN, &g);
    for (int batch = 0; batch < 2 && !fails; batch++) {
        results a, b = {0};
        fails = !run_once(c, r, &g, c->device, 0, batch, 0, &a) ||
                !run_once(c, r, &g, c->other, 0, batch, 0, &b) ||
                !agree(c, r, &g, batch, &a, &b, "cpu and opencl");
        free_results(&a);
        free_results(&b);
    }
    hebb_graph_destroy(g.graph);
    return fails;
}

/* ---- seeds ---- */

static void print_graph(const random_recipe *r, hebb_dtype dtype) {
    random_graph g = random_graph_build(r, dtype, RANDOM_OPEN, false);
    hebb_graph_print(g.graph, stdout);
    for (int i = 0; i < r->count; i++)
        if (r->node[i].op != NULL)
            printf("%s is of op \"%s\"\n", hebb_tensor_name(g.node[i]), r->node[i].op->name);
    fflush(stdout);
    hebb_graph_destroy(g.graph);
}

/* Fails the test if the seed fails, and prints the smallest graph. */
static void check_seed(checker *c, uint64_t seed, bool smooth, bool large, int most,
                       random_failure *fails, const char *test) {
    const random_recipe r = random_recipe_draw(seed, smooth, large, most);
    if (!fails(&r, c)) return;
    printf("seed %" PRIu64 " fails: %s\n", seed, c->why);
    print_graph(&r, c->dtype);
    const random_recipe small = random_shrink(&r, fails, c);
    const bool still = fails(&small, c);
    printf("the smallest graph of seed %" PRIu64 " that fails, %d of %d ops:\n", seed,
           random_recipe_ops(&small), random_recipe_ops(&r));
    print_graph(&small, c->dtype);
    cr_expect(false,
              "seed %" PRIu64 ": %s\n"
              "again: HEBB_TEST_SEED=%" PRIu64 " HEBB_TEST_CASES=0 test_random_graphs --filter "
              "'random_graphs/%s*'",
              seed, still ? c->why : "not a second time", seed, test);
}

/* The seeds of a group of tests. */
static uint64_t first_seed(int group, uint64_t base, uint64_t *count) {
    const char *seed = getenv("HEBB_TEST_SEED"), *more = getenv("HEBB_TEST_CASES");
    if (more != NULL) *count *= strtoull(more, NULL, 10);
    if (more != NULL && *count == 0) *count = group == 0;
    return (seed == NULL ? base : strtoull(seed, NULL, 10)) + (uint64_t)group * *count;
}

static struct criterion_test_params groups(void) {
    static int numbers[GROUPS];
    for (int i = 0; i < GROUPS; i++) numbers[i] = i;
    return cr_make_param_array(int, numbers, GROUPS);
}

static void check_values(int group, hebb_dtype dtype, bool large, uint64_t base, uint64_t count,
                         const char *test) {
    checker c = {.device = cpu_device(), .dtype = dtype};
    const uint64_t first = first_seed(group, base, &count);
    for (uint64_t i = 0; i < count; i++)
        check_seed(&c, first + i, false, large, RANDOM_OPS, values_fail, test);
    tally("random graph", test, "cpu", count);
    hebb_device_close(c.device);
}

ParameterizedTestParameters(random_graphs, values) { return groups(); }
ParameterizedTest(int *group, random_graphs, values) {
    check_values(*group, HEBB_F64, false, 0, 40, "values");
}

Test(random_graphs, f32) { check_values(0, HEBB_F32, false, 300000, 20, "f32"); }
Test(random_graphs, f16) { check_values(0, HEBB_F16, false, 400000, 20, "f16"); }
Test(random_graphs, bf16) { check_values(0, HEBB_BF16, false, 500000, 20, "bf16"); }
Test(random_graphs, large) { check_values(0, HEBB_F64, true, 600000, 10, "large"); }
Test(random_graphs, large_f32) { check_values(0, HEBB_F32, true, 700000, 10, "large_f32"); }

ParameterizedTestParameters(random_graphs, gradients) { return groups(); }
ParameterizedTest(int *group, random_graphs, gradients) {
    checker c = {.device = cpu_device(), .dtype = HEBB_F64};
    uint64_t count = 25, first = first_seed(*group, 100000, &count);
    for (uint64_t i = 0; i < count; i++)
        check_seed(&c, first + i, true, false, RANDOM_OPS, gradients_fail, "gradients");
    tally("random graph", "gradient", "cpu", count);
    hebb_device_close(c.device);
}

Test(random_graphs, both_backends) {
    checker c = {.other = opencl_device(), .device = cpu_device(), .dtype = HEBB_F32};
    uint64_t count = 6, first = first_seed(0, 200000, &count);
    for (uint64_t i = 0; i < count; i++)
        check_seed(&c, first + i, false, i % 4 == 3, 20, backends_differ, "both_backends");
    tally("random graph", "f32 against cpu", "opencl", count);
    hebb_device_close(c.other);
    hebb_device_close(c.device);
}

/* ---- the tools themselves ---- */

/* Equal seeds give equal graphs, or a failing seed would be worth nothing. */
Test(random_graphs, repeat) {
    const random_recipe a = random_recipe_draw(7, false, false, RANDOM_OPS),
                        b = random_recipe_draw(7, false, false, RANDOM_OPS),
                        c = random_recipe_draw(8, false, false, RANDOM_OPS);
    cr_expect_eq(memcmp(&a, &b, sizeof a), 0);
    cr_expect_neq(memcmp(&a, &c, sizeof a), 0);
}

/* No row of the table is dead. */
Test(random_graphs, every_op_is_drawn) {
    int *drawn = test_memory((size_t)random_op_count() * sizeof *drawn);
    for (uint64_t seed = 0; seed < 400; seed++) {
        const random_recipe r = random_recipe_draw(seed, false, false, RANDOM_OPS);
        for (int i = 0; i < r.count; i++)
            for (int k = 0; k < random_op_count(); k++) drawn[k] += r.node[i].op == random_op_at(k);
    }
    for (int k = 0; k < random_op_count(); k++)
        cr_expect_gt(drawn[k], 0, "%s is never drawn", random_op_at(k)->name);
}

/* Bugs that are none: a function of a transpose, a loop beside a product. */
static bool has_function_of_transpose(const random_recipe *r, void *user) {
    (void)user;
    for (int i = 0; i < r->count; i++) {
        const random_op *op = r->node[i].op, *of = NULL;
        if (op == NULL || op->family != RANDOM_UNARY) continue;
        of = r->node[r->node[i].x[0]].op;
        if (of != NULL && strcmp(of->name, "transpose") == 0) return true;
    }
    return false;
}

static bool has_scan_and_product(const random_recipe *r, void *user) {
    bool scan = false, product = false;
    (void)user;
    for (int i = 0; i < r->count; i++) {
        const random_op *op = r->node[i].op;
        scan = scan || (op != NULL && strcmp(op->name, "scan") == 0);
        product = product || (op != NULL && op->family == RANDOM_PRODUCT);
    }
    return scan && product;
}

/* Shrinks the first few seeds that "fail", and builds and runs what is left. */
static void check_shrinking(random_failure *fails, int most) {
    checker c = {.device = cpu_device(), .dtype = HEBB_F64};
    int found = 0;
    for (uint64_t seed = 0; seed < 3000 && found < 5; seed++) {
        const random_recipe r = random_recipe_draw(seed, false, false, RANDOM_OPS);
        if (!fails(&r, NULL)) continue;
        const random_recipe small = random_shrink(&r, fails, NULL);
        found++;
        cr_expect(fails(&small, NULL), "seed %" PRIu64 " does not fail any more", seed);
        cr_expect_leq(random_recipe_ops(&small), most, "seed %" PRIu64 ": %d of %d ops are left",
                      seed, random_recipe_ops(&small), random_recipe_ops(&r));
        cr_expect_not(values_fail(&small, &c), "seed %" PRIu64 ": %s", seed, c.why);
    }
    cr_expect_eq(found, 5, "only %d graphs to shrink", found);
    hebb_device_close(c.device);
}

Test(random_graphs, shrinking) {
    check_shrinking(has_function_of_transpose, 2);
    check_shrinking(has_scan_and_product, 2);
}
