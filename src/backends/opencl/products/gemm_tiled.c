/* GEMM on GPUs: tiles (tile.h) with the epilogue behind each. Any strides. Where there are few
   tiles and the sums are long, their parts are computed apart, and a second kernel adds them,
   always in the same order, and runs the epilogue. */
#include <math.h>
#include <stdio.h>

#include "tile.h"

enum { LEAST_DEPTH = 256 }; /* of products by items of 8 x 8 */

/* Items of 8 x 8 need half of the local memory's bandwidth of 4 x 4, but more of them must be there
   to hide its latency, and an item's results wait for their epilogues one after the other: they pay
   where (nearly) each unit has a tile, and sums are long. On an H200, 2048 x 2048 x 2048 takes 0.45
   ms by 8 x 8 and 0.65 by 4 x 4, 1024 x 1024 x 1024 0.077 and 0.088; 9216 x 64 x 128 with an update
   0.030 and 0.024. */
static hb_cl_tile tile_of(const hb_device *device, const hb_gemm *gemm) {
    static const hb_cl_tile flat = {32, 64, 4, 4}, square = {64, 64, 4, 4}, large = {64, 128, 8, 8};
    if (gemm->m <= 32) return flat;
    int64_t tiles = hb_ceil_div(gemm->m, 64) * hb_ceil_div(gemm->n, 128) * hb_cl_gemm_batches(gemm);
    bool fits = hb_cl_tile_fits(device, large, gemm->dtype);
    const bool many = 16 * tiles >= 15 * (int64_t)device->info.units;
    return fits && many && gemm->k >= LEAST_DEPTH ? large : square;
}

static int64_t tiles_of(const hb_gemm *gemm, hb_cl_tile t) {
    return hb_ceil_div(gemm->m, t.rows) * hb_ceil_div(gemm->n, t.columns) *
           hb_cl_gemm_batches(gemm);
}

static int64_t parts_of(const hb_device *device, const hb_gemm *gemm) {
    return hb_cl_tile_parts(device, tiles_of(gemm, tile_of(device, gemm)), gemm->k);
}

static bool can_do(hb_device *device, const hb_gemm *gemm) {
    return hb_cl_tile_fits(device, tile_of(device, gemm), gemm->dtype);
}

/* Read off an H200, a unit of which does 500 GFLOP/s at best: one group of 4 x 4 items alone has a
   fifth of that, several together two fifths; of 8 x 8, two and three. An item's results wait for
   their epilogues' loads one after the other, at least four microseconds. On CPUs local memory and
   barriers are only loops. */
static double cost(hb_device *device, const hb_gemm *gemm) {
    hb_cl_tile t = tile_of(device, gemm);
    int64_t parts = parts_of(device, gemm);
    bool large = t.item_columns == 8;
    double alone = device->lanes ? 0.25e9 : large ? 200e9 : 100e9;
    double together = device->lanes ? 0.5e9 : large ? 300e9 : 190e9;
    if (gemm->dtype == HEBB_F64) alone /= 2, together /= 2;
    double group = 2.0 * t.rows * t.columns * (double)hb_ceil_div(gemm->k, parts);
    double all = group * (double)(tiles_of(gemm, t) * parts) / device->info.units;
    double least = device->lanes ? 0 : 4e-6;
    return (parts > 1 ? 10e-6 : 5e-6) + fmax(least, fmax(group / alone, all / together));
}

static size_t scratch(hb_device *device, const hb_gemm *gemm) {
    int64_t parts = parts_of(device, gemm);
    int64_t count = parts > 1 ? parts * hb_cl_gemm_batches(gemm) * gemm->m * gemm->n : 0;
    return (size_t)count * hebb_dtype_size(gemm->dtype);
}

/* ---- text ---- */

/* What is being written. */
typedef struct job {
    const hb_cl_product *product;
    int64_t parts, sums; /* where parts' results begin, in elements, ... */
    int buffer;          /* ... in the arena, or which piece of it */
} job;

/* Tiles and slices that are whole, as most are, are fetched without looking. */
static void fetch(hb_cl_kernel *kernel, const void *product, hb_cl_spread a, hb_cl_spread b) {
    (void)product;
    hb_cl_print(&kernel->body, "if (whole && p + %d <= end) {\n", HB_CL_DEPTH);
    hb_cl_tile_fetch(kernel, a);
    hb_cl_print(&kernel->body, "ra[i] = a[n * ai + k * ak];\n}\n");
    hb_cl_tile_fetch(kernel, b);
    hb_cl_print(&kernel->body, "rb[i] = b[n * bj + k * bk];\n}\n} else {\n");
    hb_cl_tile_fetch(kernel, a);
    hb_cl_print(&kernel->body, "ra[i] = row + n < m && p + k < end ? a[n * ai + k * ak] : 0;\n}\n");
    hb_cl_tile_fetch(kernel, b);
    hb_cl_print(&kernel->body,
                "rb[i] = column + n < columns && p + k < end ? b[n * bj + k * bk] : 0;\n}\n}\n"
                "p += %d;\na += %d * ak;\nb += %d * bk;\n",
                HB_CL_DEPTH, HB_CL_DEPTH, HB_CL_DEPTH);
}

