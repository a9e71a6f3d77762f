#pragma once
/// \file
/// Quantities as text for people: three significant digits, and a unit that keeps them short.

#include "benchmarks/measuring/statistics.hpp"

#include <optional>
#include <string>

namespace dra::benchmarks {

std::string seconds_text(double seconds);                         ///< "1.23 ms"
std::string bytes_text(double bytes);                             ///< "16.8 MB", powers of 1000
std::string count_text(double count);                             ///< "33.6 M"
std::string times_text(double ratio);                             ///< "2.74x", "1250x"
std::string spread_text(const std::optional<Spread>& ratio);      ///< "2.74x (2.61-2.80)", or "-"
std::string exponent_text(const std::optional<double>& exponent); ///< "n^1.98", or "-"

} // namespace dra::benchmarks
