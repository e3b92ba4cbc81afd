/* ARGSORT: elements become integers of the same order, 32 bits at a time, and words of these and of
   the elements' places are sorted by counting, digit by digit from the lowest (H. Seward 1954).
   Each pass keeps the order of equal digits, so elements of 64 bits take two rounds: by their lower
   halves, then by the upper ones. Of lines of which only the first places are wanted, elements that
   are too large by their first bits are left out before. A stable sort has one result, so the cuts
   of long lines do not show. Called through its solver. */
#include <string.h>

#include "cpu.h"

/* Lines of up to SHORT elements are sorted by insertion; few of at least LONG by all threads, CHUNK
   elements a task. */
enum { SHORT = 40, LONG = 64 << 10, CHUNK = 32 << 10, FEW_LINES = 8 };

/* Digits: of so many bits where they are counted once for many elements. */
enum { BITS = 8, MORE_BITS = 11, MOST_BUCKETS = 1 << MORE_BITS, MOST_DIGITS = 4, MANY = 1024 };

/* Choosing pays if one element of so many is wanted. */
enum { CHOSEN = 8 };

static bool can_do(const hb_device *device, const hb_step *step) { return true; }

static double points(const hb_step *step) {
    const hb_along *a = &step->u.along;
    return (double)a->outer * (double)a->n * (double)a->inner;
}

static double cost(const hb_device *device, const hb_step *step) { return points(step) * 10; }

static int64_t chunks_of(const hb_along *a) { return hb_ceil_div(a->n, CHUNK); }

static bool chooses(const hb_along *a) { return a->n >= MANY && a->m < a->n / CHOSEN; }

static bool shares_lines(const hb_along *a) {
    return a->n >= LONG && a->outer * a->inner <= FEW_LINES && !chooses(a);
}

/* Words, twice, and what the chunks of a line have counted. */
static size_t scratch(const hb_device *device, const hb_step *step) {
    const hb_along *a = &step->u.along;
    const size_t count = MOST_BUCKETS * sizeof(uint32_t);
    return 2 * (size_t)points(step) * sizeof(uint64_t) +
           (shares_lines(a) ? (size_t)chunks_of(a) * count : 0);
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
    uint64_t *from, *to; /* words: [outer][inner][n] */
    /* Of one line that all threads sort: */
    int64_t start;    /* its first element */
    int round, shift; /* of the key, and where the digit is in a word */
    uint32_t *counts; /* [chunks][MOST_BUCKETS] */
} sorting;

/* ---- keys: unequal elements have keys in their order ---- */

/* Larger numbers have larger bits, but negative ones the other way round; NaN is the largest. The
   sum makes both zeros equal. Nothing here is a branch, which would be foreseen half of the time.
 */
static uint32_t key_of_f32(float x) {
    uint32_t bits;
    const float sum = x + 0.0f;
    memcpy(&bits, &sum, sizeof bits);
    const uint32_t key = bits ^ (-(bits >> 31) | (uint32_t)1 << 31);
    return x != x ? UINT32_MAX : key;
}

static uint64_t key_of_f64(double x) {
    uint64_t bits;
    const double sum = x + 0.0;
    memcpy(&bits, &sum, sizeof bits);
    const uint64_t key = bits ^ (-(bits >> 63) | (uint64_t)1 << 63);
    return x != x ? UINT64_MAX : key;
}

static uint64_t key_of(const sorting *s, int64_t at) {
    switch (s->dtype) {
    case HEBB_F32: return key_of_f32(((const float *)(const void *)s->x)[at]);
    case HEBB_F64: return key_of_f64(((const double *)(const void *)s->x)[at]);
    case HEBB_I32: return (uint32_t)((const int32_t *)(const void *)s->x)[at] ^ (uint32_t)1 << 31;
    case HEBB_I64: return (uint64_t)((const int64_t *)(const void *)s->x)[at] ^ (uint64_t)1 << 63;
    case HEBB_U8:
    case HEBB_BOOL: return ((const uint8_t *)s->x)[at];
    case HEBB_I8: return (uint8_t)s->x[at] ^ (uint8_t)1 << 7;
    case HEBB_F16:
    case HEBB_BF16: break; /* sorted as f32 */
    }
    return 0;
}

static int rounds_of(const sorting *s) { return hebb_dtype_size(s->dtype) == 8 ? 2 : 1; }

/* The key's bits of this round, above the place. */
static uint64_t word_of(const sorting *s, int64_t start, int round, uint32_t place) {
    const uint64_t key = key_of(s, start + (int64_t)place * s->along->inner) >> 32 * round;
    return (uint64_t)(uint32_t)(s->along->reverse ? ~key : key) << 32 | place;
}

