/* What the files of nn/ share. Nothing here reaches below the public interface. */
#ifndef HB_NN_H
#define HB_NN_H

#include <hebb/autodiff.h>
#include <hebb/nn.h>

#define HB_NAME_SIZE 96

/* Writes "prefix/part", or with a number behind the prefix if variables of that name exist. */
void hb_fresh_name(const hebb_graph *graph, const char *prefix, const char *part,
                   char name[HB_NAME_SIZE]);

#endif
