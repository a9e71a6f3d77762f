#include "reference/attention/gradient.hpp"

#include "reference/attention/gradient_panel.hpp"

#include <optional>

namespace dra {

template <class T> struct GradientWorkspace<T>::Memory {
    kernel::PackedForGradient<T> packed;
    kernel::KeyGradients<T> key_gradients;
    std::optional<kernel::GradientPanels<T>> panels;
};

template <class T> GradientWorkspace<T>::GradientWorkspace() : memory_(std::make_unique<Memory>()) {}
template <class T> GradientWorkspace<T>::~GradientWorkspace() = default;

template <class T> void weighted_mean_gradient(const Rows<T>& dout, const Rows<T>& out, MutableColumn<T> delta) {
    using namespace kernel;
    std::vector<Row<T>> dout_columns(static_cast<std::size_t>(out.cols())), out_columns(dout_columns.size());
    for (Index i0 = 0; i0 < out.rows(); i0 += lanes<T>) {
        const Index rows = std::min<Index>(lanes<T>, out.rows() - i0);
        pack_columns(dout, T(1), i0, rows, dout_columns);
        pack_columns(out, T(1), i0, rows, out_columns);
        const Row<T> mean = inner_products(out.cols(), out_columns.data(), dout_columns.data());
        for (int lane = 0; lane < rows; ++lane) delta[i0 + lane] = mean.get(lane);
    }
}

template <class T> void attend_gradient(std::span<const GradientHead<T>> heads, const Rows<T>& k, const Rows<T>& v,
                                        const Visibility& visibility, T softmax_scale, MutableRows<T> dk,
                                        MutableRows<T> dv, GradientWorkspace<T>& workspace) {
    auto& [packed, key_gradients, panels] = workspace.memory();
    packed.resize(k.rows(), k.cols());
    packed.pack(k, v, 0, k.rows());
    key_gradients.clear(k.rows(), k.cols());
    if (!panels || panels->dq.cols() != k.cols()) panels.emplace(k.cols());
    for (const GradientHead<T>& head : heads)
        for (Index i0 = 0; i0 < head.q.rows(); i0 += kernel::bundle_rows<T>)
            kernel::add_gradients(head, packed, kernel::ExtentPanels{visibility, head.dropout}, softmax_scale, i0,
                                  std::min(kernel::bundle_rows<T>, head.q.rows() - i0), key_gradients, *panels);
    key_gradients.add_to(dk, dv, softmax_scale, 0, k.rows());
}

#define DRA_INSTANTIATE(T)                                                                                             \
    template class GradientWorkspace<T>;                                                                               \
    template void weighted_mean_gradient(const Rows<T>&, const Rows<T>&, MutableColumn<T>);                            \
    template void attend_gradient(std::span<const GradientHead<T>>, const Rows<T>&, const Rows<T>&, const Visibility&, \
                                  T, MutableRows<T>, MutableRows<T>, GradientWorkspace<T>&);
DRA_INSTANTIATE(float)
DRA_INSTANTIATE(double)
#undef DRA_INSTANTIATE

} // namespace dra
