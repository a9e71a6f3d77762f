#pragma once
/// \file
/// What correct means: the error ratio of a result against the oracle, its floors, and the bounds.
///
///     ratio = max |x - y| / (u c max(max |y|, f))
///
/// u is the epsilon of the result's type (2^-23, 2^-52). Of one (batch, head): c = max(1, max|s| / 8) for out and
/// gradients, because rounding a score s moves its weight by u |s|, and 1 for lse. The floor f keeps exact zeros
/// honest: 0 for out and dv, max(1, max|s|) for lse, scale max|dP| max|K| / 16 for dq, scale max|dP| max|Q| / 16 for
/// dk. 0 / 0 counts as 0. The ratio of a tensor is the largest of its (batch, head) slices. A NaN, or an infinity that
/// the other side does not have, makes the ratio infinite.

#include "reference/definition/oracle.hpp"

namespace dra {

/// The bounds of the error ratio for float and double on the CPU, at every size.
inline constexpr double forward_bound = 30;   ///< out and lse
inline constexpr double gradient_bound = 100; ///< dq, dk, dv

/// The error ratios of a result, one per tensor.
struct ErrorRatios {
    double out = 0, lse = 0, dq = 0, dk = 0, dv = 0;

    bool within_bounds() const {
        return out <= forward_bound && lse <= forward_bound && dq <= gradient_bound && dk <= gradient_bound &&
               dv <= gradient_bound;
    }
    /// The larger ratio of out and lse.
    double forward() const { return std::max(out, lse); }
};

/// The ratios of a result, every element of every row compared. `T` is its type, float or double, which sets u. dq, dk
/// and dv are judged where they are given. Throws ShapeError where shapes disagree with the oracle's.
template <class T> ErrorRatios error_ratios(const Problem& problem, const Oracle& oracle, const Attention<T>& result,
                                            const Gradients<T>* gradients = nullptr);

} // namespace dra
