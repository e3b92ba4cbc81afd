/* GEMM on CPUs: kernels/gemm_vector.cl with the epilogue behind it. A work-item computes a block of
   up to 128 rows by two vectors of columns. Any strides; where the result is narrow the product is
   computed transposed, so that vectors lie along its longer side. Of long sums with few results the
   parts are computed apart, and a second kernel adds them and runs the epilogue. A b that stays the
   same in a scan is packed, a panel after the other, by the first iteration's first launch. */
#include "../opencl.h"

#define TILE_ROWS 8
#define BLOCK_ROWS                                                                                 \
    128 /* at most: so that copying b's panel does not count, and a's part stays in cache */
#define DEPTH        128 /* HB_DEPTH */
#define LEAST_ASKING 64  /* elements of k from which it does not count */
#define ALIGNED                                                                                    \
    "__attribute__((aligned(64)))" /* vectors within a line: the compiler would say 16 */

static int64_t width_of(const hb_gemm *gemm) { return gemm->dtype == HEBB_F32 ? 32 : 16; }
static int64_t panels_of(const hb_gemm *gemm) { return hb_ceil_div(gemm->n, width_of(gemm)); }

static bool can_do(hb_device *device, const hb_gemm *gemm) {
    return gemm->dtype == HEBB_F32 || device->info.f64;
}

/* A single row times a b whose columns are contiguous has no use for copies of b. */
static bool is_row(const hb_cl_product *product) {
    const hb_gemm *gemm = &product->gemm;
    return gemm->m == 1 && gemm->n >= width_of(gemm) && hb_cl_column_stride(product, &gemm->b) == 1;
}

/* Nor has it if b's rows along k are contiguous: its results are sums along them. */
static bool is_dots(const hb_cl_product *product) {
    const hb_gemm *gemm = &product->gemm;
    return gemm->m == 1 && gemm->k >= width_of(gemm) / 2 &&
           hb_cl_row_stride(product, &gemm->b) == 1 && hb_cl_column_stride(product, &gemm->a) == 1;
}

/* Seconds, roughly: tiles are computed whole, panels of b are copied once for every block of rows,
   slower if they are transposed, and a result stored across rows of memory is slower than one along
   them. */
