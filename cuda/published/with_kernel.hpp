#pragma once
/// \file
/// The instance of a kernel that a call needs: by type, head dimension rounded up, and who sees whom.

#include "cuda/kernels/launch_kernel.hpp"
#include "cuda/published/masking.hpp"

namespace dra::cuda::DRA_TARGET::rungs {

/// Calls f(Element<T>{}, std::integral_constant<int, D>{}, Element<Masking>{}).
template <class F> void with_kernel(DType type, const AttendCall& call, F f) {
    with_half(type, [&](auto element) {
        return with_head_dim<64, 128>(call.pattern.head_dim, [&](auto head_dim) {
            with_masking(call, [&](auto masking) { f(element, head_dim, masking); });
            return cudaSuccess;
        });
    });
}

} // namespace dra::cuda::DRA_TARGET::rungs
