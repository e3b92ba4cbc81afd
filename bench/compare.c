/* A workload as scripts/compare runs it beside those of bench/peers: it says what it starts from
   and what it computes, so that nobody times other work, and is timed whenever a line comes in.
   Called by main.c. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include <hebb/npy.h>

#include "workloads.h"

enum { STEPS = 10, MOST_GIVEN = 32 };

static bool complain(const workload *w, const char *message) {
    fprintf(stderr, "%s: %s\n", workload_name(w), message);
    return false;
}

static bool is_batch(const prepared *p, const hebb_tensor *variable) {
    for (size_t k = 0; k < p->n_batches; k++)
        if (p->batches[k] == variable) return true;
    return false;
}

/* Weights before the first step, or operands, in the order in which the graph has them. */
static bool write_given(const prepared *p, const char *path, char *message, size_t size) {
    hebb_array values[MOST_GIVEN] = {0};
    hebb_named_array named[MOST_GIVEN];
    size_t n = 0;
    bool fine = true;
    for (size_t k = 0; k < p->n_given && n < MOST_GIVEN && fine; k++) {
        hebb_tensor *variable = hebb_graph_variable(p->graph, k);
        if (is_batch(p, variable)) continue;
        fine = hebb_session_get(p->session, variable, &values[n]) == HEBB_OK;
        named[n] = (hebb_named_array){hebb_tensor_name(variable), &values[n]};
        n += fine;
    }
    if (!fine) snprintf(message, size, "%s", hebb_message(p->session));
    else fine = hebb_npz_write(path, named, n, message, size) == HEBB_OK;
    for (size_t k = 0; k < n; k++) hebb_array_free(&values[k]);
    return fine;
}

/* The losses of the first steps. */
static bool print_losses(const prepared *p) {
    float loss = 0;
    hebb_array value = hebb_array_view(&loss, HEBB_F32, HEBB_SCALAR);
    const hebb_fetch fetches[] = {{p->result, NULL}, {p->loss, &value}};
    printf("{\"losses\": [");
    for (int k = 0; k < STEPS; k++) {
        if (hebb_run(p->session, p->feeds, p->n_feeds, fetches, 2) != HEBB_OK) return false;
        printf("%s%.9g", k > 0 ? ", " : "", (double)loss);
    }
    return true;
}

/* Of each output how many numbers it has and two sums of them: that of the magnitudes, and one in
   which every place has its own weight, so that a wrong order shows. */
static bool print_sums(const prepared *p) {
    printf("{\"sums\": [");
    for (size_t k = 0; k < p->n_outputs; k++) {
        hebb_array y = {0};
        const hebb_fetch fetch = {p->outputs[k], &y};
        if (hebb_run(p->session, p->feeds, p->n_feeds, &fetch, 1) != HEBB_OK) return false;
        double magnitudes = 0, weighted = 0;
        const float *values = y.data;
        for (int64_t i = 0; i < hebb_array_count(&y); i++) {
            magnitudes += fabs((double)values[i]);
            weighted += (double)values[i] * (double)(1 + i % 97) / 97;
        }
        printf("%s[%" PRId64 ", %.9g, %.9g]", k > 0 ? ", " : "", hebb_array_count(&y), magnitudes,
               weighted);
        hebb_array_free(&y);
    }
    return true;
}

static bool check(const workload *w, hebb_device *device, const char *path) {
    char message[512] = "";
    prepared p;
    workload_prepare(w, device, &p);
    bool fine = write_given(&p, path, message, sizeof message);
    if (fine) {
        fine = p.loss != NULL ? print_losses(&p) : print_sums(&p);
        if (!fine) snprintf(message, sizeof message, "%s", hebb_message(p.session));
    }
    printf("]}\n");
    fflush(stdout);
    workload_release(&p);
    return fine || complain(w, message);
}

bool compare_workload(const workload *w, hebb_device *device, const char *path) {
    if (!check(w, device, path)) return false;
    resident_reset();
    prepared p;
    workload_prepare(w, device, &p);
    bool fine = true;
    for (int c; fine && (c = getchar()) != EOF;) {
        if (c != '\n') continue;
        const double seconds = time_calls(workload_run, workload_settle, &p);
        fine = seconds > 0;
        if (fine)
            printf("{\"ms\": %.9g, \"peak_bytes\": %.0f}\n", seconds * 1e3, resident_peak_bytes());
        else complain(w, hebb_message(p.session));
        fflush(stdout);
    }
    workload_release(&p);
    return fine;
}
