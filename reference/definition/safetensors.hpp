#pragma once
/// \file
/// safetensors: a bounded reader and a writer of the format that tensors are exchanged in.
///
/// A file is 8 bytes (little-endian length of the header), a JSON header {"name": {"dtype", "shape", "data_offsets"},
/// ..., "__metadata__": {string: string}}, and the elements, which must cover the rest without gap, overlap or trailing
/// byte.

#include "reference/definition/output_file.hpp"
#include "reference/definition/problem.hpp"

#include <filesystem>
#include <map>
#include <variant>

namespace dra {

/// A tensor of any rank as it stands in a file; elements in row-major order. BF16 and F16 are widened to float.
struct FileTensor {
    DType dtype = DType::f32;                                           ///< the type of its elements in the file
    std::vector<Index> shape;                                           ///< its sizes, as many as it has dimensions
    std::variant<Eigen::ArrayX<float>, Eigen::ArrayX<double>> elements; ///< as read: double for F64, else float
};

/// The contents of a file, by name.
struct TensorFile {
    std::map<std::string, FileTensor> tensors;
    std::map<std::string, std::string> metadata;

    /// The tensor with this name. Throws FormatError when there is none.
    const FileTensor& at(const std::string& name) const;
    bool contains(const std::string& name) const { return tensors.contains(name); }
};

/// The tensor as [B, N, H, D] in type T, converted. Throws FormatError naming it when its rank is not 4.
template <class T> Tensor<T> to_tensor(const std::string& name, const FileTensor& tensor);

/// A tensor for writing: in F32 or F64, or in a narrower type, to which its elements are rounded when they are written.
template <class T> FileTensor to_file(const Tensor<T>& tensor);
template <class T> FileTensor to_file(const Tensor<T>& tensor, DType stored);
template <class T> FileTensor to_file(const Lse<T>& lse);

/// Reads what is asked for: the tensors of these names, as far as there are any, and the metadata of the file. Of the
/// other tensors only the header is judged, in any type of the format, and no element is read.
///
/// Throws FormatError on anything that the format forbids: a file shorter than its header says, a header above 100 MB,
/// and all that parse_safetensors_header() refuses; and where a tensor that is asked for is neither F32, F64, BF16 nor
/// F16. Elements are allocated only once the header is known to be right.
TensorFile read_safetensors(const std::filesystem::path& path, const std::vector<std::string>& names);

/// Reads all tensors of a file, by the same rules.
TensorFile read_safetensors(const std::filesystem::path& path);

/// Writes each tensor in its dtype, rounded to nearest where that is narrower than its elements. Throws FormatError
/// when that cannot be done. The second puts the file in its place, too: whole, or not at all.
void write_safetensors(OutputFile& to, const TensorFile& file);
void write_safetensors(const std::filesystem::path& path, const TensorFile& file);

} // namespace dra
