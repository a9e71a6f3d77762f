#include "benchmarks/speed/attention_speed.hpp"

#include "benchmarks/measuring/statistics.hpp"
#include "reference/attention/attend.hpp"
#include "reference/attention/product.hpp"
#include "reference/definition/random.hpp"
#include "reference/definition/tolerance.hpp"

#include <cmath>
#include <limits>

namespace dra::benchmarks {
namespace {

constexpr Index heads = 4, dilation = 8, product_size = 1024, sampled_rows = 128, multiply_adds = 1 << 16;
constexpr Effort effort{.repetitions = 11, .seconds_a_sample = 0.02};

/// Independent chains of multiply-adds, as many as the register kernel has: enough to hide their latency.
constexpr int chains = kernel::strip * kernel::vectors;
constexpr double flops_of_chains = 2.0 * multiply_adds * chains * kernel::width<float>;

void multiply_add_in_registers() {
    static volatile float factor = 0.999F;
    [[maybe_unused]] static volatile float sink;
    const float f = factor;
    kernel::Vector<float> c[chains];
    DRA_UNROLL (i, chains) c[i] = kernel::Vector<float>{} + f * static_cast<float>(i);
    for (int link = 0; link < multiply_adds; ++link)
        DRA_UNROLL (i, chains) c[i] = c[i] * f + f;
    kernel::Vector<float> sum{};
    DRA_UNROLL (i, chains) sum += c[i];
    sink = sum[0];
}

/// Four heads whose every r-th row is attended.
class Rowset {
public:
    Rowset(const SpeedCase& shape, Index r)
        : causal_(shape.causal), positions_{0, r, shape.rows}, shape_{1, shape.rows * r, heads, shape.head_dim},
          q_(random_normal<float>(shape_, 1)), k_(random_normal<float>(shape_, 2)), v_(random_normal<float>(shape_, 3)),
          out_(shape_, std::numeric_limits<float>::quiet_NaN()), lse_(1, heads, shape_.tokens) {
        lse_.flat().setConstant(std::numeric_limits<float>::quiet_NaN());
    }

    Visibility visibility() const { return {positions_, positions_, causal_}; }
    double flops() const { return 4.0 * static_cast<double>(shape_.head_dim * visibility().pairs() * heads); }

    void attend_all() {
        for (Index h = 0; h < heads; ++h)
            attend<float>(
                QueryHead<float>{rows(q_, h), {out_.view().rows(0, h, positions_), lse_.rows(0, h, positions_)}},
                rows(k_, h), rows(v_, h), visibility(), scale(), Combine::store, workspace_);
    }

    /// The worst error ratio of the sampled rows of all heads; infinite where anything is not finite.
    double error_ratio() {
        double worst = 0;
        for (Index h = 0; h < heads; ++h) worst = std::max(worst, error_ratio(h));
        return worst;
    }

private:
    Rows<float> rows(const Tensor<float>& x, Index h) const { return x.view().rows(0, h, positions_); }
    float scale() const { return 1 / std::sqrt(static_cast<float>(shape_.head_dim)); }

    /// The error ratio of a head: against softmax(Q K^T) V by definition, in float64, in rows evenly apart, of which
    /// one is the last.
    double error_ratio(Index h) {
        const RowMajor<double> K = rows(k_, h).cast<double>(), V = rows(v_, h).cast<double>(); // (n, D)
        const auto out = out_.view().rows(0, h, positions_);
        const auto lse = lse_.rows(0, h, positions_);
        if (!out.allFinite() || !lse.isFinite().all()) return std::numeric_limits<double>::infinity();
        double largest_score = 1, largest_out = 0, error_out = 0, error_lse = 0;
        const Index apart = positions_.count / sampled_rows;
        for (Index i = apart - 1; i < positions_.count; i += apart) {
            const Index seen = causal_ ? i + 1 : positions_.count;
            const Eigen::VectorXd s = scale() * (K.topRows(seen) * rows(q_, h).row(i).cast<double>().transpose());
            const double m = s.maxCoeff();
            const Eigen::VectorXd p = (s.array() - m).exp();
            const Eigen::RowVectorXd truth = p.transpose() * V.topRows(seen) / p.sum();
            largest_score = std::max(largest_score, s.cwiseAbs().maxCoeff());
            largest_out = std::max(largest_out, truth.cwiseAbs().maxCoeff());
            error_out = std::max(error_out, (out.row(i).cast<double>() - truth).cwiseAbs().maxCoeff());
            error_lse = std::max(error_lse, std::abs(lse[i] - (m + std::log(p.sum()))));
        }
        constexpr double u = std::numeric_limits<float>::epsilon();
        return std::max(error_out / (u * std::max(1.0, largest_score / 8) * largest_out),
                        error_lse / (u * largest_score));
    }

    bool causal_;
    Positions positions_;
    Shape shape_;
    Tensor<float> q_, k_, v_, out_;
    Lse<float> lse_;
    AttendWorkspace<float> workspace_;
};

} // namespace

std::vector<SpeedCase> usual_speed_cases() {
    std::vector<SpeedCase> cases;
    for (const Index rows : {2048, 4096})
        for (const Index head_dim : {64, 128})
            for (const bool causal : {false, true}) cases.push_back({rows, head_dim, causal});
    return cases;
}

double Speed::gflops() const { return flops / spread(samples).median * 1e-9; }

AttentionSpeed attention_speed(const SpeedCase& shape, const Progress& progress) {
    AttentionSpeed found{.shape = shape};
    Rowset dense(shape, 1), dilated(shape, dilation);
    dense.attend_all();
    dilated.attend_all();
    found.error_ratio = std::max(dense.error_ratio(), dilated.error_ratio());
    found.right = found.error_ratio <= forward_bound;
    if (!found.right) return found;

    const int threads_of_products = Eigen::nbThreads();
    Eigen::setNbThreads(1);
    const Eigen::MatrixXf a = Eigen::MatrixXf::Random(product_size, product_size),
                          b = Eigen::MatrixXf::Random(product_size, product_size);
    Eigen::MatrixXf c(product_size, product_size);
    std::vector<Samples> samples = time_interleaved({{"peak", multiply_add_in_registers},
                                                     {"Eigen product", [&] { c.noalias() = a * b; }},
                                                     {"attend r=1", [&] { dense.attend_all(); }},
                                                     {"attend r=8", [&] { dilated.attend_all(); }}},
                                                    effort, progress);
    Eigen::setNbThreads(threads_of_products);
    found.peak = {flops_of_chains, std::move(samples[0])};
    found.product = {2.0 * product_size * product_size * product_size, std::move(samples[1])};
    found.dense = {dense.flops(), std::move(samples[2])};
    found.dilated = {dilated.flops(), std::move(samples[3])};
    return found;
}

} // namespace dra::benchmarks
