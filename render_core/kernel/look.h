/* What one photo shows of the cells of some views: the arithmetic of readable_look.py, step by step, to the byte. */
#ifndef RENDER_CORE_KERNEL_LOOK_H
#define RENDER_CORE_KERNEL_LOOK_H

#include <stdint.h>

/* min(max((value - start) * slope, 0), 1) */
typedef struct {
    float start, slope;
} Ramp;

/* Cells of all views, n = views x side x side. Tables of the fan hold yaws x pitches x 2 x n bytes. */
typedef struct {
    const float *x, *y, *z;
    const float *normal_x, *normal_y, *normal_z;
    const uint8_t *seen, *margins;
    const uint8_t *outline; /* 2 x n */
    const float *facing;
    const uint8_t *is_face;
    int32_t views, side, pitches;
} CellTable;

/* How a photo, or its mirror image, sees the head. As one array of float32 in Python. */
typedef struct {
    float projection[12], direction[3], source_px_by_mm[6], shares[4];
} Glance;

/* The nearest direction of the fan below a glance's. */
typedef struct {
    int32_t yaw_row, pitch_row;
} FanPlace;

/* Numbers of readable_look.py, in the order of its `constants`. */
typedef struct {
    float right, bottom, mm_per_px, margin_mm, error_rad, fills_beyond, symmetry;
    Ramp poor, better, hidden, stretched, deeper, beyond_head, beyond_backdrop, trusted, clear, away;
    float seen_from, least_facing;
} LookConstants;

/* Planes of each view one after the other: 2 x side x side shares, 4 x side x side offsets. */
typedef struct {
    uint8_t *twins, *fill, *trust;
    int16_t *offsets;
    int32_t *counts; /* of each view: cells of the face, of these seen, filled, and inside the photo */
    float *range;    /* lowest depth, lowest x and y, highest x and y in the photo */
} Looked;

/* float32 numbers of scratch memory for a side. */
int64_t look_scratch_size(int32_t side);

void look_at_cells(const CellTable *table, const Glance *glances, const FanPlace *places,
                   const LookConstants *constants, float *scratch, const Looked *looked);

#endif
