/* Plots as PNG files, by cairo: the panels' places in the picture, and the file. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plot.h"

#ifndef HEBB_HAVE_CAIRO

hebb_status hebb_plot_png(hebb_plot *plot, const char *path) {
    if (plot == NULL) return HEBB_E_NULL;
    return hb_plot_fail(plot, HEBB_E_UNSUPPORTED,
                        "plot_png: this build of Hebb is without cairo, which draws pictures");
}

#else

#include "plot_cairo.h"

enum { TITLE_HEIGHT = 30, MOST_PIXELS = 16000 };

/* ---- the picture ---- */

static size_t columns_of(const hebb_plot *plot) {
    size_t n = plot->n_panels == 0 ? 1 : plot->n_panels;
    size_t wanted = plot->columns > 0 ? (size_t)plot->columns : n <= 3 ? n : n == 4 ? 2 : 3;
    return wanted < n ? wanted : n;
}

static void draw(const hebb_plot *plot, cairo_t *cr, double width) {
    static const plot_panel empty;
    size_t columns = columns_of(plot);
    double top = plot->title != NULL ? TITLE_HEIGHT : 0;
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_paint(cr);
    if (plot->title != NULL)
        hb_draw_text(cr, width / 2, 23, plot->title, (text_style){15, true, 0.1, 0.5});
    for (size_t k = 0; k < plot->n_panels; k++)
        hb_draw_panel(cr, &plot->panels[k], (double)(k % columns) * plot->width,
                      top + (double)(k / columns) * plot->height, plot->width, plot->height);
    if (plot->n_panels == 0) hb_draw_panel(cr, &empty, 0, top, plot->width, plot->height);
}

static hebb_status cairo_error(hebb_plot *plot, const char *path, cairo_status_t status) {
    if (status == CAIRO_STATUS_NO_MEMORY)
        return hb_plot_fail(plot, HEBB_E_MEMORY, "plot_png: %s: out of memory", path);
    if (status == CAIRO_STATUS_INVALID_STRING)
        return hb_plot_fail(plot, HEBB_E_ARGUMENT, "plot_png: %s: a text is not UTF-8", path);
    return hb_plot_fail(plot, HEBB_E_FILE, "plot_png: %s: %s", path,
                        cairo_status_to_string(status));
}

/* A new picture; NULL after an error. */
static cairo_surface_t *paint(hebb_plot *plot, const char *path) {
    size_t columns = columns_of(plot), n = plot->n_panels == 0 ? 1 : plot->n_panels;
    double width = (double)columns * plot->width;
    double height = (double)((n + columns - 1) / columns) * plot->height +
                    (plot->title != NULL ? TITLE_HEIGHT : 0);
    double across = ceil(width * plot->scale), down = ceil(height * plot->scale);
    if (across > MOST_PIXELS || down > MOST_PIXELS) {
        hb_plot_fail(plot, HEBB_E_ARGUMENT,
                     "plot_png: %s: a picture of %.0f x %.0f pixels; at most %d are possible", path,
                     across, down, MOST_PIXELS);
        return NULL;
    }
    cairo_surface_t *picture =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)across, (int)down);
    cairo_t *cr = cairo_create(picture);
    cairo_scale(cr, plot->scale, plot->scale);
    draw(plot, cr, width);
    cairo_status_t status = cairo_status(cr);
    cairo_destroy(cr);
    if (status == CAIRO_STATUS_SUCCESS) return picture;
    cairo_surface_destroy(picture);
    cairo_error(plot, path, status);
    return NULL;
}

/* ---- the file ---- */

static cairo_status_t write_bytes(void *file, const unsigned char *bytes, unsigned n) {
    return fwrite(bytes, 1, n, file) == n ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

static hebb_status cannot_write(hebb_plot *plot, const char *path, int error) {
    return hb_plot_fail(plot, HEBB_E_FILE, "plot_png: %s: cannot be written: %s", path,
                        strerror(error));
}

/* Into the file `aside`, of which is said that it is `path`. */
static hebb_status write_to(hebb_plot *plot, cairo_surface_t *picture, const char *aside,
                            const char *path) {
    FILE *file = fopen(aside, "wb");
    if (file == NULL) return cannot_write(plot, path, errno);
    errno = 0;
    cairo_status_t status = cairo_surface_write_to_png_stream(picture, write_bytes, file);
    int error = errno;
    if (fclose(file) != 0 && status == CAIRO_STATUS_SUCCESS) {
        status = CAIRO_STATUS_WRITE_ERROR;
        error = errno;
    }
    if (status == CAIRO_STATUS_SUCCESS) return HEBB_OK;
    return status == CAIRO_STATUS_WRITE_ERROR ? cannot_write(plot, path, error)
                                              : cairo_error(plot, path, status);
}

/* Under another name first. What is no ordinary file, as a device, cannot be replaced. */
static hebb_status write_aside(hebb_plot *plot, cairo_surface_t *picture, const char *path) {
    struct stat about;
    if (stat(path, &about) == 0 && !S_ISREG(about.st_mode))
        return write_to(plot, picture, path, path);
    size_t size = strlen(path) + 5;
    char *aside = malloc(size);
    if (aside == NULL)
        return hb_plot_fail(plot, HEBB_E_MEMORY, "plot_png: %s: out of memory", path);
    snprintf(aside, size, "%s.tmp", path);
    hebb_status status = write_to(plot, picture, aside, path);
    if (status == HEBB_OK && rename(aside, path) != 0) status = cannot_write(plot, path, errno);
    if (status != HEBB_OK) unlink(aside);
    free(aside);
    return status;
}

hebb_status hebb_plot_png(hebb_plot *plot, const char *path) {
    if (plot == NULL) return HEBB_E_NULL;
    if (plot->status != HEBB_OK) return plot->status;
    if (path == NULL) return hb_plot_fail(plot, HEBB_E_NULL, "plot_png: the path is NULL");
    cairo_surface_t *picture = paint(plot, path);
    if (picture == NULL) return plot->status;
    hebb_status status = write_aside(plot, picture, path);
    cairo_surface_destroy(picture);
    return status;
}

#endif
