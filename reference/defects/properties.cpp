#include "reference/defects/properties.hpp"
#include "reference/defects/row_lookup.hpp"

#include <Eigen/QR>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace dra::defects {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::size_t rows_looked_into = 400; // the most of a result; they are spread over it

/// One row of out.
struct Row {
    Index b, h, n;
};

/// How often a property was violated, and where first.
struct Tally {
    Index count = 0;
    Row first{};
    void add(const Row& row) {
        if (count++ == 0) first = row;
    }
};

/// The keys that a row sees, each once.
std::vector<Index> seen_by(const Problem& problem, Index g, Index n) {
    std::vector<Index> keys;
    for (Index j = 0; j < problem.tokens; ++j)
        if (times_seen(problem, g, n, j) > 0) keys.push_back(j);
    return keys;
}

/// Looks into one result.
class Examination {
public:
    Examination(const Bounds& bounds, const Problem& problem, const Inputs& inputs, const Result& result,
                const std::vector<RowErrors>& rows)
        : bounds_(bounds), problem_(problem), inputs_(inputs), truth_(bounds.truth()), result_(result), rows_(rows),
          narrow_(bounds.dtype() == DType::bf16 || bounds.dtype() == DType::f16), unmasked_(problem) {
        unmasked_.causal = false;
        for_every_row([&](const Row& row) {
            if (out().wrong(row.b, row.h, row.n)) wrong_.push_back(row);
        });
    }

    std::vector<Violation> violations() {
        const std::size_t looked_into = std::min(wrong_.size(), rows_looked_into);
        not_finite_and_empty();
        for (std::size_t i = 0; i < looked_into; ++i) look_into(wrong_[i * wrong_.size() / looked_into]);
        constant_channels();
        lse();
        moved_rows();
        moved_heads();
        regularities();
        gradients();
        rounding();
        return collected();
    }

private:
    const RowErrors& out() const { return rows_.front(); }

    template <class Visit> void for_every_row(Visit visit) const {
        for (Index b = 0; b < problem_.batch; ++b)
            for (Index h = 0; h < problem_.heads; ++h)
                for (Index n = 0; n < problem_.tokens; ++n) visit(Row{b, h, n});
    }

    Index kv_head(const Row& row) const { return row.h / problem_.query_heads_per_kv_head(); }
    bool sees_something(const Row& row) const { return truth_.attention.lse(row.b, row.h, row.n) != -infinity; }
    Eigen::RowVectorXd found(const Row& row) const { return result_.out.view().rows(row.b, row.h).row(row.n); }
    Eigen::RowVectorXd right(const Row& row) const { return truth_.attention.out.view().rows(row.b, row.h).row(row.n); }
    double allowed(const Row& row) const { return bounds_.of_element("out", row.b, row.h); }

    void violated(const std::string& property, const std::string& evidence) { found_.push_back({property, evidence}); }

    void not_finite_and_empty() {
        Tally in_empty;
        for_every_row([&](const Row& row) {
            const double lse = result_.lse ? (*result_.lse)(row.b, row.h, row.n) : -infinity;
            if (!found(row).allFinite() || std::isnan(lse) || lse == infinity) tallies_["finite"].add(row);
            if (!sees_something(row) && (!(found(row).array() == 0).all() || lse != -infinity)) in_empty.add(row);
        });
        if (in_empty.count > 0) tallies_["empty-rows-are-zero"] = in_empty;
    }

    /// What follows for a row that sees keys from the values of these keys alone.
    void look_into(const Row& row) {
        const Eigen::RowVectorXd x = found(row), y = right(row);
        if (!x.allFinite() || !sees_something(row)) return;
        if ((x.array() == 0).all()) return tallies_["nothing-lost"].add(row);

        const double precision = narrow_ ? 0.05 : 1e-4, factor = x.dot(y) / y.squaredNorm();
        if (x.size() > 1 && (x - factor * y).norm() <= precision / 10 * x.norm() && std::abs(factor - 1) > precision)
            tallies_["weights-sum-to-one"].add(row);

        const RowMajor<double> V = inputs_.v.rows(row.b, kv_head(row));
        const std::vector<Index> seen = seen_by(problem_, kv_head(row), row.n);
        const RowMajor<double> values = V(seen, Eigen::all); // (keys, D)
        const double slack = 4 * allowed(row);
        if ((x.array() > values.colwise().maxCoeff().array() + slack).any() ||
            (x.array() < values.colwise().minCoeff().array() - slack).any())
            tallies_["values-in-range"].add(row);

        const std::optional<Eigen::RowVectorXd> weights = solved(x, values, slack);
        if (weights && std::abs(weights->sum() - 1) > precision) tallies_["weights-sum-to-one"].add(row);
        if (weights || static_cast<Index>(seen.size()) >= x.size()) return;
        tallies_["only-visible-keys"].add(row);
        if (!problem_.causal) return;
        const std::vector<Index> with_future = seen_by(unmasked_, kv_head(row), row.n);
        if (solved(x, V(with_future, Eigen::all), slack)) tallies_["no-future"].add(row);
    }

