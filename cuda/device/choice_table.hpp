#pragma once
/// \file
/// Which kernel was the fastest at which shape: a table that `dra bench attention --backend cuda --tune FILE` measures
/// and writes, and that the library carries as cuda/device/choices.json.
///
///     {"device": "NVIDIA H200", "architecture": 90, "choices": [
///         {"type": "bf16", "head_dim": 128, "causal": false, "rows": 2048, "dilation": 4, "kernel": "hopper"}]}

#include "cuda/device/parameters.hpp"
#include "reference/definition/dtype.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dra::cuda {

/// The fastest kernel at one shape.
struct Choice {
    DType type;
    int head_dim; ///< D
    bool causal;
    int rows;           ///< rows that the longest segment selects
    int dilation;       ///< r
    std::string kernel; ///< the kernel's name
};

/// What was measured on one device.
struct ChoiceTable {
    std::string device;   ///< name of the device that was measured
    int architecture = 0; ///< architecture of the devices that the table is for: 10 times the compute capability
    std::vector<Choice> choices;

    /// The kernel of the nearest shape that was measured: of this architecture, type and causality; of the least
    /// head_dim that is not smaller, because that is whose kernel runs a smaller head; and of the least
    /// |log2(rows / rows')| + |log2(r / r')|, the first where two are as near. Nothing where there is no such shape.
    std::optional<std::string> kernel(DType type, const Parameters& parameters, int of_architecture) const;
};

/// The table that a file's text holds. Throws FormatError, naming the file, the field and the rule, for anything else.
ChoiceTable parse_choices(const std::string& file, std::string_view text);

/// The text of the file that holds the table.
std::string text_of(const ChoiceTable& table);

/// The table that this program was built with; read once.
const ChoiceTable& built_in_choices();

} // namespace dra::cuda
