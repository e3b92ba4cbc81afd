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
    ABREAST = 8,       /* on CPUs: lines that an item goes along at the same time, ... */
    GRAIN = 16384,     /* ... elements that are worth an item, ... */
    ITEMS_A_UNIT = 8,  /* ... and the most items a core */
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

static hb_cl_kernel *add_params(const along_job *job, hb_cl_launch *launch) {
    hb_cl_kernel *kernel = &launch->source;
    kernel->wide = is_wide(job->step);
    hb_cl_index_param(kernel, "n", job->along->n);
    hb_cl_index_param(kernel, "inner", job->along->inner);
    return kernel;
}

/* A kernel over `items` items. */
static hb_cl_kernel *begin(const along_job *job, int64_t items) {
    hb_cl_launch *launch = hb_cl_launch_add(job->prepared, job->step);
    if (launch == NULL) return NULL;
    const size_t group = job->device->lanes ? 32 : 256;
    hb_cl_range(launch, items, job->device->max_group < group ? 1 : group);
    hb_cl_index_param(&launch->source, "items", items);
    hb_cl_kernel *kernel = add_params(job, launch);
    hb_cl_print(&kernel->body, "const hb_index u = (hb_index)HB_ITEM(0);\n"
                               "if (u >= items) return;\n");
    return kernel;
}

