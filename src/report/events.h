/* What tensorboard.c needs of event files beyond hebb/tensorboard.h. */
#ifndef HB_EVENTS_H
#define HB_EVENTS_H

#include <hebb/tensorboard.h>

/* Goes on with the file of that name in the directory, as it was when it had that many bytes; with
   a new one if it is not there or has fewer. */
hebb_events *hb_events_continue(const char *directory, const char *name, int64_t size);

#endif
