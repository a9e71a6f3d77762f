#include "cuda/device/type.hpp"
#include "reference/definition/team_size.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace dra::cuda {
namespace {

constexpr std::pair<Type, const char*> names[] = {{Type::fp32, "fp32"}, {Type::bf16, "bf16"}, {Type::fp16, "fp16"}};

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

std::string name(Type type) {
    for (const auto& [value, text] : names)
        if (value == type) return text;
    throw PatternError("type", std::to_string(static_cast<int>(type)), "must be one of fp32, bf16, fp16");
}

Type parse_type(const std::string& field, const std::string& value) {
    for (const auto& [type, text] : names)
        if (value == text) return type;
    throw PatternError(field, value, "must be one of fp32, bf16, fp16");
}

DType dtype(Type type) { return type == Type::bf16 ? DType::bf16 : type == Type::fp16 ? DType::f16 : DType::f32; }

Type natural_type(DType dtype) {
    return dtype == DType::bf16 ? Type::bf16 : dtype == DType::f16 ? Type::fp16 : Type::fp32;
}

void narrow(Type type, void* to, const float* from, Index count) {
    switch (type) {
    case Type::fp32: return convert(static_cast<float*>(to), from, count);
    case Type::bf16: return convert(static_cast<Eigen::bfloat16*>(to), from, count);
    case Type::fp16: return convert(static_cast<Eigen::half*>(to), from, count);
    }
}

void widen(Type type, float* to, const void* from, Index count) {
    switch (type) {
    case Type::fp32: return convert(to, static_cast<const float*>(from), count);
    case Type::bf16: return convert(to, static_cast<const Eigen::bfloat16*>(from), count);
    case Type::fp16: return convert(to, static_cast<const Eigen::half*>(from), count);
    }
}

Tensor<float> rounded(const Tensor<float>& tensor, Type type) {
    Tensor<float> result(tensor.shape());
    std::vector<std::byte> stored(static_cast<std::size_t>(tensor.size() * bytes_of(type)));
    narrow(type, stored.data(), tensor.data(), tensor.size());
    widen(type, result.data(), stored.data(), tensor.size());
    return result;
}

} // namespace dra::cuda
