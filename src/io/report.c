/* Errors of files: "path: what is wrong", into the caller's message. */
#include <stdarg.h>
#include <stdio.h>

#include "file.h"

hebb_status hb_report_begin(report *r, const char *path, char *message, size_t size) {
    *r = (report){path, message, size};
    if (message != NULL && size > 0) message[0] = '\0';
    return path == NULL ? hb_report(r, HEBB_E_NULL, "the path is NULL") : HEBB_OK;
}

hebb_status hb_report(const report *r, hebb_status status, const char *format, ...) {
    if (r->message == NULL || r->size == 0) return status;
    int used = snprintf(r->message, r->size, "%s: ", r->path != NULL ? r->path : "file");
    if (used < 0 || (size_t)used >= r->size) return status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(r->message + used, r->size - (size_t)used, format, arguments);
    va_end(arguments);
    return status;
}
