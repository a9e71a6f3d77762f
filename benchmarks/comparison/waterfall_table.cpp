#include "benchmarks/comparison/waterfall_table.hpp"

#include "benchmarks/comparison/gauge.hpp"
#include "benchmarks/measuring/quantities.hpp"

#include <algorithm>

namespace dra::benchmarks {
namespace {

std::string median_text(const Samples& samples) { return samples.empty() ? "-" : seconds_text(spread(samples).median); }

/// What a step took: its time, on a device the host's too; where nothing is timed what was counted.
std::string cost_text(const Comparison& c, const Measurement& m) {
    if (!c.device) return fmt::format("{:>10}", median_text(m.later));
    if (c.timed) return fmt::format("{:>10}{:>10}", median_text(m.later), median_text(m.later_host));
    return fmt::format("{:>10}{:>10}", count_text(static_cast<double>(m.later_device_counts.launches)),
                       count_text(static_cast<double>(m.later_device_counts.sectors)));
}

std::string cost_heading(const Comparison& c) {
    if (!c.device) return fmt::format("{:>10}", "time");
    return c.timed ? fmt::format("{:>10}{:>10}", "device", "host") : fmt::format("{:>10}{:>10}", "launches", "sectors");
}

void print_at(Page& page, const Comparison& c, const AtLength& at) {
    const Gauge gauge = gauges(c).front();
    const std::size_t title_columns = c.device ? 34 : 40, gain_columns = c.device ? 22 : 24;
    page.heading(fmt::format("One fix after another, end to end, n = {}{}", at.tokens,
                             c.device ? ", ratios of " + gauge.short_name : ""));
    page.line("{:<{}}{}  {:<{}}{:<{}}{:>10}{:>8}", "", title_columns, cost_heading(c), "against the first",
              gain_columns, "against the step above", gain_columns, "FLOPs", "error");
    const Measurement *first = nullptr, *above = nullptr;
    for (const WaterfallRow& step : c.waterfall) {
        const Measurement* m = at.pipeline(step.key);
        if (!m->absent.empty()) continue;
        if (!first) first = m;
        page.line("{:<{}}{}  {:<{}}{:<{}}{:>10}{:>8.3g}", step.title, title_columns, cost_text(c, *m),
                  gain_text(gauge.ratio(first, m)), gain_columns, gain_text(gauge.ratio(above, m)), gain_columns,
                  count_text(static_cast<double>(m->later_counts.flops)), m->error_ratio);
        above = m;
    }
}

} // namespace

void print_waterfall(Page& page, const Comparison& c) {
    if (c.waterfall.empty()) return;
    const auto whole = [&](const AtLength& at) {
        return std::ranges::all_of(c.waterfall,
                                   [&](const WaterfallRow& step) { return at.pipeline(step.key)->absent.empty(); });
    };
    const auto last_whole = std::find_if(c.lengths.rbegin(), c.lengths.rend(), whole);
    if (last_whole != c.lengths.rend() && last_whole != c.lengths.rbegin()) print_at(page, c, *last_whole);
    print_at(page, c, c.lengths.back());
}

} // namespace dra::benchmarks
