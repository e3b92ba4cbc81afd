/* A text as rows of characters: what the examples that learn to write like a text begin with. */
#ifndef EXAMPLES_CORPUS_H
#define EXAMPLES_CORPUS_H

#include <hebb/hebb.h>

typedef struct corpus {
    char *text;
    hebb_vocabulary *vocabulary;
    hebb_array learn[2], check[2]; /* characters [n, length] i32, and what comes next at each */
} corpus;

/* Reads a file, and cuts it into rows of `length` characters one after the other; the last tenth is
   to be checked on. Prints how many characters there are, or what is wrong. */
bool read_corpus(const char *path, int64_t length, corpus *c);
void free_corpus(corpus *c);

#endif
