/* A scalar program made ready to run tile by tile: what loop.c and reduce.c share. order.c
   and program.c write it, tile.c runs it.

   The space is a list of dimensions, the last one "columns", all others together "rows", flattened.
   A tile is a box of whole consecutive rows, or a part of one row, so that its points are
   consecutive; in a GEMM's epilogue, where the GEMM says what a tile is, any box. Values live in
   tiles of scratch memory on the stack of the thread that runs: small enough for the first-level
   cache, warm from step to step, and no two sessions share it. */
#ifndef HB_CPU_PROGRAM_H
#define HB_CPU_PROGRAM_H

#include "chain_kernel.h"
#include "../cpu.h"

enum {
    HB_CPU_SCRATCH = 64 << 10, /* bytes on the stack; tiles shrink until they fit */
    HB_CPU_WIDE = 256,         /* from so many columns on, tiles do not span rows */
    HB_CPU_TILE = 4096,        /* points, at most */
    HB_CPU_MOST_REDUCTIONS = 24,
};

typedef struct hb_cpu_space {
    int rank; /* 1 at least */
    int64_t dim[HEBB_MAX_RANK];
    int64_t rows, columns;
} hb_cpu_space;

/* An operand as the space sees it; offset and strides in bytes (for an index operand, in ones). */
typedef struct hb_cpu_view {
    int buffer, size;
    int64_t offset;
    int64_t stride[HEBB_MAX_RANK];
    bool unit;   /* consecutive along columns */
    bool even;   /* all rows are equally far apart, stride[rank - 2] */
    bool flat;   /* consecutive over the whole space */
    bool scalar; /* the same element everywhere */
} hb_cpu_view;

/* What makes a value. */
typedef enum hb_cpu_action_kind {
    HB_CPU_MAP,     /* map(values a, b, c), or user(values a, b, c, d) */
    HB_CPU_LOAD,    /* elements of the view: in place if consecutive, else moved to a tile */
    HB_CPU_INDEX,   /* addresses in the view */
    HB_CPU_RANDOM,  /* map(value a, a random key) */
    HB_CPU_PRODUCT, /* the matrix product's elements */
    HB_CPU_REDUCED, /* the results of reduction a, narrowed by map */
    HB_CPU_CHAIN,   /* links [a, b): several values in one pass (chain.c) */
} hb_cpu_action_kind;

typedef struct hb_cpu_action {
    hb_cpu_action_kind kind;
    int value, a, b, c, d;
    bool copy; /* a LOAD that must not stay in place: its memory is overwritten before its last use
                */
    bool single; /* made before the first tile: one element ... */
    bool spread; /* ... repeated over the tile, where a varying action reads it */
    int size;    /* bytes of an element */
    uint32_t op; /* of RANDOM */
    hb_cpu_map *map;
    hb_cpu_code *code;            /* of a CHAIN; NULL: its links are interpreted */
    const hebb_elementwise *user; /* in place of map */
    int turns;                    /* of a LOAD: more than 1: of the values turn[0 ... turns - 1], */
    int turn[HB_CPU_MOST_TURNS];  /* whose elements take turns in memory; turn[0] is `value` */
    hb_cpu_view view;
} hb_cpu_action;

typedef struct hb_cpu_store {
    int value;
    bool direct; /* the value's action may write to the output itself where that is consecutive */
    bool stream; /* past the caches */
    bool linked; /* a link of a chain does it */
    int turns;   /* as of a LOAD; 0: it is done by another store */
    int turn[HB_CPU_MOST_TURNS];
    hb_cpu_view view;
} hb_cpu_store;

/* Where the memory of a chain's link is. */
typedef enum hb_cpu_place {
    HB_CPU_NOWHERE,
    HB_CPU_AT_VIEW,
    HB_CPU_AT_TILE,    /* of a value */
    HB_CPU_AT_ONE,     /* a value's single element, or a constant */
    HB_CPU_AT_FIXED,   /* an element of the chain's own */
    HB_CPU_AT_STRIP,   /* number `number` of the program's strips */
    HB_CPU_AT_FOLD,    /* the tile's first row's vector of reduction number `number`, by rows */
    HB_CPU_AT_PRODUCT, /* of the matrix product */
    HB_CPU_AT_SUMS,    /* of reduction number `number`, by columns */
} hb_cpu_place;

