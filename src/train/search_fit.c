/* The usual trial of a search (hebb/search.h): a model is built, fitted and measured. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "search.h"
#include "train.h"

/* The measure's place among those of the model; -1, and a failed trial, if it has none of that
   name. */
static int64_t find_measure(const hebb_trial *trial, const hebb_model *m, const char *name) {
    if (name == NULL) return m->n_metrics > 0 ? 1 : 0;
    const char *have;
    for (size_t k = 0; (have = hebb_model_measure(m, k)) != NULL; k++)
        if (strcmp(have, name) == 0) return (int64_t)k;
    char what[256];
    snprintf(what, sizeof what, "the model has no measure %s", name);
    hebb_trial_fail(trial, what);
    return -1;
}

/* A search in the wrong direction is no matter of one trial. */
static bool check_direction(const hebb_trial *trial, const hebb_model *m, int64_t measure) {
    const record *r = trial->reserved_;
    bool lower = measure == 0 || m->metrics[measure - 1].lower_is_better;
    if (r == NULL || lower == r->search->options.lower_is_better) return true;
    hb_search_fail(r->search, HEBB_E_ARGUMENT,
                   "search: %s is better where it is %s, but the search "
                   "has .lower_is_better = %s",
                   m->names[measure], lower ? "lower" : "higher", lower ? "false" : "true");
    return false;
}

static hebb_status fit(hebb_model *m, const hebb_dataset *train, const hebb_dataset *validation,
                       const char *measure, const hebb_trial_fit_options *o) {
    char watched[256];
    if (o->patience <= 0) return hebb_fit(m, train, .epochs = o->epochs, .batch = o->batch);
    snprintf(watched, sizeof watched, "val_%s", measure);
    return hebb_fit(
        m, train, .epochs = o->epochs, .batch = o->batch, .validation = validation,
        .callbacks = HEBB_CALLBACKS(hebb_early_stopping(.monitor = watched, .patience = o->patience,
                                                        .restore_best = true)));
}

static double fit_and_measure(const hebb_trial *trial, hebb_model *m, const hebb_dataset *train,
                              const hebb_dataset *validation, const hebb_trial_fit_options *o) {
    if (hebb_failed(m)) return hebb_trial_fail(trial, hebb_message(m));
    int64_t measure = find_measure(trial, m, o->measure);
    if (measure < 0 || !check_direction(trial, m, measure)) return NAN;
    double *values = calloc(m->n_metrics + 1, sizeof *values);
    if (values == NULL) return hebb_trial_fail(trial, "out of memory: a trial");
    hebb_status status = fit(m, train, validation, m->names[measure], o);
    if (status == HEBB_OK)
        status = hebb_evaluate_with(m, validation, values,
                                    &(const hebb_evaluate_options){.batch = o->batch});
    double score = status == HEBB_OK ? values[measure] : hebb_trial_fail(trial, hebb_message(m));
    free(values);
    return score;
}

double hebb_trial_fit_with(const hebb_trial *trial, const hebb_dataset *train,
                           const hebb_dataset *validation, const hebb_trial_fit_options *options) {
    if (trial == NULL || options == NULL || options->build == NULL || options->device == NULL)
        return hebb_trial_fail(trial, "hebb_trial_fit wants a build and a device");
    if (hebb_failed(options->device)) return hebb_trial_fail(trial, hebb_message(options->device));
    hebb_graph *graph = hebb_graph_create();
    hebb_model *model = graph == NULL ? NULL : options->build(trial, graph, options->device);
    double score = fit_and_measure(trial, model, train, validation, options);
    hebb_model_destroy(model);
    hebb_graph_destroy(graph);
    return score;
}
