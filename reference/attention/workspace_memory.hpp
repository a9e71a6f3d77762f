#pragma once
/// \file
/// What lies in a Workspace. Not installed.

#include "reference/attention/panel.hpp"
#include "reference/attention/workspace.hpp"

namespace dra {

template <class T> struct Workspace<T>::Memory {
    std::vector<kernel::Packed<T>> wave;           ///< keys and values, a view each
    std::vector<kernel::PanelWorkspace<T>> panels; ///< a thread each
};

} // namespace dra
