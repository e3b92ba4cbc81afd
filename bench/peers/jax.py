"""The workloads of hebb-bench in JAX, float32; see common.py.

In its best configuration: a whole training step, the update included, is one compiled function, and the
memory of what it replaces is donated to it. Images are NHWC and kernels HWIO, as XLA's convolutions on
the processor prefer them.
"""
import functools

import jax
import jax.numpy as jnp
import numpy as np

from .common import batch, denses, labels

jax.config.update("jax_default_matmul_precision", "highest")


def describe(device, mode):
    platform = jax.devices()[0].platform
    if platform != {"cpu": "cpu", "gpu": "gpu"}.get(device):
        raise SystemExit(f"JAX {jax.__version__} has no such device")
    return f"JAX {jax.__version__}, jitted, {jax.devices()[0].device_kind}"


class Work:
    def train(self, loss, parameters, optimizer, *inputs):
        update, slots = optimizer
        inputs = [jnp.asarray(x) for x in inputs]
        parameters = [jnp.array(p) for p in parameters]
        self.state = parameters, [[jnp.zeros_like(p) for p in parameters] for _ in range(slots)], 0.0

        @functools.partial(jax.jit, donate_argnums=0)
        def step(state, inputs):
            parameters, slots, t = state
            value, gradients = jax.value_and_grad(loss)(parameters, *inputs)
            parameters, slots = update(parameters, gradients, slots, t + 1)
            return (parameters, slots, t + 1), value

        def run():
            self.state, value = step(self.state, inputs)
            return value
        self.training, self.step = True, run
        return self

    def forward(self, function, *arrays):
        function, arrays = jax.jit(function), [jnp.array(a) for a in arrays]
        self.training, self.step = False, lambda: function(*arrays)
        return self

    def wait(self, result):
        jax.block_until_ready((result, getattr(self, "state", None)))

    def numbers(self, result):
        return [np.asarray(r) for r in jax.tree.leaves(result)]


def sgd(rate):
    def update(parameters, gradients, slots, t):
        return [p - rate * g for p, g in zip(parameters, gradients)], slots
    return update, 0


def adam(rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-10):
    def update(parameters, gradients, slots, t):
        step = rate * jnp.sqrt(1 - beta_2 ** t) / (1 - beta_1 ** t)
        m = [beta_1 * m + (1 - beta_1) * g for m, g in zip(slots[0], gradients)]
        v = [beta_2 * v + (1 - beta_2) * g * g for v, g in zip(slots[1], gradients)]
        moved = [p - step * a / (jnp.sqrt(b) + epsilon) for p, a, b in zip(parameters, m, v)]
        return moved, [m, v]
    return update, 2


def cross_entropy(logits, labels):
    chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1)
    return -chosen.mean()


def xor(w, given):
    def loss(p, x, y):
        h = jnp.tanh(x @ p[0] + p[1])
        return jnp.mean((jax.nn.sigmoid(h @ p[2] + p[3]) - y) ** 2)
    return w.train(loss, denses(given, ["dense", "dense_1"]), sgd(0.1), batch(4, 2), batch(4, 1))


def mlp(w, given, optimizer=sgd(0.1)):
    def loss(p, x, t):
        h = jax.nn.relu(x @ p[0] + p[1])
        h = jax.nn.relu(h @ p[2] + p[3])
        return cross_entropy(h @ p[4] + p[5], t)
    return w.train(loss, denses(given), optimizer, batch(128, 784), labels(128, classes=10))


def mlp_adam(w, given):
    return mlp(w, given, adam())


def conv(x, kernel, padding):
    return jax.lax.conv_general_dilated(x, kernel, (1, 1), padding,
                                        dimension_numbers=("NHWC", "HWIO", "NHWC"))


def hwio(kernel):
    return kernel.transpose(2, 3, 1, 0)


