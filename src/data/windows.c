/* Windows of a series (hebb/prepare.h). */
#include <string.h>

#include <hebb/prepare.h>

#include "words.h"

static hebb_status check(const hb_words *w, const hebb_array *series, int64_t length, int64_t step,
                         const hebb_array *windows) {
    char text[160];
    if (series == NULL || windows == NULL)
        return hb_words_fail(w, HEBB_E_NULL, "the %s NULL",
                             series == NULL ? "series is" : "windows are");
    if (hebb_dtype_size(series->dtype) == 0)
        return hb_words_fail(w, HEBB_E_DTYPE, "the series has no dtype");
    if (length < 1 || step < 1)
        return hb_words_fail(w, HEBB_E_ARGUMENT, "windows of %lld rows, every %lld: less than one",
                             (long long)length, (long long)step);
    const int rank = series->shape.rank;
    if (hebb_array_count(series) < 0 || rank < 1 || rank >= HEBB_MAX_RANK ||
        series->shape.dim[0] < length)
        return hb_words_fail(w, HEBB_E_SHAPE,
                             "the series is %s, too short for windows of %lld rows",
                             hebb_shape_text(series->shape, text, sizeof text), (long long)length);
    if (series->data == NULL && hebb_array_count(series) > 0)
        return hb_words_fail(w, HEBB_E_NULL, "the series has no data");
    return HEBB_OK;
}

hebb_status hebb_window_rows(const hebb_array *series, int64_t length, int64_t step,
                             hebb_array *windows, char *message, size_t size) {
    const hb_words w = {"window_rows", message, size};
    hebb_status status = check(&w, series, length, step, windows);
    if (status != HEBB_OK) return status;
    const hebb_shape from = series->shape;
    const int64_t n = (from.dim[0] - length) / step + 1;
    hebb_shape shape = {.rank = from.rank + 1, .dim = {n, length}};
    for (int k = 1; k < from.rank; k++) shape.dim[k + 1] = from.dim[k];
    hebb_array fresh = {0}; /* the series may be a view of what is in `windows` */
    status = hebb_array_resize(&fresh, series->dtype, shape);
    if (status != HEBB_OK)
        return hb_words_fail(&w, status, "no memory for %lld windows", (long long)n);
    const size_t row = hebb_array_bytes(series) / (size_t)from.dim[0], all = row * (size_t)length;
    for (int64_t k = 0; all > 0 && k < n; k++)
        memcpy((char *)fresh.data + all * (size_t)k,
               (const char *)series->data + row * (size_t)(k * step), all);
    hebb_array_free(windows);
    *windows = fresh;
    return HEBB_OK;
}
