/* Plots (hebb/plot.h): what is drawn as text, character by character; what the pixels of pictures
   are; values that cannot be drawn; errors. */
#define _GNU_SOURCE
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "support/devices.h"

static char path[64];

static void init(void) {
    snprintf(path, sizeof path, "/tmp/hebb-plot-XXXXXX");
    close(mkstemp(path));
}

static void fini(void) { unlink(path); }

TestSuite(plot, .init = init, .fini = fini);

static char *text_of(hebb_plot *p, const hebb_print_options *options) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    hebb_plot_print_with(p, out, options);
    fclose(out);
    cr_assert_str_eq(hebb_message(p), "");
    return text;
}

static void expect_text(hebb_plot *p, int width, int height, const char *wanted) {
    char *text = text_of(p, &(const hebb_print_options){.width = width, .height = height});
    cr_expect_str_eq(text, wanted, "\n%s", text);
    free(text);
    hebb_plot_destroy(p);
}

/* Characters of the longest line. */
static int widest_line(const char *text) {
    int most = 0, n = 0;
    for (; *text != 0; text++) {
        n = *text == '\n' ? 0 : n + (((unsigned char)*text & 0xc0) != 0x80);
        if (n > most) most = n;
    }
    return most;
}

/* ---- text ---- */

Test(plot, one_curve_is_made_of_dots) {
    hebb_plot *p = hebb_plot_create();
    hebb_plot_panel(p, .title = "a title", .x_label = "step", .x = {1, 5}, .y = {0, 4});
    hebb_plot_line(p, ((double[]){4, 3, 2, 1, 0}), 5, .name = "falls");
    expect_text(p, 30, 4,
                "            a title\n"
                "4 ┤⠉⠒⠒⠤⣄⣀\n"
                "  │      ⠉⠑⠒⠢⠤⣀⡀\n"
                "2 ┤            ⠈⠉⠒⠢⠤⢄⣀\n"
                "0 ┤                   ⠉⠙⠒⠤⠤⣀\n"
                "  └──────┬───────────┬──────\n"
                "         2           4\n"
                "             step\n"
                "   ⠒ falls\n");
}

Test(plot, several_curves_are_characters) {
    hebb_plot *p = hebb_plot_create();
    hebb_plot_panel(p, .x = {1, 3}, .y = {1, 100}, .log_y = true);
    hebb_plot_line(p, ((double[]){100, 10, 1}), 3, .name = "falls");
    hebb_plot_line(p, ((double[]){1, NAN, 100}), 3, .name = "is interrupted");
    expect_text(p, 30, 5,
                "100 ┤ooo                   x\n"
                "    │   oooooo\n"
                " 10 ┤         ooooo\n"
                "    │              oooooo\n"
                "  1 ┤x                   ooo\n"
                "    └┬──────────┬──────────┬\n"
                "     1          2          3\n"
                "     o falls\n"
                "     x is interrupted\n");
}

Test(plot, surfaces_are_shades_and_points_letters) {
    hebb_plot *p = hebb_plot_create();
    hebb_plot_surface(p, ((double[]){0, 0, 1, 1, 0, 0, 1, NAN}), 2, 4, .x = {0, 3}, .y = {0, 1});
    const int32_t classes[] = {0, 1, -1};
    hebb_plot_points(p, ((double[]){0, 3, 1.5}), ((double[]){0, 0, 1}), 3, .classes = classes,
                     .names = ((const char *const[]){"left", "right"}), .n_names = 2);
    expect_text(p, 30, 4,
                "1.0 ┤    ░.█???\n"
                "    │    ░▓█???\n"
                "0.5 ┤    ░▓█???\n"
                "  0 ┤o   ░▓███x\n"
                "    └┬─────┬───\n"
                "     0     2\n"
                "     o left  x right\n");
}

