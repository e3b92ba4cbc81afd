/* Listings of a graph for people and for Graphviz. */
#include <errno.h>
#include <string.h>

#include "graph.h"

/* "  h: relu(x, w) f32 [?, 10]" without the line's beginning and end. */
static void print_node(const hebb_tensor *node, FILE *out) {
    char shape[160];
    fprintf(out, "%s(", hb_op_title(node->op, node->attrs));
    for (int k = 0; k < node->n_in; k++)
        fprintf(out, "%s%s", k > 0 ? ", " : "", hebb_tensor_name(node->in[k]));
    fprintf(out, ")");
    if (node->op == HB_OP_FULL) fprintf(out, " %g", node->attrs->value);
    if (node->shape.rank >= 0)
        fprintf(out, " %s %s", hebb_dtype_name(node->dtype),
                hebb_shape_text(node->shape, shape, sizeof shape));
}

hebb_status hebb_graph_print(const hebb_graph *graph, FILE *out) {
    if (graph == NULL || out == NULL) return HEBB_E_NULL;
    for (int k = 0; k < graph->n_nodes; k++) {
        fprintf(out, "%4d  %s = ", k, hebb_tensor_name(graph->nodes[k]));
        print_node(graph->nodes[k], out);
        fprintf(out, "\n");
    }
    if (graph->error.status != HEBB_OK) fprintf(out, "error: %s\n", graph->error.message);
    return fflush(out) != 0 || ferror(out) ? HEBB_E_FILE : HEBB_OK;
}

static void print_quoted(const char *text, FILE *out) {
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') fputc('\\', out);
        fputc(*text, out);
    }
}

static void dot_node(const hebb_tensor *node, FILE *out) {
    char shape[160];
    bool source = node->n_in == 0;
    fprintf(out, "  n%d [shape=%s, label=\"", node->id, source ? "ellipse" : "box");
    if (node->named) {
        print_quoted(node->name, out);
        fprintf(out, "\\n");
    }
    fprintf(out, "%s", hb_op_title(node->op, node->attrs));
    if (node->op == HB_OP_FULL) fprintf(out, " %g", node->attrs->value);
    if (node->shape.rank >= 0)
        fprintf(out, "\\n%s %s", hebb_dtype_name(node->dtype),
                hebb_shape_text(node->shape, shape, sizeof shape));
    fprintf(out, "\"];\n");
    for (int k = 0; k < node->n_in; k++)
        fprintf(out, "  n%d -> n%d%s;\n", node->in[k]->id, node->id,
                hb_shape_only(node, k) ? " [style=dashed]" : "");
}

hebb_status hebb_graph_dot(const hebb_graph *graph, FILE *out) {
    if (graph == NULL || out == NULL) return HEBB_E_NULL;
    fprintf(out, "digraph hebb {\n  node [fontname=\"sans-serif\", fontsize=10];\n");
    for (int k = 0; k < graph->n_nodes; k++) dot_node(graph->nodes[k], out);
    fprintf(out, "}\n");
    return fflush(out) != 0 || ferror(out) ? HEBB_E_FILE : HEBB_OK;
}
