#pragma once
/// \file
/// Rows to exchange in tests, whose bytes say where they come from.

#include "distributed/rows.hpp"

#include <vector>

namespace dra::test {

/// `count` rows of `width` bytes with gaps between them, in memory of their own.
class StridedBlock {
public:
    StridedBlock(Index count, Index width, Index gap)
        : count_(count), width_(width), pitch_(width + gap),
          memory_(static_cast<std::size_t>(count * pitch_), unwritten) {}

    distributed::Rows mutable_rows() { return {memory_.data(), count_, width_, pitch_}; }
    distributed::ConstRows rows() const { return {memory_.data(), count_, width_, pitch_}; }

    /// The bytes of the rows, one after another, become those of `message`.
    void fill(Index message) {
        for (Index i = 0; i < count_ * width_; ++i) memory_[place(i)] = byte(message, i);
    }

    /// Whether they are, and the gaps are as they were.
    bool holds(Index message) const {
        std::vector<std::byte> expected(memory_.size(), unwritten);
        for (Index i = 0; i < count_ * width_; ++i) expected[place(i)] = byte(message, i);
        return memory_ == expected;
    }

private:
    static constexpr std::byte unwritten{0xfe};

    static std::byte byte(Index message, Index i) { return static_cast<std::byte>((message * 37 + i * 11) % 251); }
    std::size_t place(Index i) const { return static_cast<std::size_t>(i / width_ * pitch_ + i % width_); }

    Index count_, width_, pitch_;
    std::vector<std::byte> memory_;
};

} // namespace dra::test
