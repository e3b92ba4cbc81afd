/* Builders of random values that are composed of random bits and uniform numbers (hebb/random.h).
 */
#include <math.h>

#include "build.h"

/* What all of them are made of: a random op of a shape, or of another tensor's. */
static hebb_tensor *random(hebb_graph *graph, hb_op op, hebb_dtype dtype, hebb_shape shape,
                           hebb_tensor *like) {
    return hb_random_node(graph, op, dtype, like != NULL ? like->shape : shape, like);
}

static hebb_tensor *bits(hebb_graph *graph, hebb_shape shape, hebb_tensor *like) {
    return random(graph, HB_OP_RANDOM_BITS, HEBB_I64, shape, like);
}

hebb_tensor *hebb_random_bits(hebb_graph *graph, hebb_shape shape) {
    return bits(graph, shape, NULL);
}

hebb_tensor *hebb_random_bits_like(hebb_tensor *like) {
    return hebb_tensor_is_inert(like) ? like : bits(like->graph, HEBB_SCALAR, like);
}

/* ---- integers ---- */

static bool check_integers(hebb_graph *graph, hebb_dtype dtype, int64_t low, int64_t high) {
    const int64_t limit = (int64_t)1 << 53, most = (int64_t)1 << 31;
    if (dtype != HEBB_I32 && dtype != HEBB_I64 && dtype != HEBB_U8 && dtype != HEBB_I8)
        hb_graph_error(graph, HEBB_E_DTYPE, "random_integers: %s is no integer dtype",
                       hebb_dtype_name(dtype));
    else if (low < -limit || high > limit || low >= high || high - low > most)
        hb_graph_error(
            graph, HEBB_E_ARGUMENT,
            "random_integers: [%lld, %lld) does not have 1 to 2^31 numbers within +-2^53",
            (long long)low, (long long)high);
    else if (!hb_representable(dtype, (double)low) || !hb_representable(dtype, (double)(high - 1)))
        hb_graph_error(graph, HEBB_E_ARGUMENT, "random_integers: %s does not hold [%lld, %lld)",
                       hebb_dtype_name(dtype), (long long)low, (long long)high);
    return graph->error.status == HEBB_OK;
}

/* low + floor(bits (high - low) / 2^32). */
static hebb_tensor *integers(hebb_tensor *bits, hebb_dtype dtype, int64_t low, int64_t high) {
    hebb_tensor *product = hebb_mul(bits, hebb_scalar_like(bits, (double)(high - low)));
    hebb_tensor *place = hebb_div(product, hebb_scalar_like(bits, 0x1p32));
    return hebb_cast(hebb_add(place, hebb_scalar_like(bits, (double)low)), dtype);
}

hebb_tensor *hebb_random_integers(hebb_graph *graph, hebb_dtype dtype, hebb_shape shape,
                                  int64_t low, int64_t high) {
    if (graph == NULL) return NULL;
    if (!check_integers(graph, dtype, low, high)) return &graph->inert;
    return integers(bits(graph, shape, NULL), dtype, low, high);
}

hebb_tensor *hebb_random_integers_like(hebb_tensor *like, hebb_dtype dtype, int64_t low,
                                       int64_t high) {
    if (hebb_tensor_is_inert(like)) return like;
    if (!check_integers(like->graph, dtype, low, high)) return &like->graph->inert;
    return integers(bits(like->graph, HEBB_SCALAR, like), dtype, low, high);
}

/* ---- Bernoulli ---- */

static hebb_tensor *bernoulli(hebb_graph *graph, hebb_shape shape, hebb_tensor *like, double p) {
    if (!(p >= 0 && p <= 1))
        return hb_graph_error(graph, HEBB_E_ARGUMENT, "random_bernoulli: %g is no probability", p);
    hebb_tensor *drawn = bits(graph, shape, like);
    return hebb_less(drawn, hebb_scalar_like(drawn, nearbyint(p * 0x1p32)));
}

hebb_tensor *hebb_random_bernoulli(hebb_graph *graph, hebb_shape shape, double p) {
    return graph == NULL ? NULL : bernoulli(graph, shape, NULL, p);
}

