#pragma once
/// \file
/// What a panel sees, when it is not plain extents: repeated rows and keys, and a dense mask. Each is a Visible of
/// kernel::attend_panels.

#include "reference/published/attend_call.hpp"

#include <cstring>

namespace dra::published {

/// Extents of rows that may be repeats, over keys whose repeats nobody sees. Every tile is visited.
struct RepeatedExtentPanels {
    const Masking& masking;

    template <class T> using Panel = kernel::ExtentPanels::Panel<T>;

    template <class T> Panel<T> panel(Index i0, Index rows) const {
        const Visibility& v = masking.visibility;
        Panel<T> p{masking.keys, v.keys.count, {}};
        for (int lane = 0; lane < kernel::lanes<T>; ++lane) {
            const Index extent = v.extent((i0 + std::min<Index>(lane, rows - 1)) % v.queries.count);
            p.full = std::min(p.full, extent);
            p.extents.set(lane, static_cast<kernel::Integer<T>>(extent));
        }
        return p;
    }
};

/// A dense mask, read at original positions: queries in its contiguous direction, so that a panel reads a few bytes
/// per key. Every tile is visited and masked.
struct DenseMaskPanels {
    const Masking& masking;

    template <class T> struct Panel {
        Index end, full = 0;
        const bool* first; ///< the element of the call's key 0 and the mask's query 0
        Index key_apart;   ///< the distance from key to key
        Index genuine;     ///< keys from here on are repeats
        Index query_apart; ///< the distance from lane to lane: 1, 2 or 4; 0 where it is irregular
        std::array<Index, kernel::lanes<T>> queries;

        DRA_INLINE void mask(Index j, kernel::Microtile<T>& s) const {
            const bool* key = first + j * key_apart;
            const Index keys = std::min<Index>(genuine - j, kernel::strip);
            if (keys < kernel::strip || query_apart == 0) {
                kernel::Microtile<T> in_memory = s;
                irregular(key, keys, in_memory);
                s = in_memory;
            } else if (query_apart == 1) {
                regular<std::uint8_t>(key, s);
            } else if (query_apart == 2) {
                regular<std::uint16_t>(key, s);
            } else {
                regular<std::uint32_t>(key, s);
            }
        }

    private:
        template <class Word> struct VectorOf {
            typedef Word Type __attribute__((vector_size(kernel::width<T> * sizeof(Word))));
        };

        /// Masks lanes that lie sizeof(Word) bytes apart: the low byte of each word is the lane's.
        template <class Word> DRA_INLINE void regular(const bool* key, kernel::Microtile<T>& s) const {
            DRA_UNROLL (i, kernel::strip) {
                Word words[kernel::lanes<T>];
                std::memcpy(words, key + i * key_apart + queries[0], sizeof words);
                select(words, s.r[i]);
            }
        }

        /// Masks lanes that lie anywhere, for the first `keys` of a tile; the others are repeats.
        [[gnu::noinline]] void irregular(const bool* key, Index keys, kernel::Microtile<T>& s) const {
            for (Index i = 0; i < kernel::strip; ++i) {
                std::uint8_t seen[kernel::lanes<T>]{};
                if (i < keys)
                    for (std::size_t lane = 0; lane < queries.size(); ++lane)
                        seen[lane] = key[i * key_apart + queries[lane]];
                select(seen, s.r[i]);
            }
        }

        template <class Word> DRA_INLINE static void select(const Word* words, kernel::Row<T>& s) {
            DRA_UNROLL (c, kernel::vectors) {
                typename VectorOf<Word>::Type seen;
                std::memcpy(&seen, words + c * kernel::width<T>, sizeof seen);
                s.v[c] = widened<Word>(seen & Word{0xff}) != 0
                             ? s.v[c]
                             : kernel::Vector<T>{} - std::numeric_limits<T>::infinity();
            }
        }

        /// The words as integers of T's size, one doubling at a time: for that compilers have an instruction.
        template <class Word>
        DRA_INLINE static kernel::Vector<kernel::Integer<T>> widened(typename VectorOf<Word>::Type words) {
            if constexpr (sizeof(Word) == sizeof(T)) {
                return (kernel::Vector<kernel::Integer<T>>)words;
            } else {
                using Wider = std::conditional_t<sizeof(Word) == 1, std::uint16_t,
                                                 std::conditional_t<sizeof(Word) == 2, std::uint32_t, std::uint64_t>>;
                return widened<Wider>(__builtin_convertvector(words, typename VectorOf<Wider>::Type));
            }
        }
    };

    template <class T> Panel<T> panel(Index i0, Index rows) const {
        const auto& [queries, keys, causal] = masking.visibility;
        const CausalMask& mask = *masking.mask;
        const bool* first = mask.dense.data() + (keys.first - mask.chunk_offset) * mask.n_q;
        Panel<T> p{masking.keys, 0, first, keys.stride * mask.n_q, keys.count, 0, {}};
        for (int lane = 0; lane < kernel::lanes<T>; ++lane)
            p.queries[lane] = queries[(i0 + std::min<Index>(lane, rows - 1)) % queries.count];
        // A word may reach past its lane, but not past the mask.
        const Index last = p.queries[0] + kernel::lanes<T> * queries.stride;
        const bool regular =
            p.queries.back() - p.queries[0] == (kernel::lanes<T> - 1) * queries.stride && last <= mask.n_q;
        if (regular && (queries.stride == 1 || queries.stride == 2 || queries.stride == 4))
            p.query_apart = queries.stride;
        return p;
    }
};

/// Another Visible from row `first` on, whose panels are counted as they are asked for.
template <class Panels> struct CountingPanels {
    const Panels& panels;
    const Masking& masking;
    Counts& counts;
    Index head_dim;
    Index first = 0;

    template <class T> using Panel = typename Panels::template Panel<T>;

    template <class T> Panel<T> panel(Index i0, Index rows) const {
        const Panel<T> p = panels.template panel<T>(first + i0, rows);
        counts.pairs += rows * p.end;
        counts.flops += rows * p.end * 4 * head_dim;
        if (masking.visibility.causal && !masking.mask) counts.mask_elements += rows; // one extent per row
        return p;
    }
};

template <class Panels> CountingPanels(const Panels&, const Masking&, Counts&, Index, Index = 0)
    -> CountingPanels<Panels>;

/// Calls f with the Visible that a masking asks for.
template <class F> void with_panels(const Masking& masking, F f) {
    if (masking.mask)
        f(DenseMaskPanels{masking});
    else if (masking.every_tile)
        f(RepeatedExtentPanels{masking});
    else
        f(kernel::ExtentPanels{masking.visibility});
}

} // namespace dra::published
