/* Out of memory: every allocation of the library fails in turn, once, and then with all that follow
   it. Each failure must come out as HEBB_E_MEMORY or a NULL object, and nothing may be lost: this
   program is linked with --wrap for malloc and its relatives, and counts what is outstanding. */
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include <hebb/elementwise.h>

#include "support/model.h"

/* ---- the allocator ---- */

static atomic_long calls, outstanding, fail_at;
static atomic_bool armed, persistent;

static bool fails(void) {
    if (!atomic_load(&armed)) return false;
    long call = atomic_fetch_add(&calls, 1) + 1, at = atomic_load(&fail_at);
    return call == at || (atomic_load(&persistent) && call > at);
}

static void *counted(void *p) {
    if (p != NULL) atomic_fetch_add(&outstanding, 1);
    return p;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
char *__real_strdup(const char *text);
void __real_free(void *p);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
void __wrap_free(void *p);

void *__wrap_malloc(size_t size) { return fails() ? NULL : counted(__real_malloc(size)); }
void *__wrap_calloc(size_t n, size_t size) {
    return fails() ? NULL : counted(__real_calloc(n, size));
}
void *__wrap_realloc(void *p, size_t size) {
    if (fails()) return NULL;
    void *q = __real_realloc(p, size);
    return p == NULL ? counted(q) : q;
}
void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    return fails() ? NULL : counted(__real_aligned_alloc(alignment, size));
}
char *__wrap_strdup(const char *text) { return fails() ? NULL : counted(__real_strdup(text)); }
void __wrap_free(void *p) {
    if (p != NULL) atomic_fetch_sub(&outstanding, 1);
    __real_free(p);
}

static void arm(long n, bool from_then_on) {
    atomic_store(&calls, 0);
    atomic_store(&fail_at, n);
    atomic_store(&persistent, from_then_on);
    atomic_store(&armed, true);
}

/* Whether an allocation failed since arm(). */
static bool disarm(void) {
    atomic_store(&armed, false);
    return atomic_load(&calls) >= atomic_load(&fail_at);
}

/* ---- scenarios: true if all went well; what fails must fail for want of memory ---- */

static bool fine(hebb_status status, const char *what) {
    cr_assert(status == HEBB_OK || status == HEBB_E_MEMORY, "allocation %ld: %s: %s",
              atomic_load(&fail_at), what, hebb_status_name(status));
    return status == HEBB_OK;
}

static batch_data batch;

static hebb_status run_model(const model *m, hebb_session *s, hebb_array *loss) {
    return hebb_run(s, HEBB_FEED({m->x, &batch.x_array}, {m->label, &batch.label_array}),
                    HEBB_FETCH({m->step, NULL}, {m->loss, loss}));
}

static bool run_and_read(const model *m, hebb_session *s) {
    hebb_array loss = {0}, kernel = {0};
    bool done = fine(run_model(m, s, &loss), "first run");
    done = done && fine(run_model(m, s, &loss), "second run");
    done = done && fine(hebb_session_get(s, hebb_graph_variable(m->graph, 0), &kernel), "get");
    if (!done) { /* an error leaves a session that works once there is memory again */
        atomic_store(&armed, false);
        cr_assert_eq(run_model(m, s, &loss), HEBB_OK, "allocation %ld: run again: %s",
                     atomic_load(&fail_at), hebb_message(s));
    }
    hebb_array_free(&loss);
    hebb_array_free(&kernel);
    return done;
}

static bool train(void) {
    bool done = false;
    hebb_session *s = NULL;
    hebb_device *device = NULL;
    model m = model_create(hebb_adam(.learning_rate = 0.01));
    if (m.graph == NULL) return false;
    if (fine(hebb_graph_status(m.graph), hebb_message(m.graph))) {
        device = hebb_device_open("cpu");
        if (device != NULL && fine(hebb_device_status(device), hebb_message(device)))
            s = hebb_session_create(m.graph, device, .seed = 1);
        if (s != NULL && fine(hebb_session_status(s), hebb_message(s))) done = run_and_read(&m, s);
    }
    hebb_session_destroy(s);
    hebb_device_close(device);
    hebb_graph_destroy(m.graph);
    return done;
}

