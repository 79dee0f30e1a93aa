#include "fill.h"

static int32_t half_of(int32_t side)
{
    return (side + 1) / 2;
}

int64_t scratch_size(const Cells *cells)
{
    int64_t numbers = 0;
    for (int32_t side = cells->side; side > 0; side = side == 1 ? 0 : half_of(side))
        numbers += 4 * (int64_t)side * side;
    return 2 * numbers;
}

/* Of large cells every other row and column is enough, without the first. */
static int32_t stride_of(int32_t cell_px)
{
    return cell_px >= 4 ? 2 : 1;
}

/* The sums of the levels of a kind's pixels in a cell; returns how many they are. */
static int32_t cell_sums(const View *view, int kind, int32_t i, int32_t j, const uint8_t *out, int32_t sums[3])
{
    const Grid *grid = &view->grid;
    const int32_t cell = view->cells.cell_px;
    const int32_t bottom = (i + 1) * cell < grid->rows ? (i + 1) * cell : grid->rows;
    const int32_t right = (j + 1) * cell < grid->columns ? (j + 1) * cell : grid->columns;
    const int32_t stride = stride_of(cell);
    int32_t count = 0;
    for (int32_t y = i * cell + stride - 1; y < bottom; y += stride)
        for (int32_t x = j * cell + stride - 1; x < right; x += stride) {
            const size_t pixel = (size_t)y * (size_t)grid->columns + (size_t)x;
            if (grid->is_head[pixel] != (kind == HEAD))
                continue;
            count++;
            for (int k = 0; k < 3; k++)
                sums[k] += out[pixel * (size_t)view->channels + (size_t)k];
        }
    return count;
}

/* The mean colour of the pixels of a kind in each cell, and how much it counts. */
static void mean_colours(const View *view, int kind, const uint8_t *out, Level level)
{
    const int32_t side = view->cells.side, cell = view->cells.cell_px;
    const int32_t across = cell / stride_of(cell);
    const float share = 1.0f / (float)(across * across);
    const uint8_t *trust = view->cells.trust + (size_t)kind * (size_t)side * (size_t)side;
    for (int32_t i = 0; i < side; i++)
        for (int32_t j = 0; j < side; j++) {
            const size_t number = (size_t)i * (size_t)side + (size_t)j;
            int32_t sums[3] = {0, 0, 0};
            const int32_t count = trust[number] ? cell_sums(view, kind, i, j, out, sums) : 0;
            level.weight[number] = (int32_t)((float)(trust[number] * count) * share);
            /* 256 sums / count */
            const int32_t inverse = count ? (1 << 20) / count : 0;
            for (int k = 0; k < 3; k++)
                level.colour[3 * number + (size_t)k] = (sums[k] * inverse) >> 12;
        }
}

/* Each cell of the coarser level stands for two by two. */
static void pull(Level fine, int32_t side, Level coarse)
{
    const int32_t half = half_of(side);
    for (int32_t i = 0; i < half; i++)
        for (int32_t j = 0; j < half; j++) {
            const size_t number = (size_t)i * (size_t)half + (size_t)j;
            int32_t weight = 0, sums[3] = {0, 0, 0};
            for (int32_t y = 2 * i; y < 2 * i + 2 && y < side; y++)
                for (int32_t x = 2 * j; x < 2 * j + 2 && x < side; x++) {
                    const size_t child = (size_t)y * (size_t)side + (size_t)x;
                    weight += fine.weight[child];
                    for (int k = 0; k < 3; k++)
                        sums[k] += fine.weight[child] * fine.colour[3 * child + (size_t)k];
                }
            const int64_t inverse = weight ? (1 << 24) / weight : 0;
            for (int k = 0; k < 3; k++)
                coarse.colour[3 * number + (size_t)k] = (int32_t)((sums[k] * inverse) >> 24);
            coarse.weight[number] = weight < 255 ? weight : 255;
        }
}

static int32_t clamped(int32_t value, int32_t last)
{
    return value < 0 ? 0 : value > last ? last : value;
}

/* What a cell does not know it takes from the coarser level, between the middles of its cells. */
static void push(Level coarse, Level fine, int32_t side)
{
    const int32_t half = half_of(side), last = half - 1;
    for (int32_t y = 0; y < side; y++)
        for (int32_t x = 0; x < side; x++) {
            const int32_t number = y * side + x, weight = fine.weight[number] + (fine.weight[number] >> 7);
            const int32_t i = y / 2 * half, j = x / 2;
            const int32_t i2 = clamped(y % 2 ? y / 2 + 1 : y / 2 - 1, last) * half;
            const int32_t j2 = clamped(x % 2 ? x / 2 + 1 : x / 2 - 1, last);
            for (int k = 0; k < 3; k++) {
                const int32_t *c = coarse.colour + k;
                const int32_t around =
                    (9 * c[3 * (i + j)] + 3 * c[3 * (i + j2)] + 3 * c[3 * (i2 + j)] + c[3 * (i2 + j2)]) >> 4;
                int32_t *colour = fine.colour + 3 * number + k;
                *colour = (weight * *colour + (256 - weight) * around) >> 8;
            }
        }
}

