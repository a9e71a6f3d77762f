#include "benchmarks/table.hpp"

#include "benchmarks/quantities.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iterator>

namespace dra::benchmarks {
namespace {

using published::Entry;
using published::Fix;
using published::Quantity;
using published::Rung;
using published::rungs_of_a_fix;

constexpr std::size_t columns = 118;
constexpr std::size_t lengths_across = 4;

/// Words broken into lines, all but the first indented.
std::string wrapped(const std::string& words, std::size_t indent) {
    std::string text;
    std::size_t used = indent;
    for (std::size_t begin = 0; begin < words.size();) {
        const std::size_t end = std::min(words.find(' ', begin), words.size());
        if (used + end - begin + 1 > columns && used > indent) {
            text += '\n' + std::string(indent, ' ');
            used = indent;
        } else if (used > indent) {
            text += ' ', ++used;
        }
        text += words.substr(begin, end - begin);
        used += end - begin;
        begin = end + 1;
    }
    return text;
}

/// Text that grows line by line.
class Page {
public:
    template <class... Args> void line(fmt::format_string<Args...> format, Args&&... args) {
        fmt::format_to(std::back_inserter(text), format, std::forward<Args>(args)...);
        text.erase(text.find_last_not_of(' ') + 1);
        text += '\n';
    }
    void line() { text += '\n'; }
    void heading(const std::string& words) { line("\n{}\n{}", words, std::string(words.size(), '-')); }

