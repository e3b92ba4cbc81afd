/* The table of a model's layers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <hebb/hebb.h>

static char *summary_of(hebb_graph *g) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    cr_assert_eq(hebb_summary(g, out), HEBB_OK, "%s", hebb_graph_message(g));
    fclose(out);
    return text;
}

Test(summary, is_a_table_of_layers) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 1, 28, 28));
    hebb_tensor *t = hebb_input(g, "t", HEBB_I32, HEBB_SHAPE(HEBB_ANY));
    hebb_tensor *h = hebb_conv2d(x, 8, 3, .no_bias = true);
    h = hebb_max_pool2d(hebb_relu(hebb_batch_normalization(h)), 2);
    hebb_tensor *logits = hebb_dense(hebb_flatten(h), 10, .name = "scores");
    hebb_minimize(hebb_sparse_softmax_cross_entropy(logits, t), hebb_adam());
    char *text = summary_of(g);
    static const char *const wanted =
        "layer                          result               parameters   FLOP    bytes \n"
        "===============================================================================\n"
        "conv2d                         [?, 8, 26, 26]               72   97.3 K  21.6 K\n"
        "batch_normalization            [?, 8, 26, 26]               32   37.9 K  21.6 K\n"
        "scores (dense)                 [?, 10]                   13530   27.1 K    40  \n"
        "===============================================================================\n"
        "parameters                                               13634          54.5 KB\n"
        "  trained                                                13618\n"
        "  not trained                                               16\n"
        "numbers that the optimizer keeps                         27238\n";
    cr_expect_str_eq(text, wanted, "%s", text);
    for (const char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
        cr_expect_leq(end - line, 80);
    free(text);
    hebb_graph_destroy(g);
}

Test(summary, errors) {
    cr_expect_eq(hebb_summary(NULL, stdout), HEBB_E_NULL);
    hebb_graph *g = hebb_graph_create();
    cr_expect_eq(hebb_summary(g, NULL), HEBB_E_NULL);
    hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(-5));
    cr_expect_neq(hebb_summary(g, stdout), HEBB_OK);
    hebb_graph_destroy(g);
    g = hebb_graph_create();
    FILE *full = fopen("/dev/full", "w");
    setvbuf(full, NULL, _IONBF, 0);
    cr_expect_eq(hebb_summary(g, full), HEBB_E_FILE);
    fclose(full);
    hebb_graph_destroy(g);
}
