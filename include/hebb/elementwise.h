/* HEBB_ELEMENTWISE: an elementwise op from one expression (hebb/custom.h says what to do with it).
   A header of its own, for C only, because <tgmath.h> makes macros of exp, log and the rest. */
#ifndef HEBB_ELEMENTWISE_H
#define HEBB_ELEMENTWISE_H

#include <tgmath.h>
#include <hebb/custom.h>

/* At file scope, HEBB_ELEMENTWISE(lerp, (a, b, t), a + t * (b - a)); defines the static object
   `lerp`, of one to four parameters, and declares its gradient rule, which must follow:
   static void lerp_gradient(hebb_grad *d). HEBB_ELEMENTWISE_FORWARD is the same without a gradient.

   The expression is compiled twice here, with parameters of type float and of type double, and its
   text a third time by the driver of an OpenCL device. So it stands by itself: operators, ?:,
   literals, the parameters, and functions that C and OpenCL share (exp, log, sqrt, pow, fabs, fmax,
   tanh, erf, ...). hebb_real is the type of the parameters. A literal such as 0.1 is a double, and
   makes a double of what it meets; (hebb_real)0.1 does not, and is what fmax, pow and other
   functions of several arguments want beside a parameter: fmax(x, (hebb_real)0). On OpenCL devices
   all literals are of type hebb_real. A program whose expressions call functions links with -lm. */
#define HEBB_ELEMENTWISE(name, parameters, ...)                                                    \
    static void name##_gradient(hebb_grad *d);                                                     \
    HEBB_ELEMENTWISE_DEFINE_(name, parameters, #parameters, #__VA_ARGS__, name##_gradient,         \
                             __VA_ARGS__)
#define HEBB_ELEMENTWISE_FORWARD(name, parameters, ...)                                            \
    HEBB_ELEMENTWISE_DEFINE_(name, parameters, #parameters, #__VA_ARGS__, NULL, __VA_ARGS__)

/* ---- how ---- */

#if defined(__GNUC__)
#define HEBB_MAYBE_UNUSED_ __attribute__((unused))
#else
#define HEBB_MAYBE_UNUSED_
#endif

#define HEBB_ELEMENTWISE_DEFINE_(name, parameters, parameter_text, text, gradient, ...)            \
    HEBB_ELEMENTWISE_FUNCTION_(hebb_f32_##name, float, parameters, __VA_ARGS__)                    \
    HEBB_ELEMENTWISE_FUNCTION_(hebb_f64_##name, double, parameters, __VA_ARGS__)                   \
    static HEBB_MAYBE_UNUSED_ hebb_elementwise name = {                                            \
        #name,           HEBB_COUNT_ parameters, parameter_text, text,                             \
        hebb_f32_##name, hebb_f64_##name,        gradient}

#define HEBB_ELEMENTWISE_FUNCTION_(function, type, parameters, ...)                                \
    static void function(type *hebb_y_, const type *const *hebb_x_, int64_t hebb_n_) {             \
        typedef type hebb_real;                                                                    \
        for (int64_t hebb_i_ = 0; hebb_i_ < hebb_n_; hebb_i_++) {                                  \
            HEBB_LOCALS_ parameters hebb_y_[hebb_i_] = (hebb_real)(__VA_ARGS__);                   \
        }                                                                                          \
    }

#define HEBB_FIFTH_(a, b, c, d, e, ...) e
#define HEBB_COUNT_(...)                HEBB_FIFTH_(__VA_ARGS__, 4, 3, 2, 1, 0)
#define HEBB_LOCALS_(...)                                                                          \
    HEBB_FIFTH_(__VA_ARGS__, HEBB_LOCALS4_, HEBB_LOCALS3_, HEBB_LOCALS2_, HEBB_LOCALS1_, 0)        \
    (__VA_ARGS__)
#define HEBB_LOCAL_(k, a)                                                                          \
    const hebb_real a = hebb_x_[k][hebb_i_];                                                       \
    (void)a;
#define HEBB_LOCALS1_(a)          HEBB_LOCAL_(0, a)
#define HEBB_LOCALS2_(a, b)       HEBB_LOCALS1_(a) HEBB_LOCAL_(1, b)
#define HEBB_LOCALS3_(a, b, c)    HEBB_LOCALS2_(a, b) HEBB_LOCAL_(2, c)
#define HEBB_LOCALS4_(a, b, c, d) HEBB_LOCALS3_(a, b, c) HEBB_LOCAL_(3, d)

#endif
