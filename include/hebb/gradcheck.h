/* Checking gradients: of any tensor of any graph, on any device.

     hebb_tensor *y = my_op(a, b);
     hebb_gradcheck_report r;
     hebb_gradcheck(y, HEBB_TENSORS(a, b), HEBB_FEED({a, &a_value}, {b, &b_value}), session, &r);
     printf("%s\n", r.message);

   What is checked is the gradient of sum(v * y), where the random weights v let no element of y
   hide behind another. In float64 every element of every x is moved a little to either side, and
   the central difference compared with the gradient, sign and all. Where y or an x is f32, rounding
   leaves too little of such differences; then whole directions are checked: the gradient times a
   direction against the change of y along it, with as much room as rounding needs. NaN and infinity
   fail wherever they appear. */
#ifndef HEBB_GRADCHECK_H
#define HEBB_GRADCHECK_H

#include <hebb/autodiff.h>
#include <hebb/session.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Everything may be left out: 0 is the default. */
typedef struct hebb_gradcheck_options {
    double step;     /* how far an element x moves, times max(1, |x|): 1e-6; in directions the
                        largest of four steps: 1/16 */
    double relative; /* error allowed beside the numeric value: 1e-5; in directions, beside that or
                        the typical change along a direction: 5e-3 */
    double absolute; /* error allowed in any case, on top of what rounding may do: 1e-7; in
                        directions 1e-6 */
    int64_t most;    /* elements of each x that are checked, evenly spread: 1000; negative: all */
    int directions;  /* of each x; 16. An x with no more elements is moved along its axes */
    uint64_t seed;   /* of the weights, of directions, and of values that are not fed */
    /* Tensors that claim to be the gradients of sum(y), one for each x, checked in place of those
       that hebb_gradients() makes; the weights are 1 then. NULL for an entry: this x is not
       checked.
     */
    hebb_tensor *const *gradients;
} hebb_gradcheck_options;

typedef struct hebb_gradcheck_report {
    bool passed;
    size_t elements; /* elements and directions that were compared */
    /* The worst of them, by error over what was allowed. NULL and zeros if nothing was compared. */
    hebb_tensor *input;
    int64_t index; /* row-major in the input; -1: a direction */
    double x;      /* the element; 0 for a direction */
    double analytic, numeric, allowed;
    /* Sum of |v y| over (|numeric| max(1, |x|)): how much larger the terms are than what is
       measured. Rounding disturbs the numeric value by about this, times epsilon, over the step. */
    double condition;
    char message[512]; /* all of it in words, never empty */
} hebb_gradcheck_report;

/* Checks the gradient of y, f32 or f64 and of any shape, with respect to the xs: inputs or
   variables, f32 or f64, each named once, whose values lie where y has a derivative. An x that is a
   fed input takes the fed value, in which NaN marks elements to leave alone; one that is not fed
   and has no open sizes is drawn from -2...2; a variable has the session's value, which is back in
   place afterwards. Every
   run is the same run to random ops. All else that y needs is fed. The session may be used before
   and after; its number of runs does not change.

   Appends to the graph an input of y's shape for the weights v, and the gradients; none of it is
   touched by runs that do not fetch it.

   HEBB_OK means that the comparison could be made: report->passed has the result. Errors, with
   words in the report's message: HEBB_E_NULL, HEBB_E_ARGUMENT (no x, an x that is neither input nor
   variable or is named twice, options out of range), HEBB_E_DTYPE (y or an x is neither f32 nor
   f64), HEBB_E_GRAPH, what hebb_gradients() answers, which stays in the graph (HEBB_E_GRADIENT
   names the op), and what hebb_run() answers. A gradient of the wrong shape or dtype is not an
   error but fails. */
HEBB_API hebb_status hebb_gradcheck(hebb_tensor *y, hebb_tensor *const *xs, size_t n_xs,
                                    const hebb_feed *feeds, size_t n_feeds, hebb_session *session,
                                    hebb_gradcheck_report *report);
/* The same with options; NULL: the defaults. */
HEBB_API hebb_status hebb_gradcheck_with(hebb_tensor *y, hebb_tensor *const *xs, size_t n_xs,
                                         const hebb_feed *feeds, size_t n_feeds,
                                         hebb_session *session,
                                         const hebb_gradcheck_options *options,
                                         hebb_gradcheck_report *report);

#ifdef __cplusplus
}
#endif
#endif
