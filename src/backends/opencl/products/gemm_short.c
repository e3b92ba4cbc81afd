/* GEMM on GPUs where tiles of 64 x 64 (gemm_tiled.c) would leave most units idle: few rows, few
   columns, or long sums of few results. What such a product takes is the time that loads are under
   way, so there are small tiles, for many groups to be busy, and deep slices, for an item to have
   many loads under way at once: a slice costs the latency of memory once. While one is multiplied,
   the next is on its way into registers.

   A group of 256 items computes a tile of the result, in blocks of 4 x 4. An item has a block and a
   share of the depth: of every slice the quads of depths number part, part + parts, ... At the end
   the parts' sums meet in local memory, where a result's are added in order. So there is one
   kernel, and nothing but the tile to wait for.

   A slice lies in local memory as its operand does in memory, so that items move what is side by
   side at both ends: as [row][depth] where depths are contiguous, else as [depth][row]. Eight items
   at a time read 16 bytes each; places are exchanged so that these lie in different banks. Any
   strides. */
#include <math.h>
#include <stdio.h>

#include "../opencl.h"

enum {
    ITEMS = 256,         /* of a group */
    BLOCK = 4,           /* rows and columns of an item */
    READERS = 8,         /* items that read local memory at once, 16 bytes each */
    LOCAL_BYTES = 32768, /* of the slices, and of the parts' sums */
    LEAST_DEPTH = 64,    /* of a slice: the items move four rows at a time, or fewer */
};

typedef struct tile {
    int rows, columns; /* powers of two, up to 32 */
} tile;

static int blocks_of(tile t) { return t.rows / BLOCK * (t.columns / BLOCK); }
static int parts_of(tile t) { return ITEMS / blocks_of(t); }

/* Of a slice: all of k where that fits, a power of two. */
static int depth_of(tile t, hebb_dtype dtype, int64_t k) {
    const int most = LOCAL_BYTES / ((t.rows + t.columns) * (int)hebb_dtype_size(dtype));
    int depth = LEAST_DEPTH;
    while (2 * depth <= most && depth < k) depth *= 2;
    return depth;
}

static bool can_do(hb_device *device, const hb_gemm *gemm) {
    (void)gemm;
    return device->max_group >= ITEMS && device->local_bytes >= LOCAL_BYTES;
}

/* ---- cost ---- */

/* Seconds from a load to what depends on it, until the parts have met, and until a result is
   stored that its epilogue has loaded something for; and until a kernel of so much code, all of it
   done once, has begun, as measured on an H200. */
static const double load_latency = 0.6e-6, join_latency = 0.3e-6, result_latency = 0.3e-6;
static const double begin_latency = 3e-6;
/* Of a unit: multiplications a second, three fifths of what its local memory can feed; bytes a
   second from the second cache, where all units want some; and into local memory. */
static const double unit_macs = 65e9, unit_bytes = 40e9, unit_stores = 200e9;

/* Groups of a unit wait at the same time where it has room for two of them, as it has unless they
   are parts of a larger kernel (team.h): so each round after the first waits for half as long. Read
   off an H200's latencies and rates. */
static double tile_seconds(const hb_device *device, const hb_gemm *gemm, tile t) {
    const double k = (double)gemm->k, size = (double)hebb_dtype_size(gemm->dtype);
    const double groups = (double)hb_ceil_div(gemm->m, t.rows) *
                          (double)hb_ceil_div(gemm->n, t.columns) *
                          (double)hb_cl_gemm_batches(gemm);
    const double rounds = ceil(groups / device->info.units);
    const double rows = fmin(t.rows, (double)gemm->m), columns = fmin(t.columns, (double)gemm->n);
    const double macs = t.rows * t.columns * k * size / 4;
    const double busy = fmax(macs / unit_macs, (rows + columns) * k * size / unit_bytes) +
                        (t.rows + t.columns) * k * size / unit_stores;
    const double results = fmax(1, t.rows * t.columns / (double)ITEMS);
    const double waiting = load_latency + join_latency + results * result_latency;
    return fmax(rounds * busy, (rounds + 1) / 2 * (waiting + busy));
}

static tile tile_of(const hb_device *device, const hb_gemm *gemm) {
    static const tile tiles[] = {{8, 8}, {8, 16}, {16, 8}, {16, 16}, {16, 32}, {32, 16}, {32, 32}};
    tile best = tiles[0];
    double least = tile_seconds(device, gemm, best);
    for (size_t i = 1; i < sizeof tiles / sizeof *tiles; i++) {
        const double seconds = tile_seconds(device, gemm, tiles[i]);
        if (seconds >= least) continue;
        best = tiles[i];
        least = seconds;
    }
    return best;
}

