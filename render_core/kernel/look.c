#include "look.h"

#include <stddef.h>
#include <string.h>

#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#define NO_ALIASES _Pragma("GCC ivdep")
#else
#define INLINE static inline
#define NO_ALIASES
#endif

#if defined(__x86_64__) && defined(__GNUC__)
#define HAS_AVX2_PATH 1
#endif

/* Arrays of a view, one number for each cell; kinds are head and backdrop. */
typedef struct {
    float *quality[2], *risk[2], *trust[2], *head_seen, *x, *y, *depth;
} Side;

/* As LONGEST_SIDE of sampling.h. */
enum { LONGEST_ROW = 1024 };

enum { ARRAYS_OF_SIDE = 10, ARRAYS = 2 * ARRAYS_OF_SIDE + 1 };

int64_t look_scratch_size(int32_t side)
{
    return (int64_t)ARRAYS * side * side;
}

INLINE float smaller(float a, float b)
{
    return a < b ? a : b;
}

INLINE float larger(float a, float b)
{
    return a > b ? a : b;
}

INLINE int32_t smaller_int(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

INLINE int32_t larger_int(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

INLINE float ramp(float value, Ramp r)
{
    return smaller(larger((value - r.start) * r.slope, 0.0f), 1.0f);
}

INLINE int16_t offset_of(const float *px_by_mm, float nx, float ny, float nz, float sunk_mm)
{
    const float moved = ((px_by_mm[0] * nx + px_by_mm[1] * ny) + px_by_mm[2] * nz) * sunk_mm;
    return (int16_t)larger(smaller(moved * -64.0f, 32767.0f), -32767.0f);
}

/* Four rows of a table of the fan, and how they are mixed. */
typedef struct {
    const uint8_t *a, *b, *c, *d;
    const float *shares;
} FanRows;

static FanRows fan_rows(const uint8_t *table, const CellTable *cells, FanPlace place, const float *shares, size_t first)
{
    const size_t n = (size_t)cells->views * (size_t)cells->side * (size_t)cells->side, pitches = (size_t)cells->pitches;
    const uint8_t *row = table + ((size_t)place.yaw_row * pitches + (size_t)place.pitch_row) * 2 * n + first;
    const FanRows rows = {row, row + 2 * n, row + pitches * 2 * n, row + (pitches + 1) * 2 * n, shares};
    return rows;
}

INLINE float mixed(FanRows rows, size_t i)
{
    const float near = (float)rows.a[i] * rows.shares[0] + (float)rows.b[i] * rows.shares[1];
    return near + ((float)rows.c[i] * rows.shares[2] + (float)rows.d[i] * rows.shares[3]);
}

/* What a glance shows of `count` cells from number `first`. */
INLINE void glance_body(const CellTable *t, const Glance *glance, FanPlace place, const LookConstants *k, size_t first,
                        int32_t count, Side side, int16_t *offset_x, int16_t *offset_y)
{
    const size_t n = (size_t)t->views * (size_t)t->side * (size_t)t->side;
    const float *P = glance->projection, *d = glance->direction, *J = glance->source_px_by_mm;
    const float *px = t->x + first, *py = t->y + first, *pz = t->z + first;
    const float *nx = t->normal_x + first, *ny = t->normal_y + first, *nz = t->normal_z + first;
    const uint8_t *outline = t->outline + first;
    const FanRows seen = fan_rows(t->seen, t, place, glance->shares, first);
    const FanRows margins = fan_rows(t->margins, t, place, glance->shares, first);
    NO_ALIASES
    for (int32_t i = 0; i < count; i++) {
        const float x = px[i], y = py[i], z = pz[i];
        const float depth = ((P[9] * y + P[10] * z) + P[11]) + P[8] * x;
        const float u = (((P[1] * y + P[2] * z) + P[3]) + P[0] * x) / depth;
        const float v = (((P[5] * y + P[6] * z) + P[7]) + P[4] * x) / depth;
        const size_t at = (size_t)i;
        const float head_seen = mixed(seen, at) * (1.0f / 255.0f), backdrop_seen = mixed(seen, at + n) * (1.0f / 255.0f);
        const float head_margin = mixed(margins, at) * 0.1f, backdrop_margin = mixed(margins, at + n) * 0.1f;
        const float head_deeper = ramp((float)outline[at] * 0.1f - head_margin, k->deeper);
        const float backdrop_deeper = ramp((float)outline[at + n] * 0.1f - backdrop_margin, k->deeper);
        const float facing = (nx[i] * d[0] + ny[i] * d[1]) + nz[i] * d[2];
        const float lever = (x * d[0] + y * d[1]) + z * d[2];
        const float wanted = k->margin_mm + (lever < 0.0f ? -lever : lever) * k->error_rad;
        const float sunk = larger(wanted - head_margin * 0.5f, 0.0f) * head_deeper;
        const float beyond = larger(larger(larger(-0.5f - u, u - k->right), larger(-0.5f - v, v - k->bottom)), 0.0f);
        const float head_beyond = ramp(beyond * k->mm_per_px, k->beyond_head);
        const float backdrop_beyond = ramp(beyond * k->mm_per_px, k->beyond_backdrop);
        const float stretched = ramp(facing / larger(t->facing[first + at], k->least_facing), k->stretched);
        const float away = ramp(backdrop_margin, k->away);
        const float head_not = larger(ramp(head_seen, k->hidden), stretched);
        const float backdrop_not = (1.0f - away) * backdrop_deeper;
        const float head_quality = head_seen * (facing + 1.0f) - 1.0f, backdrop_quality = backdrop_seen * 2.0f - 1.0f;
        const float trusted = ramp(head_seen, k->trusted) * ramp(head_margin / wanted, k->clear);
        offset_x[i] = offset_of(J, nx[i], ny[i], nz[i], sunk);
        offset_y[i] = offset_of(J + 3, nx[i], ny[i], nz[i], sunk);
        side.quality[0][i] = head_quality - (head_quality + 1.0f) * larger(head_not, head_beyond);
        side.quality[1][i] =
            backdrop_quality - (backdrop_quality + 1.0f) * larger(backdrop_not, backdrop_beyond * k->fills_beyond);
        side.risk[0][i] = larger(head_not, head_beyond * k->fills_beyond);
        side.risk[1][i] = larger(backdrop_not, backdrop_beyond * k->fills_beyond);
        side.trust[0][i] = trusted * (1.0f - head_beyond);
        side.trust[1][i] = away * (1.0f - backdrop_beyond);
        side.head_seen[i] = head_quality;
        side.x[i] = u;
        side.y[i] = v;
        side.depth[i] = depth;
    }
}

static void glance_portable(const CellTable *t, const Glance *glance, FanPlace place, const LookConstants *k,
                            size_t first, int32_t count, Side side, int16_t *offset_x, int16_t *offset_y)
{
    glance_body(t, glance, place, k, first, count, side, offset_x, offset_y);
}

#ifdef HAS_AVX2_PATH
__attribute__((target("avx2"))) static void glance_avx2(const CellTable *t, const Glance *glance, FanPlace place,
                                                        const LookConstants *k, size_t first, int32_t count, Side side,
                                                        int16_t *offset_x, int16_t *offset_y)
{
    glance_body(t, glance, place, k, first, count, side, offset_x, offset_y);
}
#endif

INLINE uint8_t step(float share)
{
    return (uint8_t)(int32_t)(share * 255.0f + 0.5f);
}

INLINE uint8_t stretched(int32_t sum)
{
    /* From a sixth of 9 x 255 to two thirds: (2 sum - 765) / 9 */
    const int32_t over = smaller_int(larger_int(2 * sum - 765, 0), 2295);
    return (uint8_t)(over / 9);
}

/* 3 x 3 means, from a sixth to two thirds stretched to nothing and all: gaps close, ends fade. */
INLINE void widen(const uint8_t *steps, int32_t side, uint8_t *widened)
{
    int32_t columns[LONGEST_ROW + 2];
    for (int32_t y = 0; y < side; y++) {
        const uint8_t *row = steps + y * side, *above = y > 0 ? row - side : row, *below = y + 1 < side ? row + side : row;
        for (int32_t x = 0; x < side; x++)
            columns[x + 1] = above[x] + row[x] + below[x];
        columns[0] = columns[1];
        columns[side + 1] = columns[side];
        for (int32_t x = 0; x < side; x++)
            widened[y * side + x] = stretched(columns[x] + columns[x + 1] + columns[x + 2]);
    }
}

/* The shares of a kind in a view. `steps` is scratch memory. */
INLINE void mix_body(const Side *own, const Side *twin, int kind, const LookConstants *k, int32_t side, uint8_t *steps,
                     uint8_t *twins, uint8_t *fill, uint8_t *trust)
{
    const int32_t cells = side * side;
    const float *own_quality = own->quality[kind], *twin_quality = twin->quality[kind];
    const float *own_risk = own->risk[kind], *twin_risk = twin->risk[kind];
    const float *own_trust = own->trust[kind], *twin_trust = twin->trust[kind];
    NO_ALIASES
    for (int32_t i = 0; i < cells; i++) {
        const float quality = own_quality[i];
        const float poor = ramp(quality, k->poor) * ramp(twin_quality[i] - quality, k->better);
        steps[i] = step(poor * k->symmetry);
    }
    widen(steps, side, twins);
    NO_ALIASES
    for (int32_t i = 0; i < cells; i++) {
        const float share = (float)twins[i] * (1.0f / 255.0f), rest = 1.0f - share;
        steps[i] = step(rest * own_risk[i] + share * twin_risk[i]);
    }
    widen(steps, side, fill);
    NO_ALIASES
    for (int32_t i = 0; i < cells; i++) {
        const float share = (float)twins[i] * (1.0f / 255.0f), rest = 1.0f - share;
        const float both = rest * own_trust[i] + share * twin_trust[i];
        trust[i] = (uint8_t)(int32_t)(both * (255.0f - (float)fill[i]) + 0.5f);
    }
}

static void mix_portable(const Side *own, const Side *twin, int kind, const LookConstants *k, int32_t side,
                         uint8_t *steps, uint8_t *twins, uint8_t *fill, uint8_t *trust)
{
    mix_body(own, twin, kind, k, side, steps, twins, fill, trust);
}

#ifdef HAS_AVX2_PATH
__attribute__((target("avx2"))) static void mix_avx2(const Side *own, const Side *twin, int kind,
                                                     const LookConstants *k, int32_t side, uint8_t *steps,
                                                     uint8_t *twins, uint8_t *fill, uint8_t *trust)
{
    mix_body(own, twin, kind, k, side, steps, twins, fill, trust);
}
#endif

static void mix_sides(const Side *own, const Side *twin, int kind, const LookConstants *k, int32_t side, uint8_t *steps,
                      uint8_t *twins, uint8_t *fill, uint8_t *trust)
{
#ifdef HAS_AVX2_PATH
    if (__builtin_cpu_supports("avx2")) {
        mix_avx2(own, twin, kind, k, side, steps, twins, fill, trust);
        return;
    }
#endif
    mix_portable(own, twin, kind, k, side, steps, twins, fill, trust);
}

static void count_cells(const CellTable *t, const LookConstants *k, const Side *own, size_t first, const uint8_t *twins,
                        const uint8_t *fill, int32_t *counts)
{
    memset(counts, 0, 4 * sizeof *counts);
    for (int32_t i = 0; i < t->side * t->side; i++) {
        if (!t->is_face[first + (size_t)i])
            continue;
        const float u = own->x[i], v = own->y[i];
        const int inside = u >= -0.5f && v >= -0.5f && u <= k->right && v <= k->bottom;
        const int filled = !inside || twins[i] > 127 || fill[i] > 127;
        counts[0]++;
        counts[1] += !filled && own->head_seen[i] > k->seen_from;
        counts[2] += filled;
        counts[3] += inside;
    }
}

enum { LANES = 64 };

/* The lowest (sign 1) or highest (sign -1) of some numbers, and of one more. */
static float lowest(const float *values, int32_t count, float sign, float start)
{
    float least[LANES];
    for (int32_t j = 0; j < LANES; j++)
        least[j] = sign * start;
    int32_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int32_t j = 0; j < LANES; j++)
            least[j] = smaller(sign * values[i + j], least[j]);
    for (; i < count; i++)
        least[0] = smaller(sign * values[i], least[0]);
    for (int32_t j = 1; j < LANES; j++)
        least[0] = smaller(least[j], least[0]);
    return sign * least[0];
}

static void find_range(const Side *side, int32_t cells, float *range)
{
    range[0] = lowest(side->depth, cells, 1.0f, range[0]);
    range[1] = lowest(side->x, cells, 1.0f, range[1]);
    range[2] = lowest(side->y, cells, 1.0f, range[2]);
    range[3] = lowest(side->x, cells, -1.0f, range[3]);
    range[4] = lowest(side->y, cells, -1.0f, range[4]);
}

static Side side_at(float *scratch, size_t cells)
{
    float *a[ARRAYS_OF_SIDE];
    for (int i = 0; i < ARRAYS_OF_SIDE; i++)
        a[i] = scratch + (size_t)i * cells;
    const Side side = {{a[0], a[1]}, {a[2], a[3]}, {a[4], a[5]}, a[6], a[7], a[8], a[9]};
    return side;
}

void look_at_cells(const CellTable *table, const Glance *glances, const FanPlace *places,
                   const LookConstants *constants, float *scratch, const Looked *looked)
{
    const size_t cells = (size_t)table->side * (size_t)table->side;
    Side sides[2] = {side_at(scratch, cells), side_at(scratch + ARRAYS_OF_SIDE * cells, cells)};
    uint8_t *steps = (uint8_t *)(scratch + 2 * ARRAYS_OF_SIDE * cells);
    for (int32_t view = 0; view < table->views; view++) {
        const size_t first = (size_t)view * cells;
        uint8_t *twins = looked->twins + 2 * first, *fill = looked->fill + 2 * first, *trust = looked->trust + 2 * first;
        for (int s = 0; s < 2; s++) {
            int16_t *offsets = looked->offsets + 4 * first + 2 * (size_t)s * cells;
#ifdef HAS_AVX2_PATH
            if (__builtin_cpu_supports("avx2"))
                glance_avx2(table, glances + s, places[s], constants, first, (int32_t)cells, sides[s], offsets,
                            offsets + cells);
            else
#endif
                glance_portable(table, glances + s, places[s], constants, first, (int32_t)cells, sides[s], offsets,
                                offsets + cells);
            if (view == 0 && s == 0) {
                const float start[5] = {sides[0].depth[0], sides[0].x[0], sides[0].y[0], sides[0].x[0], sides[0].y[0]};
                memcpy(looked->range, start, sizeof start);
            }
            find_range(&sides[s], (int32_t)cells, looked->range);
        }
        for (int kind = 0; kind < 2; kind++)
            mix_sides(&sides[0], &sides[1], kind, constants, table->side, steps, twins + (size_t)kind * cells,
                      fill + (size_t)kind * cells, trust + (size_t)kind * cells);
        count_cells(table, constants, &sides[0], first, twins, fill, looked->counts + 4 * view);
    }
}
