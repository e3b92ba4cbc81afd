/* Simple recurrent layers, LSTM and GRU, composed from hebb_scan() (hebb/recurrent.h).

   All share the frame: inputs are turned to [time, batch, features] and projected in one product; a
   cell makes the next states from an element of that and the states before; masks choose between
   the two. A cell is the only thing that differs. */
#include <stdio.h>
#include <string.h>

#include <hebb/indexing.h>
#include <hebb/layer.h>
#include <hebb/layers.h>
#include <hebb/movement.h>
#include <hebb/recurrent.h>
#include <hebb/reductions.h>

#include "nn.h"

typedef struct recurrence recurrence;
/* z [batch, gates units] is the projected input, h [n_states] the states before; next[n_states]. */
typedef void cell(const recurrence *r, hebb_tensor *z, hebb_tensor *const *h, hebb_tensor **next);

struct recurrence {
    const char *kind;
    const hebb_recurrent_options *o;
    int64_t units;
    int gates, n_states;
    cell *cell;
    hebb_tensor *recurrent_kernel, *recurrent_bias;
    hebb_tensor *kept; /* what recurrent dropout multiplies the state by; NULL: nothing */
};

/* ---- pieces ---- */

hebb_tensor *hb_project(hebb_tensor *x, hebb_tensor *kernel) {
    hebb_shape shape = hebb_tensor_shape(x);
    hebb_tensor *y = hebb_matmul(x, kernel);
    if (shape.rank < 3) return y;
    /* Of y only the shape is used then: all rows are one product, and so is the kernel's gradient.
     */
    hebb_tensor *rows = hebb_reshape(x, HEBB_SHAPE(HEBB_ANY, shape.dim[shape.rank - 1]));
    return hebb_reshape_like(hebb_matmul(rows, kernel), y);
}

hebb_tensor *hb_sized(hebb_tensor *x, hebb_shape rest) {
    hebb_shape sizes = {.rank = rest.rank + 2, .dim = {1, 1}};
    for (int k = 0; k < rest.rank; k++) sizes.dim[k + 2] = rest.dim[k];
    while (hebb_tensor_shape(x).rank > 2) x = hebb_sum(x, HEBB_AXES(-1), false);
    for (int k = 0; k < rest.rank; k++) x = hebb_expand_dims(x, -1);
    return hebb_add(x, hebb_full(hebb_tensor_graph(x), hebb_tensor_dtype(x), sizes, 0));
}

/* Gate k of [batch, gates units]. */
static hebb_tensor *gate(const recurrence *r, hebb_tensor *z, int k) {
    return hebb_slice(z, HEBB_RANGES({-1, k * r->units, (k + 1) * r->units, 1}));
}

static hebb_tensor *activation(const recurrence *r, hebb_tensor *x) {
    return r->o->activation != NULL ? r->o->activation(x) : hebb_tanh(x);
}
static hebb_tensor *recurrent_activation(const recurrence *r, hebb_tensor *x) {
    return r->o->recurrent_activation != NULL ? r->o->recurrent_activation(x) : hebb_sigmoid(x);
}

/* The state's part in the gates. */
static hebb_tensor *from_state(const recurrence *r, hebb_tensor *h, hebb_tensor *kernel) {
    return hebb_matmul(r->kept != NULL ? hebb_mul(h, r->kept) : h, kernel);
}

/* ---- cells ---- */

static void simple_cell(const recurrence *r, hebb_tensor *z, hebb_tensor *const *h,
                        hebb_tensor **next) {
    next[0] = activation(r, hebb_add(z, from_state(r, h[0], r->recurrent_kernel)));
}

