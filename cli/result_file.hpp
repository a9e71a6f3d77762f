#pragma once
/// \file
/// Results of other programs, as files hold them.

#include "reference/defects/result.hpp"
#include "reference/definition/safetensors.hpp"

namespace dra::cli {

/// The tensors that answer a problem.
inline const std::vector<std::string> result_tensors = {"out", "lse", "dq", "dk", "dv"};

/// The tensors of a problem, exact in the type that it is judged in.
struct FileInputs {
    Tensor<double> q, k, v;
    std::optional<Tensor<double>> dout;

    /// Throws ShapeError where an element is not finite.
    FileInputs(const TensorFile& file, DType dtype);
    defects::Inputs view() const;
};

/// out, lse, dq, dk, dv of a file, out alone being required; and its metadata `pairs` and `rows_received`, what
/// was counted, and `error`, with which the program ended instead. Judged as `dtype`, or as the type of out.
///
/// Throws FormatError where out is missing, or lse has not three axes, or a count is no number.
defects::Result read_result(const TensorFile& file, std::optional<DType> dtype);

} // namespace dra::cli
