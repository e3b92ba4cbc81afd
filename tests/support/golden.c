/* See golden.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"

struct golden_file {
    FILE *stream;
    char *line;
    size_t capacity;
    int number;
    bool ahead; /* the line has been read and not used */
};

golden_file *golden_open(const char *path) {
    golden_file *file = calloc(1, sizeof *file);
    if (file == NULL) return NULL;
    file->stream = fopen(path, "r");
    if (file->stream != NULL) return file;
    free(file);
    return NULL;
}

void golden_close(golden_file *file) {
    if (file == NULL) return;
    fclose(file->stream);
    free(file->line);
    free(file);
}

void golden_free(golden_case *c) {
    for (int k = 0; k < c->n_tensors; k++) hebb_array_free(&c->tensor[k].value);
    c->n_tensors = 0;
}

/* ---- reading ---- */

/* The next line that is no comment, in file->line. */
static bool next_line(golden_file *file) {
    if (file->ahead) {
        file->ahead = false;
        return true;
    }
    do {
        if (getline(&file->line, &file->capacity, file->stream) < 0) return false;
        file->number++;
        file->line[strcspn(file->line, "\r\n")] = '\0';
    } while (file->line[0] == '#' || file->line[0] == '\0');
    return true;
}

static int read_numbers(const char *text, int64_t *to, int most) {
    int n = 0;
    char *end;
    for (; *text != '\0' && n < most; text = *end == ',' ? end + 1 : end) {
        to[n++] = strtoll(text, &end, 10);
        if (end == text) return -1;
    }
    return *text == '\0' ? n : -1;
}

static bool read_option(golden_case *c, char *word) {
    char *value = strchr(word, '=');
    if (value == NULL || c->n_options == GOLDEN_OPTIONS) return false;
    *value++ = '\0';
    golden_option *o = &c->option[c->n_options++];
    snprintf(o->name, sizeof o->name, "%s", word);
    o->n = read_numbers(value, o->number, GOLDEN_NUMBERS);
    return o->n >= 0;
}

static bool read_case(golden_file *file, golden_case *c) {
    char *rest = NULL, *word = strtok_r(file->line, " ", &rest);
    if (word == NULL || strcmp(word, "case") != 0) return false;
    word = strtok_r(NULL, " ", &rest);
    if (word == NULL) return false;
    snprintf(c->name, sizeof c->name, "%s", word);
    c->line = file->number;
    while ((word = strtok_r(NULL, " ", &rest)) != NULL)
        if (!read_option(c, word)) return false;
    return true;
}

static bool read_tensor(golden_file *file, golden_case *c) {
    char *rest = NULL;
    int64_t sizes[HEBB_MAX_RANK];
    strtok_r(file->line, " ", &rest);
    char *name = strtok_r(NULL, " ", &rest), *shape = strtok_r(NULL, " ", &rest);
    if (name == NULL || c->n_tensors == GOLDEN_TENSORS) return false;
    golden_tensor *t = &c->tensor[c->n_tensors];
    snprintf(t->name, sizeof t->name, "%s", name);
    int rank = shape == NULL ? 0 : read_numbers(shape, sizes, HEBB_MAX_RANK);
    if (rank < 0) return false;
    t->value = hebb_array_zeros(HEBB_F32, hebb_shape_of(rank, sizes));
    c->n_tensors++;
    int64_t count = hebb_array_count(&t->value);
    if (t->value.data == NULL || !next_line(file)) return false;
    char *at = file->line, *end;
    for (int64_t i = 0; i < count; i++, at = end) {
        ((float *)t->value.data)[i] = strtof(at, &end);
        if (end == at) return false;
    }
    return at[strspn(at, " ")] == '\0';
}

bool golden_next(golden_file *file, golden_case *c, const char **wrong) {
    *c = (golden_case){0};
    *wrong = NULL;
    if (!next_line(file)) return false;
    if (!read_case(file, c)) {
        *wrong = "a case's line is not as it should be";
        return false;
    }
    while (next_line(file)) {
        if (strncmp(file->line, "tensor ", 7) != 0) {
            file->ahead = true;
            return true;
        }
        if (read_tensor(file, c)) continue;
        *wrong = "a tensor is not as it should be";
        return false;
    }
    return true;
}

/* ---- looking ---- */

const hebb_array *golden_find(const golden_case *c, const char *name) {
    for (int k = 0; k < c->n_tensors; k++)
        if (strcmp(c->tensor[k].name, name) == 0) return &c->tensor[k].value;
    return NULL;
}

