/* Connectionist temporal classification (hebb/losses.h): the forward algorithm in logarithms, as a
   scan over time. Its gradient is the scan's. */
#include <math.h>
#include <stdio.h>

#include <hebb/activations.h>
#include <hebb/control.h>
#include <hebb/indexing.h>
#include <hebb/movement.h>
#include <hebb/reductions.h>

#include "nn.h"

/* ---- arguments ---- */

static bool may_be_equal(int64_t a, int64_t b) { return a == b || a == HEBB_ANY || b == HEBB_ANY; }

static hebb_tensor *check_lengths(const char *what, hebb_tensor *lengths, hebb_tensor *logits) {
    hebb_shape shape = hebb_tensor_shape(lengths);
    char message[256], text[160];
    if (lengths == NULL) return NULL;
    if (hebb_tensor_is_inert(lengths)) return lengths;
    snprintf(message, sizeof message, "ctc: %s are %s %s, not i32 [batch]", what,
             hebb_dtype_name(hebb_tensor_dtype(lengths)),
             hebb_shape_text(shape, text, sizeof text));
    if (hebb_tensor_dtype(lengths) != HEBB_I32)
        return hebb_graph_fail(hebb_tensor_graph(logits), HEBB_E_DTYPE, message);
    if (shape.rank == 1 && may_be_equal(shape.dim[0], hebb_tensor_shape(logits).dim[0]))
        return NULL;
    return hebb_graph_fail(hebb_tensor_graph(logits), HEBB_E_SHAPE, message);
}

/* NULL if the loss can be made; else what it returns. */
static hebb_tensor *check(hebb_tensor *logits, hebb_tensor *labels, const hebb_ctc_options *o) {
    hebb_graph *graph = hebb_tensor_graph(logits != NULL ? logits : labels);
    hebb_shape x = hebb_tensor_shape(logits), t = hebb_tensor_shape(labels);
    char message[512], tx[160], tt[160];
    snprintf(message, sizeof message, "ctc: the %s are NULL", logits == NULL ? "logits" : "labels");
    if (logits == NULL || labels == NULL) return hebb_graph_fail(graph, HEBB_E_NULL, message);
    if (hebb_tensor_is_inert(logits)) return logits;
    if (hebb_tensor_is_inert(labels)) return labels;
    snprintf(message, sizeof message,
             "ctc: logits are %s %s, labels %s %s; wanted are floating [batch, time, classes] with "
             "known classes, and i32 [batch, length]",
             hebb_dtype_name(hebb_tensor_dtype(logits)), hebb_shape_text(x, tx, sizeof tx),
             hebb_dtype_name(hebb_tensor_dtype(labels)), hebb_shape_text(t, tt, sizeof tt));
    if (!hebb_dtype_floating(hebb_tensor_dtype(logits)) || hebb_tensor_dtype(labels) != HEBB_I32)
        return hebb_graph_fail(graph, HEBB_E_DTYPE, message);
    if (x.rank != 3 || t.rank != 2 || x.dim[2] == HEBB_ANY || !may_be_equal(x.dim[0], t.dim[0]))
        return hebb_graph_fail(graph, HEBB_E_SHAPE, message);
    snprintf(message, sizeof message, "ctc: the blank %lld is not in 0...%lld, or no reduction %d",
             (long long)o->blank, (long long)x.dim[2] - 1, (int)o->reduction);
    if (o->blank < 0 || o->blank >= x.dim[2] || (unsigned)o->reduction > HEBB_REDUCTION_NONE)
        return hebb_graph_fail(graph, HEBB_E_ARGUMENT, message);
    hebb_tensor *failed = check_lengths("label lengths", o->label_lengths, logits);
    return failed != NULL ? failed : check_lengths("logit lengths", o->logit_lengths, logits);
}

/* ---- states: a blank, the first label, a blank, ..., the last label, a blank ---- */

/* All [batch, 2 length + 1]. */
typedef struct reading {
    hebb_tensor *class;    /* i32: what is read in a state */
    hebb_tensor *after;    /* bool: whether there is a state before it */
    hebb_tensor *may_skip; /* bool: whether the blank before it can be left out */
    hebb_tensor *is_last;  /* bool: whether a reading may end there */
    bool has_lengths;      /* of logits */
} reading;

/* i32 [batch, 1]. */
static hebb_tensor *length_of(hebb_tensor *labels, const hebb_ctc_options *o) {
    if (o->label_lengths != NULL) return hebb_expand_dims(o->label_lengths, -1);
    hebb_tensor *label = hebb_not_equal(labels, number(labels, (double)o->blank));
    hebb_tensor *count = hebb_add(hebb_iota_like(labels, -1, HEBB_I32), number(labels, 1));
    hebb_tensor *last = hebb_max(hebb_select(label, count, number(labels, 0)), HEBB_AXES(-1), true);
    return hebb_maximum(last, number(labels, 0)); /* there may be no labels at all */
}

