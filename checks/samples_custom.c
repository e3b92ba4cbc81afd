/* Descriptors of ops that a user defines: see samples.h. One of each kind and number of operands
   stands for all. */
#include <math.h>

#include "samples.h"

#include <hebb/elementwise.h>

/* ---- elementwise ---- */

HEBB_ELEMENTWISE(swish, (x), x / (1 + exp(-x)));
static void swish_gradient(hebb_grad *d) {
    hebb_tensor *s = hebb_sigmoid(d->x[0]), *one = hebb_scalar_like(s, 1);
    hebb_tensor *slope = hebb_add(s, hebb_mul(d->y, hebb_sub(one, s)));
    d->dx[0] = hebb_mul(d->dy, slope);
}

HEBB_ELEMENTWISE(bowl, (a, b), sqrt(a * a + b * b + (hebb_real)0.3));
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

/* ---- the table ---- */

#define APPLY(NAME, ARITY)                                                                         \
    .name = #NAME, .op = "apply", .build = build_##NAME, .real = real_##NAME, .arity = ARITY,      \
    .result = SAME, .dtypes = TAKES_REAL, .differentiable = true

static const descriptor table[] = {
    {APPLY(swish, 1), .family = unary_family, .edges = {SPECIAL, TAILS}},
    {APPLY(bowl, 2), .family = binary_family, .edges = {SPECIAL}},
    {APPLY(lerp, 3), .extra = lerp_samples, .n_extra = COUNT(lerp_samples),
     .f32 = {1e-6, 2e-6}, .f64 = {1e-14, 1e-14},
     .reason = "a difference of values up to 2 cancels"},
};

const descriptor_table custom_table = {table, COUNT(table)};
