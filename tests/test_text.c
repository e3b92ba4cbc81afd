/* Reading text, and vocabularies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include <criterion/criterion.h>
#include <hebb/hebb.h>

static const char *const lines[] = {"The cat sat.", "the dog sat, the cat ran!", "It's a dog"};

Test(vocabulary, words_by_frequency) {
    hebb_vocabulary *v = hebb_vocabulary_create(lines, 3);
    static const char *const wanted[] = {"",  "[UNK]", "the", "cat", "dog",  "sat",
                                         "!", ",",     ".",   "a",   "it's", "ran"};
    cr_assert_eq(hebb_vocabulary_size(v), 12);
    for (int32_t k = 0; k < 12; k++) {
        cr_expect_str_eq(hebb_vocabulary_token(v, k), wanted[k]);
        if (k > 1) cr_expect_eq(hebb_vocabulary_id(v, wanted[k]), k);
    }
    cr_expect_eq(hebb_vocabulary_id(v, "horse"), 1);
    cr_expect_str_eq(hebb_vocabulary_token(v, 12), "");
    cr_expect_str_eq(hebb_vocabulary_token(v, -1), "");
    int32_t ids[4];
    cr_expect_eq(hebb_vocabulary_encode(v, "THE horse ran home", ids, 3), 4);
    cr_expect(ids[0] == 2 && ids[1] == 1 && ids[2] == 11);
    hebb_array rows = {0};
    cr_expect_eq(hebb_vocabulary_encode_all(v, lines, 3, 5, &rows), HEBB_OK);
    static const int32_t all[] = {2, 3, 5, 8, 0, 2, 4, 5, 7, 2, 10, 9, 4, 0, 0};
    cr_assert_eq(hebb_array_count(&rows), 15);
    for (int k = 0; k < 15; k++) cr_expect_eq(hebb_array_at(&rows, k), all[k]);
    cr_expect_eq(hebb_vocabulary_encode_all(v, lines, 3, 0, &rows), HEBB_E_ARGUMENT);
    cr_expect_eq(hebb_vocabulary_encode_all(v, NULL, 3, 5, &rows), HEBB_E_NULL);
    hebb_array_free(&rows);
    hebb_vocabulary_destroy(v);
}

Test(vocabulary, limits) {
    hebb_vocabulary *v = hebb_vocabulary_create(lines, 3, .most = 4);
    cr_expect_eq(hebb_vocabulary_size(v), 4);
    cr_expect_eq(hebb_vocabulary_id(v, "dog"), 1);
    hebb_vocabulary_destroy(v);
    v = hebb_vocabulary_create(lines, 3, .least = 2, .keep_case = true);
    cr_expect_eq(hebb_vocabulary_size(v), 6); /* cat dog sat the */
    cr_expect_eq(hebb_vocabulary_id(v, "The"), 1);
    hebb_vocabulary_destroy(v);
    v = hebb_vocabulary_create(NULL, 0);
    cr_expect_eq(hebb_vocabulary_size(v), 2);
    hebb_vocabulary_destroy(v);
    hebb_vocabulary_destroy(NULL);
    cr_expect_eq(hebb_vocabulary_size(NULL), 0);
}

Test(vocabulary, characters_are_those_of_utf_8) {
    const char *text = "a\xc3\xa9\xe2\x82\xac a\xff";
    hebb_vocabulary *v = hebb_vocabulary_create(&text, 1, .characters = true);
    int32_t ids[8];
    cr_expect_eq(hebb_vocabulary_size(v), 7);
    cr_assert_eq(hebb_vocabulary_encode(v, text, ids, 8), 6);
    cr_expect_eq(ids[0], ids[4]);
    cr_expect_str_eq(hebb_vocabulary_token(v, ids[1]), "\xc3\xa9");
    cr_expect_str_eq(hebb_vocabulary_token(v, ids[2]), "\xe2\x82\xac");
    cr_expect_str_eq(hebb_vocabulary_token(v, ids[5]), "\xff");
    hebb_vocabulary_destroy(v);
}

static void expect_text(const hebb_vocabulary *v, const char *from, const char *wanted) {
    int32_t ids[64], again[64];
    int64_t n = hebb_vocabulary_encode(v, from, ids, 64);
    char text[128];
    cr_expect_eq(hebb_vocabulary_decode(v, ids, n, text, sizeof text), (int64_t)strlen(wanted));
    cr_expect_str_eq(text, wanted);
    cr_assert_eq(hebb_vocabulary_encode(v, text, again, 64), n);
    cr_expect_arr_eq(ids, again, (size_t)n * sizeof *ids);
}

