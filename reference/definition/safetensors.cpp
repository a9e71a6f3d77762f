#include "reference/definition/safetensors.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>
#include <limits>
#include <set>

namespace dra {
namespace {

static_assert(std::endian::native == std::endian::little, "elements are read and written as they lie in memory");
using nlohmann::json;
namespace fs = std::filesystem;

constexpr std::uint64_t header_limit = 100'000'000;
constexpr int deepest = 3; // {name: {"shape": [...]}}
constexpr const char* metadata_key = "__metadata__";

/// A tensor as the header announces it.
struct Entry {
    std::string name;
    DType dtype;
    std::vector<Index> shape;
    Index begin, end; // bytes, from the end of the header
};

/// Reads one file; every error names it.
class Reader {
public:
    explicit Reader(const fs::path& path) : path_(path.string()) {
        std::error_code error;
        if (fs::is_regular_file(path, error)) stream_.open(path, std::ios::binary);
        if (!stream_.is_open()) throw FormatError("input", path_, "must be an existing file that can be read");
        size_ = fs::file_size(path);
    }

    TensorFile read() {
        const json header = read_header();
        TensorFile file;
        std::vector<Entry> entries;
        for (const auto& [name, value] : header.items()) {
            if (name == metadata_key)
                file.metadata = read_metadata(value);
            else
                entries.push_back(read_entry(name, value));
        }
        check_cover(entries); // only now is it known that no tensor claims more than the file holds
        for (const Entry& entry : entries) file.tensors[entry.name] = read_elements(entry);
        return file;
    }

private:
    [[noreturn]] void fail(const std::string& value, const std::string& rule) const {
        throw FormatError(path_, value, rule);
    }
    [[noreturn]] void fail(const std::string& field, const std::string& value, const std::string& rule) const {
        throw FormatError(path_ + ": " + field, value, rule);
    }

    /// Bytes after the header.
    Index data_bytes() const { return static_cast<Index>(size_ - data_begin_); }

    void read_bytes(void* to, std::uint64_t count) {
        stream_.read(static_cast<char*>(to), static_cast<std::streamsize>(count));
        if (!stream_) fail("(truncated)", "must hold every byte that its size says");
    }

    json read_header() {
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
        return parse_header(text);
    }

    json parse_header(const std::string& text) const {
        std::vector<std::set<std::string>> keys(deepest + 1);
        const auto inspect = [&](int depth, json::parse_event_t event, json& parsed) {
            if (event == json::parse_event_t::object_start || event == json::parse_event_t::array_start) {
                if (depth >= deepest) fail("header", "nested deeper than 3", "must be {name: {field: [...]}}");
                keys[static_cast<std::size_t>(depth) + 1].clear();
            } else if (event == json::parse_event_t::key) {
                if (!keys[static_cast<std::size_t>(depth)].insert(parsed).second)
                    fail("header", parsed, "must be named only once");
            }
            return true;
        };
        try {
            json header = json::parse(text, inspect);
            if (!header.is_object()) fail("header", header.type_name(), "must be a JSON object");
            return header;
        } catch (const json::parse_error& error) {
            fail("header", "wrong at byte " + std::to_string(error.byte), "must be valid JSON");
        } catch (const json::out_of_range&) { // 1e999
            fail("header", "a number beyond double", "must have integers alone");
        }
    }

    std::map<std::string, std::string> read_metadata(const json& value) const {
        if (!value.is_object()) fail(metadata_key, value.type_name(), "must be an object of strings");
        std::map<std::string, std::string> metadata;
        for (const auto& [key, text] : value.items()) {
            if (!text.is_string()) fail(std::string(metadata_key) + "." + key, text.type_name(), "must be a string");
            metadata[key] = text.get<std::string>();
        }
        return metadata;
    }

