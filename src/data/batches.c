/* Mini-batches over host arrays (hebb/data.h). Called by users' training loops and by fit; built on
   the public headers and Random123 alone.

   In order, and without transforms, a batch is a view of the caller's own rows. Else its rows are
   gathered into a slot, by batch.c; with prefetch, on the thread of prefetch.c. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <Random123/philox.h>

#include "batches.h"

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

static void order_epoch(hebb_batches *b, uint64_t epoch) {
    b->next = 0;
    b->epoch = epoch;
    b->failure.status = HEBB_OK;
    if (b->order != NULL) shuffle(b->order, b->rows, stream_begin(b->seed, epoch));
}

/* ---- making ---- */

__attribute__((format(printf, 3, 4))) static hebb_status fail(hebb_batches *b, hebb_status status,
                                                              const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(b->failure.message, sizeof b->failure.message, format, arguments);
    va_end(arguments);
    return b->failure.status = status;
}

static hebb_status check_options(hebb_batches *b, const hebb_batches_options *o) {
    if (o->prefetch < 0 || o->prefetch > 1024)
        return fail(b, HEBB_E_ARGUMENT, "batches: .prefetch is %d, not 0 to 1024", o->prefetch);
    if (o->transforms.count < 0 || o->transforms.count > 255)
        return fail(b, HEBB_E_ARGUMENT, "batches: %d transforms, not 0 to 255",
                    o->transforms.count);
    if (o->transforms.at == NULL && o->transforms.count > 0)
        return fail(b, HEBB_E_NULL, "batches: the transforms are NULL");
    for (int k = 0; k < o->transforms.count; k++)
        if (o->transforms.at[k].apply == NULL)
            return fail(b, HEBB_E_NULL, "batches: transform %d has no function", k);
    return HEBB_OK;
}

/* Elements of one row; -1 if the array has no rows or a size is not concrete. */
static int64_t row_count(const hebb_array *array) {
    hebb_shape row = array->shape;
    if (row.rank < 1 || hebb_shape_count(row) < 0) return -1;
    row.dim[0] = 1;
    return hebb_shape_count(row);
}

static hebb_status check_array(hebb_batches *b, size_t k, const hebb_array *array, int64_t rows) {
    char text[160];
    if (hebb_dtype_size(array->dtype) == 0)
        return fail(b, HEBB_E_DTYPE, "batches: array %zu: %d is no dtype", k, (int)array->dtype);
    if (row_count(array) < 0)
        return fail(b, HEBB_E_SHAPE, "batches: array %zu is %s, which has no rows", k,
                    hebb_shape_text(array->shape, text, sizeof text));
    if (array->shape.dim[0] != rows)
        return fail(b, HEBB_E_SHAPE, "batches: array %zu has %lld rows, array 0 has %lld", k,
                    (long long)array->shape.dim[0], (long long)rows);
    if (array->data == NULL && hebb_array_bytes(array) > 0)
        return fail(b, HEBB_E_NULL, "batches: array %zu has no data", k);
    return HEBB_OK;
}

static hebb_status check_arguments(hebb_batches *b, const hebb_array *arrays, size_t n_arrays,
                                   int64_t batch) {
    if (n_arrays == 0) return fail(b, HEBB_E_ARGUMENT, "batches: there are no arrays");
    if (arrays == NULL) return fail(b, HEBB_E_NULL, "batches: the arrays are NULL");
    if (batch < 1)
        return fail(b, HEBB_E_ARGUMENT, "batches: the batch is %lld, not 1 or more",
                    (long long)batch);
    hebb_status status = HEBB_OK;
    for (size_t k = 0; k < n_arrays && status == HEBB_OK; k++)
        status = check_array(b, k, &arrays[k], arrays[0].shape.dim[0]);
    return status;
}

/* Whatever batches need beside the caller's rows. */
static hebb_status make_room(hebb_batches *b, const hebb_batches_options *o) {
    size_t rows = (size_t)b->rows + 1, transforms = (size_t)o->transforms.count;
    b->sources = calloc(b->n_sources, sizeof *b->sources);
    if (o->shuffle) b->order = malloc(rows * sizeof *b->order);
    b->transforms = malloc((transforms + 1) * sizeof *b->transforms);
    if (b->sources == NULL || (o->shuffle && b->order == NULL) || b->transforms == NULL)
        return HEBB_E_MEMORY;
    if (transforms > 0) memcpy(b->transforms, o->transforms.at, transforms * sizeof *b->transforms);
    b->n_transforms = o->transforms.count;
    return HEBB_OK;
}

