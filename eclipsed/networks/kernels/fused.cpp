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

#include <vector>

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

template <class T, bool GRAD, int V>
void bias_act_on_host(const BiasAct& p, const T* x, const T* result, T* out) {
    const Places<uint32_t> places(p);
    for (int64_t i = 0; i < p.count; i += V) {
        const auto in = load<V>(x + i);
        store(out + i, bias_act_pack<GRAD>(p, places, static_cast<uint32_t>(i), in, GRAD ? load<V>(result + i) : in));
    }
}

// `result` is that of the forward pass, in the backward pass; else it is empty, as are bias, scale and noise for none.
at::Tensor run_bias_act(const at::Tensor& given, const at::Tensor& bias, const at::Tensor& scale,
                        const at::Tensor& noise, const at::Tensor& result, int64_t dim, bool lrelu, double gain,
                        double clamp) {
    // Channels last says where a bias along the channels lies, and none other.
    const at::Tensor x = dim == 1 || result.numel() ? dense(given) : given.contiguous();
    TORCH_CHECK(gain > 0, "gain must be above 0; got ", gain);
    TORCH_CHECK(dim >= 0 && dim < x.dim(), "there is no axis ", dim);
    const at::Tensor b = bias.to(at::kFloat).contiguous(), s = scale.to(at::kFloat).contiguous();
    const at::Tensor around = noise.to(x.scalar_type()).contiguous();
    const at::Tensor done = result.numel() ? result.contiguous(x.suggest_memory_format()) : result;
    at::Tensor out = at::empty_like(x);
    if (!x.numel()) return out;
    BiasAct p{};
    p.count = x.numel(), p.lrelu = lrelu, p.gain = static_cast<float>(gain), p.clamp = static_cast<float>(clamp);
    const int64_t channels = x.size(dim);
    p.last = x.stride(dim) == 1, p.inner = 1;
    for (int64_t axis = dim + 1; axis < x.dim(); ++axis) p.inner *= x.size(axis);
    const int64_t samples = p.count / channels / p.inner;
    TORCH_CHECK(!b.numel() || b.numel() == channels, "a bias of ", b.numel(), " numbers does not fit");
    TORCH_CHECK(!s.numel() || s.numel() == samples * channels, "a scale of ", s.numel(), " numbers does not fit");
    TORCH_CHECK(!around.numel() || around.numel() == p.inner || around.numel() == samples * p.inner,
                "noise of ", around.numel(), " numbers does not fit");
    if (b.numel() || s.numel() || around.numel()) p.channels = channels;
    if (b.numel()) p.bias = b.const_data_ptr<float>();
    if (s.numel()) p.scale = s.const_data_ptr<float>();
    if (around.numel()) p.noise = around.const_data_ptr();
    p.noise_step = around.numel() > p.inner ? p.inner : 0;
    const void* made = done.numel() ? done.const_data_ptr() : nullptr;
    const Kind kind = kind_of(x);
    dispatch(
        x,
        [&](void* stream) {
#ifdef ECLIPSED_CUDA
            bias_act_cuda(p, kind, x.const_data_ptr(), made, out.mutable_data_ptr(), stream);
#endif
        },
        [&] {
            on_host(kind, [&](auto zero) {
                using T = decltype(zero);
                constexpr int most = 16 / sizeof(T);
                const T* from = x.const_data_ptr<T>();
                T* to = out.mutable_data_ptr<T>();
                const bool packs = pack_size(p, sizeof(T), {from, made, to, p.bias, p.scale, p.noise}) > 1;
                const auto pick = [&](auto one, auto many) {
                    (packs ? many : one)(p, from, static_cast<const T*>(made), to);
                };
                if (made)
                    pick(bias_act_on_host<T, true, 1>, bias_act_on_host<T, true, most>);
                else
                    pick(bias_act_on_host<T, false, 1>, bias_act_on_host<T, false, most>);
            });
        });
    return out;
}

