/* Attention and positional encodings. Names and defaults as in Keras 3 unless said.

   Queries [batch, queries, features] attend to keys [batch, keys, features]: the result is the mean
   of the values [batch, keys, features], weighted by softmax(scores), where a score says how well a
   query and a key fit. All are floating, of one dtype, with known features; batch, queries and keys
   may be open. Give the same tensor as query and value for self-attention.

   Masks are bool, and true where attention is allowed; those given are joined by AND. A query that
   may attend to nothing gets weights of 0 (undefined in Keras), so values and gradients stay
   finite.

   A causal language model, a block of it:

     h = hebb_layer_normalization(x);
     x = hebb_add(x, hebb_multi_head_attention(h, h, 4, 32, .causal_mask = true, .rotary = 1e4));
     h = hebb_dense(hebb_layer_normalization(x), 512, .activation = hebb_gelu);
     x = hebb_add(x, hebb_dense(h, 128));

   To generate text with it, see `cache` below: with keys and values kept, a token is one small
   step. */
#ifndef HEBB_ATTENTION_H
#define HEBB_ATTENTION_H

#include <hebb/graph.h>
#include <hebb/layer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- attention without projections ---- */

typedef enum hebb_score_mode {
    HEBB_SCORE_DOT = 0, /* query . key, times the scale */
    HEBB_SCORE_CONCAT,  /* sum of tanh(scale (query + key)), times concat_score_weight */
} hebb_score_mode;

typedef struct hebb_attention_options {
    hebb_tensor *key;            /* [batch, keys, features]; default: value */
    hebb_tensor *query_mask;     /* [batch, queries]: results are 0 where it is false */
    hebb_tensor *value_mask;     /* [batch, keys]: false for padding, which is ignored */
    hebb_tensor *attention_mask; /* [queries, keys] or [batch, queries, keys] */
    bool causal_mask;            /* query i sees keys 0 to i only */
    double dropout;              /* of weights, in training */
    bool use_scale;              /* hebb_attention(): with a variable name/scale, a scalar of 1 */
    hebb_score_mode score_mode;  /* hebb_attention(); CONCAT: a scalar name/concat_score_weight */
    bool no_scale;               /* hebb_additive_attention(): all scales are 1 */
    hebb_tensor **scores;        /* to be set: the weights [batch, queries, keys]; may be NULL */
    const char *name;            /* default "attention", "additive_attention", ... */
    int reserved_;
} hebb_attention_options;

/* Scores are dot products, query . key (M. Luong et al. 2015): [batch, queries, features], [batch,
   keys, any] -> [batch, queries, any]. hebb_attention(query, value, .value_mask = mask) */
#define hebb_attention(query, ...) hebb_attention_args(query, __VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_attention_with(hebb_tensor *query, hebb_tensor *value,
                                          const hebb_attention_options *options);
/* Scores are sum(scale tanh(query + key)) (D. Bahdanau et al. 2015), with a variable name/scale
   [features], Glorot uniform at first. */
