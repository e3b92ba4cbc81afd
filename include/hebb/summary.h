/* What a model consists of, as a table. */
#ifndef HEBB_SUMMARY_H
#define HEBB_SUMMARY_H

#include <stdio.h>
#include <hebb/session.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hebb_summary_options {
    hebb_session *session; /* adds what its last run takes: a training step's, if it was one */
    int reserved_;
} hebb_summary_options;

/* Prints a table of the graph's layers (hebb/layer.h) in 79 columns: name and kind, shape of the
   result, parameters, floating-point operations of the forward pass and bytes of the result, for
   one example: open sizes, printed as ?, count as 1. Layers within layers are part of these. Below
   it stand the totals: parameters that are trained, those that the graph's training steps leave as
   they are, others (moving averages), and what optimizers keep;
   and of the session's last run, with the batch that it was fed: its steps, its operations, the
   memory of variables and, at its peak, of intermediate results (hebb_session_stats()).
   hebb_summary(graph, stdout), hebb_summary(graph, stdout, .session = s). HEBB_E_NULL, the graph's
   error, HEBB_E_FILE if writing failed. */
#define hebb_summary(graph, ...) hebb_summary_args(graph, __VA_ARGS__, .reserved_ = 0)
#define hebb_summary_args(graph, out, ...)                                                         \
    hebb_summary_with((graph), (out), &(const hebb_summary_options){__VA_ARGS__})
HEBB_API hebb_status hebb_summary_with(const hebb_graph *graph, FILE *out,
                                       const hebb_summary_options *options);

#ifdef __cplusplus
}
#endif
#endif
