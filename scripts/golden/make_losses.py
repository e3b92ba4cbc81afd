#!/usr/bin/env python3
"""Golden values of activations and losses, by Keras: KERAS_BACKEND=jax make_losses.py FILE.

The case `data` has tensors that the others name: `case huber loss=huber p=x t=u delta=0.5`. A case
has y and dp: the gradient of y, or, of an activation, of the sum of y times the tensor v."""

import os
import sys

os.environ["KERAS_BACKEND"] = "jax"
import jax

jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp
import keras
import numpy

from hexadecimal import write_array

keras.config.set_floatx("float64")
random = numpy.random.default_rng(7)
out = open(sys.argv[1], "w")


def draw(*sizes, low=-96, high=96):
    return random.integers(low, high + 1, size=sizes) / 32


def write_case(name, y, dp, **options):
    out.write(" ".join(["case", name] + [f"{k}={v}" for k, v in options.items()]) + "\n")
    write_array(out, "y", numpy.array(y))
    write_array(out, "dp", numpy.array(dp))


out.write(f"# Activations and losses by scripts/golden/make_losses.py, Keras {keras.__version__}.\n")
targets = numpy.array([[1, 0, 0, 0], [0, 0.25, 0.25, 0.5], [0, 0, 0, 1]])
data = {
    "x": draw(3, 4),  # logits, predictions
    "p": draw(3, 4, low=1, high=31),  # probabilities; rows are not scaled to 1
    "t": targets,
    "b": random.integers(0, 2, size=(3, 4)),
    "s": 2 * random.integers(0, 2, size=(3, 4)) - 1,
    "u": draw(3, 4),
    "i": [0, 3, 1],
    "w": [0.5, 2, 1],
    "v": draw(3, 4),
}
out.write("case data\n")
for key, value in data.items():
    write_array(out, key, value)
data = {key: jnp.array(value) for key, value in data.items()}
data["i"] = data["i"].astype("int32")

# ---- activations ----

A = keras.activations


def sparsemax(x):
    """By definition: Keras 3.15's adds up the sums where more than one element is positive."""
    z = -jnp.sort(-x, axis=-1)
    sums = jnp.cumsum(z, axis=-1)
    support = 1 + jnp.arange(1, x.shape[-1] + 1) * z > sums
    n = jnp.sum(support, axis=-1, keepdims=True)
    threshold = (jnp.take_along_axis(sums, n - 1, axis=-1) - 1) / n
    return jnp.maximum(x - threshold, 0)


activations = dict(
    celu=A.celu, elu=A.elu, exponential=A.exponential, gelu=lambda x: A.gelu(x, approximate=False),
    gelu_tanh=lambda x: A.gelu(x, approximate=True), glu=A.glu, hard_shrink=A.hard_shrink,
    hard_sigmoid=A.hard_sigmoid, hard_silu=A.hard_silu, hard_tanh=A.hard_tanh,
    leaky_relu=A.leaky_relu, linear=A.linear, log_sigmoid=A.log_sigmoid, log_softmax=A.log_softmax,
    mish=A.mish, relu=A.relu, relu6=A.relu6, selu=A.selu, sigmoid=A.sigmoid, silu=A.silu,
    soft_shrink=A.soft_shrink, softmax=A.softmax, softplus=A.softplus, softsign=A.softsign,
    sparsemax=sparsemax, squareplus=A.squareplus, tanh=A.tanh, tanh_shrink=A.tanh_shrink,
    threshold=lambda x: A.threshold(x, 0.25, -2.0))
for name, function in activations.items():
    y, back = jax.vjp(function, data["x"])
    v = data["v"][:, :2] if name == "glu" else data["v"]
    write_case(name, y, back(v.astype(y.dtype))[0])

# ---- losses ----


