/* Files of numbers: the formats of MNIST and of CIFAR, comma-separated values. See also npy.h
   (NumPy), image.h (PNG) and safetensors.h.

   On an error, up to `size` bytes of `message` (may be NULL) say what is wrong with which file, and
   at which byte or in which row. What a file says of its own size is believed only as far as it has
   the bytes. */
#ifndef HEBB_IO_H
#define HEBB_IO_H

#include <hebb/array.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Strings that belong together: names of classes, of columns. {0} is an empty list. What fills a
   list makes it anew; the strings are the list's. */
typedef struct hebb_names {
    char **at;
    size_t count;
} hebb_names;

/* Frees the strings and makes it {0}. Does nothing for NULL or {0}. */
HEBB_API void hebb_names_free(hebb_names *names);
/* The index of that name; -1 if there is none. */
HEBB_API int64_t hebb_names_find(const hebb_names *names, const char *name);

/* Reads an IDX file (the format of MNIST: yann.lecun.com/exdb/mnist), plain or gzip-compressed,
   into `array` (resized; untouched on error). Element types u8, i8, i32, f32 and f64 of the format
   are read as they are, in host byte order; i16 becomes i32. On error, up to `size` bytes of
   `message` (may be NULL) say what is wrong with which file at which byte: HEBB_E_FILE (cannot be
   opened or read), HEBB_E_FORMAT (no IDX, truncated, trailing bytes, corrupt gzip), HEBB_E_MEMORY.
 */
HEBB_API hebb_status hebb_read_idx(const char *path, hebb_array *array, char *message, size_t size);

/* Reads CIFAR-10 or CIFAR-100 in the official binary format (cs.toronto.edu/~kriz/cifar.html),
   plain or gzip-compressed: records of a label (CIFAR-100: the coarse one, then the fine one) and
   an image. `path` is one file, or a folder whose training files are read in the order of their
   names: data_batch_*.bin or train.bin, also with .gz. Images become u8 [n, 3, 32, 32], labels i32
   [n] (coarse may be NULL); untouched on error. HEBB_E_FILE, HEBB_E_FORMAT (a label out of range, a
   record that is not complete, no record, corrupt gzip), HEBB_E_MEMORY. */
HEBB_API hebb_status hebb_read_cifar10(const char *path, hebb_array *images, hebb_array *labels,
                                       char *message, size_t size);
HEBB_API hebb_status hebb_read_cifar100(const char *path, hebb_array *images, hebb_array *labels,
                                        hebb_array *coarse, char *message, size_t size);

/* ---- comma-separated values (RFC 4180) ---- */

/* What a file of numbers held. {0} is an empty one. */
typedef struct hebb_table {
    hebb_array values;  /* [rows, columns]: all columns but that of the labels, or those that were
                           asked for */
    hebb_array labels;  /* [rows]: i32 for classes and whole numbers, else of the dtype of values;
                           {0} if no label column was asked for */
    hebb_names columns; /* of values; empty if the file has no header */
    hebb_names classes; /* label k of a row means classes.at[k]; empty if labels are numbers */
    hebb_names *categories; /* of each column of values: number k of it means .at[k]; empty for a
                               column of numbers. NULL unless .categories asked for them */
    size_t n_categories;    /* of these lists: the columns, or 0 */
} hebb_table;
HEBB_API void hebb_table_free(hebb_table *table);

typedef enum hebb_csv_header {
    HEBB_CSV_GUESS = 0, /* the first row is names if a field of it, the label aside, is no number */
    HEBB_CSV_NAMES,     /* it is */
    HEBB_CSV_NUMBERS    /* it is not */
} hebb_csv_header;

typedef struct hebb_csv_options {
    const char *label; /* the name of the column of labels; or */
    int label_column;  /* its place: 1 is the first, -1 the last; default: none */
    bool classes;      /* labels that are numbers are names of classes, too */
    hebb_csv_header header;
    hebb_dtype dtype; /* of values: HEBB_F32 (the default) or HEBB_F64 */
    bool missing;     /* an empty field is NaN; default: an error */
    char separator;   /* default: a comma */
    bool categories;  /* a column in which a field is no number is one of categories; default: that
                         is an error */
    const char *const
        *columns;     /* HEBB_COLUMNS("height", "width"): by name, the columns that values */
    size_t n_columns; /* get, in this order; what is in others does not matter. Default:
                         all but the label's */
    int reserved_;
} hebb_csv_options;
#define HEBB_COLUMNS(...)                                                                          \
    .columns = (const char *const[]){__VA_ARGS__},                                                 \
    .n_columns = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)

/* Reads rows of numbers, plain or gzip-compressed, into a table, which is filled anew (untouched on
   error). Fields may stand in double quotes (a quote in them is doubled; they may hold line ends);
   spaces around others, empty lines and a byte order mark are ignored; lines may end in CR LF; the
   decimal point is a point whatever the locale. If a label is no number (or .classes), labels are
   the indices of their names in table->classes, which are sorted: by their values if all are
   numbers, else by their bytes. So are the values of a column of categories the indices of its
   names in table->categories[column]; as inputs they are usually made one-hot (hebb_one_hot()) or
   embedded.

   hebb_read_csv("iris.csv", &table, message, sizeof message, .label_column = -1)
   hebb_read_csv("titanic.csv", &table, message, sizeof message, .label = "Survived",
                 .categories = true, .missing = true)
   hebb_read_csv("weather.csv", &table, message, sizeof message, HEBB_COLUMNS("wind", "rain"))

   HEBB_E_FILE, HEBB_E_FORMAT (what is no number, a row with another number of fields than the
   first, a quote without end, no rows; the message names the row, which is counted in lines of the
   file from 1, and the column, from 1), HEBB_E_ARGUMENT (no such column, options out of
   range), HEBB_E_MEMORY. */
#define hebb_read_csv(path, table, message, ...)                                                   \
    hebb_read_csv_args(path, table, message, __VA_ARGS__, .reserved_ = 0)
#define hebb_read_csv_args(path, table, message, size, ...)                                        \
    hebb_read_csv_with((path), (table), (message), (size), &(const hebb_csv_options){__VA_ARGS__})
HEBB_API hebb_status hebb_read_csv_with(const char *path, hebb_table *table, char *message,
                                        size_t size, const hebb_csv_options *options);

/* Writes values, [rows, columns] or [rows], with enough digits that reading gives the same numbers;
   before them the names of the columns if there are as many (NULL: none). The file is written under
   another name and then renamed: after an error the old one is unchanged. HEBB_E_SHAPE,
   HEBB_E_ARGUMENT (another number of names), HEBB_E_FILE, HEBB_E_MEMORY. */
HEBB_API hebb_status hebb_write_csv(const char *path, const hebb_array *values,
                                    const hebb_names *columns, char *message, size_t size);

#ifdef __cplusplus
}
#endif
#endif
