#include "reference/definition/oracle_head.hpp"

namespace dra {
namespace {

/// The gradients of one head: its rows one after another, then its keys.
template <class Real> class Gradient {
public:
    using RowArray = Eigen::Array<Real, 1, Eigen::Dynamic>;

    Gradient(const OracleHead<Real>& head, const RowMajor<Real>& dout)
        : head_(head), dO_(dout), stop_mixing_(head.problem.stop_gradient_mixing), N_(head.N), D_(dout.cols()),
          largest_dp_(Eigen::ArrayX<Real>::Zero(N_)), delta_(Eigen::ArrayXX<Real>::Zero(N_, head.patterns())) {}

    OracleHeadGradient<Real> run() {
        const auto zero = RowMajor<Real>::Zero(N_, D_);
        OracleHeadGradient<Real> into{zero, zero, zero};
#pragma omp parallel num_threads(head_.team())
        {
            std::vector<Pair> seen;
            std::vector<PairGradient> pairs;
#pragma omp for schedule(dynamic, OracleHead <Real>::rows_of_thread)
            for (Index i = 0; i < N_; ++i) run_query(i, seen, pairs, into);
        }
#pragma omp parallel for schedule(dynamic, OracleHead <Real>::rows_of_thread) num_threads(head_.team())
        for (Index j = 0; j < N_; ++j) run_key(j, into);
        into.largest_dp = largest_dp_.maxCoeff();
        return into;
    }

private:
    using Pair = typename OracleHead<Real>::Pair;

    /// A pair and its dP, of the weight before dropout.
    struct PairGradient : Pair {
        Real dp;
    };

    PairGradient with_dp(Index i, const Pair& pair) const {
        return {pair, pair.kept * dO_.row(i).dot(head_.V.row(pair.key))};
    }

    /// dP less its mean, times the weight, over the patterns that join the pair; not yet divided by the sum.
    Real score_gradient(Index i, const PairGradient& pair) const {
        if (!stop_mixing_) return head_.weight(i, pair) * (pair.dp - delta_(i, 0)); // the same through each of them
        Real through_patterns = 0;
        for (Index pattern = 0; pattern < head_.patterns(); ++pattern)
            if (head_.sees(pattern, i, pair.key)) through_patterns += pair.dp - delta_(i, pattern);
        return head_.exponential(i, pair) * through_patterns;
    }

    /// The mean of dP by the weights: of all pairs, or for each pattern of its own where its share is held constant.
    void find_delta(Index i, const std::vector<PairGradient>& pairs) {
        const auto mean = [&](auto times) {
            CompensatedSum<Real> sum, weighted_dp;
            for (const PairGradient& pair : pairs) {
                sum.add(times(pair) * head_.exponential(i, pair));
                weighted_dp.add(times(pair) * head_.exponential(i, pair) * pair.dp);
            }
            return sum.sum > 0 ? weighted_dp.sum / sum.sum : Real(0);
        };
        delta_.row(i) = mean([](const PairGradient& pair) { return pair.times; });
        if (!stop_mixing_) return;
        for (Index pattern = 0; pattern < head_.patterns(); ++pattern)
            delta_(i, pattern) = mean([&](const PairGradient& pair) { return Real(head_.sees(pattern, i, pair.key)); });
    }

    void run_query(Index i, std::vector<Pair>& seen, std::vector<PairGradient>& pairs, OracleHeadGradient<Real>& into) {
        head_.find_seen(i, seen);
        if (seen.empty()) return;
        pairs.clear();
        for (const Pair& pair : seen) {
            pairs.push_back(with_dp(i, pair));
            largest_dp_[i] = std::max(largest_dp_[i], std::abs(pairs.back().dp));
        }
        find_delta(i, pairs);
        CompensatedSum<RowArray> weighted_k(RowArray::Zero(D_));
        for (const PairGradient& pair : pairs) weighted_k.add(score_gradient(i, pair) * head_.K.row(pair.key).array());
        into.dq.row(i) = weighted_k.sum * (head_.scale / head_.sum[i]);
    }

    void run_key(Index j, OracleHeadGradient<Real>& into) const {
        CompensatedSum<RowArray> weighted_q(RowArray::Zero(D_)), weighted_dout(RowArray::Zero(D_));
        for (Index i = 0; i < N_; ++i) {
            const Real times = head_.times_seen(i, j);
            if (times == 0) continue;
            const PairGradient seen = with_dp(i, head_.pair(i, j, times));
            weighted_dout.add(head_.weight(i, seen) * seen.kept / head_.sum[i] * dO_.row(i).array());
            weighted_q.add(score_gradient(i, seen) / head_.sum[i] * head_.Q.row(i).array());
        }
        into.dv.row(j) = weighted_dout.sum;
        into.dk.row(j) = weighted_q.sum * head_.scale;
    }

    const OracleHead<Real>& head_;
    const RowMajor<Real>& dO_; // (N, D)
    const bool stop_mixing_;
    const Index N_, D_;
    Eigen::ArrayX<Real> largest_dp_; // (N)
    Eigen::ArrayXX<Real> delta_;     // (N, patterns)
};

} // namespace

template <class Real> OracleHeadGradient<Real> gradient_of(const OracleHead<Real>& head, const RowMajor<Real>& dout) {
    return Gradient<Real>(head, dout).run();
}

template OracleHeadGradient<double> gradient_of(const OracleHead<double>&, const RowMajor<double>&);
template OracleHeadGradient<long double> gradient_of(const OracleHead<long double>&, const RowMajor<long double>&);

} // namespace dra
