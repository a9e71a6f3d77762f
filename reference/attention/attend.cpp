#include "reference/attention/attend.hpp"

#include "reference/attention/panel.hpp"

namespace dra {

template <class T>
void attend(const Rows<T>& q, const Rows<T>& k, const Rows<T>& v, const Visibility& visibility, T softmax_scale, Partial<T> into,
            Combine combine) {
    kernel::Packed<T> packed;
    packed.resize(k.rows(), k.cols());
    packed.pack(k, v, 0, k.rows());
    kernel::PanelWorkspace<T> space(q.cols());
    for (Index i0 = 0; i0 < q.rows(); i0 += kernel::bundle_rows<T>)
        kernel::attend_panels(q, packed, kernel::ExtentPanels{visibility}, softmax_scale, i0,
                              std::min(kernel::bundle_rows<T>, q.rows() - i0), into, combine, space);
}

template void attend(const Rows<float>&, const Rows<float>&, const Rows<float>&, const Visibility&, float, Partial<float>, Combine);
template void attend(const Rows<double>&, const Rows<double>&, const Rows<double>&, const Visibility&, double, Partial<double>, Combine);

} // namespace dra
