/* The links of chains (src/backends/cpu/loops/chain_kernel.h), each against its meaning in scalar
   C: for every instruction set that this machine has, for rows that fill strips of each length and
   rests of any, with NaN, infinities and both zeros among the values. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "../src/backends/cpu/cpu.h"

enum {
    ROWS = 3,
    MOST = 8 * 16 * 2 + 4 * 16 + 16 * 3 + 15,
    PITCH = MOST + 17 /* rows are aligned */
};
static const int columns_tried[] = {1,  2,  3,   7,       8,   9,   15,  16,       17,  31,
                                    33, 64, 127, 128 + 5, 203, 256, 300, MOST - 1, MOST};

#define N(array) ((int)(sizeof(array) / sizeof *(array)))

static const char *const isas[] = {"baseline", "avx2", "avx512"};

/* ---- values ---- */

typedef struct operands {
    _Alignas(64) float x[ROWS * PITCH];
    _Alignas(64) float y[ROWS * PITCH];
    _Alignas(64) float z[ROWS * PITCH];
    _Alignas(64) float out[ROWS * PITCH];
    uint8_t truths[ROWS * PITCH];
} operands;

static const float untouched = 1234.5f;

static void fill(float *to, unsigned seed) {
    const float special[] = {0, -0.0f, NAN, INFINITY, -INFINITY, 1, -1, 2};
    for (int i = 0; i < ROWS * PITCH; i++) {
        seed = seed * 1664525u + 1013904223u;
        to[i] = seed >> 30 == 0 ? special[seed >> 20 & 7] : (float)(seed >> 8) / (1 << 22) - 2;
    }
}

static void prepare(operands *o) {
    fill(o->x, 1);
    fill(o->y, 2);
    fill(o->z, 3);
    for (int i = 0; i < ROWS * PITCH; i++) o->out[i] = untouched;
    for (int i = 0; i < ROWS * PITCH; i++) o->truths[i] = o->z[i] > 0;
}

static uint32_t bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static float of_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static float truth(bool x) { return of_bits(x ? UINT32_MAX : 0); }

static bool equal(float a, float b) {
    return bits_of(a) == bits_of(b) ||
           (isnan(a) && isnan(b) && bits_of(a) != UINT32_MAX && bits_of(b) != UINT32_MAX);
}

/* ---- what links mean ---- */

static float larger(float a, float b) { return a > b || isnan(a) ? a : b; }
static float smaller(float a, float b) { return a < b || isnan(a) ? a : b; }

static float meaning(int code, float x, float y, float z) {
    switch (code) {
    case HB_CHAIN_LOAD: return y;
    case HB_CHAIN_ADD: return x + y;
    case HB_CHAIN_SUB: return x - y;
    case HB_CHAIN_FROM: return y - x;
    case HB_CHAIN_MUL: return x * y;
    case HB_CHAIN_DIV: return x / y;
    case HB_CHAIN_INTO: return y / x;
    case HB_CHAIN_MAX: return larger(x, y);
    case HB_CHAIN_MAX_OF: return larger(y, x);
    case HB_CHAIN_MIN: return smaller(x, y);
    case HB_CHAIN_MIN_OF: return smaller(y, x);
    case HB_CHAIN_EQ: return truth(x == y);
    case HB_CHAIN_NE: return truth(x != y);
    case HB_CHAIN_LT: return truth(x < y);
    case HB_CHAIN_LE: return truth(x <= y);
    case HB_CHAIN_GT: return truth(x > y);
    case HB_CHAIN_GE: return truth(x >= y);
    case HB_CHAIN_AND: return of_bits(bits_of(x) & bits_of(y));
    case HB_CHAIN_OR: return of_bits(bits_of(x) | bits_of(y));
    case HB_CHAIN_NEG: return -x;
    case HB_CHAIN_ABS: return fabsf(x);
    case HB_CHAIN_NOT: return of_bits(~bits_of(x));
    case HB_CHAIN_TWICE: return x + x;
    case HB_CHAIN_SQUARE: return x * x;
    case HB_CHAIN_IF: return of_bits((bits_of(x) & bits_of(y)) | (~bits_of(x) & bits_of(z)));
    case HB_CHAIN_THEN: return of_bits((bits_of(y) & bits_of(x)) | (~bits_of(y) & bits_of(z)));
    case HB_CHAIN_ELSE: return of_bits((bits_of(y) & bits_of(z)) | (~bits_of(y) & bits_of(x)));
    default: return NAN;
    }
}

