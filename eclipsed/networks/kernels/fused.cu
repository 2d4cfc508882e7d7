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

constexpr int kThreads = 256;
constexpr int64_t kMostBlocks = 1 << 20;  // each thread goes on to further numbers in strides of the whole grid

unsigned blocks(int64_t threads) {
    return static_cast<unsigned>(std::clamp<int64_t>((threads + kThreads - 1) / kThreads, 1, kMostBlocks));
}

void check(const char* what) {
    const cudaError_t error = cudaGetLastError();
    if (error != cudaSuccess) throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(error));
}

__device__ __forceinline__ float as_float(float x) { return x; }
__device__ __forceinline__ float as_float(__half x) { return __half2float(x); }
__device__ __forceinline__ float as_float(__nv_bfloat16 x) { return __bfloat162float(x); }
__device__ __forceinline__ void store(float* to, float x) { *to = x; }
__device__ __forceinline__ void store(__half* to, float x) { *to = __float2half_rn(x); }
__device__ __forceinline__ void store(__nv_bfloat16* to, float x) { *to = __float2bfloat16_rn(x); }

// As many numbers as one thread loads and stores at once: 16 bytes.
template <class T>
struct alignas(16) Pack {
    static constexpr int size = 16 / sizeof(T);
    T values[size];
};

__device__ __forceinline__ float bias_at(const BiasAct& p, const float* bias, int64_t i) {
    return p.channels ? __ldg(bias + (i / p.step) % p.channels) : 0.0f;
}

template <class T, bool GRAD>
__device__ __forceinline__ float act_at(const BiasAct& p, const float* bias, int64_t i, T x, T result) {
    return GRAD ? bias_act_grad(p, as_float(x), as_float(result)) : bias_act(p, as_float(x), bias_at(p, bias, i));
}

template <class T, bool GRAD>
__global__ void bias_act_kernel(BiasAct p, const T* x, const float* bias, const T* result, T* out, int64_t packs) {
    using P = Pack<T>;
    const int64_t stride = static_cast<int64_t>(gridDim.x) * blockDim.x;
    const int64_t first = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    for (int64_t k = first; k < packs; k += stride) {
        const P in = reinterpret_cast<const P*>(x)[k];
        P res = in, to;
        if (GRAD) res = reinterpret_cast<const P*>(result)[k];
#pragma unroll
        for (int j = 0; j < P::size; ++j)
            store(&to.values[j], act_at<T, GRAD>(p, bias, k * P::size + j, in.values[j], res.values[j]));
        reinterpret_cast<P*>(out)[k] = to;
    }
    for (int64_t i = packs * P::size + first; i < p.count; i += stride)
        store(out + i, act_at<T, GRAD>(p, bias, i, x[i], GRAD ? result[i] : x[i]));
}

template <class T>
void bias_act_typed(const BiasAct& p, const void* x, const float* bias, const void* result, void* out,
                    cudaStream_t stream) {
    const auto misaligned = reinterpret_cast<uintptr_t>(x) | reinterpret_cast<uintptr_t>(out) |
                            reinterpret_cast<uintptr_t>(result);  // a null result is aligned to anything
    const int64_t packs = misaligned % 16 ? 0 : p.count / Pack<T>::size;
    const unsigned grid = blocks(packs ? packs : p.count);
    const T* from = static_cast<const T*>(x);
    const T* res = static_cast<const T*>(result);
    if (result)
        bias_act_kernel<T, true><<<grid, kThreads, 0, stream>>>(p, from, bias, res, static_cast<T*>(out), packs);
    else
        bias_act_kernel<T, false><<<grid, kThreads, 0, stream>>>(p, from, bias, res, static_cast<T*>(out), packs);
    check("bias_act");
}

template <class T, int UP, int DOWN, int TAPS>
__global__ void upfirdn_kernel(UpFirDn p, const T* x, const float* taps, T* out) {
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
        const float sum = upfirdn<UP, DOWN, TAPS>(
            p, own, at.y, at.x, [plane](int64_t i) { return as_float(plane[i]); });
        store(out + at.n * p.out_n + at.c * p.out_c + at.y * p.out_y + at.x * p.out_x, sum);
    }
}

template <class T>
void upfirdn_typed(const UpFirDn& p, const void* x, const float* taps, void* out, cudaStream_t stream) {
    const unsigned grid = blocks(p.n * p.c * p.out_h * p.out_w);
    const T* from = static_cast<const T*>(x);
    T* to = static_cast<T*>(out);
    const bool four = p.taps_h == 4 && p.taps_w == 4;
    if (four && p.up == 1 && p.down == 1)
        upfirdn_kernel<T, 1, 1, 4><<<grid, kThreads, 0, stream>>>(p, from, taps, to);
    else if (four && p.up == 2 && p.down == 1)
        upfirdn_kernel<T, 2, 1, 4><<<grid, kThreads, 0, stream>>>(p, from, taps, to);
    else if (four && p.up == 1 && p.down == 2)
        upfirdn_kernel<T, 1, 2, 4><<<grid, kThreads, 0, stream>>>(p, from, taps, to);
    else
        upfirdn_kernel<T, 0, 0, 0><<<grid, kThreads, 0, stream>>>(p, from, taps, to);
    check("upfirdn2d");
}

}  // namespace

void bias_act_cuda(const BiasAct& p, Kind kind, const void* x, const float* bias, const void* result, void* out,
                   void* stream) {
    const auto s = static_cast<cudaStream_t>(stream);
    if (kind == Kind::f32) bias_act_typed<float>(p, x, bias, result, out, s);
    if (kind == Kind::f16) bias_act_typed<__half>(p, x, bias, result, out, s);
    if (kind == Kind::bf16) bias_act_typed<__nv_bfloat16>(p, x, bias, result, out, s);
}

void upfirdn_cuda(const UpFirDn& p, Kind kind, const void* x, const float* taps, void* out, void* stream) {
    const auto s = static_cast<cudaStream_t>(stream);
    if (kind == Kind::f32) upfirdn_typed<float>(p, x, taps, out, s);
    if (kind == Kind::f16) upfirdn_typed<__half>(p, x, taps, out, s);
    if (kind == Kind::bf16) upfirdn_typed<__nv_bfloat16>(p, x, taps, out, s);
}

}  // namespace eclipsed
