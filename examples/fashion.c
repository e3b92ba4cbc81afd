/* See fashion.h. */
#include "fashion.h"

#include <stdio.h>

const char *const fashion_classes[FASHION_CLASSES] = {"T-shirt", "trousers", "pullover", "dress",
                                                      "coat",    "sandal",   "shirt",    "sneaker",
                                                      "bag",     "boot"};

static bool read_part(const char *directory, const char *name, hebb_array *array) {
    char path[4096], message[1024];
    snprintf(path, sizeof path, "%s/%s.gz", directory, name);
    if (hebb_read_idx(path, array, message, sizeof message) == HEBB_OK) return true;
    fprintf(stderr, "%s\n", message);
    return false;
}

bool fashion_read(const char *directory, bool test, hebb_array pair[2]) {
    return read_part(directory, test ? "t10k-images-idx3-ubyte" : "train-images-idx3-ubyte",
                     &pair[0]) &&
           read_part(directory, test ? "t10k-labels-idx1-ubyte" : "train-labels-idx1-ubyte",
                     &pair[1]);
}

void fashion_keep(hebb_array pair[2], int64_t n) {
    for (int k = 0; k < 2; k++)
        if (n > 0 && n < pair[k].shape.dim[0]) pair[k].shape.dim[0] = n;
}
