#include "tests/definition/safetensors_bytes.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace dra {

using namespace test;

TEST_CASE("BF16 and F16 are widened exactly") {
    const Folder folder;
    // bf16: 1, -2.5, infinity; f16: 1, the smallest subnormal 2^-24, 65504
    const std::string bf16("\x80\x3f\x20\xc0\x80\x7f", 6), f16("\x00\x3c\x01\x00\xff\x7b", 6);
    write_bytes(folder.file(),
                with_header("{\"a\":" + entry("BF16", "[3]", "[0,6]") + ",\"b\":" + entry("F16", "[3]", "[6,12]") + "}",
                            bf16 + f16));
    const TensorFile file = read_safetensors(folder.file());
    CHECK(file.at("a").dtype == DType::bf16);
    CHECK(file.at("b").dtype == DType::f16);
    const auto &a = std::get<Eigen::ArrayXf>(file.at("a").elements),
               &b = std::get<Eigen::ArrayXf>(file.at("b").elements);
    CHECK((a == Eigen::Array3f(1, -2.5f, std::numeric_limits<float>::infinity())).all());
    CHECK((b == Eigen::Array3f(1, 0x1p-24f, 65504)).all());

    write_safetensors(folder.file("again"), file);
    const TensorFile again = read_safetensors(folder.file("again"));
    for (const char* name : {"a", "b"}) {
        CHECK(again.at(name).dtype == file.at(name).dtype);
        CHECK((std::get<Eigen::ArrayXf>(again.at(name).elements) == std::get<Eigen::ArrayXf>(file.at(name).elements))
                  .all());
    }
}

TEST_CASE("BF16 and F16 are rounded to nearest, ties to even, when written") {
    const Folder folder;
    constexpr float infinity = std::numeric_limits<float>::infinity();
    const auto stored = [&](DType dtype, float x) {
        TensorFile file;
        file.tensors["x"] = to_file(Tensor<float>({1, 1, 1, 1}, x), dtype);
        write_safetensors(folder.file(), file);
        return to_tensor<float>("x", read_safetensors(folder.file()).at("x")).flat()[0];
    };
    CHECK(stored(DType::bf16, 1 + 0x1p-8f) == 1);
    CHECK(stored(DType::bf16, 1 + 0x1.8p-8f) == 1 + 0x1p-7f);
    CHECK(stored(DType::bf16, 1 + 0x3p-8f) == 1 + 0x1p-6f);
    CHECK(stored(DType::bf16, 3.4e38f) == infinity);
    CHECK(stored(DType::f16, 1 + 0x1p-11f) == 1);
    CHECK(stored(DType::f16, 1 + 0x3p-11f) == 1 + 0x1p-9f);
    CHECK(stored(DType::f16, 65519) == 65504);
    CHECK(stored(DType::f16, 65520) == infinity);
    CHECK(stored(DType::f16, 0x1p-25f) == 0);
    for (const DType dtype : {DType::bf16, DType::f16}) {
        CHECK(stored(dtype, -infinity) == -infinity);
        CHECK(std::isnan(stored(dtype, std::numeric_limits<float>::quiet_NaN())));
    }
}

} // namespace dra
