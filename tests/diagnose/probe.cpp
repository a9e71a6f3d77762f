#include "reference/defects/probes.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

namespace dra::defects::test {
namespace {

/// Pairs that no problem tells apart. On chunks of equal length the last key of a chunk that begins at `offset` lies
/// below 2 * offset, so `row + offset >= col` is true of all of it: what mask-sign sees is what mask-dropped sees.
const std::set<std::set<std::string>> same_everywhere = {{"mask-sign", "mask-dropped"}};

/// The most forms that a defect has in any probe.
std::size_t forms_of(const Defect& defect) {
    std::size_t most = 1;
    for (const Probe& probe : probes())
        if (const Problem problem = sample(probe).problem; defect.hidden(problem).empty())
            most = std::max(most, defect.forms(problem).size());
    return most;
}

std::map<std::string, Result> answers_of(const Defect& defect, std::size_t form) {
    std::map<std::string, Result> answers;
    for (const Probe& probe : probes()) answers[probe.name] = answer(probe, defect, form);
    return answers;
}

} // namespace

TEST_CASE("the probes name every form of every defect, and nothing beside it that could be told apart") {
    std::set<std::set<std::string>> not_told_apart;
    std::size_t forms = 0;
    for (const Defect& defect : catalogue())
        for (std::size_t form = 0; form < forms_of(defect); ++form, ++forms) {
            CAPTURE(defect.id);
            CAPTURE(form);
            const ProbeVerdict verdict = check(answers_of(defect, form));
            const auto named = std::ranges::find(verdict.matches, defect.id, &Match::id);
            CHECK(named != verdict.matches.end());
            for (const Match& match : verdict.matches)
                if (match.id != defect.id && not_told_apart.insert({defect.id, match.id}).second)
                    MESSAGE(defect.id, ", form ", form, ", is not told apart from ", match.id);
        }
    MESSAGE(probes().size(), " probes name ", forms, " forms of ", catalogue().size(),
            " defects; pairs not told apart: ", not_told_apart.size());
    CHECK(forms > catalogue().size());
    CHECK(not_told_apart == same_everywhere);
}

TEST_CASE("the probes accuse no right program") {
    std::map<std::string, Result> answers;
    for (const Probe& probe : probes()) {
        const Sample posed = sample(probe);
        answers[probe.name] = result_of(observe({}, posed.problem, posed.inputs(probe.gradients)), probe.dtype);
    }
    const ProbeVerdict verdict = check(answers);
    CHECK(verdict.results.size() == probes().size());
    CHECK(verdict.correct);
    CHECK(verdict.matches.empty());
}

} // namespace dra::defects::test
