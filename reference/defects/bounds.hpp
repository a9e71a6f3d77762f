#pragma once
/// \file
/// The bounds of a type on one problem: how far a result is from the truth, and from what a defect makes of it.
///
/// fp32 and fp64: error ratios (tolerance.hpp). bf16 and fp16: shares of what rounding the definition itself costs
/// (half_precision.hpp, half_gradients.hpp). A result that has no lse, or not all gradients, is judged by what it has.

#include "reference/defects/result.hpp"
#include "reference/definition/tolerance.hpp"

#include <map>
#include <string>

namespace dra::defects {

/// The distance between two results.
struct Errors {
    /// fp32, fp64: error ratios of "out", "lse", "dq", "dk", "dv". bf16, fp16: "out_max", "out_mean", "out_norm",
    /// "lse", "dq", "dk", "dv" as shares of their bounds.
    std::map<std::string, double> ratios;
    double forward = 0, gradient = 0; ///< the largest share of a bound: of out and lse; of dq, dk, dv
    /// The largest max |x - y| / max |y| of a tensor; for lse the denominator is max(1, max |y|).
    double forward_residual = 0, gradient_residual = 0;

    bool within_bounds() const { return forward <= 1 && gradient <= 1; }
};

/// What a result of one problem and type may be off by; measures results with it.
class Bounds {
public:
    /// `truth` is the oracle of these inputs, which are exact in `dtype`. For bf16 and fp16 O(B H N^2 D) at once.
    /// Keeps references to all of them.
    Bounds(DType dtype, const Problem& problem, const Inputs& inputs, const Oracle& truth);

    /// The errors of a result that did not end in an error. Throws ShapeError where shapes disagree.
    Errors judge(const Result& result) const;

    /// The distance from another result of the type: what a defect gives. As bounds go they are wider, for a defect may
    /// see pairs that the definition does not, and NaN equals NaN.
    Errors compare(Result result, Result with) const;

    /// The largest error that one element of "out", "lse", "dq", "dk" or "dv" of a head may have. In bf16 and fp16
    /// the mean is bounded too, and more strictly.
    double of_element(const std::string& tensor, Index b, Index h) const;

    DType dtype() const { return dtype_; }
    const Oracle& truth() const { return truth_; }

private:
    Errors measure(const Result& result, const Oracle& from, const Tensor<double>& yardstick,
                   const Gradients<double>* gradient_yardstick) const;

    const DType dtype_;
    const Problem& problem_;
    const Oracle& truth_;
    Magnitudes all_pairs_;                                ///< the largest that any head could have
    Tensor<double> yardstick_;                            ///< the rounded definition's out, in bf16 and fp16
    std::optional<Gradients<double>> gradient_yardstick_; ///< and its gradients
};

} // namespace dra::defects