/* A plan that has to be made smaller; the first time, as it is. */
static bool run_limited(hebb_graph *g, hebb_device *device, hebb_tensor *x, hebb_tensor *step) {
    static const float zeros[64 * 8];
    static size_t peak; /* of the plan as it is: it depends on what the processor can do */
    hebb_array in = hebb_array_view((void *)(uintptr_t)zeros, HEBB_F32, HEBB_SHAPE(64, 8));
    hebb_session *s = hebb_session_create(g, device, .memory_limit = peak / 4 * 3);
    if (s != NULL && fine(hebb_session_status(s), hebb_message(s)))
        hebb_run(s, HEBB_FEED({x, &in}), HEBB_FETCH({step, NULL}));
    const bool ran = s != NULL && fine(hebb_session_status(s), hebb_message(s));
    hebb_plan_stats stats = {0};
    if (ran) hebb_session_stats(s, &stats);
    hebb_session_destroy(s);
    if (!ran) return false;
    if (peak > 0) return stats.again_steps > 0;
    peak = stats.peak_bytes;
    return true;
}

static bool limit(void) {
    bool done = false;
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 8)), *h = x;
    for (int k = 0; k < 8; k++) h = hebb_dense(h, 8, .activation = hebb_relu);
    hebb_tensor *step = hebb_minimize(hebb_mean(h, HEBB_ALL_AXES, false), hebb_sgd());
    if (g != NULL && fine(hebb_graph_status(g), hebb_message(g))) {
        hebb_device *device = hebb_device_open("cpu");
        if (device != NULL && fine(hebb_device_status(device), hebb_message(device)))
            done = run_limited(g, device, x, step);
        hebb_device_close(device);
    }
    hebb_graph_destroy(g);
    return done;
}

#ifdef WITH_FILES
/* A model that is fitted with every callback, resumed, evaluated and asked. */
static char checkpoint_path[] = "/tmp/hebb-memory-fit-XXXXXX";

static bool use_model(hebb_model *m, hebb_tensor *logits) {
    hebb_array columns[2] = {batch.x_array, batch.label_array}, result = {0};
    const hebb_dataset data = {columns, 2}, asked = {columns, 1};
    double values[1];
    bool done = true;
    for (int epochs = 1; epochs < 3 && done; epochs++)
        done = fine(hebb_fit(m, &data, .epochs = epochs, .batch = 10, .validation_split = 0.25,
                             .resume = checkpoint_path,
                             .callbacks = HEBB_CALLBACKS(
                                 hebb_early_stopping(.restore_best = true, .monitor = "loss"),
                                 hebb_reduce_on_plateau(.monitor = "loss"), hebb_norms(),
                                 hebb_stop_on_nan(), hebb_csv_log("/dev/null"),
                                 hebb_checkpoint_file(checkpoint_path))),
                    hebb_message(m));
    done = done && fine(hebb_evaluate(m, &data, values), hebb_message(m));
    done = done && fine(hebb_predict(m, &asked, logits, &result), hebb_message(m));
    hebb_array_free(&result);
    return done;
}

static bool fit(void) {
    bool done = false;
    unlink(checkpoint_path);
    model m = model_create(hebb_sgd());
    hebb_device *device = hebb_device_open("cpu");
    hebb_model *fitted = NULL;
    if (m.graph != NULL)
        fitted = hebb_model_create(m.graph, device, .inputs = HEBB_LIST(m.x, m.label),
                                   .loss = m.loss, .step = m.step);
    if (device != NULL && fitted != NULL && fine(hebb_model_status(fitted), hebb_message(fitted)))
        done = use_model(fitted, m.logits);
    hebb_model_destroy(fitted);
    hebb_device_close(device);
    hebb_graph_destroy(m.graph);
    unlink(checkpoint_path);
    return done;
}
#endif

