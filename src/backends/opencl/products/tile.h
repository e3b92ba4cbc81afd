/* The text of a tiled product on a GPU, but for where its operands come from and where its result
   goes: gemm_tiled.c and conv_tiled.c say that. A group computes a tile of the result. Slices of
   HB_CL_DEPTH columns of a and rows of b pass through local memory; while one is multiplied, the
   next is on its way into registers. An item computes item_rows x item_columns elements, in blocks
   of four by four that lie a share of the tile apart, so that neighbors read neighboring memory. */
#ifndef HB_OPENCL_TILE_H
#define HB_OPENCL_TILE_H

#include "../opencl.h"

enum { HB_CL_DEPTH = 16 };

typedef struct hb_cl_tile {
    int rows, columns;           /* a group's; multiples of item_rows and item_columns ... */
    int item_rows, item_columns; /* ... which are multiples of 4 */
} hb_cl_tile;

int hb_cl_tile_items(hb_cl_tile tile);
/* Whether the device has the work-items and the local memory. */
bool hb_cl_tile_fits(const hb_device *device, hb_cl_tile tile, hebb_dtype dtype);
/* Into how many parts to cut a product of that depth (the sums of which a second kernel adds) where
   there are so few tiles that units would idle; 1: not at all. */
int64_t hb_cl_tile_parts(const hb_device *device, int64_t tiles, int64_t depth);

/* How a slice of an operand is spread over the items while it is fetched: neighbors hold
   neighboring depths, or else neighboring rows (columns) - whichever are neighbors in memory. */
typedef struct hb_cl_spread {
    int size; /* the tile's rows or columns */
    int items;
    bool along_depth;
    const char *zero; /* NULL, or when the elements are zeros, whatever was fetched: a condition */
} hb_cl_spread;

/* Declares l, the item's number; row and column, where its group's tile begins; registers ra, rb
   and acc. */
void hb_cl_tile_begin(hb_cl_kernel *kernel, hebb_dtype dtype, hb_cl_tile tile);
/* Opens a loop over the elements i that an item fetches of a slice: their depth k, and their row or
   column n in the tile. */
void hb_cl_tile_fetch(hb_cl_kernel *kernel, hb_cl_spread spread);
/* How many these are. */
int hb_cl_tile_fetched(hb_cl_spread spread);

/* Writes what fills ra[i] and rb[i] from the slice that is next, and goes on to the one after it.
 */
typedef void hb_cl_fetch(hb_cl_kernel *kernel, const void *product, hb_cl_spread a, hb_cl_spread b);
/* The loop over all `slices`, a variable. */
void hb_cl_tile_multiply(hb_cl_kernel *kernel, hebb_dtype dtype, hb_cl_tile tile, hb_cl_spread a,
                         hb_cl_spread b, hb_cl_fetch *fetch, const void *product);

/* Opens a loop over the item's results acc[e]: `m` and `n`, their row and column, may be past the
   end. */
void hb_cl_tile_results(hb_cl_kernel *kernel, hb_cl_tile tile, const char *m, const char *n);

/* How many items share the sum of the parts of an element, so that there are enough of them. */
int hb_cl_sum_lanes(const hb_device *device, int64_t elements, int64_t parts);
/* Declares `name`, the number of an element along the range's first dimension, and `sum`, its
   parts' sum, always in the same order: of sums[`at` + part * `apart`]. Opens a condition, true for
   one item of each element less than `end`. */
void hb_cl_sum_parts(hb_cl_kernel *kernel, hebb_dtype dtype, int lanes, const char *name,
                     const char *end, const char *at, const char *apart);
/* The range of such a launch. */
void hb_cl_sum_range(const hb_device *device, hb_cl_launch *launch, int lanes, int64_t elements,
                     int64_t y, int64_t z);

#endif
