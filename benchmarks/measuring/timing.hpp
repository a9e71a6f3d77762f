#pragma once
/// \file
/// Alternatives timed by Google Benchmark, their repetitions interleaved in random order: what disturbs the machine for
/// a while disturbs all of them alike.

#include "cuda/device/device.hpp"

#include <functional>
#include <string>
#include <vector>

namespace dra::benchmarks {

/// Seconds per call, one sample per repetition.
using Samples = std::vector<double>;

/// One of several things that are timed against each other.
struct Alternative {
    std::string name;                ///< unique among those timed together
    std::function<void()> run;       ///< what is timed
    std::function<void()> prepare{}; ///< called untimed before every run, so that each is a first one; may be absent
    std::function<cuda::RunTime()> timed{}; ///< instead of `run`, where a device's clock times it; may be absent
    Samples* host_samples = nullptr;        ///< with `timed`: where the host's seconds of a call go
};

/// How long to measure.
struct Effort {
    int repetitions = 5;
    double seconds_a_sample = 0.002; ///< a sample averages as many calls as fill this; one call with `prepare`
};

/// Called before every sample with the name of what is timed.
using Progress = std::function<void(const std::string&)>;

/// The samples of each alternative, in the order given. Throws std::runtime_error when a sample is missing.
std::vector<Samples> time_interleaved(const std::vector<Alternative>& alternatives, const Effort& effort,
                                      const Progress& progress = {});

} // namespace dra::benchmarks