/* A link as prepared. */
typedef struct hb_cpu_planned {
    uint8_t code;
    hb_cpu_place place;
    int number; /* of the value, strip or reduction */
    hb_cpu_map *map;
    const float *fixed;
    int64_t ahead; /* bytes, of ASK */
    hb_cpu_view view;
} hb_cpu_planned;

/* How a program's reduced values are gathered by links of its chains, if all of them are. */
typedef enum hb_cpu_fold_kind {
    HB_CPU_FOLD_NONE,
    HB_CPU_FOLD_ROWS,    /* the points of a tile into vectors, which the caller clears and folds */
    HB_CPU_FOLD_COLUMNS, /* the rows of a tile into sums of the caller's */
} hb_cpu_fold_kind;

typedef struct hb_cpu_program {
    hb_cpu_space space;
    int64_t tile; /* points of a tile, at most */
    int n_values;
    uintptr_t *home;       /* by value: where its tile is: an address, ... */
    uintptr_t *in_scratch; /* ... or where this is all ones, not 0, bytes into the scratch memory */
    char *constants;       /* tiles full of constants */
    int n_first, n_actions, n_stores;
    hb_cpu_action
        *action; /* the first n_first run once before the tiles of a range, the others in each */
    hb_cpu_store *store;
    hb_cpu_planned *link; /* of all chains, each ended by END */
    int n_links, longest; /* the most links of one chain */
    int n_strips;
    size_t strip_bytes, strips_at, links_at; /* in the scratch memory */
    bool even;                               /* all links' views are */
    bool loose;                              /* no value needs a tile: boxes may be of any size */
    hb_cpu_fold_kind fold;
    bool gathers;                           /* all that its links do is to fold what they load */
    int fold_strip[HB_CPU_MOST_REDUCTIONS]; /* by reduction, of FOLD_ROWS: where its vectors are */
    int fold_rows; /* so many; with several, a row has one result, and a loose tile as many rows */
    bool far;      /* its memory is larger than the second-level cache, ... */
    bool beyond;   /* ... than what any cache holds of it from the last run */
    bool streams;  /* some store goes past the caches */
    hb_cpu_post *list; /* of results that links gather: all of it as a list, or NULL */
    int product_size;  /* bytes of an element of the matrix product */
    size_t scratch;    /* bytes */
    double ns;         /* estimated time for a point */
} hb_cpu_program;

/* A box of the space, and the index of its first row in the dimensions but the last. */
typedef struct hb_cpu_tile {
    int64_t row, rows, column, columns;
    int64_t index[HEBB_MAX_RANK];
} hb_cpu_tile;

/* ---- order.c ---- */

/* A copy of the loop without dimensions of size 1 and with adjacent dimensions merged where all
   operands allow it; it borrows the instructions. Freed with hb_cpu_simple_free(). */
hebb_status hb_cpu_simplify(const hb_loop *loop, hb_loop *simple, hb_error *error);
void hb_cpu_simple_free(hb_loop *simple);

/* The order in which a loop's memory is best walked: all dimensions, outermost first. Kept ones
   come before reduced ones, but for the last, which is a kept one where most operands are
   consecutive along it ("by columns"). */
typedef struct hb_cpu_order {
    int rank, kept; /* the first `kept` entries are kept dimensions */
    int dim[HEBB_MAX_RANK];
    bool by_columns; /* then the last entry is kept too */
} hb_cpu_order;
hb_cpu_order hb_cpu_order_of(const hb_loop *loop);

/* How many elements an operand has at the points of the loop: the product of the dimensions along
   which it moves. */
int64_t hb_cpu_elements(const hb_loop *loop, const hb_operand *o);

/* ---- unroll.c ---- */

/* Whether a simplified loop is better run with some small dimensions unrolled: all reduced ones,
   or, where there are none, those that would make rows short. Marks them. */
bool hb_cpu_can_unroll(const hb_loop *loop, bool *small);

/* ---- program.c ---- */

/* How often a block's loop (loop.h) is run, each time on other memory; and by input, how many bytes
   ahead the next run's memory is, where that should be asked for, or 0. Without blocks: {0}. */
typedef struct hb_cpu_repeat {
    int64_t times;
    const int64_t *ahead; /* may be NULL */
} hb_cpu_repeat;