hebb_tensor *hebb_random_bernoulli_like(hebb_tensor *like, double p) {
    return hebb_tensor_is_inert(like) ? like : bernoulli(like->graph, HEBB_SCALAR, like, p);
}

/* ---- permutations ---- */

/* The order of random numbers of 62 bits, among which equal ones do not happen. */
static hebb_tensor *permutation(hebb_graph *graph, hebb_shape shape, hebb_tensor *like, int axis) {
    hebb_tensor *high = bits(graph, shape, like), *low = bits(graph, shape, like);
    high = hebb_mul(high, hebb_scalar_like(high, 0x1p30));
    hebb_tensor *key = hebb_add(high, hebb_div(low, hebb_scalar_like(low, 4)));
    return hebb_argsort(key, axis, false);
}

hebb_tensor *hebb_random_permutation(hebb_graph *graph, int64_t n) {
    return graph == NULL ? NULL : permutation(graph, HEBB_SHAPE(n), NULL, 0);
}

hebb_tensor *hebb_random_permutation_like(hebb_tensor *like, int axis) {
    if (hebb_tensor_is_inert(like)) return like;
    return permutation(like->graph, HEBB_SCALAR, like, axis);
}

/* ---- categorical ---- */

hebb_tensor *hebb_random_categorical(hebb_tensor *logits) {
    if (hebb_tensor_is_inert(logits)) return logits;
    hebb_tensor *u = hebb_random_uniform_like(logits);
    hebb_tensor *noise = hebb_neg(hebb_log(hebb_neg(hebb_log(u))));
    return hebb_argmax(hebb_add(logits, noise), -1, false);
}

/* ---- truncated normal ---- */

static bool check_bounds(hebb_graph *graph, hebb_dtype dtype, double low, double high) {
    if (!hb_floating(dtype))
        hb_graph_error(graph, HEBB_E_DTYPE, "random_truncated_normal: %s is not floating",
                       hebb_dtype_name(dtype));
    else if (!(low < high))
        hb_graph_error(graph, HEBB_E_ARGUMENT, "random_truncated_normal: %g is not below %g", low,
                       high);
    return graph->error.status == HEBB_OK;
}

/* The distribution function is (1 + erf(x / sqrt 2)) / 2, so erf of the result is even between
   those of the bounds. It stays off -1 and 1, where the result would be infinite. */
static hebb_tensor *between(hebb_tensor *u, double low, double high) {
    const double from = erf(low * M_SQRT1_2), to = erf(high * M_SQRT1_2);
    u = hebb_mul(u, hebb_scalar_like(u, to - from));
    u = hebb_add(u, hebb_scalar_like(u, from));
    u = hebb_maximum(u, hebb_scalar_like(u, -1 + 0x1p-24));
    u = hebb_minimum(u, hebb_scalar_like(u, 1 - 0x1p-24));
    hebb_tensor *x = hebb_mul(hebb_erfinv(u), hebb_scalar_like(u, M_SQRT2));
    x = hebb_maximum(x, hebb_scalar_like(x, low));
    return hebb_minimum(x, hebb_scalar_like(x, high));
}

/* In halves the numbers next to -1 and 1 would be too far off them. */
static hebb_tensor *truncated(hebb_graph *graph, hebb_dtype dtype, hebb_shape shape,
                              hebb_tensor *like, double low, double high) {
    if (!check_bounds(graph, dtype, low, high)) return &graph->inert;
    hebb_dtype drawn = hb_half(dtype) ? HEBB_F32 : dtype;
    hebb_tensor *u = random(graph, HB_OP_RANDOM_UNIFORM, drawn, shape, like);
    hebb_tensor *x = between(u, low, high);
    return drawn == dtype ? x : hebb_cast(x, dtype);
}

hebb_tensor *hebb_random_truncated_normal(hebb_graph *graph, hebb_dtype dtype, hebb_shape shape,
                                          double low, double high) {
    return graph == NULL ? NULL : truncated(graph, dtype, shape, NULL, low, high);
}

hebb_tensor *hebb_random_truncated_normal_like(hebb_tensor *like, double low, double high) {
    if (hebb_tensor_is_inert(like)) return like;
    return truncated(like->graph, like->dtype, HEBB_SCALAR, like, low, high);
}
