#include "benchmarks/record.hpp"

#include <cmath>

namespace dra::benchmarks {
namespace {

using Json = nlohmann::ordered_json;
using published::Fix;
using published::Rung;
using published::rungs_of_a_fix;

Json json(const std::optional<double>& x) { return x && std::isfinite(*x) ? Json(*x) : Json(nullptr); }

Json json(const std::optional<Spread>& s) {
    return s ? Json{{"q1", s->low}, {"median", s->median}, {"q3", s->high}} : Json(nullptr);
}

Json json(const Allocations& a) {
    if (!allocations_counted()) return nullptr;
    return {{"number", a.number}, {"bytes", a.bytes}, {"peak_bytes", a.peak_bytes}};
}

Json json(const published::Counts& c) {
    return {{"mask_elements", c.mask_elements}, {"mask_bytes_kept", c.mask_bytes_kept},
            {"head_groups", c.head_groups},     {"index_elements", c.index_elements},
            {"rows_gathered", c.rows_gathered}, {"pairs", c.pairs},
            {"pairs_again", c.pairs_again},     {"flops", c.flops}};
}

Json json_call(const Samples& samples, const Allocations& allocations, const published::Counts& counts) {
    return {{"seconds", json(samples.empty() ? std::nullopt : std::optional(spread(samples)))},
            {"allocations", json(allocations)},
            {"counts", json(counts)},
            {"samples", samples}};
}

Json json(const Measurement& m, const Measurement* before) {
    if (!m.absent.empty()) return {{"absent", m.absent}};
    Json j{{"error_ratio", json(m.error_ratio)},
           {"speed_up", json(time_ratio(before, &m))},
           {"call", json_call(m.later, m.later_allocations, m.later_counts)}};
    if (m.tells_first_from_later) j["first_call"] = json_call(m.first, m.first_allocations, m.first_counts);
    if (m.error_ratio_as_published) j["error_ratio_as_published"] = json(m.error_ratio_as_published);
    return j;
}

Json json(const Comparison& c, const AtLength& at) {
    Json j{{"n", at.tokens}, {"repetitions", at.repetitions}, {"oracle_seconds", at.oracle_seconds}};
    for (const Fix fix : c.fixes) {
        const std::string number = std::to_string(static_cast<int>(fix));
        const Ladder& alone = at.isolated.at(fix);
        for (const Rung rung : rungs_of_a_fix) {
            const Measurement* before = at.pipeline(c.end_to_end(fix, Rung::before));
            j["isolated"][number][published::name(rung)] = json(alone[static_cast<std::size_t>(rung)], &alone[0]);
            j["end_to_end"][number][published::name(rung)] = json(*at.pipeline(c.end_to_end(fix, rung)), before);
        }
    }
    j["waterfall"] = Json::array();
    for (const WaterfallStep& step : c.waterfall) {
        Json entry{{"title", step.title}, {"rungs", step.key.rungs.name()}};
        entry.update(json(*at.pipeline(step.key), at.pipeline(c.waterfall.front().key)));
        j["waterfall"].push_back(entry);
    }
    return j;
}

Json json_exponents(const Comparison& c, Fix fix) {
    Json j;
    const auto add = [&](const char* form, Rung rung, const std::function<const Measurement*(const AtLength&)>& which) {
        const Exponents found = exponents(c, counted_of(fix), which);
        j[form][published::name(rung)] = {{"time", json(found.time)}, {"elements", json(found.elements)}};
    };
    for (const Rung rung : rungs_of_a_fix) {
        add("isolated", rung, [&](const AtLength& at) { return &at.isolated.at(fix)[static_cast<std::size_t>(rung)]; });
        add("end_to_end", rung, [&](const AtLength& at) { return at.pipeline(c.end_to_end(fix, rung)); });
    }
    return j;
}

Json json_fix(const Comparison& c, Fix fix) {
    const published::Entry& entry = published::entry(fix);
    Json j{{"number", entry.number()},       {"id", entry.id},           {"title", entry.title},
           {"section", entry.section},       {"teaches", entry.teaches}, {"causal", c.causal_for(fix)},
           {"counted", counted_of(fix).name}};
    for (const Rung rung : rungs_of_a_fix)
        j["rungs"][published::name(rung)] = {{"title", entry[rung].title}, {"sentence", entry[rung].sentence}};
    j["exponents"] = json_exponents(c, fix);
    return j;
}

Json json(const Judgement& j) {
    const published::Claim& claim = j.claim;
    constexpr const char* quantities[] = {"speed-up", "exponent", "none"};
    return {{"fix", j.fix ? Json(static_cast<int>(*j.fix)) : Json(nullptr)},
            {"words", claim.words},
            {"quantity", quantities[static_cast<int>(claim.quantity)]},
            {"low", claim.low},
            {"high", claim.high},
            {"reading", claim.reading},
            {"from", claim.from.name()},
            {"to", claim.to.name()},
            {"reached_upstream", claim.reached_upstream},
            {"fact", claim.fact},
            {"ratio", json(j.ratio)},
            {"exponent", json(j.exponent)},
            {"verdict", j.verdict ? Json(name(*j.verdict)) : Json(nullptr)},
            {"verdict_in_words", j.words}};
}

Json json(const std::vector<Remark>& remarks) {
    Json list = Json::array();
    for (const Remark& remark : remarks) list.push_back({{"n", remark.tokens}, {"why", remark.words}});
    return list;
}

} // namespace

nlohmann::ordered_json record(const Comparison& c, const Json& environment) {
    Json j{{"environment", environment},
           {"configuration",
            {{"batch", c.batch},
             {"heads", c.heads},
             {"kv_heads", c.kv_heads},
             {"head_dim", c.head_dim},
             {"ranks", c.ranks},
             {"segments", c.segments},
             {"dilations", c.dilations},
             {"causal", c.causal},
             {"type", c.in_double ? "F64" : "F32"},
             {"threads", c.threads},
             {"budget_seconds", c.budget_seconds},
             {"error_bound", forward_bound}}},
           {"seconds", c.seconds},
           {"allocations_counted", allocations_counted()}};
    for (const Fix fix : c.fixes) j["fixes"].push_back(json_fix(c, fix));
    j["claims"] = Json::array();
    for (const Judgement& judgement : judge(c)) j["claims"].push_back(json(judgement));
    j["left_out"] = json(c.left_out);
    j["out_of_tolerance"] = json(c.offenders);
    j["lengths"] = Json::array();
    for (const AtLength& at : c.lengths) j["lengths"].push_back(json(c, at));
    return j;
}

} // namespace dra::benchmarks
