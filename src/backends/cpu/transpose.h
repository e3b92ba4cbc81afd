/* Shuffles of vectors, and transposing squares of them in registers: log2(lanes) times, rows of the
   upper and the lower half are taken in turns, element by element. Only files that are compiled
   once per instruction set include it. */
#ifndef HB_CPU_TRANSPOSE_H
#define HB_CPU_TRANSPOSE_H

/* Of two vectors of n elements as one list of 2 n: the lower and the upper halves of both in turns.
 */
#define HB_LOW_2   0, 2
#define HB_HIGH_2  1, 3
#define HB_LOW_4   0, 4, 1, 5
#define HB_HIGH_4  2, 6, 3, 7
#define HB_LOW_8   0, 8, 1, 9, 2, 10, 3, 11
#define HB_HIGH_8  4, 12, 5, 13, 6, 14, 7, 15
#define HB_LOW_16  0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HB_HIGH_16 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31

/* Every second element of both as one list. */
#define HB_EVEN_4  0, 2, 4, 6
#define HB_ODD_4   1, 3, 5, 7
#define HB_EVEN_8  0, 2, 4, 6, 8, 10, 12, 14
#define HB_ODD_8   1, 3, 5, 7, 9, 11, 13, 15
#define HB_EVEN_16 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define HB_ODD_16  1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31

#ifdef __clang__
#define HB_SHUFFLE(index, x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#define HB_UNROLL                    _Pragma("clang loop unroll(full)")
#else
#define HB_SHUFFLE(index, x, y, ...) __builtin_shuffle(x, y, (index){__VA_ARGS__})
#define HB_UNROLL                    _Pragma("GCC unroll 16")
#endif

/* HB_LOW, HB_HIGH, HB_EVEN or HB_ODD of vectors x and y of `lanes` elements, a number that may be a
   macro; `index` is the vector of integers of that size. */
#define HB_TAKE(which, index, lanes, x, y)    HB_TAKE_OF(which, index, lanes, x, y)
#define HB_TAKE_OF(which, index, lanes, x, y) HB_SHUFFLE(index, x, y, which##_##lanes)

/* Defines a function that turns around `lanes` vectors of type `vector`, of `lanes` elements each;
   `index` is the vector of integers of that size. */
#define HB_DEFINE_TRANSPOSE(name, vector, index, lanes)                                            \
    static inline __attribute__((always_inline)) void name(vector a[lanes]) {                      \
        vector b[lanes];                                                                           \
        HB_UNROLL for (int n = 1; n < lanes; n *= 2) {                                             \
            HB_UNROLL for (int i = 0; i < lanes / 2; i++) {                                        \
                b[2 * i] = HB_SHUFFLE(index, a[i], a[i + lanes / 2], HB_LOW_##lanes);              \
                b[2 * i + 1] = HB_SHUFFLE(index, a[i], a[i + lanes / 2], HB_HIGH_##lanes);         \
            }                                                                                      \
            HB_UNROLL for (int i = 0; i < lanes; i++) a[i] = b[i];                                 \
        }                                                                                          \
    }
#define HB_DEFINE_TRANSPOSE_OF(name, vector, index, lanes)                                         \
    HB_DEFINE_TRANSPOSE(name, vector, index, lanes)

#endif
