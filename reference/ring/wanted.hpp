#pragma once
/// \file
/// Who needs what: the rows of K and V of one rank that some query of another sees. Not installed.

#include "reference/ring/part.hpp"

namespace dra {

/// The rows of K and V of the rank `owner` that queries of `rank` see under any pattern, each once: a part per run of
/// neighbouring KV heads that need the same ones. Each piece lies in one interval of the owner.
///
/// Of a segment in which the rank has a query these are all the selected positions of the owner, and under the causal
/// mask those up to the last such query. Patterns of a mixture share rows: what an earlier pattern brings is left out.
std::vector<Part> wanted_rows(const Problem& problem, Index rank, Index owner);

/// A rank's shard of K and V, as a part.
Part key_shard(const Problem& problem, Index rank);

/// Ascending positions as few arithmetic progressions, each as long as it goes.
std::vector<Positions> progressions(const std::vector<Index>& positions);

/// Neighbouring heads with the same tokens become one part.
void append(std::vector<Part>& parts, Index head, std::vector<Positions> pieces);

} // namespace dra
