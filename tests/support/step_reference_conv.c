/* Convolutions, folds and resampling by their definitions in step.h. See step_reference.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "step_number.h"

static int64_t volume(const int64_t size[3]) { return size[0] * size[1] * size[2]; }

/* A sum as it goes. `loose`: a zero from outside of a tensor may have met something infinite. */
typedef struct sum {
    double value, scale, terms;
    double beside; /* the largest scale of those that are computed together with it */
    bool loose;
} sum;

static void add_product(sum *s, double a, double b) {
    s->value += a * b;
    s->scale += fabs(a * b);
    s->terms++;
    if (!isfinite(a) || !isfinite(b)) s->loose = true;
}

static void put_sum(reference_buffer *to, int64_t at, hebb_dtype dtype, const sum *s) {
    const float f = (float)s->value;
    if (dtype == HEBB_F32) memcpy(to->bytes + at * 4, &f, 4);
    else memcpy(to->bytes + at * 8, &s->value, 8);
    const double error = number_epsilon(dtype) * ((4 + sqrt(s->terms)) * s->scale + 8 * s->beside);
    to->error[at * (int64_t)hebb_dtype_size(dtype)] =
        s->loose || !isfinite(s->scale) ? INFINITY : error;
}

/* Calls term() for all n, g, o, c, p, k for which x is inside. Numbers are of elements. */
typedef struct term {
    int64_t x, w, y;
} term;
typedef void visit(void *context, term t);

static bool inside(const hb_conv *c, const int64_t *p, const int64_t *k, int64_t *x) {
    *x = 0;
    for (int d = 0; d < 3; d++) {
        const int64_t i = p[d] * c->stride[d] - c->before[d] + k[d] * c->dilation[d];
        if (i < 0 || i >= c->in[d]) return false;
        *x = *x * c->in[d] + i;
    }
    return true;
}

static void split(int64_t index, const int64_t size[3], int64_t at[3]) {
    for (int d = 2; d >= 0; d--) at[d] = index % size[d], index /= size[d];
}

static void visit_places(const hb_conv *c, int64_t x0, int64_t w0, int64_t y0, visit *f,
                         void *context) {
    for (int64_t place = 0; place < volume(c->out); place++)
        for (int64_t tap = 0; tap < volume(c->kernel); tap++) {
            int64_t p[3], k[3], x;
            split(place, c->out, p);
            split(tap, c->kernel, k);
            if (inside(c, p, k, &x)) f(context, (term){x0 + x, w0 + tap, y0 + place});
        }
}

static void visit_all(const hb_conv *c, visit *f, void *context) {
    const int64_t C = c->in_channels, O = c->out_channels;
    for (int64_t n = 0; n < c->batch; n++)
        for (int64_t g = 0; g < c->groups; g++)
            for (int64_t o = 0; o < O; o++)
                for (int64_t i = 0; i < C; i++)
                    visit_places(c, ((n * c->groups + g) * C + i) * volume(c->in),
                                 ((g * O + o) * C + i) * volume(c->kernel),
                                 ((n * c->groups + g) * O + o) * volume(c->out), f, context);
}

typedef struct adder {
    hb_step_kind kind;
    const char *a, *b;
    hebb_dtype dtype;
    sum *sums;
} adder;

static void add_term(void *context, term t) {
    adder *d = context;
    const int64_t a = d->kind == HB_CONV_INPUT ? t.y : t.x;
    const int64_t b = d->kind == HB_CONV_WEIGHT ? t.y : t.w;
    const int64_t to = d->kind == HB_CONV ? t.y : d->kind == HB_CONV_INPUT ? t.x : t.w;
    add_product(&d->sums[to], reference_read(d->a, d->dtype, a), reference_read(d->b, d->dtype, b));
}

static bool all_finite(const char *memory, hebb_dtype dtype, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(reference_read(memory, dtype, i))) return false;
    return true;
}

void reference_conv(const hb_step *step, reference_buffer *buffers) {
    const hb_conv *c = &step->u.conv;
    const hebb_dtype dtype = step->out[0].dtype;
    const int64_t x = c->batch * c->groups * c->in_channels * volume(c->in);
    const int64_t y = c->batch * c->groups * c->out_channels * volume(c->out);
    const int64_t w = c->groups * c->in_channels * c->out_channels * volume(c->kernel);
    const int64_t size = (int64_t)hebb_dtype_size(dtype);
    const int64_t n_a = step->kind == HB_CONV_INPUT ? y : x;
    const int64_t n_b = step->kind == HB_CONV_WEIGHT ? y : w;
    const int64_t n = step->kind == HB_CONV ? y : step->kind == HB_CONV_INPUT ? x : w;
    adder d = {.kind = step->kind,
               .a = buffers[step->in[0].buffer].bytes + step->in[0].offset * size,
               .b = buffers[step->in[1].buffer].bytes + step->in[1].offset * size,
               .dtype = dtype,
               .sums = calloc((size_t)n + 1, sizeof(sum))};
    const bool finite = all_finite(d.a, dtype, n_a) && all_finite(d.b, dtype, n_b);
    visit_all(c, add_term, &d);
    /* Winograd's transforms add and take off again what is beside an element in its tile of up to
       six by six. What no product reaches is 0. */
    double most = 0;
    for (int64_t i = 0; i < n; i++) most = fmax(most, d.sums[i].scale);
    for (int64_t i = 0; i < n; i++) {
        d.sums[i].loose = !finite;
        if (d.sums[i].terms > 0) d.sums[i].beside = most;
        put_sum(&buffers[step->out[0].buffer], step->out[0].offset + i, dtype, &d.sums[i]);
    }
    free(d.sums);
}

