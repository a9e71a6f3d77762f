#pragma once
/// \file
/// A problem as kernels are told it: which patterns, for which heads, in closed form. No list of rows or indices exists
/// anywhere.

#include "cuda/device/device.hpp"
#include "cuda/device/parameters.hpp"
#include "reference/definition/problem.hpp"

#include <vector>

namespace dra::cuda {

/// One pattern over all batches and the KV heads that use it.
struct DevicePattern {
    Parameters parameters;    ///< what a kernel is told, with null pointers: no memory is known yet
    bool selects_any;         ///< false: phases lie beyond the last token, so there is nothing to attend
    bool leaves_rows_between; ///< true, where r > 1: rows of its heads that it does not select must be cleared
    Index pattern;            ///< number of the problem's pattern, which was asked for by its own w and r
};

/// The patterns of a problem, and how they become its result.
struct DeviceProblem {
    std::vector<DevicePattern> patterns;
    bool mixed; ///< patterns share heads, and are merged; otherwise no two share a head, and every head has one
};

/// The problem for a device: in groups mode one pattern per head group that has a head; in a mixture all of them, the
/// least dilated first, because the first one is stored and the others are merged into it.
///
/// A pattern longer than the sequence is shortened to it: w and r become at most max(N, Hkv) + 1, which selects the
/// same rows and cannot overflow. Throws ShapeError where B, N, H, D or B*H is beyond 10^9, and
/// PatternError where there is dropout, which the kernels have not.
DeviceProblem device_problem(const Problem& problem);

/// Tells a pattern which tokens its tensors hold. Queries and keys that are the same tokens, and begin with a segment,
/// are a sequence of their own, which every kernel takes; others are two views.
void hold(Parameters& parameters, const HeldTokens& held);

} // namespace dra::cuda
