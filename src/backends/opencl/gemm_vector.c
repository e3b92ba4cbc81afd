/* GEMM on CPUs: kernels/gemm_vector.cl with the epilogue behind each tile. The kernel wants b's columns
   contiguous and at least one tile of them. Where that is not so, b is copied into panels first, or
   the product is computed transposed, where the roles of a and b change. */
#include <string.h>
#include <stdlib.h>

#include "opencl.h"

#define TILE_ROWS 8
#define PACK_ROWS 64 /* rows of a panel that a work-item copies */

static int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t tile_columns(const hb_gemm *gemm) { return gemm->dtype == HEBB_F32 ? 32 : 16; }

static bool can_do(hb_device *device, const hb_gemm *gemm) {
    (void)device;
    return gemm->dtype == HEBB_F32 || device->info.f64;
}

static bool must_pack(const hb_cl_product *product) {
    const hb_gemm *gemm = &product->gemm;
    return getenv("PK")||hb_cl_column_stride(product, &gemm->b) != 1 || gemm->n < tile_columns(gemm);
}

/* Seconds, roughly: tiles are computed whole, packing moves every element of b at a cycle or two, and a
   result stored along columns of memory is slower than one stored along rows. */
static double estimate(const hb_cl_product *product, int units) {
    const hb_gemm *gemm = &product->gemm;
    double rows = (double)(divide_up(gemm->m, TILE_ROWS) * TILE_ROWS);
    double columns = (double)(divide_up(gemm->n, tile_columns(gemm)) * tile_columns(gemm));
    double rate = gemm->dtype == HEBB_F32 ? 90e9 : 45e9;
    double seconds = 2.0 * rows * columns * (double)gemm->k / rate;
    if (must_pack(product)) seconds += columns * (double)gemm->k * 0.7e-9;
    const hb_loop *loop = &gemm->epilogue;
    for (int n = 0; n < loop->n_out; n++)
        if (hb_cl_column_stride(product, &loop->out[n].to) != 1)
            seconds += (double)gemm->m * (double)gemm->n * 0.5e-9;
    return seconds * (double)product->batches / units;
}

/* The better of the two ways round. */
static bool choose(hb_device *device, const hb_gemm *gemm, hb_cl_product *product, double *cost) {
    hb_cl_product other;
    if (!hb_cl_product_make(product, gemm, false)) return false;
    if (!hb_cl_product_make(&other, gemm, true)) {
        hb_cl_product_free(product);
        return false;
    }
    *cost = estimate(product, device->info.units);
    double other_cost = estimate(&other, device->info.units);
    if (other_cost < *cost) {
        hb_cl_product_free(product);
        *product = other;
        *cost = other_cost;
    } else hb_cl_product_free(&other);
    return true;
}

static double cost(hb_device *device, const hb_gemm *gemm) {
    hb_cl_product product;
    double seconds = 1;
    if (choose(device, gemm, &product, &seconds)) hb_cl_product_free(&product);
    return device->lanes ? seconds : 100 * seconds; /* a GPU's work-items are no such engines */
}

/* A b that is the same for all batches is packed once. */
static bool is_shared(const hb_cl_product *product) {
    for (int k = 0; k < product->gemm.n_batch; k++)
        if (product->gemm.b.stride[k] != 0) return false;
    return true;
}

static int64_t panel_count(const hb_gemm *gemm) { return divide_up(gemm->n, tile_columns(gemm)); }

static size_t packed_bytes(const hb_cl_product *product) {
    const hb_gemm *gemm = &product->gemm;
    if (!must_pack(product)) return 0;
    int64_t matrices = is_shared(product) ? 1 : product->batches;
    return (size_t)(matrices * panel_count(gemm) * tile_columns(gemm) * gemm->k) *
           hebb_dtype_size(gemm->dtype);
}

static size_t scratch(hb_device *device, const hb_gemm *gemm) {
    hb_cl_product product;
    double seconds;
    if (!choose(device, gemm, &product, &seconds)) return 0; /* prepare() will say so */
    size_t bytes = packed_bytes(&product);
    hb_cl_product_free(&product);
    return bytes;
}

/* ---- packing ---- */

