/* What a step is: the contract between the executor, which writes steps, and the backends, which
   turn them into running kernels. Nothing here knows of graphs.

   A plan is a list of steps over numbered buffers. Buffer 0 is the plan's arena; the others are the
   session's (variables, feeds, constants, fetched values). All arrays below belong to the plan and
   live as long as anything prepared from it. */
#ifndef HB_STEP_H
#define HB_STEP_H

#include <hebb/custom.h>
#include "../base/resample.h"
#include "../base/sizes.h"

/* Where a step reads or writes: element (i0, i1, ...) of its index space is at
   buffer + (offset + sum of i_k stride[k]) elements. Strides may be 0 (broadcast, reduced) or
   negative (flip). An index operand has no memory: its "element" is that address itself, an i64.
   A step that is the last to read a value of the arena may say so, for backends that can then do
   without its memory. A value that only steps joined with each other use (hb_step) has no memory
   but the backend's: number v of such values of a plan is in buffer HB_BUFFER_JOINED - v. */
enum { HB_BUFFER_JOINED = -2, HB_BUFFER_INDEX = -1, HB_BUFFER_ARENA = 0 };
typedef struct hb_operand {
    int buffer;
    hebb_dtype dtype;
    int64_t offset;
    int64_t stride[HEBB_MAX_RANK];
    bool last; /* what is read here is read by no later step, nor fetched */
} hb_operand;

/* ---- LOOP ---- */

/* Instruction i of a program makes value i. Operands a, b, c are earlier values unless said. Values
   of f16 and bf16 are loaded, constant, cast, selected and stored, nothing else. */
typedef enum hb_code {
    HB_LOAD,    /* element of input a (an index operand gives i64) */
    HB_CONST,   /* imm.f for floating dtypes, imm.i for the others */
    HB_ACC,     /* the matrix product's element; in a GEMM's epilogue only */
    HB_CAST,    /* value a in this dtype; between f16 or bf16 and f32 only, to nearest even */
    HB_SELECT,  /* bool a ? b : c */
    HB_BITS,    /* random 32 bits for i64 element index a of random op imm.i, an i64 */
    HB_UNIFORM, /* the same as a number in [0, 1) */
    HB_NORMAL,  /* the same, normal */
    HB_USER,    /* imm.user of values a, b, c, d, as many as it takes; f32 or f64, as they are */
    HB_SUM,     /* reductions over the reduced dimensions of value a; see n_pre */
    HB_REDMAX,  /* NaN if there is one; -inf or the smallest integer of nothing */
    HB_REDMIN,
    HB_PROD, /* 1 of nothing */
#define SCALAR(CODE, name, arity, types, result, flops) HB_##CODE,
#include "../../kernels/scalar.def"
#undef SCALAR
    HB_CODES
} hb_code;

typedef struct hb_instr {
    uint8_t code;
    uint8_t dtype;   /* of the result */
    int16_t a, b, c; /* -1 where unused */
    int16_t d;       /* of HB_USER only: -1 where unused */
    union {
        double f;
        int64_t i;
        const hebb_elementwise *user;
    } imm;
} hb_instr;

/* The fourth operand, -1 for none. */
static inline int hb_fourth(const hb_instr *instr) {
    return instr->code == HB_USER ? instr->d : -1;
}

/* Whether the value is an operand. */
static inline bool hb_uses(const hb_instr *instr, int value) {
    return (instr->code != HB_LOAD && instr->a == value) || instr->b == value ||
           instr->c == value || hb_fourth(instr) == value;
}

static inline bool hb_is_reduction(int code) { return code >= HB_SUM && code <= HB_PROD; }

/* A value to be stored. A value made before n_pre is stored at every point of the space (its
   operand then has no reduced dimension collapsed); one made after it, once for every kept point.
 */
typedef struct hb_output {
    hb_operand to;
    int value;
} hb_output;

/* A scalar program over an index space. reduce[k] says whether dimension k is reduced. Instructions
   [0, n_pre) run at every point; [n_pre, n_instr) run once for every kept point after the reduced
   dimensions have been run through, and begin with the reductions of pre values; they may use only
   values of their own range otherwise (constants and loads stand there again; such loads have
   stride 0 in reduced dimensions). Without reductions n_pre == n_instr. If a reduced dimension is
   0, the reductions are of nothing. Outputs never overlap each other; an output may be the memory
   of an input only when both have the same element size and address at every point, and, in a loop
   with reductions, when both are loaded and stored after them, or, for a backend that reduces_once,
   both before them and the input not after them, too. */
typedef struct hb_loop {
    int rank;
    int64_t dim[HEBB_MAX_RANK];
    bool reduce[HEBB_MAX_RANK];
    int n_in, n_out, n_instr, n_pre;
    hb_operand *in;
    hb_output *out;
    hb_instr *instr;
} hb_loop;

