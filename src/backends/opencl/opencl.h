/* The OpenCL backend's own declarations. Who does what:
     opencl.c        the table of functions, and which devices there are
     device.c        opening a device, its limits, errors in words
     memory.c        buffers and copies; pieces.c arenas of several pieces
     program.c       compiling kernels, with a cache in memory; disk_cache.c the one on disk,
                     prelude.c what programs begin with
     kernel.c        a kernel's source and arguments while they are written
     space.c         a LOOP's index space made simple; values.c its scalar program as OpenCL C
     user.c          users' elementwise ops as OpenCL C; custom.c users' other ops
     loop.c          LOOP steps: which form of kernel, how many work-items; loop_source.c its text,
                     loop_tiles.c that of loops whose operands lie across each other on CPUs,
                     reduction.c what reductions are called in it, lanes.c what kernels for CPUs
                     have in common
     group.c         LOOPs that one kernel does row by row: group_program.c, group_prepare.c,
                     group_source.c, group_lanes.c
     small.c         runs of steps with little work as one kernel: small_source.c, gemm_small.c
     gemm*.c         GEMM steps: the table of solvers, one file each (gemm_tiled.c and gemm_short.c
                     for GPUs, gemm_vector.c for CPUs); tune.c measures them
     tile.c          the text of tiled products on GPUs, for gemm_tiled.c and conv_tiled.c
     indexed.c       GATHER, SCATTER-ADD and SCATTER-SET
     along.c         ARGSORT, RECURRENCE, TAKE-ALONG and PUT-ALONG; sort.c ARGSORT on CPUs
     conv.c          CONV, CONV_INPUT and CONV_WEIGHT; conv_tiled.c large ones on GPUs and
                     conv_winograd_tiled.c those of 3 x 3 there; conv_shifted.c most on CPUs,
                     conv_bands.c those of few channels and of strides, conv_winograd.c and
                     conv_winograd_weight.c those of 3 x 3 and 5 x 5 there
     fold.c          FOLD
     scan.c          SCAN; scan_kernel.c all its iterations as one kernel
     team.c          launches as one kernel, for whose work-groups they are tasks
     side.c          launches that do not depend on each other as one kernel: side_spans.c,
                     side_source.c
     prepare.c       plans: preparing, running, releasing
   LOOPs are in loops/, GEMM in products/, CONV in convolutions/, and what does several steps as one
   kernel (group, small, side, team, scan_kernel) in together/.
   Nothing here includes anything but the contract (backend.h, step.h), the base room and OpenCL. */
#ifndef HB_OPENCL_H
#define HB_OPENCL_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#include <CL/cl.h>
#include <pthread.h>

#include "../backend.h"

/* ---- Devices ---- */

typedef struct hb_cl_program hb_cl_program;

/* Host memory on its way to a device. */
typedef struct hb_cl_stage {
    cl_mem memory; /* NULL: of malloc() */
    void *at;      /* where it is mapped */
    size_t bytes;
    cl_event busy; /* of the copy from it, or NULL */
    bool filling;  /* somebody copies to it */
} hb_cl_stage;
enum { HB_CL_STAGES = 8 };

struct hb_device {
    cl_device_id id;
    cl_context context;
    cl_command_queue queue; /* in order */
    hebb_device_info info;
    bool lanes;             /* a CPU: kernels loop over contiguous lanes, a work-item a group */
    int compute_capability; /* NVIDIA's, ten times; or 0 */
    bool caches_kernels;    /* the driver keeps compiled kernels itself */
    size_t max_group;       /* work-items in a group along its first dimension */
    size_t max_parameters;  /* bytes of all arguments of a kernel */
    cl_ulong local_bytes;
    cl_ulong max_allocation;
    pthread_mutex_t lock; /* around the queue, the stages, the caches and prepared plans */
    hb_cl_stage stages[HB_CL_STAGES], small_stages[HB_CL_STAGES];
    int next_stage, next_small; /* used in turn */
    hb_cl_program *programs;    /* compiled, newest first */
    uint64_t n_buffers;         /* made so far */
    struct hb_cl_tuned *tuned;  /* winners for products, or NULL until they are asked for */
    const struct hb_cl_gemm_solver *trial; /* the one that is being measured, or NULL */
    int clblast;                           /* 0 not checked yet, 1 right, -1 wrong */
    cl_mem clblast_temp; /* what CLBlast copies matrices into; commands use it in turn */
    size_t clblast_temp_bytes;
};

