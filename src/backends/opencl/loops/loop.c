/* LOOP steps: which form of kernel, how the space is cut into work-items, and the second stage of a
   reduction that one stage would leave to too few of them. Called by prepare.c and, for epilogues
   of their own, by GEMM solvers. */
#include <stdlib.h>
#include <string.h>

#include "../../costs.h"
#include "../../unroll.h"
#include "../opencl.h"

#define CPU_GRAIN    16384  /* points of a plain loop that are worth a core on a CPU, ... */
#define CPU_ITEM     1024   /* ... and a work-item if there are several; ... */
#define CPU_PLAIN    16     /* ... it has no more instructions and FLOPs than that */
#define CPU_ITEMS    8      /* work-items a core, at most; ... */
#define CPU_MANY     32     /* ... of loops that are large: ... */
#define CPU_LARGE    262144 /* ... of so many points each */
#define CPU_SPLIT    131072 /* points that are worth a second stage too */
#define CPU_CHUNK    4096   /* lanes of a unit, ... */
#define CPU_LEAST    512    /* ... fewer, if there would be too few units */
#define COLUMN_CHUNK 4096   /* lanes reduced side by side, in private arrays ... */
#define COLUMN_BYTES 131072 /* ... of no more than this */
#define LEAST_CHUNK  64
#define GPU_ITEMS    131072 /* work-items that keep a large GPU busy */
#define GPU_GROUP    256
#define GPU_SECTOR   8   /* lanes that memory gives at a time */
#define GPU_ROW      32  /* items side by side along a row */
#define GPU_ALONG    16  /* points of a row that are enough for one of them */
#define GPU_POINTS   4   /* the fewest reduced points for an item of those that share them */
#define GPU_UNROLL   8   /* most points that an item takes at a time, ... */
#define GPU_LOADS    24  /* ... elements that it then loads, ... */
#define GPU_COST     256 /* ... and FLOPs and instructions of its program */
#define GPU_ROUNDS   12  /* that often an item waits for memory in the time of a second stage */
#define GPU_LEAST    2   /* the fewest rounds of an item of a split */
#define MAX_SPLITS   512

static size_t power_of_two(size_t n) {
    size_t p = 1;
    while (2 * p <= n) p *= 2;
    return p;
}

/* Cuts the reduced space's `pieces` into at most `wanted` splits of equal size. */
static void cut_splits(hb_cl_cut *cut, int64_t pieces, int64_t wanted) {
    wanted = hb_max(1, hb_min(hb_min(wanted, pieces), MAX_SPLITS));
    cut->per_split = hb_max(1, hb_ceil_div(pieces, wanted));
    cut->splits = hb_max(1, hb_ceil_div(pieces, cut->per_split));
}

/* A sum takes three arrays of at most 8 bytes an element. */
static int64_t column_chunk(const hb_loop *loop) {
    int64_t chunk = COLUMN_CHUNK;
    while (chunk > LEAST_CHUNK && chunk * 24 * hb_count_reductions(loop) > COLUMN_BYTES) chunk /= 2;
    return chunk;
}

/* How many plain points a point is worth. */
static int64_t weight_of(const hb_loop *loop) {
    int64_t work = loop->n_instr;
    for (int i = 0; i < loop->n_instr; i++) work += hb_instr_cost((hb_code)loop->instr[i].code);
    return hb_max(1, work / CPU_PLAIN);
}

/* Several items a core, so that one core's delay does not leave the others waiting: POCL gives half
   of what is left to the core that asks first. Of steps that stay in the caches only a few, of
   which a core often gets the same ones in each step. */
int64_t hb_cl_items(const hb_device *device, int64_t points) {
    const int64_t units = device->info.units;
    return hb_max(CPU_ITEMS * units, hb_min(CPU_MANY * units, points / CPU_LARGE));
}

/* One, if there is not work for two. */
static int64_t items_for(const hb_device *device, const hb_loop *loop, int64_t points) {
    const int64_t work = points * weight_of(loop);
    if (work < 2 * CPU_GRAIN) return 1;
    return hb_min(work / CPU_ITEM, hb_cl_items(device, points));
}

/* Shorter chunks where the loop would not be cut into so many units. */
static int64_t lane_chunk(const hb_cl_space *space, int64_t lanes, int64_t items) {
    int64_t chunk = CPU_CHUNK;
    const int64_t others = space->kept / hb_max(1, lanes);
    while (chunk > CPU_LEAST && others * hb_ceil_div(lanes, chunk) < items) chunk /= 2;
    return chunk;
}

