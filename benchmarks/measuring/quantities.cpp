#include "benchmarks/measuring/quantities.hpp"

#include <fmt/format.h>

#include <cmath>
#include <initializer_list>

namespace dra::benchmarks {
namespace {

struct Unit {
    double size;
    const char* name;
};

/// Three significant digits without an exponent.
std::string digits(double x) {
    if (x == 0) return "0";
    const int before_the_point = static_cast<int>(std::floor(std::log10(std::abs(x)))) + 1;
    return fmt::format("{:.{}f}", x, std::max(0, 3 - std::max(before_the_point, 1)));
}

/// A number in the largest unit that leaves at least 1; else in the smallest.
std::string in_unit(double x, std::initializer_list<Unit> units) {
    const Unit* chosen = units.end() - 1;
    for (const Unit* unit = units.begin(); unit != units.end(); ++unit)
        if (x >= 0.9995 * unit->size) {
            chosen = unit;
            break;
        }
    return digits(x / chosen->size) + chosen->name;
}

std::string ratio_digits(double ratio) { return ratio < 99'999.5 ? digits(ratio) : fmt::format("{:.1e}", ratio); }

} // namespace

std::string seconds_text(double seconds) {
    return in_unit(seconds, {{1, " s"}, {1e-3, " ms"}, {1e-6, " us"}, {1e-9, " ns"}});
}

std::string bytes_text(double bytes) {
    return bytes < 1000 ? fmt::format("{:.0f} B", bytes) : in_unit(bytes, {{1e9, " GB"}, {1e6, " MB"}, {1e3, " kB"}});
}

std::string count_text(double count) {
    return count < 1000 ? fmt::format("{:.0f}", count)
                        : in_unit(count, {{1e12, " T"}, {1e9, " G"}, {1e6, " M"}, {1e3, " k"}});
}

std::string times_text(double ratio) { return ratio_digits(ratio) + "x"; }

std::string spread_text(const std::optional<Spread>& ratio) {
    if (!ratio) return "-";
    return fmt::format("{} ({}-{})", times_text(ratio->median), ratio_digits(ratio->low), ratio_digits(ratio->high));
}

std::string exponent_text(const std::optional<double>& exponent) {
    return exponent ? fmt::format("n^{:.2f}", *exponent) : "-";
}

} // namespace dra::benchmarks
