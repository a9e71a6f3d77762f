#include "benchmarks/subject.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>

namespace dra::benchmarks {
namespace {

using published::Counts;
using published::Verified;

template <class T> void poison(Attention<T>& result) {
    result.out.flat().setConstant(std::numeric_limits<T>::quiet_NaN());
    result.lse.flat().setConstant(std::numeric_limits<T>::quiet_NaN());
}

double seconds_of(const std::function<void()>& run) {
    const auto begin = std::chrono::steady_clock::now();
    run();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

} // namespace

template <class T>
Subject isolated_subject(published::Fix fix, published::Rung rung, const Problem& problem, const Inputs<T>& inputs) {
    published::Isolated form = published::isolate<T>(fix, rung, problem, inputs.q, inputs.k, inputs.v);
    return {.name = published::name(rung),
            .absent = form.absent,
            .tells_first_from_later = form.keeps,
            .run = form.run,
            .forget = form.forget,
            .counts = form.counts,
            .verify = form.verify,
            .as_published = form.as_published};
}

template <class T> Subject pipeline_subject(const PipelineKey& key, bool tells_first_from_later, const Problem& problem,
                                            const Inputs<T>& inputs, Attention<T>& into) {
    using Pipeline = published::Pipeline<T>;
    const auto pipeline = std::make_shared<std::optional<Pipeline>>(std::in_place, problem, key.rungs);
    const auto run = [pipeline, &inputs, &into] { (*pipeline)->run(inputs.q, inputs.k, inputs.v, into.out, into.lse); };
    return {.name = key.name(),
            .absent = {},
            .tells_first_from_later = tells_first_from_later,
            .run = run,
            .forget = [pipeline, problem, rungs = key.rungs] { pipeline->emplace(problem, rungs); },
            .counts = [pipeline] { return (*pipeline)->counts(); },
            .verify =
                [run, problem, &into](const Oracle& oracle) {
                    poison(into);
                    run();
                    const ErrorRatios errors = error_ratios<T>(problem, oracle, into);
                    return Verified{errors.within_bounds(), errors.forward()};
                },
            .as_published = {}};
}

template Subject isolated_subject(published::Fix, published::Rung, const Problem&, const Inputs<float>&);
template Subject isolated_subject(published::Fix, published::Rung, const Problem&, const Inputs<double>&);
template Subject pipeline_subject(const PipelineKey&, bool, const Problem&, const Inputs<float>&, Attention<float>&);
template Subject pipeline_subject(const PipelineKey&, bool, const Problem&, const Inputs<double>&, Attention<double>&);

Measurement verify_and_count(const Subject& subject, const Oracle& oracle) {
    Measurement found;
    found.absent = subject.absent;
    found.tells_first_from_later = subject.tells_first_from_later;
    found.right = true;
    if (!subject.absent.empty()) return found;

    const auto judge = [&] {
        const Verified verified = subject.verify(oracle);
        found.right = found.right && verified.right;
        found.error_ratio = std::max(found.error_ratio, verified.error_ratio);
    };
    const auto count = [&](Allocations& allocations, Counts& counts) {
        AllocationCount counter;
        const double seconds = seconds_of(subject.run);
        allocations = counter.stop();
        counts = subject.counts();
        return seconds;
    };
    judge();
    if (subject.tells_first_from_later) {
        judge(); // now from what the first call left behind
        subject.forget();
        found.estimate = count(found.first_allocations, found.first_counts);
    }
    found.estimate += count(found.later_allocations, found.later_counts);
    if (subject.as_published) found.error_ratio_as_published = subject.as_published(oracle).forward();
    return found;
}

double seconds_a_repetition(const std::vector<Measurement*>& measurements, const Effort& effort) {
    double seconds = 0;
    for (const Measurement* m : measurements)
        seconds += m->absent.empty() ? std::max(m->estimate, 2 * effort.seconds_a_sample) : 0;
    return seconds;
}

void time_group(const std::vector<Subject>& subjects, const std::vector<Measurement*>& measurements,
                const Effort& effort, const Progress& progress) {
    std::vector<Alternative> alternatives;
    std::vector<Samples*> targets;
    for (std::size_t i = 0; i < subjects.size(); ++i) {
        const Subject& subject = subjects[i];
        if (!subject.absent.empty()) continue;
        alternatives.push_back({subject.name, subject.run});
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
        alternatives.push_back({subject.name + ", first call", subject.run, subject.forget});
        targets.push_back(&measurements[i]->first);
    }
    if (alternatives.empty()) return;
    const std::vector<Samples> first = time_interleaved(alternatives, effort, progress);
    for (std::size_t i = 0; i < targets.size(); ++i) *targets[i] = first[i];
}

} // namespace dra::benchmarks
