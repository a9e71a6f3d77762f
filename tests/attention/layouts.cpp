#include "reference/attention/dilated_attention.hpp"
#include "reference/attention/dilated_attention_gradient.hpp"
#include "reference/attention/kv_cache.hpp"
#include "reference/ring/ring_attention.hpp"
#include "reference/ring/ring_attention_gradient.hpp"
#include "tests/gradients.hpp"

#include <doctest/doctest.h>

namespace dra::test {
namespace {

/// A tensor in another layout: [B, H, N, D], behind every row some elements that belong to nobody, and are NaN.
template <class T> class HeadsFirst {
public:
    explicit HeadsFirst(const Tensor<T>& x)
        : shape_(x.shape()), row_(shape_.head_dim + 3),
          elements_(Eigen::ArrayX<T>::Constant(shape_.batch * shape_.heads * shape_.tokens * row_,
                                               std::numeric_limits<T>::quiet_NaN())) {
        for (Index b = 0; b < shape_.batch; ++b)
            for (Index h = 0; h < shape_.heads; ++h) view().rows(b, h) = x.view().rows(b, h);
    }

    TensorView<T> view() {
        return {elements_.data(), shape_, {shape_.heads * shape_.tokens * row_, row_, shape_.tokens * row_}};
    }
    operator TensorView<T>() { return view(); }
    operator TensorView<const T>() { return view(); }

    /// Bit for bit, and nothing else was written.
    bool holds(const Tensor<T>& x) {
        bool same = elements_.isNaN().count() == elements_.size() - x.size();
        for (Index b = 0; b < shape_.batch; ++b)
            for (Index h = 0; h < shape_.heads; ++h) same = same && view().rows(b, h) == x.view().rows(b, h);
        return same;
    }

private:
    Shape shape_;
    Index row_;
    Eigen::ArrayX<T> elements_;
};

/// Patterns that leave rows out.
Question question(Mode mode, Index D) {
    return {{2, 45, 4, D},
            2,
            {.segment_lengths = {16, 30},
             .dilation_rates = {2, 3},
             .mode = mode,
             .causal = true,
             .ranks = 4,
             .layout = Layout::zigzag},
            3};
}

/// The tensors of a problem in another layout.
template <class T> struct OtherLayout {
    HeadsFirst<T> q, k, v, dout;

    explicit OtherLayout(const GradientInputs<T>& inputs) : q(inputs.q), k(inputs.k), v(inputs.v), dout(inputs.dout) {}

    operator InputsView<T>() { return {q, k, v}; }
};

TEST_CASE_TEMPLATE("tensors of another layout give the bits of contiguous ones, into tensors of another layout", T,
                   float, double) {
    for (const GradientInputs<T>& inputs :
         {GradientInputs<T>(question(Mode::mixture, 8)), GradientInputs<T>(question(Mode::groups, 13))}) {
        const Problem& problem = inputs.problem;
        const Attention<T> x = dilated_attention<T>(problem, inputs);
        const Gradients<T> dx = dilated_attention_gradient<T>(problem, inputs, x, inputs.dout);
        const Gradients<T> nobodys = poisoned_gradients<T>(problem);
        Attention<T> result = poisoned<T>(problem);
        OtherLayout<T> other(inputs);
        HeadsFirst<T> out(result.out), dq(nobodys.dq), dk(nobodys.dk), dv(nobodys.dv);
        CHECK_FALSE(out.view().is_contiguous());
        dilated_attention<T>(problem, other, {out, result.lse});
        CHECK(out.holds(x.out));
        CHECK((result.lse.flat() == x.lse.flat()).all());
        dilated_attention_gradient<T>(problem, other, {out, result.lse}, other.dout, {dq, dk, dv});
        CHECK(dq.holds(dx.dq));
        CHECK(dk.holds(dx.dk));
        CHECK(dv.holds(dx.dv));
    }
}

TEST_CASE_TEMPLATE("a ring, the oracle and a cache take tensors of another layout", T, float, double) {
    const GradientInputs<T> inputs(question(Mode::mixture, 8));
    const Problem& problem = inputs.problem;
    OtherLayout<T> other(inputs);
    const Attention<T> x = ring_attention<T>(problem, inputs), y = ring_attention<T>(problem, other);
    CHECK(same(x, y));
    CHECK(same(ring_attention_gradient<T>(problem, inputs, x, inputs.dout),
               ring_attention_gradient<T>(problem, other, x, other.dout)));
    const Oracle truth = oracle<T>(problem, other, other.dout.view()), expected = inputs.truth();
    CHECK(same(truth.attention, expected.attention));
    CHECK(same(*truth.gradients, *expected.gradients));

    KvCache<T> cache(problem);
    Attention<T> decoded = poisoned<T>(problem);
    HeadsFirst<T> out(decoded.out);
    cache.decode(other, {out, decoded.lse});
    CHECK(out.holds(dilated_attention<T>(problem, inputs).out));
}

TEST_CASE_TEMPLATE("a token of another layout is decoded as a contiguous one, where a group of heads fills the panel",
                   T, float, double) {
    const GradientInputs<T> inputs(
        {{1, 1, 4, 8}, 1, {.segment_lengths = {4}, .dilation_rates = {1}, .causal = true}, 3});
    OtherLayout<T> other(inputs);
    Attention<T> decoded = poisoned<T>(inputs.problem);
    HeadsFirst<T> out(decoded.out);
    KvCache<T> cache(inputs.problem);
    cache.decode(other, {out, decoded.lse});
    CHECK(out.holds(dilated_attention<T>(inputs.problem, inputs).out));
}

TEST_CASE("what is not finite is found in any layout, and flat() has contiguous tensors alone") {
    Tensor<float> x({2, 3, 2, 4}, 1);
    HeadsFirst<float> other(x);
    check_finite<float>("x", other); // what lies between the rows is NaN
    other.view().row(1, 2, 0)[3] = std::numeric_limits<float>::infinity();
    CHECK_THROWS_WITH_AS(check_finite<float>("x", other), "x[1, 2, 0, 3] = inf: must be finite", ShapeError);
    CHECK_THROWS_AS(other.view().flat(), ShapeError);
}

} // namespace
} // namespace dra::test
