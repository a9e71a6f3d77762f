#pragma once
/// \file
/// The one register kernel: a strip of rows times a panel of queries, and the packing that feeds it.
///
/// The words of the engine, here and in every header that includes this one:
///
///                                                                           BLIS                       FlashAttention
///     lane         an element of a SIMD register; queries lie in the lanes
///     panel        `lanes` queries, those of one call of the kernel         micropanel of B, n_r wide
///     strip        as many keys, or channels, packed side by side           micropanel of A, m_r high
///     microtile    a strip times a panel: the accumulators                  microtile, m_r by n_r
///     key block    the keys between two corrections of the maximum          k_c                        column block, B_c
///     query block  the panels that share a key block while it is in L2      loop over n_c              row block, B_r
///     tile         a key block times a panel: empty, on the edge, or full                              tile
///     wave         the views whose keys are packed at once
///
/// A panel makes S^T, P^T (a row per key) and O^T (a row per channel), so that maximum, exp, sum, rescaling and mask
/// never work across a register, and P is written where the second product reads it. Both products of attention,
///
///     S^T = K Q^T    and    O^T += V^T P^T,
///
/// are the same kernel: a strip times a panel, all accumulators in registers. Not installed: the layout depends on the
/// target.

#include "reference/definition/positions.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <numbers>
#include <string_view>
#include <type_traits>
#include <utility>
#if defined __x86_64__
#include <immintrin.h>
#endif

/// for i = 0, ..., n - 1, unrolled, so that what i indexes stays in registers.
#define DRA_UNROLL(i, n) _Pragma("GCC unroll 16") for (int i = 0; i < (n); ++i)
#define DRA_INLINE [[gnu::always_inline]] inline

