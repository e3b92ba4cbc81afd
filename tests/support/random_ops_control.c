/* Ops of random graphs that look through windows, and loops and boundaries. See random_ops.h. */
#include "random_draw.h"

/* ---- windows, pooling, convolution ---- */

/* n: spatial dimensions, kernel, stride, dilation or padding, padding */
static bool draw_windows(random_drawing *d, random_node *node, const random_op *op) {
    if ((node->x[0] = pick_for(d, op, 1)) < 0) return false;
    node->n[0] = rank_of(d, node->x[0]) > 2 && below(d, 2) ? 2 : 1;
    node->n[1] = 1 + below(d, 3);
    node->n[2] = 1 + below(d, 2);
    node->n[3] = 1 + below(d, 2);
    node->n[4] = below(d, 3);
    return true;
}

static hebb_shape kernel_of(const random_node *node) {
    return node->n[0] == 1 ? HEBB_SHAPE(node->n[1]) : HEBB_SHAPE(node->n[1], 2);
}

static hebb_tensor *windows(const random_node *node, hebb_tensor *const *x) {
    return hebb_windows(x[0], kernel_of(node), .stride = {node->n[2]}, .dilation = {node->n[3]});
}

static bool draw_folded(random_drawing *d, random_node *node, const random_op *op) {
    if ((node->x[0] = pick_for(d, op, 2)) < 0) return false;
    node->n[0] = rank_of(d, node->x[0]) > 3 && below(d, 2) ? 2 : 1;
    node->n[2] = 1 + below(d, 2);
    node->n[3] = 1 + below(d, 2);
    return true;
}

static hebb_tensor *folded(const random_node *node, hebb_tensor *const *x) {
    const hebb_shape sizes =
        node->n[0] == 1 ? HEBB_SHAPE(HEBB_ANY) : HEBB_SHAPE(HEBB_ANY, HEBB_ANY);
    return hebb_fold(x[0], sizes, .stride = {node->n[2]}, .dilation = {node->n[3]});
}

static hebb_tensor *average_pool(const random_node *node, hebb_tensor *const *x) {
    return hebb_average_pool(x[0], kernel_of(node), .stride = {node->n[2]},
                             .padding = node->n[4] == 1 ? HEBB_PADDING_SAME : HEBB_PADDING_VALID,
                             .count_include_pad = node->n[3] == 1);
}

static hebb_tensor *max_pool(const random_node *node, hebb_tensor *const *x) {
    return hebb_max_pool(x[0], kernel_of(node), .stride = {node->n[2]},
                         .padding = node->n[4] == 1 ? HEBB_PADDING_SAME : HEBB_PADDING_VALID);
}

static hebb_tensor *adaptive_pool(const random_node *node, hebb_tensor *const *x) {
    return hebb_adaptive_average_pool(x[0], HEBB_SHAPE(node->n[1]));
}

static hebb_tensor *resized(const random_node *node, hebb_tensor *const *x) {
    return hebb_resize(x[0], HEBB_SHAPE(node->n[1] + node->n[2]),
                       .method = node->n[3] == 1 ? HEBB_NEAREST : HEBB_LINEAR,
                       .coordinates = node->n[4] == 1 ? HEBB_COORDINATES_HALF_PIXEL
                                                      : HEBB_COORDINATES_DEFAULT);
}

/* n[5]: groups. */
static bool draw_conv(random_drawing *d, random_node *node, const random_op *op) {
    if (!draw_windows(d, node, op)) return false;
    const random_node *x = node_at(d, node->x[0]);
    const int rank = x->shape[0].rank;
    if (rank < 3 || rank > 5 || !fixed_size(x, 1)) return false;
    const int64_t channels = x->shape[0].dim[1];
    if (channels < 1 || channels > 6) return false;
    node->n[5] = channels % 2 == 0 && below(d, 2) ? 2 : 1;
    hebb_shape w = {rank, {node->n[5] * (1 + below(d, 2)), channels / node->n[5]}};
    for (int k = 2; k < rank; k++) w.dim[k] = k == 2 ? node->n[1] : 2;
    node->x[1] = random_fresh(d, op->kind, w);
    return node->x[1] >= 0;
}

