#include "sampling.h"

#include <stddef.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define HAS_AVX2_PATH 1
#include <immintrin.h>
#elif defined(__aarch64__) && defined(__ARM_NEON)
#define HAS_NEON_PATH 1
#include <arm_neon.h>
#endif

#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

enum {
    BLOCK = 256,
    /* After the first pass over rows, values keep 6 bits below a level and fit 16 bits. */
    MIDDLE_SHIFT = 8,
    MIDDLE_BITS = WEIGHT_BITS - MIDDLE_SHIFT,
    SUM_BITS = MIDDLE_BITS + WEIGHT_BITS,
    /* Two sums are mixed in steps of 1/256 after dropping as many bits. */
    MIX_BITS = 8,
};

/* The last position that is still sampled, and where the photo begins to matter. */
typedef struct {
    float first, last_x, last_y;
} Limits;

/* All that the rows of a view need. */
typedef struct {
    const Grid *grid;
    const Source *source;
    const float *projection;
    const int16_t *weights;
    const Twins *twins;
    uint8_t *out;
} View;

/* Share of the twin of each of `count` pixels from column `start`, 0 to 256, between the middles of cells. */
static void block_shares(const int32_t *head, const int32_t *backdrop, const Grid *grid, const Twins *twins,
                         int32_t row, int32_t start, int32_t count, int32_t *shares)
{
    const int32_t cell = twins->cell_px, last = twins->side - 1;
    const float step = 1.0f / (float)(4 * cell * cell);
    const uint8_t *is_head = grid->is_head + (size_t)row * (size_t)grid->columns + (size_t)start;
    /* x / cell + 1 / (2 cell) - 1/2 = (2 x + 1 - cell) / (2 cell); shifted by a cell to stay positive */
    int32_t place = (2 * start + 1 + cell) / (2 * cell) - 1, rest = (2 * start + 1 + cell) % (2 * cell);
    for (int32_t i = 0; i < count; i++) {
        const int32_t *cells = is_head[i] ? head : backdrop;
        const int32_t a = place < 0 ? 0 : place > last ? last : place, b = place + 1 > last ? last : place + 1;
        const int32_t sum = cells[a] * (2 * cell - rest) + cells[b] * rest;
        int32_t share = (int32_t)((float)sum * step + 0.5f);
        share = share <= NEGLIGIBLE ? 0 : share >= 255 - NEGLIGIBLE ? 255 : share;
        shares[i] = share + (share >> 7);
        rest += 2;
        if (rest >= 2 * cell) {
            rest -= 2 * cell;
            place++;
        }
    }
}

/* The rows of cells above and below a row of pixels, mixed: `mixed[k]` is 2 cell_px times the share. Returns
   whether any is above 0. */
static int mix_cell_rows(const uint8_t *cells, const Twins *twins, int32_t row, int32_t *mixed)
{
    const int32_t cell = twins->cell_px, last = twins->side - 1;
    const int32_t place = (2 * row + 1 + cell) / (2 * cell) - 1, rest = (2 * row + 1 + cell) % (2 * cell);
    const int32_t above = place < 0 ? 0 : place > last ? last : place, below = place + 1 > last ? last : place + 1;
    const uint8_t *a = cells + (size_t)above * (size_t)twins->side, *b = cells + (size_t)below * (size_t)twins->side;
    int32_t any = 0;
    for (int32_t k = 0; k < twins->side; k++) {
        mixed[k] = a[k] * (2 * cell - rest) + b[k] * rest;
        any |= mixed[k];
    }
    return any != 0;
}

/* Positions of `count` points in the source, in 1 / SUBPIXELS; `side` -1 takes the points at -x. Not a number
   becomes the first position, and what lies beyond the border becomes its edge. */
INLINE void block_positions(const Grid *grid, size_t first, int32_t count, const float *P, float side,
                            Limits limits, int32_t *column, int32_t *row)
{
    const float *x = grid->x + first, *y = grid->y + first, *z = grid->z + first;
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
#define TARGET AVX2
#define SUM __m128i
#define TAPS avx2_taps
#define MIX avx2_mix
#define STORE avx2_store
#include "sampling_rows.h"

#define SIMD_ROWS avx2_rows
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
#define TARGET
#define SUM int32x4_t
#define TAPS neon_taps
#define MIX neon_mix
#define STORE neon_store
#include "sampling_rows.h"

#define SIMD_ROWS neon_rows
#define SIMD_NAME "neon"
static int simd_is_there(void)
{
    return 1;
}
#endif

#ifndef SIMD_ROWS
#define SIMD_ROWS portable_rows
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

int sample_view(const Grid *grid, const Source *source, const float *projection, const Filter *filter,
                const Twins *twins, int channels, uint8_t *out, int path)
{
    const int simd = simd_is_there();
    if (path == PATH_SIMD && !simd)
        return -1;
    const View view = {grid, source, projection, filter->weights, twins, out};
    if (simd && path != PATH_PORTABLE)
        SIMD_ROWS(&view, filter->taps, channels);
    else
        portable_rows(&view, filter->taps, channels);
    return 0;
}
