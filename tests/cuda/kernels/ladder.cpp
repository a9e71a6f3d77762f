#include "tests/cuda/kernels/problems.hpp"

namespace dra::test {
namespace {

using cuda::Parameters;
using cuda::emulated::best_kernel;
using cuda::emulated::find_kernel;
using cuda::emulated::why_not;

Parameters asked(int head_dim, int tokens = 64, int w = 32, int r = 2) {
    Parameters parameters = {};
    parameters.batch = parameters.heads = parameters.kv_heads = parameters.kv_head_count = 1;
    parameters.tokens = tokens;
    parameters.head_dim = head_dim;
    parameters.segment_length = w;
    parameters.dilation_rate = r;
    return parameters;
}

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_CASE("the ladder is in reading order, every kernel is found by its name, and no other name is") {
    std::string names;
    for (const auto& kernel : cuda::emulated::ladder()) {
        names += std::string(kernel.name) + " ";
        CHECK(find_kernel(kernel.name) == &kernel);
    }
    CHECK(names == "naive tiled tensor_core pipelined wide hopper warp_specialized overlapped balanced fixed_reference "
                   "all_patterns ");
    CHECK(find_kernel("fast") == nullptr);
}

TEST_CASE("a kernel says which rule it cannot keep, with the value") {
    CHECK(says(why_not(*find_kernel("wide"), DType::f32, asked(64), 90), "bf16 and fp16"));
    CHECK(says(why_not(*find_kernel("wide"), DType::bf16, asked(136), 90), "up to 128, not 136"));
    CHECK(says(why_not(*find_kernel("tiled"), DType::f32, asked(257), 90), "up to 256, not 257"));
    CHECK(says(why_not(*find_kernel("pipelined"), DType::bf16, asked(12), 90), "multiple of 8, not 12"));
    CHECK(says(why_not(*find_kernel("pipelined"), DType::bf16, asked(64), 75), "8.0 or later, not 7.5"));
    CHECK(says(why_not(*find_kernel("hopper"), DType::bf16, asked(64), 80), "9.0, not 8.0"));
    CHECK(says(why_not(*find_kernel("hopper"), DType::bf16, asked(64), 100), "9.0, not 10.0"));
    CHECK(says(why_not(*find_kernel("hopper"), DType::bf16, asked(64, 64, 32, 3), 90), "3 does not divide 32"));
    CHECK(says(why_not(*find_kernel("hopper"), DType::bf16, asked(64, 70, 32, 2), 90), "32 does not divide 70"));
    CHECK(why_not(*find_kernel("hopper"), DType::bf16, asked(64, 64, 100, 2), 90) == ""); // one segment, the sequence
    Parameters crooked = asked(64);
    crooked.k = reinterpret_cast<const void*>(8);
    CHECK(says(why_not(*find_kernel("wide"), DType::bf16, crooked, 90), "16-byte boundaries"));
    CHECK(why_not(*find_kernel("naive"), DType::bf16, crooked, 90) == "");
    Parameters large = asked(128, 1 << 20);
    large.batch = 256;
    CHECK(says(why_not(*find_kernel("wide"), DType::bf16, large, 90), "less than 64 GiB, not 64"));
    Parameters many = asked(8, 1'000'000, 1, 1);
    many.batch = 4000;
    CHECK(says(why_not(*find_kernel("wide"), DType::bf16, many, 90), "2^31 - 1 blocks"));
}

TEST_CASE("the best kernel is the fastest that can") {
    CHECK(best_kernel(DType::f32, asked(64), 90).name == std::string("tiled"));
    CHECK(best_kernel(DType::bf16, asked(12), 90).name == std::string("tiled"));
    CHECK(best_kernel(DType::bf16, asked(192), 90).name == std::string("tiled"));
    CHECK(best_kernel(DType::bf16, asked(64, 70, 32, 3), 90).name == std::string("all_patterns"));
    CHECK(best_kernel(DType::f16, asked(64), 80).name == std::string("wide"));
    CHECK(best_kernel(DType::f16, asked(64), 90).name == std::string("all_patterns"));
    CHECK(best_kernel(DType::f16, asked(64), 100).name == std::string("wide"));
}

} // namespace
} // namespace dra::test
