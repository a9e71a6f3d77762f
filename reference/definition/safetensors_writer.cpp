#include "reference/definition/safetensors.hpp"

#include <nlohmann/json.hpp>

namespace dra {
namespace {

template <class Stored> void write_elements_as(OutputFile& file, const FileTensor& tensor) {
    const auto write = [&](const Eigen::ArrayX<Stored>& stored) {
        file.write(stored.data(), static_cast<std::size_t>(stored.size()) * sizeof(Stored));
    };
    const auto write_cast = [&](const auto& elements) {
        if constexpr (std::is_same_v<decltype(elements), const Eigen::ArrayX<Stored>&>)
            write(elements);
        else
            write(elements.template cast<Stored>());
    };
    std::visit(write_cast, tensor.elements);
}

void write_elements(OutputFile& file, const FileTensor& tensor) {
    switch (tensor.dtype) {
    case DType::f32: return write_elements_as<float>(file, tensor);
    case DType::f64: return write_elements_as<double>(file, tensor);
    case DType::bf16: return write_elements_as<Eigen::bfloat16>(file, tensor);
    case DType::f16: return write_elements_as<Eigen::half>(file, tensor);
    }
}

} // namespace

void write_safetensors(OutputFile& to, const TensorFile& file) {
    nlohmann::json header = nlohmann::json::object();
    if (!file.metadata.empty()) header["__metadata__"] = file.metadata;
    Index offset = 0;
    for (const auto& [name, tensor] : file.tensors) {
        const Index bytes =
            bytes_of(tensor.dtype) * std::visit([](const auto& x) { return x.size(); }, tensor.elements);
        header[name] = {
            {"dtype", dra::name(tensor.dtype)}, {"shape", tensor.shape}, {"data_offsets", {offset, offset + bytes}}};
        offset += bytes;
    }
    std::string text = header.dump();
    text.resize(static_cast<std::size_t>(ceil_div(static_cast<Index>(text.size()), 8)) * 8,
                ' '); // elements stay aligned

    const std::uint64_t length = text.size();
    to.write(&length, sizeof length);
    to.write(text);
    for (const auto& [name, tensor] : file.tensors) write_elements(to, tensor);
}

void write_safetensors(const std::filesystem::path& path, const TensorFile& file) {
    OutputFile to(path);
    write_safetensors(to, file);
    put_in_place(std::move(to));
}

} // namespace dra
