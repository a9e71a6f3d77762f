#pragma once
/// \file
/// From a Launch to a kernel: run-time type and head dimension become template arguments, and every kernel is launched
/// alike.

#include "cuda/kernels/element.hpp"
#include "cuda/kernels/ladder.hpp"
#include "cuda/kernels/output.hpp"
#include "cuda/kernels/tile_schedule.hpp"

#include <type_traits>

namespace dra::cuda::DRA_TARGET {

/// Calls f(Element<T>{}) with the type that `type` names.
template <class F> cudaError_t with_element(DType type, F f) {
    if (type == DType::bf16) return f(Element<bf16>{});
    if (type == DType::f16) return f(Element<fp16>{});
    return f(Element<float>{});
}

/// Calls f alike with one of the two types that tensor cores multiply.
template <class F> cudaError_t with_half(DType type, F f) {
    return type == DType::bf16 ? f(Element<bf16>{}) : f(Element<fp16>{});
}

/// Calls f with the smallest of the sizes (ascending) that holds head_dim, as a constant.
template <int D, int... Larger, class F> cudaError_t with_head_dim(int head_dim, F f) {
    if constexpr (sizeof...(Larger) > 0)
        if (head_dim > D) return with_head_dim<Larger...>(head_dim, f);
    return f(std::integral_constant<int, D>{});
}

/// Launches kernel(parameters, schedule, output, more...) with one block per query tile of Shape::rows.
template <class Shape, class... P, class... A>
cudaError_t launch_kernel(void (*kernel)(P...), const Launch& launched, const A&... more) {
    const TileSchedule schedule = make_tile_schedule(launched.parameters, Shape::rows, bytes_of(launched.type));
    return launch(kernel, static_cast<unsigned>(schedule.blocks()), Shape::threads, Shape::shared_bytes,
                  launched.stream, launched.parameters, schedule, Output{launched.parameters.out, launched.float_out},
                  more...);
}

} // namespace dra::cuda::DRA_TARGET
