/* HEBB_PROFILE=FILE: the time of every step that sessions run, as a trace that Chrome's
   about:tracing and Perfetto show. Called by session.c. */
#ifndef HB_PROFILE_H
#define HB_PROFILE_H

#include "../backends/backend.h"

typedef struct hb_profile hb_profile;

/* A session's part of the profile, or NULL where none is wanted. The file begins anew with the
   first session of a process; HEBB_E_FILE if it cannot be written. */
hebb_status hb_profile_create(const char *device, hb_profile **profile, hb_error *error);
/* Writes what is still to be written; NULL is ignored. */
void hb_profile_destroy(hb_profile *profile);

/* To be told of the steps of a run; NULL of NULL. */
const hb_watch *hb_profile_watch(hb_profile *profile);
/* After a run: writes what has been gathered, if that has become much. */
hebb_status hb_profile_flush(hb_profile *profile, hb_error *error);

#endif
