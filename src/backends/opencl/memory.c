/* Buffers and copies between them and the host. */
#define _GNU_SOURCE /* madvise */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#include "opencl.h"

/* ---- buffers ---- */

#define HUGE_PAGE ((size_t)2 << 20) /* buffers of several of these ask for huge pages */

#if defined(__linux__) && defined(MADV_HUGEPAGE)
static void CL_CALLBACK free_memory(cl_mem memory, void *host) { free(host); }

/* A processor's large buffer is host memory in huge pages, for which drivers do not ask. NULL: the
   driver's own memory will do. */
static cl_mem create_in_huge_pages(hb_device *device, size_t bytes) {
    if (device->info.gpu || !device->lanes || bytes < 4 * HUGE_PAGE) return NULL;
    const size_t whole = hb_round_up(bytes, HUGE_PAGE);
    void *host = aligned_alloc(HUGE_PAGE, whole);
    if (host == NULL) return NULL;
    (void)madvise(host, whole, MADV_HUGEPAGE); /* a wish */
    const cl_mem_flags flags = CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR;
    cl_mem memory = clCreateBuffer(device->context, flags, bytes, host, NULL);
    if (memory != NULL && clSetMemObjectDestructorCallback(memory, free_memory, host) == CL_SUCCESS)
        return memory;
    if (memory != NULL) clReleaseMemObject(memory);
    free(host);
    return NULL;
}
#else
static cl_mem create_in_huge_pages(hb_device *device, size_t bytes) { return NULL; }
#endif

hebb_status hb_cl_buffer_create(hb_device *device, size_t bytes, hb_buffer **out, hb_error *error) {
    *out = NULL;
    if (bytes > device->max_allocation)
        return hb_fail(error, HEBB_E_MEMORY,
                       "a buffer of %zu bytes is more than \"%s\" (%s) gives in one piece: %llu",
                       bytes, device->info.name, device->info.id,
                       (unsigned long long)device->max_allocation);
    hb_buffer *buffer = calloc(1, sizeof *buffer);
    if (buffer == NULL) return hb_fail_memory(error, "a buffer's record", sizeof *buffer);
    /* OpenCL has no empty buffers, and kernels want something to point at. */
    cl_int code = CL_SUCCESS;
    buffer->memory = create_in_huge_pages(device, bytes);
    if (buffer->memory == NULL)
        buffer->memory =
            clCreateBuffer(device->context, CL_MEM_READ_WRITE, bytes > 0 ? bytes : 64, NULL, &code);
    buffer->bytes = bytes;
    if (code != CL_SUCCESS) {
        free(buffer);
        /* Here a lack of resources can only be a lack of memory. */
        if (code == CL_OUT_OF_RESOURCES) code = CL_MEM_OBJECT_ALLOCATION_FAILURE;
        return hb_cl_fail(error, device, code, "clCreateBuffer", NULL);
    }
    pthread_mutex_lock(&device->lock);
    buffer->id = ++device->n_buffers;
    pthread_mutex_unlock(&device->lock);
    *out = buffer;
    return HEBB_OK;
}

void hb_cl_buffer_destroy(hb_device *device, hb_buffer *buffer) {
    if (buffer == NULL) return;
    for (size_t k = 0; k < buffer->n_pieces; k++) hb_cl_buffer_destroy(device, buffer->pieces[k]);
    free(buffer->pieces);
    if (buffer->n_pieces == 0 && buffer->memory != NULL) clReleaseMemObject(buffer->memory);
    free(buffer);
}

static bool in_bounds(const hb_buffer *buffer, size_t offset, size_t bytes) {
    return offset <= buffer->bytes && bytes <= buffer->bytes - offset;
}

/* Waits outside the lock, so that other sessions can go on meanwhile. */
static hebb_status wait_for(hb_device *device, cl_event event, const char *what, hb_error *error) {
    cl_int code = clWaitForEvents(1, &event);
    clReleaseEvent(event);
    return code == CL_SUCCESS ? HEBB_OK : hb_cl_fail(error, device, code, "clWaitForEvents", what);
}

/* ---- staging: a write returns once the bytes are in memory that the driver may read later, so
   that the host goes on while the device still computes ---- */

#define MOST_STAGED                                                                                \
    ((size_t)16 << 20)               /* a larger write takes so long that waiting hardly matters */
#define FEW_BYTES ((size_t)16 << 10) /* drivers put so few in among the commands themselves */
/* What is copied at a time, so that the device takes it while the next is copied: the last one's
   transfer is not hidden, but each costs a call. On an H200, 30 us and 5. */
