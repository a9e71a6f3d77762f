// The safetensors reader: any bytes are either refused by a FormatError or read as tensors that fit the file, and what
// was read is the same after it was written and read again.

#include "reference/definition/safetensors.hpp"
#include "tests/folder.hpp"
#include "tests/fuzz/target.hpp"

#include <cstring>
#include <fstream>

namespace dra::fuzz {
namespace {

Index elements_of(const FileTensor& tensor) {
    return std::visit([](const auto& elements) { return Index{elements.size()}; }, tensor.elements);
}

/// Bit for bit, so that NaNs are equal to themselves.
bool same(const FileTensor& x, const FileTensor& y) {
    return x.dtype == y.dtype && x.shape == y.shape && x.elements.index() == y.elements.index() &&
           std::visit(
               [&](const auto& elements) {
                   const auto& others = std::get<std::decay_t<decltype(elements)>>(y.elements);
                   return elements.size() == others.size() &&
                          (elements.size() == 0 ||
                           std::memcmp(elements.data(), others.data(),
                                       static_cast<std::size_t>(elements.size()) * sizeof(elements[0])) == 0);
               },
               x.elements);
}

/// `written` is where the file is written again.
void check(const TensorFile& file, std::size_t bytes, const std::string& written) {
    Index held = 0;
    for (const auto& [name, tensor] : file.tensors) {
        Index expected = 1;
        for (const Index size : tensor.shape) expected *= size;
        require(elements_of(tensor) == expected, "a tensor has as many elements as its shape says");
        held += expected * bytes_of(tensor.dtype);
    }
    require(held <= static_cast<Index>(bytes), "tensors are not larger than their file");

    write_safetensors(written, file);
    const TensorFile again = read_safetensors(written);
    require(again.metadata == file.metadata, "metadata survives writing");
    require(again.tensors.size() == file.tensors.size(), "names survive writing");
    for (const auto& [name, tensor] : file.tensors) require(same(tensor, again.at(name)), "tensors survive writing");
}

} // namespace
} // namespace dra::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace dra;
    static const test::Folder folder;
    const std::string given = folder.file("given.safetensors");
    std::ofstream(given, std::ios::binary)
        .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
    try {
        fuzz::require(read_safetensors(given, {}).tensors.empty(), "what nobody asks for is not read");
        fuzz::check(read_safetensors(given), size, folder.file("written.safetensors"));
    } catch (const FormatError& error) {
        fuzz::require(*error.what() != '\0', "an error says something");
    }
    return 0;
}
