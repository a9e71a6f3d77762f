#include "benchmarks/comparison/comparison.hpp"

#include "benchmarks/comparison/length_estimate.hpp"

#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <chrono>

namespace dra::benchmarks {
namespace {

using published::all_fixes;
using published::Claim;
using published::Fix;
using published::Rung;
using published::Rungs;
using published::rungs_of_a_fix;
using published::Topic;

constexpr Index longest_pilot = 256;

class Stopwatch {
public:
    double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count(); }

private:
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

std::vector<WaterfallRow> waterfall(bool causal) {
    Rungs rungs(Rung::before);
    std::vector<WaterfallRow> steps{{"everything before", {rungs, causal}}};
    for (const Fix fix : all_fixes) {
        rungs = rungs.with(fix, Rung::after);
        steps.push_back({fmt::format("+ fix {} as published", published::number(fix)), {rungs, causal}});
    }
    steps.back().title += " = everything";
    steps.push_back({"everything principled", {Rungs(Rung::principled), causal}});
    return steps;
}

/// Every pipeline that a fix, the waterfall or a claim asks for, once.
std::vector<PipelineKey> pipelines_of(const Comparison& comparison) {
    std::vector<PipelineKey> keys;
    const auto add = [&](const PipelineKey& key) {
        if (std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
    };
    const auto add_claims = [&](const std::vector<Claim>& claims) {
        for (const Claim& claim : claims) {
            const bool causal = claim.causal.value_or(comparison.causal);
            if (claim.quantity == published::Quantity::none || (causal && !comparison.causal)) continue;
            add({claim.from, causal});
            add({claim.to, causal});
        }
    };
    for (const Topic topic : comparison.topics) {
        if (!published::is_fix(topic)) continue;
        for (const Rung rung : rungs_of_a_fix) add(comparison.end_to_end(topic, rung));
        add_claims(published::entry(topic).claims);
    }
    for (const WaterfallRow& step : comparison.waterfall) add(step.key);
    if (!comparison.waterfall.empty()) add_claims(published::overall_claims());
    return keys;
}

/// Subjects that are timed against each other, and where their figures go.
struct SubjectSet {
    std::string title;
    bool causal;
    std::vector<Subject> subjects;
    std::vector<Measurement*> measurements;
};

/// One length on its way through the three steps.
class Length {
public:
    Length(const Options& options, Comparison& comparison, std::unique_ptr<Workbench> workbench, Index tokens,
           const Narrator& narrate)
        : comparison_(comparison), narrate_(narrate), workbench_(std::move(workbench)), options_(options) {
        at.tokens = tokens;
        for (const Topic topic : comparison.topics) {
            add_rungs(topic, "alone", at.isolated[topic], &Workbench::isolated);
            if (!published::is_fix(topic)) add_rungs(topic, "whole", at.whole_calls[topic], &Workbench::whole_call);
        }
        add_pipelines(true);
        add_pipelines(false);
    }

    /// The oracle, verification and counts. False when a result is wrong.
    bool verify() {
        const Stopwatch watch;
        bool right = true;
        for (const bool causal : {true, false}) {
            if (std::ranges::none_of(sets_, [&](const SubjectSet& set) { return set.causal == causal; })) continue;
            tell("the oracle", causal ? "causal" : "not causal");
            const Stopwatch of_oracle;
            const Oracle truth = workbench_->truth(problem(causal));
            at.oracle_seconds += of_oracle.seconds();
            for (const SubjectSet& set : sets_)
                if (set.causal == causal) right = verify(set, truth) && right;
        }
        verification_seconds = watch.seconds() - bounded_seconds_;
        for (const SubjectSet& set : sets_) {
            std::vector<Measurement*> unbounded;
            std::ranges::copy_if(set.measurements, std::back_inserter(unbounded),
                                 [](const Measurement* m) { return !m->bounded; });
            repetition_seconds += seconds_a_repetition(set.measurements, {});
            unbounded_repetition_seconds += seconds_a_repetition(unbounded, {});
        }
        return right;
    }

    void time(int repetitions) {
        if (!comparison_.timed) return;
        at.repetitions = repetitions;
        for (const SubjectSet& set : sets_)
            time_interleaved(set.subjects, set.measurements, {.repetitions = repetitions},
                             [&](const std::string& name) { tell("timing " + set.title, name); });
    }

    AtLength at;
    double verification_seconds = 0,
           unbounded_repetition_seconds = 0; ///< those of subjects that larger lengths have too
    double repetition_seconds = 0, peak_bytes = 0;

private:
    Problem problem(bool causal) const {
        Configuration chosen{.segment_lengths = options_.segments,
                             .dilation_rates = options_.dilations,
                             .causal = causal,
                             .ranks = options_.ranks};
        if (chosen.segment_lengths.empty() && chosen.dilation_rates.empty()) {
            chosen.segment_lengths = {std::max<Index>(at.tokens / 2, 1), at.tokens};
            chosen.dilation_rates = {1, std::min<Index>(2, at.tokens)};
        }
        return workbench_->problem(chosen);
    }

    void add_rungs(Topic topic, const char* form, RungMeasurements& rungs,
                   Subject (Workbench::*subject)(Topic, Rung, const Problem&)) {
        SubjectSet set{
            fmt::format("topic {} {}", published::number(topic), form), comparison_.causal_for(topic), {}, {}};
        for (const Rung rung : rungs_of_a_fix) {
            set.subjects.push_back((*workbench_.*subject)(topic, rung, problem(set.causal)));
            set.measurements.push_back(&rungs[rung]);
        }
        sets_.push_back(std::move(set));
    }

    void add_pipelines(bool causal) {
        SubjectSet set{causal ? "pipelines" : "pipelines, not causal", causal, {}, {}};
        const auto keys = pipelines_of(comparison_);
        at.pipelines.reserve(keys.size()); // measurements are pointed to
        for (const PipelineKey& key : keys) {
            if (key.causal != causal) continue;
            bool caching = false; // the rungs of fix 5 are where first calls differ
            for (const Rung rung : rungs_of_a_fix)
                caching = caching || (causal && key == comparison_.end_to_end(Fix::caching, rung));
            const bool compared = std::ranges::find(comparison_.topics, Fix::caching) != comparison_.topics.end();
            set.subjects.push_back(workbench_->pipeline(key, caching && compared, problem(causal)));
            set.measurements.push_back(&at.pipelines.emplace_back(key, Measurement{}).second);
        }
        if (!set.subjects.empty()) sets_.push_back(std::move(set));
    }

    bool verify(const SubjectSet& set, const Oracle& truth) {
        bool right = true;
        for (std::size_t i = 0; i < set.subjects.size(); ++i) {
            const Subject& subject = set.subjects[i];
            tell("verifying " + set.title, subject.name);
            Measurement& m = *set.measurements[i];
            const Stopwatch watch;
            m = verify_and_count(subject, truth);
            if (subject.bounded) bounded_seconds_ += watch.seconds();
            peak_bytes += static_cast<double>(std::max(m.later_allocations.peak_bytes, m.first_allocations.peak_bytes));
            if (m.right) continue;
            right = false;
            comparison_.offenders.push_back(
                {at.tokens, fmt::format("{}, {}: error ratio {:.3g}, bound {}", set.title, subject.name, m.error_ratio,
                                        comparison_.error_bound)});
        }
        return right;
    }

    void tell(const std::string& doing, const std::string& detail) const {
        narrate_(fmt::format("n = {}: {}", at.tokens, doing), detail);
    }

    Comparison& comparison_;
    const Narrator& narrate_;
    const std::unique_ptr<Workbench> workbench_; ///< outlives the subjects
    const Options& options_;
    std::vector<SubjectSet> sets_;
    double bounded_seconds_ = 0;
};

/// What a comparison on a device is told apart by.
void describe_device(Comparison& comparison, const Options& options) {
    if (!options.device) return;
    comparison.device = options.device->facts();
    comparison.dtype = options.type;
    comparison.error_bound = 1; // errors are shares of their bounds
    comparison.timed = comparison.timed && !comparison.device->emulated;
    comparison.held = comparison.held.with(Fix::causal_mask, Rung::after);
}

template <class T>
std::unique_ptr<Workbench> make_workbench(const Options& options, const Inputs<T>& inputs, Index tokens) {
    if constexpr (std::is_same_v<T, float>)
        if (options.device) return device_workbench(*options.device, options.type, prefix(inputs, tokens));
    return cpu_workbench<T>(prefix(inputs, tokens));
}

} // namespace

template <class T> Comparison compare(const Options& options, const Inputs<T>& inputs, const Narrator& narrate) {
    const Stopwatch watch;
    const Shape q = inputs.q.shape();
    Comparison comparison{.batch = q.batch,
                          .heads = q.heads,
                          .kv_heads = inputs.k.shape().heads,
                          .head_dim = q.head_dim,
                          .ranks = options.ranks,
                          .segments = options.segments,
                          .dilations = options.dilations,
                          .causal = options.causal,
                          .dtype = std::is_same_v<T, double> ? DType::f64 : DType::f32,
                          .timed = options.most_repetitions > 0,
                          .threads = omp_get_max_threads(),
                          .budget_seconds = options.budget_seconds,
                          .topics = options.topics};
    describe_device(comparison, options);
    if (options.topics == published::all_topics()) comparison.waterfall = waterfall(options.causal);

    std::optional<LengthEstimate> known;
    const auto try_length = [&](Index n, const auto& then) {
        Length length(options, comparison, make_workbench(options, inputs, n), n, narrate);
        const bool right = length.verify();
        known = {n, length.verification_seconds, comparison.timed ? length.unbounded_repetition_seconds : 0,
                 length.peak_bytes};
        if (right) then(length);
        return right;
    };
    const auto left = [&] { return options.budget_seconds - watch.seconds(); };

    std::vector<Index> lengths;
    for (const Index n : options.lengths)
        if (n <= q.tokens)
            lengths.push_back(n);
        else
            comparison.left_out.push_back({n, fmt::format("the input has {} tokens", q.tokens)});
    bool right = lengths.empty() || lengths.front() <= longest_pilot || try_length(longest_pilot, [](const auto&) {});

    for (std::size_t i = 0; right && i < lengths.size(); ++i) {
        const Index n = lengths[i];
        if (const std::string why = known ? known->obstacle(n, left()) : ""; !why.empty()) {
            comparison.left_out.push_back({n, why});
            continue;
        }
        right = try_length(n, [&](Length& length) {
            double reserved = fewest_repetitions * length.repetition_seconds;
            for (std::size_t later = i + 1; later < lengths.size(); ++later)
                reserved += known->least_seconds(lengths[later]);
            const double share = std::max(left() - reserved, 0.0) / static_cast<double>(lengths.size() - i);
            const double more =
                std::min<double>(share / length.repetition_seconds, options.most_repetitions - fewest_repetitions);
            length.time(fewest_repetitions + static_cast<int>(more));
            comparison.lengths.push_back(std::move(length.at));
        });
    }
    comparison.seconds = watch.seconds();
    return comparison;
}

template Comparison compare(const Options&, const Inputs<float>&, const Narrator&);
template Comparison compare(const Options&, const Inputs<double>&, const Narrator&);

} // namespace dra::benchmarks
