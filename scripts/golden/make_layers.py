#!/usr/bin/env python3
"""Golden values of layers, by Keras: KERAS_BACKEND=jax make_layers.py FILE.

A case has x (of integers: i) and y, of two inputs z too, and variables by their names in the layer."""

import os
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")
import keras
import numpy

from hexadecimal import write_array

random = numpy.random.default_rng(5)
L = keras.layers


def draw(*sizes):
    return (random.integers(-96, 97, size=sizes) / 32).astype("float32")


def oihw(k):  # [size..., in, out], or of a transposed one [size..., out, in]
    return numpy.moveaxis(k, (-1, -2), (0, 1))


def depthwise(k):  # [size..., channels, multiplier]
    k = numpy.moveaxis(k, (-2, -1), (0, 1))
    return k.reshape(-1, 1, *k.shape[2:])


NAMES = {"depthwise_kernel": "depthwise/kernel", "pointwise_kernel": "pointwise/kernel", "embeddings": "table"}


def name_of(path, prefixes):
    found = [p for p in prefixes if p in path]
    last_part = path.split("/")[-1]
    if found:
        return f"{found[0].strip('/').split('_')[0]}/{last_part}"
    if last_part == "bias" and "separable" in path:
        return "pointwise/bias"
    return NAMES.get(last_part, last_part)


def turned(layer, name, value):
    if value.ndim < 3 or name == "alpha":
        return value
    alone = name.startswith("depthwise") or isinstance(layer, (L.DepthwiseConv1D, L.DepthwiseConv2D))
    return depthwise(value) if alone else oihw(value)


def case(out, name, layer, x, channels=False, axis=1, kernels=True, prefixes=()):
    """channels: x has them at an axis, and Keras at the end."""

    def there(a):
        return numpy.moveaxis(a, axis, -1) if channels else a

    def back(a):
        a = numpy.array(a)
        return numpy.moveaxis(a, -1, axis if a.ndim == x.ndim else axis - 1) if channels else a

    layer.build(there(x).shape)
    values = [draw(*w.shape) for w in layer.weights]
    layer.set_weights(values)
    y = back(layer(there(x)))
    out.write(f"case {name}\n")
    write_array(out, "i" if x.dtype == numpy.int32 else "x", x)
    for w, value in zip(layer.weights, values):
        key = name_of(w.path, prefixes)
        if key == "alpha" and channels:
            value = numpy.moveaxis(value, -1, 0)
        write_array(out, key, turned(layer, key, value) if kernels else value)
    write_array(out, "y", y)


def pair(out, name, layer, x, z):
    out.write(f"case {name}\n")
    write_array(out, "x", x)
    write_array(out, "z", z)
    write_array(out, "y", numpy.array(layer([x, z])))


def numbers(*sizes):
    return random.integers(0, 5, size=sizes).astype("int32")


def padded():
    x = draw(2, 4, 3)
    x[0, 2:] = 0
    x[1, 3] = 0
    x[1, 1, 0] = 0
    return x


class Mask(L.Layer):
    def call(self, x):
        return L.Masking().compute_mask(x)


class Spectral(L.Layer):
    """A dense layer over the largest singular value of its kernel, after many steps of the iteration."""

    def build(self, shape):
        self.inner = L.SpectralNormalization(L.Dense(3, use_bias=False), power_iterations=200)
        self.inner.build(shape)
        self.built = True

    def call(self, x):
        return self.inner(x, training=True)


def spectral(out):
    x, kernel = draw(2, 4), draw(4, 3)
    layer = Spectral()
    layer.build(x.shape)
    layer.inner.layer.kernel.assign(kernel)
    y = layer(x)
    out.write("case spectral\n")
    for key, value in (("x", x), ("kernel", kernel), ("y", y)):
        write_array(out, key, value)


