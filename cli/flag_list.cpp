#include "cli/flag_list.hpp"

#include <CLI/CLI.hpp>

namespace dra::cli {

FlagList FlagList::command(const std::string& name, const std::string& sentence) const {
    return FlagList(*parser_->add_subcommand(name, sentence));
}

void FlagList::add(const std::string& flag, std::string& value, const std::string& sentence,
                   const std::string& kind) const {
    parser_->add_option(flag, value, sentence)->type_name(kind);
}

void FlagList::add(const std::string& flag, std::optional<std::string>& value, const std::string& sentence,
                   const std::string& kind) const {
    parser_->add_option(flag, value, sentence)->type_name(kind);
}

void FlagList::require(const std::string& flag, std::string& value, const std::string& sentence,
                       const std::string& kind) const {
    parser_->add_option(flag, value, sentence)->type_name(kind)->required();
}

void FlagList::add(const std::string& flag, bool& given, const std::string& sentence) const {
    parser_->add_flag(flag, given, sentence);
}

const std::string& FlagList::name() const { return parser_->get_name(); }

bool FlagList::chosen() const { return parser_->parsed(); }

} // namespace dra::cli
