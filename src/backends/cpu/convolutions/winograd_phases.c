/* Strides and depth in Winograd's filtering: which convolutions the solvers (winograd.c,
   winograd_weight.c) take, and their phases (winograd.h). */
#include "winograd.h"

#include "../../winograd_choice.h"

/* ---- phases ---- */

static int64_t floor_mod(int64_t a, int64_t b) { return (a % b + b) % b; }

/* The tap of the kernel that is the first of the phase with place `from` along dimension d. */
static int64_t first_tap(const hb_conv *c, int d, int64_t from) {
    return floor_mod(from + c->before[d], c->stride[d]);
}

/* The convolution of a phase, at a stride of 1. */
static hb_conv conv_of(const hb_conv *conv, const int64_t from[3]) {
    hb_conv c = *conv;
    for (int d = 1; d < 3; d++) {
        const int64_t first = first_tap(conv, d, from[d]), stride = conv->stride[d];
        c.stride[d] = 1;
        c.in[d] = hb_ceil_div(conv->in[d] - from[d], stride);
        c.kernel[d] = hb_ceil_div(conv->kernel[d] - first, stride);
        c.before[d] = (conv->before[d] + from[d] - first) / stride;
    }
    return c;
}

/* Phase `number` and its taps: of a place in the stride, or of a plane. */
static void find_phase(const hb_winograd_form *form, const hb_conv *conv, int64_t number,
                       hb_winograd_phases *p) {
    const bool deep = conv->kernel[0] > 1;
    const int64_t from[3] = {0, deep ? 0 : number / p->stride, deep ? 0 : number % p->stride};
    const int64_t plane = deep ? number * conv->kernel[1] * conv->kernel[2] : 0;
    const hb_conv c = conv_of(conv, from);
    p->image[number] = (hb_winograd_image){c.in[1], c.in[2], c.before[1], c.before[2]};
    for (int64_t i = 0; i < c.kernel[1]; i++)
        for (int64_t k = 0; k < c.kernel[2]; k++) {
            const int64_t y = first_tap(conv, 1, from[1]) + i * p->stride;
            const int64_t x = first_tap(conv, 2, from[2]) + k * p->stride;
            p->place[plane + y * conv->kernel[2] + x] =
                (int)(number * p->filters + i * form->taps + k);
        }
}

void hb_winograd_find_phases(const hb_winograd_form *form, const hb_conv *conv,
                             hb_winograd_phases *to) {
    const int64_t stride = conv->stride[1], taps = form->taps * form->taps;
    *to = (hb_winograd_phases){
        .stride = stride,
        .count = conv->kernel[0] > 1 ? conv->kernel[0] : stride * stride,
        .whole = {conv->in[1], conv->in[2], conv->before[1], conv->before[2]},
        .taps = taps,
        .kernel = hb_volume(conv->kernel),
        .filters = taps * HB_WINOGRAD_FILTERS,
    };
    for (int64_t i = 0; i < to->count; i++) find_phase(form, conv, i, to);
}

void hb_winograd_transpose_phases(const hb_winograd_form *form, const hb_conv *conv,
                                  hb_winograd_phases *phases) {
    const int edge = form->taps - 1;
    for (int64_t i = 0; i < phases->count; i++) {
        const hb_winograd_image x = phases->image[i];
        phases->image[i] =
            (hb_winograd_image){conv->out[1], conv->out[2], edge - x.top, edge - x.left};
    }
}

/* ---- filters ---- */

void hb_winograd_take_apart(const hb_winograd_phases *p, int64_t filters, const float *w,
                            int64_t row, float *to) {
    for (int64_t f = 0; f < filters; f++, w += row, to += p->taps)
        for (int64_t t = 0; t < p->kernel; t++) to[p->place[t]] = w[t];
}

void hb_winograd_put_together(const hb_winograd_phases *p, int64_t filters, const float *from,
                              float *w, int64_t row) {
    for (int64_t f = 0; f < filters; f++, w += row, from += p->taps)
        for (int64_t t = 0; t < p->kernel; t++) w[t] = from[p->place[t]];
}

/* ---- which convolutions ---- */

/* All phases have these taps, or some one less: then not 3 in place of 4, where nothing is won. */
static bool fits_axis(const hb_winograd_form *form, const hb_conv *c, int d) {
    const int64_t taps = c->stride[d] * form->taps;
    return c->dilation[d] == 1 && c->kernel[d] <= taps && 4 * c->kernel[d] > 3 * taps;
}

static bool meets(const hb_conv *conv) {
    for (int64_t i = 0; i < conv->stride[1] * conv->stride[1]; i++) {
        const hb_conv c = conv_of(conv, (int64_t[3]){0, i / conv->stride[1], i % conv->stride[1]});
        if (!hb_winograd_meets(&c, 1) || !hb_winograd_meets(&c, 2)) return false;
    }
    return true;
}

/* Along the depth: nothing at all, or taps at a stride of 1. */
static bool fits_depth(const hb_conv *c) {
    if (c->stride[1] > 1)
        return c->in[0] == 1 && c->out[0] == 1 && c->kernel[0] == 1 && c->before[0] == 0;
    return c->stride[0] == 1 && c->dilation[0] == 1 && c->kernel[0] <= HB_WINOGRAD_MOST_PHASES;
}

bool hb_winograd_fits(const hb_winograd_form *form, const hb_step *step) {
    const hb_conv *c = &step->u.conv;
    if (step->out[0].dtype != HEBB_F32 || c->stride[1] != c->stride[2] ||
        c->stride[1] > HB_WINOGRAD_MOST_STRIDE || !fits_depth(c) || !fits_axis(form, c, 1) ||
        !fits_axis(form, c, 2))
        return false;
    if (c->batch <= 0 || c->groups <= 0 || c->in_channels <= 0 || c->out_channels <= 0 ||
        hb_volume(c->in) <= 0 || hb_volume(c->out) <= 0)
        return false;
    /* Zero is one of the points of tiles of 4 x 4, which is enough for exact zeros. */
    return form->size == 4 || meets(c);
}

/* ---- images ---- */

void hb_winograd_make_bands(const hb_winograd_form *form, int64_t lanes, int64_t rows,
                            hb_winograd_phases *p) {
    const hb_winograd_image *largest = &p->image[0];
    if (p->count == 1) return;
    p->band = (form->step * rows + form->taps - 1) * largest->width + lanes;
}

void hb_winograd_split(const hb_cpu_winograd *kernels, const hb_winograd_form *form,
                       const hb_winograd_phases *p, const float *x, const float *next,
                       int64_t first, int64_t rows, float *to, hb_winograd_image *image) {
    const int64_t tall = form->step * rows + form->taps - 1, width = p->whole.width;
    if (next != NULL)
        kernels->ask(&p->whole, next, p->stride * form->step * first, p->stride * tall);
    for (int64_t i = 0; i < p->count; i += p->stride, to += p->stride * p->band) {
        const hb_winograd_image *whole = &p->image[i];
        const int64_t at = form->step * first - whole->top;
        const int64_t low = hb_max(at, 0);
        const int64_t high = hb_min(at + tall, whole->height);
        const float *row = x + (p->stride * low + i / p->stride) * width;
        float *even = to, *odd = to + p->band;
        for (int64_t k = 0; k < p->stride; k++)
            image[i + k] = (hb_winograd_image){hb_max(high - low, 0), p->image[i + k].width,
                                               low - at, p->image[i + k].left};
        for (int64_t y = low; y < high; y++, row += p->stride * width) {
            kernels->split(width, row, even, odd);
            even += image[i].width;
            odd += image[i + 1].width;
        }
    }
}