at::Tensor bias_act_forward(const at::Tensor& x, const at::Tensor& bias, const at::Tensor& scale,
                            const at::Tensor& noise, int64_t dim, bool lrelu, double gain, double clamp) {
    return run_bias_act(x, bias, scale, noise, at::empty({0}, x.options()), dim, lrelu, gain, clamp);
}

at::Tensor bias_act_backward(const at::Tensor& grad, const at::Tensor& result, bool lrelu, double gain, double clamp) {
    const at::Tensor none = at::empty({0}, grad.options());
    return run_bias_act(grad, none, none, none, result, 0, lrelu, gain, clamp);
}

// What the blocks of a GPU do, one after the other, and in each the threads.
template <class T, int UP, int DOWN>
void quick_on_host(Way way, const UpFirDn& p, const T* x, const float* given, T* out) {
    float taps[16];
    for (int i = 0; i < 16; ++i) taps[i] = turned_tap(p, given, i);
    using C = Channels<T, UP, DOWN>;
    if (way == Way::channels) {
        for (int n = 0; n < p.n; ++n)
            for (int row = 0; row < C::rows(p); ++row)
                for (int column = 0; column < C::columns(p); ++column) C::run(p, taps, x, out, column, row, n);
        return;
    }
    using S = Tile<UP, DOWN>;
    alignas(16) float buffer[S::size];
    std::vector<typename S::Sums> sums(kThreads);
    for (int plane = 0; plane < p.n * p.c; ++plane)
        for (int row = 0; row < S::rows(p); ++row)
            for (int column = 0; column < S::columns(p); ++column) {
                const S tile(p, column, row, plane);
                for (int tid = 0; tid < kThreads; ++tid) tile.stage(p, x, tid, buffer);
                for (int tid = 0; tid < kThreads; ++tid) sums[tid] = S::filter(taps, buffer, tid);
                for (int tid = 0; tid < kThreads; ++tid)
                    p.aligned ? tile.write(p, out, tid, sums[tid]) : S::keep(buffer, tid, sums[tid]);
                for (int tid = 0; !p.aligned && tid < kThreads; ++tid) tile.write_kept(p, out, tid, buffer);
            }
}

template <class T>
void upfirdn_on_host(UpFirDn p, const T* x, const float* taps, T* out) {
    const Way way = way_of(p, sizeof(T), x, out);
    if (way != Way::general) {
        if (p.up == 2) return quick_on_host<T, 2, 1>(way, p, x, taps, out);
        if (p.down == 2) return quick_on_host<T, 1, 2>(way, p, x, taps, out);
        return quick_on_host<T, 1, 1>(way, p, x, taps, out);
    }
    for (int64_t k = 0; k < p.n * p.c * p.out_h * p.out_w; ++k) {
        const Place at = place(p, k);
        const T* plane = x + at.n * p.in_n + at.c * p.in_c;
        const float sum = upfirdn(p, taps, at.y, at.x, [plane](int64_t i) { return static_cast<float>(plane[i]); });
        out[at.n * p.out_n + at.c * p.out_c + at.y * p.out_y + at.x * p.out_x] = static_cast<T>(sum);
    }
}

at::Tensor upfirdn2d(const at::Tensor& x, const at::Tensor& filter, int64_t up, int64_t down, int64_t left,
                     int64_t right, int64_t top, int64_t bottom, bool flip, double gain) {
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
                upfirdn_on_host(p, x.const_data_ptr<T>(), taps.const_data_ptr<float>(), out.mutable_data_ptr<T>());
            });
        });
    return out;
}

}  // namespace

TORCH_LIBRARY(eclipsed_fused, m) {
    m.def(
        "bias_act(Tensor x, Tensor bias, Tensor scale, Tensor noise, int dim, bool lrelu, float gain, float clamp) "
        "-> Tensor",
        bias_act_forward);
    m.def("bias_act_grad(Tensor grad, Tensor result, bool lrelu, float gain, float clamp) -> Tensor",
          bias_act_backward);
    m.def(
        "upfirdn2d(Tensor x, Tensor taps, int up, int down, int left, int right, int top, int bottom, bool flip, "
        "float gain) -> Tensor",
        upfirdn2d);
}

}  // namespace eclipsed