/* CPUs have no latency to hide by 256 items, and local memory and barriers are only loops. */
static double cost(hb_device *device, const hb_gemm *gemm) {
    if (device->lanes) return HUGE_VAL;
    return 5e-6 + begin_latency + tile_seconds(device, gemm, tile_of(device, gemm));
}

/* ---- text ---- */

/* An operand of a tile. */
typedef struct side {
    char name;       /* of the matrix; its registers are r<name>, its slice <name>s */
    int size, depth; /* of a slice: rows (columns) of the tile, depths */
    bool along_depth;
    const char *block;                 /* where the item's rows (columns) are, in blocks */
    const char *rows;                  /* how many there are from the tile's first on */
    const char *stride, *depth_stride; /* in memory */
    int turns;                         /* parts among the items that read at once */
} side;

/* Opens a loop over the elements i that an item moves of a slice: their depth k, their row (column)
   n. Neighboring items have neighboring depths, or else neighboring rows. */
static void open_elements(hb_cl_kernel *kernel, const side *s) {
    hb_cl_print(&kernel->body, "#pragma unroll\nfor (int i = 0; i < %d; i++) {\n",
                s->size * s->depth / ITEMS);
    if (!s->along_depth)
        hb_cl_print(&kernel->body, "const int k = l / %d + i * %d, n = l %% %d;\n", s->size,
                    ITEMS / s->size, s->size);
    else if (s->depth < ITEMS)
        hb_cl_print(&kernel->body, "const int k = l %% %d, n = l / %d + i * %d;\n", s->depth,
                    s->depth, ITEMS / s->depth);
    else
        hb_cl_print(&kernel->body, "const int k = l + i %% %d * %d, n = i / %d;\n",
                    s->depth / ITEMS, ITEMS, s->depth / ITEMS);
}

/* Past the ends it loads what is there again instead of asking whether to, so that nothing stands
   between the loads. Results of rows past the end are not stored. */
static void write_fetch(hb_cl_kernel *kernel, const side *s) {
    open_elements(kernel, s);
    hb_cl_print(&kernel->body,
                "r%c[i] = %c[min((hb_index)n, %s - 1) * %s + (hb_index)min(k, count - 1) * %s];\n"
                "}\n",
                s->name, s->name, s->rows, s->stride, s->depth_stride);
}

/* Into local memory, with zeros at depths past the end, in the order of the elements but for bits
   that rows of blocks, or quads of depths, invert: so none falls into the banks of others that are
   read with it. What depends on i only is a number once the loop is unrolled. */
static void write_keep(hb_cl_kernel *kernel, const side *s) {
    open_elements(kernel, s);
    if (s->along_depth)
        hb_cl_print(&kernel->body, "%cs[(l ^ i / %d * %d)", s->name, BLOCK * s->depth / ITEMS,
                    BLOCK * s->turns);
    else
        hb_cl_print(&kernel->body, "%cs[(l ^ l / %d %% %d * %d)", s->name, BLOCK * s->size,
                    s->turns, s->size);
    hb_cl_print(&kernel->body, " + i * %d] = k < ready ? r%c[i] : 0;\n}\n", ITEMS, s->name);
}

/* What an item needs of the quad of depths at q: a vector a row (column), or a depth. */
static void write_vectors(hb_cl_kernel *kernel, const side *s, const char *type) {
    for (int i = 0; i < BLOCK; i++) {
        hb_cl_print(&kernel->body, "const %s4 %c%d = *(local const %s4 *)(%cs + ", type, s->name, i,
                    type, s->name);
        if (s->along_depth)
            hb_cl_print(&kernel->body, "(%d * %s + %d) * %d + (q ^ %d * %s));\n", BLOCK, s->block,
                        i, s->depth, BLOCK * s->turns, s->block);
        else
            hb_cl_print(&kernel->body, "(q + (%d ^ part %% %d)) * %d + %d * %s);\n", i, s->turns,
                        s->size, BLOCK, s->block);
    }
}

/* The element of row (column) n and depth k in these. */
static void write_element(hb_cl_kernel *kernel, const side *s, int n, int k) {
    static const char component[] = "xyzw";
    hb_cl_print(&kernel->body, "%c%d.%c", s->name, s->along_depth ? n : k,
                component[s->along_depth ? k : n]);
}

