/* Searches (hebb/search.h): the trials, one after the other, and the order of what came out. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "search.h"

enum {
    MOST_ATTEMPTS = 100, /* at a random draw that was not there before */
    ENOUGH_OTHERS = 5,   /* for a median */
};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* ---- errors ---- */

hebb_status hebb_search_status(const hebb_search *s) { return s == NULL ? HEBB_E_NULL : s->status; }

const char *hebb_search_message(const hebb_search *s) {
    return s == NULL ? "the search is NULL (out of memory when it was created?)" : s->message;
}

hebb_status hb_search_fail(hebb_search *s, hebb_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(s->message, sizeof s->message, format, arguments);
    va_end(arguments);
    return s->status = status;
}

/* ---- trials ---- */

static void free_record(record *r) {
    if (r == NULL) return;
    free(r->values);
    free(r->scores);
    free(r->message);
    free(r);
}

static void free_records(hebb_search *s) {
    while (s->count > 0) free_record(s->records[--s->count]);
}

record *hb_record_add(hebb_search *s) {
    record *r = calloc(1, sizeof *r);
    bool fine = r != NULL;
    if (fine) {
        r->search = s;
        r->values = calloc(s->n_parameters, sizeof *r->values);
        r->scores = calloc((size_t)s->n_folds, sizeof *r->scores);
        r->shown = (hebb_trial){.folds = s->n_folds,
                                .seed = s->options.seed,
                                .user = s->options.user,
                                .scores = r->scores,
                                .reserved_ = r};
        fine = r->values != NULL && r->scores != NULL;
    }
    if (fine && s->count == s->room) {
        size_t room = s->room == 0 ? 32 : 2 * s->room;
        record **grown = realloc(s->records, room * sizeof *grown);
        fine = grown != NULL;
        if (fine) {
            s->records = grown;
            s->room = room;
        }
    }
    if (fine) return s->records[s->count++] = r;
    free_record(r);
    hb_search_fail(s, HEBB_E_MEMORY, "search: out of memory");
    return NULL;
}

record *hb_record_find(const hebb_search *s, const double *values) {
    for (size_t k = 0; k < s->count; k++)
        if (memcmp(s->records[k]->values, values, s->n_parameters * sizeof *values) == 0)
            return s->records[k];
    return NULL;
}

void hb_record_score(record *r) {
    double sum = 0, squares = 0, n = (double)r->shown.scored;
    for (int64_t k = 0; k < r->shown.scored; k++) sum += r->scores[k];
    r->shown.score = n > 0 ? sum / n : NAN;
    for (int64_t k = 0; k < r->shown.scored; k++)
        squares += (r->scores[k] - r->shown.score) * (r->scores[k] - r->shown.score);
    r->shown.deviation = n > 0 ? sqrt(squares / n) : NAN;
}

static size_t index_of(const record *r, const char *name) {
    const hebb_search *s = r->search;
    for (size_t k = 0; k < s->n_parameters; k++)
        if (name != NULL && strcmp(s->parameters[k].name, name) == 0) return k;
    char what[256];
    snprintf(what, sizeof what, "there is no parameter %s", name == NULL ? "NULL" : name);
    hebb_trial_fail(&r->shown, what);
    return s->n_parameters;
}

double hebb_trial_value(const hebb_trial *trial, const char *name) {
    if (trial == NULL || trial->reserved_ == NULL) return NAN;
    const record *r = trial->reserved_;
    size_t k = index_of(r, name);
    return k < r->search->n_parameters ? r->values[k] : NAN;
}

const char *hebb_trial_text(const hebb_trial *trial, const char *name) {
    if (trial == NULL || trial->reserved_ == NULL) return "";
    const record *r = trial->reserved_;
    size_t k = index_of(r, name);
    if (k == r->search->n_parameters) return "";
    const parameter *p = &r->search->parameters[k];
    if (p->kind == HEBB_SEARCH_TEXT) return p->texts[(size_t)r->values[k]];
    hebb_trial_fail(trial, "a parameter that is a number was asked for its text");
    return "";
}

double hebb_trial_fail(const hebb_trial *trial, const char *message) {
    record *r = trial == NULL ? NULL : trial->reserved_;
    if (r == NULL || !r->running || r->message != NULL) return NAN;
    r->message = strdup(message == NULL || *message == 0 ? "it failed" : message);
    if (r->message == NULL) hb_search_fail(r->search, HEBB_E_MEMORY, "search: out of memory");
    r->shown.message = r->message;
    return NAN;
}

