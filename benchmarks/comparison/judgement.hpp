#pragma once
/// \file
/// What a comparison found, and what becomes of the report's claims in its light.

#include "benchmarks/comparison/subject.hpp"
#include "benchmarks/comparison/verdict.hpp"
#include "reference/published/catalogue.hpp"

#include <map>

namespace dra::benchmarks {

/// What was measured of a topic's rungs.
using RungMeasurements = published::PerRung<Measurement>;

/// All that was measured at one length.
struct AtLength {
    Index tokens = 0;
    int repetitions = 0;
    double oracle_seconds = 0;
    std::map<published::Topic, RungMeasurements> isolated{};
    std::map<published::Topic, RungMeasurements> whole_calls{}; ///< those of opportunities
    std::vector<std::pair<PipelineKey, Measurement>> pipelines{};

    /// Null where this pipeline was not part of the comparison.
    const Measurement* pipeline(const PipelineKey& key) const;
};

/// Something that was not done, or went wrong, in words.
struct Remark {
    Index tokens = 0;
    std::string words;
};

/// A step from everything before to everything principled.
struct WaterfallRow {
    std::string title;
    PipelineKey key;
};

/// What was compared, and what was found.
struct Comparison {
    Index batch = 0, heads = 0, kv_heads = 0, head_dim = 0, ranks = 0;
    std::vector<Index> segments{}, dilations{}; ///< empty: (n/2, 1) (n, 2)
    bool causal = true;
    DType dtype = DType::f32;
    std::optional<cuda::DeviceFacts> device{}; ///< none for this CPU
    bool timed = true;                         ///< false where subjects were verified and counted alone
    double error_bound = forward_bound;        ///< the largest error ratio that is right
    published::Rungs held{};                   ///< the rungs of the fixes that are not moved
    int threads = 1;
    double seconds = 0, budget_seconds = 0;
    std::vector<published::Topic> topics{};
    std::vector<WaterfallRow> waterfall{}; ///< empty unless all topics are compared
    std::vector<AtLength> lengths{};       ///< ascending
    std::vector<Remark> left_out{};
    std::vector<Remark> offenders{}; ///< results out of tolerance

    /// Fix 3 is compared not causal: the class reached its branch only so.
    bool causal_for(published::Fix fix) const { return causal && fix != published::Fix::double_computation; }

    /// The pipeline in which one fix stands on a rung and the others are held. Without causality there is no mask, so
    /// that it does not matter where fix 1 stands.
    PipelineKey end_to_end(published::Fix fix, published::Rung rung) const {
        const bool masked = causal_for(fix);
        return {(masked ? held : published::Rungs(published::Rung::before)).with(fix, rung), masked};
    }

    /// What a rung costs where everything is there: its pipeline for a fix, its whole call for an opportunity.
    const Measurement* end_to_end(const AtLength& at, published::Topic topic, published::Rung rung) const {
        if (published::is_fix(topic)) return at.pipeline(end_to_end(topic, rung));
        return &at.whole_calls.at(topic)[rung];
    }
};

/// What a topic is counted by.
struct Counter {
    std::string name;
    Index published::Counts::*first;
    Index published::Counts::*second = nullptr; ///< added to it

    Index of(const published::Counts& counts) const { return counts.*first + (second ? counts.*second : 0); }
};
Counter counter_of(published::Topic topic);

/// The fitted exponents of n of one thing that was measured at several lengths.
struct Exponents {
    std::optional<double> time, elements;
};
Exponents exponents(const Comparison& comparison, const Counter& counted,
                    const std::function<const Measurement*(const AtLength&)>& which);

/// A claim, and what became of it.
struct Judgement {
    published::Claim claim;
    std::optional<published::Topic> topic; ///< none where it is a claim of all fixes together
    std::optional<Spread> ratio;           ///< the ratio of times, where that was measured
    std::optional<double> exponent;        ///< the exponent of counted elements
    Index tokens = 0;                      ///< the length of the ratio
    std::optional<Verdict> verdict;        ///< none where no number was claimed, or nothing was measured
    std::string words;                     ///< the verdict with what belongs to it, or why there is none
};

/// The claims of the topics that were compared, in the report's order, then those of all together.
std::vector<Judgement> judge(const Comparison& comparison);

/// The times of two measurements of the same length as a ratio; nothing where one has none.
std::optional<Spread> time_ratio(const Measurement* slow, const Measurement* quick);

} // namespace dra::benchmarks
