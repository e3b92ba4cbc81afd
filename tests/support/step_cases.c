/* See step_cases.h. The generator knows the contract (step.h): what is valid, it may make. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../checks/half.h"
#include "step_cases.h"
#include "step_dice.h"

enum { GUARD = 192, POISON = 0xA5 };

/* ---- chance ---- */

typedef struct generator {
    dice dice;
    step_case *c;
    hb_loop *loop;
    case_limits limits;
} generator;

static uint64_t next(generator *g) { return dice_next(&g->dice); }
static int64_t below(generator *g, int64_t n) { return dice_below(&g->dice, n); }
static bool chance(generator *g, double p) { return dice_chance(&g->dice, p); }

/* Of a value that is loaded, selected, converted or stored. */
static hebb_dtype any_dtype(generator *g) { return dice_dtype(&g->dice, g->limits.f64); }

/* Of one that is computed with. */
static hebb_dtype arithmetic_dtype(generator *g) {
    const hebb_dtype dtype = any_dtype(g);
    return is_half(dtype) ? HEBB_F32 : dtype;
}

static hebb_dtype integer_dtype(generator *g, bool or_bool) {
    hebb_dtype dtype = HEBB_F32;
    while (hebb_dtype_floating(dtype) || (dtype == HEBB_BOOL && !or_bool))
        dtype = (hebb_dtype)below(g, HEBB_DTYPES);
    return dtype;
}

static hebb_dtype float_dtype(generator *g) {
    return g->limits.f64 && chance(g, 0.3) ? HEBB_F64 : HEBB_F32;
}

/* ---- memory ---- */

step_case *case_new(uint64_t seed) {
    step_case *c = calloc(1, sizeof *c);
    c->seed = seed;
    c->step.name = "a case";
    return c;
}

void case_free(step_case *c) {
    for (int b = 0; b < CASE_BUFFERS; b++) free(c->memory[b]);
    free(c);
}

hb_operand case_array_add(step_case *c, hebb_dtype dtype, int64_t count, bool is_input) {
    generator g = {.dice = {c->seed * 977 + (uint64_t)c->n_arrays}};
    const int buffer = 1 + (int)below(&g, CASE_BUFFERS - 1);
    const size_t size = hebb_dtype_size(dtype);
    size_t at = (c->bytes[buffer] + GUARD + 63) / 64 * 64;
    if (chance(&g, 0.3)) at += size * (size_t)below(&g, 9); /* not on a cache line */
    c->array[c->n_arrays++] = (case_array){buffer, (int64_t)at, count, dtype, is_input};
    c->bytes[buffer] = at + size * (size_t)count;
    return (hb_operand){.buffer = buffer, .dtype = dtype, .offset = (int64_t)(at / size)};
}

static void fill(generator *g, const case_array *a, char *memory) {
    const bool special = chance(g, 0.1), wide = chance(g, 0.2);
    for (int64_t i = 0; i < a->count; i++) {
        double x = (double)(below(g, 65) - 32) / 8;
        int64_t n = wide ? (int64_t)next(g) : below(g, 21) - 10;
        if (special && chance(g, 0.05)) x = chance(g, 0.5) ? NAN : (x > 0 ? INFINITY : -INFINITY);
        const float f = (float)x;
        const int32_t n32 = (int32_t)n;
        const uint8_t n8 = (uint8_t)n;
        const uint16_t h = is_half(a->dtype) ? half_bits(x, a->dtype) : 0;
        char *to = memory + a->offset + i * (int64_t)hebb_dtype_size(a->dtype);
        switch (a->dtype) {
        case HEBB_F32: memcpy(to, &f, sizeof f); break;
        case HEBB_F64: memcpy(to, &x, sizeof x); break;
        case HEBB_I32: memcpy(to, &n32, sizeof n32); break;
        case HEBB_I64: memcpy(to, &n, sizeof n); break;
        case HEBB_U8:
        case HEBB_I8: memcpy(to, &n8, sizeof n8); break;
        case HEBB_BOOL: *to = (char)(n & 1); break;
        case HEBB_F16:
        case HEBB_BF16: memcpy(to, &h, sizeof h); break;
        }
    }
}