static inline bool hb_reduces(const hb_loop *loop) { return loop->n_pre < loop->n_instr; }

/* How many reductions there are: instructions n_pre, n_pre + 1, ... */
static inline int hb_count_reductions(const hb_loop *loop) {
    int n = 0;
    while (loop->n_pre + n < loop->n_instr && hb_is_reduction(loop->instr[loop->n_pre + n].code))
        n++;
    return n;
}

/* Whether the loop reads from where it writes to. */
static inline bool hb_reads_output(const hb_loop *loop, const hb_operand *to) {
    for (int i = 0; i < loop->n_in; i++)
        if (loop->in[i].buffer == to->buffer && loop->in[i].offset == to->offset) return true;
    return false;
}

/* ---- GEMM ---- */

/* Of a matrix the elements of row i and column j with low <= j - i <= high. No matrix is as large
   as HB_BAND_FAR: a band with that as its ends has all elements. */
#define HB_BAND_FAR ((int64_t)1 << 40)
typedef struct hb_band {
    int64_t low, high;
} hb_band;

/* C[batch..., i, j] = sum over p of A[batch..., i, p] B[batch..., p, j]; f32 or f64. The strides of
   a and b are those of the batch dimensions, then of row and column, any of them. The epilogue is a
   LOOP without reductions over the space [batch..., m, n], with at least one HB_ACC for the
   product; its outputs are the step's. k may be 0: the product is 0. An output may be the memory of
   an epilogue input as in a LOOP, never of a or b.
   b_stays: the step is part of a scan's body and B the same in all iterations. What a solver makes
   of it in the first one may stay in the step's scratch memory, which nobody else uses meanwhile.
   banded: each matrix of a and of b is zero outside of its band, and outside of its own the product
   may be taken to be zero, since nobody reads it there but to multiply it by zero. A solver may
   make use of that, or not. */
typedef struct hb_gemm {
    hebb_dtype dtype;
    bool b_stays, banded;
    hb_band a_band, b_band, c_band;
    int n_batch; /* at most HEBB_MAX_RANK - 2 */
    int64_t batch[HEBB_MAX_RANK];
    int64_t m, n, k;
    hb_operand a, b;
    hb_loop epilogue;
} hb_gemm;

/* ---- GATHER, SCATTER-ADD and SCATTER-SET ----
   All contiguous. x is [rows, width], index [count] i32, y [count, width]. GATHER: y[i] =
   x[index[i]], NaN (0 for integers and bool) where the index is not in 0...rows-1. SCATTER_ADD:
   x[index[i]] += y[i] in order of i for each element, in place; SCATTER_SET: x[index[i]] = y[i],
   the last one stays; indices out of range are dropped; not of f16 or bf16. */
typedef struct hb_indexed {
    int64_t rows, width, count;
    hb_operand x, index, y;
} hb_indexed;

/* ---- steps on whole tensors ----
   All operands are contiguous, in step->in[] and step->out[]; an output is never the memory of an
   input. What each expects there, in this order, is said with its kind. "Numeric" and "any dtype"
   leave out f16 and bf16, which are converted before and after. */

/* CONV: y[n, g O + o, p] = sum over c, k of x[n, g C + c, p stride - before + k dilation]
                                             w[g O + o, c, k]
   with x zero outside of its sizes, p and k running over three spatial dimensions (leading ones of
   size 1 if there are fewer), C in_channels and O out_channels of a group. f32 or f64.
     x [batch, groups C, in...]    w [groups O, C, kernel...]    y [batch, groups O, out...]
   HB_CONV makes y of x, w; HB_CONV_INPUT its transpose x of y, w; HB_CONV_WEIGHT w of x, y. */
typedef struct hb_conv {
    int64_t batch, groups, in_channels, out_channels; /* channels of one group */
    int64_t in[3], kernel[3], out[3], stride[3], dilation[3], before[3];
} hb_conv;

/* Of sizes in three dimensions, or of a kernel. */
static inline int64_t hb_volume(const int64_t size[3]) { return size[0] * size[1] * size[2]; }

/* FOLD: x[o, i] = sum over p, k with p stride + k dilation = i of y[o, p, k], for three spatial
   dimensions: y [outer, out..., kernel...] makes x [outer, in...]. Numeric. The transpose of
   looking at x through windows. */
typedef struct hb_fold {
    int64_t outer;
    int64_t in[3], kernel[3], out[3], stride[3], dilation[3];
} hb_fold;

/* RESAMPLE: x [outer, in..., inner] becomes y [outer, out..., inner] along each of three axes
   (those that are missing are HB_KEPT and have size 1); or, `transposed`, y becomes what the
   transpose of that linear map makes of it, in the shape of x. `maxima`: the largest of what a mean
   would be of, NaN if there is one; not transposed. f32 or f64.
   MAX_BACK, the gradient of these: x, y = the maxima of x, dy -> dx: a result's dy goes, in equal
   shares, to those elements of x that are equal to it. inner is 1. */
