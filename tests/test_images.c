/* Pictures: PNG files of every kind, bad ones, folders of them, and many images as one picture. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <zlib.h>

#include <hebb/hebb.h>

enum { HEIGHT = 5, WIDTH = 9 }; /* of the golden files */

static char directory[] = "/tmp/hebb-images-XXXXXX";
static char path[128], message[512];

static void make_directory(void) {
    cr_assert_not_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/a.png", directory);
}
static void remove_directory(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", directory);
    cr_expect_eq(system(command), 0);
}
TestSuite(images, .init = make_directory, .fini = remove_directory);

static unsigned char noise(int64_t k) { return (unsigned char)((uint32_t)(k * 2654435761u) >> 24); }

static hebb_array make_picture(int64_t height, int64_t width, int64_t channels) {
    hebb_array a = hebb_array_zeros(HEBB_U8, HEBB_SHAPE(height, width, channels));
    for (int64_t k = 0; k < hebb_array_count(&a); k++) ((unsigned char *)a.data)[k] = noise(k);
    if (channels == 1) a.shape.rank = 2;
    return a;
}

/* ---- what is written is read again ---- */

Test(images, come_back_as_they_were) {
    for (int channels = 1; channels <= 4; channels++) {
        hebb_array a = make_picture(7, 13, channels), b = {0};
        cr_assert_eq(hebb_write_png(path, &a, message, sizeof message), HEBB_OK, "%s", message);
        cr_assert_eq(hebb_read_png(path, 0, &b, message, sizeof message), HEBB_OK, "%s", message);
        cr_expect(hebb_shape_equal(a.shape, b.shape), "%d channels", channels);
        cr_expect_eq(memcmp(a.data, b.data, hebb_array_bytes(&a)), 0, "%d channels", channels);
        hebb_array_free(&a);
        hebb_array_free(&b);
    }
}

Test(images, of_floats_are_rounded_and_clipped) {
    float values[] = {0, 1, 0.5f, -3, 7, NAN, 0.1f, 1 / 255.0f};
    const unsigned char bytes[] = {0, 255, 128, 0, 255, 0, 26, 1};
    double doubles[8];
    for (int k = 0; k < 8; k++) doubles[k] = values[k];
    const hebb_array arrays[] = {hebb_array_view(values, HEBB_F32, HEBB_SHAPE(2, 4)),
                                 hebb_array_view(doubles, HEBB_F64, HEBB_SHAPE(2, 4))};
    hebb_array b = {0};
    for (int k = 0; k < 2; k++) {
        cr_assert_eq(hebb_write_png(path, &arrays[k], message, sizeof message), HEBB_OK);
        cr_assert_eq(hebb_read_png(path, 0, &b, message, sizeof message), HEBB_OK);
        cr_expect_eq(memcmp(b.data, bytes, 8), 0);
    }
    hebb_array_free(&b);
}

static hebb_array read_golden(const char *name, int channels) {
    char file[256];
    hebb_array a = {0};
    snprintf(file, sizeof file, GOLDEN_FOLDER "/images/%s.png", name);
    cr_assert_eq(hebb_read_png(file, channels, &a, message, sizeof message), HEBB_OK, "%s",
                 message);
    cr_assert(a.dtype == HEBB_U8 && a.shape.dim[0] == HEIGHT && a.shape.dim[1] == WIDTH);
    return a;
}

#define EACH_PIXEL                                                                                 \
    for (int y = 0, k = 0; y < HEIGHT; y++)                                                        \
        for (int x = 0; x < WIDTH; x++, k++)