static hebb_tensor *convolved(const random_node *node, hebb_tensor *const *x) {
    hebb_conv_options o = {.stride = {node->n[2]}, .dilation = {node->n[3]}, .groups = node->n[5]};
    if (node->n[4] == 1) o.padding = HEBB_PADDING_SAME;
    if (node->n[4] == 2) o.pad[0][0] = 1;
    return hebb_mul(hebb_conv_with(x[0], x[1], &o), number(x[0], 0.5));
}

static bool draw_unconv(random_drawing *d, random_node *node, const random_op *op) {
    if (!draw_windows(d, node, op)) return false;
    const random_node *x = node_at(d, node->x[0]);
    const int rank = x->shape[0].rank;
    if (rank < 3 || rank > 5 || !fixed_size(x, 1)) return false;
    const int64_t channels = x->shape[0].dim[1];
    if (channels < 1 || channels > 6) return false;
    node->n[5] = channels % 2 == 0 && below(d, 2) ? 2 : 1;
    hebb_shape w = {rank, {channels, 1 + below(d, 2)}};
    for (int k = 2; k < rank; k++) w.dim[k] = k == 2 ? node->n[1] : 2;
    node->x[1] = random_fresh(d, op->kind, w);
    return node->x[1] >= 0;
}

static hebb_tensor *unconvolved(const random_node *node, hebb_tensor *const *x) {
    const hebb_conv_options o = {
        .stride = {node->n[2]}, .dilation = {node->n[3]}, .groups = node->n[5]};
    return hebb_mul(hebb_conv_transpose_with(x[0], x[1], &o), number(x[0], 0.5));
}

/* ---- loops and boundaries ---- */

/* x is a sequence; x[1], if there is one, a constant of the loop that goes with its elements, or a
   matrix of weights of the state. */
static bool draw_scan(random_drawing *d, random_node *node, const random_op *op) {
    if ((node->x[0] = pick_for(d, op, 1)) < 0) return false;
    const random_node *x = node_at(d, node->x[0]);
    const int rank = x->shape[0].rank;
    for (int k = 0; k < 3; k++) node->n[k] = below(d, 2);
    node->n[3] = rank > 2 && fixed_size(x, rank - 1) && below(d, 2);
    if (node->n[3]) {
        const int64_t n = x->shape[0].dim[rank - 1];
        return n <= 8 && (node->x[1] = random_fresh(d, op->kind, HEBB_SHAPE(n, n))) >= 0;
    }
    node->x[1] = pick(d, op->kind, false, 0);
    for (int b = 0; b < RANDOM_BATCHES && node->x[1] >= 0; b++) {
        hebb_shape element = {rank - 1, {0}}, c = node_at(d, node->x[1])->shape[b];
        for (int k = 1; k < rank; k++) element.dim[k - 1] = x->shape[b].dim[k];
        if (!shapes_fit(c, element) || !hebb_shape_equal(broadcast_shapes(c, element), element))
            node->x[1] = -1;
    }
    return true;
}

typedef struct cell {
    const random_node *node;
    hebb_tensor *c;
} cell;

static void iterate(hebb_scan_frame *f) {
    const cell *with = f->user;
    hebb_tensor *h = f->state[0];
    if (with->c != NULL && with->node->n[3]) h = hebb_mul(hebb_matmul(h, with->c), number(h, 0.25));
    else if (with->c != NULL) h = hebb_mul(h, hebb_tanh(with->c));
    f->next[0] = hebb_tanh(hebb_add(hebb_mul(f->in[0], number(h, 0.5)), h));
    f->out[0] = with->node->n[2] ? hebb_mul(f->next[0], f->state[0]) : f->next[0];
}

static hebb_tensor *looped(const random_node *node, hebb_tensor *const *x) {
    cell with = {node, x[1]};
    hebb_tensor *first = hebb_mul(hebb_sum(x[0], HEBB_AXES(0), false), number(x[0], 0.1));
    hebb_tensor *last = NULL, *all = NULL;
    hebb_scan(&last, &all, .body = iterate, .user = &with, .states = HEBB_LIST(first),
              .sequences = HEBB_LIST(x[0]), .n_out = 1, .reverse = node->n[0]);
    return node->n[1] ? all : last;
}

