/* Images of clothes that nobody has seen: drawn by a network from random numbers. Two ways to teach
   it that, on Fashion-MNIST. A variational autoencoder (D. Kingma and M. Welling 2014) describes an
   image by a distribution of codes, draws one, and makes an image of it: its loss, made here of
   ordinary operations, says how surprising the image is and how far the distribution is from the
   normal one, of which new codes are drawn in the end. Of two adversarial networks (I. Goodfellow
   et al. 2014), one draws and the other tells drawn images from real ones; each has an optimizer of
   its own, and they take turns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/hebb.h>

#include "common.h"
#include "fashion.h"

enum { PIXELS = FASHION_SIDE * FASHION_SIDE, SHOWN = 5 };

typedef struct settings {
    const char *model;
    long code, epochs, batch, steps, seed;
} settings;

/* Pixels as numbers from 0 to 1, [batch, PIXELS]. */
static hebb_tensor *image_input(hebb_graph *g, hebb_tensor **input) {
    *input = hebb_input(g, "image", HEBB_U8, HEBB_SHAPE(HEBB_ANY, FASHION_SIDE, FASHION_SIDE));
    return hebb_flatten(hebb_rescaling(*input, 1.0 / 255, 0));
}

/* ---- what is drawn ---- */

/* Images side by side, a character for 2 x 4 pixels. */
static void print_images(const hebb_array *images) {
    static const char *const shades[] = {" ", "░", "▒", "▓", "█"};
    const float *pixel = images->data;
    for (int y = 0; y < FASHION_SIDE; y += 4) {
        for (int x = 0; x < SHOWN * FASHION_SIDE; x += 2) {
            const float *corner =
                pixel + x / FASHION_SIDE * PIXELS + y * FASHION_SIDE + x % FASHION_SIDE;
            float sum = 0;
            for (int k = 0; k < 8; k++) sum += corner[k / 2 * FASHION_SIDE + k % 2];
            fputs(shades[(int)(sum / 8 * 4.99f)], stdout);
        }
        putchar('\n');
    }
}

/* Computes images of [SHOWN, PIXELS] and shows them. */
static bool show(hebb_session *session, hebb_tensor *drawn) {
    hebb_array images = {0};
    bool fine = hebb_run(session, HEBB_NO_FEED, HEBB_FETCH({drawn, &images})) == HEBB_OK;
    if (fine) print_images(&images);
    else fprintf(stderr, "%s\n", hebb_message(session));
    hebb_array_free(&images);
    return fine;
}

/* ---- a variational autoencoder ---- */

/* To logits of pixels. Called twice, it uses the same weights. */
static hebb_tensor *decoder(hebb_graph *g, hebb_tensor *code) {
    hebb_share_begin(g, "decoder");
    hebb_tensor *h = hebb_dense(code, 256, .activation = hebb_relu);
    h = hebb_dense(h, PIXELS);
    hebb_share_end(g);
    return h;
}

/* How far normal distributions of that mean and log variance are from the standard one, summed over
   the numbers of a code, its mean over the batch: (mean^2 + e^v - v - 1) / 2. */
static hebb_tensor *divergence(hebb_tensor *mean, hebb_tensor *v) {
    hebb_tensor *d = hebb_sub(hebb_add(hebb_square(mean), hebb_expm1(v)), v);
    d = hebb_mean(hebb_sum(d, HEBB_AXES(1), false), HEBB_ALL_AXES, false);
    return hebb_mul(d, hebb_scalar_like(d, 0.5));
}