Test(images, with_a_palette) {
    static const unsigned char colors[4][3] = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {10, 20, 30}};
    static const unsigned char opacity[4] = {255, 128, 0, 255}, gray[4] = {76, 150, 29, 18};
    hebb_array a = read_golden("palette", 0), b = read_golden("palette-transparent", 0),
               c = read_golden("palette-transparent", 1), d = read_golden("palette", 2);
    cr_assert(a.shape.dim[2] == 3 && b.shape.dim[2] == 4 && c.shape.rank == 2);
    EACH_PIXEL {
        int index = (x + 3 * y) % 4;
        const unsigned char *pixel = (unsigned char *)b.data + 4 * k;
        cr_expect_eq(memcmp((char *)a.data + 3 * k, colors[index], 3), 0, "%d, %d", x, y);
        cr_expect_eq(memcmp(pixel, colors[index], 3), 0, "%d, %d", x, y);
        cr_expect_eq(pixel[3], opacity[index], "%d, %d", x, y);
        cr_expect_eq(((unsigned char *)c.data)[k], gray[index], "%d, %d", x, y);
        cr_expect_eq(((unsigned char *)d.data)[2 * k + 1], 255);
    }
    hebb_array_free(&a);
    hebb_array_free(&b);
    hebb_array_free(&c);
    hebb_array_free(&d);
}

Test(images, of_fewer_and_of_more_bits) {
    hebb_array bits = read_golden("bits", 0), deep = read_golden("gray16", 0),
               color = read_golden("gray16", 3);
    cr_assert(bits.shape.rank == 2 && deep.shape.rank == 2 && color.shape.dim[2] == 3);
    EACH_PIXEL {
        unsigned char wanted = (unsigned char)((x * 7000 + y * 13) * 255.0 / 65535 + 0.5);
        cr_expect_eq(((unsigned char *)bits.data)[k], (x + y) % 3 == 0 ? 255 : 0);
        cr_expect_eq(((unsigned char *)deep.data)[k], wanted);
        for (int c = 0; c < 3; c++) cr_expect_eq(((unsigned char *)color.data)[3 * k + c], wanted);
    }
    hebb_array_free(&bits);
    hebb_array_free(&deep);
    hebb_array_free(&color);
}

Test(images, interlaced_and_with_opacity) {
    hebb_array a = read_golden("interlaced", 0), b = read_golden("gray-alpha", 0),
               c = read_golden("gray-alpha", 4);
    EACH_PIXEL {
        const unsigned char rgb[] = {(unsigned char)(20 * x), (unsigned char)(40 * y),
                                     (unsigned char)(x * y)};
        const unsigned char la[] = {(unsigned char)(20 * x), (unsigned char)(50 - 10 * y)};
        const unsigned char rgba[] = {la[0], la[0], la[0], la[1]};
        cr_expect_eq(memcmp((char *)a.data + 3 * k, rgb, 3), 0, "%d, %d", x, y);
        cr_expect_eq(memcmp((char *)b.data + 2 * k, la, 2), 0, "%d, %d", x, y);
        cr_expect_eq(memcmp((char *)c.data + 4 * k, rgba, 4), 0, "%d, %d", x, y);
    }
    hebb_array_free(&a);
    hebb_array_free(&b);
    hebb_array_free(&c);
}

/* ---- bad files ---- */

static void expect_bad(const char *file, hebb_status status, const char *words) {
    unsigned char kept = 7;
    hebb_array a = hebb_array_view(&kept, HEBB_U8, HEBB_SHAPE(1, 1));
    message[0] = '\0';
    cr_expect_eq(hebb_read_png(file, 0, &a, message, sizeof message), status, "%s: %s", words,
                 message);
    cr_expect_not_null(strstr(message, file), "'%s' does not name the file", message);
    cr_expect_not_null(strstr(message, words), "'%s' does not say '%s'", message, words);
    cr_expect(a.data == &kept && kept == 7);
}

static size_t read_bytes(unsigned char *bytes, size_t size) {
    FILE *file = fopen(path, "rb");
    size_t n = fread(bytes, 1, size, file);
    fclose(file);
    return n;
}

static void write_bytes(const unsigned char *bytes, size_t n) {
    FILE *file = fopen(path, "wb");
    cr_assert(file != NULL && fwrite(bytes, 1, n, file) == n && fclose(file) == 0);
}

