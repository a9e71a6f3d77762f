#include "benchmarks/measuring/timing.hpp"

#include <benchmark/benchmark.h>

#include <chrono>
#include <map>
#include <stdexcept>

namespace dra::benchmarks {
namespace {

constexpr const char* host_seconds = "host seconds";

/// Keeps the repetitions and prints nothing.
class Collector : public benchmark::BenchmarkReporter {
public:
    bool ReportContext(const Context&) override { return true; }

    void ReportRuns(const std::vector<Run>& runs) override {
        for (const Run& run : runs)
            if (run.run_type == Run::RT_Iteration && run.iterations > 0) {
                const std::string& name = run.run_name.function_name;
                samples[name].push_back(run.real_accumulated_time / static_cast<double>(run.iterations));
                if (const auto host = run.counters.find(host_seconds); host != run.counters.end())
                    host_samples[name].push_back(host->second.value);
            }
    }

    std::map<std::string, Samples> samples, host_samples; ///< the samples of each alternative, by its name
};

/// Random interleaving is a flag of the library's command line and of nothing else.
void interleave_from_now_on() {
    static const bool once = [] {
        static char program[] = "dra", interleave[] = "--benchmark_enable_random_interleaving=true";
        static char* arguments[] = {program, interleave, nullptr};
        int count = 2;
        benchmark::Initialize(&count, arguments);
        return true;
    }();
    static_cast<void>(once);
}

void time_calls(benchmark::State& state, const Alternative& alternative) {
    for ([[maybe_unused]] auto _ : state) {
        alternative.run();
        benchmark::ClobberMemory();
    }
}

void time_prepared_calls(benchmark::State& state, const Alternative& alternative) {
    for ([[maybe_unused]] auto _ : state) {
        alternative.prepare();
        const auto begin = std::chrono::steady_clock::now();
        alternative.run();
        benchmark::ClobberMemory();
        state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }
}

/// A sample is the device's time; the host's is a counter beside it.
void time_on_device(benchmark::State& state, const Alternative& alternative) {
    double host = 0;
    for ([[maybe_unused]] auto _ : state) {
        if (alternative.prepare) alternative.prepare();
        const cuda::RunTime time = alternative.timed();
        state.SetIterationTime(time.device_seconds);
        host += time.host_seconds;
    }
    state.counters[host_seconds] = host / static_cast<double>(state.iterations());
}

void time_calls_of(benchmark::State& state, const Alternative& alternative) {
    if (alternative.timed)
        time_on_device(state, alternative);
    else
        (alternative.prepare ? time_prepared_calls : time_calls)(state, alternative);
}

} // namespace

std::vector<Samples> time_interleaved(const std::vector<Alternative>& alternatives, const Effort& effort,
                                      const Progress& progress) {
    interleave_from_now_on();
    benchmark::ClearRegisteredBenchmarks();
    for (const Alternative& alternative : alternatives) {
        auto* const registered = benchmark::RegisterBenchmark(alternative.name.c_str(), [&](benchmark::State& state) {
            if (progress) progress(alternative.name);
            time_calls_of(state, alternative);
        });
        registered->Repetitions(effort.repetitions);
        if (alternative.prepare || alternative.timed)
            registered->UseManualTime();
        else
            registered->UseRealTime();
        if (alternative.prepare)
            registered->Iterations(1);
        else
            registered->MinTime(effort.seconds_a_sample);
    }
    Collector collector;
    benchmark::RunSpecifiedBenchmarks(&collector, ".");
    benchmark::ClearRegisteredBenchmarks();

    std::vector<Samples> samples;
    for (const Alternative& alternative : alternatives) {
        samples.push_back(collector.samples[alternative.name]);
        if (samples.back().size() != static_cast<std::size_t>(effort.repetitions))
            throw std::runtime_error("timing = " + alternative.name + ": must give one sample a repetition");
        if (alternative.host_samples) *alternative.host_samples = collector.host_samples[alternative.name];
    }
    return samples;
}

} // namespace dra::benchmarks
