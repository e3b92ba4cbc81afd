/* See step_reference.h. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../checks/half.h"
#include "../../checks/exact.h"
#include "step_math.h"
#include "step_reference.h"
#include "../../kernels/scalar.h"

#define HB_T       float
#define HB_NAME(f) shared_##f##_f32
#define HB_KIND    HB_KIND_F32
#include "../../kernels/scalar.h"

#define HB_T       double
#define HB_NAME(f) shared_##f##_f64
#define HB_KIND    HB_KIND_F64
#include "../../kernels/scalar.h"

/* A value: f for floats, i for the others; error bounds |computed - f| or is infinite. */
typedef struct number {
    double f, error;
    int64_t i;
} number;

typedef struct machine {
    const hb_loop *loop;
    reference_buffer *buffers;
    uint64_t seed, run;
    number *values;
    number product;
} machine;

static bool is_float(hebb_dtype dtype) {
    return dtype == HEBB_F32 || dtype == HEBB_F64 || is_half(dtype);
}

static double epsilon(hebb_dtype dtype) {
    if (is_half(dtype)) return half_epsilon(dtype);
    return dtype == HEBB_F32 ? FLT_EPSILON : DBL_EPSILON;
}

/* ---- memory ---- */

double reference_read(const char *memory, hebb_dtype dtype, int64_t index) {
    memory += index * (int64_t)hebb_dtype_size(dtype);
    float f;
    double d;
    int32_t i;
    int64_t l;
    uint16_t h;
    switch (dtype) {
    case HEBB_F32: memcpy(&f, memory, sizeof f); return f;
    case HEBB_F64: memcpy(&d, memory, sizeof d); return d;
    case HEBB_I32: memcpy(&i, memory, sizeof i); return i;
    case HEBB_I64: memcpy(&l, memory, sizeof l); return (double)l;
    case HEBB_I8: return *(const int8_t *)memory;
    case HEBB_F16:
    case HEBB_BF16: memcpy(&h, memory, sizeof h); return half_value(h, dtype);
    default: return *(const uint8_t *)memory;
    }
}

static number load(const char *memory, hebb_dtype dtype) {
    number x = {.f = reference_read(memory, dtype, 0)};
    if (dtype == HEBB_I64) memcpy(&x.i, memory, sizeof x.i);
    else if (!is_float(dtype)) x.i = (int64_t)x.f;
    return x;
}

static void put(reference_buffer *buffer, int64_t at, hebb_dtype dtype, number x) {
    const float f = (float)x.f;
    const int32_t i = (int32_t)x.i;
    const uint8_t b = (uint8_t)x.i;
    const uint16_t h = is_half(dtype) ? half_bits(x.f, dtype) : 0;
    switch (dtype) {
    case HEBB_F32: memcpy(buffer->bytes + at, &f, sizeof f); break;
    case HEBB_F64: memcpy(buffer->bytes + at, &x.f, sizeof x.f); break;
    case HEBB_I32: memcpy(buffer->bytes + at, &i, sizeof i); break;
    case HEBB_I64: memcpy(buffer->bytes + at, &x.i, sizeof x.i); break;
    case HEBB_F16:
    case HEBB_BF16: memcpy(buffer->bytes + at, &h, sizeof h); break;
    default: memcpy(buffer->bytes + at, &b, sizeof b); break;
    }
    buffer->error[at] = x.error;
}

static int64_t element(const hb_operand *o, int rank, const int64_t *index) {
    int64_t at = o->offset;
    for (int k = 0; k < rank; k++) at += index[k] * o->stride[k];
    return at;
}

/* ---- scalar semantics ---- */

/* As a result of this dtype: floats rounded, integers wrapped. */
static number as(hebb_dtype dtype, number x) {
    switch (dtype) {
    case HEBB_F32:
        if (fabs(x.f) > 1e38 && isfinite(x.f)) x.error = INFINITY;
        x.f = (float)x.f;
        if (isnan(x.error)) x.error = INFINITY;
        break;
    case HEBB_F64:
        if (isnan(x.error)) x.error = INFINITY;
        break;
    case HEBB_I32: x.i = (int32_t)(uint32_t)x.i; break;
    case HEBB_I64: break;
    case HEBB_U8: x.i &= 255; break;
    case HEBB_BOOL: x.i = x.i != 0; break;
    case HEBB_I8: x.i = (int8_t)(uint8_t)x.i; break;
    case HEBB_F16:
    case HEBB_BF16: x.f = half_round(x.f, dtype); break;
    }
    return x;
}

