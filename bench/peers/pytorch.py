"""The workloads of hebb-bench in PyTorch, float32 without TF32; see common.py.

In its best configuration: `compiled` compiles the forward pass and the loss as one function, and with
them their backward pass; the optimizer is PyTorch's fused one, a single call for all parameters. On the
processor images are channels-last, which its convolutions prefer.
"""
import torch
from torch import nn
from torch.nn import functional as F

from .common import batch, denses, labels


def cuda(device):
    return "cuda" if device == "gpu" else "cpu"


def describe(device, mode):
    if device == "opencl" or device == "gpu" and not torch.cuda.is_available():
        raise SystemExit(f"PyTorch {torch.__version__} has no such device")
    on = torch.cuda.get_device_name() if device == "gpu" else f"{torch.get_num_threads()} threads"
    return f"PyTorch {torch.__version__}, {on}"


class Work:
    def __init__(self, device, mode):
        self.device = cuda(device)
        self.wrap = torch.compile if mode == "compiled" else lambda f: f
        self.wait = lambda _: torch.cuda.synchronize() if device == "gpu" else None
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False

    def tensor(self, array):
        return torch.tensor(array, device=self.device)

    def train(self, loss, parameters, optimizer, *inputs):
        """loss(parameters, *inputs), its gradients and the update."""
        loss, inputs = self.wrap(loss), [self.tensor(x) for x in inputs]
        leaves = [p.requires_grad_() for p in parameters]
        optimizer = optimizer(leaves)

        def step():
            optimizer.zero_grad(set_to_none=True)
            value = loss(leaves, *inputs)
            value.backward()
            optimizer.step()
            return value
        self.training, self.step = True, step
        return self

    def forward(self, function, *arrays):
        function, tensors = self.wrap(function), [self.tensor(x) for x in arrays]

        def step():
            with torch.no_grad():
                return function(*tensors)
        self.training, self.step = False, step
        return self

    def numbers(self, result):
        results = result if isinstance(result, (tuple, list)) else [result]
        return [r.detach().cpu().numpy() for r in results]

    # ---- parameters as PyTorch's functions take them ----

    def weights(self, arrays):
        """Dense kernels [out, in]."""
        return [self.tensor(a.T.copy() if a.ndim == 2 else a) for a in arrays]

    def images(self, array):
        x = self.tensor(array)
        return x.to(memory_format=torch.channels_last) if self.device == "cpu" else x


def sgd(rate):
    return lambda parameters: torch.optim.SGD(parameters, lr=rate, fused=True)


def adam(parameters):
    return torch.optim.Adam(parameters, lr=1e-3, eps=1e-10, fused=True)


def xor(w, given):
    def loss(p, x, y):
        h = torch.tanh(F.linear(x, p[0], p[1]))
        return F.mse_loss(torch.sigmoid(F.linear(h, p[2], p[3])), y)
    parameters = w.weights(denses(given, ["dense", "dense_1"]))
    return w.train(loss, parameters, sgd(0.1), batch(4, 2), batch(4, 1))


def mlp(w, given, optimizer=sgd(0.1)):
    def loss(p, x, t):
        h = F.relu(F.linear(x, p[0], p[1]))
        h = F.relu(F.linear(h, p[2], p[3]))
        return F.cross_entropy(F.linear(h, p[4], p[5]), t)
    return w.train(loss, w.weights(denses(given)), optimizer, batch(128, 784),
                   labels(128, classes=10).astype("int64"))


def mlp_adam(w, given):
    return mlp(w, given, adam)


def cnn(w, given):
    def loss(p, x, t):
        h = F.relu(F.conv2d(x, p[0], p[1]))
        h = F.max_pool2d(F.relu(F.conv2d(h, p[2], p[3])), 2)
        h = F.relu(F.linear(h.flatten(1), p[4], p[5]))
        return F.cross_entropy(F.linear(h, p[6], p[7]), t)
    parameters = [w.images(given["k1"]), w.tensor(given["b1"].ravel()),
                  w.images(given["k2"]), w.tensor(given["b2"].ravel()),
                  *w.weights(denses(given, ["dense", "dense_1"]))]
    return w.train(loss, parameters, sgd(0.01), batch(64, 1, 28, 28),
                   labels(64, classes=10).astype("int64"))