struct hb_buffer {
    cl_mem memory;
    size_t bytes;
    uint64_t id;        /* never used again, as addresses are */
    hb_buffer **pieces; /* of an arena that does not fit into one; its memory is the first one's */
    size_t n_pieces;
};

/* Platform and device number `index` over all platforms; false if there are fewer. */
bool hb_cl_find(int index, cl_platform_id *platform, cl_device_id *id);
int hb_cl_count(void);
/* Reads what describe() tells of a device. */
void hb_cl_read_info(int index, cl_platform_id platform, cl_device_id id, hebb_device_info *info);

hebb_status hb_cl_open(int index, hb_device **device, hb_error *error);
void hb_cl_close(hb_device *device);
bool hb_cl_has_dtype(hb_device *device, hebb_dtype dtype);
bool hb_cl_has_f64(cl_device_id id);

/* Fills the error from an OpenCL code: the function that failed, on which device, doing what. */
hebb_status hb_cl_fail(hb_error *error, const hb_device *device, cl_int code, const char *function,
                       const char *what);

/* ---- Memory ---- */

hebb_status hb_cl_buffer_create(hb_device *device, size_t bytes, hb_buffer **buffer,
                                hb_error *error);
void hb_cl_buffer_destroy(hb_device *device, hb_buffer *buffer);
hebb_status hb_cl_write(hb_device *device, hb_buffer *buffer, size_t offset, const void *from,
                        size_t bytes, hb_error *error);
hebb_status hb_cl_read(hb_device *device, hb_buffer *buffer, size_t offset, void *to, size_t bytes,
                       hb_error *error);

size_t hb_cl_piece(const hb_device *device);
hebb_status hb_cl_arena_create(hb_device *device, size_t bytes, hb_buffer **buffer,
                               hb_error *error);

/* Steps as they see the pieces of an arena: buffers from number n_buffers on are its second, third,
   ... piece, buffer 0 is the first. `placed` is NULL if none of them looks past the first. */
typedef struct hb_cl_placed hb_cl_placed;
hebb_status hb_cl_place(hb_device *device, const hb_step *steps, size_t n_steps, int n_buffers,
                        hb_cl_placed **placed, hb_error *error);
void hb_cl_placed_free(hb_cl_placed *placed);
const hb_step *hb_cl_placed_steps(const hb_cl_placed *placed);
/* The buffers of a run, pieces included. */
hebb_status hb_cl_placed_buffers(hb_cl_placed *placed, const hb_run_args *args,
                                 hb_buffer *const **buffers, hb_error *error);

void hb_cl_stages_free(hb_device *device);

/* ---- Text ---- */

/* A string that grows. Out of memory sets failed, which whoever takes the text checks. */
typedef struct hb_cl_text {
    char *data;
    size_t size, capacity;
    bool failed;
} hb_cl_text;

