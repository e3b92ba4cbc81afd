/* Error values and the optional log. Called by every room of src/ that has errors to report. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

hebb_status hb_fail(hb_error *error, hebb_status status, const char *format, ...) {
    if (error != NULL) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
        error->status = status;
    }
    return status;
}

hebb_status hb_fail_memory(hb_error *error, const char *what, size_t bytes) {
    return hb_fail(error, HEBB_E_MEMORY, "out of memory: %zu bytes for %s", bytes, what);
}

static bool log_enabled(void) {
    const char *value = getenv("HEBB_LOG");
    return value != NULL && strcmp(value, "info") == 0;
}

void hb_log(const char *format, ...) {
    if (!log_enabled()) return;
    char line[HB_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    fprintf(stderr, "hebb: %s\n", line);
}
