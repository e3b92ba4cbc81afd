/* First values of variables: the initializers, and the tensors that they make (hebb/graph.h).
   Called by build_sources.c. */
#include <math.h>

#include <hebb/control.h>
#include <hebb/indexing.h>
#include <hebb/random.h>

#include "build.h"

#define INITIALIZER(function, parameters, ...)                                                     \
    hebb_initializer function parameters { return (hebb_initializer){__VA_ARGS__}; }

INITIALIZER(hebb_zeros, (void), .kind = HEBB_INIT_CONSTANT)
INITIALIZER(hebb_ones, (void), .kind = HEBB_INIT_CONSTANT, .a = 1)
INITIALIZER(hebb_constant_value, (double value), .kind = HEBB_INIT_CONSTANT, .a = value)
INITIALIZER(hebb_uniform, (double low, double high), .kind = HEBB_INIT_UNIFORM, .a = low, .b = high)
INITIALIZER(hebb_normal, (double mean, double deviation), .kind = HEBB_INIT_NORMAL, .a = mean,
            .b = deviation)
INITIALIZER(hebb_truncated_normal, (double mean, double deviation),
            .kind = HEBB_INIT_TRUNCATED_NORMAL, .a = mean, .b = deviation)
INITIALIZER(hebb_glorot_uniform, (void), .kind = HEBB_INIT_GLOROT_UNIFORM)
INITIALIZER(hebb_glorot_normal, (void), .kind = HEBB_INIT_GLOROT_NORMAL)
INITIALIZER(hebb_he_uniform, (void), .kind = HEBB_INIT_HE_UNIFORM)
INITIALIZER(hebb_he_normal, (void), .kind = HEBB_INIT_HE_NORMAL)
INITIALIZER(hebb_lecun_uniform, (void), .kind = HEBB_INIT_LECUN_UNIFORM)
INITIALIZER(hebb_lecun_normal, (void), .kind = HEBB_INIT_LECUN_NORMAL)
INITIALIZER(hebb_orthogonal, (double gain), .kind = HEBB_INIT_ORTHOGONAL, .a = gain)
INITIALIZER(hebb_identity_matrix, (double gain), .kind = HEBB_INIT_IDENTITY, .a = gain)
INITIALIZER(hebb_initial_tensor, (hebb_tensor * value), .kind = HEBB_INIT_TENSOR, .tensor = value)

/* fan_in and fan_out as hebb/graph.h defines them. */
static void fans(hebb_shape shape, double *fan_in, double *fan_out) {
    double kernel = 1;
    for (int k = 2; k < shape.rank; k++) kernel *= (double)shape.dim[k];
    if (shape.rank < 2) *fan_in = *fan_out = shape.rank == 1 ? (double)shape.dim[0] : 1;
    else if (shape.rank == 2) *fan_in = (double)shape.dim[0], *fan_out = (double)shape.dim[1];
    else *fan_in = (double)shape.dim[1] * kernel, *fan_out = (double)shape.dim[0] * kernel;
}

/* Of f16 and bf16 only the result is rounded. */
static hebb_dtype wide(hebb_dtype dtype) { return hb_half(dtype) ? HEBB_F32 : dtype; }

static hebb_tensor *scaled(hebb_tensor *r, hebb_dtype dtype, double scale, double shift) {
    r = (hebb_mul)(r, (hebb_scalar_like)(r, scale));
    if (shift != 0) r = (hebb_add)(r, (hebb_scalar_like)(r, shift));
    return hb_half(dtype) ? (hebb_cast)(r, dtype) : r;
}

static hebb_tensor *uniform_between(hebb_graph *graph, hebb_dtype dtype, hebb_shape shape,
                                    double low, double high) {
    hebb_tensor *r = hb_random_node(graph, HB_OP_RANDOM_UNIFORM, wide(dtype), shape, NULL);
    return scaled(r, dtype, high - low, low);
}

static hebb_tensor *normal(hebb_graph *graph, hebb_dtype dtype, hebb_shape shape, double mean,
                           double deviation) {
    hebb_tensor *r = hb_random_node(graph, HB_OP_RANDOM_NORMAL, wide(dtype), shape, NULL);
    return scaled(r, dtype, deviation, mean);
}

/* ---- matrices ---- */

/* 1.5 X - 0.5 (X X') X: brings all singular values nearer to 1 (Newton and Schulz). */
static void orthogonal_step(hebb_scan_frame *f) {
    hebb_tensor *x = f->state[0];
    hebb_tensor *gram = (hebb_matmul)(x, (hebb_transpose)(x, HEBB_AXES(1, 0)));
    hebb_tensor *third = (hebb_matmul)(gram, x);
    f->next[0] = (hebb_sub)((hebb_mul)(x, (hebb_scalar_like)(x, 1.5)),
                            (hebb_mul)(third, (hebb_scalar_like)(third, 0.5)));
}

