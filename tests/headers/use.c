/* What a user writes, in the C that is C++ as well. */
#include <hebb/hebb.h>

hebb_tensor *hebb_header_test(hebb_tensor *a, hebb_tensor *b);

hebb_tensor *hebb_header_test(hebb_tensor *a, hebb_tensor *b) {
    const int rows[] = {0};
    const hebb_border border = {0, 1, 1};
    hebb_tensor *both[] = {hebb_relu(hebb_add(a, b)), hebb_roll(a, 1, 0)};
    hebb_tensor *y = hebb_einsum("ij,ij->j", hebb_stack(both, 2, 0), hebb_pad(b, &border, 1, 0));
    y = hebb_sum(hebb_prod(y, rows, 1, true), HEBB_ALL_AXES, false);
    y = hebb_add(y, hebb_random_uniform_like(hebb_take(y, a, 0)));
    return hebb_gradient(y, b);
}