/* A search over folds, with a file, of which half the trials fail by themselves. */
static char trials_path[] = "/tmp/hebb-memory-trials-XXXXXX";

static hebb_model *build_trial(const hebb_trial *t, hebb_graph *g, hebb_device *device) {
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, MODEL_FEATURES));
    hebb_tensor *label = hebb_input(g, "label", HEBB_I32, HEBB_SHAPE(HEBB_ANY));
    hebb_tensor *loss = hebb_sparse_softmax_cross_entropy(hebb_dense(x, MODEL_CLASSES), label);
    return hebb_model_create(g, device, .inputs = HEBB_LIST(x, label), .loss = loss,
                             .optimizer = hebb_sgd());
}

static double run_trial(const hebb_trial *t, const hebb_dataset *train,
                        const hebb_dataset *validation) {
    if (strcmp(hebb_trial_text(t, "kind"), "bad") == 0) return hebb_trial_fail(t, "bad");
    return hebb_trial_fit(t, train, validation, .build = build_trial, .device = t->user,
                          .batch = MODEL_BATCH, .patience = 1);
}

static bool search(void) {
    hebb_array columns[2] = {batch.x_array, batch.label_array};
    const hebb_dataset data = {columns, 2};
    hebb_device *device = hebb_device_open("cpu");
    unlink(trials_path);
    hebb_search *s =
        hebb_search_run(&data, .run = run_trial, .user = device, .folds = 2, .labels = &columns[1],
                        .lower_is_better = true, .abandon = true, .file = trials_path,
                        .parameters = HEBB_PARAMETERS(hebb_search_text("kind", "bad", "good"),
                                                      hebb_search_choice("rate", 0.1)));
    bool done = s != NULL && fine(hebb_search_status(s), hebb_message(s)) &&
                hebb_search_count(s) == 2 && hebb_search_best(s) != NULL;
    hebb_search_destroy(s);
    hebb_device_close(device);
    unlink(trials_path);
    return done;
}

static char idx_path[] = "/tmp/hebb-memory-XXXXXX";

static bool read_and_shuffle(void) {
    hebb_array array = {0}, view = {0};
    hebb_status status = hebb_read_idx(idx_path, &array, NULL, 0);
    bool done = fine(status, "read");
    hebb_batches *b =
        hebb_batches_create_with(&array, 1, 2, &(hebb_batches_options){.shuffle = true});
    done = done && b != NULL && fine(hebb_batches_status(b), hebb_batches_message(b));
    for (uint64_t epoch = 0; done && epoch < 2; epoch++) {
        hebb_batches_start(b, epoch);
        while (hebb_batches_next(b, &view)) {
        }
    }
    hebb_batches_destroy(b);
    hebb_array_free(&array);
    return done;
}

/* Users' ops of both kinds, and the checker. */
HEBB_ELEMENTWISE(squared, (x), x *x);
static void squared_gradient(hebb_grad *d) {
    hebb_tensor *twice = hebb_mul(d->x[0], hebb_scalar_like(d->x[0], 2));
    d->dx[0] = hebb_mul(d->dy, twice);
}

static hebb_status same_shape(const hebb_signature *x, const void *options, hebb_signature *y,
                              char *message) {
    *y = *x;
    return HEBB_OK;
}
static hebb_status copied(const hebb_array *x, const hebb_array *y, const void *options,
                          char *message) {
    memcpy(y->data, x->data, hebb_array_bytes(x));
    return HEBB_OK;
}
static void copied_gradient(hebb_grad *d) { d->dx[0] = d->dy; }

