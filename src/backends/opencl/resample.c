/* RESAMPLE: a work-item makes its elements of the result from all that they are made of, along the
   three axes at once. The weights are a table in the device's memory. On CPUs an item takes many
   elements. Called by prepare.c. */
#include <stdlib.h>
#include <string.h>

#include "../resample.h"
#include "opencl.h"

#define CPU_GRAIN 4096

/* Along the axes that are not kept. */
typedef struct tables {
    hb_resample_table of[3];
    hebb_dtype dtype;
} tables;

static bool is_kept(const hb_step *step, int d) { return step->u.resample.axis[d].rule == HB_KEPT; }

static int64_t size_of(const hb_step *step, int d, bool result) {
    const hb_resample *r = &step->u.resample;
    return result != (bool)r->transposed ? r->axis[d].out : r->axis[d].in;
}

/* Elements before or after. */
static int64_t count_of(const hb_step *step, bool result) {
    int64_t count = step->u.resample.outer * step->u.resample.inner;
    for (int d = 0; d < 3; d++) count *= size_of(step, d, result);
    return count;
}

static bool is_wide(const hb_step *step) {
    const int64_t limit = INT32_MAX - (1 << 20);
    return step->in[0].offset + count_of(step, false) > limit ||
           step->out[0].offset + count_of(step, true) > limit;
}

/* ---- the table ---- */

/* Appends integers that begin at a place with no remainder for `align`; where that is. */
static int64_t append(char *to, size_t *at, const void *from, size_t bytes, size_t align) {
    *at = hb_round_up(*at, align);
    if (to != NULL && bytes > 0) memcpy(to + *at, from, bytes);
    const size_t place = *at;
    *at += bytes;
    return (int64_t)(place / align);
}

/* Where the parts of an axis' table are: of weights and divisors in numbers of their dtype. */
typedef struct parts {
    int64_t first, place, weight, divisor;
} parts;

static size_t lay_out(const tables *t, char *to, parts part[3]) {
    const size_t size = hebb_dtype_size(t->dtype);
    size_t at = 0;
    for (int d = 0; d < 3; d++) {
        const hb_resample_table *of = &t->of[d];
        const size_t rows = (size_t)of->rows, entries = (size_t)of->entries;
        if (of->first == NULL) continue;
        part[d].first = append(to, &at, of->first, (rows + 1) * sizeof(int32_t), 4);
        part[d].place = append(to, &at, of->place, entries * sizeof(int32_t), 4);
        part[d].weight = append(to, &at, of->weight, entries * size, size);
        if (of->divisor != NULL) part[d].divisor = append(to, &at, of->divisor, rows * size, size);
    }
    return at;
}

static bool make_table(const tables *t, hb_cl_launch *launch, parts part[3]) {
    launch->table_bytes = lay_out(t, NULL, part) + 8;
    launch->data = calloc(launch->table_bytes, 1);
    if (launch->data != NULL) lay_out(t, launch->data, part);
    return launch->data != NULL;
}

/* ---- the kernel ---- */

/* Sums along axis d and those after it, into s<d>. */
static void write_sums(hb_cl_kernel *kernel, const hb_step *step, const tables *t, int d) {
    const char *type = hb_cl_type(t->dtype);
    if (d == 3) {
        hb_cl_print(
            &kernel->body,
            "const %s s3 = x[ox + (((outer * n0 + p0) * n1 + p1) * n2 + p2) * inner + j];\n", type);
        return;
    }
    if (is_kept(step, d)) {
        hb_cl_print(&kernel->body, "const hb_index p%d = i%d;\n", d, d);
        write_sums(kernel, step, t, d + 1);
        hb_cl_print(&kernel->body, "const %s s%d = s%d;\n", type, d, d + 1);
        return;
    }
    hb_cl_print(&kernel->body,
                "%s s%d = 0;\nfor (int e%d = table[first%d + i%d]; e%d < table[first%d + i%d + 1]; "
                "e%d++) {\nconst hb_index p%d = table[place%d + e%d];\n",
                type, d, d, d, d, d, d, d, d, d, d, d);
    write_sums(kernel, step, t, d + 1);
    hb_cl_print(&kernel->body, "s%d += weights[weight%d + e%d] * s%d;\n}\n", d, d, d, d + 1);
    if (t->of[d].divisor != NULL)
        hb_cl_print(&kernel->body, "s%d /= weights[divisor%d + i%d];\n", d, d, d);
}

