/* The rows of a view and the pixels of its outline, for one instruction set. Included by sampling.c once for each,
   with ROWS, EDGES, TARGET, SUM, TAPS, MIX and STORE defined. */

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

/* The weighted sum of the pixels around a position. */
TARGET INLINE SUM JOIN(ROWS, _sum)(const View *view, int32_t column, int32_t row, const int taps)
{
    const size_t stride = 4 * (size_t)view->source.width;
    const int16_t *weights = view->filter.weights;
    /* A cubic kernel begins one pixel before the position. */
    const int32_t before = taps == 4 ? 1 : 0;
    const uint8_t *corner = view->source.pixels + (size_t)((row >> SUBPIXEL_BITS) - before) * stride +
                            4 * (size_t)((column >> SUBPIXEL_BITS) - before);
    return TAPS(corner, stride, weights + (size_t)taps * (size_t)(column & (SUBPIXELS - 1)),
                weights + (size_t)taps * (size_t)(row & (SUBPIXELS - 1)), taps);
}

TARGET INLINE void JOIN(ROWS, _body)(const View *view, uint8_t *out, const int taps, const int channels)
{
    const Grid *grid = &view->grid;
    const Cells *cells = &view->cells;
    const Limits limits = limits_of(&view->source);
    const float step = step_of(cells), last[2] = {limits.last_x, limits.last_y};
    int32_t place[2][BLOCK], twin[2][BLOCK], shares[BLOCK];
    Places places;
    CellRow cell_row;
    for (int32_t x = 0; x < grid->columns; x += BLOCK) {
        const int32_t count = grid->columns - x < BLOCK ? grid->columns - x : BLOCK;
        if (cells->side)
            find_places(x, count, cells, &places);
        for (int32_t y = 0; y < grid->rows; y++) {
            const size_t first = (size_t)y * (size_t)grid->columns + (size_t)x;
            const float *px = grid->x + first, *py = grid->y + first, *pz = grid->z + first;
            const uint8_t *is_head = grid->is_head + first;
            uint8_t *pixel = out + first * (size_t)channels;
            mix_row(cells, y, &cell_row);
            const int twins = cell_row.any_twins[HEAD] || cell_row.any_twins[BACKDROP];
            positions(px, py, pz, count, view->projection, 1.0f, limits, place[0], place[1]);
            for (int k = 0; k < 2; k++)
                if (cell_row.any_offsets[k])
                    move_all(cell_row.offsets[k], is_head, &places, span_of(cell_row.offsets[k], cells, x, count), step,
                             last[k], place[k]);
            if (twins) {
                const Span spans[2] = {span_of(cell_row.twins[HEAD], cells, x, count),
                                       span_of(cell_row.twins[BACKDROP], cells, x, count)};
                shares_of(cell_row.twins, spans, is_head, &places, count, step, shares);
                positions(px, py, pz, count, view->projection, -1.0f, limits, twin[0], twin[1]);
                for (int k = 0; k < 2; k++)
                    if (cell_row.any_offsets[2 + k])
                        move_all(cell_row.offsets[2 + k], is_head, &places,
                                 span_of(cell_row.offsets[2 + k], cells, x, count), step, last[k], twin[k]);
            }
            for (int32_t i = 0; i < count; i++, pixel += channels) {
                const int32_t share = twins ? shares[i] : 0;
                SUM sum;
                if (share == 0)
                    sum = JOIN(ROWS, _sum)(view, place[0][i], place[1][i], taps);
                else if (share == 256)
                    sum = JOIN(ROWS, _sum)(view, twin[0][i], twin[1][i], taps);
                else
                    sum = MIX(JOIN(ROWS, _sum)(view, place[0][i], place[1][i], taps),
                              JOIN(ROWS, _sum)(view, twin[0][i], twin[1][i], taps), share);
                STORE(sum, pixel, channels);
            }
        }
    }
}

TARGET static void ROWS(const View *view, uint8_t *out)
{
    if (view->filter.taps == 4 && view->channels == 3)
        JOIN(ROWS, _body)(view, out, 4, 3);
    else if (view->filter.taps == 4)
        JOIN(ROWS, _body)(view, out, 4, 4);
    else if (view->channels == 3)
        JOIN(ROWS, _body)(view, out, 2, 3);
    else
        JOIN(ROWS, _body)(view, out, 2, 4);
}

/* The weighted sum for a point of the outline: of itself (sign 1) or of its twin (-1). */
TARGET static SUM JOIN(EDGES, _sum)(const View *view, int32_t i, float sign, int kind, const CellRow *row, Place across)
{
    const Limits limits = limits_of(&view->source);
    const float *offset_x = row->offsets[sign > 0 ? 0 : 2], *offset_y = row->offsets[sign > 0 ? 1 : 3];
    const float *x = view->edges.x + i, *y = view->edges.y + i, *z = view->edges.z + i;
    int32_t column, line;
    positions(x, y, z, 1, view->projection, sign, limits, &column, &line);
    if (view->cells.side && kind == HEAD) {
        const float step = step_of(&view->cells);
        column = moved(column, between(offset_x, across, step), limits.last_x);
        line = moved(line, between(offset_y, across, step), limits.last_y);
    }
    return JOIN(ROWS, _sum)(view, column, line, view->filter.taps);
}

/* Pixels of the outline get their share of the other kind. */
TARGET static void EDGES(const View *view, const Level *spread, uint8_t *out)
{
    const Edges *edges = &view->edges;
    const Cells *cells = &view->cells;
    const int channels = view->channels;
    const float step = step_of(cells);
    CellRow row;
    ColourRow colours[2];
    int32_t mixed_row = -1;
    for (int32_t i = 0; i < edges->count; i++) {
        const int32_t y = edges->pixel[i] / view->grid.columns, x = edges->pixel[i] % view->grid.columns;
        const int kind = view->grid.is_head[edges->pixel[i]] ? BACKDROP : HEAD;
        Place across = {0, 0, 0.0f, 0.0f};
        int32_t twin = 0, fill = 0;
        if (y != mixed_row) {
            mix_row(cells, y, &row);
            for (int k = 0; k < 2; k++)
                if (spread[k].colour)
                    mix_colours(spread[k], cells, y, &colours[k]);
            if (spread[HEAD].colour || spread[BACKDROP].colour)
                mix_fill(cells, place_of(y, cells), &row);
        }
        mixed_row = y;
        if (cells->side) {
            across = place_of(x, cells);
            twin = to_share(between(row.twins[kind], across, step));
            fill = spread[kind].colour ? to_share(between(row.fill[kind], across, step)) : 0;
        }
        SUM sum = JOIN(EDGES, _sum)(view, i, twin == 256 ? -1.0f : 1.0f, kind, &row, across);
        if (twin > 0 && twin < 256)
            sum = MIX(sum, JOIN(EDGES, _sum)(view, i, -1.0f, kind, &row, across), twin);
        uint8_t other[4], *pixel = out + (size_t)edges->pixel[i] * (size_t)channels;
        STORE(sum, other, channels);
        for (int k = 0; fill && k < 3; k++)
            other[k] = blended(other[k], (int32_t)between(colours[kind].channel[k], across, step), fill);
        const int32_t share = edges->share[i] + (edges->share[i] >> 7);
        for (int k = 0; k < channels; k++)
            pixel[k] = blended(pixel[k], other[k] << 8, share);
    }
}

#undef JOIN
#undef JOIN_
#undef ROWS
#undef EDGES
#undef TARGET
#undef SUM
#undef TAPS
#undef MIX
#undef STORE
