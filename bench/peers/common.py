"""What the peers share: the batches, the clock, and how a peer talks with scripts/compare.

A peer is a module with
    describe(device, mode)        one line: which version, on what; SystemExit if it cannot run there
    make(name, given, device, mode)  the workload of that name in hebb-bench: an object with
        step()       one run, which may still be in progress on return; its result
        wait(result) until it is done
        numbers(result)  a list of numpy arrays: the loss of a training step, else what was computed
        training     whether it is a training step
`given` are Hebb's initial weights or its operands by name. Dense kernels are [in, out], kernels of
convolutions [out, in, height, width].
"""
import gc
import json
import math
import statistics
import sys
import time

import numpy as np

STEPS = 10


def batch(*shape):
    """What batch_input() of bench/workloads.c feeds."""
    return (np.arange(math.prod(shape)) % 97 / 97 - 0.5).astype(np.float32).reshape(shape)


def labels(*shape, classes):
    return (np.arange(math.prod(shape)) % classes).astype(np.int32).reshape(shape)


def denses(given, names=("dense", "dense_1", "dense_2")):
    return [given[f"{name}/{part}"] for name in names for part in ("kernel", "bias")]


def losses(work):
    return [float(work.numbers(work.step())[0]) for _ in range(STEPS)]


def sums(work):
    """As in bench/compare.c."""
    def of(y):
        y = y.ravel().astype(np.float64)
        return [y.size, np.abs(y).sum(), (y * ((1 + np.arange(y.size) % 97) / 97)).sum()]
    return [of(y) for y in work.numbers(work.step())]


def measure(work, seconds):
    """The median of one step over so many seconds; as in bench/measure.c."""
    def sample(calls):
        start = time.perf_counter()
        for _ in range(calls):
            result = work.step()
        work.wait(result)
        return time.perf_counter() - start
    fastest = min(sample(1) for _ in range(3))
    begun = time.perf_counter()
    while time.perf_counter() - begun < 0.1:
        fastest = min(fastest, sample(1))
    calls = int(2e-3 / fastest) + 1
    begun, samples = time.perf_counter(), []
    while len(samples) < 5 or time.perf_counter() - begun < seconds:
        samples.append(sample(calls) / calls)
    return statistics.median(samples)


def reset_peak():
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass


def peak_bytes():
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    return 0


def say(**message):
    print(json.dumps(message), flush=True)


def serve(work, seconds):
    """The peer's side of `hebb-bench --compare`."""
    say(**({"losses": losses(work)} if work.training else {"sums": sums(work)}))
    gc.collect()
    reset_peak()
    for _ in sys.stdin:
        say(ms=measure(work, seconds) * 1e3, peak_bytes=peak_bytes())
