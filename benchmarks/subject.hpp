#pragma once
/// \file
/// A subject of the comparison: one rung alone, or one pipeline, behind the same few calls.

#include "benchmarks/allocations.hpp"
#include "benchmarks/timing.hpp"
#include "reference/published/isolated.hpp"
#include "reference/published/pipeline.hpp"

#include <functional>
#include <optional>
#include <string>

namespace dra::benchmarks {

/// The pipelines are told apart by their rungs and by causality.
struct PipelineKey {
    published::Rungs rungs;
    bool causal = true;

    std::string name() const { return rungs.name() + (causal ? " causal" : " not causal"); }
    bool operator==(const PipelineKey&) const = default;
};

/// A thing that can be run, verified and counted. It keeps views of q, k and v, which must outlive it.
struct Subject {
    std::string name;                                         ///< unique among those of a group
    std::string absent;                                       ///< why there is nothing to do; empty where there is
    bool tells_first_from_later = false;                      ///< whether the first call is timed and counted by itself
    std::function<void()> run;                                ///< one call
    std::function<void()> forget;                             ///< makes the next call a first one
    std::function<published::Counts()> counts;                ///< of the last call
    std::function<published::Verified(const Oracle&)> verify; ///< poisons, runs, judges
    std::function<ErrorRatios(const Oracle&)> as_published;   ///< the published wrong form judged; mostly empty
};

template <class T> struct Inputs { Tensor<T> q, k, v; };

template <class T>
Subject isolated_subject(published::Fix fix, published::Rung rung, const Problem& problem, const Inputs<T>& inputs);

/// `into` is shared by all pipelines of a group.
template <class T> Subject pipeline_subject(const PipelineKey& key, bool tells_first_from_later, const Problem& problem,
                                            const Inputs<T>& inputs, Attention<T>& into);

/// What is known of a subject at one length.
struct Measurement {
    std::string absent;
    bool tells_first_from_later = false;
    Samples later, first; ///< seconds of a call; `first` where it is told apart
    Allocations later_allocations, first_allocations;
    published::Counts later_counts, first_counts;
    double error_ratio = 0; ///< the larger of the first and a later call's, out's and lse's
    bool right = false;
    std::optional<double> error_ratio_as_published;
    double estimate = 0; ///< seconds of the calls of one repetition
};

/// Verifies the first and a later call, then counts what each does. Nothing is timed.
Measurement verify_and_count(const Subject& subject, const Oracle& oracle);

/// Times the subjects of a group against each other and fills in their samples. Seconds of a sample: see Effort.
void time_group(const std::vector<Subject>& subjects, const std::vector<Measurement*>& measurements,
                const Effort& effort, const Progress& progress);

/// Seconds that one repetition of the group takes, by the estimates.
double seconds_a_repetition(const std::vector<Measurement*>& measurements, const Effort& effort);

} // namespace dra::benchmarks
