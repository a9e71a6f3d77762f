#pragma once
/// \file
/// Errors: each names the field, its value and the rule that it breaks, in one line.

#include <stdexcept>
#include <string>

namespace dra {

/// Bad input. `what()` reads "field = value: rule".
class InputError : public std::runtime_error {
public:
    InputError(const std::string& field, const std::string& value, const std::string& rule)
        : std::runtime_error(field + " = " + value + ": " + rule) {}

protected:
    using std::runtime_error::runtime_error;
};

/// Sizes, types or presence of q, k, v, dout.
struct ShapeError : InputError {
    using InputError::InputError;
};

/// Segment lengths, dilation rates, and every other choice of a configuration.
struct PatternError : InputError {
    using InputError::InputError;
};

/// A file that is not well-formed; the field is the file, or the tensor in it.
struct FormatError : InputError {
    using InputError::InputError;
};

} // namespace dra
