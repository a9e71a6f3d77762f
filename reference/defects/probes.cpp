#include "reference/defects/probes.hpp"

#include <algorithm>
#include <memory>
#include <set>

namespace dra::defects {
namespace {

bool is_half(DType dtype) { return dtype == DType::bf16 || dtype == DType::f16; }

/// A program whose runs are wrong may decode with other code, and get that right.
bool may_be_spared(const Probe& probe, Kind kind) { return probe.decoded && kind != Kind::decoding; }

Inputs inputs_of(const Probe& probe, const Sample& posed) { return posed.inputs(probe.gradients); }

/// A probe with all that is needed to read its answers.
class ProbeReader {
public:
    explicit ProbeReader(const Probe& asked)
        : probe(asked), posed(sample(probe)), inputs(inputs_of(probe, posed)),
          truth(oracle<double>(posed.problem, inputs, inputs.dout)), bounds(probe.dtype, posed.problem, inputs, truth),
          right_(observe({}, posed.problem, inputs)) {
        for (const Defect& defect : catalogue()) {
            std::vector<Observation>& forms = seen_.emplace_back();
            if (!concerns(probe, defect.kind) || !defect.hidden(posed.problem).empty()) continue;
            Inputs given = inputs;
            if (defect.kind != Kind::gradient) given.dout.reset();
            for (const Ingredients& wrong : defect.forms(posed.problem))
                forms.push_back(observe(wrong, posed.problem, given));
        }
    }

    /// What a form of a defect makes of it; what is right where nothing shows.
    const Observation& seen(std::size_t defect, std::size_t form) const {
        const std::vector<Observation>& forms = seen_[defect];
        return forms.empty() ? right_ : forms[std::min(form, forms.size() - 1)];
    }
    Index right_pairs() const { return right_.cost.pairs; }
    const std::vector<Observation>& forms(std::size_t defect) const { return seen_[defect]; }