Test(plot, bars_have_labels) {
    hebb_plot *p = hebb_plot_create();
    hebb_plot_bars(p, ((double[]){1, 0.5, -0.25, NAN}), 4,
                   .labels = ((const char *const[]){"sgd", "adam", "lion", "lamb"}));
    expect_text(p, 40, 0,
                " sgd │     ██████████████▎ 1\n"
                "adam │     ███████▎ 0.5\n"
                "lion │ ████▎ -0.25\n"
                "lamb │  nan\n");
}

Test(plot, colors_of_a_terminal) {
    hebb_plot *p = hebb_plot_create();
    hebb_plot_surface(p, ((double[]){0, 1}), 1, 2);
    hebb_plot_line(p, ((double[]){0, 0}), 2, .name = "zero");
    char *text = text_of(p, &(const hebb_print_options){.colors = HEBB_COLORS_ALWAYS});
    cr_expect_not_null(strstr(text, "\x1b[0;38;5;"), "%s", text);
    cr_expect_not_null(strstr(text, "▀"), "%s", text);
    size_t length = strlen(text);
    free(text);
    text = text_of(p, &(const hebb_print_options){.colors = HEBB_COLORS_AUTO}); /* is no terminal */
    cr_expect_null(strchr(text, '\x1b'));
    cr_expect_lt(strlen(text), length);
    free(text);
    hebb_plot_destroy(p);
}

/* ---- values that are hard to draw ---- */

static const double hard[][4] = {
    {3, 3, 3, 3},
    {NAN, INFINITY, -INFINITY, NAN},
    {-DBL_MAX, DBL_MAX, 0, 1e300},
    {DBL_MAX, DBL_MAX, DBL_MAX, DBL_MAX},
    {DBL_MIN / 8, DBL_MIN / 4, 0, 0},
    {1e15, 1e15 + 1, 1e15 + 2, 1e15},
    {1000000.001, 1000000.002, 1000000.0015, 1000000},
    {-1, -2, 0, -1e-300},
    {1e-300, 1e300, 1, NAN},
    {-1e-7, 2e-7, INFINITY, 0},
};

static hebb_plot *hard_plot(void) {
    hebb_plot *p = hebb_plot_create(.width = 200, .height = 140, .scale = 1, .columns = 7);
    for (size_t k = 0; k < sizeof hard / sizeof *hard; k++)
        for (int n = 0; n <= 4; n += n == 1 ? 3 : 1)
            for (int log = 0; log < 4; log++) {
                hebb_plot_panel(p, .log_x = log & 1, .log_y = log & 2);
                hebb_plot_line(p, hard[k], (size_t)n, .name = "line",
                               .x = log == 3 ? hard[k] : NULL);
                hebb_plot_points(p, hard[k], hard[k], (size_t)n);
                if (n == 4) hebb_plot_surface(p, hard[k], 2, 2, .map = (hebb_color_map)log);
            }
    hebb_plot_panel(p);
    for (size_t k = 0; k < sizeof hard / sizeof *hard; k++) hebb_plot_bars(p, hard[k], 4);
    return p;
}

Test(plot, every_number_can_be_drawn) {
    hebb_plot *p = hard_plot();
    char *text = text_of(p, NULL);
    cr_expect_leq(widest_line(text), 79);
    cr_expect_not_null(strstr(text, "no values to show"));
    cr_expect_not_null(strstr(text, "10³⁰⁸"));
    free(text);
    hebb_plot_destroy(p);
}

Test(plot, labels_of_ticks_differ) {
    hebb_plot *p = hebb_plot_create();
    hebb_plot_line(p, ((double[]){1000000.001, 1000000.002, 1000000.0015}), 3);
    char *text = text_of(p, NULL);
    cr_expect_not_null(strstr(text, "1000000.0010"), "%s", text);
    cr_expect_not_null(strstr(text, "1000000.0015"), "%s", text);
    free(text);
    hebb_plot_destroy(p);
}

