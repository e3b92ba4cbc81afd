/* Hyperparameter search: trials of a grid or of random draws, each scored on data that its training
   did not see.

     static hebb_model *build(const hebb_trial *trial, hebb_graph *g, hebb_device *device) {
         ... hebb_dense(x, (int64_t)hebb_trial_value(trial, "units")) ...
         return hebb_model_create(g, device, ..., .seed = trial->seed);
     }
     static double run(const hebb_trial *trial, const hebb_dataset *train,
                       const hebb_dataset *validation) {
         return hebb_trial_fit(trial, train, validation, .build = build, .device = trial->user,
                               .epochs = 20, .measure = "accuracy");
     }
     hebb_search *found = hebb_search_run(
         data, .run = run, .user = device, .folds = 5, .trials = 40, .seed = 1,
         .file = "trials.csv",
         .parameters = HEBB_PARAMETERS(hebb_search_choice("units", 16, 32, 64),
                                       hebb_search_log_uniform("rate", 1e-4, 1e-1)));
     if (hebb_failed(found)) fprintf(stderr, "%s\n", hebb_message(found));
     hebb_search_print(found, 10, stdout);
     build(hebb_search_best(found), graph, device) ... */
#ifndef HEBB_SEARCH_H
#define HEBB_SEARCH_H

#include <stdio.h>
#include <hebb/folds.h>
#include <hebb/train.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- parameters ---- */

typedef enum hebb_parameter_kind {
    HEBB_SEARCH_CHOICE = 0,  /* one of `values` */
    HEBB_SEARCH_TEXT,        /* one of `texts`; its value is the index */
    HEBB_SEARCH_UNIFORM,     /* low to high */
    HEBB_SEARCH_LOG_UNIFORM, /* low to high, its logarithm uniform; low > 0 */
    HEBB_SEARCH_INTEGER,     /* low ... high, both of them too; whole numbers below 2^53 */
} hebb_parameter_kind;

/* Draws of a range are rounded to 6 digits, so that a file of trials has their values exactly. */
typedef struct hebb_parameter {
    const char *name;
    hebb_parameter_kind kind;
    const double *values; /* finite */
    const char *const *texts;
    size_t count; /* of values or texts */
    double low, high;
    int64_t points; /* of a range in a grid, at equal distances (ratios, if log-uniform): 2 or more;
                       default 3, and every whole number of an integer range */
} hebb_parameter;

/* hebb_search_choice("units", 16, 32, 64), hebb_search_text("activation", "relu", "tanh"),
   hebb_search_uniform("dropout", 0, 0.5), hebb_search_integer("layers", 1, 4, .points = 2):
   hebb_parameters that live as long as their block. */
#define hebb_search_choice(parameter, ...)                                                         \
    ((hebb_parameter){.name = (parameter),                                                         \
                      .kind = HEBB_SEARCH_CHOICE,                                                  \
                      .values = (const double[]){__VA_ARGS__},                                     \
                      .count = sizeof((const double[]){__VA_ARGS__}) / sizeof(double)})
#define hebb_search_text(parameter, ...)                                                           \
    ((hebb_parameter){.name = (parameter),                                                         \
                      .kind = HEBB_SEARCH_TEXT,                                                    \
                      .texts = (const char *const[]){__VA_ARGS__},                                 \
                      .count = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)})
#define hebb_search_uniform(parameter, least, ...)                                                 \
    ((hebb_parameter){                                                                             \
        .name = (parameter), .kind = HEBB_SEARCH_UNIFORM, .low = (least), .high = __VA_ARGS__})
#define hebb_search_log_uniform(parameter, least, ...)                                             \
    ((hebb_parameter){.name = (parameter),                                                         \
                      .kind = HEBB_SEARCH_LOG_UNIFORM,                                             \
                      .low = (least),                                                              \
                      .high = __VA_ARGS__})
#define hebb_search_integer(parameter, least, ...)                                                 \
    ((hebb_parameter){                                                                             \
        .name = (parameter), .kind = HEBB_SEARCH_INTEGER, .low = (least), .high = __VA_ARGS__})

typedef struct hebb_parameter_list {
    const hebb_parameter *at;
    int count;
} hebb_parameter_list;
#define HEBB_PARAMETERS(...)                                                                       \
    ((hebb_parameter_list){                                                                        \
        (const hebb_parameter[]){__VA_ARGS__},                                                     \
        (int)(sizeof((const hebb_parameter[]){__VA_ARGS__}) / sizeof(hebb_parameter))})

/* ---- trials ---- */

/* One combination of values. The second part is set when the trial is over. */
typedef struct hebb_trial {
    int64_t number;      /* from 1, in the order of the search */
    int64_t fold, folds; /* which one is left out, of how many; 0 of 1 with a validation set */
    uint64_t seed;       /* for the model: the search's plus the fold, equal in all trials; when the
                            trial is over, the search's */
    void *user;          /* of the search's options */

    double score, deviation; /* mean over its folds, and their standard deviation (over n, not
                                n - 1, as in scikit-learn) */
    const double *scores;    /* of each fold that was run */
    int64_t scored;          /* how many these are */
    double seconds;
    const char *message; /* why it failed; NULL if it did not */
    bool abandoned;
    void *reserved_;
} hebb_trial;

