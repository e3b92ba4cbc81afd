/* The comparison that every other test trusts can fail: each kind of difference is seen, and only
 * that. */
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>

#include "../checks/values.h"

typedef struct comparison {
    const char *name;
    double expected, got;
    tolerance tolerance;
    bool same;
} comparison;

static const comparison comparisons[] = {
    {"equal", 2, 2, {0, 0}, true},
    {"flipped sign", 2, -2, {1e-6, 1e-6}, false},
    {"within relative", 2, 2.000001, {1e-6, 0}, true},
    {"beyond relative", 2, 2.00001, {1e-6, 0}, false},
    {"within absolute", 0, 1e-7, {0, 1e-6}, true},
    {"beyond absolute", 0, 1e-5, {1e-6, 1e-6}, false},
    {"NaN where none is expected", 2, NAN, {1, 1}, false},
    {"NaN that is expected", NAN, NAN, {0, 0}, true},
    {"no NaN where one is expected", NAN, 2, {1, 1}, false},
    {"infinity where none is expected", 2, INFINITY, {1, 1}, false},
    {"infinity that is expected", INFINITY, INFINITY, {0, 0}, true},
    {"the other infinity", INFINITY, -INFINITY, {1, 1}, false},
    {"no infinity where one is expected", INFINITY, 1e300, {1, 1}, false},
};

Test(values, that_differ_do_not_match) {
    for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++) {
        const comparison *c = &comparisons[i];
        values expected = values_make(HEBB_F64, HEBB_SHAPE(3)), got = expected;
        got.at = test_memory(3 * sizeof *got.at);
        expected.at[2].f = c->expected;
        got.at[2].f = c->got;
        hebb_array array = values_to_array(&got);
        char why[256] = "";
        cr_expect_eq(values_match(&expected, &array, c->tolerance, why, sizeof why), c->same, "%s",
                     c->name);
        cr_expect(c->same || strstr(why, "element 2"), "%s: %s", c->name, why);
    }
}

Test(values, of_another_dtype_or_shape_do_not_match) {
    values expected = values_make(HEBB_F32, HEBB_SHAPE(2, 3));
    values dtype = values_make(HEBB_F64, HEBB_SHAPE(2, 3)),
           shape = values_make(HEBB_F32, HEBB_SHAPE(6));
    values whole = values_make(HEBB_I32, HEBB_SHAPE(2)),
           other = values_make(HEBB_I32, HEBB_SHAPE(2));
    other.at[1].i = 1;
    hebb_array arrays[] = {values_to_array(&dtype), values_to_array(&shape),
                           values_to_array(&other)};
    char why[256];
    cr_expect_not(values_match(&expected, &arrays[0], (tolerance){1, 1}, why, sizeof why));
    cr_expect_not(values_match(&expected, &arrays[1], (tolerance){1, 1}, why, sizeof why));
    /* Integers have no tolerance. */
    cr_expect_not(values_match(&whole, &arrays[2], (tolerance){1, 1}, why, sizeof why));
}

/* The largest float32 is expected as infinity by a reference that computes in float64. */
Test(values, are_held_by_their_dtype) {
    cr_expect_eq(scalar_held((scalar){.f = 1e39}, HEBB_F32).f, INFINITY);
    cr_expect_eq(scalar_held((scalar){.i = 1ll << 31}, HEBB_I32).i, INT32_MIN);
    cr_expect_eq(scalar_held((scalar){.i = -1}, HEBB_U8).i, 255);
    cr_expect_eq(scalar_held((scalar){.i = 2}, HEBB_BOOL).i, 1);
}
