#include "benchmarks/measuring/statistics.hpp"

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace dra::benchmarks {

Spread spread(std::vector<double> samples) {
    if (samples.empty()) throw std::invalid_argument("quartiles of no samples");
    std::ranges::sort(samples);
    const auto quantile = [&](double fraction) {
        const double at = fraction * static_cast<double>(samples.size() - 1);
        const auto below = static_cast<std::size_t>(at), above = std::min(below + 1, samples.size() - 1);
        return std::lerp(samples[below], samples[above], at - std::floor(at));
    };
    return {quantile(0.25), quantile(0.5), quantile(0.75)};
}

Spread ratio(const std::vector<double>& slow, const std::vector<double>& quick) {
    std::vector<double> ratios;
    ratios.reserve(slow.size() * quick.size());
    for (const double s : slow)
        for (const double q : quick) ratios.push_back(s / q);
    return spread(std::move(ratios));
}

std::optional<double> exponent(const std::vector<double>& n, const std::vector<double>& y) {
    const auto size = static_cast<Eigen::Index>(std::min(n.size(), y.size()));
    if (size < 2) return std::nullopt;
    const Eigen::Map<const Eigen::ArrayXd> of_n(n.data(), size), of_y(y.data(), size);
    if (!(of_n > 0).all() || !(of_y > 0).all()) return std::nullopt;
    const Eigen::ArrayXd x = of_n.log() - of_n.log().mean();
    const double squares = x.square().sum();
    if (squares == 0) return std::nullopt;
    return (x * of_y.log()).sum() / squares;
}

} // namespace dra::benchmarks
