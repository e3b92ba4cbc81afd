/* What the files of the CPU backend share: the device, its buffers and threads, the instruction
   sets it may use, and what a solver is. */
#ifndef HB_CPU_H
#define HB_CPU_H

#include <stdatomic.h>

#include "../backend.h"
#include "convolutions/direct_kernels.h"
#include "products/gemm_kernels.h"
#include "resample_kernels.h"
#include "loops/vector.h"
#include "convolutions/winograd_kernels.h"

/* One compilation of the kernels. The best that the machine supports is used, or the one that the
   environment variable HEBB_ISA names. */
typedef struct hb_cpu_isa {
    const char *name; /* "baseline", "avx2", "avx512" */
    int vector_bytes;
    const hb_cpu_vector *vector;
    const hb_cpu_gemm_kernels *gemm;
    const hb_cpu_winograd *winograd;
    const hb_cpu_direct *direct;
    const hb_cpu_resample *resample;
} hb_cpu_isa;

typedef struct hb_cpu_pool hb_cpu_pool;
typedef struct hb_cpu_codes hb_cpu_codes;

struct hb_device {
    int threads;
    hb_cpu_pool *pool;
    const hb_cpu_isa *isa;
    hb_cpu_codes *codes; /* compiled chains (code/code.h); NULL: all are interpreted */
    int64_t l2_bytes;    /* a core's second-level cache; 1 MiB if it is not known */
    atomic_uint n_large; /* large buffers made so far (cpu.c) */
};

struct hb_buffer {
    char *base;
    size_t bytes;
    char *memory; /* its own, where base is in; NULL: borrowed */
};

/* Where a buffer's memory begins in this run; NULL for an index operand. */
static inline char *hb_cpu_base(const hb_run_args *args, int buffer) {
    if (buffer < 0) return NULL;
    return args->buffers[buffer]->base + (args->shifts ? args->shifts[buffer] : 0);
}

/* The memory of an operand's element (0, 0, ...). */
static inline char *hb_cpu_address(const hb_run_args *args, const hb_operand *operand) {
    return hb_cpu_base(args, operand->buffer) +
           operand->offset * (int64_t)hebb_dtype_size(operand->dtype);
}

/* ---- threads ---- */

/* Below this much work, in nanoseconds on one thread, starting threads costs more than it gains. */
#define HB_CPU_PARALLEL_NS 8000.0

/* Calls task(context, begin, end, thread) so that the ranges cover [0, count) once: on the calling
   thread if `ns`, the estimated work, is little, else on all of the device's threads. What a task
   computes must not depend on where its range begins and ends. */
typedef void hb_cpu_task(void *context, int64_t begin, int64_t end, int thread);
void hb_cpu_parallel(const hb_device *device, int64_t count, double ns, hb_cpu_task *task,
                     void *context);
/* The same, on the calling thread alone if there is scratch memory for fewer threads than there
   are: a plan may have been made before their number was raised. */
void hb_cpu_parallel_within(const hb_device *device, int threads, int64_t count, double ns,
                            hb_cpu_task *task, void *context);

/* The threads besides the calling one; NULL if there is no memory for them. */
hb_cpu_pool *hb_cpu_pool_create(int threads);
void hb_cpu_pool_destroy(hb_cpu_pool *pool); /* NULL is ignored */

/* ---- memory ---- */

/* 64-byte aligned, of at least 1 byte; NULL if there is none. Released with free(). */
void *hb_cpu_allocate(size_t bytes);

/* ---- instruction sets ---- */

/* The one to use here and now: HEBB_ISA if it is set and supported, else the best supported. */
const hb_cpu_isa *hb_cpu_choose_isa(void);

/* ---- plans (cpu.c) ---- */

/* `together`: steps may be run row by row (rows.h), which wants different buffers to be different
   memory. */
hebb_status hb_cpu_prepare(hb_device *device, const hb_step *steps, size_t n_steps, bool together,
                           hb_prepared **prepared, hb_error *error);
void hb_cpu_release(hb_device *device, hb_prepared *prepared); /* NULL is ignored */
hebb_status hb_cpu_run(hb_device *device, hb_prepared *prepared, const hb_run_args *args,
                       hb_error *error);

/* ---- solvers ---- */

/* One way to do one kind of step. `state` is what prepare made; it belongs to the solver. */
typedef struct hb_cpu_solver {
    const char *name;
    hb_step_kind kind;
    bool (*can_do)(const hb_device *device, const hb_step *step);
    double (*cost)(const hb_device *device, const hb_step *step);    /* nanoseconds, roughly */
    size_t (*scratch)(const hb_device *device, const hb_step *step); /* NULL for none */
    hebb_status (*prepare)(hb_device *device, const hb_step *step, void **state, hb_error *error);
    void (*run)(hb_device *device, const void *state, const hb_run_args *args);
    /* In place of run, where it can fail: when it runs the user's code. */
    hebb_status (*try_run)(hb_device *device, const void *state, const hb_run_args *args,
                           hb_error *error);
    void (*release)(void *state);
} hb_cpu_solver;

/* Solvers by kind, each list ended by NULL; of those that can do a step, the cheapest is taken. */
extern const hb_cpu_solver *const hb_cpu_loop_solvers[];        /* loop.c */
extern const hb_cpu_solver *const hb_cpu_gemm_solvers[];        /* gemm.c */
extern const hb_cpu_solver *const hb_cpu_gather_solvers[];      /* indexed.c */
extern const hb_cpu_solver *const hb_cpu_scatter_add_solvers[]; /* indexed.c */
extern const hb_cpu_solver *const hb_cpu_scatter_set_solvers[]; /* indexed.c */
extern const hb_cpu_solver *const hb_cpu_argsort_solvers[];     /* sort.c */
extern const hb_cpu_solver *const hb_cpu_recurrence_solvers[];  /* along.c */
extern const hb_cpu_solver *const hb_cpu_take_along_solvers[];  /* along.c */
extern const hb_cpu_solver *const hb_cpu_put_along_solvers[];   /* along.c */
extern const hb_cpu_solver *const hb_cpu_scan_solvers[];        /* scan.c */
extern const hb_cpu_solver *const hb_cpu_conv_solvers[];        /* conv.c */
extern const hb_cpu_solver *const hb_cpu_conv_weight_solvers[]; /* conv_weight.c */
extern const hb_cpu_solver *const hb_cpu_fold_solvers[];        /* fold.c */
extern const hb_cpu_solver *const hb_cpu_max_back_solvers[];    /* max_back.c */
extern const hb_cpu_solver *const hb_cpu_resample_solvers[];    /* resample.c */
extern const hb_cpu_solver *const hb_cpu_custom_solvers[];      /* custom.c */

#endif
