/* See words.h. */
#include <stdarg.h>
#include <stdio.h>

#include "words.h"

hebb_status hb_words_fail(const hb_words *words, hebb_status status, const char *format, ...) {
    if (words->message == NULL || words->size == 0) return status;
    int used = snprintf(words->message, words->size, "%s: ", words->who);
    if (used < 0 || (size_t)used >= words->size) return status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words->message + used, words->size - (size_t)used, format, arguments);
    va_end(arguments);
    return status;
}
