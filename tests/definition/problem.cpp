#include "tests/definition/plain_inputs.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <type_traits>

namespace dra::test {
namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

} // namespace

TEST_CASE("validate fills in every default") {
    const Problem problem = validate(plain(), plain_inputs());
    CHECK(problem.q_shape() == Shape{1, 16, 4, 8});
    CHECK(problem.kv_shape() == Shape{1, 16, 2, 8});
    CHECK(problem.query_heads_per_kv_head() == 2);
    CHECK(problem.mode == Mode::groups);
    CHECK(problem.phase == PhaseRule::group);
    CHECK_FALSE(problem.causal);
    CHECK(problem.softmax_scale == 1 / std::sqrt(8.0));
    CHECK(problem.ranks == 1);
    CHECK(problem.layout == Layout::contiguous);
    CHECK_FALSE(problem.stop_gradient_mixing);
    CHECK(problem.dropout == 0);
    CHECK(problem.dropout_seed == 0);

    Configuration mixture = plain();
    mixture.mode = Mode::mixture;
    CHECK(validate(mixture, plain_inputs()).phase == PhaseRule::head);
}

TEST_CASE("validate keeps what was chosen") {
    Configuration chosen{.segment_lengths = {5},
                         .dilation_rates = {5},
                         .mode = Mode::mixture,
                         .phase = PhaseRule::head_block,
                         .causal = true,
                         .softmax_scale = -0.25,
                         .ranks = 99,
                         .layout = Layout::zigzag,
                         .stop_gradient_mixing = true,
                         .dropout = 0.75,
                         .dropout_seed = 5};
    const Problem problem = validate(chosen, plain_inputs());
    CHECK(problem.segment_lengths == chosen.segment_lengths);
    CHECK(problem.dilation_rates == chosen.dilation_rates);
    CHECK(problem.mode == Mode::mixture);
    CHECK(problem.phase == PhaseRule::head_block);
    CHECK(problem.causal);
    CHECK(problem.softmax_scale == -0.25);
    CHECK(problem.ranks == 99);
    CHECK(problem.layout == Layout::zigzag);
    CHECK(problem.stop_gradient_mixing);
    CHECK(problem.dropout == 0.75);
    CHECK(problem.dropout_seed == 5);
}

TEST_CASE("patterns that break a rule are refused with the entry") {
    const auto message = [](std::vector<Index> w, std::vector<Index> r) {
        try {
            validate({.segment_lengths = std::move(w), .dilation_rates = std::move(r)}, plain_inputs());
        } catch (const PatternError& error) {
            return std::string(error.what());
        }
        return std::string("accepted");
    };
    CHECK(message({}, {}) == "segment_lengths = []: must have at least one entry");
    CHECK(message({4, 8}, {1}) == "dilation_rates = [1]: must have as many entries as segment_lengths = [4, 8]");
    CHECK(message({4}, {1, 2}) == "dilation_rates = [1, 2]: must have as many entries as segment_lengths = [4]");
    CHECK(message({0}, {1}) == "segment_lengths[0] = 0: must be at least 1");
    CHECK(message({4, -8}, {1, 1}) == "segment_lengths[1] = -8: must be at least 1");
    CHECK(message({4, 8}, {0, 1}) == "dilation_rates[0] = 0: must be between 1 and segment_lengths[0] = 4");
    CHECK(message({4, 8}, {1, -1}) == "dilation_rates[1] = -1: must be between 1 and segment_lengths[1] = 8");
    CHECK(message({4, 8}, {1, 9}) == "dilation_rates[1] = 9: must be between 1 and segment_lengths[1] = 8");
    CHECK(message({4, 8}, {4, 8}) == "accepted");
}

/// What is said of a scale, with tensors of a type.
std::string said_of_scale(double scale, DType dtype) {
    Configuration chosen = plain();
    chosen.softmax_scale = scale;
    const TensorInfo tensor = of_shape({1, 16, 4, 8}, dtype);
    try {
        validate(chosen, {tensor, tensor, tensor, std::nullopt});
    } catch (const PatternError& error) {
        return error.what();
    }
    return "accepted";
}

TEST_CASE("a scale that is not finite is refused") {
    CHECK(said_of_scale(not_a_number, DType::f32) == "softmax_scale = nan: must be finite");
    CHECK(said_of_scale(-infinity, DType::f64) == "softmax_scale = -inf: must be finite");
}

TEST_CASE_TEMPLATE("a scale is 0, or a normal number of the type that computes", T, float, double) {
    using Limits = std::numeric_limits<T>;
    const bool in_double = std::is_same_v<T, double>;
    const std::string rule = in_double ? ": must be 0 or of a magnitude that double holds, from 2.23e-308 to 1.79e+308"
                                       : ": must be 0 or of a magnitude that float holds, from 1.18e-38 to 3.40e+38";
    for (const DType dtype : {DType::f32, DType::f64, DType::bf16, DType::f16}) {
        if ((dtype == DType::f64) != in_double) continue;
        CAPTURE(name(dtype));
        for (const double sign : {1.0, -1.0}) {
            for (const double held : {0.0, double{Limits::min()}, 1.0, double{Limits::max()}})
                CHECK(said_of_scale(sign * held, dtype) == "accepted");
            CHECK(said_of_scale(sign * std::nextafter(double{Limits::min()}, 0), dtype).ends_with(rule));
            CHECK(said_of_scale(sign * double{Limits::denorm_min()}, dtype).ends_with(rule));
        }
    }
    if (in_double) return;
    CHECK(said_of_scale(std::nextafter(double{Limits::max()}, infinity), DType::f32).ends_with(rule));
    CHECK(said_of_scale(1e39, DType::f32) == "softmax_scale = 1e+39" + rule);
    CHECK(said_of_scale(-1e39, DType::bf16) == "softmax_scale = -1e+39" + rule);
    CHECK(said_of_scale(1e-50, DType::f16) == "softmax_scale = 1e-50" + rule);
    CHECK(said_of_scale(1e-300, DType::f32) == "softmax_scale = 1e-300" + rule);
}