/* A float result with the error that came from operands, and a relative one of its own. */
static number rounded(hebb_dtype dtype, double f, double from_operands, double ulps) {
    const double tiny = dtype == HEBB_F32 ? 1e-37 : 1e-300;
    const double own = isfinite(f) ? fabs(f) * ulps * epsilon(dtype) + (ulps > 0 ? tiny : 0) : 0;
    return as(dtype, (number){.f = f, .error = from_operands + own});
}

/* Library functions in f32 are approximations; f64 ones may be off in the last places. */
enum { BASIC = 1, APPROXIMATE = 16 };

static double derivative_error(double error, double slope) {
    return error == 0 ? 0 : error * fabs(slope) * 1.5;
}

static number unary_float(int code, hebb_dtype dtype, number x) {
    const double a = x.f, e = x.error;
    double r;
    switch (code) {
    case HB_NEG: return rounded(dtype, -a, e, 0);
    case HB_ABS: return rounded(dtype, fabs(a), e, 0);
    case HB_SIGN:
        r = a > 0 ? 1 : (a < 0 ? -1 : a);
        return rounded(dtype, r, fabs(a) <= e && e > 0 ? INFINITY : 0, 0);
    case HB_SQRT:
        r = sqrt(a);
        return rounded(dtype, r, e == 0 ? 0 : (a > 2 * e ? e / r : INFINITY), BASIC * 2);
    case HB_EXP:
        r = exp(a);
        return rounded(dtype, r, e > 1 ? INFINITY : derivative_error(e, 2 * r), APPROXIMATE);
    case HB_LOG:
        r = log(a);
        if (e > 0 && a < 2 * e) return rounded(dtype, r, INFINITY, 0);
        return rounded(dtype, r, derivative_error(e, 2 / a) + epsilon(dtype) * 2, APPROXIMATE);
    case HB_TANH: return rounded(dtype, tanh(a), e, APPROXIMATE);
    case HB_SIGMOID:
        r = a >= 0 ? 1 / (1 + exp(-a)) : exp(a) / (1 + exp(a));
        return rounded(dtype, r, e, APPROXIMATE);
    case HB_SOFTPLUS:
        r = isnan(a) ? a : fmax(a, 0) + log1p(exp(-fabs(a)));
        return rounded(dtype, r, e, APPROXIMATE);
    case HB_RECIPROCAL:
        if (e > 0 && fabs(a) < 2 * e) return rounded(dtype, 1 / a, INFINITY, 0);
        return rounded(dtype, 1 / a, derivative_error(e, 2 / (a * a)), BASIC * 4);
    default: /* HB_FLOOR */
        return rounded(dtype, floor(a), floor(a - e) != floor(a + e) ? INFINITY : 0, 0);
    }
}

static number binary_float(int code, hebb_dtype dtype, number x, number y) {
    const double a = x.f, b = y.f, e = x.error + y.error;
    double r;
    switch (code) {
    case HB_ADD: return rounded(dtype, a + b, e, BASIC);
    case HB_SUB: return rounded(dtype, a - b, e, BASIC);
    case HB_MUL:
        r = e == 0 ? 0 : fabs(a) * y.error + fabs(b) * x.error + x.error * y.error;
        return rounded(dtype, a * b, r, BASIC);
    case HB_DIV:
        r = a / b;
        if (y.error > 0 && fabs(b) < 2 * y.error) return rounded(dtype, r, INFINITY, 0);
        return rounded(dtype, r, e == 0 ? 0 : 2 * (x.error + fabs(r) * y.error) / fabs(b),
                       BASIC * 4);
    case HB_POW: return rounded(dtype, pow(a, b), e == 0 ? 0 : INFINITY, APPROXIMATE * 4);
    case HB_MAX:
        r = isnan(a) || isnan(b) ? NAN : fmax(a, b);
        return rounded(dtype, r, fmax(x.error, y.error), 0);
    default: /* HB_MIN */
        r = isnan(a) || isnan(b) ? NAN : fmin(a, b);
        return rounded(dtype, r, fmax(x.error, y.error), 0);
    }
}