static void add_part(hb_cl_kernel *kernel, const char *name, int d, int64_t value) {
    char text[HB_CL_NAME_SIZE];
    snprintf(text, sizeof text, "%s%d", name, d);
    hb_cl_index_param(kernel, text, value);
}

static void write_params(hb_cl_kernel *kernel, const hb_step *step, const parts part[3]) {
    hb_cl_buffer_param(kernel, "x", step->in[0].buffer, step->in[0].dtype, false);
    hb_cl_buffer_param(kernel, "y", step->out[0].buffer, step->out[0].dtype, true);
    hb_cl_param_add(kernel, HB_CL_TABLE, "table", 0);
    hb_cl_index_param(kernel, "ox", step->in[0].offset);
    hb_cl_index_param(kernel, "oy", step->out[0].offset);
    hb_cl_index_param(kernel, "count", count_of(step, true));
    hb_cl_index_param(kernel, "inner", step->u.resample.inner);
    for (int d = 0; d < 3; d++) {
        add_part(kernel, "n", d, size_of(step, d, false));
        add_part(kernel, "m", d, size_of(step, d, true));
        if (is_kept(step, d)) continue;
        add_part(kernel, "first", d, part[d].first);
        add_part(kernel, "place", d, part[d].place);
        add_part(kernel, "weight", d, part[d].weight);
        add_part(kernel, "divisor", d, part[d].divisor);
    }
}

static void write_kernel(hb_cl_kernel *kernel, const hb_step *step, const tables *t,
                         const parts part[3], int64_t per_item) {
    kernel->wide = is_wide(step);
    hb_cl_need(kernel, HB_CL_SCALAR, t->dtype);
    write_params(kernel, step, part);
    hb_cl_index_param(kernel, "per_item", per_item);
    hb_cl_print(
        &kernel->body,
        "global const %s *const weights = (global const %s *)table;\n"
        "const hb_index begin = (hb_index)HB_ITEM(0) * per_item;\n"
        "const hb_index end = min(begin + per_item, count);\n"
        "for (hb_index i = begin; i < end; i++) {\n"
        "const hb_index j = i %% inner, i2 = i / inner %% m2, i1 = i / inner / m2 %% m1;\n"
        "const hb_index i0 = i / inner / m2 / m1 %% m0, outer = i / inner / m2 / m1 / m0;\n",
        hb_cl_type(t->dtype), hb_cl_type(t->dtype));
    write_sums(kernel, step, t, 0);
    hb_cl_append(&kernel->body, "y[oy + i] = s0;\n}\n");
}

static hebb_status prepare_launch(hb_device *device, hb_prepared *prepared, const hb_step *step,
                                  const tables *t, hb_error *error) {
    const int64_t count = count_of(step, true), per_item = device->lanes ? CPU_GRAIN : 1;
    parts part[3] = {{0}};
    hb_cl_launch *launch = hb_cl_launch_add(prepared, step);
    if (launch == NULL) return hb_fail_memory(error, "a launch", sizeof *launch);
    if (!make_table(t, launch, part)) return hb_fail_memory(error, "a table", launch->table_bytes);
    write_kernel(&launch->source, step, t, part, per_item);
    if (device->lanes) hb_cl_range_items(launch, hb_ceil_div(count, per_item), 1, 1);
    else hb_cl_range(launch, count, device->max_group < 64 ? 1 : 64);
    return HEBB_OK;
}

hebb_status hb_cl_resample_prepare(hb_device *device, hb_prepared *prepared, const hb_step *step,
                                   const char **solver, hb_error *error) {
    tables t = {.dtype = step->out[0].dtype};
    hebb_status status = HEBB_OK;
    *solver = "points";
    if (count_of(step, true) == 0) return HEBB_OK;
    for (int d = 0; d < 3 && status == HEBB_OK; d++)
        if (!is_kept(step, d))
            status =
                hb_resample_table_make(&step->u.resample.axis[d], step->u.resample.transposed != 0,
                                       t.dtype, &t.of[d], error);
    if (status == HEBB_OK) status = prepare_launch(device, prepared, step, &t, error);
    for (int d = 0; d < 3; d++) hb_resample_table_free(&t.of[d]);
    return status;
}
