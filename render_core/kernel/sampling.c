#include "sampling.h"

#include <string.h>

#include "cells.h"
#include "fill.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define HAS_AVX2_PATH 1
#include <immintrin.h>
#elif defined(__aarch64__) && defined(__ARM_NEON)
#define HAS_NEON_PATH 1
#include <arm_neon.h>
#endif

enum {
    /* After the first pass over rows, values keep 6 bits below a level and fit 16 bits. */
    MIDDLE_SHIFT = 8,
    MIDDLE_BITS = WEIGHT_BITS - MIDDLE_SHIFT,
    SUM_BITS = MIDDLE_BITS + WEIGHT_BITS,
    /* Two sums are mixed in steps of 1/256 after dropping as many bits. */
    MIX_BITS = 8,
};

/* The first and the last positions that are sampled. */
typedef struct {
    float first, last_x, last_y;
} Limits;

static Limits limits_of(const Source *source)
{
    const Limits limits = {1.0f, (float)(source->width - BORDER_BEFORE_PX), (float)(source->height - BORDER_BEFORE_PX)};
    return limits;
}

/* Where points are in the source, in 1 / SUBPIXELS; `side` -1 takes the points at -x. Not a number becomes the first
   position, and what lies beyond the border becomes its edge. */
INLINE void positions(const float *x, const float *y, const float *z, int32_t count, const float *P, float side,
                      Limits limits, int32_t *column, int32_t *row)
{
    for (int32_t i = 0; i < count; i++) {
        const float turned = side * x[i];
        const float depth = ((P[9] * y[i] + P[10] * z[i]) + P[11]) + P[8] * turned;
        float u = (((P[1] * y[i] + P[2] * z[i]) + P[3]) + P[0] * turned) / depth;
        float v = (((P[5] * y[i] + P[6] * z[i]) + P[7]) + P[4] * turned) / depth;
        u = u > limits.first ? u : limits.first;
        u = u < limits.last_x ? u : limits.last_x;
        v = v > limits.first ? v : limits.first;
        v = v < limits.last_y ? v : limits.last_y;
        column[i] = (int32_t)(u * (float)SUBPIXELS + 0.5f);
        row[i] = (int32_t)(v * (float)SUBPIXELS + 0.5f);
    }
}

/* A position moved by an offset of its cells, but not beyond the border. */
INLINE int32_t moved(int32_t position, float offset, float last)
{
    const int32_t first = SUBPIXELS, furthest = (int32_t)last * SUBPIXELS;
    int32_t target = position + (int32_t)(offset * (float)OFFSET_STEP);
    target = target < first ? first : target;
    return target > furthest ? furthest : target;
}

/* Moves the positions on the head by an offset of the cells. */
INLINE void move_all(const float *mixed, const uint8_t *is_head, const Places *places, Span span, float step,
                     float last, int32_t *position)
{
    float offsets[BLOCK];
    between_all(mixed, places, span, step, offsets);
    NO_ALIASES
    for (int32_t i = span.from; i < span.to; i++) {
        const int32_t target = moved(position[i], offsets[i], last);
        position[i] = is_head[i] ? target : position[i];
    }
}

/* From a sum of weighted levels to the nearest level. */
INLINE uint8_t to_level(int32_t sum)
{
    const int32_t level = (sum + (1 << (SUM_BITS - 1))) >> SUM_BITS;
    return (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level);
}

/* ---- portable ---- */

typedef struct {
    int32_t channel[4];
} PortableSum;

INLINE PortableSum portable_taps(const uint8_t *corner, size_t stride, const int16_t *wx, const int16_t *wy, int taps)
{
    PortableSum sum = {{0, 0, 0, 0}};
    for (int c = 0; c < taps; c++)
        for (int k = 0; k < 4; k++) {
            int32_t down = 0;
            for (int r = 0; r < taps; r++)
                down += corner[(size_t)r * stride + (size_t)(4 * c + k)] * wy[r];
            sum.channel[k] += wx[c] * ((down + (1 << (MIDDLE_SHIFT - 1))) >> MIDDLE_SHIFT);
        }
    return sum;
}

INLINE PortableSum portable_mix(PortableSum direct, PortableSum twin, int32_t share)
{
    for (int k = 0; k < 4; k++)
        direct.channel[k] = (direct.channel[k] >> MIX_BITS) * (256 - share) + (twin.channel[k] >> MIX_BITS) * share;
    return direct;
}

INLINE void portable_store(PortableSum sum, uint8_t *out, int channels)
{
    for (int k = 0; k < channels; k++)
        out[k] = to_level(sum.channel[k]);
}

#define ROWS portable_rows
#define EDGES portable_edges
#define TARGET
#define SUM PortableSum
#define TAPS portable_taps
#define MIX portable_mix
#define STORE portable_store
#include "sampling_rows.h"

