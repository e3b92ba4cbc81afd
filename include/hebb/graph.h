/* Graphs: tensors, inputs, constants, variables; errors; printing.

   A graph owns its tensors; a hebb_tensor is a node of the graph, not memory with numbers in it.
   Builders never fail loudly. The first error is kept in the graph (code, message with the op, the
   tensors and their shapes, and the line of the program that asked), the builder returns an inert
   tensor that every other builder accepts, and hebb_failed(graph), or the session, tells. So a
   model is written without checks and checked once. A graph that has failed takes no more tensors;
   what a session has of it by then goes on working (hebb/session.h). A graph is built by one
   thread. */
#ifndef HEBB_GRAPH_H
#define HEBB_GRAPH_H

#include <stdio.h>
#include <hebb/array.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hebb_graph hebb_graph;
typedef struct hebb_tensor hebb_tensor;

/* NULL if memory is out; every function takes that for a failed graph. */
HEBB_API hebb_graph *hebb_graph_create(void);
/* Frees the graph and its tensors. Sessions on it must be destroyed first. NULL is ignored. */
HEBB_API void hebb_graph_destroy(hebb_graph *graph);

HEBB_API hebb_status hebb_graph_status(const hebb_graph *graph);
/* The first error, "" if there is none: "file.c:12: matmul: ...". */
HEBB_API const char *hebb_graph_message(const hebb_graph *graph);

/* Records an error of the caller's own in the graph (if it has none yet), with the current line:
   for functions that compose ops and check their arguments. `message` is copied. Returns an inert
   tensor, so that `return hebb_graph_fail(g, ...)` is a builder's error path. */
HEBB_API hebb_tensor *hebb_graph_fail(hebb_graph *graph, hebb_status status, const char *message);

/* Records where in the program the next tensors come from, and returns its first argument. The
   macros named like the builders call it; a function that composes ops and is compiled with
   HEBB_NO_HERE defined keeps the line of its caller. */
HEBB_API hebb_tensor *hebb_here_tensor(hebb_tensor *tensor, const char *file, int line);
HEBB_API hebb_graph *hebb_here_graph(hebb_graph *graph, const char *file, int line);
#define HEBB_HERE(tensor)      hebb_here_tensor((tensor), __FILE__, __LINE__)
#define HEBB_HERE_GRAPH(graph) hebb_here_graph((graph), __FILE__, __LINE__)

/* ---- sources ---- */

/* A value fed at every run. Dimensions may be HEBB_ANY. `name` is copied; it is not empty, and
   unique among the inputs and variables of the graph; NULL gives one ("input", "input_1", ...). */
HEBB_API hebb_tensor *hebb_input(hebb_graph *graph, const char *name, hebb_dtype dtype,
                                 hebb_shape shape);

/* A constant; the array is copied. */
HEBB_API hebb_tensor *hebb_constant(hebb_graph *graph, const hebb_array *array);
/* A tensor of that (concrete) shape whose elements all are `value`: rounded to the floating dtype
   (to f16 and bf16 by way of f32), truncated to an integer, != 0 for bool. HEBB_E_ARGUMENT if the
   integer dtype cannot hold it. */
HEBB_API hebb_tensor *hebb_full(hebb_graph *graph, hebb_dtype dtype, hebb_shape shape,
                                double value);
/* A scalar of x's dtype in x's graph: hebb_mul(x, hebb_scalar_like(x, 0.5)). */
HEBB_API hebb_tensor *hebb_scalar_like(hebb_tensor *x, double value);

/* How a variable is initialized, from the session's seed. A plain value: copy it.
   fan_in and fan_out of a shape [in, out] are its sizes; of [out, in, kernel...] (rank 3 and more)
   they are in and out times the size of the kernel; of rank 0 and 1 both are the size. */
typedef enum hebb_initializer_kind {
    HEBB_INIT_DEFAULT = 0,      /* of the layer that takes it; zeros elsewhere */
    HEBB_INIT_CONSTANT,         /* a */
    HEBB_INIT_UNIFORM,          /* a to b */
    HEBB_INIT_NORMAL,           /* mean a, standard deviation b */
    HEBB_INIT_GLOROT_UNIFORM,   /* +-sqrt(6 / (fan_in + fan_out)), Glorot and Bengio 2010 */
    HEBB_INIT_GLOROT_NORMAL,    /* deviation sqrt(2 / (fan_in + fan_out)) */
    HEBB_INIT_HE_UNIFORM,       /* +-sqrt(6 / fan_in), He et al. 2015 */
    HEBB_INIT_HE_NORMAL,        /* deviation sqrt(2 / fan_in) */
    HEBB_INIT_TRUNCATED_NORMAL, /* mean a, deviation b, and nothing beyond 2 b from the mean */
    HEBB_INIT_LECUN_UNIFORM,    /* +-sqrt(3 / fan_in), LeCun et al. 1998 */
    HEBB_INIT_LECUN_NORMAL,     /* deviation sqrt(1 / fan_in) */
    HEBB_INIT_ORTHOGONAL, /* a times a random matrix [first size, all others] with orthonormal rows,
                             or columns if these are fewer (A. Saxe et al. 2014); rank 2 or more */
    HEBB_INIT_IDENTITY,   /* a where row and column are equal, else 0; rank 2 */
    HEBB_INIT_TENSOR,     /* the value of a tensor of the graph that depends on no input */
} hebb_initializer_kind;
typedef struct hebb_initializer {
    hebb_initializer_kind kind;
    double a, b;
    hebb_tensor *tensor;
} hebb_initializer;

