#include "reference/definition/safetensors_header.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <string_view>

namespace dra {
namespace {

using nlohmann::json;

constexpr std::size_t deepest = 127; // the library's limit
constexpr std::size_t named = 2;     // {name: {field: ...}}: deeper, the format names nothing
constexpr const char* metadata_key = "__metadata__";

struct Type {
    std::string_view name;
    std::uint64_t bits; // per element
};

constexpr Type types[] = {{"BOOL", 8},        {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U8", 8},
                          {"I8", 8},          {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8},
                          {"F8_E5M2FNUZ", 8}, {"I16", 16},    {"U16", 16},    {"F16", 16},    {"BF16", 16},
                          {"I32", 32},        {"U32", 32},    {"F32", 32},    {"C64", 64},    {"F64", 64},
                          {"I64", 64},        {"U64", 64}};

/// Errors of one file.
class Complaints {
public:
    explicit Complaints(const std::string& path) : path_(path) {}

protected:
    [[noreturn]] void fail(const std::string& field, const std::string& value, const std::string& rule) const {
        throw FormatError(path_ + ": " + field, value, rule);
    }

private:
    const std::string& path_;
};

/// Builds the document event by event, for json::parse() would hide names that are said twice; with a callback it would
/// not, but then it searches an object whenever a member of it ends, and a header of n tensors takes n^2 steps.
class Document : public nlohmann::json_sax<json>, Complaints {
public:
    using Complaints::Complaints;

    json parse(const std::string& text) {
        // What nlohmann::json reads and the library does not: it skips a byte order mark and ends at a zero byte.
        if (text.starts_with("\xef\xbb\xbf")) fail_at(1);
        if (const auto zero = text.find('\0'); zero != std::string::npos) fail_at(zero + 1);
        json::sax_parse(text, this);
        return std::move(root_);
    }

    bool null() override { return put(nullptr); }
    bool boolean(bool value) override { return put(value); }
    bool number_integer(json::number_integer_t value) override { return put(value); }
    bool number_unsigned(json::number_unsigned_t value) override { return put(value); }
    bool number_float(json::number_float_t value, const std::string&) override { return put(value); }
    bool string(std::string& value) override { return put(std::move(value)); }
    bool binary(json::binary_t&) override { return false; } // JSON has none
    bool start_object(std::size_t) override { return open(json::object()); }
    bool start_array(std::size_t) override { return open(json::array()); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }

    bool key(std::string& name) override {
        if (open_.size() <= named && open_.back()->contains(name)) fail("header", name, "must be named only once");
        member_ = &(*open_.back())[name];
        return true;
    }

    bool parse_error(std::size_t byte, const std::string&, const json::exception& error) override {
        if (dynamic_cast<const json::out_of_range*>(&error)) // 1e999
            fail("header", "a number beyond double", "must have integers alone");
        fail_at(byte);
    }

private:
    [[noreturn]] void fail_at(std::size_t byte) const {
        fail("header", "wrong at byte " + std::to_string(byte), "must be valid JSON");
    }

    /// The place of the next value: the document itself, the next item of a list or the member that was just named.
    json& place() {
        if (open_.empty()) return root_;
        return open_.back()->is_array() ? open_.back()->emplace_back() : *member_;
    }
    bool put(json value) {
        place() = std::move(value);
        return true;
    }
    bool open(json container) {
        if (open_.size() == deepest)
            fail("header", "nested deeper than " + std::to_string(deepest), "must be {name: {field: [...]}}");
        json& opened = place();
        opened = std::move(container);
        open_.push_back(&opened);
        return true;
    }
    bool close() {
        open_.pop_back();
        return true;
    }

    json root_;
    std::vector<json*> open_;
    json* member_ = nullptr;
};

class HeaderParser : Complaints {
public:
    HeaderParser(const std::string& path, std::uint64_t data_bytes) : Complaints(path), data_bytes_(data_bytes) {}

    SafetensorsHeader parse(const json& document) const {
        if (!document.is_object()) fail("header", document.type_name(), "must be a JSON object");
        SafetensorsHeader header;
        for (const auto& [name, value] : document.items()) {
            if (name == metadata_key)
                header.metadata = parse_metadata(value);
            else
                header.tensors.emplace(name, parse_entry(name, value));
        }
        check_cover(header);
        return header;
    }

private:
    std::map<std::string, std::string> parse_metadata(const json& value) const {
        std::map<std::string, std::string> metadata;
        if (value.is_null()) return metadata;
        if (!value.is_object()) fail(metadata_key, value.type_name(), "must be an object of strings");
        for (const auto& [key, text] : value.items()) {
            if (!text.is_string()) fail(std::string(metadata_key) + "." + key, text.type_name(), "must be a string");
            metadata[key] = text.get<std::string>();
        }
        return metadata;
    }

    /// dtype, shape and data_offsets, by name or, which the library reads too, as a list.
    std::array<const json*, 3> fields_of(const std::string& name, const json& value) const {
        if (value.is_array() && value.size() == 3) return {&value[0], &value[1], &value[2]};
        if (!value.is_object()) fail(name, value.type_name(), "must be an object");
        const auto member = [&](const char* key) {
            const auto found = value.find(key);
            if (found == value.end()) fail(name + "." + key, "(missing)", "must be given");
            return &*found;
        };
        return {member("dtype"), member("shape"), member("data_offsets")};
    }

    const Type& parse_type(const std::string& field, const json& value) const {
        const bool is_variant = value.is_object() && value.size() == 1 && value.front().is_null(); // {"F32": null}
        if (!value.is_string() && !is_variant) fail(field, value.type_name(), "must be a string");
        const std::string name = is_variant ? value.begin().key() : value.get<std::string>();
        const Type* found = std::ranges::find(types, name, &Type::name);
        if (found != std::end(types)) return *found;
        std::string known;
        for (const Type& type : types) known.append(known.empty() ? "" : ", ").append(type.name);
        fail(field, name, "must be one of " + known);
    }

    std::vector<std::uint64_t> parse_integers(const std::string& field, const json& value) const {
        if (!value.is_array()) fail(field, value.type_name(), "must be a list of integers");
        std::vector<std::uint64_t> integers;
        for (const json& item : value) {
            if (!item.is_number_unsigned())
                fail(field, item.is_number() ? item.dump() : item.type_name(), "must be integers from 0 to 2^64 - 1");
            integers.push_back(item.get<std::uint64_t>());
        }
        return integers;
    }

    SafetensorsEntry parse_entry(const std::string& name, const json& value) const {
        const auto [dtype, shape, data_offsets] = fields_of(name, value);
        const Type& type = parse_type(name + ".dtype", *dtype);
        SafetensorsEntry entry{std::string(type.name), parse_integers(name + ".shape", *shape), 0, 0};
        const auto offsets = parse_integers(name + ".data_offsets", *data_offsets);
        const auto wrong_offsets = [&, offsets_said = data_offsets](const std::string& rule) {
            fail(name + ".data_offsets", offsets_said->dump(), rule);
        };
        if (offsets.size() != 2 || offsets[0] > offsets[1]) wrong_offsets("must be [begin, end] with begin <= end");
        entry.begin = offsets[0];
        entry.end = offsets[1];

        std::uint64_t bits = 1; // first elements, then bits: so the library judges a shape with a 0 and huge sizes
        for (const std::uint64_t size : entry.shape)
            if (__builtin_mul_overflow(bits, size, &bits))
                fail(name + ".shape", shape->dump(), "its elements must be fewer than 2^64");
        if (__builtin_mul_overflow(bits, type.bits, &bits))
            fail(name + ".shape", shape->dump(), "its bits must be fewer than 2^64");
        if (bits % 8 != 0) fail(name + ".shape", shape->dump(), "its elements must fill whole bytes");
        if (entry.end > data_bytes_) wrong_offsets("must not end after " + std::to_string(data_bytes_));
        if (entry.end - entry.begin != bits / 8) wrong_offsets("must span " + std::to_string(bits / 8) + " bytes");
        return entry;
    }

    /// The tensors tile the bytes after the header: no overlap, no gap, nothing left over.
    void check_cover(const SafetensorsHeader& header) const {
        std::vector<const std::pair<const std::string, SafetensorsEntry>*> order;
        for (const auto& item : header.tensors) order.push_back(&item);
        std::ranges::sort(order, {}, [](const auto* item) { return std::pair(item->second.begin, item->second.end); });
        std::uint64_t covered = 0;
        for (const auto* item : order) {
            const auto& [name, entry] = *item;
            if (entry.begin != covered)
                fail(name + ".data_offsets[0]", std::to_string(entry.begin),
                     entry.begin < covered ? "must not overlap what ends at byte " + std::to_string(covered)
                                           : "must leave no gap after byte " + std::to_string(covered));
            covered = entry.end;
        }
        if (covered < data_bytes_) fail("trailing bytes", std::to_string(data_bytes_ - covered), "must be none");
    }

    std::uint64_t data_bytes_;
};

} // namespace

SafetensorsHeader parse_safetensors_header(const std::string& path, const std::string& text, std::uint64_t data_bytes) {
    return HeaderParser(path, data_bytes).parse(Document(path).parse(text));
}

} // namespace dra
