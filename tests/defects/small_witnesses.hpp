#pragma once
/// \file
/// Every small problem that could be a witness, smallest first.
///
/// The size of a problem is N + H + R + the sum of w + r of its patterns, and 1 more for each of causal, mixture and
/// tensors that are not standard normal. Among problems of one size those with fewer patterns, tokens, heads and ranks
/// come first.

#include "reference/defects/catalogue.hpp"

#include <algorithm>
#include <sstream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace dra::defects::test {

inline Index size(const Witness& witness) {
    const Configuration& chosen = witness.configuration;
    Index total = witness.q.tokens + witness.kv_heads + chosen.ranks;
    for (const Index w : chosen.segment_lengths) total += w;
    for (const Index r : chosen.dilation_rates) total += r;
    return total + chosen.causal + (chosen.mode == Mode::mixture) + (witness.draw != Draw::normal);
}

/// A total order that refines the one by size.
inline auto rank(const Witness& witness) {
    const Configuration& chosen = witness.configuration;
    return std::tuple(size(witness), chosen.segment_lengths.size(), witness.q.tokens, witness.kv_heads, chosen.ranks,
                      chosen.segment_lengths, chosen.dilation_rates, chosen.causal, chosen.mode, witness.draw);
}

/// All lists of one or two patterns with w <= longest.
inline std::vector<Configuration> small_patterns(Index longest) {
    std::vector<std::pair<Index, Index>> single;
    for (Index w = 1; w <= longest; ++w)
        for (Index r = 1; r <= w; ++r) single.emplace_back(w, r);
    std::vector<Configuration> lists;
    for (const auto& [w, r] : single) {
        lists.push_back({.segment_lengths = {w}, .dilation_rates = {r}});
        for (const auto& [w2, r2] : single) lists.push_back({.segment_lengths = {w, w2}, .dilation_rates = {r, r2}});
    }
    return lists;
}

/// All problems of at most `largest` by size, in order.
inline std::vector<Witness> small_witnesses(Index largest) {
    std::vector<Witness> all;
    for (const Configuration& patterns : small_patterns(5))
        for (Index N = 1; N <= 5; ++N)
            for (Index H = 1; H <= 3; ++H)
                for (Index R = 1; R <= 4; ++R)
                    for (const bool causal : {false, true})
                        for (const Mode mode : {Mode::groups, Mode::mixture})
                            for (const Draw draw : {Draw::normal, Draw::zero_query, Draw::steep}) {
                                Witness witness{{1, N, H, 1}, H, patterns, draw};
                                witness.configuration.ranks = R;
                                witness.configuration.causal = causal;
                                witness.configuration.mode = mode;
                                if (size(witness) <= largest) all.push_back(witness);
                            }
    std::ranges::sort(all, {}, rank);
    return all;
}

/// The error of a defect's first form, or of the right ingredients, as a share of its bound.
inline double excess_on(const Witness& witness, const Defect& defect, bool right = false) {
    const Sample posed = sample(witness, defect.kind == Kind::precision);
    if (!right && !defect.hidden(posed.problem).empty()) return 0;
    const Inputs inputs = posed.inputs(defect.kind == Kind::gradient);
    const Oracle truth = oracle<double>(posed.problem, inputs, inputs.dout);
    const Observation seen = observe(right ? Ingredients() : defect.first(posed.problem), posed.problem, inputs);
    return excess(defect.kind, seen, posed.problem, inputs, truth, By::out);
}

/// A witness as it is written in a defect's file.
inline std::string text(const Witness& witness) {
    const Configuration& chosen = witness.configuration;
    const auto list = [](const std::vector<Index>& items) {
        std::ostringstream stream;
        for (const char* separator = "{"; const Index item : items) stream << std::exchange(separator, ", ") << item;
        return stream.str() + "}";
    };
    std::ostringstream stream;
    stream << "{{1, " << witness.q.tokens << ", " << witness.q.heads << ", 1}, " << witness.kv_heads
           << ", {.segment_lengths = " << list(chosen.segment_lengths)
           << ", .dilation_rates = " << list(chosen.dilation_rates);
    if (chosen.mode == Mode::mixture) stream << ", .mode = Mode::mixture";
    if (chosen.causal) stream << ", .causal = true";
    if (chosen.ranks > 1) stream << ", .ranks = " << chosen.ranks;
    stream << "}";
    if (witness.draw == Draw::zero_query) stream << ", Draw::zero_query";
    if (witness.draw == Draw::steep) stream << ", Draw::steep";
    return stream.str() + "}";
}

} // namespace dra::defects::test
