// What the binding asks of a device: the same two operations, once for CUDA (fused.cu) and once for the host.
#pragma once

#include "bias_act.h"
#include "windows.h"

namespace eclipsed {

enum class Kind { f32, f16, bf16 };

// `result` is null in the forward pass, where `x` is the input; else `x` is the gradient of the result.
void bias_act_cuda(const BiasAct& p, Kind kind, const void* x, const void* result, void* out, void* stream);
void upfirdn_cuda(const UpFirDn& p, Kind kind, const void* x, const float* taps, void* out, void* stream);

}  // namespace eclipsed
