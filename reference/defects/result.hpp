#pragma once
/// \file
/// A result that somebody else computed: what there is to judge when the program itself cannot be seen.

#include "reference/defects/observe.hpp"
#include "reference/definition/half_precision.hpp"

namespace dra::defects {

/// The result of an implementation, in double whatever its type was.
struct Result {
    DType dtype = DType::f32;            ///< the type that it was computed in, whose bounds it is judged by
    std::string error = {};              ///< how it ended, where that was an error: there is nothing else then
    Tensor<double> out = {};             ///< [B, N, H, D]
    std::optional<Lse<double>> lse = {}; ///< [B, H, N]
    std::optional<Tensor<double>> dq = {}, dk = {}, dv = {};
    std::optional<Index> pairs = {}, rows_received = {}; ///< those of Cost, where the program counted

    bool has_gradients() const { return dq || dk || dv; }
};

/// x as a tensor of `dtype` holds it.
inline Tensor<double> stored(const Tensor<double>& x, DType dtype) {
    switch (dtype) {
    case DType::f64: return x;
    case DType::f32: return x.cast<float>().cast<double>();
    case DType::bf16: return rounded_to<bfloat16>(x.cast<float>()).cast<double>();
    case DType::f16: return rounded_to<half>(x.cast<float>()).cast<double>();
    }
    return x;
}

/// lse as it is kept beside an out of `dtype`: never narrower than float.
inline Lse<double> stored(Lse<double> lse, DType dtype) {
    if (dtype != DType::f64) lse.flat() = lse.flat().cast<float>().cast<double>().eval();
    return lse;
}

/// What a program with these ingredients would hand over, had it stored its results as `dtype`.
inline Result result_of(const Observation& seen, DType dtype) {
    Result result{.dtype = dtype, .error = seen.error};
    if (!seen.error.empty()) return result;
    result.out = stored(seen.attention.out, dtype);
    result.lse = stored(seen.attention.lse, dtype);
    if (seen.gradients) {
        result.dq = stored(seen.gradients->dq, dtype);
        result.dk = stored(seen.gradients->dk, dtype);
        result.dv = stored(seen.gradients->dv, dtype);
    }
    result.pairs = seen.cost.pairs;
    result.rows_received = seen.cost.rows_received;
    return result;
}

} // namespace dra::defects
