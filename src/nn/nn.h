/* What the files of nn/ share. Nothing here reaches below the public interface. */
#ifndef HB_NN_H
#define HB_NN_H

#include <hebb/autodiff.h>
#include <hebb/nn.h>

#define HB_NAME_SIZE 256

/* Writes "prefix", or "prefix_1", "prefix_2", ...: the first under which none of the n parts exists
   as a variable prefix/part. */
void hb_fresh_prefix(const hebb_graph *graph, const char *prefix, const char *const *parts, int n,
                     char fresh[HB_NAME_SIZE]);

/* Writes "prefix/part". HEBB_E_ARGUMENT, in the graph too, if that is longer than a name may be. */
hebb_status hb_part_name(hebb_graph *graph, const char *prefix, const char *part,
                         char name[HB_NAME_SIZE]);

/* l1 sum |x| + l2 sum x^2; NULL if both are 0. */
hebb_tensor *hb_penalize(hebb_tensor *x, double l1, double l2);

/* A layer's variable "kernel", of x's dtype, with its penalties, and reparameterized if that is asked for. */
hebb_tensor *hb_kernel(hebb_tensor *x, hebb_shape shape, hebb_initializer initializer, double l1,
                       double l2, hebb_reparameterization reparameterization);

#endif