    /// The weights with which `values` give x, where they are fewer than D and do give it.
    std::optional<Eigen::RowVectorXd> solved(const Eigen::RowVectorXd& x, const RowMajor<double>& values,
                                             double slack) const {
        if (values.rows() >= x.size()) return std::nullopt;
        const Eigen::MatrixXd transposed = values.transpose(); // (D, keys)
        const Eigen::VectorXd weights = transposed.colPivHouseholderQr().solve(x.transpose());
        const double left = (transposed * weights - x.transpose()).cwiseAbs().maxCoeff();
        if (!(left <= slack)) return std::nullopt;
        return weights.transpose();
    }

    /// Where v is the same number in every key, out is that number.
    void constant_channels() {
        for (Index b = 0; b < problem_.batch; ++b)
            for (Index h = 0; h < problem_.heads; ++h) {
                const RowMajor<double> V = inputs_.v.rows(b, h / problem_.query_heads_per_kv_head());
                for (Index d = 0; d < V.cols(); ++d) {
                    if (V(0, d) == 0 || (V.col(d).array() != V(0, d)).any()) continue;
                    for (Index n = 0; n < V.rows(); ++n)
                        if (const double x = found({b, h, n})[d]; sees_something({b, h, n}) && std::isfinite(x) &&
                                                                  !(std::abs(x - V(0, d)) <= 2 * allowed({b, h, n})))
                            tallies_["weights-sum-to-one"].add({b, h, n});
                }
            }
    }

    void lse() {
        if (!result_.lse) return;
        for_every_row([&](const Row& row) {
            const double x = (*result_.lse)(row.b, row.h, row.n), y = truth_.attention.lse(row.b, row.h, row.n);
            const double slack = bounds_.of_element("lse", row.b, row.h);
            if (x < y - slack) tallies_["lse-counts-every-key"].add(row);
            if (x > y + slack && std::isfinite(x) && std::isfinite(y)) tallies_["lse-counts-nothing-else"].add(row);
        });
    }

    void moved_rows() {
        for (Index b = 0; b < problem_.batch; ++b)
            for (Index h = 0; h < problem_.heads; ++h) {
                const RowLookup lookup(truth_.attention.out.view().rows(b, h));
                const double bound = allowed({b, h, 0}); // the same for every row
                for (Index n = 0; n < problem_.tokens; ++n) {
                    const Row row{b, h, n};
                    if (!out().wrong(b, h, n) || !found(row).allFinite()) continue;
                    if (lookup.contains(found(row), bound)) tallies_["rows-in-place"].add(row);
                }
            }
    }

    /// A wrong row is not its own head's right one, so that what is found is another's.
    void moved_heads() {
        for (Index b = 0; b < problem_.batch; ++b)
            for (Index n = 0; n < problem_.tokens; ++n) {
                const RowLookup lookup(Eigen::Map<const RowMajor<double>>(truth_.attention.out.view().row(b, n, 0),
                                                                          problem_.heads, problem_.head_dim));
                for (Index h = 0; h < problem_.heads; ++h)
                    if (const Row row{b, h, n};
                        out().wrong(b, h, n) && found(row).allFinite() && lookup.contains(found(row), allowed(row)))
                        tallies_["heads-in-place"].add(row);
            }
    }

