#include "cuda/device/choice_table.hpp"
#include "cuda/device/type.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>

namespace dra::cuda {
namespace {

using Json = nlohmann::ordered_json;

/// The fields of one object, each taken once; what is left over is an error.
class Fields {
public:
    Fields(std::string path, const Json& object) : path_(std::move(path)), left_(object) {
        if (!object.is_object()) fail("", object.dump(), "must be an object");
    }

    Json take(const char* name) {
        if (!left_.contains(name)) fail(name, "(missing)", "must be given");
        Json value = left_.at(name);
        left_.erase(name);
        return value;
    }

    std::string take_text(const char* name) {
        const Json value = take(name);
        if (!value.is_string() || value.get<std::string>().empty()) fail(name, value.dump(), "must be a name");
        return value.get<std::string>();
    }

    int take_size(const char* name) {
        const Json value = take(name);
        const bool whole = value.is_number_unsigned() && value.get<std::uint64_t>() >= 1;
        if (!whole || value.get<std::uint64_t>() > std::numeric_limits<int>::max())
            fail(name, value.dump(), "must be an integer from 1 to 2147483647");
        return value.get<int>();
    }

    bool take_truth(const char* name) {
        const Json value = take(name);
        if (!value.is_boolean()) fail(name, value.dump(), "must be true or false");
        return value.get<bool>();
    }

    void end() const {
        if (!left_.empty()) fail(left_.begin().key(), left_.begin().value().dump(), "must not be there");
    }

    std::string field(const std::string& name) const { return path_ + (name.empty() ? "" : "." + name); }

    [[noreturn]] void fail(const std::string& name, const std::string& value, const std::string& rule) const {
        throw FormatError(field(name), value, rule);
    }

private:
    std::string path_;
    Json left_;
};

Choice parse_choice(const std::string& path, const Json& object) {
    Fields fields(path, object);
    const std::string type = fields.take_text("type");
    Choice choice{};
    try {
        choice.type = parse_type("type", type);
    } catch (const PatternError&) {
        fields.fail("type", type, "must be one of fp32, bf16, fp16");
    }
    choice.head_dim = fields.take_size("head_dim");
    choice.causal = fields.take_truth("causal");
    choice.rows = fields.take_size("rows");
    choice.dilation = fields.take_size("dilation");
    choice.kernel = fields.take_text("kernel");
    fields.end();
    return choice;
}

double apart(double a, double b) { return std::abs(std::log2(a / b)); }

} // namespace

std::optional<std::string> ChoiceTable::kernel(DType type, const Parameters& parameters, int of_architecture) const {
    if (of_architecture != architecture) return std::nullopt;
    const Choice* nearest = nullptr;
    const auto further = [&](const Choice& choice) { // compared in this order
        return std::pair(choice.head_dim,
                         apart(choice.rows, parameters.most_rows()) + apart(choice.dilation, parameters.dilation_rate));
    };
    for (const Choice& choice : choices)
        if (choice.type == type && choice.causal == (parameters.causal != 0) && choice.head_dim >= parameters.head_dim)
            if (!nearest || further(choice) < further(*nearest)) nearest = &choice;
    return nearest ? std::optional(nearest->kernel) : std::nullopt;
}

ChoiceTable parse_choices(const std::string& file, std::string_view text) {
    const Json parsed = Json::parse(text, nullptr, false);
    if (parsed.is_discarded()) throw FormatError(file, "(unreadable)", "must be JSON");
    Fields fields(file, parsed);
    ChoiceTable table;
    table.device = fields.take_text("device");
    table.architecture = fields.take_size("architecture");
    const Json choices = fields.take("choices");
    fields.end();
    if (!choices.is_array()) fields.fail("choices", choices.dump(), "must be a list");
    for (const Json& choice : choices)
        table.choices.push_back(
            parse_choice(fields.field("choices[" + std::to_string(table.choices.size()) + "]"), choice));
    return table;
}

std::string text_of(const ChoiceTable& table) {
    std::string text = "{\"device\": " + Json(table.device).dump() +
                       ", \"architecture\": " + std::to_string(table.architecture) + ", \"choices\": [";
    for (const Choice& choice : table.choices) { // one line per choice
        const Json line{{"type", type_name(choice.type)}, {"head_dim", choice.head_dim},
                        {"causal", choice.causal},        {"rows", choice.rows},
                        {"dilation", choice.dilation},    {"kernel", choice.kernel}};
        text += (&choice == table.choices.data() ? "\n  " : ",\n  ") + line.dump();
    }
    return text + "\n]}\n";
}

} // namespace dra::cuda
