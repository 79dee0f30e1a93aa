/* Reads cases of sample_view from standard input and writes their pictures to standard output: compiled for other
   machines, or with checks of every memory access. Every array is an allocation of its own, of just its size. */
#include <stdio.h>
#include <stdlib.h>

#include "sampling.h"

enum { ROWS, COLUMNS, HEIGHT, WIDTH, TAPS, SIDE, CELL_PX, CHANNELS, PATH, NUMBERS };

static void *read_array(size_t bytes)
{
    void *array = malloc(bytes ? bytes : 1);
    if (!array || fread(array, 1, bytes, stdin) != bytes) {
        fprintf(stderr, "a case ends too early\n");
        exit(2);
    }
    return array;
}

static void run(const int32_t *n)
{
    const size_t pixels = (size_t)n[ROWS] * (size_t)n[COLUMNS], cells = (size_t)n[SIDE] * (size_t)n[SIDE];
    float *x = read_array(4 * pixels), *y = read_array(4 * pixels), *z = read_array(4 * pixels);
    uint8_t *is_head = read_array(pixels), *photo = read_array(4 * (size_t)n[HEIGHT] * (size_t)n[WIDTH]);
    float *projection = read_array(12 * sizeof(float));
    int16_t *weights = read_array(2 * SUBPIXELS * (size_t)n[TAPS]);
    uint8_t *head = read_array(cells), *backdrop = read_array(cells);
    uint8_t *out = malloc(pixels * (size_t)n[CHANNELS]);

    const Grid grid = {x, y, z, is_head, n[ROWS], n[COLUMNS]};
    const Source source = {photo, n[HEIGHT], n[WIDTH]};
    const Filter filter = {weights, n[TAPS]};
    const Twins twins = {n[SIDE] ? head : NULL, n[SIDE] ? backdrop : NULL, n[SIDE], n[CELL_PX]};
    if (sample_view(&grid, &source, projection, &filter, &twins, n[CHANNELS], out, n[PATH]) != 0) {
        fprintf(stderr, "this machine has no such path\n");
        exit(3);
    }
    fwrite(out, 1, pixels * (size_t)n[CHANNELS], stdout);

    void *arrays[] = {x, y, z, is_head, photo, projection, weights, head, backdrop, out};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        free(arrays[i]);
}

int main(void)
{
    int32_t numbers[NUMBERS];
    while (fread(numbers, sizeof numbers, 1, stdin) == 1)
        run(numbers);
    return 0;
}
