#pragma once
/// \file
/// Errors: each names the field, its value and the rule that it breaks, in one line.

#include <stdexcept>
#include <string>

namespace dra {

/// Text as an error shows it: a zero byte, at which `what()` would end, is spelt out. A name in a file may have one.
inline std::string printable(std::string text) {
    for (auto zero = text.find('\0'); zero != std::string::npos; zero = text.find('\0', zero))
        text.replace(zero, 1, "\\x00");
    return text;
}

/// Bad input. `what()` reads "field = value: rule", whatever names and values bring along.
class InputError : public std::runtime_error {
public:
    InputError(const std::string& field, const std::string& value, const std::string& rule)
        : InputError(field + " = " + value + ": " + rule) {}

protected:
    explicit InputError(const std::string& sentence) : std::runtime_error(printable(sentence)) {}
};

/// Wrong sizes, types or presence of q, k, v or dout.
struct ShapeError : InputError {
    using InputError::InputError;
};

/// A wrong segment length, dilation rate or other choice of a configuration.
struct PatternError : InputError {
    using InputError::InputError;
};

/// A file that is not well-formed; the field is the file, or the tensor in it.
struct FormatError : InputError {
    using InputError::InputError;
};

} // namespace dra
