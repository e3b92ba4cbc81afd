/* The checks that every op goes through, whatever runs them: a list of checks, each a function of a
   descriptor (samples.h) and a device. The tests walk it in full; `hebb check` walks it on the
   user's device. Nothing here prints or stops: failures go to a function of the caller's.

       checker at = {.device = device, .name = "opencl:0", .f64 = true, .cpu = cpu,
                     .fail = print_it};
       for (size_t i = 0; i < check_count(); i++)
           check_result r = check_run(check_at(i), descriptor_find("matmul"), &at); */
#ifndef CHECKS_CHECK_H
#define CHECKS_CHECK_H

#include "samples.h"

/* Where the checks run, and who hears of failures. */
typedef struct checker {
    hebb_device *device; /* the one that is checked */
    const char *name;    /* of it, for messages */
    bool f64;            /* whether it computes in float64 */
    hebb_device *cpu;    /* the CPU backend, whose float64 gradients are the measure; may be the
                            device itself */
    /* Called once for each failure, with one line about it. */
    void (*fail)(void *user, const char *message);
    void *user;
} checker;

typedef struct check_result {
    size_t samples; /* that were checked */
    size_t failures;
    double worst;        /* the largest error as a share of what the tolerance allows */
    const char *skipped; /* why nothing was checked; NULL if something was */
    size_t left_out;     /* samples that were not, ... */
    const char *because; /* ... and why */
} check_result;

/* What a check is about: the columns in which results are summed up. */
typedef enum check_topic {
    CHECK_FORWARD,  /* values against the reference */
    CHECK_GRADIENT, /* derivatives */
    CHECK_SECOND,   /* derivatives of derivatives */
    CHECK_BITS,     /* runs that must agree in every bit */
    CHECK_ERRORS,   /* bad arguments against the documented errors */
    CHECK_TOPICS
} check_topic;

typedef enum check_traits {
    /* Of what others check, in another dtype or unfused: may be left out where kernels take long to
       compile. */
    CHECK_AGAIN = 1,
    /* Of the gradients that CHECK_GRADIENT is about: compiles the same kernels. */
    CHECK_DERIVES = 2,
} check_traits;

typedef struct check {
    const char *name;
    check_topic topic;
    unsigned traits; /* check_traits */
} check;

size_t check_count(void);
const check *check_at(size_t index);
check_result check_run(const check *c, const descriptor *d, const checker *at);

#endif
