/* Tiles that are turned around on their way between global and private memory, for the generated
   LOOP kernels of CPUs. Included once for each element type with HB_T and HB_NAME as for scalar.h;
   16-bit floats, which are ushort here, come with any of them.

   A tile has rows of `width` elements in private memory, element l of row i being element i of line
   l in global memory, where lines are `apart`. What fills squares goes through registers: lines are
   read and written as whole vectors, so that it does not matter how many of them a set of the first
   cache can hold. */

/* A square transposed in registers: each round interleaves rows i and i + SIDE / 2. */
#define HB_TURN_SQUARE(T, NAME, SIDE, ROUNDS)                                                      \
    static inline void NAME(turn_square)(HB_PASTE(T, SIDE) * v) {                                  \
        HB_PASTE(T, SIDE) w[SIDE];                                                                 \
        _Pragma("unroll") for (int round = 0; round < ROUNDS; round++) {                           \
            _Pragma("unroll") for (int i = 0; i < SIDE / 2; i++) {                                 \
                w[2 * i].even = v[i].lo;                                                           \
                w[2 * i].odd = v[i + SIDE / 2].lo;                                                 \
                w[2 * i + 1].even = v[i].hi;                                                       \
                w[2 * i + 1].odd = v[i + SIDE / 2].hi;                                             \
            }                                                                                      \
            _Pragma("unroll") for (int i = 0; i < SIDE; i++) v[i] = w[i];                          \
        }                                                                                          \
    }

/* tile[i * width + l] = x[l * apart + i] for i < rows and l < lines. */
#define HB_TURN_IN(T, NAME, SIDE)                                                                  \
    static inline void NAME(turn_in)(global const T *x, hb_i64 apart, int rows, int lines,         \
                                     T *tile, int width) {                                         \
        const int squares = lines / SIDE * SIDE, deep = rows / SIDE * SIDE;                        \
        for (int l = 0; l < squares; l += SIDE) {                                                  \
            _Pragma("clang loop unroll(disable)") for (int i = 0; i < deep; i += SIDE) {           \
                HB_PASTE(T, SIDE) v[SIDE];                                                         \
                _Pragma("unroll") for (int k = 0; k < SIDE; k++) v[k] =                            \
                    HB_PASTE(vload, SIDE)(0, x + (l + k) * apart + i);                             \
                NAME(turn_square)(v);                                                              \
                _Pragma("unroll") for (int k = 0; k < SIDE; k++)                                   \
                    HB_PASTE(vstore, SIDE)(v[k], 0, tile + (i + k) * width + l);                   \
            }                                                                                      \
        }                                                                                          \
        for (int l = 0; l < lines; l++)                                                            \
            for (int i = l < squares ? deep : 0; i < rows; i++)                                    \
                tile[i * width + l] = x[l * apart + i];                                            \
    }

/* y[l * apart + i] = tile[i * width + l] for i < rows and l < lines. */
#define HB_TURN_OUT(T, NAME, SIDE)                                                                 \
    static inline void NAME(turn_out)(global T * y, hb_i64 apart, int rows, int lines,             \
                                      const T *tile, int width) {                                  \
        const int squares = lines / SIDE * SIDE, deep = rows / SIDE * SIDE;                        \
        for (int l = 0; l < squares; l += SIDE) {                                                  \
            _Pragma("clang loop unroll(disable)") for (int i = 0; i < deep; i += SIDE) {           \
                HB_PASTE(T, SIDE) v[SIDE];                                                         \
                _Pragma("unroll") for (int k = 0; k < SIDE; k++) v[k] =                            \
                    HB_PASTE(vload, SIDE)(0, tile + (i + k) * width + l);                          \
                NAME(turn_square)(v);                                                              \
                _Pragma("unroll") for (int k = 0; k < SIDE; k++)                                   \
                    HB_PASTE(vstore, SIDE)(v[k], 0, y + (l + k) * apart + i);                      \
            }                                                                                      \
        }                                                                                          \
        for (int l = 0; l < lines; l++)                                                            \
            for (int i = l < squares ? deep : 0; i < rows; i++)                                    \
                y[l * apart + i] = tile[i * width + l];                                            \
    }

#define HB_TURNS(T, NAME, SIDE, ROUNDS)                                                            \
    HB_TURN_SQUARE(T, NAME, SIDE, ROUNDS)                                                          \
    HB_TURN_IN(T, NAME, SIDE)                                                                      \
    HB_TURN_OUT(T, NAME, SIDE)

#ifndef HB_TURNED_HALVES
#define HB_TURNED_HALVES(f) hb_##f##_u16
HB_TURNS(ushort, HB_TURNED_HALVES, 16, 4)
#endif
#ifdef HB_LONG
HB_TURNS(HB_T, HB_NAME, 8, 3)
#else
HB_TURNS(HB_T, HB_NAME, 16, 4)
#endif

#undef HB_TURN_SQUARE
#undef HB_TURN_IN
#undef HB_TURN_OUT
#undef HB_TURNS
