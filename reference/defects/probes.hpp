#pragma once
/// \file
/// Probes: small problems that together tell all defects apart, so that a program seen only as a black box is diagnosed
/// by one round trip: the probes' tensors out, its results back.

#include "reference/defects/catalogue.hpp"
#include "reference/defects/match.hpp"
#include "reference/defects/properties.hpp"

#include <map>

namespace dra::defects {

/// How a probe's v is drawn.
enum class Values {
    normal,
    identity, ///< v is the identity in every head, D = N: out is then the matrix of weights itself
};

/// A problem that is chosen to tell defects apart, and what is asked of it.
struct Probe {
    std::string name;
    std::string shows; ///< what it is there for
    Witness posed;
    Values values = Values::normal;
    DType dtype = DType::f32; ///< the type of tensors and results
    bool decoded = false;     ///< the result is that of appending token after token to a cache
    bool gradients = false;   ///< dq, dk, dv of dout are asked for too
};

/// The probes, in the order in which they are best run.
const std::vector<Probe>& probes();

/// The probe's tensors, exact in its type, and its problem.
Sample sample(const Probe& probe);

/// Whether a program with a defect of this kind shows it in this probe at all.
bool concerns(const Probe& probe, Kind kind);

/// What a program with this form of a defect answers. A defect of gradients, of decoding or of bf16 is right in all
/// other probes; `form` is counted from 0, the last one standing for those that a problem does not have.
Result answer(const Probe& probe, const Defect& defect, std::size_t form);

/// What one answer said.
struct ProbeResult {
    bool correct = false;
    std::vector<Violation> violated;
};

/// What all answers together say.
struct ProbeVerdict {
    bool correct = false;                       ///< every answer is, and there is one
    std::map<std::string, ProbeResult> results; ///< the answered probes, by name
    std::vector<Match> matches; ///< defects that fit every answer, best first; the residual is the largest
    /// Where none does: how many of the wrong answers a defect fits, most first.
    std::vector<std::pair<std::string, Index>> partial;
};

/// Reads answers, by the name of their probe. A probe without an answer says nothing. Throws ShapeError where a shape
/// is not the probe's.
ProbeVerdict check(const std::map<std::string, Result>& answers);

/// The probe that divides these matches into the most groups; empty where none divides them.
std::string next_probe(const std::vector<Match>& matches);

} // namespace dra::defects
