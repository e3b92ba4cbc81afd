/* Runs a program on one tile after another, on one thread. Called by loop.c and reduce.c; writes
   only to its scratch memory and to outputs. What to run was decided in program.c. */
#include <string.h>

#include "../code/code.h"
#include "program.h"

/* ---- tiles of a space ---- */

void hb_cpu_tile_locate(const hb_cpu_space *space, hb_cpu_tile *tile) {
    int64_t row = tile->row;
    for (int k = space->rank - 2; k > 0; k--) {
        tile->index[k] = row % space->dim[k];
        row /= space->dim[k];
    }
    tile->index[0] = row;
}

/* Parts that a row is cut into; 0 if whole rows make a tile. Cutting evenly avoids a short rest. */
static int64_t row_parts(const hb_cpu_program *p, int64_t *part) {
    const int64_t columns = p->space.columns;
    if ((columns < HB_CPU_WIDE || p->loose) && columns <= p->tile) return 0;
    const int64_t parts = (columns + p->tile - 1) / p->tile;
    *part = ((columns + parts - 1) / parts + 63) / 64 * 64;
    if (*part > p->tile) *part = p->tile;
    return parts;
}

static int64_t rows_of_tile(const hb_cpu_program *p) {
    return p->space.columns > 0 ? p->tile / p->space.columns : 1;
}

int64_t hb_cpu_tile_count(const hb_cpu_program *program, int64_t rows) {
    int64_t part;
    const int64_t parts = row_parts(program, &part);
    if (program->space.columns == 0) return 0;
    if (parts > 0) return rows * parts;
    const int64_t together = rows_of_tile(program);
    return (rows + together - 1) / together;
}

void hb_cpu_tile_at(const hb_cpu_program *program, int64_t row, int64_t rows, int64_t number,
                    hb_cpu_tile *tile) {
    int64_t part;
    const int64_t parts = row_parts(program, &part);
    if (parts > 0) {
        tile->row = row + number / parts;
        tile->rows = 1;
        tile->column = number % parts * part;
        tile->columns = program->space.columns - tile->column;
        if (tile->columns > part) tile->columns = part;
    } else {
        const int64_t together = rows_of_tile(program);
        tile->row = row + number * together;
        tile->rows = row + rows - tile->row;
        if (tile->rows > together) tile->rows = together;
        tile->column = 0;
        tile->columns = program->space.columns;
    }
    hb_cpu_tile_locate(&program->space, tile);
}

/* ---- memory ---- */

static int64_t address(const hb_cpu_space *space, const hb_cpu_view *view,
                       const hb_cpu_tile *tile) {
    if ((tile->row | tile->column) == 0) return view->offset;
    int64_t at = view->offset + tile->column * view->stride[space->rank - 1];
    for (int k = 0; k < space->rank - 1; k++) at += tile->index[k] * view->stride[k];
    return at;
}

static bool in_place(const hb_cpu_space *space, const hb_cpu_view *view, const hb_cpu_tile *tile) {
    if (tile->rows == 1) return view->unit || tile->columns == 1;
    return view->flat && tile->columns == space->columns;
}

/* A run of rows that are equally far apart, and where the next run begins. */
typedef struct walk {
    const hb_cpu_space *space;
    const hb_cpu_view *view;
    int64_t index[HEBB_MAX_RANK];
    int64_t at, left;
} walk;

static walk walk_start(const hb_cpu_space *space, const hb_cpu_view *view,
                       const hb_cpu_tile *tile) {
    walk w = {.space = space, .view = view, .at = address(space, view, tile), .left = tile->rows};
    memcpy(w.index, tile->index, sizeof w.index);
    return w;
}

/* Rows of the run that begins at w->at; steps to the next one. 0 at the end. */
static int64_t walk_next(walk *w, int64_t *at) {
    const hb_cpu_space *space = w->space;
    const int64_t *stride = w->view->stride;
    int k = space->rank - 2;
    *at = w->at;
    if (k < 1 || w->view->even) {
        const int64_t all = w->left;
        w->left = 0;
        return all;
    }
    int64_t rows = space->dim[k] - w->index[k];
    if (rows > w->left) rows = w->left;
    w->left -= rows;
    w->index[k] += rows;
    w->at += rows * stride[k];
    while (k > 0 && w->index[k] == space->dim[k]) {
        w->at += stride[k - 1] - space->dim[k] * stride[k];
        w->index[k] = 0;
        w->index[--k]++;
    }
    return rows;
}

static int64_t row_stride(const hb_cpu_space *space, const hb_cpu_view *view) {
    return space->rank > 1 ? view->stride[space->rank - 2] : 0;
}

