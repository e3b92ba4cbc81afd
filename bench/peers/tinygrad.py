"""The workloads of hebb-bench in tinygrad, float32; see common.py.

In its best configuration short of a search for kernels (BEAM=2 in the environment makes one; a workload
then takes minutes to start): a whole training step, the update included, is one TinyJit. On the processor
its device is "CPU", which compiles with clang; elsewhere "CL", the first OpenCL device.
"""
import os

from .common import batch, denses, labels

Tensor = TinyJit = Device = Context = nn = None  # imported by open_device(), which says for which device


def open_device(device):
    global Tensor, TinyJit, Device, Context, nn
    os.environ["DEV"] = "CPU" if device == "cpu" else "CL"
    from tinygrad import Tensor, TinyJit, Device, Context, nn


def describe(device, mode):
    open_device(device)
    from importlib.metadata import version
    Tensor([1.0]).realize()
    name = Device.DEFAULT if device == "cpu" else getattr(Device["CL"], "device_name", "CL")
    return f"tinygrad {version('tinygrad')}, TinyJit, {name}"


class Work:
    def train(self, loss, parameters, optimizer, *inputs):
        inputs = [Tensor(x).realize().is_param_(False) for x in inputs]
        parameters = [Tensor(p).realize() for p in parameters]
        optimizer = optimizer(parameters)

        @TinyJit
        def step():
            optimizer.zero_grad()
            value = loss(parameters, *inputs)
            value.backward()
            return value.realize(*optimizer.schedule_step())

        def run():
            with Context(TRAINING=1):
                return step()
        self.training, self.step = True, run
        return self

    def forward(self, function, *arrays):
        tensors = [Tensor(a).realize() for a in arrays]

        @TinyJit
        def step():
            results = function(*tensors)
            results = results if isinstance(results, tuple) else (results,)
            return results[0].realize(*results[1:]), *results[1:]
        self.training, self.step = False, step
        return self

    def wait(self, result):
        Device[Device.DEFAULT].synchronize()

    def numbers(self, result):
        return [r.numpy() for r in (result if isinstance(result, tuple) else (result,))]


def sgd(rate):
    return lambda parameters: nn.optim.SGD(parameters, lr=rate)


def adam(parameters):
    return nn.optim.Adam(parameters, lr=1e-3, eps=1e-10)


def xor(w, given):
    def loss(p, x, y):
        h = (x @ p[0] + p[1]).tanh()
        return (((h @ p[2] + p[3]).sigmoid() - y) ** 2).mean()
    return w.train(loss, denses(given, ["dense", "dense_1"]), sgd(0.1), batch(4, 2), batch(4, 1))


def mlp(w, given, optimizer=sgd(0.1)):
    def loss(p, x, t):
        h = (x @ p[0] + p[1]).relu()
        h = (h @ p[2] + p[3]).relu()
        return (h @ p[4] + p[5]).sparse_categorical_crossentropy(t)
    return w.train(loss, denses(given), optimizer, batch(128, 784), labels(128, classes=10))


def mlp_adam(w, given):
    return mlp(w, given, adam)


def cnn(w, given):
    def loss(p, x, t):
        h = x.conv2d(p[0], p[1]).relu().conv2d(p[2], p[3]).relu().max_pool2d(2).flatten(1)
        h = (h @ p[4] + p[5]).relu()
        return (h @ p[6] + p[7]).sparse_categorical_crossentropy(t)
    parameters = [given["k1"], given["b1"].ravel(), given["k2"], given["b2"].ravel()]
    return w.train(loss, parameters + denses(given, ["dense", "dense_1"]), sgd(0.01),
                   batch(64, 1, 28, 28), labels(64, classes=10))


def normalize(x, axes, gain, bias):
    centered = x - x.mean(axes, keepdim=True)
    return centered * ((centered ** 2).mean(axes, keepdim=True) + 1e-5).rsqrt() * gain + bias


def resblock(w, given):
    def loss(p, x):
        h = normalize(x.conv2d(p[0], padding=1), (0, 2, 3), p[1], p[2]).relu()
        h = normalize(h.conv2d(p[3], padding=1), (0, 2, 3), p[4], p[5])
        return ((h + x).relu() ** 2).mean()
    parameters = [given[name + k] for k in "12" for name in "kgb"]
    return w.train(loss, parameters, sgd(0.01), batch(8, 64, 56, 56))


def lstm(w, given):
    def loss(p, x, t):
        table, kernel, bias, recurrent, out, out_bias = p
        z = table[x] @ kernel + bias
        h, c, all = Tensor.zeros(32, 256), Tensor.zeros(32, 256), []
        for time in range(64):
            i, f, g, o = (z[time] + h @ recurrent).chunk(4, dim=1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            h, c = h.contiguous(), c.contiguous()
            all.append(h)
        logits = Tensor.cat(*all) @ out + out_bias
        return logits.sparse_categorical_crossentropy(t)
    names = "embedding", "kernel", "bias", "recurrent", "dense/kernel", "dense/bias"
    return w.train(loss, [given[name] for name in names], adam, labels(64, 32, classes=65),
                   labels(64 * 32, classes=65))


def transformer(w, given):
    def loss(p, x):
        dense = lambda k, x: x @ p[2 * k] + p[2 * k + 1]
        q, k, v = (dense(i, x).reshape(16, 64, 4, 32).transpose(1, 2) for i in range(3))
        mixed = q.scaled_dot_product_attention(k, v).transpose(1, 2).reshape(1024, 128)
        h = normalize(dense(3, mixed) + x, -1, p[12], p[13])
        return (normalize(dense(5, dense(4, h).relu()) + h, -1, p[14], p[15]) ** 2).mean()
    parameters = denses(given, ["dense", *(f"dense_{k}" for k in range(1, 6))])
    parameters += [given[name] for name in ("g1", "b1", "g2", "b2")]
    return w.train(loss, parameters, adam, batch(1024, 128))


def stream(w, given):
    return w.forward(lambda x, y: (2 * x + y).relu() * y - x, given["x"], given["y"])


def pointwise(w, given):
    return w.forward(lambda x: (2 * x + 1).sigmoid() * x.tanh() - x, given["x"])


def reduce_axis0(w, given):
    return w.forward(lambda x: x.sum(0), given["x"])


def reduce_axis1(w, given):
    return w.forward(lambda x: x.sum(1), given["x"])


def softmax(w, given):
    return w.forward(lambda x: x.softmax(-1), given["x"])


def layernorm(w, given):
    def both(x, gain, bias, dy):
        y = normalize(x, -1, gain, bias)
        return y, *y.gradient(x, gain, bias, gradient=dy)
    return w.forward(both, *(given[name] for name in ("x", "gain", "bias", "dy")))


def gemm(w, given):
    return w.forward(lambda a, b: a @ b, given["a"], given["b"])


def make(name, given, device, mode):
    return (gemm if name.startswith("gemm_") else globals()[name])(Work(), given)
