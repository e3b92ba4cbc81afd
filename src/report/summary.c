/* The table of a model's layers (hebb/summary.h); public headers only. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/layer.h>
#include <hebb/summary.h>

typedef struct amount {
    double trained, frozen, fixed, optimizer; /* parameters */
    double bytes;                             /* of all but the optimizer's */
} amount;

/* Elements, with open sizes as 1. */
static double elements(hebb_shape shape) {
    double n = 1;
    for (int k = 0; k < shape.rank; k++) n *= shape.dim[k] == HEBB_ANY ? 1 : (double)shape.dim[k];
    return shape.rank < 0 ? 0 : n;
}

/* ---- operations ---- */

static bool is_one_of(const char *op, const char *const *list) {
    for (; *list != NULL; list++)
        if (strcmp(op, *list) == 0) return true;
    return false;
}

/* What one tensor costs: two operations for each product of a matrix product or convolution, one
   for each element that is read by a reduction or made by arithmetic, none for movement. */
static double operations(const hebb_tensor *t) {
    static const char *const free_ops[] = {
        "input",     "variable",   "constant",  "full", "iota",      "size",      "training",
        "reshape",   "slice",      "concat",    "pad",  "unpad",     "gather",    "cast",
        "assign",    "group",      "windows",   "scan", "broadcast", "transpose", "stop_gradient",
        "scan_slot", "scan_stack", "scan_last", NULL};
    static const char *const reductions[] = {"sum", "max", "min", "prod", NULL};
    const char *op = hebb_tensor_op(t);
    double n = elements(hebb_tensor_shape(t));
    hebb_shape first = hebb_tensor_shape(hebb_tensor_input(t, 0));
    hebb_shape second = hebb_tensor_shape(hebb_tensor_input(t, 1));
    if (strcmp(op, "matmul") == 0)
        return first.rank < 1 ? 0 : 2 * n * elements((hebb_shape){1, {first.dim[first.rank - 1]}});
    if (strcmp(op, "conv") == 0) return 2 * n * elements(second) / (double)second.dim[0];
    if (strcmp(op, "conv_input") == 0)
        return 2 * elements(first) * elements(second) / (double)second.dim[0];
    if (is_one_of(op, reductions)) return elements(first);
    return is_one_of(op, free_ops) ? 0 : n;
}

/* Of what the result is computed from, as far as it was made for the layer: not of first values. */
static double operations_of(const hebb_graph *graph, const hebb_layer *layer) {
    size_t last = hebb_tensor_id(layer->result), n = last - layer->first + 1;
    if (last == SIZE_MAX || last < layer->first) return 0;
    bool *needed = calloc(n, sizeof *needed);
    if (needed == NULL) return 0;
    double sum = 0;
    needed[n - 1] = true;
    for (size_t k = n; k-- > 0;) {
        const hebb_tensor *t = hebb_graph_tensor(graph, layer->first + k);
        if (!needed[k]) continue;
        sum += operations(t);
        for (size_t i = 0; i < hebb_tensor_input_count(t); i++) {
            size_t id = hebb_tensor_id(hebb_tensor_input(t, i));
            if (id >= layer->first) needed[id - layer->first] = true;
        }
    }
    free(needed);
    return sum;
}

/* ---- parameters ---- */

/* Whether a variable is another one's slot: its name goes on where that of another ends. */
static bool is_slot(const hebb_graph *graph, const char *name) {
    char part[512];
    if (strncmp(name, "optimizer", 9) == 0) return true;
    for (const char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        size_t length = (size_t)(slash - name);
        if (length >= sizeof part) return false;
        memcpy(part, name, length);
        part[length] = 0;
        if (strcmp(hebb_tensor_op(hebb_graph_find(graph, part)), "variable") == 0) return true;
    }
    return false;
}

/* Whether there are training steps, and none of them changes the variable. Looked for from its
   place on: steps come after it. */
static bool is_frozen(const hebb_graph *graph, const hebb_tensor *variable) {
    if (hebb_graph_find(graph, "optimizer/learning_rate") == NULL) return false;
    for (size_t id = hebb_tensor_id(variable); id < hebb_graph_size(graph); id++) {
        const hebb_tensor *t = hebb_graph_tensor(graph, id);
        if (strcmp(hebb_tensor_op(t), "assign") == 0 && hebb_tensor_input(t, 0) == variable)
            return false;
    }
    return true;
}

