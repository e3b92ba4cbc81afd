/* Bytes as protocol buffers and TFRecord files have them, for events.c. */
#ifndef HB_WIRE_H
#define HB_WIRE_H

#include <hebb/base.h>

/* Bytes that grow; {0} is empty. Without memory for more it is failed, and what follows is ignored.
 */
typedef struct wire {
    unsigned char *bytes;
    size_t n, room;
    bool failed;
} wire;

void hb_wire_free(wire *w);
void hb_wire_put(wire *w, const void *bytes, size_t n);

/* A field of a message, by its number. */
void hb_wire_integer(wire *w, int field, int64_t value);
void hb_wire_float(wire *w, int field, float value);
void hb_wire_double(wire *w, int field, double value);
void hb_wire_doubles(wire *w, int field, const double *values, size_t n); /* packed */
void hb_wire_bytes(wire *w, int field, const void *bytes, size_t n);
/* What is not UTF-8 becomes question marks: readers refuse a message over it. */
void hb_wire_text(wire *w, int field, const char *text);
/* The message as a field; it is freed. */
void hb_wire_message(wire *w, int field, wire *message);

/* The record of a TFRecord file that holds these bytes: length, checksum, bytes, checksum. */
void hb_wire_record(wire *w, const void *bytes, size_t n);

/* CRC-32C (Castagnoli; RFC 3720, appendix B.4), and as TFRecord files have it, "masked". */
uint32_t hb_crc32c(const void *bytes, size_t n);
uint32_t hb_masked_crc32c(const void *bytes, size_t n);

#endif
