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

/* Seconds; negative if a call failed. */
typedef struct timing {
    double median, fastest;
} timing;

/* How long time_calls() goes on from now on; returns how long it did, half a second at first. */
double time_calls_for(double seconds);
/* Times of one `call`, after a warm-up. Short calls are timed many
   at a time. `settle` (or NULL) runs inside each timed sample, after its calls: it waits for work
   that a call only started. */
timing time_calls(measured call, measured settle, void *context);

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
    timing time;
    work work;
    hebb_plan_stats stats;
} measurement;

/* False if it failed; `message` then says why. */
bool workload_measure(const workload *w, hebb_device *device, measurement *result, char *message,
                      size_t size);
/* The work alone; nothing runs. */
work workload_work(const workload *w);
/* A float32 product in Hebb; negative if it failed. */
timing hebb_gemm_time(const gemm_size *size, hebb_device *device);
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

/* The same product in OpenBLAS; 0 if the benchmark was built without it. */
timing openblas_gemm_time(const gemm_size *size, int threads);

/* ---- bounds.c ---- */

typedef struct bounds {
    int threads;       /* 0: of a GPU */
    double flops;      /* a second, of the fastest large product, ours or OpenBLAS's */
    double copy_bytes; /* a second, read and written together */
    double read_bytes; /* a second */
    const char *flops_by;
    gemm_size product; /* that one */
} bounds;

/* Of a GPU by Hebb's own kernels, for it shares nothing with the processor; of anything else by the
   processor. False if memory is short, or no product could be computed. */
bool bounds_measure(bounds *b, hebb_device *device);
/* The same speeds anew, in less time: a shared machine is another from minute to minute. A GPU's
   are kept. */
void bounds_refresh(bounds *b);
/* The faster of each speed. */
bounds bounds_of_both(const bounds *a, const bounds *b);
/* The time that no program could go below there. */
double bounds_seconds(const bounds *b, const work *w);

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
