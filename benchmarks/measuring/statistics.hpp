#pragma once
/// \file
/// Samples in, figures out: medians, quartiles, ratios of two sets of samples, and exponents of growth.

#include <optional>
#include <vector>

namespace dra::benchmarks {

/// Three quartiles; the middle one is the median, the outer ones bound the interquartile range.
struct Spread {
    double low = 0, median = 0, high = 0;
};

/// The quartiles of `samples`, linearly interpolated between neighbours. Throws std::invalid_argument without a sample.
Spread spread(std::vector<double> samples);

/// How many times longer `slow` takes than `quick`: the quartiles of slow_i / quick_j over all pairs (i, j).
///
/// The samples of the two were taken in random order, so no pair belongs together more than another. All pairs use
/// every sample, need no model of the noise, and do not depend on the order in which the samples are listed.
Spread ratio(const std::vector<double>& slow, const std::vector<double>& quick);

/// The p of the least-squares line log y = p log n + c, which is the exponent where y grows as n^p.
/// Nothing with fewer than two different n, or where an n or y is not positive.
std::optional<double> exponent(const std::vector<double>& n, const std::vector<double>& y);

} // namespace dra::benchmarks