static void cut_tiles(const hb_cl_space *space, int64_t items, hb_cl_cut *cut) {
    const int64_t lanes = space->loop.dim[space->lane], lines = space->loop.dim[space->lane - 1];
    cut->form = HB_CL_TILES;
    hb_cl_cut_tile(&space->loop, cut);
    cut->chunks = hb_ceil_div(lanes, cut->chunk);
    cut->units = space->kept / lanes / lines * cut->chunks * hb_ceil_div(lines, cut->rows);
    cut->per_item = hb_max(1, hb_ceil_div(cut->units, items));
    cut->splits = 1;
}

static void cut_for_cpu(const hb_device *device, hb_cl_space *space, bool may_split,
                        hb_cl_cut *cut) {
    const hb_loop *loop = &space->loop;
    int64_t lanes = loop->dim[space->lane];
    bool kept_lane = space->lane < space->n_kept;
    cut->form = !hb_reduces(loop) ? HB_CL_LANES : (kept_lane ? HB_CL_COLUMNS : HB_CL_ROWS);
    int64_t points = space->kept * hb_max(1, space->reduced);
    int64_t items = items_for(device, loop, points);
    cut->chunk = cut->form == HB_CL_LANES ? lane_chunk(space, lanes, items) : CPU_CHUNK;
    if (cut->form == HB_CL_COLUMNS) cut->chunk = column_chunk(loop);
    cut->close = device->info.f64 && hb_cl_has_close_forms(loop);
    if (cut->form == HB_CL_LANES && hb_cl_space_lies_across(space)) {
        cut_tiles(space, items, cut);
        return;
    }
    cut->chunks = hb_max(1, hb_ceil_div(lanes, cut->chunk));
    cut->units = space->kept;
    if (kept_lane) cut->units = lanes == 0 ? 0 : space->kept / lanes * cut->chunks;
    cut->per_item = hb_max(1, hb_ceil_div(cut->units, items));
    cut->splits = 1;
    int64_t used = hb_max(1, hb_ceil_div(cut->units, cut->per_item));
    items = hb_min(items, points / CPU_SPLIT);
    if (!may_split || used * 4 > items) return;
    int64_t pieces = cut->form == HB_CL_COLUMNS ? space->reduced
                                                : space->reduced / hb_max(1, lanes) * cut->chunks;
    cut_splits(cut, pieces, items / used);
}

/* How many reduced points an item takes at a time, of so many in all. */
static int unroll_for_gpu(const hb_loop *loop, int64_t points) {
    int64_t loads = 0, work = loop->n_pre;
    for (int i = 0; i < loop->n_pre; i++) {
        const hb_instr *instr = &loop->instr[i];
        work += hb_instr_cost((hb_code)instr->code);
        loads += instr->code == HB_LOAD && loop->in[instr->a].buffer != HB_BUFFER_INDEX;
    }
    int64_t unroll = GPU_UNROLL;
    while (unroll > 1 &&
           (unroll * loads > GPU_LOADS || unroll * work > GPU_COST || unroll / 2 >= points))
        unroll /= 2;
    return (int)unroll;
}

/* How many items of a group share a kept point: so many that there are enough of them, unless that
   would leave them little to do or neighbors too little of a piece of memory. */
static int64_t sharers_for_gpu(const hb_device *device, const hb_cl_space *space) {
    const size_t local = (size_t)(8 * GPU_GROUP * hb_count_reductions(&space->loop));
    if (local > device->local_bytes) return 1;
    int64_t wanted = hb_ceil_div(GPU_ITEMS, hb_max(1, space->kept)), most = GPU_GROUP, sharers = 1;
    if (space->lane >= space->n_kept)
        wanted = hb_max(wanted, hb_max(GPU_ROW, space->reduced / GPU_ALONG));
    else
        for (int64_t width = 1; width < hb_min(GPU_SECTOR, space->kept); width *= 2) most /= 2;
    most = hb_min(most, space->reduced / GPU_POINTS);
    while (sharers < wanted && 2 * sharers <= most) sharers *= 2;
    return sharers;
}

