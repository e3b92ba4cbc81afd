/* kernels/scalar.h for float, as the CPU backend compiles it, and its Philox against Random123's.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include <criterion/criterion.h>
#include <Random123/philox.h>

#define HB_T       float
#define HB_NAME(f) hb_##f##_f32
#define HB_KIND    HB_KIND_F32
#include "../kernels/scalar.h"

#define HB_T        int32_t
#define HB_NAME(f)  hb_##f##_i32
#define HB_KIND     HB_KIND_INT
#define HB_UNSIGNED uint32_t
#include "../kernels/scalar.h"

#define N(array) (sizeof(array) / sizeof *(array))

/* ---- accuracy ---- */

/* The distance in units in the last place of the float nearest to the exact value; below the normal
   range those units are all alike. */
static double ulps(float got, double exact) {
    if (isnan(exact) || isinf((float)exact))
        return got == (float)exact || (isnan(exact) && isnan(got)) ? 0 : INFINITY;
    double magnitude = fmax(fabs(exact), 0x1p-126);
    return fabs(got - exact) / exp2(floor(log2(magnitude)) - 23);
}

typedef struct function {
    const char *name;
    float (*f)(float x);
    double (*exact)(double x);
    float low, high;
    double bound; /* units in the last place; a little above what was measured */
} function;

static float f_exp(float x) { return hb_exp_f32(x); }
static float f_log(float x) { return hb_log_f32(x); }
static float f_tanh(float x) { return hb_tanh_f32(x); }
static float f_sigmoid(float x) { return hb_sigmoid_f32(x); }
static float f_softplus(float x) { return hb_softplus_f32(x); }
static double exact_sigmoid(double x) { return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)); }
static double exact_softplus(double x) { return fmax(x, 0) + log1p(exp(-fabs(x))); }

static const function functions[] = {
    {"exp", f_exp, exp, -110, 95, 1.5},
    {"log", f_log, log, 0, 3.4e38f, 1.5},
    {"tanh", f_tanh, tanh, -12, 12, 7},
    {"sigmoid", f_sigmoid, exact_sigmoid, -110, 110, 4},
    {"softplus", f_softplus, exact_softplus, -110, 110, 4},
};

static uint32_t bits_of(float x) {
    uint32_t b;
    memcpy(&b, &x, 4);
    return b;
}
static float float_of(uint32_t b) {
    float x;
    memcpy(&x, &b, 4);
    return x;
}

static void note(const function *f, float x, double *worst, float *at) {
    if (x < f->low || x > f->high) return;
    double error = ulps(f->f(x), f->exact(x));
    if (error > *worst) {
        *worst = error;
        *at = x;
    }
}

/* Two sweeps: evenly spaced, and through the bit patterns of all finite floats of either sign. */
static void sweep(const function *f) {
    double worst = 0;
    float at = 0;
    const int steps = 1000000;
    for (int i = 0; i <= steps; i++)
        note(f, f->low + (f->high - f->low) * ((float)i / (float)steps), &worst, &at);
    for (uint32_t b = 0; b < bits_of(INFINITY); b += 1009) {
        note(f, float_of(b), &worst, &at);
        note(f, -float_of(b), &worst, &at);
    }
    cr_expect_leq(worst, f->bound, "%s: %g units in the last place at %.9g (%.9g, exactly %.17g)",
                  f->name, worst, at, f->f(at), f->exact(at));
}

Test(accuracy, of_transcendental_functions) {
    for (size_t i = 0; i < N(functions); i++) sweep(&functions[i]);
}

/* ---- special values ---- */

static const struct {
    const char *name;
    float (*f)(float x);
    float x, y;
} specials[] = {
    {"exp", f_exp, 0, 1},
    {"exp", f_exp, INFINITY, INFINITY},
    {"exp", f_exp, -INFINITY, 0},
    {"exp", f_exp, 1e4f, INFINITY},
    {"exp", f_exp, -1e4f, 0},
    {"exp", f_exp, NAN, NAN},
    {"log", f_log, 0, -INFINITY},
    {"log", f_log, -0.0f, -INFINITY},
    {"log", f_log, 1, 0},
    {"log", f_log, -1, NAN},
    {"log", f_log, INFINITY, INFINITY},
    {"log", f_log, -INFINITY, NAN},
    {"log", f_log, NAN, NAN},
    {"tanh", f_tanh, 0, 0},
    {"tanh", f_tanh, INFINITY, 1},
    {"tanh", f_tanh, -INFINITY, -1},
    {"tanh", f_tanh, 1e4f, 1},
    {"tanh", f_tanh, NAN, NAN},
    {"sigmoid", f_sigmoid, 0, 0.5f},
    {"sigmoid", f_sigmoid, INFINITY, 1},
    {"sigmoid", f_sigmoid, -INFINITY, 0},
    {"sigmoid", f_sigmoid, 1e4f, 1},
    {"sigmoid", f_sigmoid, -1e4f, 0},
    {"sigmoid", f_sigmoid, NAN, NAN},
    {"softplus", f_softplus, INFINITY, INFINITY},
    {"softplus", f_softplus, -INFINITY, 0},
    {"softplus", f_softplus, 1e4f, 1e4f},
    {"softplus", f_softplus, -1e4f, 0},
    {"softplus", f_softplus, NAN, NAN},
};

