/* Learning rates that change as training goes on: functions of the number of the step, computed on
   the device as part of the step. Names, defaults and formulas as in Keras 3 where it has the
   schedule.

     hebb_minimize(loss, hebb_sgd(.schedule = hebb_cosine_decay(0.1, 10000)))
     hebb_minimize(loss, hebb_adam(.schedule = hebb_warm_up(500, hebb_cosine_decay(1e-3, 10000))))
 */
#ifndef HEBB_SCHEDULES_H
#define HEBB_SCHEDULES_H

#include <hebb/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A plain value. `rate` appends the rate for a step to the graph: `step` is a floating scalar, 0 at
   the first step; so is the result. A schedule of your own is one such function; the numbers are
   for it to use. {0}: no schedule. Numbers that make no sense (steps < 1, a factor that is no
   number) are found by hebb_minimize(), which names the schedule. */
typedef struct hebb_schedule hebb_schedule;
struct hebb_schedule {
    hebb_tensor *(*rate)(const hebb_schedule *self, hebb_tensor *step);
    const char *name;
    double number[8];
    int64_t warm_up;         /* steps of a linear rise from 0 before the schedule starts */
    const int64_t *boundary; /* piecewise_constant: the caller's, until hebb_minimize() returns */
    const double *value;
    int count;
    bool staircase, cycle;
};

/* The same rate at each step: for what hebb_warm_up() puts before it. */
HEBB_API hebb_schedule hebb_constant_rate(double rate);
/* values[0] up to and with step boundaries[0], then values[1], ..., values[count] after the last of
   `count` boundaries, which rise. The lists are read until hebb_minimize() returns. */
HEBB_API hebb_schedule hebb_piecewise_constant_decay(const int64_t *boundaries,
                                                     const double *values, int count);
/* rate factor^floor(step / every) */
HEBB_API hebb_schedule hebb_step_decay(double rate, int64_t every, double factor);
/* rate factor^(step / steps) */
HEBB_API hebb_schedule hebb_exponential_decay(double rate, int64_t steps, double factor);
/* rate / (1 + factor step / steps) */
HEBB_API hebb_schedule hebb_inverse_time_decay(double rate, int64_t steps, double factor);
/* (rate - end) (1 - step / steps)^power + end, and `end` after `steps`. */
HEBB_API hebb_schedule hebb_polynomial_decay(double rate, int64_t steps, double end, double power);
/* rate ((1 - alpha) (1 + cos(pi step / steps)) / 2 + alpha) with alpha 0, and then the last value
   (I. Loshchilov and F. Hutter, "SGDR", 2017). */
HEBB_API hebb_schedule hebb_cosine_decay(double rate, int64_t steps);
HEBB_API hebb_schedule hebb_cosine_decay_to(double rate, int64_t steps, double alpha);
/* The same, started again after `steps`, then after t_mul times as many and so on, each time from
   m_mul times the rate. Keras's defaults: t_mul 2, m_mul 1, alpha 0. */
HEBB_API hebb_schedule hebb_cosine_decay_restarts(double rate, int64_t steps, double t_mul,
                                                  double m_mul, double alpha);
/* One cycle (L. Smith, "Super-convergence", 2018), with cosines, as in PyTorch: from most / 25 up
   to `most` in the first 30 % of the steps, then down to most / 250000. */
HEBB_API hebb_schedule hebb_one_cycle(double most, int64_t steps);
/* `then`, after `steps` in which the rate rises linearly from 0 to what `then` begins with: its
   step 0 is step number `steps`. A warm-up of a warm-up is one of as many steps as both have. */
HEBB_API hebb_schedule hebb_warm_up(int64_t steps, hebb_schedule then);

/* The rate at a step (a floating scalar, counted from 0) as a tensor: to look at a schedule, or for
   an optimizer of your own. HEBB_E_ARGUMENT in the graph if a number makes no sense. */
HEBB_API hebb_tensor *hebb_schedule_rate(const hebb_schedule *schedule, hebb_tensor *step);

#ifdef __cplusplus
}
#endif
#endif
