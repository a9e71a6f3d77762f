#include "reference/attention/plan.hpp"

#include "reference/attention/team.hpp"
#include "reference/attention/views.hpp"
#include "reference/attention/workspace_memory.hpp"

namespace dra {
namespace {

/// Rows packed at a time: large enough that a barrier costs nothing, small enough to stay near the cores.
constexpr Index wave_rows = 16384;

} // namespace

Plan make_plan(const Problem& problem) {
    Plan plan{problem, omp_get_max_threads(), {}};
    for (Index pattern = 0; pattern < problem.patterns(); ++pattern) {
        const Views views(problem, pattern);
        plan.wave_size.push_back(std::clamp<Index>(wave_rows / views.longest(), 1, std::max<Index>(views.count(), 1)));
    }
    return plan;
}

template <class T> Workspace<T>::Workspace(const Plan& plan) : memory_(std::make_unique<Memory>()) {
    const Index head_dim = plan.problem.head_dim;
    auto& [wave, panels] = *memory_;
    wave.resize(static_cast<std::size_t>(*std::ranges::max_element(plan.wave_size)));
    for (Index pattern = 0; pattern < plan.problem.patterns(); ++pattern)
        for (Index slot = 0; slot < plan.wave_size[static_cast<std::size_t>(pattern)]; ++slot)
            wave[static_cast<std::size_t>(slot)].resize(Views(plan.problem, pattern).longest(), head_dim);
    panels.assign(static_cast<std::size_t>(plan.threads), kernel::PanelWorkspace<T>(head_dim));
    with_team(plan.threads, [](int) {
#pragma omp barrier
    });
}

template <class T> Workspace<T>::~Workspace() = default;
template <class T> Workspace<T>::Workspace(Workspace&&) noexcept = default;
template <class T> Workspace<T>& Workspace<T>::operator=(Workspace&&) noexcept = default;

template class Workspace<float>;
template class Workspace<double>;

} // namespace dra