static const golden_option *find_option(const golden_case *c, const char *name) {
    for (int k = 0; k < c->n_options; k++)
        if (strcmp(c->option[k].name, name) == 0) return &c->option[k];
    return NULL;
}

int golden_count(const golden_case *c, const char *name) {
    const golden_option *o = find_option(c, name);
    return o == NULL ? 0 : o->n;
}

void golden_numbers(const golden_case *c, const char *name, int64_t usual, int64_t *to, int n) {
    const golden_option *o = find_option(c, name);
    for (int k = 0; k < n; k++)
        to[k] = o == NULL || o->n == 0 ? usual
                : o->n == 1            ? o->number[0]
                : k < o->n             ? o->number[k]
                                       : usual;
}

/* ---- comparing ---- */

static bool same(const hebb_array *want, const hebb_array *got, const char *what, double tolerance,
                 char *why, size_t size) {
    char a[128], b[128];
    if (want == NULL) {
        snprintf(why, size, "the file has no %s", what);
        return false;
    }
    if (!hebb_shape_equal(want->shape, got->shape)) {
        snprintf(why, size, "%s is %s, not %s", what, hebb_shape_text(got->shape, a, sizeof a),
                 hebb_shape_text(want->shape, b, sizeof b));
        return false;
    }
    double largest = 1;
    for (int64_t i = 0; i < hebb_array_count(want); i++)
        largest = fmax(largest, fabs(hebb_array_at(want, i)));
    for (int64_t i = 0; i < hebb_array_count(want); i++) {
        double x = hebb_array_at(got, i), y = hebb_array_at(want, i);
        if (fabs(x - y) <= tolerance * largest) continue; /* false for NaN */
        snprintf(why, size, "element %lld of %s is %.9g, not %.9g", (long long)i, what, x, y);
        return false;
    }
    return true;
}

enum { MOST_INPUTS = 4 };

static void compare(const golden_case *c, const golden_op *op, hebb_session *s, hebb_tensor **x,
                    const hebb_array **fed, int n, hebb_tensor *y, hebb_tensor *dy,
                    double tolerance, char *why, size_t size) {
    hebb_tensor *dx[MOST_INPUTS];
    hebb_array got[MOST_INPUTS + 1] = {{0}};
    hebb_feed feeds[MOST_INPUTS + 1] = {{0}};
    hebb_fetch fetches[MOST_INPUTS + 1] = {{y, &got[0]}};
    hebb_gradients(&y, 1, x, (size_t)n, &dy, dx);
    for (int k = 0; k < n; k++) {
        feeds[k] = (hebb_feed){x[k], fed[k]};
        fetches[k + 1] = (hebb_fetch){dx[k], &got[k + 1]};
    }
    feeds[n] = (hebb_feed){dy, golden_find(c, "dy")};
    hebb_run(s, feeds, (size_t)n + 1, fetches, (size_t)n + 1);
    if (hebb_failed(s)) snprintf(why, size, "%s", hebb_message(s));
    else if (same(golden_find(c, "y"), &got[0], "y", tolerance, why, size))
        for (int k = 0; k < n; k++) {
            char name[] = {'d', op->inputs[k], '\0'};
            if (!same(golden_find(c, name), &got[k + 1], name, tolerance, why, size)) break;
        }
    for (int k = 0; k <= n; k++) hebb_array_free(&got[k]);
}

void golden_check(const golden_case *c, const golden_op *op, hebb_device *device, double tolerance,
                  char *why, size_t size) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x[MOST_INPUTS];
    const hebb_array *fed[MOST_INPUTS];
    int n = (int)strlen(op->inputs);
    why[0] = '\0';
    for (int k = 0; k < n; k++) {
        char name[] = {op->inputs[k], '\0'};
        fed[k] = golden_find(c, name);
        if (fed[k] == NULL) snprintf(why, size, "the file has no %s", name);
        else x[k] = hebb_input(g, name, HEBB_F32, fed[k]->shape);
    }
    if (golden_find(c, "dy") == NULL) snprintf(why, size, "the file has no dy");
    if (why[0] == '\0') {
        hebb_tensor *y = op->build(c, x);
        hebb_tensor *dy = hebb_input(g, "dy", HEBB_F32, golden_find(c, "dy")->shape);
        hebb_session *s = hebb_session_create(g, device);
        compare(c, op, s, x, fed, n, y, dy, tolerance, why, size);
        hebb_session_destroy(s);
    }
    hebb_graph_destroy(g);
}
