#pragma once
/// \file
/// Bytes as what a user types, and what an answer to it must be.

#include "reference/definition/error.hpp"
#include "tests/fuzz/target.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace dra::fuzz {

/// The arguments of a process: the program's name, then a line of the bytes each.
class Arguments {
public:
    Arguments(const std::uint8_t* data, std::size_t size) {
        const auto *begin = data, *end = data + size;
        while (begin != end) {
            const auto* line_end = std::find(begin, end, '\n');
            const auto* zero = std::find(begin, line_end, '\0'); // no argument of a process goes on after one
            words_.emplace_back(begin, zero);
            begin = line_end == end ? end : line_end + 1;
        }
        for (const std::string& word : words_) pointers_.push_back(word.c_str());
    }
    Arguments(const Arguments&) = delete;
    Arguments& operator=(const Arguments&) = delete;

    const std::vector<std::string>& words() const { return words_; }
    int count() const { return static_cast<int>(pointers_.size()); }
    const char* const* pointers() const { return pointers_.data(); }

private:
    std::vector<std::string> words_{"dra"};
    std::vector<const char*> pointers_;
};

/// Calls f, which may refuse what it is given; an error names field, value and rule.
template <class F> void refusing(F f) {
    try {
        f();
    } catch (const InputError& error) {
        const std::string_view what = error.what();
        require(what.find(" = ") != what.npos && what.find(": ") != what.npos, "an error is field = value: rule");
    }
}

} // namespace dra::fuzz