#define CHUNK ((size_t)1 << 20)
/* On an H200 a core copies to such memory at 11 GB/s, and the device takes 45: four chunks and more
   are shared with threads started for it. A batch of 6.4 MB takes 0.42 to 0.49 ms instead of 0.59
   to 0.67 so, one of 38.5 MB 1.9 instead of 3.0 and more, one of 2.1 MB as long as before. */
enum { MOST_COPIERS = 4 };

static void stage_wait(hb_cl_stage *stage) {
    if (stage->busy == NULL) return;
    clWaitForEvents(1, &stage->busy);
    clReleaseEvent(stage->busy);
    stage->busy = NULL;
}

static void stage_free(hb_device *device, hb_cl_stage *stage) {
    stage_wait(stage);
    if (stage->memory == NULL) free(stage->at);
    else if (stage->at != NULL)
        clEnqueueUnmapMemObject(device->queue, stage->memory, stage->at, 0, NULL, NULL);
    if (stage->memory != NULL) clReleaseMemObject(stage->memory);
    *stage = (hb_cl_stage){0};
}

void hb_cl_stages_free(hb_device *device) {
    for (int k = 0; k < HB_CL_STAGES; k++) {
        stage_free(device, &device->small_stages[k]);
        stage_free(device, &device->stages[k]);
    }
}

/* Memory that drivers copy from without help of the processor, mapped for good; for few bytes any
   will do. The stage stays empty if there is none. */
static void stage_make(hb_device *device, hb_cl_stage *stage, size_t bytes) {
    stage->bytes = bytes;
    if (bytes <= FEW_BYTES) {
        stage->at = malloc(bytes);
        if (stage->at == NULL) stage->bytes = 0;
        return;
    }
    cl_int code;
    cl_mem_flags flags = CL_MEM_READ_ONLY | CL_MEM_ALLOC_HOST_PTR;
    stage->memory = clCreateBuffer(device->context, flags, bytes, NULL, &code);
    if (code == CL_SUCCESS)
        stage->at = clEnqueueMapBuffer(device->queue, stage->memory, CL_TRUE, CL_MAP_WRITE, 0,
                                       bytes, 0, NULL, NULL, &code);
    if (code != CL_SUCCESS) stage_free(device, stage);
}

/* The stage used longest ago that nobody fills, with room; NULL where there is none to be had. */
static hb_cl_stage *stage_take(hb_device *device, size_t bytes) {
    const bool few = bytes <= FEW_BYTES;
    int *next = few ? &device->next_small : &device->next_stage;
    hb_cl_stage *stages = few ? device->small_stages : device->stages;
    int tries = 0;
    while (tries < HB_CL_STAGES && stages[*next].filling) {
        *next = (*next + 1) % HB_CL_STAGES;
        tries++;
    }
    if (tries == HB_CL_STAGES) return NULL;
    hb_cl_stage *stage = &stages[*next];
    *next = (*next + 1) % HB_CL_STAGES;
    stage_wait(stage);
    if (stage->bytes < bytes) {
        stage_free(device, stage);
        stage_make(device, stage, few ? FEW_BYTES : bytes);
    }
    if (stage->at == NULL) return NULL;
    stage->filling = true;
    return stage;
}

static hebb_status write_chunk(hb_device *device, hb_buffer *buffer, size_t offset,
                               const void *from, size_t bytes, hb_error *error) {
    cl_event event = NULL;
    hb_cl_stage *stage = NULL;
    pthread_mutex_lock(&device->lock);
    if (bytes <= MOST_STAGED) stage = stage_take(device, bytes);
    pthread_mutex_unlock(&device->lock);
    if (stage != NULL) memcpy(stage->at, from, bytes);
    pthread_mutex_lock(&device->lock);
    cl_int code = clEnqueueWriteBuffer(device->queue, buffer->memory, CL_FALSE, offset, bytes,
                                       stage != NULL ? stage->at : from, 0, NULL,
                                       stage != NULL ? &stage->busy : &event);
    if (code == CL_SUCCESS) clFlush(device->queue);
    else if (stage != NULL) stage->busy = NULL;
    if (stage != NULL) stage->filling = false;
    pthread_mutex_unlock(&device->lock);
    if (code != CL_SUCCESS) return hb_cl_fail(error, device, code, "clEnqueueWriteBuffer", NULL);
    return stage != NULL ? HEBB_OK : wait_for(device, event, "a write", error);
}

/* A write in chunks, which threads take one after the other. */
typedef struct copying {
    hb_device *device;
    hb_buffer *buffer;
    size_t offset, bytes, chunk;
    const char *from;
    atomic_size_t next;
    pthread_mutex_t lock; /* around what follows: the first failure */
    hebb_status status;
    hb_error *error;
} copying;

