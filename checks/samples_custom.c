/* Descriptors of ops that a user defines: see samples.h. One of each kind and number of operands
   stands for all. */
#include <math.h>
#include <stdio.h>

#include "samples.h"

#include <hebb/elementwise.h>

/* ---- elementwise ---- */

HEBB_ELEMENTWISE(swish, (x), x / (1 + exp(-x)));
static void swish_gradient(hebb_grad *d) {
    hebb_tensor *s = hebb_sigmoid(d->x[0]), *one = hebb_scalar_like(s, 1);
    hebb_tensor *slope = hebb_add(s, hebb_mul(d->y, hebb_sub(one, s)));
    d->dx[0] = hebb_mul(d->dy, slope);
}

HEBB_ELEMENTWISE(bowl, (a, b), sqrt(a *a + b * b + (hebb_real)0.3));
static void bowl_gradient(hebb_grad *d) {
    hebb_tensor *scale = hebb_div(d->dy, d->y);
    for (int k = 0; k < 2; k++) d->dx[k] = hebb_mul(scale, d->x[k]);
}

HEBB_ELEMENTWISE(lerp, (a, b, t), a + t * (b - a));
static void lerp_gradient(hebb_grad *d) {
    hebb_tensor *a = d->x[0], *b = d->x[1], *t = d->x[2];
    d->dx[0] = hebb_mul(d->dy, hebb_sub(hebb_scalar_like(t, 1), t));
    d->dx[1] = hebb_mul(d->dy, t);
    if (d->want[2]) d->dx[2] = hebb_mul(d->dy, hebb_sub(b, a));
}

/* ---- squared distances between the rows of a and b, times a scale ---- */

typedef struct distances_options {
    double scale;
} distances_options;

static hebb_status distances_shape(const hebb_signature *x, const void *options, hebb_signature *y,
                                   char *message) {
    int64_t depth[2];
    for (int k = 0; k < 2; k++) {
        if (x[k].shape.rank != 2 || x[k].dtype != x[0].dtype || x[k].dtype > HEBB_F64) {
            snprintf(message, HEBB_OP_MESSAGE, "operand %d must be a floating matrix", k);
            return x[k].shape.rank != 2 ? HEBB_E_SHAPE : HEBB_E_DTYPE;
        }
        depth[k] = x[k].shape.dim[1];
    }
    if (depth[0] != depth[1] && depth[0] != HEBB_ANY && depth[1] != HEBB_ANY) {
        snprintf(message, HEBB_OP_MESSAGE, "rows of %d and of %d elements", (int)depth[0],
                 (int)depth[1]);
        return HEBB_E_SHAPE;
    }
    *y = (hebb_signature){x[0].dtype, HEBB_SHAPE(x[0].shape.dim[0], x[1].shape.dim[0])};
    return HEBB_OK;
}

static hebb_status distances_cpu(const hebb_array *x, const hebb_array *y, const void *options,
                                 char *message) {
    const distances_options *o = options;
    int64_t n = y->shape.dim[0], m = y->shape.dim[1], depth = x[0].shape.dim[1];
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < m; j++) {
            double sum = 0;
            for (int64_t k = 0; k < depth; k++) {
                double d =
                    hebb_array_at(&x[0], i * depth + k) - hebb_array_at(&x[1], j * depth + k);
                sum += d * d;
            }
            if (y->dtype == HEBB_F32) ((float *)y->data)[i * m + j] = (float)(o->scale * sum);
            else ((double *)y->data)[i * m + j] = o->scale * sum;
        }
    return HEBB_OK;
}

static const char distances_source[] =
    "void distances(global const hebb_real *a, global const hebb_real *b, global hebb_real *y,\n"
    "               long depth, hebb_real scale) {\n"
    "    size_t i = get_global_id(1), j = get_global_id(0), m = get_global_size(0);\n"
    "    hebb_real sum = 0;\n"
    "    for (long k = 0; k < depth; k++) {\n"
    "        hebb_real d = a[i * depth + k] - b[j * depth + k];\n"
    "        sum += d * d;\n"
    "    }\n"
    "    y[i * m + j] = scale * sum;\n"
    "}\n";

