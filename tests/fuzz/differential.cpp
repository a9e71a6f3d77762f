// The engine and the ring against the oracle, forward and backward, on problems that are drawn from the bytes.

#include "tests/both_ways.hpp"
#include "tests/fuzz/target.hpp"

#include <algorithm>
#include <cstring>
#include <iostream>

namespace dra::fuzz {
namespace {

/// Draws from bytes; from zeros when they are used up.
class Draws {
public:
    Draws(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}

    Index operator()(Index low, Index high) {
        std::uint32_t word = 0;
        const std::size_t taken = std::min(left_, high - low < 256 ? std::size_t{1} : sizeof word);
        if (taken > 0) std::memcpy(&word, data_, taken);
        data_ += taken, left_ -= taken;
        return low + word % (high - low + 1);
    }

private:
    const std::uint8_t* data_;
    std::size_t left_;
};

/// A problem of any kind: groups and mixtures, grouped queries, rings, dropout, constant mixing weights.
test::Question draw_problem(Draws& draws) {
    test::Question asked = test::draw_question(std::ref(draws), {.tokens = 40, .head_dim = 20});
    asked.configuration.dropout = static_cast<double>(draws(0, 9)) / 10;
    asked.configuration.dropout_seed = static_cast<std::uint64_t>(draws(0, 1000));
    asked.configuration.stop_gradient_mixing = draws(0, 1) == 1;
    // Of few keys, gradients are differences of equal numbers, and all that is left is rounding.
    asked.q.tokens += asked.configuration.dropout > 0 ? 24 : 7;
    return asked;
}

/// Whether max |dP| of every head that sees a key is well above rounding of its terms, which are about 1 / (1 -
/// dropout) each. By chance all of a few pairs may have a dP near 0: dq and dk are then rounding alone, and their floor
/// is as small.
bool dp_is_large(const Oracle& truth, double dropout) {
    return std::ranges::all_of(truth.magnitudes,
                               [&](const Magnitudes& head) { return head.dp == 0 || head.dp * (1 - dropout) >= 2; });
}

/// Ends in a finding, with its figures, unless the result agrees with the truth.
void require_agreement(const Oracle& truth, ErrorRatios ratios, const test::Question& asked, const char* property) {
    if (!dp_is_large(truth, asked.configuration.dropout)) ratios.dq = ratios.dk = 0;
    if (!ratios.within_bounds()) {
        std::cerr << asked << " dropout " << asked.configuration.dropout;
        fmt::print(stderr, "\nerror ratios: out {} lse {} dq {} dk {} dv {}\n", ratios.out, ratios.lse, ratios.dq,
                   ratios.dk, ratios.dv);
    }
    require(ratios.within_bounds(), property);
}

template <class T> void check(const test::Question& asked) {
    const test::GradientInputs<T> inputs(asked);
    const Oracle truth = inputs.truth();
    const auto compare = [&](const test::Both<T>& found, const char* property) {
        require_agreement(truth, error_ratios(inputs.problem, truth, found.forward, &found.backward), asked, property);
    };
    compare(test::run(inputs), "the engine agrees with the oracle, forward and backward");
    compare(test::run_ring(inputs), "the ring agrees with the oracle, forward and backward");
}

} // namespace
} // namespace dra::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace dra;
    fuzz::Draws draws(data, size);
    const bool in_double = draws(0, 1) == 1;
    const test::Question asked = fuzz::draw_problem(draws);
    in_double ? fuzz::check<double>(asked) : fuzz::check<float>(asked);
    return 0;
}
