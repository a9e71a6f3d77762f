#pragma once
/// \file
/// The sizes of a tensor as text, and the check that compares two of them. Not installed.

#include "reference/definition/error.hpp"
#include "reference/definition/tensor.hpp"

#include <array>
#include <string>

namespace dra {

/// The shape of an Lse: [B, H, N].
using LseShape = std::array<Index, 3>;

/// Sizes as errors have them: "[2, 5, 4, 8]".
template <std::size_t n> std::string text(const std::array<Index, n>& sizes) {
    std::string list;
    for (const Index size : sizes) list += (list.empty() ? "[" : ", ") + std::to_string(size);
    return list + "]";
}
inline std::string text(const Shape& shape) {
    return text(std::array{shape.batch, shape.tokens, shape.heads, shape.head_dim});
}

/// Throws ShapeError where a tensor's sizes, a Shape or an LseShape, are not those of `whose`, as "the oracle's".
/// Allocates nothing where they agree.
template <class Sizes>
void require_sizes(const char* tensor, const Sizes& found, const char* whose, const Sizes& expected) {
    if (found != expected)
        throw ShapeError(std::string(tensor) + ".shape", text(found),
                         std::string("must be ") + whose + ", " + text(expected));
}

} // namespace dra
