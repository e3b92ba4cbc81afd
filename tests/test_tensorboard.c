/* Logs for TensorBoard (hebb/tensorboard.h): checksums and encodings against known ones, files read
   back record by record and, where it is installed, by TensorBoard itself. */
#define _GNU_SOURCE
#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "support/devices.h"
#include "../src/report/wire.h"

static char folder[64];

static void remove_folder(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    if (system(command) != 0) printf("%s is left\n", folder);
}

/* A test that is skipped comes to no .fini. */
static void init(void) {
    snprintf(folder, sizeof folder, "/tmp/hebb-events-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    atexit(remove_folder);
}

TestSuite(tensorboard, .init = init);

/* ---- bytes ---- */

/* RFC 3720, B.4; and the check value that catalogs of checksums give. */
Test(checksums, are_those_of_the_standard) {
    unsigned char bytes[32];
    memset(bytes, 0, sizeof bytes);
    cr_expect_eq(hb_crc32c(bytes, 32), 0x8a9136aau);
    memset(bytes, 0xff, sizeof bytes);
    cr_expect_eq(hb_crc32c(bytes, 32), 0x62a8ab43u);
    for (int k = 0; k < 32; k++) bytes[k] = (unsigned char)k;
    cr_expect_eq(hb_crc32c(bytes, 32), 0x46dd794eu);
    for (int k = 0; k < 32; k++) bytes[k] = (unsigned char)(31 - k);
    cr_expect_eq(hb_crc32c(bytes, 32), 0x113fdb5cu);
    cr_expect_eq(hb_crc32c("123456789", 9), 0xe3069283u);
    cr_expect_eq(hb_crc32c("", 0), 0);
}

static void expect_bytes(wire *w, const char *wanted, size_t n) {
    cr_expect(!w->failed);
    cr_expect_arr_eq(w->bytes, wanted, n);
    cr_expect_eq(w->n, n);
    hb_wire_free(w);
}

/* protobuf.dev/programming-guides/encoding has the first four. */
Test(wire, fields) {
    wire w = {0}, inner = {0};
    hb_wire_integer(&w, 1, 150);
    expect_bytes(&w, "\x08\x96\x01", 3);
    hb_wire_integer(&w, 1, -2);
    expect_bytes(&w, "\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11);
    hb_wire_text(&w, 2, "testing");
    expect_bytes(&w, "\x12\x07testing", 9);
    hb_wire_integer(&inner, 1, 150);
    hb_wire_message(&w, 3, &inner);
    expect_bytes(&w, "\x1a\x03\x08\x96\x01", 5);
    hb_wire_double(&w, 1, 1);
    expect_bytes(&w, "\x09\0\0\0\0\0\0\xf0\x3f", 9);
    hb_wire_float(&w, 2, -2);
    expect_bytes(&w, "\x15\0\0\0\xc0", 5);
    hb_wire_doubles(&w, 6, (const double[]){1}, 1);
    expect_bytes(&w, "\x32\x08\0\0\0\0\0\0\xf0\x3f", 10);
    hb_wire_text(&w, 16, "\xc3\xa9\xff\xc0\x80\xe2\x82");
    expect_bytes(&w, "\x82\x01\x07\xc3\xa9?????", 10);
}

/* ---- reading back ---- */

enum { MOST_EVENTS = 400 };

typedef struct event {
    double time;
    int64_t step;
    char tag[64], version[32];
    char kind; /* (s)calar, (h)istogram, (i)mage, (t)ext */
    float scalar;
    double numbers[5]; /* of a histogram */
    double in_buckets; /* their sum */
    size_t buckets;
    int64_t size[3];    /* of an image */
    char content[2048]; /* of an image or text */
} event;

typedef struct parser {
    const unsigned char *at, *end;
} parser;

static uint64_t take_varint(parser *p) {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        cr_assert_lt(p->at, p->end);
        value |= (uint64_t)(*p->at & 0x7f) << shift;
        if ((*p->at++ & 0x80) == 0) break;
    }
    return value;
}

static uint64_t take_bytes(parser *p, int n) {
    uint64_t value = 0;
    cr_assert_geq(p->end - p->at, n);
    for (int k = 0; k < n; k++) value |= (uint64_t)*p->at++ << 8 * k;
    return value;
}

/* The next field: its number; of one with a length, what is in it; of others, the value. */
static int take_field(parser *p, parser *content, uint64_t *value) {
    uint64_t key = take_varint(p);
    switch (key & 7) {
    case 0: *value = take_varint(p); break;
    case 1: *value = take_bytes(p, 8); break;
    case 5: *value = take_bytes(p, 4); break;
    default:
        cr_assert_eq(key & 7, 2);
        *value = take_varint(p);
        cr_assert_leq(*value, (uint64_t)(p->end - p->at));
        *content = (parser){p->at, p->at + *value};
        p->at += *value;
    }
    return (int)(key >> 3);
}

static double as_double(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void copy_content(const parser *content, char *text, size_t size) {
    size_t n = (size_t)(content->end - content->at);
    if (n > size - 1) n = size - 1;
    memcpy(text, content->at, n);
    text[n] = 0;
}

static void parse_histogram(parser p, event *e) {
    parser content;
    uint64_t value;
    while (p.at < p.end) {
        int field = take_field(&p, &content, &value);
        if (field <= 5) e->numbers[field - 1] = as_double(value);
        if (field == 6) e->buckets = (size_t)(content.end - content.at) / 8;
        while (field == 7 && content.at < content.end)
            e->in_buckets += as_double(take_bytes(&content, 8));
    }
}

static void parse_value(parser p, event *e) {
    parser content, inner;
    uint64_t value;
    while (p.at < p.end) {
        int field = take_field(&p, &content, &value);
        if (field == 1) copy_content(&content, e->tag, sizeof e->tag);
        else if (field == 2) {
            uint32_t bits = (uint32_t)value;
            memcpy(&e->scalar, &bits, sizeof bits);
            e->kind = 's';
        } else if (field == 5) {
            parse_histogram(content, e);
            e->kind = 'h';
        } else if (field == 4 || field == 8) {
            e->kind = field == 4 ? 'i' : 't';
            while (content.at < content.end) {
                int part = take_field(&content, &inner, &value);
                if (field == 4 && part <= 3) e->size[part - 1] = (int64_t)value;
                if ((field == 4 && part == 4) || (field == 8 && part == 8))
                    copy_content(&inner, e->content, sizeof e->content);
            }
        }
    }
}

static void parse_event(parser p, event *e) {
    parser content;
    uint64_t value;
    *e = (event){0};
    while (p.at < p.end) {
        int field = take_field(&p, &content, &value);
        if (field == 1) e->time = as_double(value);
        if (field == 2) e->step = (int64_t)value;
        if (field == 3) copy_content(&content, e->version, sizeof e->version);
        if (field == 5) {
            parser summary = content;
            cr_assert_eq(take_field(&summary, &content, &value), 1);
            parse_value(content, e);
        }
    }
}

static event events[MOST_EVENTS];

/* All of the file; the checksums of each record are right. */
static size_t read_events(const char *path) {
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    static unsigned char bytes[1 << 20];
    size_t size = fread(bytes, 1, sizeof bytes, file), n = 0;
    fclose(file);
    parser p = {bytes, bytes + size};
    while (p.at < p.end) {
        const unsigned char *begin = p.at;
        uint64_t length = take_bytes(&p, 8);
        cr_assert_eq(take_bytes(&p, 4), hb_masked_crc32c(begin, 8));
        cr_assert_leq(length, (uint64_t)(p.end - p.at));
        parser record = {p.at, p.at + length};
        p.at += length;
        cr_assert_eq(take_bytes(&p, 4), hb_masked_crc32c(record.at, length));
        cr_assert_lt(n, MOST_EVENTS);
        parse_event(record, &events[n++]);
    }
    cr_assert_str_eq(events[0].version, "brain.Event:2");
    return n;
}

/* The only file in the directory; the number of files. */
static int file_in(const char *directory, char *path, size_t size) {
    DIR *dir = opendir(directory);
    int n = 0;
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        if (strstr(entry->d_name, "tfevents") == NULL) continue;
        snprintf(path, size, "%s/%s", directory, entry->d_name);
        n++;
    }
    if (dir != NULL) closedir(dir);
    return n;
}

static const event *find(size_t n, const char *tag, int64_t step) {
    for (size_t k = 0; k < n; k++)
        if (strcmp(events[k].tag, tag) == 0 && events[k].step == step) return &events[k];
    cr_assert_fail("there is no %s of step %lld", tag, (long long)step);
    return NULL;
}

/* ---- events ---- */

static void log_all(void) {
    char directory[128];
    snprintf(directory, sizeof directory, "%s/deep/er", folder);
    hebb_events *e = hebb_events_open(directory);
    float values[6] = {1, 2, 4, NAN, INFINITY, -1}, same[3] = {7, 7, 7}, none[1] = {NAN};
    unsigned char pixels[2][3][5] = {{{255}}};
    hebb_array a = hebb_array_view(values, HEBB_F32, HEBB_SHAPE(2, 3));
    hebb_array b = hebb_array_view(same, HEBB_F32, HEBB_SHAPE(3));
    hebb_array c = hebb_array_view(none, HEBB_F32, HEBB_SHAPE(1));
    hebb_array images = hebb_array_view(pixels, HEBB_U8, HEBB_SHAPE(2, 3, 5));
    hebb_events_scalar(e, "loss", 0, 0.5);
    hebb_events_scalar(e, "loss", 1ll << 40, -1e300);
    hebb_events_histogram(e, "weights/kernel", 3, &a);
    hebb_events_histogram(e, "same", 3, &b);
    hebb_events_histogram(e, "none", 3, &c);
    hebb_events_text(e, "options", 0, "units 8\nrate é\xff");
    cr_expect_str_eq(hebb_events_message(e), "");
    hebb_status status = hebb_events_images(e, "digits", 2, &images);
    cr_expect(status == HEBB_OK || status == HEBB_E_UNSUPPORTED, "%s", hebb_events_message(e));
    hebb_events_close(e);
}

Test(tensorboard, what_is_written_is_read_back) {
    char path[512], directory[128];
    log_all();
    snprintf(directory, sizeof directory, "%s/deep/er", folder);
    cr_assert_eq(file_in(directory, path, sizeof path), 1);
    size_t n = read_events(path);
    cr_expect_eq(find(n, "loss", 0)->scalar, 0.5f);
    cr_expect_eq(find(n, "loss", 1ll << 40)->scalar, -INFINITY, "rounded to f32");
    cr_expect_gt(find(n, "loss", 0)->time, 1e9);
    const event *h = find(n, "weights/kernel", 3);
    const double wanted[] = {-1, 4, 4, 6, 22};
    for (int k = 0; k < 5; k++) cr_expect_eq(h->numbers[k], wanted[k]);
    cr_expect_eq(h->buckets, 30);
    cr_expect_eq(h->in_buckets, 4);
    h = find(n, "same", 3);
    cr_expect(h->buckets == 1 && h->in_buckets == 3 && h->numbers[0] == 7);
    cr_expect_str_eq(find(n, "options", 0)->content, "units 8\nrate é?");
    for (size_t k = 0; k < n; k++) cr_expect_str_neq(events[k].tag, "none");
#ifdef WITH_PNG
    const event *image = find(n, "digits", 2);
    cr_expect(image->kind == 'i' && image->size[2] == 1);
    cr_expect_eq(memcmp(image->content, "\x89PNG", 4), 0);
    cr_expect_eq(image->content[19], image->size[1], "the width in the PNG's header");
    cr_expect_eq(image->content[23], image->size[0]);
#endif
}

Test(tensorboard, errors_of_events) {
    hebb_array a = hebb_array_view(&(float){1}, HEBB_F32, HEBB_SCALAR);
    hebb_events *e = hebb_events_open(NULL);
    cr_expect_eq(hebb_events_status(e), HEBB_E_NULL);
    hebb_events_close(e);
    e = hebb_events_open("");
    cr_expect_eq(hebb_events_status(e), HEBB_E_ARGUMENT);
    hebb_events_close(e);
    e = hebb_events_open("/dev/null/runs");
    cr_expect_eq(hebb_events_status(e), HEBB_E_FILE);
    cr_expect(hebb_failed(e));
    cr_expect_not_null(strstr(hebb_message(e), "/dev/null/runs"), "%s", hebb_message(e));
    cr_expect_eq(hebb_events_scalar(e, "a", 0, 0), HEBB_E_FILE, "errors stay");
    hebb_events_close(e);
    e = hebb_events_open(folder);
    cr_expect_eq(hebb_events_scalar(e, NULL, 0, 0), HEBB_E_NULL);
    hebb_events_close(e);
    e = hebb_events_open(folder);
    cr_expect_eq(hebb_events_histogram(e, "weights", 0, NULL), HEBB_E_NULL);
    cr_expect_not_null(strstr(hebb_events_message(e), "weights is NULL"));
    hebb_events_close(e);
    e = hebb_events_open(folder);
    cr_expect_eq(hebb_events_images(e, "picture", 0, &a), HEBB_E_SHAPE);
    cr_expect_not_null(strstr(hebb_events_message(e), "picture"), "%s", hebb_events_message(e));
    hebb_events_close(e);
    cr_expect_eq(hebb_events_scalar(NULL, "a", 0, 0), HEBB_E_NULL);
    cr_expect_eq(hebb_events_size(NULL), 0);
    hebb_events_close(NULL);
}

/* A disk that is full after 1000 bytes: an error, and what is there can be read. */
Test(tensorboard, full_disk) {
    char path[512];
    pid_t child = fork();
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){1000, 1000});
        hebb_events *e = hebb_events_open(folder);
        for (int k = 0; k < 100; k++) hebb_events_scalar(e, "loss", k, k);
        _exit(hebb_events_status(e) == HEBB_E_FILE &&
                      strstr(hebb_events_message(e), "cannot be written") != NULL
                  ? 0
                  : 1);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    cr_assert_eq(file_in(folder, path, sizeof path), 1);
    cr_expect_gt(read_events(path), 10);
}