static void lstm_cell(const recurrence *r, hebb_tensor *z, hebb_tensor *const *h,
                      hebb_tensor **next) {
    z = hebb_add(z, from_state(r, h[0], r->recurrent_kernel));
    hebb_tensor *input = recurrent_activation(r, gate(r, z, 0));
    hebb_tensor *forget = recurrent_activation(r, gate(r, z, 1));
    hebb_tensor *candidate = activation(r, gate(r, z, 2));
    hebb_tensor *output = recurrent_activation(r, gate(r, z, 3));
    next[1] = hebb_add(hebb_mul(forget, h[1]), hebb_mul(input, candidate));
    next[0] = hebb_mul(output, activation(r, next[1]));
}

static void gru_cell(const recurrence *r, hebb_tensor *z, hebb_tensor *const *h,
                     hebb_tensor **next) {
    hebb_tensor *state = from_state(r, h[0], r->recurrent_kernel);
    if (r->recurrent_bias != NULL) state = hebb_add(state, r->recurrent_bias);
    hebb_tensor *update = recurrent_activation(r, hebb_add(gate(r, z, 0), gate(r, state, 0)));
    hebb_tensor *reset = recurrent_activation(r, hebb_add(gate(r, z, 1), gate(r, state, 1)));
    hebb_tensor *candidate =
        activation(r, hebb_add(gate(r, z, 2), hebb_mul(reset, gate(r, state, 2))));
    next[0] = hebb_add(candidate, hebb_mul(update, hebb_sub(h[0], candidate)));
}

static void gru_cell_reset_before(const recurrence *r, hebb_tensor *z, hebb_tensor *const *h,
                                  hebb_tensor **next) {
    const int64_t n = r->units;
    hebb_tensor *gates = hebb_slice(r->recurrent_kernel, HEBB_RANGES({1, 0, 2 * n, 1}));
    hebb_tensor *rest = hebb_slice(r->recurrent_kernel, HEBB_RANGES({1, 2 * n, 3 * n, 1}));
    hebb_tensor *state = from_state(r, h[0], gates);
    hebb_tensor *update = recurrent_activation(r, hebb_add(gate(r, z, 0), gate(r, state, 0)));
    hebb_tensor *reset = recurrent_activation(r, hebb_add(gate(r, z, 1), gate(r, state, 1)));
    hebb_tensor *before = from_state(r, hebb_mul(reset, h[0]), rest);
    hebb_tensor *candidate = activation(r, hebb_add(gate(r, z, 2), before));
    next[0] = hebb_add(candidate, hebb_mul(update, hebb_sub(h[0], candidate)));
}

/* ---- the frame ---- */

/* One iteration: in[0] is the projected input, in[1] the mask if there is one. */
static void body(hebb_scan_frame *f) {
    const recurrence *r = f->user;
    r->cell(r, f->in[0], f->state, f->next);
    for (int k = 0; k < r->n_states && r->o->mask != NULL; k++)
        f->next[k] = hebb_select(f->in[1], f->next[k], f->state[k]);
    f->out[0] = f->next[0];
}

/* NULL if the initial states fit x; else what the layer returns. */
static hebb_tensor *check_states(hebb_tensor *x, const recurrence *r) {
    hebb_graph *graph = hebb_tensor_graph(x);
    hebb_tensor_list given = r->o->initial_state;
    char message[240], text[160];
    snprintf(message, sizeof message, "%s: %d initial states; wanted are %d", r->kind, given.count,
             r->n_states);
    if (given.count != 0 && given.count != r->n_states)
        return hebb_graph_fail(graph, HEBB_E_ARGUMENT, message);
    for (int k = 0; k < given.count; k++) {
        hebb_tensor *state = given.at[k];
        hebb_shape shape = hebb_tensor_shape(state);
        hebb_dtype dtype = hebb_tensor_dtype(state);
        if (hebb_tensor_is_inert(state)) continue; /* the scan says so */
        snprintf(message, sizeof message,
                 "%s: initial state %d is %s %s; wanted is %s [batch, %lld]", r->kind, k,
                 hebb_dtype_name(dtype), hebb_shape_text(shape, text, sizeof text),
                 hebb_dtype_name(hebb_tensor_dtype(x)), (long long)r->units);
        if (dtype != hebb_tensor_dtype(x)) return hebb_graph_fail(graph, HEBB_E_DTYPE, message);
        if (shape.rank != 2 || (shape.dim[1] != HEBB_ANY && shape.dim[1] != r->units))
            return hebb_graph_fail(graph, HEBB_E_SHAPE, message);
    }
    return NULL;
}

