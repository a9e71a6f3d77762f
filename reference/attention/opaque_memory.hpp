#pragma once
/// \file
/// Memory that is laid out for the target of the library, so that it is not seen from outside.

#include <memory>
#include <utility>

namespace dra {

/// An owner of one Memory, an incomplete type to whoever holds it: made where the type is complete, by opaque(), and
/// freed by what was compiled there.
template <class Memory> using OpaqueMemory = std::unique_ptr<Memory, void (*)(Memory*)>;

/// A new Memory, whose type is complete here.
template <class Memory, class... Arguments> OpaqueMemory<Memory> opaque(Arguments&&... arguments) {
    return {new Memory{std::forward<Arguments>(arguments)...}, [](Memory* memory) { delete memory; }};
}

} // namespace dra