/* Where batches of their own are made: none for views of the caller's rows. */
static hebb_status make_slots(hebb_batches *b, const hebb_batches_options *o) {
    if (!o->shuffle && b->n_transforms == 0 && o->prefetch == 0) return HEBB_OK;
    b->slots = calloc((size_t)o->prefetch + 1, sizeof *b->slots);
    if (b->slots == NULL) return HEBB_E_MEMORY;
    hebb_status status = HEBB_OK;
    while (status == HEBB_OK && b->n_slots < o->prefetch + 1)
        status = hb_slot_init(&b->slots[b->n_slots++], b);
    return status == HEBB_OK && o->prefetch > 0 ? hb_prefetch_create(b) : status;
}

static hebb_status init(hebb_batches *b, const hebb_array *arrays, size_t n_arrays, int64_t batch,
                        const hebb_batches_options *options) {
    if (check_arguments(b, arrays, n_arrays, batch) != HEBB_OK) return b->failure.status;
    if (check_options(b, options) != HEBB_OK) return b->failure.status;
    b->n_sources = n_arrays;
    b->rows = arrays[0].shape.dim[0];
    b->used = options->drop_last ? b->rows - b->rows % batch : b->rows;
    b->batch = batch;
    b->seed = options->seed;
    if (make_room(b, options) != HEBB_OK) return fail(b, HEBB_E_MEMORY, "batches: out of memory");
    for (size_t k = 0; k < n_arrays; k++) {
        const size_t size = hebb_dtype_size(arrays[k].dtype);
        b->sources[k] = (source){arrays[k], (size_t)row_count(&arrays[k]) * size};
    }
    if (make_slots(b, options) != HEBB_OK) return fail(b, HEBB_E_MEMORY, "batches: out of memory");
    order_epoch(b, 0);
    return HEBB_OK;
}

hebb_batches *hebb_batches_create_with(const hebb_array *arrays, size_t n_arrays, int64_t batch,
                                       const hebb_batches_options *options) {
    static const hebb_batches_options defaults = {0};
    hebb_batches *b = calloc(1, sizeof *b);
    if (b == NULL) return NULL;
    b->broken = init(b, arrays, n_arrays, batch, options != NULL ? options : &defaults) != HEBB_OK;
    return b;
}

void hebb_batches_destroy(hebb_batches *batches) {
    if (batches == NULL) return;
    hb_prefetch_destroy(batches->ahead);
    for (int k = 0; k < batches->n_slots; k++) hb_slot_free(&batches->slots[k], batches->n_sources);
    hebb_array_free(&batches->scratch);
    free(batches->slots);
    free(batches->sources);
    free(batches->transforms);
    free(batches->order);
    free(batches);
}

/* ---- walking through an epoch ---- */

void hebb_batches_start(hebb_batches *batches, uint64_t epoch) {
    if (batches == NULL || batches->broken) return;
    if (batches->ahead != NULL) hb_prefetch_stop(batches->ahead);
    order_epoch(batches, epoch);
    if (batches->ahead != NULL) hb_prefetch_begin(batches->ahead);
}

/* The next batch's slot; NULL after an error. */
static const slot *next_slot(hebb_batches *b) {
    if (b->ahead == NULL)
        return hb_batch_make(b, b->next, b->slots, &b->failure) == HEBB_OK ? b->slots : NULL;
    if (b->next == 0) hb_prefetch_begin(b->ahead); /* also if the epoch was not started */
    return hb_prefetch_take(b->ahead, b->next);
}

bool hebb_batches_next(hebb_batches *batches, hebb_array *views) {
    if (batches == NULL || views == NULL || batches->next >= hebb_batches_count(batches) ||
        batches->failure.status != HEBB_OK)
        return false;
    if (batches->n_slots == 0) {
        const int64_t first = batches->next * batches->batch;
        for (size_t i = 0; i < batches->n_sources; i++)
            views[i] = hebb_array_rows(&batches->sources[i].array, first, batches->batch);
    } else {
        const slot *s = next_slot(batches);
        if (s == NULL) return false;
        for (size_t i = 0; i < batches->n_sources; i++)
            views[i] = hebb_array_rows(&s->columns[i], 0, s->count);
    }
    batches->next++;
    return true;
}

hebb_status hebb_batches_status(const hebb_batches *batches) {
    return batches == NULL ? HEBB_E_NULL : batches->failure.status;
}

const char *hebb_batches_message(const hebb_batches *batches) {
    if (batches == NULL) return "the batches are NULL (out of memory when they were created?)";
    return batches->failure.status == HEBB_OK ? "" : batches->failure.message;
}

int64_t hebb_batches_count(const hebb_batches *batches) {
    if (batches == NULL || batches->broken) return 0;
    return batches->used / batches->batch + (batches->used % batches->batch != 0);
}

int64_t hebb_batches_examples(const hebb_batches *batches) {
    return batches == NULL || batches->broken ? 0 : batches->used;
}
