/* Memory on a device that grows with need: see session_slots.h. Called by session.c. */
#include <stdlib.h>
#include <string.h>

#include "session_slots.h"

void hb_session_slot_free(const hebb_device *device, hb_session_slot *slot) {
    if (slot->buffer != NULL) device->backend->buffer_destroy(device->device, slot->buffer);
    *slot = (hb_session_slot){0};
}

void hb_session_slots_free(const hebb_device *device, hb_session_slots *slots) {
    for (int k = 0; k < slots->count; k++) hb_session_slot_free(device, &slots->slot[k]);
    free(slots->slot);
}

hebb_status hb_session_slots_reserve(hb_session_slots *slots, int count, hb_error *error) {
    if (count <= slots->count) return HEBB_OK;
    hb_session_slot *grown = realloc(slots->slot, (size_t)count * sizeof *grown);
    if (grown == NULL) return hb_fail_memory(error, "a session", (size_t)count * sizeof *grown);
    memset(grown + slots->count, 0, (size_t)(count - slots->count) * sizeof *grown);
    slots->slot = grown;
    slots->count = count;
    return HEBB_OK;
}

hebb_status hb_session_slot_reserve(const hebb_device *device, hb_session_slot *slot, size_t bytes,
                                    hb_error *error) {
    if (slot->buffer != NULL && !slot->borrowed && slot->bytes >= bytes) return HEBB_OK;
    hb_session_slot_free(device, slot);
    hebb_status status =
        device->backend->buffer_create(device->device, bytes, &slot->buffer, error);
    if (status == HEBB_OK) slot->bytes = bytes;
    return status;
}

hebb_status hb_session_slot_reserve_arena(const hebb_device *device, hb_session_slot *slot,
                                          size_t bytes, hb_error *error) {
    const hb_backend *b = device->backend;
    if (b->arena_create == NULL) return hb_session_slot_reserve(device, slot, bytes, error);
    if (slot->buffer != NULL && slot->bytes >= bytes) return HEBB_OK;
    hb_session_slot_free(device, slot);
    hebb_status status = b->arena_create(device->device, bytes, &slot->buffer, error);
    if (status == HEBB_OK) slot->bytes = bytes;
    return status;
}