/* ---- the callback ---- */

enum { ROWS = 16 };

typedef struct net {
    hebb_graph *graph;
    hebb_device *device;
    hebb_model *model;
    hebb_tensor *pictures;
    float x[ROWS][4], t[ROWS][1];
    hebb_array columns[2];
    hebb_dataset data;
} net;

static void make_net(net *n, const char *device) {
    n->graph = hebb_graph_create();
    n->device = device_named(device);
    hebb_tensor *x = hebb_input(n->graph, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 4));
    hebb_tensor *t = hebb_input(n->graph, "t", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 1));
    n->pictures = hebb_named(hebb_reshape(x, HEBB_SHAPE(HEBB_ANY, 2, 2)), "pictures");
    hebb_tensor *y = hebb_dense(x, 1);
    n->model = hebb_model_create(n->graph, n->device, .inputs = HEBB_LIST(x, t),
                                 .loss = hebb_mean_squared_error(y, t), .optimizer = hebb_adam(),
                                 .seed = 1);
    for (int i = 0; i < ROWS; i++) {
        for (int k = 0; k < 4; k++) n->x[i][k] = (float)fabs(sin(3 * i + k));
        n->t[i][0] = n->x[i][0] * n->x[i][1];
    }
    n->columns[0] = hebb_array_view(n->x, HEBB_F32, HEBB_SHAPE(ROWS, 4));
    n->columns[1] = hebb_array_view(n->t, HEBB_F32, HEBB_SHAPE(ROWS, 1));
    n->data = (hebb_dataset){n->columns, 2};
}

