#include "reference/definition/output_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstring>
#include <system_error>
#include <utility>

namespace dra {
namespace {

namespace fs = std::filesystem;

/// The path of a temporary, where a signal handler can read it. Entries are used again, and never freed.
struct Entry {
    std::atomic<bool> taken = true, there = false;
    char path[PATH_MAX] = {};
    Entry* next = nullptr;
};
std::atomic<Entry*> entries = nullptr;

Entry& free_entry() {
    for (Entry* entry = entries; entry; entry = entry->next)
        if (!entry->taken.exchange(true)) return *entry;
    auto* entry = new Entry;
    entry->next = entries;
    while (!entries.compare_exchange_weak(entry->next, entry)) {
    }
    return *entry;
}

} // namespace

std::string words_for(fs::file_type type) {
    switch (type) {
    case fs::file_type::directory: return "a directory";
    case fs::file_type::character:
    case fs::file_type::block: return "a device";
    case fs::file_type::fifo: return "a pipe";
    case fs::file_type::socket: return "a socket";
    default: return "something else";
    }
}

/// A file under a name that only this process gives. What returns false says why in errno.
class Temporary {
public:
    explicit Temporary(const fs::path& folder) : entry_(free_entry()) {
        static std::atomic<int> count = 0;
        do { // a short name: the file's own may be as long as names can be
            const std::string name = ".dra-" + std::to_string(::getpid()) + "-" + std::to_string(count++) + ".partial";
            const std::string path = (folder / name).string();
            errno = ENAMETOOLONG;
            if (path.size() >= sizeof entry_.path) break;
            std::memcpy(entry_.path, path.c_str(), path.size() + 1);
            entry_.there = true;
            descriptor_ = ::open(entry_.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        } while (!is_open() && errno == EEXIST);
        if (!is_open()) entry_.there = false;
    }
    ~Temporary() {
        if (is_open()) ::close(descriptor_);
        if (entry_.there) ::unlink(entry_.path);
        entry_.there = false;
        entry_.taken = false;
    }
    Temporary(const Temporary&) = delete;
    Temporary& operator=(const Temporary&) = delete;

    bool is_open() const { return descriptor_ >= 0; }

    bool take_owner_and_mode_of(const fs::path& file) const {
        struct stat status {};
        if (::stat(file.c_str(), &status) != 0) return false;
        [[maybe_unused]] const bool given = // only root may give files away
            ::fchown(descriptor_, status.st_uid, status.st_gid) == 0 ||
            ::fchown(descriptor_, static_cast<uid_t>(-1), status.st_gid) == 0;
        return ::fchmod(descriptor_, status.st_mode & 07777) == 0;
    }

    bool write(const char* bytes, std::size_t count) const {
        while (count > 0) {
            const ssize_t written = ::write(descriptor_, bytes, count);
            if (written < 0 && errno != EINTR) return false;
            if (written > 0) bytes += written, count -= static_cast<std::size_t>(written);
        }
        return true;
    }

    /// Some file systems say only here that they are full.
    bool close() {
        const bool kept = ::fsync(descriptor_) == 0 || errno == EINVAL; // which a file system may not know
        const int why = errno;
        const bool closed = ::close(std::exchange(descriptor_, -1)) == 0;
        if (!kept) errno = why;
        return kept && closed;
    }

    bool rename(const fs::path& target) {
        if (::rename(entry_.path, target.c_str()) != 0) return false;
        entry_.there = false;
        return true;
    }

private:
    Entry& entry_;
    int descriptor_ = -1;
};

OutputFile::OutputFile(const fs::path& path, std::string field) : path_(path), field_(std::move(field)) {
    std::error_code error;
    const fs::file_type type = fs::status(path, error).type();
    const bool there = type == fs::file_type::regular;
    if (type == fs::file_type::none) errno = error.value();
    require(type != fs::file_type::none);
    if (!there && type != fs::file_type::not_found)
        throw FormatError(field_, path_.string(), "must be a regular file, not " + words_for(type));
    if (!path.has_filename()) throw FormatError(field_, path_.string(), "must name a file");

    target_ = followed(path);
    require(!there || ::access(target_.c_str(), W_OK) == 0);
    temporary_ = std::make_unique<Temporary>(target_.parent_path());
    require(temporary_->is_open());
    require(!there || temporary_->take_owner_and_mode_of(target_));
}

OutputFile::~OutputFile() = default;
OutputFile::OutputFile(OutputFile&&) noexcept = default;

void OutputFile::write(const void* bytes, std::size_t count) {
    require(temporary_->write(static_cast<const char*>(bytes), count));
}

void OutputFile::require(bool done) const {
    if (!done)
        throw FormatError(field_, path_.string(), "cannot be written: " + std::generic_category().message(errno));
}

void put_in_place(std::span<OutputFile> files) {
    for (OutputFile& file : files) file.require(file.temporary_->close());
    for (OutputFile& file : files) file.require(file.temporary_->rename(file.target_));
}

void check_writable(const fs::path& path, const std::string& field) { const OutputFile tried(path, field); }

fs::path followed(fs::path path) {
    std::error_code error;
    for (int links = 0; links < 40 && fs::is_symlink(fs::symlink_status(path, error)); ++links)
        path = path.parent_path() / fs::read_symlink(path, error);
    return path;
}

void remove_unfinished_files() noexcept {
    for (Entry* entry = entries; entry; entry = entry->next)
        if (entry->there) ::unlink(entry->path);
}

} // namespace dra
