/* Profiles: the time of every step that sessions run. With HEBB_PROFILE=FILE as a trace that
   Chrome's about:tracing and Perfetto show; with hebb_session_profile() as rows, equal steps in
   one. Called by session.c. */
#ifndef HB_PROFILE_H
#define HB_PROFILE_H

#include <hebb/session.h>

#include "../backends/backend.h"

typedef struct hb_profile hb_profile;

/* A session's profile, or NULL where HEBB_PROFILE asks for none. The file begins anew with the
   first session of a process; HEBB_E_FILE if it cannot be written. */
hebb_status hb_profile_create(const char *device, hb_profile **profile, hb_error *error);
/* Writes what is still to be written; NULL is ignored. */
void hb_profile_destroy(hb_profile *profile);

/* To be told of the steps of a run; NULL of NULL, and where nobody wants to know. */
const hb_watch *hb_profile_watch(hb_profile *profile);
/* After a run: writes what has been gathered, if that has become much. */
hebb_status hb_profile_flush(hb_profile *profile, hb_error *error);

/* Begins anew to gather rows, making the profile if it is NULL, or ends it, keeping them. */
hebb_status hb_profile_gather(hb_profile **profile, bool on, hb_error *error);
size_t hb_profile_count(const hb_profile *profile);
/* Of an index below the count. */
hebb_profile_row hb_profile_row(const hb_profile *profile, size_t index);

#endif
