/* Text: reading it, and turning it into numbers. */
#ifndef HEBB_TEXT_H
#define HEBB_TEXT_H

#include <hebb/array.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Reads a file, plain or gzip-compressed, into *text, with a zero byte after its *length bytes
   (length may be NULL). To be freed by free(). On error *text is untouched and up to `size` bytes
   of `message` (may be NULL) say what is wrong: HEBB_E_FILE, HEBB_E_FORMAT (corrupt gzip),
   HEBB_E_MEMORY. */
HEBB_API hebb_status hebb_read_text(const char *path, char **text, size_t *length, char *message,
                                    size_t size);

/* Tokens and their numbers, as Keras's TextVectorization has them: 0 is padding, 1 an unknown
   token, then the most frequent first (equally frequent ones in the order of their bytes). A token
   is a word: letters, digits and apostrophes, in lower case (of ASCII), or a single punctuation
   mark; or a character of UTF-8 (a byte where the text is no UTF-8). */
typedef struct hebb_vocabulary hebb_vocabulary;
typedef struct hebb_vocabulary_options {
    bool characters; /* default: words */
    bool keep_case;
    int64_t most;  /* tokens at most, padding and unknown included; default: all */
    int64_t least; /* a token that is rarer is unknown; default 1 */
    bool tokens;   /* the texts are the tokens themselves, numbered from 2 on in their order: those
                      of embeddings made elsewhere, say. Of equal ones the first is found */
    int reserved_;
} hebb_vocabulary_options;
/* NULL if memory is out. hebb_vocabulary_create(texts, n, .most = 10000) */
#define hebb_vocabulary_create(texts, ...)                                                         \
    hebb_vocabulary_create_args(texts, __VA_ARGS__, .reserved_ = 0)
#define hebb_vocabulary_create_args(texts, n, ...)                                                 \
    hebb_vocabulary_create_with((texts), (n), &(const hebb_vocabulary_options){__VA_ARGS__})
HEBB_API hebb_vocabulary *hebb_vocabulary_create_with(const char *const *texts, size_t n,
                                                      const hebb_vocabulary_options *options);
HEBB_API void hebb_vocabulary_destroy(hebb_vocabulary *vocabulary);
/* What it was created with: whether its tokens are characters, ...; zeros for NULL. */
HEBB_API hebb_vocabulary_options hebb_vocabulary_made_with(const hebb_vocabulary *vocabulary);

/* The vocabulary as a file, for the program that uses the weights later: hebb_session_save() has
   the numbers that a model learned, this says which tokens they stand for. A line that says so and
   how many there are, then a line a token (with \n, \r and \\ for what would end or escape it).
   Written aside and renamed: after an error the old file is unchanged. Load stores NULL in *result
   after an error, of which up to `size` bytes of `message` (may be NULL) say what is wrong:
   HEBB_E_NULL, HEBB_E_FILE, HEBB_E_FORMAT (truncated, or no such file at all), HEBB_E_MEMORY. */
HEBB_API hebb_status hebb_vocabulary_save(const hebb_vocabulary *vocabulary, const char *path,
                                          char *message, size_t size);
HEBB_API hebb_status hebb_vocabulary_load(const char *path, hebb_vocabulary **result, char *message,
                                          size_t size);

HEBB_API int64_t hebb_vocabulary_size(const hebb_vocabulary *vocabulary); /* with 0 and 1 */
/* "" of padding and of what is no number of a token, "[UNK]" of 1. The vocabulary's. */
HEBB_API const char *hebb_vocabulary_token(const hebb_vocabulary *vocabulary, int32_t id);
HEBB_API int32_t hebb_vocabulary_id(const hebb_vocabulary *vocabulary, const char *token);

/* The numbers of a text's tokens: stores up to `room`, and returns how many there are. */
HEBB_API int64_t hebb_vocabulary_encode(const hebb_vocabulary *vocabulary, const char *text,
                                        int32_t *ids, int64_t room);
/* The way back, for what a model wrote: the text of n numbers of tokens, as much of it as fits into
   `size` bytes with a zero after it (whole tokens; text may be NULL if size is 0); returns the
   bytes of all of it, without the zero. Characters follow each other, words stand apart, but for
   punctuation: "the cat sat, and (so on)." Padding, and what is no number of a token, is nothing,
   the unknown token "[UNK]". Without unknown ones, encoding the text gives the numbers again. */
HEBB_API int64_t hebb_vocabulary_decode(const hebb_vocabulary *vocabulary, const int32_t *ids,
                                        int64_t n, char *text, size_t size);
/* The texts as rows of numbers, [n, length] i32: cut off at the end, padded with 0 after it. The
   array is resized. HEBB_E_NULL, HEBB_E_ARGUMENT (length < 1), HEBB_E_MEMORY. */
HEBB_API hebb_status hebb_vocabulary_encode_all(const hebb_vocabulary *vocabulary,
                                                const char *const *texts, size_t n, int64_t length,
                                                hebb_array *rows);

#ifdef __cplusplus
}
#endif
#endif
