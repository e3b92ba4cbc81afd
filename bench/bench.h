/* The parts of hebb-bench: measure.c (the clock), bounds.c (what this machine can do), openblas.c
   (a peer), workloads.c and models.c (what is measured), compare.c and resident.c (one workload
   beside those of peers/), report.c (how it is told), main.c. All of it uses Hebb through its
   public headers only. Times are in seconds until they are printed. */
#ifndef BENCH_H
#define BENCH_H

#include <hebb/hebb.h>

/* ---- measure.c ---- */

/* One call of what is measured; false stops the measurement. */
typedef bool (*measured)(void *context);

/* How long everything is measured from now on, half a second at first. */
void time_calls_for(double seconds);
double time_of_calls(void);

/* Something that is timed. `settle` (or NULL) runs inside each timed sample, after its calls: it
   waits for work that a call only started. */
typedef struct timed {
    measured call, settle;
    void *context;
    double share;  /* of the time for which everything is measured */
    double median; /* the result: seconds of one call; negative if a call failed */
} timed;

/* Times several things in turn, a few times each, after a warm-up: a shared machine that changes
   its pace meanwhile does so for all of them. Short calls are timed many at a time. False if a call
   failed. */
bool time_in_turn(timed *things, size_t n);
/* Seconds that one call takes, by itself; negative if it failed. */
double time_calls(measured call, measured settle, void *context);

/* ---- workloads.c ---- */

/* c = a b for `batch` pairs, a [m, k], b [k, n]. */
typedef struct gemm_size {
    int64_t batch, m, k, n;
} gemm_size;

/* The least that the work takes: floating-point operations (a transcendental counts as one) and
   bytes that must be read and written at least once. */
typedef struct work {
    double flops, read_bytes, written_bytes;
} work;

typedef struct workload workload;

/* The workload of that place in the list; NULL past its end. */
const workload *workload_at(size_t index);
const char *workload_name(const workload *w);
/* Its product if it is one, else NULL. */
const gemm_size *workload_gemm(const workload *w);

typedef struct measurement {
    double seconds; /* the median of a run */
    work work;
    hebb_plan_stats stats;
} measurement;

/* Times it in turn with things[1] to things[n - 1]; things[0] becomes its own. False if it failed;
   `message` then says why. */
bool workload_measure(const workload *w, hebb_device *device, timed *things, size_t n,
                      measurement *result, char *message, size_t size);
/* The work alone; nothing runs. */
work workload_work(const workload *w);
/* Bytes a second in Hebb's own passes over 256 MiB, read and written or only read; 0 if they
 * failed. */
double hebb_copy_speed(hebb_device *device);
double hebb_read_speed(hebb_device *device);

/* ---- compare.c ---- */

/* Writes the weights or operands of the workload to a .npz file and a line of JSON to standard
   output: the losses of ten steps or sums of the results. Then, for each line of standard input,
   measures and writes a line with the time and the peak of resident memory. */
bool compare_workload(const workload *w, hebb_device *device, const char *path);

/* ---- plans.c ---- */

/* Prints a table of how long graphs and plans take, and of memory; false if one failed. */
bool plan_workloads(const char *device, const char *filter);
/* What it starts a process for: the line of one of them but for its end. */
bool plan_workload(const char *device, const char *name);

/* ---- resident.c ---- */

/* The most memory that this process ever had, or had since the reset; 0 if unknown. */
double resident_peak_bytes(void);
void resident_reset(void);

/* ---- openblas.c ---- */

/* First in main(): starts the program anew with OpenBLAS's kernels for AVX-512, if the processor
   has that and OpenBLAS has not seen it. OPENBLAS_CORETYPE in the environment stays what it is. */
void openblas_choose_kernels(char **argv);

/* Whose kernels OpenBLAS uses, such as "SkylakeX"; NULL if the benchmark was built without it. */
const char *openblas_kernels(void);

/* A float32 product in OpenBLAS, to be timed; NULL if the benchmark was built without it. */
typedef struct openblas_product openblas_product;
openblas_product *openblas_open(const gemm_size *size, int threads);
timed openblas_timed(openblas_product *p);
void openblas_close(openblas_product *p);

/* ---- bounds.c ---- */

typedef struct bounds {
    int threads;       /* 0: of a GPU */
    double flops;      /* a second, of the fastest large product, ours or OpenBLAS's */
    double copy_bytes; /* a second, read and written together */
    double read_bytes; /* a second */
    const char *flops_by;
} bounds;

/* The time that no program could go below there. */
double bounds_seconds(const bounds *b, const work *w);

/* What the speeds are measured by. */
typedef struct machine machine;

enum { MACHINE_TIMED = 3 };

/* Measures all of it: of a GPU by Hebb's own kernels, for it shares nothing with the processor; of
   anything else by the processor. NULL if memory is short, or no product could be computed. */
machine *machine_open(hebb_device *device);
void machine_close(machine *m);
/* The speeds as they were measured last. */
const bounds *machine_bounds(const machine *m);
/* What is to be timed in turn with a workload, at most MACHINE_TIMED, to measure them anew: none
   for a GPU, whose speeds are kept. */
size_t machine_timed(machine *m, timed *things);
/* Takes the speeds from what has been timed. */
void machine_update(machine *m, const timed *things, size_t n);

/* ---- report.c ---- */

typedef struct report_row {
    const char *name, *device;
    measurement measured;
    double bound;
    double openblas; /* 0 if there is no such number */
} report_row;

void table_begin(const bounds *b);
void table_row(const report_row *row);
void json_begin(void);
void json_row(const report_row *row, bool first);
void json_end(void);
void json_bounds(const bounds *b, const hebb_device_info *device, const char *filter);

#endif
