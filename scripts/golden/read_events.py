#!/usr/bin/env python3
"""Prints what TensorBoard itself reads from a directory of event files, a line a value, for
tests/test_tensorboard.c. Wants the package tensorboard."""
import sys

from tensorboard.backend.event_processing import event_accumulator, event_file_loader
import glob

events = event_accumulator.EventAccumulator(sys.argv[1], size_guidance={
    event_accumulator.SCALARS: 0, event_accumulator.HISTOGRAMS: 0, event_accumulator.IMAGES: 0,
    event_accumulator.TENSORS: 0})
events.Reload()
tags = events.Tags()
for tag in sorted(tags["scalars"]):
    for e in events.Scalars(tag):
        print("scalar", tag, e.step, "%.6g" % e.value)
for tag in sorted(tags["histograms"]):
    for e in events.Histograms(tag):
        h = e.histogram_value
        print("histogram", tag, e.step, "%.6g %.6g %.6g %.6g %.6g" % (h.min, h.max, h.num, h.sum,
              h.sum_squares), len(h.bucket_limit), "%.6g" % sum(h.bucket))
for tag in sorted(tags["images"]):
    for e in events.Images(tag):
        print("image", tag, e.step, e.width, e.height, e.encoded_image_string[:4] == b"\x89PNG")
for tag in sorted(tags["tensors"]):
    for e in events.Tensors(tag):
        print("text", tag, e.step, e.tensor_proto.string_val[0].decode().split("\n")[0],
              events.SummaryMetadata(tag).plugin_data.plugin_name)
# What the loader of TensorBoard's pages makes of it: every value as a tensor.
kinds = set()
for path in glob.glob(sys.argv[1] + "/*tfevents*"):
    for event in event_file_loader.EventFileLoader(path).Load():
        for value in event.summary.value:
            kinds.add(value.metadata.plugin_data.plugin_name)
print("kinds", *sorted(kinds))
