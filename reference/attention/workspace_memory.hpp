#pragma once
/// \file
/// What lies in a Workspace and in a GradientWorkspace. Not installed.

#include "reference/attention/gradient_panel.hpp"
#include "reference/attention/workspace.hpp"

namespace dra {

template <class T> struct Workspace<T>::Memory {
    std::vector<kernel::PackedKeys<T>> wave;       ///< keys and values, one per view
    std::vector<kernel::PanelWorkspace<T>> panels; ///< one per thread
};

/// The keys and values of a view, and dk, dv of its parts.
template <class T> struct GradientSlot {
    kernel::PackedKeysForGradient<T> packed;
    std::vector<kernel::KeyGradients<T>> parts;

    /// Makes room for so many rows and parts, which hold nothing yet; memory only grows.
    void resize(Index rows, Index head_dim, Index new_parts) {
        packed.resize(rows, head_dim);
        parts.resize(std::max(parts.size(), static_cast<std::size_t>(new_parts)));
        for (Index part = 0; part < new_parts; ++part) parts[part].resize(rows, head_dim);
    }
};

/// Memory for the output of one pattern of a mixture alone.
template <class T> struct PatternAlone {
    kernel::PackedKeys<T> packed;
    kernel::PanelWorkspace<T> panels;
    RowMajor<T> out;      ///< (rows, D)
    Eigen::ArrayX<T> lse; ///< (rows)

    PatternAlone(Index rows, Index head_dim) : panels(head_dim), out(rows, head_dim), lse(rows) {
        packed.resize(rows, head_dim);
    }
};

template <class T> struct GradientWorkspace<T>::Memory {
    Lse<Extended<T>> delta;                        ///< [B, H, N]
    std::vector<GradientSlot<T>> wave;             ///< one per view
    std::vector<kernel::GradientPanels<T>> panels; ///< one per thread
    std::vector<PatternAlone<T>> alone;            ///< one per thread, where mixing weights are constants
};

} // namespace dra
