// How few problems could tell the defects apart? A search over random small problems, beside the probes that are
// stored.

#include "reference/defects/probes.hpp"
#include "tests/problems.hpp"

#include <doctest/doctest.h>

#include <algorithm>

namespace dra::defects::test {
namespace {

constexpr int candidates = 400;

/// A form of a defect, counted as answer() counts.
struct Form {
    const Defect* defect;
    std::size_t form;
};

/// All forms that have results of their own; the first stands for a right program. Cost shows in no result.
std::vector<Form> all_forms() {
    std::vector<Form> forms{{nullptr, 0}};
    for (const Defect& defect : catalogue()) {
        if (defect.kind == Kind::cost) continue;
        std::size_t most = 1;
        for (const Probe& probe : probes())
            if (const Problem problem = sample(probe).problem; defect.hidden(problem).empty())
                most = std::max(most, defect.forms(problem).size());
        for (std::size_t form = 0; form < most; ++form) forms.push_back({&defect, form});
    }
    return forms;
}

/// A random probe of a seed.
Probe drawn(std::uint64_t seed) {
    dra::test::SeededDraw draw(seed);
    const dra::test::Question asked = dra::test::draw_question(std::ref(draw), {.tokens = 24, .head_dim = 8});
    Probe probe{.name = "random", .shows = "", .posed = {asked.q, asked.kv_heads, asked.configuration}};
    probe.posed.q.batch = 1;
    probe.posed.configuration.softmax_scale.reset();
    probe.posed.configuration.ranks = 1 + asked.configuration.ranks % 7;
    probe.posed.draw = static_cast<Draw>(std::max<Index>(draw(-2, 2), 0));
    probe.gradients = draw(0, 3) == 0;
    probe.decoded = asked.configuration.causal && draw(0, 3) == 0;
    probe.dtype = draw(0, 4) == 0 ? DType::bf16 : draw(0, 4) == 0 ? DType::f64 : DType::f32;
    return probe;
}

/// What each form answers to a probe. Another program than the one with the defect may be the one that decodes.
std::vector<Result> answers(const Probe& probe, const std::vector<Form>& forms, const Problem& problem,
                            const Inputs& inputs) {
    const Result right = result_of(observe({}, problem, inputs), probe.dtype);
    std::vector<Result> answers;
    for (const auto& [defect, form] : forms) {
        const bool shows_here = defect && concerns(probe, defect->kind) && defect->hidden(problem).empty() &&
                                (!probe.decoded || defect->kind == Kind::decoding);
        if (!shows_here) {
            answers.push_back(right);
            continue;
        }
        const std::vector<Ingredients> wrong = defect->forms(problem);
        Inputs given = inputs;
        if (defect->kind != Kind::gradient) given.dout.reset();
        answers.push_back(result_of(observe(wrong[std::min(form, wrong.size() - 1)], problem, given), probe.dtype));
    }
    return answers;
}

/// Of every pair of forms of different defects, whether the probe's answers differ beyond the bounds of its type.
std::vector<bool> separated(const Probe& probe, const std::vector<Form>& forms) {
    const Sample posed = sample(probe);
    const Inputs inputs = posed.inputs(probe.gradients);
    const Oracle truth = oracle<double>(posed.problem, inputs, inputs.dout);
    const Bounds bounds(probe.dtype, posed.problem, inputs, truth);
    const std::vector<Result> given = answers(probe, forms, posed.problem, inputs);
    std::vector<bool> pairs;
    for (std::size_t a = 0; a < forms.size(); ++a)
        for (std::size_t b = a + 1; b < forms.size(); ++b) {
            if (forms[a].defect == forms[b].defect) continue;
            const bool both_end = !given[a].error.empty() && !given[b].error.empty();
            const bool one_ends = !both_end && (!given[a].error.empty() || !given[b].error.empty());
            pairs.push_back(one_ends || (!both_end && !bounds.compare(given[a], given[b]).within_bounds()));
        }
    return pairs;
}

using Pairs = std::vector<bool>;

std::size_t newly(const Pairs& pairs, const Pairs& known) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < pairs.size(); ++i) count += pairs[i] && !known[i];
    return count;
}

Pairs together(const std::vector<Pairs>& sets) {
    Pairs all(sets.front().size());
    for (const Pairs& set : sets)
        for (std::size_t i = 0; i < all.size(); ++i) all[i] = all[i] || set[i];
    return all;
}

/// Of these sets the fewest that greedy set cover finds to separate all that they separate together.
std::size_t greedy_cover(const std::vector<Pairs>& sets) {
    Pairs known(sets.front().size());
    for (std::size_t chosen = 0;; ++chosen) {
        const auto best = std::ranges::max_element(sets, {}, [&](const Pairs& set) { return newly(set, known); });
        if (newly(*best, known) == 0) return chosen;
        known = together({known, *best});
    }
}

} // namespace

TEST_CASE("no random small problem separates a pair of defect forms that the probes do not" * doctest::skip()) {
    const std::vector<Form> forms = all_forms();
    std::vector<Pairs> stored(probes().size()), random(candidates);
#pragma omp parallel for schedule(dynamic, 1)
    for (std::size_t i = 0; i < stored.size(); ++i) stored[i] = separated(probes()[i], forms);
#pragma omp parallel for schedule(dynamic, 1)
    for (std::size_t i = 0; i < random.size(); ++i) random[i] = separated(drawn(i + 1), forms);

    const Pairs by_probes = together(stored), by_random = together(random);
    std::vector<std::string> needless;
    for (std::size_t i = 0; i < stored.size(); ++i) {
        std::vector<Pairs> others = stored;
        others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
        if (newly(stored[i], together(others)) == 0) needless.push_back(probes()[i].name);
    }
    std::vector<Pairs> all = stored;
    all.insert(all.end(), random.begin(), random.end());
    const Pairs none(by_probes.size());
    const std::size_t wrong = forms.size() - 1;
    MESSAGE(wrong, " forms and the right program: ", by_probes.size(), " pairs; separated by the ", stored.size(),
            " probes ", newly(by_probes, none), ", by ", candidates, " random problems ", newly(by_random, none),
            "; only by the latter ", newly(by_random, by_probes));
    MESSAGE("greedy cover: ", greedy_cover(stored), " of the probes for all that they separate, ", greedy_cover(all),
            " of probes and random problems for all that any separates");
    for (const std::string& name : needless) MESSAGE("separates no pair that the others do not: ", name);
    CHECK(newly(by_probes, none) > 0);
    CHECK(newly(by_random, by_probes) == 0);
}

} // namespace dra::defects::test
