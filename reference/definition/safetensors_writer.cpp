#include "reference/definition/safetensors.hpp"

#include <nlohmann/json.hpp>

#include <atomic>
#include <fstream>

#include <unistd.h>

namespace dra {
namespace {

namespace fs = std::filesystem;

constexpr const char* output_rule = "must be a file in an existing directory that can be written to";

/// A file that disappears again unless it is renamed into place.
class Temporary {
public:
    explicit Temporary(const fs::path& target) : target_(target), path_(target) {
        static std::atomic<int> count = 0;
        path_ += "." + std::to_string(::getpid()) + "." + std::to_string(count++) + ".partial";
        check_writable(target);
        stream_.open(path_, std::ios::binary | std::ios::trunc);
        require(stream_.is_open());
    }
    ~Temporary() {
        std::error_code ignored;
        fs::remove(path_, ignored);
    }
    Temporary(const Temporary&) = delete;
    Temporary& operator=(const Temporary&) = delete;

    void write(const void* from, Index bytes) { stream_.write(static_cast<const char*>(from), bytes); }

    void rename_into_place() {
        stream_.close();
        require(!stream_.fail());
        std::error_code error;
        fs::rename(path_, target_, error);
        require(!error);
    }

private:
    void require(bool done) const {
        if (!done) throw FormatError("output", target_.string(), output_rule);
    }

    fs::path target_, path_;
    std::ofstream stream_;
};

template <class Stored> void write_elements_as(Temporary& file, const FileTensor& tensor) {
    const auto write = [&](const Eigen::ArrayX<Stored>& stored) {
        file.write(stored.data(), stored.size() * Index{sizeof(Stored)});
    };
    const auto write_cast = [&](const auto& elements) {
        if constexpr (std::is_same_v<decltype(elements), const Eigen::ArrayX<Stored>&>)
            write(elements);
        else
            write(elements.template cast<Stored>());
    };
    std::visit(write_cast, tensor.elements);
}

void write_elements(Temporary& file, const FileTensor& tensor) {
    switch (tensor.dtype) {
    case DType::f32: return write_elements_as<float>(file, tensor);
    case DType::f64: return write_elements_as<double>(file, tensor);
    case DType::bf16: return write_elements_as<Eigen::bfloat16>(file, tensor);
    case DType::f16: return write_elements_as<Eigen::half>(file, tensor);
    }
}

} // namespace

void check_writable(const fs::path& path) {
    std::error_code error;
    const fs::path folder = path.has_parent_path() ? path.parent_path() : ".";
    const bool replaceable =
        !fs::exists(path, error) || fs::is_regular_file(path, error); // a device must never be replaced
    if (!path.has_filename() || !replaceable || !fs::is_directory(folder, error) || ::access(folder.c_str(), W_OK) != 0)
        throw FormatError("output", path.string(), output_rule);
}

void write_safetensors(const fs::path& path, const TensorFile& file) {
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

    Temporary temporary(path);
    const std::uint64_t length = text.size();
    temporary.write(&length, sizeof length);
    temporary.write(text.data(), static_cast<Index>(text.size()));
    for (const auto& [name, tensor] : file.tensors) write_elements(temporary, tensor);
    temporary.rename_into_place();
}

} // namespace dra
