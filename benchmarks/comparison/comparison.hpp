#pragma once
/// \file
/// The comparison: every topic before, after as published, and principled; alone, end to end, and one after another.
///
/// Opportunities have no pipeline: they are compared alone, and as a whole call of their own.
///
/// On this CPU, or on a device. There fix 1 before is one launch per element, which is measured to n = 512: it is held
/// as published when another fix is moved, and what needs it is left empty above. The emulator has no clock: everything
/// is verified and counted there, and nothing is timed.
///
/// Each length goes through three steps. One oracle run per causality gives the truth; every subject is verified
/// against it, and its elements, FLOPs and allocations are counted; then the subjects of each set are timed,
/// interleaved. A length with a wrong result is not timed, and nothing after it is run.
///
/// Everything grows as n^2, so what a length needs is known from the one before it, or from a pilot of at most 256
/// tokens that is not reported. A length is left out, and named, when
/// - its subjects' peak bytes together would exceed 3/4 of the memory that the system calls available, or
/// - its oracle, its verification and 5 repetitions would not end within what is left of the time budget.
/// What the budget holds beyond that is spent on more repetitions, up to the most, shared equally among the lengths
/// still to come.

#include "benchmarks/comparison/judgement.hpp"
#include "benchmarks/comparison/workbench.hpp"

namespace dra::benchmarks {

/// What is compared, how, and for how long.
struct Options {
    std::vector<Index> lengths{};               ///< ascending
    std::vector<Index> segments{}, dilations{}; ///< empty: (n/2, 1) (n, 2)
    Index ranks = 4;
    bool causal = true;
    std::vector<published::Topic> topics = published::all_topics();
    double budget_seconds = 120;
    int most_repetitions = 25;          ///< 0 where subjects are verified and counted, not timed
    cuda::RungDevice* device = nullptr; ///< null for this CPU
    DType type = DType::bf16;           ///< the type of tensors on a device
};

inline constexpr int fewest_repetitions = 5;

/// Called with what is being done, and how far that is.
using Narrator = std::function<void(const std::string& stage, const std::string& detail)>;

/// Compares on the longest prefixes of `inputs` that the lengths ask for. float and double; on a device float, which is
/// rounded to its type. Throws InputError where a configuration is not valid.
template <class T> Comparison compare(const Options& options, const Inputs<T>& inputs, const Narrator& narrate);

} // namespace dra::benchmarks