static hebb_status distances_launch(const hebb_signature *x, const hebb_signature *y,
                                    const void *options, hebb_launch *launch, char *message) {
    const distances_options *o = options;
    launch->rank = 2;
    launch->global[0] = (size_t)y->shape.dim[1];
    launch->global[1] = (size_t)y->shape.dim[0];
    launch->n_integers = launch->n_reals = 1;
    launch->integers[0] = x[0].shape.dim[1];
    launch->reals[0] = o->scale;
    return HEBB_OK;
}

/* Of a: 2 scale (the row's sum of dy times a, less dy b); of b likewise. */
static void distances_gradient(hebb_grad *d) {
    const distances_options *o = d->options;
    hebb_tensor *twice = hebb_mul(d->dy, hebb_scalar_like(d->dy, 2 * o->scale));
    hebb_tensor *across = hebb_transpose(twice, NULL, 0), *a = d->x[0], *b = d->x[1];
    d->dx[0] = hebb_sub(hebb_mul(hebb_sum(twice, HEBB_AXES(1), true), a), hebb_matmul(twice, b));
    d->dx[1] = hebb_sub(hebb_mul(hebb_sum(across, HEBB_AXES(1), true), b), hebb_matmul(across, a));
}

static const hebb_op distances_op = {
    .name = "distances",
    .n_inputs = 2,
    .shape = distances_shape,
    .gradient = distances_gradient,
    .cpu = distances_cpu,
    .source = distances_source,
    .function = "distances",
    .launch = distances_launch,
};

static hebb_tensor *distances(hebb_tensor *a, hebb_tensor *b) {
    return hebb_custom_with(&distances_op, HEBB_TENSORS(a, b), &(distances_options){0.75},
                            sizeof(distances_options));
}

/* The op knows no halves: they are computed with as f32, as the library does. */
static hebb_tensor *build_distances(hebb_graph *g, hebb_tensor *const *in, const params *p) {
    hebb_dtype dtype = hebb_tensor_dtype(in[0]);
    if (dtype != HEBB_F16 && dtype != HEBB_BF16) return distances(in[0], in[1]);
    hebb_tensor *y = distances(hebb_cast(in[0], HEBB_F32), hebb_cast(in[1], HEBB_F32));
    return hebb_cast(y, dtype);
}

static values reference_distances(const descriptor *d, const values *in, const params *p) {
    int64_t n = in[0].shape.dim[0], m = in[1].shape.dim[0], depth = in[0].shape.dim[1];
    values y = values_make(in[0].dtype, HEBB_SHAPE(n, m));
    for (int64_t e = 0; e < n * m; e++) {
        for (int64_t k = 0; k < depth; k++) {
            double difference = in[0].at[e / m * depth + k].f - in[1].at[e % m * depth + k].f;
            y.at[e].f += 0.75 * difference * difference;
        }
    }
    return y;
}

static const sample distances_samples[] = {
    {.n_in = 2, .in = {{.shape = DIMS(2, 3)}, {.shape = DIMS(4, 3)}}},
    {.n_in = 2, .in = {{.shape = DIMS(1, 1)}, {.shape = DIMS(1, 1)}}},
    {.n_in = 2, .in = {{.shape = DIMS(HEBB_ANY, 2)}, {.shape = DIMS(3, 2)}}},
    {.n_in = 2, .in = {{.shape = DIMS(2, 0)}, {.shape = DIMS(3, 0)}}},
    {.n_in = 2, .in = {{.shape = DIMS(0, 3)}, {.shape = DIMS(2, 3)}}},
    {.n_in = 2,
     .in = {{.shape = DIMS(4, 6), .view = TRANSPOSED}, {.shape = DIMS(5, 6), .view = FLIPPED}}},
    {.n_in = 2,
     .in = {{.shape = DIMS(3, 6), .view = SLICED}, {.shape = DIMS(4, 6), .view = STRETCHED}}},
    {.n_in = 2, .in = {{.shape = DIMS(67, 33)}, {.shape = DIMS(129, 33)}}},
};

/* ---- builders and references of the elementwise ones ---- */

#define BUILD(name, ...)                                                                           \
    static hebb_tensor *build_##name(hebb_graph *g, hebb_tensor *const *in, const params *p) {     \
        return hebb_apply(&name, __VA_ARGS__);                                                     \
    }
