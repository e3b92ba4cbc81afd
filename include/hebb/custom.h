/* Ops of your own, at run time: hebb_apply() for elementwise ones, hebb_custom() for all others.

   An elementwise op is one expression that serves every device (hebb/elementwise.h, which is not
   part of hebb.h, makes one of it), and takes part in fusion like any other:

     #include <hebb/elementwise.h>

     HEBB_ELEMENTWISE(swish, (x), x / (1 + exp(-x)));
     static void swish_gradient(hebb_grad *d) {
         hebb_tensor *s = hebb_sigmoid(d->x[0]), *y = d->y;
         hebb_tensor *slope = hebb_add(s, hebb_mul(y, hebb_sub(hebb_scalar_like(y, 1), s)));
         d->dx[0] = hebb_mul(d->dy, slope);
     }
     ...
     hebb_tensor *y = hebb_apply(&swish, x);

   Both kinds are checked like the library's own: hebb_gradcheck(). */
#ifndef HEBB_CUSTOM_H
#define HEBB_CUSTOM_H

#include <hebb/autodiff.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- gradients ---- */

/* What a gradient rule is given: the node y = op(x[0], x[1], ...) and the cotangent dy of its
   result, and where it stores the cotangents of the xs: dx[k], of x[k]'s shape and dtype, or of a
   shape that x[k] broadcasts to: what broadcasting stretched is summed by the library. dx[k] is
   only looked at where want[k] is set; left NULL it means zeros. Rules are written with the
   builders of hebb/ops.h, so that gradients can be differentiated again; they refer to the shapes
   of d's tensors (hebb_..._like) rather than to numbers, so that open sizes work. */
typedef struct hebb_grad {
    hebb_tensor *y, *dy;
    hebb_tensor *const *x;
    const bool *want;
    hebb_tensor **dx;
    const void *options; /* hebb_custom(): the op's options */
} hebb_grad;

/* ---- elementwise ---- */

/* One element of the result from one of each operand. HEBB_ELEMENTWISE fills it; the functions work
   on n elements, x[k][i] of operand k, and y may be the memory of an operand. `parameters` and
   `text` are the same function as an expression of OpenCL C: "(a, b)", "a * exp(b)". */
typedef struct hebb_elementwise {
    const char *name; /* letters, digits and _ */
    int n_inputs;     /* 1 to 4 */
    const char *parameters, *text;
    void (*f32)(float *y, const float *const *x, int64_t n);
    void (*f64)(double *y, const double *const *x, int64_t n);
    void (*gradient)(hebb_grad *d); /* NULL: none, and asking for it is an error */
} hebb_elementwise;

/* The op on its operands, which broadcast and are of one floating dtype; so is the result. f16 and
   bf16 are computed in f32.
       hebb_apply(&swish, x)        hebb_apply(&lerp, a, b, t)
   The op is copied. Errors: HEBB_E_ARGUMENT (another number of operands, a name that is none),
   HEBB_E_SHAPE, HEBB_E_DTYPE; HEBB_E_GRADIENT when a gradient is asked for and there is no rule,
   HEBB_E_SHAPE, HEBB_E_DTYPE or HEBB_E_GRAPH when the rule gives what fits no operand. When a plan
   is made: HEBB_E_UNSUPPORTED if the op has no function, or no text, for the device;
   HEBB_E_DEVICE with the compiler's words if the text does not compile. NULL if all operands are.
 */
#define hebb_apply(op, ...) hebb_apply_at(HEBB_APPLY_LINE_, (op), HEBB_TENSORS(__VA_ARGS__))
/* What the macro calls. `file` may be NULL: then the line stays that of the last builder. */
HEBB_API hebb_tensor *hebb_apply_at(const char *file, int line, const hebb_elementwise *op,
                                    hebb_tensor *const *xs, size_t n_xs);

/* ---- all others ---- */

/* A dtype and a shape. */
typedef struct hebb_signature {
    hebb_dtype dtype;
    hebb_shape shape;
} hebb_signature;

/* How an OpenCL device runs an op: so many work-items, in groups of so many, with these arguments
   after the tensors. The caller has cleared it. */
typedef struct hebb_launch {
    int rank;           /* 1 to 3 */
    size_t global[3];   /* work-items; at least 1 */
    size_t local[3];    /* in a group, dividing them; zeros: the library chooses */
    size_t local_bytes; /* of local memory for a group; 0: none */
    int n_integers, n_reals;
    int64_t integers[16];
    double reals[16];
} hebb_launch;

#define HEBB_OP_MESSAGE 256 /* bytes for the words of a callback that fails */
#define HEBB_OP_INPUTS  8   /* operands, at most */

/* An op with callbacks of its own. They get the options that hebb_custom_with() was given (NULL
   without), must not keep pointers, may be called from any thread that builds a graph or uses a
   session, and answer HEBB_OK or another status with words in `message`. */
typedef struct hebb_op {
    const char *name; /* letters, digits and _ */
    int n_inputs;     /* 1 to HEBB_OP_INPUTS */

    /* The result's dtype and shape from those of the operands. Called when a tensor is made, where
       sizes may be HEBB_ANY, and again when they are known; then the result's must be too. */
    hebb_status (*shape)(const hebb_signature *x, const void *options, hebb_signature *y,
                         char *message);

    void (*gradient)(hebb_grad *d); /* NULL: none, and asking for it is an error */

    /* Fills y from the xs on the CPU: dense arrays whose data must not be freed or resized. The
       elements of y are undefined before, and it shares no memory with an x. Not called if y has no
       elements. NULL: not on the CPU. */
    hebb_status (*cpu)(const hebb_array *x, const hebb_array *y, const void *options,
                       char *message);

    /* OpenCL C 1.2 with a function (not a kernel) of that name, which each work-item calls:
         void name(global const T0 *x0, global const T1 *x1, ..., global T *y,
                   long ..., hebb_real ..., local char *memory)
       with the integers, reals and local memory that there are. Element types are float, double,
       int, long, char, uchar (u8 and bool) and ushort (the bits of f16 and bf16); hebb_real is
       double if y is f64, else float.
       `launch` says how it is run; not called if y has no elements. Both NULL: not on OpenCL. */
    const char *source, *function;
    hebb_status (*launch)(const hebb_signature *x, const hebb_signature *y, const void *options,
                          hebb_launch *launch, char *message);
} hebb_op;

/* The op on its operands; op and options are copied, byte by byte.
       hebb_custom(&op, HEBB_TENSORS(a, b))
       hebb_custom_with(&op, HEBB_TENSORS(a, b), &options, sizeof options)
   Errors as for hebb_apply(), and what the shape rule answers. When a plan is made:
   HEBB_E_UNSUPPORTED if the op has nothing for the device, HEBB_E_ARGUMENT for a launch that makes
   no sense, HEBB_E_DEVICE with the compiler's words if the source does not compile. When it is run:
   what the CPU function answers. */
#define hebb_custom(op, ...)      hebb_custom_at(HEBB_APPLY_LINE_, (op), __VA_ARGS__, NULL, 0)
#define hebb_custom_with(op, ...) hebb_custom_at(HEBB_APPLY_LINE_, (op), __VA_ARGS__)
HEBB_API hebb_tensor *hebb_custom_at(const char *file, int line, const hebb_op *op,
                                     hebb_tensor *const *xs, size_t n_xs, const void *options,
                                     size_t options_size);

#ifndef HEBB_NO_HERE
#define HEBB_APPLY_LINE_ __FILE__, __LINE__
#else
#define HEBB_APPLY_LINE_ NULL, 0
#endif

#ifdef __cplusplus
}
#endif
#endif