HEBB_API hebb_initializer hebb_zeros(void);
HEBB_API hebb_initializer hebb_ones(void);
HEBB_API hebb_initializer hebb_constant_value(double value);
HEBB_API hebb_initializer hebb_uniform(double low, double high);
HEBB_API hebb_initializer hebb_normal(double mean, double deviation);
HEBB_API hebb_initializer hebb_glorot_uniform(void); /* also known as Xavier */
HEBB_API hebb_initializer hebb_glorot_normal(void);
HEBB_API hebb_initializer hebb_he_uniform(void);
HEBB_API hebb_initializer hebb_he_normal(void);
HEBB_API hebb_initializer hebb_truncated_normal(double mean, double deviation);
HEBB_API hebb_initializer hebb_lecun_uniform(void);
HEBB_API hebb_initializer hebb_lecun_normal(void);
HEBB_API hebb_initializer hebb_orthogonal(double gain); /* 0 counts as 1 */
HEBB_API hebb_initializer hebb_identity_matrix(double gain);
HEBB_API hebb_initializer hebb_initial_tensor(hebb_tensor *value);

/* State that lives in a session: a parameter, a moment, a counter. The name is as an input's. The
   shape is concrete. Random initializers want a floating dtype. HEBB_E_ARGUMENT for a name that is
   taken or an initial tensor that depends on an input or variable. `trainable` variables are what
   an optimizer trains by default. */
HEBB_API hebb_tensor *hebb_variable(hebb_graph *graph, const char *name, hebb_dtype dtype,
                                    hebb_shape shape, hebb_initializer initializer);
/* The same, but no optimizer touches it unless told to. */
HEBB_API hebb_tensor *hebb_state(hebb_graph *graph, const char *name, hebb_dtype dtype,
                                 hebb_shape shape, hebb_initializer initializer);

/* When the result is computed in a run, the variable is given `value` (of its dtype and shape) at
   the end of it. The result is the new value. At most one assignment to a variable a run. */
HEBB_API hebb_tensor *hebb_assign(hebb_tensor *variable, hebb_tensor *value);

/* A tensor without a value that stands for all of these: fetch it to compute each of them. */
HEBB_API hebb_tensor *hebb_group(hebb_graph *graph, hebb_tensor *const *tensors, size_t count);

/* ---- inspection ---- */

HEBB_API hebb_graph *hebb_tensor_graph(const hebb_tensor *tensor); /* NULL for NULL */
HEBB_API hebb_dtype hebb_tensor_dtype(const hebb_tensor *tensor);
/* With HEBB_ANY where a size is not known yet; rank -1 for NULL, an inert tensor, or a group. */
HEBB_API hebb_shape hebb_tensor_shape(const hebb_tensor *tensor);
/* The name it was given, or "op:id"; "" for NULL or inert. */
HEBB_API const char *hebb_tensor_name(const hebb_tensor *tensor);
/* Names a tensor for messages and listings; returns it. The name is copied. HEBB_E_ARGUMENT if it
   is empty, or the tensor an input or variable and another one has that name. */
HEBB_API hebb_tensor *hebb_named(hebb_tensor *tensor, const char *name);
/* The op that makes it, "matmul", "input", ...; "" for NULL or inert. */
HEBB_API const char *hebb_tensor_op(const hebb_tensor *tensor);
HEBB_API bool hebb_tensor_is_inert(const hebb_tensor *tensor); /* NULL is inert too */
/* Whether y is computed from x (a tensor depends on itself). */
HEBB_API bool hebb_depends_on(const hebb_tensor *y, const hebb_tensor *x);

/* Variables in order of creation; NULL past the end. */
HEBB_API size_t hebb_graph_variable_count(const hebb_graph *graph);
HEBB_API hebb_tensor *hebb_graph_variable(const hebb_graph *graph, size_t index);
HEBB_API bool hebb_variable_trainable(const hebb_tensor *variable);
/* The input or variable of that name; NULL if there is none. */
HEBB_API hebb_tensor *hebb_graph_find(const hebb_graph *graph, const char *name);

/* Number of tensors, and a listing: a line a tensor with id, op, inputs, dtype and shape. */
HEBB_API size_t hebb_graph_size(const hebb_graph *graph);
HEBB_API hebb_status hebb_graph_print(const hebb_graph *graph, FILE *out);
/* The same as a Graphviz digraph: dot -Tsvg. HEBB_E_FILE if writing failed. */
HEBB_API hebb_status hebb_graph_dot(const hebb_graph *graph, FILE *out);

#ifdef __cplusplus
}
#endif

#ifndef HEBB_NO_HERE
#define hebb_input(graph, ...)       (hebb_input)(HEBB_HERE_GRAPH(graph), __VA_ARGS__)
#define hebb_constant(graph, array)  (hebb_constant)(HEBB_HERE_GRAPH(graph), array)
#define hebb_full(graph, ...)        (hebb_full)(HEBB_HERE_GRAPH(graph), __VA_ARGS__)
#define hebb_variable(graph, ...)    (hebb_variable)(HEBB_HERE_GRAPH(graph), __VA_ARGS__)
#define hebb_state(graph, ...)       (hebb_state)(HEBB_HERE_GRAPH(graph), __VA_ARGS__)
#define hebb_assign(variable, value) (hebb_assign)(HEBB_HERE(variable), value)
#define hebb_group(graph, ...)       (hebb_group)(HEBB_HERE_GRAPH(graph), __VA_ARGS__)
#define hebb_scalar_like(x, value)   (hebb_scalar_like)(HEBB_HERE(x), value)
#endif
#endif
