/* Errors inside the library: a status with words. Also the two environment switches for output. */
#ifndef HB_ERROR_H
#define HB_ERROR_H

#include <hebb/base.h>

#define HB_MESSAGE_SIZE 1024

typedef struct hb_error {
    hebb_status status;
    char message[HB_MESSAGE_SIZE];
} hb_error;

/* Fills the error (which may be NULL) and returns the status, so that callers can return the call.
 */
hebb_status hb_fail(hb_error *error, hebb_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* hb_fail for HEBB_E_MEMORY. */
hebb_status hb_fail_memory(hb_error *error, const char *what, size_t bytes);

/* HEBB_LOG=info: choices of devices and solvers on stderr. Off by default; then nothing is written.
 */
void hb_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
