/* What a model consists of, as a table. */
#ifndef HEBB_SUMMARY_H
#define HEBB_SUMMARY_H

#include <stdio.h>
#include <hebb/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Prints a table of the graph's layers (hebb/layer.h) in 79 columns: name and kind, shape of the
   result, parameters, floating-point operations of the forward pass and bytes of the result, for
   one example: open sizes, printed as ?, count as 1. Layers within layers are part of these. Below
   it stand the totals: trainable parameters, others (moving averages), and what optimizers keep.
   HEBB_E_NULL, the graph's error, HEBB_E_FILE if writing failed. */
HEBB_API hebb_status hebb_summary(const hebb_graph *graph, FILE *out);

#ifdef __cplusplus
}
#endif
#endif
