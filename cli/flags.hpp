#pragma once
/// \file
/// Values of flags, read strictly: what is not wholly a value of its kind, or is one that no type here holds, is
/// refused with the flag, the value and the rule.

#include "reference/definition/problem.hpp"

#include <omp.h>

#include <charconv>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace dra::cli {

/// What a complaint says a flag takes: `kind` of a text that is no number, `range` of one that its type does not hold.
struct NumberRule {
    std::string kind, range;
};

/// The whole of `text` as a T. Throws PatternError naming the flag when it is anything else.
template <class T> T parse_number(const std::string& flag, std::string_view text, const NumberRule& rule) {
    T value{};
    const char* end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, value);
    if (stopped != end || error == std::errc::invalid_argument) throw PatternError(flag, std::string(text), rule.kind);
    if (error != std::errc{}) throw PatternError(flag, std::string(text), rule.range);
    return value;
}

/// The whole of `text` as an integer.
inline Index parse_integer(const std::string& flag, std::string_view text) {
    return parse_number<Index>(flag, text, {"must be an integer", "must be an integer from -2^63 to 2^63 - 1"});
}

/// The whole of `text` as a real number.
inline double parse_real(const std::string& flag, const std::string& text) {
    return parse_number<double>(
        flag, text, {"must be a number", "must be 0 or of a magnitude that double holds, from 2.23e-308 to 1.79e+308"});
}

/// The whole of `text` as a seed.
inline std::uint64_t parse_seed(const std::string& flag, const std::string& text) {
    const std::string rule = "must be an integer from 0 to 2^64 - 1";
    return parse_number<std::uint64_t>(flag, text, {rule, rule});
}

/// "2048,4096" as {2048, 4096}.
inline std::vector<Index> parse_integers(const std::string& flag, const std::string& text) {
    const NumberRule rule{"must be a list of integers, such as 2048,4096",
                          "must be a list of integers from -2^63 to 2^63 - 1"};
    std::vector<Index> list;
    const char *begin = text.data(), *end = begin + text.size();
    bool fits = true;
    for (bool more = true; more; ++begin) {
        const auto [stopped, error] = std::from_chars(begin, end, list.emplace_back());
        more = stopped != end && *stopped == ',';
        if (error == std::errc::invalid_argument || (stopped != end && !more))
            throw PatternError(flag, text, rule.kind);
        fits = fits && error == std::errc{};
        begin = stopped;
    }
    if (!fits) throw PatternError(flag, text, rule.range);
    return list;
}

/// Sets the number of threads of every parallel loop from here on. Throws PatternError outside 1 to 1024.
inline void use_threads(const std::string& flag, const std::string& text) {
    const std::string rule = "must be an integer from 1 to 1024";
    const int threads = parse_number<int>(flag, text, {rule, rule});
    if (threads < 1 || threads > 1024) throw PatternError(flag, text, rule);
    omp_set_num_threads(threads);
}

} // namespace dra::cli