/* The same in a tile, whose rows may follow each other in a single one. */
static int64_t tile_row_stride(const hb_cpu_space *space, const hb_cpu_view *view,
                               const hb_cpu_tile *tile) {
    return space->rank == 1 && tile->rows > 1 ? tile->columns * view->stride[0]
                                              : row_stride(space, view);
}

/* Repeats the first of `rows` rows, by copies that double in size. */
static void repeat_row(char *to, int64_t row_bytes, int64_t rows) {
    for (int64_t done = 1; done < rows;) {
        const int64_t n = done < rows - done ? done : rows - done;
        memcpy(to + done * row_bytes, to, (size_t)(n * row_bytes));
        done += n;
    }
}

static void load(const hb_cpu_worker *w, const hb_cpu_view *view, const hb_cpu_tile *tile,
                 char *to) {
    const hb_cpu_space *space = &w->program->space;
    const char *base = hb_cpu_base(w->args, view->buffer);
    hb_cpu_box box = {.columns = tile->columns,
                      .to_row = tile->columns * view->size,
                      .to_column = view->size,
                      .from_row = row_stride(space, view),
                      .from_column = view->stride[space->rank - 1]};
    walk rows = walk_start(space, view, tile);
    for (int64_t at; (box.rows = walk_next(&rows, &at)) > 0; to += box.rows * box.to_row) {
        const int64_t run = box.rows;
        if (box.from_row == 0) box.rows = 1;
        if (box.from_row == 0 && box.from_column == 0) box.columns = run * tile->columns;
        w->vector->move[view->size](to, base + at, &box);
        if (box.from_row == 0 && box.from_column != 0) repeat_row(to, box.to_row, run);
        box.rows = run;
        box.columns = tile->columns;
    }
}

static void store(const hb_cpu_worker *w, const hb_cpu_view *view, const hb_cpu_tile *tile,
                  const char *from) {
    const hb_cpu_space *space = &w->program->space;
    char *base = hb_cpu_base(w->args, view->buffer);
    hb_cpu_box box = {.columns = tile->columns,
                      .to_row = row_stride(space, view),
                      .to_column = view->stride[space->rank - 1],
                      .from_row = tile->columns * view->size,
                      .from_column = view->size};
    walk rows = walk_start(space, view, tile);
    for (int64_t at; (box.rows = walk_next(&rows, &at)) > 0; from += box.rows * box.from_row)
        w->vector->move[view->size](base + at, from, &box);
}

static char *slot_of(const hb_cpu_worker *w, int value) {
    return w->scratch + w->program->home[value];
}

/* ---- values whose elements take turns in memory ---- */

/* As one row, if rows follow each other: `row` bytes are between rows, `column` between columns. */
static void join_rows(int64_t row, int64_t column, int64_t *rows, int64_t *columns) {
    if (row != column * *columns) return;
    *columns *= *rows;
    *rows = 1;
}

static void load_turns(hb_cpu_worker *w, const hb_cpu_action *action, const hb_cpu_tile *tile) {
    const hb_cpu_space *space = &w->program->space;
    const hb_cpu_view *view = &action->view;
    const char *base = hb_cpu_base(w->args, view->buffer);
    const int64_t row = row_stride(space, view);
    char *to[HB_CPU_MOST_TURNS];
    for (int k = 0; k < action->turns; k++)
        to[k] = w->value[action->turn[k]] = slot_of(w, action->turn[k]);
    walk walked = walk_start(space, view, tile);
    for (int64_t at, rows; (rows = walk_next(&walked, &at)) > 0;) {
        const int64_t bytes = rows * tile->columns * view->size;
        int64_t columns = tile->columns;
        join_rows(row, action->turns * view->size, &rows, &columns);
        w->vector->zips->unzip[view->size]((void *const *)to, base + at, row, rows, columns);
        for (int k = 0; k < action->turns; k++) to[k] += bytes;
    }
}

static void store_turns(const hb_cpu_worker *w, const hb_cpu_store *store,
                        const hb_cpu_tile *tile) {
    const hb_cpu_space *space = &w->program->space;
    const hb_cpu_view *view = &store->view;
    char *base = hb_cpu_base(w->args, view->buffer);
    const int64_t row = row_stride(space, view);
    const char *from[HB_CPU_MOST_TURNS];
    for (int k = 0; k < store->turns; k++) from[k] = w->value[store->turn[k]];
    walk walked = walk_start(space, view, tile);
    for (int64_t at, rows; (rows = walk_next(&walked, &at)) > 0;) {
        const int64_t bytes = rows * tile->columns * view->size;
        int64_t columns = tile->columns;
        join_rows(row, store->turns * view->size, &rows, &columns);
        w->vector->zips->zip[view->size](base + at, (const void *const *)from, row, rows, columns);
        for (int k = 0; k < store->turns; k++) from[k] += bytes;
    }
}