/* packed[batch][panel][row][tile_columns] = b, with zeros where b has no more columns. */
static void write_pack(hb_cl_kernel *kernel, const hb_cl_product *product, int64_t packed) {
    const hb_gemm *gemm = &product->gemm;
    const char *type = hb_cl_type(gemm->dtype);
    int width = (int)tile_columns(gemm);
    bool along_rows = hb_cl_row_stride(product, &gemm->b) == 1;
    kernel->wide = product->wide;
    hb_cl_need(kernel, HB_CL_SCALAR, gemm->dtype);
    hb_cl_index_param(kernel, "n", gemm->n);
    hb_cl_index_param(kernel, "k", gemm->k);
    hb_cl_index_param(kernel, "bk", hb_cl_row_stride(product, &gemm->b));
    hb_cl_index_param(kernel, "bj", hb_cl_column_stride(product, &gemm->b));
    hb_cl_index_param(kernel, "packed", packed);
    hb_cl_buffer_param(kernel, "to", HB_BUFFER_ARENA, gemm->dtype, true);
    hb_cl_write_batch(kernel, product, "(hb_index)get_global_id(2)");
    hb_cl_write_matrix(kernel, product, "b", &gemm->b);
    hb_cl_print(&kernel->body,
                "const hb_index panel = (hb_index)get_global_id(0);\n"
                "const hb_index panels = (hb_index)get_global_size(0);\n"
                "const hb_index first = (hb_index)get_global_id(1) * %d;\n"
                "const hb_index last = min(first + %d, k);\n"
                "const int columns = (int)min((hb_index)%d, n - panel * %d);\n"
                "global %s *t = to + packed + (z * panels + panel) * k * %d;\n"
                "b += panel * %d * bj;\n",
                PACK_ROWS, PACK_ROWS, width, width, type, width, width);
    hb_cl_print(&kernel->body,
                along_rows ? "for (int l = 0; l < columns; l++)\n"
                             "for (hb_index p = first; p < last; p++) t[p * %d + l] = "
                             "b[l * bj + p];\n"
                           : "for (hb_index p = first; p < last; p++)\n"
                             "for (int l = 0; l < columns; l++) t[p * %d + l] = "
                             "b[l * bj + p * bk];\n",
                width);
    hb_cl_print(&kernel->body,
                "for (hb_index p = first; p < last; p++)\n"
                "for (int l = columns; l < %d; l++) t[p * %d + l] = 0;\n",
                width, width);
}

/* ---- the product ---- */

/* A last tile that is not whole begins earlier if b is not packed, and stores only its own columns
   [from, to): what it shares with its neighbor may have been overwritten in place. */
static void write_tile_place(hb_cl_kernel *kernel, const hb_cl_product *product) {
    const hb_gemm *gemm = &product->gemm;
    int width = (int)tile_columns(gemm);
    hb_cl_print(&kernel->body,
                "const hb_index row = (hb_index)get_global_id(0) * %d;\n"
                "const hb_index column = (hb_index)get_global_id(1) * %d;\n"
                "const int rows = (int)min((hb_index)%d, m - row);\n",
                TILE_ROWS, width, TILE_ROWS);
    if (must_pack(product))
        hb_cl_print(&kernel->body,
                    "const hb_index start = column;\nconst int from = 0;\n"
                    "const int to = (int)min((hb_index)%d, n - column);\n",
                    width);
    else
        hb_cl_print(&kernel->body,
                    "const hb_index start = min(column, n - %d);\n"
                    "const int from = (int)(column - start);\nconst int to = %d;\n",
                    width, width);
}

static void write_tile_call(hb_cl_kernel *kernel, const hb_cl_product *product, int64_t packed) {
    const hb_gemm *gemm = &product->gemm;
    const char *suffix = hb_cl_suffix(gemm->dtype);
    int width = (int)tile_columns(gemm);
    if (!must_pack(product)) {
        hb_cl_index_param(kernel, "bk", hb_cl_row_stride(product, &gemm->b));
        hb_cl_write_matrix(kernel, product, "b", &gemm->b);
        hb_cl_print(&kernel->body,
                    "hb_vector_tile_%s(a + row * ai, ai, ak, rows, b + start, bk, k, t);\n", suffix);
        return;
    }
    hb_cl_index_param(kernel, "packed", packed);
    hb_cl_buffer_param(kernel, "b", HB_BUFFER_ARENA, gemm->dtype, false);
    hb_cl_print(&kernel->body,
                "const hb_index panels = (hb_index)get_global_size(1);\n"
                "hb_vector_tile_%s(a + row * ai, ai, ak, rows, b + packed + (%s + "
                "(hb_index)get_global_id(1)) * k * %d, %d, k, t);\n",
                suffix, is_shared(product) ? "0" : "z * panels", width, width);
}

