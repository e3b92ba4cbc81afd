/* The conversions of f16 and bf16, which are all the arithmetic there is on them: kernels/scalar.h
   against a reference in double, for every bit pattern and at every boundary between two numbers,
   on the host and in the kernels of both backends. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "support/devices.h"
#include "../checks/half.h"
#include "../checks/values.h"
#include "../kernels/scalar.h"

#define PATTERNS 65536

static const hebb_dtype halves[] = {HEBB_F16, HEBB_BF16};

static float widened(uint16_t h, hebb_dtype dtype) {
    return dtype == HEBB_F16 ? hb_f32_of_f16(h) : hb_f32_of_bf16(h);
}
static uint16_t narrowed(float x, hebb_dtype dtype) {
    return dtype == HEBB_F16 ? hb_f16_of_f32(x) : hb_bf16_of_f32(x);
}

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

static bool same_float(float a, float b) {
    return isnan(a) || isnan(b) ? isnan(a) && isnan(b) : bits_of(a) == bits_of(b);
}
/* NaN may be any. */
static bool same_half(uint16_t a, uint16_t b, hebb_dtype dtype) {
    return a == b || (isnan(half_value(a, dtype)) && isnan(half_value(b, dtype)));
}

/* Floats that are hard to round: numbers of the dtype, the middles between neighbors, and the
   floats beside both; infinities, NaN, the ends of f32. Memory of the test. */
static float *boundaries(hebb_dtype dtype, int64_t *n) {
    float *list = test_memory((PATTERNS * 6 + 64) * sizeof *list);
    *n = 0;
    for (uint32_t h = 0; h < 0x8000; h++) {
        const double a = half_value((uint16_t)h, dtype), b = half_value((uint16_t)(h + 1), dtype);
        if (!isfinite(a)) continue;
        const double middle = isfinite(b) ? (a + b) / 2 : a + a * half_epsilon(dtype) / 4;
        const float at[] = {(float)a, (float)middle};
        for (int k = 0; k < 2; k++)
            for (int way = -1; way <= 1; way++) {
                const float x = way == 0 ? at[k] : nextafterf(at[k], way > 0 ? INFINITY : 0);
                list[(*n)++] = x;
                list[(*n)++] = -x;
            }
    }
    const float others[] = {INFINITY,   -INFINITY, NAN,    0x1.FFFFFEp127f, 65519.996f, 65520,
                            65535.996f, 65536,     1e-45f, 0x1p-126f,       0x1p-25f,   -0x1p-25f};
    for (size_t k = 0; k < sizeof others / sizeof *others; k++) list[(*n)++] = others[k];
    return list;
}

/* ---- on the host ---- */

Test(conversions, of_every_pattern) {
    for (int d = 0; d < 2; d++)
        for (uint32_t h = 0; h < PATTERNS; h++) {
            const float x = widened((uint16_t)h, halves[d]);
            cr_assert(same_float(x, (float)half_value((uint16_t)h, halves[d])), "%s 0x%04x is %g",
                      hebb_dtype_name(halves[d]), h, x);
            cr_assert(same_half(narrowed(x, halves[d]), (uint16_t)h, halves[d]),
                      "%s 0x%04x does not come back from %g", hebb_dtype_name(halves[d]), h, x);
        }
}

static void expect_rounded(float x, hebb_dtype dtype) {
    const uint16_t got = narrowed(x, dtype), want = half_bits(x, dtype);
    cr_assert(same_half(got, want, dtype), "%a becomes %s 0x%04x, not 0x%04x", x,
              hebb_dtype_name(dtype), got, want);
}

Test(conversions, round_to_nearest_even) {
    for (int d = 0; d < 2; d++) {
        int64_t n;
        const float *list = boundaries(halves[d], &n);
        for (int64_t i = 0; i < n; i++) expect_rounded(list[i], halves[d]);
        for (uint64_t b = 0; b <= UINT32_MAX; b += 1499)
            expect_rounded(float_of((uint32_t)b), halves[d]);
    }
}

/* A signaling NaN whose payload is in the bits that go away must not become infinity. */
Test(conversions, keep_nan) {
    const uint32_t nans[] = {0x7F800001, 0xFF800001, 0x7F801000, 0x7FFFFFFF, 0xFFFFFFFF};
    for (size_t k = 0; k < sizeof nans / sizeof *nans; k++)
        for (int d = 0; d < 2; d++)
            cr_expect(isnan(half_value(narrowed(float_of(nans[k]), halves[d]), halves[d])));
}

/* ---- on devices ---- */

