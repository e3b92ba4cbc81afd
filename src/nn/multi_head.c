/* Attention by several heads, with keys and values kept from run to run (hebb/attention.h).

   Queries are [batch, queries, groups, heads of a group, dim], keys and values [batch, keys,
   groups, dim]; with as many groups as heads this is multi-head attention, with fewer grouped-query
   attention. */
#include <math.h>
#include <stdio.h>

#include <hebb/indexing.h>
#include <hebb/layers.h>
#include <hebb/movement.h>
#include <hebb/ops.h>

#include "attention.h"
#include "nn.h"

typedef struct multi_head {
    hb_asked asked;
    int64_t heads, groups, key_dim, value_dim, output_dim;
    const hebb_multi_head_options *o;
} multi_head;

/* ---- checking ---- */

static hebb_tensor *check_cache(const multi_head *m) {
    hebb_graph *graph = hebb_tensor_graph(m->asked.query);
    const hebb_multi_head_options *o = m->o;
    char message[320], text[160];
    snprintf(message, sizeof message,
             "%s: a cache of %lld places %s start; wanted are both, or none of them, and not less "
             "than 0 places",
             m->asked.kind, (long long)o->cache, o->start != NULL ? "with" : "without");
    if (o->cache < 0 || (o->cache > 0) != (o->start != NULL))
        return hebb_graph_fail(graph, HEBB_E_ARGUMENT, message);
    if (o->cache == 0) return NULL;
    if (hebb_tensor_is_inert(o->start)) return o->start;
    hebb_shape start = hebb_tensor_shape(o->start), shape = hebb_tensor_shape(m->asked.key);
    snprintf(message, sizeof message, "%s: start is %s %s, not i32 []", m->asked.kind,
             hebb_dtype_name(hebb_tensor_dtype(o->start)),
             hebb_shape_text(start, text, sizeof text));
    if (hebb_tensor_dtype(o->start) != HEBB_I32)
        return hebb_graph_fail(graph, HEBB_E_DTYPE, message);
    if (start.rank != 0) return hebb_graph_fail(graph, HEBB_E_SHAPE, message);
    snprintf(message, sizeof message, "%s: with a cache the batch of the key %s must be known",
             m->asked.kind, hebb_shape_text(shape, text, sizeof text));
    return shape.dim[0] == HEBB_ANY ? hebb_graph_fail(graph, HEBB_E_SHAPE, message) : NULL;
}

static hebb_tensor *check(const multi_head *m) {
    hebb_tensor *failed = hb_check_asked(&m->asked);
    if (failed != NULL) return failed;
    hebb_graph *graph = hebb_tensor_graph(m->asked.query);
    char message[320];
    snprintf(message, sizeof message,
             "%s: %lld heads of queries, %lld of keys and values, of size %lld and %lld, to %lld; "
             "wanted are 1 to 2^31 - 1, and heads that divide into groups",
             m->asked.kind, (long long)m->heads, (long long)m->groups, (long long)m->key_dim,
             (long long)m->value_dim, (long long)m->output_dim);
    if (!hb_is_size(m->heads) || !hb_is_size(m->groups) || !hb_is_size(m->key_dim) ||
        !hb_is_size(m->value_dim) || !hb_is_size(m->output_dim) || m->heads % m->groups != 0)
        return hebb_graph_fail(graph, HEBB_E_ARGUMENT, message);
    snprintf(message, sizeof message,
             "%s: a rotary wavelength of %g for heads of size %lld; wanted are 0 or more than 1, "
             "and an even size",
             m->asked.kind, m->o->rotary, (long long)m->key_dim);
    if (m->o->rotary != 0 && (!(m->o->rotary > 1) || isinf(m->o->rotary) || m->key_dim % 2 != 0))
        return hebb_graph_fail(graph, HEBB_E_ARGUMENT, message);
    return check_cache(m);
}

/* ---- projections ---- */

static hebb_tensor *projected(const multi_head *m, hebb_tensor *x, const char *name,
                              int64_t units) {
    return hebb_dense_with(x, units,
                           &(hebb_dense_options){.no_bias = m->o->no_bias,
                                                 .kernel_initializer = m->o->kernel_initializer,
                                                 .bias_initializer = m->o->bias_initializer,
                                                 .name = name});
}

static hebb_tensor *turned(const multi_head *m, hebb_tensor *x) {
    hebb_position_options places = {.max_wavelength = m->o->rotary, .start = m->o->start};
    return m->o->rotary == 0 ? x : hebb_rotary_embedding_with(x, &places);
}

/* What is kept with x [batch, time, groups, dim] written at its places: [batch, cache, groups,
   dim]. The state is [cache, batch, groups, dim], so that a place is a row. */
static hebb_tensor *kept(const multi_head *m, hebb_tensor *x, const char *name) {
    if (m->o->cache == 0) return x;
    hebb_shape shape = hebb_tensor_shape(x);
    hebb_tensor *state =
        hebb_state(hebb_tensor_graph(x), name, hebb_tensor_dtype(x),
                   HEBB_SHAPE(m->o->cache, shape.dim[0], shape.dim[2], shape.dim[3]), hebb_zeros());
    hebb_tensor *time = hebb_sum(x, HEBB_AXES(0, 2, 3), false);
    hebb_tensor *places = hebb_add(hebb_iota_like(time, 0, HEBB_I32), m->o->start);
    hebb_tensor *rows = hebb_scatter_set(state, places, hebb_transpose(x, HEBB_AXES(1, 0, 2, 3)));
    return hebb_transpose(hebb_assign(state, rows), HEBB_AXES(1, 0, 2, 3));
}