Test(vocabulary, numbers_become_text_again) {
    const char *text = "The cat (it's 50% dog) sat, ran; was: here? \"No!\" [Etc.]";
    hebb_vocabulary *v = hebb_vocabulary_create(&text, 1);
    expect_text(v, text, "the cat (it's 50% dog) sat, ran; was: here? \" no! \" [etc.]");
    expect_text(v, "", "");
    expect_text(v, ".", ".");
    const int32_t ids[] = {0,
                           hebb_vocabulary_id(v, "cat"),
                           0,
                           1,
                           -3,
                           1000,
                           hebb_vocabulary_id(v, "sat"),
                           hebb_vocabulary_id(v, "!"),
                           0};
    char out[32];
    cr_expect_eq(hebb_vocabulary_decode(v, ids, 9, out, sizeof out), 14);
    cr_expect_str_eq(out, "cat [UNK] sat!");
    for (size_t size = 0; size < sizeof out; size++) { /* whole tokens */
        memset(out, 'x', sizeof out);
        cr_expect_eq(hebb_vocabulary_decode(v, ids, 9, out, size), 14);
        cr_expect_eq(out[size], 'x');
        if (size > 0)
            cr_expect_str_eq(out, size > 14   ? "cat [UNK] sat!"
                                  : size > 13 ? "cat [UNK] sat"
                                  : size > 9  ? "cat [UNK]"
                                  : size > 3  ? "cat"
                                              : "");
    }
    cr_expect_eq(hebb_vocabulary_decode(v, ids, 9, NULL, 0), 14);
    cr_expect_eq(hebb_vocabulary_decode(v, ids, -1, out, sizeof out), 0);
    cr_expect_eq(hebb_vocabulary_decode(v, NULL, 9, out, sizeof out), 0);
    cr_expect_eq(hebb_vocabulary_decode(NULL, ids, 9, out, sizeof out), 0);
    cr_expect_str_eq(out, "");
    hebb_vocabulary_destroy(v);
    v = hebb_vocabulary_create(&text, 1, .characters = true);
    expect_text(v, text, text);
    hebb_vocabulary_destroy(v);
}

/* Many more words than the table starts with, all different. */
Test(vocabulary, many_words) {
    char *text = malloc(200000);
    size_t n = 0;
    for (int k = 0; k < 20000; k++) n += (size_t)sprintf(text + n, "w%d ", k);
    hebb_vocabulary *v = hebb_vocabulary_create((const char *const[]){text}, 1);
    cr_expect_eq(hebb_vocabulary_size(v), 20002);
    for (int k = 0; k < 20000; k += 997) {
        char word[16];
        sprintf(word, "w%d", k);
        cr_expect_str_eq(hebb_vocabulary_token(v, hebb_vocabulary_id(v, word)), word);
    }
    hebb_vocabulary_destroy(v);
    free(text);
}

Test(vocabulary, tokens_keep_their_numbers) {
    static const char *const tokens[] = {"the", "cat", "the", NULL, "sat"};
    hebb_vocabulary *v = hebb_vocabulary_create(tokens, 5, .tokens = true);
    cr_expect_eq(hebb_vocabulary_size(v), 7);
    cr_expect_eq(hebb_vocabulary_id(v, "the"), 2);
    cr_expect_eq(hebb_vocabulary_id(v, "sat"), 6);
    cr_expect_eq(hebb_vocabulary_id(v, "dog"), 1);
    cr_expect_str_eq(hebb_vocabulary_token(v, 4), "the");
    cr_expect_str_eq(hebb_vocabulary_token(v, 5), "");
    hebb_vocabulary_destroy(v);
    v = hebb_vocabulary_create(tokens, 5, .tokens = true, .most = 4);
    cr_expect_eq(hebb_vocabulary_size(v), 4);
    cr_expect_eq(hebb_vocabulary_id(v, "sat"), 1);
    hebb_vocabulary_destroy(v);
    v = hebb_vocabulary_create(NULL, 5, .tokens = true);
    cr_expect_eq(hebb_vocabulary_size(v), 2);
    hebb_vocabulary_destroy(v);
}

/* ---- files ---- */

static void write_file(const char *path, const char *text, size_t n, bool zipped) {
    if (!zipped) {
        FILE *file = fopen(path, "wb");
        fwrite(text, 1, n, file);
        fclose(file);
        return;
    }
    gzFile file = gzopen(path, "wb");
    gzwrite(file, text, (unsigned)n);
    gzclose(file);
}

Test(read_text, plain_and_compressed) {
    char path[] = "/tmp/hebb_text_XXXXXX", message[256], *large = malloc(300001), *text;
    close(mkstemp(path));
    for (int k = 0; k < 300000; k++) large[k] = (char)('a' + k % 23 + k / 70000);
    large[300000] = 0;
    for (int zipped = 0; zipped < 2; zipped++) {
        size_t length = 0;
        write_file(path, large, 300000, zipped);
        cr_assert_eq(hebb_read_text(path, &text, &length, message, sizeof message), HEBB_OK);
        cr_expect_eq(length, 300000);
        cr_expect_str_eq(text, large);
        free(text);
    }
    truncate(path, 500);
    text = large;
    cr_expect_eq(hebb_read_text(path, &text, NULL, message, sizeof message), HEBB_E_FORMAT);
    cr_expect(strstr(message, path) != NULL, "%s", message);
    cr_expect_eq(text, large);
    write_file(path, "", 0, false);
    cr_expect_eq(hebb_read_text(path, &text, NULL, NULL, 0), HEBB_OK);
    cr_expect_str_eq(text, "");
    free(text);
    unlink(path);
    cr_expect_eq(hebb_read_text(path, &text, NULL, message, sizeof message), HEBB_E_FILE);
    cr_expect(strstr(message, "No such file") != NULL, "%s", message);
    cr_expect_eq(hebb_read_text(NULL, &text, NULL, message, sizeof message), HEBB_E_NULL);
    cr_expect_neq(hebb_read_text("/tmp", &text, NULL, message, sizeof message), HEBB_OK);
    free(large);
}