Test(special, values) {
    for (size_t i = 0; i < N(specials); i++) {
        float y = specials[i].f(specials[i].x);
        cr_expect(y == specials[i].y || (isnan(y) && isnan(specials[i].y)), "%s(%g) is %g, not %g",
                  specials[i].name, specials[i].x, y, specials[i].y);
    }
}

Test(special, nan_is_passed_on_by_max_and_min) {
    cr_expect(isnan(hb_max_f32(NAN, 1)) && isnan(hb_max_f32(1, NAN)));
    cr_expect(isnan(hb_min_f32(NAN, 1)) && isnan(hb_min_f32(1, NAN)));
    cr_expect(hb_max_f32(-INFINITY, 1) == 1 && hb_min_f32(INFINITY, 1) == 1);
}

Test(special, integers_wrap_around) {
    cr_expect_eq(hb_add_i32(INT32_MAX, 1), INT32_MIN);
    cr_expect_eq(hb_sub_i32(INT32_MIN, 1), INT32_MAX);
    cr_expect_eq(hb_mul_i32(INT32_MAX, 2), -2);
    cr_expect_eq(hb_neg_i32(INT32_MIN), INT32_MIN);
    cr_expect_eq(hb_abs_i32(INT32_MIN), INT32_MIN);
    cr_expect_eq(hb_div_i32(INT32_MIN, -1), INT32_MIN);
    cr_expect_eq(hb_div_i32(7, 0), 0);
    cr_expect_eq(hb_div_i32(-7, 2), -3);
}

/* ---- Philox ---- */

static uint32_t next_word(uint32_t *state) { return *state = *state * 1664525u + 1013904223u; }

static void expect_philox(const uint32_t c[4], const uint32_t k[2]) {
    philox4x32_ctr_t counter = {{c[0], c[1], c[2], c[3]}};
    philox4x32_key_t key = {{k[0], k[1]}};
    philox4x32_ctr_t expected = philox4x32(counter, key);
    hb_philox4 got = hb_philox((hb_philox4){c[0], c[1], c[2], c[3]}, k[0], k[1]);
    cr_assert(got.c0 == expected.v[0] && got.c1 == expected.v[1] && got.c2 == expected.v[2] &&
                  got.c3 == expected.v[3],
              "counter %08x %08x %08x %08x, key %08x %08x", c[0], c[1], c[2], c[3], k[0], k[1]);
}

Test(philox, is_that_of_random123) {
    static const uint32_t corners[] = {0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
    uint32_t words[6], state = 1;
    for (size_t i = 0; i < N(corners); i++) {
        for (int k = 0; k < 6; k++) words[k] = corners[(i + (size_t)k) % N(corners)];
        expect_philox(words, words + 4);
    }
    for (int i = 0; i < 100000; i++) {
        for (int k = 0; k < 6; k++) words[k] = next_word(&state);
        expect_philox(words, words + 4);
    }
}

/* Random123's own vector for the all-ones counter and key (tests/kat_vectors). */
Test(philox, known_answer) {
    hb_philox4 got = hb_philox((hb_philox4){~0u, ~0u, ~0u, ~0u}, ~0u, ~0u);
    cr_expect(got.c0 == 0x408f276d && got.c1 == 0x41c83b0e && got.c2 == 0xa20bc7c6 &&
              got.c3 == 0x6d5451fd);
}

Test(philox, words_use_every_part_of_the_key_and_counter) {
    hb_philox4 base = hb_random_words(1, 2, 3, 4, 5);
    const hb_philox4 others[] = {
        hb_random_words(2, 2, 3, 4, 5), hb_random_words(1 + ((int64_t)1 << 32), 2, 3, 4, 5),
        hb_random_words(1, 3, 3, 4, 5), hb_random_words(1, 2, 4, 4, 5),
        hb_random_words(1, 2, 3, 5, 5), hb_random_words(1, 2, 3, 4, 6),
    };
    for (size_t i = 0; i < N(others); i++)
        cr_expect_neq(memcmp(&base, &others[i], sizeof base), 0, "part %zu is not used", i);
}

Test(philox, units_are_in_range) {
    cr_expect(hb_unit_f32(0) == 0 && hb_unit_f32(0xFFFFFFFF) < 1);
    for (uint32_t i = 0; i < 1000; i++) {
        float u = (float)i / 1000;
        cr_expect_float_eq(hb_cos_turns(u), cos(2 * 3.14159265358979323846 * u), 3e-7, "at %g", u);
    }
}
