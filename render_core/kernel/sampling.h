/* The look-up of a view in a photo, in plain C: no Python, and no floating point whose order a compiler may choose.

   Every operation is a single float32 operation in a fixed order or an operation on whole numbers, so all paths
   (portable, AVX2, NEON) and the NumPy implementation in readable.py give the same bytes. Compile with
   -ffp-contract=off and without -ffast-math. */
#ifndef RENDER_CORE_KERNEL_SAMPLING_H
#define RENDER_CORE_KERNEL_SAMPLING_H

#include <stdint.h>

enum {
    /* Positions are rounded to 1 / SUBPIXELS of a pixel. */
    SUBPIXEL_BITS = 10,
    SUBPIXELS = 1 << SUBPIXEL_BITS,
    /* Weights are in steps of 2^-14. */
    WEIGHT_BITS = 14,
    /* Pixels that the photo is continued by: before its first row and column, and after its last. */
    BORDER_BEFORE_PX = 3,
    BORDER_AFTER_PX = 4,
    /* No row of cells is longer, and no cell larger. */
    LONGEST_SIDE = 1024,
    LARGEST_CELL_PX = 256,
    /* Shares are in steps of 1/255; those within two of 0 or 255 make no difference that shows. */
    NEGLIGIBLE = 2,
    /* Offsets are in steps of 1/64 of a pixel of the source. */
    OFFSET_STEP = SUBPIXELS / 64,
};

enum { PATH_BEST = 0, PATH_PORTABLE = 1, PATH_SIMD = 2 };

enum { HEAD = 0, BACKDROP = 1 };

typedef struct {
    const uint8_t *pixels; /* height x width x 4, border included; at least one pixel within the border */
    int32_t height, width;
} Source;

typedef struct {
    const float *x, *y, *z; /* the point of each pixel, row by row, in mm of the head frame */
    const uint8_t *is_head; /* 1 on the head, 0 on the backdrop */
    int32_t rows, columns;
} Grid;

/* What varies slowly over a view, for squares of cell_px pixels. The planes of shares are side x side bytes, of the
   head and then of the backdrop. */
typedef struct {
    const uint8_t *twins;   /* share of the point at -x */
    const uint8_t *fill;    /* share of the colour of trusted pixels around */
    const uint8_t *trust;   /* how much such a fill is made of this cell */
    const int16_t *offsets; /* added to positions on the head: x and y of the point, x and y of its twin */
    int32_t side, cell_px;  /* side 0: no cells */
} Cells;

/* Pixels that the outline of the head crosses: their other kind (the backdrop on the head, the head on the backdrop)
   has a share of 255, and shows a point of its own. */
typedef struct {
    const int32_t *pixel;
    const float *x, *y, *z;
    const uint8_t *share;
    int32_t count;
} Edges;

typedef struct {
    const int16_t *weights; /* SUBPIXELS x taps, each row sums to 1 << WEIGHT_BITS */
    int32_t taps;           /* 4: cubic, 2: linear */
} Filter;

/* All that a view is made from. projection: float32 (3, 4), millimetres to pixels of the source with its border. */
typedef struct {
    Grid grid;
    Source source;
    const float *projection;
    Filter filter;
    Cells cells;
    Edges edges;
    int32_t channels; /* 3 or 4 of the source's */
} View;

/* int32 numbers of scratch memory that a view needs. */
int64_t scratch_size(const Cells *cells);

/* Writes rows x columns x channels bytes to out. Returns 0, or -1 if the path is not there on this machine. */
int sample_view(const View *view, int32_t *scratch, uint8_t *out, int path);

/* The name of the fastest path on this machine. */
const char *best_path(void);

#endif
