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
    if (strlen(value) >= sizeof o->text) return false;
    snprintf(o->text, sizeof o->text, "%s", value);
    o->n = read_numbers(value, o->number, GOLDEN_NUMBERS);
    if (o->n < 0) o->n = 0;
    return true;
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
    bool whole = strcmp(name, "i") == 0;
    t->value = hebb_array_zeros(whole ? HEBB_I32 : HEBB_F32, hebb_shape_of(rank, sizes));
    c->n_tensors++;
    int64_t count = hebb_array_count(&t->value);
    if (t->value.data == NULL || !next_line(file)) return false;
    char *at = file->line, *end;
    for (int64_t i = 0; i < count; i++, at = end) {
        float number = strtof(at, &end);
        if (end == at) return false;
        if (whole) ((int32_t *)t->value.data)[i] = (int32_t)number;
        else ((float *)t->value.data)[i] = number;
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

const char *golden_text(const golden_case *c, const char *name) {
    const golden_option *o = find_option(c, name);
    return o == NULL ? "" : o->text;
}

double golden_real(const golden_case *c, const char *name) {
    return strtod(golden_text(c, name), NULL);
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
    for (int64_t i = 0; i < hebb_array_count(want); i++) {
        double y = hebb_array_at(want, i);
        if (isfinite(y)) largest = fmax(largest, fabs(y));
    }
    for (int64_t i = 0; i < hebb_array_count(want); i++) {
        double x = hebb_array_at(got, i), y = hebb_array_at(want, i);
        if (x == y || (isnan(x) && isnan(y))) continue;
        if (isfinite(x) && fabs(x - y) <= tolerance * largest) continue; /* false for NaN */
        snprintf(why, size, "element %lld of %s is %.9g, not %.9g", (long long)i, what, x, y);
        return false;
    }
    return true;
}

enum { MOST_INPUTS = 4 };

/* A case on the library's side: its inputs and those of them that the file has gradients of; what
   is computed: y, then the gradients. */
typedef struct trial {
    const golden_case *c;
    hebb_tensor *x[MOST_INPUTS], *wanted[MOST_INPUTS];
    int n, n_wanted;
    char name[MOST_INPUTS][3]; /* "dx" */
    hebb_array got[MOST_INPUTS + 1];
} trial;

/* All cases' feeds and fetches. */
typedef struct lists {
    hebb_feed *feeds;
    hebb_fetch *fetches;
    size_t n_feeds, n_fetches;
} lists;

static hebb_tensor *declare(hebb_graph *g, lists *l, const hebb_array *value) {
    hebb_tensor *x = hebb_input(g, NULL, value->dtype, value->shape);
    l->feeds[l->n_feeds++] = (hebb_feed){x, value};
    return x;
}

static void declare_inputs(trial *t, const golden_op *op, hebb_graph *g, lists *l) {
    for (int k = 0; k < (int)strlen(op->inputs); k++) {
        char name[] = {op->inputs[k], '\0'};
        const hebb_array *value = golden_find(t->c, name);
        if (value == NULL) return;
        t->x[t->n] = declare(g, l, value);
        snprintf(t->name[t->n_wanted], sizeof t->name[0], "d%s", name);
        if (golden_find(t->c, t->name[t->n_wanted]) != NULL) t->wanted[t->n_wanted++] = t->x[t->n];
        t->n++;
    }
}

/* Says in `why` what is wrong with the case, if anything is. */
static void build(trial *t, const golden_op *op, hebb_graph *g, lists *l, char *why, size_t size) {
    const hebb_array *dy = golden_find(t->c, "dy");
    declare_inputs(t, op, g, l);
    if (t->n == 0) snprintf(why, size, "the file has no %.1s", op->inputs);
    else if ((dy != NULL) != (t->n_wanted > 0))
        snprintf(why, size, "the file has %s", dy != NULL ? "dy and no gradient" : "no dy");
    if (why[0] != '\0') return;
    hebb_tensor *y = op->build(t->c, t->x), *dx[MOST_INPUTS];
    l->fetches[l->n_fetches++] = (hebb_fetch){y, &t->got[0]};
    if (dy != NULL) {
        hebb_tensor *cotangent = declare(g, l, dy);
        hebb_gradients(&y, 1, t->wanted, (size_t)t->n_wanted, &cotangent, dx);
    }
    for (int k = 0; k < t->n_wanted; k++)
        l->fetches[l->n_fetches++] = (hebb_fetch){dx[k], &t->got[k + 1]};
    if (hebb_failed(g)) snprintf(why, size, "%s", hebb_message(g));
}

static void compare(const trial *t, double tolerance, char *why, size_t size) {
    if (!same(golden_find(t->c, "y"), &t->got[0], "y", tolerance, why, size)) return;
    for (int k = 0; k < t->n_wanted; k++)
        if (!same(golden_find(t->c, t->name[k]), &t->got[k + 1], t->name[k], tolerance, why, size))
            return;
}

void golden_check(const golden_case *c, const golden_op *const *op, int n, hebb_device *device,
                  double tolerance, golden_why *why) {
    hebb_graph *g = hebb_graph_create();
    const size_t most = (size_t)n * (MOST_INPUTS + 1);
    trial *trials = calloc((size_t)n, sizeof *trials);
    lists l = {.feeds = calloc(most, sizeof *l.feeds), .fetches = calloc(most, sizeof *l.fetches)};
    bool sound = true;
    for (int k = 0; k < n; k++) {
        trials[k].c = &c[k];
        why[k].text[0] = '\0';
        if (sound) build(&trials[k], op[k], g, &l, why[k].text, sizeof why[k].text);
        sound = sound && why[k].text[0] == '\0';
    }
    hebb_session *s = hebb_session_create(g, device);
    if (sound && hebb_run(s, l.feeds, l.n_feeds, l.fetches, l.n_fetches) != HEBB_OK)
        snprintf(why[0].text, sizeof why[0].text, "%s", hebb_message(s));
    else
        for (int k = 0; sound && k < n; k++)
            compare(&trials[k], tolerance, why[k].text, sizeof why[k].text);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    for (int k = 0; k < n; k++)
        for (int i = 0; i <= trials[k].n_wanted; i++) hebb_array_free(&trials[k].got[i]);
    free(trials);
    free(l.feeds);
    free(l.fetches);
}
