/* The plainest GEMM kernel: a work-item an element of the result, any strides, any device. What
   other solvers are checked against, and what remains where they cannot go. */
#include "../opencl.h"

static bool can_do(hb_device *device, const hb_gemm *gemm) {
    (void)device;
    (void)gemm;
    return true;
}

/* A multiplication and two loads at a time, no reuse. GPUs have the loads of a few under way at
   once: on an H200 a sum of 512 takes 25 microseconds, however few of them there are. */
static double cost(hb_device *device, const hb_gemm *gemm) {
    double rate = (device->lanes ? 1e9 : 8e9) * device->info.units;
    double waiting = device->lanes ? 0 : 50e-9 * (double)gemm->k;
    return 5e-6 + waiting + hb_cl_gemm_flops(gemm) / rate;
}

static void write_kernel(hb_cl_kernel *kernel, const hb_cl_product *product) {
    const hb_gemm *gemm = &product->gemm;
    hb_cl_text *body = &kernel->body;
    kernel->wide = product->wide;
    hb_cl_need(kernel, HB_CL_SCALAR, gemm->dtype);
    hb_cl_index_param(kernel, "n", gemm->n);
    hb_cl_index_param(kernel, "k", gemm->k);
    hb_cl_stride_params(kernel, product);
    hb_cl_print(body,
                "const hb_index j = (hb_index)HB_ITEM(0);\nif (j >= n) return;\n"
                "const hb_index i%d = (hb_index)HB_ITEM(1);\n",
                gemm->n_batch);
    hb_cl_write_batch(kernel, product, "(hb_index)HB_ITEM(2)");
    hb_cl_write_matrix(kernel, product, "a", &gemm->a);
    hb_cl_write_matrix(kernel, product, "b", &gemm->b);
    hb_cl_print(body,
                "a += i%d * ai;\nb += j * bj;\n%s sum = 0;\n"
                "for (hb_index p = 0; p < k; p++) sum += a[p * ak] * b[p * bk];\n",
                gemm->n_batch, hb_cl_type(gemm->dtype));
    hb_cl_write_epilogue_bases(kernel, product);
    hb_cl_write_epilogue(kernel, product, "sum");
}

static hebb_status prepare(hb_device *device, hb_prepared *prepared, const hb_step *step,
                           hb_error *error) {
    hb_cl_product product;
    hb_cl_launch *launch = hb_cl_launch_add(prepared, step);
    if (launch == NULL || !hb_cl_product_make(&product, &step->u.gemm, false))
        return hb_fail_memory(error, "a launch", sizeof *launch);
    write_kernel(&launch->source, &product);
    size_t group = device->max_group < 64 ? 1 : 64;
    hb_cl_range_rows(launch, product.gemm.n, device->lanes ? 1 : group, product.gemm.m,
                     product.batches);
    hb_cl_product_free(&product);
    return HEBB_OK;
}

const hb_cl_gemm_solver hb_cl_gemm_reference = {
    .name = "reference",
    .title = "reference",
    .can_do = can_do,
    .cost = cost,
    .prepare = prepare,
};
