#include "tests/definition/safetensors_bytes.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <iterator>
#include <limits>

namespace dra {
namespace {

using namespace test;

/// What reading these bytes says; "accepted" when nothing is wrong. The path is cut off.
std::string complaint(const std::string& bytes) {
    const Folder folder;
    write_bytes(folder.file(), bytes);
    try {
        read_safetensors(folder.file());
    } catch (const FormatError& error) {
        const std::string message = error.what(), path = folder.file();
        return message.starts_with(path) ? message.substr(path.size()) : message;
    }
    return "accepted";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TensorFile some_tensors() {
    TensorFile file;
    Tensor<float> floats({1, 2, 3, 4});
    for (Index i = 0; i < floats.size(); ++i) floats.flat()[i] = 1 / static_cast<float>(i + 1);
    floats.flat()[3] = -0.0f;
    floats.flat()[4] = std::numeric_limits<float>::denorm_min();
    floats.flat()[5] = -std::numeric_limits<float>::infinity();
    floats.flat()[6] = std::numeric_limits<float>::quiet_NaN();
    Lse<double> lse(2, 1, 3);
    lse.flat() << 1e300, -1e-300, 0.1, -std::numeric_limits<double>::infinity(), 5, 6;
    file.tensors["floats"] = to_file(floats);
    file.tensors["lse"] = to_file(lse);
    file.tensors["of one name \" and \n another"] = {DType::f64, {}, Eigen::ArrayXd::Constant(1, 7).eval()};
    file.tensors["none"] = {DType::f32, {0, 3}, Eigen::ArrayXf()};
    file.metadata = {{"causal", "true"}, {"", "é"}};
    return file;
}

template <class T> bool same_bits(const FileTensor& a, const FileTensor& b) {
    const auto &x = std::get<Eigen::ArrayX<T>>(a.elements), &y = std::get<Eigen::ArrayX<T>>(b.elements);
    const auto bits = [](const T* at) { return reinterpret_cast<const char*>(at); };
    return std::equal(bits(x.data()), bits(x.data() + x.size()), bits(y.data()), bits(y.data() + y.size()));
}

} // namespace

TEST_CASE("what is written is read back, bit for bit") {
    const Folder folder;
    const TensorFile written = some_tensors();
    write_safetensors(folder.file(), written);
    const TensorFile read = read_safetensors(folder.file());
    CHECK(read.metadata == written.metadata);
    REQUIRE(read.tensors.size() == written.tensors.size());
    for (const auto& item : written.tensors) {
        const auto& [name, tensor] = item;
        INFO(item.first);
        CHECK(read.at(name).dtype == tensor.dtype);
        CHECK(read.at(name).shape == tensor.shape);
        CHECK((tensor.dtype == DType::f64 ? same_bits<double>(read.at(name), tensor)
                                          : same_bits<float>(read.at(name), tensor)));
    }
    CHECK(read.at("lse").shape == std::vector<Index>{2, 1, 3});
    CHECK(to_tensor<double>("floats", read.at("floats"))(0, 1, 2, 3) == static_cast<double>(1 / 24.0f));
    write_safetensors(folder.file("again"), read);
    CHECK(fs::file_size(folder.file("again")) == fs::file_size(folder.file()));
}

TEST_CASE("elements begin where they are aligned") {
    const Folder folder;
    for (const char* name : {"q", "q2", "q23", "q234", "q2345", "q23456", "q234567", "q2345678"}) {
        TensorFile file;
        file.tensors[name] = to_file(Tensor<double>({1, 1, 1, 1}, 1));
        write_safetensors(folder.file(), file);
        CHECK(fs::file_size(folder.file()) % 8 == 0);
    }
}

TEST_CASE("well-formed files of any order, spacing and metadata are accepted") {
    CHECK(complaint(with_header("{}")) == "accepted");
    CHECK(complaint(with_header("{}      ")) == "accepted");
    CHECK(complaint(with_header(R"({"__metadata__":{"a":"b"}})")) == "accepted");
    CHECK(complaint(
              with_header("{\"z\":" + entry("F32", "[1]", "[0,4]") + ",\"a\":" + entry("F64", "[1]", "[4,12]") + "}",
                          std::string(12, 'x'))) == "accepted");
    CHECK(complaint(
              with_header("{\"a\":" + entry("F64", "[1]", "[4,12]") + ",\"z\":" + entry("F32", "[1]", "[0,4]") + "}",
                          std::string(12, 'x'))) == "accepted");
    CHECK(complaint(with_header(
              "{\"none\":" + entry("F32", "[0]", "[0,0]") + ",\"a\":" + entry("F32", "[1]", "[0,4]") + "}", "1234")) ==
          "accepted");
}

TEST_CASE("every prefix of a file is refused") {
    const Folder folder;
    write_safetensors(folder.file(), some_tensors());
    std::ifstream stream(folder.file(), std::ios::binary);
    const std::string whole{std::istreambuf_iterator<char>(stream), {}};
    REQUIRE(complaint(whole) == "accepted");
    for (std::size_t length = 0; length < whole.size(); ++length) {
        CAPTURE(length);
        REQUIRE(complaint(whole.substr(0, length)) != "accepted");
    }
    CHECK(complaint("1234567") == " = 7 bytes: must have at least 8 bytes");
}

TEST_CASE("a header that is too long is refused before it is read") {
    std::string bytes = with_header("{}");
    bytes[0] = 3;
    CHECK(complaint(bytes) == ": header length = 3: must be at most the 2 bytes that follow");
    const auto of_length = [&](std::uint64_t length) {
        std::memcpy(bytes.data(), &length, sizeof length);
        return complaint(bytes);
    };
    CHECK(of_length(100'000'000) == ": header length = 100000000: must be at most the 2 bytes that follow");
    CHECK(of_length(100'000'001) == ": header length = 100000001: must be at most 100000000 bytes");
    for (const int top : {0x10, 0x7f, 0xff}) { // up to 2^64 - 1: nothing overflows, nothing is allocated
        bytes[7] = static_cast<char>(top);
        CHECK(contains(complaint(bytes), "must be at most 100000000 bytes"));
    }
}

TEST_CASE("a header that is not a JSON object of the right form is refused") {
    for (const char* header : {"", "{", "[1]]", "{\"a\":}", "{'a':1}", "nonsense", "{}x", "{\"\xff\":1}", "{\"a\" 1}"})
        CHECK(contains(complaint(with_header(header)), ": header = wrong at byte "));
    CHECK(complaint(with_header(R"({"q":{"dtype":"F32","shape":[1e999],"data_offsets":[0,4]}})", "1234")) ==
          ": header = a number beyond double: must have integers alone");
    CHECK(complaint(with_header("[]")) == ": header = array: must be a JSON object");
    CHECK(complaint(with_header("null")) == ": header = null: must be a JSON object");
    CHECK(complaint(with_header(R"({"q":1})")) == ": q = number: must be an object");
    CHECK(complaint(with_header(R"({"q":{"shape":[1],"data_offsets":[0,4]}})", "1234")) ==
          ": q.dtype = (missing): must be given");
    CHECK(complaint(with_header(R"({"q":{"dtype":"F32","data_offsets":[0,4]}})", "1234")) ==
          ": q.shape = (missing): must be given");
    CHECK(complaint(with_header(R"({"q":{"dtype":"F32","shape":[1]}})", "1234")) ==
          ": q.data_offsets = (missing): must be given");
    CHECK(complaint(with_header(R"({"q":{"dtype":7,"shape":[1],"data_offsets":[0,4]}})", "1234")) ==
          ": q.dtype = number: must be a string");
    CHECK(complaint(with_header(R"({"q":{"dtype":"F32","shape":4,"data_offsets":[0,4]}})", "1234")) ==
          ": q.shape = number: must be a list of integers");
    CHECK(complaint(with_header(R"({"__metadata__":[]})")) == ": __metadata__ = array: must be an object of strings");
    CHECK(complaint(with_header(R"({"__metadata__":{"a":1}})")) == ": __metadata__.a = number: must be a string");
}

TEST_CASE("an odd header is judged as the safetensors library judges it") {
    const std::string q = entry("F32", "[1]", "[0,4]");
    for (const std::string& header :
         {std::string("{\"q\":[\"F32\",[1],[0,4]]}"), "{\"q\":" + entry("F32\",\"x\":\"", "[1]", "[0,4]") + "}",
          "\n{\"__metadata__\":null,\"q\":" + q + "}\t"})
        CHECK(complaint(with_header(header, "1234")) == "accepted");
    CHECK(complaint(with_header(std::string("{}\0", 3))) == ": header = wrong at byte 3: must be valid JSON");
    CHECK(complaint(with_header("\xef\xbb\xbf{}")) == ": header = wrong at byte 1: must be valid JSON");
}

TEST_CASE("a name or a dtype with a zero byte does not end the line") {
    CHECK(complaint(with_header("{\"a\\u0000b\":1}")) == ": a\\x00b = number: must be an object");
    CHECK(complaint(with_header("{\"a\\u0000b\":" + entry("I32", "[1]", "[0,4]") + "}", "1234")) ==
          ": a\\x00b.dtype = I32: must be one of F32, F64, BF16, F16");
    CHECK(complaint(with_header("{\"q\":" + entry("F\\u000032", "[1]", "[0,4]") + "}", "1234"))
              .starts_with(": q.dtype = F\\x0032: must be one of BOOL, "));
    CHECK(complaint(with_header("{\"__metadata__\":{\"a\\u0000\":1}}")) ==
          ": __metadata__.a\\x00 = number: must be a string");
}

TEST_CASE("nesting is refused where the library's recursion ends") {
    CHECK(contains(complaint(with_header(R"({"q":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}})", "1234")),
                   ": q.shape = array: must be integers"));
    const auto nested = [](std::size_t lists) {
        return complaint(with_header(R"({"q":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":)" +
                                         std::string(lists, '[') + std::string(lists, ']') + "}}",
                                     "1234"));
    };
    CHECK(nested(125) == "accepted");
    CHECK(contains(nested(126), "nested deeper than 127"));
    CHECK(contains(complaint(with_header("{\"q\":" + std::string(1'000'000, '['))), "nested deeper than 127"));
}

TEST_CASE("duplicate names are refused at every level") {
    const std::string q = entry("F32", "[1]", "[0,4]");
    CHECK(complaint(with_header("{\"q\":" + q + ",\"q\":" + q + "}", "1234")) ==
          ": header = q: must be named only once");
    CHECK(contains(
        complaint(with_header(R"({"q":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "1234")),
        "header = dtype: must be named only once"));
    CHECK(contains(complaint(with_header(R"({"__metadata__":{"a":"1","a":"2"}})")), "a: must be named only once"));
    CHECK(contains(complaint(with_header(R"({"__metadata__":{},"__metadata__":{}})")),
                   "__metadata__: must be named only once"));
}

TEST_CASE("an unknown type is refused with the known ones") {
    for (const char* dtype : {"C128", "f32", ""})
        CHECK(complaint(with_header("{\"q\":" + entry(dtype, "[1]", "[0,4]") + "}", "1234"))
                  .starts_with(": q.dtype = " + std::string(dtype) + ": must be one of BOOL, F4, F6_E2M3, "));
    for (const char* dtype : {"I32", "U32"}) // asked for, but of a type that nothing is computed in
        CHECK(complaint(with_header("{\"q\":" + entry(dtype, "[1]", "[0,4]") + "}", "1234")) ==
              ": q.dtype = " + std::string(dtype) + ": must be one of F32, F64, BF16, F16");
}

TEST_CASE("sizes that are negative, not integers or overflow are refused") {
    const auto shaped = [](const std::string& shape) {
        return complaint(with_header("{\"q\":" + entry("F32", shape, "[0,4]") + "}", "1234"));
    };
    CHECK(shaped("[-1]") == ": q.shape = -1: must be integers from 0 to 2^64 - 1");
    CHECK(shaped("[-0]") == ": q.shape = 0: must be integers from 0 to 2^64 - 1");
    CHECK(shaped("[1.0]") == ": q.shape = 1.0: must be integers from 0 to 2^64 - 1");
    CHECK(shaped("[\"1\"]") == ": q.shape = string: must be integers from 0 to 2^64 - 1");
    CHECK(contains(shaped("[18446744073709551616]"), "must be integers from 0 to 2^64 - 1"));
    CHECK(shaped("[576460752303423487]") == ": q.data_offsets = [0,4]: must span 2305843009213693948 bytes");
    CHECK(shaped("[576460752303423488]") == ": q.shape = [576460752303423488]: its bits must be fewer than 2^64");
    // 2^32 * 2^32 + 1 would wrap to the right number of elements
    CHECK(contains(shaped("[4294967296,4294967296]"), "its elements must be fewer than 2^64"));
    CHECK(shaped("[4611686018427387905,4]") ==
          ": q.shape = [4611686018427387905,4]: its elements must be fewer than 2^64");
    CHECK(complaint(with_header("{\"q\":" + entry("F4", "[3]", "[0,1]") + "}", "1")) ==
          ": q.shape = [3]: its elements must fill whole bytes");
    // The format allows it, but no strides can be computed of it.
    for (const char* shape : {"[9223372036854775808,0]", "[0,4294967296,4294967296]"})
        CHECK(complaint(with_header("{\"q\":" + entry("F32", shape, "[0,0]") + "}")) ==
              ": q.shape = " + std::string(shape) + ": its strides must not exceed 2^63 - 1");
}

TEST_CASE("offsets that are out of range, reversed or of the wrong span are refused") {
    const auto placed = [](const std::string& offsets) {
        return complaint(with_header("{\"q\":" + entry("F32", "[1]", offsets) + "}", "1234"));
    };
    CHECK(placed("[0,4]") == "accepted");
    CHECK(placed("[4,8]") == ": q.data_offsets = [4,8]: must not end after 4");
    CHECK(placed("[9223372036854775803,9223372036854775807]") ==
          ": q.data_offsets = [9223372036854775803,9223372036854775807]: must not end after 4");
    CHECK(placed("[4,0]") == ": q.data_offsets = [4,0]: must be [begin, end] with begin <= end");
    CHECK(placed("[0]") == ": q.data_offsets = [0]: must be [begin, end] with begin <= end");
    CHECK(placed("[0,4,4]") == ": q.data_offsets = [0,4,4]: must be [begin, end] with begin <= end");
    CHECK(placed("[-4,0]") == ": q.data_offsets = -4: must be integers from 0 to 2^64 - 1");
    CHECK(placed("[0,3]") == ": q.data_offsets = [0,3]: must span 4 bytes");
    CHECK(placed("[4,4]") == ": q.data_offsets = [4,4]: must span 4 bytes");
}

TEST_CASE("tensors that overlap, leave a gap or are followed by bytes are refused") {
    const auto two = [](const std::string& first, const std::string& second, std::size_t bytes) {
        return complaint(
            with_header("{\"a\":" + entry("F32", "[1]", first) + ",\"b\":" + entry("F32", "[1]", second) + "}",
                        std::string(bytes, 'x')));
    };
    CHECK(two("[0,4]", "[4,8]", 8) == "accepted");
    CHECK(two("[0,4]", "[0,4]", 4) == ": b.data_offsets[0] = 0: must not overlap what ends at byte 4");
    CHECK(two("[2,6]", "[0,4]", 6) == ": a.data_offsets[0] = 2: must not overlap what ends at byte 4");
    CHECK(two("[0,4]", "[5,9]", 9) == ": b.data_offsets[0] = 5: must leave no gap after byte 4");
    CHECK(two("[4,8]", "[8,12]", 12) == ": a.data_offsets[0] = 4: must leave no gap after byte 0");
    CHECK(two("[0,4]", "[4,8]", 9) == ": trailing bytes = 1: must be none");
    CHECK(complaint(with_header("{}", "x")) == ": trailing bytes = 1: must be none");
}

TEST_CASE("a tensor of another rank is refused when it is asked for as [B, N, H, D]") {
    const TensorFile file = some_tensors();
    CHECK_THROWS_WITH_AS(to_tensor<float>("lse", file.at("lse")), "lse.shape = [2,1,3]: must be [B, N, H, D]",
                         FormatError);
    CHECK_THROWS_WITH_AS(file.at("dq"), "dq = (missing): must be a tensor of the file", FormatError);
    CHECK(file.contains("lse"));
    CHECK_FALSE(file.contains("dq"));
}

TEST_CASE("what cannot be read is refused by its path, with the real reason") {
    const Folder folder;
    fs::create_symlink("/dev/null", folder.file("a_device"));
    REQUIRE(::mkfifo(folder.file("a_pipe").c_str(), 0600) == 0);
    const auto refused = [](const fs::path& path, const std::string& rule) {
        CHECK_THROWS_WITH_AS(read_safetensors(path), ("input = " + path.string() + ": " + rule).c_str(), FormatError);
    };
    refused(folder.file("absent"), "cannot be read: No such file or directory");
    refused("", "cannot be read: No such file or directory");
    refused(folder.file(""), "must be a regular file, not a directory");
    refused(folder.file("a_device"), "must be a regular file, not a device");
    refused(folder.file("a_pipe"), "must be a regular file, not a pipe");
}

TEST_CASE("a file is replaced whole, and no temporary stays beside it") {
    const Folder folder;
    write_bytes(folder.file(), "something else");
    write_safetensors(folder.file(), some_tensors());
    CHECK(read_safetensors(folder.file()).tensors.size() == 4);
    CHECK(std::distance(fs::directory_iterator(folder.file("")), {}) == 1);
}

} // namespace dra
