#include "benchmarks/comparison/judgement.hpp"

namespace dra::benchmarks {

using published::Claim;
using published::Counts;
using published::Fix;
using published::Quantity;
using published::Topic;

const Measurement* AtLength::pipeline(const PipelineKey& key) const {
    for (const auto& [have, measurement] : pipelines)
        if (have == key) return &measurement;
    return nullptr;
}

Counter counter_of(Topic topic) {
    switch (topic) {
    case Fix::causal_mask: return {"mask elements", &Counts::mask_elements};
    case Fix::discarded_attention: return {"rows copied", &Counts::rows_gathered};
    case Fix::double_computation: return {"pairs again", &Counts::pairs_again};
    case Fix::duplicate_methods: return {"pairs", &Counts::pairs};
    case Topic::memory_pool: return {"bytes kept", &Counts::bytes_kept};
    case Topic::pattern_caching: return {"index entries", &Counts::index_elements};
    case Topic::compiled_hot_path: return {"in temporaries", &Counts::temporary_elements};
    case Topic::kv_cache: return {"rows read", &Counts::rows_read};
    case Fix::caching: break;
    }
    return {"mask + index", &Counts::mask_elements, &Counts::index_elements};
}

Exponents exponents(const Comparison& comparison, const Counter& counted,
                    const std::function<const Measurement*(const AtLength&)>& which) {
    std::vector<double> n, seconds, elements;
    for (const AtLength& at : comparison.lengths) {
        const Measurement* m = which(at);
        if (!m) return {};
        if (!m->absent.empty()) continue;
        n.push_back(static_cast<double>(at.tokens));
        if (!m->later.empty()) seconds.push_back(spread(m->later).median);
        elements.push_back(static_cast<double>(counted.of(m->later_counts)));
    }
    return {seconds.size() == n.size() ? exponent(n, seconds) : std::nullopt, exponent(n, elements)};
}

std::optional<Spread> time_ratio(const Measurement* slow, const Measurement* quick) {
    if (!slow || !quick || slow->later.empty() || quick->later.empty()) return std::nullopt;
    return ratio(slow->later, quick->later);
}

namespace {

/// Judges what was measured; leaves `words` empty where there is a verdict.
void measure(const Comparison& comparison, Judgement& j) {
    const Claim& claim = j.claim;
    const bool causal = claim.causal.value_or(comparison.causal);
    if (causal && !comparison.causal) {
        j.words = "not judged: it is about causal attention";
        return;
    }
    if (claim.quantity == Quantity::speed_up) {
        for (const AtLength& at : comparison.lengths) // the last one stays
            if (const auto ratio = time_ratio(at.pipeline({claim.from, causal}), at.pipeline({claim.to, causal}))) {
                j.ratio = ratio;
                j.tokens = at.tokens;
            }
        if (j.ratio)
            j.verdict = judge_speed(*j.ratio, {claim.low, claim.high});
        else if (!comparison.timed)
            j.words = comparison.device && comparison.device->emulated ? "not judged: the emulator has no clock"
                                                                       : "not judged: nothing was timed";
        else
            j.words = "not judged: its pipelines were not compared";
    } else {
        const PipelineKey key{claim.to, causal};
        j.exponent = exponents(comparison, {"", &Counts::mask_elements}, [&](const AtLength& at) {
                         return at.pipeline(key);
                     }).elements;
        if (j.exponent)
            j.verdict = judge_exponent(*j.exponent, {claim.low, claim.high});
        else
            j.words = "not judged: an exponent takes two lengths";
    }
}

Judgement judge(const Comparison& comparison, const Claim& claim, std::optional<Topic> topic) {
    Judgement j{claim, topic, {}, {}, 0, {}, {}};
    if (topic && !is_fix(*topic)) {
        j.words = "an opportunity, no number claimed";
        return j;
    }
    if (claim.quantity == Quantity::none)
        j.words = "no number claimed";
    else if (comparison.lengths.empty())
        j.words = "not judged: no length was measured";
    else
        measure(comparison, j);
    if (j.verdict) j.words = name(*j.verdict);
    if (!claim.reached_upstream) j.words += ", never reached upstream";
    return j;
}

} // namespace

std::vector<Judgement> judge(const Comparison& comparison) {
    std::vector<Judgement> judgements;
    for (const Topic topic : comparison.topics)
        for (const Claim& claim : published::entry(topic).claims) judgements.push_back(judge(comparison, claim, topic));
    if (!comparison.waterfall.empty())
        for (const Claim& claim : published::overall_claims())
            judgements.push_back(judge(comparison, claim, std::nullopt));
    return judgements;
}

} // namespace dra::benchmarks
