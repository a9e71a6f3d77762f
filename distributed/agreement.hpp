#pragma once
/// \file
/// Agreement: before the first byte of a problem is exchanged, all ranks find out whether they mean the same.
///
/// Ranks that disagree about sizes are not always told so by what moves the bytes: NCCL over NVLink ran 200 steps with a
/// sender of half the size, and said nothing. So every pair of ranks compares digests first, and where they differ the
/// texts behind them.

#include "distributed/communicator.hpp"

#include <string>
#include <utility>
#include <vector>

namespace dra::distributed {

/// What one rank sends another in one step.
struct ListedMessage {
    std::string operation;
    Index step, bytes;
};

/// What a rank has understood.
struct Terms {
    std::vector<std::pair<std::string, std::string>> common; ///< name and value: the same for all ranks
    std::vector<std::vector<ListedMessage>> sends, receives; ///< by peer, in order
};

/// A 64-bit digest of a text: FNV-1a (Fowler, Noll and Vo, IETF draft-eastlake-fnv).
std::uint64_t digest(const std::string& text);

/// Compares the terms of all ranks, pair by pair: all of them call it together. Throws CommError with the first
/// difference of some pair, its own where it differs itself, and both values; every rank throws where one does. The
/// suspect is who differs from most.
void agree(Communicator& communicator, const Terms& terms);

} // namespace dra::distributed