/* Words of the places that are in the lower halves. */
static void make_words(const sorting *s, int64_t start, int round, uint64_t *words, int64_t n) {
    for (int64_t i = 0; i < n; i++) words[i] = word_of(s, start, round, (uint32_t)words[i]);
}

static void number_words(uint64_t *words, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) words[i] = (uint64_t)i;
}

/* ---- sorting on one thread ---- */

static void insert_all(uint64_t *words, int64_t n) {
    for (int64_t i = 1; i < n; i++) {
        const uint64_t one = words[i];
        int64_t k = i;
        for (; k > 0 && words[k - 1] >> 32 > one >> 32; k--) words[k] = words[k - 1];
        words[k] = one;
    }
}

static int bits_of(int64_t n) { return n < MANY ? BITS : MORE_BITS; }

static unsigned bucket_of(uint64_t word, int shift, int bits) {
    return (unsigned)(word >> shift) & ((1u << bits) - 1);
}

/* Counts become places; false if one bucket has all n, so that nothing would move. */
static bool add_up(uint32_t *count, int bits, int64_t n) {
    uint32_t sum = 0;
    for (int b = 0; b < 1 << bits; b++) {
        const uint32_t own = count[b];
        if (own == n) return false;
        count[b] = sum;
        sum += own;
    }
    return true;
}

static void spread(uint64_t *to, const uint64_t *from, int64_t n, int shift, int bits,
                   uint32_t *place) {
    for (int64_t i = 0; i < n; i++) to[place[bucket_of(from[i], shift, bits)]++] = from[i];
}

/* Where they are then: in `words` or in `other`. */
static uint64_t *sort_words(uint64_t *words, uint64_t *other, int64_t n) {
    uint32_t count[MOST_DIGITS * MOST_BUCKETS];
    const int bits = bits_of(n), digits = (int)hb_ceil_div(32, bits);
    if (n <= SHORT) {
        insert_all(words, n);
        return words;
    }
    memset(count, 0, (size_t)digits * sizeof *count << bits);
    for (int64_t i = 0; i < n; i++)
        for (int d = 0; d < digits; d++)
            count[(d << bits) + (int)bucket_of(words[i], 32 + d * bits, bits)]++;
    for (int d = 0; d < digits; d++) {
        if (!add_up(count + (d << bits), bits, n)) continue;
        spread(other, words, n, 32 + d * bits, bits, count + (d << bits));
        uint64_t *swapped = words;
        words = other;
        other = swapped;
    }
    return words;
}

/* Writes the places of the first m elements of a line, and of others that share their first bits,
   in order of place. How many they are. */
static int64_t choose(const sorting *s, int64_t start, uint64_t *words) {
    enum { SHIFT = 64 - MORE_BITS };
    const int64_t n = s->along->n;
    const int round = rounds_of(s) - 1;
    uint32_t count[MOST_BUCKETS] = {0};
    number_words(words, 0, n);
    make_words(s, start, round, words, n);
    for (int64_t i = 0; i < n; i++) count[words[i] >> SHIFT]++;
    int64_t chosen = 0, last = 0, kept = 0;
    while (last < MOST_BUCKETS && chosen < s->along->m) chosen += count[last++];
    for (int64_t i = 0; i < n; i++) {
        words[kept] = words[i];
        kept += (int64_t)(words[i] >> SHIFT) < last;
    }
    return kept;
}

/* The first element of a line. */
static int64_t start_of(const hb_along *a, int64_t line) {
    return line / a->inner * a->n * a->inner + line % a->inner;
}

static void store_places(const sorting *s, int64_t start, const uint64_t *words, int64_t begin,
                         int64_t end) {
    for (int64_t i = begin; i < end; i++)
        s->y[start + i * s->along->inner] = (int32_t)(uint32_t)words[i];
}

static void sort_lines(void *context, int64_t begin, int64_t end, int thread) {
    const sorting *s = context;
    const int64_t n = s->along->n;
    for (int64_t line = begin; line < end; line++) {
        const int64_t start = start_of(s->along, line);
        uint64_t *one = s->from + line * n, *other = s->to + line * n, *words = one;
        int64_t kept = n;
        if (chooses(s->along)) kept = choose(s, start, words);
        else number_words(words, 0, n);
        for (int round = 0; round < rounds_of(s); round++) {
            make_words(s, start, round, words, kept);
            words = sort_words(words, words == one ? other : one, kept);
        }
        store_places(s, start, words, 0, kept);
    }
}

