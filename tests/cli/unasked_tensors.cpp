// Files as other programs write them: beside the tensors that a command asks for lie others, of types of their own.
#include "tests/cli/complaint.hpp"

#include <cstring>

namespace dra {
namespace {

using namespace test;
using nlohmann::json;

/// A copy of the file, with a BOOL and an I64 tensor after its own, and one F32 in a rank that no command takes.
void copy_with_others(const std::string& from, const std::string& to) {
    const std::string whole = read_text(from);
    std::uint64_t length = 0;
    std::memcpy(&length, whole.data(), sizeof length);
    json header = json::parse(whole.substr(sizeof length, length));
    std::size_t at = whole.size() - sizeof length - length;
    const auto add = [&](const char* name, const char* dtype, std::vector<Index> shape, std::size_t bytes) {
        header[name] = {{"dtype", dtype}, {"shape", shape}, {"data_offsets", {at, at + bytes}}};
        at += bytes;
    };
    add("mask", "BOOL", {3}, 3);
    add("position_ids", "I64", {1, 2}, 16);
    add("rotary.inv_freq", "F32", {}, 4);
    const std::string text = header.dump();
    length = text.size();
    std::ofstream(to, std::ios::binary) << std::string(reinterpret_cast<const char*>(&length), sizeof length) << text
                                        << whole.substr(whole.size() - (at - 23)) << std::string(23, '\xff');
}

/// Exit status and standard output of a call with this input, and what it wrote to OUT.
std::string result_of(std::vector<std::string> arguments, const std::string& input) {
    const Folder folder;
    for (std::string& argument : arguments)
        argument = argument == "IN" ? input : argument == "OUT" ? folder.file("out") : argument;
    const Outcome outcome = call(arguments);
    CAPTURE(outcome.error);
    CHECK(outcome.status == 0);
    return outcome.out + read_text(folder.file("out"));
}

} // namespace

TEST_CASE("tensors that a command does not ask for change nothing") {
    const Folder folder;
    const std::vector<std::string> problem = {"--segments", "5", "--dilations", "1", "--causal"};
    const std::string posed = folder.file("posed"), beside = folder.file("beside");
    REQUIRE(
        call(std::vector<std::string>{"oracle", "--emit", posed, "--tokens", "5", "--heads", "2"} + problem).status ==
        0);
    copy_with_others(posed, beside);
    REQUIRE(read_text(beside).size() > read_text(posed).size());
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"run", "--input", "IN", "--output", "OUT"},
          {"diagnose", "--input", "IN", "--json", "OUT"},
          {"diagnose", "--input", posed, "--output-to-check", "IN"}}) {
        CAPTURE(arguments);
        const std::string expected = result_of(arguments + problem, posed);
        REQUIRE(expected != "");
        CHECK(result_of(arguments + problem, beside) == expected);
    }
}

TEST_CASE("a tensor that is asked for is refused in a type that nothing is computed in") {
    const Folder folder;
    const std::string header = R"({"q":{"dtype":"BOOL","shape":[1,1,1,1],"data_offsets":[0,1]}})";
    std::ofstream(folder.file("in"), std::ios::binary)
        << static_cast<char>(header.size()) << std::string(7, '\0') << header << "x";
    CHECK(run_complaint({"--segments", "4", "--dilations", "1"}, folder.file("in")) ==
          folder.file("in") + ": q.dtype = BOOL: must be one of F32, F64, BF16, F16");
}

} // namespace dra