static size_t write_small(unsigned char *bytes, size_t size) {
    hebb_array a = make_picture(4, 5, 3);
    cr_assert_eq(hebb_write_png(path, &a, NULL, 0), HEBB_OK);
    hebb_array_free(&a);
    return read_bytes(bytes, size);
}

Test(images, truncated_at_every_byte) {
    unsigned char bytes[512];
    size_t n = write_small(bytes, sizeof bytes);
    cr_assert(n > 60 && n < sizeof bytes);
    for (size_t cut = 0; cut < n; cut++) {
        char words[64];
        snprintf(words, sizeof words, "truncated at byte %zu", cut);
        write_bytes(bytes, cut);
        expect_bad(path, HEBB_E_FORMAT, words);
    }
}

/* Whatever byte is another one: a picture or an error, but nothing worse. Critical chunks have a
   checksum, so that the pixels and their sizes are not wrong unnoticed. */
Test(images, with_every_byte_wrong) {
    unsigned char bytes[512];
    size_t n = write_small(bytes, sizeof bytes), errors = 0;
    for (size_t at = 0; at < n; at++) {
        hebb_array a = {0};
        bytes[at] ^= 0x41;
        write_bytes(bytes, n);
        errors += hebb_read_png(path, 0, &a, message, sizeof message) != HEBB_OK;
        bytes[at] ^= 0x41;
        hebb_array_free(&a);
    }
    cr_expect_eq(errors, n);
}

/* A header with these sizes and a checksum that is right. */
static void write_lie(unsigned char *bytes, size_t n, uint32_t width, uint32_t height) {
    for (int k = 0; k < 4; k++) {
        bytes[16 + k] = (unsigned char)(width >> 8 * (3 - k));
        bytes[20 + k] = (unsigned char)(height >> 8 * (3 - k));
    }
    uint32_t sum = (uint32_t)crc32(0, bytes + 12, 17);
    for (int k = 0; k < 4; k++) bytes[29 + k] = (unsigned char)(sum >> 8 * (3 - k));
    write_bytes(bytes, n);
}

Test(images, of_absurd_sizes) {
    unsigned char bytes[512];
    size_t n = write_small(bytes, sizeof bytes);
    write_lie(bytes, n, 900000, 900000);
    expect_bad(path, HEBB_E_FORMAT, "900000 x 900000 pixels, more than");
    write_lie(bytes, n, 0xffffffff, 1);
    expect_bad(path, HEBB_E_FORMAT, "byte");
    write_lie(bytes, n, 0, 5);
    expect_bad(path, HEBB_E_FORMAT, "byte");
}

Test(images, that_are_none) {
    write_bytes((const unsigned char *)"GIF89a, which is something else", 31);
    expect_bad(path, HEBB_E_FORMAT, "PNG");
    expect_bad(directory, HEBB_E_FILE, "not a regular file");
    expect_bad("/nonexistent/a.png", HEBB_E_FILE, "No such file");
}

Test(images, wrong_arguments) {
    hebb_array a = make_picture(4, 5, 3), none = {0}, b = {0};
    cr_expect_eq(hebb_read_png(NULL, 0, &b, message, sizeof message), HEBB_E_NULL);
    cr_expect_eq(hebb_read_png(path, 0, NULL, message, sizeof message), HEBB_E_NULL);
    cr_expect_eq(hebb_read_png(path, 5, &b, message, sizeof message), HEBB_E_ARGUMENT);
    cr_expect_eq(hebb_write_png(NULL, &a, message, sizeof message), HEBB_E_NULL);
    cr_expect_eq(hebb_write_png(path, NULL, message, sizeof message), HEBB_E_NULL);
    cr_expect_eq(hebb_write_png(path, &none, message, sizeof message), HEBB_E_NULL);
    a.shape = HEBB_SHAPE(2, 2, 15);
    cr_expect_eq(hebb_write_png(path, &a, message, sizeof message), HEBB_E_SHAPE);
    cr_expect_not_null(strstr(message, "[2, 2, 15]"), "%s", message);
    a.shape = HEBB_SHAPE(0, 5);
    cr_expect_eq(hebb_write_png(path, &a, message, sizeof message), HEBB_E_SHAPE);
    a.shape = HEBB_SHAPE(3, 5);
    a.dtype = HEBB_I32;
    cr_expect_eq(hebb_write_png(path, &a, message, sizeof message), HEBB_E_DTYPE);
    a.dtype = HEBB_U8;
    cr_expect_eq(hebb_write_png("/nonexistent/a.png", &a, message, sizeof message), HEBB_E_FILE);
    hebb_array_free(&a);
}