static bool check_users_ops(void) {
    static const hebb_op op = {.name = "copied",
                               .n_inputs = 1,
                               .shape = same_shape,
                               .gradient = copied_gradient,
                               .cpu = copied};
    hebb_graph *g = hebb_graph_create();
    if (g == NULL) return false;
    hebb_device *device = hebb_device_open("cpu");
    hebb_session *s = NULL;
    bool done = false;
    hebb_tensor *x = hebb_input(g, "x", HEBB_F64, HEBB_SHAPE(2));
    hebb_tensor *w = hebb_variable(g, "w", HEBB_F64, HEBB_SHAPE(2), hebb_ones());
    hebb_tensor *y =
        hebb_custom_with(&op, HEBB_TENSORS(hebb_apply(&squared, hebb_add(x, w))), "options", 8);
    if (device != NULL && fine(hebb_device_status(device), hebb_message(device)))
        s = hebb_session_create(g, device);
    if (s != NULL && fine(hebb_session_status(s), hebb_message(s))) {
        hebb_gradcheck_report r;
        done = fine(hebb_gradcheck(y, HEBB_TENSORS(x, w), HEBB_NO_FEED, s, &r), r.message);
        cr_assert(!done || r.passed, "%s", r.message);
    }
    hebb_session_destroy(s);
    hebb_device_close(device);
    hebb_graph_destroy(g);
    return done;
}

static char events_path[] = "/tmp/hebb-memory-events-XXXXXX";
static char plot_path[] = "/tmp/hebb-memory-plot-XXXXXX";

/* What cairo allocates does not fail. */
static bool draw_plot(void) {
    const double y[] = {1, 2, 3, 4};
    const int32_t classes[] = {0, 1, 0, 1};
    const char *const names[] = {"zero", "one", "two", "three"};
    char *text = NULL;
    size_t size = 0;
    hebb_plot *p = hebb_plot_create(.title = "a plot");
    if (p == NULL) return false;
    hebb_plot_panel(p, .title = "a panel", .x_label = "x", .y_label = "y");
    hebb_plot_line(p, y, 4, .name = "a line", .x = y);
    hebb_plot_points(p, y, y, 4, .classes = classes, .names = names, .n_names = 2);
    hebb_plot_surface(p, y, 2, 2);
    hebb_plot_panel(p);
    hebb_plot_bars(p, y, 4, .labels = names);
    FILE *out = open_memstream(&text, &size);
    hebb_plot_print(p, out);
    if (hebb_plot_status(p) == HEBB_OK) hebb_plot_png(p, plot_path);
    fclose(out);
    __real_free(text); /* the C library's own */
    hebb_status status = hebb_plot_status(p);
    bool done = status == HEBB_E_UNSUPPORTED || fine(status, hebb_message(p));
    hebb_plot_destroy(p);
    return done;
}

/* Every kind of file, written and read, and batches that are augmented ahead. */
static char folder[] = "/tmp/hebb-memory-files-XXXXXX";
static char file_path[64];

static bool use_batches(hebb_array *images) {
    hebb_array view;
    const hebb_transform t[] = {hebb_random_crop(1), hebb_random_rotate(10)};
    const hebb_batches_options options = {
        .shuffle = true, .prefetch = 2, .transforms = {t, sizeof t / sizeof *t}};
    hebb_batches *b = hebb_batches_create_with(images, 1, 2, &options);
    if (b == NULL) return false;
    while (hebb_batches_next(b, &view)) {
    }
    bool done = fine(hebb_batches_status(b), hebb_batches_message(b));
    hebb_batches_destroy(b);
    return done;
}

static bool use_parts(hebb_array *images, hebb_array *labels) {
    hebb_scaling scaling = {0};
    hebb_array scaled = {0}, rows = {0};
    hebb_dataset data = {images, 1};
    hebb_parts *parts = hebb_parts_create(&data, .test = 0.5, .labels = labels);
    bool done = parts != NULL && fine(hebb_parts_status(parts), hebb_parts_message(parts));
    done = done && fine(hebb_standardize_fit(&scaling, images, NULL, 0), "");
    done = done && fine(hebb_scaling_apply(&scaling, images, &scaled, NULL, 0), "");
    done = done && fine(hebb_one_hot_rows(labels, 3, &rows, NULL, 0), "");
    hebb_parts_destroy(parts);
    hebb_scaling_free(&scaling);
    hebb_array_free(&scaled);
    hebb_array_free(&rows);
    return done;
}

