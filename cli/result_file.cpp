#include "cli/result_file.hpp"

#include "cli/flags.hpp"

namespace dra::cli {
namespace {

Lse<double> to_lse(const FileTensor& tensor) {
    if (tensor.shape.size() != 3)
        throw FormatError("lse", std::to_string(tensor.shape.size()) + " axes", "must be [B, H, N]");
    Lse<double> lse(tensor.shape[0], tensor.shape[1], tensor.shape[2]);
    std::visit([&](const auto& elements) { lse.flat() = elements.template cast<double>(); }, tensor.elements);
    return lse;
}

} // namespace

FileInputs::FileInputs(const TensorFile& file, DType dtype) {
    const auto read = [&](const char* name) {
        const Tensor<double> x = to_tensor<double>(name, file.at(name));
        check_finite<double>(name, x);
        return defects::stored(x, dtype);
    };
    q = read("q");
    k = read("k");
    v = read("v");
    if (file.contains("dout")) dout = read("dout");
}

defects::Inputs FileInputs::view() const {
    defects::Inputs inputs{{q, k, v}};
    if (dout) inputs.dout = dout->view();
    return inputs;
}

defects::Result read_result(const TensorFile& file, std::optional<DType> dtype) {
    defects::Result result;
    const auto said = [&](const char* key) -> std::optional<std::string> {
        const auto found = file.metadata.find(key);
        return found == file.metadata.end() ? std::nullopt : std::optional(found->second);
    };
    if (const auto pairs = said("pairs")) result.pairs = parse_integer("pairs", *pairs);
    if (const auto rows = said("rows_received")) result.rows_received = parse_integer("rows_received", *rows);
    if (const auto error = said("error"); error && !file.contains("out")) {
        result.error = error->empty() ? "an error" : *error;
        result.dtype = dtype.value_or(DType::f32);
        return result;
    }
    result.dtype = dtype.value_or(file.at("out").dtype);
    result.out = to_tensor<double>("out", file.at("out"));
    if (file.contains("lse")) result.lse = to_lse(file.at("lse"));
    const auto gradient = [&](const char* name) -> std::optional<Tensor<double>> {
        if (!file.contains(name)) return std::nullopt;
        return to_tensor<double>(name, file.at(name));
    };
    result.dq = gradient("dq");
    result.dk = gradient("dk");
    result.dv = gradient("dv");
    return result;
}

} // namespace dra::cli
