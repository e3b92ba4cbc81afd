/* Reads text files, plain or gzip-compressed (hebb/text.h). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <hebb/text.h>

static hebb_status fail(char *message, size_t size, hebb_status status, const char *path,
                        const char *what) {
    if (message != NULL && size > 0) snprintf(message, size, "%s: %s", path, what);
    return status;
}

/* All of the file in memory that grows; *length of it. */
static hebb_status read_all(gzFile file, const char *path, char **text, size_t *length,
                            char *message, size_t size) {
    size_t room = 1 << 16, used = 0;
    char *all = malloc(room);
    while (all != NULL) {
        int n = gzread(file, all + used, (unsigned)(room - used - 1));
        if (n < 0) {
            int code;
            const char *words = gzerror(file, &code);
            char what[256];
            snprintf(what, sizeof what, "byte %zu: %s", used,
                     code == Z_ERRNO ? strerror(errno) : words);
            free(all);
            return fail(message, size, code == Z_ERRNO ? HEBB_E_FILE : HEBB_E_FORMAT, path, what);
        }
        used += (size_t)n;
        if (n == 0) break;
        if (room - used > 1 << 15) continue;
        room *= 2;
        char *grown = room < 1u << 31 ? realloc(all, room) : NULL;
        if (grown == NULL) free(all);
        all = grown;
    }
    if (all == NULL) return fail(message, size, HEBB_E_MEMORY, path, "out of memory");
    all[used] = 0;
    *text = all;
    if (length != NULL) *length = used;
    return HEBB_OK;
}

hebb_status hebb_read_text(const char *path, char **text, size_t *length, char *message,
                           size_t size) {
    if (path == NULL || text == NULL)
        return fail(message, size, HEBB_E_NULL, path == NULL ? "read_text" : path,
                    path == NULL ? "the path is NULL" : "the result is NULL");
    errno = 0;
    gzFile file = gzopen(path, "rb");
    if (file == NULL)
        return fail(message, size, errno == 0 ? HEBB_E_MEMORY : HEBB_E_FILE, path,
                    errno == 0 ? "out of memory" : strerror(errno));
    char *all = NULL;
    size_t n = 0;
    hebb_status status = read_all(file, path, &all, &n, message, size);
    int closed = gzclose(file);
    if (status == HEBB_OK && closed != Z_OK && closed != Z_STREAM_ERROR) {
        status = fail(message, size, HEBB_E_FORMAT, path, "the gzip stream ends too early");
        free(all);
    }
    if (status != HEBB_OK) return status;
    *text = all;
    if (length != NULL) *length = n;
    return HEBB_OK;
}
