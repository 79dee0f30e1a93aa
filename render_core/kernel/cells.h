/* What varies slowly over a view is given for cells; here it becomes values of pixels. */
#ifndef RENDER_CORE_KERNEL_CELLS_H
#define RENDER_CORE_KERNEL_CELLS_H

#include <stddef.h>
#include <string.h>

#include "sampling.h"

#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

#if defined(__GNUC__)
#define NO_ALIASES _Pragma("GCC ivdep")
#else
#define NO_ALIASES
#endif

/* Pixels of a row that are worked on at a time. */
enum { BLOCK = 256 };

/* Between the middles of which two cells a pixel lies, and what it takes of them, of 2 cell_px. */
typedef struct {
    int32_t before, after;
    float of_before, of_after;
} Place;

/* The places of the pixels of a block. */
typedef struct {
    int32_t before[BLOCK], after[BLOCK];
    float of_before[BLOCK], of_after[BLOCK];
} Places;

/* What the cells say about a row of pixels: mixed rows are 2 cell_px times the values of the cells. */
typedef struct {
    int any_twins[2], any_fill[2], any_offsets[4];
    float twins[2][LONGEST_SIDE], fill[2][LONGEST_SIDE], offsets[4][LONGEST_SIDE];
} CellRow;

INLINE Place place_of(int32_t pixel, const Cells *cells)
{
    /* x / cell + 1 / (2 cell) - 1/2 = (2 x + 1 - cell) / (2 cell); a cell more keeps it positive */
    const int32_t cell = cells->cell_px, last = cells->side - 1, ahead = 2 * pixel + 1 + cell;
    const int32_t place = ahead / (2 * cell) - 1, rest = ahead % (2 * cell);
    const Place found = {place < 0 ? 0 : place > last ? last : place, place + 1 > last ? last : place + 1,
                         (float)(2 * cell - rest), (float)rest};
    return found;
}

static inline void find_places(int32_t first, int32_t count, const Cells *cells, Places *places)
{
    for (int32_t i = 0; i < count; i++) {
        const Place place = place_of(first + i, cells);
        places->before[i] = place.before;
        places->after[i] = place.after;
        places->of_before[i] = place.of_before;
        places->of_after[i] = place.of_after;
    }
}

INLINE float step_of(const Cells *cells)
{
    return 1.0f / (float)(4 * cells->cell_px * cells->cell_px);
}

/* A value between two cells of a mixed row. */
INLINE float between(const float *mixed, Place place, float step)
{
    return (mixed[place.before] * place.of_before + mixed[place.after] * place.of_after) * step;
}

/* Pixels of a block, from one to before another. */
typedef struct {
    int32_t from, to;
} Span;

/* The pixels of a block of `count` from `first` to which a mixed row gives anything but 0. */
INLINE Span span_of(const float *mixed, const Cells *cells, int32_t first, int32_t count)
{
    int32_t low = 0, high = cells->side - 1;
    while (low < cells->side && mixed[low] == 0.0f)
        low++;
    while (high >= low && mixed[high] == 0.0f)
        high--;
    /* A pixel takes of the cells around it, and those before the first middle of the first cell. */
    const int32_t from = low == 0 ? 0 : (low - 1) * cells->cell_px - first;
    const int32_t to = high == cells->side - 1 ? count : (high + 2) * cells->cell_px - first;
    const Span span = {from < 0 ? 0 : from, low > high ? 0 : to > count ? count : to};
    return span;
}

/* The values between two cells of a mixed row for the pixels of a span. */
INLINE void between_all(const float *mixed, const Places *places, Span span, float step, float *values)
{
    NO_ALIASES
    for (int32_t i = span.from; i < span.to; i++)
        values[i] = (mixed[places->before[i]] * places->of_before[i] + mixed[places->after[i]] * places->of_after[i]) *
                    step;
}

/* From 255 steps to 256, with what is nearly nothing or nearly all made so. */
INLINE int32_t to_share(float value)
{
    int32_t share = (int32_t)(value + 0.5f);
    share = share <= NEGLIGIBLE ? 0 : share;
    share = share >= 255 - NEGLIGIBLE ? 255 : share;
    return share + (share >> 7);
}

/* The shares of a block of pixels, each from the cells of its own kind. */
INLINE void shares_of(const float rows[2][LONGEST_SIDE], const Span spans[2], const uint8_t *is_head,
                      const Places *places, int32_t count, float step, int32_t *shares)
{
    float values[BLOCK];
    memset(shares, 0, (size_t)count * sizeof *shares);
    for (int kind = 0; kind < 2; kind++) {
        const int of_kind = kind == HEAD;
        between_all(rows[kind], places, spans[kind], step, values);
        NO_ALIASES
        for (int32_t i = spans[kind].from; i < spans[kind].to; i++) {
            const int32_t share = to_share(values[i]);
            shares[i] = is_head[i] == of_kind ? share : shares[i];
        }
    }
}

/* Two rows of shares mixed for a row of pixels. Returns whether any is not 0. */
static inline int mix_shares(const uint8_t *plane, const Cells *cells, Place place, float *mixed)
{
    const uint8_t *a = plane + (size_t)place.before * (size_t)cells->side;
    const uint8_t *b = plane + (size_t)place.after * (size_t)cells->side;
    const int32_t of_a = (int32_t)place.of_before, of_b = (int32_t)place.of_after;
    int32_t any = 0;
    for (int32_t k = 0; k < cells->side; k++) {
        const int32_t sum = a[k] * of_a + b[k] * of_b;
        mixed[k] = (float)sum;
        any |= sum;
    }
    return any != 0;
}

static inline int mix_offsets(const int16_t *plane, const Cells *cells, Place place, float *mixed)
{
    const int16_t *a = plane + (size_t)place.before * (size_t)cells->side;
    const int16_t *b = plane + (size_t)place.after * (size_t)cells->side;
    const int32_t of_a = (int32_t)place.of_before, of_b = (int32_t)place.of_after;
    int32_t any = 0;
    for (int32_t k = 0; k < cells->side; k++) {
        const int32_t sum = a[k] * of_a + b[k] * of_b;
        mixed[k] = (float)sum;
        any |= sum;
    }
    return any != 0;
}

static inline void mix_fill(const Cells *cells, Place place, CellRow *row)
{
    const size_t plane = (size_t)cells->side * (size_t)cells->side;
    for (int kind = 0; kind < 2; kind++)
        row->any_fill[kind] = mix_shares(cells->fill + (size_t)kind * plane, cells, place, row->fill[kind]);
}

static inline void mix_row(const Cells *cells, int32_t y, CellRow *row)
{
    memset(row, 0, offsetof(CellRow, twins));
    if (cells->side == 0)
        return;
    const Place place = place_of(y, cells);
    const size_t plane = (size_t)cells->side * (size_t)cells->side;
    for (int kind = 0; kind < 2; kind++)
        row->any_twins[kind] = mix_shares(cells->twins + (size_t)kind * plane, cells, place, row->twins[kind]);
    for (int k = 0; k < 4; k++)
        row->any_offsets[k] = mix_offsets(cells->offsets + (size_t)k * plane, cells, place, row->offsets[k]);
}

#endif