/* The orthogonal factor of a normal matrix's polar decomposition, uniformly distributed among all
   such matrices. Rows, or columns if there are fewer of them, are orthonormal. The largest singular
   value of a normal matrix [r, c] is about sqrt(r) + sqrt(c), so that scaled by this all are within
   (0, sqrt(3)), where the iteration converges; the smallest, some 1/n of it, grows by 1.5 each
   time. */
static hebb_tensor *orthogonal(hebb_graph *graph, hebb_dtype dtype, hebb_shape shape, double gain) {
    if (shape.rank < 2)
        return hb_graph_error(graph, HEBB_E_SHAPE,
                              "variable: orthogonal wants a rank of 2 or more");
    const int64_t count = hebb_shape_count(shape);
    if (count < 1) return normal(graph, dtype, shape, 0, 1);
    /* Kernels of convolutions are [out, all else]; matrices are taken as they are. */
    int64_t rows = shape.dim[0], columns = count / rows;
    bool tall = rows > columns;
    hebb_shape wide_shape = tall ? HEBB_SHAPE(columns, rows) : HEBB_SHAPE(rows, columns);
    double spread = sqrt((double)rows) + sqrt((double)columns);
    hebb_tensor *x = normal(graph, wide(dtype), wide_shape, 0, 1 / spread), *last;
    hebb_scan_with(&last, NULL,
                   &(const hebb_scan_options){.body = orthogonal_step,
                                              .states = {&x, 1},
                                              .length = 48,
                                              .file = graph->file,
                                              .line = graph->line});
    if (tall) last = (hebb_transpose)(last, HEBB_AXES(1, 0));
    return scaled((hebb_reshape)(last, shape), dtype, gain, 0);
}

static hebb_tensor *identity(hebb_graph *graph, hebb_dtype dtype, hebb_shape shape, double gain) {
    if (shape.rank != 2)
        return hb_graph_error(graph, HEBB_E_SHAPE, "variable: the identity is a matrix");
    hebb_tensor *like = (hebb_full)(graph, wide(dtype), shape, gain);
    hebb_tensor *row = (hebb_iota_like)(like, 0, HEBB_I32);
    hebb_tensor *column = (hebb_iota_like)(like, 1, HEBB_I32);
    hebb_tensor *zero = (hebb_scalar_like)(like, 0);
    return scaled((hebb_select)((hebb_equal)(row, column), like, zero), dtype, 1, 0);
}

/* ---- all of them ---- */

hebb_tensor *hb_initial_value(hebb_graph *graph, hebb_dtype dtype, hebb_shape shape,
                              hebb_initializer initializer) {
    double fan_in, fan_out, a = initializer.a, b = initializer.b;
    fans(shape, &fan_in, &fan_out);
    double glorot = fan_in + fan_out > 0 ? 2 / (fan_in + fan_out) : 0,
           he = fan_in > 0 ? 2 / fan_in : 0;
    switch (initializer.kind) {
    case HEBB_INIT_DEFAULT:
    case HEBB_INIT_CONSTANT: return (hebb_full)(graph, dtype, shape, a);
    case HEBB_INIT_UNIFORM: return uniform_between(graph, dtype, shape, a, b);
    case HEBB_INIT_NORMAL: return normal(graph, dtype, shape, a, b);
    case HEBB_INIT_TRUNCATED_NORMAL:
        return scaled((hebb_random_truncated_normal)(graph, wide(dtype), shape, -2, 2), dtype, b,
                      a);
    case HEBB_INIT_GLOROT_UNIFORM:
        return uniform_between(graph, dtype, shape, -sqrt(3 * glorot), sqrt(3 * glorot));
    case HEBB_INIT_GLOROT_NORMAL: return normal(graph, dtype, shape, 0, sqrt(glorot));
    case HEBB_INIT_HE_UNIFORM:
        return uniform_between(graph, dtype, shape, -sqrt(3 * he), sqrt(3 * he));
    case HEBB_INIT_HE_NORMAL: return normal(graph, dtype, shape, 0, sqrt(he));
    case HEBB_INIT_LECUN_UNIFORM:
        return uniform_between(graph, dtype, shape, -sqrt(1.5 * he), sqrt(1.5 * he));
    case HEBB_INIT_LECUN_NORMAL: return normal(graph, dtype, shape, 0, sqrt(he / 2));
    case HEBB_INIT_ORTHOGONAL: return orthogonal(graph, dtype, shape, a == 0 ? 1 : a);
    case HEBB_INIT_IDENTITY: return identity(graph, dtype, shape, a == 0 ? 1 : a);
    case HEBB_INIT_TENSOR: return initializer.tensor;
    }
    return hb_graph_error(graph, HEBB_E_ARGUMENT, "variable: %d is no kind of initializer",
                          (int)initializer.kind);
}