def resblock(w, given):
    def normalize(x, gain, bias):
        return F.batch_norm(x, None, None, gain, bias, training=True)

    def loss(p, x):
        h = F.relu(normalize(F.conv2d(x, p[0], padding=1), p[1], p[2]))
        h = F.relu(normalize(F.conv2d(h, p[3], padding=1), p[4], p[5]) + x)
        return h.square().mean()
    parameters = [f(given[part + k]) for k in "12"
                  for f, part in ((w.images, "k"), (lambda a: w.tensor(a.ravel()), "g"),
                                  (lambda a: w.tensor(a.ravel()), "b"))]
    x = w.images(batch(8, 64, 56, 56))
    return w.train(lambda p: loss(p, x), parameters, sgd(0.01))


def lstm(w, given):
    layer = nn.LSTM(64, 256, device=w.device)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(w.tensor(given["kernel"].T.copy()))
        layer.weight_hh_l0.copy_(w.tensor(given["recurrent"].T.copy()))
        layer.bias_ih_l0.copy_(w.tensor(given["bias"]))
        layer.bias_hh_l0.zero_().requires_grad_(False)  # a second bias, which others do not have

    def loss(p, x, t):
        h, _ = layer(F.embedding(x, p[0]))
        return F.cross_entropy(F.linear(h, p[1], p[2]).flatten(0, 1), t)
    trained = [w.tensor(given["embedding"]), *w.weights(denses(given, ["dense"])),
               layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0]
    return w.train(loss, trained, adam, labels(64, 32, classes=65).astype("int64"),
                   labels(64 * 32, classes=65).astype("int64"))


def transformer(w, given):
    def heads(y):
        return y.view(16, 64, 4, 32).transpose(1, 2)

    def loss(p, x):
        q, k, v = (heads(F.linear(x, p[i], p[i + 1])) for i in (0, 2, 4))
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(1024, 128)
        h = F.layer_norm(F.linear(mixed, p[6], p[7]) + x, (128,), p[12], p[13])
        f = F.linear(F.relu(F.linear(h, p[8], p[9])), p[10], p[11])
        return F.layer_norm(f + h, (128,), p[14], p[15]).square().mean()
    parameters = w.weights(denses(given, ["dense", *(f"dense_{k}" for k in range(1, 6))]))
    parameters += [w.tensor(given[name]) for name in ("g1", "b1", "g2", "b2")]
    return w.train(loss, parameters, adam, batch(1024, 128))


def stream(w, given):
    return w.forward(lambda x, y: torch.clamp(2 * x + y, min=0) * y - x, given["x"], given["y"])


def pointwise(w, given):
    return w.forward(lambda x: torch.sigmoid(2 * x + 1) * torch.tanh(x) - x, given["x"])


def reduce_axis0(w, given):
    return w.forward(lambda x: x.sum(0), given["x"])


def reduce_axis1(w, given):
    return w.forward(lambda x: x.sum(1), given["x"])


def softmax(w, given):
    return w.forward(lambda x: torch.softmax(x, -1), given["x"])


def layernorm(w, given):
    x, gain, bias = (w.tensor(given[name]).requires_grad_() for name in ("x", "gain", "bias"))
    dy = w.tensor(given["dy"])
    norm = w.wrap(lambda x, gain, bias: F.layer_norm(x, (1024,), gain, bias))

    def step():
        y = norm(x, gain, bias)
        return y, *torch.autograd.grad(y, [x, gain, bias], dy)
    w.training, w.step = False, step
    return w


def gemm(w, given):
    return w.forward(torch.matmul, given["a"], given["b"])


def make(name, given, device, mode):
    return (gemm if name.startswith("gemm_") else globals()[name])(Work(device, mode), given)
