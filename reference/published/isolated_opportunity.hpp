#pragma once
/// \file
/// Opportunities alone, as isolated.hpp has it for all topics.

#include "reference/published/isolated.hpp"

namespace dra::published {

/// 6: temporaries, 7: rows. float and double.
template <class T> IsolatedTopic isolate_opportunity(Topic opportunity, Rung rung, const Problem& problem);

} // namespace dra::published
