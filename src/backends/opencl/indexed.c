/* GATHER, SCATTER-ADD and SCATTER-SET. None has anything to race for: a work-item owns what it
   writes, and the latter two go in the order of the indices. On CPUs items go along contiguous
   rows, on GPUs neighboring items take neighboring columns. Called by prepare.c. */
#include "opencl.h"

#define CPU_GRAIN 16384
#define GPU_ITEMS 16384 /* scanning indices is cheap, so long as there is work for all */

static bool is_wide(const hb_indexed *indexed) {
    const int64_t limit = INT32_MAX - (1 << 20);
    return indexed->x.offset + indexed->rows * indexed->width > limit ||
           indexed->y.offset + indexed->count * indexed->width > limit ||
           indexed->index.offset + indexed->count > limit;
}

static void write_operands(hb_cl_kernel *kernel, const hb_indexed *indexed, bool gather) {
    hb_cl_buffer_param(kernel, "x", indexed->x.buffer, indexed->x.dtype, !gather);
    hb_cl_buffer_param(kernel, "index", indexed->index.buffer, HEBB_I32, false);
    hb_cl_buffer_param(kernel, "y", indexed->y.buffer, indexed->y.dtype, gather);
    hb_cl_index_param(kernel, "ox", indexed->x.offset);
    hb_cl_index_param(kernel, "oi", indexed->index.offset);
    hb_cl_index_param(kernel, "oy", indexed->y.offset);
    hb_cl_index_param(kernel, "rows", indexed->rows);
    hb_cl_index_param(kernel, "width", indexed->width);
    hb_cl_index_param(kernel, "count", indexed->count);
    hb_cl_print(&kernel->body, "x += ox;\nindex += oi;\ny += oy;\n");
    kernel->wide = is_wide(indexed);
    hb_cl_need(kernel, HB_CL_SCALAR, indexed->x.dtype);
}

/* ---- GATHER ---- */

static void write_gather(hb_cl_kernel *kernel, const hb_indexed *indexed, bool lanes) {
    static const char *const nan[HEBB_DTYPES] = {
        [HEBB_F32] = "NAN", [HEBB_F64] = "NAN", [HEBB_F16] = "0x7E00", [HEBB_BF16] = "0x7FC0"};
    hebb_dtype dtype = indexed->x.dtype;
    const char *missing = nan[dtype] != NULL ? nan[dtype] : "0";
    write_operands(kernel, indexed, true);
    if (lanes) {
        hb_cl_print(&kernel->body,
                    "const hb_index i0 = (hb_index)HB_ITEM(0) * per_item;\n"
                    "const hb_index i1 = min(i0 + per_item, count);\n"
                    "for (hb_index i = i0; i < i1; i++) {\n"
                    "const int row = index[i];\nconst bool in = row >= 0 && row < rows;\n"
                    "if (in) for (hb_index j = 0; j < width; j++) y[i * width + j] = "
                    "x[row * width + j];\n"
                    "else for (hb_index j = 0; j < width; j++) y[i * width + j] = %s;\n}\n",
                    missing);
        return;
    }
    hb_cl_print(&kernel->body,
                "const hb_index u = (hb_index)HB_ITEM(0);\n"
                "if (u >= count * width) return;\n"
                "const hb_index i = u / width, j = u %% width;\n"
                "const int row = index[i];\n"
                "y[u] = row >= 0 && row < rows ? x[row * width + j] : %s;\n",
                missing);
}

static void cut_gather(hb_device *device, const hb_indexed *indexed, hb_cl_launch *launch) {
    int64_t points = indexed->count * indexed->width;
    if (!device->lanes) {
        hb_cl_range(launch, points, device->max_group < 256 ? 1 : 256);
        return;
    }
    int64_t items = hb_max(1, hb_min(points / CPU_GRAIN, 8 * (int64_t)device->info.units));
    int64_t per_item = hb_ceil_div(indexed->count, items);
    hb_cl_index_param(&launch->source, "per_item", per_item);
    hb_cl_range_items(launch, hb_ceil_div(indexed->count, per_item), 1, 1);
}

