/* The tests' own arrays: see values.h. */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "half.h"
#include "values.h"

/* Blocks stay linked, so that a leak checker sees that nobody lost them. */
typedef struct block {
    struct block *next;
    _Alignas(64) unsigned char bytes[];
} block;
static block *blocks;

void *test_memory(size_t bytes) {
    size_t size = (sizeof(block) + bytes + 63) / 64 * 64;
    block *b = aligned_alloc(64, size);
    if (b == NULL) abort();
    memset(b, 0, size);
    b->next = blocks;
    blocks = b;
    return b->bytes;
}

uint64_t rng_next(rng *r) {
    uint64_t z = (r->state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

int64_t rng_below(rng *r, int64_t n) { return (int64_t)(rng_next(r) % (uint64_t)n); }

double rng_real(rng *r, double low, double high) {
    return low + (high - low) * ((double)(rng_next(r) >> 11) * 0x1p-53);
}

bool is_floating(hebb_dtype dtype) {
    return dtype == HEBB_F32 || dtype == HEBB_F64 || is_half(dtype);
}

values values_make(hebb_dtype dtype, hebb_shape shape) {
    values v = {.dtype = dtype, .shape = shape, .count = 1};
    for (int k = 0; k < shape.rank; k++) v.count *= shape.dim[k];
    v.at = test_memory((size_t)v.count * sizeof *v.at);
    return v;
}

scalar scalar_held(scalar x, hebb_dtype dtype) {
    switch (dtype) {
    case HEBB_F32: return (scalar){.f = (float)x.f};
    case HEBB_F64: return x;
    case HEBB_I32: return (scalar){.i = (int32_t)(uint32_t)(uint64_t)x.i};
    case HEBB_I64: return x;
    case HEBB_U8: return (scalar){.i = x.i & 255};
    case HEBB_BOOL: return (scalar){.i = x.i != 0};
    case HEBB_F16:
    case HEBB_BF16: return (scalar){.f = half_round(x.f, dtype)};
    case HEBB_I8: return (scalar){.i = (int8_t)(uint8_t)(uint64_t)x.i};
    }
    abort();
}

double scalar_real(scalar x, hebb_dtype dtype) { return is_floating(dtype) ? x.f : (double)x.i; }

scalar scalar_from_real(double x, hebb_dtype dtype) {
    return scalar_held(is_floating(dtype) ? (scalar){.f = x} : (scalar){.i = (int64_t)x}, dtype);
}

static void store(void *to, int64_t index, hebb_dtype dtype, scalar x) {
    switch (dtype) {
    case HEBB_F32: ((float *)to)[index] = (float)x.f; break;
    case HEBB_F64: ((double *)to)[index] = x.f; break;
    case HEBB_I32: ((int32_t *)to)[index] = (int32_t)x.i; break;
    case HEBB_I64: ((int64_t *)to)[index] = x.i; break;
    case HEBB_U8:
    case HEBB_BOOL: ((uint8_t *)to)[index] = (uint8_t)x.i; break;
    case HEBB_F16:
    case HEBB_BF16: ((uint16_t *)to)[index] = half_bits(x.f, dtype); break;
    case HEBB_I8: ((int8_t *)to)[index] = (int8_t)x.i; break;
    }
}

static scalar load(const void *from, int64_t index, hebb_dtype dtype) {
    switch (dtype) {
    case HEBB_F32: return (scalar){.f = ((const float *)from)[index]};
    case HEBB_F64: return (scalar){.f = ((const double *)from)[index]};
    case HEBB_I32: return (scalar){.i = ((const int32_t *)from)[index]};
    case HEBB_I64: return (scalar){.i = ((const int64_t *)from)[index]};
    case HEBB_U8:
    case HEBB_BOOL: return (scalar){.i = ((const uint8_t *)from)[index]};
    case HEBB_F16:
    case HEBB_BF16: return (scalar){.f = half_value(((const uint16_t *)from)[index], dtype)};
    case HEBB_I8: return (scalar){.i = ((const int8_t *)from)[index]};
    }
    abort();
}

hebb_array values_to_array(const values *v) {
    void *data = test_memory((size_t)v->count * hebb_dtype_size(v->dtype));
    for (int64_t i = 0; i < v->count; i++) store(data, i, v->dtype, v->at[i]);
    return hebb_array_view(data, v->dtype, v->shape);
}

values values_from_array(const hebb_array *array) {
    values v = values_make(array->dtype, array->shape);
    for (int64_t i = 0; i < v.count; i++) v.at[i] = load(array->data, i, v.dtype);
    return v;
}

values values_cast(const values *v, hebb_dtype dtype) {
    values r = values_make(dtype, v->shape);
    for (int64_t i = 0; i < v->count; i++)
        r.at[i] = is_floating(dtype) || is_floating(v->dtype)
                      ? scalar_from_real(scalar_real(v->at[i], v->dtype), dtype)
                      : scalar_held(v->at[i], dtype);
    return r;
}

void index_split(int64_t index, hebb_shape shape, int64_t *at) {
    for (int k = shape.rank - 1; k >= 0; k--) {
        at[k] = index % shape.dim[k];
        index /= shape.dim[k];
    }
}

int64_t index_join(const int64_t *at, hebb_shape shape) {
    int64_t index = 0;
    for (int k = 0; k < shape.rank; k++) index = index * shape.dim[k] + at[k];
    return index;
}

hebb_shape broadcast_shapes(hebb_shape a, hebb_shape b) {
    if (a.rank < b.rank) return broadcast_shapes(b, a);
    int missing = a.rank - b.rank;
    for (int k = 0; k < b.rank; k++)
        if (a.dim[missing + k] == 1) a.dim[missing + k] = b.dim[k];
    return a;
}

int64_t broadcast_index(int64_t index, hebb_shape to, hebb_shape from) {
    int64_t at[HEBB_MAX_RANK];
    index_split(index, to, at);
    int missing = to.rank - from.rank;
    for (int k = 0; k < from.rank; k++) at[k] = from.dim[k] == 1 ? 0 : at[missing + k];
    return index_join(at, from);
}

int64_t integer_lowest(hebb_dtype dtype) {
    return dtype == HEBB_I32   ? INT32_MIN
           : dtype == HEBB_I64 ? INT64_MIN
           : dtype == HEBB_I8  ? INT8_MIN
                               : 0;
}
int64_t integer_highest(hebb_dtype dtype) {
    return dtype == HEBB_I32   ? INT32_MAX
           : dtype == HEBB_I64 ? INT64_MAX
           : dtype == HEBB_I8  ? INT8_MAX
                               : 255;
}

/* ---- generators ---- */

static void shuffle(int64_t *order, int64_t n, rng *r) {
    for (int64_t i = 0; i < n; i++) order[i] = i;
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = rng_below(r, i + 1), t = order[i];
        order[i] = order[j];
        order[j] = t;
    }
}

/* A shuffled arithmetic progression around 0; its offset differs between operands, so that their
   elements are apart by at least 0.03. u8 has no negative numbers: it starts at 0. */
static void fill_distinct(values *v, int number, rng *r) {
    int64_t *order = test_memory((size_t)v->count * sizeof *order);
    shuffle(order, v->count, r);
    for (int64_t i = 0; i < v->count; i++) {
        int64_t k = v->dtype == HEBB_U8 ? order[i] : order[i] - v->count / 2;
        scalar x = is_floating(v->dtype) ? (scalar){.f = 0.125 * (double)k + 0.03125 * number}
                                         : (scalar){.i = 3 * k + number};
        v->at[i] = scalar_held(x, v->dtype);
    }
}

static double special(int64_t i, hebb_dtype dtype, rng *r) {
    bool f32 = dtype == HEBB_F32;
    double largest = is_half(dtype) ? half_largest(dtype) : f32 ? FLT_MAX : DBL_MAX;
    double smallest = is_half(dtype) ? half_smallest(dtype) : f32 ? FLT_MIN : DBL_MIN;
    double denormal = is_half(dtype) ? smallest / 64 : f32 ? 1e-40 : 1e-310;
    const double list[] = {0.0,      -0.0,     INFINITY,  -INFINITY, NAN,       1.0, -1.0, largest,
                           -largest, smallest, -smallest, denormal,  -denormal, 0.5, -2.0, 3.0};
    int64_t n = (int64_t)(sizeof list / sizeof *list);
    return i < n ? list[i] : list[rng_below(r, n)];
}

static double nonfinite(rng *r) {
    const double list[] = {INFINITY, -INFINITY, NAN, 0, 1, 2, -1, -2, 3, 4, 5, 6};
    return list[rng_below(r, (int64_t)(sizeof list / sizeof *list))];
}

static int64_t extreme(int64_t i, hebb_dtype dtype, rng *r) {
    int64_t low = integer_lowest(dtype), high = integer_highest(dtype);
    const int64_t list[] = {low,     high,     0, 1, low == 0 ? 128 : -1,
                            low + 1, high - 1, 2, 7, high / 2};
    int64_t n = (int64_t)(sizeof list / sizeof *list);
    return i < n ? list[i] : list[rng_below(r, n)];
}

static double tail(rng *r) {
    double t = rng_real(r, -1, 1);
    return 1e4 * t * t * t * t * t;
}

static double real_of(domain d, int64_t i, hebb_dtype dtype, rng *r) {
    switch (d) {
    case POSITIVE: return rng_real(r, 0.3, 3);
    case NONZERO: return rng_real(r, 0.3, 2) * (rng_next(r) >> 63 ? 1 : -1);
    case INSIDE: return rng_real(r, -0.9, 0.9);
    case BEYOND: return rng_real(r, 1.2, 4);
    case HALVES: return (double)(rng_below(r, 17) - 8) / 2;
    case OFF_GRID: return (double)rng_below(r, 9) - 4 + rng_real(r, 0.2, 0.8);
    case SMALL: return (double)rng_below(r, 7) - 3;
    case TAILS: return i < 2 ? (i == 0 ? -1e4 : 1e4) : tail(r);
    case SPECIAL: return special(i, dtype, r);
    case NONFINITE: return nonfinite(r);
    case TRUTH: return (double)rng_below(r, 2);
    default: return rng_real(r, -2, 2);
    }
}

static int64_t whole_of(domain d, int64_t limit, int64_t i, hebb_dtype dtype, rng *r) {
    switch (d) {
    case EXTREME:
    case NONFINITE:
    case SPECIAL: return extreme(i, dtype, r);
    case INDICES: return rng_below(r, limit + 4) - 2;
    case LABELS: return rng_below(r, limit);
    case TRUTH: return rng_below(r, 2);
    case POSITIVE: return 1 + rng_below(r, 9);
    default: return rng_below(r, 19) - 9;
    }
}

void values_fill(values *v, domain d, int64_t limit, int number, rng *r) {
    if (d == DISTINCT) {
        fill_distinct(v, number, r);
        return;
    }
    for (int64_t i = 0; i < v->count; i++) {
        scalar x = is_floating(v->dtype) ? (scalar){.f = real_of(d, i, v->dtype, r)}
                                         : (scalar){.i = whole_of(d, limit, i, v->dtype, r)};
        v->at[i] = scalar_held(x, v->dtype);
    }
}

/* ---- comparison ---- */

static bool real_matches(double expected, double got, double scale, tolerance t) {
    if (isnan(expected) || isnan(got)) return isnan(expected) && isnan(got);
    if (isinf(expected) || isinf(got)) return expected == got;
    return fabs(got - expected) <= t.absolute + t.relative * fmax(fabs(expected), scale);
}

static bool element_matches(const values *expected, int64_t i, scalar got, tolerance t) {
    scalar e = scalar_held(expected->at[i], expected->dtype);
    if (!is_floating(expected->dtype)) return e.i == got.i;
    return real_matches(e.f, got.f, expected->scale == NULL ? 0 : expected->scale[i], t);
}

static bool signature_matches(const values *expected, const hebb_array *got, char *why,
                              size_t size) {
    if (got->dtype == expected->dtype && hebb_shape_equal(got->shape, expected->shape)) return true;
    char wanted[128], given[128];
    snprintf(why, size, "expected %s %s, got %s %s", hebb_dtype_name(expected->dtype),
             hebb_shape_text(expected->shape, wanted, sizeof wanted), hebb_dtype_name(got->dtype),
             hebb_shape_text(got->shape, given, sizeof given));
    return false;
}

bool values_match(const values *expected, const hebb_array *got, tolerance t, char *why,
                  size_t size) {
    if (!signature_matches(expected, got, why, size)) return false;
    int64_t bad = 0, first = 0;
    for (int64_t i = 0; i < expected->count; i++) {
        if (element_matches(expected, i, load(got->data, i, got->dtype), t)) continue;
        if (bad++ == 0) first = i;
    }
    if (bad == 0) return true;
    scalar e = expected->at[first], g = load(got->data, first, got->dtype);
    if (is_floating(expected->dtype))
        snprintf(why, size,
                 "element %" PRId64 ": expected %.17g, got %.17g (%" PRId64 " of %" PRId64
                 " differ)",
                 first, e.f, g.f, bad, expected->count);
    else
        snprintf(why, size,
                 "element %" PRId64 ": expected %" PRId64 ", got %" PRId64 " (%" PRId64
                 " of %" PRId64 " differ)",
                 first, e.i, g.i, bad, expected->count);
    return false;
}