with open(sys.argv[1], "w") as f:
    f.write(f"# Layers by scripts/golden/make_layers.py, Keras {keras.__version__}.\n")
    case(f, "conv", L.Conv2D(3, (3, 2), strides=2, activation="relu"), draw(2, 2, 7, 6), True)
    case(f, "conv_same", L.Conv2D(4, 3, padding="same", groups=2), draw(1, 2, 5, 4), True)
    case(f, "conv1d", L.Conv1D(3, 3, dilation_rate=2, padding="same"), draw(2, 2, 6), True)
    case(f, "conv3d", L.Conv3D(2, 2, strides=(1, 2, 1)), draw(1, 2, 3, 4, 3), True)
    case(f, "depthwise", L.DepthwiseConv2D(3, depth_multiplier=2), draw(2, 2, 5, 5), True)
    case(f, "depthwise1d", L.DepthwiseConv1D(2, strides=2), draw(1, 3, 6), True)
    case(f, "separable", L.SeparableConv2D(3, 2, depth_multiplier=2), draw(1, 2, 4, 3), True)
    case(f, "separable1d", L.SeparableConv1D(2, 3, activation="tanh"), draw(1, 3, 5), True)
    case(f, "conv_transpose", L.Conv2DTranspose(2, 3, strides=2), draw(1, 3, 3, 2), True)
    case(f, "conv1d_transpose", L.Conv1DTranspose(2, 4, strides=2, padding="same"), draw(1, 3, 4), True)
    case(f, "conv3d_transpose", L.Conv3DTranspose(1, 2, strides=2), draw(1, 2, 2, 1, 2), True)
    case(f, "dense", L.Dense(3, activation="sigmoid"), draw(2, 2, 4))
    case(f, "embedding", L.Embedding(5, 3), numbers(2, 4))
    case(f, "einsum_dense", L.EinsumDense("abc,cde->abde", output_shape=(None, 2, 3), bias_axes="de"),
         draw(2, 3, 4), kernels=False)
    case(f, "einsum_dots", L.EinsumDense("...xy,yz->...xz", output_shape=(3, 2), bias_axes="xz", activation="relu"),
         draw(2, 3, 4), kernels=False)
    case(f, "prelu", L.PReLU(), draw(2, 3, 4))
    case(f, "prelu_shared", L.PReLU(shared_axes=[1, 2]), draw(2, 3, 2, 2), True)
    case(f, "up_sampling", L.UpSampling2D(2), draw(1, 2, 2, 3), True)
    case(f, "zero_padding", L.ZeroPadding2D(1), draw(1, 2, 2, 2), True)
    case(f, "cropping", L.Cropping2D(1), draw(1, 2, 4, 3), True)
    case(f, "repeat_vector", L.RepeatVector(3), draw(2, 3))
    case(f, "permute", L.Permute((2, 1)), draw(2, 3, 2))
    case(f, "global_average", L.GlobalAveragePooling2D(keepdims=True), draw(2, 2, 3, 2), True)
    case(f, "global_max", L.GlobalMaxPooling1D(keepdims=True), draw(2, 2, 4), True)
    case(f, "max_pool", L.MaxPooling2D(2, strides=1, padding="same"), draw(1, 2, 3, 3), True)
    case(f, "average_pool", L.AveragePooling3D(2), draw(1, 1, 2, 4, 3), True)
    pair(f, "average", L.Average(), draw(2, 3), draw(2, 3))
    pair(f, "maximum", L.Maximum(), draw(2, 3), draw(2, 3))
    pair(f, "multiply", L.Multiply(), draw(2, 3), draw(2, 3))
    pair(f, "dot", L.Dot(axes=(2, 1)), draw(2, 3, 4), draw(2, 4, 2))
    pair(f, "cosine", L.Dot(axes=1, normalize=True), draw(2, 4), draw(2, 4))
    case(f, "bidirectional", L.Bidirectional(L.LSTM(2, return_sequences=True)), draw(2, 3, 2), kernels=False,
         prefixes=("/forward_lstm/", "/backward_lstm/"))
    case(f, "time_distributed", L.TimeDistributed(L.Dense(2)), draw(2, 3, 2, 2))
    case(f, "conv_lstm", L.ConvLSTM2D(2, 2, padding="same"), draw(1, 3, 2, 3, 2), True, axis=2)
    case(f, "conv_lstm1d", L.ConvLSTM1D(2, 3, strides=2, return_sequences=True), draw(2, 2, 1, 7), True, axis=2)
    case(f, "masking", Mask(), padded())
    spectral(f)
    case(f, "rescaling", L.Rescaling(0.5, offset=-1), draw(2, 3))
    case(f, "normalization", L.Normalization(axis=1, mean=[0.5, -1, 2], variance=[4, 0.25, 0]), draw(2, 3, 2))
    case(f, "center_crop", L.CenterCrop(3, 2), draw(1, 2, 6, 5), True)
    case(f, "multi_hot", L.CategoryEncoding(5, output_mode="multi_hot"), numbers(3, 4))
    case(f, "count", L.CategoryEncoding(5, output_mode="count"), numbers(3, 4))
    case(f, "discretization", L.Discretization(bin_boundaries=[-1.0, 0.0, 1.5]), draw(2, 5))
