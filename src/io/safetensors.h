/* What reading and writing of safetensors share. Nothing here reaches below the public interface.
 */
#ifndef HB_SAFETENSORS_H
#define HB_SAFETENSORS_H

#include <hebb/safetensors.h>

#include "file.h"

#define HB_METADATA "__metadata__"

/* "F32"; NULL if the format has none. */
const char *hb_safetensors_dtype(hebb_dtype dtype);

#endif