static void free_net(net *n) {
    hebb_model_destroy(n->model);
    hebb_device_close(n->device);
    hebb_graph_destroy(n->graph);
}

#ifdef WITH_PNG
#define IMAGES(n) HEBB_LIST((n).pictures)
#else
#define IMAGES(n) ((hebb_tensor_list){NULL, 0})
#endif

Test(tensorboard, a_fit_is_logged) {
    char path[512], directory[128];
    net n;
    make_net(&n, "cpu");
    hebb_fit(n.model, &n.data, .epochs = 2, .batch = 4, .validation = &n.data,
             .callbacks = HEBB_CALLBACKS(
                 hebb_norms(), hebb_tensorboard(folder, .histograms = true, .images = IMAGES(n),
                                                .most_images = 2, .batches = 3, .text = "a = 1")));
    cr_assert_str_eq(hebb_message(n.model), "");
    size_t epochs;
    const double *loss = hebb_history(n.model, "loss", &epochs),
                 *val_loss = hebb_history(n.model, "val_loss", &epochs);
    snprintf(directory, sizeof directory, "%s/train", folder);
    cr_assert_eq(file_in(directory, path, sizeof path), 1);
    size_t count = read_events(path);
    cr_expect_eq(find(count, "epoch_loss", 1)->scalar, (float)loss[1]);
    cr_expect_eq(find(count, "batch_loss", 3)->kind, 's');
    cr_expect_eq(find(count, "batch_loss", 6)->kind, 's');
    cr_expect_eq(find(count, "norm/dense", 1)->kind, 's');
    const event *weights = find(count, "weights/dense/kernel", 1),
                *gradients = find(count, "gradients/dense/kernel", 0);
    cr_expect(weights->kind == 'h' && weights->numbers[2] == 4 && weights->in_buckets == 4);
    cr_expect(gradients->kind == 'h' && gradients->numbers[2] == 4 && gradients->numbers[4] > 0);
    cr_expect_not_null(strstr(find(count, "run", 0)->content, "| batches an epoch | 4 |"));
    cr_expect_not_null(strstr(find(count, "run", 0)->content, "| parameters | 5 |"));
    cr_expect_not_null(strstr(find(count, "model", 0)->content, "\n    dense "));
    cr_expect_str_eq(find(count, "options", 0)->content, "a = 1");
#ifdef WITH_PNG
    cr_expect_eq(find(count, "pictures", 0)->size[0], 2, "two of them, side by side");
    cr_expect_eq(find(count, "pictures", 1)->size[1], 6);
#endif
    snprintf(directory, sizeof directory, "%s/validation", folder);
    cr_assert_eq(file_in(directory, path, sizeof path), 1);
    count = read_events(path);
    cr_expect_eq(find(count, "epoch_loss", 1)->scalar, (float)val_loss[1]);
    free_net(&n);
}

