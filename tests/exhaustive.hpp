#pragma once
/// \file
/// Every small problem, so that no combination of raggedness is left to chance.

#include "tests/problems.hpp"

namespace dra::test {

inline constexpr Index small_tokens = DRA_SMALL_TOKENS;   ///< N goes up to this: 12, or 6 under a sanitizer
inline constexpr Index small_segments = small_tokens + 1; ///< w too, and one beyond: a segment longer than the sequence

/// Lengths N, pairs r <= w, causal or not, and the four ways below.
inline constexpr Index small_questions = small_tokens * (small_segments * (small_segments + 1) / 2) * 2 * 4;

/// Calls visit(question) for every N, w, r <= w, causal or not, each with all r phases, reached in four ways: by head
/// in one group; by group, r groups of one head; by head block in a mixture of one; and in one head that mixes all r
/// phases.
template <class Visit> void for_each_small_question(Visit visit) {
    for (Index N = 1; N <= small_tokens; ++N)
        for (Index w = 1; w <= small_segments; ++w)
            for (Index r = 1; r <= w; ++r)
                for (const bool causal : {false, true}) {
                    const auto copies = static_cast<std::size_t>(r);
                    const auto ask = [&](Index heads, std::size_t patterns, Mode mode, PhaseRule phase) {
                        visit(Question{
                            {1, N, heads, 2},
                            heads,
                            {std::vector<Index>(patterns, w), std::vector<Index>(patterns, r), mode, phase, causal},
                            static_cast<std::uint64_t>(N * 1000 + w * 30 + r)});
                    };
                    ask(r, 1, Mode::groups, PhaseRule::head);
                    ask(r, copies, Mode::groups, PhaseRule::group);
                    ask(r, 1, Mode::mixture, PhaseRule::head_block);
                    ask(1, copies, Mode::mixture, PhaseRule::group);
                }
}

} // namespace dra::test
