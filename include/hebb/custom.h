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

/* The op on its operands, which broadcast and are of one dtype, f32 or f64; so is the result.
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

#ifndef HEBB_NO_HERE
#define HEBB_APPLY_LINE_ __FILE__, __LINE__
#else
#define HEBB_APPLY_LINE_ NULL, 0
#endif

#ifdef __cplusplus
}
#endif
#endif