static bool use_files(hebb_array *images, hebb_array *labels) {
    char m[256] = "";
    hebb_array read = {0};
    hebb_table table = {0};
    hebb_npz *npz = NULL;
    const hebb_named_array named = {.name = "images", .array = images};
    hebb_array flat = hebb_array_view(images->data, HEBB_U8, HEBB_SHAPE(12, 4));
    bool done =
        fine(hebb_write_npy(file_path, images, m, sizeof m), m) &&
        fine(hebb_read_npy(file_path, &read, m, sizeof m), m) &&
        fine(hebb_npz_write(file_path, &named, 1, m, sizeof m, .compress = true), m) &&
        fine(hebb_npz_read(file_path, &npz, m, sizeof m), m) &&
        fine(hebb_write_csv(file_path, &flat, NULL, m, sizeof m), m) &&
        fine(hebb_read_csv(file_path, &table, m, sizeof m, .label_column = 1, .classes = true),
             m) &&
        fine(hebb_image_grid(images, &read, m, sizeof m), m);
#ifdef WITH_PICTURES
    hebb_names classes = {0};
    hebb_array more = {0};
    done = done && fine(hebb_write_png(file_path, &read, m, sizeof m), m) &&
           fine(hebb_read_png(file_path, 3, &read, m, sizeof m), m) &&
           fine(hebb_read_png_folder(folder, 0, &read, &more, &classes, m, sizeof m), m);
    hebb_array_free(&more);
    hebb_names_free(&classes);
#endif
    hebb_array_free(&read);
    hebb_table_free(&table);
    hebb_npz_destroy(npz);
    return done;
}

static bool files(void) {
    hebb_array images = hebb_array_zeros(HEBB_U8, HEBB_SHAPE(4, 3, 2, 2));
    hebb_array labels = hebb_array_zeros(HEBB_I32, HEBB_SHAPE(4));
    bool done = images.data != NULL && labels.data != NULL && use_batches(&images) &&
                use_parts(&images, &labels) && use_files(&images, &labels);
    hebb_array_free(&images);
    hebb_array_free(&labels);
    return done;
}

static bool log_events(void) {
    hebb_events *e = hebb_events_open(events_path);
    if (e == NULL) return false;
    hebb_array images = hebb_array_zeros(HEBB_F32, HEBB_SHAPE(2, 3, 3));
    hebb_events_scalar(e, "loss", 1, 0.5);
    hebb_events_text(e, "options", 1, "none");
    bool done = fine(hebb_events_status(e), hebb_events_message(e)) && images.data != NULL;
    if (done) {
        hebb_events_histogram(e, "weights", 1, &images);
        hebb_events_images(e, "images", 1, &images);
        hebb_status status = hebb_events_status(e);
        done = status == HEBB_E_UNSUPPORTED || fine(status, hebb_events_message(e));
    }
    hebb_array_free(&images);
    hebb_events_close(e);
    return done;
}

static void fail_in_turn(bool (*scenario)(void), bool from_then_on) {
    scenario(); /* what is made once a process, such as a list of devices */
    long before = atomic_load(&outstanding);
    bool failed = true;
    long n = 0;
    while (failed) {
        arm(++n, from_then_on);
        bool done = scenario();
        failed = disarm();
        cr_assert(done || failed, "allocation %ld: failed though no allocation did", n);
        cr_assert_eq(atomic_load(&outstanding), before, "allocation %ld: %ld blocks are lost", n,
                     atomic_load(&outstanding) - before);
        cr_assert_lt(n, 100000);
    }
    cr_expect_gt(n, 1, "no allocation was seen");
    printf("%ld allocations failed in turn\n", n - 1);
}

Test(training, one_allocation_fails) {
    model_batch(&batch, 0);
    fail_in_turn(train, false);
}

Test(training, all_allocations_fail_from_one_on) {
    model_batch(&batch, 0);
    fail_in_turn(train, true);
}

