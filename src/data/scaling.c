/* Scales of features and one-hot rows (hebb/prepare.h). Built on the public headers; all sums are
   in double. */
#include <math.h>
#include <stdlib.h>

#include <hebb/prepare.h>

#include "words.h"

/* ---- features ---- */

/* Element k of an array is of feature k / inner % features. */
typedef struct layout {
    int64_t count, features, inner;
} layout;

static hebb_status check_array(const hb_words *w, const hebb_array *array) {
    if (array == NULL) return hb_words_fail(w, HEBB_E_NULL, "the array is NULL");
    if (hebb_array_count(array) < 0)
        return hb_words_fail(w, HEBB_E_SHAPE, "the array's shape is not concrete");
    if (hebb_dtype_size(array->dtype) == 0)
        return hb_words_fail(w, HEBB_E_DTYPE, "the array has no dtype");
    if (array->data == NULL && hebb_array_count(array) > 0)
        return hb_words_fail(w, HEBB_E_NULL, "the array has no data");
    return HEBB_OK;
}

static layout layout_of(const hebb_array *array) {
    layout l = {.count = hebb_array_count(array), .features = 1, .inner = 1};
    if (array->shape.rank < 2) return l;
    l.features = array->shape.dim[1];
    for (int k = 2; k < array->shape.rank; k++) l.inner *= array->shape.dim[k];
    return l;
}

static int64_t feature_of(const layout *l, int64_t k) { return k / l->inner % l->features; }

/* ---- learning ---- */

static hebb_status begin(hebb_scaling *fresh, const hebb_scaling *to, const hebb_array *examples,
                         layout *l, const hb_words *w) {
    hebb_status status = check_array(w, examples);
    if (status != HEBB_OK) return status;
    if (to == NULL) return hb_words_fail(w, HEBB_E_NULL, "the scaling is NULL");
    *l = layout_of(examples);
    if (l->count == 0) return hb_words_fail(w, HEBB_E_ARGUMENT, "there are no examples");
    fresh->features = l->features;
    fresh->shift = calloc((size_t)l->features, sizeof *fresh->shift);
    fresh->scale = calloc((size_t)l->features, sizeof *fresh->scale);
    if (fresh->shift == NULL || fresh->scale == NULL)
        return hb_words_fail(w, HEBB_E_MEMORY, "out of memory");
    return HEBB_OK;
}

/* How far the numbers of each feature are from its mean; first the sums, then the squares. */
static hebb_status learn_deviation(hebb_scaling *s, const hebb_array *x, const layout *l,
                                   const hb_words *w) {
    int64_t *seen = calloc((size_t)l->features, sizeof *seen);
    if (seen == NULL) return hb_words_fail(w, HEBB_E_MEMORY, "out of memory");
    for (int64_t k = 0; k < l->count; k++) {
        double value = hebb_array_at(x, k);
        if (isnan(value)) continue;
        s->shift[feature_of(l, k)] += value;
        seen[feature_of(l, k)]++;
    }
    for (int64_t f = 0; f < l->features; f++)
        if (seen[f] > 0) s->shift[f] /= (double)seen[f];
    for (int64_t k = 0; k < l->count; k++) {
        int64_t f = feature_of(l, k);
        double far = hebb_array_at(x, k) - s->shift[f];
        if (!isnan(far)) s->scale[f] += far * far;
    }
    for (int64_t f = 0; f < l->features; f++) {
        s->scale[f] = seen[f] > 0 ? sqrt(s->scale[f] / (double)seen[f]) : 0;
        /* Rounding alone makes equal numbers differ from their mean. */
        if (!(s->scale[f] > 1e-15 * fabs(s->shift[f]))) s->scale[f] = 1;
    }
    free(seen);
    return HEBB_OK;
}

/* low + (x - least) (high - low) / (greatest - least), as (x - shift) / scale. */
static void learn_range(hebb_scaling *s, const hebb_array *x, const layout *l, double low,
                        double high) {
    double *least = s->shift, *greatest = s->scale;
    for (int64_t f = 0; f < l->features; f++) {
        least[f] = INFINITY;
        greatest[f] = -INFINITY;
    }
    for (int64_t k = 0; k < l->count; k++) {
        double value = hebb_array_at(x, k);
        int64_t f = feature_of(l, k);
        if (value < least[f]) least[f] = value;
        if (value > greatest[f]) greatest[f] = value;
    }
    for (int64_t f = 0; f < l->features; f++) {
        if (!(least[f] <= greatest[f])) least[f] = greatest[f] = 0; /* nothing but NaN */
        double scale = (greatest[f] - least[f]) / (high - low);
        s->scale[f] = scale > 0 ? scale : 1;
        s->shift[f] = least[f] - low * s->scale[f];
    }
}

static hebb_status finish(hebb_scaling *fresh, hebb_scaling *to, const layout *l,
                          hebb_status status, const hb_words *w) {
    for (int64_t f = 0; status == HEBB_OK && f < l->features; f++)
        if (!isfinite(fresh->shift[f]) || !isfinite(fresh->scale[f]))
            status = hb_words_fail(w, HEBB_E_ARGUMENT,
                                   "feature %lld has numbers that are not finite", (long long)f);
    hebb_scaling_free(status == HEBB_OK ? to : fresh);
    if (status == HEBB_OK) *to = *fresh;
    return status;
}

