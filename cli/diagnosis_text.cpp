#include "cli/diagnosis_text.hpp"

#include "cli/heat_map.hpp"
#include "reference/defects/probes.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <iterator>

namespace dra::cli {
namespace {

std::string remark(defects::Fit fit) {
    switch (fit) {
    case defects::Fit::equal: return "";
    case defects::Fit::close: return ", beyond the bounds, but next to nothing of the error is left";
    case defects::Fit::similar: return ", by the size of the error";
    }
    return "";
}

std::string heading(const defects::Diagnosis& diagnosis, const defects::Result& result) {
    if (!result.error.empty()) return fmt::format("wrong: it ended in an error: {}\n", result.error);
    std::string text = fmt::format("{}, as {}\n", diagnosis.correct ? "correct" : "wrong", name(result.dtype));
    const bool shares = result.dtype == DType::bf16 || result.dtype == DType::f16;
    for (const auto& [tensor, ratio] : diagnosis.errors.ratios) {
        const double bound = shares ? 1 : tensor[0] == 'd' ? gradient_bound : forward_bound;
        text += fmt::format("  {:<9} {:<10.3g} {} {}\n", tensor, ratio, ratio <= bound ? "within" : "beyond the bound",
                            bound);
    }
    return text;
}

} // namespace

std::string as_text(const defects::Diagnosis& diagnosis, const Problem& problem, const defects::Result& result) {
    std::string text = heading(diagnosis, result);
    const auto add = [&]<class... Values>(fmt::format_string<Values...> format, Values&&... values) {
        fmt::format_to(std::back_inserter(text), format, std::forward<Values>(values)...);
    };
    if (!diagnosis.correct) {
        for (const defects::RowErrors& errors : diagnosis.rows) {
            if (errors.wrong_rows() == 0) continue;
            for (const std::string& sentence : places(errors, problem)) add("  {}\n", sentence);
            text += text_heat_map(errors, problem);
        }
        text += diagnosis.matches.empty() ? "matches: no known defect\n" : "matches\n";
    } else if (!diagnosis.matches.empty()) {
        add("the result is right, its work is that of\n");
    }
    for (const defects::Match& match : diagnosis.matches)
        add("  {:<26} residual {:.2g}{}\n    {}: docs/defects.md#{}\n", match.id, match.residual, remark(match.fit),
            defects::defect(match.id).title, match.id);
    if (diagnosis.matches.size() > 1) {
        const std::string probe = defects::next_probe(diagnosis.matches);
        if (probe.empty())
            add("  no probe tells these apart\n");
        else
            add("  several fit; the next to run: probe {} (dra probe --emit DIR)\n", probe);
    }
    if (!diagnosis.violated.empty()) add("violated\n");
    for (const defects::Violation& violation : diagnosis.violated)
        add("  {:<26} {}\n", violation.property, violation.evidence);
    if (!diagnosis.invisible.empty()) add("not to be seen here, whether present or not\n");
    for (const defects::InvisibleDefect& hidden : diagnosis.invisible) add("  {:<26} {}\n", hidden.id, hidden.reason);
    return text;
}

std::string as_json(const defects::Diagnosis& diagnosis) {
    nlohmann::ordered_json json = {{"verdict", diagnosis.correct ? "correct" : "wrong"},
                                   {"error_ratios", diagnosis.errors.ratios},
                                   {"matches", nlohmann::ordered_json::array()},
                                   {"violated", nlohmann::ordered_json::array()}};
    for (const defects::Match& match : diagnosis.matches)
        json["matches"].push_back({{"id", match.id}, {"residual", match.residual}});
    for (const defects::Violation& violation : diagnosis.violated) json["violated"].push_back(violation.property);
    return json.dump(2) + "\n";
}

} // namespace dra::cli