BUILD(swish, in[0])
BUILD(bowl, in[0], in[1])
BUILD(lerp, in[0], in[1], in[2])

static double real_swish(const double *x) { return x[0] / (1 + exp(-x[0])); }
static double real_bowl(const double *x) { return sqrt(x[0] * x[0] + x[1] * x[1] + 0.3); }
static double real_lerp(const double *x) { return x[0] + x[2] * (x[1] - x[0]); }

static const sample lerp_samples[] = {
    {.n_in = 3, .in = {{.shape = DIMS(2, 3)}, {.shape = DIMS(2, 3)}, {.shape = DIMS(2, 3)}}},
    {.n_in = 3, .in = {{.shape = DIMS0}, {.shape = DIMS(3)}, {.shape = DIMS(2, 1)}}},
    {.n_in = 3, .in = {{.shape = DIMS(4, 1, 1)}, {.shape = DIMS(3, 1)}, {.shape = DIMS(2)}}},
    {.n_in = 3, .in = {{.shape = DIMS(0)}, {.shape = DIMS0}, {.shape = DIMS(1)}}},
    {.n_in = 3, .in = {{.shape = DIMS(HEBB_ANY, 3)}, {.shape = DIMS(3)}, {.shape = DIMS0}}},
    {.n_in = 3,
     .in = {{.shape = DIMS(4, 6), .view = TRANSPOSED},
            {.shape = DIMS(4, 6), .view = FLIPPED},
            {.shape = DIMS(4, 6), .view = SLICED}}},
    {.n_in = 3, .in = {{.shape = DIMS(300)}, {.shape = DIMS(311, 300)}, {.shape = DIMS(311, 1)}}},
};

/* ---- errors ---- */

static const error_sample lerp_errors[] = {
    {.n_in = 3,
     .in = {{.shape = DIMS(2, 3)}, {.shape = DIMS(3)}, {.shape = DIMS(2)}},
     .status = HEBB_E_SHAPE,
     .message = "do not broadcast"},
    {.n_in = 3,
     .in = {{.shape = DIMS(2)}, {.shape = DIMS(2)}, {.shape = DIMS(2), .dtype = HEBB_I32}},
     .status = HEBB_E_DTYPE,
     .message = "dtypes f32 and i32 differ"},
};
static const error_sample distances_errors[] = {
    {.n_in = 2,
     .in = {{.shape = DIMS(2, 3)}, {.shape = DIMS(2, 4)}},
     .status = HEBB_E_SHAPE,
     .message = "rows of 3 and of 4 elements"},
    {.n_in = 2,
     .in = {{.shape = DIMS(3)}, {.shape = DIMS(2, 3)}},
     .status = HEBB_E_SHAPE,
     .message = "operand 0 must be a floating matrix"},
    {.n_in = 2,
     .in = {{.shape = DIMS(2, 3)}, {.shape = DIMS(2, 3), .dtype = HEBB_I32}},
     .status = HEBB_E_DTYPE,
     .message = "operand 1 must be a floating matrix"},
};

/* ---- the table ---- */

#define APPLY(NAME, ARITY)                                                                         \
    .name = #NAME, .op = "apply", .build = build_##NAME, .real = real_##NAME, .arity = ARITY,      \
    .result = SAME, .dtypes = TAKES_REAL, .differentiable = true

static const descriptor table[] = {
    {APPLY(swish, 1), .family = unary_family, .edges = {SPECIAL, TAILS}},
    {APPLY(bowl, 2), .family = binary_family, .edges = {SMALL}},
    {APPLY(lerp, 3), .extra = lerp_samples, .n_extra = COUNT(lerp_samples), .errors = lerp_errors,
     .n_errors = COUNT(lerp_errors), .f32 = {1e-6, 2e-6}, .f64 = {1e-14, 1e-14},
     .reason = "a difference of values up to 2 cancels"},
    {.name = "distances",
     .op = "custom",
     .build = build_distances,
     .reference = reference_distances,
     .arity = 2,
     .extra = distances_samples,
     .n_extra = COUNT(distances_samples),
     .errors = distances_errors,
     .n_errors = COUNT(distances_errors),
     .differentiable = true,
     .f32 = {4e-6, 1e-6},
     .reason = "sums of 33 squares, one after the other"},
};

const descriptor_table custom_table = {table, COUNT(table)};
