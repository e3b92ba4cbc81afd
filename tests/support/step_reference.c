/* See step_reference.h. Programs, loops and products; what works on whole tensors is in
   step_reference_along.c and step_reference_conv.c. */
#include <math.h>
#include <stdlib.h>

#include "step_number.h"
#include "../../kernels/scalar.h"

#define HB_T       float
#define HB_NAME(f) shared_##f##_f32
#define HB_KIND    HB_KIND_F32
#include "../../kernels/scalar.h"

#define HB_T       double
#define HB_NAME(f) shared_##f##_f64
#define HB_KIND    HB_KIND_F64
#include "../../kernels/scalar.h"

typedef struct machine {
    const hb_loop *loop;
    reference_buffer *buffers;
    uint64_t seed, run;
    number *values;
    number product;
} machine;

/* ---- programs ---- */

static int64_t element(const hb_operand *o, int rank, const int64_t *index) {
    int64_t at = o->offset;
    for (int k = 0; k < rank; k++) at += index[k] * o->stride[k];
    return at;
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
    if (hebb_dtype_floating(dtype)) x.f = instr->imm.f;
    else x.i = instr->imm.i;
    return number_as(dtype, x);
}

static number load_operand(const machine *m, const hb_operand *o, const int64_t *index) {
    const int64_t at = element(o, m->loop->rank, index);
    if (o->buffer == HB_BUFFER_INDEX) return (number){.i = at};
    return number_load(m->buffers[o->buffer].bytes + at * (int64_t)hebb_dtype_size(o->dtype),
                       o->dtype);
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
    if (code == HB_CAST) return number_cast(from, dtype, a);
    if (code >= HB_BITS && code <= HB_NORMAL) return random_number(m, instr, a);
    if (code == HB_SELECT) {
        number r = a.i ? b : m->values[instr->c];
        if (a.error > 0) r.error = INFINITY;
        return r;
    }
    return number_apply(code, instr->b >= 0 ? 2 : 1, from, dtype, a, b);
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
        number_put(&m->buffers[out->to.buffer], at * (int64_t)hebb_dtype_size(out->to.dtype),
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
        r->error += 2 * number_epsilon((hebb_dtype)instr->dtype) * fabs(r->f);
        if (x.f != 0 && isfinite(x.f)) t->scale += fabs(log2(fabs(x.f)));
        return;
    }
    const bool max = instr->code == HB_REDMAX;
    if (!hebb_dtype_floating((hebb_dtype)instr->dtype)) {
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
    if (hebb_dtype_floating(dtype) && instr->code == HB_SUM)
        r.error += 8 * number_epsilon(dtype) * t->scale;
    if (!hebb_dtype_floating(dtype) && r.error > 0) r.error = INFINITY;
    /* In another order a product may overflow or underflow on the way. */
    if (instr->code == HB_PROD && t->scale > (dtype == HEBB_F32 ? 120 : 1000)) r.error = INFINITY;
    return number_as(dtype, r);
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

/* ---- products ---- */

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
    return number_as(gemm->dtype,
                     (number){.f = sum, .error = number_epsilon(gemm->dtype) * terms * scale});
}

static void run_gemm(machine *m, const hb_gemm *gemm) {
    int64_t index[HEBB_MAX_RANK] = {0};
    if (is_empty(m->loop, false)) return;
    do {
        m->product = dot(gemm, m->buffers, index);
        run_range(m, 0, m->loop->n_instr, index);
    } while (advance(m->loop, false, index));
}

/* ---- any step ---- */

void reference_run(const hb_step *step, reference_buffer *buffers, uint64_t seed, uint64_t run) {
    if (step->kind >= HB_GATHER && step->kind <= HB_SCATTER_SET) {
        reference_indexed(step, buffers);
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
    if (step->kind == HB_RESAMPLE) {
        reference_resample(step, buffers);
        return;
    }
    if (step->kind == HB_MAX_BACK) {
        reference_max_back(step, buffers);
        return;
    }
    if (hb_is_whole(step->kind)) {
        reference_along(step, buffers);
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