static int64_t divide(int64_t a, int64_t b) {
    if (b == 0) return 0;
    return b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
}

static number integer(int code, hebb_dtype dtype, number x, number y, int arity) {
    const int64_t a = x.i, b = y.i;
    const uint64_t ua = (uint64_t)a, ub = (uint64_t)b;
    const int bits = 8 * (int)hebb_dtype_size(dtype);
    number r = {.error = x.error > 0 || (arity > 1 && y.error > 0) ? INFINITY : 0};
    switch (code) {
    case HB_NEG: r.i = (int64_t)(0 - ua); break;
    case HB_ABS: r.i = a < 0 ? (int64_t)(0 - ua) : a; break;
    case HB_SIGN: r.i = (a > 0) - (a < 0); break;
    case HB_NOT: r.i = !a; break;
    case HB_ADD: r.i = (int64_t)(ua + ub); break;
    case HB_SUB: r.i = (int64_t)(ua - ub); break;
    case HB_MUL: r.i = (int64_t)(ua * ub); break;
    case HB_DIV: r.i = divide(a, b); break;
    case HB_MAX: r.i = a > b ? a : b; break;
    case HB_MIN: r.i = a < b ? a : b; break;
    case HB_AND: r.i = a & b; break;
    case HB_OR: r.i = a | b; break;
    case HB_XOR: r.i = a ^ b; break;
    case HB_MOD: r.i = exact_mod_whole(a, b); break;
    case HB_FLOOR_DIV: r.i = exact_floor_div_whole(a, b); break;
    case HB_SHIFT_LEFT: r.i = exact_shift_left(a, b, bits); break;
    case HB_SHIFT_RIGHT: r.i = exact_shift_right(a, b, bits); break;
    }
    return as(dtype, r);
}

/* How far the value at (a, b) is from r; infinite where one of them is no number. */
static double distance(int code, double a, double b, double r) {
    double value = NAN;
    step_math(code, a, b, &value);
    const double d = fabs(value - r);
    return isnan(d) ? INFINITY : d;
}

/* Errors of the operands count as the function's change over them, if they are small. Around zeros
   that are far from 0 it is the absolute error that is small. */
static number math(int code, hebb_dtype dtype, number x, number y) {
    double r = 0, e = 0;
    step_math(code, x.f, y.f, &r);
    if (dtype == HEBB_BOOL) return (number){.i = r != 0, .error = isfinite(x.error) ? 0 : INFINITY};
    if (x.error > 0.05 || y.error > 0.05) return rounded(dtype, r, INFINITY, 0);
    if (x.error > 0)
        e = 2 * fmax(distance(code, x.f - x.error, y.f, r), distance(code, x.f + x.error, y.f, r));
    if (y.error > 0)
        e += 2 * fmax(distance(code, x.f, y.f - y.error, r), distance(code, x.f, y.f + y.error, r));
    const bool shifted = code == HB_LGAMMA || code == HB_DIGAMMA || code == HB_ZETA;
    if (shifted) e += 64 * epsilon(dtype);
    if (code == HB_ZETA && isnan(r)) e = INFINITY;
    return rounded(dtype, r, e, 4 * APPROXIMATE);
}

static number compare(int code, hebb_dtype dtype, number x, number y) {
    number r = {0};
    const double e = x.error + y.error;
#define COMPARE(op) (is_float(dtype) ? x.f op y.f : x.i op y.i)
    switch (code) {
    case HB_EQ: r.i = COMPARE(==); break;
    case HB_NE: r.i = COMPARE(!=); break;
    case HB_LT: r.i = COMPARE(<); break;
    case HB_LE: r.i = COMPARE(<=); break;
    case HB_GT: r.i = COMPARE(>); break;
    default: r.i = COMPARE(>=); break;
    }
#undef COMPARE
    if (e > 0 && !(is_float(dtype) && fabs(x.f - y.f) > e)) r.error = INFINITY;
    return r;
}