static void number(const hb_cpu_worker *w, const hb_cpu_view *view, const hb_cpu_tile *tile,
                   int64_t *to) {
    const hb_cpu_space *space = &w->program->space;
    walk rows = walk_start(space, view, tile);
    int64_t at, run;
    while ((run = walk_next(&rows, &at)) > 0)
        for (int64_t r = 0; r < run; r++, to += tile->columns)
            w->vector->count(to, at + r * row_stride(space, view), view->stride[space->rank - 1],
                             tile->columns);
}

/* ---- actions ---- */

static void act_load(hb_cpu_worker *w, const hb_cpu_action *action, const hb_cpu_tile *tile) {
    const hb_cpu_space *space = &w->program->space;
    const hb_cpu_view *view = &action->view;
    if (action->turns > 1) {
        load_turns(w, action, tile);
        return;
    }
    if (!action->copy && in_place(space, view, tile)) {
        w->value[action->value] = hb_cpu_base(w->args, view->buffer) + address(space, view, tile);
        return;
    }
    w->value[action->value] = slot_of(w, action->value);
    load(w, view, tile, w->value[action->value]);
}

static void act_random(hb_cpu_worker *w, const hb_cpu_action *action, int64_t n) {
    const hb_cpu_random key = {.op = action->op,
                               .step = (uint32_t)w->args->step,
                               .seed_low = (uint32_t)w->args->seed,
                               .seed_high = (uint32_t)(w->args->seed >> 32)};
    action->map(w->value[action->value], w->value[action->a], &key, NULL, n);
}

static void act_product(hb_cpu_worker *w, const hb_cpu_action *action, const hb_cpu_tile *tile) {
    const hb_cpu_box box = {.rows = tile->rows,
                            .columns = tile->columns,
                            .to_row = tile->columns * action->size,
                            .to_column = action->size,
                            .from_row = w->product_row,
                            .from_column = action->size};
    if (box.rows == 1 || box.from_row == box.to_row) {
        w->value[action->value] = (char *)(uintptr_t)w->product;
        return;
    }
    w->value[action->value] = slot_of(w, action->value);
    w->vector->move[action->size](w->value[action->value], w->product, &box);
}

static void act_user(char *const *value, const hb_cpu_action *action, int64_t n) {
    const char *x[4] = {value[action->a], value[action->b], value[action->c], value[action->d]};
    if (action->size == sizeof(float))
        action->user->f32((float *)(void *)value[action->value],
                          (const float *const *)(const void *)x, n);
    else
        action->user->f64((double *)(void *)value[action->value],
                          (const double *const *)(const void *)x, n);
}

static inline void act_map(char *const *value, const hb_cpu_action *action, int64_t n) {
    if (action->map)
        action->map(value[action->value], value[action->a], value[action->b], value[action->c], n);
    else act_user(value, action, n);
}

/* ---- chains ---- */

/* Makes a link ready for the tile; `row` is its first row in the tile of the program. */
static void aim_link(const hb_cpu_worker *w, const hb_cpu_planned *plan, const hb_cpu_tile *tile,
                     int64_t row, hb_cpu_link *link) {
    const hb_cpu_program *p = w->program;
    const int64_t size = plan->code == HB_CHAIN_LOAD_TRUTHS || plan->code == HB_CHAIN_STORE_TRUTHS
                             ? 1
                             : (int64_t)sizeof(float);
    *link = (hb_cpu_link){.code = plan->code, .map = plan->map};
    switch (plan->place) {
    case HB_CPU_NOWHERE: break;
    case HB_CPU_AT_VIEW:
        link->at = hb_cpu_base(w->args, plan->view.buffer) + address(&p->space, &plan->view, tile);
        link->row = tile_row_stride(&p->space, &plan->view, tile);
        link->mask = -(int64_t)plan->view.unit;
        link->at += plan->ahead;
        break;
    case HB_CPU_AT_TILE:
        link->mask = -1;
        link->row = tile->columns * size;
        link->at = w->value[plan->number] + row * link->row;
        break;
    case HB_CPU_AT_ONE: link->at = w->value[plan->number]; break;
    case HB_CPU_AT_FIXED: link->at = (char *)(uintptr_t)plan->fixed; break;
    case HB_CPU_AT_STRIP:
        link->at = w->scratch + p->strips_at + (size_t)plan->number * p->strip_bytes;
        break;
    case HB_CPU_AT_FOLD:
        link->row = p->fold_rows > 1 ? hb_cpu_fold_lanes(p) * size : 0;
        link->at = (char *)hb_cpu_fold_vector(w, plan->number) + row * link->row;
        break;
    case HB_CPU_AT_PRODUCT:
        link->mask = -1;
        link->at = (char *)(uintptr_t)w->product + row * w->product_row;
        link->row = w->product_row;
        break;
    case HB_CPU_AT_SUMS:
        link->mask = -1;
        link->at = w->sums + plan->number * w->sums_stride + (tile->column - w->sums_column) * size;
        break;
    }
    if (plan->code == HB_CHAIN_STREAM &&
        (((uintptr_t)link->at | (uintptr_t)link->row) & (HB_CPU_MOST_VECTOR - 1)) != 0)
        link->code = HB_CHAIN_STORE;
}