/* ---- sorting a line on all threads, a chunk a task ---- */

static void number_chunks(void *context, int64_t begin, int64_t end, int thread) {
    const sorting *s = context;
    number_words(s->from, begin * CHUNK, hb_min(end * CHUNK, s->along->n));
}

static void make_chunks(void *context, int64_t begin, int64_t end, int thread) {
    const sorting *s = context;
    const int64_t first = begin * CHUNK;
    make_words(s, s->start, s->round, s->from + first, hb_min(end * CHUNK, s->along->n) - first);
}

static void count_chunks(void *context, int64_t begin, int64_t end, int thread) {
    const sorting *s = context;
    for (int64_t chunk = begin; chunk < end; chunk++) {
        uint32_t *count = s->counts + chunk * MOST_BUCKETS;
        memset(count, 0, MOST_BUCKETS * sizeof *count);
        const int64_t last = hb_min((chunk + 1) * CHUNK, s->along->n);
        for (int64_t i = chunk * CHUNK; i < last; i++)
            count[bucket_of(s->from[i], s->shift, MORE_BITS)]++;
    }
}

/* As add_up(): bucket by bucket, in the order of chunks. */
static bool add_up_chunks(const sorting *s, int64_t chunks) {
    uint32_t sum = 0;
    for (int b = 0; b < MOST_BUCKETS; b++) {
        const uint32_t before = sum;
        for (int64_t chunk = 0; chunk < chunks; chunk++) {
            uint32_t *count = &s->counts[chunk * MOST_BUCKETS + b], own = *count;
            *count = sum;
            sum += own;
        }
        if (sum - before == s->along->n) return false;
    }
    return true;
}

static void spread_chunks(void *context, int64_t begin, int64_t end, int thread) {
    const sorting *s = context;
    for (int64_t chunk = begin; chunk < end; chunk++) {
        const int64_t first = chunk * CHUNK;
        spread(s->to, s->from + first, hb_min(CHUNK, s->along->n - first), s->shift, MORE_BITS,
               s->counts + chunk * MOST_BUCKETS);
    }
}

static void store_chunks(void *context, int64_t begin, int64_t end, int thread) {
    const sorting *s = context;
    store_places(s, s->start, s->from, begin * CHUNK, hb_min(end * CHUNK, s->along->n));
}

static void sort_long(const hb_device *device, sorting *s) {
    const int64_t chunks = chunks_of(s->along);
    const double n = (double)s->along->n;
    hb_cpu_parallel(device, chunks, n, number_chunks, s);
    for (s->round = 0; s->round < rounds_of(s); s->round++) {
        hb_cpu_parallel(device, chunks, n, make_chunks, s);
        for (s->shift = 32; s->shift < 64; s->shift += MORE_BITS) {
            hb_cpu_parallel(device, chunks, n, count_chunks, s);
            if (!add_up_chunks(s, chunks)) continue;
            hb_cpu_parallel(device, chunks, 2 * n, spread_chunks, s);
            uint64_t *swapped = s->from;
            s->from = s->to;
            s->to = swapped;
        }
    }
    hb_cpu_parallel(device, chunks, n, store_chunks, s);
}

static void run(hb_device *device, const void *state, const hb_run_args *args) {
    const hb_step *step = state;
    const hb_along *along = &step->u.along;
    const double all = points(step);
    const int64_t lines = along->outer * along->inner;
    if (all == 0) return;
    uint64_t *words =
        (uint64_t *)(void *)(hb_cpu_base(args, HB_BUFFER_ARENA) + step->scratch_offset);
    sorting s = {.along = along,
                 .dtype = step->in[0].dtype,
                 .x = hb_cpu_address(args, &step->in[0]),
                 .y = (int32_t *)(void *)hb_cpu_address(args, &step->out[0]),
                 .from = words,
                 .to = words + lines * along->n,
                 .counts = (uint32_t *)(void *)(words + 2 * lines * along->n)};
    if (!shares_lines(along)) hb_cpu_parallel(device, lines, all * 10, sort_lines, &s);
    else
        for (int64_t line = 0; line < lines; line++) {
            s.start = start_of(along, line);
            sort_long(device, &s);
        }
}

static const hb_cpu_solver argsort = {.name = "by digits",
                                      .kind = HB_ARGSORT,
                                      .can_do = can_do,
                                      .cost = cost,
                                      .scratch = scratch,
                                      .prepare = prepare,
                                      .run = run,
                                      .release = release};

const hb_cpu_solver *const hb_cpu_argsort_solvers[] = {&argsort, NULL};