/* Exact, unless the operand is not: it may then be on either side of a boundary, in the last place
   of which the infinity beyond the largest number is one. */
static number cast_to_half(hebb_dtype to, number x) {
    number r = as(to, (number){.f = x.f, .error = x.error});
    const double least = half_epsilon(to) * half_smallest(to);
    if (x.error == 0 || isnan(x.f)) return r;
    if (fabs(x.f) + x.error >= half_largest(to)) r.error = INFINITY;
    else r.error += fabs(x.f) * half_epsilon(to) + least;
    return r;
}

static number cast(hebb_dtype from, hebb_dtype to, number x) {
    number r = {.error = x.error};
    if (is_half(to)) return cast_to_half(to, x);
    if (is_half(from)) return x;
    if (to == HEBB_BOOL) {
        r.i = is_float(from) ? x.f != 0 : x.i != 0;
        r.error = x.error > 0 && !(is_float(from) && fabs(x.f) > x.error) ? INFINITY : 0;
        return r;
    }
    if (is_float(to)) {
        r.f = is_float(from) ? x.f : (double)x.i;
        if (!is_float(from) && x.error > 0) r.error = INFINITY;
        return rounded(to, r.f, r.error, to == HEBB_F32 ? BASIC : 0);
    }
    if (!is_float(from)) {
        r.i = x.i;
        return as(to, r);
    }
    const double limit = to == HEBB_I64 ? 9e18 : 2e9;
    if (!(fabs(x.f) < limit) || trunc(x.f - x.error) != trunc(x.f + x.error)) {
        r.error = INFINITY; /* unspecified, or not decidable */
        return r;
    }
    r.i = (int64_t)x.f;
    r.error = 0;
    return as(to, r);
}

static number random_number(const machine *m, const hb_instr *instr, number index) {
    const uint32_t op = (uint32_t)instr->imm.i, run = (uint32_t)m->run;
    const uint32_t low = (uint32_t)m->seed, high = (uint32_t)(m->seed >> 32);
    number r = {.error = index.error > 0 ? INFINITY : 0};
    if (instr->code == HB_BITS) {
        r.i = hb_random_bits_i64(index.i, op, run, low, high);
        return r;
    }
    if (instr->code == HB_UNIFORM) {
        r.f = instr->dtype == HEBB_F32 ? shared_random_uniform_f32(index.i, op, run, low, high)
                                       : shared_random_uniform_f64(index.i, op, run, low, high);
        return r;
    }
    r.f = instr->dtype == HEBB_F32 ? shared_random_normal_f32(index.i, op, run, low, high)
                                   : shared_random_normal_f64(index.i, op, run, low, high);
    r.error += 1e-5 * (1 + fabs(r.f));
    return r;
}

static number constant(const hb_instr *instr) {
    const hebb_dtype dtype = (hebb_dtype)instr->dtype;
    number x = {0};
    if (is_float(dtype)) x.f = instr->imm.f;
    else x.i = instr->imm.i;
    return as(dtype, x);
}

static number load_operand(const machine *m, const hb_operand *o, const int64_t *index) {
    const int64_t at = element(o, m->loop->rank, index);
    if (o->buffer == HB_BUFFER_INDEX) return (number){.i = at};
    return load(m->buffers[o->buffer].bytes + at * (int64_t)hebb_dtype_size(o->dtype), o->dtype);
}