static void remember(hebb_tensor *const *in, hebb_tensor **out, void *user) {
    const random_node *node = user;
    hebb_tensor *h = hebb_tanh(hebb_mul(in[0], hebb_sigmoid(in[1])));
    out[0] = hebb_add(hebb_softplus(h), in[1]);
    if (node->n[0] == 1) out[0] = hebb_mean(out[0], HEBB_ALL_AXES, true);
    out[1] = hebb_square(h);
}

static hebb_tensor *checkpointed(const random_node *node, hebb_tensor *const *x) {
    hebb_tensor *out[2] = {0};
    random_node copy = *node;
    hebb_checkpoint(out, .body = remember, .user = &copy, .inputs = HEBB_LIST(x[0], x[1]),
                    .n_out = 2);
    return node->n[0] == 0 ? out[0] : hebb_add(out[0], out[1]);
}

static void slope_of_tanh(hebb_backward *b) {
    hebb_tensor *one = number(b->y, 1);
    b->dx[0] = hebb_mul(b->dy, hebb_sub(one, hebb_square(b->y)));
}

static hebb_tensor *with_its_gradient(const random_node *node, hebb_tensor *const *x) {
    (void)node;
    return hebb_with_gradient(hebb_tanh(x[0]), HEBB_LIST(x[0]), slope_of_tanh, NULL);
}

static void clip_cotangent(hebb_backward *b) { b->dx[0] = hebb_clip(b->dy, -0.01, 0.01); }

static hebb_tensor *with_clipped_gradient(const random_node *node, hebb_tensor *const *x) {
    (void)node;
    return hebb_with_gradient(hebb_neg(x[0]), HEBB_LIST(x[0]), clip_cotangent, NULL);
}

/* An input of fixed shape becomes a variable; x[1] is its new value. Once for each. */
static bool draw_assign(random_drawing *d, random_node *node, const random_op *op) {
    random_node *first = d->recipe->node;
    const int i = pick(d, op->kind, true, 0);
    if (i < 0 || first[i].op != NULL) return false;
    for (int k = 0; k < first[i].shape[0].rank; k++)
        if (!fixed_size(&first[i], k)) return false;
    for (int j = i; j < d->recipe->count; j++)
        if (first[j].op != NULL && first[j].op->draw == draw_assign && first[j].x[0] == i)
            return false;
    first[i].variable = true;
    node->x[0] = i;
    node->x[1] = pick_fitting(d, i, op->kind, false);
    return node->x[1] >= 0;
}

static hebb_tensor *assigned(const random_node *node, hebb_tensor *const *x) {
    (void)node;
    hebb_tensor *value = hebb_broadcast_like(x[1], x[0]);
    return hebb_stop_gradient(hebb_assign(x[0], value));
}

static const random_op rows[] = {
    ROW("windows", SPATIAL, KEEPS, draw_windows, windows),
    ROW("fold", SPATIAL, SUMS, draw_folded, folded),
    ROW("average_pool", SPATIAL, SUMS, draw_windows, average_pool),
    ROW("max_pool", SPATIAL, KINKED | KEEPS, draw_windows, max_pool),
    ROW("adaptive_average_pool", SPATIAL, SUMS, draw_windows, adaptive_pool),
    ROW("resize", SPATIAL, SUMS, draw_windows, resized),
    ROW("conv", SPATIAL, SUMS, draw_conv, convolved),
    ROW("conv_transpose", SPATIAL, SUMS, draw_unconv, unconvolved),

    ROW("scan", CONTROL, SUMS, draw_scan, looped),
    ROW("assign", CONTROL, KINKED, draw_assign, assigned),
    ROW("checkpoint", CONTROL, SUMS, draw_pair, checkpointed),
    ROW("with_gradient", CONTROL, 0, draw_one, with_its_gradient),
    ROW("with_gradient of its own", CONTROL, KINKED, draw_one, with_clipped_gradient),
};
const random_table random_control_ops = {rows, sizeof rows / sizeof *rows};
