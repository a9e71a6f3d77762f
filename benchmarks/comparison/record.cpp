#include "benchmarks/comparison/record.hpp"

#include <cmath>

namespace dra::benchmarks {
namespace {

using Json = nlohmann::ordered_json;
using published::Rung;
using published::rungs_of_a_fix;
using published::Topic;

Json json(const std::optional<double>& x) { return x && std::isfinite(*x) ? Json(*x) : Json(nullptr); }

Json json(const std::optional<Spread>& s) {
    return s ? Json{{"q1", s->low}, {"median", s->median}, {"q3", s->high}} : Json(nullptr);
}

Json json(const Allocations& a) {
    if (!allocations_counted()) return nullptr;
    return {{"number", a.number}, {"bytes", a.bytes}, {"peak_bytes", a.peak_bytes}};
}

Json json(const published::Counts& c) {
    return {{"mask_elements", c.mask_elements},
            {"mask_bytes_kept", c.mask_bytes_kept},
            {"head_groups", c.head_groups},
            {"index_elements", c.index_elements},
            {"rows_gathered", c.rows_gathered},
            {"pairs", c.pairs},
            {"pairs_again", c.pairs_again},
            {"flops", c.flops},
            {"temporary_elements", c.temporary_elements},
            {"rows_read", c.rows_read},
            {"bytes_kept", c.bytes_kept}};
}

Json json(const cuda::DeviceCounts& w) {
    return {{"launches", w.launches},
            {"allocations", w.allocations},
            {"allocated_bytes", w.allocated_bytes},
            {"uploaded_bytes", w.uploaded_bytes},
            {"sectors", w.sectors},
            {"tensor_flops", w.tensor_flops}};
}

Json json(const Samples& samples) { return json(samples.empty() ? std::nullopt : std::optional(spread(samples))); }

/// One call, a first or a later one; on a device with what only a device has.
Json json_call(const Measurement& m, bool first, bool on_device) {
    const Samples& samples = first ? m.first : m.later;
    Json j{{"seconds", json(samples)},
           {"allocations", json(first ? m.first_allocations : m.later_allocations)},
           {"counts", json(first ? m.first_counts : m.later_counts)},
           {"samples", samples}};
    if (!on_device) return j;
    const Samples& host = first ? m.first_host : m.later_host;
    j["host_seconds"] = json(host);
    j["host_samples"] = host;
    j["work"] = json(first ? m.first_device_counts : m.later_device_counts);
    return j;
}

Json json(const Measurement& m, const Measurement* before, bool on_device) {
    if (!m.absent.empty()) return {{"absent", m.absent}};
    Json j{{"error_ratio", json(m.error_ratio)},
           {"speed_up", json(time_ratio(before, &m))},
           {"call", json_call(m, false, on_device)}};
    if (m.tells_first_from_later) j["first_call"] = json_call(m, true, on_device);
    if (m.error_ratio_as_published) j["error_ratio_as_published"] = json(m.error_ratio_as_published);
    return j;
}

Json json(const Comparison& c, const AtLength& at) {
    Json j{{"n", at.tokens}, {"repetitions", at.repetitions}, {"oracle_seconds", at.oracle_seconds}};
    for (const Topic topic : c.topics) {
        const std::string number = std::to_string(published::number(topic));
        const RungMeasurements& alone = at.isolated.at(topic);
        for (const Rung rung : rungs_of_a_fix) {
            const Measurement* before = c.end_to_end(at, topic, Rung::before);
            j["isolated"][number][published::name(rung)] = json(alone[rung], &alone.before, c.device.has_value());
            j["end_to_end"][number][published::name(rung)] =
                json(*c.end_to_end(at, topic, rung), before, c.device.has_value());
        }
    }
    j["waterfall"] = Json::array();
    const Measurement* first = nullptr; // that was measured at this length
    for (const WaterfallRow& step : c.waterfall) {
        const Measurement* m = at.pipeline(step.key);
        if (!first && m->absent.empty()) first = m;
        Json entry{{"title", step.title}, {"rungs", step.key.rungs.name()}};
        entry.update(json(*m, first, c.device.has_value()));
        j["waterfall"].push_back(entry);
    }
    return j;
}

Json json_exponents(const Comparison& c, Topic topic) {
    Json j;
    const auto add = [&](const char* form, Rung rung, const std::function<const Measurement*(const AtLength&)>& which) {
        const Exponents found = exponents(c, counter_of(topic), which);
        j[form][published::name(rung)] = {{"time", json(found.time)}, {"elements", json(found.elements)}};
    };
    for (const Rung rung : rungs_of_a_fix) {
        add("isolated", rung, [&](const AtLength& at) { return &at.isolated.at(topic)[rung]; });
        add("end_to_end", rung, [&](const AtLength& at) { return c.end_to_end(at, topic, rung); });
    }
    return j;
}

Json json_topic(const Comparison& c, Topic topic) {
    const published::Entry& entry = published::entry(topic);
    Json j{{"number", entry.number()},         {"id", entry.id},           {"title", entry.title},
           {"section", entry.section},         {"teaches", entry.teaches}, {"causal", c.causal_for(topic)},
           {"counted", counter_of(topic).name}};
    for (const Rung rung : rungs_of_a_fix) {
        const published::Words& words = entry.words(rung, c.device.has_value());
        j["rungs"][published::name(rung)] = {{"title", words.title}, {"sentence", words.sentence}};
    }
    j["exponents"] = json_exponents(c, topic);
    return j;
}

const char* quantity_text(published::Quantity quantity) {
    switch (quantity) {
    case published::Quantity::speed_up: return "speed-up";
    case published::Quantity::exponent: return "exponent";
    default: return "none";
    }
}

Json json(const Judgement& j) {
    const published::Claim& claim = j.claim;
    const auto rungs = [&](const published::Rungs& r) {
        return j.topic && !published::is_fix(*j.topic) ? Json(nullptr) : Json(r.name());
    };
    return {{"fix", j.topic ? Json(published::number(*j.topic)) : Json(nullptr)},
            {"words", claim.words},
            {"quantity", quantity_text(claim.quantity)},
            {"low", claim.low},
            {"high", claim.high},
            {"reading", claim.reading},
            {"from", rungs(claim.from)},
            {"to", rungs(claim.to)},
            {"reached_upstream", claim.reached_upstream},
            {"fact", claim.fact},
            {"ratio", json(j.ratio)},
            {"exponent", json(j.exponent)},
            {"n", j.ratio ? Json(j.tokens) : Json(nullptr)},
            {"verdict", j.verdict ? Json(name(*j.verdict)) : Json(nullptr)},
            {"verdict_in_words", j.words}};
}

Json json(const std::optional<cuda::DeviceFacts>& device) {
    if (!device) return nullptr;
    return {{"name", device->name},
            {"architecture", device->architecture},
            {"multiprocessors", device->multiprocessors},
            {"driver", device->driver},
            {"runtime", device->runtime},
            {"emulated", device->emulated}};
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
             {"type", name(c.dtype)},
             {"threads", c.threads},
             {"budget_seconds", c.budget_seconds},
             {"error_bound", c.error_bound},
             {"held", c.held.name()}}},
           {"device", json(c.device)},
           {"timed", c.timed},
           {"seconds", c.seconds},
           {"allocations_counted", allocations_counted()}};
    j["fixes"] = j["opportunities"] = Json::array();
    for (const Topic topic : c.topics)
        j[published::is_fix(topic) ? "fixes" : "opportunities"].push_back(json_topic(c, topic));
    j["claims"] = Json::array();
    for (const Judgement& judgement : judge(c)) j["claims"].push_back(json(judgement));
    j["left_out"] = json(c.left_out);
    j["out_of_tolerance"] = json(c.offenders);
    j["lengths"] = Json::array();
    for (const AtLength& at : c.lengths) j["lengths"].push_back(json(c, at));
    return j;
}

} // namespace dra::benchmarks
