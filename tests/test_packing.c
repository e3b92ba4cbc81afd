/* How products pack panels (src/backends/cpu/products/gemm_kernels.h): each element at its place
   and zeros behind the last, nothing written beyond. For every instruction set that this machine
   has, both dtypes, each width of a panel, numbers of elements that fill vectors and rests of any,
   and sources that lie across, along or neither. */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "../src/backends/cpu/cpu.h"

enum { LONGEST = 37, WIDEST = 32, SPREAD = 3 };

#define N(array) ((int)(sizeof(array) / sizeof *(array)))

static const char *const isas[] = {"baseline", "avx2", "avx512"};
static const int lengths[] = {0, 1, 3, 4, 5, 8, 19, 32, LONGEST};

/* A source's strides, in elements. */
typedef struct strides {
    int across, along;
} strides;
static const strides sources[] = {{1, WIDEST + 5}, {LONGEST + 3, 1}, {SPREAD, SPREAD *WIDEST}};

static double number_of(const void *numbers, bool f64, int i) {
    return f64 ? ((const double *)numbers)[i] : (double)((const float *)numbers)[i];
}

static void set_number(void *numbers, bool f64, int i, double x) {
    if (f64) ((double *)numbers)[i] = x;
    else ((float *)numbers)[i] = (float)x;
}

enum { SOURCE = SPREAD * WIDEST * (LONGEST + 3), PANEL = WIDEST * LONGEST + 1 };

static void check(const char *isa, const hb_cpu_gemm_type *kernels, bool f64, int width, int panel,
                  int k, strides s) {
    static double from[SOURCE], to[PANEL];
    for (int i = 0; i < SOURCE; i++) set_number(from, f64, i, i + 1);
    for (int i = 0; i < PANEL; i++) set_number(to, f64, i, -1);
    kernels->pack(width, k, from, s.across, s.along, panel, to);
    for (int i = 0; i <= k * panel; i++) {
        const int p = i / panel, j = i % panel;
        const double expected = p == k ? -1 : j < width ? j * s.across + p * s.along + 1 : 0;
        cr_assert_eq(number_of(to, f64, i), expected,
                     "%s, %s, %d of %d x %d, strides %d and %d: [%d, %d] is %g, not %g", isa,
                     f64 ? "f64" : "f32", width, panel, k, s.across, s.along, p, j,
                     number_of(to, f64, i), expected);
    }
}

static void check_panels(const char *isa, const hb_cpu_gemm_type *kernels, bool f64, int panel) {
    for (int width = 1; width <= panel; width++)
        for (int n = 0; n < N(lengths); n++)
            for (int s = 0; s < N(sources); s++)
                check(isa, kernels, f64, width, panel, lengths[n], sources[s]);
}

Test(packing, puts_each_element_in_its_place) {
    for (int i = 0; i < N(isas); i++) {
        setenv("HEBB_ISA", isas[i], 1);
        const hb_cpu_isa *isa = hb_cpu_choose_isa();
        if (strcmp(isa->name, isas[i]) != 0) continue;
        for (int f64 = 0; f64 < 2; f64++) {
            const hb_cpu_gemm_type *kernels = f64 ? isa->gemm->f64 : isa->gemm->f32;
            check_panels(isa->name, kernels, f64, kernels->rows);
            check_panels(isa->name, kernels, f64, 2 * kernels->lanes);
        }
    }
}