Test(plot, long_texts_fit) {
    char name[300];
    memset(name, 'w', sizeof name - 1);
    name[sizeof name - 1] = 0;
    hebb_plot *p = hebb_plot_create(.title = name);
    hebb_plot_panel(p, .title = name, .x_label = name, .y_label = name);
    hebb_plot_line(p, hard[0], 4, .name = name);
    hebb_plot_panel(p, .title = name);
    hebb_plot_bars(p, hard[0], 4, .name = name,
                   .labels = ((const char *const[]){name, name, name, NULL}));
    for (int width = 30; width < 100; width += 23) {
        char *text = text_of(p, &(const hebb_print_options){.width = width});
        cr_expect_lt(widest_line(text), width, "%s", text);
        free(text);
    }
    hebb_plot_destroy(p);
}

/* ---- errors ---- */

static void expect_error(hebb_plot *p, hebb_status status, const char *words) {
    cr_expect_eq(hebb_plot_status(p), status, "%s: %s", words, hebb_message(p));
    cr_expect_not_null(strstr(hebb_message(p), words), "%s: %s", words, hebb_message(p));
    cr_expect_eq(hebb_plot_line(p, hard[0], 4), status, "the first error stays");
    cr_expect_eq(hebb_plot_png(p, path), status);
    cr_expect_eq(hebb_plot_print(p, stdout), status);
    hebb_plot_destroy(p);
}

#define FAILS(status, words, ...)                                                                  \
    do {                                                                                           \
        hebb_plot *p = hebb_plot_create();                                                         \
        __VA_ARGS__;                                                                               \
        expect_error(p, status, words);                                                            \
    } while (0)

Test(plot, errors_stay) {
    FAILS(HEBB_E_NULL, "plot_line: 3 values", hebb_plot_line(p, NULL, 3));
    FAILS(HEBB_E_ARGUMENT, "shade of 2", hebb_plot_line(p, hard[0], 3, .shade = 2));
    FAILS(HEBB_E_NULL, "plot_points: 3 values", hebb_plot_points(p, hard[0], NULL, 3));
    FAILS(HEBB_E_NULL, "plot_bars: 3 values", hebb_plot_bars(p, NULL, 3));
    FAILS(HEBB_E_NULL, "plot_surface: 6 values", hebb_plot_surface(p, NULL, 2, 3));
    FAILS(HEBB_E_ARGUMENT, "0 rows of 3", hebb_plot_surface(p, hard[0], 0, 3));
    FAILS(HEBB_E_ARGUMENT, "rows of", hebb_plot_surface(p, hard[0], SIZE_MAX, SIZE_MAX));
    FAILS(HEBB_E_ARGUMENT, "from 2 to 1", hebb_plot_surface(p, hard[0], 1, 1, .low = 2, .high = 1));
    FAILS(HEBB_E_ARGUMENT, "color map 9",
          hebb_plot_surface(p, hard[0], 1, 1, .map = (hebb_color_map)9));
    FAILS(HEBB_E_ARGUMENT, "has a surface", hebb_plot_surface(p, hard[0], 1, 1);
          hebb_plot_surface(p, hard[0], 1, 1));
    FAILS(HEBB_E_ARGUMENT, "x axis cannot show 2 to 1", hebb_plot_panel(p, .x = {2, 1}));
    FAILS(HEBB_E_ARGUMENT, "logarithmic", hebb_plot_panel(p, .y = {0, 1}, .log_y = true));
    FAILS(HEBB_E_ARGUMENT, "y axis", hebb_plot_panel(p, .y = {0, INFINITY}));
    FAILS(HEBB_E_ARGUMENT, "-1 names", hebb_plot_points(p, NULL, NULL, 0, .n_names = -1));
    FAILS(HEBB_E_NULL, "stream", hebb_plot_print(p, NULL));
    FAILS(HEBB_E_ARGUMENT, "20 x 0 characters", hebb_plot_print(p, stdout, .width = 20));
    FAILS(HEBB_E_ARGUMENT, "0 x 2 characters", hebb_plot_print(p, stdout, .height = 2));
    expect_error(hebb_plot_create(.width = 10), HEBB_E_ARGUMENT, "at least 100 x 80");
    expect_error(hebb_plot_create(.scale = -1), HEBB_E_ARGUMENT, "scale of -1");
    cr_expect_eq(hebb_plot_line(NULL, hard[0], 4), HEBB_E_NULL);
    cr_expect_eq(hebb_plot_panel(NULL), HEBB_E_NULL);
    cr_expect_eq(hebb_plot_png(NULL, path), HEBB_E_NULL);
    cr_expect_eq(hebb_plot_status(NULL), HEBB_E_NULL);
    hebb_plot_destroy(NULL);
}

