#include "benchmarks/comparison/gauge.hpp"

#include "benchmarks/measuring/quantities.hpp"

#include <algorithm>

namespace dra::benchmarks {
namespace {

std::optional<Spread> host_time_ratio(const Measurement* slow, const Measurement* quick) {
    if (!slow || !quick || slow->later_host.empty() || quick->later_host.empty()) return std::nullopt;
    return ratio(slow->later_host, quick->later_host);
}

/// The ratio of two counts, which have no spread.
template <class Count> Gauge counted(std::string name, std::string short_name, Count count) {
    return {std::move(name), std::move(short_name),
            [count](const Measurement* before, const Measurement* rung) -> std::optional<Spread> {
                if (!before || !rung || !before->absent.empty() || !rung->absent.empty() || count(*rung) == 0)
                    return std::nullopt;
                const double found = static_cast<double>(count(*before)) / static_cast<double>(count(*rung));
                return Spread{found, found, found};
            }};
}

} // namespace

std::vector<Gauge> gauges(const Comparison& comparison) {
    if (comparison.timed && comparison.device)
        return {{"Device time", "device time", time_ratio}, {"Host time", "host time", host_time_ratio}};
    if (comparison.timed) return {{"Time", "time", time_ratio}};
    const Gauge flops = counted("FLOPs", "FLOPs", [](const Measurement& m) { return m.later_counts.flops; });
    if (!comparison.device) return {flops};
    return {
        flops,
        counted("Sectors of memory", "sectors", [](const Measurement& m) { return m.later_device_counts.sectors; }),
        counted("Launches", "launches", [](const Measurement& m) { return m.later_device_counts.launches; }),
    };
}

std::string gain_text(const std::optional<Spread>& ratio) {
    return ratio && ratio->low == ratio->high ? times_text(ratio->median) : spread_text(ratio);
}

const AtLength& largest_length(const Comparison& comparison, published::Topic topic) {
    const auto whole = [&](const AtLength& at) {
        return std::ranges::all_of(published::rungs_of_a_fix, [&](published::Rung rung) {
            const Measurement* m = comparison.end_to_end(at, topic, rung);
            return m && m->absent.empty();
        });
    };
    for (auto at = comparison.lengths.rbegin(); at != comparison.lengths.rend(); ++at)
        if (whole(*at)) return *at;
    return comparison.lengths.back();
}

} // namespace dra::benchmarks
