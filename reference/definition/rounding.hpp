#pragma once
/// \file
/// Rounding to 16 bits, and what is allowed for it: shared by half_precision.cpp and half_gradients.cpp. Not installed.

#include "reference/definition/tensor.hpp"

#include <cmath>
#include <limits>

namespace dra::rounding {

/// x to the nearest number of `Half`.
template <class Half> double rounded(double x) { return static_cast<double>(static_cast<Half>(static_cast<float>(x))); }

/// 2 max |((y + 0.3) - 0.3) - y| in `Half`: what adding and taking away something of ordinary size loses.
template <class Half> double absolute_tolerance(const Tensor<double>& y) {
    double largest = 0;
    const double ordinary = rounded<Half>(0.3);
    for (const double exact : y.flat()) {
        const double in_type = rounded<Half>(exact);
        largest = std::max(largest, std::abs(rounded<Half>(rounded<Half>(in_type + ordinary) - ordinary) - in_type));
    }
    return 2 * largest;
}

/// A difference as it counts: NaN, and an infinity that the truth does not have, are infinitely wrong.
inline double error(double x, double y) {
    if (x == y) return 0;
    const double difference = std::abs(x - y);
    return std::isfinite(difference) ? difference : std::numeric_limits<double>::infinity();
}

/// An error as a share of its bound.
inline double share(double found, double bound) {
    return found == 0 ? 0 : std::isfinite(found) ? found / bound : std::numeric_limits<double>::infinity();
}

} // namespace dra::rounding