Test(tensorboard, logging_changes_nothing) {
    for (int k = 0; k < 2; k++) {
        double last[2];
        for (int with = 0; with < 2; with++) {
            net n;
            make_net(&n, k == 0 ? "cpu" : "opencl");
            hebb_callback board = hebb_tensorboard(folder, .histograms = true, .every = 2);
            hebb_callback none = {.name = "none"};
            if (!with) board.destroy(&board);
            hebb_fit(n.model, &n.data, .epochs = 3, .batch = 4,
                     .callbacks = HEBB_CALLBACKS(with ? board : none));
            cr_assert_str_eq(hebb_message(n.model), "");
            size_t epochs;
            last[with] = hebb_history(n.model, "loss", &epochs)[2];
            free_net(&n);
        }
        cr_expect_eq(last[0], last[1]);
    }
}

Test(tensorboard, errors_of_the_callback) {
    net n, other;
    make_net(&n, "cpu");
    make_net(&other, "cpu");
    cr_expect_eq(hebb_fit(n.model, &n.data, .callbacks = HEBB_CALLBACKS(hebb_tensorboard(NULL))),
                 HEBB_E_NULL);
    cr_expect_eq(
        hebb_fit(n.model, &n.data, .callbacks = HEBB_CALLBACKS(hebb_tensorboard("/dev/null/a"))),
        HEBB_E_FILE);
    cr_expect_not_null(strstr(hebb_message(n.model), "/dev/null/a/train"), "%s",
                       hebb_message(n.model));
    cr_expect_eq(hebb_fit(n.model, &n.data,
                          .callbacks = HEBB_CALLBACKS(
                              hebb_tensorboard(folder, .images = HEBB_LIST(other.pictures)))),
                 HEBB_E_GRAPH);
    free_net(&n);
    free_net(&other);
}

