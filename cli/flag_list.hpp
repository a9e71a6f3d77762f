#pragma once
/// \file
/// The flags of a command, as --help lists them. CLI11 reads them, behind this: its headers take eight seconds to
/// compile wherever they are included, and flag_list.cpp and command_line.cpp are where.

#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace dra::cli {

/// The flags that a command takes. Whatever is registered must outlive the parser.
class FlagList {
public:
    explicit FlagList(CLI::App& parser) : parser_(&parser) {}

    /// A command under this one, with flags of its own.
    FlagList command(const std::string& name, const std::string& sentence) const;

    /// A flag that takes a value, which is kept as it was typed; --help writes `kind` in its place.
    void add(const std::string& flag, std::string& value, const std::string& sentence, const std::string& kind) const;
    void add(const std::string& flag, std::optional<std::string>& value, const std::string& sentence,
             const std::string& kind) const;

    /// A flag that takes a value, without which the command does not run.
    void require(const std::string& flag, std::string& value, const std::string& sentence,
                 const std::string& kind) const;

    /// A flag that takes no value.
    void add(const std::string& flag, bool& given, const std::string& sentence) const;

    /// What the command is called, and whether the line named it.
    const std::string& name() const;
    bool chosen() const;

private:
    CLI::App* parser_;
};

} // namespace dra::cli