def loss(name, p, t, **options):
    """Ours by `name`; options as in Keras, but for `weighted`."""
    weighted = options.pop("weighted", False)
    words = dict(loss=name, p=p, t=t, **options)
    words = {key: int(v) if isinstance(v, bool) else v for key, v in words.items()}
    if weighted:
        words["w"] = "w"
    function = LOSSES[name](**options)
    weights = data["w"] if weighted else None
    f = lambda x: function(data[t], x, sample_weight=weights)
    y = f(data[p])
    write_case(name, y, jax.grad(lambda x: jnp.sum(f(x)))(data[p]), **words)


L = keras.losses
LOSSES = dict(
    mean_squared_error=L.MeanSquaredError, mean_absolute_error=L.MeanAbsoluteError,
    mean_absolute_percentage_error=L.MeanAbsolutePercentageError,
    mean_squared_logarithmic_error=L.MeanSquaredLogarithmicError, huber=L.Huber, log_cosh=L.LogCosh,
    cosine_similarity=L.CosineSimilarity, poisson=L.Poisson, hinge=L.Hinge,
    squared_hinge=L.SquaredHinge, categorical_hinge=L.CategoricalHinge,
    binary_cross_entropy=L.BinaryCrossentropy, categorical_cross_entropy=L.CategoricalCrossentropy,
    binary_focal_cross_entropy=L.BinaryFocalCrossentropy,
    categorical_focal_cross_entropy=L.CategoricalFocalCrossentropy, kl_divergence=L.KLDivergence,
    sparse_cross_entropy=L.SparseCategoricalCrossentropy, dice=L.Dice, tversky=L.Tversky)

for name in ("mean_squared_error", "mean_absolute_error", "mean_absolute_percentage_error",
             "huber", "log_cosh", "cosine_similarity"):
    loss(name, "x", "u")
loss("mean_squared_logarithmic_error", "p", "t")
loss("mean_squared_error", "x", "u", reduction="sum")
loss("mean_squared_error", "x", "u", reduction="none", weighted=True)
loss("mean_absolute_error", "x", "u", weighted=True)
loss("huber", "x", "u", delta=0.5, reduction="sum", weighted=True)
loss("poisson", "p", "t")
for name in ("hinge", "squared_hinge"):
    loss(name, "x", "s")
    loss(name, "x", "b")
loss("categorical_hinge", "x", "t")
loss("categorical_hinge", "x", "t", reduction="none", weighted=True)
for name, target in (("binary_cross_entropy", "b"), ("binary_focal_cross_entropy", "b"),
                     ("categorical_cross_entropy", "t"), ("categorical_focal_cross_entropy", "t")):
    loss(name, "p", target)
    loss(name, "x", target, from_logits=True)
    loss(name, "x", target, from_logits=True, label_smoothing=0.2, weighted=True)
    loss(name, "p", target, label_smoothing=0.2, reduction="sum")
loss("binary_focal_cross_entropy", "p", "t", gamma=1.5)
loss("categorical_focal_cross_entropy", "p", "t", gamma=1.5, alpha=0.75)
loss("kl_divergence", "p", "t")
loss("sparse_cross_entropy", "p", "i")
loss("sparse_cross_entropy", "x", "i", from_logits=True, reduction="none", weighted=True)
loss("sparse_cross_entropy", "x", "i", from_logits=True, ignore_class=3)
loss("sparse_cross_entropy", "p", "i", ignore_class=3, weighted=True)
loss("dice", "p", "t")
loss("tversky", "p", "t")
loss("tversky", "p", "t", alpha=0.25, beta=0.75)

# ---- sequences ----

logits = draw(3, 6, 4)
labels = numpy.array([[1, 2, 1], [3, 3, 0], [0, 0, 0]])
lengths = numpy.array([6, 4, 2])


def ctc(x):
    return keras.ops.ctc_loss(labels, x, numpy.array([3, 2, 0]), lengths, mask_index=0)


write_case("ctc", ctc(jnp.array(logits)), jax.grad(lambda x: jnp.sum(ctc(x)))(jnp.array(logits)))
write_array(out, "x", logits)
write_array(out, "labels", labels)
write_array(out, "lengths", lengths)
out.close()
