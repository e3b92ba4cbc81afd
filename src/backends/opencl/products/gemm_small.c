/* Products so small that starting a kernel takes longer than doing them: a part of the kernel that
   does a run of small steps (small.c), with little code. On GPUs an item computes an element at a
   time; on CPUs the one item goes row by row, some columns side by side. Any strides. */
#include "../together/small.h"

enum { COLUMNS = 64 }; /* of a row, in private memory */

static void write_params(hb_cl_kernel *kernel, const hb_cl_product *product) {
    const hb_gemm *gemm = &product->gemm;
    kernel->wide = product->wide;
    hb_cl_need(kernel, HB_CL_SCALAR, gemm->dtype);
    hb_cl_index_param(kernel, "k", gemm->k);
    hb_cl_stride_params(kernel, product);
}

static void write_matrices(hb_cl_kernel *kernel, const hb_cl_product *product) {
    hb_cl_write_matrix(kernel, product, "a", &product->gemm.a);
    hb_cl_write_matrix(kernel, product, "b", &product->gemm.b);
}

static void write_elements(hb_cl_kernel *kernel, const hb_cl_product *product) {
    const hb_gemm *gemm = &product->gemm;
    const int n_batch = gemm->n_batch;
    hb_cl_index_param(kernel, "points", product->batches * gemm->m * gemm->n);
    hb_cl_append(&kernel->body, "const hb_index u = (hb_index)HB_ITEM(0);\n"
                                "if (u >= points) return;\n");
    hb_cl_write_coordinates(kernel, &gemm->epilogue, 0, n_batch + 2, "u");
    write_matrices(kernel, product);
    hb_cl_print(&kernel->body,
                "const hb_index j = i%d;\na += i%d * ai;\nb += j * bj;\n%s sum = 0;\n"
                "for (hb_index p = 0; p < k; p++) sum += a[p * ak] * b[p * bk];\n",
                n_batch + 1, n_batch, hb_cl_type(gemm->dtype));
    hb_cl_write_epilogue_bases(kernel, product);
    hb_cl_write_epilogue(kernel, product, "sum");
}

static void write_rows(hb_cl_kernel *kernel, const hb_cl_product *product) {
    const hb_gemm *gemm = &product->gemm;
    const char *type = hb_cl_type(gemm->dtype);
    hb_cl_index_param(kernel, "rows", product->batches * gemm->m);
    hb_cl_index_param(kernel, "n", gemm->n);
    hb_cl_append(&kernel->body, "for (hb_index u = 0; u < rows; u++) {\n");
    hb_cl_write_coordinates(kernel, &gemm->epilogue, 0, gemm->n_batch + 1, "u");
    write_matrices(kernel, product);
    hb_cl_print(&kernel->body,
                "a += i%d * ai;\n"
                "for (hb_index first = 0; first < n; first += %d) {\n"
                "const int count = (int)min(n - first, (hb_index)%d);\n"
                "%s t[%d];\nfor (int l = 0; l < count; l++) t[l] = 0;\n"
                "for (hb_index p = 0; p < k; p++) {\n"
                "const %s factor = a[p * ak];\n"
                "for (int l = 0; l < count; l++) t[l] += factor * b[p * bk + (first + l) * bj];\n"
                "}\n",
                gemm->n_batch, COLUMNS, COLUMNS, type, COLUMNS, type);
    hb_cl_write_epilogue_bases(kernel, product);
    hb_cl_print(&kernel->body,
                "#pragma clang loop vectorize(assume_safety)\n"
                "for (int l = 0; l < count; l++) {\nconst hb_index j = first + l;\n"
                "const %s product = t[l];\n",
                type);
    hb_cl_write_epilogue(kernel, product, "product");
    hb_cl_append(&kernel->body, "}\n}\n}\n");
}

/* The longer side of the result lies along columns. */
hebb_status hb_cl_gemm_small_prepare(hb_device *device, hb_prepared *prepared, const hb_step *step,
                                     hb_error *error) {
    const hb_gemm *gemm = &step->u.gemm;
    hb_cl_product product;
    hb_cl_launch *launch = hb_cl_launch_add(prepared, step);
    if (launch == NULL || !hb_cl_product_make(&product, gemm, device->lanes && gemm->n < gemm->m))
        return hb_fail_memory(error, "a matrix product", sizeof product);
    write_params(&launch->source, &product);
    if (device->lanes) {
        write_rows(&launch->source, &product);
        hb_cl_range_items(launch, 1, 1, 1);
    } else {
        write_elements(&launch->source, &product);
        hb_cl_range(launch, product.batches * product.gemm.m * product.gemm.n, 1);
    }
    hb_cl_product_free(&product);
    return HEBB_OK;
}