/* ---- AVX2 ---- */

#ifdef HAS_AVX2_PATH
#define AVX2 __attribute__((target("avx2")))

/* Two int16 weights in every 32-bit lane. */
AVX2 INLINE __m256i weight_pair(const int16_t *pair)
{
    int32_t both;
    memcpy(&both, pair, sizeof both);
    return _mm256_set1_epi32(both);
}

AVX2 INLINE __m128i avx2_cubic(const uint8_t *corner, size_t stride, const int16_t *wx, const int16_t *wy)
{
    const __m128i r0 = _mm_loadu_si128((const __m128i *)corner);
    const __m128i r1 = _mm_loadu_si128((const __m128i *)(corner + stride));
    const __m128i r2 = _mm_loadu_si128((const __m128i *)(corner + 2 * stride));
    const __m128i r3 = _mm_loadu_si128((const __m128i *)(corner + 3 * stride));
    const __m256i w01 = weight_pair(wy), w23 = weight_pair(wy + 2), half = _mm256_set1_epi32(1 << (MIDDLE_SHIFT - 1));
    /* Pixels 0 and 1 in the lanes of the first, 2 and 3 in those of the second. */
    __m256i near = _mm256_add_epi32(_mm256_madd_epi16(_mm256_cvtepu8_epi16(_mm_unpacklo_epi8(r0, r1)), w01),
                                    _mm256_madd_epi16(_mm256_cvtepu8_epi16(_mm_unpacklo_epi8(r2, r3)), w23));
    __m256i far = _mm256_add_epi32(_mm256_madd_epi16(_mm256_cvtepu8_epi16(_mm_unpackhi_epi8(r0, r1)), w01),
                                   _mm256_madd_epi16(_mm256_cvtepu8_epi16(_mm_unpackhi_epi8(r2, r3)), w23));
    near = _mm256_srai_epi32(_mm256_add_epi32(near, half), MIDDLE_SHIFT);
    far = _mm256_srai_epi32(_mm256_add_epi32(far, half), MIDDLE_SHIFT);
    const __m256i middle = _mm256_packs_epi32(near, far); /* pixels 0, 2 | 1, 3 */
    const __m128i even = _mm256_castsi256_si128(middle), odd = _mm256_extracti128_si256(middle, 1);
    const __m128i x01 = _mm256_castsi256_si128(weight_pair(wx)), x23 = _mm256_castsi256_si128(weight_pair(wx + 2));
    return _mm_add_epi32(_mm_madd_epi16(_mm_unpacklo_epi16(even, odd), x01),
                         _mm_madd_epi16(_mm_unpackhi_epi16(even, odd), x23));
}

AVX2 INLINE __m128i avx2_linear(const uint8_t *corner, size_t stride, const int16_t *wx, const int16_t *wy)
{
    const __m128i r0 = _mm_loadl_epi64((const __m128i *)corner);
    const __m128i r1 = _mm_loadl_epi64((const __m128i *)(corner + stride));
    const __m256i both = _mm256_madd_epi16(_mm256_cvtepu8_epi16(_mm_unpacklo_epi8(r0, r1)), weight_pair(wy));
    const __m256i middle =
        _mm256_srai_epi32(_mm256_add_epi32(both, _mm256_set1_epi32(1 << (MIDDLE_SHIFT - 1))), MIDDLE_SHIFT);
    /* Pixel 0 in the low halves, pixel 1 in the high ones. */
    const __m128i pairs = _mm_blend_epi16(_mm256_castsi256_si128(middle),
                                          _mm_slli_epi32(_mm256_extracti128_si256(middle, 1), 16), 0xAA);
    return _mm_madd_epi16(pairs, _mm256_castsi256_si128(weight_pair(wx)));
}

AVX2 INLINE __m128i avx2_taps(const uint8_t *corner, size_t stride, const int16_t *wx, const int16_t *wy, int taps)
{
    return taps == 4 ? avx2_cubic(corner, stride, wx, wy) : avx2_linear(corner, stride, wx, wy);
}

AVX2 INLINE __m128i avx2_mix(__m128i direct, __m128i twin, int32_t share)
{
    return _mm_add_epi32(_mm_mullo_epi32(_mm_srai_epi32(direct, MIX_BITS), _mm_set1_epi32(256 - share)),
                         _mm_mullo_epi32(_mm_srai_epi32(twin, MIX_BITS), _mm_set1_epi32(share)));
}

AVX2 INLINE void avx2_store(__m128i sum, uint8_t *out, int channels)
{
    __m128i levels = _mm_srai_epi32(_mm_add_epi32(sum, _mm_set1_epi32(1 << (SUM_BITS - 1))), SUM_BITS);
    levels = _mm_packs_epi32(levels, levels);
    const int32_t pixel = _mm_cvtsi128_si32(_mm_packus_epi16(levels, levels));
    memcpy(out, &pixel, 2);
    out[2] = (uint8_t)(pixel >> 16);
    if (channels == 4)
        out[3] = (uint8_t)((uint32_t)pixel >> 24);
}

