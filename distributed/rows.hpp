#pragma once
/// \file
/// Rows in memory, and exchanges of them between ranks: what every strategy moves, and how every backend is asked.

#include "reference/definition/positions.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace dra::distributed {

/// `count` rows of `width` bytes, `pitch` bytes apart, in the memory that a communicator serves. Dilation is a stride
/// on the wire, too.
template <class Byte> struct RowsOf {
    Byte* first;
    Index count, width, pitch;

    Index bytes() const { return count * width; }
};
using Rows = RowsOf<std::byte>;
using ConstRows = RowsOf<const std::byte>;

struct Send {
    Index peer;
    ConstRows rows;
};

struct Receive {
    Index peer;
    Rows rows;
};

/// What one rank gives and takes in one go. Messages of the same two ranks match in the order in which both list them.
struct Exchange {
    std::string operation; ///< what it is for, in messages of errors
    Index step;            ///< its number there
    std::vector<Send> sends;
    std::vector<Receive> receives;
};

} // namespace dra::distributed
