#pragma once
/// \file
/// Text that grows line by line, at most 118 columns wide.

#include <fmt/format.h>

#include <iterator>
#include <string>

namespace dra::benchmarks {

inline constexpr std::size_t page_columns = 118;

/// Words broken into lines, all but the first indented.
std::string wrapped(const std::string& words, std::size_t indent);

/// A text that is written line by line.
class Page {
public:
    /// A line without blanks at its end.
    template <class... Args> void line(fmt::format_string<Args...> format, Args&&... args) {
        fmt::format_to(std::back_inserter(text), format, std::forward<Args>(args)...);
        text.erase(text.find_last_not_of(' ') + 1);
        text += '\n';
    }
    void line() { text += '\n'; }
    void heading(const std::string& words) { line("\n{}\n{}", words, std::string(words.size(), '-')); }

    std::string text;
};

} // namespace dra::benchmarks
