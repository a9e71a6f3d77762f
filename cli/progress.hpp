#pragma once
/// \file
/// What takes longer than a moment tells a terminal what runs, how far it is, and about how long the rest takes: one
/// line of standard error, which is written again and again, and is gone at the end. Elsewhere nothing is written.

#include "reference/definition/positions.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace dra::cli {

/// Whether standard error is a terminal.
bool progress_is_seen();

/// Puts a text in place of the line; an empty one clears it.
void show_progress(std::string_view text);

/// "stage: 12 of 40, about 5 s left", where what is left takes as long per part as what is done; a stage of one part is
/// its name alone.
class Progress {
public:
    ~Progress() { show_progress(""); }

    void operator()(const std::string& stage, Index done, Index all);

private:
    using Clock = std::chrono::steady_clock;

    std::string stage_;
    Clock::time_point begin_;
};

} // namespace dra::cli
