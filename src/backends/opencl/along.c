/* ARGSORT, RECURRENCE, TAKE-ALONG and PUT-ALONG: [outer, n, inner] tensors, along the middle. A
   work-item owns what it writes, and what must be done in order is done by one, so there is nothing
   to race for; launches follow each other. Called by prepare.c.

   Names in the generated text: u the item's number, o and j its outer and inner index, i its place
   along the middle; x, index, y and so on the operands, from their first element on. */
#include <stdio.h>

#include "opencl.h"

enum {
    BLOCK = 32,        /* elements that are sorted by counting; a power of two */
    CHUNK = 1024,      /* rows of a long running sum that are summed by themselves first */
    LANES = 16,        /* on CPUs: the fewest columns side by side that make a vector, ... */
    MOST_LANES = 4096, /* ... and the most of an item */
    FEW_LINES = 16,    /* on CPUs: below which long sums are shared; not by the number of cores */
    GPU_ITEMS = 16384, /* wanted where indices are gone through several times */
};

/* ---- what the kernels share ---- */

typedef struct along_job {
    hb_device *device;
    hb_prepared *prepared;
    const hb_step *step;
    const hb_along *along;
} along_job;

static bool is_wide(const hb_step *step) {
    const hb_along *a = &step->u.along;
    int64_t most = a->outer * hb_max(a->n, a->m) * a->inner, limit = INT32_MAX - (1 << 20);
    int64_t scratch = step->scratch_offset / 4 + a->outer * a->n * a->inner;
    if (step->kind == HB_ARGSORT && scratch > limit) return true;
    for (int k = 0; k < step->n_in; k++)
        if (step->in[k].offset + most > limit) return true;
    return step->out[0].offset + most > limit;
}

/* A kernel over `items` items. */
static hb_cl_kernel *begin(const along_job *job, int64_t items) {
    hb_cl_launch *launch = hb_cl_launch_add(job->prepared, job->step);
    if (launch == NULL) return NULL;
    const size_t group = job->device->lanes ? 32 : 256;
    hb_cl_range(launch, items, job->device->max_group < group ? 1 : group);
    hb_cl_kernel *kernel = &launch->source;
    kernel->wide = is_wide(job->step);
    hb_cl_index_param(kernel, "items", items);
    hb_cl_index_param(kernel, "n", job->along->n);
    hb_cl_index_param(kernel, "inner", job->along->inner);
    hb_cl_print(&kernel->body, "const hb_index u = (hb_index)HB_ITEM(0);\n"
                               "if (u >= items) return;\n");
    return kernel;
}

static void operand(hb_cl_kernel *kernel, const char *name, const hb_operand *at, bool written) {
    char offset[HB_CL_NAME_SIZE];
    snprintf(offset, sizeof offset, "o_%s", name);
    hb_cl_buffer_param(kernel, name, at->buffer, at->dtype, written);
    hb_cl_index_param(kernel, offset, at->offset);
    hb_cl_need(kernel, HB_CL_SCALAR, at->dtype);
    hb_cl_print(&kernel->body, "%s += %s;\n", name, offset);
}

static hebb_status no_memory(hb_error *error) {
    return hb_fail_memory(error, "a launch", sizeof(hb_cl_launch));
}

/* ---- ARGSORT ---- */

/* Elements a at place p and b at place q: whether a comes before b. NaN is the largest. */
static void write_order(hb_cl_kernel *kernel, const along_job *job) {
    const hebb_dtype dtype = job->step->in[0].dtype;
    const bool real = dtype == HEBB_F32 || dtype == HEBB_F64;
    const char *first = job->along->reverse ? "b" : "a", *second = job->along->reverse ? "a" : "b";
    hb_cl_print(&kernel->body, "#define BEFORE(a, b) ((%s) < (%s)", first, second);
    if (real)
        hb_cl_print(&kernel->body, " || ((%s) == (%s) && (%s) != (%s))", first, first, second,
                    second);
    hb_cl_append(&kernel->body, ")\n");
}