def cnn(w, given):
    def loss(p, x, t):
        h = jax.nn.relu(conv(x, p[0], "VALID") + p[1])
        h = jax.nn.relu(conv(h, p[2], "VALID") + p[3])
        h = jax.lax.reduce_window(h, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        h = jax.nn.relu(h.reshape(64, -1) @ p[4] + p[5])
        return cross_entropy(h @ p[6] + p[7], t)
    dense = denses(given, ["dense", "dense_1"])
    dense[0] = dense[0].reshape(64, 12, 12, 128).transpose(1, 2, 0, 3).reshape(-1, 128)
    parameters = [hwio(given["k1"]), given["b1"].ravel(), hwio(given["k2"]), given["b2"].ravel()]
    return w.train(loss, parameters + dense, sgd(0.01), batch(64, 28, 28, 1),
                   labels(64, classes=10))


def normalize(x, axes, gain, bias):
    centered = x - jnp.mean(x, axes, keepdims=True)
    variance = jnp.mean(centered ** 2, axes, keepdims=True)
    return centered * jax.lax.rsqrt(variance + 1e-5) * gain + bias


def resblock(w, given):
    def loss(p, x):
        h = jax.nn.relu(normalize(conv(x, p[0], "SAME"), (0, 1, 2), p[1], p[2]))
        h = normalize(conv(h, p[3], "SAME"), (0, 1, 2), p[4], p[5])
        return jnp.mean(jax.nn.relu(h + x) ** 2)
    parameters = [part(given[name + k]) for k in "12"
                  for part, name in ((hwio, "k"), (np.ravel, "g"), (np.ravel, "b"))]
    return w.train(loss, parameters, sgd(0.01), batch(8, 64, 56, 56).transpose(0, 2, 3, 1))


def lstm(w, given):
    def loss(p, x, t):
        table, kernel, bias, recurrent, out, out_bias = p

        def cell(state, z):
            h, c = state
            i, f, g, o = jnp.split(z + h @ recurrent, 4, axis=-1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h
        zero = jnp.zeros((32, 256))
        _, h = jax.lax.scan(cell, (zero, zero), table[x] @ kernel + bias)
        return cross_entropy(h.reshape(-1, 256) @ out + out_bias, t)
    names = "embedding", "kernel", "bias", "recurrent", "dense/kernel", "dense/bias"
    return w.train(loss, [given[name] for name in names], adam(), labels(64, 32, classes=65),
                   labels(64 * 32, classes=65))


def transformer(w, given):
    def loss(p, x):
        dense = lambda k, x: x @ p[2 * k] + p[2 * k + 1]
        q, k, v = (dense(i, x).reshape(16, 64, 4, 32) for i in range(3))
        mixed = jax.nn.dot_product_attention(q, k, v).reshape(1024, 128)
        h = normalize(dense(3, mixed) + x, -1, p[12], p[13])
        return jnp.mean(normalize(dense(5, jax.nn.relu(dense(4, h))) + h, -1, p[14], p[15]) ** 2)
    parameters = denses(given, ["dense", *(f"dense_{k}" for k in range(1, 6))])
    parameters += [given[name] for name in ("g1", "b1", "g2", "b2")]
    return w.train(loss, parameters, adam(), batch(1024, 128))


def stream(w, given):
    return w.forward(lambda x, y: jnp.maximum(2 * x + y, 0) * y - x, given["x"], given["y"])


def pointwise(w, given):
    return w.forward(lambda x: jax.nn.sigmoid(2 * x + 1) * jnp.tanh(x) - x, given["x"])


def reduce_axis0(w, given):
    return w.forward(lambda x: x.sum(0), given["x"])


def reduce_axis1(w, given):
    return w.forward(lambda x: x.sum(1), given["x"])


def softmax(w, given):
    return w.forward(lambda x: jax.nn.softmax(x, -1), given["x"])


def layernorm(w, given):
    def both(x, gain, bias, dy):
        y, pull = jax.vjp(lambda *parts: normalize(parts[0], -1, *parts[1:]), x, gain, bias)
        return y, *pull(dy)
    return w.forward(both, *(given[name] for name in ("x", "gain", "bias", "dy")))


def gemm(w, given):
    return w.forward(jnp.matmul, given["a"], given["b"])


def make(name, given, device, mode):
    return (gemm if name.startswith("gemm_") else globals()[name])(Work(), given)