static reading read_labels(hebb_tensor *labels, const hebb_ctc_options *o) {
    hebb_tensor *blank = number(labels, (double)o->blank), *length = length_of(labels, o);
    hebb_tensor *like = hebb_concat((hebb_tensor *[]){labels, labels, length}, 3, 1);
    hebb_tensor *state = hebb_iota_like(like, 1, HEBB_I32), *two = number(state, 2);
    hebb_tensor *index = hebb_div(state, two),
                *odd = hebb_equal(hebb_mod(state, two), number(state, 1));
    hebb_tensor *label = hebb_take_along(labels, index, 1);
    label =
        hebb_select(hebb_equal(label, blank), number(label, -1), label); /* which has no logit */
    hebb_tensor *is_label = hebb_and(odd, hebb_less(index, length));
    reading r = {.class = hebb_select(is_label, label, blank),
                 .after = hebb_greater(state, number(state, 0)),
                 .has_lengths = o->logit_lengths != NULL};
    hebb_tensor *other = hebb_not_equal(r.class, hebb_roll(r.class, 2, 1));
    r.may_skip = hebb_and(hebb_and(odd, other), hebb_greater(state, two));
    hebb_tensor *end = hebb_mul(length, two);
    r.is_last = hebb_or(hebb_equal(state, end), hebb_equal(state, hebb_sub(end, number(end, 1))));
    return r;
}

/* ---- the forward algorithm ---- */

/* state[0] [batch, states]: the logarithm of the probability of all that is read so far and is in
   that state now. in[0] [batch, classes]: those of the classes at this time; in[1] bool [batch, 1]:
   whether there are logits at this time. */
static void step(hebb_scan_frame *f) {
    const reading *r = f->user;
    hebb_tensor *stay = f->state[0], *never = number(stay, -INFINITY);
    hebb_tensor *move = hebb_select(r->after, hebb_roll(stay, 1, 1), never);
    hebb_tensor *skip = hebb_select(r->may_skip, hebb_roll(stay, 2, 1), never);
    hebb_tensor *all = hebb_stack((hebb_tensor *[]){stay, move, skip}, 3, 0);
    hebb_tensor *sum = hebb_logsumexp(all, HEBB_AXES(0), false);
    f->next[0] = hebb_add(sum, hebb_take_along(f->in[0], r->class, 1));
    if (r->has_lengths) f->next[0] = hebb_select(f->in[1], f->next[0], stay);
}

/* [batch] */
static hebb_tensor *forward(hebb_tensor *logits, hebb_tensor *labels, const hebb_ctc_options *o) {
    reading r = read_labels(labels, o);
    hebb_tensor *never = number(logits, -INFINITY), *end = NULL;
    /* As if in the first state, which is a blank, before the first time. */
    hebb_tensor *start = hebb_select(r.after, never, number(logits, 0));
    hebb_tensor *x = hebb_move_axis(hebb_log_softmax(logits), 1, 0), *live = NULL;
    if (r.has_lengths) {
        hebb_tensor *one = hebb_slice(x, HEBB_RANGES({-1, 0, 1, 1}));
        live = hebb_less(hebb_iota_like(one, 0, HEBB_I32), hebb_expand_dims(o->logit_lengths, -1));
    }
    hebb_tensor_list both = HEBB_LIST(x, live);
    both.count = r.has_lengths ? 2 : 1;
    hebb_scan(&end, NULL, .body = step, .user = &r, .states = HEBB_LIST(start), .sequences = both);
    hebb_tensor *ended = hebb_select(r.is_last, end, never);
    return hebb_neg(hebb_logsumexp(ended, HEBB_AXES(-1), false));
}

hebb_tensor *hebb_ctc_with(hebb_tensor *logits, hebb_tensor *labels, const hebb_ctc_options *o) {
    static const hebb_ctc_options defaults;
    if (o == NULL) o = &defaults;
    hebb_tensor *failed = check(logits, labels, o);
    if (logits == NULL || failed != NULL) return failed;
    hebb_dtype dtype = hebb_tensor_dtype(logits);
    bool half = dtype == HEBB_F16 || dtype == HEBB_BF16;
    hebb_tensor *values = forward(half ? hebb_cast(logits, HEBB_F32) : logits, labels, o);
    hebb_tensor *y = hb_reduce_loss("ctc", values, NULL, o->weights, o->reduction);
    return half ? hebb_cast(y, dtype) : y;
}
