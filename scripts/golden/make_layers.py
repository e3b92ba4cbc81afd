#!/usr/bin/env python3
"""Golden values of layers of images, by Keras: KERAS_BACKEND=jax make_layers.py FILE.

A case has x, g (the kernel), b (the bias) and y."""

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


def last(a):  # [n, c, ...] as Keras has it on every backend
    return numpy.moveaxis(a, 1, -1)


def first(a):
    return numpy.moveaxis(numpy.array(a), -1, 1)


def case(out, name, layer, x, channels=False, order=None, letters="gb"):
    layer.build(last(x).shape if channels else x.shape)
    values = [draw(*w.shape) for w in layer.weights]
    layer.set_weights(values)
    y = first(layer(last(x))) if channels else layer(x)
    out.write(f"case {name}\n")
    write_array(out, "x", x)
    for letter, value in zip(letters, values):
        turned = order(value) if order and value.ndim > 1 else value
        write_array(out, letter, turned)
    write_array(out, "y", numpy.array(y))


def oihw(k):
    return numpy.transpose(k, (3, 2, 0, 1))


def depthwise(k):  # [h, w, channels, multiplier]
    k = numpy.transpose(k, (2, 3, 0, 1))
    return k.reshape(-1, 1, *k.shape[2:])


with open(sys.argv[1], "w") as f:
    f.write(f"# Layers by scripts/golden/make_layers.py, Keras {keras.__version__}.\n")
    case(f, "conv", L.Conv2D(3, (3, 2), strides=2, activation="relu"), draw(2, 2, 7, 6), True, oihw)
    case(f, "conv_same", L.Conv2D(4, 3, padding="same", groups=2), draw(1, 2, 5, 4), True, oihw)
    case(f, "depthwise", L.DepthwiseConv2D(3, depth_multiplier=2), draw(2, 2, 5, 5), True, depthwise)
    case(f, "conv_transpose", L.Conv2DTranspose(2, 3, strides=2), draw(1, 3, 3, 2), True, oihw)
