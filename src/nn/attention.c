/* Dot-product and additive attention, and the masks of all attention (hebb/attention.h). */
#include <stdio.h>

#include <hebb/activations.h>
#include <hebb/layers.h>
#include <hebb/movement.h>
#include <hebb/ops.h>

#include "attention.h"
#include "nn.h"

/* ---- checking ---- */

static bool agree(int64_t a, int64_t b) { return a == b || a == HEBB_ANY || b == HEBB_ANY; }

static hebb_tensor *check_sequence(const hb_asked *a, const char *what, hebb_tensor *x) {
    hebb_graph *graph = hebb_tensor_graph(a->query);
    hebb_shape shape = hebb_tensor_shape(x);
    hebb_dtype dtype = hebb_tensor_dtype(x);
    char message[320], text[160];
    snprintf(message, sizeof message,
             "%s: the %s is %s %s; wanted is a floating tensor [batch, time, features] of the "
             "query's dtype with known features",
             a->kind, what, hebb_dtype_name(dtype), hebb_shape_text(shape, text, sizeof text));
    if (!hebb_dtype_floating(dtype) || dtype != hebb_tensor_dtype(a->query))
        return hebb_graph_fail(graph, HEBB_E_DTYPE, message);
    if (shape.rank != 3 || shape.dim[2] == HEBB_ANY)
        return hebb_graph_fail(graph, HEBB_E_SHAPE, message);
    return NULL;
}

/* A mask's last sizes must be those of `wanted`; it may lack the first of them if `shared`. */
static hebb_tensor *check_mask(const hb_asked *a, const char *what, hebb_tensor *mask,
                               hebb_shape wanted, bool shared) {
    if (mask == NULL) return NULL;
    if (hebb_tensor_is_inert(mask)) return mask;
    hebb_graph *graph = hebb_tensor_graph(a->query);
    hebb_shape shape = hebb_tensor_shape(mask);
    char message[400], got[160], want[160];
    snprintf(message, sizeof message, "%s: the %s is %s %s; wanted is bool %s%s", a->kind, what,
             hebb_dtype_name(hebb_tensor_dtype(mask)), hebb_shape_text(shape, got, sizeof got),
             hebb_shape_text(wanted, want, sizeof want),
             shared ? ", or that without the first" : "");
    if (hebb_tensor_dtype(mask) != HEBB_BOOL) return hebb_graph_fail(graph, HEBB_E_DTYPE, message);
    int missing = wanted.rank - shape.rank;
    bool fits = missing == 0 || (shared && missing == 1);
    for (int k = 0; fits && k < shape.rank; k++)
        fits = agree(shape.dim[k], wanted.dim[k + missing]);
    return fits ? NULL : hebb_graph_fail(graph, HEBB_E_SHAPE, message);
}

static hebb_tensor *check_sizes(const hb_asked *a) {
    hebb_shape q = hebb_tensor_shape(a->query), v = hebb_tensor_shape(a->value),
               k = hebb_tensor_shape(a->key);
    char message[640], query[160], key[160], value[160];
    snprintf(message, sizeof message,
             "%s: query %s, key %s and value %s must have one batch, and key and value one time",
             a->kind, hebb_shape_text(q, query, sizeof query), hebb_shape_text(k, key, sizeof key),
             hebb_shape_text(v, value, sizeof value));
    bool fits = agree(q.dim[0], k.dim[0]) && agree(q.dim[0], v.dim[0]) &&
                agree(k.dim[0], v.dim[0]) && agree(k.dim[1], v.dim[1]);
    return fits ? NULL : hebb_graph_fail(hebb_tensor_graph(a->query), HEBB_E_SHAPE, message);
}

