#include "tests/defects/properties.hpp"

#include <doctest/doctest.h>

namespace dra::defects::test {
namespace {

constexpr std::uint64_t problems = DRA_RANDOM_PROBLEMS;

TEST_CASE("where a condition says that a defect cannot show, no form of it does") {
    for (const Defect& defect : catalogue()) {
        Index hidden = 0, shown = 0;
        double largest = 0;
        for (std::uint64_t seed = 1; seed <= problems; ++seed) {
            const PosedProblem posed(seed);
            Inputs inputs = posed.inputs();
            if (defect.kind != Kind::gradient) inputs.dout.reset();
            const Oracle truth = oracle<double>(posed.problem, inputs, inputs.dout);
            if (defect.hidden(posed.problem).empty()) {
                shown += visible(defect, posed.problem, inputs, truth);
                continue;
            }
            ++hidden;
            for (const Ingredients& wrong : defect.forms(posed.problem)) {
                const double found =
                    excess(defect.kind, observe(wrong, posed.problem, inputs), posed.problem, inputs, truth);
                largest = std::max(largest, found);
                if (found > 1) FAIL_CHECK(defect.id, " shows on seed ", seed, ", where ", defect.hidden(posed.problem));
            }
        }
        MESSAGE(defect.id, ": of ", problems, " problems hidden in ", hidden, " (largest error there ", largest,
                " of its bound), visible in ", shown);
    }
}

} // namespace
} // namespace dra::defects::test
