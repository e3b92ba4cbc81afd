/* Data sets: examples in columns. */
#ifndef HEBB_DATASET_H
#define HEBB_DATASET_H

#include <hebb/array.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Example i is row i of every column. The columns are not copied. */
typedef struct hebb_dataset {
    const hebb_array *columns;
    size_t count;
} hebb_dataset;

/* HEBB_DATASET(images, labels): the address of a data set that lives as long as its block. */
#define HEBB_DATASET(...)                                                                          \
    (&(const hebb_dataset){(const hebb_array[]){__VA_ARGS__},                                      \
                           sizeof((const hebb_array[]){__VA_ARGS__}) / sizeof(hebb_array)})

#ifdef __cplusplus
}
#endif
#endif