Level spread_colours(const View *view, int kind, const uint8_t *out, int32_t *scratch)
{
    enum { MOST_LEVELS = 12 };
    Level levels[MOST_LEVELS];
    int32_t sides[MOST_LEVELS];
    int count = 0;
    for (int32_t side = view->cells.side;; side = half_of(side)) {
        const size_t cells = (size_t)side * (size_t)side;
        levels[count].colour = scratch;
        levels[count].weight = scratch + 3 * cells;
        scratch += 4 * cells;
        sides[count++] = side;
        if (side == 1)
            break;
    }
    mean_colours(view, kind, out, levels[0]);
    for (int k = 1; k < count; k++)
        pull(levels[k - 1], sides[k - 1], levels[k]);
    if (levels[count - 1].weight[0] == 0) {
        const Level nothing = {NULL, NULL};
        return nothing;
    }
    for (int k = count - 1; k > 0; k--)
        push(levels[k], levels[k - 1], sides[k - 1]);
    return levels[0];
}

void mix_colours(Level level, const Cells *cells, int32_t y, ColourRow *row)
{
    const Place place = place_of(y, cells);
    const int32_t *above = level.colour + 3 * place.before * cells->side;
    const int32_t *below = level.colour + 3 * place.after * cells->side;
    for (int32_t j = 0; j < cells->side; j++)
        for (int k = 0; k < 3; k++)
            row->channel[k][j] =
                (float)above[3 * j + k] * place.of_before + (float)below[3 * j + k] * place.of_after;
}

/* Gives the pixels of a kind in a block their shares of spread colours. */
INLINE void fill_block(const View *view, int kind, const ColourRow *row, const Places *places, const int32_t *shares,
                       size_t first, Span span, uint8_t *out)
{
    const float step = step_of(&view->cells);
    float colours[3][BLOCK];
    for (int k = 0; k < 3; k++)
        between_all(row->channel[k], places, span, step, colours[k]);
    for (int32_t i = span.from; i < span.to; i++) {
        const size_t pixel = first + (size_t)i;
        uint8_t *level = out + pixel * (size_t)view->channels;
        if (shares[i] == 0 || view->grid.is_head[pixel] != (kind == HEAD))
            continue;
        for (int k = 0; k < 3; k++)
            level[k] = blended(level[k], (int32_t)colours[k][i], shares[i]);
    }
}

INLINE void fill_rows_body(const View *view, const Level *spread, uint8_t *out)
{
    const Cells *cells = &view->cells;
    const float step = step_of(cells);
    int32_t shares[BLOCK];
    Places places;
    CellRow row;
    ColourRow colours;
    for (int32_t x = 0; x < view->grid.columns; x += BLOCK) {
        const int32_t count = view->grid.columns - x < BLOCK ? view->grid.columns - x : BLOCK;
        find_places(x, count, cells, &places);
        for (int32_t y = 0; y < view->grid.rows; y++) {
            const size_t first = (size_t)y * (size_t)view->grid.columns + (size_t)x;
            mix_fill(cells, place_of(y, cells), &row);
            if (!(row.any_fill[HEAD] || row.any_fill[BACKDROP]))
                continue;
            const Span spans[2] = {span_of(row.fill[HEAD], cells, x, count), span_of(row.fill[BACKDROP], cells, x, count)};
            shares_of(row.fill, spans, view->grid.is_head + first, &places, count, step, shares);
            for (int kind = 0; kind < 2; kind++)
                if (spread[kind].colour && spans[kind].to > spans[kind].from) {
                    mix_colours(spread[kind], cells, y, &colours);
                    fill_block(view, kind, &colours, &places, shares, first, spans[kind], out);
                }
        }
    }
}

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("avx2"))) static void fill_rows_avx2(const View *view, const Level *spread, uint8_t *out)
{
    fill_rows_body(view, spread, out);
}
#endif

void fill_rows(const View *view, const Level *spread, uint8_t *out)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx2")) {
        fill_rows_avx2(view, spread, out);
        return;
    }
#endif
    fill_rows_body(view, spread, out);
}
