/* What the files of attention share: how scores become weights, under masks. */
#ifndef HB_ATTENTION_H
#define HB_ATTENTION_H

#include <hebb/attention.h>

/* What a layer is asked: its tensors, and which of them may look at which. */
typedef struct hb_asked {
    const char *kind; /* "attention": for messages */
    hebb_tensor *query, *value, *key;
    hebb_tensor *query_mask, *value_mask, *attention_mask; /* NULL: none */
    bool causal;
    int64_t window;     /* 0: none */
    int64_t keys;       /* how many there are; HEBB_ANY: as key has */
    hebb_tensor *start; /* the place of the first query; NULL: 0 */
    double dropout;
} hb_asked;

/* NULL if tensors and masks are what they must be; else what the layer returns. */
hebb_tensor *hb_check_asked(const hb_asked *a);

/* softmax(scores) [batch, ..., queries, keys] under the masks: 0 in all of a row that allows
 * nothing. */
hebb_tensor *hb_weights(const hb_asked *a, hebb_tensor *scores);

#endif
