/* RESAMPLE and MAX_BACK: a work-item makes its elements of the result from all that they are made
   of, along the three axes at once; the gradient of maxima first shares each dy among the elements
   that are equal to its maximum. What is made of what is a table in the device's memory. On CPUs an
   item makes many elements. Called by prepare.c.

   Names in the generated text: i the element's number, i0 to i2 its places along the axes, p0 to p2
   those of what it is made of; m0 to m2 and n0 to n2 the sizes of the two. */
#include <stdlib.h>
#include <string.h>

#include "../resample.h"
#include "opencl.h"

enum { ITEMS_A_UNIT = 8 }; /* of a CPU */

/* Where the parts of an axis' table are: of weights and divisors in numbers of their dtype. */
typedef struct parts {
    int64_t first, place, weight, divisor;
} parts;

typedef struct job {
    hb_device *device;
    hb_prepared *prepared;
    const hb_step *step;
    hebb_dtype dtype;
    bool transposed; /* from what the step's axes call results to what they are made of */
    hb_resample_table table[3]; /* of axes that are not kept */
    parts part[3];
} job;

static bool is_kept(const job *j, int d) { return j->step->u.resample.axis[d].rule == HB_KEPT; }

static int64_t size_of(const job *j, int d, bool result) {
    const hb_resample_axis *axis = &j->step->u.resample.axis[d];
    return result != j->transposed ? axis->out : axis->in;
}

/* Elements before or after. */
static int64_t count_of(const job *j, bool result) {
    int64_t count = j->step->u.resample.outer * j->step->u.resample.inner;
    for (int d = 0; d < 3; d++) count *= size_of(j, d, result);
    return count;
}

/* ---- the table ---- */

/* Appends what is to begin at a multiple of its elements' size; at which of these. */
static int64_t append(char *to, size_t *at, const void *from, size_t count, size_t size) {
    *at = hb_round_up(*at, size);
    if (to != NULL && count > 0) memcpy(to + *at, from, count * size);
    const size_t place = *at / size;
    *at += count * size;
    return (int64_t)place;
}

static size_t lay_out(job *j, char *to) {
    const size_t size = hebb_dtype_size(j->dtype);
    size_t at = 0;
    for (int d = 0; d < 3; d++) {
        const hb_resample_table *of = &j->table[d];
        const size_t rows = (size_t)of->rows, entries = (size_t)of->entries;
        if (of->first == NULL) continue;
        j->part[d].first = append(to, &at, of->first, rows + 1, sizeof(int32_t));
        j->part[d].place = append(to, &at, of->place, entries, sizeof(int32_t));
        j->part[d].weight = append(to, &at, of->weight, entries, size);
        if (of->divisor != NULL) j->part[d].divisor = append(to, &at, of->divisor, rows, size);
    }
    return at;
}

static bool put_table(job *j, hb_cl_launch *launch) {
    launch->table_bytes = lay_out(j, NULL) + 8; /* more than nothing */
    launch->data = calloc(launch->table_bytes, 1);
    if (launch->data != NULL) lay_out(j, launch->data);
    return launch->data != NULL;
}

/* ---- kernels ---- */

static void add_param(hb_cl_kernel *kernel, const char *name, int d, int64_t value) {
    char text[HB_CL_NAME_SIZE];
    snprintf(text, sizeof text, "%s%d", name, d);
    hb_cl_index_param(kernel, text, value);
}

static void add_sizes(const job *j, hb_cl_kernel *kernel) {
    hb_cl_index_param(kernel, "count", count_of(j, true));
    hb_cl_index_param(kernel, "inner", j->step->u.resample.inner);
    for (int d = 0; d < 3; d++) {
        add_param(kernel, "n", d, size_of(j, d, false));
        add_param(kernel, "m", d, size_of(j, d, true));
        if (is_kept(j, d)) continue;
        add_param(kernel, "first", d, j->part[d].first);
        add_param(kernel, "place", d, j->part[d].place);
        add_param(kernel, "weight", d, j->part[d].weight);
        add_param(kernel, "divisor", d, j->part[d].divisor);
    }
}

