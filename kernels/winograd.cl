/* The transforms of 3 x 3 convolutions by Winograd's minimal filtering, for CPUs; in between are
   the products of gemm_vector.cl. Included for float, after that.

   F(2 x 2, 3 x 3) as src/backends/cpu/winograd_kernels.h gives it, with the names that it has
   there: d, g and y, and the matrices B', G and A'.

   Element (i, j) of a transform is plane 4 i + j of what is written and read. */

/* B' x of four elements. */
static inline void hb_winograd_image_column(const float16 *x, float16 *y) {
    y[0] = x[0] - x[2];
    y[1] = x[1] + x[2];
    y[2] = x[2] - x[1];
    y[3] = x[1] - x[3];
}

/* A x of two elements. */
static inline void hb_winograd_result_column(float16 x0, float16 x1, float16 *y) {
    y[0] = x0;
    y[1] = x0 + x1;
    y[2] = x0 - x1;
    y[3] = -x1;
}

/* A' x of four elements. */
static inline void hb_winograd_back_column(const float16 *x, float16 *y) {
    const float16 sum = x[1] + x[2], difference = x[1] - x[2];
    y[0] = x[0] + sum;
    y[1] = difference - x[3];
}

/* B' d B of columns d[j][i], to v. */
static inline void hb_winograd_image(float16 d[4][4], global float *v, hb_i64 plane) {
    float16 once[4][4];
#pragma unroll
    for (int j = 0; j < 4; j++) hb_winograd_image_column(d[j], once[j]);
#pragma unroll
    for (int i = 0; i < 4; i++) {
        const float16 x[4] = {once[0][i], once[1][i], once[2][i], once[3][i]};
        float16 y[4];
        hb_winograd_image_column(x, y);
#pragma unroll
        for (int j = 0; j < 4; j++) vstore16(y[j], 0, v + (4 * i + j) * plane);
    }
}

/* ---- CONV and CONV_INPUT: vectors of 16 tiles side by side ---- */

/* Row i of tiles whose columns are pairs of a row of an image: d[j][i] is column j of each tile.
   The first one begins at column `first`, at element `at` of the `total` ones of x; columns from
   `low` to `high` belong to the image, the others are zeros. */
static inline void hb_winograd_row(global const float *x, hb_i64 total, hb_i64 at, int first,
                                   int low, int high, int i, float16 d[4][4]) {
    const int16 column = first + (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    float16 a, b, c, e;
    if (at >= 0 && at + 34 <= total) {
        a = vload16(0, x + at);
        b = vload16(1, x + at);
        c = vload16(0, x + at + 2);
        e = vload16(1, x + at + 2);
    } else {
        float line[34];
        for (int k = 0; k < 34; k++) line[k] = at + k >= 0 && at + k < total ? x[at + k] : 0;
        a = vload16(0, line);
        b = vload16(1, line);
        c = vload16(0, line + 2);
        e = vload16(1, line + 2);
    }
    a = column >= low && column < high ? a : (float16)0;
    b = column >= low - 16 && column < high - 16 ? b : (float16)0;
    c = column >= low - 2 && column < high - 2 ? c : (float16)0;
    e = column >= low - 18 && column < high - 18 ? e : (float16)0;
    d[0][i].lo = a.even;
    d[0][i].hi = b.even;
    d[1][i].lo = a.odd;
    d[1][i].hi = b.odd;
    d[2][i].lo = c.even;
    d[2][i].hi = e.even;
    d[3][i].lo = c.odd;
    d[3][i].hi = e.odd;
}

/* The transforms of a row of tiles of an image of height x width elements that begins at element
   `image` of x. Its first row is `y`, its first column -left; writes up to 15 tiles too many. */
static inline void hb_winograd_images(global const float *x, hb_i64 total, hb_i64 image, int height,
                                      int width, int y, int left, int tiles, global float *v,
                                      hb_i64 plane) {
    for (int t = 0; t < tiles; t += 16) {
        float16 d[4][4];
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const bool in = y + i >= 0 && y + i < height;
            const hb_i64 at = image + (in ? (hb_i64)(y + i) * width : 0) + 2 * t - left;
            hb_winograd_row(x, total, at, 2 * t, left, in ? left + width : left, i, d);
        }
        hb_winograd_image(d, v + t, plane);
    }
}