/* The item's line: x and the lists begin there, elements are `inner` apart in all of them. */
static void write_line(hb_cl_kernel *kernel, const char *lists) {
    hb_cl_append(&kernel->body, "const hb_index j = u % inner, p = u / inner % n;\n"
                                "const hb_index line = u / (inner * n) * n * inner + j;\n"
                                "x += line;\n");
    hb_cl_append(&kernel->body, lists);
}

/* Places within blocks: an element's is the number of those that come before it. */
static bool sort_blocks(const along_job *job, const hb_operand *to) {
    hb_cl_kernel *kernel = begin(job, job->along->outer * job->along->n * job->along->inner);
    if (kernel == NULL) return false;
    operand(kernel, "x", &job->step->in[0], false);
    operand(kernel, "to", to, true);
    write_order(kernel, job);
    write_line(kernel, "to += line;\n");
    hb_cl_print(&kernel->body,
                "const hb_index first = p & ~(hb_index)%d;\n"
                "const hb_index last = min(first + %d, n);\n"
                "const %s own = x[p * inner];\n"
                "hb_index rank = first;\n"
                "for (hb_index q = first; q < last; q++) {\n"
                "const %s other = x[q * inner];\n"
                "rank += BEFORE(other, own) || (q < p && !BEFORE(own, other));\n}\n"
                "to[rank * inner] = (int)p;\n"
                "#undef BEFORE\n",
                BLOCK - 1, BLOCK, hb_cl_type(job->step->in[0].dtype),
                hb_cl_type(job->step->in[0].dtype));
    return true;
}

/* Pairs of sorted runs: an element's place is its place in its run, and the number of elements of
   the other one that come before it, found by bisection; equal ones of the left run come first. */
static bool merge_runs(const along_job *job, const hb_operand *from, const hb_operand *to,
                       int64_t width) {
    hb_cl_kernel *kernel = begin(job, job->along->outer * job->along->n * job->along->inner);
    if (kernel == NULL) return false;
    operand(kernel, "x", &job->step->in[0], false);
    operand(kernel, "from", from, false);
    operand(kernel, "to", to, true);
    hb_cl_index_param(kernel, "width", width);
    write_order(kernel, job);
    write_line(kernel, "from += line;\nto += line;\n");
    const char *type = hb_cl_type(job->step->in[0].dtype);
    hb_cl_print(&kernel->body,
                "const hb_index run = p / width, pair = run / 2 * 2 * width;\n"
                "const bool left = run %% 2 == 0;\n"
                "const hb_index start = left ? min(pair + width, n) : pair;\n"
                "const hb_index stop = left ? min(start + width, n) : pair + width;\n"
                "const int place = from[p * inner];\n"
                "const %s own = x[place * inner];\n"
                "hb_index low = start, high = stop;\n"
                "while (low < high) {\n"
                "const hb_index middle = low + (high - low) / 2;\n"
                "const %s other = x[from[middle * inner] * inner];\n"
                "const bool before = left ? BEFORE(other, own) : !BEFORE(own, other);\n"
                "if (before) low = middle + 1;\nelse high = middle;\n}\n"
                "to[(pair + (p - run * width) + (low - start)) * inner] = place;\n"
                "#undef BEFORE\n",
                type, type);
    return true;
}

/* On CPUs, unless lines are short, or no piece of the arena has room for the lists. */
static bool sorts_lines(const hb_device *device, const hb_step *step) {
    return device->lanes && step->u.along.n > BLOCK &&
           hb_cl_sort_scratch(step) <= hb_cl_piece(device);
}

static hebb_status prepare_argsort(const along_job *job, hb_error *error) {
    const int64_t n = job->along->n;
    if (sorts_lines(job->device, job->step)) {
        hb_cl_launch *launch = hb_cl_launch_add(job->prepared, job->step);
        if (launch == NULL) return no_memory(error);
        hb_cl_sort_lines(launch, job->step, is_wide(job->step));
        return HEBB_OK;
    }
    hb_operand y = job->step->out[0], other = {.buffer = job->step->scratch_buffer,
                                               .dtype = HEBB_I32,
                                               .offset = job->step->scratch_offset / 4};
    int merges = 0;
    for (int64_t width = BLOCK; width < n; width *= 2) merges++;
    hb_operand *from = merges % 2 == 0 ? &y : &other, *to = merges % 2 == 0 ? &other : &y;
    if (!sort_blocks(job, from)) return no_memory(error);
    for (int64_t width = BLOCK; width < n; width *= 2) {
        if (!merge_runs(job, from, to, width)) return no_memory(error);
        hb_operand *swapped = from;
        from = to;
        to = swapped;
    }
    return HEBB_OK;
}