/* [batch, queries, features] -> [batch, groups, heads of a group, queries, key_dim] */
static hebb_tensor *queries(const multi_head *m) {
    hebb_tensor *q = projected(m, m->asked.query, "query", m->heads * m->key_dim);
    q = hebb_reshape_like(q, hb_sized(q, HEBB_SHAPE(m->groups, m->heads / m->groups, m->key_dim)));
    q = turned(m, q);
    q = hebb_mul(q, hebb_scalar_like(q, 1 / sqrt((double)m->key_dim)));
    return hebb_transpose(q, HEBB_AXES(0, 2, 3, 1, 4));
}

/* [batch, keys, features] -> [batch, groups, 1, key_dim, keys] */
static hebb_tensor *keys(const multi_head *m) {
    hebb_tensor *k = projected(m, m->asked.key, "key", m->groups * m->key_dim);
    k = turned(m, hebb_reshape_like(k, hb_sized(k, HEBB_SHAPE(m->groups, m->key_dim))));
    k = kept(m, k, "key_cache");
    return hebb_expand_dims(hebb_transpose(k, HEBB_AXES(0, 2, 3, 1)), 2);
}

/* [batch, keys, features] -> [batch, groups, 1, keys, value_dim] */
static hebb_tensor *values(const multi_head *m) {
    hebb_tensor *v = projected(m, m->asked.value, "value", m->groups * m->value_dim);
    v = kept(m, hebb_reshape_like(v, hb_sized(v, HEBB_SHAPE(m->groups, m->value_dim))),
             "value_cache");
    return hebb_expand_dims(hebb_transpose(v, HEBB_AXES(0, 2, 1, 3)), 2);
}

/* [batch, groups, heads of a group, queries, keys] -> [batch, heads, queries, keys] */
static hebb_tensor *by_heads(const multi_head *m, hebb_tensor *weights) {
    hebb_tensor *one = hebb_expand_dims(hebb_sum(weights, HEBB_AXES(1, 2), false), 1);
    hebb_tensor *heads =
        hebb_full(hebb_tensor_graph(one), hebb_tensor_dtype(one), HEBB_SHAPE(1, m->heads, 1, 1), 0);
    return hebb_reshape_like(weights, hebb_add(one, heads));
}

/* ---- the layer ---- */

static hebb_tensor *attend(const multi_head *m) {
    hebb_tensor *q = queries(m), *k = keys(m), *v = values(m);
    hebb_tensor *weights = hb_weights(&m->asked, hebb_matmul(q, k));
    if (m->o->scores != NULL) *m->o->scores = by_heads(m, weights);
    hebb_tensor *y = hebb_matmul(hebb_dropout(weights, m->o->dropout), v);
    y = hebb_transpose(y, HEBB_AXES(0, 3, 1, 2, 4));
    y = hebb_reshape_like(y, hb_sized(m->asked.query, HEBB_SHAPE(m->heads * m->value_dim)));
    return projected(m, y, "attention_output", m->output_dim);
}

static hebb_tensor *make(const char *kind, hebb_tensor *query, hebb_tensor *value, int64_t heads,
                         int64_t groups, int64_t dim, const hebb_multi_head_options *options) {
    static const hebb_multi_head_options defaults;
    const hebb_multi_head_options *o = options != NULL ? options : &defaults;
    hebb_shape shape = hebb_tensor_shape(query);
    multi_head m = {.asked = {.kind = kind,
                              .query = query,
                              .value = value,
                              .key = o->key != NULL ? o->key : value,
                              .query_mask = o->query_mask,
                              .value_mask = o->value_mask,
                              .attention_mask = o->attention_mask,
                              .causal = o->causal_mask || o->cache > 0,
                              .window = o->sliding_window,
                              .keys = o->cache > 0 ? o->cache : HEBB_ANY,
                              .start = o->start,
                              .dropout = o->dropout},
                    .heads = heads,
                    .groups = groups,
                    .key_dim = dim,
                    .value_dim = o->value_dim != 0 ? o->value_dim : dim,
                    .output_dim = o->output_dim != 0 ? o->output_dim
                                  : shape.rank == 3  ? shape.dim[2]
                                                     : 1,
                    .o = o};
    hebb_tensor *failed = check(&m);
    if (o->scores != NULL) *o->scores = failed;
    if (query == NULL || failed != NULL) return failed;
    hebb_layer_begin(hebb_tensor_graph(query), kind, o->name);
    return hebb_layer_end(hebb_tensor_graph(query), attend(&m));
}

hebb_tensor *hebb_multi_head_attention_with(hebb_tensor *query, hebb_tensor *value, int64_t heads,
                                            int64_t key_dim,
                                            const hebb_multi_head_options *options) {
    return make("multi_head_attention", query, value, heads, heads, key_dim, options);
}

hebb_tensor *hebb_group_query_attention_with(hebb_tensor *query, hebb_tensor *value,
                                             int64_t head_dim, int64_t query_heads,
                                             int64_t key_value_heads,
                                             const hebb_multi_head_options *options) {
    return make("group_query_attention", query, value, query_heads, key_value_heads, head_dim,
                options);
}
