#pragma once
/// \file
/// Verdicts on claims, by rule: nobody's opinion enters.
///
/// A claim of speed is judged by the ratio of two times, before over after. With the ratio's interquartile range
/// [q1, q3] (see ratio() in statistics.hpp for how it is found) and the claim's range [low, high]:
///
///     low <= q1 and q3 <= high    confirmed
///     q1 > high                   exceeded
///     q3 < low                    refuted
///     anything else               undecided: the interquartile range overlaps an edge
///
/// A claim of complexity is judged by the exponent of n that is fitted to counted elements, which have no spread:
/// inside [low, high] it is confirmed, outside refuted. O(n) means an exponent of at most 1.1.

#include "benchmarks/measuring/statistics.hpp"

#include <string>

namespace dra::benchmarks {

/// What becomes of a claim.
enum class Verdict { confirmed, exceeded, refuted, undecided };

std::string name(Verdict verdict);

/// What a claim promises: anything from low to high.
struct Range {
    double low = 0, high = 0;
};

/// The exponents that count as O(n).
inline constexpr Range linear{0, 1.1};

Verdict judge_speed(const Spread& ratio, const Range& claim);
Verdict judge_exponent(double exponent, const Range& claim = linear);

} // namespace dra::benchmarks
