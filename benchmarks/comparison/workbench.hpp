#pragma once
/// \file
/// Where the subjects of one length are made: on this CPU, or on a device. It holds q, k and v, and the truth about
/// them.

#include "benchmarks/comparison/subject.hpp"

#include <memory>

namespace dra::benchmarks {

/// The first `tokens` tokens of q, k and v.
template <class T> Inputs<T> prefix(const Inputs<T>& inputs, Index tokens);

/// Subjects over one set of inputs, which lives as long as the workbench.
class Workbench {
public:
    virtual ~Workbench() = default;

    virtual Problem problem(const Configuration& chosen) const = 0;

    /// The oracle on the inputs, as they are rounded. Called before subjects of the same causality are verified.
    virtual Oracle truth(const Problem& problem) = 0;

    /// One rung of one topic alone, the whole call of an opportunity, and one pipeline.
    virtual Subject isolated(published::Topic topic, published::Rung rung, const Problem& problem) = 0;
    virtual Subject whole_call(published::Topic opportunity, published::Rung rung, const Problem& problem) = 0;
    virtual Subject pipeline(const PipelineKey& key, bool tells_first_from_later, const Problem& problem) = 0;
};

/// A workbench on this CPU. float and double.
template <class T> std::unique_ptr<Workbench> cpu_workbench(Inputs<T> inputs);

/// A workbench on a device, in bf16 or fp16, judged as reference/definition/half_precision.hpp says: every error is a
/// share of its bound. Throws KernelError where the device has no kernel for it.
std::unique_ptr<Workbench> device_workbench(cuda::RungDevice& device, DType type, const Inputs<float>& inputs);

} // namespace dra::benchmarks
