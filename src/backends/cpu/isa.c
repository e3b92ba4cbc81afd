/* Which instruction sets this build has kernels for, and which one to use. Called when a device is
   opened. */
#include <stdlib.h>
#include <string.h>

#include "cpu.h"

typedef struct candidate {
    hb_cpu_isa isa;
    bool (*supported)(void);
} candidate;

static bool always(void) { return true; }

#ifdef HB_HAVE_X86_ISAS
static bool has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi2");
}

static bool has_avx512(void) {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}
#endif

/* The best last. */
static const candidate candidates[] = {
    {{"baseline", 16, &hb_cpu_vector_baseline, &hb_cpu_gemm_kernels_baseline,
      &hb_cpu_winograd_baseline, &hb_cpu_direct_baseline, &hb_cpu_resample_baseline},
     always},
#ifdef HB_HAVE_X86_ISAS
    {{"avx2", 32, &hb_cpu_vector_avx2, &hb_cpu_gemm_kernels_avx2, &hb_cpu_winograd_avx2,
      &hb_cpu_direct_avx2, &hb_cpu_resample_avx2},
     has_avx2},
    {{"avx512", 64, &hb_cpu_vector_avx512, &hb_cpu_gemm_kernels_avx512, &hb_cpu_winograd_avx512,
      &hb_cpu_direct_avx512, &hb_cpu_resample_avx512},
     has_avx512},
#endif
};

const hb_cpu_isa *hb_cpu_choose_isa(void) {
    const char *forced = getenv("HEBB_ISA");
    const hb_cpu_isa *best = &candidates[0].isa;
    for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++) {
        if (!candidates[i].supported()) continue;
        best = &candidates[i].isa;
        if (forced && strcmp(forced, best->name) == 0) return best;
    }
    return best;
}
