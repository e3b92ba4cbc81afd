/* GEMM on GPUs: kernels/gemm_tiled.cl with the epilogue behind each tile. Any strides. */
#include "opencl.h"

#define GROUP 256
#define PITCH 65 /* as in gemm_tiled.cl */

static int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

static size_t local_bytes(const hb_gemm *gemm) {
    return 2 * 16 * PITCH * hebb_dtype_size(gemm->dtype);
}

static bool can_do(hb_device *device, const hb_gemm *gemm) {
    return device->max_group >= GROUP && local_bytes(gemm) <= device->local_bytes;
}

static int64_t tiles(const hb_gemm *gemm, int64_t edge) {
    int64_t count = divide_up(gemm->m, edge) * divide_up(gemm->n, edge);
    for (int k = 0; k < gemm->n_batch; k++) count *= gemm->batch[k];
    return count;
}

/* Elements of a row and a column of the tile that an item computes: fewer where large tiles would
   leave compute units idle. */
static int choose_per(const hb_device *device, const hb_gemm *gemm) {
    return tiles(gemm, 64) >= 2 * (int64_t)device->info.units ? 4 : 2;
}

/* About a third of 64 multiplications and additions a cycle of 1.2 GHz, a unit; on CPUs local
   memory and barriers are only loops. */
static double cost(hb_device *device, const hb_gemm *gemm) {
    int per = choose_per(device, gemm);
    double edge = 16.0 * per;
    double rounds = (double)divide_up(tiles(gemm, 16 * per), device->info.units);
    double rate = device->lanes ? 0.5e9 : (per == 4 ? 50e9 : 30e9);
    if (gemm->dtype == HEBB_F64) rate /= 2;
    return 5e-6 + rounds * 2 * edge * edge * (double)gemm->k / rate;
}

static void write_kernel(hb_cl_kernel *kernel, const hb_cl_product *product, int per) {
    const hb_gemm *gemm = &product->gemm;
    const char *type = hb_cl_type(gemm->dtype);
    int edge = 16 * per;
    kernel->wide = product->wide;
    kernel->group = GROUP;
    hb_cl_need(kernel, HB_CL_GEMM_TILED, gemm->dtype);
    hb_cl_index_param(kernel, "m", gemm->m);
    hb_cl_index_param(kernel, "n", gemm->n);
    hb_cl_index_param(kernel, "k", gemm->k);
    hb_cl_index_param(kernel, "ai", hb_cl_row_stride(product, &gemm->a));
    hb_cl_index_param(kernel, "ak", hb_cl_column_stride(product, &gemm->a));
    hb_cl_index_param(kernel, "bk", hb_cl_row_stride(product, &gemm->b));
    hb_cl_index_param(kernel, "bj", hb_cl_column_stride(product, &gemm->b));
    hb_cl_print(&kernel->body, "local %s as[16 * %d], bs[16 * %d];\n%s acc[%d] = {0};\n", type, PITCH,
                PITCH, type, per * per);
    hb_cl_print(&kernel->body,
                "const hb_index row = (hb_index)get_group_id(1) * %d;\n"
                "const hb_index column = (hb_index)get_group_id(0) * %d;\n",
                edge, edge);
    hb_cl_write_batch(kernel, product, "(hb_index)get_group_id(2)");
    hb_cl_write_matrix(kernel, product, "a", &gemm->a);
    hb_cl_write_matrix(kernel, product, "b", &gemm->b);
    hb_cl_print(&kernel->body,
                "hb_tiled_%s(%d, a + row * ai, ai, ak, (int)min((hb_index)%d, m - row), "
                "b + column * bj, bk, bj, (int)min((hb_index)%d, n - column), k, as, bs, acc);\n",
                hb_cl_suffix(gemm->dtype), per, edge, edge);
    hb_cl_print(&kernel->body,
                "#pragma unroll\nfor (int e = 0; e < %d; e++) {\n"
                "const hb_index i%d = row + (hb_index)get_local_id(0) / 16 + 16 * (e / %d);\n"
                "const hb_index j = column + (hb_index)get_local_id(0) %% 16 + 16 * (e %% %d);\n"
                "if (i%d < m && j < n) {\n",
                per * per, gemm->n_batch, per, per, gemm->n_batch);
    hb_cl_write_epilogue_bases(kernel, product);
    hb_cl_write_epilogue(kernel, product, "acc[e]");
    hb_cl_print(&kernel->body, "}\n}\n");
}

static hebb_status prepare(hb_device *device, hb_prepared *prepared, const hb_step *step,
                           hb_error *error) {
    hb_cl_product product;
    hb_cl_launch *launch = hb_cl_launch_add(prepared, step);
    if (launch == NULL || !hb_cl_product_make(&product, &step->u.gemm, false))
        return hb_fail_memory(error, "a launch", sizeof *launch);
    int per = choose_per(device, &step->u.gemm);
    write_kernel(&launch->source, &product, per);
    hb_cl_range(launch, divide_up(product.gemm.n, 16 * per) * GROUP, GROUP);
    launch->rank = 3;
    launch->global[1] = (size_t)divide_up(product.gemm.m, 16 * per);
    launch->global[2] = (size_t)product.batches;
    hb_cl_product_free(&product);
    return HEBB_OK;
}

const hb_cl_gemm_solver hb_cl_gemm_tiled = {
    .name = "tiled",
    .title = "tiled",
    .can_do = can_do,
    .cost = cost,
    .prepare = prepare,
};
