#include "cli/progress.hpp"

#include "cli/standard_streams.hpp"

#include <unistd.h>

namespace dra::cli {

bool progress_is_seen() { return ::isatty(STDERR_FILENO) == 1; }

void show_progress(std::string_view text) {
    if (progress_is_seen()) remark("\r\033[K{}", text);
}

void Progress::operator()(const std::string& stage, Index done, Index all) {
    if (stage != stage_) {
        stage_ = stage;
        begin_ = Clock::now();
    }
    std::string text = stage;
    if (all > 1) text += fmt::format(": {} of {}", done, all);
    if (done > 0) {
        const double seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
        const double left = seconds / static_cast<double>(done) * static_cast<double>(all - done);
        text += fmt::format(", about {:.0f} s left", left);
    }
    show_progress(text);
}

} // namespace dra::cli
