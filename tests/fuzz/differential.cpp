// The engine and the ring against the oracle, on problems that are drawn from the bytes.

#include "reference/attention/dilated_attention.hpp"
#include "reference/ring/ring_attention.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/problems.hpp"

#include <cstring>

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

template <class T> void check(const test::Question& asked) {
    const test::Inputs<T> inputs(asked);
    const Oracle truth = inputs.truth();
    const auto right = [&](const Attention<T>& result) {
        return error_ratios(inputs.problem, truth, result).forward() <= forward_bound;
    };
    require(right(dilated_attention<T>(inputs.problem, inputs.q, inputs.k, inputs.v)), "the engine agrees with the oracle");
    require(right(ring_attention<T>(inputs.problem, inputs.q, inputs.k, inputs.v)), "the ring agrees with the oracle");
}

} // namespace
} // namespace dra::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace dra;
    fuzz::Draws draws(data, size);
    const bool in_double = draws(0, 1) == 1;
    const test::Question asked = test::draw_question(std::ref(draws), {.tokens = 40, .head_dim = 20});
    in_double ? fuzz::check<double>(asked) : fuzz::check<float>(asked);
    return 0;
}
