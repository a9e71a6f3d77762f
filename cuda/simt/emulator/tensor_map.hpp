#pragma once
/// \file
/// The description of a tensor that TMA reads and writes.

#include <cstdint>

namespace dra::simt {

/// A tensor and a box, in elements, innermost dimension first. make_tensor_map() makes it, and keeps the driver's
/// rules.
struct TensorMap {
    unsigned char* base;
    int rank, element_bytes;
    std::uint64_t sizes[5];
    std::uint64_t strides[5]; ///< strides in bytes; strides[0] is the element
    std::uint32_t box[5];
    bool swizzle_128; ///< 16-byte chunk c of 128-byte row i of shared memory lies at c ^ (i % 8)

    std::uint32_t box_bytes() const {
        std::uint32_t bytes = static_cast<std::uint32_t>(element_bytes);
        for (int i = 0; i < rank; ++i) bytes *= box[i];
        return bytes;
    }
};

} // namespace dra::simt
