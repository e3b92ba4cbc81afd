/* One descriptor for each public op: how to build it, what it should give (a naive float64
   reference written from the header's words), on which samples, how exactly, and whether it has a
   gradient. Every test of ops is a loop over this table; an op without a row here fails test_ops.c.

   A new op: a row in one of samples_*.c, with a reference of its own if it is not elementwise. */
#ifndef CHECKS_SAMPLES_H
#define CHECKS_SAMPLES_H

#include <hebb/hebb.h>

#include "values.h"

#define MAX_INPUTS   5
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Stands for f32, f64, f16 and bf16, whichever is being tested. */
#define REAL ((hebb_dtype)100)
/* The dtype of the result: that of the last operand, or params.dtype. */
#define SAME     ((hebb_dtype)101)
#define BY_PARAM ((hebb_dtype)102)

/* {2, 3} as a constant expression; DIMS0 is the scalar's shape. */
#define DIMS(...)                                                                                  \
    {                                                                                              \
        (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), { __VA_ARGS__ }                 \
    }
#define DIMS0                                                                                      \
    {                                                                                              \
        0, { 0 }                                                                                   \
    }

/* How the op's operand is made of the tensor that is fed. */
typedef enum view {
    DENSE,      /* it is the fed tensor */
    TRANSPOSED, /* of a fed one with reversed dimensions */
    SLICED,     /* every second element along the last axis, NaN (or the largest integer) between */
    FLIPPED,    /* along the first axis */
    STRETCHED,  /* broadcast along the first axis */
} view;

typedef struct operand {
    hebb_shape shape; /* HEBB_ANY stands for the batch */
    view view;
    hebb_dtype dtype; /* 0 (f32): that of the sample */
    domain domain;    /* used if own_domain */
    bool own_domain;
} operand;

/* What an op takes besides tensors; each op uses some of it. */
typedef struct params {
    int axes[HEBB_MAX_RANK], n_axes; /* n_axes -1: all */
    bool keep;
    int axis;
    hebb_shape shape;
    hebb_dtype dtype;
    int64_t depth;
    double value;
    hebb_range ranges[4];
    int n_ranges;
    int64_t kernel[3], stride[3], dilation[3], pad[3][2], output_padding[3], groups; /* windows */
    hebb_padding padding;
    bool count_include_pad;
    hebb_border borders[4];
    int n_borders;
    hebb_resize_method method;
    hebb_coordinates coordinates;
    bool reverse, exclusive;
    int axis2;
    int64_t amount; /* of places to roll, numbers in front, ddof, which diagonal, ... */
    const char *formula;
} params;

typedef struct sample {
    int n_in;
    operand in[MAX_INPUTS];
    params p;
    hebb_dtype dtype; /* of operands that do not say; REAL by default */
    bool has_dtype;   /* dtype is meant */
    domain domain;    /* of operands that do not say; the descriptor's by default */
    bool has_domain;
    bool no_gradient; /* a value, but no derivative worth checking here */
} sample;

typedef struct sample_list {
    sample *at;
    size_t count, capacity;
} sample_list;
void sample_push(sample_list *list, const sample *s);

/* Arguments that the op must refuse. The operands are inputs, so that the builder is all that can
   find the error; HEBB_ANY stays open. */
typedef struct error_sample {
    int n_in;
    operand in[MAX_INPUTS];
    params p;
    hebb_dtype dtype; /* of operands that do not say; f32 by default */
    hebb_status status;
    const char *message; /* a part of the graph's message: what is wrong, not how it is worded */
} error_sample;

#define ERRORS(list) .errors = list, .n_errors = COUNT(list)

typedef struct descriptor descriptor;
struct descriptor {
    const char *name; /* hebb_<name> */
    const char *op;   /* the primitive at the top of what it builds; NULL: composed */
    hebb_tensor *(*build)(hebb_graph *g, hebb_tensor *const *in, const params *p);

    /* Elementwise ops: one element, for floating and for other operands. Reductions: a fold over
       the reduced elements in row-major order. `scale` is what the error of the fold is relative
       to. */
    double (*real)(const double *x);
    int64_t (*whole)(const int64_t *x);
    double (*fold)(const double *x, int64_t n, double *scale);
    int64_t (*fold_whole)(const int64_t *x, int64_t n, hebb_dtype dtype);
    /* All others: the whole result. NULL for elementwise ops. */
    values (*reference)(const descriptor *d, const values *in, const params *p);
    hebb_dtype result; /* of elementwise ops and reductions: SAME, BY_PARAM, or a dtype */

    int arity;
    void (*family)(const descriptor *d, sample_list *list); /* samples by rule; may be NULL */
    const sample *extra;                                    /* and one by one */
    size_t n_extra;
    unsigned dtypes; /* of the family: a bit per dtype, from TAKES_... */
    domain domain;   /* of its values ... */
    domain edges[3]; /* ... and further ones, forward only; 0 ends them */

    bool differentiable;
    tolerance f32, f64; /* zeros: the default. Anything else needs ... */
    const char *reason; /* ... this */

    /* Wrong ranks, dtypes, axes, sizes, besides those that descriptor_errors() knows of by rule: at
       least one, or ... */
    const error_sample *errors;
    size_t n_errors;
    const char *no_errors; /* ... why no arguments are wrong */

    const char *no_halves; /* why it is not checked in f16 and bf16; NULL: it is */

    /* Where the derivative jumps or does not exist: the gradient check draws again what falls
       within KINK_WIDTH of one of these numbers, in any floating operand, ... */
    const double *kinks;
    size_t n_kinks;
    /* ... and, of elementwise ops, operands x for which this holds. */
    bool (*near_kink)(const double *x);
};
#define KINK_WIDTH 0.02

enum {
    TAKES_REAL = 1u << HEBB_F32 | 1u << HEBB_F64, /* and f16 and bf16, which have no bits here */
    TAKES_INTEGERS = 1u << HEBB_I32 | 1u << HEBB_I64 | 1u << HEBB_U8 | 1u << HEBB_I8,
    TAKES_NUMBERS = TAKES_REAL | TAKES_INTEGERS,
    TAKES_BOOL = 1u << HEBB_BOOL,
    TAKES_ALL = TAKES_NUMBERS | TAKES_BOOL,
};

/* The table, over all files. */
size_t descriptor_count(void);
const descriptor *descriptor_at(size_t index);
const descriptor *descriptor_find(const char *name);
sample_list descriptor_samples(const descriptor *d);
/* Its error samples: those that follow from its family and dtypes, and its own. */
typedef struct error_list {
    error_sample *at;
    size_t count, capacity;
} error_list;
error_list descriptor_errors(const descriptor *d);
/* Its tolerance on a dtype. */
tolerance descriptor_tolerance(const descriptor *d, hebb_dtype dtype);

/* Its parts, one a file. */
typedef struct descriptor_table {
    const descriptor *at;
    size_t count;
} descriptor_table;
extern const descriptor_table elementwise_table, reduce_table, movement_table, indexing_table,
    nn_table, math_table, classic_table, conv_table, pool_table, custom_table, along_table,
    index_table, shape_table, einsum_table;

/* ---- families and references that the files share ---- */
void unary_family(const descriptor *d, sample_list *list);
void binary_family(const descriptor *d, sample_list *list);
values elementwise_reference(const descriptor *d, const values *in, const params *p);
void reduce_family(const descriptor *d, sample_list *list);
values reference_reduce(const descriptor *d, const values *in, const params *p);
hebb_dtype result_dtype(const descriptor *d, const values *in, const params *p);

/* An axis counted from the front. */
int front_axis(int axis, int rank);

#endif
