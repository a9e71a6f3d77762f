#pragma once
/// \file
/// One pattern on the device, run through the ladder alone: no executor, no clearing, no merging that the test did not
/// ask for.

#include "cuda/host/buffer.hpp"
#include "tests/cuda/kernels/problems.hpp"

namespace dra::test {

/// Memory on the device that is exactly as long as the tensor, so that one element too far is a fault.
class DeviceTensor {
public:
    DeviceTensor(Index count, DType type)
        : count_(count), type_(type), bytes_(stream(), static_cast<std::size_t>(count * bytes_of(type))) {}
    DeviceTensor(const Eigen::ArrayX<float>& values, DType type) : DeviceTensor(values.size(), type) {
        std::vector<std::byte> narrowed(bytes_.bytes());
        cuda::narrow(type, narrowed.data(), values.data(), count_);
        bytes_.copy_from(narrowed.data(), stream());
    }

    void* data() const { return bytes_.data(); }
    float* floats() const { return reinterpret_cast<float*>(bytes_.data()); }
    Eigen::ArrayX<float> values() const {
        std::vector<std::byte> narrowed(bytes_.bytes());
        bytes_.copy_to(narrowed.data(), stream());
        stream().synchronize();
        Eigen::ArrayX<float> result(count_);
        cuda::widen(type_, result.data(), narrowed.data(), count_);
        return result;
    }

    static cuda::emulated::Stream& stream() {
        static cuda::emulated::Stream one;
        return one;
    }

private:
    Index count_;
    DType type_;
    cuda::emulated::Buffer<std::byte> bytes_;
};

/// A pattern with fixed phase over all heads, its tensors on the device. out and lse are NaN until somebody writes
/// them.
class SinglePattern {
public:
    SinglePattern(const Tensor<float>& q, const Tensor<float>& k, const Tensor<float>& v, DType type,
                  const Pattern& pattern, bool causal = false, bool float_out = false, float scale = 0)
        : q_(q.flat(), type), k_(k.flat(), type), v_(v.flat(), type), out_(q.size(), float_out ? DType::f32 : type),
          lse_(q.size() / q.shape().head_dim, DType::f32), shape_(q.shape()), type_(type), float_out_(float_out) {
        const auto narrowed = [](Index x) { return static_cast<int>(x); };
        const Shape& shape = q.shape();
        const int kv_heads = narrowed(k.shape().heads);
        parameters = {q_.data(),
                      k_.data(),
                      v_.data(),
                      out_.data(),
                      lse_.floats(),
                      narrowed(shape.batch),
                      narrowed(shape.tokens),
                      narrowed(shape.heads),
                      kv_heads,
                      narrowed(shape.head_dim),
                      narrowed(pattern.segment_length),
                      narrowed(pattern.dilation_rate),
                      PhaseRule::group,
                      narrowed(pattern.phase),
                      1,
                      0,
                      kv_heads,
                      scale != 0 ? scale : 1 / std::sqrt(static_cast<float>(shape.head_dim)),
                      causal};
    }

    void run(const cuda::emulated::AttentionKernel& kernel) {
        REQUIRE(cuda::emulated::why_not(kernel, type_, parameters, 90) == "");
        const cuda::emulated::Maps maps = cuda::emulated::make_maps(kernel, type_, parameters);
        cuda::emulated::Buffer<int> workspace(DeviceTensor::stream(), workspace_ints(kernel, parameters));
        workspace.clear(DeviceTensor::stream());
        DRA_CUDA_CHECK(cuda::emulated::run(kernel, {parameters, type_, float_out_, &maps, stream(), workspace.data()}));
        DeviceTensor::stream().synchronize();
        for (std::size_t i = 0; i < workspace.size(); ++i) REQUIRE(workspace.data()[i] == 0); // as it was found
    }
    void clear() {
        DRA_CUDA_CHECK(cuda::emulated::clear_rows(parameters, type_, float_out_, stream()));
        DeviceTensor::stream().synchronize();
    }

    Attention<float> result() const {
        Attention<float> found{Tensor<float>(shape_), {shape_.batch, shape_.heads, shape_.tokens}};
        found.out.flat() = out_.values();
        found.lse.flat() = lse_.values();
        return found;
    }

    cuda::Parameters parameters;

private:
    static simt::cudaStream_t stream() { return DeviceTensor::stream().get(); }

    DeviceTensor q_, k_, v_, out_, lse_;
    Shape shape_;
    DType type_;
    bool float_out_;
};

/// The emulator's counts while this lives.
class Counted {
public:
    Counted() { simt::counters() = {}; }
    const simt::Counters* operator->() const { return &simt::counters(); }
};

} // namespace dra::test