Test(plot, a_full_disk) {
    FILE *full = fopen("/dev/full", "w");
    if (full == NULL) cr_skip_test("no /dev/full here");
    hebb_plot *p = hebb_plot_create();
    hebb_plot_line(p, hard[0], 4);
    cr_expect_eq(hebb_plot_print(p, full), HEBB_E_FILE);
    fclose(full);
    hebb_plot_destroy(p);
}

/* ---- pictures ---- */

#ifndef WITH_CAIRO

Test(plot, without_cairo_there_are_no_pictures) {
    hebb_plot *p = hebb_plot_create();
    cr_expect_eq(hebb_plot_png(p, path), HEBB_E_UNSUPPORTED);
    cr_expect_not_null(strstr(hebb_message(p), "cairo"));
    hebb_plot_destroy(p);
}

#else

#include <cairo.h>

static cairo_surface_t *picture_of(hebb_plot *p) {
    cr_assert_eq(hebb_plot_png(p, path), HEBB_OK, "%s", hebb_message(p));
    cairo_surface_t *picture = cairo_image_surface_create_from_png(path);
    cr_assert_eq(cairo_surface_status(picture), CAIRO_STATUS_SUCCESS);
    return picture;
}

static unsigned pixel(cairo_surface_t *picture, int x, int y) {
    const unsigned char *data = cairo_image_surface_get_data(picture);
    uint32_t value;
    memcpy(&value, data + y * cairo_image_surface_get_stride(picture) + 4 * x, sizeof value);
    return value & 0xffffff;
}

/* The mean row of the pixels of that color in the column; negative if there are none. */
static double row_of(cairo_surface_t *picture, int x, unsigned color) {
    double sum = 0, n = 0;
    for (int y = 0; y < cairo_image_surface_get_height(picture); y++)
        if (pixel(picture, x, y) == color) sum += y, n++;
    return n == 0 ? -1 : sum / n;
}

Test(plot, a_curve_is_where_it_should_be) {
    hebb_plot *p = hebb_plot_create(.width = 300, .height = 200, .scale = 2);
    hebb_plot_panel(p, .x = {1, 5}, .y = {0, 4});
    hebb_plot_line(p, ((double[]){4, 3, 2, 1, 0}), 5);
    hebb_plot_line(p, ((double[]){4, 4, NAN, 4, 4}), 5, .color = 5);
    cairo_surface_t *picture = picture_of(p);
    cr_expect_eq(cairo_image_surface_get_width(picture), 600);
    cr_expect_eq(cairo_image_surface_get_height(picture), 400);
    double a = row_of(picture, 200, 0x3f90da), b = row_of(picture, 300, 0x3f90da),
           c = row_of(picture, 400, 0x3f90da);
    cr_expect(0 < a && a < b && b < c, "%g %g %g", a, b, c);
    cr_expect_float_eq(b - a, c - b, 1.5);
    cr_expect_geq(row_of(picture, 100, 0x832db6), 0);
    cr_expect_lt(row_of(picture, 320, 0x832db6), 0, "interrupted at NaN");
    cr_expect_eq(pixel(picture, 599, 0), 0xffffff);
    cairo_surface_destroy(picture);
    hebb_plot_destroy(p);
}