TEST_CASE("ranks are 1 to 65,536, however many tokens there are") {
    Configuration chosen = plain();
    for (const Index ranks : {Index{0}, Index{-1}, Index{65'537}, std::numeric_limits<Index>::max()}) {
        chosen.ranks = ranks;
        CHECK_THROWS_WITH_AS(validate(chosen, plain_inputs()),
                             ("ranks = " + std::to_string(ranks) + ": must be between 1 and 65536").c_str(),
                             PatternError);
    }
    for (const Index tokens : {1, 16, 1 << 20}) {
        chosen.ranks = 65'536;
        CHECK(validate(chosen, inputs({1, tokens, 4, 8}, {1, tokens, 2, 8})).ranks == 65'536);
    }
}

TEST_CASE("a dropout outside [0, 1) is refused") {
    Configuration chosen = plain();
    for (const double p : {1.0, -0.25, 2.0, infinity, not_a_number}) {
        chosen.dropout = p;
        CHECK_THROWS_AS(validate(chosen, plain_inputs()), PatternError);
    }
    chosen.dropout = 1;
    CHECK_THROWS_WITH_AS(validate(chosen, plain_inputs()), "dropout = 1: must be at least 0 and below 1", PatternError);
    chosen.dropout = 1 - 0x1p-53;
    CHECK_NOTHROW(validate(chosen, plain_inputs()));
}

TEST_CASE("values that an enumeration does not have are refused with those it has") {
    CHECK_THROWS_WITH_AS(parse<Mode>("mode", "both"), "mode = both: must be one of groups, mixture", PatternError);
    CHECK_THROWS_WITH_AS(parse<PhaseRule>("phase", ""), "phase = : must be one of group, head, head-block",
                         PatternError);
    CHECK_THROWS_WITH_AS(parse<Layout>("layout", "Zigzag"),
                         "layout = Zigzag: must be one of contiguous, zigzag, segment-zigzag", PatternError);
    CHECK_THROWS_WITH_AS(parse<DType>("dtype", "I8"), "dtype = I8: must be one of F32, F64, BF16, F16", PatternError);

    Configuration mode = plain(), phase = plain(), layout = plain();
    mode.mode = static_cast<Mode>(7);
    phase.phase = static_cast<PhaseRule>(3);
    layout.layout = static_cast<Layout>(-1);
    CHECK_THROWS_WITH_AS(validate(mode, plain_inputs()), "mode = 7: must be one of groups, mixture", PatternError);
    CHECK_THROWS_WITH_AS(validate(phase, plain_inputs()), "phase = 3: must be one of group, head, head-block",
                         PatternError);
    CHECK_THROWS_WITH_AS(validate(layout, plain_inputs()),
                         "layout = -1: must be one of contiguous, zigzag, segment-zigzag", PatternError);
}

TEST_CASE("every name is parsed back to its value") {
    for (const Mode mode : {Mode::groups, Mode::mixture}) CHECK(parse<Mode>("mode", name(mode)) == mode);
    for (const PhaseRule rule : {PhaseRule::group, PhaseRule::head, PhaseRule::head_block})
        CHECK(parse<PhaseRule>("phase", name(rule)) == rule);
    for (const Layout layout : {Layout::contiguous, Layout::zigzag, Layout::segment_zigzag})
        CHECK(parse<Layout>("layout", name(layout)) == layout);
    for (const DType dtype : {DType::f32, DType::f64, DType::bf16, DType::f16})
        CHECK(parse<DType>("dtype", name(dtype)) == dtype);
}

TEST_CASE("tensors in memory are described by type and shape") {
    const Tensor<double> q({2, 3, 4, 5}, 0), kv({2, 3, 1, 5}, 0);
    const InputInfo described = info<double>({q, kv, kv});
    CHECK(described.q->dtype == DType::f64);
    CHECK(described.q->shape == std::vector<Index>{2, 3, 4, 5});
    CHECK(described.v->shape == std::vector<Index>{2, 3, 1, 5});
    CHECK_FALSE(described.dout.has_value());
    CHECK(info<float>(Tensor<float>({1, 1, 1, 1}, 0)).dtype == DType::f32);
}

TEST_CASE("the first element that is not finite is named") {
    Tensor<float> tensor({2, 3, 4, 5}, 1.0f);
    CHECK_NOTHROW(check_finite<float>("k", tensor));
    tensor(1, 2, 3, 4) = std::numeric_limits<float>::infinity();
    CHECK_THROWS_WITH_AS(check_finite<float>("k", tensor), "k[1, 2, 3, 4] = inf: must be finite", ShapeError);
    tensor(1, 0, 2, 1) = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_WITH_AS(check_finite<float>("k", tensor), "k[1, 0, 2, 1] = nan: must be finite", ShapeError);
    Tensor<double> doubles({1, 1, 1, 2}, -infinity);
    CHECK_THROWS_WITH_AS(check_finite<double>("v", doubles), "v[0, 0, 0, 0] = -inf: must be finite", ShapeError);
}

} // namespace dra::test