/* An operand, named like its first element's place: "x", "o_x". */
static void add_operand(const job *j, hb_cl_kernel *kernel, const char *name, int buffer,
                        int64_t offset, bool written) {
    char place[HB_CL_NAME_SIZE];
    const int64_t most = hb_max(count_of(j, true), count_of(j, false));
    snprintf(place, sizeof place, "o_%s", name);
    hb_cl_buffer_param(kernel, name, buffer, j->dtype, written);
    hb_cl_index_param(kernel, place, offset);
    hb_cl_print(&kernel->body, "%s += %s;\n", name, place);
    if (offset + most > INT32_MAX - (1 << 20)) kernel->wide = true;
}

/* Rows along the last axis of results, and how many of them an item of a CPU makes. */
static int64_t rows_of(const job *j) {
    return j->step->u.resample.outer * size_of(j, 0, true) * size_of(j, 1, true);
}
static int64_t rows_an_item(const job *j) {
    return hb_max(hb_ceil_div(rows_of(j), ITEMS_A_UNIT * (int64_t)j->device->info.units), 1);
}

/* The loop over an item's rows, which the caller ends. */
static void begin_rows(const job *j, hb_cl_kernel *kernel) {
    hb_cl_index_param(kernel, "rows", rows_of(j));
    hb_cl_index_param(kernel, "per_item", rows_an_item(j));
    hb_cl_append(&kernel->body,
                 "const hb_index first_row = (hb_index)HB_ITEM(0) * per_item;\n"
                 "for (hb_index row = first_row; row < min(first_row + per_item, rows); row++) {\n"
                 "const hb_index i1 = row % m1, i0 = row / m1 % m0, outer = row / m1 / m0;\n");
}

/* The loop over an item's elements i, on a GPU one, up to end_elements(). */
static void begin_elements(const job *j, hb_cl_kernel *kernel) {
    if (j->device->lanes) {
        begin_rows(j, kernel);
        hb_cl_append(&kernel->body, "for (hb_index i2 = 0; i2 < m2; i2++)\n"
                                    "for (hb_index j = 0; j < inner; j++) {\n"
                                    "const hb_index i = (row * m2 + i2) * inner + j;\n");
        return;
    }
    hb_cl_append(
        &kernel->body,
        "const hb_index i = (hb_index)HB_ITEM(0);\nif (i >= count) return;\n{\n{\n"
        "const hb_index j = i % inner, i2 = i / inner % m2, i1 = i / inner / m2 % m1;\n"
        "const hb_index i0 = i / inner / m2 / m1 % m0, outer = i / inner / m2 / m1 / m0;\n");
}
static void end_elements(hb_cl_kernel *kernel) { hb_cl_append(&kernel->body, "}\n}\n"); }

/* Of how many elements every result along axis d is made; 0 if not all of as many. */
static int64_t entries_each(const job *j, int d) {
    const hb_resample_table *of = &j->table[d];
    const int64_t each = of->rows > 0 ? of->entries / of->rows : 0;
    for (int64_t r = 0; r <= of->rows; r++)
        if (of->first[r] != r * each) return 0;
    return each;
}

/* The loop over what the element is made of along axis d, if it is not kept. Compilers for CPUs
   unroll short ones whose length they know. */
static void begin_axis(const job *j, hb_cl_kernel *kernel, int d) {
    if (is_kept(j, d)) {
        hb_cl_print(&kernel->body, "const hb_index p%d = i%d;\n", d, d);
        return;
    }
    const int each = j->device->lanes ? (int)hb_min(entries_each(j, d), 5) : 0;
    if (each > 0 && each < 5)
        hb_cl_print(&kernel->body,
                    "for (int k%d = 0; k%d < %d; k%d++) {\nconst int e%d = (int)i%d * %d + k%d;\n",
                    d, d, each, d, d, d, each, d);
    else
        hb_cl_print(
            &kernel->body,
            "for (int e%d = table[first%d + i%d]; e%d < table[first%d + i%d + 1]; e%d++) {\n", d, d,
            d, d, d, d, d);
    hb_cl_print(&kernel->body, "const hb_index p%d = table[place%d + e%d];\n", d, d, d);
}

#define AT "(((outer * n0 + p0) * n1 + p1) * n2 + p2) * inner + j"

/* Statements for all that the element is made of, which is number `at`. */
static void write_all(const job *j, hb_cl_kernel *kernel, const char *statements) {
    hb_cl_append(&kernel->body, "{\n");
    for (int d = 0; d < 3; d++) begin_axis(j, kernel, d);
    hb_cl_print(&kernel->body, "const hb_index at = " AT ";\n%s", statements);
    for (int d = 0; d < 3; d++)
        if (!is_kept(j, d)) hb_cl_append(&kernel->body, "}\n");
    hb_cl_append(&kernel->body, "}\n");
}

