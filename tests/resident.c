/* A program that does nothing but train one of two networks on the CPU, and fails if the process
   ever had more than so many MiB resident: what is loaded at the start (no OpenCL driver, above
   all) and what the library keeps count as the plan does.

     resident mlp 20    784-512-512-10, batch 128
     resident cnn 60    1x28x28, two convolutions, max-pool, dense 128, dense 10, batch 64 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/hebb.h>

#include "../bench/bench.h"

enum { STEPS = 5 };

static hebb_tensor *mlp(hebb_tensor *x) {
    x = hebb_dense(x, 512, .activation = hebb_relu);
    return hebb_dense(hebb_dense(x, 512, .activation = hebb_relu), 10);
}

static hebb_tensor *cnn(hebb_tensor *x) {
    x = hebb_conv2d(x, 32, 3, .activation = hebb_relu);
    x = hebb_max_pool2d(hebb_conv2d(x, 64, 3, .activation = hebb_relu), 2);
    return hebb_dense(hebb_dense(hebb_flatten(x), 128, .activation = hebb_relu), 10);
}

static bool train(hebb_tensor *(*network)(hebb_tensor *), hebb_shape shape) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, shape);
    hebb_tensor *t = hebb_input(g, "t", HEBB_I32, HEBB_SHAPE(shape.dim[0]));
    hebb_tensor *loss = hebb_sparse_softmax_cross_entropy(network(x), t);
    hebb_tensor *step = hebb_minimize(loss, hebb_sgd(.learning_rate = 0.1));
    hebb_device *device = hebb_device_open("cpu");
    hebb_session *s = hebb_session_create(g, device);
    hebb_array images = hebb_array_zeros(HEBB_F32, shape), value = {0};
    hebb_array labels = hebb_array_zeros(HEBB_I32, HEBB_SHAPE(shape.dim[0]));
    for (int k = 0; k < STEPS && !hebb_failed(s); k++)
        hebb_run(s, HEBB_FEED({x, &images}, {t, &labels}),
                 HEBB_FETCH({step, NULL}, {loss, &value}));
    bool fine = !hebb_failed(s);
    if (!fine) fprintf(stderr, "%s\n", hebb_message(s));
    hebb_session_destroy(s);
    hebb_device_close(device);
    hebb_graph_destroy(g);
    hebb_array_free(&images);
    hebb_array_free(&labels);
    hebb_array_free(&value);
    return fine;
}

int main(int argc, char **argv) {
    if (argc != 3) return EXIT_FAILURE;
    bool images = strcmp(argv[1], "cnn") == 0;
    bool fine = images ? train(cnn, HEBB_SHAPE(64, 1, 28, 28)) : train(mlp, HEBB_SHAPE(128, 784));
    double mib = resident_peak_bytes() / (1 << 20), most = strtod(argv[2], NULL);
    printf("%s: %.1f MiB resident at most, %g allowed\n", argv[1], mib, most);
    return fine && mib > 0 && mib <= most ? EXIT_SUCCESS : EXIT_FAILURE;
}
