/* Sessions: a graph bound to a device, with the values of its variables. */
#ifndef HEBB_SESSION_H
#define HEBB_SESSION_H

#include <hebb/array.h>
#include <hebb/device.h>
#include <hebb/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hebb_session hebb_session;

typedef struct hebb_session_options {
    uint64_t seed;    /* of the initial values and of every random op; default 0 */
    unsigned without; /* HEBB_NO_...: optimizations to leave out; the results stay the same */
    uint8_t poison;   /* to find elements that no step writes: the byte (0xFF makes NaN and -1) that
                         all memory for results is filled with before each run; default 0: it is not
                         filled */
    size_t memory_limit; /* the most bytes that a plan may take (hebb_plan_stats.peak_bytes);
                            default 0: as many as it takes. See below */
    int reserved_;
} hebb_session_options;

/* .memory_limit: what takes more memory than that is made to fit, by dropping values after a use
   and computing them again before the next one: no more of them than it takes, and those first that
   cost least for what they free. Values are the same, bit by bit, as without a limit, but for
   reductions and products that the CPU runs together with other steps, block by block: their last
   bits may differ. A run whose plan cannot be made that small is an error, HEBB_E_MEMORY, that
   tells how small it can be made and what is held then. hebb_checkpoint() is the same by hand, for
   every device and batch. */

/* Optimizations that can be turned off, to compare and to debug. */
#define HEBB_NO_FOLD   1u /* constant folding and algebraic simplification */
#define HEBB_NO_CSE    2u /* common subexpressions */
#define HEBB_NO_FUSION 4u /* one step an op */
#define HEBB_NO_REUSE  8u /* every value at an address of its own, nothing in place */
#define HEBB_NO_PASSES 15u

/* Binds the graph to the device; hebb_session_create(g, dev, .seed = 7). Variables get their
   initial values at the first run. Graph and device must outlive the session; tensors may still be
   added to the graph between runs. Several sessions may share a graph and a device, each with
   variables of its own, and run on several threads at the same time, each on one, while nothing is
   added to the graph. Always returns an object unless memory is out (NULL, which every function
   here takes for a failed session).

   If the graph has failed, so has the session, for good. If the graph fails later, in an experiment
   after training, say, nothing is lost: tensors that were made before can still be fed and fetched,
   variables got, set, saved and loaded. Only the inert tensors of what failed, and of whatever was
   built after that, give the graph's error. */
#define hebb_session_create(graph, ...) hebb_session_create_args(graph, __VA_ARGS__, .reserved_ = 0)
#define hebb_session_create_args(graph, device, ...)                                               \
    hebb_session_create_with((graph), (device), &(const hebb_session_options){__VA_ARGS__})
HEBB_API hebb_session *hebb_session_create_with(hebb_graph *graph, hebb_device *device,
                                                const hebb_session_options *options);
HEBB_API void hebb_session_destroy(hebb_session *session);

/* One input and the array with its value in this run. dtype must be the input's, the shape must fit
   it; the array is only read, and only during the run. */
typedef struct hebb_feed {
    hebb_tensor *tensor;
    const hebb_array *array;
} hebb_feed;

/* One tensor to compute and the array for its value: {0} or an array made by hebb_array_resize()
   is resized to fit; a view must already have the right dtype and shape. NULL: compute it (a
   training step), fetch nothing. */
typedef struct hebb_fetch {
    hebb_tensor *tensor;
    hebb_array *array;
} hebb_fetch;

#define HEBB_FEED(...)                                                                             \
    (const hebb_feed[]){__VA_ARGS__}, sizeof((const hebb_feed[]){__VA_ARGS__}) / sizeof(hebb_feed)
#define HEBB_FETCH(...)                                                                            \
    (const hebb_fetch[]){__VA_ARGS__},                                                             \
        sizeof((const hebb_fetch[]){__VA_ARGS__}) / sizeof(hebb_fetch)
#define HEBB_NO_FEED NULL, 0

