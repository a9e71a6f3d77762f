#pragma once
/// \file
/// The whole library: every header that is installed, the definition first.

#include "reference/definition/compiled_alike.hpp"
#include "reference/definition/dropout.hpp"
#include "reference/definition/error.hpp"
#include "reference/definition/half_gradients.hpp"
#include "reference/definition/half_precision.hpp"
#include "reference/definition/oracle.hpp"
#include "reference/definition/output_file.hpp"
#include "reference/definition/pattern.hpp"
#include "reference/definition/positions.hpp"
#include "reference/definition/problem.hpp"
#include "reference/definition/random.hpp"
#include "reference/definition/safetensors.hpp"
#include "reference/definition/tensor.hpp"
#include "reference/definition/tolerance.hpp"
#include "reference/definition/visibility.hpp"

#include "reference/attention/attend.hpp"
#include "reference/attention/dilated_attention.hpp"
#include "reference/attention/dilated_attention_gradient.hpp"
#include "reference/attention/gradient.hpp"
#include "reference/attention/kv_cache.hpp"
#include "reference/attention/opaque_memory.hpp"
#include "reference/attention/partial.hpp"
#include "reference/attention/plan.hpp"
#include "reference/attention/workspace.hpp"

#include "reference/ring/ring_attention.hpp"
#include "reference/ring/ring_attention_gradient.hpp"
#include "reference/ring/schedule.hpp"
#include "reference/ring/shard.hpp"
