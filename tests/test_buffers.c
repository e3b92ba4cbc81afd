/* Buffers of every backend through the hb_backend table: what is written anywhere is read there,
   also when the bytes that it came from have changed since. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "../src/backends/backend.h"

enum { MOST_DEVICES = 8 };

typedef void check(const hb_backend *backend, hb_device *device);

static void on_each_device(check *run) {
    for (int i = 0; hb_backends[i]; i++)
        for (int d = 0; d < hb_backends[i]->count() && d < MOST_DEVICES; d++) {
            hb_error error = {0};
            hb_device *device = NULL;
            cr_assert(!hb_backends[i]->open(d, &device, &error), "%s", error.message);
            run(hb_backends[i], device);
            hb_backends[i]->close(device);
        }
}

/* Both ends of a buffer. */
static void check_ends(const hb_backend *backend, hb_device *device, size_t bytes) {
    hb_error error = {0};
    hb_buffer *buffer = NULL;
    char back[8] = "";
    cr_assert(!backend->buffer_create(device, bytes, &buffer, &error));
    cr_assert(!backend->write(device, buffer, 0, "at zero", 8, &error));
    cr_assert(!backend->write(device, buffer, bytes - 8, "the end", 8, &error));
    cr_assert(!backend->read(device, buffer, 0, back, 8, &error));
    cr_assert_str_eq(back, "at zero");
    cr_assert(!backend->read(device, buffer, bytes - 8, back, 8, &error));
    cr_assert_str_eq(back, "the end");
    cr_assert(backend->write(device, buffer, bytes - 7, "the end", 8, &error) != HEBB_OK);
    backend->buffer_destroy(device, buffer);
}

static void check_small(const hb_backend *backend, hb_device *device) {
    hb_error error = {0};
    hb_buffer *empty = NULL, *small = NULL;
    char text[8] = "abcdefg", back[8] = "";
    cr_assert(!backend->buffer_create(device, 0, &empty, &error));
    cr_assert(!backend->buffer_create(device, 8, &small, &error));
    cr_assert(!backend->write(device, small, 0, text, 8, &error));
    cr_assert(!backend->write(device, small, 1, "Z", 1, &error));
    cr_assert(!backend->write(device, empty, 0, text, 0, &error));
    cr_assert(!backend->read(device, small, 0, back, 8, &error));
    cr_assert_str_eq(back, "aZcdefg");
    backend->buffer_destroy(device, empty);
    backend->buffer_destroy(device, small);
    for (int k = 0; k < 9; k++) { /* of large ones each begins elsewhere */
        check_ends(backend, device, (size_t)(64 << 10) + 8 * k);
        check_ends(backend, device, (size_t)(8 << 20) + 8 * k);
    }
}

Test(buffers, ends) { on_each_device(check_small); }

/* ---- large writes, which go in chunks through memory that is used in turn ---- */

static void fill(unsigned char *to, size_t bytes, unsigned seed) {
    for (size_t i = 0; i < bytes; i++) to[i] = (unsigned char)((i * 2654435761u + seed) >> 11);
}

/* More writes than there are chunks at a time, each over the middle of the one before. The bytes
   change as soon as a write has returned. */
static void write_over(const hb_backend *backend, hb_device *device, hb_buffer *buffer,
                       size_t bytes) {
    hb_error error = {0};
    unsigned char *from = malloc(bytes), *want = calloc(bytes, 1), *back = malloc(bytes);
    for (unsigned k = 0; k < 12; k++) {
        const size_t at = k * (size_t)101003, n = bytes - 2 * at;
        fill(from, n, k);
        memcpy(want + at, from, n);
        cr_assert(!backend->write(device, buffer, at, from, n, &error), "%s", error.message);
        memset(from, 0xA5, n);
    }
    cr_assert(!backend->read(device, buffer, 0, back, bytes, &error), "%s", error.message);
    cr_expect(memcmp(back, want, bytes) == 0, "%s", backend->name);
    free(from);
    free(want);
    free(back);
}

static void check_chunks(const hb_backend *backend, hb_device *device) {
    /* Of a size that one thread copies, or several, and one that is too large to stage for a
     * processor. */
    static const size_t sizes[] = {(3 << 20) + 5, (5 << 20) + 7, 17 << 20};
    for (int k = 0; k < 3; k++) {
        hb_error error = {0};
        hb_buffer *buffer = NULL;
        cr_assert(!backend->buffer_create(device, sizes[k], &buffer, &error));
        write_over(backend, device, buffer, sizes[k]);
        backend->buffer_destroy(device, buffer);
    }
}

Test(buffers, large_writes) { on_each_device(check_chunks); }

/* Threads copy one write for a GPU. */
Test(buffers, large_writes_by_several) {
    setenv("HEBB_OPENCL_KERNELS", "gpu", 1);
    on_each_device(check_chunks);
}

static void check_pieces(const hb_backend *backend, hb_device *device) {
    hb_error error = {0};
    hb_buffer *arena = NULL;
    if (backend->arena_create == NULL) return;
    const size_t bytes = (4 << 20) + 12345;
    cr_assert(!backend->arena_create(device, bytes, &arena, &error), "%s", error.message);
    write_over(backend, device, arena, bytes);
    backend->buffer_destroy(device, arena);
}

Test(buffers, large_writes_in_pieces) {
    setenv("HEBB_OPENCL_PIECE", "1500000", 1);
    on_each_device(check_pieces);
}