static number evaluate(const machine *m, const hb_instr *instr, const int64_t *index) {
    const hebb_dtype dtype = (hebb_dtype)instr->dtype;
    const int code = instr->code;
    if (code == HB_LOAD) return load_operand(m, &m->loop->in[instr->a], index);
    if (code == HB_CONST) return constant(instr);
    if (code == HB_ACC) return m->product;
    const number zero = {0};
    const number a = m->values[instr->a];
    const number b = instr->b >= 0 ? m->values[instr->b] : zero;
    const hebb_dtype from = (hebb_dtype)m->loop->instr[instr->a].dtype;
    if (code == HB_CAST) return cast(from, dtype, a);
    if (code >= HB_BITS && code <= HB_NORMAL) return random_number(m, instr, a);
    if (code == HB_SELECT) {
        number r = a.i ? b : m->values[instr->c];
        if (a.error > 0) r.error = INFINITY;
        return r;
    }
    if (code >= HB_EQ && code <= HB_GE) return compare(code, from, a, b);
    const int arity = instr->b >= 0 ? 2 : 1;
    double unused;
    if (is_float(from) && step_math(code, 0, 0, &unused)) return math(code, dtype, a, b);
    if (!is_float(dtype)) return integer(code, dtype, a, b, arity);
    return arity == 2 ? binary_float(code, dtype, a, b) : unary_float(code, dtype, a);
}

/* ---- loops ---- */

/* The next index of the dimensions with reduce[k] == which; false after the last. */
static bool advance(const hb_loop *loop, bool which, int64_t *index) {
    for (int k = loop->rank - 1; k >= 0; k--) {
        if (loop->reduce[k] != which) continue;
        if (++index[k] < loop->dim[k]) return true;
        index[k] = 0;
    }
    return false;
}

static bool is_empty(const hb_loop *loop, bool which) {
    for (int k = 0; k < loop->rank; k++)
        if (loop->reduce[k] == which && loop->dim[k] == 0) return true;
    return false;
}

static void store_outputs(const machine *m, int first, int last, const int64_t *index) {
    for (int i = 0; i < m->loop->n_out; i++) {
        const hb_output *out = &m->loop->out[i];
        if (out->value < first || out->value >= last) continue;
        const int64_t at = element(&out->to, m->loop->rank, index);
        put(&m->buffers[out->to.buffer], at * (int64_t)hebb_dtype_size(out->to.dtype),
            out->to.dtype, m->values[out->value]);
    }
}

static void run_range(const machine *m, int first, int last, const int64_t *index) {
    for (int i = first; i < last; i++) m->values[i] = evaluate(m, &m->loop->instr[i], index);
    store_outputs(m, first, last, index);
}

static bool is_reduction(const hb_instr *instr) {
    return instr->code >= HB_SUM && instr->code <= HB_PROD;
}

/* A reduction as it goes: f or i the result so far, scale the sum of magnitudes; of a product, of
   the magnitudes of logarithms. */
typedef struct tally {
    number result;
    double scale;
} tally;

static tally nothing(const hb_instr *instr) {
    tally t = {0};
    const bool max = instr->code == HB_REDMAX;
    if (instr->code == HB_SUM) return t;
    if (instr->code == HB_PROD) {
        t.result.f = t.result.i = 1;
        return t;
    }
    t.result.f = max ? -INFINITY : INFINITY;
    switch ((hebb_dtype)instr->dtype) {
    case HEBB_I32: t.result.i = max ? INT32_MIN : INT32_MAX; break;
    case HEBB_I64: t.result.i = max ? INT64_MIN : INT64_MAX; break;
    case HEBB_U8: t.result.i = max ? 0 : 255; break;
    case HEBB_BOOL: t.result.i = max ? 0 : 1; break;
    case HEBB_I8: t.result.i = max ? INT8_MIN : INT8_MAX; break;
    default: break;
    }
    return t;
}

