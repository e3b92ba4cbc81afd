/* One dimension of the transforms of Winograd's filtering, of vectors that each hold a value of so
   many tiles, channels or filters. Shared by the CPU backend (winograd_kernel.c) and OpenCL
   (winograd.cl), in the subset of C11 with vectors and OpenCL C that both have. Who includes it
   defines HB_WINOGRAD_VECTOR and HB_WINOGRAD_INLINE; the mathematics and the names are those of
   src/backends/cpu/convolutions/winograd_kernels.h. */

/* The points, besides infinity. Of even sizes, zero and +-1, or zero, +-a and +-b, with a b = 1; of
   odd sizes, +-1, or +-c and +-d, with c d = 1 / 2. */
#define HB_WINOGRAD_A 1.41421356237309505f
#define HB_WINOGRAD_B 0.70710678118654752f
#define HB_WINOGRAD_C 1.25f
#define HB_WINOGRAD_D 0.4f

/* ---- odd sizes ---- */

HB_WINOGRAD_INLINE void hb_winograd_image_column_odd(int size, const HB_WINOGRAD_VECTOR *x,
                                                     HB_WINOGRAD_VECTOR *y) {
    const float c = HB_WINOGRAD_C, d = HB_WINOGRAD_D;
    if (size == 3) {
        y[0] = x[0] + x[1];
        y[1] = x[0] - x[1];
        y[2] = x[2] - x[0];
        return;
    }
    const HB_WINOGRAD_VECTOR even_c = x[2] - d * d * x[0], odd_c = x[3] - d * d * x[1];
    const HB_WINOGRAD_VECTOR even_d = x[2] - c * c * x[0], odd_d = x[3] - c * c * x[1];
    y[0] = c * even_c + odd_c;
    y[1] = c * even_c - odd_c;
    y[2] = d * even_d + odd_d;
    y[3] = d * even_d - odd_d;
    y[4] = x[4] - (c * c + d * d) * x[2] + 0.25f * x[0];
}

HB_WINOGRAD_INLINE void hb_winograd_evaluate_odd(int size, int n, const HB_WINOGRAD_VECTOR *x,
                                                 HB_WINOGRAD_VECTOR *y) {
    const float c = HB_WINOGRAD_C, d = HB_WINOGRAD_D;
    HB_WINOGRAD_VECTOR even_c = x[0], odd_c = x[1], even_d = x[0], odd_d = x[1];
    y[size - 1] = x[n - 1];
    if (size == 3) {
        y[0] = x[0] + x[1];
        y[1] = x[0] - x[1];
        return;
    }
    if (n > 2) {
        even_c += c * c * x[2];
        even_d += d * d * x[2];
    }
    if (n > 3) {
        odd_c += c * c * x[3];
        odd_d += d * d * x[3];
    }
    y[0] = even_c + c * odd_c;
    y[1] = even_c - c * odd_c;
    y[2] = even_d + d * odd_d;
    y[3] = even_d - d * odd_d;
}

HB_WINOGRAD_INLINE void hb_winograd_collect_odd(int size, int n, const HB_WINOGRAD_VECTOR *x,
                                                HB_WINOGRAD_VECTOR *y) {
    const float c = HB_WINOGRAD_C, d = HB_WINOGRAD_D;
    const HB_WINOGRAD_VECTOR sum_c = x[0] + x[1], difference_c = x[0] - x[1];
    if (size == 3) {
        y[0] = sum_c;
        y[1] = difference_c;
    } else {
        const HB_WINOGRAD_VECTOR sum_d = x[2] + x[3], difference_d = x[2] - x[3];
        y[0] = sum_c + sum_d;
        y[1] = c * difference_c + d * difference_d;
        if (n > 2) y[2] = c * c * sum_c + d * d * sum_d;
        if (n > 3) y[3] = c * c * c * difference_c + d * d * d * difference_d;
    }
    y[n - 1] += x[size - 1];
}

HB_WINOGRAD_INLINE void hb_winograd_divide_odd(int size, HB_WINOGRAD_VECTOR *x) {
    const float c = HB_WINOGRAD_C, d = HB_WINOGRAD_D;
    const float by_c = size == 3 ? 0.5f : 0.5f / (c * (c * c - d * d));
    x[0] *= by_c;
    x[1] *= by_c;
    if (size == 5) {
        x[2] *= 0.5f / (d * (d * d - c * c));
        x[3] *= 0.5f / (d * (d * d - c * c));
    }
}

/* ---- all sizes ---- */

