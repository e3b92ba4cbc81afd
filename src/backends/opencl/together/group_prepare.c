/* How rows of a group of LOOPs are shared among work-items, and its launch; called by prepare.c. */
#include "group.h"

enum {
    MOST_ELEMENTS = 32,      /* of a row, for an item */
    MOST_REGISTERS = 64,     /* in which an item keeps values from phase to phase */
    WANTED_LANES = 256,      /* items for a long row */
    LEAST_LANES = 32,        /* items for a short one, if it has as many points */
    LEAST_GROUP = 256,       /* of several short rows; also what teams (team.h) want */
    FEW_ITEMS = 16384,       /* would leave a large GPU idle ... */
    FEW_POINTS = 256 * 1024, /* ... unless launches take longer than what they do */
    /* On CPUs: */
    LEAST_COLUMNS = 64,     /* shorter rows are done side by side */
    MOST_BYTES = 64 * 1024, /* of a row's values that are kept, and sums over the rows */
    LANES_GRAIN = 16384,    /* points that are worth an item */
};

/* Words that values take while no phase works on them. */
static int kept_words(const hb_cl_group *group, bool reloads) {
    int words = 0;
    for (int i = 0; i < group->loop.n_instr; i++)
        if (hb_cl_is_kept(group, i) && !(reloads && hb_cl_is_reloaded(group, i)))
            words += hebb_dtype_size((hebb_dtype)group->loop.instr[i].dtype) > 4 ? 2 : 1;
    return words;
}

static size_t local_bytes(const hb_cl_group *group, size_t items) {
    size_t bytes = 0;
    for (int phase = 1; phase < group->n_phases; phase++)
        bytes += 8 * items *
                 (size_t)(hb_cl_first(group, phase, HB_CL_ROW) - hb_cl_first(group, phase, 0));
    return bytes;
}

/* False if registers or work-items do not suffice, or the rows would leave the device idle. */
static bool cut_for_gpus(const hb_device *device, const hb_cl_group *group,
                         const hb_cl_space *space, hb_cl_group_cut *cut) {
    const int64_t rows = space->kept, columns = space->reduced;
    const int64_t words = kept_words(group, false);
    int64_t lanes = 1;
    while (lanes < LEAST_LANES && lanes < columns) lanes *= 2;
    while (lanes < WANTED_LANES && 4 * lanes < columns) lanes *= 2;
    for (;; lanes *= 2) {
        const int64_t elements = hb_ceil_div(columns, lanes);
        if (elements <= MOST_ELEMENTS && elements * words <= MOST_REGISTERS) break;
        if (lanes > (int64_t)device->max_group) return false;
    }
    size_t items = (size_t)lanes;
    while (items < LEAST_GROUP) items *= 2;
    if (items > device->max_group) items = (size_t)lanes;
    *cut = (hb_cl_group_cut){
        .group = items, .lanes = (int)lanes, .elements = (int)hb_ceil_div(columns, lanes)};
    return items <= device->max_group && local_bytes(group, items) <= device->local_bytes &&
           (rows * lanes >= FEW_ITEMS || rows * columns <= FEW_POINTS);
}

/* A sum over the rows takes three arrays, another reduction one. */
static int across_words(const hb_cl_group *group, const hb_loop *last) {
    int words = 0;
    for (int k = 0; k < group->n_across; k++) {
        const hb_instr *instr = &last->instr[group->across[k]];
        const int size = (int)hebb_dtype_size((hebb_dtype)instr->dtype) / 4;
        words += (instr->code == HB_SUM ? 3 : 1) * (size > 1 ? size : 1);
    }
    return words;
}

/* On CPUs: rows in one piece, many enough for all cores. */
static bool cut_for_cpus(const hb_device *device, const hb_cl_group *group,
                         const hb_cl_space *space, const hb_step *steps, hb_cl_group_cut *cut) {
    const int64_t rows = space->kept, columns = space->reduced;
    if (space->n_reduced != 1 || columns < LEAST_COLUMNS) return false;
    int64_t elements = LEAST_COLUMNS;
    while (elements < columns) elements *= 2;
    const hb_step *last = group->n_across > 0 ? &steps[group->n_steps - 1] : NULL;
    int words = kept_words(group, true);
    if (last != NULL) words += across_words(group, &last->u.loop);
    if (4 * elements * words > MOST_BYTES) return false;
    const int64_t units = device->info.units;
    if (rows < 4 * units && rows * columns > LANES_GRAIN) return false;
    const int64_t most = rows * columns / LANES_GRAIN;
    const int64_t many = hb_cl_items(device, rows * columns), wanted = most < many ? most : many;
    int64_t items = wanted < 1 ? 1 : wanted;
    if (last != NULL) {
        const int64_t room = hb_cl_loop_splits(device, &last->u.loop);
        if (room <= 1) return false;
        if (items > room) items = room;
    }
    *cut = (hb_cl_group_cut){
        .elements = (int)elements, .rows = hb_ceil_div(rows, items), .last = last};
    return true;
}

static hebb_status add_launch(hb_device *device, hb_prepared *prepared, const hb_step *step,
                              const hb_cl_group *group, const hb_cl_space *space,
                              const hb_cl_group_cut *cut, hb_error *error) {
    hb_cl_launch *launch = hb_cl_launch_add(prepared, step);
    if (launch == NULL) return hb_fail_memory(error, "a launch", sizeof *launch);
    if (cut->rows > 0) {
        const int64_t items = hb_ceil_div(space->kept, cut->rows);
        hb_cl_write_group_lanes(&launch->source, group, space, cut);
        hb_cl_range_items(launch, items, 1, 1);
        if (cut->last != NULL) return hb_cl_loop_join(device, prepared, cut->last, items, error);
    } else {
        hb_cl_write_group(&launch->source, group, space, cut);
        hb_cl_range(launch, space->kept * cut->lanes, cut->group);
    }
    return HEBB_OK;
}

hebb_status hb_cl_group_prepare(hb_device *device, hb_prepared *prepared, const hb_step *steps,
                                size_t n_steps, size_t *n_done, hb_error *error) {
    *n_done = 0;
    if (prepared->sliding) return HEBB_OK;
    hb_cl_group group;
    hb_cl_space space;
    hb_cl_group_cut cut;
    hebb_status status = HEBB_OK;
    for (;;) {
        hb_cl_group_find(steps, n_steps, device->lanes, &group);
        if (group.n_steps == 0) return HEBB_OK;
        if (!hb_cl_space_make(&space, &group.loop)) {
            hb_cl_group_free(&group);
            return hb_fail_memory(error, "an index space", sizeof space);
        }
        const bool suits = space.lane >= space.n_kept &&
                           (device->lanes ? cut_for_cpus(device, &group, &space, steps, &cut)
                                          : cut_for_gpus(device, &group, &space, &cut));
        if (suits) {
            *n_done = (size_t)group.n_steps;
            status = add_launch(device, prepared, steps, &group, &space, &cut, error);
        }
        n_steps = (size_t)group.n_steps - 1;
        hb_cl_space_free(&space);
        hb_cl_group_free(&group);
        if (suits) return status;
    }
}
