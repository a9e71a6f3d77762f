#include "cli/problem_flags.hpp"

#include "cli/flags.hpp"

namespace dra::cli {

void ProblemFlags::add_to(const FlagList& command, const std::string& of_ranks) {
    command.require("--segments", segments, "segment lengths w, one a pattern", "W,...");
    command.require("--dilations", dilations, "dilation rates r, one a pattern", "R,...");
    command.add("--mode", mode, "heads split among the patterns, or every head mixing all", "groups|mixture");
    command.add("--phase", phase, "where dilation starts; default: group in groups, head in mixture",
                "group|head|head-block");
    command.add("--causal", causal, "a query sees no later key");
    command.add("--scale", scale, "softmax scale; default: 1/sqrt(D)", "S");
    command.add("--dropout", dropout, "probability that a pair is dropped; default: 0", "P");
    command.add("--seed", seed, "of dropout; default: 0", "S");
    command.add("--stop-gradient-mixing", stop_gradient_mixing,
                "gradients take the mixing weights of a mixture for constants, as torchscale does");
    command.add("--ranks", ranks, of_ranks, "R");
    command.add("--layout", layout, "how ranks share the sequence; default: contiguous",
                "contiguous|zigzag|segment-zigzag");
}

Configuration ProblemFlags::configuration() const {
    Configuration chosen;
    chosen.segment_lengths = parse_integers("--segments", segments);
    chosen.dilation_rates = parse_integers("--dilations", dilations);
    chosen.mode = parse<Mode>("--mode", mode);
    if (phase) chosen.phase = parse<PhaseRule>("--phase", *phase);
    chosen.causal = causal;
    if (scale) chosen.softmax_scale = parse_real("--scale", *scale);
    if (dropout) chosen.dropout = parse_real("--dropout", *dropout);
    if (seed) chosen.dropout_seed = parse_seed("--seed", *seed);
    chosen.stop_gradient_mixing = stop_gradient_mixing;
    chosen.ranks = parse_integer("--ranks", ranks);
    chosen.layout = parse<Layout>("--layout", layout);
    return chosen;
}

} // namespace dra::cli
