/* LOOPs without reductions on CPUs where operands lie across each other, as in a transpose: some
   are contiguous along the lanes, others along the dimension before. A unit is a tile of both; what
   lies across is turned around in a tile of private memory (kernels/turns.cl), so that each loop
   over lanes goes along memory, and no line is read or written but once. Called by loop_source.c.

   Names in the generated text: u the tile, first its first lane, row its first point of the
   dimension before, count and rows how many of them it has; tx<n> and ty<n> the tiles of inputs and
   outputs, at where the row begins there. */
#include <stdio.h>

#include "../opencl.h"

enum { LINE = 64, LEAST_LINES = 16, LANES = 128, LANES_OF_BYTES = 64 };

/* Lines of memory of the smallest elements by so many lanes that what comes before a loop over them
   does not count, and tiles stay in the first cache. */
void hb_cl_cut_tile(const hb_loop *loop, hb_cl_cut *cut) {
    int64_t least = 8;
    for (int n = 0; n < loop->n_in + loop->n_out; n++) {
        const hb_operand *operand = n < loop->n_in ? &loop->in[n] : &loop->out[n - loop->n_in].to;
        if (operand->buffer >= 0) least = hb_min(least, (int64_t)hebb_dtype_size(operand->dtype));
    }
    cut->rows = hb_max(LEAST_LINES, LINE / least);
    cut->chunk = least < 4 ? LANES_OF_BYTES : LANES;
}

static bool is_turned(const hb_cl_space *space, const hb_operand *operand) {
    const int64_t apart = operand->stride[space->lane];
    return operand->buffer >= 0 && operand->stride[space->lane - 1] == 1 && apart != 0 &&
           apart != 1 && apart != -1;
}

static bool has(uint64_t set, int n) { return n < 64 && (set >> n & 1) != 0; }

static void find_turned(hb_cl_kernel *kernel, const hb_cl_space *space) {
    const hb_loop *loop = &space->loop;
    for (int n = 0; n < loop->n_in && n < 64; n++)
        if (is_turned(space, &loop->in[n]) && hb_cl_is_read_as_written(loop, n))
            kernel->turned_in |= (uint64_t)1 << n;
    for (int n = 0; n < loop->n_out && n < 64; n++)
        if (is_turned(space, &loop->out[n].to)) kernel->turned_out |= (uint64_t)1 << n;
}

/* Rows of a tile are short: they go past the caches only if whole lines do. */
static void find_streamed(hb_cl_kernel *kernel, const hb_cl_space *space) {
    const hb_loop *loop = &space->loop;
    hb_cl_find_streamed(kernel, space);
    for (int n = 0; n < loop->n_out && n < 64; n++) {
        const hb_operand *to = &loop->out[n].to;
        const int64_t size = (int64_t)hebb_dtype_size(to->dtype);
        bool whole = to->offset * size % LINE == 0;
        for (int k = 0; k < space->lane; k++) whole = whole && to->stride[k] * size % LINE == 0;
        if (!whole) kernel->streamed &= ~((uint64_t)1 << n);
    }
}

/* Declares the tile of an operand. */
static void declare(hb_cl_kernel *kernel, const hb_cl_cut *cut, char name, int n,
                    hebb_dtype dtype) {
    hb_cl_print(&kernel->body, "%s t%c%d[%d] __attribute__((aligned(64)));\n", hb_cl_type(dtype),
                name, n, (int)(cut->rows * cut->chunk));
}

/* Fills an input's tile from memory, or stores an output's there. */
static void move(hb_cl_kernel *kernel, const hb_cl_space *space, const hb_cl_cut *cut, char name,
                 int n, int pointer, const hb_operand *operand) {
    const bool in = name == 'x';
    char base[HB_CL_NAME_SIZE], memory[HB_CL_NAME_SIZE], apart[HB_CL_NAME_SIZE];
    snprintf(base, sizeof base, "%c%d", name, n);
    snprintf(memory, sizeof memory, "%c%d", name, pointer);
    snprintf(apart, sizeof apart, "s%c%d_%d", name, n, space->lane);
    hb_cl_buffer_param(kernel, memory, operand->buffer, operand->dtype, !in);
    hb_cl_index_param(kernel, apart, operand->stride[space->lane]);
    hb_cl_need(kernel, HB_CL_TURNS, hb_cl_is_half(operand->dtype) ? HEBB_U8 : operand->dtype);
    hb_cl_append(&kernel->body, "{\n");
    hb_cl_write_base(kernel, base, operand, space->loop.rank, space->lane);
    hb_cl_print(&kernel->body,
                "hb_turn_%s_%s(%s + b%s + first * %s, %s, rows, count, t%s, %d);\n}\n",
                in ? "in" : "out", hb_cl_suffix(operand->dtype), memory, base, apart, apart, base,
                (int)cut->chunk);
}

