/* Encodes protocol buffers (protobuf.dev/programming-guides/encoding) and TFRecord files. By hand:
   six messages of few fields are written and none is read, which takes the hundred lines below.
   protobuf-c would take a compiler written in C++ at build time, another library at run time, and
   a description of these messages that no package of Debian has. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

void hb_wire_free(wire *w) {
    free(w->bytes);
    *w = (wire){0};
}

void hb_wire_put(wire *w, const void *bytes, size_t n) {
    if (w->failed || n == 0) return;
    if (n > w->room - w->n) {
        size_t room = 2 * w->room + n + 64;
        unsigned char *grown = room > n ? realloc(w->bytes, room) : NULL;
        w->failed = grown == NULL;
        if (grown == NULL) return;
        w->bytes = grown;
        w->room = room;
    }
    memcpy(w->bytes + w->n, bytes, n);
    w->n += n;
}

/* ---- protocol buffers ---- */

enum { VARINT = 0, EIGHT_BYTES = 1, LENGTH = 2, FOUR_BYTES = 5 };

static void varint(wire *w, uint64_t value) {
    unsigned char bytes[10];
    size_t n = 0;
    for (; value >= 0x80; value >>= 7) bytes[n++] = (unsigned char)(value | 0x80);
    bytes[n++] = (unsigned char)value;
    hb_wire_put(w, bytes, n);
}

static void key(wire *w, int field, int kind) { varint(w, (uint64_t)field << 3 | (uint64_t)kind); }

static void little_endian(wire *w, uint64_t value, size_t n) {
    unsigned char bytes[8];
    for (size_t k = 0; k < n; k++) bytes[k] = (unsigned char)(value >> 8 * k);
    hb_wire_put(w, bytes, n);
}

static uint64_t bits_of(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

void hb_wire_integer(wire *w, int field, int64_t value) {
    key(w, field, VARINT);
    varint(w, (uint64_t)value);
}

void hb_wire_float(wire *w, int field, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    key(w, field, FOUR_BYTES);
    little_endian(w, bits, 4);
}

void hb_wire_double(wire *w, int field, double value) {
    key(w, field, EIGHT_BYTES);
    little_endian(w, bits_of(value), 8);
}

void hb_wire_doubles(wire *w, int field, const double *values, size_t n) {
    key(w, field, LENGTH);
    varint(w, 8 * n);
    for (size_t k = 0; k < n; k++) little_endian(w, bits_of(values[k]), 8);
}

void hb_wire_bytes(wire *w, int field, const void *bytes, size_t n) {
    key(w, field, LENGTH);
    varint(w, n);
    hb_wire_put(w, bytes, n);
}

/* Bytes of the character of UTF-8 that begins there; 0 if none does. */
static size_t character(const unsigned char *at) {
    size_t n = *at < 0x80   ? 1
               : *at < 0xc2 ? 0
               : *at < 0xe0 ? 2
               : *at < 0xf0 ? 3
               : *at < 0xf5 ? 4
                            : 0;
    for (size_t k = 1; k < n; k++)
        if ((at[k] & 0xc0) != 0x80) return 0;
    bool too_long = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90);
    bool no_character = (at[0] == 0xed && at[1] >= 0xa0) || (at[0] == 0xf4 && at[1] >= 0x90);
    return too_long || no_character ? 0 : n;
}

void hb_wire_text(wire *w, int field, const char *text) {
    key(w, field, LENGTH);
    varint(w, strlen(text));
    for (const unsigned char *at = (const unsigned char *)text; *at != 0;) {
        size_t n = character(at);
        hb_wire_put(w, n > 0 ? (const void *)at : "?", n > 0 ? n : 1);
        at += n > 0 ? n : 1;
    }
}

void hb_wire_message(wire *w, int field, wire *message) {
    hb_wire_bytes(w, field, message->bytes, message->n);
    w->failed = w->failed || message->failed;
    hb_wire_free(message);
}

/* ---- records ---- */

/* A byte at a time, without a table: event files are small. */
uint32_t hb_crc32c(const void *bytes, size_t n) {
    uint32_t crc = 0xffffffffu;
    for (size_t k = 0; k < n; k++) {
        crc ^= ((const unsigned char *)bytes)[k];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

uint32_t hb_masked_crc32c(const void *bytes, size_t n) {
    uint32_t crc = hb_crc32c(bytes, n);
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

void hb_wire_record(wire *w, const void *bytes, size_t n) {
    size_t begin = w->n;
    little_endian(w, n, 8);
    if (w->failed) return;
    little_endian(w, hb_masked_crc32c(w->bytes + begin, 8), 4);
    hb_wire_put(w, bytes, n);
    little_endian(w, hb_masked_crc32c(bytes, n), 4);
}
