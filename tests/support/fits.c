/* Fits tiny models many times: two models of graphs of their own, a third in a second session of
   the first one's graph, and every tenth time a new one that is destroyed at once. Prints what the
   heap and the resident set were after a tenth of it and at the end, in bytes:

     fits DEVICE TIMES */
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <hebb/hebb.h>

enum { ROWS = 24, EPOCHS = 2 };

static float points[ROWS][2];
static int32_t kinds[ROWS];

typedef struct net {
    hebb_graph *graph;
    hebb_tensor *x, *label, *loss;
    hebb_model *model;
} net;

static net make(hebb_device *device, int units) {
    net n = {.graph = hebb_graph_create()};
    n.x = hebb_input(n.graph, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 2));
    n.label = hebb_input(n.graph, "label", HEBB_I32, HEBB_SHAPE(HEBB_ANY));
    hebb_tensor *h = hebb_dropout(hebb_dense(n.x, units, .activation = hebb_tanh), 0.1);
    hebb_tensor *logits = hebb_dense(h, 3);
    n.loss = hebb_sparse_softmax_cross_entropy(logits, n.label);
    n.model = hebb_model_create(
        n.graph, device, .inputs = HEBB_LIST(n.x, n.label), .loss = n.loss, .seed = 1,
        .optimizer = hebb_adam(),
        .metrics =
            HEBB_METRICS({.name = "accuracy", .counts = hebb_sparse_accuracy(logits, n.label)}));
    return n;
}

static void destroy(net *n) {
    hebb_model_destroy(n->model);
    hebb_graph_destroy(n->graph);
}

/* Batches of 10 of 24 examples, so that two plans are at work, and a validation. */
static bool fit(hebb_model *model, const hebb_dataset *data) {
    hebb_fit(model, data, .epochs = EPOCHS, .batch = 10, .validation_split = 0.25,
             .callbacks = HEBB_CALLBACKS(hebb_early_stopping(.patience = 1, .restore_best = true)));
    if (hebb_failed(model)) fprintf(stderr, "%s\n", hebb_message(model));
    return !hebb_failed(model);
}

static long resident(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
    if (file != NULL) fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

static bool run(hebb_device *device, const hebb_dataset *data, long times) {
    net a = make(device, 4), b = make(device, 7);
    hebb_model *second =
        hebb_model_create(a.graph, device, .inputs = HEBB_LIST(a.x, a.label), .loss = a.loss,
                          .step = hebb_model_step(a.model), .seed = 2);
    long first_resident = 0;
    size_t first_heap = 0;
    bool fine = true;
    for (long k = 0; k < times && fine; k++) {
        if (k == times / 10) {
            first_resident = resident();
            first_heap = mallinfo2().uordblks;
        }
        fine = fit(a.model, data) && fit(b.model, data) && fit(second, data);
        if (k % 10 != 0) continue;
        net brief = make(device, 3);
        fine = fine && fit(brief.model, data);
        destroy(&brief);
    }
    printf("resident %ld %ld heap %zu %zu\n", first_resident, resident(), first_heap,
           (size_t)mallinfo2().uordblks);
    hebb_model_destroy(second);
    destroy(&a);
    destroy(&b);
    return fine;
}

int main(int argc, char **argv) {
    if (argc != 3) return EXIT_FAILURE;
    for (int i = 0; i < ROWS; i++) {
        kinds[i] = i % 3;
        points[i][0] = (float)cos(2.1 * kinds[i]) + 0.3f * (float)sin(7 * i);
        points[i][1] = (float)sin(2.1 * kinds[i]) + 0.3f * (float)cos(5 * i);
    }
    hebb_array columns[2] = {hebb_array_view(points, HEBB_F32, HEBB_SHAPE(ROWS, 2)),
                             hebb_array_view(kinds, HEBB_I32, HEBB_SHAPE(ROWS))};
    hebb_device *device = hebb_device_open(argv[1]);
    bool fine = !hebb_failed(device);
    if (!fine) fprintf(stderr, "%s\n", hebb_message(device));
    fine = fine && run(device, HEBB_DATASET(columns[0], columns[1]), strtol(argv[2], NULL, 10));
    hebb_device_close(device);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
