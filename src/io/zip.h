/* The parts of a zip archive (PKWARE's APPNOTE) that .npz files need. */
#ifndef HB_ZIP_H
#define HB_ZIP_H

#include <stdint.h>
#include <string.h>

enum {
    ZIP_LOCAL = 0x04034b50,   /* before each member; 30 bytes, the name, more */
    ZIP_CENTRAL = 0x02014b50, /* one for each member, near the end; 46 bytes, the name, more */
    ZIP_END = 0x06054b50,     /* 22 bytes, a comment */
    ZIP_LOCAL_BYTES = 30,
    ZIP_CENTRAL_BYTES = 46,
    ZIP_END_BYTES = 22,
    ZIP_STORED = 0,
    ZIP_DEFLATED = 8
};

static inline uint32_t zip_get(const unsigned char *bytes, int width) {
    uint32_t value = 0;
    for (int k = width - 1; k >= 0; k--) value = value << 8 | bytes[k];
    return value;
}

static inline void zip_put(unsigned char *bytes, int width, uint32_t value) {
    for (int k = 0; k < width; k++) bytes[k] = (unsigned char)(value >> 8 * k);
}

#endif
