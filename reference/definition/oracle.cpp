#include "reference/definition/oracle_head.hpp"

namespace dra {
namespace {

/// The pattern that KV head g uses in groups mode, found by counting the heads off group by group.
Index group_of(const Problem& problem, Index kv_head) {
    const Index groups = problem.patterns(), remainder = problem.kv_heads % groups;
    Index group = 0, counted = 0;
    for (;; ++group) {
        counted += problem.kv_heads / groups + (group >= groups - remainder ? 1 : 0);
        if (kv_head < counted) return group;
    }
}

/// The segment in which KV head g, which uses the pattern, selects token n, or `unselected`.
Index segment_of(const Problem& problem, Index pattern, Index kv_head, Index n) {
    const Index w = problem.segment_lengths[pattern];
    const Index r = problem.dilation_rates[pattern];
    Index o = pattern % r;
    if (problem.phase == PhaseRule::head) o = kv_head % r;
    if (problem.phase == PhaseRule::head_block) o = kv_head / ((problem.kv_heads + r - 1) / r);
    const Index from_phase = n % w - o;
    return from_phase >= 0 && from_phase % r == 0 ? n / w : unselected;
}

/// segment_of() every token, a list for each pattern that the head uses: what is asked N times per pair is divided
/// once.
std::vector<Segments> segments_of(const Problem& problem, Index kv_head) {
    std::vector<Segments> patterns;
    const Index group = problem.mode == Mode::groups ? group_of(problem, kv_head) : 0;
    for (Index pattern = 0; pattern < problem.patterns(); ++pattern) {
        if (problem.mode == Mode::groups && pattern != group) continue;
        Segments& segments = patterns.emplace_back();
        for (Index n = 0; n < problem.tokens; ++n) segments.push_back(segment_of(problem, pattern, kv_head, n));
    }
    return patterns;
}

/// Adds (or writes into zeros) the rows of one head.
template <class To, class Real> void add_rows(Tensor<To>& to, Index b, Index h, const RowMajor<Real>& rows) {
    for (Index n = 0; n < rows.rows(); ++n)
        for (Index d = 0; d < rows.cols(); ++d) to(b, n, h, d) += static_cast<To>(rows(n, d));
}

/// The sums of a KV head over the query heads that share it.
struct KeyGradients {
    Tensor<long double> dk, dv;
};

/// Attention of one head, and with a dout its gradient, in one type.
template <class Real> struct HeadTruth {
    OracleHead<Real> head;
    std::optional<OracleHeadGradient<Real>> gradient = {};

    template <class T> HeadTruth(const Problem& problem, Index b, Index h, const std::vector<Segments>& segments,
                                 const GivenTensors<T>& given)
        : head(problem, b, h, segments, given) {
        if (given.dout) gradient = gradient_of(head, head.rows_of(*given.dout, b, h));
    }

    /// Whether all that it computed is.
    bool finite() const { return head.finite() && (!gradient || gradient->finite()); }

    void add_to(Oracle& truth, KeyGradients& sums) const {
        const Index b = head.b, h = head.h;
        add_rows(truth.attention.out, b, h, head.out);
        for (Index n = 0; n < head.N; ++n) truth.attention.lse(b, h, n) = static_cast<double>(head.lse[n]);
        truth.magnitudes.push_back(head.magnitudes());
        if (!gradient) return;
        truth.magnitudes.back().dp = gradient->largest_dp;
        add_rows(truth.gradients->dq, b, h, gradient->dq);
        add_rows(sums.dk, b, head.kv_head(), gradient->dk);
        add_rows(sums.dv, b, head.kv_head(), gradient->dv);
    }
};

} // namespace

Index times_seen(const Problem& problem, Index kv_head, Index i, Index j) {
    if (problem.causal && j > i) return 0;
    Index times = 0;
    const Index group = problem.mode == Mode::groups ? group_of(problem, kv_head) : 0;
    for (Index pattern = 0; pattern < problem.patterns(); ++pattern)
        if (problem.mode == Mode::mixture || pattern == group)
            times += joins(segment_of(problem, pattern, kv_head, i), segment_of(problem, pattern, kv_head, j));
    return times;
}

template <class T>
Oracle oracle(const Problem& problem, const InputsView<T>& inputs, std::optional<TensorView<const T>> dout) {
    const Shape q_shape = problem.q_shape(), kv_shape = problem.kv_shape();
    Oracle truth{{Tensor<double>(q_shape, 0), Lse<double>(problem.batch, problem.heads, problem.tokens)}, {}, {}};
    KeyGradients sums;
    if (dout) {
        truth.gradients.emplace().dq = {q_shape, 0.0};
        sums = {{kv_shape, 0}, {kv_shape, 0}};
    }

    const GivenTensors<T> given{inputs, dout};
    for (Index b = 0; b < problem.batch; ++b)
        for (Index h = 0; h < problem.heads; ++h) {
            const std::vector<Segments> segments = segments_of(problem, h / (problem.heads / problem.kv_heads));
            if (const HeadTruth<double> head(problem, b, h, segments, given); head.finite())
                head.add_to(truth, sums);
            else
                HeadTruth<long double>(problem, b, h, segments, given).add_to(truth, sums);
        }
    if (dout) {
        truth.gradients->dk = sums.dk.cast<double>();
        truth.gradients->dv = sums.dv.cast<double>();
    }
    return truth;
}

template Oracle oracle(const Problem&, const InputsView<float>&, std::optional<TensorView<const float>>);
template Oracle oracle(const Problem&, const InputsView<double>&, std::optional<TensorView<const double>>);

} // namespace dra