static void accumulate(tally *t, const hb_instr *instr, number x) {
    number *r = &t->result;
    if (instr->code == HB_SUM) {
        r->f += x.f;
        r->i = (int64_t)((uint64_t)r->i + (uint64_t)x.i);
        r->error += x.error;
        t->scale += fabs(x.f);
        return;
    }
    if (instr->code == HB_PROD) {
        r->error = fabs(x.f) * r->error + (fabs(r->f) + r->error) * x.error;
        r->f *= x.f;
        r->i = (int64_t)((uint64_t)r->i * (uint64_t)x.i);
        r->error += 2 * epsilon((hebb_dtype)instr->dtype) * fabs(r->f);
        if (x.f != 0 && isfinite(x.f)) t->scale += fabs(log2(fabs(x.f)));
        return;
    }
    const bool max = instr->code == HB_REDMAX;
    if (!is_float((hebb_dtype)instr->dtype)) {
        if (max ? x.i > r->i : x.i < r->i) r->i = x.i;
        r->error = x.error > 0 ? INFINITY : r->error;
        return;
    }
    if (isnan(x.f) || (max ? x.f > r->f : x.f < r->f)) r->f = x.f;
    r->error = fmax(r->error, x.error);
}

static number total(const tally *t, const hb_instr *instr) {
    const hebb_dtype dtype = (hebb_dtype)instr->dtype;
    number r = t->result;
    if (is_float(dtype) && instr->code == HB_SUM) r.error += 8 * epsilon(dtype) * t->scale;
    if (!is_float(dtype) && r.error > 0) r.error = INFINITY;
    /* In another order a product may overflow or underflow on the way. */
    if (instr->code == HB_PROD && t->scale > (dtype == HEBB_F32 ? 120 : 1000)) r.error = INFINITY;
    return as(dtype, r);
}

static void run_kept_point(machine *m, int64_t *index) {
    const hb_loop *loop = m->loop;
    if (loop->n_pre == loop->n_instr) {
        run_range(m, 0, loop->n_instr, index);
        return;
    }
    tally *tallies = calloc((size_t)loop->n_instr, sizeof *tallies);
    for (int i = loop->n_pre; i < loop->n_instr; i++) tallies[i] = nothing(&loop->instr[i]);
    if (!is_empty(loop, true)) do {
            run_range(m, 0, loop->n_pre, index);
            for (int i = loop->n_pre; i < loop->n_instr; i++)
                if (is_reduction(&loop->instr[i]))
                    accumulate(&tallies[i], &loop->instr[i], m->values[loop->instr[i].a]);
        } while (advance(loop, true, index));
    for (int i = loop->n_pre; i < loop->n_instr; i++)
        m->values[i] = is_reduction(&loop->instr[i]) ? total(&tallies[i], &loop->instr[i])
                                                     : evaluate(m, &loop->instr[i], index);
    store_outputs(m, loop->n_pre, loop->n_instr, index);
    free(tallies);
}

static void run_loop(machine *m) {
    int64_t index[HEBB_MAX_RANK] = {0};
    if (is_empty(m->loop, false)) return;
    if (m->loop->n_pre == m->loop->n_instr && is_empty(m->loop, true)) return;
    do run_kept_point(m, index);
    while (advance(m->loop, false, index));
}

/* ---- the other kinds ---- */

static number dot(const hb_gemm *gemm, reference_buffer *buffers, const int64_t *index) {
    const int row = gemm->n_batch, column = row + 1;
    const int64_t size = (int64_t)hebb_dtype_size(gemm->dtype);
    int64_t a = element(&gemm->a, gemm->n_batch, index) + index[row] * gemm->a.stride[row];
    int64_t b = element(&gemm->b, gemm->n_batch, index) + index[column] * gemm->b.stride[column];
    double sum = 0, scale = 0;
    for (int64_t p = 0; p < gemm->k; p++) {
        const double x = reference_read(buffers[gemm->a.buffer].bytes + a * size, gemm->dtype, 0);
        const double y = reference_read(buffers[gemm->b.buffer].bytes + b * size, gemm->dtype, 0);
        sum += x * y;
        scale += fabs(x * y);
        a += gemm->a.stride[column];
        b += gemm->b.stride[row];
    }
    const double terms = 4 + sqrt((double)gemm->k);
    return as(gemm->dtype, (number){.f = sum, .error = epsilon(gemm->dtype) * terms * scale});
}

static void run_gemm(machine *m, const hb_gemm *gemm) {
    int64_t index[HEBB_MAX_RANK] = {0};
    if (is_empty(m->loop, false)) return;
    do {
        m->product = dot(gemm, m->buffers, index);
        run_range(m, 0, m->loop->n_instr, index);
    } while (advance(m->loop, false, index));
}