#define hebb_additive_attention(query, ...)                                                        \
    hebb_additive_attention_args(query, __VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_additive_attention_with(hebb_tensor *query, hebb_tensor *value,
                                                   const hebb_attention_options *options);

/* ---- multi-head attention (A. Vaswani et al. 2017) ---- */

typedef struct hebb_multi_head_options {
    hebb_tensor *key;            /* [batch, keys, features]; default: value */
    hebb_tensor *query_mask;     /* [batch, queries] */
    hebb_tensor *value_mask;     /* [batch, keys]: false for padding, which is ignored */
    hebb_tensor *attention_mask; /* [queries, keys] or [batch, queries, keys] */
    bool causal_mask;            /* query i sees keys 0 to i only */
    int64_t sliding_window;      /* query i sees keys less than this far from i; default: all */
    int64_t value_dim;           /* of a head's values; default: key_dim */
    int64_t output_dim;          /* features of the result; default: the query's */
    double dropout;              /* of weights, in training */
    bool no_bias;
    double rotary; /* rotary embedding of queries and keys, as hebb_rotary_embedding(), with this
                      longest wavelength (1e4 is usual); default: none */
    int64_t cache; /* positions whose keys and values are kept from run to run; default: none */
    hebb_tensor *start; /* i32 scalar, with a cache: the position of the first query */
    hebb_initializer kernel_initializer; /* of all four kernels; default Glorot uniform */
    hebb_initializer bias_initializer;   /* default zeros */
    hebb_tensor **scores; /* to be set: the weights [batch, heads, queries, keys]; may be NULL */
    const char *name;     /* default "multi_head_attention", "group_query_attention", ... */
    int reserved_;
} hebb_multi_head_options;

/* In each head: attention with query kernel and key kernel and value kernel, each with its bias,
   and with scores query . key / sqrt(key_dim). The heads' results side by side are projected once
   more: [batch, queries, features] -> [batch, queries, output_dim]. Variables, where Keras has the
   same numbers as [features, heads, dim]: name/query/kernel [features, heads key_dim],
   name/query/bias [heads key_dim]; name/key/...; name/value/kernel [features, heads value_dim], ...
     name/attention_output/kernel [heads value_dim, output_dim], name/attention_output/bias

   With .cache = n, the layer keeps the keys and values of positions 0 to n - 1 in states
   name/key_cache and name/value_cache [n, batch, heads, dim], initially zeros. A run that computes
   the result stores its own keys and values at the positions from `start` on (those beyond n - 1
   are dropped), and its queries attend to all positions up to their own: `causal_mask` is implied,
   and masks are over n keys. So a text can be read in runs of any lengths, and then generated one
   token a run, with results equal to those of one run over all of it; a run with start 0 begins a
   new text. The batch must be known. For inference only: gradients do not reach earlier runs. To
   generate with a model that is trained without a cache, build it twice, in hebb_share_begin().

   HEBB_E_SHAPE, HEBB_E_DTYPE and HEBB_E_ARGUMENT for tensors and masks of other shapes or dtypes,
   for numbers that are not positive, a rotary embedding of odd size, a cache without start or start
   without a cache. hebb_multi_head_attention(x, x, 4, 32, .causal_mask = true) */
#define hebb_multi_head_attention(query, ...)                                                      \
    hebb_multi_head_attention_args(query, __VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_multi_head_attention_with(hebb_tensor *query, hebb_tensor *value,
                                                     int64_t heads, int64_t key_dim,
                                                     const hebb_multi_head_options *options);
/* The same with fewer heads of keys and values than of queries, each of which serves query_heads /
   key_value_heads neighbors (J. Ainslie et al. 2023): smaller caches. The kernels and biases of
   keys and values have key_value_heads in place of heads, and so do the caches.
   hebb_group_query_attention(x, x, 32, 8, 2) */
#define hebb_group_query_attention(query, ...)                                                     \
    hebb_group_query_attention_args(query, __VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_group_query_attention_with(hebb_tensor *query, hebb_tensor *value,
                                                      int64_t head_dim, int64_t query_heads,
                                                      int64_t key_value_heads,
                                                      const hebb_multi_head_options *options);

/* ---- positions: x [batch, time, ...]; the position of element i along time is start + i ---- */

typedef struct hebb_position_options {
    double max_wavelength;        /* sine and rotary: default 1e4 */
    hebb_tensor *start;           /* i32 scalar; default 0 */
    hebb_initializer initializer; /* hebb_position_embedding(): default Glorot uniform */
    const char *name;             /* hebb_position_embedding(): default "position_embedding" */
    int reserved_;
} hebb_position_options;

/* x [batch, time, features] plus sin(position / max_wavelength^(2 i / features)) at feature 2 i and
   the cosine of the same at feature 2 i + 1 (A. Vaswani et al. 2017). */
#define hebb_sine_position_encoding(x, ...)                                                        \
    hebb_sine_position_encoding_args(x, ##__VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_sine_position_encoding_with(hebb_tensor *x,
                                                       const hebb_position_options *options);
/* x [batch, time, features] plus rows of a variable name/embeddings [length, features]. A position
   that is not in 0 ... length - 1 gives NaN; a known time that is longer is HEBB_E_SHAPE.
   hebb_position_embedding(x, 256) */
#define hebb_position_embedding(x, ...) hebb_position_embedding_args(x, __VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_position_embedding_with(hebb_tensor *x, int64_t length,
                                                   const hebb_position_options *options);
/* x [batch, time, ..., features] of an even number of features, each pair (i, i + features / 2) of
   them rotated by the angle position / max_wavelength^(2 i / features): dot products of such
   vectors depend on the distance of their positions only (J. Su et al. 2021). */
#define hebb_rotary_embedding(x, ...) hebb_rotary_embedding_args(x, ##__VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_rotary_embedding_with(hebb_tensor *x,
                                                 const hebb_position_options *options);

#ifdef __cplusplus
}
#endif

#define hebb_attention_args(query, value, ...)                                                     \
    hebb_attention_with(HEBB_HERE(query), (value), &(const hebb_attention_options){__VA_ARGS__})
#define hebb_additive_attention_args(query, value, ...)                                            \
    hebb_additive_attention_with(HEBB_HERE(query), (value),                                        \
                                 &(const hebb_attention_options){__VA_ARGS__})
#define hebb_multi_head_attention_args(query, value, heads, key_dim, ...)                          \
    hebb_multi_head_attention_with(HEBB_HERE(query), (value), (heads), (key_dim),                  \
                                   &(const hebb_multi_head_options){__VA_ARGS__})
#define hebb_group_query_attention_args(query, value, head_dim, query_heads, key_value_heads, ...) \
    hebb_group_query_attention_with(HEBB_HERE(query), (value), (head_dim), (query_heads),          \
                                    (key_value_heads),                                             \
                                    &(const hebb_multi_head_options){__VA_ARGS__})
#define hebb_sine_position_encoding_args(x, ...)                                                   \
    hebb_sine_position_encoding_with(HEBB_HERE(x), &(const hebb_position_options){__VA_ARGS__})
#define hebb_position_embedding_args(x, length, ...)                                               \
    hebb_position_embedding_with(HEBB_HERE(x), (length),                                           \
                                 &(const hebb_position_options){__VA_ARGS__})
#define hebb_rotary_embedding_args(x, ...)                                                         \
    hebb_rotary_embedding_with(HEBB_HERE(x), &(const hebb_position_options){__VA_ARGS__})
#endif
