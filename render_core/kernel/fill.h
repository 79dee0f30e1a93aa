/* Colours for what the photo does not show: those of the pixels around that it does, ever smoother with distance. */
#ifndef RENDER_CORE_KERNEL_FILL_H
#define RENDER_CORE_KERNEL_FILL_H

#include "cells.h"

/* Colours of three channels in 1/256 levels, and weights of 0 to 255, of side x side cells. */
typedef struct {
    int32_t *colour, *weight;
} Level;

/* Colours for all cells of a kind, from the pixels of trusted cells in `out`: a pyramid up and down (Gortler et al.,
   SIGGRAPH 1996). Without any trusted pixel there is no result (NULL), and nothing is filled. */
Level spread_colours(const View *view, int kind, const uint8_t *out, int32_t *scratch);

/* Two rows of spread colours mixed for a row of pixels, by channel: 2 cell_px times the colours of the cells. */
typedef struct {
    float channel[3][LONGEST_SIDE];
} ColourRow;

void mix_colours(Level level, const Cells *cells, int32_t y, ColourRow *row);

/* Gives every pixel its share of the spread colours of its kind. */
void fill_rows(const View *view, const Level *spread, uint8_t *out);

/* A level with a share of 256 of another, in 1/256 levels. */
INLINE uint8_t blended(int32_t level, int32_t colour, int32_t share)
{
    return (uint8_t)(((level << 8) * (256 - share) + colour * share + (1 << 15)) >> 16);
}

#endif
