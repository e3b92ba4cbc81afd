/* The list of checks, and how they report: see check.h and job.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "job.h"

/* ---- the list ---- */

static void gradient_f32(job *j) { check_gradient_on_device(j, HEBB_F32, false); }
static void gradient_f64(job *j) { check_gradient_on_device(j, HEBB_F64, false); }
static void second_f32(job *j) { check_gradient_on_device(j, HEBB_F32, true); }
static void second_f64(job *j) { check_gradient_on_device(j, HEBB_F64, true); }

static const struct {
    check check;
    void (*run)(job *j);     /* or ... */
    forward_options forward; /* ... values with these options */
} checks[] = {
    {{"forward f32", CHECK_FORWARD, 0}, .forward = {HEBB_F32, 0, false}},
    {{"forward f64", CHECK_FORWARD, 0}, .forward = {HEBB_F64, 0, false}},
    {{"no passes f32", CHECK_FORWARD, CHECK_AGAIN}, .forward = {HEBB_F32, HEBB_NO_PASSES, false}},
    {{"no passes f64", CHECK_FORWARD, CHECK_AGAIN}, .forward = {HEBB_F64, HEBB_NO_PASSES, false}},
    {{"open sizes f32", CHECK_FORWARD, 0}, .forward = {HEBB_F32, 0, true}},
    {{"open sizes f64, no passes", CHECK_FORWARD, CHECK_AGAIN},
     .forward = {HEBB_F64, HEBB_NO_PASSES, true}},
    {{"forward f16", CHECK_FORWARD, 0}, .forward = {HEBB_F16, 0, false}},
    {{"forward bf16", CHECK_FORWARD, CHECK_AGAIN}, .forward = {HEBB_BF16, 0, false}},
    {{"no passes f16", CHECK_FORWARD, CHECK_AGAIN}, .forward = {HEBB_F16, HEBB_NO_PASSES, false}},
    {{"open sizes bf16", CHECK_FORWARD, CHECK_AGAIN}, .forward = {HEBB_BF16, 0, true}},
    {{"repetition", CHECK_BITS, 0}, .run = check_repetition},
    {{"poisoned memory", CHECK_BITS, 0}, .run = check_poison},
    {{"views and copies", CHECK_BITS, 0}, .run = check_views},
    {{"in place", CHECK_BITS, 0}, .run = check_in_place},
    {{"gradient", CHECK_GRADIENT, 0}, .run = check_gradient},
    {{"gradient f32", CHECK_GRADIENT, 0}, .run = gradient_f32},
    {{"gradient f64", CHECK_GRADIENT, CHECK_AGAIN}, .run = gradient_f64},
    {{"gradient is zero", CHECK_GRADIENT, 0}, .run = check_gradient_is_zero},
    {{"second gradient", CHECK_SECOND, 0}, .run = check_second_gradient},
    {{"second gradient f32", CHECK_SECOND, 0}, .run = second_f32},
    {{"second gradient f64", CHECK_SECOND, CHECK_AGAIN}, .run = second_f64},
    {{"gradient's bits", CHECK_BITS, CHECK_DERIVES}, .run = check_gradient_bits},
    {{"errors", CHECK_ERRORS, 0}, .run = check_errors},
};

size_t check_count(void) { return COUNT(checks); }

const check *check_at(size_t index) { return &checks[index].check; }

check_result check_run(const check *c, const descriptor *d, const checker *at) {
    job j = {.at = at, .check = c, .d = d};
    for (size_t i = 0; i < COUNT(checks); i++) {
        if (c != &checks[i].check) continue;
        if (checks[i].run != NULL) checks[i].run(&j);
        else check_forward(&j, &checks[i].forward);
    }
    if (j.result.samples == 0 && j.result.failures == 0 && j.result.skipped == NULL)
        job_skip(&j, j.result.because != NULL ? j.result.because : "no sample takes part");
    return j.result;
}

/* ---- reports ---- */

void sample_text(const sample *s, hebb_dtype real, char *text, size_t size) {
    static const char *const views[] = {"", " transposed", " sliced", " flipped", " stretched"};
    size_t at = 0;
    text[0] = '\0';
    for (int k = 0; k < s->n_in && at + 1 < size; k++) {
        char shape[128];
        int n =
            snprintf(text + at, size - at, "%s%s %s%s", k > 0 ? ", " : "",
                     hebb_dtype_name(operand_dtype(s, k, real)),
                     hebb_shape_text(s->in[k].shape, shape, sizeof shape), views[s->in[k].view]);
        at += n > 0 ? (size_t)n : 0;
    }
}

void job_fail(job *j, const sample *s, const char *format, ...) {
    char why[768], operands[512] = "", message[1600];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    if (s != NULL) sample_text(s, HEBB_F32, operands, sizeof operands);
    snprintf(message, sizeof message, "%s: %s on %s%s%s%s: %s", j->d->name, j->check->name,
             j->at->name, s != NULL ? " of (" : "", operands, s != NULL ? ")" : "", why);
    j->result.failures++;
    j->at->fail(j->at->user, message);
}

void job_skip(job *j, const char *reason) { j->result.skipped = reason; }

void job_leave_out(job *j, const char *reason) {
    j->result.left_out++;
    j->result.because = reason;
}