    /// Parts of the tokens, and heads, that are all right beside others that are not.
    void regularities() {
        if (wrong_.empty()) return;
        const Index first = std::ranges::min(wrong_, {}, &Row::n).n;
        if (problem_.ranks > 1)
            if (const std::vector<Count> chunks = by_chunk(out(), problem_);
                chunks.size() > 1 && first >= chunks.front().tokens.end)
                violated("chunks-alike", fmt::format("the first chunk, [0, {}), is right", chunks.front().tokens.end));
        const auto uses_one = [&](Index pattern) {
            return problem_.mode == Mode::groups || problem_.patterns() == 1 || pattern < 0;
        };
        for (Index pattern = 0; pattern < problem_.patterns(); ++pattern) {
            const std::vector<Count> segments = by_segment(out(), problem_, pattern);
            if (segments.size() < 2 || !uses_one(pattern)) continue;
            Index wrong = 0;
            for (const Count& segment : segments) wrong += segment.wrong;
            const std::string which = fmt::format("of the segments of {}", segments.front().tokens.size());
            if (wrong == 0) continue;
            if (segments.front().wrong == 0 && segments.front().rows > 0)
                violated("segments-alike", which + ", the first is right");
            if (segments.back().wrong == wrong && segments.back().tokens.size() < segments.front().tokens.size())
                violated("tail-alike", which + ", only the shorter last one is wrong");
        }
        std::vector<bool> head_wrong(static_cast<std::size_t>(problem_.heads));
        for (const Row& row : wrong_) head_wrong[row.h] = true;
        if (const auto count = std::ranges::count(head_wrong, true); count < problem_.heads)
            violated("heads-alike", fmt::format("{} of {} heads are wrong", count, problem_.heads));
    }

    void gradients() {
        bool forward = false;
        std::string names;
        for (const RowErrors& errors : rows_) {
            if (errors.wrong_rows() == 0) continue;
            if (errors.tensor == "out" || errors.tensor == "lse")
                forward = true;
            else
                names += (names.empty() ? "" : ", ") + errors.tensor;
        }
        if (!names.empty() && !forward) violated("gradients", "out and lse are right, " + names + " wrong");

        const auto look = [&](const std::string& name, const Tensor<double>& x, const Tensor<double>& y) {
            const auto errors = std::ranges::find(rows_, name, &RowErrors::tensor);
            Index moved = 0;
            for (Index b = 0; b < problem_.batch; ++b)
                for (Index g = 0; g < problem_.kv_heads; ++g) {
                    const RowLookup lookup(y.view().rows(b, g));
                    for (Index n = 0; n < problem_.tokens; ++n)
                        moved += errors->wrong(b, g, n) &&
                                 lookup.contains(x.view().rows(b, g).row(n), bounds_.of_element(name, b, g));
                }
            if (moved > 0)
                violated("gradient-rows-in-place",
                         fmt::format("{} wrong rows of {} are right ones of other tokens", moved, name));
        };
        if (result_.dk) look("dk", *result_.dk, truth_.gradients->dk);
        if (result_.dv) look("dv", *result_.dv, truth_.gradients->dv);
    }

    void rounding() {
        const Eigen::ArrayXd difference = (result_.out.flat() - truth_.attention.out.flat()).abs();
        const double largest = truth_.attention.out.flat().abs().maxCoeff(), worst = difference.maxCoeff();
        if (worst > 0 && worst <= 0.05 * largest) // as if computed in a narrower type
            violated("rounding", fmt::format("no error of out exceeds {:.2g} of its largest element", worst / largest));
    }

    std::vector<Violation> collected() {
        std::vector<Violation> all;
        for (const auto& [property, tally] : tallies_)
            if (tally.count > 0)
                all.push_back(
                    {property, fmt::format("{} row{}, the first: batch {}, head {}, row {}", tally.count,
                                           tally.count == 1 ? "" : "s", tally.first.b, tally.first.h, tally.first.n)});
        all.insert(all.end(), found_.begin(), found_.end());
        return all;
    }

    const Bounds& bounds_;
    const Problem& problem_;
    const Inputs& inputs_;
    const Oracle& truth_;
    const Result& result_;
    const std::vector<RowErrors>& rows_;
    const bool narrow_;
    Problem unmasked_; ///< the same without causality
    std::vector<Row> wrong_;
    std::map<std::string, Tally> tallies_;
    std::vector<Violation> found_;
};

} // namespace

std::vector<Violation> violations(const Bounds& bounds, const Problem& problem, const Inputs& inputs,
                                  const Result& result, const std::vector<RowErrors>& rows) {
    return Examination(bounds, problem, inputs, result, rows).violations();
}

} // namespace dra::defects
