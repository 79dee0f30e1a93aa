/* The rows of a view, for one instruction set. Included by sampling.c once for each, with ROWS, TARGET, SUM, TAPS,
   MIX and STORE defined. */

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

TARGET INLINE void JOIN(ROWS, _body)(const View *view, const int taps, const int channels)
{
    const Grid *grid = view->grid;
    const Source *source = view->source;
    const Limits limits = {1.0f, (float)(source->width - BORDER_BEFORE_PX),
                           (float)(source->height - BORDER_BEFORE_PX)};
    const size_t stride = 4 * (size_t)source->width;
    /* A cubic kernel begins one pixel before the position. */
    const int32_t before = taps == 4 ? 1 : 0;
    int32_t head[LONGEST_SIDE], backdrop[LONGEST_SIDE];
    int32_t column[BLOCK], row[BLOCK], twin_column[BLOCK], twin_row[BLOCK], shares[BLOCK];
    for (int32_t y = 0; y < grid->rows; y++) {
        int twins = 0;
        if (view->twins->head) {
            twins = mix_cell_rows(view->twins->head, view->twins, y, head);
            twins |= mix_cell_rows(view->twins->backdrop, view->twins, y, backdrop);
        }
        for (int32_t x = 0; x < grid->columns; x += BLOCK) {
            const int32_t count = grid->columns - x < BLOCK ? grid->columns - x : BLOCK;
            const size_t first = (size_t)y * (size_t)grid->columns + (size_t)x;
            uint8_t *out = view->out + first * (size_t)channels;
            block_positions(grid, first, count, view->projection, 1.0f, limits, column, row);
            if (twins) {
                block_positions(grid, first, count, view->projection, -1.0f, limits, twin_column, twin_row);
                block_shares(head, backdrop, grid, view->twins, y, x, count, shares);
            }
            for (int32_t i = 0; i < count; i++, out += channels) {
#define LOOK_UP(column, row)                                                                \
    TAPS(source->pixels + (size_t)(((row) >> SUBPIXEL_BITS) - before) * stride +            \
             4 * (size_t)(((column) >> SUBPIXEL_BITS) - before),                            \
         stride, view->weights + (size_t)taps * (size_t)((column) & (SUBPIXELS - 1)),       \
         view->weights + (size_t)taps * (size_t)((row) & (SUBPIXELS - 1)), taps)
                const int32_t share = twins ? shares[i] : 0;
                SUM sum;
                if (share == 0)
                    sum = LOOK_UP(column[i], row[i]);
                else if (share == 256)
                    sum = LOOK_UP(twin_column[i], twin_row[i]);
                else
                    sum = MIX(LOOK_UP(column[i], row[i]), LOOK_UP(twin_column[i], twin_row[i]), share);
                STORE(sum, out, channels);
#undef LOOK_UP
            }
        }
    }
}

TARGET static void ROWS(const View *view, int taps, int channels)
{
    if (taps == 4 && channels == 3)
        JOIN(ROWS, _body)(view, 4, 3);
    else if (taps == 4)
        JOIN(ROWS, _body)(view, 4, 4);
    else if (channels == 3)
        JOIN(ROWS, _body)(view, 2, 3);
    else
        JOIN(ROWS, _body)(view, 2, 4);
}

#undef JOIN
#undef JOIN_
#undef ROWS
#undef TARGET
#undef SUM
#undef TAPS
#undef MIX
#undef STORE