/* Rows that all views walk through evenly, from the tile's first on. */
static int64_t even_rows(const hb_cpu_program *p, const hb_cpu_tile *tile) {
    const int k = p->space.rank - 2;
    if (k < 1 || p->even) return tile->rows;
    const int64_t rows = p->space.dim[k] - tile->index[k];
    return rows < tile->rows ? rows : tile->rows;
}

static void skip_rows(const hb_cpu_space *space, hb_cpu_tile *tile, int64_t rows) {
    tile->row += rows;
    tile->rows -= rows;
    int k = space->rank - 2;
    if (k < 0) return;
    tile->index[k] += rows;
    for (; k > 0 && tile->index[k] >= space->dim[k]; k--) {
        tile->index[k - 1] += tile->index[k] / space->dim[k];
        tile->index[k] %= space->dim[k];
    }
}

/* Whether the rows follow each other for all links, so that they may be run as one. */
static bool is_one_row(const hb_cpu_link *link, const hb_cpu_planned *plan, int64_t columns) {
    for (; plan->code != HB_CHAIN_END; plan++, link++) {
        const bool stays = plan->place == HB_CPU_AT_STRIP || plan->place == HB_CPU_AT_ONE ||
                           plan->place == HB_CPU_AT_FIXED || plan->place == HB_CPU_NOWHERE ||
                           (plan->place == HB_CPU_AT_FOLD && link->row == 0) ||
                           (plan->place == HB_CPU_AT_VIEW && link->mask == 0 && link->row == 0);
        const int64_t size = plan->place == HB_CPU_AT_VIEW ? plan->view.size : 0;
        if (stays ||
            (plan->place == HB_CPU_AT_VIEW && plan->view.unit && link->row == columns * size))
            continue;
        if (plan->place == HB_CPU_AT_TILE) continue;
        if (plan->place == HB_CPU_AT_PRODUCT && link->row == columns * (int64_t)sizeof(float))
            continue;
        return false;
    }
    return true;
}

bool hb_cpu_program_is_chain(const hb_cpu_program *p) {
    for (int i = 0; i < p->n_stores; i++)
        if (!p->store[i].linked) return false;
    return p->loose && p->n_actions == p->n_first + 1;
}

int hb_cpu_worker_aim(const hb_cpu_worker *w, const hb_cpu_tile *tile, hb_cpu_link *links) {
    const hb_cpu_planned *plan = hb_cpu_chain_of(w->program);
    int n = 0;
    for (; plan[n].code != HB_CHAIN_END; n++) aim_link(w, &plan[n], tile, 0, &links[n]);
    return n;
}

static void act_chain(const hb_cpu_worker *w, const hb_cpu_action *action, hb_cpu_tile tile) {
    const hb_cpu_program *p = w->program;
    const hb_cpu_planned *plan = &p->link[action->a];
    hb_cpu_link *links = (hb_cpu_link *)(void *)(w->scratch + p->links_at);
    for (int64_t row = 0, rows; tile.rows > 0; row += rows) {
        rows = even_rows(p, &tile);
        int n = 0;
        do aim_link(w, &plan[n], &tile, row, &links[n]);
        while (plan[n++].code != HB_CHAIN_END);
        hb_cpu_code *code = p->streams && !hb_cpu_code_fits(plan, links) ? NULL : action->code;
        if (rows > 1 && is_one_row(links, plan, tile.columns))
            w->vector->chain(links, 1, rows * tile.columns, code);
        else w->vector->chain(links, rows, tile.columns, code);
        skip_rows(&p->space, &tile, rows);
    }
}

