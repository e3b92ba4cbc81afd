/* FOLD: a work-item gathers its elements of the result from the windows that reach them, in the
   order of the windows' elements. On CPUs an item takes many. Called by prepare.c. */
#include <stdio.h>

#include "opencl.h"

#define CPU_GRAIN 4096

static bool is_wide(const hb_step *step) {
    const hb_fold *f = &step->u.fold;
    const int64_t limit = INT32_MAX - (1 << 20);
    return step->in[0].offset + f->outer * hb_volume(f->out) * hb_volume(f->kernel) > limit ||
           step->out[0].offset + f->outer * hb_volume(f->in) > limit;
}

static void write_fold(hb_cl_kernel *kernel, const hb_step *step, int64_t per_item) {
    const hb_fold *f = &step->u.fold;
    hebb_dtype dtype = step->out[0].dtype;
    kernel->wide = is_wide(step);
    hb_cl_need(kernel, HB_CL_SCALAR, dtype);
    hb_cl_buffer_param(kernel, "y", step->in[0].buffer, dtype, false);
    hb_cl_buffer_param(kernel, "x", step->out[0].buffer, dtype, true);
    hb_cl_index_param(kernel, "oy", step->in[0].offset);
    hb_cl_index_param(kernel, "ox", step->out[0].offset);
    hb_cl_index_param(kernel, "count", f->outer * hb_volume(f->in));
    hb_cl_index_param(kernel, "per_item", per_item);
    hb_cl_sizes_param(kernel, "n", f->in);
    hb_cl_sizes_param(kernel, "k", f->kernel);
    hb_cl_sizes_param(kernel, "m", f->out);
    hb_cl_sizes_param(kernel, "s", f->stride);
    hb_cl_sizes_param(kernel, "d", f->dilation);
    hb_cl_print(&kernel->body,
                "const hb_index first = (hb_index)HB_ITEM(0) * per_item;\n"
                "const hb_index end = min(first + per_item, count);\n"
                "for (hb_index i = first; i < end; i++) {\n"
                "const hb_index i2 = i %% n2, i1 = i / n2 %% n1, i0 = i / n2 / n1 %% n0;\n"
                "const hb_index outer = i / n2 / n1 / n0;\n%s sum = 0;\n",
                hb_cl_type(dtype));
    for (int d = 0; d < 3; d++)
        hb_cl_print(&kernel->body,
                    "for (hb_index t%d = 0; t%d < k%d; t%d++) {\n"
                    "const hb_index v%d = i%d - t%d * d%d, p%d = v%d / s%d;\n"
                    "if (v%d < 0 || p%d * s%d != v%d || p%d >= m%d) continue;\n",
                    d, d, d, d, d, d, d, d, d, d, d, d, d, d, d, d, d);
    hb_cl_print(&kernel->body,
                "const hb_index w = ((outer * m0 + p0) * m1 + p1) * m2 + p2;\n"
                "sum = hb_add_%s(sum, y[oy + ((w * k0 + t0) * k1 + t1) * k2 + t2]);\n"
                "}\n}\n}\nx[ox + i] = sum;\n}\n",
                hb_cl_suffix(dtype));
}

hebb_status hb_cl_fold_prepare(hb_device *device, hb_prepared *prepared, const hb_step *step,
                               const char **solver, hb_error *error) {
    int64_t count = step->u.fold.outer * hb_volume(step->u.fold.in), per_item = 1;
    *solver = "gather";
    if (count == 0) return HEBB_OK;
    hb_cl_launch *launch = hb_cl_launch_add(prepared, step);
    if (launch == NULL) return hb_fail_memory(error, "a launch", sizeof *launch);
    if (device->lanes) per_item = CPU_GRAIN;
    write_fold(&launch->source, step, per_item);
    if (device->lanes) hb_cl_range_items(launch, hb_ceil_div(count, per_item), 1, 1);
    else hb_cl_range(launch, count, device->max_group < 64 ? 1 : 64);
    return HEBB_OK;
}
