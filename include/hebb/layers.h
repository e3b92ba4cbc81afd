/* Layers. Everything here is composed from ops.h: read src/nn/ and write your own the same way.
   Option fields left zero take their default. */
#ifndef HEBB_LAYERS_H
#define HEBB_LAYERS_H

#include <hebb/activations.h>
#include <hebb/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hebb_dense_options {
    hebb_activation activation;          /* default none */
    bool no_bias;                        /* default false: a bias is added */
    hebb_initializer kernel_initializer; /* default Glorot uniform */
    hebb_initializer bias_initializer;   /* default zeros */
    const char *name;                    /* of the layer, default "dense", "dense_1", ...; its
                                            variables are name/kernel and name/bias */
    int reserved_;
} hebb_dense_options;
/* activation(x kernel + bias): [..., in] -> [..., units]; the kernel is [in, units]. x is floating,
   of rank 2 or more, with a known last dimension. hebb_dense(x, 128, .activation = hebb_relu) */
#define hebb_dense(x, ...) hebb_dense_args(x, __VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_dense_with(hebb_tensor *x, int64_t units,
                                      const hebb_dense_options *options);

#ifdef __cplusplus
}
#endif

#define hebb_dense_args(x, n_units, ...)                                                           \
    hebb_dense_with(HEBB_HERE(x), (n_units), &(const hebb_dense_options){__VA_ARGS__})
#endif
