/* What a backend must do. The executor knows backends only through this table of functions. */
#ifndef HB_BACKEND_H
#define HB_BACKEND_H

#include <hebb/device.h>
#include "../base/error.h"
#include "step.h"

/* Each backend defines these as it likes. */
typedef struct hb_device hb_device;
typedef struct hb_buffer hb_buffer;
typedef struct hb_prepared hb_prepared;

/* Watches a run, for profiles: begin() is called before `n` steps that run as one, most often a
   single step, and end() when they are done, which the device then waits for; steps of a scan's
   body between the scan's own two calls. `solver` as in hb_backend; of several steps "rows
   together", "small steps together" or "steps side by side", which may be in another order than the
   plan's. What fails does not end. */
typedef struct hb_watch {
    void (*begin)(void *context, const hb_step *steps, size_t n, const char *solver);
    void (*end)(void *context);
    void *context;
} hb_watch;

typedef struct hb_run_args {
    hb_buffer *const *buffers; /* by number; NULL where no step uses it */
    const int64_t *shifts;     /* by number: its first byte in that buffer; NULL: all 0 */
    uint64_t seed, step;
    int64_t iteration;     /* of the scan whose body's steps these are; else 0 */
    const hb_watch *watch; /* NULL: nobody does */
    const void *own;       /* what a backend's scan tells the steps of its body; else NULL */
} hb_run_args;

/* Every function that can fail returns a status and fills the error. A failed call leaves its
   out-parameter NULL and owns nothing. */
typedef struct hb_backend {
    const char *name; /* "cpu": the prefix of device ids */
    /* A LOOP with reductions goes over each point once, and is done with its inputs when it stores
       the point's outputs: these may take the place of inputs, too (see hb_loop). */
    bool reduces_once;

    /* Devices, numbered from 0. count() is 0, not an error, where there is no driver. */
    int (*count)(void);
    hebb_status (*describe)(int index, hebb_device_info *info, hb_error *error);
    hebb_status (*open)(int index, hb_device **device, hb_error *error);
    void (*close)(hb_device *device);
    hebb_status (*set_threads)(hb_device *device, int threads, hb_error *error); /* may be NULL */
    /* Whether the device computes in a dtype (f64 is optional). */
    bool (*has_dtype)(hb_device *device, hebb_dtype dtype);

    /* Memory. bytes may be 0. Offsets in bytes. When write() returns, the caller may change what it
       wrote from; the copy may be done later, between the runs before and after it. */
    hebb_status (*buffer_create)(hb_device *device, size_t bytes, hb_buffer **buffer,
                                 hb_error *error);
    void (*buffer_destroy)(hb_device *device, hb_buffer *buffer);
    /* A device that gives no more than so many bytes in one piece makes larger arenas of several.
       No value and no step's scratch memory then goes across a multiple of them. Both may be NULL:
       there is no limit, and an arena is a buffer as any other. */
    size_t (*piece)(const hb_device *device);
    hebb_status (*arena_create)(hb_device *device, size_t bytes, hb_buffer **buffer,
                                hb_error *error);
    /* Whether steps that share no memory may be done at the same time: values are then placed so
       that others which are near in the order have the same memory only where the arena would grow
       otherwise. NULL: no. */
    bool (*spreads)(const hb_device *device);
    hebb_status (*write)(hb_device *device, hb_buffer *buffer, size_t offset, const void *from,
                         size_t bytes, hb_error *error);
    hebb_status (*read)(hb_device *device, hb_buffer *buffer, size_t offset, void *to, size_t bytes,
                        hb_error *error);
    /* Points a buffer made with 0 bytes at host memory for the next runs, without a copy; false if
       the device cannot (the executor then makes a real buffer and writes). May be NULL. The memory
       is only read. */
    bool (*borrow)(hb_device *device, hb_buffer *buffer, const void *memory, size_t bytes);

    /* Scratch memory that the step needs in the arena; 0 for most. */
    size_t (*scratch)(hb_device *device, const hb_step *step);
    /* Whether these steps are better run as one, some rows of all of them at a time: a product,
       loops over its rows, and a product of which they make the left operand, so that values in
       HB_BUFFER_JOINED can do without memory in the arena. If so, the scratch memory that takes,
       which is to be the first step's and stays so during all of them; 0 if not. Other values of
       the arena are at different places. NULL: never. */
    size_t (*join)(hb_device *device, const hb_step *steps, size_t n_steps);
    /* How many of the steps, from the first on, would be run together if they are prepared in this
       order: those that cannot be told apart from how they round. 1 for most; NULL: always 1. */
    size_t (*together)(hb_device *device, const hb_step *steps, size_t n_steps);
    /* Chooses a solver for each step and compiles what must be compiled. The steps outlive
     * *prepared. */
    hebb_status (*prepare)(hb_device *device, const hb_step *steps, size_t n_steps, int n_buffers,
                           hb_prepared **prepared, hb_error *error);
    void (*release)(hb_device *device, hb_prepared *prepared);
    /* Runs all steps in order. May return before they are done: read() waits for them. */
    hebb_status (*run)(hb_device *device, hb_prepared *prepared, const hb_run_args *args,
                       hb_error *error);
    /* Waits until everything queued is done; the error of a kernel that failed meanwhile. */
    hebb_status (*finish)(hb_device *device, hb_error *error);
    /* What step `index` is solved by: "packed 8x32", "CLBlast", ...; never NULL. */
    const char *(*solver)(hb_device *device, const hb_prepared *prepared, size_t index);
} hb_backend;

/* All backends of this build, the CPU first; NULL ends the list. */
extern const hb_backend *const hb_backends[];

#endif
