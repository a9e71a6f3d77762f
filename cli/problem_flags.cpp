#include "cli/problem_flags.hpp"

#include "cli/flags.hpp"

namespace dra::cli {

void ProblemFlags::add_to(CLI::App& command, const std::string& of_ranks) {
    const auto add = [&](const char* flag, auto& value, const std::string& sentence, const char* kind) {
        return command.add_option(flag, value, sentence)->type_name(kind);
    };
    add("--segments", segments, "segment lengths w, one a pattern", "W,...")->required();
    add("--dilations", dilations, "dilation rates r, one a pattern", "R,...")->required();
    add("--mode", mode, "heads split among the patterns, or every head mixing all", "groups|mixture");
    add("--phase", phase, "where dilation starts; default: group in groups, head in mixture", "group|head|head-block");
    command.add_flag("--causal", causal, "a query sees no later key");
    add("--scale", scale, "softmax scale; default: 1/sqrt(D)", "S");
    add("--dropout", dropout, "probability that a pair is dropped; default: 0", "P");
    add("--seed", seed, "of dropout; default: 0", "S");
    command.add_flag("--stop-gradient-mixing", stop_gradient_mixing,
                     "gradients take the mixing weights of a mixture for constants, as torchscale does");
    add("--ranks", ranks, of_ranks, "R");
    add("--layout", layout, "how the ring shards the sequence; default: contiguous",
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