static void cut_for_gpu(const hb_device *device, const hb_cl_space *space, bool may_split,
                        hb_cl_cut *cut) {
    cut->splits = 1;
    cut->units = space->kept;
    cut->group = power_of_two((size_t)hb_min(GPU_GROUP, (int64_t)device->max_group));
    if (!hb_reduces(&space->loop)) {
        cut->form = HB_CL_POINTS;
        return;
    }
    int64_t sharers = sharers_for_gpu(device, space);
    const int64_t points = hb_ceil_div(space->reduced, sharers);
    cut->unroll = unroll_for_gpu(&space->loop, points);
    /* For groups of the full size, which may become smaller when scratch memory is set aside. */
    const int64_t rounds = points / cut->unroll;
    const int64_t groups = hb_ceil_div(hb_max(1, space->kept), GPU_GROUP / sharers);
    if (may_split && rounds > GPU_ROUNDS)
        cut_splits(cut, space->reduced, hb_min(GPU_ITEMS / GPU_GROUP / groups, rounds / GPU_LEAST));
    sharers = hb_min(sharers, (int64_t)cut->group);
    cut->form = sharers > 1 ? HB_CL_GROUPS : HB_CL_ITEMS;
    cut->width = (int)((int64_t)cut->group / sharers);
}

static void cut_space(const hb_device *device, hb_cl_space *space, bool may_split, hb_cl_cut *cut) {
    memset(cut, 0, sizeof *cut);
    may_split = may_split && hb_reduces(&space->loop) && space->kept > 0 && space->reduced > 0;
    if (device->lanes) cut_for_cpu(device, space, may_split, cut);
    else cut_for_gpu(device, space, may_split, cut);
}

static size_t scratch_bytes(const hb_cl_space *space, const hb_cl_cut *cut) {
    if (cut->splits <= 1) return 0;
    return 8 * (size_t)hb_count_reductions(&space->loop) * (size_t)(cut->splits * space->kept);
}

/* One item, or on a GPU one group, does all. */
static void cut_alone(const hb_device *device, hb_cl_space *space, hb_cl_cut *cut) {
    cut_space(device, space, false, cut);
    cut->per_item = hb_max(1, cut->units);
    if (cut->form == HB_CL_GROUPS) {
        cut->form = HB_CL_ITEMS;
        cut->unroll = unroll_for_gpu(&space->loop, space->reduced);
    }
    const int64_t lanes = space->loop.dim[space->lane];
    while (cut->form == HB_CL_COLUMNS && cut->chunk >= 2 * LEAST_CHUNK && cut->chunk >= 2 * lanes)
        cut->chunk /= 2;
}

int64_t hb_cl_loop_items(const hb_device *device, const hb_loop *loop) {
    int64_t points = 1;
    for (int k = 0; k < loop->rank; k++) points *= loop->dim[k];
    return items_for(device, loop, points);
}

size_t hb_cl_loop_scratch(hb_device *device, const hb_loop *loop) {
    if (!hb_reduces(loop)) return 0;
    hb_cl_space space;
    if (!hb_cl_space_make(&space, loop)) return 0; /* prepare() will fail likewise, and say so */
    hb_cl_cut cut;
    cut_space(device, &space, true, &cut);
    size_t bytes = scratch_bytes(&space, &cut);
    hb_cl_space_free(&space);
    return bytes;
}

static void set_range(hb_cl_launch *launch, const hb_cl_space *space, const hb_cl_cut *cut) {
    switch (cut->form) {
    case HB_CL_LANES:
    case HB_CL_TILES:
    case HB_CL_ROWS:
    case HB_CL_COLUMNS:
        hb_cl_range_items(launch, hb_ceil_div(cut->units, cut->per_item), cut->splits, 1);
        return;
    case HB_CL_POINTS:
    case HB_CL_ITEMS: hb_cl_range(launch, space->kept, cut->group); break;
    case HB_CL_GROUPS:
        hb_cl_range(launch, hb_ceil_div(space->kept, cut->width) * (int64_t)cut->group, cut->group);
        break;
    }
    if (cut->splits > 1) {
        launch->rank = 2;
        launch->global[1] = (size_t)cut->splits;
    }
}

static hebb_status add_launch(hb_prepared *prepared, const hb_step *step, const hb_cl_space *space,
                              const hb_cl_cut *cut, hb_error *error) {
    hb_cl_launch *launch = hb_cl_launch_add(prepared, step);
    if (launch == NULL) return hb_fail_memory(error, "a launch", sizeof *launch);
    launch->source.group = cut->group;
    hb_cl_write_loop(&launch->source, space, cut);
    set_range(launch, space, cut);
    return HEBB_OK;
}

/* ---- the second stage ---- */

