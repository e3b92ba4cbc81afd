/* The places of things in sequences: sines, embeddings, rotations (hebb/attention.h). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <hebb/attention.h>
#include <hebb/movement.h>
#include <hebb/ops.h>

#include "nn.h"

/* ---- pieces ---- */

/* NULL if x and the options are what they must be; else what the layer returns. */
static hebb_tensor *check(const char *what, hebb_tensor *x, int least, int most,
                          const hebb_position_options *o) {
    hebb_graph *graph = hebb_tensor_graph(x);
    hebb_shape shape = hebb_tensor_shape(x), start = hebb_tensor_shape(o->start);
    char message[320], text[160];
    snprintf(message, sizeof message,
             "%s: x is %s %s; wanted is a floating tensor [batch, time, %sfeatures] with known "
             "features",
             what, hebb_dtype_name(hebb_tensor_dtype(x)), hebb_shape_text(shape, text, sizeof text),
             most > 3 ? "..., " : "");
    if (!hebb_dtype_floating(hebb_tensor_dtype(x)))
        return hebb_graph_fail(graph, HEBB_E_DTYPE, message);
    if (shape.rank < least || shape.rank > most || shape.dim[shape.rank - 1] == HEBB_ANY)
        return hebb_graph_fail(graph, HEBB_E_SHAPE, message);
    snprintf(message, sizeof message, "%s: the wavelength %g is not more than 1", what,
             o->max_wavelength);
    if (o->max_wavelength != 0 && (!(o->max_wavelength > 1) || isinf(o->max_wavelength)))
        return hebb_graph_fail(graph, HEBB_E_ARGUMENT, message);
    if (o->start == NULL) return NULL;
    if (hebb_tensor_is_inert(o->start)) return o->start;
    snprintf(message, sizeof message, "%s: start is %s %s, not i32 []", what,
             hebb_dtype_name(hebb_tensor_dtype(o->start)),
             hebb_shape_text(start, text, sizeof text));
    if (hebb_tensor_dtype(o->start) != HEBB_I32)
        return hebb_graph_fail(graph, HEBB_E_DTYPE, message);
    return start.rank == 0 ? NULL : hebb_graph_fail(graph, HEBB_E_SHAPE, message);
}

/* i32 [time]: the places of x's elements. */
static hebb_tensor *places_of(hebb_tensor *x, const hebb_position_options *o) {
    int axes[HEBB_MAX_RANK], n = 0, rank = hebb_tensor_shape(x).rank;
    for (int k = 0; k < rank; k++)
        if (k != 1) axes[n++] = k;
    hebb_tensor *time = hebb_sum(x, axes, n, false); /* of which only the shape is used */
    hebb_tensor *places = hebb_iota_like(time, 0, HEBB_I32);
    return o->start != NULL ? hebb_add(places, o->start) : places;
}

/* place / wavelength^(2 i / features) for feature pairs i < n, [time, n], in f32 or f64. With
   `repeated` there are two neighbors for each i. */
static hebb_tensor *angles(hebb_tensor *x, const hebb_position_options *o, int64_t n,
                           bool repeated) {
    hebb_graph *graph = hebb_tensor_graph(x);
    hebb_shape shape = hebb_tensor_shape(x);
    hebb_dtype dtype = hebb_tensor_dtype(x) == HEBB_F64 ? HEBB_F64 : HEBB_F32;
    double longest = o->max_wavelength != 0 ? o->max_wavelength : 1e4;
    double features = (double)shape.dim[shape.rank - 1];
    hebb_array rates = hebb_array_zeros(dtype, HEBB_SHAPE(n));
    if (rates.data == NULL)
        return hebb_graph_fail(graph, HEBB_E_MEMORY, "positions: out of memory");
    for (int64_t k = 0; k < n; k++) {
        double pair = (double)(repeated ? k / 2 : k);
        hebb_array_set(&rates, k, pow(longest, -2 * pair / features));
    }
    hebb_tensor *rate = hebb_constant(graph, &rates);
    hebb_array_free(&rates);
    return hebb_mul(hebb_expand_dims(hebb_cast(places_of(x, o), dtype), -1), rate);
}

/* ---- sines ---- */

hebb_tensor *hebb_sine_position_encoding_with(hebb_tensor *x,
                                              const hebb_position_options *options) {
    static const hebb_position_options defaults;
    const hebb_position_options *o = options != NULL ? options : &defaults;
    if (hebb_tensor_is_inert(x)) return x;
    hebb_tensor *failed = check("sine_position_encoding", x, 3, 3, o);
    if (failed != NULL) return failed;
    hebb_graph *graph = hebb_tensor_graph(x);
    hebb_layer_begin(graph, "sine_position_encoding", o->name);
    hebb_tensor *angle = angles(x, o, hebb_tensor_shape(x).dim[2], true);
    hebb_tensor *feature = hebb_iota_like(angle, 1, HEBB_I32), *one = hebb_scalar_like(feature, 1);
    hebb_tensor *odd = hebb_equal(hebb_and(feature, one), one);
    hebb_tensor *wave = hebb_select(odd, hebb_cos(angle), hebb_sin(angle));
    return hebb_layer_end(graph, hebb_add(x, hebb_cast(wave, hebb_tensor_dtype(x))));
}