size_t hb_cl_along_scratch(hb_device *device, const hb_step *step) {
    const hb_along *a = &step->u.along;
    if (sorts_lines(device, step)) return hb_cl_sort_scratch(step);
    return a->n > BLOCK ? (size_t)(a->outer * a->n * a->inner) * 4 : 0;
}

/* ---- RECURRENCE ---- */

/* Row i in the order of the recurrence is row ROW(i). */
static void write_rows(hb_cl_kernel *kernel, const along_job *job) {
    hb_cl_print(&kernel->body, "#define ROW(i) (%s)\n", job->along->reverse ? "n - 1 - (i)" : "i");
}

/* Each column, or each chunk of one, from its first row on. */
static bool recur(const along_job *job, int64_t chunks) {
    const hb_step *step = job->step;
    const hb_along *along = job->along;
    const char *suffix = hb_cl_suffix(step->out[0].dtype);
    hb_cl_kernel *kernel = begin(job, along->outer * chunks * along->inner);
    if (kernel == NULL) return false;
    if (step->n_in > 1) operand(kernel, "a", &step->in[0], false);
    operand(kernel, "b", &step->in[step->n_in - 1], false);
    operand(kernel, "y", &step->out[0], true);
    hb_cl_index_param(kernel, "chunks", chunks);
    hb_cl_index_param(kernel, "length", chunks > 1 ? CHUNK : along->n);
    write_rows(kernel, job);
    hb_cl_print(&kernel->body,
                "const hb_index j = u %% inner, first = u / inner %% chunks * length;\n"
                "const hb_index last = min(first + length, n);\n"
                "const hb_index column = u / (inner * chunks) * n * inner + j;\n"
                "hb_index at = column + ROW(first) * inner;\n"
                "%s value = b[at];\ny[at] = value;\n"
                "for (hb_index i = first + 1; i < last; i++) {\n"
                "at = column + ROW(i) * inner;\n",
                hb_cl_type(step->out[0].dtype));
    if (step->n_in > 1) hb_cl_print(&kernel->body, "value = hb_mul_%s(a[at], value);\n", suffix);
    hb_cl_print(&kernel->body, "value = hb_add_%s(value, b[at]);\ny[at] = value;\n}\n#undef ROW\n",
                suffix);
    return true;
}

/* On CPUs columns that lie side by side are gone along together, in vectors. */
static bool recur_in_lanes(const along_job *job) {
    const hb_step *step = job->step;
    const hb_along *along = job->along;
    const char *suffix = hb_cl_suffix(step->out[0].dtype);
    const int64_t wanted = hb_ceil_div(hb_cl_items(job->device, 1), along->outer);
    const int64_t block = hb_max(LANES, hb_min(MOST_LANES, hb_ceil_div(along->inner, wanted)));
    const int64_t blocks = hb_ceil_div(along->inner, block);
    hb_cl_kernel *kernel = begin(job, along->outer * blocks);
    if (kernel == NULL) return false;
    if (step->n_in > 1) operand(kernel, "a", &step->in[0], false);
    operand(kernel, "b", &step->in[step->n_in - 1], false);
    operand(kernel, "y", &step->out[0], true);
    hb_cl_index_param(kernel, "blocks", blocks);
    hb_cl_index_param(kernel, "block", block);
    write_rows(kernel, job);
    hb_cl_print(
        &kernel->body,
        "const hb_index first = u %% blocks * block, last = min(first + block, inner);\n"
        "const hb_index column = u / blocks * n * inner;\n"
        "for (hb_index j = first; j < last; j++)\n"
        "y[column + ROW(0) * inner + j] = b[column + ROW(0) * inner + j];\n"
        "for (hb_index i = 1; i < n; i++) {\n"
        "const hb_index at = column + ROW(i) * inner, before = column + ROW(i - 1) * inner;\n"
        "#pragma clang loop vectorize(assume_safety)\n"
        "for (hb_index j = first; j < last; j++)\n"
        "y[at + j] = hb_add_%s(",
        suffix);
    if (step->n_in > 1) hb_cl_print(&kernel->body, "hb_mul_%s(a[at + j], y[before + j])", suffix);
    else hb_cl_append(&kernel->body, "y[before + j]");
    hb_cl_append(&kernel->body, ", b[at + j]);\n}\n#undef ROW\n");
    return true;
}

