// The CUDA launches of the fused operations. No PyTorch header is needed here, which keeps the build short.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "launch.h"

namespace eclipsed {
namespace {

constexpr int64_t kMostBlocks = 1 << 20;  // each thread goes on to further numbers in strides of the whole grid

unsigned blocks(int64_t count, int64_t each) { return static_cast<unsigned>((count + each - 1) / each); }

void check(const char* what) {
    const cudaError_t error = cudaGetLastError();
    if (error != cudaSuccess) throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(error));
}

// All is loaded before any of it is used, for many loads to be under way.
template <class T, bool GRAD, int V, class Index>
__global__ void __launch_bounds__(kThreads)
    bias_act_kernel(const BiasAct p, const Places<Index> places, const T* x, const T* result, T* out) {
    constexpr int each = V == 1 ? 8 : 4;
    const Index first = static_cast<Index>(blockIdx.x) * (kThreads * each) + threadIdx.x;
    const Index packs = static_cast<Index>(p.count / V);
    Pack<T, V> in[each], done[each];
#pragma unroll
    for (int u = 0; u < each; ++u) {
        const Index k = first + u * kThreads;
        if (k >= packs) continue;
        in[u] = load<V>(x + k * V);
        if (GRAD) done[u] = load<V>(result + k * V);
    }
#pragma unroll
    for (int u = 0; u < each; ++u) {
        const Index k = first + u * kThreads;
        if (k < packs) store(out + k * V, bias_act_pack<GRAD>(p, places, k * V, in[u], done[u]));
    }
}

template <class T, bool GRAD, int V, class Index>
void launch_bias_act(const BiasAct& p, const T* x, const T* result, T* out, cudaStream_t stream) {
    const unsigned grid = blocks(p.count / V, kThreads * (V == 1 ? 8 : 4));
    bias_act_kernel<T, GRAD, V, Index><<<grid, kThreads, 0, stream>>>(p, Places<Index>(p), x, result, out);
    check("bias_act");
}

template <class T, bool GRAD>
void bias_act_typed(const BiasAct& p, const void* x, const void* result, void* out, cudaStream_t stream) {
    const T* from = static_cast<const T*>(x);
    const T* done = static_cast<const T*>(result);
    T* to = static_cast<T*>(out);
    if (p.count >= int64_t{1} << 31) return launch_bias_act<T, GRAD, 1, int64_t>(p, from, done, to, stream);
    if (pack_size(p, sizeof(T), {x, result, out, p.bias, p.scale, p.noise}) == 1)
        return launch_bias_act<T, GRAD, 1, uint32_t>(p, from, done, to, stream);
    launch_bias_act<T, GRAD, 16 / sizeof(T), uint32_t>(p, from, done, to, stream);
}

template <class T, int UP, int DOWN>
__global__ void __launch_bounds__(kThreads, 4) tile_kernel(const UpFirDn p, const T* __restrict__ x,
                                                           const float* __restrict__ taps, T* __restrict__ out) {
    using S = Tile<UP, DOWN>;
    __shared__ alignas(16) float buffer[S::size], kept[16];
    const int tid = static_cast<int>(threadIdx.x);
    const S tile(p, blockIdx.x, blockIdx.y, blockIdx.z);
    if (tid < 16) kept[tid] = turned_tap(p, taps, tid);
    tile.stage(p, x, tid, buffer);
    __syncthreads();
    float own[16];
#pragma unroll
    for (int i = 0; i < 16; ++i) own[i] = kept[i];
    const auto sums = S::filter(own, buffer, tid);
    if (p.aligned) return tile.write(p, out, tid, sums);
    __syncthreads();
    S::keep(buffer, tid, sums);
    __syncthreads();
    tile.write_kept(p, out, tid, buffer);
}

template <class T, int UP, int DOWN>
__global__ void __launch_bounds__(kThreads, 2) channels_kernel(const UpFirDn p, const T* __restrict__ x,
                                                            const float* __restrict__ taps, T* __restrict__ out,
                                                            unsigned columns) {
    float own[16];
#pragma unroll
    for (int i = 0; i < 16; ++i) own[i] = turned_tap(p, taps, i);
    const unsigned column = blockIdx.x * kThreads + threadIdx.x;
    if (column < columns) Channels<T, UP, DOWN>::run(p, own, x, out, column, blockIdx.y, blockIdx.z);
}

template <class T, int UP, int DOWN>
void launch_quick(Way way, const UpFirDn& p, const T* x, const float* taps, T* out, cudaStream_t stream) {
    if (way == Way::tiles) {
        using S = Tile<UP, DOWN>;
        const dim3 grid(S::columns(p), S::rows(p), static_cast<unsigned>(p.n * p.c));
        tile_kernel<T, UP, DOWN><<<grid, kThreads, 0, stream>>>(p, x, taps, out);
    } else {
        using S = Channels<T, UP, DOWN>;
        const dim3 grid(blocks(S::columns(p), kThreads), S::rows(p), static_cast<unsigned>(p.n));
        channels_kernel<T, UP, DOWN><<<grid, kThreads, 0, stream>>>(p, x, taps, out,
                                                                 static_cast<unsigned>(S::columns(p)));
    }
}

template <class T>
__global__ void upfirdn_kernel(const UpFirDn p, const T* x, const float* taps, T* out) {
    __shared__ float kept[64];  // every thread reads every tap
    const int size = p.taps_h * p.taps_w;
    const float* own = taps;
    if (size <= 64) {
        for (int i = threadIdx.x; i < size; i += blockDim.x) kept[i] = taps[i];
        __syncthreads();
        own = kept;
    }
    const int64_t count = p.n * p.c * p.out_h * p.out_w;
    const int64_t stride = static_cast<int64_t>(gridDim.x) * blockDim.x;
    for (int64_t k = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; k < count; k += stride) {
        const Place at = place(p, k);
        const T* plane = x + at.n * p.in_n + at.c * p.in_c;
        const float sum = upfirdn(p, own, at.y, at.x, [plane](int64_t i) { return static_cast<float>(plane[i]); });
        out[at.n * p.out_n + at.c * p.out_c + at.y * p.out_y + at.x * p.out_x] = static_cast<T>(sum);
    }
}

template <class T>
void upfirdn_typed(UpFirDn p, const void* given, const float* taps, void* result, cudaStream_t stream) {
    const T* x = static_cast<const T*>(given);
    T* out = static_cast<T*>(result);
    const Way way = way_of(p, sizeof(T), x, out);
    if (way == Way::general) {
        const int64_t grid = std::min<int64_t>(blocks(p.n * p.c * p.out_h * p.out_w, kThreads), kMostBlocks);
        upfirdn_kernel<T><<<static_cast<unsigned>(grid), kThreads, 0, stream>>>(p, x, taps, out);
    } else if (p.up == 2) {
        launch_quick<T, 2, 1>(way, p, x, taps, out, stream);
    } else if (p.down == 2) {
        launch_quick<T, 1, 2>(way, p, x, taps, out, stream);
    } else {
        launch_quick<T, 1, 1>(way, p, x, taps, out, stream);
    }
    check("upfirdn2d");
}

// Calls `run` with a number of the type that a tensor holds.
template <class Run>
void typed(Kind kind, Run run) {
    if (kind == Kind::f32) run(float{});
    if (kind == Kind::f16) run(__half{});
    if (kind == Kind::bf16) run(__nv_bfloat16{});
}

}  // namespace

void bias_act_cuda(const BiasAct& p, Kind kind, const void* x, const void* result, void* out, void* stream) {
    typed(kind, [&](auto zero) {
        const auto run = result ? bias_act_typed<decltype(zero), true> : bias_act_typed<decltype(zero), false>;
        run(p, x, result, out, static_cast<cudaStream_t>(stream));
    });
}

void upfirdn_cuda(const UpFirDn& p, Kind kind, const void* x, const float* taps, void* out, void* stream) {
    typed(kind, [&](auto zero) {
        upfirdn_typed<decltype(zero)>(p, x, taps, out, static_cast<cudaStream_t>(stream));
    });
}

}  // namespace eclipsed
