/* Gradients of every differentiable op, on all its samples: in float64 on the CPU against central
   differences with a random cotangent, the same for gradients of gradients, then both on each
   backend, in float32 and float64, against those of the CPU; and pairs of runs that must agree in
   every bit. What each check does stands in checks/gradients.c; what hebb_gradients() promises
   beside numbers, in test_gradient_rules.c; that the checker can fail, in test_gradcheck.c. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "support/op_checks.h"

ParameterizedTestParameters(gradients, cpu) { return every_descriptor(); }
ParameterizedTest(int *index, gradients, cpu) { run_checks((size_t)*index, OF_GRADIENTS, "cpu"); }

ParameterizedTestParameters(gradients, second_cpu) { return every_descriptor(); }
ParameterizedTest(int *index, gradients, second_cpu) {
    run_checks((size_t)*index, OF_SECOND_GRADIENTS, "cpu");
}

/* Second gradients have kernels of the first ones among theirs. */
ParameterizedTestParameters(gradients, opencl) { return every_share(); }
ParameterizedTest(int *share, gradients, opencl) {
    run_share((size_t)*share, OF_GRADIENTS | OF_SECOND_GRADIENTS, "opencl");
}
