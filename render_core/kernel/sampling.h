/* The look-up of a view in a photo, in plain C: no Python, no floating point whose order a compiler may choose.

   Every operation is a single float32 operation in a fixed order or an integer operation, so all paths (portable,
   AVX2, NEON) and the NumPy implementation in readable.py give the same bytes. Compile with -ffp-contract=off and
   without -ffast-math. */
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
    /* No row of cells is longer. */
    LONGEST_SIDE = 4096,
    /* Shares of twins in steps of 1/255; those within two of 0 or 255 make no difference that shows. */
    NEGLIGIBLE = 2,
};

enum { PATH_BEST = 0, PATH_PORTABLE = 1, PATH_SIMD = 2 };

typedef struct {
    const uint8_t *pixels; /* height x width x 4, border included; at least one pixel within the border */
    int32_t height, width;
} Source;

typedef struct {
    const float *x, *y, *z;  /* the point of each pixel, row by row, in mm of the head frame */
    const uint8_t *is_head;  /* 1 on the head, 0 on the backdrop */
    int32_t rows, columns;
} Grid;

typedef struct {
    const uint8_t *head, *backdrop; /* side x side shares of the twin, 0 to 255; head NULL: no twins */
    int32_t side, cell_px;
} Twins;

typedef struct {
    const int16_t *weights; /* SUBPIXELS x taps, each row sums to 1 << WEIGHT_BITS */
    int32_t taps;           /* 4: cubic, 2: linear */
} Filter;

/* Writes rows x columns x channels (3 or 4) bytes to out. projection: float32 (3, 4), millimetres to pixels of
   the source with its border. Returns 0, or -1 if the path is not there on this machine. */
int sample_view(const Grid *grid, const Source *source, const float *projection, const Filter *filter,
                const Twins *twins, int channels, uint8_t *out, int path);

/* The name of the fastest path on this machine. */
const char *best_path(void);

#endif