Test(images, in_memory_as_in_a_file) {
    hebb_array a = make_picture(40, 50, 3), bytes = {0};
    cr_assert_eq(hebb_write_png(path, &a, message, sizeof message), HEBB_OK, "%s", message);
    cr_assert_eq(hebb_encode_png(&a, &bytes, message, sizeof message), HEBB_OK, "%s", message);
    static unsigned char from_file[1 << 16];
    FILE *file = fopen(path, "rb");
    size_t n = fread(from_file, 1, sizeof from_file, file);
    fclose(file);
    cr_assert_eq(hebb_array_bytes(&bytes), n);
    cr_expect_arr_eq(bytes.data, from_file, n);
    cr_expect_eq(hebb_encode_png(NULL, &bytes, message, sizeof message), HEBB_E_NULL);
    cr_expect_eq(hebb_encode_png(&a, NULL, message, sizeof message), HEBB_E_NULL);
    a.shape.rank = 1;
    cr_expect_eq(hebb_encode_png(&a, &bytes, message, sizeof message), HEBB_E_SHAPE);
    a.shape.rank = 3;
    hebb_array_free(&a);
    hebb_array_free(&bytes);
}

/* A disk that is full after 1000 bytes: an error, and the old file is there. */
Test(images, full_disk_leaves_the_old_file) {
    hebb_array small = make_picture(4, 5, 3), large = make_picture(200, 200, 3), b = {0};
    cr_assert_eq(hebb_write_png(path, &small, message, sizeof message), HEBB_OK);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){1000, 1000});
        hebb_status status = hebb_write_png(path, &large, message, sizeof message);
        _exit(status == HEBB_E_FILE && strstr(message, "cannot be written") != NULL ? 0 : 1);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    cr_assert_eq(hebb_read_png(path, 0, &b, message, sizeof message), HEBB_OK, "%s", message);
    cr_expect(hebb_shape_equal(b.shape, small.shape));
    hebb_array_free(&small);
    hebb_array_free(&large);
    hebb_array_free(&b);
}

/* ---- grids ---- */

Test(images, side_by_side) {
    unsigned char bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}; /* three of 2 x 2 */
    static const unsigned char wanted[5][5] = {
        {1, 2, 0, 5, 6}, {3, 4, 0, 7, 8}, {0, 0, 0, 0, 0}, {9, 10, 0, 0, 0}, {11, 12, 0, 0, 0}};
    hebb_array images = hebb_array_view(bytes, HEBB_U8, HEBB_SHAPE(3, 2, 2)), picture = {0};
    cr_assert_eq(hebb_image_grid(&images, &picture, NULL, 0, .columns = 2, .gap = 1, .dark = true),
                 HEBB_OK);
    cr_assert(hebb_shape_equal(picture.shape, HEBB_SHAPE(5, 5)));
    cr_expect_eq(memcmp(picture.data, wanted, sizeof wanted), 0);
    cr_assert_eq(hebb_image_grid(&images, &picture, NULL, 0), HEBB_OK);
    cr_expect(hebb_shape_equal(picture.shape, HEBB_SHAPE(6, 6)));
    cr_expect_eq(hebb_array_at(&picture, 2), 255);
    hebb_array_free(&picture);
}

