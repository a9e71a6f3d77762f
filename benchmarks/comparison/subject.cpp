#include "benchmarks/comparison/subject.hpp"

#include <algorithm>
#include <chrono>

namespace dra::benchmarks {
namespace {

using published::Counts;
using published::Verification;

double seconds_of(const std::function<void()>& run) {
    const auto begin = std::chrono::steady_clock::now();
    run();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

} // namespace

Measurement verify_and_count(const Subject& subject, const Oracle& oracle) {
    Measurement found;
    found.absent = subject.absent;
    found.tells_first_from_later = subject.tells_first_from_later;
    found.bounded = subject.bounded;
    found.right = true;
    if (!subject.absent.empty()) return found;

    const auto judge = [&] {
        const Verification verified = subject.verify(oracle);
        found.right = found.right && verified.right;
        found.error_ratio = std::max(found.error_ratio, verified.error_ratio);
    };
    const auto count = [&](Allocations& allocations, Counts& counts, cuda::DeviceCounts& device) {
        if (subject.prepare) subject.prepare();
        AllocationCount counter;
        const double seconds = seconds_of(subject.run);
        allocations = counter.stop();
        counts = subject.counts();
        if (subject.device_counts) device = subject.device_counts();
        return seconds;
    };
    judge();
    if (subject.tells_first_from_later) {
        judge(); // now from what the first call left behind
        subject.forget();
        found.estimate = count(found.first_allocations, found.first_counts, found.first_device_counts);
    }
    found.estimate += count(found.later_allocations, found.later_counts, found.later_device_counts);
    if (subject.as_published) found.error_ratio_as_published = subject.as_published(oracle);
    return found;
}

double seconds_a_repetition(const std::vector<Measurement*>& measurements, const Effort& effort) {
    double seconds = 0;
    for (const Measurement* m : measurements)
        seconds += m->absent.empty() ? std::max(m->estimate, 2 * effort.seconds_a_sample) : 0;
    return seconds;
}

void time_interleaved(const std::vector<Subject>& subjects, const std::vector<Measurement*>& measurements,
                      const Effort& effort, const Progress& progress) {
    std::vector<Alternative> alternatives;
    std::vector<Samples*> targets;
    for (std::size_t i = 0; i < subjects.size(); ++i) {
        const Subject& subject = subjects[i];
        if (!subject.absent.empty()) continue;
        alternatives.push_back(
            {subject.name, subject.run, subject.prepare, subject.timed_run, &measurements[i]->later_host});
        targets.push_back(&measurements[i]->later);
    }
    if (alternatives.empty()) return;
    const std::vector<Samples> later = time_interleaved(alternatives, effort, progress);
    for (std::size_t i = 0; i < targets.size(); ++i) *targets[i] = later[i];

    // First calls by themselves: forgetting would spoil the later calls of the same subject.
    alternatives.clear(), targets.clear();
    for (std::size_t i = 0; i < subjects.size(); ++i) {
        const Subject& subject = subjects[i];
        if (!subject.absent.empty() || !subject.tells_first_from_later) continue;
        alternatives.push_back({subject.name + ", first call", subject.run, subject.forget, subject.timed_run,
                                &measurements[i]->first_host});
        targets.push_back(&measurements[i]->first);
    }
    if (alternatives.empty()) return;
    const std::vector<Samples> first = time_interleaved(alternatives, effort, progress);
    for (std::size_t i = 0; i < targets.size(); ++i) *targets[i] = first[i];
}

} // namespace dra::benchmarks
