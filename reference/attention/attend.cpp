#include "reference/attention/attend.hpp"

#include "reference/attention/panel.hpp"

#include <optional>

namespace dra {

template <class T> struct AttendWorkspace<T>::Memory {
    kernel::PackedKeys<T> packed;
    std::optional<kernel::PanelWorkspace<T>> panels;
};

template <class T> AttendWorkspace<T>::AttendWorkspace() : memory_(opaque<Memory>()) {}

template <class T> void attend(std::span<const QueryHead<T>> heads, const Rows<T>& k, const Rows<T>& v,
                               const Visibility& visibility, T softmax_scale, Combine combine,
                               AttendWorkspace<T>& workspace) {
    auto& [packed, panels] = workspace.memory();
    packed.resize(k.rows(), k.cols());
    packed.pack(k, v, 0, k.rows());
    if (!panels || panels->out.cols() != k.cols()) panels.emplace(k.cols());
    for (const auto& [q, into, dropout] : heads)
        kernel::attend_rows(q, kernel::PackedView{packed, kernel::ExtentPanels{visibility, dropout}, softmax_scale},
                            into, combine, *panels);
}

template <class T> void attend(const QueryHead<T>& head, const Rows<T>& k, const Rows<T>& v,
                               const Visibility& visibility, T softmax_scale, Combine combine,
                               AttendWorkspace<T>& workspace) {
    attend<T>(std::span(&head, 1), k, v, visibility, softmax_scale, combine, workspace);
}

template <class T> void attend(const Rows<T>& q, const Rows<T>& k, const Rows<T>& v, const Visibility& visibility,
                               T softmax_scale, Partial<T> into, Combine combine) {
    AttendWorkspace<T> workspace;
    attend<T>(QueryHead<T>{q, into}, k, v, visibility, softmax_scale, combine, workspace);
}

#define DRA_INSTANTIATE(T)                                                                                             \
    template class AttendWorkspace<T>;                                                                                 \
    template void attend(std::span<const QueryHead<T>>, const Rows<T>&, const Rows<T>&, const Visibility&, T, Combine, \
                         AttendWorkspace<T>&);                                                                         \
    template void attend(const QueryHead<T>&, const Rows<T>&, const Rows<T>&, const Visibility&, T, Combine,           \
                         AttendWorkspace<T>&);                                                                         \
    template void attend(const Rows<T>&, const Rows<T>&, const Rows<T>&, const Visibility&, T, Partial<T>, Combine);
DRA_INSTANTIATE(float)
DRA_INSTANTIATE(double)
#undef DRA_INSTANTIATE

} // namespace dra