/* Pointers to the first elements that the group needs; p, end, the part's depths; slices. */
static void write_operands(hb_cl_kernel *kernel, const job *j, hb_cl_tile t) {
    const hb_gemm *gemm = &j->product->gemm;
    hb_cl_index_param(kernel, "m", gemm->m);
    hb_cl_index_param(kernel, "columns", gemm->n);
    hb_cl_index_param(kernel, "depth", gemm->k);
    hb_cl_index_param(kernel, "parts", j->parts);
    hb_cl_stride_params(kernel, j->product);
    hb_cl_write_batch(kernel, j->product, "(hb_index)HB_GROUP(2) / parts");
    hb_cl_write_matrix(kernel, j->product, "a", &gemm->a);
    hb_cl_write_matrix(kernel, j->product, "b", &gemm->b);
    hb_cl_print(&kernel->body,
                "const hb_index part = (hb_index)HB_GROUP(2) %% parts;\n"
                "const hb_index each = ((depth + parts - 1) / parts + %d) / %d * %d;\n"
                "hb_index p = part * each;\nconst hb_index end = min(p + each, depth);\n"
                "const hb_index slices = end > p ? (end - p + %d) / %d : 0;\n"
                "const bool whole = row + %d <= m && column + %d <= columns;\n"
                "a += row * ai + p * ak;\nb += column * bj + p * bk;\n",
                HB_CL_DEPTH - 1, HB_CL_DEPTH, HB_CL_DEPTH, HB_CL_DEPTH - 1, HB_CL_DEPTH, t.rows,
                t.columns);
}

static void write_product(hb_cl_kernel *kernel, const job *j, hb_cl_tile t) {
    const hb_gemm *gemm = &j->product->gemm;
    int items = hb_cl_tile_items(t);
    char row[HB_CL_NAME_SIZE];
    kernel->wide = j->product->wide;
    hb_cl_need(kernel, HB_CL_SCALAR, gemm->dtype);
    hb_cl_tile_begin(kernel, gemm->dtype, t);
    write_operands(kernel, j, t);
    hb_cl_spread a = {t.rows, items, hb_cl_column_stride(j->product, &gemm->a) == 1, NULL};
    hb_cl_spread b = {t.columns, items, hb_cl_row_stride(j->product, &gemm->b) == 1, NULL};
    hb_cl_tile_multiply(kernel, gemm->dtype, t, a, b, fetch, NULL);
    snprintf(row, sizeof row, "i%d", gemm->n_batch);
    hb_cl_tile_results(kernel, t, row, "j");
    hb_cl_print(&kernel->body, "if (%s < m && j < columns) {\n", row);
    if (j->parts == 1) {
        hb_cl_write_epilogue_bases(kernel, j->product);
        hb_cl_write_epilogue(kernel, j->product, "acc[e]");
    } else {
        hb_cl_buffer_param(kernel, "sums", j->buffer, gemm->dtype, true);
        hb_cl_index_param(kernel, "at", j->sums);
        hb_cl_print(&kernel->body,
                    "sums[at + ((hb_index)HB_GROUP(2) * m + %s) * columns + j] = acc[e];\n", row);
    }
    hb_cl_print(&kernel->body, "}\n}\n");
}

/* ---- preparing ---- */

static hebb_status add_launches(hb_device *device, hb_prepared *prepared, const hb_step *step,
                                const job *j, hb_error *error) {
    const hb_gemm *gemm = &j->product->gemm;
    hb_cl_tile t = tile_of(device, &step->u.gemm);
    int items = hb_cl_tile_items(t);
    hb_cl_launch *launch = hb_cl_launch_add(prepared, step);
    if (launch == NULL) return hb_fail_memory(error, "a launch", sizeof *launch);
    write_product(&launch->source, j, t);
    hb_cl_range_rows(launch, hb_ceil_div(gemm->n, t.columns) * items, (size_t)items,
                     hb_ceil_div(gemm->m, t.rows), j->product->batches * j->parts);
    if (j->parts == 1) return HEBB_OK;
    return hb_cl_gemm_add_sum(device, prepared, step, j->product, j->parts, error);
}

static hebb_status prepare(hb_device *device, hb_prepared *prepared, const hb_step *step,
                           hb_error *error) {
    hb_cl_product product;
    if (!hb_cl_product_make(&product, &step->u.gemm, false))
        return hb_fail_memory(error, "a product", sizeof product);
    job j = {
        .product = &product,
        .parts = parts_of(device, &step->u.gemm),
        .buffer = step->scratch_buffer,
        .sums = step->scratch_offset / (int64_t)hebb_dtype_size(product.gemm.dtype),
    };
    if (j.parts > 1) hb_cl_gemm_widen(&product, step, j.parts);
    hebb_status status = add_launches(device, prepared, step, &j, error);
    hb_cl_product_free(&product);
    return status;
}

const hb_cl_gemm_solver hb_cl_gemm_tiled = {
    .name = "tiled",
    .title = "tiled",
    .can_do = can_do,
    .cost = cost,
    .scratch = scratch,
    .prepare = prepare,
};