hebb_tensor *hb_check_asked(const hb_asked *a) {
    hebb_tensor *tensors[] = {a->query, a->key, a->value}, *failed;
    static const char *const names[] = {"query", "key", "value"};
    for (int k = 0; k < 3; k++)
        if (hebb_tensor_is_inert(tensors[k])) /* which says what is wrong, if that is a NULL */
            return k == 0 ? a->query : hebb_add(a->query, tensors[k]);
    for (int k = 0; k < 3; k++)
        if ((failed = check_sequence(a, names[k], tensors[k])) != NULL) return failed;
    if ((failed = check_sizes(a)) != NULL) return failed;
    int64_t batch = hebb_tensor_shape(a->query).dim[0],
            queries = hebb_tensor_shape(a->query).dim[1],
            keys = a->keys != HEBB_ANY ? a->keys : hebb_tensor_shape(a->key).dim[1];
    failed = check_mask(a, "query_mask", a->query_mask, HEBB_SHAPE(batch, queries), false);
    if (failed == NULL)
        failed = check_mask(a, "value_mask", a->value_mask, HEBB_SHAPE(batch, keys), false);
    if (failed == NULL)
        failed = check_mask(a, "attention_mask", a->attention_mask,
                            HEBB_SHAPE(batch, queries, keys), true);
    if (failed != NULL) return failed;
    char message[160];
    snprintf(message, sizeof message,
             "%s: dropout is %g, not in [0, 1), or sliding_window %lld < 0", a->kind, a->dropout,
             (long long)a->window);
    if (!(a->dropout >= 0 && a->dropout < 1) || a->window < 0)
        return hebb_graph_fail(hebb_tensor_graph(a->query), HEBB_E_ARGUMENT, message);
    return NULL;
}

/* ---- masks ---- */

static hebb_tensor *both(hebb_tensor *a, hebb_tensor *b) {
    return a == NULL ? b : b == NULL ? a : hebb_and(a, b);
}

/* [queries, keys]: what a query's place lets it see. Of `scores` only the shape is used. */
static hebb_tensor *by_place(const hb_asked *a, hebb_tensor *scores) {
    if (!a->causal && a->window == 0) return NULL;
    int axes[HEBB_MAX_RANK], rank = hebb_tensor_shape(scores).rank;
    for (int k = 0; k < rank - 2; k++) axes[k] = k;
    hebb_tensor *like = hebb_sum(scores, axes, rank - 2, false), *allowed = NULL;
    hebb_tensor *query = hebb_iota_like(like, 0, HEBB_I32),
                *key = hebb_iota_like(like, 1, HEBB_I32);
    if (a->start != NULL) query = hebb_add(query, a->start);
    if (a->causal) allowed = hebb_less_equal(key, query);
    if (a->window != 0) {
        hebb_tensor *distance = hebb_abs(hebb_sub(query, key));
        allowed = both(allowed, hebb_less(distance, hebb_scalar_like(distance, (double)a->window)));
    }
    return allowed;
}

/* A mask [batch, ...] with its dimensions where the scores of that rank have them: sizes of 1 after
   the batch, and for one of keys at the queries' place, for one of queries at the keys'. */
static hebb_tensor *placed(hebb_tensor *mask, int rank, bool queries) {
    if (mask == NULL) return NULL;
    if (queries) mask = hebb_expand_dims(mask, -1);
    while (hebb_tensor_shape(mask).rank < rank) mask = hebb_expand_dims(mask, 1);
    return mask;
}

/* The masks that may forbid a query everything; NULL if there is none. */
static hebb_tensor *by_masks(const hb_asked *a, int rank) {
    hebb_tensor *full = a->attention_mask;
    if (full != NULL && hebb_tensor_shape(full).rank == 3) full = placed(full, rank, false);
    return both(full, both(placed(a->value_mask, rank, false), placed(a->query_mask, rank, true)));
}

/* Whether a query sees something by its place alone: the first key, if only later ones are hidden;
   within a window itself, if it is among the keys. */
static bool sees_something(const hb_asked *a) {
    return a->window == 0 || (a->query == a->key && a->keys == HEBB_ANY);
}

/* The least that the dtype can hold: its exponential is 0 beside any other. */
static double lowest(hebb_dtype dtype) {
    return dtype == HEBB_F64 ? -1e300 : dtype == HEBB_F16 ? -65504 : -3.3e38;
}

hebb_tensor *hb_weights(const hb_asked *a, hebb_tensor *scores) {
    hebb_tensor *masks = by_masks(a, hebb_tensor_shape(scores).rank);
    hebb_tensor *allowed = both(by_place(a, scores), masks);
    if (allowed == NULL) return hebb_softmax(scores);
    hebb_tensor *low = hebb_scalar_like(scores, lowest(hebb_tensor_dtype(scores)));
    hebb_tensor *weights = hebb_softmax(hebb_select(allowed, scores, low));
    /* Where nothing is allowed, all are equally low. */
    if (masks == NULL && sees_something(a)) return weights;
    return hebb_select(allowed, weights, hebb_scalar_like(weights, 0));
}

/* ---- layers without projections ---- */