static bool autoencoder(hebb_device *device, const settings *c, const hebb_dataset *data) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *image, *x = image_input(g, &image);
    hebb_tensor *h = hebb_dense(x, 256, .activation = hebb_relu);
    hebb_tensor *mean = hebb_dense(h, c->code, .name = "mean");
    hebb_tensor *variance = hebb_dense(h, c->code, .name = "log_variance");
    /* Drawn so that the gradient reaches mean and variance. */
    hebb_tensor *deviation = hebb_exp(hebb_mul(variance, hebb_scalar_like(variance, 0.5)));
    hebb_tensor *code = hebb_add(mean, hebb_mul(deviation, hebb_random_normal_like(mean)));

    hebb_tensor *surprise = hebb_binary_cross_entropy(decoder(g, code), x, .from_logits = true);
    surprise = hebb_mul(surprise, hebb_scalar_like(surprise, PIXELS)); /* a sum over pixels */
    hebb_tensor *distance = divergence(mean, variance);
    hebb_model *model = hebb_model_create(
        g, device, .inputs = HEBB_LIST(image), .loss = hebb_add(surprise, distance),
        .optimizer = hebb_adam(), .seed = (uint64_t)c->seed,
        .metrics = HEBB_METRICS({.name = "image", .counts = surprise, .lower_is_better = true},
                                {.name = "code", .counts = distance, .lower_is_better = true}));
    hebb_fit(model, data, .epochs = c->epochs, .batch = c->batch, .steps_per_epoch = c->steps,
             .callbacks = HEBB_CALLBACKS(hebb_progress(stdout)));
    bool fine = !hebb_failed(model);
    if (!fine) fprintf(stderr, "%s\n", hebb_message(model));

    hebb_tensor *new_code = hebb_random_normal(g, HEBB_F32, HEBB_SHAPE(SHOWN, c->code));
    fine = fine && show(hebb_model_session(model), hebb_sigmoid(decoder(g, new_code)));
    size_t epochs = 0;
    const double *losses = hebb_history(model, "loss", &epochs);
    if (fine) printf("first_loss=%.2f last_loss=%.2f\n", losses[0], losses[epochs - 1]);
    hebb_model_destroy(model);
    hebb_graph_destroy(g);
    return fine;
}

/* ---- adversarial networks ---- */

static hebb_tensor *generator(hebb_graph *g, hebb_tensor *code) {
    hebb_share_begin(g, "generator");
    hebb_tensor *h = hebb_leaky_relu(hebb_dense(code, 256), 0.2);
    h = hebb_leaky_relu(hebb_batch_normalization(hebb_dense(h, 256), .momentum = 0.9), 0.2);
    h = hebb_dense(h, PIXELS, .activation = hebb_sigmoid);
    hebb_share_end(g);
    return h;
}

/* To a logit for each image: whether it is real. */
static hebb_tensor *critic(hebb_graph *g, hebb_tensor *x) {
    hebb_share_begin(g, "critic");
    hebb_tensor *h = hebb_dropout(hebb_leaky_relu(hebb_dense(x, 256), 0.2), 0.3);
    h = hebb_dropout(hebb_leaky_relu(hebb_dense(h, 128), 0.2), 0.3);
    h = hebb_squeeze(hebb_dense(h, 1), 1);
    hebb_share_end(g);
    return h;
}

/* How surprised the critic is if these images are real (1), or drawn (0). */
static hebb_tensor *surprise_if(double real, hebb_tensor *logits) {
    return hebb_binary_cross_entropy(logits, hebb_full_like(logits, real), .from_logits = true);
}

static hebb_optimizer half_adam(void) { return hebb_adam(.learning_rate = 3e-4, .beta_1 = 0.5); }

typedef struct contest {
    hebb_tensor *image, *critic_loss, *critic_step, *generator_loss, *generator_step;
} contest;

static contest build_contest(hebb_graph *g, const settings *c) {
    contest n;
    hebb_tensor *x = image_input(g, &n.image);
    hebb_tensor *code = hebb_random_normal(g, HEBB_F32, HEBB_SHAPE(c->batch, c->code));
    hebb_tensor *judged = critic(g, generator(g, code));
    n.critic_loss = hebb_add(surprise_if(0.9, critic(g, x)), surprise_if(0, judged));
    n.critic_step = hebb_minimize(n.critic_loss, half_adam(),
                                  HEBB_PARAMETER_GROUPS({.match = "generator/", .frozen = true}));
    n.generator_loss = surprise_if(1, judged);
    n.generator_step = hebb_minimize(n.generator_loss, half_adam(),
                                     HEBB_PARAMETER_GROUPS({.match = "critic/", .frozen = true}));
    return n;
}

