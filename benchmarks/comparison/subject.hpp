#pragma once
/// \file
/// A subject of the comparison: one rung alone, one pipeline, or one whole call, on this CPU or on a device, behind the
/// same few calls.

#include "benchmarks/measuring/allocations.hpp"
#include "benchmarks/measuring/timing.hpp"
#include "cuda/published/rungs.hpp"
#include "reference/published/isolated.hpp"

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

/// A thing that can be run, verified and counted. It lives no longer than the workbench that made it.
struct Subject {
    std::string name;                    ///< unique in its set
    std::string absent;                  ///< why there is nothing to do; empty where there is
    bool bounded = false;                ///< whether it is absent from some length on, where it would take too long
    bool tells_first_from_later = false; ///< whether the first call is timed and counted by itself
    std::function<void()> run;           ///< one call
    std::function<void()> prepare{};     ///< before every call, and no part of it; mostly empty
    std::function<void()> forget;        ///< makes the next call a first one
    std::function<published::Counts()> counts;                    ///< what the last call counted
    std::function<published::Verification(const Oracle&)> verify; ///< poisons, runs, judges
    std::function<double(const Oracle&)> as_published;   ///< error ratio of the published wrong form; mostly empty
    std::function<cuda::RunTime()> timed_run{};          ///< one call that times itself; only on devices
    std::function<cuda::DeviceCounts()> device_counts{}; ///< what the device counted in the last call; only on devices
};

/// What is known of a subject at one length.
struct Measurement {
    std::string absent;
    bool tells_first_from_later = false;
    bool bounded = false;
    Samples later, first;           ///< seconds per call, the device's on a device; `first` where it is told apart
    Samples later_host, first_host; ///< the host's seconds until a call was queued, on a device
    Allocations later_allocations, first_allocations;
    published::Counts later_counts, first_counts;
    cuda::DeviceCounts later_device_counts, first_device_counts; ///< what a device counted
    double error_ratio = 0; ///< the larger of the first and a later call's, out's and lse's
    bool right = false;
    std::optional<double> error_ratio_as_published;
    double estimate = 0; ///< seconds of the calls of one repetition
};

/// Verifies the first and a later call, then counts what each does. Nothing is timed.
Measurement verify_and_count(const Subject& subject, const Oracle& oracle);

/// Times the subjects of a set against each other and fills in their samples. How long a sample takes, Effort says.
void time_interleaved(const std::vector<Subject>& subjects, const std::vector<Measurement*>& measurements,
                      const Effort& effort, const Progress& progress);

/// The seconds that one repetition of the set takes, by the estimates.
double seconds_a_repetition(const std::vector<Measurement*>& measurements, const Effort& effort);

} // namespace dra::benchmarks
