/* Logs for TensorBoard (github.com/tensorflow/tensorboard): event files, and a callback that writes
   them while hebb_fit() trains.

     hebb_fit(model, data, .epochs = 20,
              .callbacks = HEBB_CALLBACKS(hebb_tensorboard("runs/first", .histograms = true)));

   In a loop of your own:

     hebb_events *events = hebb_events_open("runs/second");
     hebb_events_scalar(events, "loss", step, value);
     ...
     if (hebb_failed(events)) puts(hebb_message(events));
     hebb_events_close(events);

   Then `tensorboard --logdir runs`. */
#ifndef HEBB_TENSORBOARD_H
#define HEBB_TENSORBOARD_H

#include <hebb/callbacks.h>
#include <hebb/control.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- event files ---- */

typedef struct hebb_events hebb_events;

/* Makes the directory, if need be with those above it, and in it a new file, events.out.tfevents.*.
   NULL only if memory is out. Errors stay, as those of a graph do: HEBB_E_FILE with the path. What
   is written is in the file when a call returns. */
HEBB_API hebb_events *hebb_events_open(const char *directory);
HEBB_API void hebb_events_close(hebb_events *events);
/* The first error; HEBB_E_NULL for NULL. */
HEBB_API hebb_status hebb_events_status(const hebb_events *events);
HEBB_API const char *hebb_events_message(const hebb_events *events);
/* The path of the file, and the bytes in it. */
HEBB_API const char *hebb_events_path(const hebb_events *events);
HEBB_API int64_t hebb_events_size(const hebb_events *events);

/* TensorBoard keeps numbers as f32: others are rounded. A tag's part before a slash is its group.
 */
HEBB_API hebb_status hebb_events_scalar(hebb_events *events, const char *tag, int64_t step,
                                        double value);
/* Of the array's elements that are finite: 30 intervals of equal width. Nothing is written if there
   are none. */
HEBB_API hebb_status hebb_events_histogram(hebb_events *events, const char *tag, int64_t step,
                                           const hebb_array *values);
/* Images [n, height, width] or [n, channels, height, width], side by side as hebb_image_grid()
   puts them: u8, bool, or floats in 0...1. HEBB_E_SHAPE, HEBB_E_DTYPE, HEBB_E_UNSUPPORTED in a
   build without libpng. */
HEBB_API hebb_status hebb_events_images(hebb_events *events, const char *tag, int64_t step,
                                        const hebb_array *images);
/* Text in Markdown. */
HEBB_API hebb_status hebb_events_text(hebb_events *events, const char *tag, int64_t step,
                                      const char *text);

/* ---- the callback ---- */

typedef struct hebb_tensorboard_options {
    bool histograms;         /* of trainable variables, "weights/NAME", and of their gradients over
                                the epoch's last batch, "gradients/NAME" */
    hebb_tensor_list images; /* as of hebb_events_images(), of the last batch: tensors' names are
                                the tags, "image_0", ... of those without */
    int most_images;         /* of each; default 9 */
    int64_t every;           /* epochs between histograms and images; default 1 */
    int64_t batches;         /* logs "batch_loss", ... every so many batches; default: never */
    const char *text;        /* in Markdown: what this run is made with */
    int reserved_;
} hebb_tensorboard_options;

/* As Keras's callback of that name: two directories, `train` and, if the model is validated,
   `validation`, each with "epoch_loss" and so on by epoch, so that TensorBoard shows both curves in
   one picture; logs with a slash in their names keep these. In `train`, the text "run" has the
   epochs, batches and parameters, "model" the table of hebb_summary(), "options" the text given. A
   training that is resumed from a checkpoint goes on in the same files, without what was logged
   after that checkpoint. Path, list and text are copied. */
#define hebb_tensorboard(...) hebb_tensorboard_args(__VA_ARGS__, .reserved_ = 0)
#define hebb_tensorboard_args(directory, ...)                                                      \
    hebb_tensorboard_with((directory), &(const hebb_tensorboard_options){__VA_ARGS__})
HEBB_API hebb_callback hebb_tensorboard_with(const char *directory,
                                             const hebb_tensorboard_options *options);

#ifdef __cplusplus
}
#endif
#endif