/* Sums along axis d and those after it, into s<d>. */
static void write_sums(const job *j, hb_cl_kernel *kernel, int d) {
    const char *type = hb_cl_type(j->dtype);
    if (d == 3) {
        hb_cl_print(&kernel->body, "const %s s3 = x[" AT "];\n", type);
        return;
    }
    if (!is_kept(j, d)) hb_cl_print(&kernel->body, "%s s%d = 0;\n", type, d);
    begin_axis(j, kernel, d);
    write_sums(j, kernel, d + 1);
    if (is_kept(j, d)) {
        hb_cl_print(&kernel->body, "const %s s%d = s%d;\n", type, d, d + 1);
        return;
    }
    hb_cl_print(&kernel->body, "s%d += weights[weight%d + e%d] * s%d;\n}\n", d, d, d, d + 1);
    if (j->table[d].divisor != NULL)
        hb_cl_print(&kernel->body, "s%d /= weights[divisor%d + i%d];\n", d, d, d);
}

/* A row of a CPU's item: what the first two axes make of it, all elements at a time, into `sums`;
   then along the last one. */
static void write_row(const job *j, hb_cl_kernel *kernel) {
    const bool maxima = j->step->u.resample.maxima, flat = j->step->u.resample.inner == 1;
    const char *type = hb_cl_type(j->dtype);
    hb_cl_text *body = &kernel->body;
    hb_cl_index_param(kernel, "line", size_of(j, 2, false) * j->step->u.resample.inner);
    hb_cl_print(body,
                "global %s *const line_sums = sums + (hb_index)HB_ITEM(0) * line;\n"
                "for (hb_index k = 0; k < line; k++) line_sums[k] = %s;\n{\n",
                type, maxima ? "-INFINITY" : "0");
    for (int d = 0; d < 2; d++) begin_axis(j, kernel, d);
    hb_cl_print(body,
                "global const %s *const from = x + ((outer * n0 + p0) * n1 + p1) * line;\n"
                "const %s w = 1",
                type, type);
    for (int d = 0; d < 2 && !maxima; d++)
        if (!is_kept(j, d)) hb_cl_print(body, " * weights[weight%d + e%d]", d, d);
    hb_cl_print(body, ";\nfor (hb_index k = 0; k < line; k++)\n%s;\n",
                maxima ? "line_sums[k] = from[k] > line_sums[k] || from[k] != from[k] ? from[k] "
                         ": line_sums[k]"
                       : "line_sums[k] += w * from[k]");
    for (int d = 0; d < 2; d++)
        if (!is_kept(j, d)) hb_cl_append(body, "}\n");
    hb_cl_print(body, "}\nconst %s over = 1", type);
    for (int d = 0; d < 2 && !maxima; d++)
        if (j->table[d].divisor != NULL) hb_cl_print(body, " * weights[divisor%d + i%d]", d, d);
    hb_cl_print(body, ";\nfor (hb_index i2 = 0; i2 < m2; i2++)\n%s{\n%s s = %s;\n{\n",
                flat ? "" : "for (hb_index j = 0; j < inner; j++)", type,
                maxima ? "-INFINITY" : "0");
    begin_axis(j, kernel, 2);
    hb_cl_print(body, "const %s in = line_sums[%s];\n", type, flat ? "p2" : "p2 * inner + j");
    if (maxima) hb_cl_append(body, "s = in > s || in != in ? in : s;\n");
    else hb_cl_print(body, is_kept(j, 2) ? "s = in;\n" : "s += weights[weight2 + e2] * in;\n");
    hb_cl_print(body, "%s}\ny[%s] = s%s%s;\n}\n}\n", is_kept(j, 2) ? "" : "}\n",
                flat ? "row * m2 + i2" : "(row * m2 + i2) * inner + j", maxima ? "" : " / over",
                maxima || j->table[2].divisor == NULL ? "" : " / weights[divisor2 + i2]");
}

/* Whether each result is one element, as it is: what nearest elements and padding are. */
static bool picks_elements(const job *j) {
    for (int d = 0; d < 3; d++) {
        const hb_resample_table *of = &j->table[d];
        if (is_kept(j, d)) continue;
        if (of->divisor != NULL || of->entries != of->rows) return false;
        for (int64_t r = 0; r < of->rows; r++) {
            const double weight = j->dtype == HEBB_F64 ? ((const double *)of->weight)[r]
                                                       : (double)((const float *)of->weight)[r];
            if (of->first[r] != r || weight != 1) return false;
        }
    }
    return true;
}