/* B' x. */
HB_WINOGRAD_INLINE void hb_winograd_image_column(int size, const HB_WINOGRAD_VECTOR *x,
                                                 HB_WINOGRAD_VECTOR *y) {
    if (size % 2 != 0) {
        hb_winograd_image_column_odd(size, x, y);
        return;
    }
    if (size == 4) {
        y[0] = x[0] - x[2];
        y[1] = x[2] + x[1];
        y[2] = x[2] - x[1];
        y[3] = x[3] - x[1];
        return;
    }
    const HB_WINOGRAD_VECTOR even_a = x[4] - 0.5f * x[2],
                             odd_a = HB_WINOGRAD_A * x[3] - HB_WINOGRAD_B * x[1];
    const HB_WINOGRAD_VECTOR even_b = x[4] - 2.0f * x[2],
                             odd_b = HB_WINOGRAD_B * x[3] - HB_WINOGRAD_A * x[1];
    y[0] = x[4] - 2.5f * x[2] + x[0];
    y[1] = even_a + odd_a;
    y[2] = even_a - odd_a;
    y[3] = even_b + odd_b;
    y[4] = even_b - odd_b;
    y[5] = x[5] - 2.5f * x[3] + x[1];
}

/* The polynomial with coefficients x[n] at the points: A x, or G x but for its factors. */
HB_WINOGRAD_INLINE void hb_winograd_evaluate(int size, int n, const HB_WINOGRAD_VECTOR *x,
                                             HB_WINOGRAD_VECTOR *y) {
    if (size % 2 != 0) {
        hb_winograd_evaluate_odd(size, n, x, y);
        return;
    }
    HB_WINOGRAD_VECTOR even_a = x[0], odd_a = x[1];
    y[0] = x[0];
    y[size - 1] = x[n - 1];
    if (size == 4) {
        if (n > 2) even_a += x[2];
        y[1] = even_a + odd_a;
        y[2] = even_a - odd_a;
        return;
    }
    HB_WINOGRAD_VECTOR even_b = x[0], odd_b = x[1];
    if (n > 2) {
        even_a += 2.0f * x[2];
        even_b += 0.5f * x[2];
    }
    if (n > 3) {
        odd_a += 2.0f * x[3];
        odd_b += 0.5f * x[3];
    }
    if (n > 4) {
        even_a += 4.0f * x[4];
        even_b += 0.25f * x[4];
    }
    y[1] = even_a + HB_WINOGRAD_A * odd_a;
    y[2] = even_a - HB_WINOGRAD_A * odd_a;
    y[3] = even_b + HB_WINOGRAD_B * odd_b;
    y[4] = even_b - HB_WINOGRAD_B * odd_b;
}

/* Its adjoint: A' x, or G' x but for the factors. */
HB_WINOGRAD_INLINE void hb_winograd_collect(int size, int n, const HB_WINOGRAD_VECTOR *x,
                                            HB_WINOGRAD_VECTOR *y) {
    if (size % 2 != 0) {
        hb_winograd_collect_odd(size, n, x, y);
        return;
    }
    const HB_WINOGRAD_VECTOR sum_a = x[1] + x[2], difference_a = x[1] - x[2];
    if (size == 4) {
        y[0] = x[0] + sum_a;
        y[1] = difference_a;
        if (n > 2) y[2] = sum_a;
    } else {
        const HB_WINOGRAD_VECTOR sum_b = x[3] + x[4], difference_b = x[3] - x[4];
        y[0] = x[0] + sum_a + sum_b;
        y[1] = HB_WINOGRAD_A * difference_a + HB_WINOGRAD_B * difference_b;
        if (n > 2) y[2] = 2.0f * sum_a + 0.5f * sum_b;
        if (n > 3) y[3] = 2.0f * HB_WINOGRAD_A * difference_a + 0.5f * HB_WINOGRAD_B * difference_b;
        if (n > 4) y[4] = 4.0f * sum_a + 0.25f * sum_b;
    }
    y[n - 1] += x[size - 1];
}

/* The factors of G. */
HB_WINOGRAD_INLINE void hb_winograd_divide(int size, HB_WINOGRAD_VECTOR *x) {
    if (size % 2 != 0) {
        hb_winograd_divide_odd(size, x);
        return;
    }
    const float a = size == 4 ? 0.5f : 1.0f / 6.0f;
    x[1] *= a;
    x[2] *= a;
    if (size == 6) {
        x[3] *= -2.0f / 3.0f;
        x[4] *= -2.0f / 3.0f;
    }
}
