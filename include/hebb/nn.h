/* Layers, activations, losses, metrics and optimizers, all of them composed from ops.h. */
#ifndef HEBB_NN_H
#define HEBB_NN_H

#include <hebb/activations.h>
#include <hebb/attention.h>
#include <hebb/conv_layers.h>
#include <hebb/layers.h>
#include <hebb/losses.h>
#include <hebb/metrics.h>
#include <hebb/normalization.h>
#include <hebb/optimizers.h>
#include <hebb/preprocessing.h>
#include <hebb/recurrent.h>

#endif