/* NULL if the layer can be made of x; else what it returns. */
static hebb_tensor *check(hebb_tensor *x, const recurrence *r) {
    const hebb_recurrent_options *o = r->o;
    hebb_graph *graph = hebb_tensor_graph(x);
    hebb_shape shape = hebb_tensor_shape(x), mask = hebb_tensor_shape(o->mask);
    char message[400], text[160];
    snprintf(
        message, sizeof message,
        "%s: x is %s %s; wanted is a floating tensor [batch, time, features] with known features, "
        "and 1 to 2^31 - 1 units (here %lld)",
        r->kind, hebb_dtype_name(hebb_tensor_dtype(x)), hebb_shape_text(shape, text, sizeof text),
        (long long)r->units);
    if (!hebb_dtype_floating(hebb_tensor_dtype(x)))
        return hebb_graph_fail(graph, HEBB_E_DTYPE, message);
    if (shape.rank != 3 || shape.dim[2] == HEBB_ANY)
        return hebb_graph_fail(graph, HEBB_E_SHAPE, message);
    if (!hb_is_size(r->units)) return hebb_graph_fail(graph, HEBB_E_ARGUMENT, message);
    snprintf(message, sizeof message, "%s: the mask is %s %s, not bool [batch, time]", r->kind,
             hebb_dtype_name(hebb_tensor_dtype(o->mask)), hebb_shape_text(mask, text, sizeof text));
    if (o->mask != NULL && hebb_tensor_dtype(o->mask) != HEBB_BOOL)
        return hebb_graph_fail(graph, HEBB_E_DTYPE, message);
    if (o->mask != NULL && mask.rank != 2) return hebb_graph_fail(graph, HEBB_E_SHAPE, message);
    return check_states(x, r);
}

static hebb_initializer given_or(hebb_initializer own, hebb_initializer preset) {
    return own.kind == HEBB_INIT_DEFAULT ? preset : own;
}

/* 0 but for the forget gate, which starts open: 1 (R. Jozefowicz et al. 2015). */
static hebb_initializer lstm_bias(hebb_graph *graph, hebb_dtype dtype, int64_t units) {
    hebb_tensor *zeros = hebb_full(graph, dtype, HEBB_SHAPE(units), 0);
    hebb_tensor *ones = hebb_full(graph, dtype, HEBB_SHAPE(units), 1);
    return hebb_initial_tensor(hebb_concat((hebb_tensor *[]){zeros, ones, zeros, zeros}, 4, 0));
}

static hebb_tensor *bias_variable(hebb_tensor *x, const recurrence *r, const char *name,
                                  bool forget) {
    hebb_graph *graph = hebb_tensor_graph(x);
    hebb_dtype dtype = hebb_tensor_dtype(x);
    hebb_initializer initial = forget ? lstm_bias(graph, dtype, r->units) : hebb_zeros();
    return hebb_variable(graph, name, dtype, HEBB_SHAPE(r->gates * r->units), initial);
}

