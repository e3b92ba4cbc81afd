/* What the files of nn/ share. Nothing here reaches below the public interface. */
#ifndef HB_NN_H
#define HB_NN_H

#include <hebb/autodiff.h>
#include <hebb/nn.h>

#define HB_NAME_SIZE 256

/* ---- shorthand for formulas ---- */

static inline hebb_tensor *number(hebb_tensor *like, double value) {
    return hebb_scalar_like(like, value);
}
static inline hebb_tensor *times(hebb_tensor *x, double factor) {
    return hebb_mul(x, number(x, factor));
}
static inline hebb_tensor *plus(hebb_tensor *x, double term) {
    return hebb_add(x, number(x, term));
}
static inline hebb_tensor *total(hebb_tensor *x) { return hebb_sum(x, HEBB_ALL_AXES, false); }
static inline hebb_tensor *as_dtype(hebb_tensor *x, hebb_dtype dtype) {
    return hebb_tensor_dtype(x) == dtype ? x : hebb_cast(x, dtype);
}
/* What x is computed with where f16 or bf16 would not do. */
static inline hebb_dtype wide_dtype(const hebb_tensor *x) {
    return hebb_tensor_dtype(x) == HEBB_F64 ? HEBB_F64 : HEBB_F32;
}
/* An option's value, or what 0 stands for. */
static inline double or_default(double value, double preset) { return value == 0 ? preset : value; }

/* ---- names, sizes, layers, losses ---- */

/* Writes "prefix", or "prefix_1", "prefix_2", ...: the first under which none of the n parts exists
   as a variable prefix/part. */
void hb_fresh_prefix(const hebb_graph *graph, const char *prefix, const char *const *parts, int n,
                     char fresh[HB_NAME_SIZE]);

/* Writes "prefix/part". HEBB_E_ARGUMENT, in the graph too, if that is longer than a name may be. */
hebb_status hb_part_name(hebb_graph *graph, const char *prefix, const char *part,
                         char name[HB_NAME_SIZE]);

/* Whether a layer can have so many units, filters, heads, ...: 1 to 2^31 - 1, so that products of
   two such numbers are numbers of 64 bits. */
bool hb_is_size(int64_t n);
/* Of a layer's filters along a dimension: `kernel` [3] of its options, of which the first stands
   for those that are 0, and `size` for that. */
int64_t hb_kernel_size(const int64_t *kernel, int64_t size, int dimension);

/* l1 sum |x| + l2 sum x^2; NULL if both are 0. */
hebb_tensor *hb_penalize(hebb_tensor *x, double l1, double l2);

/* A layer's variable "kernel", of x's dtype, with its penalties, and reparameterized if that is
 * asked for. */
hebb_tensor *hb_kernel(hebb_tensor *x, hebb_shape shape, hebb_initializer initializer, double l1,
                       double l2, hebb_reparameterization reparameterization);

/* x kernel: [..., in] and [in, out] -> [..., out], as one product of all rows. */
hebb_tensor *hb_project(hebb_tensor *x, hebb_tensor *kernel);

/* NULL if rows of logits [..., classes] and labels i32 [...] fit; else an inert tensor, or NULL
   logits, to be returned, the error being in the graph: `logits == NULL || failed != NULL`. */
hebb_tensor *hb_check_labels(const char *what, hebb_tensor *logits, hebb_tensor *labels);
/* Whether labels are in 0...classes-1 of rows x [..., classes]: bool of the labels' shape. */
hebb_tensor *hb_is_class(hebb_tensor *x, hebb_tensor *labels);
/* x[..., label] of rows of x; NaN where the label is no class. */
hebb_tensor *hb_at_labels(hebb_tensor *x, hebb_tensor *labels);

/* Weights with the values' dtype and rank, so that they broadcast: their axes are the first ones of
   the values', and have these sizes or 1; else HEBB_E_SHAPE in the graph. */
hebb_tensor *hb_align_weights(const char *name, hebb_tensor *weights, hebb_tensor *values);
/* What a loss makes of its values. counted (bool, may be NULL): those that are not, are 0 and are
   left out of the mean's divisor. weights may be NULL. */
hebb_tensor *hb_reduce_loss(const char *name, hebb_tensor *values, hebb_tensor *counted,
                            hebb_tensor *weights, hebb_reduction reduction);

/* A tensor of x's first two sizes, which may be open, and then `rest`, of which only the shape
   counts: what hebb_reshape_like() takes. */
hebb_tensor *hb_sized(hebb_tensor *x, hebb_shape rest);

#endif
