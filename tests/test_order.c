/* The order in which the CPU backend walks a loop's memory (src/backends/cpu/loops/order.c): what
   is walked along is where most of the memory is consecutive, however many small operands are
   consecutive elsewhere. */
#include <criterion/criterion.h>

#include "../src/backends/cpu/loops/program.h"

/* A sum over images [8, 64, 56 * 56] for each channel, with `vectors` numbers for each channel. */
static hb_cpu_order order_with(int vectors, hb_operand *in) {
    static hb_instr instr[] = {{.code = HB_LOAD, .dtype = HEBB_F32, .a = 0},
                               {.code = HB_SUM, .dtype = HEBB_F32, .a = 0}};
    static hb_output out[] = {{.to = {.dtype = HEBB_F32, .stride = {0, 1, 0}}, .value = 1}};
    in[0] = (hb_operand){.dtype = HEBB_F32, .stride = {64 * 3136, 3136, 1}};
    for (int i = 1; i <= vectors; i++) in[i] = (hb_operand){.dtype = HEBB_F32, .stride = {0, 1, 0}};
    const hb_loop loop = {.rank = 3,
                          .dim = {8, 64, 3136},
                          .reduce = {true, false, true},
                          .n_in = 1 + vectors,
                          .n_out = 1,
                          .n_instr = 2,
                          .n_pre = 1,
                          .in = in,
                          .out = out,
                          .instr = instr};
    return hb_cpu_order_of(&loop);
}

Test(order, numbers_for_each_channel_do_not_turn_images_around) {
    hb_operand in[9];
    for (int vectors = 0; vectors <= 8; vectors++) {
        const hb_cpu_order order = order_with(vectors, in);
        cr_assert_eq(order.dim[order.rank - 1], 2, "along dimension %d with %d vectors",
                     order.dim[order.rank - 1], vectors);
        cr_assert(!order.by_columns);
    }
}

Test(order, sums_of_columns_go_along_rows) {
    hb_operand in[1];
    hb_instr instr[] = {{.code = HB_LOAD, .dtype = HEBB_F32, .a = 0},
                        {.code = HB_SUM, .dtype = HEBB_F32, .a = 0}};
    hb_output out[] = {{.to = {.dtype = HEBB_F32, .stride = {0, 1}}, .value = 1}};
    in[0] = (hb_operand){.dtype = HEBB_F32, .stride = {512, 1}};
    const hb_loop loop = {.rank = 2,
                          .dim = {1024, 512},
                          .reduce = {true, false},
                          .n_in = 1,
                          .n_out = 1,
                          .n_instr = 2,
                          .n_pre = 1,
                          .in = in,
                          .out = out,
                          .instr = instr};
    const hb_cpu_order order = hb_cpu_order_of(&loop);
    cr_assert(order.by_columns);
    cr_assert_eq(order.dim[order.rank - 1], 1);
}