/* ---- the median rule ---- */

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double mean(const double *x, int64_t n) {
    double sum = 0;
    for (int64_t k = 0; k < n; k++) sum += x[k];
    return sum / (double)n;
}

/* Whether the mean of the folds so far is worse than the median of the others' after as many. */
static bool is_hopeless(hebb_search *s, const record *r) {
    int64_t n = r->shown.scored;
    size_t others = 0;
    if (!s->options.abandon || n == s->n_folds) return false;
    double *means = calloc(s->count, sizeof *means);
    if (means == NULL) return false;
    for (size_t k = 0; k < s->count; k++) {
        const record *other = s->records[k];
        if (other != r && other->message == NULL && other->shown.scored == s->n_folds)
            means[others++] = mean(other->scores, n);
    }
    qsort(means, others, sizeof *means, by_size);
    double own = mean(r->scores, n);
    double median = others == 0 ? own : (means[(others - 1) / 2] + means[others / 2]) / 2;
    free(means);
    return others >= ENOUGH_OTHERS && (s->options.lower_is_better ? own > median : own < median);
}

/* ---- running ---- */

static hebb_status run_fold(hebb_search *s, record *r, hebb_folds *folds, const hebb_dataset *data,
                            int64_t fold) {
    hebb_dataset train = *data, validation;
    if (folds == NULL) validation = *s->options.validation;
    else if (hebb_folds_get(folds, fold, &train, &validation) != HEBB_OK)
        return hb_search_fail(s, HEBB_E_MEMORY, "search: %s", hebb_folds_message(folds));
    r->shown.fold = fold;
    r->shown.seed = s->options.seed + (uint64_t)fold;
    double score = s->options.run(&r->shown, &train, &validation);
    if (r->message != NULL || s->status != HEBB_OK) return s->status;
    char what[64];
    snprintf(what, sizeof what, "the score of fold %lld is %g", (long long)fold, score);
    if (!isfinite(score)) hebb_trial_fail(&r->shown, what);
    else r->scores[r->shown.scored++] = score;
    return s->status;
}

static hebb_status run_trial(hebb_search *s, record *r, hebb_folds *folds,
                             const hebb_dataset *data) {
    double start = now();
    r->running = true;
    hebb_status status = HEBB_OK;
    for (int64_t fold = 0; fold < s->n_folds && status == HEBB_OK && r->message == NULL; fold++) {
        status = run_fold(s, r, folds, data, fold);
        r->shown.abandoned = r->message == NULL && is_hopeless(s, r);
        if (r->shown.abandoned) break;
    }
    r->running = false;
    r->shown.fold = 0;
    r->shown.seed = s->options.seed;
    r->shown.seconds = now() - start;
    hb_record_score(r);
    return status;
}

static bool is_better(const hebb_search *s, const record *a, const record *b) {
    return s->options.lower_is_better ? a->shown.score < b->shown.score
                                      : a->shown.score > b->shown.score;
}

static bool is_done(const record *r) { return r->message == NULL && !r->shown.abandoned; }

static void tell(const hebb_search *s, const record *r, int64_t asked) {
    char text[HB_NUMBER_SIZE];
    const record *best = NULL;
    if (s->options.out == NULL) return;
    for (size_t k = 0; k < s->count; k++)
        if (is_done(s->records[k]) && (best == NULL || is_better(s, s->records[k], best)))
            best = s->records[k];
    int width = snprintf(text, sizeof text, "%lld", (long long)asked);
    fprintf(s->options.out, "trial %*lld of %lld  ", width, (long long)r->shown.number,
            (long long)asked);
    if (r->message != NULL) fprintf(s->options.out, "failed: %.50s\n", r->message);
    else
        fprintf(s->options.out, "score %-10.6g best %-10.6g %6.1f s%s\n", r->shown.score,
                best == NULL ? NAN : best->shown.score, r->shown.seconds,
                r->shown.abandoned ? "  abandoned" : "");
    fflush(s->options.out);
}

/* The values of a trial, which no earlier one of this run had; false if none are to be found. */
static bool choose(const hebb_search *s, int64_t trial, double *values) {
    for (int64_t attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
        if (s->options.trials == 0) hb_grid_values(s, trial, values);
        else hb_draw_values(s, trial, attempt, values);
        const record *there = hb_record_find(s, values);
        if (there == NULL || !there->visited) return true;
    }
    return false;
}

