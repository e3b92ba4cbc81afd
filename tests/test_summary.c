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
        "layer                          result               parameters   FLOP    bytes\n"
        "===============================================================================\n"
        "conv2d                         [?, 8, 26, 26]               72   97.3 K  21.6 K\n"
        "batch_normalization            [?, 8, 26, 26]               32   37.9 K  21.6 K\n"
        "scores (dense)                 [?, 10]                   13530   27.1 K    40\n"
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

/* What one of two steps trains is not frozen. */
Test(summary, tells_what_is_frozen) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 4));
    hebb_tensor *h = hebb_dense(hebb_dense(x, 3, .name = "encoder"), 1, .name = "head");
    hebb_tensor *loss = hebb_mean(hebb_square(h), HEBB_ALL_AXES, false);
    char *text = summary_of(g);
    cr_expect_not_null(
        strstr(text, "  trained                                                   19\n"), "%s",
        text);
    cr_expect_null(strstr(text, "frozen"), "%s", text);
    free(text);
    hebb_minimize(loss, hebb_sgd(), HEBB_PARAMETER_GROUPS({.match = "encoder/", .frozen = true}));
    text = summary_of(g);
    cr_expect_not_null(strstr(text,
                              "  trained                                                    4\n"
                              "  frozen                                                    15\n"),
                       "%s", text);
    free(text);
    hebb_minimize(loss, hebb_sgd());
    text = summary_of(g);
    cr_expect_null(strstr(text, "frozen"), "%s", text);
    free(text);
    hebb_graph_destroy(g);
}

/* A layer may be called as an input is: what it holds is no optimizer's. */
Test(summary, a_layer_named_like_an_input) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "image", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 5));
    hebb_dense(x, 3, .name = "image");
    char *text = summary_of(g);
    cr_expect(strstr(text, "image (dense)                  [?, 3]                       18 "), "%s",
              text);
    cr_expect_null(strstr(text, "optimizer"), "%s", text);
    free(text);
    hebb_graph_destroy(g);
}

Test(summary, what_a_training_step_takes) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 100));
    hebb_tensor *h = hebb_dense(hebb_dense(x, 50, .activation = hebb_tanh), 1);
    hebb_tensor *loss = hebb_mean(hebb_square(h), HEBB_ALL_AXES, false);
    hebb_tensor *step = hebb_minimize(loss, hebb_sgd(.momentum = 0.9));
    hebb_device *device = hebb_device_open("cpu");
    hebb_session *s = hebb_session_create(g, device);
    hebb_array data = hebb_array_zeros(HEBB_F32, HEBB_SHAPE(64, 100));
    char *text[2] = {NULL, NULL};
    size_t size;
    for (int ran = 0; ran < 2; ran++) {
        FILE *out = open_memstream(&text[ran], &size);
        cr_expect_eq(hebb_summary(g, out, .session = s), HEBB_OK);
        fclose(out);
        if (ran == 0) hebb_run(s, HEBB_FEED({x, &data}), HEBB_FETCH({step, NULL}));
        cr_assert_str_eq(hebb_message(s), "");
    }
    cr_expect_null(strstr(text[0], "the last run"), "it did not run yet");
    hebb_plan_stats stats;
    hebb_session_stats(s, &stats);
    char wanted[64], *run = strstr(text[1], "the last run, ");
    snprintf(wanted, sizeof wanted, "the last run, of %zu steps ", stats.steps);
    cr_assert_not_null(run, "%s", text[1]);
    cr_expect_eq(strncmp(run, wanted, strlen(wanted)), 0, "%s", text[1]);
    /* (100 50 + 50 + 50 + 1) numbers and as many of the optimizer, its rate and number of steps */
    cr_expect_not_null(strstr(run, " 40.8 KB\n"), "%s", text[1]);
    for (const char *line = text[1], *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
        cr_expect(end - line < 80 && (end == line || end[-1] != ' '), "%s", text[1]);
    free(text[0]);
    free(text[1]);
    hebb_array_free(&data);
    hebb_session_destroy(s);
    hebb_device_close(device);
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
    FILE *full = fopen("/dev/full", "w"); /* which has a buffer that the table fits into */
    cr_expect_eq(hebb_summary(g, full), HEBB_E_FILE);
    fclose(full);
    hebb_graph_destroy(g);
}