static number missing(hebb_dtype dtype) {
    return is_float(dtype) ? (number){.f = NAN} : (number){0};
}

static void run_indexed(const hb_step *step, reference_buffer *buffers) {
    const hb_indexed *in = &step->u.indexed;
    const hebb_dtype dtype = in->x.dtype;
    const int64_t size = (int64_t)hebb_dtype_size(dtype);
    reference_buffer *x = &buffers[in->x.buffer], *y = &buffers[in->y.buffer];
    const char *index = buffers[in->index.buffer].bytes;
    for (int64_t i = 0; i < in->count; i++) {
        const int64_t row = (int64_t)reference_read(index, HEBB_I32, in->index.offset + i);
        const bool valid = row >= 0 && row < in->rows;
        for (int64_t j = 0; j < in->width; j++) {
            const int64_t at_y = (in->y.offset + i * in->width + j) * size;
            const int64_t at_x = (in->x.offset + row * in->width + j) * size;
            if (step->kind == HB_GATHER) {
                put(y, at_y, dtype, valid ? load(x->bytes + at_x, dtype) : missing(dtype));
            } else if (valid && step->kind == HB_SCATTER_SET) {
                put(x, at_x, dtype, load(y->bytes + at_y, dtype));
            } else if (valid) {
                number old = load(x->bytes + at_x, dtype), add = load(y->bytes + at_y, dtype);
                number sum = {.f = old.f + add.f,
                              .i = (int64_t)((uint64_t)old.i + (uint64_t)add.i),
                              .error = x->error[at_x]};
                if (is_float(dtype)) sum.error += epsilon(dtype) * fabs(sum.f);
                put(x, at_x, dtype, as(dtype, sum));
            }
        }
    }
}

/* ---- along an axis ---- */

/* Element (o, i, j) of an operand whose middle has that size. */
static int64_t byte_of(const hb_operand *operand, const hb_along *a, int64_t middle, int64_t o,
                       int64_t i, int64_t j) {
    const int64_t at = (o * middle + i) * a->inner + j;
    return (operand->offset + at) * (int64_t)hebb_dtype_size(operand->dtype);
}

/* Whether a number is larger; NaN is larger than all others. */
static bool larger(hebb_dtype dtype, number a, number b) {
    return is_float(dtype) ? a.f > b.f || (isnan(a.f) && !isnan(b.f)) : a.i > b.i;
}

/* One column (o, j); get() and set() are of its elements. */
typedef struct column {
    const hb_step *step;
    const hb_along *along;
    reference_buffer *buffers;
    int64_t o, j;
} column;

static number get(const column *c, const hb_operand *operand, int64_t middle, int64_t i) {
    const int64_t at = byte_of(operand, c->along, middle, c->o, i, c->j);
    return load(c->buffers[operand->buffer].bytes + at, operand->dtype);
}

static void set(const column *c, int64_t middle, int64_t i, number x) {
    const hb_operand *out = &c->step->out[0];
    put(&c->buffers[out->buffer], byte_of(out, c->along, middle, c->o, i, c->j), out->dtype, x);
}

static void argsort_column(const column *c) {
    const hb_along *a = c->along;
    const hb_operand *x = &c->step->in[0];
    number *values = calloc((size_t)a->n + 1, sizeof *values);
    for (int64_t i = 0; i < a->n; i++) values[i] = get(c, x, a->n, i);
    for (int64_t i = 0; i < a->n; i++) {
        int64_t rank = 0;
        for (int64_t k = 0; k < a->n; k++) {
            const bool above = larger(x->dtype, values[k], values[i]),
                       below = larger(x->dtype, values[i], values[k]);
            rank += (a->reverse ? above : below) || (!above && !below && k < i);
        }
        set(c, a->n, rank, (number){.i = i});
    }
    free(values);
}

