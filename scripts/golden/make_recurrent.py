#!/usr/bin/env python3
"""Golden values of recurrent layers, by Keras: KERAS_BACKEND=jax make_recurrent.py FILE.

w, u, b and v are kernel, recurrent kernel, bias and recurrent bias, m the mask (0 or 1), h and c initial
states; y is the result, dx, dw and du the gradients for the cotangent dy."""

import os
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")
import jax
import keras
import numpy

from hexadecimal import write_array

random = numpy.random.default_rng(7)
L = keras.layers
UNITS = 4


def draw(*sizes):
    return (random.integers(-48, 49, size=sizes) / 32).astype("float32")


def case(out, name, layer, states=0, mask=False, turned=False):
    x = draw(3, 5, 2)
    layer.build(x.shape)
    weights = [draw(*w.shape) for w in layer.weights]
    m = numpy.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 1, 1, 0]]) if mask else None
    initial = [draw(3, UNITS) for _ in range(states)]

    def run(x, kernel, recurrent):
        values = [kernel, recurrent] + weights[2:]
        y = layer.stateless_call(values, layer.non_trainable_variables, x,
                                 mask=None if m is None else m.astype(bool),
                                 initial_state=initial or None)[0]
        return y[:, ::-1] if turned else y

    y, pull = jax.vjp(run, x, weights[0], weights[1])
    dy = draw(*y.shape)
    dx, dw, du = pull(dy)
    out.write(f"case {name}\n")
    named = {"x": x, "w": weights[0], "u": weights[1]}
    if len(weights) > 2:
        bias = weights[2]
        named["b"] = bias[0] if bias.ndim == 2 else bias
        if bias.ndim == 2:
            named["v"] = bias[1]
    if mask:
        named["m"] = m
    named.update(zip("hc", initial))
    named.update(y=y, dy=dy, dx=dx, dw=dw, du=du)
    for key, value in named.items():
        write_array(out, key, value)


with open(sys.argv[1], "w") as out:
    out.write(f"# Recurrent layers by scripts/golden/make_recurrent.py, Keras {keras.__version__}.\n")
    case(out, "simple", L.SimpleRNN(UNITS, return_sequences=True))
    case(out, "lstm", L.LSTM(UNITS))
    case(out, "lstm_sequences", L.LSTM(UNITS, return_sequences=True))
    case(out, "lstm_initial", L.LSTM(UNITS, return_sequences=True), states=2)
    case(out, "lstm_mask", L.LSTM(UNITS, return_sequences=True), mask=True)
    case(out, "lstm_backwards", L.LSTM(UNITS, return_sequences=True, go_backwards=True), turned=True)
    case(out, "gru", L.GRU(UNITS, return_sequences=True))
    case(out, "gru_mask", L.GRU(UNITS), mask=True)
    case(out, "gru_before", L.GRU(UNITS, return_sequences=True, reset_after=False))
