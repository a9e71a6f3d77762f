#pragma once
/// \file
/// Some rows of a result, against the definition in float64: what can be afforded where a whole oracle cannot.

#include "reference/definition/pattern.hpp"

namespace dra::benchmarks {

/// The definition's answer for one row.
struct SampledRow {
    Index b, h, n;
    Eigen::RowVectorXd out; // (D)
    double lse;
    double largest_score; ///< the largest |s| of the keys that it sees
};

/// The definition's answers, softmax(scale Q K^T) V with scale 1 / sqrt(D), for selected rows all over the sequence, in
/// the first, a middle and the last head. H = Hkv, one pattern for all heads.
std::vector<SampledRow> sampled_rows(const InputsView<float>& inputs, const Pattern& pattern, bool causal);

/// How far a half-precision result is from the definition; infinite where anything in it is not finite.
struct SampledErrors {
    double out = 0; ///< ||x - y|| / ||y|| over all sampled rows, as a share of its bound, 0.01
    double lse = 0; ///< the largest |x - y|, as a share of its bound, 1e-4 max(1, max |s|)

    bool within_bounds() const { return out <= 1 && lse <= 1; }
};

/// The errors of the result in the rows of `truth`.
SampledErrors sampled_errors(const std::vector<SampledRow>& truth, const Attention<float>& result);

} // namespace dra::benchmarks
