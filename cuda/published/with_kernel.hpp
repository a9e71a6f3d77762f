#pragma once
/// \file
/// Which instance of a kernel a call needs: by type, head dimension rounded up, and who sees whom.

#include "cuda/published/sight.hpp"

namespace dra::cuda::DRA_TARGET::rungs {

/// D of a kernel, where a value must carry it.
template <int D> struct HeadDim {
    static constexpr int value = D;
};

/// Calls f(Element<T>{}, HeadDim<D>{}, Element<Sight>{}).
template <class F> void with_kernel(Type type, const AttendCall& call, F f) {
    with_half(type, [&](auto element) {
        with_sight(call, [&](auto sight) {
            if (call.pattern.head_dim <= 64)
                f(element, HeadDim<64>{}, sight);
            else
                f(element, HeadDim<128>{}, sight);
        });
    });
}

} // namespace dra::cuda::DRA_TARGET::rungs