    const Probe& probe;
    const Sample posed;
    const Inputs inputs;
    const Oracle truth;
    const Bounds bounds;

private:
    const Observation right_;
    std::vector<std::vector<Observation>> seen_; ///< what each defect's forms make of it, where they may show
};

/// All probes; made once.
const std::vector<std::unique_ptr<ProbeReader>>& probe_readers() {
    static const auto all = [] {
        std::vector<std::unique_ptr<ProbeReader>> made;
        for (const Probe& probe : probes()) made.push_back(std::make_unique<ProbeReader>(probe));
        return made;
    }();
    return all;
}

/// How a defect stands to one answer: it gives it, and that is wrong; or both are right; or it does not fit.
struct Standing {
    bool fits = false;
    std::optional<Match> match = {};
};

Standing standing(const ProbeReader& asked, std::size_t i, const Result& result, const Errors& judged) {
    const Defect& defect = catalogue()[i];
    const bool right = result.error.empty() && judged.within_bounds();
    bool shown_by_all = !asked.forms(i).empty();
    Standing best;
    for (const Observation& seen : asked.forms(i)) {
        const Prediction predicted(defect.kind, seen, asked.bounds, result, asked.right_pairs());
        shown_by_all &= predicted.shows && not_in(result, defect.kind).empty();
        const std::optional<Match> found = match(defect, predicted, asked.bounds, result, judged);
        if (found &&
            (!best.match || std::pair(found->fit, found->residual) < std::pair(best.match->fit, best.match->residual)))
            best.match = found;
    }
    best.fits = best.match || (right && (!shown_by_all || may_be_spared(asked.probe, defect.kind)));
    return best;
}

/// Reads one answer for every defect that is still among `open`.
void read(const ProbeReader& asked, const Result& result, ProbeVerdict& verdict, std::vector<std::optional<Match>>& all,
          std::vector<bool>& open, std::vector<Index>& explained) {
    Errors judged;
    ProbeResult& probed = verdict.results[asked.probe.name];
    if (result.error.empty()) judged = asked.bounds.judge(result);
    probed.correct = result.error.empty() && judged.within_bounds();
    if (!probed.correct && result.error.empty())
        probed.violated =
            violations(asked.bounds, asked.posed.problem, asked.inputs, result, row_errors(asked.bounds, result));
    for (std::size_t i = 0; i < open.size(); ++i) {
        if (!open[i] && probed.correct) continue;
        const Standing found = standing(asked, i, result, judged);
        open[i] = open[i] && found.fits;
        if (!found.match) continue;
        explained[i] += 1;
        if (!all[i]) all[i] = found.match;
        all[i]->residual = std::max(all[i]->residual, found.match->residual);
        all[i]->fit = std::max(all[i]->fit, found.match->fit);
    }
}

/// Whether the probe tells two defects apart: whether their first forms answer it differently.
bool told_apart(const ProbeReader& asked, std::size_t a, std::size_t b) {
    const Result given = result_of(asked.seen(a, 0), asked.probe.dtype),
                 other = result_of(asked.seen(b, 0), asked.probe.dtype);
    if (given.error.empty() != other.error.empty()) return true;
    if (!given.error.empty()) return false;
    Result compared = given;
    const Errors apart = asked.bounds.compare(compared, other);
    return !apart.within_bounds();
}

std::size_t index_of(const std::string& id) {
    return static_cast<std::size_t>(std::ranges::find(catalogue(), id, &Defect::id) - catalogue().begin());
}

} // namespace

bool concerns(const Probe& probe, Kind kind) {
    switch (kind) {
    case Kind::decoding: return probe.decoded;
    case Kind::gradient: return probe.gradients;
    case Kind::precision: return is_half(probe.dtype);
    default: return true;
    }
}

Sample sample(const Probe& probe) {
    Sample made = sample(probe.posed, is_half(probe.dtype));
    if (probe.values == Values::identity) {
        made.v.flat().setZero();
        for (Index n = 0; n < made.v.shape().tokens; ++n)
            for (Index g = 0; g < made.v.shape().heads; ++g) made.v(0, n, g, n) = 1;
    }
    return made;
}

Result answer(const Probe& probe, const Defect& defect, std::size_t form) {
    const std::size_t p =
        static_cast<std::size_t>(std::ranges::find(probes(), probe.name, &Probe::name) - probes().begin());
    const ProbeReader& one = *probe_readers()[p];
    Result result = result_of(one.seen(index_of(defect.id), form), probe.dtype);
    if (defect.kind != Kind::cost) result.pairs = result.rows_received = std::nullopt;
    return result;
}

ProbeVerdict check(const std::map<std::string, Result>& answers) {
    ProbeVerdict verdict;
    std::vector<std::optional<Match>> all(catalogue().size());
    std::vector<bool> open(catalogue().size(), true);
    std::vector<Index> explained(catalogue().size(), 0);
    for (const auto& one : probe_readers())
        if (const auto answer = answers.find(one->probe.name); answer != answers.end())
            read(*one, answer->second, verdict, all, open, explained);
    verdict.correct = !verdict.results.empty() &&
                      std::ranges::all_of(verdict.results, [](const auto& result) { return result.second.correct; });
    for (std::size_t i = 0; i < all.size(); ++i)
        if (open[i] && all[i]) verdict.matches.push_back(*all[i]);
    sort_best_first(verdict.matches);
    if (!verdict.matches.empty() || verdict.correct) return verdict;
    for (std::size_t i = 0; i < all.size(); ++i)
        if (explained[i] > 0) verdict.partial.emplace_back(catalogue()[i].id, explained[i]);
    std::ranges::stable_sort(verdict.partial, std::greater(), &std::pair<std::string, Index>::second);
    return verdict;
}

std::string next_probe(const std::vector<Match>& matches) {
    std::string best;
    std::size_t most = 1;
    for (const auto& one : probe_readers()) {
        std::vector<std::size_t> groups; // one defect of each
        for (const Match& match : matches) {
            const std::size_t i = index_of(match.id);
            if (std::ranges::all_of(groups, [&](std::size_t other) { return told_apart(*one, i, other); }))
                groups.push_back(i);
        }
        if (groups.size() > most) {
            most = groups.size();
            best = one->probe.name;
        }
    }
    return best;
}

} // namespace dra::defects
