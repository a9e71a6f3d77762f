#pragma once
/// \file
/// Conditions in closed form without which a defect cannot show, each with the sentence that says so.

#include "reference/defects/defect.hpp"

#include <initializer_list>

namespace dra::defects {

using Condition = std::function<std::string(const Problem&)>;

/// The first sentence that is not empty.
Condition all_of(std::initializer_list<Condition> conditions);

std::string anywhere(const Problem& problem); ///< no condition

std::string needs_causal(const Problem& problem);
std::string needs_not_causal(const Problem& problem);
std::string needs_chunks(const Problem& problem);     ///< keys come in more than one chunk
std::string needs_ranks(const Problem& problem);      ///< R > 1
std::string needs_dilation(const Problem& problem);   ///< some pattern in use has r > 1
std::string needs_mixture(const Problem& problem);    ///< several patterns in one head
std::string needs_groups(const Problem& problem);     ///< groups mode with several patterns
std::string needs_segments(const Problem& problem);   ///< some w < N
std::string needs_short_tail(const Problem& problem); ///< some w does not divide N
std::string needs_heads(const Problem& problem);      ///< H > 1
std::string needs_merge(const Problem& problem);      ///< several chunks, or several patterns in one head

/// In some piece the wrong ingredient selects other positions than the right one. O(N) for each pattern and KV head.
Condition selects_differently(PositionList (*wrong)(const Piece&));
/// For some pattern and KV head the wrong ingredient gives another answer.
Condition uses_differently(bool (*wrong)(const Problem&, Index pattern, Index kv_head));

/// Forms that do not depend on the problem: the right ingredients, each time changed.
using Change = std::function<void(Ingredients&)>;
std::function<std::vector<Ingredients>(const Problem&)> forms(std::vector<Change> changes);

} // namespace dra::defects
