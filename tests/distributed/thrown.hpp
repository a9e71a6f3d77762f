#pragma once
/// \file
/// What ranks throw.

#include "distributed/backends/threads.hpp"

#include <optional>
#include <vector>

namespace dra::test {

/// The CommError of every rank of a world, where all of them play `rank`.
template <class Play>
std::vector<std::optional<distributed::CommError>> thrown(distributed::ThreadWorld& world, Play rank) {
    std::vector<std::optional<distributed::CommError>> errors(static_cast<std::size_t>(world.size()));
    distributed::run_ranks(world, [&](distributed::Communicator& communicator) {
        try {
            rank(communicator);
        } catch (const distributed::CommError& error) {
            errors[communicator.rank()] = error;
        }
    });
    return errors;
}

} // namespace dra::test