/* ---- running ---- */

enum { BYTES = PITCH * (int)sizeof(float) };

static hb_cpu_link moving(int code, float *at) {
    return (hb_cpu_link){.at = (char *)at, .row = BYTES, .mask = -1, .code = code};
}

/* One element a row. */
static hb_cpu_link single(int code, float *at) {
    return (hb_cpu_link){.at = (char *)at, .row = BYTES, .code = code};
}

static const hb_cpu_isa *choose(const char *name) {
    setenv("HEBB_ISA", name, 1);
    const hb_cpu_isa *isa = hb_cpu_choose_isa();
    return strcmp(isa->name, name) == 0 ? isa : NULL;
}

static void expect(const operands *o, int columns, int code, bool y_one, bool z_one) {
    for (int i = 0; i < ROWS * PITCH; i++) {
        const int first = i / PITCH * PITCH;
        const float wanted = i - first < columns ? meaning(code, o->x[i], o->y[y_one ? first : i],
                                                           o->z[z_one ? first : i])
                                                 : untouched;
        cr_assert(equal(o->out[i], wanted), "code %d, %d columns, element %d: %g, not %g", code,
                  columns, i, (double)o->out[i], (double)wanted);
    }
}

/* LOAD x, the link, STORE, where `code` is that of the link with elements and `form` is added. */
static void check(const hb_cpu_isa *isa, int columns, int code, int form, bool y_one, bool z_one) {
    static operands o;
    prepare(&o);
    hb_cpu_link links[8] = {moving(HB_CHAIN_LOAD, o.x)};
    links[1] = y_one ? single(code + form, o.y) : moving(code + form, o.y);
    int n = 2;
    if (code >= HB_CHAIN_IF && code <= HB_CHAIN_ELSE)
        links[n++] = z_one ? single(HB_CHAIN_LOAD, o.z) : moving(HB_CHAIN_LOAD, o.z);
    links[n++] = moving(HB_CHAIN_STORE, o.out);
    links[n] = (hb_cpu_link){.code = HB_CHAIN_END};
    isa->vector->chain(links, ROWS, columns, NULL);
    expect(&o, columns, code, y_one, z_one);
}