/* A loop of one's own in place of hebb_fit(): the two take turns. */
static bool compete(hebb_session *s, const contest *n, const settings *c,
                    const hebb_array *images) {
    hebb_batches *batches = hebb_batches_create(images, 1, c->batch, .shuffle = true,
                                                .seed = (uint64_t)c->seed, .drop_last = true);
    hebb_array batch, value = {0};
    for (long epoch = 0; epoch < c->epochs && !hebb_failed(s); epoch++) {
        double critic_loss = 0, generator_loss = 0;
        long steps = 0;
        hebb_batches_start(batches, (uint64_t)epoch);
        while ((c->steps == 0 || steps < c->steps) && hebb_batches_next(batches, &batch)) {
            hebb_run(s, HEBB_FEED({n->image, &batch}),
                     HEBB_FETCH({n->critic_step, NULL}, {n->critic_loss, &value}));
            critic_loss += hebb_array_item(&value);
            hebb_run(s, HEBB_NO_FEED,
                     HEBB_FETCH({n->generator_step, NULL}, {n->generator_loss, &value}));
            generator_loss += hebb_array_item(&value);
            steps++;
        }
        if (!hebb_failed(s) && steps > 0)
            printf("epoch %ld/%ld  critic %.4f  generator %.4f\n", epoch + 1, c->epochs,
                   critic_loss / (double)steps, generator_loss / (double)steps);
    }
    if (hebb_failed(s)) fprintf(stderr, "%s\n", hebb_message(s));
    hebb_array_free(&value);
    hebb_batches_destroy(batches);
    return !hebb_failed(s);
}

static bool adversaries(hebb_device *device, const settings *c, const hebb_dataset *data) {
    hebb_graph *g = hebb_graph_create();
    contest n = build_contest(g, c);
    hebb_tensor *code = hebb_random_normal(g, HEBB_F32, HEBB_SHAPE(SHOWN, c->code));
    hebb_tensor *drawn = generator(g, code), *judged = hebb_sigmoid(critic(g, drawn));
    judged = hebb_mean(judged, HEBB_ALL_AXES, false);
    hebb_session *s = hebb_session_create(g, device, .seed = (uint64_t)c->seed);
    hebb_array real = {0};
    bool fine = compete(s, &n, c, data->columns) && show(s, drawn) &&
                hebb_run(s, HEBB_NO_FEED, HEBB_FETCH({judged, &real})) == HEBB_OK;
    if (fine) printf("taken_for_real=%.3f\n", hebb_array_item(&real));
    hebb_array_free(&real);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    return fine;
}

int main(int argc, char **argv) {
    const char *device_name = "cpu", *data = FASHION_DATA;
    settings c = {.model = "vae", .code = 16, .epochs = 10, .batch = 128, .seed = 1};
    const option options[] = {
        DEVICE_OPTION(device_name),
        {"model", "vae, an autoencoder; or gan, two adversaries", &c.model, NULL, 0},
        {"code", "random numbers that become an image", NULL, &c.code, 1},
        {"epochs", "times to go through the training images", NULL, &c.epochs, 1},
        {"batch", "images a step", NULL, &c.batch, 1},
        {"steps", "of an epoch, at most; 0 for all", NULL, &c.steps, 0},
        {"seed", "of the first weights, the order of the images, and all that is drawn", NULL,
         &c.seed, 0},
        {"data", "directory of the IDX files, each a .gz", &data, NULL, 0},
    };
    parse_options(argc, argv, "Draws images of clothes from random numbers.", options,
                  COUNT(options));
    bool vae = strcmp(c.model, "vae") == 0;
    if (!vae && strcmp(c.model, "gan") != 0) {
        fprintf(stderr, "there is no model %s, only vae and gan\n", c.model);
        return EXIT_FAILURE;
    }
    hebb_array learn[2] = {{0}};
    bool fine = fashion_read(data, false, learn);
    hebb_device *device = hebb_device_open(device_name);
    fine = fine && (vae ? autoencoder : adversaries)(device, &c, HEBB_DATASET(learn[0]));
    hebb_device_close(device);
    for (int k = 0; k < 2; k++) hebb_array_free(&learn[k]);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
