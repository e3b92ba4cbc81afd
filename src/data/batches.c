/* Mini-batches over host arrays (hebb/data.h). Called by users' training loops; built on the
   public headers and Random123 alone.

   In order, a batch is a view of the caller's own rows. Shuffled, its rows are gathered into
   buffers that the batches own, one an array, used again by every batch. */
#include <stdlib.h>
#include <string.h>
#include <Random123/philox.h>

#include <hebb/data.h>

typedef struct source {
    hebb_array array;    /* the caller's */
    hebb_array gathered; /* rows of a shuffled batch; {0} if not shuffled */
    size_t row_bytes;
} source;

struct hebb_batches {
    size_t n_sources;
    int64_t rows; /* of each array */
    int64_t used; /* rows of an epoch: without the last batch if that is dropped */
    int64_t batch;
    int64_t next;   /* first row of the next batch, in the order of the epoch */
    int64_t *order; /* row of the arrays at each place of the epoch; NULL if not shuffled */
    uint64_t seed;
    source sources[];
};

/* ---- the order of an epoch ---- */

/* Sets these draws apart from those of a session, which may have the same seed. */
#define BATCHES_STREAM 0x62617463u

/* 64-bit words of the stream that belongs to a seed and an epoch, two a Philox block. */
typedef struct stream {
    philox4x32_key_t key;
    philox4x32_ctr_t counter;
    philox4x32_ctr_t block;
    bool half_used;
} stream;

static stream stream_begin(uint64_t seed, uint64_t epoch) {
    return (stream){
        .key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}},
        .counter = {{0, BATCHES_STREAM, (uint32_t)epoch, (uint32_t)(epoch >> 32)}},
    };
}

static uint64_t stream_next(stream *s) {
    if (s->half_used) {
        s->half_used = false;
        return (uint64_t)s->block.v[3] << 32 | s->block.v[2];
    }
    s->block = philox4x32(s->counter, s->key);
    if (++s->counter.v[0] == 0) s->counter.v[1]++;
    s->half_used = true;
    return (uint64_t)s->block.v[1] << 32 | s->block.v[0];
}

/* Uniform in 0...last, without the bias of a modulo: draws of just enough bits, those beyond `last`
   thrown away (fewer than half of them). */
static uint64_t stream_below(stream *s, uint64_t last) {
    uint64_t mask = last;
    for (int shift = 1; shift < 64; shift *= 2) mask |= mask >> shift;
    uint64_t value;
    do value = stream_next(s) & mask;
    while (value > last);
    return value;
}

static void shuffle(int64_t *order, int64_t count, stream random) {
    for (int64_t i = 0; i < count; i++) order[i] = i;
    for (int64_t i = count - 1; i > 0; i--) {
        int64_t j = (int64_t)stream_below(&random, (uint64_t)i);
        int64_t moved = order[i];
        order[i] = order[j];
        order[j] = moved;
    }
}

/* ---- making ---- */

/* The array's bytes in one row; -1 if it has no rows or a size is not concrete. */
static int64_t bytes_of_row(const hebb_array *array) {
    hebb_shape row = array->shape;
    if (row.rank < 1 || hebb_shape_count(row) < 0) return -1;
    row.dim[0] = 1;
    int64_t count = hebb_shape_count(row);
    return count < 0 ? -1 : count * (int64_t)hebb_dtype_size(array->dtype);
}

static hebb_status check_arguments(const hebb_array *arrays, size_t n_arrays, int64_t batch) {
    if (n_arrays == 0 || batch < 1) return HEBB_E_ARGUMENT;
    if (arrays == NULL) return HEBB_E_NULL;
    for (size_t i = 0; i < n_arrays; i++) {
        if (hebb_dtype_size(arrays[i].dtype) == 0) return HEBB_E_DTYPE;
        if (bytes_of_row(&arrays[i]) < 0) return HEBB_E_SHAPE;
        if (arrays[i].shape.dim[0] != arrays[0].shape.dim[0]) return HEBB_E_SHAPE;
        if (arrays[i].data == NULL && hebb_array_bytes(&arrays[i]) > 0) return HEBB_E_NULL;
    }
    return HEBB_OK;
}