hebb_status hebb_standardize_fit(hebb_scaling *scaling, const hebb_array *examples, char *message,
                                 size_t size) {
    const hb_words w = {"standardize", message, size};
    hebb_scaling fresh = {0};
    layout l = {0};
    hebb_status status = begin(&fresh, scaling, examples, &l, &w);
    if (status == HEBB_OK) status = learn_deviation(&fresh, examples, &l, &w);
    return finish(&fresh, scaling, &l, status, &w);
}

hebb_status hebb_min_max_fit(hebb_scaling *scaling, const hebb_array *examples, double low,
                             double high, char *message, size_t size) {
    const hb_words w = {"min-max", message, size};
    hebb_scaling fresh = {0};
    layout l = {0};
    if (!(low < high) || !isfinite(high - low))
        return hb_words_fail(&w, HEBB_E_ARGUMENT, "%g is not below %g", low, high);
    hebb_status status = begin(&fresh, scaling, examples, &l, &w);
    if (status == HEBB_OK) learn_range(&fresh, examples, &l, low, high);
    return finish(&fresh, scaling, &l, status, &w);
}

void hebb_scaling_free(hebb_scaling *s) {
    if (s == NULL) return;
    free(s->shift);
    free(s->scale);
    *s = (hebb_scaling){0};
}

/* ---- applying ---- */

static hebb_status apply(const hebb_scaling *s, const hebb_array *from, hebb_array *to, bool undo,
                         const hb_words *w) {
    hebb_array fresh = {0};
    char text[160];
    hebb_status status = check_array(w, from);
    if (status != HEBB_OK) return status;
    if (s == NULL || s->shift == NULL || s->scale == NULL || to == NULL)
        return hb_words_fail(w, HEBB_E_NULL,
                             to == NULL ? "the result is NULL" : "the scaling is empty");
    layout l = layout_of(from);
    if (s->features == 1) l.features = 1;
    if (s->features != l.features)
        return hb_words_fail(w, HEBB_E_SHAPE, "a scaling of %lld features does not fit %s",
                             (long long)s->features,
                             hebb_shape_text(from->shape, text, sizeof text));
    status = hebb_array_resize(&fresh, from->dtype == HEBB_F64 ? HEBB_F64 : HEBB_F32, from->shape);
    if (status != HEBB_OK) return hb_words_fail(w, status, "out of memory");
    for (int64_t k = 0; k < l.count; k++) {
        double value = hebb_array_at(from, k);
        int64_t f = feature_of(&l, k);
        hebb_array_set(&fresh, k,
                       undo ? value * s->scale[f] + s->shift[f]
                            : (value - s->shift[f]) / s->scale[f]);
    }
    hebb_array_free(to);
    *to = fresh;
    return HEBB_OK;
}

hebb_status hebb_scaling_apply(const hebb_scaling *scaling, const hebb_array *from, hebb_array *to,
                               char *message, size_t size) {
    return apply(scaling, from, to, false, &(const hb_words){"scaling", message, size});
}

hebb_status hebb_scaling_undo(const hebb_scaling *scaling, const hebb_array *from, hebb_array *to,
                              char *message, size_t size) {
    return apply(scaling, from, to, true, &(const hb_words){"scaling", message, size});
}

/* ---- one-hot ---- */

hebb_status hebb_one_hot_rows(const hebb_array *labels, int64_t classes, hebb_array *rows,
                              char *message, size_t size) {
    const hb_words w = {"one-hot rows", message, size};
    char text[160];
    hebb_status status = check_array(&w, labels);
    if (status != HEBB_OK) return status;
    if (rows == NULL) return hb_words_fail(&w, HEBB_E_NULL, "the result is NULL");
    if (classes < 1) return hb_words_fail(&w, HEBB_E_ARGUMENT, "%lld classes", (long long)classes);
    if (hebb_dtype_floating(labels->dtype))
        return hb_words_fail(&w, HEBB_E_DTYPE, "labels are integers, not %s",
                             hebb_dtype_name(labels->dtype));
    int64_t n = labels->shape.rank < 1 ? -1 : labels->shape.dim[0];
    if (n != hebb_array_count(labels))
        return hb_words_fail(&w, HEBB_E_SHAPE, "labels are [n] or [n, 1], not %s",
                             hebb_shape_text(labels->shape, text, sizeof text));
    for (int64_t k = 0; k < n; k++) {
        double label = hebb_array_at(labels, k);
        if (label < 0 || label >= (double)classes)
            return hb_words_fail(&w, HEBB_E_ARGUMENT, "row %lld: label %g is not in 0...%lld",
                                 (long long)k, label, (long long)classes - 1);
    }
    hebb_array fresh = hebb_array_zeros(HEBB_F32, HEBB_SHAPE(n, classes));
    if (fresh.data == NULL) return hb_words_fail(&w, HEBB_E_MEMORY, "out of memory");
    for (int64_t k = 0; k < n; k++)
        ((float *)fresh.data)[k * classes + (int64_t)hebb_array_at(labels, k)] = 1;
    hebb_array_free(rows);
    *rows = fresh;
    return HEBB_OK;
}