/* ---- embeddings ---- */

hebb_tensor *hebb_position_embedding_with(hebb_tensor *x, int64_t length,
                                          const hebb_position_options *options) {
    static const hebb_position_options defaults;
    const hebb_position_options *o = options != NULL ? options : &defaults;
    if (hebb_tensor_is_inert(x)) return x;
    hebb_tensor *failed = check("position_embedding", x, 3, 3, o);
    if (failed != NULL) return failed;
    hebb_graph *graph = hebb_tensor_graph(x);
    hebb_shape shape = hebb_tensor_shape(x);
    char message[160];
    snprintf(message, sizeof message, "position_embedding: %lld places for a time of %lld",
             (long long)length, (long long)shape.dim[1]);
    if (length < 1) return hebb_graph_fail(graph, HEBB_E_ARGUMENT, message);
    if (shape.dim[1] > length) return hebb_graph_fail(graph, HEBB_E_SHAPE, message);
    hebb_layer_begin(graph, "position_embedding", o->name);
    bool own = o->initializer.kind != HEBB_INIT_DEFAULT;
    hebb_tensor *table =
        hebb_variable(graph, "embeddings", hebb_tensor_dtype(x), HEBB_SHAPE(length, shape.dim[2]),
                      own ? o->initializer : hebb_glorot_uniform());
    return hebb_layer_end(graph, hebb_add(x, hebb_gather(table, places_of(x, o))));
}

/* ---- rotations ---- */

/* x as [batch, time, ..., 2, half]: the first and second halves of its features. */
static hebb_tensor *halves(hebb_tensor *x) {
    hebb_shape shape = hebb_tensor_shape(x), rest = hebb_shape_of(shape.rank - 1, shape.dim + 2);
    rest.dim[rest.rank - 2] = 2;
    rest.dim[rest.rank - 1] = shape.dim[shape.rank - 1] / 2;
    return hebb_reshape_like(x, hb_sized(x, rest));
}

/* (a, b) -> (a cosine - b sine, b cosine + a sine): beside itself each half needs the other one,
   which is the same tensor seen backward. */
static hebb_tensor *rotated(hebb_tensor *x, const hebb_position_options *o) {
    static float signs[] = {-1, 1};
    hebb_array array = hebb_array_view(signs, HEBB_F32, HEBB_SHAPE(2, 1));
    hebb_shape shape = hebb_tensor_shape(x);
    hebb_tensor *angle = angles(x, o, shape.dim[shape.rank - 1] / 2, false); /* [time, half] */
    for (int k = 2; k < shape.rank; k++) angle = hebb_expand_dims(angle, 1);
    hebb_dtype wide = hebb_tensor_dtype(angle);
    hebb_tensor *sign = hebb_cast(hebb_constant(hebb_tensor_graph(x), &array), wide);
    hebb_tensor *sine = hebb_mul(hebb_sin(angle), sign); /* [time, 1, ..., 2, half] */
    hebb_tensor *pair = halves(hebb_cast(x, wide));
    hebb_tensor *y =
        hebb_add(hebb_mul(pair, hebb_cos(angle)), hebb_mul(hebb_flip(pair, HEBB_AXES(-2)), sine));
    return hebb_cast(hebb_reshape_like(y, x), hebb_tensor_dtype(x));
}

hebb_tensor *hebb_rotary_embedding_with(hebb_tensor *x, const hebb_position_options *options) {
    static const hebb_position_options defaults;
    const hebb_position_options *o = options != NULL ? options : &defaults;
    if (hebb_tensor_is_inert(x)) return x;
    hebb_tensor *failed = check("rotary_embedding", x, 3, HEBB_MAX_RANK - 1, o);
    if (failed != NULL) return failed;
    hebb_graph *graph = hebb_tensor_graph(x);
    hebb_shape shape = hebb_tensor_shape(x);
    char message[320], text[160];
    snprintf(message, sizeof message,
             "rotary_embedding: x is %s; wanted are an even number of features, and sizes after "
             "batch and time that are known",
             hebb_shape_text(shape, text, sizeof text));
    bool fits = shape.dim[shape.rank - 1] % 2 == 0;
    for (int k = 2; k < shape.rank; k++) fits = fits && shape.dim[k] != HEBB_ANY;
    if (!fits) return hebb_graph_fail(graph, HEBB_E_SHAPE, message);
    hebb_layer_begin(graph, "rotary_embedding", o->name);
    return hebb_layer_end(graph, rotated(x, o));
}