/* ---- FOLD ---- */

static void put_whole(reference_buffer *to, int64_t at, hebb_dtype dtype, uint64_t x) {
    const uint32_t word = (uint32_t)x;
    const uint8_t byte = (uint8_t)x;
    if (dtype == HEBB_I32) memcpy(to->bytes + at * 4, &word, 4);
    else if (dtype == HEBB_I64) memcpy(to->bytes + at * 8, &x, 8);
    else to->bytes[at] = (char)byte;
    to->error[at * (int64_t)hebb_dtype_size(dtype)] = 0;
}

static uint64_t read_whole(const char *memory, hebb_dtype dtype, int64_t index) {
    uint64_t x;
    if (dtype != HEBB_I64) return (uint64_t)(int64_t)reference_read(memory, dtype, index);
    memcpy(&x, memory + index * 8, 8);
    return x;
}

void reference_fold(const hb_step *step, reference_buffer *buffers) {
    const hb_fold *f = &step->u.fold;
    const hebb_dtype dtype = step->out[0].dtype;
    const int64_t n = f->outer * volume(f->in), kernel = volume(f->kernel), out = volume(f->out);
    const char *y =
        buffers[step->in[0].buffer].bytes + step->in[0].offset * (int64_t)hebb_dtype_size(dtype);
    sum *sums = calloc((size_t)n + 1, sizeof *sums);
    uint64_t *wholes = calloc((size_t)n + 1, sizeof *wholes);
    for (int64_t i = 0; i < f->outer * out * kernel; i++) {
        int64_t p[3], k[3], at = i / kernel / out;
        split(i / kernel % out, f->out, p);
        split(i % kernel, f->kernel, k);
        for (int d = 0; d < 3; d++)
            at = at * f->in[d] + p[d] * f->stride[d] + k[d] * f->dilation[d];
        if (dtype == HEBB_F32 || dtype == HEBB_F64)
            add_product(&sums[at], reference_read(y, dtype, i), 1);
        else wholes[at] += read_whole(y, dtype, i);
    }
    for (int64_t i = 0; i < n; i++) {
        reference_buffer *to = &buffers[step->out[0].buffer];
        sums[i].loose = false;
        if (dtype != HEBB_F32 && dtype != HEBB_F64)
            put_whole(to, step->out[0].offset + i, dtype, wholes[i]);
        else put_sum(to, step->out[0].offset + i, dtype, &sums[i]);
    }
    free(sums);
    free(wholes);
}

/* ---- RESAMPLE ---- */

/* What element k is multiplied by in result i, along one axis. */
static double window_weight(const hb_resample_axis *a, int64_t i, int64_t k) {
    int64_t inside = 0, hits = 0;
    for (int64_t t = 0; t < a->number[0]; t++) {
        const int64_t at = i * a->number[1] + t * a->number[2] - a->number[3];
        inside += at >= 0 && at < a->in;
        hits += at == k;
    }
    return (double)hits / (double)(a->number[4] ? a->number[0] : inside);
}

static double resample_weight(const hb_resample_axis *a, int64_t i, int64_t k) {
    const int64_t place = a->number[0] * i + a->number[1], d = a->number[2];
    switch ((hb_resample_rule)a->rule) {
    case HB_KEPT: return i == k;
    case HB_NEAREST: return place / d == k;
    case HB_REFLECT: {
        const int64_t at = i - a->number[0], far = 2 * (a->in - 1) - at;
        return (at < 0 ? -at : at < a->in ? at : far) == k;
    }
    case HB_EDGE: {
        const int64_t at = i - a->number[0];
        return (at < 0 ? 0 : at < a->in ? at : a->in - 1) == k;
    }
    case HB_LINEAR: { /* of remainders: fractions of a place would lose digits */
        const int64_t at = place < 0 ? 0 : place, low = at / d;
        if (low >= a->in - 1) return k == a->in - 1;
        const double t = (double)(at % d) / (double)d;
        return k == low ? 1 - t : k == low + 1 ? t : 0;
    }
    case HB_SPANS: {
        const int64_t from = i * a->in / a->out, to = ((i + 1) * a->in + a->out - 1) / a->out;
        return k >= from && k < to ? 1 / (double)(to - from) : 0;
    }
    default: return window_weight(a, i, k);
    }
}

