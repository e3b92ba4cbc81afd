/* Machine code for chains (chain_kernel.h). The interpreter keeps one accumulator and goes through
   memory for every other value, which for rows in the first-level cache takes two to three times
   what the arithmetic does. A chain's links are known when its program is made, so they are
   compiled then, to a loop over a row that keeps all values in registers.

   The way from links to code:
     code.c   a chain's shape, which is all that its code depends on; the device's collection of
              code, by shape; memory that can be executed
     nodes.c  links to nodes: each value once, with what it is made of
     emit.c   nodes to instructions: registers for values, a loop around them
     x86.c    instructions to bytes

   Code does what strips_of_8() of the interpreter does (chain_strips.inc), from the same links, and
   leaves the same bits: the operations are the same ones in the same order, sums of vectors are
   joined in the same tree. Only the order of loads and stores of different elements differs: half a
   strip, or a quarter, goes through all links before the next one.

   It is for AVX-512. Without that, with HEBB_CODE=0 in the environment, where the system does not
   let memory be executed, and for chains with links that are not compiled (calls, exp, tanh,
   sigmoid), chains are interpreted. */
#ifndef HB_CPU_CODE_H
#define HB_CPU_CODE_H

#include "../loops/program.h"

/* What a device has compiled. NULL where nothing is to be. Used by any thread. */
hb_cpu_codes *hb_cpu_codes_create(const hb_cpu_isa *isa);
void hb_cpu_codes_destroy(hb_cpu_codes *codes); /* NULL is ignored */

/* The code of a chain, which END ends; or NULL. It lives as long as the device. */
hb_cpu_code *hb_cpu_code_make(const hb_device *device, const hb_cpu_planned *chain);

/* Whether the device compiles chains of such instructions, those of the loop at every point. (It
   may still run out of registers.) */
bool hb_cpu_code_is_for(const hb_device *device, const hb_loop *loop);

/* Whether code for the chain may run links that were aimed: stores past the caches need aligned
   memory, or become other links. */
bool hb_cpu_code_fits(const hb_cpu_planned *chain, const hb_cpu_link *links);

#endif
