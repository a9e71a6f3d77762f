#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

namespace dra::defects {

namespace {

Condition needs_decoding() {
    return {"the problem is not causal, and only a causal one is decoded",
            [](const Problem& problem) { return problem.causal; }};
}

void one_position_early(Ingredients& wrong) {
    wrong.decoding_position = [](Index cached) { return cached - 1; };
}

} // namespace

/// The position of a decoded token is taken from the cache's length before the token's key is appended, as if it were
/// taken after: every token decodes at the position before its own.
Defect decode_phase() {
    return {
        .id = "decode-phase",
        .kind = Kind::decoding,
        .title = "The decoding offset taken before the new key is appended",
        .symptom =
            "The full result is right, decoding is not: each token's row is as if its query stood one position "
            "earlier. Its own key is unseen, dilation selects the wrong tokens, and segments begin one token late.",
        .cause = "The position is `length - 1`, which is right once the new key is in the cache, but the length is "
                 "read before it is appended.",
        .repair = "Append first, then read the position; or ask for the position of the token, never for a length.",
        .provenance = "A public implementation with a key/value cache: relative error 0.92.",
        .witness = {{1, 1, 1, 1}, 1, {.segment_lengths = {1}, .dilation_rates = {1}, .causal = true}},
        .conditions = {needs_decoding()},
        .forms = forms({one_position_early,
                        [](Ingredients& wrong) { // the new key is seen: what the cache holds is not masked
                            one_position_early(wrong);
                            wrong.sees = [](const Pair& pair) { return pair.key <= pair.query + 1; };
                        }}),
    };
}

} // namespace dra::defects
