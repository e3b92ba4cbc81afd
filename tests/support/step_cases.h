/* Steps with the memory they work on, made at random from a seed: for test_steps.c. */
#ifndef HB_STEP_CASES_H
#define HB_STEP_CASES_H

#include <stddef.h>
#include "../../src/backends/step.h"

enum { CASE_BUFFERS = 4, CASE_ARRAYS = 24, CASE_INSTRUCTIONS = 96 };

/* Elements that a step reads or writes; what lies between arrays is guarded. */
typedef struct case_array {
    int buffer;
    int64_t offset, count; /* bytes, elements */
    hebb_dtype dtype;
    bool is_input;
} case_array;

/* Buffer 0 is for scratch memory only. */
typedef struct step_case {
    uint64_t seed;
    hb_step step;
    size_t bytes[CASE_BUFFERS];
    char *memory[CASE_BUFFERS]; /* as it is before the step */
    int n_arrays;
    case_array array[CASE_ARRAYS];
    hb_operand in[CASE_ARRAYS];
    hb_output out[CASE_ARRAYS];
    hb_instr instr[CASE_INSTRUCTIONS];
    hb_operand whole_in[3], whole_out[1];
} step_case;

/* Largest number of points (or multiplications, for a GEMM) of a case. */
typedef struct case_limits {
    int64_t points;
    bool f64; /* f64 may be used */
} case_limits;

step_case *case_loop(uint64_t seed, case_limits limits); /* no reductions */
step_case *case_reduction(uint64_t seed, case_limits limits);
/* What is stored at every point may take the place of an input: for backends that reduces_once. */
step_case *case_reduction_in_place(uint64_t seed, case_limits limits);
step_case *case_turns(uint64_t seed, case_limits limits);            /* step_cases_turns.c */
step_case *case_shared_reduction(uint64_t seed, case_limits limits); /* step_cases_shared.c */
step_case *case_gemm(uint64_t seed, case_limits limits);
step_case *case_round_gemm(uint64_t seed, case_limits limits);      /* 1024 or 2048 columns */
step_case *case_tall_gemm(uint64_t seed, case_limits limits);       /* many rows, a large B */
step_case *case_short_gemm(uint64_t seed, case_limits limits);      /* long sums of few results */
step_case *case_gemm_of_samples(uint64_t seed, case_limits limits); /* a weight's gradient */
step_case *case_long_gemm(uint64_t seed, case_limits limits); /* few results of very long sums */
step_case *case_indexed(uint64_t seed, case_limits limits);   /* step_cases_indexed.c */
step_case *case_conv(uint64_t seed, case_limits limits);      /* step_cases_conv.c */
step_case *case_deep_conv(uint64_t seed, case_limits limits); /* of 12 or more channels each */
step_case *case_conv_few_channels(uint64_t seed, case_limits limits);
step_case *case_conv_depthwise(uint64_t seed, case_limits limits);
step_case *case_conv_3x3(uint64_t seed, case_limits limits); /* at steps of 1 */
step_case *case_conv_5x5(uint64_t seed, case_limits limits);
step_case *case_conv_strided(uint64_t seed, case_limits limits); /* at steps of 2, or of 2 x 2 */
step_case *case_conv_volumes(uint64_t seed, case_limits limits); /* at steps of 1 */
step_case *case_conv_wide(uint64_t seed, case_limits limits);    /* of both, with few channels */
step_case *case_fold(uint64_t seed, case_limits limits);
step_case *case_resample(uint64_t seed, case_limits limits);
step_case *case_max_back(uint64_t seed, case_limits limits);
step_case *case_along(uint64_t seed, case_limits limits); /* along an axis: step_cases_indexed.c */
void case_free(step_case *c);

/* What the case is, for people: step_describe.c. */
void case_describe(const step_case *c, char *text, size_t size);

/* ---- for cases by hand ---- */

step_case *case_new(uint64_t seed);
/* An operand over a new array; strides as given for the dimensions of step.u.loop. */
hb_operand case_array_add(step_case *c, hebb_dtype dtype, int64_t count, bool is_input);
/* Allocates memory: inputs random, the rest poisoned. */
void case_finish(step_case *c);

#endif