void case_finish(step_case *c) {
    generator g = {.dice = {c->seed + 1}};
    for (int b = 1; b < CASE_BUFFERS; b++) {
        c->bytes[b] += GUARD;
        c->memory[b] = malloc(c->bytes[b]);
        memset(c->memory[b], POISON, c->bytes[b]);
    }
    for (int i = 0; i < c->n_arrays; i++)
        if (c->array[i].is_input) fill(&g, &c->array[i], c->memory[c->array[i].buffer]);
}

/* ---- operands ---- */

static void shuffle(generator *g, int *order, int n) {
    for (int i = n - 1; i > 0; i--) {
        const int j = (int)below(g, i + 1), swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
}

/* Strides over the dimensions with used[k], without overlap: row-major, or with dimensions
   permuted, flipped and stepped over. Returns the number of elements they span; *first is where
   element 0 is. */
static int64_t spread(generator *g, const hb_loop *loop, const bool *used, int64_t *stride,
                      int64_t *first) {
    int order[HEBB_MAX_RANK];
    for (int k = 0; k < loop->rank; k++) order[k] = k;
    if (chance(g, 0.3)) shuffle(g, order, loop->rank);
    const bool odd = chance(g, 0.25);
    int64_t size = 1;
    *first = 0;
    for (int i = loop->rank - 1; i >= 0; i--) {
        const int k = order[i];
        stride[k] = 0;
        if (!used[k]) continue;
        stride[k] = size;
        if (odd && chance(g, 0.3)) stride[k] *= 2;
        if (odd && chance(g, 0.2)) stride[k] += 1;
        size = stride[k] * loop->dim[k];
        if (odd && chance(g, 0.3) && loop->dim[k] > 0) {
            *first += stride[k] * (loop->dim[k] - 1);
            stride[k] = -stride[k];
        }
    }
    return size;
}

static hb_operand new_operand(generator *g, hebb_dtype dtype, const bool *used, bool is_input) {
    int64_t stride[HEBB_MAX_RANK] = {0}, first;
    const int64_t count = spread(g, g->loop, used, stride, &first);
    hb_operand o = case_array_add(g->c, dtype, count, is_input);
    o.offset += first;
    memcpy(o.stride, stride, sizeof stride);
    return o;
}

/* Input number of a new input that may be broadcast; of one without reduced dimensions if `kept`.
 */
static int new_input(generator *g, hebb_dtype dtype, bool kept) {
    bool used[HEBB_MAX_RANK];
    const double broadcast = chance(g, 0.5) ? 0 : 0.4;
    for (int k = 0; k < g->loop->rank; k++)
        used[k] = !(kept && g->loop->reduce[k]) && !chance(g, broadcast);
    g->c->in[g->loop->n_in] = new_operand(g, dtype, used, true);
    return g->loop->n_in++;
}

static int new_index_input(generator *g, bool kept) {
    hb_operand o = {.buffer = HB_BUFFER_INDEX, .dtype = HEBB_I64, .offset = below(g, 100)};
    for (int k = 0; k < g->loop->rank; k++)
        o.stride[k] = kept && g->loop->reduce[k] ? 0 : below(g, 50) - 10;
    g->c->in[g->loop->n_in] = o;
    return g->loop->n_in++;
}

static bool same_as_other(const generator *g, int in) {
    for (int i = 0; i < g->loop->n_out; i++) {
        const hb_operand *o = &g->c->out[i].to, *x = &g->c->in[in];
        if (o->buffer == x->buffer && o->offset == x->offset) return true;
    }
    return false;
}

static bool is_loaded_late(const generator *g, int in) {
    for (int i = g->loop->n_pre; i < g->loop->n_instr; i++)
        if (g->c->instr[i].code == HB_LOAD && g->c->instr[i].a == in) return true;
    return false;
}

/* An input that an output of this dtype may overwrite, or -1. */
static int overwritable(generator *g, hebb_dtype dtype) {
    for (int i = 0; i < g->loop->n_in; i++) {
        const hb_operand *x = &g->c->in[i];
        if (x->buffer == HB_BUFFER_INDEX || same_as_other(g, i) || is_loaded_late(g, i)) continue;
        if (hebb_dtype_size(x->dtype) != hebb_dtype_size(dtype)) continue;
        bool whole = true;
        for (int k = 0; k < g->loop->rank; k++) whole &= x->stride[k] != 0 || g->loop->dim[k] == 1;
        if (whole && chance(g, 0.5)) return i;
    }
    return -1;
}

static void new_output(generator *g, int value, bool kept, bool in_place) {
    const hebb_dtype dtype = (hebb_dtype)g->c->instr[value].dtype;
    const int in = in_place ? overwritable(g, dtype) : -1;
    bool used[HEBB_MAX_RANK];
    for (int k = 0; k < g->loop->rank; k++) used[k] = !(kept && g->loop->reduce[k]);
    hb_operand to;
    if (in >= 0) {
        to = g->c->in[in];
        to.dtype = dtype;
        for (int i = 0; i < g->c->n_arrays; i++) {
            case_array *a = &g->c->array[i];
            const int64_t at = to.offset * (int64_t)hebb_dtype_size(dtype);
            const int64_t end = a->offset + a->count * (int64_t)hebb_dtype_size(a->dtype);
            if (a->buffer == to.buffer && at >= a->offset && at < end) a->dtype = dtype;
        }
    } else to = new_operand(g, dtype, used, false);
    g->c->out[g->loop->n_out++] = (hb_output){.to = to, .value = value};
}

/* ---- programs ---- */

static int emit(generator *g, hb_instr instr) {
    g->c->instr[g->loop->n_instr] = instr;
    return g->loop->n_instr++;
}

static int16_t pick(generator *g, int first, hebb_dtype dtype);

/* A value that one of this dtype can be converted from. */
static int16_t pick_source(generator *g, int first, hebb_dtype dtype) {
    const int v = first + (int)below(g, g->loop->n_instr - first);
    const hebb_dtype from = (hebb_dtype)g->c->instr[v].dtype;
    const bool direct = dtype == HEBB_F32 || !is_half(from);
    return direct && (from == HEBB_F32 || !is_half(dtype)) ? (int16_t)v : pick(g, first, HEBB_F32);
}

/* A value of this dtype in [first, n_instr): an old one, or a cast of one, or a constant. */
static int16_t pick(generator *g, int first, hebb_dtype dtype) {
    const int n = g->loop->n_instr - first;
    for (int tries = 0; tries < 8 && n > 0; tries++) {
        const int v = first + (int)below(g, n);
        if (g->c->instr[v].dtype == dtype) return (int16_t)v;
    }
    hb_instr instr = {.code = HB_CAST, .dtype = (uint8_t)dtype, .a = -1, .b = -1, .c = -1};
    if (n > 0 && chance(g, 0.7)) instr.a = pick_source(g, first, dtype);
    else {
        instr.code = HB_CONST;
        if (hebb_dtype_floating(dtype)) instr.imm.f = (double)(below(g, 33) - 16) / 8;
        else instr.imm.i = dtype == HEBB_BOOL ? below(g, 2) : below(g, 9);
    }
    return (int16_t)emit(g, instr);
}

typedef struct function {
    int code, arity;
    char takes, result;
} function;

static const function functions[] = {
#define SCALAR(CODE, name, arity, types, result, flops) {HB_##CODE, arity, #types[0], #result[0]},
#include "../../kernels/scalar.def"
#undef SCALAR
};

static hebb_dtype dtype_for(generator *g, char takes) {
    if (takes == 'R') return float_dtype(g);
    if (takes == 'B') return HEBB_BOOL;
    if (takes == 'I' || takes == 'W') return integer_dtype(g, takes == 'W');
    const hebb_dtype dtype = arithmetic_dtype(g);
    return takes == 'N' && dtype == HEBB_BOOL ? HEBB_U8 : dtype;
}

static void emit_function(generator *g, int first) {
    const function *f = &functions[below(g, (int64_t)(sizeof functions / sizeof *functions))];
    const hebb_dtype dtype = dtype_for(g, f->takes);
    hb_instr instr = {.code = (uint8_t)f->code,
                      .dtype = (uint8_t)(f->result == 'B' ? HEBB_BOOL : dtype),
                      .a = pick(g, first, dtype),
                      .b = -1,
                      .c = -1};
    if (f->arity == 2) instr.b = pick(g, first, dtype);
    emit(g, instr);
}

static void emit_other(generator *g, int first) {
    const hebb_dtype dtype = any_dtype(g), real = float_dtype(g);
    hb_instr instr = {.dtype = (uint8_t)dtype, .a = -1, .b = -1, .c = -1};
    switch (below(g, 3)) {
    case 0:
        instr.code = HB_SELECT;
        instr.a = pick(g, first, HEBB_BOOL);
        instr.b = pick(g, first, dtype);
        instr.c = pick(g, first, dtype);
        break;
    case 1:
        instr.code = (uint8_t)(HB_BITS + below(g, 3));
        instr.dtype = (uint8_t)(instr.code == HB_BITS ? HEBB_I64 : real);
        instr.a = pick(g, first, HEBB_I64);
        instr.imm.i = below(g, 1000);
        break;
    default:
        instr.code = HB_CAST;
        instr.a = pick_source(g, first, dtype);
        break;
    }
    emit(g, instr);
}

static void emit_load(generator *g, bool kept) {
    const bool index = chance(g, 0.1);
    const int in = index ? new_index_input(g, kept) : new_input(g, any_dtype(g), kept);
    emit(g, (hb_instr){.code = HB_LOAD,
                       .dtype = (uint8_t)g->c->in[in].dtype,
                       .a = (int16_t)in,
                       .b = -1,
                       .c = -1});
}

static void emit_body(generator *g, int first, int n) {
    for (int i = 0; i < n; i++) {
        if (chance(g, 0.8)) emit_function(g, first);
        else emit_other(g, first);
    }
}

/* ---- LOOP ---- */

static void choose_dimensions(generator *g) {
    static const int64_t sizes[] = {1,  2,  2,  3,  3,   4,   5,   7,    8,   10,
                                    16, 17, 33, 64, 100, 257, 400, 1000, 5000};
    hb_loop *loop = g->loop;
    loop->rank = (int)below(g, chance(g, 0.2) ? 9 : 5);
    int64_t left = g->limits.points;
    for (int k = 0; k < loop->rank; k++) {
        int64_t size = sizes[below(g, (int64_t)(sizeof sizes / sizeof *sizes))];
        if (chance(g, 0.02)) size = 0;
        if (size > left) size = 1 + below(g, left < 8 ? left : 8);
        loop->dim[k] = size;
        left /= size > 0 ? size : 1;
    }
}

static generator begin(uint64_t seed, case_limits limits) {
    generator g = {.dice = {seed}, .c = case_new(seed), .limits = limits};
    g.loop = &g.c->step.u.loop;
    g.c->step.kind = HB_LOOP;
    return g;
}

static step_case *end(generator *g) {
    g->loop->in = g->c->in;
    g->loop->out = g->c->out;
    g->loop->instr = g->c->instr;
    case_finish(g->c);
    return g->c;
}

step_case *case_loop(uint64_t seed, case_limits limits) {
    generator g = begin(seed, limits);
    choose_dimensions(&g);
    for (int64_t n = 1 + below(&g, 4); n > 0; n--) emit_load(&g, false);
    emit_body(&g, 0, (int)below(&g, 10));
    g.loop->n_pre = g.loop->n_instr;
    const bool in_place = chance(&g, 0.4);
    for (int64_t n = 1 + below(&g, 3); n > 0; n--)
        new_output(&g, (int)(chance(&g, 0.4) ? g.loop->n_instr - 1 : below(&g, g.loop->n_instr)),
                   false, in_place);
    return end(&g);
}

static hebb_dtype reducible(const generator *g, int v) { return (hebb_dtype)g->c->instr[v].dtype; }

/* The last value before n_pre is one that can be reduced. */
static void emit_reductions(generator *g, int n_pre) {
    for (int64_t n = 1 + below(g, 3); n > 0; n--) {
        int v = (int)below(g, n_pre);
        if (is_half(reducible(g, v))) v = n_pre - 1;
        if (reducible(g, v) == HEBB_BOOL && n > 1) continue;
        int code = HB_SUM + (int)below(g, 4);
        if (reducible(g, v) == HEBB_BOOL && code != HB_REDMIN) code = HB_REDMAX;
        emit(g, (hb_instr){.code = (uint8_t)code,
                           .dtype = (uint8_t)reducible(g, v),
                           .a = (int16_t)v,
                           .b = -1,
                           .c = -1});
    }
}

static step_case *make_reduction(uint64_t seed, case_limits limits, bool in_place) {
    generator g = begin(seed, limits);
    choose_dimensions(&g);
    for (int k = 0; k < g.loop->rank; k++) g.loop->reduce[k] = chance(&g, 0.5);
    for (int64_t n = 1 + below(&g, 3); n > 0; n--) emit_load(&g, false);
    emit_body(&g, 0, (int)below(&g, 6));
    if (is_half(reducible(&g, g.loop->n_instr - 1)))
        emit(&g, (hb_instr){.code = HB_CAST,
                            .dtype = HEBB_F32,
                            .a = (int16_t)(g.loop->n_instr - 1),
                            .b = -1,
                            .c = -1});
    const int n_pre = g.loop->n_pre = g.loop->n_instr;
    emit_reductions(&g, n_pre);
    const int n_reduced = g.loop->n_instr - n_pre;
    for (int64_t n = below(&g, 3); n > 0; n--) emit_load(&g, true);
    emit_body(&g, n_pre, (int)below(&g, 5));
    if (in_place)
        for (int64_t n = 1 + below(&g, 2); n > 0; n--)
            new_output(&g, (int)below(&g, n_pre), false, true);
    else if (chance(&g, 0.3)) new_output(&g, (int)below(&g, n_pre), false, false);
    new_output(&g, n_pre + (int)below(&g, n_reduced), true, false);
    new_output(&g, g.loop->n_instr - 1, true, false);
    return end(&g);
}

step_case *case_reduction(uint64_t seed, case_limits limits) {
    return make_reduction(seed, limits, false);
}

step_case *case_reduction_in_place(uint64_t seed, case_limits limits) {
    return make_reduction(seed, limits, true);
}

/* ---- GEMM ---- */

static int64_t gemm_size(generator *g) {
    if (chance(g, 0.03)) return 0;
    if (chance(g, 0.1)) return below(g, 300);
    return 1 + below(g, chance(g, 0.3) ? 8 : 70);
}

/* A matrix [batch..., rows, columns] with strides of any kind. */
static hb_operand matrix(generator *g, const hb_gemm *gemm, int64_t rows, int64_t columns) {
    hb_loop space = {.rank = gemm->n_batch + 2};
    bool used[HEBB_MAX_RANK];
    for (int k = 0; k < gemm->n_batch; k++) {
        space.dim[k] = gemm->batch[k];
        used[k] = !chance(g, 0.3);
    }
    space.dim[gemm->n_batch] = rows;
    space.dim[gemm->n_batch + 1] = columns;
    used[gemm->n_batch] = used[gemm->n_batch + 1] = true;
    hb_loop *outer = g->loop;
    g->loop = &space;
    hb_operand o = new_operand(g, gemm->dtype, used, true);
    g->loop = outer;
    return o;
}

/* m, n and k. */
typedef void gemm_sizes(generator *g, hb_gemm *gemm);

static void any_sizes(generator *g, hb_gemm *gemm) {
    gemm->m = gemm_size(g);
    gemm->n = gemm_size(g);
    gemm->k = gemm_size(g);
}

/* Rows of B that lie multiples of 4 KiB apart, if it is contiguous. */
static void round_sizes(generator *g, hb_gemm *gemm) {
    gemm->n = chance(g, 0.5) ? 1024 : 2048;
    gemm->m = 1 + below(g, 40);
    gemm->k = 1 + below(g, 400);
}

/* Many rows, and a B that is worth a copy. */
static void tall_sizes(generator *g, hb_gemm *gemm) {
    gemm->m = 64 + below(g, 600);
    gemm->n = 1 + below(g, 500);
    gemm->k = 100 + below(g, 300);
}

/* A sum over many samples, the rows of B and of what A is the transpose of. */
static void sample_sizes(generator *g, hb_gemm *gemm) {
    gemm->n_batch = 0;
    gemm->m = 1 + below(g, 300);
    gemm->n = 1 + below(g, gemm->m > 100 ? 100 : 300);
    gemm->k = chance(g, 0.5) ? 128 * (4 + below(g, 14)) : 512 + below(g, 1800);
}

/* Sums so long that they are made in parts however the operands lie; some are of one vector. */
static void long_sizes(generator *g, hb_gemm *gemm) {
    gemm->n_batch = 0;
    gemm->m = chance(g, 0.3) ? 1 : 1 + below(g, 20);
    gemm->n = chance(g, 0.3) ? 1 : 1 + below(g, 40);
    gemm->k = 65530 + below(g, chance(g, 0.5) ? 12 : 20000);
}

/* Few results, each a long sum. */
static void short_sizes(generator *g, hb_gemm *gemm) {
    gemm->m = 1 + below(g, chance(g, 0.5) ? 8 : 40);
    gemm->n = 1 + below(g, chance(g, 0.5) ? 8 : 40);
    gemm->k = chance(g, 0.05) ? 0 : 1 + below(g, chance(g, 0.5) ? 100 : 1400);
}

static hb_operand transposed(generator *g, const hb_gemm *gemm) {
    hb_operand a = case_array_add(g->c, gemm->dtype, gemm->k * gemm->m, true);
    a.stride[0] = 1;
    a.stride[1] = gemm->m;
    return a;
}

static step_case *make_gemm(uint64_t seed, case_limits limits, gemm_sizes *sizes) {
    generator g = begin(seed, limits);
    hb_gemm *gemm = &g.c->step.u.gemm;
    g.c->step.kind = HB_GEMM;
    g.loop = &gemm->epilogue;
    gemm->dtype = float_dtype(&g);
    gemm->n_batch = chance(&g, 0.7) ? 0 : (int)(1 + below(&g, 2));
    for (int k = 0; k < gemm->n_batch; k++)
        gemm->batch[k] = below(&g, 4) + (chance(&g, 0.9) ? 1 : 0);
    do sizes(&g, gemm);
    while (gemm->m * gemm->n * gemm->k > limits.points);
    gemm->a = sizes == sample_sizes ? transposed(&g, gemm) : matrix(&g, gemm, gemm->m, gemm->k);
    gemm->b = matrix(&g, gemm, gemm->k, gemm->n);
    g.loop->rank = gemm->n_batch + 2;
    memcpy(g.loop->dim, gemm->batch, sizeof gemm->batch);
    g.loop->dim[gemm->n_batch] = gemm->m;
    g.loop->dim[gemm->n_batch + 1] = gemm->n;
    emit(&g, (hb_instr){.code = HB_ACC, .dtype = (uint8_t)gemm->dtype, .a = -1, .b = -1, .c = -1});
    if (chance(&g, 0.6)) {
        for (int64_t n = below(&g, 3); n > 0; n--) emit_load(&g, false);
        emit_body(&g, 0, (int)below(&g, 4));
    }
    g.loop->n_pre = g.loop->n_instr;
    new_output(&g, g.loop->n_instr - 1, false, chance(&g, 0.4));
    if (chance(&g, 0.2)) new_output(&g, 0, false, false);
    return end(&g);
}

step_case *case_gemm(uint64_t seed, case_limits limits) {
    return make_gemm(seed, limits, any_sizes);
}
step_case *case_round_gemm(uint64_t seed, case_limits limits) {
    return make_gemm(seed, limits, round_sizes);
}
step_case *case_tall_gemm(uint64_t seed, case_limits limits) {
    return make_gemm(seed, limits, tall_sizes);
}
step_case *case_short_gemm(uint64_t seed, case_limits limits) {
    return make_gemm(seed, limits, short_sizes);
}
step_case *case_gemm_of_samples(uint64_t seed, case_limits limits) {
    return make_gemm(seed, limits, sample_sizes);
}
step_case *case_long_gemm(uint64_t seed, case_limits limits) {
    return make_gemm(seed, limits, long_sizes);
}
