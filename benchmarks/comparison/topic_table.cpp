#include "benchmarks/comparison/topic_table.hpp"

#include "benchmarks/comparison/gauge.hpp"
#include "benchmarks/measuring/quantities.hpp"

#include <algorithm>

namespace dra::benchmarks {
namespace {

using published::Entry;
using published::Fix;
using published::Rung;
using published::rungs_of_a_fix;
using published::Topic;

constexpr std::size_t lengths_across = 4;

std::string time_text(const Samples& samples) {
    const Spread s = spread(samples);
    const std::string low = seconds_text(s.low), high = seconds_text(s.high), median = seconds_text(s.median);
    const auto number = [](const std::string& text) { return text.substr(0, text.find(' ')); };
    const auto unit = [](const std::string& text) { return text.substr(text.find(' ')); };
    // Quartiles in a unit of their own would not fit.
    if (unit(low) != unit(median) || unit(high) != unit(median))
        return fmt::format("{} +-{:.0f}%", median, 50 * (s.high - s.low) / s.median);
    return fmt::format("{} ({}-{})", median, number(low), number(high));
}

/// What makes no attention is compared exactly.
std::string error_text(const Measurement& m) {
    return m.error_ratio == 0 ? "exact" : fmt::format("{:.3g}", m.error_ratio);
}

/// A row of a topic's two tables: a rung, alone or end to end.
struct DetailRow {
    std::string form, title;
    std::function<const Measurement*(const AtLength&)> which, before;
    bool first = false; ///< first calls instead of later ones