static hebb_status run_all(hebb_search *s, hebb_folds *folds, const hebb_dataset *data) {
    int64_t asked = s->options.trials != 0 ? s->options.trials : hb_grid_size(s);
    double *values = calloc(s->n_parameters, sizeof *values);
    hebb_status status = HEBB_OK;
    if (values == NULL) return hb_search_fail(s, HEBB_E_MEMORY, "search: out of memory");
    for (int64_t k = 0; k < asked && status == HEBB_OK && choose(s, k, values); k++) {
        record *r = hb_record_find(s, values);
        bool made = r == NULL;
        if (made) r = hb_record_add(s);
        if (r == NULL) break;
        r->visited = true;
        if (!made) continue;
        r->shown.number = k + 1;
        memcpy(r->values, values, s->n_parameters * sizeof *values);
        status = run_trial(s, r, folds, data);
        if (status != HEBB_OK) free_record(s->records[--s->count]); /* it is not over */
        else tell(s, r, asked);
        if (status == HEBB_OK) status = hb_file_add(s, r);
    }
    free(values);
    return s->status;
}

/* ---- the order of results ---- */

static int rank_of(const record *r) { return r->message != NULL ? 2 : r->shown.abandoned ? 1 : 0; }

static int by_rank(const void *a, const void *b) {
    const record *p = *(record *const *)a, *q = *(record *const *)b;
    if (rank_of(p) != rank_of(q)) return rank_of(p) - rank_of(q);
    if (p->message == NULL && is_better(p->search, p, q)) return -1;
    if (p->message == NULL && is_better(p->search, q, p)) return 1;
    return p->shown.number < q->shown.number ? -1 : p->shown.number > q->shown.number;
}

const hebb_trial *hebb_search_trial(const hebb_search *s, size_t rank) {
    return s != NULL && rank < s->count ? &s->records[rank]->shown : NULL;
}

const hebb_trial *hebb_search_best(const hebb_search *s) {
    return s != NULL && s->count > 0 && is_done(s->records[0]) ? &s->records[0]->shown : NULL;
}

size_t hebb_search_count(const hebb_search *s) { return s == NULL ? 0 : s->count; }

/* ---- making ---- */

static hebb_status check(hebb_search *s, const hebb_dataset *data) {
    const hebb_search_options *o = &s->options;
    if (data == NULL || (data->columns == NULL && data->count > 0))
        return hb_search_fail(s, HEBB_E_NULL, "search: the data is NULL");
    if (o->run == NULL) return hb_search_fail(s, HEBB_E_NULL, "search: there is no run");
    if (o->trials < 0 || o->trials > UINT32_MAX || o->folds < 0)
        return hb_search_fail(s, HEBB_E_ARGUMENT, "search: %lld trials of %lld folds",
                              (long long)o->trials, (long long)o->folds);
    if ((o->folds == 0) == (o->validation == NULL))
        return hb_search_fail(s, HEBB_E_ARGUMENT,
                              "search: it wants either folds or a validation set");
    return HEBB_OK;
}

static hebb_status search(hebb_search *s, const hebb_dataset *data) {
    const hebb_search_options *o = &s->options;
    hebb_status status = check(s, data);
    if (status == HEBB_OK) status = hb_space_copy(s, o->parameters);
    if (status == HEBB_OK && o->trials == 0 && hb_grid_size(s) < 0)
        status = hb_search_fail(s, HEBB_E_ARGUMENT, "search: the grid has more than 2^53 trials");
    if (status != HEBB_OK) return status;
    s->n_folds = o->validation != NULL ? 1 : o->folds;
    hebb_folds *folds = NULL;
    if (o->validation == NULL) {
        folds = hebb_folds_create(data, o->folds, .seed = o->seed, .labels = o->labels);
        status = folds == NULL ? HEBB_E_MEMORY : hebb_folds_get(folds, 0, NULL, NULL);
        if (status != HEBB_OK) hb_search_fail(s, status, "search: %s", hebb_folds_message(folds));
    }
    if (status == HEBB_OK) status = hb_file_open(s);
    if (status != HEBB_OK) free_records(s); /* of a file that is not this search's */
    else status = run_all(s, folds, data);
    hb_file_close(s);
    hebb_folds_destroy(folds);
    if (s->count > 0) qsort(s->records, s->count, sizeof(record *), by_rank);
    return status;
}

hebb_search *hebb_search_run_with(const hebb_dataset *data, const hebb_search_options *options) {
    static const hebb_search_options defaults;
    hebb_search *s = calloc(1, sizeof *s);
    if (s == NULL) return NULL;
    s->options = options != NULL ? *options : defaults;
    search(s, data);
    return s;
}

void hebb_search_destroy(hebb_search *s) {
    if (s == NULL) return;
    free_records(s);
    free(s->records);
    hb_space_free(s);
    free(s);
}
