#pragma once
/// \file
/// Values of flags, read strictly: what is not wholly a value of its kind is refused with the flag, the value and the
/// rule.

#include "reference/definition/problem.hpp"

#include <omp.h>

#include <charconv>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace dra::cli {

/// The whole of `text` as a T. Throws PatternError naming the flag when it is anything else.
template <class T> T parse_number(const std::string& flag, std::string_view text, const std::string& rule) {
    T value{};
    const char* end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || stopped != end) throw PatternError(flag, std::string(text), rule);
    return value;
}

inline Index parse_integer(const std::string& flag, const std::string& text) {
    return parse_number<Index>(flag, text, "must be an integer");
}

inline double parse_real(const std::string& flag, const std::string& text) {
    return parse_number<double>(flag, text, "must be a number");
}

/// "2048,4096" as {2048, 4096}.
inline std::vector<Index> parse_integers(const std::string& flag, const std::string& text) {
    std::vector<Index> list;
    const char *begin = text.data(), *end = begin + text.size();
    for (bool more = true; more; ++begin) {
        const auto [stopped, error] = std::from_chars(begin, end, list.emplace_back());
        more = stopped != end && *stopped == ',';
        if (error != std::errc{} || (stopped != end && !more))
            throw PatternError(flag, text, "must be a list of integers, such as 2048,4096");
        begin = stopped;
    }
    return list;
}

/// Sets the number of threads of every parallel loop from here on. Throws PatternError outside 1 to 1024.
inline void use_threads(const std::string& flag, const std::string& text) {
    const std::string rule = "must be an integer from 1 to 1024";
    const int threads = parse_number<int>(flag, text, rule);
    if (threads < 1 || threads > 1024) throw PatternError(flag, text, rule);
    omp_set_num_threads(threads);
}

} // namespace dra::cli