/* Channels come last, pixels are repeated, -1 ... 1 becomes 0 ... 255. */
Test(images, side_by_side_in_color_and_larger) {
    float values[2][3][1][2] = {{{{-1, 1}}, {{0, 0}}, {{1, -1}}}, {{{1, 1}}, {{1, 1}}, {{1, 1}}}};
    hebb_array images = hebb_array_view(values, HEBB_F32, HEBB_SHAPE(2, 3, 1, 2)), picture = {0};
    static const unsigned char first[] = {0, 128, 255, 0, 128, 255, 255, 128, 0, 255, 128, 0};
    cr_assert_eq(hebb_image_grid(&images, &picture, message, sizeof message, .columns = 1,
                                 .gap = -1, .scale = 2, .low = -1, .high = 1),
                 HEBB_OK, "%s", message);
    cr_assert(hebb_shape_equal(picture.shape, HEBB_SHAPE(4, 4, 3)));
    cr_expect_eq(memcmp(picture.data, first, 12), 0);
    cr_expect_eq(memcmp((char *)picture.data + 12, first, 12), 0);
    for (int k = 24; k < 48; k++) cr_expect_eq(hebb_array_at(&picture, k), 255);
    hebb_array_free(&picture);
}

Test(images, grids_of_wrong_arguments) {
    unsigned char bytes[12] = {0};
    hebb_array good = hebb_array_view(bytes, HEBB_U8, HEBB_SHAPE(3, 2, 2)), bad = good, picture;
    picture = good;
    bad.shape = HEBB_SHAPE(12);
    cr_expect_eq(hebb_image_grid(&bad, &picture, message, sizeof message), HEBB_E_SHAPE);
    cr_expect_not_null(strstr(message, "[12]"), "%s", message);
    bad.shape = HEBB_SHAPE(0, 2, 2);
    cr_expect_eq(hebb_image_grid(&bad, &picture, NULL, 0), HEBB_E_SHAPE);
    bad.shape = HEBB_SHAPE(1, 12, 1, 1);
    cr_expect_eq(hebb_image_grid(&bad, &picture, NULL, 0), HEBB_E_SHAPE);
    bad.shape = HEBB_SHAPE(3, 1, 1);
    bad.dtype = HEBB_I32;
    cr_expect_eq(hebb_image_grid(&bad, &picture, NULL, 0), HEBB_E_DTYPE);
    cr_expect_eq(hebb_image_grid(NULL, &picture, NULL, 0), HEBB_E_NULL);
    cr_expect_eq(hebb_image_grid(&good, NULL, NULL, 0), HEBB_E_NULL);
    cr_expect_eq(hebb_image_grid(&good, &picture, NULL, 0, .columns = -1), HEBB_E_ARGUMENT);
    cr_expect_eq(hebb_image_grid(&good, &picture, NULL, 0, .gap = -2), HEBB_E_ARGUMENT);
    cr_expect_eq(hebb_image_grid(&good, &picture, NULL, 0, .scale = INT32_MAX), HEBB_E_ARGUMENT);
    cr_expect_eq(hebb_image_grid(&good, &picture, NULL, 0, .low = 3, .high = 3), HEBB_E_ARGUMENT);
    cr_expect_eq(hebb_image_grid(&good, &picture, NULL, 0, .high = NAN), HEBB_E_ARGUMENT);
    cr_expect_eq(picture.data, bytes);
}

/* ---- folders ---- */

static void put(const char *name, int64_t height, int64_t width, int64_t channels) {
    char file[192];
    snprintf(file, sizeof file, "%s/%s", directory, name);
    hebb_array a = make_picture(height, width, channels);
    cr_assert_eq(hebb_write_png(file, &a, message, sizeof message), HEBB_OK, "%s", message);
    hebb_array_free(&a);
}

static void put_folder(const char *name) {
    char file[192];
    snprintf(file, sizeof file, "%s/%s", directory, name);
    cr_assert_eq(mkdir(file, 0777), 0);
}