    const Samples& samples(const AtLength& at) const { return first ? which(at)->first : which(at)->later; }
    const Samples& host_samples(const AtLength& at) const {
        return first ? which(at)->first_host : which(at)->later_host;
    }
};

std::vector<DetailRow> detail_rows(const Comparison& c, Topic topic) {
    std::vector<DetailRow> rows;
    const bool is_fix = published::is_fix(topic);
    for (const bool alone : {true, false})
        for (const Rung rung : rungs_of_a_fix) {
            const auto at_rung = [&c, topic, alone](Rung r) -> std::function<const Measurement*(const AtLength&)> {
                if (alone) return [topic, r](const AtLength& at) { return &at.isolated.at(topic)[r]; };
                return [&c, topic, r](const AtLength& at) { return c.end_to_end(at, topic, r); };
            };
            const char* form = alone ? "alone" : is_fix ? "end to end" : "whole call";
            const DetailRow row{rung == Rung::before ? form : "", published::name(rung), at_rung(rung),
                                at_rung(Rung::before)};
            const Measurement& last = *row.which(c.lengths.back());
            if (alone && !is_fix && !last.absent.empty()) continue; // a whole call, and nothing alone
            rows.push_back(row);
            if (!last.tells_first_from_later || (is_fix && topic != Fix::caching)) continue;
            rows.push_back(row);
            rows.back().form.clear();
            rows.back().title = "  its first call";
            rows.back().first = true;
        }
    return rows;
}

/// Times at the last few lengths, by one clock.
void print_times(Page& page, const Comparison& c, const std::vector<DetailRow>& rows, const std::string& clock,
                 const Samples& (DetailRow::*samples)(const AtLength&) const, const Counter& counted) {
    const std::size_t skipped = c.lengths.size() - std::min(c.lengths.size(), lengths_across);
    page.line();
    std::string header = fmt::format("{:<28}", clock + " (q1-q3) at n =");
    for (std::size_t i = skipped; i < c.lengths.size(); ++i) header += fmt::format("{:<21}", c.lengths[i].tokens);
    page.line("{}{}", header, "grows");
    for (const DetailRow& row : rows) {
        std::string line = fmt::format("{:<11}{:<17}", row.form, row.title);
        const auto absent = [&](const AtLength& at) { return !row.which(at)->absent.empty(); };
        if (std::ranges::all_of(c.lengths, absent)) {
            page.line("{}{}", line, row.which(c.lengths.back())->absent);
            continue;
        }
        for (std::size_t i = skipped; i < c.lengths.size(); ++i)
            line += fmt::format("{:<21}", absent(c.lengths[i]) ? "-" : time_text((row.*samples)(c.lengths[i])));
        const bool grows = !row.first && samples == &DetailRow::samples;
        page.line("{}{}", line, grows ? exponent_text(exponents(c, counted, row.which).time) : "");
    }
}

/// What follows a row of counts, where there is something to say.
void print_remarks(Page& page, const DetailRow& row, const Measurement& m) {
    if (!row.first && m.later_counts.mask_bytes_kept > 0)
        page.line("{:<28}keeps {} of masks for later calls", "",
                  bytes_text(static_cast<double>(m.later_counts.mask_bytes_kept)));
    if (!row.first && m.later_counts.bytes_kept > 0)
        page.line("{:<28}keeps {} for later calls", "", bytes_text(static_cast<double>(m.later_counts.bytes_kept)));
    if (m.error_ratio_as_published)
        page.line("{:<28}as published, with every chunk's sum set to 1, its error ratio is {:.2g}: wrong", "",
                  *m.error_ratio_as_published);
}

/// The counts of this CPU: gains, what malloc was asked for, elements and FLOPs.
void print_counts(Page& page, const Comparison& c, const std::vector<DetailRow>& rows, const Counter& counted) {
    const AtLength& at = c.lengths.back();
    page.line("{:<28}{:<21}{:>7}{:>10}{:>10}{:>15}{:>8}{:>9}{:>9}", fmt::format("at n = {}", at.tokens),
              "before / rung", "allocs", "bytes", "peak", counted.name, "grows", "FLOPs", "error");
    for (const DetailRow& row : rows) {
        const Measurement& m = *row.which(at);
        if (!m.absent.empty()) continue;
        const published::Counts& counts = row.first ? m.first_counts : m.later_counts;
        const Allocations& a = row.first ? m.first_allocations : m.later_allocations;
        const bool known = allocations_counted();
        const std::optional<Spread> gain =
            row.first && c.timed ? ratio(row.before(at)->later, m.first) : time_ratio(row.before(at), &m);
        page.line("{:<11}{:<17}{:<21}{:>7}{:>10}{:>10}{:>15}{:>8}{:>9}{:>9}", row.form, row.title, spread_text(gain),
                  known ? count_text(static_cast<double>(a.number)) : "absent",
                  known ? bytes_text(static_cast<double>(a.bytes)) : "absent",
                  known ? bytes_text(static_cast<double>(a.peak_bytes)) : "absent",
                  count_text(static_cast<double>(counted.of(counts))),
                  row.first ? "" : exponent_text(exponents(c, counted, row.which).elements),
                  count_text(static_cast<double>(counts.flops)), error_text(m));
        print_remarks(page, row, m);
    }
}

/// The counts of a device: what it was asked for; on the emulator also what it did, where a GPU has gains.
void print_device_counts(Page& page, const Comparison& c, const std::vector<DetailRow>& rows, const Counter& counted,
                         Topic topic) {
    const AtLength& at = largest_length(c, topic);
    const auto line = [&](const std::string& title, const std::string& gain, const auto&... cells) {
        std::string text = fmt::format("{:<28}{:<19}", title, gain);
        const int widths[] = {9, 8, 9, 9, 14, 7, 8, 7};
        const std::string values[] = {cells...};
        for (std::size_t i = 0; i < std::size(values); ++i) text += fmt::format("{:>{}}", values[i], widths[i]);
        page.line("{}", text);
    };
    line(fmt::format("at n = {}", at.tokens), c.timed ? "before / rung" : "sectors  tensor ops", "launches", "mallocs",
         "bytes", "uploaded", counted.name, "grows", "FLOPs", "error");
    for (const DetailRow& row : rows) {
        const Measurement& m = *row.which(at);
        if (!m.absent.empty()) continue;
        const published::Counts& counts = row.first ? m.first_counts : m.later_counts;
        const cuda::DeviceCounts& device = row.first ? m.first_device_counts : m.later_device_counts;
        const auto number = [](std::int64_t x) { return count_text(static_cast<double>(x)); };
        const auto bytes = [](std::int64_t x) { return bytes_text(static_cast<double>(x)); };
        const std::optional<Spread> gain =
            row.first && c.timed ? ratio(row.before(at)->later, m.first) : time_ratio(row.before(at), &m);
        line(fmt::format("{:<11}{:<17}", row.form, row.title),
             c.timed ? spread_text(gain)
                     : fmt::format("{:<9}{:<10}", number(device.sectors), number(device.tensor_flops)),
             number(device.launches), number(device.allocations), bytes(device.allocated_bytes),
             bytes(device.uploaded_bytes), number(counted.of(counts)),
             row.first ? "" : exponent_text(exponents(c, counted, row.which).elements), number(counts.flops),
             error_text(m));
        print_remarks(page, row, m);
    }
}

} // namespace

void print_topic(Page& page, const Comparison& c, const Entry& entry) {
    const Counter counted = counter_of(entry.topic);
    const std::vector<DetailRow> rows = detail_rows(c, entry.topic);
    const bool is_fix = published::is_fix(entry.topic);
    page.heading(fmt::format("{} {}: {}", is_fix ? "Fix" : "Opportunity", entry.number(), entry.title));
    page.line("{}", wrapped(entry.teaches, 0));
    for (const Rung rung : rungs_of_a_fix) {
        const published::Words& words = entry.words(rung, c.device.has_value());
        page.line("  {:<11} {}", published::name(rung),
                  wrapped(fmt::format("{}. {}", words.title, words.sentence), 14));
    }
    if (entry.topic == Fix::double_computation)
        page.line("  {}", wrapped(fmt::format("Compared not causal, end to end on a ring of {}: the class reached this "
                                              "branch only when not causal, "
                                              "and only on one rank.",
                                              c.ranks),
                                  2));

    if (c.device && !is_fix) {
        page.line("  not on this backend");
        return;
    }
    if (c.timed) print_times(page, c, rows, c.device ? "device time" : "time", &DetailRow::samples, counted);
    if (c.timed && c.device) print_times(page, c, rows, "host time", &DetailRow::host_samples, counted);
    page.line();
    if (c.device)
        print_device_counts(page, c, rows, counted, entry.topic);
    else
        print_counts(page, c, rows, counted);
}

} // namespace dra::benchmarks