/* Then a row of a CPU's item is copied: loops over it become vectors. */
static void write_copied_row(const job *j, hb_cl_kernel *kernel) {
    hb_cl_text *body = &kernel->body;
    for (int d = 0; d < 2; d++)
        if (is_kept(j, d)) hb_cl_print(body, "const hb_index p%d = i%d;\n", d, d);
        else hb_cl_print(body, "const hb_index p%d = table[place%d + i%d];\n", d, d, d);
    hb_cl_print(body,
                "global const %s *const from = x + ((outer * n0 + p0) * n1 + p1) * n2 * inner;\n"
                "global %s *const to = y + row * m2 * inner;\n",
                hb_cl_type(j->dtype), hb_cl_type(j->dtype));
    if (is_kept(j, 2))
        hb_cl_append(body, "for (hb_index k = 0; k < n2 * inner; k++) to[k] = from[k];\n");
    else if (j->step->u.resample.inner == 1)
        hb_cl_append(body, "for (hb_index k = 0; k < m2; k++) to[k] = from[table[place2 + k]];\n");
    else
        hb_cl_append(body, "for (hb_index i2 = 0; i2 < m2; i2++)\n"
                           "for (hb_index k = 0; k < inner; k++)\n"
                           "to[i2 * inner + k] = from[table[place2 + i2] * inner + k];\n");
    hb_cl_append(body, "}\n");
}

/* ---- launches ---- */

typedef struct operand {
    const char *name;
    int buffer;
    int64_t offset;
} operand;

static operand operand_of(const char *name, const hb_operand *of) {
    return (operand){name, of->buffer, of->offset};
}
static operand scratch_of(const job *j, const char *name) {
    return (operand){name, j->step->scratch_buffer,
                     j->step->scratch_offset / (int64_t)hebb_dtype_size(j->dtype)};
}

/* A launch whose kernel has these operands, of which those from number `written` on are written. */
static hebb_status add_launch(job *j, const operand *operands, int n, int written,
                              hb_cl_launch **launch, hb_error *error) {
    const int64_t count = count_of(j, true);
    *launch = hb_cl_launch_add(j->prepared, j->step);
    if (*launch == NULL) return hb_fail_memory(error, "a launch", sizeof **launch);
    if (!put_table(j, *launch)) return hb_fail_memory(error, "a table", (*launch)->table_bytes);
    hb_cl_kernel *kernel = &(*launch)->source;
    hb_cl_need(kernel, HB_CL_SCALAR, j->dtype);
    hb_cl_param_add(kernel, HB_CL_TABLE, "table", 0);
    add_sizes(j, kernel);
    for (int k = 0; k < n; k++)
        add_operand(j, kernel, operands[k].name, operands[k].buffer, operands[k].offset,
                    k >= written);
    hb_cl_print(&kernel->body, "global const %s *const weights = (global const %s *)table;\n",
                hb_cl_type(j->dtype), hb_cl_type(j->dtype));
    if (j->device->lanes)
        hb_cl_range_items(*launch, hb_ceil_div(rows_of(j), rows_an_item(j)), 1, 1);
    else hb_cl_range(*launch, count, j->device->max_group < 64 ? 1 : 64);
    return HEBB_OK;
}

static hebb_status write_resample(job *j, hb_error *error) {
    const operand operands[] = {operand_of("x", &j->step->in[0]), operand_of("y", &j->step->out[0]),
                                scratch_of(j, "sums")};
    hb_cl_launch *launch;
    hebb_status status = add_launch(j, operands, j->device->lanes ? 3 : 2, 1, &launch, error);
    if (status != HEBB_OK) return status;
    hb_cl_kernel *kernel = &launch->source;
    if (j->device->lanes) {
        begin_rows(j, kernel);
        if (picks_elements(j)) write_copied_row(j, kernel);
        else write_row(j, kernel);
        return HEBB_OK;
    }
    begin_elements(j, kernel);
    if (j->step->u.resample.maxima) {
        hb_cl_print(&kernel->body, "%s s0 = -INFINITY;\n", hb_cl_type(j->dtype));
        write_all(j, kernel, "if (x[at] > s0 || x[at] != x[at]) s0 = x[at];\n");
    } else write_sums(j, kernel, 0);
    hb_cl_append(&kernel->body, "y[i] = s0;\n");
    end_elements(kernel);
    return HEBB_OK;
}