/* The order and a buffer for each array. */
static hebb_status prepare_shuffling(hebb_batches *b) {
    size_t bytes = (size_t)b->rows * sizeof *b->order;
    b->order = malloc(bytes > 0 ? bytes : 1);
    if (b->order == NULL) return HEBB_E_MEMORY;
    for (size_t i = 0; i < b->n_sources; i++) {
        source *s = &b->sources[i];
        hebb_shape shape = s->array.shape;
        if (shape.dim[0] > b->batch) shape.dim[0] = b->batch;
        hebb_status status = hebb_array_resize(&s->gathered, s->array.dtype, shape);
        if (status != HEBB_OK) return status;
    }
    return HEBB_OK;
}

static hebb_status create(const hebb_array *arrays, size_t n_arrays, int64_t batch,
                          const hebb_batches_options *options, hebb_batches **result) {
    hebb_status status = check_arguments(arrays, n_arrays, batch);
    if (status != HEBB_OK) return status;
    if (n_arrays > (SIZE_MAX - sizeof(hebb_batches)) / sizeof(source)) return HEBB_E_MEMORY;
    hebb_batches *b = calloc(1, sizeof *b + n_arrays * sizeof *b->sources);
    if (b == NULL) return HEBB_E_MEMORY;
    b->n_sources = n_arrays;
    b->rows = arrays[0].shape.dim[0];
    b->used = options->drop_last ? b->rows - b->rows % batch : b->rows;
    b->batch = batch;
    b->seed = options->seed;
    for (size_t i = 0; i < n_arrays; i++) {
        b->sources[i].array = arrays[i];
        b->sources[i].row_bytes = (size_t)bytes_of_row(&arrays[i]);
    }
    if (options->shuffle) status = prepare_shuffling(b);
    if (status != HEBB_OK) {
        hebb_batches_destroy(b);
        return status;
    }
    hebb_batches_start(b, 0);
    *result = b;
    return HEBB_OK;
}

hebb_batches *hebb_batches_create_with(const hebb_array *arrays, size_t n_arrays, int64_t batch,
                                       hebb_status *status, const hebb_batches_options *options) {
    static const hebb_batches_options defaults = {0};
    hebb_batches *result = NULL;
    if (options == NULL) options = &defaults;
    hebb_status outcome = create(arrays, n_arrays, batch, options, &result);
    if (status != NULL) *status = outcome;
    return result;
}

void hebb_batches_destroy(hebb_batches *batches) {
    if (batches == NULL) return;
    for (size_t i = 0; i < batches->n_sources; i++) hebb_array_free(&batches->sources[i].gathered);
    free(batches->order);
    free(batches);
}

/* ---- walking through an epoch ---- */

void hebb_batches_start(hebb_batches *batches, uint64_t epoch) {
    if (batches == NULL) return;
    batches->next = 0;
    if (batches->order != NULL)
        shuffle(batches->order, batches->rows, stream_begin(batches->seed, epoch));
}

static void gather(const source *s, const int64_t *rows, int64_t count) {
    const char *from = s->array.data;
    char *to = s->gathered.data;
    if (s->row_bytes == 0) return;
    for (int64_t i = 0; i < count; i++)
        memcpy(to + (size_t)i * s->row_bytes, from + (size_t)rows[i] * s->row_bytes, s->row_bytes);
}

bool hebb_batches_next(hebb_batches *batches, hebb_array *views) {
    if (batches == NULL || views == NULL || batches->next >= batches->used) return false;
    int64_t first = batches->next;
    int64_t left = batches->used - first;
    int64_t count = left < batches->batch ? left : batches->batch;
    for (size_t i = 0; i < batches->n_sources; i++) {
        const source *s = &batches->sources[i];
        hebb_shape shape = s->array.shape;
        shape.dim[0] = count;
        void *rows = s->gathered.data;
        if (batches->order != NULL) gather(s, batches->order + first, count);
        else
            rows = s->row_bytes == 0 ? s->array.data
                                     : (char *)s->array.data + (size_t)first * s->row_bytes;
        views[i] = hebb_array_view(rows, s->array.dtype, shape);
    }
    batches->next += count;
    return true;
}

int64_t hebb_batches_count(const hebb_batches *batches) {
    if (batches == NULL) return 0;
    return batches->used / batches->batch + (batches->used % batches->batch != 0);
}

int64_t hebb_batches_examples(const hebb_batches *batches) {
    return batches == NULL ? 0 : batches->used;
}