typedef struct hb_resample {
    int64_t outer, inner, transposed, maxima;
    hb_resample_axis axis[3];
} hb_resample;

/* Along the middle of [outer, n, inner]; not of f16 or bf16.
   ARGSORT: x -> i32 y: the places of x's elements in ascending (or descending) order; equal ones in
   order of place; NaN counts as the largest. Any dtype. Nobody reads more than the first m.
   RECURRENCE: a, b -> y of the same shape: y[i] = a[i] y[i - 1] + b[i], from y[-1] = 0; from the
   end if `reverse` (y[i] = a[i] y[i + 1] + b[i]). The first a is not used: y[0] is b[0]. With one
   input, b, a is 1. Numeric.
   TAKE_ALONG: x, index (i32 [outer, m, inner]) -> y of the index's shape: y[o, i, j] =
   x[o, index[o, i, j], j]; missing as in GATHER.
   PUT_ALONG: x, index, y as there -> x with y[o, i, j] added (`add`) or written in place of
   x[o, index[o, i, j], j], in order of i; indices out of range are dropped. */
typedef struct hb_along {
    int64_t outer, n, inner, m;
    bool reverse; /* ARGSORT: descending */
    bool add;
} hb_along;

/* CUSTOM: a user's op: xs -> y. `signature` has those of the xs, then y's. */
typedef struct hb_custom {
    const hebb_op *op;
    const void *options;
    const hebb_signature *signature;
} hb_custom;

typedef struct hb_scan hb_scan;

typedef enum hb_step_kind {
    HB_LOOP,
    HB_GEMM,
    HB_GATHER,
    HB_SCATTER_ADD,
    HB_SCATTER_SET,
    /* on whole tensors */
    HB_CONV,
    HB_CONV_INPUT,
    HB_CONV_WEIGHT,
    HB_FOLD,
    HB_RESAMPLE,
    HB_MAX_BACK,
    HB_ARGSORT,
    HB_RECURRENCE,
    HB_TAKE_ALONG,
    HB_PUT_ALONG,
    HB_CUSTOM,
    HB_SCAN,
    HB_STEP_KINDS
} hb_step_kind;

/* Whether a step of this kind has its operands in step->in[] and step->out[]. */
static inline bool hb_is_whole(hb_step_kind kind) { return kind >= HB_CONV; }

typedef struct hb_step {
    hb_step_kind kind;
    union {
        hb_loop loop;
        hb_gemm gemm;
        hb_indexed indexed;
        hb_conv conv;
        hb_fold fold;
        hb_resample resample;
        hb_along along;
        hb_custom custom;
        const hb_scan *scan;
    } u;
    int n_in, n_out; /* of steps on whole tensors */
    hb_operand *in, *out;
    const char *name;       /* for people: "sum", "matmul + add + maximum" */
    double flops, bytes;    /* work and traffic, for choosing and for statistics */
    bool again;             /* makes what an earlier step has made and was dropped to save memory */
    int joined;             /* so many steps from this one on are run as one: see hb_backend */
    size_t scratch_bytes;   /* what the backend asked for, 64-byte aligned, in the arena ... */
    int64_t scratch_offset; /* ... from this byte on; used by nobody else during the step */
    int scratch_buffer;     /* the arena's number, for backends that cut it into pieces to change */
} hb_step;

/* ---- SCAN: steps done several times, each time on the next slices of some buffers ---- */

/* Buffer number b + 1 of the body's steps is, in iteration t, the memory of an operand of the scan
   from byte start + step (t mod period) on. Buffer 0 is the step's scratch memory, anew in each
   iteration. */
typedef struct hb_slide {
    bool output; /* an operand of step->out[], else of step->in[] */
    int operand;
    int64_t start, step, period;
} hb_slide;

/* Before the first iteration, `bytes` bytes of in[from] are copied to byte `at` of out[to]. */
typedef struct hb_scan_copy {
    int from, to;
    int64_t at;
    size_t bytes;
} hb_scan_copy;

/* Iterations t = 0 ... times - 1 in order; what one writes the next may read. Random numbers in
   iteration t are those of the seed hb_scan_seed(seed, t). */
struct hb_scan {
    int64_t times;
    size_t n_steps;
    hb_step *steps;
    int n_slides;
    hb_slide *slides;
    int n_copies;
    hb_scan_copy *copies;
    size_t arena_bytes; /* scratch memory for buffer 0 */
};

/* The finalizer of SplitMix64 (Steele, Lea, Flood 2014) on the seed and the iteration's number. */
static inline uint64_t hb_scan_seed(uint64_t seed, int64_t iteration) {
    uint64_t z = seed + 0x9E3779B97F4A7C15u * ((uint64_t)iteration + 1);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

#endif
