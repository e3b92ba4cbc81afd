#!/usr/bin/env python3
"""Golden values of optimizers and schedules, by Keras: KERAS_BACKEND=jax make_optimizers.py FILE.

An optimizer's case has a variable w, the gradients g of six steps, and y, the variable after each step.
A schedule's has the numbers of steps, x, and the rates y."""

import os
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")
import keras
import numpy

from hexadecimal import write_array

random = numpy.random.default_rng(3)
start = random.integers(-64, 65, size=(3, 2)) / 32
gradients = random.integers(-64, 65, size=(6, 3, 2)) / 32


def run(optimizer):
    w = keras.Variable(start.astype("float32"))
    rows = []
    for g in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(g.astype("float32"))], [w])
        rows.append(numpy.array(w.value))
    return numpy.stack(rows)


o = keras.optimizers
OPTIMIZERS = {
    "sgd": o.SGD(0.1),
    "sgd_momentum": o.SGD(0.1, momentum=0.9),
    "sgd_nesterov": o.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    "adam": o.Adam(0.1),
    "adam_amsgrad": o.Adam(0.1, beta_1=0.8, beta_2=0.7, amsgrad=True),
    "adamw": o.AdamW(0.1),
    "adamax": o.Adamax(0.1),
    "nadam": o.Nadam(0.1),
    "adagrad": o.Adagrad(0.1),
    "adadelta": o.Adadelta(1.0),
    "rmsprop": o.RMSprop(0.1),
    "rmsprop_centered": o.RMSprop(0.1, rho=0.8, momentum=0.5, centered=True),
    "lion": o.Lion(0.1),
    "lamb": o.Lamb(0.1),
    "clip_value": o.SGD(0.1, clipvalue=0.5),
    "clip_norm": o.SGD(0.1, clipnorm=1.0),
    "global_clip_norm": o.SGD(0.1, global_clipnorm=1.0),
    "accumulate": o.SGD(0.1, momentum=0.5, gradient_accumulation_steps=3),
}

s = keras.optimizers.schedules
SCHEDULES = {
    "exponential": s.ExponentialDecay(0.5, 100, 0.9),
    "staircase": s.ExponentialDecay(0.5, 100, 0.5, staircase=True),
    "inverse_time": s.InverseTimeDecay(0.5, 100, 0.7),
    "piecewise": s.PiecewiseConstantDecay([100, 250], [0.5, 0.2, 0.1]),
    "polynomial": s.PolynomialDecay(0.5, 300, 0.01, power=2.0),
    "polynomial_cycle": s.PolynomialDecay(0.5, 130, 0.01, power=0.5, cycle=True),
    "cosine": s.CosineDecay(0.5, 400, alpha=0.1),
    "restarts": s.CosineDecayRestarts(0.5, 100),
    "restarts_equal": s.CosineDecayRestarts(0.5, 100, t_mul=1.0, m_mul=0.8, alpha=0.1),
    "warm_up": s.CosineDecay(0.0, 400, warmup_target=0.5, warmup_steps=50),
}

with open(sys.argv[1], "w") as out:
    out.write(f"# Optimizers and schedules by scripts/golden/make_optimizers.py, Keras {keras.__version__}.\n")
    for name, optimizer in OPTIMIZERS.items():
        out.write(f"case {name}\n")
        write_array(out, "w", start)
        write_array(out, "g", gradients)
        write_array(out, "y", run(optimizer))
    steps = numpy.array([0, 1, 2, 10, 49, 50, 51, 99, 100, 101, 150, 199, 200, 249, 250, 251, 299, 300, 301, 399, 450, 699, 1000])
    for name, schedule in SCHEDULES.items():
        out.write(f"case {name}\n")
        write_array(out, "x", steps)
        write_array(out, "y", [float(schedule(int(step))) for step in steps])