/* [time, batch, gates units]: what the inputs give to the gates of all steps. */
static hebb_tensor *projected(hebb_tensor *x, recurrence *r) {
    hebb_graph *graph = hebb_tensor_graph(x);
    hebb_dtype dtype = hebb_tensor_dtype(x);
    int64_t features = hebb_tensor_shape(x).dim[2], width = r->gates * r->units;
    hebb_tensor *kernel = hebb_variable(graph, "kernel", dtype, HEBB_SHAPE(features, width),
                                        given_or(r->o->kernel_initializer, hebb_glorot_uniform()));
    r->recurrent_kernel =
        hebb_variable(graph, "recurrent_kernel", dtype, HEBB_SHAPE(r->units, width),
                      given_or(r->o->recurrent_initializer, hebb_orthogonal(1)));
    if (r->o->dropout != 0) {
        hebb_tensor *ones = hebb_ones_like(hebb_sum(x, HEBB_AXES(1), true));
        x = hebb_mul(x, hebb_dropout(ones, r->o->dropout));
    }
    hebb_tensor *z = hb_project(hebb_transpose(x, HEBB_AXES(1, 0, 2)), kernel);
    if (r->o->no_bias) return z;
    bool forget = r->cell == lstm_cell && !r->o->no_unit_forget_bias;
    z = hebb_add(z, bias_variable(x, r, "bias", forget));
    if (r->cell == gru_cell) r->recurrent_bias = bias_variable(x, r, "recurrent_bias", false);
    return z;
}

/* The first states, [batch, units]: z's shape is theirs but for time and the gates. */
static void first_states(const recurrence *r, hebb_tensor *z, hebb_tensor **states) {
    hebb_tensor *one = hebb_sum(z, HEBB_AXES(0), false);
    for (int k = 0; k < r->n_states; k++)
        states[k] = r->o->initial_state.count > 0 ? r->o->initial_state.at[k]
                                                  : hebb_zeros_like(gate(r, one, 0));
}

static hebb_tensor *run(hebb_tensor *x, recurrence *r) {
    hebb_tensor *sequences[2] = {projected(x, r)}, *first[2] = {NULL}, *last[2] = {NULL}, *all;
    first_states(r, sequences[0], first);
    if (r->o->recurrent_dropout != 0)
        r->kept = hebb_dropout(hebb_ones_like(first[0]), r->o->recurrent_dropout);
    if (r->o->mask != NULL)
        sequences[1] = hebb_expand_dims(hebb_transpose(r->o->mask, HEBB_AXES(1, 0)), -1);
    hebb_scan(last, &all, .body = body, .user = r, .states = {first, r->n_states},
              .sequences = {sequences, r->o->mask != NULL ? 2 : 1}, .n_out = 1,
              .reverse = r->o->go_backwards);
    for (int k = 0; k < r->n_states && r->o->final_state != NULL; k++)
        r->o->final_state[k] = last[k];
    return r->o->sequences ? hebb_transpose(all, HEBB_AXES(1, 0, 2)) : last[0];
}

static hebb_tensor *make(hebb_tensor *x, recurrence *r) {
    static const hebb_recurrent_options defaults;
    if (r->o == NULL) r->o = &defaults;
    hebb_tensor *failed = hebb_tensor_is_inert(x) ? x : check(x, r);
    for (int k = 0; failed != NULL && r->o->final_state != NULL && k < r->n_states; k++)
        r->o->final_state[k] = failed;
    if (x == NULL || failed != NULL) return failed;
    hebb_layer_begin(hebb_tensor_graph(x), r->kind, r->o->name);
    return hebb_layer_end(hebb_tensor_graph(x), run(x, r));
}

hebb_tensor *hebb_simple_rnn_with(hebb_tensor *x, int64_t units,
                                  const hebb_recurrent_options *options) {
    recurrence r = {"simple_rnn", options, units, 1, 1, simple_cell, NULL, NULL, NULL};
    return make(x, &r);
}

hebb_tensor *hebb_lstm_with(hebb_tensor *x, int64_t units, const hebb_recurrent_options *options) {
    recurrence r = {"lstm", options, units, 4, 2, lstm_cell, NULL, NULL, NULL};
    return make(x, &r);
}

hebb_tensor *hebb_gru_with(hebb_tensor *x, int64_t units, const hebb_recurrent_options *options) {
    bool before = options != NULL && options->reset_before;
    recurrence r = {"gru", options, units, 3, 1, before ? gru_cell_reset_before : gru_cell,
                    NULL,  NULL,    NULL};
    return make(x, &r);
}

/* ---- around them ---- */

