#pragma once
/// \file
/// TMA: boxes of tensors on their way into shared memory, which land whenever the schedule says so.

#include "cuda/simt/emulator/lane.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace dra::simt::machine {

/// A box on its way, and the mbarrier that counts its bytes.
struct BoxLoad {
    BoxCopy copy;
    const std::uint64_t* barrier;
};

/// The boxes under way.
class Tma {
public:
    void restart() { under_way_.clear(); }
    void start(const BoxLoad& load) { under_way_.push_back(load); }

    bool idle() const { return under_way_.empty(); }
    std::size_t count() const { return under_way_.size(); }

    /// Lets the i-th box land: writes shared memory, then takes the bytes off the barrier.
    void deliver(std::size_t i);

private:
    std::vector<BoxLoad> under_way_;
};

/// A row (dimension 0) of a box.
struct BoxRow {
    unsigned char* global;     ///< where it lies; null if it lies outside the tensor
    std::uint32_t skip, bytes; ///< bytes that lie outside before the tensor, and bytes that lie inside
    std::size_t offset;        ///< where it begins in the box
};

/// Calls visit(BoxRow) for every row of the box.
template <class Visit> void for_each_row(const BoxCopy& copy, Visit&& visit) {
    const TensorMap& map = copy.map;
    const std::uint32_t row_bytes = map.box[0] * static_cast<std::uint32_t>(map.element_bytes);
    const std::int64_t begin = copy.at[0], end = begin + map.box[0];
    const std::int64_t first = begin < 0 ? 0 : begin;
    const std::int64_t last =
        end < static_cast<std::int64_t>(map.sizes[0]) ? end : static_cast<std::int64_t>(map.sizes[0]);
    std::uint32_t index[5] = {};
    std::size_t offset = 0;
    for (;; offset += row_bytes) {
        BoxRow row{nullptr, 0, 0, offset};
        bool inside = first < last;
        std::int64_t from = first * map.element_bytes;
        for (int i = 1; i < map.rank; ++i) {
            const std::int64_t x = std::int64_t(copy.at[i]) + index[i];
            inside = inside && x >= 0 && x < static_cast<std::int64_t>(map.sizes[i]);
            from += x * static_cast<std::int64_t>(map.strides[i]);
        }
        if (inside) {
            row.global = map.base + from;
            row.skip = static_cast<std::uint32_t>((first - begin) * map.element_bytes);
            row.bytes = static_cast<std::uint32_t>((last - first) * map.element_bytes);
        }
        visit(row);
        int dimension = 1;
        while (dimension < map.rank && ++index[dimension] == map.box[dimension]) index[dimension++] = 0;
        if (dimension >= map.rank) return;
    }
}

} // namespace dra::simt::machine