/* Zeros to 32 elements of every plane. */
static inline void hb_winograd_clear(global float *v, hb_i64 plane) {
#pragma clang loop unroll(disable)
    for (int e = 0; e < 16; e++) {
        vstore16((float16)0, 0, v + e * plane);
        vstore16((float16)0, 1, v + e * plane);
    }
}

/* A' m A of the products m[plane][8][32] of eight rows: y[row][2][64], rows of tiles' rows. */
static inline void hb_winograd_back(global const float *m, float *y) {
#pragma clang loop unroll(disable)
    for (int h = 0; h < 16; h++) { /* halves of rows */
        float16 once[4][2];
#pragma unroll
        for (int j = 0; j < 4; j++) {
            float16 x[4];
#pragma unroll
            for (int i = 0; i < 4; i++) x[i] = vload16(h, m + (4 * i + j) * 256);
            hb_winograd_back_column(x, once[j]);
        }
#pragma unroll
        for (int i = 0; i < 2; i++) {
            const float16 x[4] = {once[0][i], once[1][i], once[2][i], once[3][i]};
            float16 z[2], low, high;
            hb_winograd_back_column(x, z);
            low.even = z[0].lo;
            low.odd = z[1].lo;
            high.even = z[0].hi;
            high.odd = z[1].hi;
            vstore16(low, 0, y + (h / 2 * 2 + i) * 64 + h % 2 * 32);
            vstore16(high, 0, y + (h / 2 * 2 + i) * 64 + h % 2 * 32 + 16);
        }
    }
}

/* Whole vectors, the last of which may begin before the one ahead of it ends. */
static inline void hb_winograd_copy(int n, const float *from, global float *to) {
    if (n < 16) {
#pragma clang loop vectorize(disable) unroll(disable)
        for (int i = 0; i < n; i++) to[i] = from[i];
        return;
    }
#pragma clang loop unroll(disable)
    for (int i = 0; i + 16 <= n; i += 16) vstore16(vload16(0, from + i), 0, to + i);
    vstore16(vload16(0, from + n - 16), 0, to + n - 16);
}

static inline void hb_winograd_filter_column(const float *x, float *y) {
    const float sum = 0.5f * (x[0] + x[2]), middle = 0.5f * x[1];
    y[0] = x[0];
    y[1] = sum + middle;
    y[2] = sum - middle;
    y[3] = x[2];
}

/* G g G' of a filter, turned around if `backwards`, to every plane of u. */
static inline void hb_winograd_filter(global const float *g, bool backwards, global float *u,
                                      hb_i64 plane) {
    float once[4][3];
#pragma unroll
    for (int j = 0; j < 3; j++) {
        float x[3], y[4];
#pragma unroll
        for (int i = 0; i < 3; i++) x[i] = backwards ? g[8 - 3 * i - j] : g[3 * i + j];
        hb_winograd_filter_column(x, y);
#pragma unroll
        for (int i = 0; i < 4; i++) once[i][j] = y[i];
    }
#pragma unroll
    for (int i = 0; i < 4; i++) {
        float y[4];
        hb_winograd_filter_column(once[i], y);
#pragma unroll
        for (int j = 0; j < 4; j++) u[(4 * i + j) * plane] = y[j];
    }
}

/* ---- CONV_WEIGHT: vectors of 16 channels of a tile ---- */

/* to[place * pitch + c] = x[c * plane + place] for c < pitch, which are whole vectors; there are
   `channels`, and what the others get does not matter. */
static inline void hb_winograd_turn(global const float *x, hb_i64 plane, int channels, int places,
                                    int pitch, global float *to) {
    if (places < 16) {
        for (int c = 0; c < pitch; c++)
            for (int p = 0; p < places; p++)
                to[p * pitch + c] = x[min(c, channels - 1) * plane + p];
        return;
    }
    for (int p = 0; p < places; p += 16) {
        const int first = min(p, places - 16);
#pragma clang loop unroll(disable)
        for (int c = 0; c < pitch; c += 16) {
            float16 v[16];
#pragma unroll
            for (int i = 0; i < 16; i++)
                v[i] = vload16(0, x + min(c + i, channels - 1) * plane + first);
            hb_vector_turn_f32(v);
#pragma unroll
            for (int i = 0; i < 16; i++) vstore16(v[i], 0, to + (first + i) * pitch + c);
        }
    }
}

