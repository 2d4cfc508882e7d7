// The fused operations as PyTorch operators: torch.ops.eclipsed_fused.{bias_act, bias_act_grad, upfirdn2d}.
//
// On CUDA tensors they launch the kernels of fused.cu. On CPU tensors they run the same arithmetic in a plain loop,
// which is how tests hold it against the reference where there is no GPU; nothing else uses that.
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/library.h>

#ifdef ECLIPSED_CUDA
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#endif

#include "launch.h"

namespace eclipsed {
namespace {

Kind kind_of(const at::Tensor& x) {
    if (x.scalar_type() == at::kFloat) return Kind::f32;
    if (x.scalar_type() == at::kHalf) return Kind::f16;
    TORCH_CHECK(x.scalar_type() == at::kBFloat16, "expected float32, float16 or bfloat16; got ", x.scalar_type());
    return Kind::bf16;
}

template <class Run>
void on_host(Kind kind, Run run) {
    if (kind == Kind::f32) run(float{});
    if (kind == Kind::f16) run(at::Half{});
    if (kind == Kind::bf16) run(at::BFloat16{});
}

// Calls `cuda` with the current stream, on the tensor's device, or `host`.
template <class Cuda, class Host>
void dispatch(const at::Tensor& x, [[maybe_unused]] Cuda cuda, Host host) {
    if (!x.is_cuda()) return host();
#ifdef ECLIPSED_CUDA
    const c10::cuda::CUDAGuard guard(x.device());
    cuda(static_cast<void*>(c10::cuda::getCurrentCUDAStream().stream()));
#else
    TORCH_CHECK(false, "these operations were built without CUDA");
#endif
}

bool is_channels_last(const at::Tensor& x) {
    return x.dim() == 4 && !x.is_contiguous() && x.is_contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor dense(const at::Tensor& x) { return is_channels_last(x) ? x : x.contiguous(); }

at::Tensor run_bias_act(const at::Tensor& given, const at::Tensor& bias, const at::Tensor* result, int64_t dim,
                        bool lrelu, double gain, double clamp) {
    const at::Tensor x = dense(given);
    TORCH_CHECK(gain > 0, "gain must be above 0; got ", gain);
    TORCH_CHECK(bias.numel() == 0 || (dim >= 0 && dim < x.dim() && bias.numel() == x.size(dim)),
                "a bias of ", bias.numel(), " numbers does not fit");
    const at::Tensor b = bias.to(at::kFloat).contiguous();
    const at::Tensor res = result ? (is_channels_last(x) ? result->contiguous(at::MemoryFormat::ChannelsLast)
                                                         : result->contiguous())
                                  : at::Tensor();
    at::Tensor out = at::empty_like(x);
    const bool biased = b.numel() != 0;
    const BiasAct p{x.numel(),
                    biased ? x.stride(dim) : 1,
                    b.numel(),
                    lrelu,
                    static_cast<float>(gain),
                    static_cast<float>(clamp)};
    if (!p.count) return out;
    const Kind kind = kind_of(x);
    dispatch(
        x,
        [&](void* stream) {
#ifdef ECLIPSED_CUDA
            bias_act_cuda(p, kind, x.const_data_ptr(), biased ? b.const_data_ptr<float>() : nullptr,
                          result ? res.const_data_ptr() : nullptr, out.mutable_data_ptr(), stream);
#endif
        },
        [&] {
            on_host(kind, [&](auto zero) {
                using T = decltype(zero);
                const T* from = x.const_data_ptr<T>();
                const T* done = result ? res.const_data_ptr<T>() : nullptr;
                T* to = out.mutable_data_ptr<T>();
                for (int64_t i = 0; i < p.count; ++i) {
                    const float v = static_cast<float>(from[i]);
                    const float shift = biased ? b.const_data_ptr<float>()[(i / p.step) % p.channels] : 0.0f;
                    to[i] = static_cast<T>(result ? bias_act_grad(p, v, static_cast<float>(done[i]))
                                                  : bias_act(p, v, shift));
                }
            });
        });
    return out;
}

at::Tensor bias_act_forward(const at::Tensor& x, const at::Tensor& bias, int64_t dim, bool lrelu, double gain,
                            double clamp) {
    return run_bias_act(x, bias, nullptr, dim, lrelu, gain, clamp);
}

at::Tensor bias_act_backward(const at::Tensor& grad, const at::Tensor& result, bool lrelu, double gain, double clamp) {
    const at::Tensor none = at::empty({0}, grad.options().dtype(at::kFloat));
    return run_bias_act(grad, none, &result, 0, lrelu, gain, clamp);
}

at::Tensor upfirdn2d(const at::Tensor& given, const at::Tensor& filter, int64_t up, int64_t down, int64_t left,
                     int64_t right, int64_t top, int64_t bottom, bool flip, double gain) {
    const at::Tensor x = dense(given);
    const at::Tensor taps = filter.to(at::kFloat).contiguous();
    TORCH_CHECK(x.dim() == 4 && taps.dim() == 2, "expected images (N, C, H, W) and a filter (H, W)");
    TORCH_CHECK(up > 0 && down > 0, "up and down must be above 0");
    const int64_t out_h = (x.size(2) * up + top + bottom - taps.size(0)) / down + 1;
    const int64_t out_w = (x.size(3) * up + left + right - taps.size(1)) / down + 1;
    TORCH_CHECK(out_h > 0 && out_w > 0, "the padded image is smaller than the filter");
    const bool last = is_channels_last(x);
    at::Tensor out = at::empty({x.size(0), x.size(1), out_h, out_w},
                               x.options().memory_format(last ? at::MemoryFormat::ChannelsLast
                                                              : at::MemoryFormat::Contiguous));
    UpFirDn p{};
    p.n = x.size(0), p.c = x.size(1), p.in_h = x.size(2), p.in_w = x.size(3), p.out_h = out_h, p.out_w = out_w;
    p.in_n = x.stride(0), p.in_c = x.stride(1), p.in_y = x.stride(2), p.in_x = x.stride(3);
    p.out_n = out.stride(0), p.out_c = out.stride(1), p.out_y = out.stride(2), p.out_x = out.stride(3);
    p.up = static_cast<int>(up), p.down = static_cast<int>(down);
    p.left = static_cast<int>(left), p.top = static_cast<int>(top);
    p.taps_h = static_cast<int>(taps.size(0)), p.taps_w = static_cast<int>(taps.size(1));
    p.flip = flip, p.channels_last = last, p.gain = static_cast<float>(gain);
    if (!out.numel()) return out;
    const Kind kind = kind_of(x);
    dispatch(
        x,
        [&](void* stream) {
#ifdef ECLIPSED_CUDA
            upfirdn_cuda(p, kind, x.const_data_ptr(), taps.const_data_ptr<float>(), out.mutable_data_ptr(), stream);
#endif
        },
        [&] {
            on_host(kind, [&](auto zero) {
                using T = decltype(zero);
                const T* from = x.const_data_ptr<T>();
                const float* f = taps.const_data_ptr<float>();
                T* to = out.mutable_data_ptr<T>();
                const bool four = p.taps_h == 4 && p.taps_w == 4;
                for (int64_t k = 0; k < out.numel(); ++k) {
                    const Place at = place(p, k);
                    const T* plane = from + at.n * p.in_n + at.c * p.in_c;
                    const auto load = [plane](int64_t i) { return static_cast<float>(plane[i]); };
                    float sum;
                    if (four && up == 1 && down == 1)
                        sum = upfirdn<1, 1, 4>(p, f, at.y, at.x, load);
                    else if (four && up == 2 && down == 1)
                        sum = upfirdn<2, 1, 4>(p, f, at.y, at.x, load);
                    else if (four && up == 1 && down == 2)
                        sum = upfirdn<1, 2, 4>(p, f, at.y, at.x, load);
                    else
                        sum = upfirdn<0, 0, 0>(p, f, at.y, at.x, load);
                    to[at.n * p.out_n + at.c * p.out_c + at.y * p.out_y + at.x * p.out_x] = static_cast<T>(sum);
                }
            });
        });
    return out;
}

}  // namespace

TORCH_LIBRARY(eclipsed_fused, m) {
    m.def("bias_act(Tensor x, Tensor bias, int dim, bool lrelu, float gain, float clamp) -> Tensor",
          bias_act_forward);
    m.def("bias_act_grad(Tensor grad, Tensor result, bool lrelu, float gain, float clamp) -> Tensor",
          bias_act_backward);
    m.def(
        "upfirdn2d(Tensor x, Tensor taps, int up, int down, int left, int right, int top, int bottom, bool flip, "
        "float gain) -> Tensor",
        upfirdn2d);
}

}  // namespace eclipsed