/* A loop over [kept..., splits] that reduces the partial results and runs the post program. */
typedef struct second_stage {
    hb_loop loop;
    hb_operand *in;
    hb_output *out;
    hb_instr *instr;
} second_stage;

static void second_stage_free(second_stage *stage) {
    free(stage->in);
    free(stage->out);
    free(stage->instr);
}

static hb_operand partial_operand(const hb_cl_space *space, const hb_cl_cut *cut, int r,
                                  hebb_dtype dtype) {
    hb_operand operand = {.buffer = cut->scratch_buffer, .dtype = dtype};
    operand.offset = hb_cl_partial_offset(space->kept, cut, r, dtype);
    int64_t stride = 1;
    for (int k = space->n_kept - 1; k >= 0; k--) {
        operand.stride[k] = stride;
        stride *= space->loop.dim[k];
    }
    operand.stride[space->n_kept] = space->kept;
    return operand;
}

/* An instruction of the post program among n_loads new instructions in place of n_pre old ones. */
static hb_instr shifted(hb_instr instr, int n_pre, int n_loads) {
    if (instr.code == HB_LOAD) {
        instr.a = (int16_t)(instr.a + n_loads);
        return instr;
    }
    int by = n_loads - n_pre;
    if (instr.a >= n_pre) instr.a = (int16_t)(instr.a + by);
    if (instr.b >= n_pre) instr.b = (int16_t)(instr.b + by);
    if (instr.c >= n_pre) instr.c = (int16_t)(instr.c + by);
    if (hb_fourth(&instr) >= n_pre) instr.d = (int16_t)(instr.d + by);
    return instr;
}

static void write_second_program(const hb_loop *loop, second_stage *stage, int n_loads,
                                 const hb_cl_space *space, const hb_cl_cut *cut) {
    int load = 0, n = n_loads;
    for (int i = loop->n_pre; i < loop->n_instr; i++) {
        hb_instr instr = loop->instr[i];
        if (hb_is_reduction(instr.code)) {
            hebb_dtype dtype = (hebb_dtype)instr.dtype;
            stage->in[load] = partial_operand(space, cut, load, dtype);
            stage->instr[load] =
                (hb_instr){.code = HB_LOAD, .dtype = instr.dtype, .a = (int16_t)load, -1, -1};
            instr.a = (int16_t)load++;
            stage->instr[n++] = instr;
        } else stage->instr[n++] = shifted(instr, loop->n_pre, n_loads);
    }
    stage->loop.n_instr = n;
}

static hebb_status second_stage_make(second_stage *stage, const hb_cl_space *space,
                                     const hb_cl_cut *cut, hb_error *error) {
    const hb_loop *loop = &space->loop;
    int n_loads = hb_count_reductions(loop);
    memset(stage, 0, sizeof *stage);
    stage->in = calloc((size_t)(loop->n_in + n_loads), sizeof *stage->in);
    stage->out = calloc((size_t)loop->n_out + 1, sizeof *stage->out);
    stage->instr = calloc((size_t)(loop->n_instr + n_loads), sizeof *stage->instr);
    if (stage->in == NULL || stage->out == NULL || stage->instr == NULL) {
        second_stage_free(stage);
        return hb_fail_memory(error, "the second stage of a reduction", sizeof *stage);
    }
    stage->loop = *loop;
    stage->loop.in = stage->in;
    stage->loop.out = stage->out;
    stage->loop.instr = stage->instr;
    stage->loop.rank = space->n_kept + 1;
    stage->loop.dim[space->n_kept] = cut->splits;
    stage->loop.reduce[space->n_kept] = true;
    stage->loop.n_in = n_loads + loop->n_in;
    for (int n = 0; n < loop->n_in; n++) {
        stage->in[n_loads + n] = loop->in[n];
        stage->in[n_loads + n].stride[space->n_kept] = 0;
    }
    stage->loop.n_pre = n_loads;
    write_second_program(loop, stage, n_loads, space, cut);
    stage->loop.n_out = 0;
    for (int n = 0; n < loop->n_out; n++) {
        if (loop->out[n].value < loop->n_pre) continue;
        hb_output output = loop->out[n];
        output.value += n_loads - loop->n_pre;
        output.to.stride[space->n_kept] = 0;
        stage->out[stage->loop.n_out++] = output;
    }
    return HEBB_OK;
}

