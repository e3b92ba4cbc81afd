/* Training. */
#ifndef HEBB_TRAIN_H
#define HEBB_TRAIN_H

#include <hebb/data.h>

#endif