#ifdef WITH_CHECKPOINTS

/* Steps, tags and values of all events, as a line each. */
static char *listing(const char *part) {
    char directory[128], path[512], *text = NULL;
    size_t size = 0;
    snprintf(directory, sizeof directory, "%s/%s", folder, part);
    cr_assert_eq(file_in(directory, path, sizeof path), 1, "one file in %s", directory);
    FILE *out = open_memstream(&text, &size);
    size_t n = read_events(path);
    for (size_t k = 1; k < n; k++)
        fprintf(out, "%lld %c %s %.9g %.17g %.40s\n", (long long)events[k].step, events[k].kind,
                events[k].tag, events[k].scalar, events[k].numbers[3],
                events[k].kind == 'i' ? "" : events[k].content);
    fclose(out);
    return text;
}

static hebb_status stop(hebb_callback *self, hebb_fit_state *fit) {
    return fit->epoch == 3 && fit->batch == 2 ? HEBB_E_ARGUMENT : HEBB_OK;
}

static void train(int64_t epochs, bool interrupted, const char *checkpoint) {
    net n;
    make_net(&n, "cpu");
    hebb_fit(n.model, &n.data, .epochs = epochs, .batch = 4, .validation = &n.data,
             .resume = checkpoint,
             .callbacks = HEBB_CALLBACKS(
                 hebb_checkpoint_file(checkpoint, .every = 2),
                 hebb_tensorboard(folder, .histograms = true, .images = IMAGES(n), .batches = 2),
                 {.batch_end = interrupted ? stop : NULL}));
    cr_assert_eq(hebb_model_status(n.model), interrupted ? HEBB_E_ARGUMENT : HEBB_OK, "%s",
                 hebb_message(n.model));
    free_net(&n);
}