/* Chunk ends become sums over all chunks so far. */
static bool carry(const along_job *job, int64_t chunks) {
    const hb_operand *y = &job->step->out[0];
    hb_cl_kernel *kernel = begin(job, job->along->outer * job->along->inner);
    if (kernel == NULL) return false;
    operand(kernel, "y", y, true);
    hb_cl_index_param(kernel, "chunks", chunks);
    write_rows(kernel, job);
    hb_cl_print(&kernel->body,
                "y += u / inner * n * inner + u %% inner;\n"
                "%s value = y[ROW(%d) * inner];\n"
                "for (hb_index k = 1; k < chunks; k++) {\n"
                "const hb_index last = min((k + 1) * %d, n) - 1, at = ROW(last) * inner;\n"
                "value = hb_add_%s(value, y[at]);\ny[at] = value;\n}\n#undef ROW\n",
                hb_cl_type(y->dtype), CHUNK - 1, CHUNK, hb_cl_suffix(y->dtype));
    return true;
}

/* And then the other rows, too: an item a row past the first chunk. */
static bool add_carried(const along_job *job) {
    const hb_operand *y = &job->step->out[0];
    const hb_along *along = job->along;
    hb_cl_kernel *kernel = begin(job, along->outer * (along->n - CHUNK) * along->inner);
    if (kernel == NULL) return false;
    operand(kernel, "y", y, true);
    write_rows(kernel, job);
    hb_cl_print(&kernel->body,
                "const hb_index rest = n - %d, i = u / inner %% rest + %d;\n"
                "if (i %% %d == %d || i == n - 1) return;\n"
                "y += u / (inner * rest) * n * inner + u %% inner;\n"
                "const hb_index at = ROW(i) * inner, before = i / %d * %d - 1;\n"
                "y[at] = hb_add_%s(y[ROW(before) * inner], y[at]);\n#undef ROW\n",
                CHUNK, CHUNK, CHUNK, CHUNK - 1, CHUNK, CHUNK, hb_cl_suffix(y->dtype));
    return true;
}

static hebb_status prepare_recurrence(const along_job *job, hb_error *error) {
    const bool sum = job->step->n_in == 1;
    if (job->device->lanes && job->along->inner >= LANES)
        return recur_in_lanes(job) ? HEBB_OK : no_memory(error);
    const int64_t n = job->along->n, lines = job->along->outer * job->along->inner;
    const bool few = !job->device->lanes || lines < FEW_LINES;
    const int64_t chunks = sum && few && n >= 4 * CHUNK ? hb_ceil_div(n, CHUNK) : 1;
    if (!recur(job, chunks)) return no_memory(error);
    if (chunks == 1) return HEBB_OK;
    return carry(job, chunks) && add_carried(job) ? HEBB_OK : no_memory(error);
}

/* ---- TAKE-ALONG ---- */