#define ROWS avx2_rows
#define EDGES avx2_edges
#define TARGET AVX2
#define SUM __m128i
#define TAPS avx2_taps
#define MIX avx2_mix
#define STORE avx2_store
#include "sampling_rows.h"

#define SIMD_ROWS avx2_rows
#define SIMD_EDGES avx2_edges
#define SIMD_NAME "avx2"
static int simd_is_there(void)
{
    return __builtin_cpu_supports("avx2");
}
#endif

/* ---- NEON ---- */

#ifdef HAS_NEON_PATH
/* Four pixels of a row times its weight, added to four sums of four channels. */
INLINE void neon_add_row(int32x4_t sums[4], const uint8_t *row, int16_t weight, int taps)
{
    const int16x8_t near = vreinterpretq_s16_u16(vmovl_u8(vld1_u8(row)));
    sums[0] = vmlal_n_s16(sums[0], vget_low_s16(near), weight);
    sums[1] = vmlal_n_s16(sums[1], vget_high_s16(near), weight);
    if (taps == 4) {
        const int16x8_t far = vreinterpretq_s16_u16(vmovl_u8(vld1_u8(row + 8)));
        sums[2] = vmlal_n_s16(sums[2], vget_low_s16(far), weight);
        sums[3] = vmlal_n_s16(sums[3], vget_high_s16(far), weight);
    }
}

INLINE int32x4_t neon_taps(const uint8_t *corner, size_t stride, const int16_t *wx, const int16_t *wy, int taps)
{
    int32x4_t sums[4] = {vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)};
    for (int r = 0; r < taps; r++)
        neon_add_row(sums, corner + (size_t)r * stride, wy[r], taps);
    int32x4_t sum = vdupq_n_s32(0);
    for (int c = 0; c < taps; c++) /* a rounding shift */
        sum = vmlal_n_s16(sum, vrshrn_n_s32(sums[c], MIDDLE_SHIFT), wx[c]);
    return sum;
}

INLINE int32x4_t neon_mix(int32x4_t direct, int32x4_t twin, int32_t share)
{
    return vmlaq_n_s32(vmulq_n_s32(vshrq_n_s32(direct, MIX_BITS), 256 - share), vshrq_n_s32(twin, MIX_BITS), share);
}

INLINE void neon_store(int32x4_t sum, uint8_t *out, int channels)
{
    const uint16x4_t levels = vqmovun_s32(vrshrq_n_s32(sum, SUM_BITS));
    const uint32_t pixel = vget_lane_u32(vreinterpret_u32_u8(vqmovn_u16(vcombine_u16(levels, levels))), 0);
    out[0] = (uint8_t)pixel;
    out[1] = (uint8_t)(pixel >> 8);
    out[2] = (uint8_t)(pixel >> 16);
    if (channels == 4)
        out[3] = (uint8_t)(pixel >> 24);
}

#define ROWS neon_rows
#define EDGES neon_edges
#define TARGET
#define SUM int32x4_t
#define TAPS neon_taps
#define MIX neon_mix
#define STORE neon_store
#include "sampling_rows.h"

#define SIMD_ROWS neon_rows
#define SIMD_EDGES neon_edges
#define SIMD_NAME "neon"
static int simd_is_there(void)
{
    return 1;
}
#endif

#ifndef SIMD_ROWS
#define SIMD_ROWS portable_rows
#define SIMD_EDGES portable_edges
#define SIMD_NAME "portable"
static int simd_is_there(void)
{
    return 0;
}
#endif

const char *best_path(void)
{
    return simd_is_there() ? SIMD_NAME : "portable";
}

static int any_byte(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i])
            return 1;
    return 0;
}

int sample_view(const View *view, int32_t *scratch, uint8_t *out, int path)
{
    const int simd = simd_is_there();
    if (path == PATH_SIMD && !simd)
        return -1;
    const int fast = simd && path != PATH_PORTABLE;
    const size_t cells = (size_t)view->cells.side * (size_t)view->cells.side;
    Level spread[2] = {{NULL, NULL}, {NULL, NULL}};
    if (fast)
        SIMD_ROWS(view, out);
    else
        portable_rows(view, out);
    if (cells && any_byte(view->cells.fill, 2 * cells)) {
        for (int kind = 0; kind < 2; kind++)
            if (any_byte(view->cells.fill + (size_t)kind * cells, cells))
                spread[kind] = spread_colours(view, kind, out, scratch + kind * (scratch_size(&view->cells) / 2));
        fill_rows(view, spread, out);
    }
    if (fast)
        SIMD_EDGES(view, spread, out);
    else
        portable_edges(view, spread, out);
    return 0;
}
