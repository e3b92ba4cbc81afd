/* Cases as text, for the messages of tests. See step_cases.h. */
#include <stdarg.h>
#include <stdio.h>

#include "step_cases.h"

static const char *const code_names[HB_CODES] = {
    [HB_LOAD] = "load",     [HB_CONST] = "const",     [HB_ACC] = "acc",       [HB_CAST] = "cast",
    [HB_SELECT] = "select", [HB_UNIFORM] = "uniform", [HB_NORMAL] = "normal", [HB_SUM] = "sum",
    [HB_REDMAX] = "redmax", [HB_REDMIN] = "redmin",   [HB_PROD] = "prod",     [HB_BITS] = "bits",
#define SCALAR(CODE, name, arity, types, result, flops) [HB_##CODE] = #name,
#include "../../kernels/scalar.def"
#undef SCALAR
};

typedef struct text {
    char *at;
    size_t left;
} text;

__attribute__((format(printf, 2, 3))) static void add(text *t, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const int n = vsnprintf(t->at, t->left, format, arguments);
    va_end(arguments);
    if (n < 0) return;
    const size_t used = (size_t)n < t->left ? (size_t)n : t->left;
    t->at += used;
    t->left -= used;
}

static void add_operand(text *t, const char *what, int i, const hb_operand *o, int rank) {
    add(t, "  %s %d: %s buffer %d offset %lld strides", what, i, hebb_dtype_name(o->dtype),
        o->buffer, (long long)o->offset);
    for (int k = 0; k < rank; k++) add(t, " %lld", (long long)o->stride[k]);
    add(t, "\n");
}

static void add_loop(text *t, const hb_loop *loop) {
    add(t, "loop [");
    for (int k = 0; k < loop->rank; k++)
        add(t, " %lld%s", (long long)loop->dim[k], loop->reduce[k] ? "r" : "");
    add(t, " ] n_pre %d\n", loop->n_pre);
    for (int i = 0; i < loop->n_in; i++) add_operand(t, "in", i, &loop->in[i], loop->rank);
    for (int i = 0; i < loop->n_instr; i++) {
        const hb_instr *x = &loop->instr[i];
        add(t, "  %d = %s %s %d %d %d (%g %lld)\n", i, code_names[x->code],
            hebb_dtype_name((hebb_dtype)x->dtype), x->a, x->b, x->c,
            x->code == HB_CONST ? x->imm.f : 0, (long long)x->imm.i);
    }
    for (int i = 0; i < loop->n_out; i++) {
        add(t, "  value %d:", loop->out[i].value);
        add_operand(t, "out", i, &loop->out[i].to, loop->rank);
    }
}

static void add_windows(text *t, const hb_step *step) {
    const hb_conv *v = &step->u.conv;
    const hb_fold *f = &step->u.fold;
    const bool fold = step->kind == HB_FOLD;
    const char *names[] = {"in", "kernel", "out", "stride", "dilation", "before"};
    const int64_t none[3] = {0};
    const int64_t *sizes[] = {
        fold ? f->in : v->in,         fold ? f->kernel : v->kernel,     fold ? f->out : v->out,
        fold ? f->stride : v->stride, fold ? f->dilation : v->dilation, fold ? none : v->before};
    if (fold) add(t, "fold outer %lld", (long long)f->outer);
    else
        add(t, "conv kind %d batch %lld groups %lld channels %lld -> %lld",
            (int)step->kind - HB_CONV, (long long)v->batch, (long long)v->groups,
            (long long)v->in_channels, (long long)v->out_channels);
    for (int i = 0; i < 6; i++)
        add(t, " %s %lld %lld %lld", names[i], (long long)sizes[i][0], (long long)sizes[i][1],
            (long long)sizes[i][2]);
}

static void add_resample(text *t, const hb_resample *r) {
    add(t, "resample%s outer %lld inner %lld", r->transposed ? " transposed" : "",
        (long long)r->outer, (long long)r->inner);
    for (int d = 0; d < 3; d++) {
        const hb_resample_axis *a = &r->axis[d];
        add(t, "\n  rule %lld in %lld out %lld numbers", (long long)a->rule, (long long)a->in,
            (long long)a->out);
        for (int i = 0; i < 5; i++) add(t, " %lld", (long long)a->number[i]);
    }
}

void case_describe(const step_case *c, char *buffer, size_t size) {
    text t = {buffer, size};
    add(&t, "seed %llu: ", (unsigned long long)c->seed);
    if (c->step.kind == HB_LOOP) add_loop(&t, &c->step.u.loop);
    else if (c->step.kind == HB_GEMM) {
        const hb_gemm *g = &c->step.u.gemm;
        add(&t, "gemm %s m %lld n %lld k %lld\n", hebb_dtype_name(g->dtype), (long long)g->m,
            (long long)g->n, (long long)g->k);
        add_operand(&t, "a", 0, &g->a, g->n_batch + 2);
        add_operand(&t, "b", 0, &g->b, g->n_batch + 2);
        add_loop(&t, &g->epilogue);
    } else if (c->step.kind >= HB_CONV && c->step.kind <= HB_FOLD) {
        add_windows(&t, &c->step);
    } else if (c->step.kind == HB_RESAMPLE || c->step.kind == HB_MAX_BACK) {
        add_resample(&t, &c->step.u.resample);
    } else if (hb_is_whole(c->step.kind)) {
        const hb_along *a = &c->step.u.along;
        add(&t,
            "kind %d (argsort %d, recurrence %d, take %d, put %d) %s [%lld, %lld, %lld] m "
            "%lld%s%s\n",
            (int)c->step.kind, HB_ARGSORT, HB_RECURRENCE, HB_TAKE_ALONG, HB_PUT_ALONG,
            hebb_dtype_name(c->step.in[0].dtype), (long long)a->outer, (long long)a->n,
            (long long)a->inner, (long long)a->m, a->reverse ? " reverse" : "",
            a->add ? " add" : "");
    } else {
        const hb_indexed *x = &c->step.u.indexed;
        add(&t, "%s %s rows %lld width %lld count %lld\n",
            c->step.kind == HB_GATHER        ? "gather"
            : c->step.kind == HB_SCATTER_ADD ? "scatter-add"
                                             : "scatter-set",
            hebb_dtype_name(x->x.dtype), (long long)x->rows, (long long)x->width,
            (long long)x->count);
    }
}