    std::string text;
};

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
    page.line("Dilated ring attention: {} before, after and principled", c.fixes.size() == 1 ? "a fix" : "the fixes");
    page.line();
    page.line("B = {}, H = {}{}, D = {}, {}, patterns (w, r) = {}, {}, ring of {}, {} thread{}", c.batch, c.heads,
              c.kv_heads == c.heads ? "" : fmt::format(" on {} KV heads", c.kv_heads), c.head_dim,
              c.in_double ? "double" : "float", patterns, c.causal ? "causal" : "not causal", c.ranks, c.threads,
              c.threads == 1 ? "" : "s");
    page.line("n = {}; every result was verified against the float64 oracle before it was timed",
              fmt::join(lengths, ", "));
    for (const Remark& out : c.left_out) page.line("n = {} was left out: {}", out.tokens, out.words);
}

/// The largest error ratio of a fix, over lengths, rungs and forms.
double worst_error(const Comparison& c, Fix fix) {
    double worst = 0;
    for (const AtLength& at : c.lengths)
        for (const Rung rung : rungs_of_a_fix) {
            worst = std::max(worst, at.isolated.at(fix)[static_cast<std::size_t>(rung)].error_ratio);
            if (const Measurement* m = at.pipeline(c.end_to_end(fix, rung))) worst = std::max(worst, m->error_ratio);
        }
    return worst;
}

void print_summary(Page& page, const Comparison& c, const std::vector<Judgement>& judgements) {
    const AtLength& at = c.lengths.back();
    page.heading(fmt::format("Time before / time of the rung at n = {}: above 1 is a gain", at.tokens));
    page.line("{:<24}{:^20}{:^42}{:>7}  {:<12}{}", "", "alone", "end to end, the other fixes at before", "error", "",
              "");
    page.line("{:<24}{:>9}{:>11}  {:<20}{:<20}{:>7}  {:<12}{}", "fix", "after", "principled", "after", "principled",
              "ratio", "claim", "verdict");
    const auto gain = [](const Measurement* slow, const Measurement* quick) {
        const auto ratio = time_ratio(slow, quick);
        return ratio ? times_text(ratio->median) : "-";
    };
    for (const Fix fix : c.fixes) {
        const Ladder& alone = at.isolated.at(fix);
        const auto end_to_end = [&](Rung rung) { return at.pipeline(c.end_to_end(fix, rung)); };
        const auto against_before = [&](Rung rung) {
            return spread_text(time_ratio(end_to_end(Rung::before), end_to_end(rung)));
        };
        std::string row =
            fmt::format("{:<24}{:>9}{:>11}  {:<20}{:<20}{:>7.3g}",
                        fmt::format("{} {}", static_cast<int>(fix), published::entry(fix).title),
                        gain(&alone[0], &alone[1]), gain(&alone[0], &alone[2]), against_before(Rung::after),
                        against_before(Rung::principled), worst_error(c, fix));
        for (const Judgement& j : judgements) {
            if (j.fix != fix) continue;
            page.line("{:<93}  {:<12}{}", row, claim_text(j.claim), verdict_text(j));
            row.clear();
        }
    }
    for (const Judgement& j : judgements)
        if (!j.fix)
            page.line("{:<46}{:<47}  {:<12}{}", "all, beyond fix 1", spread_text(j.ratio), claim_text(j.claim),
                      verdict_text(j));
    page.line();
    page.line("  (q1-q3): interquartile range of the ratio.  error ratio: the worst of all lengths; the bound is {}.",
              forward_bound);
    page.line("  *: the class never reached the code that this fix changed, so its users saw none of it.");
}

void print_claims(Page& page, const std::vector<Judgement>& judgements) {
    page.heading("What the report claims");
    for (const Judgement& j : judgements) {
        page.line("{}  {}", j.fix ? std::to_string(static_cast<int>(*j.fix)) : "-",
                  wrapped(fmt::format("\"{}\"", j.claim.words), 3));
        if (j.ratio)
            page.line("   {}", wrapped(fmt::format("measured {} against {} ({}): {}", spread_text(j.ratio),
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

void print_waterfall(Page& page, const Comparison& c) {
    if (c.waterfall.empty()) return;
    const AtLength& at = c.lengths.back();
    page.heading(fmt::format("One fix after another, end to end, n = {}", at.tokens));
    page.line("{:<40}{:>10}  {:<24}{:<24}{:>10}{:>8}", "", "time", "against before", "against the step above", "FLOPs",
              "error");
    const Measurement* before = at.pipeline(c.waterfall.front().key);
    const Measurement* above = nullptr;
    for (const WaterfallStep& step : c.waterfall) {
        const Measurement* m = at.pipeline(step.key);
        page.line("{:<40}{:>10}  {:<24}{:<24}{:>10}{:>8.3g}", step.title, seconds_text(spread(m->later).median),
                  spread_text(time_ratio(before, m)), spread_text(time_ratio(above, m)),
                  count_text(static_cast<double>(m->later_counts.flops)), m->error_ratio);
        above = m;
    }
}

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

/// A row of a fix's two tables: a rung, alone or end to end.
struct DetailRow {
    std::string form, title;
    std::function<const Measurement*(const AtLength&)> which, before;
    bool first = false; ///< first calls instead of later ones

    const Samples& samples(const AtLength& at) const { return first ? which(at)->first : which(at)->later; }
};

std::vector<DetailRow> detail_rows(const Comparison& c, Fix fix) {
    std::vector<DetailRow> rows;
    for (const bool alone : {true, false})
        for (const Rung rung : rungs_of_a_fix) {
            const auto at_rung = [&c, fix, alone](Rung r) -> std::function<const Measurement*(const AtLength&)> {
                if (alone)
                    return [fix, r](const AtLength& at) { return &at.isolated.at(fix)[static_cast<std::size_t>(r)]; };
                return [key = c.end_to_end(fix, r)](const AtLength& at) { return at.pipeline(key); };
            };
            DetailRow row{rung == Rung::before ? (alone ? "alone" : "end to end") : "", published::name(rung),
                          at_rung(rung), at_rung(Rung::before)};
            const bool told_apart = fix == Fix::caching && row.which(c.lengths.back())->tells_first_from_later;
            rows.push_back(row);
            if (!told_apart) continue;
            rows.push_back(row);
            rows.back().form.clear();
            rows.back().title = "  its first call";
            rows.back().first = true;
        }
    return rows;
}

void print_detail(Page& page, const Comparison& c, const Entry& entry) {
    const Counted counted = counted_of(entry.fix);
    const std::vector<DetailRow> rows = detail_rows(c, entry.fix);
    const std::size_t skipped = c.lengths.size() - std::min(c.lengths.size(), lengths_across);
    page.heading(fmt::format("Fix {}: {}", entry.number(), entry.title));
    page.line("{}", wrapped(entry.teaches, 0));
    for (const Rung rung : rungs_of_a_fix)
        page.line("  {:<11} {}", published::name(rung),
                  wrapped(fmt::format("{}. {}", entry[rung].title, entry[rung].sentence), 14));
    if (entry.fix == Fix::double_computation)
        page.line("  {}", wrapped(fmt::format("Compared not causal, end to end on a ring of {}: the class reached this "
                                              "branch only when not causal, "
                                              "and only on one rank.",
                                              c.ranks),
                                  2));

    page.line();
    std::string header = fmt::format("{:<28}", "time (q1-q3) at n =");
    for (std::size_t i = skipped; i < c.lengths.size(); ++i) header += fmt::format("{:<21}", c.lengths[i].tokens);
    page.line("{}{}", header, "grows");
    for (const DetailRow& row : rows) {
        std::string line = fmt::format("{:<11}{:<17}", row.form, row.title);
        const Measurement& largest = *row.which(c.lengths.back());
        if (!largest.absent.empty()) {
            page.line("{}nothing to do: {}", line, largest.absent);
            continue;
        }
        for (std::size_t i = skipped; i < c.lengths.size(); ++i)
            line += fmt::format("{:<21}", time_text(row.samples(c.lengths[i])));
        page.line("{}{}", line, row.first ? "" : exponent_text(exponents(c, counted, row.which).time));
    }

    page.line();
    page.line("{:<28}{:<21}{:>7}{:>10}{:>10}{:>15}{:>8}{:>9}{:>9}", fmt::format("at n = {}", c.lengths.back().tokens),
              "before / rung", "allocs", "bytes", "peak", counted.name, "grows", "FLOPs", "error");
    for (const DetailRow& row : rows) {
        const Measurement& m = *row.which(c.lengths.back());
        if (!m.absent.empty()) continue;
        const published::Counts& counts = row.first ? m.first_counts : m.later_counts;
        const Allocations& a = row.first ? m.first_allocations : m.later_allocations;
        const bool known = allocations_counted();
        const std::optional<Spread> gain = row.first ? ratio(row.before(c.lengths.back())->later, m.first)
                                                     : time_ratio(row.before(c.lengths.back()), &m);
        page.line("{:<11}{:<17}{:<21}{:>7}{:>10}{:>10}{:>15}{:>8}{:>9}{:>9}", row.form, row.title, spread_text(gain),
                  known ? count_text(static_cast<double>(a.number)) : "absent",
                  known ? bytes_text(static_cast<double>(a.bytes)) : "absent",
                  known ? bytes_text(static_cast<double>(a.peak_bytes)) : "absent",
                  count_text(static_cast<double>(counted.of(counts))),
                  row.first ? "" : exponent_text(exponents(c, counted, row.which).elements),
                  count_text(static_cast<double>(counts.flops)), error_text(m));
        if (!row.first && counts.mask_bytes_kept > 0)
            page.line("{:<28}keeps {} of masks for later calls", "",
                      bytes_text(static_cast<double>(counts.mask_bytes_kept)));
        if (m.error_ratio_as_published)
            page.line("{:<28}as published, with every chunk's sum set to 1, its error ratio is {:.2g}: wrong", "",
                      *m.error_ratio_as_published);
    }
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
    print_claims(page, judgements);
    print_waterfall(page, comparison);
    for (const Fix fix : comparison.fixes) print_detail(page, comparison, published::entry(fix));
    page.line();
    std::vector<std::string> repetitions;
    for (const AtLength& at : comparison.lengths)
        repetitions.push_back(fmt::format("{} at n = {}", at.repetitions, at.tokens));
    page.line("{}", wrapped(fmt::format("Repetitions, interleaved in random order: {}. Allocations are those of one "
                                        "call. Whole comparison: {:.0f} s.",
                                        fmt::join(repetitions, ", "), comparison.seconds),
                            0));
    return page.text;
}

} // namespace dra::benchmarks
