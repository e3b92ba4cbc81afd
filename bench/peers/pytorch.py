#!/usr/bin/env python3
"""The workloads of hebb-bench in PyTorch: same shapes, same arithmetic, float32 without TF32.

usage: pytorch.py [--device cpu|cuda] [--mode eager|compiled] [--filter NAME]

Prints a JSON array of {"name", "peer", "median_ms"}, as hebb-bench --json does. Measured as there: the
median over half a second, after a warm-up. For comparing by hand: neither the build nor the tests need it.
"""
import argparse
import json
import math
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F


def batch(*shape, device):
    count = math.prod(shape)
    return ((torch.arange(count, device=device) % 97).float() / 97 - 0.5).reshape(shape)


def labels(*shape, classes, device):
    return (torch.arange(math.prod(shape), device=device) % classes).reshape(shape)


def training(model, loss_of, optimizer):
    """A step of forward, backward and update."""
    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(model)
        loss.backward()
        optimizer.step()
        return loss
    return step


def sgd(model, rate):
    return torch.optim.SGD(model.parameters(), lr=rate)


def adam(model):
    return torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)


def xor(device, wrap):
    model = wrap(nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1), nn.Sigmoid()).to(device))
    x, y = batch(4, 2, device=device), batch(4, 1, device=device)
    return training(model, lambda m: F.mse_loss(m(x), y), sgd(model, 0.1))


def mlp(device, wrap, optimizer=lambda m: sgd(m, 0.1)):
    model = wrap(nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(),
                               nn.Linear(512, 10)).to(device))
    x, t = batch(128, 784, device=device), labels(128, classes=10, device=device)
    return training(model, lambda m: F.cross_entropy(m(x), t), optimizer(model))


def mlp_adam(device, wrap):
    return mlp(device, wrap, adam)


def cnn(device, wrap):
    model = wrap(nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(),
                               nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64 * 144, 128), nn.ReLU(),
                               nn.Linear(128, 10)).to(device))
    x, t = batch(64, 1, 28, 28, device=device), labels(64, classes=10, device=device)
    return training(model, lambda m: F.cross_entropy(m(x), t), sgd(model, 0.01))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(64, 64, 3, padding=1, bias=False)
        self.c2 = nn.Conv2d(64, 64, 3, padding=1, bias=False)
        self.n1, self.n2 = nn.BatchNorm2d(64), nn.BatchNorm2d(64)

    def forward(self, x):
        h = F.relu(self.n1(self.c1(x)))
        return F.relu(self.n2(self.c2(h)) + x)


def resblock(device, wrap):
    model = wrap(Residual().to(device))
    x = batch(8, 64, 56, 56, device=device)
    return training(model, lambda m: m(x).square().mean(), sgd(model, 0.01))


class Writer(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.lstm = nn.Embedding(65, 64), nn.LSTM(64, 256)
        self.out = nn.Linear(256, 65)

    def forward(self, x):
        return self.out(self.lstm(self.table(x))[0]).flatten(0, 1)


def lstm(device, wrap):
    model = wrap(Writer().to(device))
    x = labels(64, 32, classes=65, device=device)
    t = labels(64 * 32, classes=65, device=device)
    return training(model, lambda m: F.cross_entropy(m(x), t), adam(model))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(128, 128) for _ in range(4))
        self.f1, self.f2 = nn.Linear(128, 512), nn.Linear(512, 128)
        self.n1, self.n2 = nn.LayerNorm(128), nn.LayerNorm(128)

    def forward(self, x):
        heads = lambda y: y.view(16, 64, 4, 32).transpose(1, 2)
        mixed = F.scaled_dot_product_attention(heads(self.q(x)), heads(self.k(x)), heads(self.v(x)))
        h = self.n1(self.o(mixed.transpose(1, 2).reshape(1024, 128)) + x)
        return self.n2(self.f2(F.relu(self.f1(h))) + h)


def transformer(device, wrap):
    model = wrap(Encoder().to(device))
    x = batch(1024, 128, device=device)
    return training(model, lambda m: m(x).square().mean(), adam(model))


def forward_only(function, *tensors):
    def step():
        with torch.no_grad():
            return function(*tensors)
    return step


def stream(device, wrap):
    x, y = (torch.rand(1 << 24, device=device) for _ in range(2))
    return forward_only(wrap(lambda x, y: torch.clamp(2 * x + y, min=0) * y - x), x, y)


def pointwise(device, wrap):
    x = torch.rand(1 << 24, device=device)
    return forward_only(wrap(lambda x: torch.sigmoid(2 * x + 1) * torch.tanh(x) - x), x)


def reduce_axis0(device, wrap):
    return forward_only(wrap(lambda x: x.sum(0)), torch.rand(4096, 4096, device=device))


def reduce_axis1(device, wrap):
    return forward_only(wrap(lambda x: x.sum(1)), torch.rand(4096, 4096, device=device))


def softmax(device, wrap):
    return forward_only(wrap(lambda x: torch.softmax(x, -1)), torch.rand(4096, 4096, device=device))


def layernorm(device, wrap):
    norm = wrap(nn.LayerNorm(1024).to(device))
    x = torch.rand(4096, 1024, device=device, requires_grad=True)
    dy = torch.rand(4096, 1024, device=device)

    def step():
        y = norm(x)
        return torch.autograd.grad(y, [x, *norm.parameters()], dy)
    return step


def product(b, m, k, n):
    def make(device, wrap):
        shape = (lambda *s: s) if b == 1 else (lambda *s: (b, *s))
        return forward_only(torch.matmul, torch.rand(shape(m, k), device=device),
                            torch.rand(shape(k, n), device=device))
    return make


WORKLOADS = {f.__name__: f for f in (xor, mlp, mlp_adam, cnn, resblock, lstm, transformer, stream,
                                     pointwise, reduce_axis0, reduce_axis1, softmax, layernorm)}
WORKLOADS |= {f"gemm_{n}": product(1, n, n, n) for n in (64, 128, 256, 512, 1024, 2048)}
WORKLOADS |= {"gemm_96x361x550": product(1, 96, 361, 550),
              "gemm_128x784x512": product(1, 128, 784, 512),
              "gemm_1x512x512": product(1, 1, 512, 512),
              "gemm_64x64x64x32": product(64, 64, 64, 32)}


def measure(step, wait):
    """The median of half a second, after a warm-up; many calls a sample where one is short."""
    def sample(calls):
        start = time.perf_counter()
        for _ in range(calls):
            step()
        wait()
        return time.perf_counter() - start
    for _ in range(3):
        once = sample(1)
    begun, fastest = time.perf_counter(), once
    while time.perf_counter() - begun < 0.1:
        fastest = min(fastest, sample(1))
    calls = int(2e-3 / fastest) + 1
    begun, samples = time.perf_counter(), []
    while len(samples) < 5 or time.perf_counter() - begun < 0.5:
        samples.append(sample(calls) / calls)
    return statistics.median(samples)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--mode", default="eager", choices=["eager", "compiled"])
    parser.add_argument("--filter", default="")
    arguments = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.manual_seed(1)
    cuda = arguments.device.startswith("cuda")
    wait = torch.cuda.synchronize if cuda else lambda: None
    wrap = (lambda f: f) if arguments.mode == "eager" else torch.compile
    rows = []
    for name, make in WORKLOADS.items():
        if arguments.filter in name:
            seconds = measure(make(arguments.device, wrap), wait)
            rows.append({"name": name, "peer": f"pytorch-{arguments.mode}",
                         "median_ms": seconds * 1e3})
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
