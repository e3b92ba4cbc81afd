/* Memory that slides along with a scan's iterations, asked for before the iteration that reads or
   writes it: slices of sequences, of residuals, of gradients come from far, a few lines of many
   arrays each time, and steps between products would wait for them. scan.c says which memory comes
   next (hb_run_args.own); the body's largest product, if it is made in place (gemm_in_place.c) or
   by rows (gemm_rows.c), asks for some lines before each tile, while its arithmetic keeps the core
   busy. */
#ifndef HB_CPU_AHEAD_H
#define HB_CPU_AHEAD_H

#include "../backend.h"

enum { HB_CPU_LINE = 64 };

typedef struct hb_cpu_ahead {
    const hb_step *asks; /* the product */
    int n;
    struct hb_cpu_ahead_range {
        const char *at;
        int64_t lines;
        bool write; /* and not read before */
    } range[];
} hb_cpu_ahead;

/* What the step has to ask for, or NULL. */
static inline const hb_cpu_ahead *hb_cpu_ahead_of(const hb_run_args *args, const hb_step *step) {
    const hb_cpu_ahead *ahead = args->own;
    return ahead && ahead->asks == step ? ahead : NULL;
}

/* For this core alone: a store would have to wait until others that have the line have given it up.
   The builtin asks as for reading where the compiler may not assume the instruction, which older
   processors skip; and GCC drops calls of a function that does nothing else. */
static inline void hb_cpu_ask_to_write(const char *at) {
#ifdef __x86_64__
    __asm__ volatile("prefetchw %0" : : "m"(*at));
#else
    __builtin_prefetch(at, 1);
#endif
}

static inline void hb_cpu_ask_to_read(const char *at) {
#ifdef __x86_64__
    __asm__ volatile("prefetcht0 %0" : : "m"(*at));
#else
    __builtin_prefetch(at, 0);
#endif
}

/* Part `part` of `parts` of each range. */
static inline void hb_cpu_ask_ahead(const hb_cpu_ahead *ahead, int64_t part, int64_t parts) {
    for (int k = 0; k < ahead->n; k++) {
        const struct hb_cpu_ahead_range *range = &ahead->range[k];
        const char *at = range->at + part * range->lines / parts * HB_CPU_LINE;
        const char *end = range->at + (part + 1) * range->lines / parts * HB_CPU_LINE;
        for (; at < end; at += HB_CPU_LINE)
            if (range->write) hb_cpu_ask_to_write(at);
            else hb_cpu_ask_to_read(at);
    }
}

#endif
