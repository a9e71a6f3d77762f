#include "reference/defects/page.hpp"

#include "reference/defects/catalogue.hpp"

#include <sstream>

namespace dra::defects {
namespace {

std::string file_of(const Defect& defect) {
    std::string file = defect.id + ".cpp";
    for (char& c : file)
        if (c == '-') c = '_';
    return file;
}

std::string hidden_where(const Defect& defect) {
    std::string list;
    for (const Condition& condition : defect.conditions)
        list += (list.empty() ? "where " : ", or ") + condition.otherwise;
    return list.empty() ? "by nothing but the tensors" : list;
}

const char* judged_by(Kind kind) {
    switch (kind) {
    case Kind::value: return "out and lse";
    case Kind::gradient: return "dq, dk and dv";
    case Kind::decoding: return "the rows of a decoding run";
    case Kind::precision: return "the size of the error in bf16";
    case Kind::crash: return "how it ends";
    case Kind::cost: break;
    }
    return "the work that is counted";
}

constexpr const char* introduction =
    R"(# Defects

Ways to get dilated ring attention wrong, all of them seen in the wild. Each is one wrong ingredient in an otherwise
right implementation (`reference/defects/`, one file a defect), so that it can be run, looked at, and recognised. Its
witness is the smallest problem that shows it, found by search: small enough to be worked through by hand.

Some look alike: `mask-sign` and `mask-dropped` give the same numbers, bit for bit. And most
hide: each entry says under which conditions it cannot show, whatever the tensors are. A test suite that never meets
those conditions passes with the defect inside.

This page is made from the catalogue, and a test keeps it so.

| id | shows in | title |
|---|---|---|
)";

} // namespace

std::string words(const Witness& witness) {
    const Configuration& chosen = witness.configuration;
    std::ostringstream stream;
    stream << "N = " << witness.q.tokens << ", H = " << witness.q.heads << ", R = " << chosen.ranks << ", ";
    stream << (chosen.segment_lengths.size() == 1 ? "pattern" : "patterns") << " (w, r) =";
    for (std::size_t i = 0; i < chosen.segment_lengths.size(); ++i)
        stream << (i == 0 ? " (" : ", (") << chosen.segment_lengths[i] << ", " << chosen.dilation_rates[i] << ")";
    if (chosen.mode == Mode::mixture) stream << ", mixture";
    if (chosen.causal) stream << ", causal";
    if (witness.draw == Draw::zero_query) stream << ", q = 0";
    if (witness.draw == Draw::steep) stream << ", large scores";
    return stream.str();
}

std::string page() {
    std::ostringstream stream;
    stream << introduction;
    for (const Defect& defect : catalogue())
        stream << "| [" << defect.id << "](#" << defect.id << ") | " << judged_by(defect.kind) << " | " << defect.title
               << " |\n";
    for (const Defect& defect : catalogue())
        stream << "\n## " << defect.id << "\n\n**" << defect.title << ".** " << defect.symptom
               << "\n\n- cause: " << defect.cause << "\n- repair: " << defect.repair
               << "\n- seen: " << defect.provenance << "\n- witness: " << words(defect.witness)
               << "\n- hidden: " << hidden_where(defect) << "\n- code: [reference/defects/" << file_of(defect)
               << "](../reference/defects/" << file_of(defect) << ")\n";
    return stream.str();
}

} // namespace dra::defects