static hebb_status prepare_take(const along_job *job, hb_error *error) {
    const hb_along *along = job->along;
    const hebb_dtype dtype = job->step->in[0].dtype;
    hb_cl_kernel *kernel = begin(job, along->outer * along->m * along->inner);
    if (kernel == NULL) return no_memory(error);
    operand(kernel, "x", &job->step->in[0], false);
    operand(kernel, "index", &job->step->in[1], false);
    operand(kernel, "y", &job->step->out[0], true);
    hb_cl_index_param(kernel, "m", along->m);
    hb_cl_print(&kernel->body,
                "const hb_index o = u / (inner * m), j = u %% inner;\n"
                "const int row = index[u];\n"
                "y[u] = row >= 0 && row < n ? x[(o * n + row) * inner + j] : %s;\n",
                dtype == HEBB_F32 || dtype == HEBB_F64 ? "NAN" : "0");
    return HEBB_OK;
}

/* ---- PUT-ALONG ---- */

static bool copy_base(const along_job *job) {
    hb_cl_kernel *kernel = begin(job, job->along->outer * job->along->n * job->along->inner);
    if (kernel == NULL) return false;
    operand(kernel, "base", &job->step->in[0], false);
    operand(kernel, "x", &job->step->out[0], true);
    hb_cl_append(&kernel->body, "x[u] = base[u];\n");
    return true;
}

/* An item owns rows [r0, r1) of a column and goes through all of its indices. */
static bool put(const along_job *job) {
    const hb_step *step = job->step;
    const hb_along *along = job->along;
    const int64_t columns = along->outer * along->inner;
    const int64_t wanted = job->device->lanes ? 4 * (int64_t)job->device->info.units : GPU_ITEMS;
    const int64_t parts = hb_max(1, hb_min(wanted / hb_max(1, columns), along->n));
    const int64_t rows = hb_ceil_div(along->n, parts);
    hb_cl_kernel *kernel = begin(job, columns * hb_ceil_div(along->n, rows));
    if (kernel == NULL) return false;
    operand(kernel, "x", &step->out[0], true);
    operand(kernel, "index", &step->in[1], false);
    operand(kernel, "y", &step->in[2], false);
    hb_cl_index_param(kernel, "m", along->m);
    hb_cl_index_param(kernel, "rows", rows);
    hb_cl_index_param(kernel, "columns", columns);
    hb_cl_append(&kernel->body,
                 "const hb_index r0 = u / columns * rows, r1 = min(r0 + rows, n);\n"
                 "const hb_index o = u % columns / inner, j = u % inner;\n"
                 "x += o * n * inner + j;\nindex += o * m * inner + j;\ny += o * m * inner + j;\n"
                 "for (hb_index i = 0; i < m; i++) {\n"
                 "const int row = index[i * inner];\nif (row < r0 || row >= r1) continue;\n");
    if (along->add)
        hb_cl_print(&kernel->body, "x[row * inner] = hb_add_%s(x[row * inner], y[i * inner]);\n}\n",
                    hb_cl_suffix(step->out[0].dtype));
    else hb_cl_append(&kernel->body, "x[row * inner] = y[i * inner];\n}\n");
    return true;
}

static hebb_status prepare_put(const along_job *job, hb_error *error) {
    if (!copy_base(job)) return no_memory(error);
    return job->along->m == 0 || put(job) ? HEBB_OK : no_memory(error);
}

/* ---- all of them ---- */

hebb_status hb_cl_along_prepare(hb_device *device, hb_prepared *prepared, const hb_step *step,
                                const char **solver, hb_error *error) {
    const along_job job = {device, prepared, step, &step->u.along};
    const hb_along *a = &step->u.along;
    const bool take = step->kind == HB_TAKE_ALONG;
    const bool counts = step->kind == HB_ARGSORT && sorts_lines(device, step);
    *solver = counts                        ? "counting digits"
              : step->kind == HB_ARGSORT    ? "merging runs"
              : step->kind == HB_RECURRENCE ? "columns"
              : take                        ? "points"
                                            : "in order";
    if (a->outer == 0 || a->inner == 0 || (take ? a->m : a->n) == 0) return HEBB_OK;
    switch (step->kind) {
    case HB_ARGSORT: return prepare_argsort(&job, error);
    case HB_RECURRENCE: return prepare_recurrence(&job, error);
    case HB_TAKE_ALONG: return prepare_take(&job, error);
    default: return prepare_put(&job, error);
    }
}