static double estimate(const hb_cl_product *product, int units) {
    const hb_gemm *gemm = &product->gemm;
    double rows = (double)(hb_ceil_div(gemm->m, TILE_ROWS) * TILE_ROWS);
    double columns = (double)(hb_ceil_div(gemm->n, width_of(gemm)) * width_of(gemm));
    double rate = gemm->dtype == HEBB_F32 ? 90e9 : 45e9;
    if (is_row(product) || is_dots(product))
        return 5e-6 + (double)gemm->n * (double)gemm->k * (double)product->batches * 0.1e-9 / units;
    double seconds = 2.0 * rows * columns * (double)gemm->k / rate;
    double copy = hb_cl_column_stride(product, &gemm->b) == 1 ? 0.1e-9 : 0.3e-9;
    seconds += (double)hb_ceil_div(gemm->m, BLOCK_ROWS) * columns * (double)gemm->k * copy;
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

/* ---- a b that stays ---- */

enum { KEEP_PANELS = 4, KEEP_BYTES = 32 << 20 };

static int64_t kept_elements(const hb_cl_product *product) {
    const hb_gemm *gemm = &product->gemm;
    return product->batches * panels_of(gemm) * width_of(gemm) * gemm->k;
}

/* Tiles that read packed panels want rows of a without gaps. */
static bool can_keep(const hb_cl_product *product) {
    const hb_gemm *gemm = &product->gemm;
    return gemm->b_stays && gemm->m > 1 && gemm->k > 0 && panels_of(gemm) >= KEEP_PANELS &&
           hb_cl_column_stride(product, &gemm->a) == 1 &&
           kept_elements(product) * (int64_t)hebb_dtype_size(gemm->dtype) <= KEEP_BYTES;
}

/* Where b is packed there is no choice of the way round. */
static bool choose_kept(hb_device *device, const hb_gemm *gemm, hb_cl_product *product,
                        bool *keeps) {
    double seconds;
    *keeps = false;
    if (!hb_cl_product_make(product, gemm, false)) return false;
    *keeps = device->lanes && can_keep(product);
    if (*keeps) return true;
    hb_cl_product_free(product);
    return choose(device, gemm, product, &seconds);
}

/* ---- long sums ---- */

/* Blocks that are enough for the cores, and the fewest elements of a part's sums. */
enum { ENOUGH_BLOCKS = 16, PART_DEPTH = 1024 };

/* How long a part's sums are: by sizes only, so that results do not depend on the number of cores.
 */
static int64_t part_depth(const hb_cl_product *product) {
    const hb_gemm *gemm = &product->gemm;
    const int64_t blocks = panels_of(gemm) * hb_ceil_div(gemm->m, BLOCK_ROWS) * product->batches;
    const int64_t parts = hb_min(ENOUGH_BLOCKS / hb_max(1, blocks), gemm->k / PART_DEPTH);
    return parts > 1 ? hb_ceil_div(hb_ceil_div(gemm->k, parts), DEPTH) * DEPTH : gemm->k;
}

static int64_t parts_of(const hb_cl_product *product) {
    return product->gemm.k > 0 ? hb_ceil_div(product->gemm.k, part_depth(product)) : 1;
}

static size_t scratch(hb_device *device, const hb_gemm *gemm) {
    hb_cl_product product;
    bool keeps;
    if (!gemm->b_stays && gemm->k < 2 * PART_DEPTH) return 0;
    if (!choose_kept(device, gemm, &product, &keeps)) return 0;
    const int64_t parts = parts_of(&product);
    int64_t elements = keeps ? kept_elements(&product) : 0;
    if (!keeps && parts > 1) elements = parts * product.batches * product.gemm.m * product.gemm.n;
    hb_cl_product_free(&product);
    return (size_t)elements * hebb_dtype_size(gemm->dtype);
}

static double cost(hb_device *device, const hb_gemm *gemm) {
    hb_cl_product product;
    double seconds = 1;
    if (choose(device, gemm, &product, &seconds)) hb_cl_product_free(&product);
    return device->lanes ? seconds : 100 * seconds; /* a GPU's work-items are no such engines */
}

/* Fewer rows where that gives every core a few blocks, or more if panels need not be copied. */
static int64_t block_rows(const hb_device *device, const hb_cl_product *product, bool keeps,
                          int64_t parts) {
    const hb_gemm *gemm = &product->gemm;
    if (parts > 1) return BLOCK_ROWS;
    int64_t panels = hb_ceil_div(gemm->n, width_of(gemm)) * product->batches;
    int64_t wanted = hb_ceil_div((keeps ? 16 : 4) * (int64_t)device->info.units, panels);
    int64_t rows = hb_ceil_div(hb_ceil_div(gemm->m, wanted), TILE_ROWS) * TILE_ROWS;
    return hb_min(BLOCK_ROWS, hb_max(TILE_ROWS, rows));
}

static void write_params(hb_cl_kernel *kernel, const hb_cl_product *product, int64_t rows,
                         int64_t parts) {
    const hb_gemm *gemm = &product->gemm;
    hb_cl_index_param(kernel, "m", gemm->m);
    hb_cl_index_param(kernel, "n", gemm->n);
    hb_cl_index_param(kernel, parts > 1 ? "all" : "k", gemm->k);
    hb_cl_stride_params(kernel, product);
    hb_cl_index_param(kernel, "block", rows);
}

/* Which way to copy a panel of b: each is much code, so that a kernel has one only. */
static const char *panel_of(const hb_cl_product *product) {
    const hb_operand *b = &product->gemm.b;
    if (hb_cl_column_stride(product, b) == 1) return "along";
    return hb_cl_row_stride(product, b) == 1 ? "across" : "any";
}

/* Pointer to the packed panel number HB_ITEM(0) of the batch z. */
static void write_kept(hb_cl_kernel *kernel, const hb_cl_product *product, const hb_step *step,
                       bool written) {
    const hb_gemm *gemm = &product->gemm;
    hb_cl_buffer_param(kernel, "kept", step->scratch_buffer, gemm->dtype, written);
    hb_cl_index_param(kernel, "at", step->scratch_offset / (int64_t)hebb_dtype_size(gemm->dtype));
    hb_cl_index_param(kernel, "panels", panels_of(gemm));
    hb_cl_print(&kernel->body, "kept += at + (z * panels + (hb_index)HB_ITEM(0)) * k * %d;\n",
                (int)width_of(gemm));
}

/* Asks for the lines of an epilogue's operand that a row of a tile is for. */
static void ask_for(hb_cl_kernel *kernel, const hb_cl_product *product, const hb_operand *operand,
                    char name, int pointer, int number) {
    const int size = (int)hebb_dtype_size(operand->dtype), width = (int)width_of(&product->gemm);
    if (operand->buffer < 0 || hb_cl_column_stride(product, operand) != 1 ||
        hb_cl_row_stride(product, operand) == 0)
        return;
    for (int l = 0; l < width; l += 64 / size)
        hb_cl_print(
            &kernel->body,
            "__builtin_prefetch((global const char *)(%c%d + b%c%d + column + %d), %d, 2);\n", name,
            pointer, name, number, l, name == 'y');
}

/* While the last of a tile is added up: what its epilogue reads and writes, rows apart that no
   processor sees coming. To the second cache, as the tiles of a block come before all epilogues. By
   a builtin of POCL's compiler. */
static void write_asking(hb_cl_kernel *kernel, const hb_cl_product *product) {
    const hb_gemm *gemm = &product->gemm;
    const hb_loop *loop = &gemm->epilogue;
    if (gemm->k < LEAST_ASKING) return;
    hb_cl_print(&kernel->body,
                "#ifdef POCL_DEVICE_ADDRESS_BITS\n"
                "for (int q = r; q < min(r + 8, rows) && p + depth == k; q++) {\n"
                "const hb_index i%d = row + q;\n",
                gemm->n_batch);
    hb_cl_write_epilogue_bases(kernel, product);
    for (int i = 0; i < loop->n_instr; i++)
        if (loop->instr[i].code == HB_LOAD)
            ask_for(kernel, product, &loop->in[loop->instr[i].a], 'x',
                    hb_cl_input_pointer(loop, loop->instr[i].a), loop->instr[i].a);
    for (int n = 0; n < loop->n_out; n++)
        ask_for(kernel, product, &loop->out[n].to, 'y', hb_cl_output_pointer(loop, n), n);
    hb_cl_append(&kernel->body, "}\n#endif\n");
}

/* The rows' tiles over a part of k at a time, whose panel is copied, or lies there packed. */
static void write_tiles(hb_cl_kernel *kernel, const hb_cl_product *product, bool keeps,
                        int64_t parts) {
    const char *suffix = hb_cl_suffix(product->gemm.dtype);
    const int width = (int)width_of(&product->gemm);
    hb_cl_append(&kernel->body, "for (hb_index p = 0; p < k; p += HB_DEPTH) {\n"
                                "const int depth = (int)min(k - p, (hb_index)HB_DEPTH);\n");
    if (!keeps)
        hb_cl_print(&kernel->body,
                    "hb_vector_panel_%s_%s(b + p * bk, bk, bj, columns, depth, k - p, panel);\n",
                    panel_of(product), suffix);
    hb_cl_append(&kernel->body, "for (int r = 0; r < rows; r += 8) {\n");
    if (parts == 1) write_asking(kernel, product);
    if (keeps)
        hb_cl_print(&kernel->body,
                    "hb_vector_tile_apart_%s(a + r * ai + p, ai, rows - r, depth, kept + p * %d, "
                    "%d, t + r * %d);\n}\n}\n",
                    suffix, width, width, width);
    else
        hb_cl_print(
            &kernel->body,
            "hb_vector_tile_%s(a + r * ai + p * ak, ai, ak, rows - r, depth, panel, t + r * %d);\n"
            "}\n}\n",
            suffix, width);
}

/* Items along a row of blocks come first: they share a's rows. */
static void write_block(hb_cl_kernel *kernel, const hb_cl_product *product, bool keeps,
                        int64_t parts) {
    const hb_gemm *gemm = &product->gemm;
    const char *type = hb_cl_type(gemm->dtype);
    int width = (int)width_of(gemm);
    hb_cl_print(&kernel->body,
                "const hb_index row = (hb_index)HB_ITEM(1) * block;\n"
                "const hb_index column = (hb_index)HB_ITEM(0) * %d;\n"
                "const int rows = (int)min(block, m - row);\n"
                "const int from = 0, columns = (int)min((hb_index)%d, n - column);\n"
                "a += row * ai;\n%s t[%d * %d] " ALIGNED ";\n",
                width, width, type, BLOCK_ROWS, width);
    if (!keeps)
        hb_cl_print(&kernel->body, "b += column * bj;\n%s panel[HB_DEPTH * %d] " ALIGNED ";\n",
                    type, width);
    hb_cl_print(&kernel->body, "for (int l = 0; l < (rows + 7) / 8 * %d; l++) t[l] = 0;\n",
                TILE_ROWS * width);
    write_tiles(kernel, product, keeps, parts);
}

/* The last vectors begin earlier if they would not be whole, and store only what is theirs: their
   neighbor may have overwritten the rest in place. */
static void write_row(hb_cl_kernel *kernel, const hb_gemm *gemm) {
    int width = (int)width_of(gemm);
    hb_cl_print(&kernel->body,
                "const hb_index row = 0, whole = (hb_index)HB_ITEM(0) * %d;\n"
                "const hb_index column = min(whole, n - %d);\n"
                "const int rows = 1, from = (int)(whole - column), columns = %d;\n"
                "%s t[%d];\n"
                "hb_vector_row_%s(a, ak, b + column, bk, k, t);\n",
                width, width, width, hb_cl_type(gemm->dtype), width, hb_cl_suffix(gemm->dtype));
}

static void write_dots(hb_cl_kernel *kernel, const hb_gemm *gemm) {
    int width = (int)width_of(gemm);
    hb_cl_print(&kernel->body,
                "const hb_index row = 0, column = (hb_index)HB_ITEM(0) * %d;\n"
                "const int rows = 1, from = 0, columns = (int)min((hb_index)%d, n - column);\n"
                "%s t[%d];\n"
                "hb_vector_dots_%s(a, b + column * bj, bj, columns, k, t);\n",
                width, width, hb_cl_type(gemm->dtype), width, hb_cl_suffix(gemm->dtype));
}

static void begin_kernel(hb_cl_kernel *kernel, const hb_cl_product *product, int64_t rows,
                         int64_t parts) {
    kernel->wide = product->wide;
    hb_cl_need(kernel, HB_CL_GEMM_VECTOR, product->gemm.dtype);
    write_params(kernel, product, rows, parts);
    hb_cl_write_batch(kernel, product,
                      parts > 1 ? "(hb_index)HB_ITEM(2) / parts" : "(hb_index)HB_ITEM(2)");
}

/* Declares k, the length of the part's sums, and points a and b at them. */
static void write_part(hb_cl_kernel *kernel, const hb_cl_product *product, int64_t parts) {
    hb_cl_index_param(kernel, "parts", parts);
    hb_cl_index_param(kernel, "each", part_depth(product));
    hb_cl_append(&kernel->body, "const hb_index first = (hb_index)HB_ITEM(2) % parts * each;\n"
                                "const hb_index k = min(each, all - first);\n"
                                "a += first * ak;\nb += first * bk;\n");
}

static void write_sums(hb_cl_kernel *kernel, const hb_cl_product *product, const hb_step *step) {
    const hb_gemm *gemm = &product->gemm;
    hb_cl_buffer_param(kernel, "sums", step->scratch_buffer, gemm->dtype, true);
    hb_cl_index_param(kernel, "at", step->scratch_offset / (int64_t)hebb_dtype_size(gemm->dtype));
    hb_cl_print(
        &kernel->body,
        "for (int r = 0; r < rows; r++)\nfor (int l = from; l < columns; l++)\n"
        "sums[at + ((hb_index)HB_ITEM(2) * m + row + r) * n + column + l] = t[r * %d + l];\n",
        (int)width_of(gemm));
}

static void write_results(hb_cl_kernel *kernel, const hb_cl_product *product) {
    const hb_gemm *gemm = &product->gemm;
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

static void write_kernel(hb_cl_kernel *kernel, const hb_cl_product *product, const hb_step *step,
                         int64_t rows, bool keeps, int64_t parts) {
    const hb_gemm *gemm = &product->gemm;
    begin_kernel(kernel, product, rows, parts);
    hb_cl_write_matrix(kernel, product, "a", &gemm->a);
    if (keeps) write_kept(kernel, product, step, false);
    else hb_cl_write_matrix(kernel, product, "b", &gemm->b);
    if (parts > 1) write_part(kernel, product, parts);
    if (is_row(product)) write_row(kernel, gemm);
    else if (is_dots(product) && !keeps) write_dots(kernel, gemm);
    else write_block(kernel, product, keeps, parts);
    if (parts > 1) write_sums(kernel, product, step);
    else write_results(kernel, product);
}

/* An item packs HB_DEPTH rows of a panel. */
static hebb_status add_packing(hb_prepared *prepared, const hb_step *step,
                               const hb_cl_product *product, hb_error *error) {
    const hb_gemm *gemm = &product->gemm;
    const int width = (int)width_of(gemm);
    hb_cl_launch *launch = hb_cl_launch_add(prepared, step);
    if (launch == NULL) return hb_fail_memory(error, "a launch", sizeof *launch);
    hb_cl_kernel *kernel = &launch->source;
    begin_kernel(kernel, product, 0, 1);
    hb_cl_write_matrix(kernel, product, "b", &gemm->b);
    write_kept(kernel, product, step, true);
    hb_cl_print(&kernel->body,
                "const hb_index column = (hb_index)HB_ITEM(0) * %d;\n"
                "const hb_index p = (hb_index)HB_ITEM(1) * HB_DEPTH;\n"
                "const int columns = (int)min((hb_index)%d, n - column);\n"
                "const int depth = (int)min(k - p, (hb_index)HB_DEPTH);\n"
                "%s panel[HB_DEPTH * %d];\n"
                "hb_vector_panel_%s_%s(b + column * bj + p * bk, bk, bj, columns, depth, k - p, "
                "panel);\n"
                "for (int l = 0; l < depth * %d; l++) kept[p * %d + l] = panel[l];\n",
                width, width, hb_cl_type(gemm->dtype), width, panel_of(product),
                hb_cl_suffix(gemm->dtype), width, width);
    hb_cl_range_items(launch, panels_of(gemm), hb_ceil_div(gemm->k, DEPTH), product->batches);
    launch->once = true;
    return HEBB_OK;
}

static hebb_status add_product(hb_device *device, hb_prepared *prepared, const hb_step *step,
                               const hb_cl_product *product, bool keeps, hb_error *error) {
    hb_cl_launch *launch = hb_cl_launch_add(prepared, step);
    if (launch == NULL) return hb_fail_memory(error, "a launch", sizeof *launch);
    const int64_t parts = keeps ? 1 : parts_of(product);
    const int64_t rows = block_rows(device, product, keeps, parts);
    write_kernel(&launch->source, product, step, rows, keeps, parts);
    hb_cl_range_items(launch, panels_of(&product->gemm), hb_ceil_div(product->gemm.m, rows),
                      product->batches * parts);
    if (parts == 1) return HEBB_OK;
    return hb_cl_gemm_add_sum(device, prepared, step, product, parts, error);
}

static hebb_status prepare(hb_device *device, hb_prepared *prepared, const hb_step *step,
                           hb_error *error) {
    hb_cl_product product;
    bool keeps;
    if (!choose_kept(device, &step->u.gemm, &product, &keeps))
        return hb_fail_memory(error, "a matrix product", sizeof product);
    const int64_t size = (int64_t)hebb_dtype_size(product.gemm.dtype);
    if (keeps && step->scratch_offset / size + kept_elements(&product) > INT32_MAX)
        product.wide = true;
    if (!keeps && parts_of(&product) > 1) hb_cl_gemm_widen(&product, step, parts_of(&product));
    hebb_status status = HEBB_OK;
    if (keeps) status = add_packing(prepared, step, &product, error);
    if (status == HEBB_OK) status = add_product(device, prepared, step, &product, keeps, error);
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
