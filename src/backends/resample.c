/* See resample.h. */
#include <stdlib.h>

#include "resample.h"

/* What a result of the rule is made of: elements first + k step for k < count, the last of two with
   a weight of its own. */
typedef struct terms {
    int64_t first, step, count;
    double weight, last, divisor;
} terms;

static terms one(int64_t place) { return (terms){place, 1, 1, 1, 1, 1}; }

static terms between(const hb_resample_axis *a, int64_t i) {
    const int64_t at = hb_max(a->number[0] * i + a->number[1], 0), d = a->number[2];
    const double t = (double)(at % d) / (double)d;
    if (at % d == 0 || at / d >= a->in - 1) return one(hb_min(at / d, a->in - 1));
    return (terms){at / d, 1, 2, 1 - t, t, 1};
}

static terms span(const hb_resample_axis *a, int64_t i) {
    const int64_t from = i * a->in / a->out, to = hb_ceil_div((i + 1) * a->in, a->out);
    return (terms){from, 1, to - from, 1, 1, (double)(to - from)};
}

static terms window(const hb_resample_axis *a, int64_t i) {
    const int64_t kernel = a->number[0], dilation = a->number[2];
    const int64_t at = i * a->number[1] - a->number[3];
    const int64_t from = at < 0 ? hb_ceil_div(-at, dilation) : 0;
    const int64_t to = at < a->in ? hb_min(kernel, hb_ceil_div(a->in - at, dilation)) : 0;
    const int64_t count = hb_max(to - from, 0);
    return (terms){
        at + from * dilation, dilation, count, 1, 1, (double)(a->number[4] ? kernel : count)};
}

/* Place i is outside of the elements by less than their number. */
static int64_t reflected(int64_t i, int64_t n) { return i < 0 ? -i : i < n ? i : 2 * (n - 1) - i; }

static terms terms_of(const hb_resample_axis *a, int64_t i) {
    if (a->in == 0) return (terms){.step = 1};
    switch ((hb_resample_rule)a->rule) {
    case HB_KEPT: return one(i);
    case HB_NEAREST: return one((a->number[0] * i + a->number[1]) / a->number[2]);
    case HB_REFLECT: return one(reflected(i - a->number[0], a->in));
    case HB_EDGE: return one(hb_max(hb_min(i - a->number[0], a->in - 1), 0));
    case HB_LINEAR: return between(a, i);
    case HB_SPANS: return span(a, i);
    default: return window(a, i);
    }
}

static void put(void *to, hebb_dtype dtype, int64_t at, double value) {
    if (dtype == HEBB_F64) ((double *)to)[at] = value;
    else ((float *)to)[at] = (float)value;
}

static bool divides(const hb_resample_axis *a) {
    return a->in == 0 || a->rule == HB_SPANS || a->rule == HB_WINDOWS;
}

static bool allocate(hb_resample_table *t, hebb_dtype dtype, bool divisor) {
    const size_t size = hebb_dtype_size(dtype);
    t->place = malloc(((size_t)t->entries + 1) * sizeof *t->place);
    t->weight = malloc(((size_t)t->entries + 1) * size);
    if (divisor) t->divisor = malloc(((size_t)t->rows + 1) * size);
    return t->place != NULL && t->weight != NULL && (!divisor || t->divisor != NULL);
}

/* How many entries each row has, at the row's number + 1. */
static void count_entries(const hb_resample_axis *a, bool transposed, hb_resample_table *t) {
    for (int64_t i = 0; i < a->out; i++) {
        const terms of = terms_of(a, i);
        t->entries += of.count;
        for (int64_t k = 0; k < of.count && t->entries <= INT32_MAX; k++)
            t->first[(transposed ? of.first + k * of.step : i) + 1]++;
    }
}

/* first[r] goes from the start of row r to its end, which is the start of the next one. */
static void fill(const hb_resample_axis *a, bool transposed, hebb_dtype dtype,
                 hb_resample_table *t) {
    for (int64_t i = 0; i < a->out; i++) {
        const terms of = terms_of(a, i);
        if (t->divisor != NULL) put(t->divisor, dtype, i, of.divisor);
        for (int64_t k = 0; k < of.count; k++) {
            const int64_t place = of.first + k * of.step;
            const double weight = k == 1 ? of.last : of.weight;
            const int64_t at = t->first[transposed ? place : i]++;
            t->place[at] = (int32_t)(transposed ? i : place);
            put(t->weight, dtype, at, transposed ? weight / of.divisor : weight);
        }
    }
}

hebb_status hb_resample_table_make(const hb_resample_axis *a, bool transposed, hebb_dtype dtype,
                                   hb_resample_table *t, hb_error *error) {
    *t = (hb_resample_table){.rows = transposed ? a->in : a->out,
                             .elements = transposed ? a->out : a->in};
    t->first = calloc((size_t)t->rows + 2, sizeof *t->first);
    if (t->first == NULL) return hb_fail_memory(error, "a resampling", (size_t)t->rows * 4);
    count_entries(a, transposed, t);
    if (t->entries > INT32_MAX)
        return hb_fail(error, HEBB_E_UNSUPPORTED, "a resampling with 2^31 coefficients or more");
    if (!allocate(t, dtype, !transposed && divides(a)))
        return hb_fail_memory(error, "a resampling", (size_t)t->entries * 8);
    for (int64_t r = 0; r < t->rows; r++) t->first[r + 1] += t->first[r];
    fill(a, transposed, dtype, t);
    for (int64_t r = t->rows; r > 0; r--) t->first[r] = t->first[r - 1];
    t->first[0] = 0;
    return HEBB_OK;
}

void hb_resample_table_free(hb_resample_table *t) {
    free(t->first);
    free(t->place);
    free(t->weight);
    free(t->divisor);
    *t = (hb_resample_table){0};
}

void hb_resample_sources(const hb_resample_table *t, int64_t begin, int64_t end, int64_t *from,
                         int64_t *to) {
    *from = t->elements;
    *to = 0;
    for (int32_t e = t->first[begin]; e < t->first[end]; e++) {
        *from = hb_min(*from, t->place[e]);
        *to = hb_max(*to, t->place[e] + 1);
    }
    if (*from > *to) *from = 0;
}
