#pragma once
/// \file
/// Small problems of every kind, with random inputs and what the oracle says of them.

#include "reference/definition/oracle.hpp"
#include "reference/definition/random.hpp"

namespace dra::test {

/// Golden values and the oracle round differently, a few units in the last place of the largest value.
inline constexpr double golden_bound = 1e-14;

struct Case {
    const char* name;
    Shape q, kv;
    Configuration configuration;
};

inline const Case cases[] = {
    {"dense", {1, 5, 2, 3}, {1, 5, 2, 3}, {.segment_lengths = {8}, .dilation_rates = {1}}},
    {"groups, ragged, rows that see nothing",
     {2, 7, 3, 2},
     {2, 7, 3, 2},
     {.segment_lengths = {3, 5}, .dilation_rates = {2, 3}, .causal = true}},
    {"mixture with overlap and shared KV heads",
     {1, 8, 4, 3},
     {1, 8, 2, 3},
     {.segment_lengths = {4, 8, 8}, .dilation_rates = {1, 2, 3}, .mode = Mode::mixture, .causal = true}},
    {"mixture by head block, negative scale",
     {1, 6, 4, 2},
     {1, 6, 4, 2},
     {.segment_lengths = {3, 6},
      .dilation_rates = {1, 2},
      .mode = Mode::mixture,
      .phase = PhaseRule::head_block,
      .softmax_scale = -0.7}},
};

/// Random inputs of a case.
struct CaseInputs : Inputs<double> {
    explicit CaseInputs(const Case& example)
        : Inputs<double>{random_normal<double>(example.q, 1), random_normal<double>(example.kv, 2),
                         random_normal<double>(example.kv, 3)},
          dout(random_normal<double>(example.q, 4)), problem(validate(example.configuration, info<double>(*this))) {}

    Oracle truth() const { return oracle<double>(problem, *this, dout.view()); }
    double loss() const { return (oracle<double>(problem, *this).attention.out.flat() * dout.flat()).sum(); }

    Tensor<double> dout;
    Problem problem;
};

} // namespace dra::test