namespace dra::kernel {

// Two vectors wide, every number of `a` that is spread over a register serves two multiply-adds. One vector wide, each
// multiply-add has to load it again, and two loads a cycle are all there are: 92 % of the peak at best.
#if defined __AVX512F__
inline constexpr int vector_bytes = 64, strip = 8, vectors = 2; // 16 accumulators of 32 registers
#elif defined __AVX__
inline constexpr int vector_bytes = 32, strip = 6, vectors = 2; // 12 of 16
#else
inline constexpr int vector_bytes = 16, strip = 6, vectors = 2;
#endif

/// The integer as wide as T.
template <class T> using Integer = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;

/// A SIMD register of T.
template <class T> struct VectorOf { typedef T Type __attribute__((vector_size(vector_bytes))); };
template <class T> using Vector = typename VectorOf<T>::Type;

template <class T> inline constexpr int width = vector_bytes / sizeof(T); ///< lanes of a register
template <class T> inline constexpr int lanes = width<T>* vectors;        ///< queries of a panel

/// One number per query of a panel.
template <class T> struct Row {
    Vector<T> v[vectors];
    DRA_INLINE void set(int lane, T x) { v[lane / width<T>][lane % width<T>] = x; }
    DRA_INLINE T get(int lane) const { return v[lane / width<T>][lane % width<T>]; }
};

/// Copies the first channels of a row from or to where they lie side by side; a whole row without a call.
template <class T> DRA_INLINE void copy_channels(Index channels, const void* from, void* to) {
    if (channels >= lanes<T>)
        std::memcpy(to, from, sizeof(Row<T>));
    else
        std::memcpy(to, from, static_cast<std::size_t>(channels) * sizeof(T));
}

/// `strip` rows, which live in registers.
template <class T> struct Microtile { Row<T> r[strip]; };

/// A number of rows, rounded up to whole strips.
constexpr Index strips_up(Index rows) { return (rows + strip - 1) / strip * strip; }

/// Adds a[i * row] * b to row i of sum, for i < strip.
template <Index row = 1, class T> DRA_INLINE void multiply_add(Microtile<T>& sum, const T* a, const Row<T>* b) {
    DRA_UNROLL (i, strip)
        DRA_UNROLL (j, vectors) sum.r[i].v[j] += a[i * row] * b->v[j];
}

/// The sum over k < K of a[i * row + k * step] * b[k * b_step], for i < strip, as one chain of additions; a packed
/// strip has row 1 and step `strip`. Unrolled once: g++ 12 answers more code with copies and spills of accumulators.
template <Index row = 1, Index step = strip, Index b_step = 1, class T>
DRA_INLINE Microtile<T> chain(Index K, const T* a, const Row<T>* b) {
    Microtile<T> sum{};
    const T* const end = a + K * step;
    _Pragma("GCC unroll 2") for (; a != end; a += step, b += b_step) multiply_add<row>(sum, a, b);
    return sum;
}

/// Rounding errors grow with the length of a chain, so that longer sums are cut into several.
inline constexpr Index longest_chain = 128;

/// The same sum of packed strips for any K.
template <class T> DRA_INLINE Microtile<T> product(Index K, const T* a, const Row<T>* b) {
    Microtile<T> sum = chain(std::min(K, longest_chain), a, b);
    for (Index k = longest_chain; k < K; k += longest_chain) {
        const Microtile<T> more = chain(std::min(K - k, longest_chain), a + k * strip, b + k);
        DRA_UNROLL (i, strip)
            DRA_UNROLL (j, vectors) sum.r[i].v[j] += more.r[i].v[j];
    }
    return sum;
}

/// The sum over k < K of a[k] * b[k], lane by lane, in the order of product().
template <class T> Row<T> inner_products(Index K, const Row<T>* a, const Row<T>* b) {
    Row<T> sum{};
    for (Index k0 = 0; k0 < K; k0 += longest_chain) {
        Row<T> more{};
        for (Index k = k0; k < std::min(K, k0 + longest_chain); ++k)
            DRA_UNROLL (j, vectors) more.v[j] += a[k].v[j] * b[k].v[j];
        DRA_UNROLL (j, vectors) sum.v[j] += more.v[j];
    }
    return sum;
}

inline constexpr int square = 8; ///< rows and columns that are transposed at once

/// The transpose of 8 x 8 numbers in registers: three rounds, each swapping the off-diagonal blocks of one size.
template <class T> class Transpose {
public:
    /// The transpose of the block at x, whose rows are x_row apart.
    DRA_INLINE Transpose(const T* x, Index x_row) {
        DRA_UNROLL (i, 8) std::memcpy(&rows_[i], x + i * x_row, sizeof(Eight));
        swap_blocks<1>();
        swap_blocks<2>();
        swap_blocks<4>();
    }

    /// Writes it, scaled, to y, whose rows are y_row apart.
    DRA_INLINE void store(T scale, T* y, Index y_row) const {
        DRA_UNROLL (i, 8) {
            const Eight scaled = scale * rows_[i];
            std::memcpy(y + i * y_row, &scaled, sizeof(Eight));
        }
    }

private:
    typedef T Eight __attribute__((vector_size(8 * sizeof(T))));

    template <int size> DRA_INLINE void swap_blocks() {
        DRA_UNROLL (i, 8) {
            if (i & size) continue;
            const Eight a = rows_[i], b = rows_[i + size];
            [&]<int... j>(std::integer_sequence<int, j...>) {
                rows_[i] = __builtin_shufflevector(a, b, (j & size ? 8 + j - size : j)...);
                rows_[i + size] = __builtin_shufflevector(a, b, (j & size ? 8 + j : j + size)...);
            }
            (std::make_integer_sequence<int, 8>{});
        }
    }

    Eight rows_[8];
};

/// Packs rows as columns, and back: y[k * y_row + i] = scale * x[i * x_row + k] for i < min(rows, n), k < K.
template <int n = square, class T>
DRA_INLINE void transpose(Index rows, Index K, T scale, const T* x, Index x_row, T* y, Index y_row) {
    Index k = 0;
    if constexpr (n == square)
        for (; rows >= n && k + n <= K; k += n) Transpose<T>(x + k, x_row).store(scale, y + k * y_row, y_row);
    for (; k < K; ++k)
        for (Index i = 0; i < std::min<Index>(rows, n); ++i) y[k * y_row + i] = scale * x[i * x_row + k];
}

/// Packs rows as they are: y[k * strip + i] = x[k * x_row + i] for i < min(columns, strip), k < K.
template <class T> DRA_INLINE void copy(Index columns, Index K, const T* x, Index x_row, T* y) {
    for (Index k = 0; k < K; ++k) {
        if (columns >= strip)
            std::memcpy(y + k * strip, x + k * x_row, strip * sizeof(T));
        else
            std::copy_n(x + k * x_row, columns, y + k * strip);
    }
}

// One instruction of x86, with just the rule for NaN that is asked for below; g++ 12 makes a comparison and a blend of
// what stands in the last line.
#if defined __AVX512F__
#define DRA_EXTREME(which, old, x)                                     \
    if constexpr (sizeof(T) == 4)                                      \
        return (Vector<T>)_mm512_##which##_ps((__m512)old, (__m512)x); \
    else                                                               \
        return (Vector<T>)_mm512_##which##_pd((__m512d)old, (__m512d)x)
#elif defined __AVX__
#define DRA_EXTREME(which, old, x)                                     \
    if constexpr (sizeof(T) == 4)                                      \
        return (Vector<T>)_mm256_##which##_ps((__m256)old, (__m256)x); \
    else                                                               \
        return (Vector<T>)_mm256_##which##_pd((__m256d)old, (__m256d)x)
#elif defined __x86_64__
#define DRA_EXTREME(which, old, x)                                  \
    if constexpr (sizeof(T) == 4)                                   \
        return (Vector<T>)_mm_##which##_ps((__m128)old, (__m128)x); \
    else                                                            \
        return (Vector<T>)_mm_##which##_pd((__m128d)old, (__m128d)x)
#else
#define DRA_EXTREME(which, old, x) return std::string_view(#which) == "max" ? (old > x ? old : x) : (old < x ? old : x)
#endif

/// The larger, or the smaller, of two, lane by lane. A NaN in `x` is handed on, one in `old` is forgotten: it comes
/// back through exp2.
template <class T> DRA_INLINE Vector<T> larger(Vector<T> old, Vector<T> x) { DRA_EXTREME(max, old, x); }
template <class T> DRA_INLINE Vector<T> smaller(Vector<T> old, Vector<T> x) { DRA_EXTREME(min, old, x); }
#undef DRA_EXTREME

/// Whether some lane of a register is NaN.
template <class T> DRA_INLINE bool any_nan(Vector<T> x) {
#if defined __AVX512F__
    if constexpr (sizeof(T) == 4)
        return _mm512_cmp_ps_mask((__m512)x, (__m512)x, _CMP_UNORD_Q) != 0;
    else
        return _mm512_cmp_pd_mask((__m512d)x, (__m512d)x, _CMP_UNORD_Q) != 0;
#else
    bool any = false;
    for (int lane = 0; lane < width<T>; ++lane) any |= x[lane] != x[lane];
    return any;
#endif
}

/// Whether some lane of a row is NaN.
template <class T> DRA_INLINE bool any_nan(const Row<T>& x) {
    Vector<T> sum = x.v[0];
    for (int c = 1; c < vectors; ++c) sum += x.v[c];
    return any_nan<T>(sum);
}

/// NaN in the lanes where one of the numbers added was not finite, 0 in the others: 0 times what is not finite is NaN.
/// In two sums, since each addition of one waits for the one before.
template <class T> class NonFinite {
public:
    /// Adds `strip` rows, of a microtile or in memory.
    DRA_INLINE void add(const Row<T>* rows) {
        DRA_UNROLL (i, strip)
            DRA_UNROLL (c, vectors) sums_[i % 2].v[c] += T(0) * rows[i].v[c];
    }

    DRA_INLINE Row<T> lanes() const {
        Row<T> sum;
        DRA_UNROLL (c, vectors) sum.v[c] = sums_[0].v[c] + sums_[1].v[c];
        return sum;
    }

private:
    Row<T> sums_[2]{};
};

/// The coefficients of 2^f = 1 + f g(f), |f| <= 1/2. In float g is the Taylor series to degree 5, whose last term is
/// spread over the lower odd ones as Chebyshev's T_5(2 f) has it (relative error 1.5e-7 at the ends, an ulp); in double
/// the series to degree 12. The constant is exactly 1.
template <class T> consteval auto exp2_series() {
    constexpr int degree = sizeof(T) == 4 ? 5 : 13;
    std::array<double, degree + 2> c{};
    double term = 1;
    for (int i = 0; i <= degree + 1; term *= std::numbers::ln2 / ++i) c[i] = term;
    if constexpr (degree == 5) { // t^5 = (T_5(t) + 20 t^3 - 5 t) / 16 with t = 2 f
        c[4] += c[6] * 20 / 16 / 4;
        c[2] -= c[6] * 5 / 16 / 16;
    }
    std::array<T, degree + 1> rounded{};
    for (int i = 0; i <= degree; ++i) rounded[i] = static_cast<T>(c[i]);
    return rounded;
}

/// 2^x for x <= 0: 2^n through the exponent field, times 2^f by a polynomial, |f| <= 1/2. Exactly 1 at 0, exactly 0
/// from an exponent field of 0 on (so at -inf), NaN at NaN: adding n to the exponent field of 2^f instead would make
/// numbers of NaNs whose low bits are set.
template <class T> DRA_INLINE Vector<T> exp2(Vector<T> x) {
    using Bits = Vector<Integer<T>>;
    constexpr int mantissa = std::numeric_limits<T>::digits - 1, bias = std::numeric_limits<T>::max_exponent - 1;
    constexpr T magic =
        T(3) * static_cast<T>(Integer<T>{1} << (mantissa - 1)) + bias; // x + magic: low bits round(x) + bias
    constexpr T lowest = std::numeric_limits<T>::min_exponent - 2;     // -127: an exponent field of 0
    constexpr auto c = exp2_series<T>();
    constexpr int degree = static_cast<int>(c.size()) - 1;
    x = larger<T>(Vector<T>{} + lowest, x);
    const Vector<T> n = x + magic, f = x - (n - magic);
    Vector<T> p = Vector<T>{} + c.back();
    DRA_UNROLL (i, degree) p = p * f + c[degree - 1 - i];
    return p * (Vector<T>)((Bits)n << mantissa);
}

} // namespace dra::kernel
