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

#endif
