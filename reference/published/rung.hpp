#pragma once
/// \file
/// A rung is one form of a topic: before it, after it as published, or principled. Five fixes make 3^5 = 243 pipelines.

#include "reference/definition/positions.hpp"

#include <array>
#include <string>
#include <vector>

namespace dra::published {

/// The forms of a topic, in the order in which the report tells them.
enum class Rung { before, after, principled };

inline constexpr std::array rungs_of_a_fix{Rung::before, Rung::after, Rung::principled};

/// "before", "after", "principled".
std::string name(Rung rung);

/// A T for each form of a topic.
template <class T> struct PerRung {
    T before, after, principled;

    constexpr T& operator[](Rung rung) {
        return rung == Rung::before ? before : rung == Rung::after ? after : principled;
    }
    constexpr const T& operator[](Rung rung) const {
        return rung == Rung::before ? before : rung == Rung::after ? after : principled;
    }
};

/// The topics of the report: its five fixes, and the four opportunities that it said remain.
enum class Topic {
    causal_mask = 1,
    discarded_attention,
    double_computation,
    duplicate_methods,
    caching,
    memory_pool,
    pattern_caching,
    compiled_hot_path,
    kv_cache,
};

/// A topic from 1 to 5. Fixes are links of the pipeline, which has a rung for each. Opportunities are not: the class
/// never had them, so that the pipeline is what it was, and each has a loop of its own.
using Fix = Topic;

inline constexpr Index fixes = 5, topics = 9;
inline constexpr std::array all_fixes{Fix::causal_mask, Fix::discarded_attention, Fix::double_computation,
                                      Fix::duplicate_methods, Fix::caching};
inline constexpr std::array opportunities{Topic::memory_pool, Topic::pattern_caching, Topic::compiled_hot_path,
                                          Topic::kv_cache};

/// All topics, fixes first.
std::vector<Topic> all_topics();

/// The number that the report gives a topic, 1 to 9.
constexpr Index number(Topic topic) { return static_cast<Index>(topic); }

constexpr bool is_fix(Topic topic) { return number(topic) <= fixes; }

/// A rung for every fix.
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

    constexpr Rung operator[](Fix fix) const { return rungs_[number(fix) - 1]; }

    /// The same, with one fix on another rung.
    constexpr Rungs with(Fix fix, Rung rung) const {
        Rungs other = *this;
        other.rungs_[number(fix) - 1] = rung;
        return other;
    }

    /// One letter per fix, 'b', 'a' or 'p': "bbapp".
    std::string name() const;

    constexpr bool operator==(const Rungs&) const = default;

private:
    std::array<Rung, fixes> rungs_;
};

/// What becomes of the sum that fix 3, as published, lost; it matters to its rung `after` alone.
enum class LostSum {
    restored,     ///< it comes from the attention pass: right
    as_published, ///< it is 1 per chunk, so that lse is the maximum: wrong, to be shown
};

/// What one call did, counted where it is done: the same for every number of threads.
struct Counts {
    Index mask_elements = 0;      ///< booleans of masks, or extents, that were written
    Index mask_bytes_kept = 0;    ///< bytes of masks that are held for later calls
    Index head_groups = 0;        ///< head ranges that were written to a list
    Index index_elements = 0;     ///< elements of index lists that were written
    Index rows_gathered = 0;      ///< rows of q, k or v that were copied, repeats included
    Index pairs = 0;              ///< pairs that attention computed: rows, repeats included, times the keys visited
    Index pairs_again = 0;        ///< pairs whose score was computed a second time
    Index flops = 0;              ///< 4 D per pair, 2 D per pair that was computed again
    Index temporary_elements = 0; ///< elements of temporaries that were written
    Index rows_read = 0;          ///< rows of k, and as many of v, that a decoded token asked for
    Index bytes_kept = 0;         ///< bytes that are held for later calls; masks are counted by themselves

    Counts& operator+=(const Counts& other);
    bool operator==(const Counts&) const = default;
};

} // namespace dra::published
