/* How long it takes until a workload can run, and what memory the process then takes: each workload
   in a process of its own that does nothing else. Called by main.c. */
#define _GNU_SOURCE /* wait4 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "workloads.h"

enum { TIMES = 5, STEPS = 10 };

/* ---- training graphs of about 1,000 nodes once they are simplified ---- */

static void deep_mlp(prepared *p, const workload *w) {
    (void)w;
    hebb_tensor *h = batch_input(p, "x", HEBB_SHAPE(32, 64));
    hebb_tensor *label = label_input(p, "label", HEBB_SHAPE(32), 10);
    for (int k = 0; k < 24; k++) h = hebb_dense(h, 64, .activation = hebb_relu);
    train(p, hebb_sparse_softmax_cross_entropy(hebb_dense(h, 10), label), hebb_adam());
}

static void deep_cnn(prepared *p, const workload *w) {
    (void)w;
    hebb_tensor *h = batch_input(p, "x", HEBB_SHAPE(4, 8, 16, 16));
    hebb_tensor *label = label_input(p, "label", HEBB_SHAPE(4), 10);
    for (int k = 0; k < 9; k++)
        h = hebb_relu(hebb_batch_normalization(hebb_conv2d(h, 8, 3, .padding = HEBB_PADDING_SAME)));
    train(p, hebb_sparse_softmax_cross_entropy(hebb_dense(hebb_flatten(h), 10), label),
          hebb_adam());
}

static void deep_transformer(prepared *p, const workload *w) {
    (void)w;
    hebb_tensor *h = batch_input(p, "x", HEBB_SHAPE(4, 16, 64));
    hebb_tensor *label = label_input(p, "label", HEBB_SHAPE(4), 10);
    for (int k = 0; k < 2; k++) {
        hebb_tensor *n = hebb_layer_normalization(h);
        h = hebb_add(h, hebb_multi_head_attention(n, n, 4, 16));
        n = hebb_dense(hebb_layer_normalization(h), 128, .activation = hebb_gelu);
        h = hebb_add(h, hebb_dense(n, 64));
    }
    train(p, hebb_sparse_softmax_cross_entropy(hebb_dense(hebb_flatten(h), 10), label),
          hebb_adam());
}

static const workload deep[] = {
    {.name = "deep_mlp", .build = deep_mlp},
    {.name = "deep_cnn", .build = deep_cnn},
    {.name = "deep_transformer", .build = deep_transformer},
};

/* ---- one of them ---- */

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

typedef struct planned {
    size_t nodes;
    double graph_seconds; /* the model, its gradients, the optimizer */
    hebb_plan_stats stats;
} planned;

/* The fastest of several times; false if a run failed. */
static bool measure(const workload *w, hebb_device *device, int steps, planned *result) {
    prepared p;
    double start = now();
    workload_prepare(w, device, &p);
    double seconds = now() - start;
    bool fine = true;
    for (int k = 0; k < steps && fine; k++) fine = workload_run(&p);
    hebb_plan_stats stats = {0};
    fine = fine && workload_settle(&p) && hebb_session_stats(p.session, &stats) == HEBB_OK;
    if (!fine) fprintf(stderr, "%s: %s\n", w->name, hebb_message(p.session));
    result->nodes = hebb_graph_size(p.graph);
    if (result->graph_seconds > 0 && result->graph_seconds < seconds)
        seconds = result->graph_seconds;
    if (result->stats.plan_seconds > 0 && result->stats.plan_seconds < stats.plan_seconds)
        stats.plan_seconds = result->stats.plan_seconds;
    result->graph_seconds = seconds;
    result->stats = stats;
    workload_release(&p);
    return fine;
}

/* The child's part: a line but for what its parent knows. Several sessions take no more memory than
   one after the other. */
static bool plan_one(const workload *w, const char *name) {
    hebb_device *device = hebb_device_open(name);
    planned best = {0};
    bool fine = !hebb_failed(device);
    if (!fine) fprintf(stderr, "hebb-bench: %s\n", hebb_message(device));
    for (int k = 0; k < TIMES && fine; k++)
        fine = measure(w, device, k + 1 < TIMES ? 1 : STEPS, &best);
    hebb_device_close(device);
    if (!fine) return false;
    printf("%-17s %6zu %9.3f %6zu %6zu %9.3f %10.2f %10.2f", w->name, best.nodes,
           best.graph_seconds * 1e3, best.stats.nodes, best.stats.steps,
           best.stats.plan_seconds * 1e3, (double)best.stats.peak_bytes / (1 << 20),
           (double)best.stats.variable_bytes / (1 << 20));
    fflush(stdout);
    return true;
}

/* This program again, for one workload: a child that only forks has not got the pages of the
   program and its libraries in its ru_maxrss. */
static bool plan_apart(const workload *w, const char *device) {
    struct rusage usage;
    int status;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "hebb-bench", "--device", device, "--plan-one", w->name, NULL);
        _exit(EXIT_FAILURE);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child) return false;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS) return false;
    printf(" %9.1f\n", (double)usage.ru_maxrss / 1024);
    return true;
}

/* ---- all of them ---- */

/* First the deep ones; NULL past the end. */
static const workload *planned_at(size_t k) {
    const size_t n_deep = sizeof deep / sizeof *deep;
    return k < n_deep ? &deep[k] : workload_at(k - n_deep);
}

bool plan_workload(const char *device, const char *name) {
    const workload *w;
    for (size_t k = 0; (w = planned_at(k)) != NULL; k++)
        if (strcmp(w->name, name) == 0) return plan_one(w, device);
    return false;
}

bool plan_workloads(const char *device, const char *filter) {
    printf("%-17s %6s %9s %6s %6s %9s %10s %10s %9s\n", "workload", "nodes", "graph ms", "kept",
           "steps", "plan ms", "peak MiB", "variables", "resident");
    bool fine = true;
    const workload *w;
    for (size_t k = 0; (w = planned_at(k)) != NULL; k++)
        if (strstr(w->name, filter) != NULL) fine = plan_apart(w, device) && fine;
    return fine;
}
