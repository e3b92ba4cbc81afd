/* A dense layer by formula (hebb/layers.h): which sizes its kernel and bias have. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <hebb/einsum.h>
#include <hebb/layers.h>
#include <hebb/ops.h>

/* The letters of one operand: those before "..." and those after it. */
typedef struct letters {
    char before[HEBB_MAX_RANK + 1], after[HEBB_MAX_RANK + 1];
    bool dots;
} letters;

typedef struct formula {
    letters x, kernel, result;
    hebb_shape x_shape, output; /* output: of the result, the first size left out */
} formula;

/* ---- reading the formula ---- */

/* Reads letters and "..." up to one of `ends`, which is passed over; NULL if there is something
   else. */
static const char *read_letters(const char *text, const char *ends, letters *l) {
    size_t n[2] = {0, 0};
    for (;; text++) {
        bool letter = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z');
        char *to = l->dots ? l->after : l->before;
        if (letter && n[l->dots] < HEBB_MAX_RANK) to[n[l->dots]++] = *text;
        else if (!letter && strncmp(text, "...", 3) == 0 && !l->dots) l->dots = true, text += 2;
        else if (letter || *text != ' ') break;
    }
    size_t length = strlen(ends);
    return strncmp(text, ends, length) == 0 && (length > 0 || *text == 0) ? text + length : NULL;
}

static bool read_formula(const char *text, formula *f) {
    text = read_letters(text, ",", &f->x);
    if (text != NULL) text = read_letters(text, "->", &f->kernel);
    if (text != NULL) text = read_letters(text, "", &f->result);
    return text != NULL && !f->kernel.dots && f->kernel.before[0] != 0;
}

/* The axis that a letter names in a tensor of that rank; -1: none. */
static int axis_of(const letters *l, char letter, int rank) {
    const char *at = strchr(l->before, letter);
    if (at != NULL) return (int)(at - l->before);
    at = strchr(l->after, letter);
    return at == NULL ? -1 : rank - (int)strlen(l->after) + (int)(at - l->after);
}

/* The size that a letter stands for: x's, or what is asked for; HEBB_ANY: not known. */
static int64_t size_of(const formula *f, char letter) {
    int axis = axis_of(&f->x, letter, f->x_shape.rank);
    if (axis >= 0 && axis < f->x_shape.rank) return f->x_shape.dim[axis];
    axis = axis_of(&f->result, letter, f->output.rank + 1);
    return axis >= 1 && axis <= f->output.rank ? f->output.dim[axis - 1] : HEBB_ANY;
}

/* ---- variables ---- */

static bool kernel_shape(const formula *f, hebb_shape *shape) {
    *shape = (hebb_shape){.rank = (int)strlen(f->kernel.before)};
    for (int k = 0; k < shape->rank; k++) {
        shape->dim[k] = size_of(f, f->kernel.before[k]);
        if (shape->dim[k] < 1) return false;
    }
    return true;
}

/* Glorot's, with what is summed over as fan_in, and what is new in the result as fan_out. */
static hebb_initializer glorot(const formula *f, hebb_shape kernel) {
    double in = 1, out = 1;
    for (int k = 0; k < kernel.rank; k++) {
        char letter = f->kernel.before[k];
        if (axis_of(&f->result, letter, f->output.rank + 1) < 0) in *= (double)kernel.dim[k];
        else if (axis_of(&f->x, letter, f->x_shape.rank) < 0) out *= (double)kernel.dim[k];
    }
    double limit = sqrt(6 / (in + out));
    return hebb_uniform(-limit, limit);
}

/* The bias' sizes, and these with a 1 for each axis of the result behind the first of them that has
   no bias. */
static bool bias_shape(const formula *f, const char *axes, hebb_shape *sizes, hebb_shape *view) {
    int rank = f->output.rank + 1, first = rank;
    *sizes = (hebb_shape){.rank = (int)strlen(axes)};
    if (sizes->rank > HEBB_MAX_RANK) return false;
    for (int k = 0, before = -1; k < sizes->rank; k++) {
        int axis = axis_of(&f->result, axes[k], rank);
        sizes->dim[k] = size_of(f, axes[k]);
        if (axis <= before || axis >= rank || sizes->dim[k] < 1) return false;
        if (k == 0) first = axis;
        before = axis;
    }
    *view = (hebb_shape){.rank = rank - first};
    for (int k = 0; k < view->rank; k++) view->dim[k] = 1;
    for (int k = 0; k < sizes->rank; k++)
        view->dim[axis_of(&f->result, axes[k], rank) - first] = sizes->dim[k];
    return true;
}

/* ---- the layer ---- */

static hebb_tensor *fail(hebb_tensor *x, const char *text, const char *wrong) {
    char message[400], shape[160];
    snprintf(message, sizeof message, "einsum_dense: \"%.100s\" of x %s: %s",
             text != NULL ? text : "", hebb_shape_text(hebb_tensor_shape(x), shape, sizeof shape),
             wrong);
    return hebb_graph_fail(hebb_tensor_graph(x), text != NULL ? HEBB_E_ARGUMENT : HEBB_E_NULL,
                           message);
}

hebb_tensor *hebb_einsum_dense_with(hebb_tensor *x, const char *text, hebb_shape output,
                                    const hebb_einsum_dense_options *options) {
    static const hebb_einsum_dense_options defaults;
    const hebb_einsum_dense_options *o = options != NULL ? options : &defaults;
    if (hebb_tensor_is_inert(x)) return x;
    hebb_graph *graph = hebb_tensor_graph(x);
    hebb_dtype dtype = hebb_tensor_dtype(x);
    formula f = {.x_shape = hebb_tensor_shape(x), .output = output};
    hebb_shape kernel, bias = {.rank = 0}, view = {.rank = 0};
    if (!hebb_dtype_floating(dtype))
        return hebb_graph_fail(graph, HEBB_E_DTYPE, "einsum_dense: x is not floating");
    if (text == NULL) return fail(x, NULL, "the formula is NULL");
    if (!read_formula(text, &f))
        return fail(x, text, "not letters, \",\", letters, \"->\", letters");
    if (output.rank < 0 || output.rank >= HEBB_MAX_RANK || !kernel_shape(&f, &kernel))
        return fail(x, text, "a size of the kernel is neither known from x nor given");
    if (o->bias_axes != NULL && !bias_shape(&f, o->bias_axes, &bias, &view))
        return fail(x, text,
                    "the bias has axes that the result has not, not in its order, or that "
                    "are not known");
    hebb_layer_begin(graph, "einsum_dense", o->name);
    bool own = o->kernel_initializer.kind != HEBB_INIT_DEFAULT;
    hebb_tensor *w = hebb_variable(graph, "kernel", dtype, kernel,
                                   own ? o->kernel_initializer : glorot(&f, kernel));
    hebb_tensor *y = hebb_einsum(text, x, w);
    if (o->bias_axes != NULL)
        y = hebb_add(
            y, hebb_reshape(hebb_variable(graph, "bias", dtype, bias, o->bias_initializer), view));
    return hebb_layer_end(graph, o->activation != NULL ? o->activation(y) : y);
}
