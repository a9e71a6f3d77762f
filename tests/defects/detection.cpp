#include "tests/defects/properties.hpp"

#include <doctest/doctest.h>

#include <map>
#include <sstream>

namespace dra::defects::test {
namespace {

constexpr std::uint64_t problems = 60;

/// How many of the random problems violate each property.
std::map<std::string, Index> violations(const Box& box, Kind kind) {
    std::map<std::string, Index> counts;
    for (std::uint64_t seed = 1; seed <= problems; ++seed) {
        const PosedProblem posed(seed);
        for (const Property& property : properties()) counts[property.name] += property.violated(box, kind, posed);
    }
    return counts;
}

std::string text(const std::map<std::string, Index>& counts) {
    std::ostringstream stream;
    for (const auto& [name, count] : counts)
        if (count > 0) stream << "\n    " << count << " " << name;
    return stream.str();
}

TEST_CASE("right ingredients have every property on random problems") {
    const Box box = [](const Problem& problem, const Inputs& inputs) { return observe({}, problem, inputs); };
    for (const Kind kind : {Kind::value, Kind::gradient, Kind::precision}) {
        const auto counts = violations(box, kind);
        MESSAGE("violations, judged by ", name(kind), ": ", text(counts));
        for (const auto& [property, count] : counts) {
            CAPTURE(property);
            CHECK(count == 0);
        }
    }
}

TEST_CASE("every defect is detected by at least two properties, one of which needs no oracle") {
    for (const Defect& defect : catalogue()) {
        const Box box = [&](const Problem& problem, const Inputs& inputs) {
            return observe(defect.first(problem), problem, inputs);
        };
        const auto counts = violations(box, defect.kind);
        const auto detecting = std::ranges::count_if(counts, [](const auto& count) { return count.second > 0; });
        MESSAGE(defect.id, ", of ", problems, " problems:", text(counts));
        CHECK(detecting >= 2);
        CHECK(detecting - (counts.at("is the oracle's") > 0) >= 1);
    }
}

} // namespace
} // namespace dra::defects::test