/* The tile's place; the coordinates of the other dimensions. */
static void write_place(hb_cl_kernel *kernel, const hb_cl_space *space, const hb_cl_cut *cut) {
    const int lane = space->lane;
    hb_cl_index_param(kernel, "lines", space->loop.dim[lane - 1]);
    hb_cl_index_param(kernel, "lanes", space->loop.dim[lane]);
    hb_cl_index_param(kernel, "chunks", cut->chunks);
    hb_cl_index_param(kernel, "deep", hb_ceil_div(space->loop.dim[lane - 1], cut->rows));
    hb_cl_print(&kernel->body,
                "const hb_index row = u %% deep * %d, first = u / deep %% chunks * %d;\n"
                "const int rows = (int)min((hb_index)%d, lines - row);\n"
                "const int count = (int)min((hb_index)%d, lanes - first);\n",
                (int)cut->rows, (int)cut->chunk, (int)cut->rows, (int)cut->chunk);
    hb_cl_write_coordinates(kernel, &space->loop, 0, lane - 1, "u / deep / chunks");
}

static void write_rows(hb_cl_kernel *kernel, const hb_cl_space *space, const hb_cl_cut *cut) {
    const hb_loop *loop = &space->loop;
    hb_cl_print(&kernel->body,
                "for (int r = 0; r < rows; r++) {\nconst hb_index i%d = row + r;\n"
                "const int at = r * %d;\n",
                space->lane - 1, (int)cut->chunk);
    hb_cl_write_bases(kernel, loop, 0, loop->n_pre, loop->rank, space->lane);
    hb_cl_declare_streamed(kernel, loop, 0, loop->n_pre);
    hb_cl_print(&kernel->body, "%sfor (int l = 0; l < count; l++) {\nconst long j = first + l;\n",
                hb_cl_lane_loop(space));
    hb_cl_write_values(kernel, loop, 0, loop->n_pre, space->lane, "");
    hb_cl_write_stores(kernel, loop, 0, loop->n_pre, space->lane);
    hb_cl_append(&kernel->body, "}\nconst hb_index block = first;\n");
    hb_cl_store_streamed(kernel, loop, 0, loop->n_pre);
    hb_cl_append(&kernel->body, "}\n");
}

void hb_cl_write_tiles(hb_cl_kernel *kernel, const hb_cl_space *space, const hb_cl_cut *cut) {
    const hb_loop *loop = &space->loop;
    find_turned(kernel, space);
    find_streamed(kernel, space);
    for (int n = 0; n < loop->n_in; n++)
        if (has(kernel->turned_in, n)) declare(kernel, cut, 'x', n, loop->in[n].dtype);
    for (int n = 0; n < loop->n_out; n++)
        if (has(kernel->turned_out, n)) declare(kernel, cut, 'y', n, loop->out[n].to.dtype);
    hb_cl_index_param(kernel, "units", cut->units);
    hb_cl_index_param(kernel, "per_item", cut->per_item);
    hb_cl_print(&kernel->body, "const hb_index u0 = (hb_index)HB_ITEM(0) * per_item;\n"
                               "const hb_index u1 = min(u0 + per_item, units);\n"
                               "for (hb_index u = u0; u < u1; u++) {\n");
    write_place(kernel, space, cut);
    hb_cl_print(&kernel->body, "{\nconst hb_index i%d = row;\n", space->lane - 1);
    for (int n = 0; n < loop->n_in; n++)
        if (has(kernel->turned_in, n))
            move(kernel, space, cut, 'x', n, hb_cl_input_pointer(loop, n), &loop->in[n]);
    hb_cl_append(&kernel->body, "}\n");
    write_rows(kernel, space, cut);
    hb_cl_print(&kernel->body, "const hb_index i%d = row;\n", space->lane - 1);
    for (int n = 0; n < loop->n_out; n++)
        if (has(kernel->turned_out, n))
            move(kernel, space, cut, 'y', n, hb_cl_output_pointer(loop, n), &loop->out[n].to);
    hb_cl_append(&kernel->body, "}\n");
}
