#include "cuda/device/type.hpp"
#include "cuda/host/check.hpp"
#include "cuda/host/choice.hpp"
#include "tests/cuda/host/emulator.hpp"

#include <doctest/doctest.h>

#include <optional>

namespace dra::cuda::DRA_TARGET {

TEST_CASE("a failed call of the runtime is thrown with file, line, call and the runtime's words") {
    const test::DeviceMemory exhausted;
    void* pointer = nullptr;
    std::optional<CudaError> thrown;
    const int line = __LINE__ + 2;
    try {
        DRA_CUDA_CHECK(cudaMalloc(&pointer, 16));
    } catch (const CudaError& error) {
        thrown = error;
    }
    REQUIRE(thrown);
    CHECK(thrown->file().ends_with("tests/cuda/host/errors.cpp"));
    CHECK(thrown->line() == line);
    CHECK(thrown->call() == "cudaMalloc(&pointer, 16)");
    CHECK(thrown->words() == cudaGetErrorString(cudaErrorMemoryAllocation));
    CHECK(std::string(thrown->what()) == thrown->file() + ":" + std::to_string(line) + ": " + thrown->call() + ": " +
                                             cudaGetErrorName(cudaErrorMemoryAllocation) + ": " + thrown->words());
    CHECK(cudaPeekAtLastError() == cudaSuccess); // later calls are not blamed for it
}

TEST_CASE("a call that succeeds throws nothing, and is made once") {
    int calls = 0;
    const auto call = [&] {
        ++calls;
        return cudaSuccess;
    };
    DRA_CUDA_CHECK(call());
    CHECK(calls == 1);
}

TEST_CASE("an unknown kernel, and one that cannot do what it is asked for, are refused by name") {
    Parameters parameters{};
    parameters.batch = parameters.tokens = parameters.heads = parameters.kv_heads = parameters.kv_head_count = 1;
    parameters.segment_length = parameters.dilation_rate = 1;
    parameters.head_dim = 8;
    const auto refusal = [&](const std::optional<std::string>& name, DType type) -> std::string {
        try {
            choose_kernel(name, type, parameters, 90);
            return "";
        } catch (const KernelError& error) {
            return error.what();
        }
    };
    std::string names;
    for (const AttentionKernel& kernel : ladder()) names += (names.empty() ? "" : ", ") + std::string(kernel.name);
    CHECK(refusal("quick", DType::bf16) == "kernel = quick: must be one of " + names);

    int refused = 0;
    for (const int head_dim : {1, 8, 64, 256, 1000}) {
        parameters.head_dim = head_dim;
        for (const DType type : {DType::f32, DType::bf16, DType::f16}) {
            for (const AttentionKernel& kernel : ladder()) {
                const std::string why = why_not(kernel, type, parameters, 90);
                CHECK(refusal(kernel.name, type) == why);
                refused += !why.empty();
            }
            CHECK(refusal(std::nullopt, type).empty() == (head_dim <= 256)); // some kernel does every smaller head
        }
    }
    MESSAGE(refused, " refusals");
    CHECK(refused > 0);
}

TEST_CASE("no kernel computes in fp64: every kernel and the device refuse it by name") {
    Parameters parameters{};
    parameters.batch = parameters.tokens = parameters.heads = parameters.kv_heads = parameters.kv_head_count = 1;
    parameters.segment_length = parameters.dilation_rate = 1;
    parameters.head_dim = 8;
    for (const AttentionKernel& kernel : ladder())
        CHECK(why_not(kernel, DType::f64, parameters, 90) == "kernel `" + std::string(kernel.name) + "` takes " +
                                                                 (kernel.takes_fp32 ? "fp32, " : "") +
                                                                 "bf16 and fp16, not fp64");
    CHECK_THROWS_WITH_AS(check_type(DType::f64), "dtype = fp64: must be one of fp32, bf16, fp16", KernelError);
}

} // namespace dra::cuda::DRA_TARGET
