/* The innermost loops of RESAMPLE and MAX_BACK as their drivers (resample.c, max_back.c) see them:
   one table of functions per instruction set. The functions are in resample_kernel.c, which is
   compiled once per instruction set. */
#ifndef HB_CPU_RESAMPLE_KERNELS_H
#define HB_CPU_RESAMPLE_KERNELS_H

#include "../resample.h"

/* Rows [begin, end) of y from the rows of x, as the table says: element j < columns of row r is at
   y + r * y_row + j, and of x likewise. Nothing else is read or written. */
typedef void hb_cpu_mix(const hb_resample_table *table, int64_t begin, int64_t end, const void *x,
                        int64_t x_row, void *y, int64_t y_row, int64_t columns);

/* Lines of n elements become lines of m, a vector of results at a time, from result number
   min(group * width, m - width) on. A term adds one element to each result, times a weight that is
   0 where a result has less terms than others: number `pick` of the two vectors of elements from
   `from` on. A line may be shorter than these. */
typedef struct hb_cpu_lanes {
    int64_t n, m, groups;
    int32_t *first, *from; /* [groups + 1]: terms; [terms] */
    void *pick, *weight;   /* [terms, width], integers and numbers of the elements' size */
    const void *divisor;   /* [m]; NULL if all are 1 */
} hb_cpu_lanes;
typedef void hb_cpu_mix_lines(const hb_cpu_lanes *lanes, int64_t lines, const void *x, void *y);

/* Windows of elements of HB_MAX_BACK_IMAGES images, which lie side by side for each element or
   window. In memory are those from first_element and first_window on along the first axis. */
enum { HB_MAX_BACK_IMAGES = 16 };
typedef struct hb_cpu_windows {
    const hb_resample_table *elements; /* of each window, by axis: three of them */
    const hb_resample_table *windows;  /* of each element */
    int64_t first_element, first_window;
} hb_cpu_windows;

typedef struct hb_cpu_resample {
    hb_cpu_mix *mix[2][2]; /* sums with weights, maxima; f32, f64 */
    hb_cpu_mix_lines *mix_lines[2][2];
    int vector_bytes;
    /* Of windows [begin, end) along the first axis: dy is divided by the number of elements of x
       that are equal to y, if there is one. */
    void (*share[2])(const hb_cpu_windows *w, int64_t begin, int64_t end, const void *x,
                     const void *y, void *dy);
    /* Of elements [begin, end) along the first axis: dx is the sum of dy over the windows whose y
       is equal to x. dx begins with element `begin`. */
    void (*collect[2])(const hb_cpu_windows *w, int64_t begin, int64_t end, const void *x,
                       const void *y, const void *dy, void *dx);
} hb_cpu_resample;

extern const hb_cpu_resample hb_cpu_resample_baseline;
#ifdef HB_HAVE_X86_ISAS
extern const hb_cpu_resample hb_cpu_resample_avx2, hb_cpu_resample_avx512;
#endif

#endif