    /// A list of sizes or offsets: integers between 0 and 2^63 - 1.
    std::vector<Index> read_integers(const std::string& field, const json& parent, const char* key) const {
        const auto found = parent.find(key);
        if (found == parent.end()) fail(field, "(missing)", "must be given");
        if (!found->is_array()) fail(field, found->type_name(), "must be a list of integers");
        std::vector<Index> integers;
        for (const json& item : *found) {
            if (!item.is_number_unsigned() || item.get<std::uint64_t>() > std::numeric_limits<Index>::max())
                fail(field, item.is_number() ? item.dump() : item.type_name(), "must be integers from 0 to 2^63 - 1");
            integers.push_back(item.get<Index>());
        }
        return integers;
    }

    Entry read_entry(const std::string& name, const json& value) const {
        if (!value.is_object()) fail(name, value.type_name(), "must be an object");
        const auto dtype = value.find("dtype");
        if (dtype == value.end()) fail(name + ".dtype", "(missing)", "must be given");
        if (!dtype->is_string()) fail(name + ".dtype", dtype->type_name(), "must be a string");
        const std::vector<Index> shape = read_integers(name + ".shape", value, "shape");
        const std::vector<Index> offsets = read_integers(name + ".data_offsets", value, "data_offsets");
        const auto wrong_offsets = [&](const std::string& rule) {
            fail(name + ".data_offsets", value.at("data_offsets").dump(), rule);
        };
        if (offsets.size() != 2 || offsets[0] > offsets[1]) wrong_offsets("must be [begin, end] with begin <= end");
        const auto known = parse<DType, FormatError>(path_ + ": " + name + ".dtype", dtype->get<std::string>());
        const Entry entry{name, known, shape, offsets[0], offsets[1]};
        Index bytes = bytes_of(entry.dtype);
        for (const Index size : shape)
            if (__builtin_mul_overflow(bytes, size, &bytes))
                fail(name + ".shape", value.at("shape").dump(), "its bytes must not exceed 2^63 - 1");
        if (entry.end > data_bytes()) wrong_offsets("must not end after " + std::to_string(data_bytes()));
        if (entry.end - entry.begin != bytes) wrong_offsets("must span " + std::to_string(bytes) + " bytes");
        return entry;
    }

    /// The tensors tile the bytes after the header: no overlap, no gap, nothing left over.
    void check_cover(std::vector<Entry>& entries) const {
        std::ranges::sort(entries, {}, [](const Entry& entry) { return std::pair(entry.begin, entry.end); });
        Index covered = 0;
        for (const Entry& entry : entries) {
            if (entry.begin != covered)
                fail(entry.name + ".data_offsets[0]", std::to_string(entry.begin),
                     entry.begin < covered ? "must not overlap what ends at byte " + std::to_string(covered)
                                           : "must leave no gap after byte " + std::to_string(covered));
            covered = entry.end;
        }
        if (covered < data_bytes()) fail("trailing bytes", std::to_string(data_bytes() - covered), "must be none");
    }

    template <class T> Eigen::ArrayX<T> read_array(const Entry& entry) {
        Eigen::ArrayX<T> elements((entry.end - entry.begin) / static_cast<Index>(sizeof(T)));
        stream_.seekg(static_cast<std::streamoff>(data_begin_) + entry.begin);
        read_bytes(elements.data(), static_cast<std::uint64_t>(entry.end - entry.begin));
        return elements;
    }

    FileTensor read_elements(const Entry& entry) {
        FileTensor tensor{entry.dtype, entry.shape, {}};
        switch (entry.dtype) {
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

TensorFile read_safetensors(const fs::path& path) { return Reader(path).read(); }

template Tensor<float> to_tensor(const std::string&, const FileTensor&);
template Tensor<double> to_tensor(const std::string&, const FileTensor&);
template FileTensor to_file(const Tensor<float>&);
template FileTensor to_file(const Tensor<double>&);
template FileTensor to_file(const Tensor<float>&, DType);
template FileTensor to_file(const Tensor<double>&, DType);
template FileTensor to_file(const Lse<float>&);
template FileTensor to_file(const Lse<double>&);

} // namespace dra
