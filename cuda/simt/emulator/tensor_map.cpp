#include "cuda/simt/emulator/runtime.hpp"

#include <stdexcept>
#include <string>

namespace dra::simt {
namespace {

void require(bool holds, const std::string& rule) {
    if (!holds) throw std::invalid_argument("tensor map: " + rule);
}

} // namespace

TensorMap make_tensor_map(DType element, void* base, int rank, const std::uint64_t* sizes,
                          const std::uint64_t* strides_bytes, const std::uint32_t* box, bool swizzle_128) {
    require(rank >= 2 && rank <= 5, "the rank must be 2 to 5, not " + std::to_string(rank));
    require(reinterpret_cast<std::uintptr_t>(base) % 16 == 0, "the base must lie on a 16-byte boundary");
    TensorMap map{static_cast<unsigned char*>(base), rank, bytes_of(element), {}, {}, {}, swizzle_128};
    map.strides[0] = static_cast<std::uint64_t>(map.element_bytes);
    for (int i = 0; i < rank; ++i) {
        const std::string which = " of dimension " + std::to_string(i) + " must be ";
        require(sizes[i] >= 1 && sizes[i] <= 1ull << 32, "the size" + which + "1 to 2^32");
        require(box[i] >= 1 && box[i] <= 256, "the box" + which + "1 to 256");
        map.sizes[i] = sizes[i];
        map.box[i] = box[i];
        if (i == 0) continue;
        require(strides_bytes[i - 1] % 16 == 0 && strides_bytes[i - 1] < 1ull << 40,
                "the stride" + which + "a multiple of 16 bytes below 2^40");
        map.strides[i] = strides_bytes[i - 1];
    }
    const std::uint32_t row_bytes = box[0] * static_cast<std::uint32_t>(map.element_bytes);
    require(row_bytes % 16 == 0, "a row of the box must be a multiple of 16 bytes");
    require(!swizzle_128 || row_bytes <= 128, "a row of the box must be at most 128 bytes with the 128-byte swizzle");
    return map;
}

} // namespace dra::simt
