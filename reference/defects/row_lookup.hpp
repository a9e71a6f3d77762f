#pragma once
/// \file
/// Right rows, so that a wrong one can be looked up among them: is it another's?

#include "reference/definition/tensor.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace dra::defects {

/// Rows sorted by the element in which they differ most.
class RowLookup {
public:
    explicit RowLookup(RowMajor<double> rows) : rows_(std::move(rows)), order_(static_cast<std::size_t>(rows_.rows())) {
        (rows_.colwise().maxCoeff() - rows_.colwise().minCoeff()).maxCoeff(&element_);
        std::iota(order_.begin(), order_.end(), 0);
        std::ranges::sort(order_, {}, [&](Index n) { return rows_(n, element_); });
    }

    /// Whether `x`, within `slack`, is one of them, and not of zeros.
    bool contains(const Eigen::RowVectorXd& x, double slack) const {
        if (x.size() < 2 || !(x.cwiseAbs().maxCoeff() > 4 * slack)) return false;
        const auto begin =
            std::ranges::lower_bound(order_, x[element_] - slack, {}, [&](Index n) { return rows_(n, element_); });
        for (auto n = begin; n != order_.end() && rows_(*n, element_) <= x[element_] + slack; ++n)
            if ((rows_.row(*n) - x).cwiseAbs().maxCoeff() <= slack) return true;
        return false;
    }

private:
    RowMajor<double> rows_;
    Index element_ = 0;
    std::vector<Index> order_; ///< row numbers, ascending by that element
};

} // namespace dra::defects