/* Of x whose sizes are `in`, and results whose sizes are `out`: calls term() for every result and
   what it is made of, with the product of the weights. */
typedef void visit_weight(void *context, int64_t y, int64_t x, double weight);

static void visit_weights(const hb_resample *r, visit_weight *f, void *context) {
    int64_t in[3], out[3], i[3], k[3];
    for (int d = 0; d < 3; d++) in[d] = r->axis[d].in, out[d] = r->axis[d].out;
    const int64_t n_x = volume(in), n_y = volume(out), inner = r->inner;
    for (int64_t y = 0; y < n_y; y++)
        for (int64_t x = 0; x < n_x; x++) {
            double weight = 1;
            split(y, out, i);
            split(x, in, k);
            for (int d = 0; d < 3; d++) weight *= resample_weight(&r->axis[d], i[d], k[d]);
            if (weight == 0) continue;
            for (int64_t o = 0; o < r->outer; o++)
                for (int64_t j = 0; j < inner; j++)
                    f(context, (o * n_y + y) * inner + j, (o * n_x + x) * inner + j, weight);
        }
}

static int64_t count_resampled(const hb_resample *r, bool result) {
    int64_t count = r->outer * r->inner;
    for (int d = 0; d < 3; d++) count *= result ? r->axis[d].out : r->axis[d].in;
    return count;
}

/* What a visit adds to. */
typedef struct resampler {
    const hb_resample *r;
    hebb_dtype dtype;
    const char *in[3];
    int64_t *ties; /* MAX_BACK: by result */
    sum *sums;
} resampler;

static resampler resampler_of(const hb_step *step, const reference_buffer *buffers) {
    const hb_resample *r = &step->u.resample;
    resampler s = {.r = r, .dtype = step->out[0].dtype};
    const int64_t size = (int64_t)hebb_dtype_size(s.dtype);
    for (int k = 0; k < step->n_in; k++)
        s.in[k] = buffers[step->in[k].buffer].bytes + step->in[k].offset * size;
    s.ties = calloc((size_t)count_resampled(r, true) + 1, sizeof *s.ties);
    s.sums =
        calloc((size_t)(count_resampled(r, true) + count_resampled(r, false)) + 1, sizeof *s.sums);
    return s;
}

static void put_resampled(const hb_step *step, reference_buffer *buffers, resampler *s,
                          int64_t count) {
    for (int64_t i = 0; i < count; i++)
        put_sum(&buffers[step->out[0].buffer], step->out[0].offset + i, s->dtype, &s->sums[i]);
    free(s->ties);
    free(s->sums);
}

static void add_weighted(void *context, int64_t y, int64_t x, double weight) {
    resampler *s = context;
    const int64_t to = s->r->transposed ? x : y, from = s->r->transposed ? y : x;
    add_product(&s->sums[to], reference_read(s->in[0], s->dtype, from), weight);
}

static void add_larger(void *context, int64_t y, int64_t x, double weight) {
    resampler *s = context;
    const double value = reference_read(s->in[0], s->dtype, x);
    if (isnan(weight)) return; /* a mean of nothing */
    if (value > s->sums[y].value || isnan(value)) s->sums[y].value = value;
}

void reference_resample(const hb_step *step, reference_buffer *buffers) {
    const hb_resample *r = &step->u.resample;
    const int64_t results = count_resampled(r, !r->transposed);
    resampler s = resampler_of(step, buffers);
    for (int64_t i = 0; i < results && r->maxima; i++) s.sums[i].value = -INFINITY;
    visit_weights(r, r->maxima ? add_larger : add_weighted, &s);
    put_resampled(step, buffers, &s, results);
}

/* ---- MAX_BACK: in[] are x, y, dy ---- */

static bool is_largest(const resampler *s, int64_t y, int64_t x) {
    return reference_read(s->in[0], s->dtype, x) == reference_read(s->in[1], s->dtype, y);
}

static void count_tie(void *context, int64_t y, int64_t x, double weight) {
    resampler *s = context;
    s->ties[y] += weight > 0 && is_largest(s, y, x);
}

static void add_share(void *context, int64_t y, int64_t x, double weight) {
    resampler *s = context;
    if (weight > 0 && is_largest(s, y, x))
        add_product(&s->sums[x], reference_read(s->in[2], s->dtype, y), 1 / (double)s->ties[y]);
}

void reference_max_back(const hb_step *step, reference_buffer *buffers) {
    resampler s = resampler_of(step, buffers);
    visit_weights(s.r, count_tie, &s);
    visit_weights(s.r, add_share, &s);
    put_resampled(step, buffers, &s, count_resampled(s.r, false));
}