/* The value of that hyperparameter; of a text its index. NaN, which also fails the trial, if there
   is none of that name. */
HEBB_API double hebb_trial_value(const hebb_trial *trial, const char *name);
/* The text of a text parameter; "" likewise. */
HEBB_API const char *hebb_trial_text(const hebb_trial *trial, const char *name);
/* Fails a trial: `return hebb_trial_fail(trial, "too large");` The first message is kept, a copy of
   it. Returns NaN. */
HEBB_API double hebb_trial_fail(const hebb_trial *trial, const char *message);

/* Trains on one data set and returns the score on the other; what is not finite fails the trial. */
typedef double (*hebb_trial_run)(const hebb_trial *trial, const hebb_dataset *train,
                                 const hebb_dataset *validation);

/* ---- a search ---- */

typedef struct hebb_search_options {
    hebb_parameter_list parameters; /* copied */
    hebb_trial_run run;
    void *user;               /* for run: trial->user */
    int64_t trials;           /* so many random draws; default: the grid of all combinations */
    int64_t folds;            /* cross-validation: each part of the data is left out once */
    const hebb_array *labels; /* folds are stratified by these, see hebb/folds.h */
    const hebb_dataset *validation; /* or one training a trial, scored on this */
    bool lower_is_better;           /* of scores */
    bool abandon;     /* a trial whose mean after some folds is worse than the median of those of
                         others after as many is given up; when 5 others are done (the median rule of
                         D. Golovin et al. 2017) */
    uint64_t seed;    /* of draws, folds and models */
    const char *file; /* trials as comma-separated values, see below */
    FILE *out;        /* gets a line a trial */
    int reserved_;
} hebb_search_options;

/* Runs the trials, one after the other. Equal options, data and seed give equal trials and scores.
   A combination is tried once: random draws that were there are drawn again, and if 100 in a row
   were, the search ends with fewer trials. A trial that fails is kept with its message, and the
   search goes on.

   The file gets a first line of names and a line a trial, as soon as it is over. If it is there
   already, its trials belong to the result and are not run again, not even failed ones; a last line
   that is not whole is dropped. So a search that was killed goes on where it was.

   Always returns an object unless memory is out. The search ends with an error, for hebb_failed()
   and hebb_message(), and with the trials until then: HEBB_E_NULL, HEBB_E_ARGUMENT (no parameters,
   a range or list that is none, neither folds nor validation), those of hebb_folds_create(),
   HEBB_E_FILE (cannot be read or written), HEBB_E_FORMAT (the file is no file of trials, or of
   another search: other parameters, folds or seed), HEBB_E_MEMORY. */
#define hebb_search_run(...) hebb_search_run_args(__VA_ARGS__, .reserved_ = 0)
#define hebb_search_run_args(data, ...)                                                            \
    hebb_search_run_with((data), &(const hebb_search_options){__VA_ARGS__})
HEBB_API hebb_search *hebb_search_run_with(const hebb_dataset *data,
                                           const hebb_search_options *options);
HEBB_API void hebb_search_destroy(hebb_search *search);

/* ---- results, which belong to the search ---- */

/* NULL if no trial went well. */
HEBB_API const hebb_trial *hebb_search_best(const hebb_search *search);
HEBB_API size_t hebb_search_count(const hebb_search *search);
/* From the best to the worst, then abandoned and failed ones, equal ones by number; NULL past the
   end. */
HEBB_API const hebb_trial *hebb_search_trial(const hebb_search *search, size_t rank);
/* A table of the best `most` trials, 79 columns wide; those that failed are counted. HEBB_E_NULL,
   HEBB_E_FILE. */
HEBB_API hebb_status hebb_search_print(const hebb_search *search, size_t most, FILE *out);

/* ---- the usual trial: a model, fitted ---- */

typedef struct hebb_trial_fit_options {
    /* Makes the model of a trial in an empty graph. It is destroyed after the fit. */
    hebb_model *(*build)(const hebb_trial *trial, hebb_graph *graph, hebb_device *device);
    hebb_device *device;
    int64_t epochs, batch; /* as of hebb_fit() */
    const char *measure;   /* the score: "loss" or a metric's name; default: the first metric, or
                              the loss if there is none. One that is lower in a better model needs
                              a search with .lower_is_better, else the search ends with an error */
    int64_t patience;      /* stops early after so many epochs that did not get better on the
                              validation set, with the weights of the best one; default: does not */
    int reserved_;
} hebb_trial_fit_options;
/* The measure on the validation set after fitting; NaN, with the model's message as the trial's, if
   anything goes wrong. */
#define hebb_trial_fit(trial, train, ...)                                                          \
    hebb_trial_fit_args(trial, train, __VA_ARGS__, .reserved_ = 0)
#define hebb_trial_fit_args(trial, train, validation, ...)                                         \
    hebb_trial_fit_with((trial), (train), (validation),                                            \
                        &(const hebb_trial_fit_options){__VA_ARGS__})
HEBB_API double hebb_trial_fit_with(const hebb_trial *trial, const hebb_dataset *train,
                                    const hebb_dataset *validation,
                                    const hebb_trial_fit_options *options);

#ifdef __cplusplus
}
#endif
#endif
