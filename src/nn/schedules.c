/* Learning-rate schedules as graphs of public operations (hebb/schedules.h). */
#include <math.h>
#include <stdio.h>

#include "nn.h"

static const double PI = 3.14159265358979323846;

/* min(step, steps) / steps */
static hebb_tensor *share(hebb_tensor *step, double steps) {
    return hebb_div(hebb_minimum(step, number(step, steps)), number(step, steps));
}

/* from the first value to the second as `way` goes from 0 to 1, along half a cosine. */
static hebb_tensor *cosine(hebb_tensor *way, double from, double to) {
    hebb_tensor *half = plus(times(hebb_cos(times(way, PI)), 0.5), 0.5);
    return plus(times(half, from - to), to);
}

/* factor^x, which may be 0 or 1. */
static hebb_tensor *power_of(double factor, hebb_tensor *x) {
    return hebb_pow(number(x, factor), x);
}

static hebb_tensor *constant(const hebb_schedule *s, hebb_tensor *step) {
    return number(step, s->number[0]);
}

hebb_schedule hebb_constant_rate(double rate) {
    return (hebb_schedule){.rate = constant, .name = "constant_rate", .number = {rate}};
}

static hebb_tensor *piecewise(const hebb_schedule *s, hebb_tensor *step) {
    hebb_tensor *rate = number(step, s->value[s->count]);
    for (int k = s->count - 1; k >= 0; k--)
        rate = hebb_select(hebb_less_equal(step, number(step, (double)s->boundary[k])),
                           number(step, s->value[k]), rate);
    return rate;
}

hebb_schedule hebb_piecewise_constant_decay(const int64_t *boundaries, const double *values,
                                            int count) {
    return (hebb_schedule){.rate = piecewise,
                           .name = "piecewise_constant_decay",
                           .number = {0, 1},
                           .boundary = boundaries,
                           .value = values,
                           .count = count};
}

static hebb_tensor *exponential(const hebb_schedule *s, hebb_tensor *step) {
    hebb_tensor *exponent = hebb_div(step, number(step, s->number[1]));
    if (s->staircase) exponent = hebb_floor(exponent);
    return times(power_of(s->number[2], exponent), s->number[0]);
}

hebb_schedule hebb_exponential_decay(double rate, int64_t steps, double factor) {
    return (hebb_schedule){
        .rate = exponential, .name = "exponential_decay", .number = {rate, (double)steps, factor}};
}

hebb_schedule hebb_step_decay(double rate, int64_t every, double factor) {
    return (hebb_schedule){.rate = exponential,
                           .name = "step_decay",
                           .number = {rate, (double)every, factor},
                           .staircase = true};
}

static hebb_tensor *inverse_time(const hebb_schedule *s, hebb_tensor *step) {
    hebb_tensor *way = hebb_div(step, number(step, s->number[1]));
    if (s->staircase) way = hebb_floor(way);
    return hebb_div(number(step, s->number[0]), plus(times(way, s->number[2]), 1));
}

hebb_schedule hebb_inverse_time_decay(double rate, int64_t steps, double factor) {
    return (hebb_schedule){.rate = inverse_time,
                           .name = "inverse_time_decay",
                           .number = {rate, (double)steps, factor}};
}

static hebb_tensor *polynomial(const hebb_schedule *s, hebb_tensor *step) {
    double steps = s->number[1], end = s->number[2], power = s->number[3];
    hebb_tensor *all = number(step, steps);
    if (s->cycle) { /* the number of steps grows to the next multiple */
        hebb_tensor *cycles = hebb_ceil(hebb_div(step, all));
        all = hebb_mul(all, hebb_maximum(cycles, number(cycles, 1)));
    }
    hebb_tensor *left = hebb_sub(number(step, 1), hebb_div(hebb_minimum(step, all), all));
    return plus(times(hebb_pow(left, number(left, power)), s->number[0] - end), end);
}

hebb_schedule hebb_polynomial_decay(double rate, int64_t steps, double end, double power) {
    return (hebb_schedule){.rate = polynomial,
                           .name = "polynomial_decay",
                           .number = {rate, (double)steps, end, power}};
}

static hebb_tensor *cosine_decay(const hebb_schedule *s, hebb_tensor *step) {
    return cosine(share(step, s->number[1]), s->number[0], s->number[0] * s->number[2]);
}

hebb_schedule hebb_cosine_decay_to(double rate, int64_t steps, double alpha) {
    return (hebb_schedule){
        .rate = cosine_decay, .name = "cosine_decay", .number = {rate, (double)steps, alpha}};
}

hebb_schedule hebb_cosine_decay(double rate, int64_t steps) {
    return hebb_cosine_decay_to(rate, steps, 0);
}