Test(limit, one_allocation_fails) { fail_in_turn(limit, false); }
Test(limit, all_allocations_fail_from_one_on) { fail_in_turn(limit, true); }

/* Allocations of a fit of so many steps. */
static long allocations_of(hebb_model *m, int64_t steps) {
    arm(LONG_MAX, false);
    hebb_fit(m, HEBB_DATASET(batch.x_array, batch.label_array), .batch = 1,
             .steps_per_epoch = steps,
             .callbacks = HEBB_CALLBACKS(hebb_early_stopping(.monitor = "loss")));
    disarm();
    cr_assert_str_eq(hebb_message(m), "");
    return atomic_load(&calls);
}

Test(fit, steps_allocate_nothing) {
    model_batch(&batch, 0);
    model m = model_create(hebb_adam());
    hebb_device *device = hebb_device_open("cpu");
    hebb_model *fitted = hebb_model_create(m.graph, device, .inputs = HEBB_LIST(m.x, m.label),
                                           .loss = m.loss, .step = m.step);
    allocations_of(fitted, 1); /* makes the plan */
    cr_expect_eq(allocations_of(fitted, 2), allocations_of(fitted, 30));
    hebb_model_destroy(fitted);
    hebb_device_close(device);
    hebb_graph_destroy(m.graph);
}

#ifdef WITH_FILES
static void fit_in_turn(bool from_then_on) {
    model_batch(&batch, 0);
    close(mkstemp(checkpoint_path));
    fail_in_turn(fit, from_then_on);
}

Test(fit, one_allocation_fails) { fit_in_turn(false); }
Test(fit, all_allocations_fail_from_one_on) { fit_in_turn(true); }
#endif

static void search_in_turn(bool from_then_on) {
    model_batch(&batch, 0);
    close(mkstemp(trials_path));
    fail_in_turn(search, from_then_on);
}

Test(search, one_allocation_fails) { search_in_turn(false); }
Test(search, all_allocations_fail_from_one_on) { search_in_turn(true); }

Test(custom, one_allocation_fails) { fail_in_turn(check_users_ops, false); }
Test(custom, all_allocations_fail_from_one_on) { fail_in_turn(check_users_ops, true); }

static void draw_in_turn(bool from_then_on) {
    close(mkstemp(plot_path));
    fail_in_turn(draw_plot, from_then_on);
    unlink(plot_path);
}

Test(plot, one_allocation_fails) { draw_in_turn(false); }
Test(plot, all_allocations_fail_from_one_on) { draw_in_turn(true); }

static void log_in_turn(bool from_then_on) {
    cr_assert_not_null(mkdtemp(events_path));
    fail_in_turn(log_events, from_then_on);
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", events_path);
    cr_expect_eq(system(command), 0);
}

Test(events, one_allocation_fails) { log_in_turn(false); }
Test(events, all_allocations_fail_from_one_on) { log_in_turn(true); }

static void write_idx(void) {
    static const unsigned char bytes[] = {0, 0, 8, 1, 0, 0, 0, 5, 1, 2, 3, 4, 5};
    int file = mkstemp(idx_path);
    cr_assert_eq(write(file, bytes, sizeof bytes), (ssize_t)sizeof bytes);
    close(file);
}

Test(data, one_allocation_fails) {
    write_idx();
    fail_in_turn(read_and_shuffle, false);
    unlink(idx_path);
}

Test(data, all_allocations_fail_from_one_on) {
    write_idx();
    fail_in_turn(read_and_shuffle, true);
    unlink(idx_path);
}

static void files_in_turn(bool from_then_on) {
    cr_assert_not_null(mkdtemp(folder));
    snprintf(file_path, sizeof file_path, "%s/a.png", folder);
    fail_in_turn(files, from_then_on);
    unlink(file_path);
    rmdir(folder);
}

Test(files, one_allocation_fails) { files_in_turn(false); }
Test(files, all_allocations_fail_from_one_on) { files_in_turn(true); }
