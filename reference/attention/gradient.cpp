#include "reference/attention/gradient.hpp"

#include "reference/attention/gradient_panel.hpp"

#include <optional>

namespace dra {

template <class T> struct AttendGradientWorkspace<T>::Memory {
    kernel::PackedKeysForGradient<T> packed;
    kernel::KeyGradients<T> key_gradients;
    std::optional<kernel::GradientPanels<T>> panels;

    kernel::GradientPanels<T>& panels_of(Index head_dim) {
        if (!panels || panels->dq.cols() != head_dim) panels.emplace(head_dim);
        return *panels;
    }
};

template <class T> AttendGradientWorkspace<T>::AttendGradientWorkspace() : memory_(opaque<Memory>()) {}

template <class T>
void weighted_mean_gradient(const Rows<T>& dout, const Rows<T>& out, MutableColumn<Extended<T>> delta) {
    std::vector<kernel::Row<T>> a(static_cast<std::size_t>(out.cols())), b(a.size());
    kernel::find_delta(dout, out, delta, a, b);
}

template <class T> void weighted_mean_gradient(const Rows<T>& dout, const Rows<T>& out,
                                               MutableColumn<Extended<T>> delta,
                                               AttendGradientWorkspace<T>& workspace) {
    kernel::GradientPanel<T>& panel = workspace.memory().panels_of(out.cols()).panels[0];
    kernel::find_delta(dout, out, delta, panel.dout, panel.dq);
}

template <class T> void attend_gradient(std::span<const GradientHead<T>> heads, const Rows<T>& k, const Rows<T>& v,
                                        const Visibility& visibility, T softmax_scale, const KeyGradientRows<T>& into,
                                        AttendGradientWorkspace<T>& workspace) {
    auto& memory = workspace.memory();
    kernel::PackedKeysForGradient<T>& packed = memory.packed;
    kernel::KeyGradients<T>& key_gradients = memory.key_gradients;
    kernel::GradientPanels<T>& panels = memory.panels_of(k.cols());
    packed.resize(k.rows(), k.cols());
    packed.pack(k, v, 0, k.rows());
    key_gradients.resize(k.rows(), k.cols());
    for (const GradientHead<T>& head : heads)
        for (Index i0 = 0; i0 < head.q.rows(); i0 += kernel::query_block<T>)
            kernel::add_gradients(
                head, kernel::PackedView{packed, kernel::ExtentPanels{visibility, head.dropout}, softmax_scale},
                {i0, std::min(i0 + kernel::query_block<T>, head.q.rows())}, Combine::merge, key_gradients, panels);
    const kernel::ExtendedKeyGradients<T> again{packed, visibility, softmax_scale, heads};
    kernel::add_up<T>({&key_gradients, 1}, into, softmax_scale, {0, k.rows()}, Combine::merge, again);
}

#define DRA_INSTANTIATE(T)                                                                                             \
    template class AttendGradientWorkspace<T>;                                                                         \
    template void weighted_mean_gradient(const Rows<T>&, const Rows<T>&, MutableColumn<Extended<T>>);                  \
    template void weighted_mean_gradient(const Rows<T>&, const Rows<T>&, MutableColumn<Extended<T>>,                   \
                                         AttendGradientWorkspace<T>&);                                                 \
    template void attend_gradient(std::span<const GradientHead<T>>, const Rows<T>&, const Rows<T>&, const Visibility&, \
                                  T, const KeyGradientRows<T>&, AttendGradientWorkspace<T>&);
DRA_INSTANTIATE(float)
DRA_INSTANTIATE(double)
#undef DRA_INSTANTIATE

} // namespace dra
