/* Error messages into memory of the caller's. */
#ifndef HB_WORDS_H
#define HB_WORDS_H

#include <hebb/base.h>

typedef struct hb_words {
    const char *who; /* what a message begins with */
    char *message;   /* NULL: nobody wants it */
    size_t size;
} hb_words;

/* Writes "who: ..." and returns the status. */
hebb_status hb_words_fail(const hb_words *words, hebb_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