/* Which part of a loop, over which of its dimensions (outermost first), for whom. */
typedef struct hb_cpu_part {
    const hb_loop *loop;
    int first, last; /* instructions [first, last) */
    int rank;
    int dim[HEBB_MAX_RANK];
    bool boxes;         /* tiles may be any boxes and no dimensions are merged: an epilogue */
    int64_t tile;       /* at most so many points in a tile */
    int64_t tile_bytes; /* and at most so many bytes of one value; 0: as many as fit */
    size_t scratch;     /* bytes that may be used */
    hb_cpu_repeat repeat;
    hb_cpu_fold_kind fold; /* wanted, where it can be */
    int64_t points;        /* of FOLD_ROWS: those of one result */
    bool results;          /* its points are results that links gather, by rows */
} hb_cpu_part;

/* On failure the program owns nothing. */
hebb_status hb_cpu_program_make(const hb_device *device, const hb_cpu_part *part,
                                hb_cpu_program *program, hb_error *error);
void hb_cpu_program_free(hb_cpu_program *program);

/* ---- tile.c ---- */

/* A program running on one thread. Set up once for any number of tiles. */
typedef struct hb_cpu_worker {
    const hb_cpu_program *program;
    const hb_cpu_vector *vector;
    const hb_run_args *args;
    char *scratch;
    char **value; /* by value: its elements in the current tile */
    /* For PRODUCT and REDUCED: set by the caller before a tile is run. */
    const char *product;
    int64_t product_row; /* bytes from row to row */
    const char *wide;
    int64_t wide_row; /* bytes from reduction to reduction */
    /* For FOLD_COLUMNS: f32 sums of the columns from sums_column on. */
    char *sums;
    int64_t sums_stride, sums_column; /* bytes from reduction to reduction */
} hb_cpu_worker;

/* Where FOLD_ROWS gathers reduction i, of a tile's first row; and lanes from row to row. */
static inline int64_t hb_cpu_fold_lanes(const hb_cpu_program *p) {
    return (int64_t)(p->strip_bytes / HB_CPU_STRIP_VECTORS / sizeof(float));
}
static inline float *hb_cpu_fold_vector(const hb_cpu_worker *w, int i) {
    const hb_cpu_program *p = w->program;
    return (float *)(void *)(w->scratch + p->strips_at + (size_t)p->fold_strip[i] * p->strip_bytes);
}

/* scratch: program->scratch bytes, 64-byte aligned. `largest` is at least as large in rows and
   columns as any tile to come, and as one of them where columns are concerned. */
void hb_cpu_worker_start(hb_cpu_worker *worker, const hb_cpu_program *program,
                         const hb_device *device, const hb_run_args *args, char *scratch,
                         const hb_cpu_tile *largest);
/* Makes all values of the tile and stores those that are to be stored. */
void hb_cpu_worker_tile(hb_cpu_worker *worker, const hb_cpu_tile *tile);
/* For stagger.c: whether a tile is run by one chain and nothing else, so that it may have any size;
   and the links of that chain made ready for a tile whose rows are equally far apart. Returns how
   many there are before END. In a space of one row, the tile's rows follow each other in it. */
bool hb_cpu_program_is_chain(const hb_cpu_program *program);
/* Of such a program: the chain, and its code or NULL. */
static inline const hb_cpu_planned *hb_cpu_chain_of(const hb_cpu_program *program) {
    return &program->link[program->action[program->n_first].a];
}
static inline hb_cpu_code *hb_cpu_code_of(const hb_cpu_program *program) {
    return program->action[program->n_first].code;
}
int hb_cpu_worker_aim(const hb_cpu_worker *worker, const hb_cpu_tile *tile, hb_cpu_link *links);
/* Asks for the memory of a tile that will be run soon. Pays where the space is far larger than the
   caches (program->far): between tiles, the hardware's own prefetching stops and has to start anew.
 */
void hb_cpu_worker_prefetch(const hb_cpu_worker *worker, const hb_cpu_tile *tile);
/* Sets tile->index from tile->row. */
void hb_cpu_tile_locate(const hb_cpu_space *space, hb_cpu_tile *tile);

/* Tiles numbered over rows [row, row + rows), all columns. */
int64_t hb_cpu_tile_count(const hb_cpu_program *program, int64_t rows);
void hb_cpu_tile_at(const hb_cpu_program *program, int64_t row, int64_t rows, int64_t number,
                    hb_cpu_tile *tile);

#endif