/* Indices of registers are numbers in the text: compilers that unroll late would leave acc in
   memory. */
static void write_multiply(hb_cl_kernel *kernel, const side *a, const side *b, int parts,
                           const char *type) {
    hb_cl_print(&kernel->body, "#pragma unroll 1\nfor (int q = %d * part; q < ready; q += %d) {\n",
                BLOCK, BLOCK * parts);
    write_vectors(kernel, a, type);
    write_vectors(kernel, b, type);
    for (int k = 0; k < BLOCK; k++)
        for (int e = 0; e < BLOCK * BLOCK; e++) {
            hb_cl_print(&kernel->body, "acc[%d] += ", e);
            write_element(kernel, a, e / BLOCK, k);
            hb_cl_append(&kernel->body, " * ");
            write_element(kernel, b, e % BLOCK, k);
            hb_cl_append(&kernel->body, ";\n");
        }
    hb_cl_append(&kernel->body, "}\n");
}

/* count is of the slice that is fetched, ready of the one that is multiplied. */
static void write_slices(hb_cl_kernel *kernel, const side *a, const side *b, int parts,
                         const char *type) {
    hb_cl_print(&kernel->body,
                "const hb_index slices = (depth + %d) / %d;\nint count = 0;\n"
                "for (hb_index s = 0; s <= slices; s++) {\nconst int ready = count;\n"
                "if (s > 0) {\nbarrier(CLK_LOCAL_MEM_FENCE);\n",
                a->depth - 1, a->depth);
    write_keep(kernel, a);
    write_keep(kernel, b);
    hb_cl_print(&kernel->body,
                "barrier(CLK_LOCAL_MEM_FENCE);\n}\nif (s < slices) {\n"
                "count = (int)min(depth - s * %d, (hb_index)%d);\n",
                a->depth, a->depth);
    write_fetch(kernel, a);
    write_fetch(kernel, b);
    hb_cl_print(&kernel->body, "a += %d * ak;\nb += %d * bk;\n}\nif (s > 0) {\n", a->depth,
                a->depth);
    write_multiply(kernel, a, b, parts, type);
    hb_cl_append(&kernel->body, "}\n}\n");
}

/* Over the slices come a part's sums after the other's, once for each row of a block: an item
   stores, and in what follows neighbors read, side by side. Opens the loop over an item's results.
 */
static void write_join(hb_cl_kernel *kernel, tile t, const char *row, const char *type) {
    const int width = BLOCK * blocks_of(t), across = t.columns / BLOCK;
    hb_cl_append(&kernel->body, "barrier(CLK_LOCAL_MEM_FENCE);\n");
    for (int r = 0; r < BLOCK; r++)
        hb_cl_print(&kernel->body,
                    "*(local %s4 *)(as + %d + %d * l) = (%s4)(acc[%d], acc[%d], acc[%d], "
                    "acc[%d]);\n",
                    type, r * BLOCK * ITEMS, BLOCK, type, BLOCK * r, BLOCK * r + 1, BLOCK * r + 2,
                    BLOCK * r + 3);
    hb_cl_print(&kernel->body,
                "barrier(CLK_LOCAL_MEM_FENCE);\n"
                "for (int e = l; e < %d; e += %d) {\n"
                "const int r = e / %d, n = e %% %d, at = n / %d;\n"
                "const hb_index %s = row + at / %d * %d + r;\n"
                "const hb_index j = column + at %% %d * %d + n %% %d;\n"
                "if (%s >= m || j >= columns) continue;\n"
                "local const %s *sums = as + r * %d + n;\n%s s0 = 0, s1 = 0, s2 = 0, s3 = 0;\n"
                "#pragma unroll 4\nfor (int p = 0; p < %d; p += 4) {\n"
                "s0 += sums[p * %d];\ns1 += sums[p * %d + %d];\n"
                "s2 += sums[p * %d + %d];\ns3 += sums[p * %d + %d];\n}\n",
                t.rows * t.columns, ITEMS, width, width, BLOCK, row, across, BLOCK, across, BLOCK,
                BLOCK, row, type, BLOCK * ITEMS, type, parts_of(t), width, width, width, width,
                2 * width, width, 3 * width);
}

