#pragma once
/// \file
/// Properties that any right implementation has, each as a question about a black box that can be run: is it violated?
///
/// The first compares with the oracle. The others need none: they run the box again on tensors that were changed in a
/// way whose effect is known.

#include "reference/defects/catalogue.hpp"
#include "reference/definition/half_precision.hpp"
#include "tests/problems.hpp"

#include <functional>
#include <string>
#include <vector>

namespace dra::defects::test {

/// What is judged: anything that takes a problem and its tensors.
using Box = std::function<Observation(const Problem&, const Inputs&)>;

/// A problem with tensors that may be changed.
struct PosedProblem {
    Problem problem;
    Tensor<double> q, k, v, dout;
    bool steep = false; ///< some scores pass 100: differences are no derivatives

    /// A random one; everything depends on the seed. Every sixth is steep, every seventh has q = 0. Exact in bf16.
    explicit PosedProblem(std::uint64_t seed);

    Inputs inputs() const { return {{q, k, v}, dout.view()}; }
    PosedProblem on_ring(Index ranks) const;
    Observation run(const Box& box) const { return box(problem, inputs()); }
    /// How often query head h sees key j from i, by the definition.
    Index seen(Index h, Index i, Index j) const {
        return times_seen(problem, h / problem.query_heads_per_kv_head(), i, j);
    }
};

/// A property, and the question whether a box violates it.
struct Property {
    std::string name;
    std::function<bool(const Box&, Kind, const PosedProblem&)> violated;
};

const std::vector<Property>& properties();

} // namespace dra::defects::test