/* Interrupted in the fourth epoch, the third of which no checkpoint knows of: the log of both is
   that of a training that was not interrupted. */
Test(tensorboard, a_resumed_training_goes_on_in_its_files) {
    char checkpoint[128];
    snprintf(checkpoint, sizeof checkpoint, "%s/checkpoint", folder);
    train(5, true, checkpoint);
    char *before = listing("train");
    train(5, false, checkpoint);
    char *resumed = listing("train"), *validation = listing("validation");
    cr_expect_str_neq(before, resumed);
    remove_folder();
    cr_assert_eq(mkdir(folder, 0700), 0);
    train(5, false, checkpoint);
    char *whole = listing("train"), *whole_validation = listing("validation");
    cr_expect_str_eq(resumed, whole, "%s\n---\n%s", resumed, whole);
    cr_expect_str_eq(validation, whole_validation);
    free(before);
    free(resumed);
    free(validation);
    free(whole);
    free(whole_validation);
}

Test(tensorboard, files_that_are_gone_begin_anew) {
    char checkpoint[128], path[512], command[256];
    snprintf(checkpoint, sizeof checkpoint, "%s/checkpoint", folder);
    train(2, false, checkpoint);
    snprintf(command, sizeof command, "rm -r '%s/train' '%s/validation'", folder, folder);
    cr_assert_eq(system(command), 0);
    train(4, false, checkpoint);
    char directory[128];
    snprintf(directory, sizeof directory, "%s/train", folder);
    cr_assert_eq(file_in(directory, path, sizeof path), 1);
    size_t n = read_events(path);
    find(n, "epoch_loss", 2);
    find(n, "epoch_loss", 3);
}

#endif

/* ---- TensorBoard ---- */

/* HEBB_TEST_PYTHON names an interpreter that has the package tensorboard. */
Test(tensorboard, tensorboard_reads_it) {
    const char *python = getenv("HEBB_TEST_PYTHON");
    char command[512], output[4096] = "";
    snprintf(command, sizeof command, "'%s' -c 'import tensorboard' 2>/dev/null",
             python != NULL ? python : "python3");
    if (system(command) != 0) cr_skip_test("there is no tensorboard");
    log_all();
    snprintf(command, sizeof command, "'%s' " READ_EVENTS " '%s/deep/er' 2>/dev/null",
             python != NULL ? python : "python3", folder);
    FILE *from = popen(command, "r");
    size_t n = fread(output, 1, sizeof output - 1, from);
    output[n] = 0;
    cr_expect_eq(pclose(from), 0, "%s", output);
    cr_expect_not_null(strstr(output, "scalar loss 0 0.5\n"), "%s", output);
    cr_expect_not_null(strstr(output, "scalar loss 1099511627776 -inf\n"), "%s", output);
    cr_expect_not_null(strstr(output, "histogram weights/kernel 3 -1 4 4 6 22 30 4\n"), "%s",
                       output);
    cr_expect_not_null(strstr(output, "histogram same 3 7 7 3 21 147 1 3\n"), "%s", output);
    cr_expect_not_null(strstr(output, "text options 0 units 8 text\n"), "%s", output);
#ifdef WITH_PNG
    cr_expect_not_null(strstr(output, "image digits 2 12 3 True\n"), "%s", output);
    cr_expect_not_null(strstr(output, "kinds histograms images scalars text\n"), "%s", output);
#endif
}
