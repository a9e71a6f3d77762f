#pragma once
/// \file
/// The rules by which a pattern's phase follows from the KV head; pattern.hpp applies them, and kernels do by
/// themselves.

namespace dra {

/// Where the dilation of pattern i starts in KV head g: its phase o.
enum class PhaseRule {
    group,      ///< o = i mod r (the fix report)
    head,       ///< o = g mod r (LongNet, section 2.3)
    head_block, ///< o = floor(g / ceil(Hkv / r)) (torchscale)
};

} // namespace dra
