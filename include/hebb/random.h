/* Random numbers beyond those of hebb/ops.h, from the same streams. All but the normal and the
   categorical ones are equal bit by bit on every device. Ops named ..._like take their shape from a
   tensor, so that open sizes work. No gradients. */
#ifndef HEBB_RANDOM_H
#define HEBB_RANDOM_H

#include <hebb/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Random 32 bits each, as i64 in 0 ... 2^32 - 1. */
HEBB_API hebb_tensor *hebb_random_bits(hebb_graph *graph, hebb_shape shape);
HEBB_API hebb_tensor *hebb_random_bits_like(hebb_tensor *like);
/* Whole numbers in [low, high), of an integer dtype that holds them; high - low is 1 to 2^31 and
   both are within +-2^53. A number's probability is off by less than 2^-32 (D. Lemire, "Fast random
   integer generation in an interval", 2019, without its rejection). */
HEBB_API hebb_tensor *hebb_random_integers(hebb_graph *graph, hebb_dtype dtype, hebb_shape shape,
                                           int64_t low, int64_t high);
HEBB_API hebb_tensor *hebb_random_integers_like(hebb_tensor *like, hebb_dtype dtype, int64_t low,
                                                int64_t high);
/* bool: true with probability p in [0, 1], rounded to a multiple of 2^-32. */
HEBB_API hebb_tensor *hebb_random_bernoulli(hebb_graph *graph, hebb_shape shape, double p);
HEBB_API hebb_tensor *hebb_random_bernoulli_like(hebb_tensor *like, double p);
/* 0 ... n - 1 (i32) in random order. */
HEBB_API hebb_tensor *hebb_random_permutation(hebb_graph *graph, int64_t n);
/* Permutations along an axis of like's shape, independent for all other indices. */
HEBB_API hebb_tensor *hebb_random_permutation_like(hebb_tensor *like, int axis);
/* A class (i32) for each row of logits [..., classes]: class c with probability softmax(logits)[c].
   The largest of the logits plus Gumbel noise (E. Gumbel 1954); 2^31 - 1 if there are no classes.
 */
HEBB_API hebb_tensor *hebb_random_categorical(hebb_tensor *logits);
/* The normal distribution (mean 0, deviation 1) between low and high, low < high, either of which
   may be infinite; floating. By inverting the distribution function, which float32 resolves to
   about five deviations from the mean. */
HEBB_API hebb_tensor *hebb_random_truncated_normal(hebb_graph *graph, hebb_dtype dtype,
                                                   hebb_shape shape, double low, double high);
HEBB_API hebb_tensor *hebb_random_truncated_normal_like(hebb_tensor *like, double low, double high);

#ifdef __cplusplus
}
#endif

#ifndef HEBB_NO_HERE
#define hebb_random_integers_like(like, ...)                                                       \
    (hebb_random_integers_like)(HEBB_HERE(like), __VA_ARGS__)
#define hebb_random_bernoulli_like(like, ...)                                                      \
    (hebb_random_bernoulli_like)(HEBB_HERE(like), __VA_ARGS__)
#define hebb_random_permutation_like(like, ...)                                                    \
    (hebb_random_permutation_like)(HEBB_HERE(like), __VA_ARGS__)
#define hebb_random_truncated_normal_like(like, ...)                                               \
    (hebb_random_truncated_normal_like)(HEBB_HERE(like), __VA_ARGS__)
#define hebb_random_bits_like(like)      (hebb_random_bits_like)(HEBB_HERE(like))
#define hebb_random_categorical(logits)  (hebb_random_categorical)(HEBB_HERE(logits))
#define hebb_random_bits(graph, ...)     (hebb_random_bits)(HEBB_HERE_GRAPH(graph), __VA_ARGS__)
#define hebb_random_integers(graph, ...) (hebb_random_integers)(HEBB_HERE_GRAPH(graph), __VA_ARGS__)
#define hebb_random_bernoulli(graph, ...)                                                          \
    (hebb_random_bernoulli)(HEBB_HERE_GRAPH(graph), __VA_ARGS__)
#define hebb_random_permutation(graph, ...)                                                        \
    (hebb_random_permutation)(HEBB_HERE_GRAPH(graph), __VA_ARGS__)
#define hebb_random_truncated_normal(graph, ...)                                                   \
    (hebb_random_truncated_normal)(HEBB_HERE_GRAPH(graph), __VA_ARGS__)
#endif
#endif
