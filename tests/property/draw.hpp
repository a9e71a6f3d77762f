#pragma once
/// \file
/// Properties: what holds for every problem, tried on random ones. How many is RC_PARAMS' max_success; the seed,
/// printed first, replays a run (RC_PARAMS="seed=...").

#include "tests/problems.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

namespace dra::test {

/// An index between the two, both included; a failing case shrinks towards `low`.
inline Index draw_index(Index low, Index high) { return *rc::gen::inRange<Index>(low, high + 1); }

/// A random problem, shown when the property fails.
inline Question draw_problem(Limits limits = {}) {
    const Question asked = draw_question(draw_index, limits);
    RC_LOG() << asked;
    return asked;
}

/// Fails the doctest case when property() fails for some draw; says how often it was called, and the largest figure
/// that it returned.
template <class Property> void for_all(Property property) {
    Index cases = 0;
    double largest = 0;
    CHECK(rc::check([&] {
        largest = std::max(largest, static_cast<double>(property()));
        ++cases;
    }));
    MESSAGE(cases, " cases, largest figure ", largest);
    CHECK(cases > 0);
}

/// The error ratio of x against y, with the magnitudes of the problem's oracle.
template <class T> double ratio(const Problem& problem, Oracle truth, const Attention<T>& x, const Attention<T>& y) {
    truth.attention.out = y.out.template cast<double>();
    truth.attention.lse.flat() = y.lse.flat().template cast<double>();
    return error_ratios(problem, truth, x).forward();
}

} // namespace dra::test
