/* GEMM on CPUs: kernels/gemm_vector.cl with the epilogue behind it. A work-item computes a block of
   up to 128 rows by two vectors of columns. Any strides; where the result is narrow the product is
   computed transposed, so that vectors lie along its longer side. */
#include "opencl.h"

#define TILE_ROWS 8
#define BLOCK_ROWS                                                                                 \
    128 /* at most: so that copying b's panel does not count, and a's part stays in cache */

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t width_of(const hb_gemm *gemm) { return gemm->dtype == HEBB_F32 ? 32 : 16; }

static bool can_do(hb_device *device, const hb_gemm *gemm) {
    return gemm->dtype == HEBB_F32 || device->info.f64;
}

/* A single row times a b whose columns are contiguous has no use for copies of b. */
static bool is_row(const hb_cl_product *product) {
    const hb_gemm *gemm = &product->gemm;
    return gemm->m == 1 && gemm->n >= width_of(gemm) && hb_cl_column_stride(product, &gemm->b) == 1;
}

/* Seconds, roughly: tiles are computed whole, panels of b are copied once for every block of rows,
   slower if they are transposed, and a result stored across rows of memory is slower than one along
   them. */
static double estimate(const hb_cl_product *product, int units) {
    const hb_gemm *gemm = &product->gemm;
    double rows = (double)(divide_up(gemm->m, TILE_ROWS) * TILE_ROWS);
    double columns = (double)(divide_up(gemm->n, width_of(gemm)) * width_of(gemm));
    double rate = gemm->dtype == HEBB_F32 ? 90e9 : 45e9;
    if (is_row(product))
        return 5e-6 + (double)gemm->n * (double)gemm->k * (double)product->batches * 0.1e-9 / units;
    double seconds = 2.0 * rows * columns * (double)gemm->k / rate;
    double copy = hb_cl_column_stride(product, &gemm->b) == 1 ? 0.1e-9 : 0.3e-9;
    seconds += (double)divide_up(gemm->m, BLOCK_ROWS) * columns * (double)gemm->k * copy;
    const hb_loop *loop = &gemm->epilogue;
    for (int n = 0; n < loop->n_out; n++)
        if (hb_cl_column_stride(product, &loop->out[n].to) != 1)
            seconds += (double)gemm->m * (double)gemm->n * 0.5e-9;
    return 5e-6 + seconds * (double)product->batches / units;
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

/* Fewer rows where that gives every core a few blocks. */
static int64_t block_rows(const hb_device *device, const hb_cl_product *product) {
    const hb_gemm *gemm = &product->gemm;
    int64_t panels = divide_up(gemm->n, width_of(gemm)) * product->batches;
    int64_t wanted = divide_up(4 * (int64_t)device->info.units, panels);
    int64_t rows = divide_up(divide_up(gemm->m, wanted), TILE_ROWS) * TILE_ROWS;
    return min64(BLOCK_ROWS, max64(TILE_ROWS, rows));
}

static void write_params(hb_cl_kernel *kernel, const hb_cl_product *product, int64_t rows) {
    const hb_gemm *gemm = &product->gemm;
    hb_cl_index_param(kernel, "m", gemm->m);
    hb_cl_index_param(kernel, "n", gemm->n);
    hb_cl_index_param(kernel, "k", gemm->k);
    hb_cl_index_param(kernel, "ai", hb_cl_row_stride(product, &gemm->a));
    hb_cl_index_param(kernel, "ak", hb_cl_column_stride(product, &gemm->a));
    hb_cl_index_param(kernel, "bk", hb_cl_row_stride(product, &gemm->b));
    hb_cl_index_param(kernel, "bj", hb_cl_column_stride(product, &gemm->b));
    hb_cl_index_param(kernel, "block", rows);
}

/* Which way to copy a panel of b: each is much code, so that a kernel has one only. */
static const char *panel_of(const hb_cl_product *product) {
    const hb_operand *b = &product->gemm.b;
    if (hb_cl_column_stride(product, b) == 1) return "along";
    return hb_cl_row_stride(product, b) == 1 ? "across" : "any";
}

/* Items along a row of blocks come first: they share a's rows. */
static void write_block(hb_cl_kernel *kernel, const hb_cl_product *product) {
    const hb_gemm *gemm = &product->gemm;
    const char *type = hb_cl_type(gemm->dtype), *suffix = hb_cl_suffix(gemm->dtype);
    int width = (int)width_of(gemm);
    hb_cl_print(&kernel->body,
                "const hb_index row = (hb_index)get_global_id(1) * block;\n"
                "const hb_index column = (hb_index)get_global_id(0) * %d;\n"
                "const int rows = (int)min(block, m - row);\n"
                "const int from = 0, columns = (int)min((hb_index)%d, n - column);\n"
                "a += row * ai;\nb += column * bj;\n"
                "%s panel[HB_DEPTH * %d], t[%d * %d];\n",
                width, width, type, width, BLOCK_ROWS, width);
    hb_cl_print(
        &kernel->body,
        "for (int l = 0; l < (rows + 7) / 8 * %d; l++) t[l] = 0;\n"
        "for (hb_index p = 0; p < k; p += HB_DEPTH) {\n"
        "const int depth = (int)min(k - p, (hb_index)HB_DEPTH);\n"
        "hb_vector_panel_%s_%s(b + p * bk, bk, bj, columns, depth, k - p, panel);\n"
        "for (int r = 0; r < rows; r += 8)\n"
        "hb_vector_tile_%s(a + r * ai + p * ak, ai, ak, rows - r, depth, panel, t + r * %d);\n"
        "}\n",
        TILE_ROWS * width, panel_of(product), suffix, suffix, width);
}

/* The last vectors begin earlier if they would not be whole, and store only what is theirs: their
   neighbor may have overwritten the rest in place. */
static void write_row(hb_cl_kernel *kernel, const hb_gemm *gemm) {
    int width = (int)width_of(gemm);
    hb_cl_print(&kernel->body,
                "const hb_index row = 0, whole = (hb_index)get_global_id(0) * %d;\n"
                "const hb_index column = min(whole, n - %d);\n"
                "const int rows = 1, from = (int)(whole - column), columns = %d;\n"
                "%s t[%d];\n"
                "hb_vector_row_%s(a, ak, b + column, bk, k, t);\n",
                width, width, width, hb_cl_type(gemm->dtype), width, hb_cl_suffix(gemm->dtype));
}

static void write_kernel(hb_cl_kernel *kernel, const hb_cl_product *product, int64_t rows) {
    const hb_gemm *gemm = &product->gemm;
    kernel->wide = product->wide;
    hb_cl_need(kernel, HB_CL_GEMM_VECTOR, gemm->dtype);
    write_params(kernel, product, rows);
    hb_cl_write_batch(kernel, product, "(hb_index)get_global_id(2)");
    hb_cl_write_matrix(kernel, product, "a", &gemm->a);
    hb_cl_write_matrix(kernel, product, "b", &gemm->b);
    if (is_row(product)) write_row(kernel, gemm);
    else write_block(kernel, product);
    hb_cl_print(&kernel->body, "for (int r = 0; r < rows; r++) {\nconst hb_index i%d = row + r;\n",
                gemm->n_batch);
    hb_cl_write_epilogue_bases(kernel, product);
    hb_cl_print(&kernel->body,
                "#pragma clang loop vectorize(assume_safety)\n"
                "for (int l = from; l < columns; l++) {\nconst hb_index j = column + l;\n"
                "const %s product = t[r * %d + l];\n",
                hb_cl_type(gemm->dtype), (int)width_of(gemm));
    hb_cl_write_epilogue(kernel, product, "product");
    hb_cl_print(&kernel->body, "}\n}\n");
}

static hebb_status prepare(hb_device *device, hb_prepared *prepared, const hb_step *step,
                           hb_error *error) {
    hb_cl_product product;
    double seconds;
    hb_cl_launch *launch = hb_cl_launch_add(prepared, step);
    if (launch == NULL || !choose(device, &step->u.gemm, &product, &seconds))
        return hb_fail_memory(error, "a matrix product", sizeof product);
    int64_t rows = block_rows(device, &product);
    write_kernel(&launch->source, &product, rows);
    hb_cl_range_items(launch, divide_up(product.gemm.n, width_of(&product.gemm)),
                      divide_up(product.gemm.m, rows), product.batches);
    hb_cl_product_free(&product);
    return HEBB_OK;
}

const hb_cl_gemm_solver hb_cl_gemm_vector = {
    .name = "vector",
    .title = "vector 8x32",
    .can_do = can_do,
    .cost = cost,
    .prepare = prepare,
};
