#!/usr/bin/env python3
"""Makes tests/golden/conv.txt: convolution, pooling and resizing in PyTorch."""

import os

import torch.nn.functional as F

from golden import File

here = os.path.dirname(os.path.abspath(__file__))
golden = File(os.path.join(here, "../../tests/golden/conv.txt"),
              "Convolution, pooling and resizing by scripts/golden/make_conv.py,")


def conv(x, w, stride=1, pad=0, dilation=1, groups=1):
    function = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[len(x) - 2]
    golden.case("conv", lambda x, w: function(x, w, None, stride, pad, dilation, groups),
                {"x": golden.draw(*x), "w": golden.draw(*w)}, stride=stride, pad=pad,
                dilation=dilation, groups=groups)


def conv_transpose(x, w, stride=1, pad=0, output_padding=0, groups=1, dilation=1):
    function = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}[len(x) - 2]
    golden.case("conv_transpose",
                lambda x, w: function(x, w, None, stride, pad, output_padding, groups, dilation),
                {"x": golden.draw(*x), "w": golden.draw(*w)}, stride=stride, pad=pad,
                dilation=dilation, groups=groups, output_padding=output_padding)


def max_pool(x, kernel, stride, pad=0, dilation=1):
    function = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}[len(kernel)]
    size = 1
    for n in x:
        size *= n
    distinct = golden.random.permutation(size).reshape(x) / 8
    tensor = golden.draw(*x).detach() * 0 + distinct  # no ties
    golden.case("max_pool", lambda x: function(x, kernel, stride, pad, dilation),
                {"x": tensor.requires_grad_()}, kernel=kernel, stride=stride, pad=pad,
                dilation=dilation)


def average_pool(x, kernel, stride, pad, count):
    function = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}[len(kernel)]
    golden.case("average_pool",
                lambda x: function(x, kernel, stride, pad, count_include_pad=count),
                {"x": golden.draw(*x)}, kernel=kernel, stride=stride, pad=pad, count=count)


def adaptive(x, sizes):
    n = len(sizes)
    mean = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}[n]
    most = {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d}[n]
    golden.case("adaptive_average_pool", lambda x: mean(x, sizes), {"x": golden.draw(*x)},
                sizes=sizes)
    size = 1
    for k in x:
        size *= k
    distinct = golden.draw(*x).detach() * 0 + golden.random.permutation(size).reshape(x) / 8
    golden.case("adaptive_max_pool", lambda x: most(x, sizes), {"x": distinct.requires_grad_()},
                sizes=sizes)


def resize(x, sizes, mode, corners=None):
    linear = mode not in ("nearest", "nearest-exact")
    coordinates = 3 if corners else 2 if mode == "nearest-exact" else 0
    golden.case("resize", lambda x: F.interpolate(x, sizes, mode=mode, align_corners=corners),
                {"x": golden.draw(*x)}, sizes=sizes, linear=linear, coordinates=coordinates)


conv((2, 3, 9), (4, 3, 3))
conv((1, 2, 8), (2, 2, 3), stride=2, pad=1, dilation=2)
conv((2, 3, 6, 5), (4, 3, 3, 2))
conv((1, 4, 7, 6), (6, 2, 3, 3), stride=(2, 1), pad=(1, 2), dilation=(1, 2), groups=2)
conv((1, 4, 5, 5), (4, 1, 3, 3), pad=(1, 1), groups=4)
conv((1, 2, 4, 5, 4), (3, 2, 2, 3, 2), stride=(1, 2, 1), pad=(1, 1, 0))
conv_transpose((2, 3, 5), (3, 2, 3))
conv_transpose((1, 4, 4), (4, 2, 3), stride=3, pad=1, output_padding=2, groups=2)
conv_transpose((1, 3, 4, 3), (3, 2, 3, 2), stride=(2, 1), pad=(1, 0), output_padding=(1, 0))
conv_transpose((1, 2, 3, 3), (2, 2, 2, 2), stride=(2, 3), dilation=(3, 1))
conv_transpose((1, 2, 2, 3, 2), (2, 2, 2, 2, 3), stride=(2, 1, 2), pad=(0, 1, 1))
max_pool((1, 2, 9), (3,), (2,), (1,))
max_pool((2, 2, 6, 7), (2, 3), (2, 2), (1, 1))
max_pool((1, 1, 8, 9), (2, 3), (1, 2), (0, 1), (3, 2))
max_pool((1, 2, 4, 5, 4), (2, 2, 2), (2, 1, 2), (1, 0, 1))
for count in (False, True):
    average_pool((1, 2, 9), (3,), (2,), (1,), count)
    average_pool((1, 2, 6, 7), (2, 3), (2, 2), (1, 1), count)
    average_pool((1, 1, 4, 5, 4), (2, 2, 3), (2, 1, 2), (1, 0, 1), count)
adaptive((1, 2, 10), (4,))
adaptive((2, 1, 7, 6), (3, 4))
adaptive((1, 1, 8, 9), (4, 3))
adaptive((1, 1, 5, 4, 3), (2, 3, 2))
for mode, corners in (("nearest", None), ("nearest-exact", None)):
    resize((1, 2, 5), (8,), mode, corners)
    resize((1, 1, 7, 4), (4, 9), mode, corners)
    resize((1, 1, 3, 4, 2), (5, 2, 3), mode, corners)
for corners in (False, True):
    resize((1, 2, 5), (8,), "linear", corners)
    resize((1, 2, 9), (4,), "linear", corners)
    resize((1, 1, 7, 4), (4, 9), "bilinear", corners)
    resize((1, 1, 3, 4), (1, 7), "bilinear", corners)
    resize((1, 1, 3, 4, 2), (5, 2, 3), "trilinear", corners)
