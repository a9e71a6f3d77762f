#include "tests/cuda/simt/emulated.hpp"

#include <Eigen/Core>

#include <cmath>

namespace dra::simt::test {
namespace {

TEST_CASE("number formats: all 65536 fp16 and bf16 widen as Eigen's do, and narrow to themselves") {
    int different = 0;
    for (unsigned bits = 0; bits < 65536; ++bits) {
        const auto b = static_cast<std::uint16_t>(bits);
        const float half = __half2float({b}), brain = __bfloat162float({b});
        const auto eigen_half = static_cast<float>(Eigen::numext::bit_cast<Eigen::half>(b));
        const auto eigen_brain = static_cast<float>(Eigen::numext::bit_cast<Eigen::bfloat16>(b));
        if (std::isnan(eigen_half))
            different += !std::isnan(half) || !std::isnan(__half2float(__float2half(half)));
        else
            different += half != eigen_half || __float2half(half).bits != bits;
        if (std::isnan(eigen_brain))
            different += !std::isnan(brain) || !std::isnan(__bfloat162float(__float2bfloat16(brain)));
        else
            different += brain != eigen_brain || __float2bfloat16(brain).bits != bits;
    }
    CHECK(different == 0);
}

TEST_CASE("number formats: floats round to nearest even as Eigen's do, at, below and above every tie") {
    int different = 0;
    const auto compare = [&](float x) {
        different += __float2half(x).bits != Eigen::numext::bit_cast<std::uint16_t>(Eigen::half(x));
        different += __float2bfloat16(x).bits != Eigen::numext::bit_cast<std::uint16_t>(Eigen::bfloat16(x));
    };
    for (unsigned bits = 0; bits + 1 < 0x7C00; ++bits) { // halfway between neighbours, denormals and overflow included
        const float low = __half2float({static_cast<std::uint16_t>(bits)});
        const float high = bits + 1 == 0x7C00 ? 65536.f : __half2float({static_cast<std::uint16_t>(bits + 1)});
        const float tie = low + (high - low) / 2;
        for (const float x : {tie, std::nextafter(tie, 0.f), std::nextafter(tie, 1e9f)}) {
            compare(x);
            compare(-x);
        }
    }
    std::mt19937 random(1);
    for (int i = 0; i < 1000000; ++i) {
        const float x = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
        if (!std::isnan(x)) compare(x);
    }
    CHECK(different == 0);
}

TEST_CASE("number formats: pack puts the first number in the low half, a product less a number is rounded once, and "
          "exp2 flushes denormals") {
    CHECK(ptx::pack<bf16>(1.f, -2.f) == (0xC000u << 16 | 0x3F80u));
    CHECK(ptx::pack<fp16>(1.f, -2.f) == (0xC000u << 16 | 0x3C00u));
    CHECK(ptx::product_less(0x1.001p0f, 0x1.001p0f, 0x1.002p0f) == 0x1p-24f); // the product is not rounded
    CHECK(ptx::exp2_approximate(3.f) == 8.f);
    CHECK(ptx::exp2_approximate(-INFINITY) == 0.f);
    CHECK(ptx::exp2_approximate(-130.f) == 0.f);
    CHECK(std::isnan(ptx::exp2_approximate(NAN)));
}

} // namespace
} // namespace dra::simt::test
