#include "reference/published/opportunity_8_compiled_hot_path.hpp"

#include "reference/attention/dilated_attention.hpp"
#include "reference/definition/team_size.hpp"

namespace dra::published::opportunity_8 {
namespace {

/// What a pattern's tensors are made of: a matrix for each of these.
struct Item {
    View view;
    Index h;

    Index rows() const { return view.positions.count; }
};

/// A tensor of one pattern: one matrix per item, all of them in memory at once.
template <class T> using WholeTensor = std::vector<RowMajor<T>>;

/// Operations on whole tensors, each into a new one.
template <class T> class Dispatcher {
public:
    Dispatcher(const std::vector<Item>& items, Counts& counts) : items_(items), counts_(counts) {}

    /// compute(item, first row, rows of the result) fills a block of rows; columns(item) is the width.
    template <class Columns, class Compute> WholeTensor<T> operator()(Columns columns, Compute compute) const {
        constexpr Index block = 64;
        WholeTensor<T> result(items_.size());
        Index most = 0;
        for (std::size_t i = 0; i < items_.size(); ++i) {
            result[i].resize(items_[i].rows(), columns(i));
            counts_.temporary_elements += result[i].size();
            most = std::max(most, items_[i].rows());
        }
        const int team = threads_for(static_cast<Index>(items_.size()) * ceil_div(most, block));
#pragma omp parallel for collapse(2) schedule(dynamic) num_threads(team)
        for (std::size_t i = 0; i < items_.size(); ++i)
            for (Index first = 0; first < most; first += block)
                if (const Index rows = std::min(block, items_[i].rows() - first); rows > 0)
                    compute(i, first, result[i].middleRows(first, rows));
        return result;
    }

private:
    const std::vector<Item>& items_;
    Counts& counts_;
};

template <class T>
void attend_pattern(const Problem& problem, const std::vector<Item>& items, const Tensors<T>& tensors, Counts& counts) {
    const Dispatcher<T> dispatch(items, counts);
    const T scale = static_cast<T>(problem.softmax_scale);
    const auto channels = [&](std::size_t) { return problem.head_dim; };
    const auto keys = [&](std::size_t i) { return items[i].rows(); };
    const auto one = [](std::size_t) { return Index{1}; };
    const auto rows_of = [&](TensorView<const T> x, Index heads_a_head) {
        return dispatch(channels, [&](std::size_t i, Index first, auto into) {
            const auto& [view, h] = items[i];
            into = x.rows(view.b, h / heads_a_head, view.positions.slice(first, into.rows()));
        });
    };
    /// op(the same rows of x, into)
    const auto elementwise = [&](const WholeTensor<T>& x, const auto& columns, auto op) {
        return dispatch(columns, [&](std::size_t i, Index first, auto into) {
            op(x[i].middleRows(first, into.rows()), i, first, into);
        });
    };

    const WholeTensor<T> q = rows_of(tensors.q, 1), k = rows_of(tensors.k, problem.query_heads_per_kv_head()),
                         v = rows_of(tensors.v, problem.query_heads_per_kv_head());
    WholeTensor<T> s = elementwise(
        q, keys, [&](const auto& x, std::size_t i, Index, auto into) { into.noalias() = x * k[i].transpose(); });
    s = elementwise(s, keys, [&](const auto& x, std::size_t, Index, auto into) { into = scale * x; });
    if (problem.causal)
        s = elementwise(s, keys, [](const auto& x, std::size_t, Index first, auto into) {
            into.setConstant(-std::numeric_limits<T>::infinity());
            for (Index row = 0; row < x.rows(); ++row)
                into.row(row).head(first + row + 1) = x.row(row).head(first + row + 1);
        });
    const WholeTensor<T> m =
        elementwise(s, one, [](const auto& x, std::size_t, Index, auto into) { into = x.rowwise().maxCoeff(); });
    s = elementwise(s, keys, [&](const auto& x, std::size_t i, Index first, auto into) {
        into = x.colwise() - m[i].col(0).segment(first, x.rows());
    });
    s = elementwise(s, keys, [](const auto& x, std::size_t, Index, auto into) { into = x.array().exp(); });
    const WholeTensor<T> l =
        elementwise(s, one, [](const auto& x, std::size_t, Index, auto into) { into = x.rowwise().sum(); });
    s = elementwise(s, keys, [&](const auto& x, std::size_t i, Index first, auto into) {
        into = x.array().colwise() / l[i].col(0).segment(first, x.rows()).array();
    });
    const WholeTensor<T> o =
        elementwise(s, channels, [&](const auto& x, std::size_t i, Index, auto into) { into.noalias() = x * v[i]; });
    const WholeTensor<T> lse = elementwise(l, one, [&](const auto& x, std::size_t i, Index first, auto into) {
        into = m[i].middleRows(first, x.rows()).array() + x.array().log();
    });
    for (std::size_t i = 0; i < items.size(); ++i) {
        const auto& [view, h] = items[i];
        const Index n = items[i].rows();
        merge<T>({tensors.out.rows(view.b, h, view.positions), tensors.lse.rows(view.b, h, view.positions)},
                 {o[i].data(), n, problem.head_dim, Eigen::OuterStride<>(problem.head_dim)},
                 {lse[i].data(), n, Eigen::InnerStride<>(1)});
        counts.pairs += n * n;
        counts.flops += 4 * problem.head_dim * n * n;
    }
}

template <class T> Counts before(const Problem& problem, const Tensors<T>& tensors) {
    Counts counts;
    tensors.out.flat().setZero();
    tensors.lse.flat().setConstant(-std::numeric_limits<T>::infinity());
    for (Index pattern = 0; pattern < problem.patterns(); ++pattern) {
        std::vector<Item> items;
        const Views views(problem, pattern);
        for (Index i = 0; i < views.count(); ++i)
            if (const View view = views[i]; !view.positions.empty())
                for (Index j = 0; j < problem.query_heads_per_kv_head(); ++j)
                    items.push_back({view, view.g * problem.query_heads_per_kv_head() + j});
        attend_pattern(problem, items, tensors, counts);
    }
    return counts;
}

} // namespace

template <class T> Call<T> call(Rung rung, const Problem& problem) {
    if (rung == Rung::after) return {};
    if (rung == Rung::before) return [problem](const Tensors<T>& tensors) { return before(problem, tensors); };
    const auto plan = std::make_shared<Plan>(make_plan(problem));
    const auto workspace = std::make_shared<dra::Workspace<T>>(*plan);
    return [=](const Tensors<T>& t) {
        dilated_attention<T>(*plan, t, t, *workspace);
        return visible_pairs(problem);
    };
}

template Call<float> call(Rung, const Problem&);
template Call<double> call(Rung, const Problem&);

} // namespace dra::published::opportunity_8
