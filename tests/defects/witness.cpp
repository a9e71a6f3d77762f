#include "tests/defects/small_witnesses.hpp"

#include <doctest/doctest.h>

namespace dra::defects::test {
namespace {

constexpr Index largest_witness = 16;

TEST_CASE("no problem that comes before a defect's witness shows the defect") {
    const std::vector<Witness> problems = small_witnesses(largest_witness);
    MESSAGE(problems.size(), " problems of at most ", largest_witness, " by size");
    for (const Defect& defect : catalogue()) {
        const auto smallest =
            std::ranges::find_if(problems, [&](const Witness& witness) { return excess_on(witness, defect) > 1; });
        REQUIRE_MESSAGE(smallest != problems.end(), defect.id);
        MESSAGE(defect.id, ": ", text(*smallest), " after ", smallest - problems.begin(), " others, ",
                excess_on(*smallest, defect), " of its bound");
        CHECK(text(defect.witness) == text(*smallest));
    }
}

} // namespace
} // namespace dra::defects::test
