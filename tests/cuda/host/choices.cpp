#include "cuda/host/choice.hpp"
#include "reference/definition/error.hpp"

#include <doctest/doctest.h>

#include <set>

namespace dra::cuda::DRA_TARGET {
namespace {

Parameters parameters_of(int head_dim, int causal, int segment_length, int dilation_rate) {
    Parameters p{};
    p.batch = 2;
    p.tokens = 16384;
    p.heads = p.kv_heads = p.kv_head_count = 4;
    p.head_dim = head_dim;
    p.segment_length = segment_length;
    p.dilation_rate = dilation_rate;
    p.causal = causal;
    return p;
}

std::string found(const ChoiceTable& table, DType type, const Parameters& parameters, int architecture = 90) {
    return table.kernel(type, parameters, architecture).value_or("(none)");
}

const ChoiceTable table{"a device",
                        90,
                        {{DType::bf16, 64, false, 512, 1, "pipelined"},
                         {DType::bf16, 64, false, 2048, 1, "wide"},
                         {DType::bf16, 64, false, 2048, 8, "hopper"},
                         {DType::bf16, 128, false, 2048, 1, "tensor_core"},
                         {DType::bf16, 64, true, 512, 1, "tiled"}}};

std::string refusal(std::string_view text) {
    try {
        parse_choices("file", text);
        return "(none)";
    } catch (const FormatError& error) {
        return error.what();
    }
}

} // namespace

TEST_CASE("a table has for every shape the kernel of the nearest one that was measured") {
    const auto bf16 = [&](auto... sizes) { return found(table, DType::bf16, parameters_of(sizes...)); };
    CHECK(bf16(64, 0, 512, 1) == "pipelined");
    CHECK(bf16(64, 0, 2048, 1) == "wide");
    CHECK(bf16(64, 0, 16384, 8) == "hopper"); // 2048 rows
    CHECK(bf16(64, 1, 512, 1) == "tiled");
    CHECK(bf16(64, 0, 1000, 1) == "pipelined"); // below sqrt(512 * 2048) = 1024
    CHECK(bf16(64, 0, 1050, 1) == "wide");
    CHECK(bf16(64, 0, 1024, 1) == "pipelined"); // as near: the first
    CHECK(bf16(64, 0, 4096, 2) == "wide");      // 2048 rows; log2 r = 1 is nearer to 0 than to 3
    CHECK(bf16(64, 0, 8192, 4) == "hopper");
    CHECK(bf16(64, 0, 1 << 30, 1) == "wide");    // a segment is no longer than the sequence
    CHECK(bf16(24, 0, 2048, 1) == "wide");       // the kernel for 64 runs smaller heads
    CHECK(bf16(72, 0, 512, 1) == "tensor_core"); // and the one for 128 the next ones
}

TEST_CASE("a table has nothing for types, causality, head sizes and architectures that were not measured") {
    const Parameters usual = parameters_of(64, 0, 512, 1);
    CHECK(found(table, DType::bf16, usual) != "(none)");
    CHECK(found(table, DType::f16, usual) == "(none)");
    CHECK(found(table, DType::f32, usual) == "(none)");
    CHECK(found(table, DType::bf16, usual, 80) == "(none)");
    CHECK(found(table, DType::bf16, parameters_of(136, 0, 512, 1)) == "(none)");
    CHECK(found(table, DType::bf16, parameters_of(128, 1, 512, 1)) == "(none)");
    CHECK(found(ChoiceTable{"a device", 90, {}}, DType::bf16, usual) == "(none)");
}

TEST_CASE("the kernel of the table is chosen where it can do the pattern, and else the last of the ladder that can") {
    int from_table = 0, from_ladder = 0;
    for (const int head_dim : {8, 12, 64, 128, 136})
        for (const int causal : {0, 1})
            for (const auto& [w, r] : {std::pair{512, 1}, {2048, 1}, {16384, 8}, {16383, 8}, {5, 3}})
                for (const DType type : {DType::f32, DType::bf16, DType::f16})
                    for (const int architecture : {80, 90}) {
                        const Parameters p = parameters_of(head_dim, causal, w, r);
                        const auto kernel = table.kernel(type, p, architecture);
                        const bool able = kernel && why_not(*find_kernel(*kernel), type, p, architecture).empty();
                        const std::string_view chosen = choose_kernel(std::nullopt, type, p, architecture, table).name;
                        CHECK(chosen == (able ? *kernel : std::string(best_kernel(type, p, architecture).name)));
                        (able ? from_table : from_ladder) += 1;
                    }
    MESSAGE(from_table, " by the table, ", from_ladder, " by the ladder");
    CHECK(from_table > 0);
    CHECK(from_ladder > 0);
}

TEST_CASE("the kernel that the user names goes before that of the table") {
    const Parameters p = parameters_of(64, 0, 512, 1);
    CHECK(std::string(choose_kernel("naive", DType::bf16, p, 90, table).name) == "naive");
}

TEST_CASE("a table that names a kernel that there is not is refused by that name") {
    const ChoiceTable unknown{"a device", 90, {{DType::bf16, 64, false, 512, 1, "quick"}}};
    std::string said;
    try {
        choose_kernel(std::nullopt, DType::bf16, parameters_of(64, 0, 512, 1), 90, unknown);
    } catch (const FormatError& error) {
        said = error.what();
    }
    MESSAGE(said);
    CHECK(said.starts_with("choices.kernel = quick: must be one of naive, "));
}

TEST_CASE("a table is read as it was written") {
    const ChoiceTable read = parse_choices("file", text_of(table));
    CHECK(read.device == table.device);
    CHECK(read.architecture == table.architecture);
    REQUIRE(read.choices.size() == table.choices.size());
    for (std::size_t i = 0; i < table.choices.size(); ++i) {
        const Choice &a = table.choices[i], &b = read.choices[i];
        CHECK(std::tie(a.type, a.head_dim, a.causal, a.rows, a.dilation, a.kernel) ==
              std::tie(b.type, b.head_dim, b.causal, b.rows, b.dilation, b.kernel));
    }
    CHECK(parse_choices("file", text_of({"none", 90, {}})).choices.empty());
}

TEST_CASE("a malformed table is refused with the field, the value and the rule") {
    const std::string good =
        R"({"type": "bf16", "head_dim": 64, "causal": true, "rows": 512, "dilation": 1, "kernel": "wide"})";
    const auto with = [&](const std::string& from, const std::string& to) {
        std::string choice = good;
        choice.replace(choice.find(from), from.size(), to);
        return refusal(R"({"device": "d", "architecture": 90, "choices": [)" + good + "," + choice + "]}");
    };
    CHECK(with("wide", "wide") == "(none)");
    CHECK(with("bf16", "fp8") == "file.choices[1].type = fp8: must be one of fp32, bf16, fp16");
    CHECK(with("64", "0") == "file.choices[1].head_dim = 0: must be an integer from 1 to 2147483647");
    CHECK(with("64", "64.5") == "file.choices[1].head_dim = 64.5: must be an integer from 1 to 2147483647");
    CHECK(with("512", "4294967296") == "file.choices[1].rows = 4294967296: must be an integer from 1 to 2147483647");
    CHECK(with("512", "-1") == "file.choices[1].rows = -1: must be an integer from 1 to 2147483647");
    CHECK(with("true", "1") == "file.choices[1].causal = 1: must be true or false");
    CHECK(with("\"wide\"", "7") == "file.choices[1].kernel = 7: must be a name");
    CHECK(with("\"dilation\": 1, ", "") == "file.choices[1].dilation = (missing): must be given");
    CHECK(with("\"rows\"", "\"more\": 1, \"rows\"") == "file.choices[1].more = 1: must not be there");
    CHECK(with(good, "[]") == "file.choices[1] = []: must be an object");
    CHECK(refusal("{") == "file = (unreadable): must be JSON");
    CHECK(refusal("") == "file = (unreadable): must be JSON");
    CHECK(refusal("[]") == "file = []: must be an object");
    CHECK(refusal(R"({"device": "d", "architecture": 90, "choices": {}})") == "file.choices = {}: must be a list");
    CHECK(refusal(R"({"device": "d", "architecture": 90})") == "file.choices = (missing): must be given");
    CHECK(refusal(R"({"device": "", "architecture": 90, "choices": []})") == "file.device = \"\": must be a name");
}

TEST_CASE("the table that is built in is for kernels of the ladder") {
    const ChoiceTable& built_in = built_in_choices();
    std::set<std::string> kernels;
    for (const Choice& choice : built_in.choices) kernels.insert(choice.kernel);
    MESSAGE(built_in.choices.size(), " choices of ", kernels.size(), " kernels, for ", built_in.device);
    CHECK(built_in.architecture == 90);
    for (const std::string& kernel : kernels) CHECK(find_kernel(kernel) != nullptr);
}

} // namespace dra::cuda::DRA_TARGET
