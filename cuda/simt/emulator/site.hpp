#pragma once
/// \file
/// Where in the kernel's source an instruction stands, so that a fault can name the line.

namespace dra::simt {

/// A line of source, taken by a default argument at the caller: `void f(int x, Site site = Site::here())`.
///
/// The built-ins must stay inside here(): as a braced default argument they would report the header's own line.
struct Site {
    const char* file = nullptr; ///< null: nowhere
    int line = 0;

    static constexpr Site here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
        return {file, line};
    }
};

} // namespace dra::simt