static void write_product(hb_cl_kernel *kernel, const hb_cl_product *product, int64_t packed) {
    const hb_gemm *gemm = &product->gemm;
    int width = (int)tile_columns(gemm);
    kernel->wide = product->wide;
    hb_cl_need(kernel, HB_CL_GEMM_VECTOR, gemm->dtype);
    hb_cl_index_param(kernel, "m", gemm->m);
    hb_cl_index_param(kernel, "n", gemm->n);
    hb_cl_index_param(kernel, "k", gemm->k);
    hb_cl_index_param(kernel, "ai", hb_cl_row_stride(product, &gemm->a));
    hb_cl_index_param(kernel, "ak", hb_cl_column_stride(product, &gemm->a));
    hb_cl_write_batch(kernel, product, "(hb_index)get_global_id(2)");
    write_tile_place(kernel, product);
    hb_cl_write_matrix(kernel, product, "a", &gemm->a);
    hb_cl_print(&kernel->body, "%s t[%d];\n", hb_cl_type(gemm->dtype), TILE_ROWS * width);
    write_tile_call(kernel, product, packed);
    hb_cl_print(&kernel->body,
                "for (int r = 0; r < rows; r++) {\nconst hb_index i%d = row + r;\n", gemm->n_batch);
    hb_cl_write_epilogue_bases(kernel, product);
    hb_cl_print(&kernel->body,
                "#pragma clang loop vectorize(assume_safety)\n"
                "for (int l = from; l < to; l++) {\nconst hb_index j = start + l;\n");
    char value[HB_CL_NAME_SIZE + 16];
    hb_cl_print(&kernel->body, "const %s product = t[r * %d + l];\n", hb_cl_type(gemm->dtype), width);
    strcpy(value, "product");
    hb_cl_write_epilogue(kernel, product, value);
    hb_cl_print(&kernel->body, "}\n}\n");
}

static hebb_status add_launches(hb_prepared *prepared, const hb_step *step,
                                const hb_cl_product *product, hb_error *error) {
    const hb_gemm *gemm = &product->gemm;
    int64_t packed = step->scratch_offset / (int64_t)hebb_dtype_size(gemm->dtype);
    hb_cl_launch *launch;
    if (packed_bytes(product) > 0) {
        launch = hb_cl_launch_add(prepared, step);
        if (launch == NULL) return hb_fail_memory(error, "a launch", sizeof *launch);
        write_pack(&launch->source, product, packed);
        hb_cl_range_items(launch, panel_count(gemm), divide_up(gemm->k, PACK_ROWS),
                          is_shared(product) ? 1 : product->batches);
    }
    launch = hb_cl_launch_add(prepared, step);
    if (launch == NULL) return hb_fail_memory(error, "a launch", sizeof *launch);
    write_product(&launch->source, product, packed);
    hb_cl_range_items(launch, divide_up(gemm->m, TILE_ROWS), panel_count(gemm), product->batches);
    return HEBB_OK;
}

static hebb_status prepare(hb_device *device, hb_prepared *prepared, const hb_step *step,
                           hb_error *error) {
    hb_cl_product product;
    double seconds;
    if (!choose(device, &step->u.gemm, &product, &seconds))
        return hb_fail_memory(error, "a matrix product", sizeof product);
    hebb_status status = add_launches(prepared, step, &product, error);
    hb_cl_product_free(&product);
    return status;
}

const hb_cl_gemm_solver hb_cl_gemm_vector = {
    .name = "vector",
    .title = "vector 8x32",
    .can_do = can_do,
    .cost = cost,
    .scratch = scratch,
    .prepare = prepare,
};