static hebb_status add_second_stage(hb_device *device, hb_prepared *prepared, const hb_step *step,
                                    const hb_cl_space *first, const hb_cl_cut *cut,
                                    hb_error *error) {
    second_stage stage;
    hebb_status status = second_stage_make(&stage, first, cut, error);
    if (status != HEBB_OK) return status;
    hb_cl_space space;
    if (!hb_cl_space_make(&space, &stage.loop)) {
        second_stage_free(&stage);
        return hb_fail_memory(error, "an index space", sizeof space);
    }
    hb_cl_cut second;
    cut_space(device, &space, false, &second);
    status = add_launch(prepared, step, &space, &second, error);
    hb_cl_space_free(&space);
    second_stage_free(&stage);
    return status;
}

int64_t hb_cl_loop_splits(const hb_device *device, const hb_loop *loop) {
    hb_cl_space space;
    if (!hb_cl_space_make(&space, loop)) return 0;
    hb_cl_cut cut;
    cut_space(device, &space, true, &cut);
    const bool one = space.n_kept == 1; /* whose points are numbered alike in any order */
    hb_cl_space_free(&space);
    return one ? cut.splits : 0;
}

hebb_status hb_cl_loop_join(hb_device *device, hb_prepared *prepared, const hb_step *step,
                            int64_t splits, hb_error *error) {
    hb_cl_space space;
    if (!hb_cl_space_make(&space, &step->u.loop))
        return hb_fail_memory(error, "an index space", sizeof space);
    const hb_cl_cut cut = {
        .splits = splits, .scratch = step->scratch_offset, .scratch_buffer = step->scratch_buffer};
    hebb_status status = add_second_stage(device, prepared, step, &space, &cut, error);
    hb_cl_space_free(&space);
    return status;
}

/* ---- small dimensions ---- */

#define SMALL 4 /* sizes along which a loop over lanes is unrolled, */
#define LONG  8 /* if another one is at least so large */

/* On CPUs: which dimensions are better unrolled. Reduced ones, if they are few points; else those
   that leave few lanes. */
static bool find_small(const hb_device *device, const hb_cl_space *space, bool *small) {
    const hb_loop *loop = &space->loop;
    bool any_long = false;
    if (!device->lanes || space->kept == 0 || space->reduced == 0) return false;
    for (int k = 0; k < loop->rank; k++) {
        small[k] = hb_reduces(loop) ? k >= space->n_kept : loop->dim[k] <= SMALL;
        any_long = any_long || (!small[k] && loop->dim[k] >= LONG);
    }
    return any_long && (small[space->lane] || hb_reduces(loop)) && hb_can_unroll(loop, small);
}

/* Replaces a space by one without its small dimensions; *unrolled is what that is of. False where
   it has none, or for want of memory: it is as it was. */
static bool unroll(const hb_device *device, hb_cl_space *space, hb_loop *unrolled) {
    bool small[HEBB_MAX_RANK];
    hb_error ignored;
    hb_loop without;
    hb_cl_space next;
    if (!find_small(device, space, small) || hb_unroll(&space->loop, small, &without, &ignored))
        return false;
    if (!hb_cl_space_make(&next, &without)) {
        hb_unrolled_free(&without);
        return false;
    }
    hb_cl_space_free(space);
    hb_unrolled_free(unrolled);
    *space = next;
    *unrolled = without;
    return true;
}

hebb_status hb_cl_loop_prepare(hb_device *device, hb_prepared *prepared, const hb_step *step,
                               const hb_loop *loop, int64_t scratch, const char **solver,
                               hb_error *error) {
    static const char *const titles[] = {"lanes",  "tiles", "rows",  "columns",
                                         "points", "items", "groups"};
    hb_cl_space space;
    if (!hb_cl_space_make(&space, loop)) return hb_fail_memory(error, "a space", sizeof space);
    hb_loop unrolled = {0};
    if (unroll(device, &space, &unrolled)) unroll(device, &space, &unrolled);
    hb_cl_cut cut;
    if (prepared->single) cut_alone(device, &space, &cut);
    else cut_space(device, &space, true, &cut);
    cut.scratch = scratch;
    cut.scratch_buffer = step->scratch_buffer;
    *solver = titles[cut.form];
    hebb_status status = HEBB_OK;
    if (space.kept > 0) status = add_launch(prepared, step, &space, &cut, error);
    if (status == HEBB_OK && cut.splits > 1)
        status = add_second_stage(device, prepared, step, &space, &cut, error);
    hb_cl_space_free(&space);
    hb_unrolled_free(&unrolled);
    return status;
}
