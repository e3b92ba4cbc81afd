/* Convolutions and windows of concrete shapes as the executor has them: the steps of the former,
   the strided views of the latter. Called by specialize.c and specialize_steps.c. */
#ifndef HB_WINDOWS_H
#define HB_WINDOWS_H

#include "ir.h"

/* The step of a CONV, CONV_INPUT, CONV_WEIGHT or FOLD; in[] are the shapes of its inputs. */
void hb_conv_step(const hebb_tensor *t, const hebb_shape *in, hebb_shape out, hb_step *step);
void hb_fold_step(const hebb_tensor *t, hebb_shape y, hebb_shape x, hb_step *step);
/* What a RESAMPLE, or several, do along n axes of x, and the step of that, or of its transpose. */
typedef struct hb_resampled {
    int first, n;
    hb_resample_axis axis[3];
} hb_resampled;
void hb_resample_step(const hebb_tensor *t, hebb_shape x, const hb_resampled *along, hb_step *step);
/* Whether each element of x is in one window, so that folding moves elements only. */
bool hb_windows_tile(const hebb_tensor *fold, hebb_shape y, hebb_shape x);

/* Where x's elements are in its windows, and those of a tensor in itself padded. */
hb_view hb_windows_view(const hebb_tensor *t, hebb_shape x);
hb_view hb_padded_view(const hebb_tensor *pad, hebb_shape x, hebb_shape padded);

#endif