/* Each window's dy, divided by the number of its largest elements. */
static hebb_status write_shares(job *j, hb_error *error) {
    const operand operands[] = {operand_of("x", &j->step->in[0]), operand_of("y", &j->step->in[1]),
                                operand_of("dy", &j->step->in[2]), scratch_of(j, "shares")};
    hb_cl_launch *launch;
    hebb_status status = add_launch(j, operands, 4, 3, &launch, error);
    if (status != HEBB_OK) return status;
    begin_elements(j, &launch->source);
    hb_cl_print(&launch->source.body, "const %s own = y[i];\nint ties = 0;\n",
                hb_cl_type(j->dtype));
    write_all(j, &launch->source, "ties += x[at] == own;\n");
    hb_cl_append(&launch->source.body, "shares[i] = dy[i] / max(ties, 1);\n");
    end_elements(&launch->source);
    return HEBB_OK;
}

static hebb_status write_collect(job *j, hb_error *error) {
    const operand operands[] = {operand_of("x", &j->step->in[0]), operand_of("y", &j->step->in[1]),
                                scratch_of(j, "shares"), operand_of("dx", &j->step->out[0])};
    hb_cl_launch *launch;
    hebb_status status = add_launch(j, operands, 4, 3, &launch, error);
    if (status != HEBB_OK) return status;
    begin_elements(j, &launch->source);
    hb_cl_print(&launch->source.body, "const %s own = x[i];\n%s sum = 0;\n", hb_cl_type(j->dtype),
                hb_cl_type(j->dtype));
    write_all(j, &launch->source, "if (y[at] == own) sum += shares[at];\n");
    hb_cl_append(&launch->source.body, "dx[i] = sum;\n");
    end_elements(&launch->source);
    return HEBB_OK;
}

static hebb_status make_tables(job *j, bool transposed, hb_error *error) {
    hebb_status status = HEBB_OK;
    j->transposed = transposed;
    for (int d = 0; d < 3 && status == HEBB_OK; d++)
        if (!is_kept(j, d))
            status = hb_resample_table_make(&j->step->u.resample.axis[d], transposed, j->dtype,
                                            &j->table[d], error);
    return status;
}

static void free_tables(job *j) {
    for (int d = 0; d < 3; d++) hb_resample_table_free(&j->table[d]);
}

static hebb_status prepare_max_back(job *j, hb_error *error) {
    hebb_status status = make_tables(j, false, error);
    if (status == HEBB_OK && count_of(j, true) > 0) status = write_shares(j, error);
    free_tables(j);
    if (status == HEBB_OK) status = make_tables(j, true, error);
    return status == HEBB_OK ? write_collect(j, error) : status;
}

hebb_status hb_cl_resample_prepare(hb_device *device, hb_prepared *prepared, const hb_step *step,
                                   const char **solver, hb_error *error) {
    job j = {.device = device,
             .prepared = prepared,
             .step = step,
             .dtype = step->out[0].dtype,
             .transposed = step->u.resample.transposed || step->kind == HB_MAX_BACK};
    hebb_status status = HEBB_OK;
    *solver = "points";
    if (count_of(&j, true) == 0) return HEBB_OK;
    if (step->kind == HB_MAX_BACK) status = prepare_max_back(&j, error);
    else status = make_tables(&j, j.transposed, error);
    if (status == HEBB_OK && step->kind == HB_RESAMPLE) status = write_resample(&j, error);
    free_tables(&j);
    return status;
}

/* The shares of a gradient of maxima; a line for each of a CPU's items. */
size_t hb_cl_resample_scratch(hb_device *device, const hb_step *step) {
    const job j = {.device = device, .step = step, .transposed = step->u.resample.transposed != 0};
    const size_t size = hebb_dtype_size(step->out[0].dtype);
    if (step->kind == HB_MAX_BACK) return (size_t)count_of(&j, true) * size;
    const int64_t line = size_of(&j, 2, false) * step->u.resample.inner;
    return device->lanes ? (size_t)(hb_ceil_div(rows_of(&j), rows_an_item(&j)) * line) * size : 0;
}
