#include "tests/defects/small_witnesses.hpp"

#include <doctest/doctest.h>

#include <set>

namespace dra::defects::test {
namespace {

TEST_CASE("every defect's witness fails against the oracle beyond the bound, and the right ingredients pass on it") {
    for (const Defect& defect : catalogue()) {
        const double wrong = excess_on(defect.witness, defect), right = excess_on(defect.witness, defect, true);
        MESSAGE(defect.id, ": ", wrong, " of its bound, right ingredients ", right);
        CHECK(wrong > 1);
        CHECK(right <= 1);
    }
}

} // namespace
} // namespace dra::defects::test