/* ---- SCATTER-ADD and SCATTER-SET ---- */

/* An item owns rows [r0, r1), on a GPU of one column, and goes through all indices. */
static void write_scatter(hb_cl_kernel *kernel, const hb_indexed *indexed, bool lanes, bool add) {
    const char *suffix = hb_cl_suffix(indexed->x.dtype);
    write_operands(kernel, indexed, false);
    hb_cl_print(&kernel->body,
                "const hb_index r0 = (hb_index)HB_ITEM(%d) * per_item;\n"
                "const hb_index r1 = min(r0 + per_item, rows);\n%s"
                "for (hb_index i = 0; i < count; i++) {\n"
                "const int row = index[i];\nif (row < r0 || row >= r1) continue;\n",
                lanes ? 0 : 1,
                lanes ? ""
                      : "const hb_index j = (hb_index)HB_ITEM(0);\n"
                        "if (j >= width) return;\n");
    if (lanes)
        hb_cl_print(&kernel->body, "#pragma clang loop vectorize(assume_safety)\n"
                                   "for (hb_index j = 0; j < width; j++)\n");
    if (!add) hb_cl_append(&kernel->body, "x[row * width + j] = y[i * width + j];\n}\n");
    else
        hb_cl_print(&kernel->body,
                    "x[row * width + j] = hb_add_%s(x[row * width + j], y[i * width + j]);\n}\n",
                    suffix);
}

/* Each item passes over all indices: rows of a few elements are not worth several passes, and
   narrow ones one a core; only wide ones are shared among more, as neither rows nor cores take
   equally long. */
static int64_t cpu_parts(const hb_device *device, const hb_indexed *indexed) {
    enum { FEW = 4, WIDE = 128 };
    const int64_t units = device->info.units, points = indexed->count * indexed->width;
    if (indexed->width <= FEW) return 1;
    return hb_min(points / CPU_GRAIN, indexed->width < WIDE ? units : 4 * units);
}

static void cut_scatter(hb_device *device, const hb_indexed *indexed, hb_cl_launch *launch) {
    int64_t parts;
    if (device->lanes) parts = cpu_parts(device, indexed);
    else parts = GPU_ITEMS / hb_max(1, indexed->width);
    parts = hb_max(1, hb_min(parts, indexed->rows));
    int64_t per_item = hb_ceil_div(indexed->rows, parts);
    hb_cl_index_param(&launch->source, "per_item", per_item);
    parts = hb_ceil_div(indexed->rows, per_item);
    if (device->lanes) {
        hb_cl_range_items(launch, parts, 1, 1);
        return;
    }
    hb_cl_range(launch, indexed->width, indexed->width < 256 || device->max_group < 256 ? 32 : 256);
    if (device->max_group < 32) hb_cl_range(launch, indexed->width, 1);
    launch->rank = 2;
    launch->global[1] = (size_t)parts;
}

hebb_status hb_cl_indexed_prepare(hb_device *device, hb_prepared *prepared, const hb_step *step,
                                  const char **solver, hb_error *error) {
    const hb_indexed *indexed = &step->u.indexed;
    bool gather = step->kind == HB_GATHER;
    *solver = gather ? "gather" : "scatter in order";
    if (indexed->count == 0 || indexed->width == 0) return HEBB_OK;
    if (!gather && indexed->rows == 0) return HEBB_OK;
    hb_cl_launch *launch = hb_cl_launch_add(prepared, step);
    if (launch == NULL) return hb_fail_memory(error, "a launch", sizeof *launch);
    if (gather) {
        cut_gather(device, indexed, launch);
        write_gather(&launch->source, indexed, device->lanes);
    } else {
        cut_scatter(device, indexed, launch);
        write_scatter(&launch->source, indexed, device->lanes, step->kind == HB_SCATTER_ADD);
    }
    return HEBB_OK;
}
