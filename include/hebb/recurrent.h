/* Recurrent layers on hebb_scan(). Names, defaults and formulas as in Keras 3. x is [batch, time,
   features], floating, features known; batch and time may be open. The projection of all inputs is
   one product before the loop; in the loop there is one product with the state. */
#ifndef HEBB_RECURRENT_H
#define HEBB_RECURRENT_H

#include <hebb/activations.h>
#include <hebb/control.h>
#include <hebb/conv.h>
#include <hebb/graph.h>
#include <hebb/layer.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hebb_recurrent_options {
    bool sequences; /* results of all steps, [batch, time, units]; default: the last, [batch, units]
                     */
    bool go_backwards; /* from the last step to the first; results stay at their inputs' positions
                          (Keras reverses them), and the last one is that of the first step */
    hebb_tensor *mask; /* bool [batch, time]: where it is false, state and result are those of the
                          step before, at first the initial state (Keras: a result of 0) */
    hebb_tensor_list initial_state; /* [batch, units] each: h, of an LSTM h and c; default zeros */
    hebb_tensor **final_state;      /* to be set: h, of an LSTM h and c; may be NULL */
    hebb_activation activation;     /* default hebb_tanh */
    hebb_activation recurrent_activation; /* of gates; default hebb_sigmoid */
    bool no_bias;
    bool no_unit_forget_bias; /* LSTM: the forget gate's bias starts as 0, not 1 */
    bool reset_before; /* GRU: the reset gate works on the state, not on its product: with one
                          bias, as K. Cho et al. 2014 */
    double dropout;    /* of inputs, and ... */
    double recurrent_dropout; /* ... of states, in training: the same ones in all steps (Y. Gal and
                                 Z. Ghahramani 2016) */
    hebb_initializer kernel_initializer;    /* default Glorot uniform */
    hebb_initializer recurrent_initializer; /* default orthogonal */
    const char *name;                       /* default "lstm", "lstm_1", ... */
    int reserved_;
} hebb_recurrent_options;

/* h = activation(x kernel + h recurrent_kernel + bias); variables kernel [features, units],
   recurrent_kernel [units, units], bias [units]. hebb_simple_rnn(x, 32, .sequences = true) */
#define hebb_simple_rnn(x, ...) hebb_simple_rnn_args(x, __VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_simple_rnn_with(hebb_tensor *x, int64_t units,
                                           const hebb_recurrent_options *options);
/* S. Hochreiter and J. Schmidhuber 1997 with forget gates (F. Gers et al. 2000):
     i, f, o = recurrent_activation(x kernel + h recurrent_kernel + bias), g = activation(...)
     c = f c + i g; h = o activation(c)
   kernel [features, 4 units], recurrent_kernel [units, 4 units], bias [4 units], in order i f g o.
 */
#define hebb_lstm(x, ...) hebb_lstm_args(x, __VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_lstm_with(hebb_tensor *x, int64_t units,
                                     const hebb_recurrent_options *options);
/* z, r = recurrent_activation(x kernel + h recurrent_kernel + biases)
     g = activation(x kernel + bias + r (h recurrent_kernel + recurrent_bias)); h = z h + (1 - z) g
   kernel [features, 3 units], recurrent_kernel [units, 3 units], bias and recurrent_bias [3 units],
   in order z r g. */
#define hebb_gru(x, ...) hebb_gru_args(x, __VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_gru_with(hebb_tensor *x, int64_t units,
                                    const hebb_recurrent_options *options);