Test(plot, a_surface_lies_the_right_way_up) {
    hebb_plot *p = hebb_plot_create(.width = 300, .height = 300, .scale = 1);
    hebb_plot_surface(p, ((double[]){0, 1, 0, 0}), 2, 2, .map = HEBB_MAP_GRAY);
    cairo_surface_t *picture = picture_of(p);
    cr_expect_gt(pixel(picture, 235, 260) & 255, 200, "the second column of the first row");
    cr_expect_lt(pixel(picture, 235, 30) & 255, 60);
    cr_expect_lt(pixel(picture, 40, 260) & 255, 60);
    cairo_surface_destroy(picture);
    hebb_plot_destroy(p);
}

Test(plot, every_number_is_a_picture) {
    hebb_plot *p = hard_plot();
    cairo_surface_t *picture = picture_of(p);
    cr_expect_eq(cairo_image_surface_get_width(picture), 7 * 200);
    cairo_surface_destroy(picture);
    hebb_plot_destroy(p);
}

/* A line's color is in the plot and in its legend, also of the last of more than have room. */
Test(plot, shades_go_from_dark_to_light) {
    hebb_plot *p = hebb_plot_create(.width = 300, .height = 200, .scale = 1);
    hebb_plot_panel(p, .x = {0, 1}, .y = {0, 41});
    for (int k = 0; k < 39; k++)
        hebb_plot_line(p, ((double[]){k, k}), 2, .x = ((double[]){0, 1}), .name = "a line",
                       .shade = (k + 1) / 39.0);
    cairo_surface_t *picture = picture_of(p);
    double dark = -1, light = -1;
    for (int y = 0; y < 200; y++) {
        unsigned color = pixel(picture, 120, y), green = color >> 8 & 255, blue = color & 255;
        if (green < 60 && blue < 140 && blue > green) dark = y;
        if (light < 0 && green > 180 && blue < 130) light = y;
    }
    cr_expect(0 < light && light < dark, "%g %g", light, dark);
    cairo_surface_destroy(picture);
    hebb_plot_destroy(p);
}

Test(plot, an_empty_plot_is_a_picture) {
    hebb_plot *p = hebb_plot_create(.title = "nothing");
    cairo_surface_destroy(picture_of(p));
    hebb_plot_destroy(p);
}

Test(plot, pictures_that_cannot_be_written) {
    FAILS(HEBB_E_FILE, "/nowhere/x.png: cannot be written: No such file",
          hebb_plot_png(p, "/nowhere/x.png"));
    FAILS(HEBB_E_FILE, "/tmp", hebb_plot_png(p, "/tmp"));
    FAILS(HEBB_E_NULL, "path", hebb_plot_png(p, NULL));
    FAILS(HEBB_E_ARGUMENT, "46000 x 32000 pixels", hebb_plot_destroy(p);
          p = hebb_plot_create(.scale = 100); hebb_plot_png(p, path));
    FAILS(HEBB_E_ARGUMENT, "UTF-8", hebb_plot_panel(p, .title = "\xff\xfe");
          hebb_plot_png(p, path));
    if (access("/dev/full", W_OK) != 0) return;
    FAILS(HEBB_E_FILE, "/dev/full: cannot be written: No space left",
          hebb_plot_png(p, "/dev/full"));
    cr_expect_neq(access("/dev/full.tmp", F_OK), 0);
}

#endif

/* ---- learning curves ---- */

enum { ROWS = 16 };

typedef struct net {
    hebb_graph *graph;
    hebb_device *device;
    hebb_model *model;
    float x[ROWS][2], t[ROWS][1];
    hebb_array columns[2];
} net;

static void make_net(net *n) {
    n->graph = hebb_graph_create();
    n->device = cpu_device();
    hebb_tensor *x = hebb_input(n->graph, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 2));
    hebb_tensor *t = hebb_input(n->graph, "t", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 1));
    hebb_tensor *y = hebb_dense(hebb_dense(x, 4, .activation = hebb_tanh), 1);
    n->model = hebb_model_create(
        n->graph, n->device, .inputs = HEBB_LIST(x, t), .loss = hebb_mean_squared_error(y, t),
        .optimizer = hebb_adam(), .seed = 1,
        .metrics = HEBB_METRICS({.name = "error", .counts = hebb_mean_absolute_error(y, t)}));
    for (int i = 0; i < ROWS; i++) {
        n->x[i][0] = (float)sin(3 * i);
        n->x[i][1] = (float)cos(5 * i);
        n->t[i][0] = n->x[i][0] * n->x[i][1];
    }
    n->columns[0] = hebb_array_view(n->x, HEBB_F32, HEBB_SHAPE(ROWS, 2));
    n->columns[1] = hebb_array_view(n->t, HEBB_F32, HEBB_SHAPE(ROWS, 1));
}

