/* Memory on a device that grows with need: what a session keeps variables, inputs, constants and
   the arena in. */
#ifndef HB_SESSION_SLOTS_H
#define HB_SESSION_SLOTS_H

#include "plan.h"

typedef struct hb_session_slot {
    hb_buffer *buffer;
    size_t bytes;
    bool borrowed; /* points at the user's memory during a run */
    bool refused;  /* the device could not do that last time */
    bool ready;    /* a variable that has its first value, a constant that is there */
} hb_session_slot;

typedef struct hb_session_slots {
    hb_session_slot *slot;
    int count;
} hb_session_slots;

void hb_session_slot_free(const hebb_device *device, hb_session_slot *slot);
void hb_session_slots_free(const hebb_device *device, hb_session_slots *slots);

/* Makes them at least so many; new ones are empty. */
hebb_status hb_session_slots_reserve(hb_session_slots *slots, int count, hb_error *error);
/* Makes the slot a buffer of the device of at least that size; what it held is lost if it grows. */
hebb_status hb_session_slot_reserve(const hebb_device *device, hb_session_slot *slot, size_t bytes,
                                    hb_error *error);
/* The same for a plan's arena. */
hebb_status hb_session_slot_reserve_arena(const hebb_device *device, hb_session_slot *slot,
                                          size_t bytes, hb_error *error);

#endif
