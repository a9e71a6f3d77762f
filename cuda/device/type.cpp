#include "cuda/device/type.hpp"

#include "cuda/device/error.hpp"
#include "reference/definition/team_size.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace dra::cuda {
namespace {

constexpr std::pair<DType, const char*> names[] = {{DType::f32, "fp32"}, {DType::bf16, "bf16"}, {DType::f16, "fp16"}};

constexpr Index chunk = 1 << 16; // elements that a thread converts at once

template <class Stored> void convert(Stored* to, const auto* from, Index count) {
    using Loaded = std::remove_cvref_t<decltype(*from)>;
#pragma omp parallel for num_threads(threads_for(ceil_div(count, chunk)))
    for (Index first = 0; first < count; first += chunk) {
        const Index size = std::min(chunk, count - first);
        Eigen::Map<Eigen::ArrayX<Stored>>(to + first, size) =
            Eigen::Map<const Eigen::ArrayX<Loaded>>(from + first, size).template cast<Stored>();
    }
}

} // namespace

std::string type_name(DType type) {
    for (const auto& [value, text] : names)
        if (value == type) return text;
    throw PatternError("type", dra::name(type), "must be one of fp32, bf16, fp16");
}

DType parse_type(const std::string& field, const std::string& value) {
    for (const auto& [type, text] : names)
        if (value == text) return type;
    throw PatternError(field, value, "must be one of fp32, bf16, fp16");
}

void check_type(DType type) {
    if (type == DType::f64) throw KernelError("dtype", "fp64", "must be one of fp32, bf16, fp16");
}

DType natural_type(DType stored) { return stored == DType::f64 ? DType::f32 : stored; }

void narrow(DType type, void* to, const float* from, Index count) {
    switch (type) {
    case DType::f32: return convert(static_cast<float*>(to), from, count);
    case DType::f64: return convert(static_cast<double*>(to), from, count);
    case DType::bf16: return convert(static_cast<Eigen::bfloat16*>(to), from, count);
    case DType::f16: return convert(static_cast<Eigen::half*>(to), from, count);
    }
}

void widen(DType type, float* to, const void* from, Index count) {
    switch (type) {
    case DType::f32: return convert(to, static_cast<const float*>(from), count);
    case DType::f64: return convert(to, static_cast<const double*>(from), count);
    case DType::bf16: return convert(to, static_cast<const Eigen::bfloat16*>(from), count);
    case DType::f16: return convert(to, static_cast<const Eigen::half*>(from), count);
    }
}

Tensor<float> rounded(const Tensor<float>& tensor, DType type) {
    Tensor<float> result(tensor.shape());
    std::vector<std::byte> stored(static_cast<std::size_t>(tensor.size() * bytes_of(type)));
    narrow(type, stored.data(), tensor.data(), tensor.size());
    widen(type, result.data(), stored.data(), tensor.size());
    return result;
}

} // namespace dra::cuda
