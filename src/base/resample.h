/* Maps along one axis whose coefficients follow from a rule and from sizes: resizing, means or
   maxima over windows or spans, and padding with elements of the axis itself. The graph's attributes name a rule, steps have its
   numbers, and backends make a sparse matrix of them (backends/resample.h). */
#ifndef HB_RESAMPLE_RULE_H
#define HB_RESAMPLE_RULE_H

#include <stdint.h>

/* What y[i] is made of, of x[0] to x[in - 1], for 0 <= i < out; / rounds down. A mean of nothing is
   NaN, the maximum of nothing -inf. */
typedef enum hb_resample_rule {
    HB_KEPT,    /* x[i] */
    HB_NEAREST, /* x[p], p = (a i + b) / d; a, b, d are number[0] to number[2] */
    HB_LINEAR,  /* between x[p] and x[p + 1] for p = max(a i + b, 0) / d, in proportion */
    HB_SPANS,   /* the mean of x[k] from k = i in / out to before ceil((i + 1) in / out) */
    HB_REFLECT, /* x[p], p = i - number[0], mirrored at the first and the last element */
    HB_EDGE,    /* x[p], p = i - number[0], but the first or the last element outside of x */
    HB_WINDOWS, /* the mean of x[i stride + t dilation - before] for 0 <= t < kernel: kernel,
                   stride, dilation, before are number[0] to number[3]; number[4]: what is outside
                   of x counts as zeros, else not at all */
} hb_resample_rule;

/* All of the same size, without padding: steps are compared byte by byte. */
typedef struct hb_resample_axis {
    int64_t rule, in, out, number[5];
} hb_resample_axis;

#endif
