/* Checkpoints: what a session holds, as a safetensors file that other programs can read, too. */
#ifndef HEBB_CHECKPOINT_H
#define HEBB_CHECKPOINT_H

#include <hebb/safetensors.h>
#include <hebb/session.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hebb_save_options {
    const char *prefix;             /* only variables whose names begin so; default: all */
    bool trainable_only;            /* no optimizer's slots, no counters */
    const hebb_named_array *arrays; /* to be stored besides: their names begin with "fit:" */
    size_t n_arrays;
    const hebb_named_text *texts; /* to be stored in the metadata besides */
    size_t n_texts;
    int reserved_;
} hebb_save_options;

/* Writes all variables by name, and seed and step (the random state) as metadata "hebb.seed" and
   "hebb.step", as hebb_safetensors_write() does: hebb_session_save(s, "model.safetensors"). Errors
   are the session's: HEBB_E_ARGUMENT if no variable's name begins with the prefix, those of
   hebb_session_get() and hebb_safetensors_write(). */
#define hebb_session_save(session, ...) hebb_session_save_args(session, __VA_ARGS__, .reserved_ = 0)
#define hebb_session_save_args(session, path, ...)                                                 \
    hebb_session_save_with((session), (path), &(const hebb_save_options){__VA_ARGS__})
HEBB_API hebb_status hebb_session_save_with(hebb_session *session, const char *path,
                                            const hebb_save_options *options);

typedef struct hebb_load_options {
    const char *prefix; /* only variables whose names begin so; default: all */
    bool allow_missing; /* variables that are not in the file keep their values */
    bool allow_unused;  /* the file may hold tensors that the graph has no variable for */
    bool keep_random;   /* seed and step stay as they are; so they do if the file has none */
    int reserved_;
} hebb_load_options;

/* Gives variables the values that the file holds under their names. Names, shapes and dtypes are
   checked before the first one is set, so a session stays as it was after an error:
   HEBB_E_ARGUMENT (a variable that the file lacks, a tensor that no variable takes; the message
   names the first; a prefix that no variable's name begins with), HEBB_E_SHAPE, HEBB_E_DTYPE, and
   those of hebb_safetensors_read(). A part of another model, to go on from; and a whole one into a
   graph without a training step, to predict, where what the optimizer kept has no place:

     hebb_session_load(s, path, .prefix = "encoder/", .keep_random = true);
     hebb_session_load(s, path, .allow_unused = true);

   where s may be the session of a model that is made without a loss, for hebb_predict(). */
#define hebb_session_load(session, ...) hebb_session_load_args(session, __VA_ARGS__, .reserved_ = 0)
#define hebb_session_load_args(session, path, ...)                                                 \
    hebb_session_load_with((session), (path), &(const hebb_load_options){__VA_ARGS__})
HEBB_API hebb_status hebb_session_load_with(hebb_session *session, const char *path,
                                            const hebb_load_options *options);
/* The same from a file that was read; `path` is for messages. */
HEBB_API hebb_status hebb_session_load_file(hebb_session *session, const char *path,
                                            const hebb_safetensors *file,
                                            const hebb_load_options *options);

#ifdef __cplusplus
}
#endif
#endif
