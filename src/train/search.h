/* What the files of a search share (hebb/search.h). Public headers only. */
#ifndef HB_SEARCH_H
#define HB_SEARCH_H

#include <hebb/search.h>

enum { HB_NUMBER_SIZE = 32 };

typedef struct parameter {
    char *name;
    hebb_parameter_kind kind;
    double *values;
    char **texts;
    size_t count;
    double low, high;
    int64_t points;
} parameter;

/* A trial with what it points to. */
typedef struct record {
    hebb_trial shown; /* first: a trial's address is its record's */
    hebb_search *search;
    double *values, *scores;
    char *message;
    bool running, visited; /* visited: its place in the order of the search was reached */
} record;

struct hebb_search {
    parameter *parameters;
    size_t n_parameters;
    hebb_search_options options;
    int64_t n_folds;
    record **records; /* in the order of their making; ranked when the search is over */
    size_t count, room;
    FILE *file;
    int64_t rows; /* lines in the file */
    hebb_status status;
    char message[1024];
};

/* search.c */
hebb_status hb_search_fail(hebb_search *search, hebb_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A new record at the end, its arrays of the right size; NULL, and an error, without memory. */
record *hb_record_add(hebb_search *search);
/* The record with these values; NULL if there is none. */
record *hb_record_find(const hebb_search *search, const double *values);
/* Sets score and deviation from `scored` scores. */
void hb_record_score(record *r);

/* search_space.c */
hebb_status hb_space_copy(hebb_search *search, hebb_parameter_list list);
void hb_space_free(hebb_search *search);
/* Combinations of the grid; -1 if they cannot be counted. */
int64_t hb_grid_size(const hebb_search *search);
void hb_grid_values(const hebb_search *search, int64_t index, double *values);
void hb_draw_values(const hebb_search *search, int64_t trial, int64_t attempt, double *values);
/* The fewest digits that give the number back. */
const char *hb_number_text(double number, char text[HB_NUMBER_SIZE]);
/* A value as it is printed and written; `text` is room for it. */
const char *hb_value_text(const parameter *p, double value, char text[HB_NUMBER_SIZE]);
/* And back; false if it is no value of the parameter. */
bool hb_value_read(const parameter *p, const char *text, double *value);

/* search_file.c: nothing is done if the search has no file. */
hebb_status hb_file_open(hebb_search *search);
hebb_status hb_file_add(hebb_search *search, const record *r);
void hb_file_close(hebb_search *search);

#endif