static hebb_tensor *merged(hebb_tensor *a, hebb_tensor *b, hebb_merge merge) {
    switch (merge) {
    case HEBB_MERGE_SUM: return hebb_add(a, b);
    case HEBB_MERGE_MUL: return hebb_mul(a, b);
    case HEBB_MERGE_AVERAGE: return hebb_average_of(HEBB_LIST(a, b));
    default: return hebb_concat((hebb_tensor *[]){a, b}, 2, -1);
    }
}

hebb_tensor *hebb_bidirectional(hebb_recurrent_layer *layer, hebb_tensor *x, int64_t units,
                                const hebb_recurrent_options *options, hebb_merge merge) {
    static const hebb_recurrent_options defaults;
    if (hebb_tensor_is_inert(x)) return x;
    hebb_graph *graph = hebb_tensor_graph(x);
    if (layer == NULL)
        return hebb_graph_fail(graph, HEBB_E_NULL, "bidirectional: the layer is NULL");
    hebb_recurrent_options there = options != NULL ? *options : defaults, back = there;
    if (there.initial_state.count > 0 || there.final_state != NULL || there.go_backwards)
        return hebb_graph_fail(
            graph, HEBB_E_ARGUMENT,
            "bidirectional: states and go_backwards are not for both directions");
    there.name = "forward";
    back.name = "backward";
    back.go_backwards = true;
    hebb_layer_begin(graph, "bidirectional", options != NULL ? options->name : NULL);
    hebb_tensor *a = layer(x, units, &there), *b = layer(x, units, &back);
    return hebb_layer_end(graph, merged(a, b, merge));
}

hebb_tensor *hebb_time_distributed(hebb_tensor *x,
                                   hebb_tensor *(*layer)(hebb_tensor *x, void *user), void *user) {
    if (hebb_tensor_is_inert(x)) return x;
    hebb_shape shape = hebb_tensor_shape(x);
    hebb_graph *graph = hebb_tensor_graph(x);
    if (layer == NULL)
        return hebb_graph_fail(graph, HEBB_E_NULL, "time_distributed: the layer is NULL");
    hebb_shape rows = {.rank = shape.rank - 1, .dim = {HEBB_ANY}};
    for (int k = 2; k < shape.rank; k++) rows.dim[k - 1] = shape.dim[k];
    bool known = shape.rank >= 2;
    for (int k = 2; k < shape.rank; k++) known = known && shape.dim[k] != HEBB_ANY;
    if (!known)
        return hebb_graph_fail(graph, HEBB_E_SHAPE,
                               "time_distributed: x is not [batch, time, ...] with known sizes");
    hebb_tensor *y = layer(hebb_reshape(x, rows), user);
    if (hebb_tensor_is_inert(y)) return y;
    hebb_shape result = hebb_tensor_shape(y);
    return hebb_reshape_like(y, hb_sized(x, hebb_shape_of(result.rank - 1, result.dim + 1)));
}

hebb_tensor *hebb_masking(hebb_tensor *x, double value) {
    if (hebb_tensor_is_inert(x)) return x;
    int axes[HEBB_MAX_RANK], rank = hebb_tensor_shape(x).rank;
    if (rank < 3)
        return hebb_graph_fail(hebb_tensor_graph(x), HEBB_E_SHAPE,
                               "masking: x is not [batch, time, ...]: its rank is less than 3");
    for (int k = 2; k < rank; k++) axes[k - 2] = k;
    return hebb_any(hebb_not_equal(x, hebb_scalar_like(x, value)), axes, rank - 2, false);
}

hebb_tensor *hebb_sequence_mask(hebb_tensor *lengths, hebb_tensor *like) {
    if (hebb_tensor_is_inert(lengths)) return lengths;
    if (hebb_tensor_is_inert(like)) return like;
    while (hebb_tensor_shape(like).rank > 2) like = hebb_sum(like, HEBB_AXES(-1), false);
    return hebb_less(hebb_iota_like(like, 1, HEBB_I32), hebb_expand_dims(lengths, -1));
}