void hb_cl_print(hb_cl_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void hb_cl_append(hb_cl_text *text, const char *string);
void hb_cl_text_free(hb_cl_text *text);

/* ---- Kernels being written ---- */

/* Hand-written parts of a program, made for an element type each. */
typedef enum hb_cl_part {
    HB_CL_SCALAR,
    HB_CL_BLOCKS,
    HB_CL_GEMM_VECTOR,
    HB_CL_WINOGRAD, /* needs HB_CL_GEMM_VECTOR */
    HB_CL_TURNS,
    HB_CL_PARTS
} hb_cl_part;

typedef enum hb_cl_param_kind {
    HB_CL_BUFFER, /* a pointer; value is the number of the buffer */
    HB_CL_INDEX,  /* a size, stride or offset */
    HB_CL_U32,
    HB_CL_SEED_LOW, /* of the run */
    HB_CL_SEED_HIGH,
    HB_CL_RUN_STEP,
    HB_CL_SHIFT,    /* where the buffer number `value` begins in this run, in elements */
    HB_CL_COUNTERS, /* of a launch's own: a pointer to HB_CL_COUNTER_BYTES that were zeros */
    HB_CL_TABLE,    /* likewise, to integers: the launch's data */
} hb_cl_param_kind;

enum { HB_CL_COUNTER_BYTES = 512 };

#define HB_CL_NAME_SIZE 32
typedef struct hb_cl_param {
    hb_cl_param_kind kind;
    char name[HB_CL_NAME_SIZE];
    const char *type; /* of the elements, for a buffer ... */
    size_t size;      /* ... or its shift */
    bool written;
    bool baked; /* a number in the source instead of an argument */
    int64_t value;
    bool set;
    uint64_t last; /* what was set: a buffer's id or a run's number */
} hb_cl_param;

/* An array in local memory. */
typedef struct hb_cl_local {
    char name[HB_CL_NAME_SIZE];
    const char *type;
    size_t bytes;
    int64_t count;
} hb_cl_local;

/* A kernel's source as it is written. The text says HB_KERNEL for the kernel's name, which is made
   from the text's hash, and hb_index for the type of sizes and indices. A kernel may become part of
   another (small.h, scan_kernel.c): so it says HB_ITEM(d) for the number of a work-item in
   dimension d, HB_GROUP(d) for that of its work-group and HB_LOCAL for the item's number there, and
   its arrays in local memory are declared by hb_cl_local_array(). */
/* Which forms are written of functions that have another one for most arguments. */
typedef enum hb_cl_closeness {
    HB_CL_FOR_ALL,   /* the one for all arguments */
    HB_CL_FOR_CLOSE, /* the one for close ones */
    HB_CL_FOR_EITHER /* each argument its own */
} hb_cl_closeness;

typedef struct hb_cl_kernel {
    hb_cl_text functions, body; /* functions of users' ops stand before the kernel */
    hb_cl_param *params;
    int n_params, capacity;
    hb_cl_local *locals;
    int n_locals, local_capacity;
    size_t pool;           /* local memory that its functions share, see small.h */
    bool wide;             /* 64-bit indices */
    bool sliding;          /* buffers begin where the run says: hb_run_args.shifts */
    hb_cl_closeness close; /* see lanes.c */
    bool alone;            /* compiled as a program of its own */
    bool failed;
    uint64_t streamed;              /* a bit for each output whose blocks go past the caches */
    uint64_t turned_in, turned_out; /* ... for each input and output turned around in a tile */
    size_t group;                   /* reqd_work_group_size, or 0 */
    unsigned parts[HB_CL_PARTS];    /* one bit a dtype that the kernel needs the part for */
} hb_cl_kernel;

/* "float", "uchar", ...; and "f32", ..., "u8" (also for bool): the suffix of functions. */
const char *hb_cl_type(hebb_dtype dtype);
const char *hb_cl_suffix(hebb_dtype dtype);

static inline bool hb_cl_is_half(int dtype) { return dtype == HEBB_F16 || dtype == HEBB_BF16; }

/* Declare an argument once; a second call with the same name does nothing. */
void hb_cl_buffer_param(hb_cl_kernel *kernel, const char *name, int buffer, hebb_dtype dtype,
                        bool written);
/* The same for a buffer's bytes, by a name that is put into name[]: m0, m1, ... as they come, for
   steps that are alike but for their buffers shall share a kernel. */
void hb_cl_bytes_param(hb_cl_kernel *kernel, int buffer, char name[HB_CL_NAME_SIZE]);
void hb_cl_index_param(hb_cl_kernel *kernel, const char *name, int64_t value);
/* Three of them, name0 to name2. */
void hb_cl_sizes_param(hb_cl_kernel *kernel, const char *name, const int64_t size[3]);
void hb_cl_param_add(hb_cl_kernel *kernel, hb_cl_param_kind kind, const char *name, int64_t value);
void hb_cl_local_array(hb_cl_kernel *kernel, const char *name, hebb_dtype dtype, int64_t count);
void hb_cl_need(hb_cl_kernel *kernel, hb_cl_part part, hebb_dtype dtype);
/* The kernel's whole text: signature and body. Bakes numbers where arguments would be too many. */
hebb_status hb_cl_kernel_text(hb_device *device, hb_cl_kernel *kernel, hb_cl_text *text,
                              hb_error *error);
void hb_cl_kernel_free(hb_cl_kernel *kernel);

/* ---- Compiled programs ---- */

/* What to compile: text as above, name and program filled in. */
typedef struct hb_cl_request {
    hb_cl_text text;
    unsigned parts[HB_CL_PARTS];
    bool alone;
    const char *step; /* for messages */
    char name[48];
    cl_program program; /* retained by the cache of the device, which outlives plans */
} hb_cl_request;

/* Finds each request's program in the caches or compiles it, all missing ones as one program. */
hebb_status hb_cl_compile(hb_device *device, hb_cl_request *requests, size_t n, hb_error *error);

/* What requests that become one program have in common: prelude.c. */
void hb_cl_write_prelude(hb_cl_text *source, hb_cl_request *const *requests, size_t n);
void hb_cl_programs_free(hb_device *device);

typedef struct hb_cl_key {
    uint64_t a, b;
} hb_cl_key;
hb_cl_key hb_cl_hash(hb_cl_key key, const void *data, size_t size);
#define HB_CL_KEY_START ((hb_cl_key){0xcbf29ce484222325u, 0x84222325cbf29ce4u})

/* The cache on disk; both are quiet about what goes wrong. load() gives a built program or NULL. */
cl_program hb_cl_disk_load(hb_device *device, hb_cl_key key, const char *options);
void hb_cl_disk_save(hb_device *device, hb_cl_key key, cl_program program);
/* The folder of such files, false if there is none to be had; those above a file, made. */
bool hb_cl_cache_folder(char *path, size_t size);
void hb_cl_make_folders(const char *path);

/* ---- Plans ---- */

/* One thing to do in a run: a kernel over a range, or a call. */
typedef struct hb_cl_launch {
    const hb_step *step; /* the first of n_steps that it does or, launched again, goes on with */
    size_t n_steps;
    bool prepares;   /* of a convolution's: reads its weights and writes scratch memory, no more */
    hb_step *beside; /* of launches side by side, copies of all their steps; or NULL */
    hb_cl_kernel source; /* arguments stay; the text goes once it is compiled */
    cl_kernel kernel;
    cl_mem own; /* the kernel's counters or table, or NULL */
    cl_uint rank;
    size_t global[3], local[3];
    bool once; /* in a scan's body: in the first iteration only */
    hebb_status (*call)(hb_device *device, struct hb_cl_launch *launch, const hb_run_args *args,
                        hb_error *error);
    size_t table_bytes;                          /* of data, if it is a table */
    void *data;                                  /* of call ... */
    void (*free)(hb_device *device, void *data); /* ... freed with this; NULL: with free() */
} hb_cl_launch;

#define HB_CL_TITLE_SIZE 64
struct hb_prepared {
    hb_cl_launch *launches;
    size_t n_launches, capacity;
    const hb_step *steps;
    const char **solvers;
    size_t n_steps;
    bool sliding;                     /* a scan's body */
    char (*beside)[HB_CL_TITLE_SIZE]; /* by step: how it is done, if beside others; or NULL */
    bool single;          /* launches are parts of a kernel with one work-group: see small.h */
    hb_cl_placed *placed; /* whose steps these are, or NULL */
};

hebb_status hb_cl_prepare(hb_device *device, const hb_step *steps, size_t n_steps, int n_buffers,
                          hb_prepared **prepared, hb_error *error);
void hb_cl_release(hb_device *device, hb_prepared *prepared);
/* For callers that hold the device's lock. */
hebb_status hb_cl_prepare_locked(hb_device *device, const hb_step *steps, size_t n_steps,
                                 bool sliding, hb_prepared **prepared, hb_error *error);
hebb_status hb_cl_run_locked(hb_device *device, hb_prepared *prepared, const hb_run_args *args,
                             hb_error *error);
/* Bytes to add to offsets in that buffer. */
int64_t hb_cl_shift(const hb_run_args *args, int buffer);
hebb_status hb_cl_run(hb_device *device, hb_prepared *prepared, const hb_run_args *args,
                      hb_error *error);
hebb_status hb_cl_finish(hb_device *device, hb_error *error);
const char *hb_cl_solver(hb_device *device, const hb_prepared *prepared, size_t index);
size_t hb_cl_scratch(hb_device *device, const hb_step *step);

/* The parts of that: a plan without launches, NULL when out of memory; the launches of its steps,
   written; and their kernels, compiled. */
hb_prepared *hb_cl_prepared_make(const hb_step *steps, size_t n_steps, bool sliding,
                                 hb_error *error);
hebb_status hb_cl_add_launches(hb_device *device, hb_prepared *prepared, hb_error *error);
hebb_status hb_cl_compile_launches(hb_device *device, hb_prepared *prepared, hb_error *error);

/* A new launch at the end of the plan, NULL when out of memory. Valid until the next one. */
hb_cl_launch *hb_cl_launch_add(hb_prepared *prepared, const hb_step *step);
void hb_cl_launches_free(hb_device *device, hb_prepared *prepared);
/* A range of n work-items in groups of `group`, rounded up; such rows y times z; and groups of one.
 */
void hb_cl_range(hb_cl_launch *launch, int64_t n, size_t group);
void hb_cl_range_rows(hb_cl_launch *launch, int64_t n, size_t group, int64_t y, int64_t z);
void hb_cl_range_items(hb_cl_launch *launch, int64_t x, int64_t y, int64_t z);

/* ---- LOOP ---- */

/* A loop whose index space was made simple: sizes of 1 dropped, dimensions that lie alike in all
   operands merged, kept dimensions before reduced ones. */
typedef struct hb_cl_space {
    hb_loop loop; /* its operands are this space's own copies, its instructions the step's */
    int n_kept, n_reduced;
    int lane; /* the dimension along which memory is contiguous, last of the kept or the reduced */
    int64_t kept, reduced; /* numbers of points; reduced is 1 without reductions */
    bool wide;             /* indices need 64 bits */
} hb_cl_space;

/* False when out of memory. */
bool hb_cl_space_make(hb_cl_space *space, const hb_loop *loop);
void hb_cl_space_free(hb_cl_space *space);
/* Whether a large operand of a loop without reductions lies across the lanes: is contiguous along
   another dimension, which then becomes the next to last. */
bool hb_cl_space_lies_across(hb_cl_space *space);
/* Whether an operand's elements over dims[0...rank) have indices beyond 31 bits. */
bool hb_cl_is_wide(const hb_operand *operand, int rank, const int64_t *dim);
/* Merges dimensions [from, *to) of dim[] that are adjacent in every operand. */
void hb_cl_merge(int64_t *dim, hb_operand *const *operands, int n_operands, int from, int *to,
                 int *rank);

/* Writes coordinates i<d> = of the point number `linear` for dimensions [from, to). */
void hb_cl_write_coordinates(hb_cl_kernel *kernel, const hb_loop *loop, int from, int to,
                             const char *linear);
/* The same for dimensions [0, to), as variables; and their step to the next point, at the end of a
   loop's body. */
void hb_cl_write_counters(hb_cl_kernel *kernel, const hb_loop *loop, int to, const char *linear);
void hb_cl_write_next(hb_cl_kernel *kernel, const hb_loop *loop, int to);
/* Writes instructions [from, to) at a point: the operands' bases, from coordinates i0... of all
   dimensions in [0, rank) but lane; ... */
void hb_cl_write_bases(hb_cl_kernel *kernel, const hb_loop *loop, int from, int to, int rank,
                       int lane);
/* ... then the values v<i> (product is HB_ACC's text) and the stores. Along lane the index is j. */
void hb_cl_write_values(hb_cl_kernel *kernel, const hb_loop *loop, int from, int to, int lane,
                        const char *product);
void hb_cl_write_stores(hb_cl_kernel *kernel, const hb_loop *loop, int from, int to, int lane);
/* The numbers of the pointers by which operands are accessed. */
int hb_cl_input_pointer(const hb_loop *loop, int input);
int hb_cl_output_pointer(const hb_loop *loop, int output);
/* Whether its type there is the input's own, and not that of an output in the same place. */
bool hb_cl_is_read_as_written(const hb_loop *loop, int input);
/* user.c: users' elementwise functions, and the call of one, of values v<i>. */
void hb_cl_write_user(hb_cl_kernel *kernel, const hb_instr *instr);
/* The same for one operand: declares b<name>. */
void hb_cl_write_base(hb_cl_kernel *kernel, const char *name, const hb_operand *operand, int rank,
                      int lane);

/* lanes.c: what kernels for CPUs have in common. Bytes that a loop reads and writes; what is the
   same along a dimension is in a cache after once. */
double hb_cl_traffic(const hb_loop *loop);
/* The pragma in front of a loop over the lane dimension. */
const char *hb_cl_lane_loop(const hb_cl_space *space);
/* Finds the outputs at all points that are worth storing past the caches. They go to blocks
   z<n>[HB_BLOCK] at place l first; those of values [from, to) are declared, and stored from the
   point `block` on. */
void hb_cl_find_streamed(hb_cl_kernel *kernel, const hb_cl_space *space);
bool hb_cl_is_streamed(const hb_cl_kernel *kernel, int output);
void hb_cl_declare_streamed(hb_cl_kernel *kernel, const hb_loop *loop, int from, int to);
void hb_cl_store_streamed(hb_cl_kernel *kernel, const hb_loop *loop, int from, int to);

/* The domain of an instruction that is a function with a form of its own for most arguments: that
   of hb_mod_close_f32() is "mod", where hb_mod_is_close_f32() is true. NULL for all others. */
const char *hb_cl_close_domain(const hb_instr *instr);
/* Whether a loop without reductions has such functions. */
bool hb_cl_has_close_forms(const hb_loop *loop);
/* Writes the condition that its arguments are close; and that `far` is to be set where an argument
   of one of them is not close. */
void hb_cl_write_is_close(hb_cl_kernel *kernel, const hb_instr *instr);
void hb_cl_write_far(hb_cl_kernel *kernel, const hb_loop *loop);

typedef enum hb_cl_form {
    HB_CL_LANES,   /* CPU, elementwise: chunks of lanes */
    HB_CL_TILES,   /* CPU, elementwise, where operands lie across the lanes: tiles */
    HB_CL_ROWS,    /* CPU, reduction along the lanes */
    HB_CL_COLUMNS, /* CPU, reduction across them */
    HB_CL_POINTS,  /* GPU, elementwise: a work-item a point */
    HB_CL_ITEMS,   /* GPU, reduction: a work-item a kept point */
    HB_CL_GROUPS,  /* GPU, reduction: a work-group some kept points */
} hb_cl_form;

/* How a loop is cut: see loop_source.c for each form. */
typedef struct hb_cl_cut {
    hb_cl_form form;
    bool close;         /* LANES: whether chunks of close arguments have loops of their own */
    int64_t chunk;      /* lanes handled in one go */
    int64_t rows;       /* TILES: so many of the dimension before the lanes */
    int64_t chunks;     /* of them along the lane dimension */
    int64_t units;      /* pieces of the kept space ... */
    int64_t per_item;   /* ... and how many a work-item takes */
    int64_t splits;     /* parts of the reduced space */
    int64_t per_split;  /* pieces of the reduced space in one */
    size_t group;       /* work-items in a group; on GPUs, for reductions, ... */
    int width;          /* ... kept points that share them, in GROUPS, ... */
    int unroll;         /* ... and reduced points that an item takes at a time */
    int64_t scratch;    /* with more than one split: where the partial results go ... */
    int scratch_buffer; /* ... in the arena, or which piece of it */
} hb_cl_cut;

/* Where a split's results of reduction number r begin, in elements; those of split s, kept * s
   further. */
int64_t hb_cl_partial_offset(int64_t kept, const hb_cl_cut *cut, int r, hebb_dtype dtype);
/* That of a TILES kernel, and how large a tile is: rows, chunk. */
void hb_cl_write_tiles(hb_cl_kernel *kernel, const hb_cl_space *space, const hb_cl_cut *cut);
void hb_cl_cut_tile(const hb_loop *loop, hb_cl_cut *cut);
/* The text of one kernel. With more than one split it stores partial results instead of running the
   post program. */
void hb_cl_write_loop(hb_cl_kernel *kernel, const hb_cl_space *space, const hb_cl_cut *cut);

/* How many work-items so many points are shared among at most, and a loop is worth, on a CPU. */
int64_t hb_cl_items(const hb_device *device, int64_t points);
int64_t hb_cl_loop_items(const hb_device *device, const hb_loop *loop);
size_t hb_cl_loop_scratch(hb_device *device, const hb_loop *loop);
/* For how many splits of a reduction there is scratch memory, if their partial results may be made
   by another kernel: column by column of one dimension, or 0. And the launch that joins them. */
int64_t hb_cl_loop_splits(const hb_device *device, const hb_loop *loop);
hebb_status hb_cl_loop_join(hb_device *device, hb_prepared *prepared, const hb_step *step,
                            int64_t splits, hb_error *error);
/* Adds the launches for a loop; scratch is where hb_cl_loop_scratch bytes are free in the arena. */
hebb_status hb_cl_loop_prepare(hb_device *device, hb_prepared *prepared, const hb_step *step,
                               const hb_loop *loop, int64_t scratch, const char **solver,
                               hb_error *error);

/* ---- GEMM ---- */

/* A GEMM made simple: batch dimensions merged among themselves and into the rows where that changes
   nothing. Its operands are copies of its own. */
typedef struct hb_cl_product {
    hb_gemm gemm;
    int64_t batches;
    bool wide;
} hb_cl_product;

/* Transposed, it is C' = B' A', whose epilogue runs over [batch..., n, m]. False when out of
 * memory. */
bool hb_cl_product_make(hb_cl_product *product, const hb_gemm *gemm, bool transpose);
void hb_cl_product_free(hb_cl_product *product);
/* Matrices in a batch. */
int64_t hb_cl_gemm_batches(const hb_gemm *gemm);
/* Strides of a product's operands: of a along m and k, of b along k and n; all four as arguments
   ai, ak, bk, bj. */
void hb_cl_stride_params(hb_cl_kernel *kernel, const hb_cl_product *product);
int64_t hb_cl_row_stride(const hb_cl_product *product, const hb_operand *operand);
int64_t hb_cl_column_stride(const hb_cl_product *product, const hb_operand *operand);
/* Writes the batch coordinates of z, and pointers to where the matrices of that batch begin: a, b.
 */
void hb_cl_write_matrix(hb_cl_kernel *kernel, const hb_cl_product *product, const char *name,
                        const hb_operand *operand);
void hb_cl_write_batch(hb_cl_kernel *kernel, const hb_cl_product *product, const char *z);
/* Writes the epilogue at the row i<n_batch> and the column j (of a lane loop, or not). */
void hb_cl_write_epilogue_bases(hb_cl_kernel *kernel, const hb_cl_product *product);
void hb_cl_write_epilogue(hb_cl_kernel *kernel, const hb_cl_product *product, const char *value);
/* Where sums over k are made in parts, [batch, part, m, n] in the step's scratch memory: whether
   their indices need 64 bits; and the launch that adds them, always in the same order, and runs the
   epilogue. */
void hb_cl_gemm_widen(hb_cl_product *product, const hb_step *step, int64_t parts);
hebb_status hb_cl_gemm_add_sum(hb_device *device, hb_prepared *prepared, const hb_step *step,
                               const hb_cl_product *product, int64_t parts, hb_error *error);

/* One way to do a GEMM. cost() is an estimate in seconds; prepare() adds launches. */
typedef struct hb_cl_gemm_solver {
    const char *name;  /* what HEBB_GEMM says */
    const char *title; /* what solver() says */
    bool (*can_do)(hb_device *device, const hb_gemm *gemm);
    double (*cost)(hb_device *device, const hb_gemm *gemm);
    size_t (*scratch)(hb_device *device, const hb_gemm *gemm); /* may be NULL */
    /* Whether the solver gives right results on this device; may be NULL for one that is trusted.
     */
    bool (*verify)(hb_device *device);
    hebb_status (*prepare)(hb_device *device, hb_prepared *prepared, const hb_step *step,
                           hb_error *error);
} hb_cl_gemm_solver;

double hb_cl_gemm_flops(const hb_gemm *gemm);
extern const hb_cl_gemm_solver hb_cl_gemm_vector;
extern const hb_cl_gemm_solver hb_cl_gemm_tiled;
extern const hb_cl_gemm_solver hb_cl_gemm_short;
extern const hb_cl_gemm_solver hb_cl_gemm_reference;
#ifdef HEBB_HAVE_CLBLAST
extern const hb_cl_gemm_solver hb_cl_gemm_clblast;
#endif

extern const hb_cl_gemm_solver *const hb_cl_gemm_solvers[];
extern const size_t hb_cl_n_gemm_solvers;

/* tune.c: the solver that was fastest for such a product on this device, as the file says or, with
   HEBB_TUNE=1, as measured now; NULL if that is not known. For callers that hold the device's lock.
 */
const hb_cl_gemm_solver *hb_cl_gemm_tuned(hb_device *device, const hb_step *step);
void hb_cl_tuned_free(hb_device *device);

size_t hb_cl_gemm_scratch(hb_device *device, const hb_step *step);
hebb_status hb_cl_gemm_prepare(hb_device *device, hb_prepared *prepared, const hb_step *step,
                               const char **solver, hb_error *error);

/* ---- GATHER and SCATTER ---- */

/* CUSTOM, of the same form. */
hebb_status hb_cl_custom_prepare(hb_device *device, hb_prepared *prepared, const hb_step *step,
                                 const char **solver, hb_error *error);
hebb_status hb_cl_indexed_prepare(hb_device *device, hb_prepared *prepared, const hb_step *step,
                                  const char **solver, hb_error *error);

/* ---- SCAN ---- */

hebb_status hb_cl_scan_prepare(hb_device *device, hb_prepared *prepared, const hb_step *step,
                               const char **solver, hb_error *error);
/* scan_kernel.c: a plan that does all iterations by one launch, or NULL where that cannot be. */
hebb_status hb_cl_scan_kernel(hb_device *device, const hb_scan *scan, hb_prepared **whole,
                              hb_error *error);

/* ---- convolutions and FOLD ---- */

size_t hb_cl_conv_scratch(hb_device *device, const hb_step *step);
hebb_status hb_cl_conv_prepare(hb_device *device, hb_prepared *prepared, const hb_step *step,
                               const char **solver, hb_error *error);
size_t hb_cl_resample_scratch(hb_device *device, const hb_step *step);
hebb_status hb_cl_resample_prepare(hb_device *device, hb_prepared *prepared, const hb_step *step,
                                   const char **solver, hb_error *error);
hebb_status hb_cl_fold_prepare(hb_device *device, hb_prepared *prepared, const hb_step *step,
                               const char **solver, hb_error *error);

/* ---- along one axis ---- */

size_t hb_cl_along_scratch(hb_device *device, const hb_step *step);
/* sort.c: ARGSORT line by line, for CPUs. */
size_t hb_cl_sort_scratch(const hb_step *step);
void hb_cl_sort_lines(hb_cl_launch *launch, const hb_step *step, bool wide);
hebb_status hb_cl_along_prepare(hb_device *device, hb_prepared *prepared, const hb_step *step,
                                const char **solver, hb_error *error);

#endif
