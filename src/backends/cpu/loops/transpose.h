/* Shuffles of vectors, and transposing squares of them in registers. Included by files
   that are compiled once per instruction set, and by turned.c for vectors that all of them have. */
#ifndef HB_CPU_TRANSPOSE_H
#define HB_CPU_TRANSPOSE_H

#ifdef __clang__
#define HB_SHUFFLE(index, x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#define HB_UNROLL                    _Pragma("clang loop unroll(full)")
#else
#define HB_SHUFFLE(index, x, y, ...) __builtin_shuffle(x, y, (index){__VA_ARGS__})
#define HB_UNROLL                    _Pragma("GCC unroll 16")
#endif

/* HB_LOW, HB_HIGH, HB_EVEN or HB_ODD, below, of vectors x and y of `lanes` elements, a number that
   may be a macro; `index` is the vector of integers of that size. */
#define HB_TAKE(which, index, lanes, x, y)    HB_TAKE_OF(which, index, lanes, x, y)
#define HB_TAKE_OF(which, index, lanes, x, y) which##_##lanes(index, x, y)

/* Of two vectors as one list: the lower and the upper halves of both in turns. */
#define HB_LOW_2(index, x, y)  HB_SHUFFLE(index, x, y, 0, 2)
#define HB_HIGH_2(index, x, y) HB_SHUFFLE(index, x, y, 1, 3)
#define HB_LOW_4(index, x, y)  HB_SHUFFLE(index, x, y, 0, 4, 1, 5)
#define HB_HIGH_4(index, x, y) HB_SHUFFLE(index, x, y, 2, 6, 3, 7)
#define HB_LOW_8(index, x, y)  HB_SHUFFLE(index, x, y, 0, 8, 1, 9, 2, 10, 3, 11)
#define HB_HIGH_8(index, x, y) HB_SHUFFLE(index, x, y, 4, 12, 5, 13, 6, 14, 7, 15)
#define HB_LOW_16(index, x, y)                                                                     \
    HB_SHUFFLE(index, x, y, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HB_HIGH_16(index, x, y)                                                                    \
    HB_SHUFFLE(index, x, y, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)

/* The lower halves of both, or the upper. In vectors of 32 bytes only some instructions take
   elements from one half to the other, and they are slow: it is best done with whole halves. */
#define HB_LOWERS_8(index, x, y) HB_SHUFFLE(index, x, y, 0, 1, 2, 3, 8, 9, 10, 11)
#define HB_UPPERS_8(index, x, y) HB_SHUFFLE(index, x, y, 4, 5, 6, 7, 12, 13, 14, 15)

/* Every second element of both as one list. */
#define HB_EVEN_4(index, x, y) HB_SHUFFLE(index, x, y, 0, 2, 4, 6)
#define HB_ODD_4(index, x, y)  HB_SHUFFLE(index, x, y, 1, 3, 5, 7)
#define HB_EVEN_8(index, x, y)                                                                     \
    HB_SHUFFLE(index, HB_LOWERS_8(index, x, y), HB_UPPERS_8(index, x, y), 0, 2, 8, 10, 4, 6, 12, 14)
#define HB_ODD_8(index, x, y)                                                                      \
    HB_SHUFFLE(index, HB_LOWERS_8(index, x, y), HB_UPPERS_8(index, x, y), 1, 3, 9, 11, 5, 7, 13, 15)
#define HB_EVEN_16(index, x, y)                                                                    \
    HB_SHUFFLE(index, x, y, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define HB_ODD_16(index, x, y)                                                                     \
    HB_SHUFFLE(index, x, y, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)

/* The elements of x but the first one, and then the first one of y, or the second. */
#define HB_NEXT_4(index, x, y)         HB_SHUFFLE(index, x, y, 1, 2, 3, 4)
#define HB_NEXT_BUT_ONE_4(index, x, y) HB_SHUFFLE(index, x, y, 1, 2, 3, 5)
#define HB_NEXT_8(index, x, y)         HB_SHUFFLE(index, x, y, 1, 2, 3, 4, 5, 6, 7, 8)
#define HB_NEXT_BUT_ONE_8(index, x, y) HB_SHUFFLE(index, x, y, 1, 2, 3, 4, 5, 6, 7, 9)
#define HB_NEXT_16(index, x, y)                                                                    \
    HB_SHUFFLE(index, x, y, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
#define HB_NEXT_BUT_ONE_16(index, x, y)                                                            \
    HB_SHUFFLE(index, x, y, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17)

/* Every second element of a row, of which x has the first ones and y, which begins with the last
   element of x, the others. */
#define HB_APART_2(index, x, y) HB_SHUFFLE(index, x, y, 0, 3)
#define HB_APART_4(index, x, y) HB_SHUFFLE(index, x, y, 0, 2, 5, 7)
#define HB_APART_8(index, x, y) HB_SHUFFLE(index, x, y, 0, 2, 4, 6, 9, 11, 13, 15)
#define HB_APART_16(index, x, y)                                                                   \
    HB_SHUFFLE(index, x, y, 0, 2, 4, 6, 8, 10, 12, 14, 17, 19, 21, 23, 25, 27, 29, 31)

/* Defines a function that turns around `lanes` vectors of type `vector`, of `lanes` elements each:
   log2(lanes) times, rows of the upper and the lower half are taken in turns, element by element.
 */
#define HB_DEFINE_TRANSPOSE_OF(name, vector, index, lanes)                                         \
    HB_DEFINE_TRANSPOSE(name, vector, index, lanes)
#define HB_DEFINE_TRANSPOSE(name, vector, index, lanes)                                            \
    HB_DEFINE_TRANSPOSE_##lanes(name, vector, index)
#define HB_DEFINE_TRANSPOSE_BY(name, vector, index, lanes)                                         \
    static inline __attribute__((always_inline)) void name(vector a[lanes]) {                      \
        vector b[lanes];                                                                           \
        HB_UNROLL for (int n = 1; n < lanes; n *= 2) {                                             \
            HB_UNROLL for (int i = 0; i < lanes / 2; i++) {                                        \
                b[2 * i] = HB_LOW_##lanes(index, a[i], a[i + lanes / 2]);                          \
                b[2 * i + 1] = HB_HIGH_##lanes(index, a[i], a[i + lanes / 2]);                     \
            }                                                                                      \
            HB_UNROLL for (int i = 0; i < lanes; i++) a[i] = b[i];                                 \
        }                                                                                          \
    }
#define HB_DEFINE_TRANSPOSE_2(name, vector, index)  HB_DEFINE_TRANSPOSE_BY(name, vector, index, 2)
#define HB_DEFINE_TRANSPOSE_4(name, vector, index)  HB_DEFINE_TRANSPOSE_BY(name, vector, index, 4)
#define HB_DEFINE_TRANSPOSE_16(name, vector, index) HB_DEFINE_TRANSPOSE_BY(name, vector, index, 16)

/* Halves first, which leaves four squares of 4 x 4, two side by side. */
#if HB_ISA_VECTOR_BYTES == 32
#define HB_DEFINE_TRANSPOSE_8(name, vector, index)                                                 \
    static inline __attribute__((always_inline)) void name(vector a[8]) {                          \
        vector b[8];                                                                               \
        HB_UNROLL for (int i = 0; i < 4; i++) {                                                    \
            b[i] = HB_LOWERS_8(index, a[i], a[i + 4]);                                             \
            b[i + 4] = HB_UPPERS_8(index, a[i], a[i + 4]);                                         \
        }                                                                                          \
        HB_UNROLL for (int n = 0; n < 2; n++) {                                                    \
            HB_UNROLL for (int i = 0; i < 4; i++) {                                                \
                const vector x = b[i + i / 2 * 2], y = b[i + i / 2 * 2 + 2];                       \
                a[2 * i] = HB_SHUFFLE(index, x, y, 0, 8, 1, 9, 4, 12, 5, 13);                      \
                a[2 * i + 1] = HB_SHUFFLE(index, x, y, 2, 10, 3, 11, 6, 14, 7, 15);                \
            }                                                                                      \
            HB_UNROLL for (int i = 0; i < 8; i++) b[i] = a[i];                                     \
        }                                                                                          \
    }
#else
#define HB_DEFINE_TRANSPOSE_8(name, vector, index) HB_DEFINE_TRANSPOSE_BY(name, vector, index, 8)
#endif

#endif
