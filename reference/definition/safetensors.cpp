#include "reference/definition/safetensors.hpp"

#include "reference/definition/output_file.hpp"
#include "reference/definition/safetensors_header.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <fstream>
#include <system_error>

namespace dra {
namespace {

static_assert(std::endian::native == std::endian::little, "elements are read and written as they lie in memory");
using nlohmann::json;
namespace fs = std::filesystem;

constexpr std::uint64_t header_limit = 100'000'000;

/// Reads one file; every error names it.
class Reader {
public:
    explicit Reader(const fs::path& path) : path_(path.string()) {
        std::error_code error;
        const fs::file_type type = fs::status(path, error).type();
        if (!error && type != fs::file_type::regular)
            throw FormatError("input", path_, "must be a regular file, not " + words_for(type));
        if (!error) size_ = fs::file_size(path, error);
        if (!error) stream_.open(path, std::ios::binary);
        if (!error && !stream_.is_open()) error.assign(errno, std::generic_category());
        if (error) throw FormatError("input", path_, "cannot be read: " + error.message());
    }

    /// The tensors with these names, as far as there are any; without names, all.
    TensorFile read(const std::vector<std::string>* names) {
        const SafetensorsHeader header = read_header();
        TensorFile file{{}, header.metadata};
        const auto load = [&](const auto& item) { file.tensors[item.first] = read_elements(item.first, item.second); };
        if (!names) {
            for (const auto& item : header.tensors) load(item);
            return file;
        }
        for (const std::string& name : *names)
            if (const auto found = header.tensors.find(name); found != header.tensors.end()) load(*found);
        return file;
    }

private:
    [[noreturn]] void fail(const std::string& value, const std::string& rule) const {
        throw FormatError(path_, value, rule);
    }
    [[noreturn]] void fail(const std::string& field, const std::string& value, const std::string& rule) const {
        throw FormatError(path_ + ": " + field, value, rule);
    }

    void read_bytes(void* to, std::uint64_t count) {
        stream_.read(static_cast<char*>(to), static_cast<std::streamsize>(count));
        if (!stream_) fail("(truncated)", "must hold every byte that its size says");
    }

    SafetensorsHeader read_header() {
        std::uint64_t length = 0;
        if (size_ < sizeof length) fail(std::to_string(size_) + " bytes", "must have at least 8 bytes");
        read_bytes(&length, sizeof length);
        if (length > header_limit) fail("header length", std::to_string(length), "must be at most 100000000 bytes");
        if (length > size_ - sizeof length)
            fail("header length", std::to_string(length),
                 "must be at most the " + std::to_string(size_ - sizeof length) + " bytes that follow");
        data_begin_ = sizeof length + length;
        std::string text(length, '\0');
        read_bytes(text.data(), length);
        return parse_safetensors_header(path_, text, size_ - data_begin_);
    }

    template <class T> Eigen::ArrayX<T> read_array(const SafetensorsEntry& entry) {
        const std::uint64_t bytes = entry.end - entry.begin;
        Eigen::ArrayX<T> elements(static_cast<Index>(bytes / sizeof(T)));
        stream_.seekg(static_cast<std::streamoff>(data_begin_ + entry.begin));
        read_bytes(elements.data(), bytes);
        return elements;
    }

    /// The sizes as Index; none, nor their product with the zeros left out, may overflow it.
    std::vector<Index> read_shape(const std::string& name, const SafetensorsEntry& entry) const {
        std::vector<Index> shape;
        Index strides = 1;
        for (const std::uint64_t size : entry.shape) {
            if (__builtin_mul_overflow(strides, std::max<std::uint64_t>(size, 1), &strides))
                fail(name + ".shape", json(entry.shape).dump(), "its strides must not exceed 2^63 - 1");
            shape.push_back(static_cast<Index>(size));
        }
        return shape;
    }

    FileTensor read_elements(const std::string& name, const SafetensorsEntry& entry) {
        FileTensor tensor{
            parse<DType, FormatError>(path_ + ": " + name + ".dtype", entry.dtype), read_shape(name, entry), {}};
        switch (tensor.dtype) {
        case DType::f32: tensor.elements = read_array<float>(entry); break;
        case DType::f64: tensor.elements = read_array<double>(entry); break;
        case DType::bf16: tensor.elements = read_array<Eigen::bfloat16>(entry).cast<float>().eval(); break;
        case DType::f16: tensor.elements = read_array<Eigen::half>(entry).cast<float>().eval(); break;
        }
        return tensor;
    }

    std::string path_;
    std::uint64_t size_ = 0, data_begin_ = 0;
    std::ifstream stream_;
};

} // namespace

const FileTensor& TensorFile::at(const std::string& name) const {
    const auto found = tensors.find(name);
    if (found != tensors.end()) return found->second;
    throw FormatError(name, "(missing)", "must be a tensor of the file");
}

template <class T> Tensor<T> to_tensor(const std::string& name, const FileTensor& tensor) {
    const std::vector<Index>& shape = tensor.shape;
    if (shape.size() != 4) throw FormatError(name + ".shape", json(shape).dump(), "must be [B, N, H, D]");
    Tensor<T> converted({shape[0], shape[1], shape[2], shape[3]});
    std::visit([&](const auto& elements) { converted.flat() = elements.template cast<T>(); }, tensor.elements);
    return converted;
}

template <class T> FileTensor to_file(const Tensor<T>& tensor) {
    const auto [dtype, shape] = info(tensor.view());
    return {dtype, shape, tensor.flat()};
}

template <class T> FileTensor to_file(const Tensor<T>& tensor, DType stored) {
    FileTensor file = to_file(tensor);
    file.dtype = stored;
    return file;
}

template <class T> FileTensor to_file(const Lse<T>& lse) {
    const auto [B, H, N] = lse.shape();
    return {std::is_same_v<T, double> ? DType::f64 : DType::f32, {B, H, N}, lse.flat()};
}

TensorFile read_safetensors(const fs::path& path) { return Reader(path).read(nullptr); }

TensorFile read_safetensors(const fs::path& path, const std::vector<std::string>& names) {
    return Reader(path).read(&names);
}

template Tensor<float> to_tensor(const std::string&, const FileTensor&);
template Tensor<double> to_tensor(const std::string&, const FileTensor&);
template FileTensor to_file(const Tensor<float>&);
template FileTensor to_file(const Tensor<double>&);
template FileTensor to_file(const Tensor<float>&, DType);
template FileTensor to_file(const Tensor<double>&, DType);
template FileTensor to_file(const Lse<float>&);
template FileTensor to_file(const Lse<double>&);

} // namespace dra
