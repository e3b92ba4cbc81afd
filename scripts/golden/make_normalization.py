#!/usr/bin/env python3
"""Golden values of normalization layers, by Keras: KERAS_BACKEND=jax make_normalization.py FILE.

y and dx are results and gradients for the cotangent dy, with scales and shifts other than 1 and 0. x is
[batch, channels, places] for those over channels, as Hebb has it; `moving` is batch normalization's mean
and variance after one training step, `z` what it makes of x then in inference."""

import os
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")
import jax
import keras
import numpy

from hexadecimal import write_array

keras.config.set_floatx("float32")
random = numpy.random.default_rng(5)
L = keras.layers


def draw(*sizes):
    return (random.integers(-96, 97, size=sizes) / 32).astype("float32")


def case(out, name, layer, x, dy, **call):
    layer.build(x.shape)
    for k, w in enumerate(layer.trainable_variables):
        w.assign(numpy.linspace(0.5, 1.5, w.shape[0]) - k)
    y, pull = jax.vjp(lambda v: layer(v, **call), x)
    out.write(f"case {name}\n")
    write_array(out, "x", x)
    write_array(out, "y", y)
    write_array(out, "dy", dy)
    write_array(out, "dx", pull(dy)[0])


with open(sys.argv[1], "w") as out:
    out.write(f"# Normalization by scripts/golden/make_normalization.py, Keras {keras.__version__}.\n")
    x, dy = draw(4, 6, 5), draw(4, 6, 5)
    case(out, "layer", L.LayerNormalization(), x, dy)
    case(out, "layer_epsilon", L.LayerNormalization(epsilon=0.5), x, dy)
    case(out, "rms", L.RMSNormalization(), x, dy)
    case(out, "group", L.GroupNormalization(groups=3, axis=1), x, dy)
    case(out, "instance", L.GroupNormalization(groups=-1, axis=1), x, dy)
    case(out, "unit", L.UnitNormalization(axis=-1), x, dy)
    batch = L.BatchNormalization(axis=1, momentum=0.9)
    case(out, "batch", batch, x, dy, training=True)
    fresh = L.BatchNormalization(axis=1, momentum=0.9)
    fresh.build(x.shape)
    fresh.trainable_variables[0].assign(numpy.linspace(0.5, 1.5, 6))
    fresh.trainable_variables[1].assign(numpy.linspace(0.5, 1.5, 6) - 1)
    fresh(x, training=True)
    out.write("case batch_moving\n")
    write_array(out, "x", x)
    write_array(out, "mean", fresh.moving_mean)
    write_array(out, "variance", fresh.moving_variance)
    write_array(out, "z", fresh(x, training=False))
