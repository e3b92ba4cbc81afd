/* ARGSORT: elements become integers of the same order, and those are sorted with their places,
   blocks first, then runs of them merged in pairs. A stable sort has one result, so the cuts do not
   show. Called through its solver. */
#include <string.h>

#include "cpu.h"

enum { BLOCK = 4096, SHORT = 12 };

/* Unequal elements have keys in their order. */
typedef struct item {
    uint64_t key;
    int64_t place;
} item;

static bool can_do(const hb_device *device, const hb_step *step) { return true; }

static double points(const hb_step *step) {
    const hb_along *a = &step->u.along;
    return (double)a->outer * (double)a->n * (double)a->inner;
}

static double cost(const hb_device *device, const hb_step *step) { return points(step) * 60; }

static size_t scratch(const hb_device *device, const hb_step *step) {
    return 2 * (size_t)points(step) * sizeof(item);
}

static hebb_status prepare(hb_device *device, const hb_step *step, void **state, hb_error *error) {
    *state = (void *)(uintptr_t)step;
    return HEBB_OK;
}

static void release(void *state) {}

typedef struct sorting {
    const hb_along *along;
    hebb_dtype dtype;
    const char *x;
    int32_t *y;
    item *from, *to; /* [outer][inner][n] */
    int64_t blocks;  /* of a line */
    int64_t width;   /* of the runs that are merged */
} sorting;

/* ---- keys ---- */

static uint64_t signed_key(int64_t x) { return (uint64_t)x ^ (uint64_t)1 << 63; }

/* Larger numbers have larger bits, but negative ones the other way round; NaN is the largest. */
static uint64_t real_key(double x) {
    uint64_t bits;
    if (x != x) return UINT64_MAX;
    if (x == 0) x = 0; /* both zeros are equal */
    memcpy(&bits, &x, sizeof bits);
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

static uint64_t key_of(const sorting *s, int64_t at) {
    const char *x = s->x + at * (int64_t)hebb_dtype_size(s->dtype);
    float f32;
    double f64;
    int32_t i32;
    int64_t i64;
    switch (s->dtype) {
    case HEBB_F32: return real_key((double)*(const float *)memcpy(&f32, x, sizeof f32));
    case HEBB_F64: return real_key(*(const double *)memcpy(&f64, x, sizeof f64));
    case HEBB_I32: return signed_key(*(const int32_t *)memcpy(&i32, x, sizeof i32));
    case HEBB_I64: return signed_key(*(const int64_t *)memcpy(&i64, x, sizeof i64));
    case HEBB_U8:
    case HEBB_BOOL: return *(const uint8_t *)x;
    case HEBB_I8: return signed_key(*(const int8_t *)x);
    case HEBB_F16:
    case HEBB_BF16: break; /* sorted as f32 */
    }
    return 0;
}

/* ---- sorting ---- */

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static void insert_all(item *x, int64_t n) {
    for (int64_t i = 1; i < n; i++) {
        const item one = x[i];
        int64_t k = i;
        for (; k > 0 && x[k - 1].key > one.key; k--) x[k] = x[k - 1];
        x[k] = one;
    }
}

/* [0, middle) and [middle, n), both sorted, into `to`; equal ones of the first come first. */
static void merge(item *to, const item *x, int64_t middle, int64_t n) {
    int64_t a = 0, b = middle;
    for (int64_t k = 0; k < n; k++) {
        const bool second = a == middle || (b < n && x[b].key < x[a].key);
        to[k] = second ? x[b++] : x[a++];
    }
}

/* Sorts x; `other` is as long. */
static void sort_block(item *x, item *other, int64_t n) {
    item *from = x, *to = other;
    for (int64_t i = 0; i < n; i += SHORT) insert_all(x + i, least(SHORT, n - i));
    for (int64_t width = SHORT; width < n; width *= 2) {
        for (int64_t i = 0; i < n; i += 2 * width)
            merge(to + i, from + i, least(width, n - i), least(2 * width, n - i));
        item *swapped = from;
        from = to;
        to = swapped;
    }
    if (from != x) memcpy(x, from, (size_t)n * sizeof *x);
}

/* ---- tasks ---- */

static void sort_blocks(void *context, int64_t begin, int64_t end, int thread) {
    const sorting *s = context;
    const hb_along *a = s->along;
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t line = unit / s->blocks, first = unit % s->blocks * BLOCK;
        const int64_t n = least(BLOCK, a->n - first);
        const int64_t start = line / a->inner * a->n * a->inner + line % a->inner;
        item *x = s->from + line * a->n + first;
        for (int64_t i = 0; i < n; i++) {
            const uint64_t key = key_of(s, start + (first + i) * a->inner);
            x[i] = (item){a->reverse ? ~key : key, first + i};
        }
        sort_block(x, s->to + line * a->n + first, n);
    }
}

static void merge_runs(void *context, int64_t begin, int64_t end, int thread) {
    const sorting *s = context;
    const int64_t n = s->along->n, pairs = (n + 2 * s->width - 1) / (2 * s->width);
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t first = unit % pairs * 2 * s->width, at = unit / pairs * n + first;
        merge(s->to + at, s->from + at, least(s->width, n - first), least(2 * s->width, n - first));
    }
}

static void store_places(void *context, int64_t begin, int64_t end, int thread) {
    const sorting *s = context;
    const hb_along *a = s->along;
    for (int64_t line = begin; line < end; line++) {
        const int64_t start = line / a->inner * a->n * a->inner + line % a->inner;
        for (int64_t i = 0; i < a->n; i++)
            s->y[start + i * a->inner] = (int32_t)s->from[line * a->n + i].place;
    }
}

static void run(hb_device *device, const void *state, const hb_run_args *args) {
    const hb_step *step = state;
    const hb_along *along = &step->u.along;
    const double all = points(step);
    const int64_t lines = along->outer * along->inner;
    if (all == 0) return;
    item *items = (item *)(void *)(hb_cpu_base(args, HB_BUFFER_ARENA) + step->scratch_offset);
    sorting s = {.along = along,
                 .dtype = step->in[0].dtype,
                 .x = hb_cpu_address(args, &step->in[0]),
                 .y = (int32_t *)(void *)hb_cpu_address(args, &step->out[0]),
                 .from = items,
                 .to = items + lines * along->n,
                 .blocks = (along->n + BLOCK - 1) / BLOCK};
    hb_cpu_parallel(device, lines * s.blocks, all * 50, sort_blocks, &s);
    for (s.width = BLOCK; s.width < along->n; s.width *= 2) {
        const int64_t pairs = (along->n + 2 * s.width - 1) / (2 * s.width);
        hb_cpu_parallel(device, lines * pairs, all * 4, merge_runs, &s);
        item *swapped = s.from;
        s.from = s.to;
        s.to = swapped;
    }
    hb_cpu_parallel(device, lines, all, store_places, &s);
}

static const hb_cpu_solver argsort = {.name = "merging runs",
                                      .kind = HB_ARGSORT,
                                      .can_do = can_do,
                                      .cost = cost,
                                      .scratch = scratch,
                                      .prepare = prepare,
                                      .run = run,
                                      .release = release};

const hb_cpu_solver *const hb_cpu_argsort_solvers[] = {&argsort, NULL};
