// What the reader makes of files, for differential.py to hold against the safetensors library.
//
// A line of standard input, {"path": ..., "names": [...]}, asks for tensors of a file; a line of standard output
// answers: {"tensors": {name: {"dtype", "shape", "elements"}}, "metadata"}, elements being the bytes of float or double
// as hexadecimal digits, or {"refused": message}.

#include "reference/definition/safetensors.hpp"

#include <nlohmann/json.hpp>

#include <iostream>

namespace dra {
namespace {

using nlohmann::json;

std::string hexadecimal(const void* data, std::size_t bytes) {
    std::string digits;
    for (const auto* at = static_cast<const unsigned char*>(data); bytes-- > 0; ++at) {
        digits += "0123456789abcdef"[*at >> 4];
        digits += "0123456789abcdef"[*at & 15];
    }
    return digits;
}

json answer(const std::string& path, const std::vector<std::string>& names) {
    try {
        const TensorFile file = read_safetensors(path, names);
        json tensors = json::object();
        for (const auto& [name, tensor] : file.tensors) {
            const std::string elements = std::visit(
                [](const auto& x) { return hexadecimal(x.data(), static_cast<std::size_t>(x.size()) * sizeof(x[0])); },
                tensor.elements);
            tensors[name] = {{"dtype", dra::name(tensor.dtype)}, {"shape", tensor.shape}, {"elements", elements}};
        }
        return {{"tensors", tensors}, {"metadata", file.metadata}};
    } catch (const FormatError& error) {
        return {{"refused", error.what()}};
    }
}

} // namespace
} // namespace dra

int main() {
    for (std::string line; std::getline(std::cin, line);) {
        const auto question = nlohmann::json::parse(line);
        std::cout << dra::answer(question.at("path"), question.at("names")).dump() << "\n";
    }
}
