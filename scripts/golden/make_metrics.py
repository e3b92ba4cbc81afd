#!/usr/bin/env python3
"""Golden values of metrics, by Keras: KERAS_BACKEND=jax make_metrics.py FILE.

The case `data` has columns of examples and `w`, the examples' weights; a case names the columns that
a metric is of, and its y is the metric after batches of 5, 5 and 3 examples."""

import os
import sys

os.environ["KERAS_BACKEND"] = "jax"
import keras
import numpy

from hexadecimal import write_array

random = numpy.random.default_rng(9)
EXAMPLES, CLASSES, BATCH = 13, 4, 5
out = open(sys.argv[1], "w")
out.write(f"# Metrics by scripts/golden/make_metrics.py, Keras {keras.__version__}.\n")


def draw(*sizes, low=-96, high=96):
    return (random.integers(low, high + 1, size=sizes) / 32).astype("float32")


labels = random.integers(0, CLASSES, size=EXAMPLES).astype("float32")
scores = draw(EXAMPLES, CLASSES) + 1.5 * numpy.eye(CLASSES, dtype="float32")[labels.astype(int)]
data = {
    "x": scores.astype("float32"),
    "p": draw(EXAMPLES, CLASSES, low=1, high=31),
    "o": numpy.eye(CLASSES, dtype="float32")[labels.astype(int)],
    "b": random.integers(0, 2, size=(EXAMPLES, CLASSES)).astype("float32"),
    "s": (2 * random.integers(0, 2, size=(EXAMPLES, CLASSES)) - 1).astype("float32"),
    "u": draw(EXAMPLES, CLASSES),
    "i": labels,
    "c": draw(EXAMPLES, low=0, high=32),
    "d": random.integers(0, 2, size=EXAMPLES).astype("float32"),
    "g": random.integers(0, CLASSES, size=EXAMPLES).astype("float32"),
    "w": random.integers(1, 9, size=EXAMPLES).astype("float32") / 4,
}
data["c"] = numpy.round(64 * (0.625 * data["c"] + 0.375 * data["d"])) / 64  # 0, 1 are among them
out.write("case data\n")
for key, value in data.items():
    write_array(out, key, value)


def write_case(name, value, p, t, **options):
    options = {key: int(v) if isinstance(v, bool) else v for key, v in options.items()}
    words = [f"{key}={value}" for key, value in dict(options, p=p, t=t).items()]
    out.write(" ".join(["case", name] + words) + "\n")
    write_array(out, "y", numpy.array(value))


def case(name, metric, p, t, weighted=False, logits=None, **options):
    """The name is ours, options are those that our function takes."""
    x = data[p]
    if logits == "sigmoid":
        x = 1 / (1 + numpy.exp(-x))
    for at in range(0, EXAMPLES, BATCH):
        part = slice(at, at + BATCH)
        metric.update_state(data[t][part], x[part], data["w"][part] if weighted else None)
    if logits:
        options["from_logits"] = True
    if weighted:
        options["w"] = "w"
    write_case(name, metric.result(), p, t, **options)


M = keras.metrics
for weighted in (False, True):
    case("binary_accuracy", M.BinaryAccuracy(), "p", "b", weighted)
    case("categorical_accuracy", M.CategoricalAccuracy(), "x", "o", weighted)
    case("sparse_categorical_accuracy", M.SparseCategoricalAccuracy(), "x", "i", weighted)
    case("mean_squared_error", M.MeanSquaredError(), "x", "u", weighted)
    case("precision", M.Precision(), "c", "d", weighted)
    case("recall", M.Recall(), "c", "d", weighted)
    case("auc", M.AUC(), "c", "d", weighted)
    case("f_beta", M.FBetaScore(average="macro"), "p", "o", weighted)
    case("r2_score", M.R2Score(), "x", "u", weighted)
case("accuracy", M.Accuracy(), "g", "i")
case("binary_accuracy", M.BinaryAccuracy(threshold=0.75), "p", "b", threshold=0.75)
case("binary_accuracy", M.BinaryAccuracy(), "x", "b", logits="sigmoid")
case("top_k_accuracy", M.TopKCategoricalAccuracy(k=2), "x", "o", k=2)
case("sparse_top_k_accuracy", M.SparseTopKCategoricalAccuracy(k=3), "x", "i", k=3)
for name, metric in (("true_positives", M.TruePositives), ("false_positives", M.FalsePositives),
                     ("true_negatives", M.TrueNegatives), ("false_negatives", M.FalseNegatives)):
    case(name, metric(), "p", "b")
    case(name, metric(thresholds=0.25), "c", "d", True, threshold=0.25)
