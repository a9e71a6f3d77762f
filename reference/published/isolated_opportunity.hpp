#pragma once
/// \file
/// Opportunities alone, as isolated.hpp has it for all topics.

#include "reference/published/isolated.hpp"

namespace dra::published {

/// One rung of an opportunity alone: the temporaries of 6, the rows of 7. float and double.
template <class T> IsolatedTopic isolate_opportunity(Topic opportunity, Rung rung, const Problem& problem);

} // namespace dra::published