/* sum over features of scale tanh(factor (query + key)), [batch, queries, keys]; NULL: 1. */
static hebb_tensor *added(const hb_asked *a, hebb_tensor *factor, hebb_tensor *scale) {
    hebb_tensor *sum = hebb_add(hebb_expand_dims(a->query, 2), hebb_expand_dims(a->key, 1));
    hebb_tensor *fit = hebb_tanh(factor != NULL ? hebb_mul(sum, factor) : sum);
    return hebb_sum(scale != NULL ? hebb_mul(fit, scale) : fit, HEBB_AXES(-1), false);
}

static hebb_tensor *scalar_variable(hebb_tensor *x, const char *name) {
    return hebb_variable(hebb_tensor_graph(x), name, hebb_tensor_dtype(x), HEBB_SCALAR,
                         hebb_ones());
}

static hebb_tensor *dot_scores(const hb_asked *a, const hebb_attention_options *o) {
    hebb_tensor *scale = o->use_scale ? scalar_variable(a->query, "scale") : NULL;
    if (o->score_mode == HEBB_SCORE_CONCAT) {
        hebb_tensor *weight = scalar_variable(a->query, "concat_score_weight");
        return hebb_mul(added(a, scale, NULL), weight);
    }
    hebb_tensor *scores = hebb_matmul(a->query, hebb_swap_axes(a->key, 1, 2));
    return scale != NULL ? hebb_mul(scores, scale) : scores;
}

static hebb_tensor *additive_scores(const hb_asked *a, const hebb_attention_options *o) {
    if (o->no_scale) return added(a, NULL, NULL);
    hebb_shape shape = hebb_tensor_shape(a->query);
    return added(a, NULL,
                 hebb_variable(hebb_tensor_graph(a->query), "scale", hebb_tensor_dtype(a->query),
                               HEBB_SHAPE(shape.dim[2]), hebb_glorot_uniform()));
}

static hebb_tensor *check_options(const hb_asked *a, const hebb_attention_options *o) {
    hebb_tensor *failed = hb_check_asked(a);
    if (failed != NULL) return failed;
    int64_t query = hebb_tensor_shape(a->query).dim[2], key = hebb_tensor_shape(a->key).dim[2];
    char message[160];
    snprintf(message, sizeof message, "%s: the query has %lld features and the key %lld", a->kind,
             (long long)query, (long long)key);
    if (query != key) return hebb_graph_fail(hebb_tensor_graph(a->query), HEBB_E_SHAPE, message);
    snprintf(message, sizeof message, "%s: there is no score_mode %d", a->kind, (int)o->score_mode);
    if (o->score_mode != HEBB_SCORE_DOT && o->score_mode != HEBB_SCORE_CONCAT)
        return hebb_graph_fail(hebb_tensor_graph(a->query), HEBB_E_ARGUMENT, message);
    return NULL;
}

static hebb_tensor *attend(const char *kind, hebb_tensor *query, hebb_tensor *value,
                           const hebb_attention_options *options,
                           hebb_tensor *(*score)(const hb_asked *,
                                                 const hebb_attention_options *)) {
    static const hebb_attention_options defaults;
    const hebb_attention_options *o = options != NULL ? options : &defaults;
    hb_asked a = {.kind = kind,
                  .query = query,
                  .value = value,
                  .key = o->key != NULL ? o->key : value,
                  .query_mask = o->query_mask,
                  .value_mask = o->value_mask,
                  .attention_mask = o->attention_mask,
                  .causal = o->causal_mask,
                  .keys = HEBB_ANY,
                  .dropout = o->dropout};
    hebb_tensor *failed = check_options(&a, o);
    if (o->scores != NULL) *o->scores = failed;
    if (query == NULL || failed != NULL) return failed;
    hebb_layer_begin(hebb_tensor_graph(query), kind, o->name);
    hebb_tensor *weights = hebb_dropout(hb_weights(&a, score(&a, o)), o->dropout);
    if (o->scores != NULL) *o->scores = weights;
    return hebb_layer_end(hebb_tensor_graph(query), hebb_matmul(weights, value));
}

hebb_tensor *hebb_attention_with(hebb_tensor *query, hebb_tensor *value,
                                 const hebb_attention_options *options) {
    return attend("attention", query, value, options, dot_scores);
}

hebb_tensor *hebb_additive_attention_with(hebb_tensor *query, hebb_tensor *value,
                                          const hebb_attention_options *options) {
    return attend("additive_attention", query, value, options, additive_scores);
}
