#!/usr/bin/env python3
"""Golden values of attention, by Keras: KERAS_BACKEND=jax make_attention.py FILE.

q, v and k are query, value and key, n, m and a the masks of queries, values and pairs (0 or 1); variables have
their names in the layer. y is the result, s the weights, dq and dv the gradients for the cotangent dy. Sines and
rotations of places, x -> y from place 3 on, are NumPy's, written with complex numbers."""

import os
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")
import jax
import keras
import numpy

from hexadecimal import write_array

random = numpy.random.default_rng(11)
L = keras.layers
BATCH, QUERIES, KEYS = 2, 3, 4


def draw(*sizes):
    return (random.integers(-32, 33, size=sizes) / 32).astype("float32")


def mask(*sizes):
    m = random.integers(0, 2, size=sizes).astype("float32")
    m[..., 0] = 1  # nothing without any
    return m


def case(out, name, layer, features=4, separate=False, self_attention=False, masks="", causal=False):
    plain = isinstance(layer, L.Attention)
    keys = QUERIES if self_attention else KEYS
    q = draw(BATCH, QUERIES, features)
    v = q if self_attention else draw(BATCH, keys, features)
    given = {"q": q}
    if not self_attention:
        given["v"] = v
    if separate:
        given["k"] = draw(BATCH, keys, features)
    k = given.get("k")
    drawn = {"n": mask(BATCH, QUERIES), "m": mask(BATCH, keys), "a": mask(BATCH, QUERIES, keys)}
    used = {letter: drawn[letter] for letter in masks}
    truth = {letter: drawn[letter].astype(bool) if letter in masks else None for letter in "nma"}
    shapes = [x.shape for x in ([q, v] if k is None else [q, v, k])]
    layer.build(shapes) if plain else layer.build(*shapes)
    weights = [draw(*w.shape) for w in layer.weights]
    named = {"/".join(w.path.split("/")[-1 if plain else -2:]): value for w, value in zip(layer.weights, weights)}

    def run(q, v):
        v = q if self_attention else v
        arguments = dict(return_attention_scores=True, use_causal_mask=causal)
        if plain:
            inputs = [q, v] + ([k] if k is not None else [])
            return layer.stateless_call(weights, [], inputs, mask=[truth["n"], truth["m"]], **arguments)[0]
        return layer.stateless_call(weights, layer.non_trainable_variables, q, v, key=k, value_mask=truth["m"],
                                    attention_mask=truth["a"], **arguments)[0]

    (y, s), pull = jax.vjp(run, q, v)
    dy = draw(*y.shape)
    dq, dv = pull((dy, numpy.zeros_like(s)))
    out.write(f"case {name}\n")
    values = {**given, **used, **named, "y": y, "s": s, "dy": dy, "dq": dq}
    if not self_attention:
        values["dv"] = dv
    if "n" in masks:
        del values["s"]  # Keras has weights for queries that are masked, Hebb has none
    for key, value in values.items():
        value = numpy.asarray(value)
        if key.endswith("kernel"):  # [features, heads, dim] as a matrix, [heads, dim, features] too
            value = value.reshape(-1, value.shape[-1]) if "output" in key else value.reshape(value.shape[0], -1)
        if key.endswith("bias"):
            value = value.reshape(-1)
        write_array(out, key, value)


def places(out, name, x, y):
    out.write(f"case {name}\n")
    write_array(out, "x", x)
    write_array(out, "y", y)


def angles(x, pairs):
    rate = 1e4 ** (-2 * numpy.arange(pairs) / x.shape[-1])
    return (3 + numpy.arange(x.shape[1]))[:, None] * rate


def sines(x):
    waves = numpy.exp(1j * angles(x, (x.shape[-1] + 1) // 2))
    both = numpy.stack([waves.imag, waves.real], axis=-1).reshape(x.shape[1], -1)
    return x + both[:, :x.shape[-1]]


def rotated(x):  # [batch, time, heads, features]
    half = x.shape[-1] // 2
    z = (x[..., :half] + 1j * x[..., half:]) * numpy.exp(1j * angles(x, half))[:, None, :]
    return numpy.concatenate([z.real, z.imag], axis=-1)


M, G = L.MultiHeadAttention, L.GroupQueryAttention
with open(sys.argv[1], "w") as out:
    out.write(f"# Attention by scripts/golden/make_attention.py, Keras {keras.__version__}.\n")
    case(out, "dot", L.Attention())
    case(out, "dot_masks", L.Attention(use_scale=True), separate=True, masks="nm")
    case(out, "dot_causal", L.Attention(), self_attention=True, causal=True)
    case(out, "concat", L.Attention(use_scale=True, score_mode="concat"), masks="m")
    case(out, "additive", L.AdditiveAttention(), masks="nm", separate=True)
    case(out, "additive_no_scale", L.AdditiveAttention(use_scale=False), causal=True)
    case(out, "heads", M(2, 3), self_attention=True, causal=True)
    case(out, "heads_masks", M(2, 3, value_dim=2, output_shape=5), masks="ma")
    case(out, "heads_window", M(2, 2, use_bias=False, sliding_window=2), self_attention=True, causal=True)
    case(out, "heads_key", M(2, 2, use_bias=False), separate=True, masks="m")
    case(out, "groups", G(2, 4, 2), self_attention=True, causal=True)
    case(out, "groups_masks", G(2, 3, 1), masks="ma")
    x = draw(2, 5, 7)
    places(out, "sine", x, sines(x.astype("float64")))
    x = draw(2, 5, 2, 6)
    places(out, "rotary", x, rotated(x.astype("float64")))
