"""Writes golden values: inputs, results and gradients that another framework computed, for
tests/test_golden.c. The scripts make_*.py beside this file use it; they need PyTorch, the test does not.

A file is text. A line with `case NAME key=value ...` begins a case, a value being numbers separated
by commas, or a word; lines `tensor NAME size,size,...` follow, each with a line of that many numbers
in C's hexadecimal notation, exact in float32. By convention x, w, ... are inputs, of which i holds
whole numbers (int32 where it is fed); y is the result, `dy` the cotangent fed to it and dx, dw, ...
the gradients. A case without dy has values only. Lines that begin with # are comments."""

import numpy
import torch

from hexadecimal import write_array


def write_tensor(out, name, tensor):
    write_array(out, name, tensor.detach().numpy())


class File:
    """One golden file; case() runs a function of named inputs in float64 and writes what it gave."""

    def __init__(self, path, title):
        self.out = open(path, "w")
        self.out.write(f"# {title} PyTorch {torch.__version__}.\n")
        self.random = numpy.random.default_rng(1)

    def draw(self, *sizes):
        """Numbers with few digits, so that files are small and sums nearly exact."""
        values = self.random.integers(-96, 97, size=sizes) / 32
        return torch.tensor(values, dtype=torch.float64, requires_grad=True)

    def case(self, name, function, inputs, **options):
        y = function(**inputs)
        wanted = {key: tensor for key, tensor in inputs.items() if tensor.requires_grad}
        words = [f"{key}={','.join(flat(value))}" for key, value in options.items()]
        self.out.write(" ".join(["case", name] + words) + "\n")
        for key, tensor in inputs.items():
            write_tensor(self.out, key, tensor)
        write_tensor(self.out, "y", y)
        if not wanted:
            return
        dy = self.draw(*y.shape).detach()
        write_tensor(self.out, "dy", dy)
        for key, gradient in zip(wanted, torch.autograd.grad(y, list(wanted.values()), dy)):
            write_tensor(self.out, "d" + key, gradient)


def flat(value):
    if isinstance(value, (list, tuple)):
        return [n for part in value for n in flat(part)]
    return [str(int(value)) if isinstance(value, bool) else str(value)]
