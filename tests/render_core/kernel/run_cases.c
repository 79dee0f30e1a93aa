/* Reads cases of sample_view from standard input and writes their pictures to standard output: compiled for other
   machines, or with checks of every memory access. Every array is an allocation of its own, of just its size. */
#include <stdio.h>
#include <stdlib.h>

#include "sampling.h"

enum { ROWS, COLUMNS, HEIGHT, WIDTH, TAPS, SIDE, CELL_PX, EDGES, CHANNELS, PATH, NUMBERS };
enum { MOST_ARRAYS = 24 };

static void *arrays[MOST_ARRAYS];
static int array_count;

static void *new_array(size_t bytes)
{
    void *array = malloc(bytes ? bytes : 1);
    if (!array || array_count == MOST_ARRAYS)
        exit(2);
    arrays[array_count++] = array;
    return array;
}

static void *read_array(size_t bytes)
{
    void *array = new_array(bytes);
    if (fread(array, 1, bytes, stdin) != bytes) {
        fprintf(stderr, "a case ends too early\n");
        exit(2);
    }
    return array;
}

static void run(const int32_t *n)
{
    const size_t pixels = (size_t)n[ROWS] * (size_t)n[COLUMNS], plane = (size_t)n[SIDE] * (size_t)n[SIDE];
    const size_t edges = (size_t)n[EDGES], size = pixels * (size_t)n[CHANNELS];
    View view;
    view.grid.x = read_array(4 * pixels);
    view.grid.y = read_array(4 * pixels);
    view.grid.z = read_array(4 * pixels);
    view.grid.is_head = read_array(pixels);
    view.grid.rows = n[ROWS];
    view.grid.columns = n[COLUMNS];
    view.source.pixels = read_array(4 * (size_t)n[HEIGHT] * (size_t)n[WIDTH]);
    view.source.height = n[HEIGHT];
    view.source.width = n[WIDTH];
    view.projection = read_array(12 * sizeof(float));
    view.filter.weights = read_array(2 * SUBPIXELS * (size_t)n[TAPS]);
    view.filter.taps = n[TAPS];
    view.cells.twins = read_array(2 * plane);
    view.cells.fill = read_array(2 * plane);
    view.cells.trust = read_array(2 * plane);
    view.cells.offsets = read_array(2 * 4 * plane);
    view.cells.side = n[SIDE];
    view.cells.cell_px = n[CELL_PX];
    view.edges.pixel = read_array(4 * edges);
    view.edges.x = read_array(4 * edges);
    view.edges.y = read_array(4 * edges);
    view.edges.z = read_array(4 * edges);
    view.edges.share = read_array(edges);
    view.edges.count = n[EDGES];
    view.channels = n[CHANNELS];

    uint8_t *out = new_array(size);
    if (sample_view(&view, new_array(4 * (size_t)scratch_size(&view.cells)), out, n[PATH]) != 0) {
        fprintf(stderr, "this machine has no such path\n");
        exit(3);
    }
    fwrite(out, 1, size, stdout);
    while (array_count > 0)
        free(arrays[--array_count]);
}

int main(void)
{
    int32_t numbers[NUMBERS];
    while (fread(numbers, sizeof numbers, 1, stdin) == 1)
        run(numbers);
    return 0;
}