static inline void act(hb_cpu_worker *w, const hb_cpu_action *action, const hb_cpu_tile *tile,
                       int64_t n) {
    char **value = w->value;
    switch (action->kind) {
    case HB_CPU_MAP: act_map(value, action, n); break;
    case HB_CPU_LOAD: act_load(w, action, tile); break;
    case HB_CPU_INDEX:
        number(w, &action->view, tile, (int64_t *)(void *)value[action->value]);
        break;
    case HB_CPU_RANDOM: act_random(w, action, n); break;
    case HB_CPU_PRODUCT: act_product(w, action, tile); break;
    case HB_CPU_REDUCED:
        action->map(value[action->value], w->wide + action->a * w->wide_row, NULL, NULL, n);
        break;
    case HB_CPU_CHAIN: act_chain(w, action, *tile); break;
    }
}

/* Scalars: one element is made, and repeated if tiles read it. */
static void act_single(hb_cpu_worker *w, const hb_cpu_action *action, int64_t n) {
    char *to = slot_of(w, action->value);
    const hb_cpu_box box = {
        .rows = 1, .columns = action->spread ? n : 1, .to_column = action->size};
    w->value[action->value] = to;
    if (action->kind == HB_CPU_LOAD)
        w->vector->move[action->size](
            to, hb_cpu_base(w->args, action->view.buffer) + action->view.offset, &box);
    else {
        act_map(w->value, action, 1);
        if (box.columns > 1) w->vector->move[action->size](to, to, &box);
    }
}

void hb_cpu_worker_start(hb_cpu_worker *worker, const hb_cpu_program *program,
                         const hb_device *device, const hb_run_args *args, char *scratch,
                         const hb_cpu_tile *largest) {
    worker->program = program;
    worker->vector = device->isa->vector;
    worker->args = args;
    worker->scratch = scratch;
    worker->value = (char **)(void *)scratch;
    for (int v = 0; v < program->n_values; v++)
        worker->value[v] =
            (char *)(program->home[v] + ((uintptr_t)scratch & program->in_scratch[v]));
    for (int i = 0; i < program->n_first; i++) {
        const hb_cpu_action *action = &program->action[i];
        if (action->single) act_single(worker, action, largest->rows * largest->columns);
        else act(worker, action, largest, largest->rows * largest->columns);
    }
}

/* Values that are written where they belong get that address before the actions run. */
static void aim(hb_cpu_worker *w, const hb_cpu_tile *tile) {
    const hb_cpu_program *p = w->program;
    for (int i = 0; i < p->n_stores; i++) {
        const hb_cpu_store *to = &p->store[i];
        if (!to->direct || to->linked) continue;
        w->value[to->value] =
            in_place(&p->space, &to->view, tile)
                ? hb_cpu_base(w->args, to->view.buffer) + address(&p->space, &to->view, tile)
                : slot_of(w, to->value);
    }
}

static void finish_store(hb_cpu_worker *w, const hb_cpu_store *to, const hb_cpu_tile *tile) {
    const hb_cpu_space *space = &w->program->space;
    const char *from = w->value[to->value];
    if (to->linked || to->turns == 0) return;
    if (to->turns > 1) {
        store_turns(w, to, tile);
        return;
    }
    if (to->stream && in_place(space, &to->view, tile)) {
        w->vector->stream(hb_cpu_base(w->args, to->view.buffer) + address(space, &to->view, tile),
                          from, (size_t)(tile->rows * tile->columns * to->view.size));
        return;
    }
    if (to->direct && in_place(space, &to->view, tile)) return;
    store(w, &to->view, tile, from);
}

void hb_cpu_worker_prefetch(const hb_cpu_worker *worker, const hb_cpu_tile *tile) {
    enum { LINE = 64 };
    const hb_cpu_program *p = worker->program;
    const hb_cpu_space *space = &p->space;
    for (int i = p->n_first; i < p->n_actions; i++) {
        const hb_cpu_view *view = &p->action[i].view;
        if (p->action[i].kind != HB_CPU_LOAD || !in_place(space, view, tile)) continue;
        const char *at = hb_cpu_base(worker->args, view->buffer) + address(space, view, tile);
        const int64_t bytes = tile->rows * tile->columns * view->size;
        for (int64_t b = 0; b < bytes; b += LINE) __builtin_prefetch(at + b, 0, 2);
    }
}

void hb_cpu_worker_tile(hb_cpu_worker *worker, const hb_cpu_tile *tile) {
    const hb_cpu_program *p = worker->program;
    const int64_t n = tile->rows * tile->columns;
    aim(worker, tile);
    for (int i = p->n_first; i < p->n_actions; i++) act(worker, &p->action[i], tile, n);
    for (int i = 0; i < p->n_stores; i++) finish_store(worker, &p->store[i], tile);
}
