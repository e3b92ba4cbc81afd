/* Hebb: deep learning in C. This header includes the whole public interface:

   what everything is made of
     base.h        status codes, dtypes, shapes     array.h      host memory
     graph.h       graphs, inputs, variables        device.h     the devices there are
     session.h     running a graph on a device      autodiff.h   gradients
   operations
     ops.h         the usual ones                   control.h    loops, gradients of your own
     conv.h        convolution, pooling, resizing   indexing.h   taking, putting, sorting
     einsum.h      products by formula              reductions.h products, variance, sums along
     movement.h    flipping, rolling, tiling        random.h     integers, permutations, ...
     custom.h      ops of your own                  gradcheck.h  checking gradients
   networks (nn.h has all of these)
     layers.h      dense, embedding, dropout        conv_layers.h   convolution by layers
     normalization.h  batch, layer, group, ...      recurrent.h  LSTM, GRU
     attention.h   attention, positions            preprocessing.h  scaling, categories
     activations.h, losses.h, metrics.h             layer.h      making layers of your own
     optimizers.h  update rules, the step           schedules.h  learning rates that change
   training
     train.h       models, fit, evaluate, predict   callbacks.h  hooks into training
     data.h        batches                          prepare.h    splits, scaling, one-hot rows
     folds.h       cross-validation                 search.h     hyperparameters
     transform.h   changing batches                 augment.h    changing images at random
     text.h        text and vocabularies            summary.h    a model as a table
     plot.h        curves, surfaces, bars           tensorboard.h  logs for TensorBoard
   files
     checkpoint.h  saving and loading a session     safetensors.h   named arrays
     io.h          IDX, CIFAR, CSV                  npy.h        NumPy's
     image.h       PNG, images side by side

   A model is a graph, built once; a session binds it to a device and runs it:

     hebb_graph  *g = hebb_graph_create();
     hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 784));
     hebb_tensor *t = hebb_input(g, "label", HEBB_I32, HEBB_SHAPE(HEBB_ANY));
     hebb_tensor *h = hebb_dense(x, 128, .activation = hebb_relu);
     hebb_tensor *loss = hebb_sparse_softmax_cross_entropy(hebb_dense(h, 10), t);
     hebb_tensor *step = hebb_minimize(loss, hebb_adam(.learning_rate = 1e-3));

     hebb_device  *dev = hebb_device_open("auto");
     hebb_session *s = hebb_session_create(g, dev, .seed = 1);
     hebb_run(s, HEBB_FEED({x, &images}, {t, &labels}), HEBB_FETCH({step, NULL}, {loss, &value}));
     if (hebb_failed(s)) fprintf(stderr, "%s\n", hebb_message(s)); */
#ifndef HEBB_HEBB_H
#define HEBB_HEBB_H

#include <hebb/base.h>
#include <hebb/control.h>
#include <hebb/array.h>
#include <hebb/graph.h>
#include <hebb/layer.h>
#include <hebb/ops.h>
#include <hebb/conv.h>
#include <hebb/reductions.h>
#include <hebb/movement.h>
#include <hebb/indexing.h>
#include <hebb/einsum.h>
#include <hebb/random.h>
#include <hebb/autodiff.h>
#include <hebb/custom.h>
#include <hebb/device.h>
#include <hebb/session.h>
#include <hebb/gradcheck.h>
#include <hebb/nn.h>
#include <hebb/data.h>
#include <hebb/prepare.h>
#include <hebb/augment.h>
#include <hebb/train.h>
#include <hebb/callbacks.h>
#include <hebb/folds.h>
#include <hebb/search.h>
#include <hebb/io.h>
#include <hebb/image.h>
#include <hebb/summary.h>
#include <hebb/plot.h>
#include <hebb/tensorboard.h>
#include <hebb/text.h>
#include <hebb/safetensors.h>
#include <hebb/npy.h>
#include <hebb/checkpoint.h>

#endif