/* ---- vocabularies in files ---- */

static void expect_bad(const char *path, const char *bytes, size_t n, const char *words) {
    char message[256];
    hebb_vocabulary *v = (hebb_vocabulary *)message;
    write_file(path, bytes, n, false);
    cr_expect_eq(hebb_vocabulary_load(path, &v, message, sizeof message), HEBB_E_FORMAT, "%.*s",
                 (int)n, bytes);
    cr_expect_null(v);
    cr_expect_not_null(strstr(message, words), "%s", message);
}

Test(vocabulary, is_saved_and_loaded) {
    const char *text = "It's a \\ line\r\nand \xe2\x82\xac\xff, a \\n line";
    char path[] = "/tmp/hebb_text_XXXXXX", message[256], *file;
    close(mkstemp(path));
    for (int k = 0; k < 3; k++) {
        hebb_vocabulary_options o = {.keep_case = k == 1, .characters = k == 2};
        hebb_vocabulary *v = hebb_vocabulary_create_with(&text, 1, &o), *again;
        cr_assert_eq(hebb_vocabulary_save(v, path, message, sizeof message), HEBB_OK);
        cr_assert_eq(hebb_vocabulary_load(path, &again, message, sizeof message), HEBB_OK, "%s",
                     message);
        cr_expect_eq(hebb_vocabulary_made_with(again).characters, k == 2);
        cr_expect_eq(hebb_vocabulary_size(again), hebb_vocabulary_size(v));
        int32_t ids[64], others[64];
        int64_t n = hebb_vocabulary_encode(v, text, ids, 64);
        cr_expect_eq(hebb_vocabulary_encode(again, text, others, 64), n);
        cr_expect_arr_eq(ids, others, (size_t)n * sizeof *ids);
        cr_expect_eq(hebb_vocabulary_id(again, "It's"), hebb_vocabulary_id(v, "It's"));
        hebb_vocabulary_destroy(again);
        size_t length; /* wherever it is cut off, it is refused */
        cr_assert_eq(hebb_read_text(path, &file, &length, NULL, 0), HEBB_OK);
        for (size_t cut = 0; cut < length; cut++) expect_bad(path, file, cut, path);
        free(file);
        hebb_vocabulary_destroy(v);
    }
    expect_bad(path, "", 0, "no file of hebb_vocabulary_save()");
    expect_bad(path, "a,b\n", 4, "no file of hebb_vocabulary_save()");
    expect_bad(path, "hebb vocabulary, 1 tokens, bytes\na\n", 35, "no file of");
    expect_bad(path, "hebb vocabulary, -1 tokens, words\na\n", 36, "no file of");
    expect_bad(path, "hebb vocabulary, 9000000000000000000 tokens, words\na\n", 53, "truncated");
    expect_bad(path, "hebb vocabulary, 1 tokens, words\na\nb\n", 37, "more than 1 tokens");
    expect_bad(path, "hebb vocabulary, 2 tokens, words\na\n\\t\n", 38, "token 2 of 2");
    expect_bad(path, "hebb vocabulary, 2 tokens, words\na\n\0\n", 37, "token 2 of 2");
    unlink(path);
}

Test(vocabulary, files_that_cannot_be) {
    char message[256];
    hebb_vocabulary *v = hebb_vocabulary_create(lines, 3), *none;
    cr_expect_eq(hebb_vocabulary_load("/nonexistent/v", &none, message, sizeof message),
                 HEBB_E_FILE);
    cr_expect_null(none);
    cr_expect_eq(hebb_vocabulary_load("/tmp", NULL, message, sizeof message), HEBB_E_NULL);
    cr_expect_eq(hebb_vocabulary_load(NULL, &none, NULL, 0), HEBB_E_NULL);
    cr_expect_eq(hebb_vocabulary_save(NULL, "/tmp/x", NULL, 0), HEBB_E_NULL);
    cr_expect_eq(hebb_vocabulary_save(v, NULL, NULL, 0), HEBB_E_NULL);
    cr_expect_eq(hebb_vocabulary_save(v, "/nonexistent/v", NULL, 0), HEBB_E_FILE);
    if (access("/dev/full", W_OK) == 0) {
        cr_expect_eq(hebb_vocabulary_save(v, "/dev/full", message, sizeof message), HEBB_E_FILE);
        cr_expect_not_null(strstr(message, "No space left"), "%s", message);
    }
    hebb_vocabulary_destroy(v);
}