static void recur_column(const column *c) {
    const hb_along *a = c->along;
    const hb_step *step = c->step;
    const hebb_dtype dtype = step->out[0].dtype;
    number last = {0};
    double scale = 0;
    for (int64_t i = 0; i < a->n; i++) {
        const int64_t at = a->reverse ? a->n - 1 - i : i;
        const number b = get(c, &step->in[step->n_in - 1], a->n, at);
        number f = {.f = 1, .i = 1};
        if (step->n_in > 1) f = get(c, &step->in[0], a->n, at);
        number y = {.f = f.f * last.f + b.f,
                    .i = (int64_t)((uint64_t)f.i * (uint64_t)last.i + (uint64_t)b.i)};
        if (i == 0) y = b;
        scale = i == 0 ? fabs(b.f) : fabs(f.f) * scale + fabs(b.f);
        y = as(dtype, y);
        if (is_float(dtype))
            y.error =
                epsilon(dtype) * 4 * (double)(i + 1) * scale + (dtype == HEBB_F32 ? 1e-37 : 1e-300);
        if (!(scale < (dtype == HEBB_F32 ? 1e37 : 1e300)) && isfinite(scale)) y.error = INFINITY;
        if (isnan(y.error)) y.error = INFINITY;
        set(c, a->n, at, y);
        last = y;
    }
}

static void take_column(const column *c) {
    const hb_along *a = c->along;
    for (int64_t i = 0; i < a->m; i++) {
        const int64_t row = get(c, &c->step->in[1], a->m, i).i;
        const hb_operand *x = &c->step->in[0];
        set(c, a->m, i, row >= 0 && row < a->n ? get(c, x, a->n, row) : missing(x->dtype));
    }
}

static void put_column(const column *c) {
    const hb_along *a = c->along;
    const hb_operand *out = &c->step->out[0];
    for (int64_t i = 0; i < a->n; i++) set(c, a->n, i, get(c, &c->step->in[0], a->n, i));
    for (int64_t i = 0; i < a->m; i++) {
        const int64_t row = get(c, &c->step->in[1], a->m, i).i;
        if (row < 0 || row >= a->n) continue;
        number y = get(c, &c->step->in[2], a->m, i);
        if (a->add) {
            const int64_t at = byte_of(out, a, a->n, c->o, row, c->j);
            const number old = get(c, out, a->n, row);
            y.f += old.f;
            y.i = (int64_t)((uint64_t)y.i + (uint64_t)old.i);
            y.error = c->buffers[out->buffer].error[at];
            if (is_float(out->dtype)) y.error += epsilon(out->dtype) * fabs(y.f);
            y = as(out->dtype, y);
        }
        set(c, a->n, row, y);
    }
}

static void run_along(const hb_step *step, reference_buffer *buffers) {
    column c = {.step = step, .along = &step->u.along, .buffers = buffers};
    for (c.o = 0; c.o < c.along->outer; c.o++)
        for (c.j = 0; c.j < c.along->inner; c.j++) switch (step->kind) {
            case HB_ARGSORT: argsort_column(&c); break;
            case HB_RECURRENCE: recur_column(&c); break;
            case HB_TAKE_ALONG: take_column(&c); break;
            default: put_column(&c); break;
            }
}

void reference_run(const hb_step *step, reference_buffer *buffers, uint64_t seed, uint64_t run) {
    if (step->kind >= HB_GATHER && step->kind <= HB_SCATTER_SET) {
        run_indexed(step, buffers);
        return;
    }
    if (step->kind >= HB_CONV && step->kind <= HB_CONV_WEIGHT) {
        reference_conv(step, buffers);
        return;
    }
    if (step->kind == HB_FOLD) {
        reference_fold(step, buffers);
        return;
    }
    if (hb_is_whole(step->kind)) {
        run_along(step, buffers);
        return;
    }
    machine m = {.loop = step->kind == HB_GEMM ? &step->u.gemm.epilogue : &step->u.loop,
                 .buffers = buffers,
                 .seed = seed,
                 .run = run};
    m.values = calloc((size_t)m.loop->n_instr + 1, sizeof *m.values);
    if (step->kind == HB_GEMM) run_gemm(&m, &step->u.gemm);
    else run_loop(&m);
    free(m.values);
}