case("precision", M.Precision(), "x", "b", logits="sigmoid")
for average in ("micro", "weighted"):
    case("f_beta", M.FBetaScore(average=average, beta=2.0), "p", "o", average=average, beta=2)
case("f_beta", M.FBetaScore(average="macro", beta=0.5, threshold=0.25), "p", "b", beta=0.5,
     threshold=0.25)
case("f1", M.F1Score(average="macro"), "p", "o")
case("auc", M.AUC(num_thresholds=9), "c", "d", thresholds=9)  # predictions equal to thresholds
case("auc", M.AUC(curve="PR"), "c", "d", curve=1)
case("auc", M.AUC(curve="PR", num_thresholds=9), "p", "b", curve=1, thresholds=9)
case("precision_at_recall", M.PrecisionAtRecall(0.75), "c", "d", at=0.75)
case("recall_at_precision", M.RecallAtPrecision(0.75), "c", "d", at=0.75)
case("sensitivity_at_specificity", M.SensitivityAtSpecificity(0.5), "p", "b", at=0.5)
case("specificity_at_sensitivity", M.SpecificityAtSensitivity(0.5), "p", "b", at=0.5)
case("mean_iou", M.MeanIoU(CLASSES), "g", "i", classes=CLASSES)
case("mean_iou", M.MeanIoU(CLASSES, sparse_y_pred=False), "x", "i")
case("mean_iou", M.MeanIoU(CLASSES, sparse_y_pred=False, ignore_class=2), "x", "i", ignore_class=2)
case("iou", M.IoU(CLASSES, [1], sparse_y_pred=False), "x", "i", at=1)
for name, metric, p, t in (
        ("mean_absolute_error", M.MeanAbsoluteError, "x", "u"),
        ("mean_absolute_percent", M.MeanAbsolutePercentageError, "x", "p"),
        ("mean_squared_log", M.MeanSquaredLogarithmicError, "p", "b"),
        ("root_mean_squared_error", M.RootMeanSquaredError, "x", "u"),
        ("log_cosh", M.LogCoshError, "x", "u"), ("kl_divergence", M.KLDivergence, "p", "o"),
        ("poisson", M.Poisson, "p", "b"), ("hinge", M.Hinge, "x", "s"),
        ("squared_hinge", M.SquaredHinge, "x", "s"), ("categorical_hinge", M.CategoricalHinge, "x", "o"),
        ("cosine_similarity", M.CosineSimilarity, "x", "u"),
        ("binary_cross_entropy", M.BinaryCrossentropy, "p", "b"),
        ("categorical_cross_entropy", M.CategoricalCrossentropy, "p", "o"),
        ("sparse_cross_entropy", M.SparseCategoricalCrossentropy, "p", "i")):
    case(name, metric(), p, t)
case("binary_cross_entropy", M.BinaryCrossentropy(from_logits=True, label_smoothing=0.1), "x", "b",
     from_logits=True, label_smoothing=0.1)
case("categorical_cross_entropy", M.CategoricalCrossentropy(from_logits=True), "x", "o", True,
     from_logits=True)
case("sparse_cross_entropy", M.SparseCategoricalCrossentropy(from_logits=True), "x", "i",
     from_logits=True)
entropy = M.SparseCategoricalCrossentropy(from_logits=True)
entropy.update_state(data["i"], data["x"])
write_case("perplexity", numpy.exp(entropy.result()), "x", "i", from_logits=1)
case("pearson_correlation", M.PearsonCorrelation(), "x", "u", by_row=True)
whole = numpy.corrcoef(data["x"].reshape(-1), data["u"].reshape(-1))[0, 1]
write_case("pearson_correlation", whole, "x", "u")
write_case("mean", numpy.mean(data["x"]), "x", "x")
write_case("mean", numpy.average(data["c"], weights=data["w"]), "c", "c", w="w")
write_case("sum", numpy.sum(data["x"]), "x", "x")
write_case("sum", numpy.sum(data["c"] * data["w"]), "c", "c", w="w")
write_case("confusion_matrix", numpy.mean(data["g"] == data["i"]), "g", "i", classes=CLASSES)
out.close()
