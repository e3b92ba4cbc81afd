/* What reading and writing of safetensors share. Nothing here reaches below the public interface.
 */
#ifndef HB_SAFETENSORS_H
#define HB_SAFETENSORS_H

#include <hebb/safetensors.h>

#define HB_METADATA "__metadata__"

/* Where errors of one file go. */
typedef struct report {
    const char *path;
    char *message;
    size_t size;
} report;

/* Writes "path: ..." and returns the status. */
hebb_status hb_report(const report *r, hebb_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "F32"; NULL if the format has none. */
const char *hb_safetensors_dtype(hebb_dtype dtype);

#endif
