#pragma once
/// \file
/// One function a defect, each in the file that is called like it.

#include "reference/defects/defect.hpp"

namespace dra::defects {

// Of the report's class.
Defect mask_sign();
Defect tail_negative();

// Of other public implementations of the same ideas.
Defect gradient_rotated();
Defect decode_phase();

} // namespace dra::defects