static hebb_array converted(hebb_device *device, const hebb_array *from, hebb_dtype to) {
    hebb_graph *g = hebb_graph_create();
    hebb_session *s = hebb_session_create(g, device);
    hebb_tensor *x = hebb_input(g, "x", from->dtype, HEBB_SHAPE(HEBB_ANY));
    hebb_array result = {0};
    hebb_run(s, HEBB_FEED({x, from}), HEBB_FETCH({hebb_cast(x, to), &result}));
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    return result;
}

static void expect_conversions(hebb_device *device, const char *where) {
    uint16_t *patterns = test_memory(PATTERNS * sizeof *patterns);
    for (uint32_t h = 0; h < PATTERNS; h++) patterns[h] = (uint16_t)h;
    for (int d = 0; d < 2; d++) {
        const hebb_dtype dtype = halves[d];
        hebb_array from = hebb_array_view(patterns, dtype, HEBB_SHAPE(PATTERNS));
        hebb_array wide = converted(device, &from, HEBB_F32);
        for (uint32_t h = 0; h < PATTERNS; h++)
            cr_assert(same_float(((float *)wide.data)[h], (float)half_value((uint16_t)h, dtype)),
                      "%s: %s 0x%04x", where, hebb_dtype_name(dtype), h);
        int64_t n;
        float *list = boundaries(dtype, &n);
        hebb_array floats = hebb_array_view(list, HEBB_F32, HEBB_SHAPE(n));
        hebb_array narrow = converted(device, &floats, dtype);
        for (int64_t i = 0; i < n; i++)
            cr_assert(same_half(((uint16_t *)narrow.data)[i], half_bits(list[i], dtype), dtype),
                      "%s: %a to %s", where, list[i], hebb_dtype_name(dtype));
        hebb_array_free(&wide);
        hebb_array_free(&narrow);
    }
}

Test(conversions, on_cpu_with_each_instruction_set) {
    static const char *const sets[] = {"baseline", "avx2", "avx512"};
    for (int k = 0; k < 3; k++) {
        setenv("HEBB_ISA", sets[k], 1);
        hebb_device *device = cpu_device();
        expect_conversions(device, sets[k]);
        hebb_device_close(device);
    }
}

Test(conversions, on_opencl) {
    hebb_device *device = opencl_device();
    expect_conversions(device, "opencl");
    hebb_device_close(device);
}

/* Movement and indexing never look at what the bits mean. */
static void expect_bits_kept(const char *name) {
    hebb_device *device = device_named(name);
    for (int d = 0; d < 2; d++) {
        hebb_graph *g = hebb_graph_create();
        hebb_session *s = hebb_session_create(g, device);
        uint16_t *patterns = test_memory(PATTERNS * sizeof *patterns);
        int32_t rows[] = {255, 3, -1, 256, 0};
        for (uint32_t h = 0; h < PATTERNS; h++) patterns[h] = (uint16_t)h;
        hebb_array from = hebb_array_view(patterns, halves[d], HEBB_SHAPE(256, 256));
        hebb_array index = hebb_array_view(rows, HEBB_I32, HEBB_SHAPE(5)), out = {0}, picked = {0};
        hebb_tensor *x = hebb_input(g, "x", halves[d], HEBB_SHAPE(256, 256));
        hebb_tensor *both[] = {hebb_transpose(x, NULL, 0),
                               hebb_slice(x, HEBB_RANGES({0, -1, HEBB_END, -1}))};
        hebb_tensor *y = hebb_concat(both, 2, 0);
        y = hebb_select(
            hebb_less(hebb_iota_like(y, 1, HEBB_I32), hebb_full(g, HEBB_I32, HEBB_SCALAR, 256)), y,
            hebb_zeros_like(y));
        hebb_tensor *z = hebb_gather(x, hebb_constant(g, &index));
        hebb_run(s, HEBB_FEED({x, &from}), HEBB_FETCH({y, &out}, {z, &picked}));
        cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
        const uint16_t *moved = out.data, *row = picked.data;
        for (int i = 0; i < 256; i++)
            for (int j = 0; j < 256; j++) {
                cr_assert_eq(moved[i * 256 + j], patterns[j * 256 + i]);
                cr_assert_eq(moved[PATTERNS + i * 256 + j], patterns[(255 - i) * 256 + j]);
            }
        for (int i = 0; i < 5; i++)
            for (int j = 0; j < 256; j++)
                if (rows[i] >= 0 && rows[i] < 256)
                    cr_assert_eq(row[i * 256 + j], patterns[rows[i] * 256 + j]);
                else cr_assert(isnan(half_value(row[i * 256 + j], halves[d])));
        hebb_array_free(&out);
        hebb_array_free(&picked);
        hebb_session_destroy(s);
        hebb_graph_destroy(g);
    }
    hebb_device_close(device);
}
Test(movement, keeps_bits_on_cpu) { expect_bits_kept("cpu"); }
Test(movement, keeps_bits_on_opencl) { expect_bits_kept("opencl"); }