static void check_all(const hb_cpu_isa *isa, int columns) {
#define CHECK(CODE, expression)                                                                    \
    check(isa, columns, HB_CHAIN_##CODE, 0, false, false);                                         \
    check(isa, columns, HB_CHAIN_##CODE, 1, true, false);
    HB_CHAIN_BINARY(CHECK)
#undef CHECK
#define CHECK(CODE, expression) check(isa, columns, HB_CHAIN_##CODE, 0, false, false);
    HB_CHAIN_UNARY(CHECK)
#undef CHECK
#define CHECK(CODE, expression)                                                                    \
    for (int form = 0; form < 4; form++)                                                           \
        check(isa, columns, HB_CHAIN_##CODE, form, (form & 2) != 0, (form & 1) != 0);
    HB_CHAIN_TERNARY(CHECK)
#undef CHECK
}

Test(chains, links) {
    for (int i = 0; i < N(isas); i++) {
        const hb_cpu_isa *isa = choose(isas[i]);
        for (int k = 0; isa && k < N(columns_tried); k++) check_all(isa, columns_tried[k]);
    }
}

/* ---- folds ---- */

static float fold(int code, float y, float x) {
    return code == HB_CHAIN_SUM      ? y + x
           : code == HB_CHAIN_PROD   ? y * x
           : code == HB_CHAIN_REDMAX ? larger(y, x)
                                     : smaller(y, x);
}

/* Lane `lane` of `count` vectors from x on, joined as a tree. */
static float join(int code, const float *x, int count, int vector, int lane) {
    if (count == 1) return x[lane];
    return fold(code, join(code, x, count / 2, vector, lane),
                join(code, x + count / 2 * vector, count / 2, vector, lane));
}

/* A row into the lanes of one vector: by strips of 8, of 4, of 1 vectors and the rest. In a chain
   of nothing else, strips of 8 are folded before they are joined. */
static void fold_row(int code, const float *x, int columns, int vector, bool alone, float *lanes) {
    float all[8 * 16];
    int i = alone ? columns / (8 * vector) * (8 * vector) : 0;
    for (int k = 0; k < i; k++)
        all[k % (8 * vector)] = k < 8 * vector ? x[k] : fold(code, all[k % (8 * vector)], x[k]);
    for (int k = 0; k < vector && i > 0; k++)
        lanes[k] = fold(code, lanes[k], join(code, all, 8, vector, k));
    for (int count; i < columns; i += count * vector) {
        const int left = columns - i;
        count = left >= 8 * vector ? 8 : left >= 4 * vector ? 4 : 1;
        for (int k = 0; k < vector && k < left; k++)
            lanes[k] = fold(code, lanes[k], join(code, x + i, count, vector, k));
    }
}

static void check_lanes(const hb_cpu_isa *isa, const operands *o, int columns, int code, bool alone,
                        const float *got) {
    const int vector = isa->vector_bytes / (int)sizeof(float);
    float lanes[16];
    for (int k = 0; k < vector; k++) lanes[k] = 0.5f;
    for (int r = 0; r < ROWS; r++) fold_row(code, o->x + r * PITCH, columns, vector, alone, lanes);
    for (int k = 0; k < vector; k++)
        cr_assert(equal(got[k], lanes[k]), "fold %d, %d columns, lane %d: %g, not %g", code,
                  columns, k, (double)got[k], (double)lanes[k]);
}

static void check_columns(const operands *o, int columns, int code) {
    for (int i = 0; i < PITCH; i++) {
        float wanted = untouched;
        for (int r = 0; r < ROWS && i < columns; r++)
            wanted = fold(code, wanted, o->x[r * PITCH + i]);
        cr_assert(equal(o->out[i], wanted), "fold %d, column %d: %g, not %g", code, i,
                  (double)o->out[i], (double)wanted);
    }
}

static void clear_lanes(float *lanes) {
    for (int k = 0; k < 16; k++) lanes[k] = 0.5f;
}

/* Columns of several rows; and rows into a vector. */
static void check_fold(const hb_cpu_isa *isa, int columns, int code) {
    static operands o;
    _Alignas(64) float lanes[16];
    prepare(&o);
    hb_cpu_link links[] = {moving(HB_CHAIN_LOAD, o.x),
                           {.at = (char *)o.out, .mask = -1, .code = code},
                           {.at = (char *)lanes, .code = code + 1},
                           {.code = HB_CHAIN_END}};
    clear_lanes(lanes);
    isa->vector->chain(links, ROWS, columns, NULL);
    check_columns(&o, columns, code);
    check_lanes(isa, &o, columns, code, false, lanes);
}

/* Chains of nothing else, which are run by themselves; with and without asking for what comes
   next. */
static void check_fold_alone(const hb_cpu_isa *isa, int columns, int code) {
    static operands o;
    _Alignas(64) float lanes[16];
    for (int asks = 0; asks < 2; asks++) {
        prepare(&o);
        hb_cpu_link across[] = {moving(HB_CHAIN_ASK, o.x + 64),
                                moving(HB_CHAIN_LOAD, o.x),
                                {.at = (char *)lanes, .code = code + 1},
                                {.code = HB_CHAIN_END}};
        clear_lanes(lanes);
        isa->vector->chain(across + (asks == 0), ROWS, columns, NULL);
        check_lanes(isa, &o, columns, code, true, lanes);
        hb_cpu_link down[] = {moving(HB_CHAIN_ASK, o.x + PITCH),
                              moving(HB_CHAIN_LOAD, o.x),
                              {.at = (char *)o.out, .mask = -1, .code = code},
                              {.code = HB_CHAIN_END}};
        isa->vector->chain(down + (asks == 0), ROWS, columns, NULL);
        check_columns(&o, columns, code);
    }
}

Test(chains, folds) {
    for (int i = 0; i < N(isas); i++) {
        const hb_cpu_isa *isa = choose(isas[i]);
        for (int k = 0; isa && k < N(columns_tried); k++)
#define CHECK(CODE, expression)                                                                    \
    check_fold(isa, columns_tried[k], HB_CHAIN_##CODE);                                            \
    check_fold_alone(isa, columns_tried[k], HB_CHAIN_##CODE);
        {
            HB_CHAIN_FOLD(CHECK)
        }
#undef CHECK
    }
}

/* ---- functions ---- */

/* Every bit is as in the loops over tiles: results do not depend on how a program is run. */
static void check_function(const hb_cpu_isa *isa, int columns, int chain_code, hb_code code) {
    static operands o;
    static float wanted[ROWS * PITCH];
    prepare(&o);
    isa->vector->map[code][HEBB_F32](wanted, o.x, NULL, NULL, ROWS * PITCH);
    hb_cpu_link links[] = {moving(HB_CHAIN_LOAD, o.x),
                           {.code = chain_code},
                           moving(HB_CHAIN_STORE, o.out),
                           {.code = HB_CHAIN_END}};
    isa->vector->chain(links, ROWS, columns, NULL);
    for (int i = 0; i < ROWS * PITCH; i++) {
        const float value = i % PITCH < columns ? wanted[i] : untouched;
        cr_assert(equal(o.out[i], value), "function %d, %d columns, element %d: %.9g, not %.9g",
                  chain_code, columns, i, (double)o.out[i], (double)value);
    }
}

Test(chains, functions) {
    for (int i = 0; i < N(isas); i++) {
        const hb_cpu_isa *isa = choose(isas[i]);
        for (int k = 0; isa && k < N(columns_tried); k++) {
#define CHECK(CODE, name) check_function(isa, columns_tried[k], HB_CHAIN_##CODE, HB_##CODE);
            HB_CHAIN_MATH(CHECK)
#undef CHECK
        }
    }
}

/* ---- calls, truths, strips, stores past the caches ---- */

/* (y > 0 ? f(x, y) : f(1, x)), with f(x, y) kept in a strip. f is not symmetrical. */
static void check_calls(const hb_cpu_isa *isa, int columns) {
    static operands o;
    _Alignas(64) float strip[8 * 16];
    float one = 1;
    hb_cpu_map *f = isa->vector->map[HB_SUB][HEBB_F32], *g = isa->vector->map[HB_NEG][HEBB_F32];
    prepare(&o);
    hb_cpu_link links[] = {
        {.at = (char *)o.truths, .row = PITCH, .mask = -1, .code = HB_CHAIN_LOAD_TRUTHS},
        {.at = (char *)strip, .code = HB_CHAIN_STORE},
        moving(HB_CHAIN_LOAD, o.x),
        {.at = (char *)o.y, .row = BYTES, .mask = -1, .map = f, .code = HB_CHAIN_CALL_OF},
        {.at = (char *)strip, .code = HB_CHAIN_THEN},
        moving(HB_CHAIN_LOAD, o.x),
        {.at = (char *)&one, .map = f, .code = HB_CHAIN_CALL_ON_ONE},
        {.map = g, .code = HB_CHAIN_CALL},
        moving(HB_CHAIN_STREAM, o.out),
        {.code = HB_CHAIN_END}};
    isa->vector->chain(links, ROWS, columns, NULL);
    isa->vector->fence();
    for (int i = 0; i < ROWS * PITCH; i++) {
        const float choice = o.truths[i] ? o.x[i] - o.y[i] : o.x[i];
        const float wanted = i % PITCH < columns ? -(1 - choice) : untouched;
        cr_assert(equal(o.out[i], wanted), "calls, %d columns, element %d: %g, not %g", columns, i,
                  (double)o.out[i], (double)wanted);
    }
}

/* x > y as bytes. */
static void check_truths(const hb_cpu_isa *isa, int columns) {
    static operands o;
    prepare(&o);
    memset(o.truths, 7, sizeof o.truths);
    hb_cpu_link links[] = {
        moving(HB_CHAIN_LOAD, o.x),
        moving(HB_CHAIN_GT, o.y),
        {.at = (char *)o.truths, .row = PITCH, .mask = -1, .code = HB_CHAIN_STORE_TRUTHS},
        {.code = HB_CHAIN_END}};
    isa->vector->chain(links, ROWS, columns, NULL);
    for (int i = 0; i < ROWS * PITCH; i++)
        cr_assert_eq(o.truths[i], i % PITCH < columns ? o.x[i] > o.y[i] : 7);
}

Test(chains, calls_and_truths) {
    for (int i = 0; i < N(isas); i++) {
        const hb_cpu_isa *isa = choose(isas[i]);
        for (int k = 0; isa && k < N(columns_tried); k++) {
            check_calls(isa, columns_tried[k]);
            check_truths(isa, columns_tried[k]);
        }
    }
}