static void *copy_chunks(void *context) {
    copying *c = context;
    const size_t chunks = (c->bytes + c->chunk - 1) / c->chunk;
    for (size_t k; (k = atomic_fetch_add(&c->next, 1)) < chunks;) {
        const size_t at = k * c->chunk, n = c->bytes - at < c->chunk ? c->bytes - at : c->chunk;
        hb_error error;
        const hebb_status status =
            write_chunk(c->device, c->buffer, c->offset + at, c->from + at, n, &error);
        if (status == HEBB_OK) continue;
        pthread_mutex_lock(&c->lock);
        if (c->status == HEBB_OK) {
            c->status = status;
            if (c->error != NULL) *c->error = error;
        }
        pthread_mutex_unlock(&c->lock);
        atomic_store(&c->next, chunks);
    }
    return NULL;
}

static size_t count_copiers(const hb_device *device, size_t bytes) {
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t n = bytes < MOST_COPIERS * CHUNK ? 1 : MOST_COPIERS;
    if (cores > 0 && n > (size_t)cores) n = (size_t)cores;
    return device->lanes ? 1 : n;
}

static hebb_status write_piece(hb_device *device, hb_buffer *buffer, size_t offset,
                               const void *from, size_t bytes, hb_error *error) {
    if (bytes == 0) return HEBB_OK;
    const size_t copiers = count_copiers(device, bytes);
    copying c = {.device = device,
                 .buffer = buffer,
                 .offset = offset,
                 .bytes = bytes,
                 .chunk = copiers == 1 && bytes > MOST_STAGED ? bytes : CHUNK,
                 .from = from,
                 .lock = PTHREAD_MUTEX_INITIALIZER,
                 .error = error};
    pthread_t thread[MOST_COPIERS];
    size_t started = 0;
    while (started + 1 < copiers && pthread_create(&thread[started], NULL, copy_chunks, &c) == 0)
        started++;
    copy_chunks(&c);
    for (size_t k = 0; k < started; k++) pthread_join(thread[k], NULL);
    return c.status;
}

static hebb_status read_piece(hb_device *device, hb_buffer *buffer, size_t offset, void *to,
                              size_t bytes, hb_error *error) {
    cl_event event;
    pthread_mutex_lock(&device->lock);
    cl_int code = clEnqueueReadBuffer(device->queue, buffer->memory, CL_FALSE, offset, bytes, to, 0,
                                      NULL, &event);
    if (code == CL_SUCCESS) clFlush(device->queue);
    pthread_mutex_unlock(&device->lock);
    if (code != CL_SUCCESS) return hb_cl_fail(error, device, code, "clEnqueueReadBuffer", NULL);
    return wait_for(device, event, "a read", error);
}

/* ---- of buffers, or of their pieces ---- */

/* A range of a buffer's bytes, gone through piece by piece. */
typedef struct range {
    hb_buffer *buffer;
    size_t offset, bytes; /* of the whole range */
    hb_buffer *piece;     /* the current part lies here, ... */
    size_t at, n;         /* ... from this byte on, so many bytes, ... */
    size_t done;          /* ... and so many are before it */
} range;

/* Goes on to the next part; false when there is none. */
static bool next_part(const hb_device *device, range *r) {
    r->done += r->n;
    if (r->done == r->bytes) return false;
    r->piece = r->buffer;
    r->at = r->offset + r->done;
    r->n = r->bytes - r->done;
    if (r->buffer->n_pieces == 0) return true;
    const size_t piece = hb_cl_piece(device);
    r->piece = r->buffer->pieces[r->at / piece];
    r->at %= piece;
    if (r->n > r->piece->bytes - r->at) r->n = r->piece->bytes - r->at;
    return true;
}

hebb_status hb_cl_write(hb_device *device, hb_buffer *buffer, size_t offset, const void *from,
                        size_t bytes, hb_error *error) {
    if (!in_bounds(buffer, offset, bytes))
        return hb_fail(error, HEBB_E_ARGUMENT, "a write past the end of a buffer");
    hebb_status status = HEBB_OK;
    for (range r = {.buffer = buffer, .offset = offset, .bytes = bytes};
         status == HEBB_OK && next_part(device, &r);)
        status = write_piece(device, r.piece, r.at, (const char *)from + r.done, r.n, error);
    return status;
}

hebb_status hb_cl_read(hb_device *device, hb_buffer *buffer, size_t offset, void *to, size_t bytes,
                       hb_error *error) {
    if (!in_bounds(buffer, offset, bytes))
        return hb_fail(error, HEBB_E_ARGUMENT, "a read past the end of a buffer");
    hebb_status status = HEBB_OK;
    for (range r = {.buffer = buffer, .offset = offset, .bytes = bytes};
         status == HEBB_OK && next_part(device, &r);)
        status = read_piece(device, r.piece, r.at, (char *)to + r.done, r.n, error);
    return status;
}