/* Sixteen channels of a place of a turned image, zeros outside of it. */
static inline float16 hb_winograd_place(global const float *x, int height, int width, int pitch,
                                        int i, int j) {
    const bool in = i >= 0 && i < height && j >= 0 && j < width;
    return in ? vload16(0, x + (i * width + j) * pitch) : (float16)0;
}

/* The transforms of all channels of the tile that begins at (y, x) of a turned image. */
static inline void hb_winograd_turned_image(global const float *image, int height, int width,
                                            int pitch, int y, int x, global float *v,
                                            hb_i64 plane) {
    const bool inside = y >= 0 && y + 4 <= height && x >= 0 && x + 4 <= width;
    for (int c = 0; c < pitch; c += 16) {
        float16 d[4][4];
        if (inside) {
            global const float *from = image + (y * width + x) * pitch + c;
#pragma unroll
            for (int i = 0; i < 4; i++)
#pragma unroll
                for (int j = 0; j < 4; j++) d[j][i] = vload16(0, from + (i * width + j) * pitch);
        } else {
#pragma unroll
            for (int i = 0; i < 4; i++)
#pragma unroll
                for (int j = 0; j < 4; j++)
                    d[j][i] = hb_winograd_place(image + c, height, width, pitch, y + i, x + j);
        }
        hb_winograd_image(d, v + c, plane);
    }
}

/* A y A' of all rows of the tile that begins at (y, x) of turned results: v[plane][r /
   16][...][16], blocks of sixteen rows `block` apart. */
static inline void hb_winograd_turned_result(global const float *results, int height, int width,
                                             int pitch, int y, int x, global float *v, hb_i64 plane,
                                             hb_i64 block) {
    for (int r = 0; r < pitch; r += 16, v += block) {
        float16 once[2][4];
#pragma unroll
        for (int j = 0; j < 2; j++)
            hb_winograd_result_column(
                hb_winograd_place(results + r, height, width, pitch, y, x + j),
                hb_winograd_place(results + r, height, width, pitch, y + 1, x + j), once[j]);
#pragma unroll
        for (int i = 0; i < 4; i++) {
            float16 z[4];
            hb_winograd_result_column(once[0][i], once[1][i], z);
#pragma unroll
            for (int j = 0; j < 4; j++) vstore16(z[j], 0, v + (4 * i + j) * plane);
        }
    }
}

static inline void hb_winograd_filter_back_column(const float16 *x, float16 *y) {
    const float16 sum = 0.5f * (x[1] + x[2]);
    y[0] = x[0] + sum;
    y[1] = 0.5f * (x[1] - x[2]);
    y[2] = sum + x[3];
}

/* G' s G of 16 filters side by side, s being the sum over `parts`, `part` apart; filter c goes to
   g[9 * c ...], the first `filters` of them. */
static inline void hb_winograd_filter_back(global const float *s, hb_i64 plane, hb_i64 parts,
                                           hb_i64 part, int filters, global float *g) {
    float16 once[3][4];
    float out[9 * 16];
#pragma unroll
    for (int j = 0; j < 4; j++) {
        float16 x[4], y[3];
#pragma unroll
        for (int i = 0; i < 4; i++) {
            x[i] = vload16(0, s + (4 * i + j) * plane);
            for (hb_i64 k = 1; k < parts; k++)
                x[i] += vload16(0, s + (4 * i + j) * plane + k * part);
        }
        hb_winograd_filter_back_column(x, y);
#pragma unroll
        for (int i = 0; i < 3; i++) once[i][j] = y[i];
    }
#pragma unroll
    for (int i = 0; i < 3; i++) {
        float16 y[3];
        hb_winograd_filter_back_column(once[i], y);
#pragma unroll
        for (int j = 0; j < 3; j++) vstore16(y[j], 3 * i + j, out);
    }
    for (int c = 0; c < filters; c++)
#pragma clang loop unroll(disable)
        for (int t = 0; t < 9; t++) g[9 * c + t] = out[16 * t + c];
}
