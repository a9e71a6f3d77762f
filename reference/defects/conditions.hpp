#pragma once
/// \file
/// Conditions without which a defect cannot show, each with the sentence that says why.

#include "reference/defects/defect.hpp"

namespace dra::defects {

/// Condition by condition, what a problem must have.
Condition needs_causal();
Condition needs_not_causal();
Condition needs_chunks();     ///< keys come in more than one chunk
Condition needs_ranks();      ///< R > 1
Condition needs_dilation();   ///< some pattern has r > 1
Condition needs_mixture();    ///< several patterns in one head
Condition needs_merge();      ///< several chunks, or several patterns in one head
Condition needs_groups();     ///< groups mode with several patterns
Condition needs_segments();   ///< some w < N
Condition needs_short_tail(); ///< some w does not divide N

/// Holds where in some piece the wrong ingredient selects other positions than the right one. O(N) per pattern and KV
/// head.
Condition selects_differently(PositionList (*wrong)(const Piece&));
/// Holds where for some pattern and KV head the wrong ingredient gives another answer.
Condition uses_differently(bool (*wrong)(const Problem&, Index pattern, Index kv_head));

/// What makes wrong ingredients of right ones.
using Change = std::function<void(Ingredients&)>;

/// Forms that do not depend on the problem: the right ingredients under one change per form.
std::function<std::vector<Ingredients>(const Problem&)> forms(std::vector<Change> changes);

} // namespace dra::defects