static void free_net(net *n) {
    hebb_model_destroy(n->model);
    hebb_device_close(n->device);
    hebb_graph_destroy(n->graph);
}

Test(plot, history_as_text) {
    net n;
    make_net(&n);
    cr_expect_eq(hebb_history_print(NULL, stdout), HEBB_E_NULL);
    cr_expect_eq(hebb_history_print(n.model, NULL), HEBB_E_NULL);
    hebb_fit(n.model, (&(const hebb_dataset){n.columns, 2}), .epochs = 3, .validation_split = 0.25,
             .callbacks = HEBB_CALLBACKS(hebb_norms()));
    cr_assert_str_eq(hebb_message(n.model), "");
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    cr_expect_eq(hebb_history_print(n.model, out), HEBB_OK);
    fclose(out);
    const char *loss = strstr(text, " loss\n"), *error = strstr(text, " error\n"),
               *norm = strstr(text, " norm\n"), *gradient = strstr(text, " gradient\n");
    cr_expect(loss != NULL && loss < error && error < norm && norm < gradient, "%s", text);
    cr_expect_null(strstr(loss + 1, " loss\n"), "val_loss is in the panel of loss");
    cr_expect_not_null(strstr(text, "o training  x validation\n"), "%s", text);
    cr_expect_not_null(strstr(gradient, "dense/kernel"), "%s", text);
    free(text);
    free_net(&n);
}

#ifdef WITH_CAIRO

static hebb_status note_size(hebb_callback *self, hebb_fit_state *fit) {
    FILE *file = fopen(path, "r");
    fseek(file, 0, SEEK_END);
    ((long *)self->data)[fit->epoch] = ftell(file);
    fclose(file);
    return HEBB_OK;
}

Test(plot, history_is_drawn_again_after_each_epoch) {
    net n;
    long sizes[5] = {-1, -1, -1, -1, -1};
    make_net(&n);
    hebb_fit(n.model, (&(const hebb_dataset){n.columns, 2}), .epochs = 5,
             .callbacks = HEBB_CALLBACKS(hebb_plot_history(path, .title = "a net", .every = 2),
                                         {.epoch_end = note_size, .data = sizes, .last = true}));
    cr_assert_str_eq(hebb_message(n.model), "");
    cr_expect_eq(sizes[0], 0, "not due");
    cr_expect_gt(sizes[1], 0);
    cr_expect_eq(sizes[2], sizes[1]);
    cr_expect_neq(sizes[3], sizes[2], "another picture");
    cr_expect_neq(sizes[4], sizes[3], "the last epoch's");
    free_net(&n);
}

Test(plot, a_history_that_cannot_be_drawn_ends_the_training) {
    net n;
    make_net(&n);
    hebb_status status = hebb_fit(n.model, (&(const hebb_dataset){n.columns, 2}), .epochs = 5,
                                  .callbacks = HEBB_CALLBACKS(hebb_plot_history("/nowhere/x.png")));
    cr_expect_eq(status, HEBB_E_FILE);
    cr_expect_not_null(strstr(hebb_message(n.model), "/nowhere/x.png"), "%s",
                       hebb_message(n.model));
    size_t epochs;
    hebb_history(n.model, "loss", &epochs);
    cr_expect_eq(epochs, 1);
    status = hebb_fit(n.model, (&(const hebb_dataset){n.columns, 2}),
                      .callbacks = HEBB_CALLBACKS(hebb_plot_history(NULL)));
    cr_expect_eq(status, HEBB_E_NULL);
    free_net(&n);
}

#endif