/* The tile, the item's block and part in it, and where their matrices begin. */
static void write_operands(hb_cl_kernel *kernel, const hb_cl_product *product, tile t) {
    const hb_gemm *gemm = &product->gemm;
    const int blocks = blocks_of(t), across = t.columns / BLOCK;
    hb_cl_index_param(kernel, "m", gemm->m);
    hb_cl_index_param(kernel, "columns", gemm->n);
    hb_cl_index_param(kernel, "depth", gemm->k);
    hb_cl_stride_params(kernel, product);
    hb_cl_print(&kernel->body,
                "const int l = (int)HB_LOCAL, part = l / %d;\n"
                "const int ty = l %% %d / %d, tx = l %% %d;\n"
                "const hb_index row = (hb_index)HB_GROUP(1) * %d, rows = m - row;\n"
                "const hb_index column = (hb_index)HB_GROUP(0) * %d, right = columns - column;\n",
                blocks, blocks, across, across, t.rows, t.columns);
    hb_cl_write_batch(kernel, product, "(hb_index)HB_GROUP(2)");
    hb_cl_write_matrix(kernel, product, "a", &gemm->a);
    hb_cl_write_matrix(kernel, product, "b", &gemm->b);
    hb_cl_append(&kernel->body, "a += row * ai;\nb += column * bj;\n");
}

static void write_kernel(hb_cl_kernel *kernel, const hb_cl_product *product, tile t) {
    const hb_gemm *gemm = &product->gemm;
    const char *type = hb_cl_type(gemm->dtype);
    const int depth = depth_of(t, gemm->dtype, gemm->k), parts = parts_of(t);
    const int slices = (t.rows + t.columns) * depth, sums = BLOCK * BLOCK * ITEMS;
    const int turns = READERS > blocks_of(t) ? READERS / blocks_of(t) : 1;
    char row[HB_CL_NAME_SIZE];
    kernel->wide = product->wide;
    kernel->group = ITEMS;
    hb_cl_need(kernel, HB_CL_SCALAR, gemm->dtype);
    hb_cl_local_array(kernel, "as", gemm->dtype, slices > sums ? slices : sums);
    write_operands(kernel, product, t);
    const side a = {.name = 'a',
                    .size = t.rows,
                    .depth = depth,
                    .block = "ty",
                    .rows = "rows",
                    .along_depth = hb_cl_column_stride(product, &gemm->a) == 1,
                    .stride = "ai",
                    .depth_stride = "ak",
                    .turns = turns};
    const side b = {.name = 'b',
                    .size = t.columns,
                    .depth = depth,
                    .block = "tx",
                    .rows = "right",
                    .along_depth = hb_cl_row_stride(product, &gemm->b) == 1,
                    .stride = "bj",
                    .depth_stride = "bk",
                    .turns = turns};
    hb_cl_print(&kernel->body,
                "local %s *const bs = as + %d;\n%s ra[%d], rb[%d], acc[%d];\n"
                "#pragma unroll\nfor (int e = 0; e < %d; e++) acc[e] = 0;\n",
                type, t.rows * depth, type, t.rows * depth / ITEMS, t.columns * depth / ITEMS,
                BLOCK * BLOCK, BLOCK * BLOCK);
    write_slices(kernel, &a, &b, parts, type);
    snprintf(row, sizeof row, "i%d", gemm->n_batch);
    write_join(kernel, t, row, type);
    hb_cl_write_epilogue_bases(kernel, product);
    hb_cl_write_epilogue(kernel, product, "((s0 + s1) + (s2 + s3))");
    hb_cl_append(&kernel->body, "}\n");
}

/* ---- preparing ---- */

static hebb_status prepare(hb_device *device, hb_prepared *prepared, const hb_step *step,
                           hb_error *error) {
    hb_cl_product product;
    hb_cl_launch *launch = hb_cl_launch_add(prepared, step);
    if (launch == NULL || !hb_cl_product_make(&product, &step->u.gemm, false))
        return hb_fail_memory(error, "a launch", sizeof *launch);
    const tile t = tile_of(device, &step->u.gemm);
    write_kernel(&launch->source, &product, t);
    hb_cl_range_rows(launch, hb_ceil_div(product.gemm.n, t.columns) * ITEMS, ITEMS,
                     hb_ceil_div(product.gemm.m, t.rows), product.batches);
    hb_cl_product_free(&product);
    return HEBB_OK;
}

const hb_cl_gemm_solver hb_cl_gemm_short = {
    .name = "short",
    .title = "short",
    .can_do = can_do,
    .cost = cost,
    .prepare = prepare,
};