Test(images, in_a_folder_a_class) {
    hebb_array images = {0}, labels = {0};
    hebb_names classes = {0};
    put_folder("dog");
    put_folder("cat");
    put_folder("none");
    put_folder(".hidden");
    put("dog/b.png", 3, 2, 3);
    put("cat/2.PNG", 3, 2, 3);
    put("cat/1.png", 3, 2, 3);
    put("cat/notes.txt", 9, 9, 1); /* the name decides */
    put(".hidden/a.png", 9, 9, 1);
    cr_assert_eq(
        hebb_read_png_folder(directory, 0, &images, &labels, &classes, message, sizeof message),
        HEBB_OK, "%s", message);
    cr_assert(hebb_shape_equal(images.shape, HEBB_SHAPE(3, 3, 3, 2)) && images.dtype == HEBB_U8);
    cr_assert(hebb_shape_equal(labels.shape, HEBB_SHAPE(3)) && labels.dtype == HEBB_I32);
    cr_assert_eq(classes.count, 3);
    cr_expect_str_eq(classes.at[0], "cat");
    cr_expect_str_eq(classes.at[1], "dog");
    cr_expect_eq(hebb_names_find(&classes, "none"), 2);
    cr_expect_eq(hebb_names_find(&classes, "cow"), -1);
    for (int k = 0; k < 3; k++) cr_expect_eq(hebb_array_at(&labels, k), k == 2);
    for (int c = 0; c < 3; c++)
        for (int k = 0; k < 6; k++)
            cr_expect_eq(hebb_array_at(&images, 18 + c * 6 + k), noise(3 * k + c));
    cr_assert_eq(hebb_read_png_folder(directory, 1, &images, NULL, NULL, message, sizeof message),
                 HEBB_OK, "%s", message);
    cr_expect(hebb_shape_equal(images.shape, HEBB_SHAPE(3, 1, 3, 2)));
    hebb_array_free(&images);
    hebb_array_free(&labels);
    hebb_names_free(&classes);
}

Test(images, in_a_folder_without_classes) {
    hebb_array images = {0}, labels = {0};
    put("a.png", 3, 2, 1);
    put("b.png", 3, 2, 1);
    cr_assert_eq(
        hebb_read_png_folder(directory, 0, &images, &labels, NULL, message, sizeof message),
        HEBB_OK, "%s", message);
    cr_expect(hebb_shape_equal(images.shape, HEBB_SHAPE(2, 1, 3, 2)));
    cr_expect_eq(hebb_array_at(&labels, 1), 0);
    hebb_array_free(&images);
    hebb_array_free(&labels);
}

static void expect_bad_folder(const char *folder, hebb_status status, const char *words) {
    hebb_array images = {0}, labels = {0};
    hebb_names classes = {0};
    cr_expect_eq(
        hebb_read_png_folder(folder, 0, &images, &labels, &classes, message, sizeof message),
        status, "%s: %s", words, message);
    cr_expect_not_null(strstr(message, words), "'%s' does not say '%s'", message, words);
    cr_expect(images.data == NULL && labels.data == NULL && classes.count == 0);
}

Test(images, in_a_bad_folder) {
    hebb_array images = {0};
    cr_expect_eq(hebb_read_png_folder(NULL, 0, &images, NULL, NULL, NULL, 0), HEBB_E_NULL);
    cr_expect_eq(hebb_read_png_folder(directory, 0, NULL, NULL, NULL, NULL, 0), HEBB_E_NULL);
    expect_bad_folder("/nonexistent", HEBB_E_FILE, "/nonexistent: cannot be opened");
    expect_bad_folder(directory, HEBB_E_FORMAT, "no PNG files");
    put_folder("cat");
    put("cat/1.png", 3, 2, 3);
    put("cat/2.png", 3, 4, 3);
    expect_bad_folder(directory, HEBB_E_SHAPE, "cat/2.png: 4 x 3 pixels with 3 channels, but");
    put("cat/2.png", 3, 2, 4);
    expect_bad_folder(directory, HEBB_E_SHAPE, "cat/2.png: 2 x 3 pixels with 4 channels, but");
    snprintf(path, sizeof path, "%s/cat/2.png", directory);
    write_bytes((const unsigned char *)"\x89PNG", 4);
    expect_bad_folder(directory, HEBB_E_FORMAT, "cat/2.png: truncated at byte 4");
}