/* On CPUs: an item takes units [u0, u1), each of so many elements. */
static hb_cl_kernel *begin_range(const along_job *job, int64_t units, int64_t elements) {
    hb_cl_launch *launch = hb_cl_launch_add(job->prepared, job->step);
    if (launch == NULL) return NULL;
    const int64_t most = ITEMS_A_UNIT * (int64_t)job->device->info.units;
    const int64_t items = hb_max(1, hb_min(most, units * elements / GRAIN));
    const int64_t per_item = hb_ceil_div(units, items);
    hb_cl_range_items(launch, hb_ceil_div(units, per_item), 1, 1);
    hb_cl_kernel *kernel = add_params(job, launch);
    hb_cl_index_param(kernel, "units", units);
    hb_cl_index_param(kernel, "per_item", per_item);
    hb_cl_print(&kernel->body, "const hb_index u0 = (hb_index)HB_ITEM(0) * per_item;\n"
                               "const hb_index u1 = min(u0 + per_item, units);\n");
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

/* Defines NEXT(l, i): element i from at[l] on of line l, in b, of a where there is one, and then y.
 */
static void write_next(hb_cl_kernel *kernel, const along_job *job) {
    const char *suffix = hb_cl_suffix(job->step->out[0].dtype);
    hb_cl_print(&kernel->body, "#define NEXT(l, i) hb_add_%s(", suffix);
    if (job->step->n_in > 1)
        hb_cl_print(&kernel->body, "hb_mul_%s(a[at[l] + (i) * apart], value[l])", suffix);
    else hb_cl_append(&kernel->body, "value[l]");
    hb_cl_append(&kernel->body, ", b[at[l] + (i) * apart])\n");
}

/* The lines of unit u: where they begin, what they have left, and how much all have. */
static void write_lines(hb_cl_kernel *kernel, const char *type) {
    hb_cl_print(
        &kernel->body,
        "hb_index at[%d], left[%d], all = length;\n%s value[%d];\n"
        "for (int l = 0; l < %d; l++) {\n"
        "const hb_index line = min(u * %d + l, lines - 1);\n"
        "const hb_index first = line / inner %% chunks * length;\n"
        "at[l] = line / (inner * chunks) * n * inner + line %% inner + ROW(first) * inner;\n"
        "left[l] = min(length, n - first);\nall = min(all, left[l]);\n"
        "value[l] = y[at[l]] = b[at[l]];\n}\n",
        ABREAST, ABREAST, type, ABREAST, ABREAST, ABREAST);
}

/* On CPUs some lines, or chunks of lines, are gone along together: each next element waits for the
   one before it. Blocks of results pass through private memory: lines
   that are a power of two apart would push each other out of the first cache. */
static bool recur_abreast(const along_job *job, int64_t chunks) {
    const hb_step *step = job->step;
    const hb_along *along = job->along;
    const int64_t length = chunks > 1 ? CHUNK : along->n;
    const int64_t lines = along->outer * chunks * along->inner;
    const char *type = hb_cl_type(step->out[0].dtype), *sign = along->reverse ? "-" : "";
    hb_cl_kernel *kernel = begin_range(job, hb_ceil_div(lines, ABREAST), ABREAST * length);
    if (kernel == NULL) return false;
    if (step->n_in > 1) operand(kernel, "a", &step->in[0], false);
    operand(kernel, "b", &step->in[step->n_in - 1], false);
    operand(kernel, "y", &step->out[0], true);
    hb_cl_index_param(kernel, "chunks", chunks);
    hb_cl_index_param(kernel, "length", length);
    hb_cl_index_param(kernel, "lines", lines);
    write_rows(kernel, job);
    write_next(kernel, job);
    hb_cl_print(&kernel->body,
                "const hb_index apart = %s%s;\nfor (hb_index u = u0; u < u1; u++) {\n", sign,
                along->inner == 1 ? "1" : "inner");
    write_lines(kernel, type);
    hb_cl_print(&kernel->body,
                "hb_index i = 1;\n"
                "for (; i < min(all, (hb_index)%d); i++) {\n"
                "#pragma unroll\nfor (int l = 0; l < %d; l++)\n"
                "y[at[l] + i * apart] = value[l] = NEXT(l, i);\n}\n"
                "for (; i + %d <= all; i += %d) {\n%s block[%d];\n"
                "for (int k = 0; k < %d; k++) {\n"
                "#pragma unroll\nfor (int l = 0; l < %d; l++)\n"
                "block[l * %d + k] = value[l] = NEXT(l, i + k);\n}\n"
                "for (int l = 0; l < %d; l++)\n"
                "for (int k = 0; k < %d; k++) y[at[l] + (i + k) * apart] = block[l * %d + k];\n}\n",
                BLOCK, ABREAST, BLOCK, BLOCK, type, ABREAST * BLOCK, BLOCK, ABREAST, BLOCK, ABREAST,
                BLOCK, BLOCK);
    hb_cl_print(&kernel->body,
                "for (int l = 0; l < %d; l++)\nfor (hb_index k = i; k < left[l]; k++)\n"
                "y[at[l] + k * apart] = value[l] = NEXT(l, k);\n}\n#undef NEXT\n#undef ROW\n",
                ABREAST);
    return true;
}

/* On CPUs columns that lie side by side are gone along together, in vectors. */
static bool recur_in_lanes(const along_job *job) {
    const hb_step *step = job->step;
    const hb_along *along = job->along;
    const char *suffix = hb_cl_suffix(step->out[0].dtype);
    const int64_t wanted =
        hb_ceil_div(ITEMS_A_UNIT / 2 * (int64_t)job->device->info.units, along->outer);
    const int64_t block = hb_max(LANES, hb_min(MOST_LANES, hb_ceil_div(along->inner, wanted)));
    const int64_t blocks = hb_ceil_div(along->inner, block);
    hb_cl_kernel *kernel = begin_range(job, along->outer * blocks, along->n * block);
    if (kernel == NULL) return false;
    if (step->n_in > 1) operand(kernel, "a", &step->in[0], false);
    operand(kernel, "b", &step->in[step->n_in - 1], false);
    operand(kernel, "y", &step->out[0], true);
    hb_cl_index_param(kernel, "blocks", blocks);
    hb_cl_index_param(kernel, "block", block);
    write_rows(kernel, job);
    hb_cl_print(
        &kernel->body,
        "for (hb_index u = u0; u < u1; u++) {\n"
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
    hb_cl_append(&kernel->body, ", b[at + j]);\n}\n}\n#undef ROW\n");
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

/* And then the other rows, too; on CPUs a chunk after the other, ... */
static bool add_carried_in_lanes(const along_job *job, int64_t chunks) {
    const hb_operand *y = &job->step->out[0];
    const hb_along *along = job->along;
    hb_cl_kernel *kernel = begin_range(job, along->outer * (chunks - 1), CHUNK * along->inner);
    if (kernel == NULL) return false;
    operand(kernel, "y", y, true);
    hb_cl_index_param(kernel, "others", chunks - 1);
    write_rows(kernel, job);
    hb_cl_print(&kernel->body,
                "for (hb_index u = u0; u < u1; u++) {\n"
                "const hb_index first = (u %% others + 1) * %d, last = min(first + %d, n) - 2;\n"
                "const hb_index low = min(ROW(first), ROW(last)), count = last - first + 1;\n"
                "global %s *to = y + u / others * n * inner;\n"
                "for (hb_index j = 0; j < inner; j++) {\n"
                "const %s before = to[ROW(first - 1) * inner + j];\n"
                "#pragma clang loop vectorize(assume_safety)\n"
                "for (hb_index i = 0; i < count; i++)\n"
                "to[(low + i) * inner + j] = hb_add_%s(before, to[(low + i) * inner + j]);\n"
                "}\n}\n#undef ROW\n",
                CHUNK, CHUNK, hb_cl_type(y->dtype), hb_cl_type(y->dtype), hb_cl_suffix(y->dtype));
    return true;
}

/* ... on GPUs an item a row past the first chunk. */
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
    const bool abreast = job->device->lanes && n > BLOCK;
    bool added = abreast ? recur_abreast(job, chunks) : recur(job, chunks);
    if (added && chunks > 1)
        added = carry(job, chunks) &&
                (job->device->lanes ? add_carried_in_lanes(job, chunks) : add_carried(job));
    return added ? HEBB_OK : no_memory(error);
}

/* ---- TAKE-ALONG ---- */

/* The condition that an element's row is there, and what it is else. */
static const char *missing(hebb_dtype dtype) {
    return dtype == HEBB_F32 || dtype == HEBB_F64 ? "NAN" : "0";
}

static bool take(const along_job *job) {
    const hb_along *along = job->along;
    hb_cl_kernel *kernel = begin(job, along->outer * along->m * along->inner);
    if (kernel == NULL) return false;
    operand(kernel, "x", &job->step->in[0], false);
    operand(kernel, "index", &job->step->in[1], false);
    operand(kernel, "y", &job->step->out[0], true);
    hb_cl_index_param(kernel, "m", along->m);
    hb_cl_print(&kernel->body,
                "const hb_index o = u / (inner * m), j = u %% inner;\n"
                "const int row = index[u];\n"
                "y[u] = row >= 0 && row < n ? x[(o * n + row) * inner + j] : %s;\n",
                missing(job->step->in[0].dtype));
    return true;
}

/* On CPUs: loops over what is side by side in y, which is a row, or all rows of a single column. */
static bool take_in_lanes(const along_job *job) {
    const hb_along *along = job->along;
    const bool single = along->inner == 1;
    const int64_t lanes = single ? along->m : along->inner;
    const int64_t chunk = hb_max(1, hb_min(lanes, GRAIN / 4)), chunks = hb_ceil_div(lanes, chunk);
    hb_cl_kernel *kernel = begin_range(job, along->outer * (single ? 1 : along->m) * chunks, chunk);
    if (kernel == NULL) return false;
    operand(kernel, "x", &job->step->in[0], false);
    operand(kernel, "index", &job->step->in[1], false);
    operand(kernel, "y", &job->step->out[0], true);
    hb_cl_index_param(kernel, "lanes", lanes);
    hb_cl_index_param(kernel, "chunk", chunk);
    hb_cl_index_param(kernel, "chunks", chunks);
    if (!single) hb_cl_index_param(kernel, "m", along->m);
    hb_cl_print(&kernel->body,
                "for (hb_index u = u0; u < u1; u++) {\n"
                "const hb_index line = u / chunks, first = u %% chunks * chunk;\n"
                "const hb_index last = min(first + chunk, lanes);\n"
                "global const %s *from = x + %s * n * inner;\n"
                "#pragma clang loop vectorize(assume_safety)\n"
                "for (hb_index l = first; l < last; l++) {\n"
                "const int row = index[line * lanes + l];\n"
                "y[line * lanes + l] = row >= 0 && row < n ? from[%s] : %s;\n}\n}\n",
                hb_cl_type(job->step->in[0].dtype), single ? "line" : "(line / m)",
                single ? "row" : "row * inner + l", missing(job->step->in[0].dtype));
    return true;
}

static hebb_status prepare_take(const along_job *job, hb_error *error) {
    const bool added = job->device->lanes ? take_in_lanes(job) : take(job);
    return added ? HEBB_OK : no_memory(error);
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

/* Columns are gone through by themselves; where they are few, rows [r0, r1) of each, with all of
   its indices. */
static int64_t put_parts(const along_job *job, int64_t wanted) {
    const int64_t columns = job->along->outer * job->along->inner;
    return hb_max(1, hb_min(wanted / hb_max(1, columns), job->along->n));
}

static hb_cl_kernel *add_put_params(const along_job *job, hb_cl_kernel *kernel, int64_t rows) {
    if (kernel == NULL) return NULL;
    operand(kernel, "x", &job->step->out[0], true);
    operand(kernel, "index", &job->step->in[1], false);
    operand(kernel, "y", &job->step->in[2], false);
    hb_cl_index_param(kernel, "m", job->along->m);
    hb_cl_index_param(kernel, "rows", rows);
    hb_cl_index_param(kernel, "columns", job->along->outer * job->along->inner);
    return kernel;
}

/* Element y[`from`] is put where it belongs, or added there; `column` is the column's first place.
 */
static void write_put(hb_cl_kernel *kernel, const along_job *job, const char *from,
                      const char *column) {
    hb_cl_print(&kernel->body,
                "const int row = index[%s];\nif (row < r0 || row >= r1) continue;\n"
                "const hb_index at = row * inner%s;\n",
                from, column);
    if (job->along->add)
        hb_cl_print(&kernel->body, "x[at] = hb_add_%s(x[at], y[%s]);\n}\n",
                    hb_cl_suffix(job->step->out[0].dtype), from);
    else hb_cl_print(&kernel->body, "x[at] = y[%s];\n}\n", from);
}

static bool put(const along_job *job) {
    const hb_along *along = job->along;
    const int64_t rows = hb_ceil_div(along->n, put_parts(job, GPU_ITEMS));
    hb_cl_kernel *kernel = begin(job, along->outer * along->inner * hb_ceil_div(along->n, rows));
    if (add_put_params(job, kernel, rows) == NULL) return false;
    hb_cl_append(&kernel->body,
                 "const hb_index r0 = u / columns * rows, r1 = min(r0 + rows, n);\n"
                 "const hb_index o = u % columns / inner, j = u % inner;\n"
                 "x += o * n * inner + j;\nindex += o * m * inner + j;\ny += o * m * inner + j;\n"
                 "for (hb_index i = 0; i < m; i++) {\n");
    write_put(kernel, job, "i * inner", "");
    return true;
}

/* On CPUs: columns side by side together, and their copies before. */
static bool put_in_lanes(const along_job *job) {
    const hb_along *along = job->along;
    const bool single = along->inner == 1;
    const int64_t parts = put_parts(job, 4 * (int64_t)job->device->info.units);
    const int64_t rows = hb_ceil_div(along->n, parts), columns = along->outer * along->inner;
    hb_cl_kernel *kernel = begin_range(job, columns * hb_ceil_div(along->n, rows), rows + along->m);
    if (add_put_params(job, kernel, rows) == NULL) return false;
    operand(kernel, "base", &job->step->in[0], false);
    hb_cl_print(&kernel->body,
                "for (hb_index u = u0; u < u1;) {\n"
                "const hb_index r0 = u / columns * rows, r1 = min(r0 + rows, n);\n"
                "const hb_index o = u %% columns / inner, j0 = u %% inner;\n"
                "const hb_index j1 = min(inner, j0 + u1 - u);\n%s"
                "#pragma clang loop vectorize(assume_safety)\n"
                "for (hb_index l = %s; l < %s; l++)\n"
                "x[(o * n + %s) * inner + %s] = base[(o * n + %s) * inner + %s];\n"
                "for (hb_index i = 0; i < m; i++)\n"
                "for (hb_index j = j0; j < j1; j++) {\n",
                single ? "" : "for (hb_index i = r0; i < r1; i++)\n", single ? "r0" : "j0",
                single ? "r1" : "j1", single ? "l" : "i", single ? "0" : "l", single ? "l" : "i",
                single ? "0" : "l");
    write_put(kernel, job, "(o * m + i) * inner + j", " + o * n * inner + j");
    hb_cl_append(&kernel->body, "u += j1 - j0;\n}\n");
    return true;
}

static hebb_status prepare_put(const along_job *job, hb_error *error) {
    bool added;
    if (job->device->lanes) added = put_in_lanes(job);
    else added = copy_base(job) && (job->along->m == 0 || put(job));
    return added ? HEBB_OK : no_memory(error);
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
