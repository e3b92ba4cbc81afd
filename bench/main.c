/* hebb-bench: runs the workloads on a device and sets each beside what the machine can do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static const char help[] =
    "usage: hebb-bench [--device D] [--filter NAME] [--seconds S] [--json | --bounds]\n"
    "       hebb-bench [--device D] [--filter NAME] --plan\n"
    "       hebb-bench [--device D] [--seconds S] --compare NAME FILE\n"
    "\n"
    "  --device D     cpu (default), opencl, opencl:1, part of a name, auto\n"
    "  --filter NAME  only the workloads whose name contains NAME\n"
    "  --seconds S    how long each is measured, after a warm-up; 0.5 if not given\n"
    "  --json         an array of objects instead of a table\n"
    "  --bounds       only the bounds, as JSON, and anew for each line that is read\n"
    "  --plan         the time to build the graph and to plan it, and the most memory\n"
    "                 (MiB) that the plan, the variables and the whole process take:\n"
    "                 each workload, and three deep networks, in a process of its own\n"
    "  --compare NAME FILE\n"
    "                 one workload beside others, for scripts/compare: writes its\n"
    "                 weights or operands to FILE (.npz), prints the losses of ten\n"
    "                 steps or sums of its results, then a time for each line it reads\n"
    "\n"
    "`bound` is the time that the floating-point operations of a workload take at the\n"
    "speed of the fastest large matrix product, or its bytes at the speed of a copy, or\n"
    "those that it reads at the speed of reading (these alone, if it writes little),\n"
    "whichever is longest; `ratio` is the median over the bound. The speeds are medians,\n"
    "too: those of this machine's processor, which an OpenCL device may be, measured in\n"
    "turn with each workload, so that both meet the same neighbors; or for a GPU those\n"
    "that Hebb's own large product, copy and sum reach there.\n"
    "What fits in 32 MiB stays in the caches and is not charged for memory.\n"
    "`plan peak` is the memory that the plan takes, `all` what its tensors would take\n"
    "without sharing and fusion. `speed` is OpenBLAS's time over ours.\n";

typedef struct arguments {
    const char *device, *filter, *compare, *file, *plan_one;
    double seconds;
    bool json, bounds, plan;
} arguments;

static void refuse(const char *what) {
    fprintf(stderr, "hebb-bench: what is %s? --help lists the options\n", what);
    exit(EXIT_FAILURE);
}

static arguments parse_arguments(int argc, char **argv) {
    arguments a = {.device = "cpu", .filter = "", .seconds = 0.5};
    for (int i = 1; i < argc; i++) {
        bool valued = i + 1 < argc;
        char *end = "";
        if (strcmp(argv[i], "--json") == 0) a.json = true;
        else if (strcmp(argv[i], "--device") == 0 && valued) a.device = argv[++i];
        else if (strcmp(argv[i], "--filter") == 0 && valued) a.filter = argv[++i];
        else if (strcmp(argv[i], "--seconds") == 0 && valued) a.seconds = strtod(argv[++i], &end);
        else if (strcmp(argv[i], "--bounds") == 0) a.bounds = true;
        else if (strcmp(argv[i], "--plan") == 0) a.plan = true;
        else if (strcmp(argv[i], "--plan-one") == 0 && valued) a.plan_one = argv[++i];
        else if (strcmp(argv[i], "--compare") == 0 && i + 2 < argc) {
            a.compare = argv[++i];
            a.file = argv[++i];
        } else if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            exit(EXIT_SUCCESS);
        } else refuse(argv[i]);
        if (*end != '\0' || !(a.seconds > 0)) refuse(argv[i]);
    }
    return a;
}

/* In turn with what its bound is measured by, and OpenBLAS if it is a product. False if the
   workload failed. */
static bool measure_row(const workload *w, hebb_device *device, machine *m, report_row *row) {
    timed things[1 + MACHINE_TIMED + 1];
    const size_t speeds = machine_timed(m, things + 1), peer = 1 + speeds;
    const int threads = machine_bounds(m)->threads;
    const gemm_size *gemm = threads > 0 ? workload_gemm(w) : NULL;
    openblas_product *product = gemm != NULL ? openblas_open(gemm, threads) : NULL;
    if (product != NULL) things[peer] = openblas_timed(product);

    char message[512];
    const size_t n = product != NULL ? peer + 1 : peer;
    const bool fine =
        workload_measure(w, device, things, n, &row->measured, message, sizeof message);
    openblas_close(product);
    if (!fine) {
        fprintf(stderr, "%s: %s\n", row->name, message);
        return false;
    }
    machine_update(m, things + 1, speeds);
    row->bound = bounds_seconds(machine_bounds(m), &row->measured.work);
    if (product != NULL) row->openblas = things[peer].median;
    return true;
}

static bool run_workloads(const arguments *a, hebb_device *device, machine *m) {
    const hebb_device_info info = hebb_device_get_info(device);
    bool fine = true, first = true;
    if (a->json) json_begin();
    else {
        printf("%s: %s\n", info.id, info.name);
        table_begin(machine_bounds(m));
    }
    const workload *w;
    for (size_t i = 0; (w = workload_at(i)) != NULL; i++) {
        report_row row = {.name = workload_name(w), .device = info.id};
        if (strstr(row.name, a->filter) == NULL) continue;
        if (!measure_row(w, device, m, &row)) {
            fine = false;
            continue;
        }
        if (a->json) json_row(&row, first);
        else table_row(&row);
        first = false;
    }
    if (a->json) json_end();
    return fine;
}

/* At once, and whenever a line comes in: for scripts/compare. */
static bool tell_bounds(const arguments *a, hebb_device *device, machine *m) {
    const hebb_device_info info = hebb_device_get_info(device);
    timed things[MACHINE_TIMED];
    const size_t n = machine_timed(m, things);
    json_bounds(machine_bounds(m), &info, a->filter);
    for (int c; (c = getchar()) != EOF;) {
        if (c != '\n') continue;
        if (!time_in_turn(things, n)) return false;
        machine_update(m, things, n);
        json_bounds(machine_bounds(m), &info, a->filter);
    }
    return true;
}

static bool run_all(const arguments *a, hebb_device *device) {
    machine *m = machine_open(device);
    if (m == NULL) {
        fprintf(stderr, "hebb-bench: the speed of this machine could not be measured\n");
        return false;
    }
    const bool fine = a->bounds ? tell_bounds(a, device, m) : run_workloads(a, device, m);
    machine_close(m);
    return fine;
}

static bool compare_named(const arguments *a, hebb_device *device) {
    const workload *w;
    for (size_t i = 0; (w = workload_at(i)) != NULL; i++)
        if (strcmp(workload_name(w), a->compare) == 0) return compare_workload(w, device, a->file);
    fprintf(stderr, "hebb-bench: there is no workload %s\n", a->compare);
    return false;
}

int main(int argc, char **argv) {
    openblas_choose_kernels(argv);
    arguments a = parse_arguments(argc, argv);
    time_calls_for(a.seconds);
    if (a.plan_one != NULL)
        return plan_workload(a.device, a.plan_one) ? EXIT_SUCCESS : EXIT_FAILURE;
    if (a.plan) return plan_workloads(a.device, a.filter) ? EXIT_SUCCESS : EXIT_FAILURE;
    hebb_device *device = hebb_device_open(a.device);
    bool fine = !hebb_failed(device);
    if (!fine) fprintf(stderr, "hebb-bench: %s\n", hebb_message(device));
    else fine = a.compare != NULL ? compare_named(&a, device) : run_all(&a, device);
    hebb_device_close(device);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