/* Computes the fetched tensors from the fed inputs, and carries out the assignments among them. All
   reads of a variable in one run see the value from before the run.
       hebb_run(s, HEBB_FEED({x, &images}, {t, &labels}), HEBB_FETCH({step, NULL}, {loss, &value}));
   Errors: HEBB_E_GRAPH (an input that is needed is not fed or is fed twice; a variable that is
   assigned twice; a tensor of another graph; a layer without an end), HEBB_E_ARGUMENT (feeding what
   is no input, fetching the value of a group), HEBB_E_SHAPE, HEBB_E_DTYPE, HEBB_E_NULL (also an
   array without data), HEBB_E_MEMORY (also for .memory_limit), HEBB_E_DEVICE, HEBB_E_UNSUPPORTED (a
   dtype that the device lacks), and the error of the graph for an inert tensor. HEBB_E_ARGUMENT too
   for one array in two fetches, or one that is fed and too small for what is fetched into it. After
   an error the session can be used again; an error found before the computation starts leaves
   variables and the values in fetched arrays untouched (when memory is short, some of the arrays
   may have been resized). */
HEBB_API hebb_status hebb_run(hebb_session *session, const hebb_feed *feeds, size_t n_feeds,
                              const hebb_fetch *fetches, size_t n_fetches);

/* Copies a variable's value out of or into the session. Shape and dtype must match the variable's
   (an owning or empty array is resized by get). */
HEBB_API hebb_status hebb_session_get(hebb_session *session, hebb_tensor *variable,
                                      hebb_array *value);
HEBB_API hebb_status hebb_session_set(hebb_session *session, hebb_tensor *variable,
                                      const hebb_array *value);

/* The number of runs so far: with the seed, all of the random state. Set it to resume. */
HEBB_API uint64_t hebb_session_step(const hebb_session *session);
HEBB_API hebb_status hebb_session_set_step(hebb_session *session, uint64_t step);
HEBB_API uint64_t hebb_session_seed(const hebb_session *session);
HEBB_API hebb_status hebb_session_set_seed(hebb_session *session, uint64_t seed);

/* What the session was created with; NULL for NULL. */
HEBB_API hebb_graph *hebb_session_graph(const hebb_session *session);
HEBB_API hebb_device *hebb_session_device(const hebb_session *session);
/* Records an error of the caller's own, or HEBB_OK, as that of the last call: for functions that
   make several calls on a session. `message` is copied. Returns the status. */
HEBB_API hebb_status hebb_session_fail(hebb_session *session, hebb_status status,
                                       const char *message);

/* What hebb_training() is in the runs that follow: whether dropout drops, for example. */
typedef enum hebb_mode {
    HEBB_MODE_AUTO = 0,  /* true in a run that assigns to a trainable variable; the default */
    HEBB_MODE_TRAINING,  /* true: to look at gradients, or at what dropout makes of a prediction */
    HEBB_MODE_INFERENCE, /* false, even if the run trains: to train on with frozen statistics */
} hebb_mode;
/* HEBB_E_ARGUMENT if there is no such mode. */
HEBB_API hebb_status hebb_session_set_mode(hebb_session *session, hebb_mode mode);

/* What the plan of the last run does. */
typedef struct hebb_plan_stats {
    size_t nodes;          /* ops left after simplification */
    size_t steps;          /* kernels or loops launched a run */
    size_t peak_bytes;     /* the arena: everything but variables, feeds and constants */
    size_t unshared_bytes; /* the same without reuse: the sum of all intermediate tensors' sizes
                              before fusion */
    size_t variable_bytes; /* variables that the plan reads or writes */
    double flops;          /* floating-point operations a run, a transcendental counted as one */
    double bytes;          /* bytes that the steps read and write a run */
    double plan_seconds;   /* time it took to make the plan */
    size_t again_steps; /* steps that compute again what was dropped for .memory_limit, and ... */
    double again_flops; /* ... their part of `flops` */
} hebb_plan_stats;
HEBB_API hebb_status hebb_session_stats(const hebb_session *session, hebb_plan_stats *stats);

/* ---- where the time goes ---- */