typedef struct hebb_conv_lstm_options {
    bool sequences; /* results of all steps, [batch, time, filters, ...]; default: the last one */
    bool go_backwards; /* as of hebb_lstm() */
    int64_t kernel[3]; /* sizes, where they differ between dimensions */
    int64_t stride[3]; /* of the inputs' convolution, default 1; so dilation and padding */
    int64_t dilation[3];
    hebb_padding padding;                 /* default none; HEBB_PADDING_SAME */
    hebb_activation activation;           /* default hebb_tanh */
    hebb_activation recurrent_activation; /* of gates; default hebb_sigmoid */
    bool no_bias, no_unit_forget_bias;
    hebb_initializer kernel_initializer;    /* default Glorot uniform */
    hebb_initializer recurrent_initializer; /* default orthogonal */
    const char *name;                       /* default "conv_lstm2d", ... */
    int reserved_;
} hebb_conv_lstm_options;
/* An LSTM whose products are convolutions (X. Shi et al. 2015): x [batch, time, channels, sizes...]
   with 1 to 3 sizes, all but batch and time known -> [batch, filters, sizes...]. kernel [4 filters,
   channels, size...], recurrent_kernel [4 filters, filters, size...] in order i f g o, whose
   convolution keeps the sizes, bias [4 filters]. hebb_conv_lstm(x, 16, 3, .padding =
   HEBB_PADDING_SAME) */
#define hebb_conv_lstm(x, ...) hebb_conv_lstm_args(x, __VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_conv_lstm_with(hebb_tensor *x, int64_t filters, int64_t size,
                                          const hebb_conv_lstm_options *options);

/* How the two directions are joined. */
typedef enum hebb_merge {
    HEBB_MERGE_CONCAT = 0,
    HEBB_MERGE_SUM,
    HEBB_MERGE_MUL,
    HEBB_MERGE_AVERAGE
} hebb_merge;
typedef hebb_tensor *hebb_recurrent_layer(hebb_tensor *x, int64_t units,
                                          const hebb_recurrent_options *options);
/* The layer (hebb_lstm_with, ...) in both directions, with options for both (NULL: defaults):
   variables bidirectional/forward/..., bidirectional/backward/.... Initial and final states are not
   for it: HEBB_E_ARGUMENT. hebb_bidirectional(hebb_lstm_with, x, 64,
   &(hebb_recurrent_options){.sequences = true}, HEBB_MERGE_CONCAT) */
HEBB_API hebb_tensor *hebb_bidirectional(hebb_recurrent_layer *layer, hebb_tensor *x, int64_t units,
                                         const hebb_recurrent_options *options, hebb_merge merge);

/* A layer applied to each step: x [batch, time, ...] is seen as [batch time, ...], and the result
   as [batch, time, ...] again. `layer` gets `user`. */
HEBB_API hebb_tensor *hebb_time_distributed(hebb_tensor *x,
                                            hebb_tensor *(*layer)(hebb_tensor *x, void *user),
                                            void *user);

/* bool [batch, time]: false for the steps of x [batch, time, ...] all of whose elements are
   `value`: what the mask of a padded sequence is. x is numeric. */
HEBB_API hebb_tensor *hebb_masking(hebb_tensor *x, double value);
/* bool [batch, time] from lengths (i32 [batch]): true before the length. `like` is [batch, time,
   ...]; only its shape counts. */
HEBB_API hebb_tensor *hebb_sequence_mask(hebb_tensor *lengths, hebb_tensor *like);

#ifdef __cplusplus
}
#endif

#define hebb_simple_rnn_args(x, units, ...)                                                        \
    hebb_simple_rnn_with(HEBB_HERE(x), (units), &(const hebb_recurrent_options){__VA_ARGS__})
#define hebb_lstm_args(x, units, ...)                                                              \
    hebb_lstm_with(HEBB_HERE(x), (units), &(const hebb_recurrent_options){__VA_ARGS__})
#define hebb_gru_args(x, units, ...)                                                               \
    hebb_gru_with(HEBB_HERE(x), (units), &(const hebb_recurrent_options){__VA_ARGS__})
#define hebb_conv_lstm_args(x, filters, size, ...)                                                 \
    hebb_conv_lstm_with(HEBB_HERE(x), (filters), (size),                                           \
                        &(const hebb_conv_lstm_options){__VA_ARGS__})
#ifndef HEBB_NO_HERE
#define hebb_masking(x, value) (hebb_masking)(HEBB_HERE(x), value)
#endif
#endif