/* Which restart a step belongs to: with all of one length, step / steps; with lengths that grow by
   t_mul, the largest i with steps (t_mul^i - 1) / (t_mul - 1) <= step. */
static hebb_tensor *restarts(const hebb_schedule *s, hebb_tensor *step) {
    double rate = s->number[0], steps = s->number[1], t_mul = s->number[2], m_mul = s->number[3];
    hebb_tensor *done = hebb_div(step, number(step, steps)), *index, *way;
    if (t_mul == 1) {
        index = hebb_floor(done);
        way = hebb_sub(done, index);
    } else {
        hebb_tensor *grown = plus(times(done, t_mul - 1), 1);
        index = hebb_floor(times(hebb_log(grown), 1 / log(t_mul)));
        hebb_tensor *length = power_of(t_mul, index);
        hebb_tensor *before = times(plus(length, -1), 1 / (t_mul - 1));
        way = hebb_div(hebb_sub(done, before), length);
    }
    return hebb_mul(cosine(way, rate, 0), power_of(m_mul, index));
}

static hebb_tensor *restarts_to(const hebb_schedule *s, hebb_tensor *step) {
    double alpha = s->number[4];
    return plus(times(restarts(s, step), 1 - alpha), s->number[0] * alpha);
}

hebb_schedule hebb_cosine_decay_restarts(double rate, int64_t steps, double t_mul, double m_mul,
                                         double alpha) {
    return (hebb_schedule){.rate = restarts_to,
                           .name = "cosine_decay_restarts",
                           .number = {rate, (double)steps, t_mul, m_mul, alpha}};
}

static hebb_tensor *one_cycle(const hebb_schedule *s, hebb_tensor *step) {
    double most = s->number[0], top = 0.3 * s->number[1] - 1, last = s->number[1] - 1;
    if (top < 1) top = 1;
    if (last < top + 1) last = top + 1;
    hebb_tensor *up = cosine(hebb_clip(times(step, 1 / top), 0, 1), most / 25, most);
    hebb_tensor *way = hebb_clip(times(plus(step, -top), 1 / (last - top)), 0, 1);
    hebb_tensor *down = cosine(way, most, most / 250000);
    return hebb_select(hebb_less_equal(step, number(step, top)), up, down);
}

hebb_schedule hebb_one_cycle(double most, int64_t steps) {
    return (hebb_schedule){.rate = one_cycle, .name = "one_cycle", .number = {most, (double)steps}};
}

hebb_schedule hebb_warm_up(int64_t steps, hebb_schedule then) {
    then.warm_up += steps;
    if (steps < 1) then.number[1] = -1; /* found to be wrong by check() */
    return then;
}

/* What is wrong with the numbers; NULL if nothing is. */
static const char *wrong(const hebb_schedule *s) {
    if (s->name == NULL) return NULL; /* a user's, whose numbers are its own affair */
    for (int k = 0; k < 8; k++)
        if (!isfinite(s->number[k])) return "a number is not finite";
    if (s->number[0] < 0) return "the rate is negative";
    bool steps = s->rate != constant && s->rate != piecewise;
    if ((steps && s->number[1] < 1) || s->number[1] < 0) return "it takes less than one step";
    if (s->rate == exponential && s->number[2] < 0) return "the factor is negative";
    if (s->rate == restarts_to && s->number[2] < 1) return "t_mul is less than 1";
    if (s->rate != piecewise) return NULL;
    if (s->count < 0 || s->value == NULL || (s->count > 0 && s->boundary == NULL))
        return "boundaries or values are missing";
    for (int k = 0; k <= s->count; k++)
        if (!isfinite(s->value[k]) || s->value[k] < 0) return "a value is no rate";
    for (int k = 1; k < s->count; k++)
        if (s->boundary[k] <= s->boundary[k - 1]) return "the boundaries do not rise";
    return NULL;
}

hebb_tensor *hebb_schedule_rate(const hebb_schedule *schedule, hebb_tensor *step) {
    if (hebb_tensor_is_inert(step)) return step;
    hebb_graph *graph = hebb_tensor_graph(step);
    if (schedule == NULL || schedule->rate == NULL)
        return hebb_graph_fail(graph, HEBB_E_NULL, "schedule: it has no function for the rate");
    const char *problem = wrong(schedule);
    if (problem != NULL) {
        char message[160];
        snprintf(message, sizeof message, "schedule %s: %s",
                 schedule->name != NULL ? schedule->name : "", problem);
        return hebb_graph_fail(graph, HEBB_E_ARGUMENT, message);
    }
    if (schedule->warm_up < 1) return schedule->rate(schedule, step);
    double steps = (double)schedule->warm_up;
    hebb_tensor *zero = number(step, 0), *rise = share(step, steps);
    hebb_tensor *after = hebb_maximum(plus(step, -steps), zero);
    return hebb_mul(schedule->rate(schedule, after), rise);
}
