#include "benchmarks/comparison/table.hpp"

#include "benchmarks/comparison/gauge.hpp"
#include "benchmarks/comparison/topic_table.hpp"
#include "benchmarks/comparison/waterfall_table.hpp"
#include "benchmarks/measuring/quantities.hpp"

#include <fmt/ranges.h>

#include <ranges>

namespace dra::benchmarks {
namespace {

using published::Quantity;
using published::Rung;
using published::rungs_of_a_fix;
using published::Topic;

std::string claim_text(const published::Claim& claim) {
    if (claim.quantity == Quantity::exponent) return "O(n)";
    if (claim.quantity == Quantity::none) return "no number";
    return fmt::format("{:.3g}-{:.3g}x", claim.low, claim.high);
}

std::string verdict_text(const Judgement& j) {
    if (!j.verdict) return "-";
    return name(*j.verdict) + (j.claim.reached_upstream ? "" : " *");
}

void print_setting(Page& page, const Comparison& c) {
    std::vector<Index> lengths;
    for (const AtLength& at : c.lengths) lengths.push_back(at.tokens);
    std::string patterns = "(n/2, 1) (n, 2)";
    if (!c.segments.empty()) {
        patterns.clear();
        for (std::size_t i = 0; i < c.segments.size(); ++i)
            patterns += fmt::format("{}({}, {})", i ? " " : "", c.segments[i], c.dilations[i]);
    }
    page.line("Dilated ring attention: {} before, after and principled",
              c.topics.size() == 1 ? "a topic" : "fixes and opportunities");
    page.line();
    const std::string type = c.dtype == DType::f64 ? "double" : c.dtype == DType::f32 ? "float" : name(c.dtype);
    page.line("B = {}, H = {}{}, D = {}, {}, patterns (w, r) = {}, {}, ring of {}, {} thread{}", c.batch, c.heads,
              c.kv_heads == c.heads ? "" : fmt::format(" on {} KV heads", c.kv_heads), c.head_dim, type, patterns,
              c.causal ? "causal" : "not causal", c.ranks, c.threads, c.threads == 1 ? "" : "s");
    if (c.device)
        page.line("on {}, compute capability {}.{}, {} multiprocessors", c.device->name, c.device->architecture / 10,
                  c.device->architecture % 10, c.device->multiprocessors);
    if (c.device && c.timed)
        page.line("device time is between two events around a call, host time until a call was queued");
    page.line("n = {}; every result was verified against the float64 oracle before it was {}", fmt::join(lengths, ", "),
              c.timed ? "timed" : "counted; nothing is timed here");
    for (const Remark& out : c.left_out) page.line("n = {} was left out: {}", out.tokens, out.words);
}

/// The largest error ratio of a topic, over lengths, rungs and forms.
double worst_error(const Comparison& c, Topic topic) {
    double worst = 0;
    for (const AtLength& at : c.lengths)
        for (const Rung rung : rungs_of_a_fix) {
            worst = std::max(worst, at.isolated.at(topic)[rung].error_ratio);
            if (const Measurement* m = c.end_to_end(at, topic, rung)) worst = std::max(worst, m->error_ratio);
        }
    return worst;
}

/// A topic's rungs by one gauge, alone and end to end.
std::string rungs_text(const Comparison& c, Topic topic, const Gauge& gauge) {
    const AtLength& at = largest_length(c, topic);
    const RungMeasurements& alone = at.isolated.at(topic);
    const auto end_to_end = [&](Rung rung) { return c.end_to_end(at, topic, rung); };
    const auto gain = [](const std::optional<Spread>& ratio) { return ratio ? times_text(ratio->median) : "-"; };
    const auto against_before = [&](Rung rung) {
        return gain_text(gauge.ratio(end_to_end(Rung::before), end_to_end(rung)));
    };
    const std::string shorter = at.tokens == c.lengths.back().tokens ? "" : fmt::format(", n={}", at.tokens);
    return fmt::format("{:<24}{:>9}{:>11}  {:<20}{:<20}",
                       fmt::format("{} {}{}", published::number(topic), published::entry(topic).title, shorter),
                       gain(gauge.ratio(&alone.before, &alone.after)),
                       gain(gauge.ratio(&alone.before, &alone.principled)), against_before(Rung::after),
                       against_before(Rung::principled));
}

/// The heading of the rungs' table, with the columns of errors and claims or without.
void print_rungs_heading(Page& page, const Comparison& c, const Gauge& gauge, bool claims) {
    page.heading(fmt::format("{} before / {} of the rung at n = {}: above 1 is a gain", gauge.name, gauge.short_name,
                             c.lengths.back().tokens));
    page.line("{:<24}{:^20}{:^42}{:>7}", "", "alone",
              c.device ? "end to end, others before, fix 1 after" : "end to end, the other fixes at before",
              claims ? "error" : "");
    page.line("{:<24}{:>9}{:>11}  {:<20}{:<20}{:>7}  {:<12}{}", "topic", "after", "principled", "after", "principled",
              claims ? "ratio" : "", claims ? "claim" : "", claims ? "verdict" : "");
}

/// A topic's row, and one more for every further claim.
void print_rungs(Page& page, const Comparison& c, Topic topic, const std::vector<Judgement>& judgements) {
    std::string row = fmt::format("{}{:>7.3g}", rungs_text(c, topic, gauges(c).front()), worst_error(c, topic));
    for (const Judgement& j : judgements) {
        if (j.topic != topic) continue;
        page.line("{:<93}  {:<12}{}", row, claim_text(j.claim), verdict_text(j));
        row.clear();
    }
}

/// The topics that the pipeline does not have.
void print_opportunities(Page& page, const Comparison& c, const std::vector<Judgement>& judgements) {
    auto opportunities = c.topics | std::views::filter([](Topic topic) { return !published::is_fix(topic); });
    if (opportunities.empty()) return;
    page.line("{:<24}{:^20}{:^42}", "remaining opportunities", "", c.device ? "" : "a whole call, all else alike");
    for (const Topic topic : opportunities)
        if (c.device)
            page.line("{} {:<22}not on this backend", published::number(topic), published::entry(topic).title);
        else
            print_rungs(page, c, topic, judgements);
}

void print_summary(Page& page, const Comparison& c, const std::vector<Judgement>& judgements) {
    const std::vector<Gauge> by = gauges(c);
    print_rungs_heading(page, c, by.front(), true);
    auto fixes = c.topics | std::views::filter(published::is_fix);
    for (const Topic fix : fixes) print_rungs(page, c, fix, judgements);
    for (const Judgement& j : judgements)
        if (!j.topic)
            page.line("{:<46}{:<47}  {:<12}{}", "all, beyond fix 1", spread_text(j.ratio), claim_text(j.claim),
                      verdict_text(j));
    print_opportunities(page, c, judgements);
    page.line();
    page.line("  {}error ratio: the worst of all lengths; the bound is {}.",
              c.timed ? "(q1-q3): interquartile range of the ratio.  " : "", c.error_bound);
    page.line("  *: the class never reached the code that this fix changed, so its users saw none of it.");
    for (const Gauge& gauge : by | std::views::drop(1)) {
        print_rungs_heading(page, c, gauge, false);
        for (const Topic fix : fixes) page.line("{}", rungs_text(c, fix, gauge));
    }
}

void print_claims(Page& page, const Comparison& c, const std::vector<Judgement>& judgements) {
    page.heading("What the report claims");
    for (const Judgement& j : judgements) {
        page.line("{}  {}", j.topic ? std::to_string(static_cast<int>(*j.topic)) : "-",
                  wrapped(fmt::format("\"{}\"", j.claim.words), 3));
        if (j.ratio)
            page.line(
                "   {}",
                wrapped(fmt::format("measured {}{} against {} ({}): {}", spread_text(j.ratio),
                                    j.tokens == c.lengths.back().tokens ? "" : fmt::format(" at n = {}", j.tokens),
                                    claim_text(j.claim), j.claim.reading, j.words),
                        3));
        else if (j.exponent)
            page.line("   {}", wrapped(fmt::format("counted {} against O(n) ({}): {}", exponent_text(j.exponent),
                                                   j.claim.reading, j.words),
                                       3));
        else
            page.line("   {}", j.words);
        page.line("   {}", wrapped("in the class: " + j.claim.fact, 3));
    }
}

void print_effort(Page& page, const Comparison& c) {
    if (!c.timed) {
        page.line("Whole comparison: {:.0f} s.", c.seconds);
        return;
    }
    std::vector<std::string> repetitions;
    for (const AtLength& at : c.lengths) repetitions.push_back(fmt::format("{} at n = {}", at.repetitions, at.tokens));
    page.line("{}", wrapped(fmt::format("Repetitions, interleaved in random order: {}. Allocations are those of one "
                                        "call. Whole comparison: {:.0f} s.",
                                        fmt::join(repetitions, ", "), c.seconds),
                            0));
}

} // namespace

std::string table(const Comparison& comparison) {
    Page page;
    print_setting(page, comparison);
    if (comparison.lengths.empty()) {
        page.line("Nothing was measured.");
        return page.text;
    }
    const std::vector<Judgement> judgements = judge(comparison);
    print_summary(page, comparison, judgements);
    print_claims(page, comparison, judgements);
    print_waterfall(page, comparison);
    for (const Topic topic : comparison.topics) print_topic(page, comparison, published::entry(topic));
    page.line();
    print_effort(page, comparison);
    return page.text;
}

} // namespace dra::benchmarks
