#pragma once
/// \file
/// The header of a safetensors file: all that the format demands of a tensor, whether anybody asks for it or not. Not
/// installed.
///
/// It is read as the safetensors library reads it (github.com/huggingface/safetensors, safetensors/src/tensor.rs), odd
/// forms included: fields of a tensor that the format does not know, a tensor as the list [dtype, shape, data_offsets],
/// metadata that is null. There is one difference: where a name is said twice the library takes the later tensor or
/// metadata, while the format, and so this reader, forbids it.
///
/// Cost: linear in the length of the header, but for sorting the tensors by their offsets.

#include "reference/definition/error.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace dra {

/// A tensor as the header announces it. Its type is any of the format's, most of which this project cannot compute in.
struct SafetensorsEntry {
    std::string dtype;                ///< "F32", "I64", "BOOL", ...
    std::vector<std::uint64_t> shape; ///< sizes beyond 2^63 are possible, where another is 0
    std::uint64_t begin, end;         ///< bytes, from the end of the header
};

/// The tensors of a file, which tile its `data_bytes`, and its metadata, by name.
struct SafetensorsHeader {
    std::map<std::string, SafetensorsEntry> tensors;
    std::map<std::string, std::string> metadata;
};

/// The header whose JSON this is, of a file with `data_bytes` after it. Throws FormatError naming the file and the
/// field on anything that the format forbids: what is not a JSON object of tensors, a name said twice, an unknown
/// dtype, negative or overflowing sizes, offsets that are out of range, overlap or leave a gap, trailing bytes.
SafetensorsHeader parse_safetensors_header(const std::string& path, const std::string& text, std::uint64_t data_bytes);

} // namespace dra
