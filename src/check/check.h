/* What the files of the gradient checker share. */
#ifndef HB_CHECK_H
#define HB_CHECK_H

#include <hebb/gradcheck.h>

/* One x with its value, which moves, and its gradient. */
typedef struct hb_check_x {
    hebb_tensor *tensor;
    bool variable, skip;
    hebb_array value, before; /* before: of a variable, to be put back */
    hebb_array gradient;
} hb_check_x;

typedef struct hb_check {
    hebb_graph *graph;
    hebb_session *session;
    hebb_tensor *y;
    hebb_gradcheck_options options; /* with its defaults */
    bool claimed;                   /* gradients are given, and all weights 1 */
    uint64_t random, step;
    size_t n_x, n_feeds;
    hb_check_x *x;
    hebb_feed *feeds;
    hebb_array value, weights; /* of y, in its dtype */
    double error;              /* of the worst so far, over what is allowed; negative: none yet */
    hebb_status status;
    hebb_gradcheck_report *report;
} hb_check;

/* sum(v y), sum |v y| and sum (v y)^2. */
typedef struct hb_check_sum {
    double value, terms, squares;
} hb_check_sum;

/* Keeps the first error; returns it. */
hebb_status hb_check_fail(hb_check *c, hebb_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
double hb_check_weight(hb_check *c); /* in +-[0.5, 1.5) */
/* Stores the value, rounded to the array's dtype, which is f32 or f64; returns what was stored. */
double hb_check_set(hebb_array *array, int64_t index, double value);

/* Gives a variable its present value; a fed x has it anyway. */
hebb_status hb_check_place(hb_check *c, const hb_check_x *moved);
/* y at the xs' present values, `moved` being the one that has changed. */
hebb_status hb_check_evaluate(hb_check *c, const hb_check_x *moved, hb_check_sum *sum);

/* differences.c: compares all gradients with differences and writes the report. */
hebb_status hb_check_compare(hb_check *c);

#endif