/* Steps of the runs that were profiled, added up where name, shapes and solver are equal. */
typedef struct hebb_profile_row {
    const char *name;   /* "matmul + add + maximum"; of steps that run as one, their names */
    const char *shapes; /* what it works on: "m, k, n [128, 784, 512]" */
    const char *solver; /* how; of steps that run as one: "rows together", row by row, "small steps
                           together", one after the other in one OpenCL kernel, or "steps side by
                           side", at the same time in one */
    int depth;          /* 1 in the body of a scan, whose time is part of the scan's, ...; else 0 */
    size_t count;       /* how often it ran */
    double seconds;     /* all of that */
    double flops, bytes; /* likewise: what the steps, one by one, compute, read and write */
} hebb_profile_row;

/* Times every step of the runs from now on, forgetting earlier rows; or stops, and keeps them. The
   device finishes each step before the next begins, so that runs take longer. HEBB_E_MEMORY. The
   environment variable HEBB_PROFILE=FILE writes the same as a trace, event by event. */
HEBB_API hebb_status hebb_session_profile(hebb_session *session, bool on);
HEBB_API size_t hebb_session_profile_count(const hebb_session *session);
/* Slowest first, a scan followed by what its body consists of. HEBB_E_ARGUMENT past the end. The
   texts are the session's, until it profiles anew. */
HEBB_API hebb_status hebb_session_profile_row(const hebb_session *session, size_t index,
                                              hebb_profile_row *row);

/* The status of the last run, get, set, save or load, and its message ("" if it was HEBB_OK), valid
   until the next call; other calls leave both as they are, unless they fail. HEBB_E_NULL and a
   fixed message for NULL. */
HEBB_API hebb_status hebb_session_status(const hebb_session *session);
HEBB_API const char *hebb_session_message(const hebb_session *session);

/* For hebb_failed(): what models, searches, plots, batches, parts, folds and logs are is said in
   train.h, search.h, plot.h, data.h, prepare.h, folds.h and tensorboard.h. */
typedef struct hebb_model hebb_model;
HEBB_API hebb_status hebb_model_status(const hebb_model *model);
HEBB_API const char *hebb_model_message(const hebb_model *model);
typedef struct hebb_search hebb_search;
HEBB_API hebb_status hebb_search_status(const hebb_search *search);
HEBB_API const char *hebb_search_message(const hebb_search *search);
typedef struct hebb_plot hebb_plot;
HEBB_API hebb_status hebb_plot_status(const hebb_plot *plot);
HEBB_API const char *hebb_plot_message(const hebb_plot *plot);
typedef struct hebb_batches hebb_batches;
HEBB_API hebb_status hebb_batches_status(const hebb_batches *batches);
HEBB_API const char *hebb_batches_message(const hebb_batches *batches);
typedef struct hebb_parts hebb_parts;
HEBB_API hebb_status hebb_parts_status(const hebb_parts *parts);
HEBB_API const char *hebb_parts_message(const hebb_parts *parts);
typedef struct hebb_folds hebb_folds;
HEBB_API hebb_status hebb_folds_status(const hebb_folds *folds);
HEBB_API const char *hebb_folds_message(const hebb_folds *folds);
typedef struct hebb_events hebb_events;
HEBB_API hebb_status hebb_events_status(const hebb_events *events);
HEBB_API const char *hebb_events_message(const hebb_events *events);

/* Whether any of these objects, a graph or a device has an error, and the words for it. */
#ifndef __cplusplus
#define hebb_failed(object)  (HEBB_ABOUT_(object, status) != HEBB_OK)
#define hebb_message(object) HEBB_ABOUT_(object, message)
#define HEBB_ABOUT_(object, what)                                                                  \
    (_Generic((object), hebb_graph *                                                               \
              : hebb_graph_##what, hebb_device *                                                   \
              : hebb_device_##what, hebb_session *                                                 \
              : hebb_session_##what, hebb_model *                                                  \
              : hebb_model_##what, hebb_search *                                                   \
              : hebb_search_##what, hebb_plot *                                                    \
              : hebb_plot_##what, hebb_batches *                                                   \
              : hebb_batches_##what, hebb_parts *                                                  \
              : hebb_parts_##what, hebb_folds *                                                    \
              : hebb_folds_##what, hebb_events *                                                   \
              : hebb_events_##what)(object))
#endif

#ifdef __cplusplus
}
#endif
#endif