/* Of the variables whose names begin with the layer's, or of all. */
static amount parameters(const hebb_graph *graph, const char *layer) {
    amount sum = {0};
    size_t length = layer != NULL ? strlen(layer) : 0;
    for (size_t k = 0; k < hebb_graph_variable_count(graph); k++) {
        const hebb_tensor *v = hebb_graph_variable(graph, k);
        const char *name = hebb_tensor_name(v);
        if (layer != NULL && (strncmp(name, layer, length) != 0 || name[length] != '/')) continue;
        double n = elements(hebb_tensor_shape(v));
        if (is_slot(graph, name)) {
            sum.optimizer += n;
            continue;
        }
        if (!hebb_variable_trainable(v)) sum.fixed += n;
        else if (is_frozen(graph, v)) sum.frozen += n;
        else sum.trained += n;
        sum.bytes += n * (double)hebb_dtype_size(hebb_tensor_dtype(v));
    }
    return sum;
}

/* ---- the table ---- */

/* "1.23 M": three digits and a unit. */
static const char *short_number(double x, char text[16]) {
    static const char units[] = " KMGTP";
    int k = 0;
    for (; x >= 999.5 && k < 5; k++) x /= 1000;
    snprintf(text, 16,
             k == 0      ? "%.0f  "
             : x < 9.995 ? "%.2f %c"
             : x < 99.95 ? "%.1f %c"
                         : "%.0f %c",
             x, units[k]);
    return text;
}

/* A line without blanks at its end. */
static void print_line(FILE *out, const char *format, ...) {
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    size_t n = strlen(line);
    while (n > 0 && line[n - 1] == ' ') n--;
    fprintf(out, "%.*s\n", (int)n, line);
}

static void rule(FILE *out, char with) {
    for (int k = 0; k < 79; k++) fputc(with, out);
    fputc('\n', out);
}

static void print_layer(const hebb_graph *graph, const hebb_layer *layer, FILE *out) {
    char title[256], shape[160], a[16], b[16];
    amount p = parameters(graph, layer->name);
    hebb_shape result = hebb_tensor_shape(layer->result);
    double bytes = elements(result) * (double)hebb_dtype_size(hebb_tensor_dtype(layer->result));
    bool named = strncmp(layer->name, layer->kind, strlen(layer->kind)) != 0;
    snprintf(title, sizeof title, named ? "%s (%s)" : "%s", layer->name, layer->kind);
    print_line(out, "%-30.30s %-18.18s %12.0f %8s %7s", title,
               hebb_shape_text(result, shape, sizeof shape), p.trained + p.frozen + p.fixed,
               short_number(operations_of(graph, layer), a), short_number(bytes, b));
}

static void print_totals(const hebb_graph *graph, FILE *out) {
    char text[16];
    amount all = parameters(graph, NULL);
    print_line(out, "%-49s %12.0f %8s %6sB", "parameters", all.trained + all.frozen + all.fixed, "",
               short_number(all.bytes, text));
    print_line(out, "%-49s %12.0f", "  trained", all.trained);
    if (all.frozen > 0) print_line(out, "%-49s %12.0f", "  frozen", all.frozen);
    if (all.fixed > 0) print_line(out, "%-49s %12.0f", "  not trained", all.fixed);
    if (all.optimizer > 0)
        print_line(out, "%-49s %12.0f", "numbers that the optimizer keeps", all.optimizer);
}

/* Nothing if it did not run yet. */
static void print_run(const hebb_session *session, FILE *out) {
    hebb_plan_stats stats;
    char title[64], flops[16], text[16];
    if (hebb_session_stats(session, &stats) != HEBB_OK || stats.steps == 0) return;
    rule(out, '-');
    snprintf(title, sizeof title, "the last run, of %zu steps", stats.steps);
    print_line(out, "%-49s %12s %8s %6sB", title, "", short_number(stats.flops, flops),
               short_number((double)(stats.peak_bytes + stats.variable_bytes), text));
    print_line(out, "%-71s %6sB", "  variables, with those of the optimizer",
               short_number((double)stats.variable_bytes, text));
    print_line(out, "%-71s %6sB", "  intermediate results at the peak",
               short_number((double)stats.peak_bytes, text));
    print_line(out, "%-71s %6sB", "  these if none shared its memory with another",
               short_number((double)stats.unshared_bytes, text));
}

hebb_status hebb_summary_with(const hebb_graph *graph, FILE *out,
                              const hebb_summary_options *options) {
    if (graph == NULL || out == NULL) return HEBB_E_NULL;
    if (hebb_graph_status(graph) != HEBB_OK) return hebb_graph_status(graph);
    hebb_layer layer;
    print_line(out, "%-30s %-18s %12s %8s %7s", "layer", "result", "parameters", "FLOP  ",
               "bytes ");
    rule(out, '=');
    for (size_t k = 0; hebb_layer_at(graph, k, &layer); k++)
        if (layer.depth == 0) print_layer(graph, &layer, out);
    rule(out, '=');
    print_totals(graph, out);
    if (options != NULL && options->session != NULL) print_run(options->session, out);
    return fflush(out) != 0 || ferror(out) ? HEBB_E_FILE : HEBB_OK;
}
