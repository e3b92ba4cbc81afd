/* What specialize.c, specialize_steps.c, scan.c and invariant.c share: the state of lowering a
 * graph, or a scan's body, to an ir. */
#ifndef HB_SPECIALIZE_H
#define HB_SPECIALIZE_H

#include "ir.h"

typedef struct hb_lowered_scan hb_lowered_scan;

typedef struct specializer {
    hb_ir *ir;
    const hebb_graph *graph;
    int n;                    /* graph nodes that may be needed: ids below */
    bool *needed;             /* the value */
    bool *shaped;             /* at least the shape */
    hb_signature *signature;  /* by graph id */
    int *value;               /* ir node by graph id */
    int *buffer;              /* plan buffer by graph id, 0 if none yet */
    hb_lowered_scan **scan;   /* by graph id of a SCAN */
    const hebb_shape *inputs; /* fed shapes by input number */
    bool training;            /* what HB_OP_TRAINING is */
} specializer;

#define IR_OF(s, t) ((s)->value[(t)->id])

/* The ir node that gives the tensor's value; those of its inputs are there. */
int hb_lower_tensor(specializer *s, const hebb_tensor *t);

/* Nothing computes in f16 or bf16: a lowering takes its operands to f32 and rounds its result to
   what it is stored as. So results do not depend on what is fused with what, or where. Only what
   moves elements (views, copies, SELECT, GATHER, SCAN) leaves them as they are. */
/* What is computed with in place of the dtype. */
hebb_dtype hb_arithmetic(hebb_dtype dtype);
/* The value x in that dtype, for the lowering of t. */
int hb_widen(specializer *s, int x, const hebb_tensor *t);
/* The value x as t's own dtype. */
int hb_narrow(specializer *s, int x, const hebb_tensor *t);

/* specialize_steps.c: the lowerings to steps on whole tensors. */
int hb_lower_conv(specializer *s, const hebb_tensor *t);
int hb_lower_fold(specializer *s, const hebb_tensor *t);
int hb_lower_resample(specializer *s, const hebb_tensor *t);
int hb_lower_max_back(specializer *s, const hebb_tensor *t);
int hb_lower_along(specializer *s, const hebb_tensor *t);
int hb_lower_custom(specializer *s, const hebb_tensor *t);

/* scan.c: the lowerings of SCAN and of its results. */
int hb_lower_scan(specializer *s, const hebb_tensor *t);
int hb_lower_scan_stack(specializer *s, const hebb_tensor *t);
int hb_lower_scan_last(specializer *s, const hebb_tensor *t);

/* invariant.c: marks the tensors of a scan's body that are to be computed once, before the scan,
   and says how many; `captured` and `bound` are, by graph id, what the body gets from around it and
   all that it gets. */
int hb_find_invariants(specializer *body, const bool *captured, const bool *bound, bool *hoisted);
/* Lowers these around the scan. */
void hb_lower_invariants(specializer *around, const bool *captured, const bool *hoisted);

#endif
