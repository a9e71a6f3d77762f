#pragma once
/// \file
/// A rung is one form of a fix: before it, after it as published, or principled. Five fixes make 3^5 = 243 pipelines.

#include "reference/definition/positions.hpp"

#include <array>
#include <string>

namespace dra::published {

/// The forms of a fix, in the order of its ladder.
enum class Rung { before, after, principled };

inline constexpr std::array rungs_of_a_fix{Rung::before, Rung::after, Rung::principled};

/// "before", "after", "principled".
std::string name(Rung rung);

/// The fixes of the report, by its numbers.
enum class Fix { causal_mask = 1, discarded_attention, double_computation, duplicate_methods, caching };

inline constexpr Index fixes = 5;
inline constexpr std::array all_fixes{Fix::causal_mask, Fix::discarded_attention, Fix::double_computation,
                                      Fix::duplicate_methods, Fix::caching};

/// One rung for every fix.
class Rungs {
public:
    static constexpr Index combinations = 243;

    /// The same rung everywhere.
    explicit constexpr Rungs(Rung everywhere = Rung::before) { rungs_.fill(everywhere); }

    /// The combination of this number, fix 1 changing slowest: 0 is all before, 242 all principled.
    static constexpr Rungs numbered(Index number) {
        Rungs r;
        for (auto rung = r.rungs_.rbegin(); rung != r.rungs_.rend(); ++rung, number /= 3) *rung = Rung{int(number % 3)};
        return r;
    }

    constexpr Rung operator[](Fix fix) const { return rungs_[static_cast<std::size_t>(fix) - 1]; }

    /// The same, with one fix on another rung.
    constexpr Rungs with(Fix fix, Rung rung) const {
        Rungs other = *this;
        other.rungs_[static_cast<std::size_t>(fix) - 1] = rung;
        return other;
    }

    /// A letter a fix: 'b', 'a' or 'p'; "bbapp".
    std::string name() const;

    constexpr bool operator==(const Rungs&) const = default;

private:
    std::array<Rung, fixes> rungs_;
};

/// What becomes of the sum that fix 3, as published, lost; it matters to its rung `after` alone.
enum class LostSum {
    restored,     ///< from the attention pass: right
    as_published, ///< 1 a chunk, so that lse is the maximum: wrong, to be shown
};

/// What one call did, counted where it is done: the same for every number of threads.
struct Counts {
    Index mask_elements = 0;   ///< written to say who sees whom: booleans of a mask, or one extent a row
    Index mask_bytes_kept = 0; ///< held when the call is over, for later ones
    Index head_groups = 0;     ///< head ranges written to a list
    Index index_elements = 0;  ///< written to index lists
    Index rows_gathered = 0;   ///< rows of q, k or v copied, repeats included
    Index pairs = 0;           ///< (row, key) that attention computed: rows, repeats included, times the keys visited
    Index pairs_again = 0;     ///< (row, key) whose score was computed a second time
    Index flops = 0;           ///< 4 D a pair, 2 D a pair computed again

    Counts& operator+=(const Counts& other);
    bool operator==(const Counts&) const = default;
};

} // namespace dra::published
