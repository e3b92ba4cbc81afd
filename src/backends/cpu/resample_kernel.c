/* Sums of rows with the weights of a sparse matrix, for one instruction set: RESAMPLE along an axis
   (resample.c). Compiled once per instruction set with HB_ISA (the suffix of the table's name) and
   HB_ISA_VECTOR_BYTES; the driver reaches it through the tables of resample_kernels.h. Must not
   touch devices, steps or threads. */
#include <string.h>

#include "resample_kernels.h"
#include "transpose.h"

#define PASTE_(a, b) a##b
#define PASTE(a, b)  PASTE_(a, b)
#define INLINE       static inline __attribute__((always_inline))
#define UNROLL       HB_UNROLL

enum { VECTORS = 4 }; /* that are summed at a time */

/* For elements of type T: mix_points_f32() and so on makes some vectors of a row, or one element,
   and mix_f32() all of them. The last vector of a row may take elements of the one before it
   again. */
#define DEFINE_MIX(name, T)                                                                        \
    enum { LANES_##name = HB_ISA_VECTOR_BYTES / sizeof(T) };                                       \
    typedef T vector_##name __attribute__((vector_size(HB_ISA_VECTOR_BYTES)));                     \
    typedef struct row_##name {                                                                    \
        int64_t entries, x_row;                                                                    \
        const int32_t *place;                                                                      \
        const T *weight, *divisor;                                                                 \
    } row_##name;                                                                                  \
    INLINE void mix_points_##name(const row_##name *r, int vectors, const T *x, T *y) {            \
        vector_##name sum[VECTORS], in;                                                            \
        UNROLL for (int v = 0; v < vectors; v++) sum[v] = (vector_##name){0};                      \
        for (int64_t e = 0; e < r->entries; e++) {                                                 \
            const T *from = x + r->place[e] * r->x_row, w = r->weight[e];                          \
            UNROLL for (int v = 0; v < vectors; v++) {                                             \
                memcpy(&in, from + v * LANES_##name, sizeof in);                                   \
                sum[v] = e == 0 ? w * in : sum[v] + w * in;                                        \
            }                                                                                      \
        }                                                                                          \
        UNROLL for (int v = 0; v < vectors; v++) {                                                 \
            if (r->divisor) sum[v] /= *r->divisor;                                                 \
            memcpy(y + v * LANES_##name, &sum[v], sizeof sum[v]);                                  \
        }                                                                                          \
    }                                                                                              \
    INLINE void mix_point_##name(const row_##name *r, const T *x, T *y) {                          \
        T sum = 0;                                                                                 \
        for (int64_t e = 0; e < r->entries; e++) {                                                 \
            const T term = r->weight[e] * x[r->place[e] * r->x_row];                               \
            sum = e == 0 ? term : sum + term;                                                      \
        }                                                                                          \
        *y = r->divisor ? sum / *r->divisor : sum;                                                 \
    }                                                                                              \
    static void mix_row_##name(const row_##name *r, const T *x, T *y, int64_t columns) {           \
        int64_t j = 0;                                                                             \
        for (; j + VECTORS * LANES_##name <= columns; j += VECTORS * LANES_##name)                 \
            mix_points_##name(r, VECTORS, x + j, y + j);                                           \
        for (; j + LANES_##name <= columns; j += LANES_##name)                                     \
            mix_points_##name(r, 1, x + j, y + j);                                                 \
        if (j < columns && columns >= LANES_##name) {                                              \
            j = columns - LANES_##name;                                                            \
            mix_points_##name(r, 1, x + j, y + j);                                                 \
            return;                                                                                \
        }                                                                                          \
        for (; j < columns; j++) mix_point_##name(r, x + j, y + j);                                \
    }                                                                                              \
    static void mix_##name(const hb_resample_table *t, int64_t begin, int64_t end, const void *x,  \
                           int64_t x_row, void *y, int64_t y_row, int64_t columns) {               \
        for (int64_t i = begin; i < end; i++) {                                                    \
            const int32_t from = t->first[i];                                                      \
            const row_##name r = {.entries = t->first[i + 1] - from,                               \
                                  .x_row = x_row,                                                  \
                                  .place = t->place + from,                                        \
                                  .weight = (const T *)t->weight + from,                           \
                                  .divisor = t->divisor ? (const T *)t->divisor + i : NULL};       \
            mix_row_##name(&r, x, (T *)y + i * y_row, columns);                                    \
        }                                                                                          \
    }
DEFINE_MIX(f32, float)
DEFINE_MIX(f64, double)

const hb_cpu_resample PASTE(hb_cpu_resample_, HB_ISA) = {.f32 = mix_f32, .f64 = mix_f64};
