"""PYTHONPATH=bench python3 -m peers PEER [--device cpu|opencl|gpu] [--mode MODE] --describe
PYTHONPATH=bench python3 -m peers PEER [--device D] [--mode MODE] [--seconds S] --compare NAME FILE

The second does what `hebb-bench --compare NAME FILE` does, starting from the FILE that it wrote.
"""
import argparse
import importlib

import numpy as np

from . import common

parser = argparse.ArgumentParser(prog="peers", description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("peer", choices=["pytorch", "jax", "tinygrad"])
parser.add_argument("--device", default="cpu", choices=["cpu", "opencl", "gpu"])
parser.add_argument("--mode", default="eager", choices=["eager", "compiled"], help="of PyTorch")
parser.add_argument("--seconds", type=float, default=0.5)
parser.add_argument("--describe", action="store_true")
parser.add_argument("--compare", nargs=2, metavar=("NAME", "FILE"))
arguments = parser.parse_args()

peer = importlib.import_module("." + arguments.peer, __package__)
description = peer.describe(arguments.device, arguments.mode)
if arguments.describe or not arguments.compare:
    print(description)
else:
    name, file = arguments.compare
    with np.load(file) as archive:
        given = dict(archive)
    work = peer.make(name, given, arguments.device, arguments.mode)
    del given
    common.serve(work, arguments.seconds)
