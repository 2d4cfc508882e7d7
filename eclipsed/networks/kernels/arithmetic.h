// What one number of each fused operation is, the same on a GPU and on a CPU.
//
// The launches differ (fused.cu, fused.cpp); the arithmetic lives here alone, so that it can be held against the
// reference in ops.py on a machine without a GPU. Everything is computed in float32, whatever the tensors hold.
#pragma once

#include <cstdint>

#ifdef __CUDACC__
#define ECLIPSED_INLINE __host__ __device__ __forceinline__
#else
#define ECLIPSED_INLINE inline
#endif

namespace eclipsed {

constexpr float kSlope = 0.2f;  // of the leaky ReLU, below zero
constexpr int kThreads = 256;   // of a block

// Neighbours in memory that a thread moves at once.
template <class T, int SIZE>
struct alignas(sizeof(T) * SIZE < 16 ? sizeof(T) * SIZE : 16) Pack {
    T values[SIZE];
};

template <int SIZE, class T>
ECLIPSED_INLINE Pack<T, SIZE> load(const T* from) {
    return *reinterpret_cast<const Pack<T, SIZE>*>(from);
}

template <class T, int SIZE>
ECLIPSED_INLINE void store(T* to, const Pack<T, SIZE>& pack) {
    *reinterpret_cast<Pack<T, SIZE>*>(to) = pack;
}

// Bias, activation, gain and clamp over a dense tensor; see bias_act.h for where a number's bias lies.
struct BiasAct {
    int64_t count;     // numbers in the tensor
    int64_t inner;     // numbers of one channel of one sample
    int64_t channels;  // 0 where neither bias, scale nor noise is given
    bool last;         // channels lie side by side: else `inner` numbers do
    bool lrelu;
    float gain;        // above 0, so that the result has the sign of the sum
    float clamp;       // a negative one is none
    const float* bias;   // (channels,) or null
    const float* scale;  // (samples, channels) or null: what the input is multiplied with first
    const void* noise;   // (inner,) for all samples or (samples, inner), of the input's type, or null
    int64_t noise_step;  // from one sample's noise to the next: 0 or inner
};

ECLIPSED_INLINE float bias_act(const BiasAct& p, float x, float bias) {
    x += bias;
    if (p.lrelu && !(x > 0.0f)) x *= kSlope;
    x *= p.gain;
    if (p.clamp >= 0.0f) {
        if (x > p.clamp) x = p.clamp;
        if (x < -p.clamp) x = -p.clamp;
    }
    return x;
}

// Gradient of the sum from that of the result and the result itself.
ECLIPSED_INLINE float bias_act_grad(const BiasAct& p, float grad, float result) {
    if (p.clamp >= 0.0f && (result >= p.clamp || result <= -p.clamp)) return 0.0f;
    grad *= p.gain;
    return p.lrelu && !(result > 0.0f) ? grad * kSlope : grad;
}

// Upsample with zeros, pad, filter, keep every n-th pixel. Strides count numbers, not bytes.
struct UpFirDn {
    int64_t n, c, in_h, in_w, out_h, out_w;
    int64_t in_n, in_c, in_y, in_x;  // strides of the input
    int64_t out_n, out_c, out_y, out_x;
    int up, down, left, top, taps_h, taps_w;
    bool flip;  // correlate with the taps as they stand
    bool channels_last;
    bool aligned;  // rows of the result can be written several numbers at a time
    float gain;
};

// Where, on the grid with zeros between the pixels, the first tap that meets a pixel lies.
ECLIPSED_INLINE int first_tap(int64_t start, int up) {
    if (start < 0) return static_cast<int>(-start);  // those before it meet the padding; at 0 lies a pixel
    const int64_t rest = start % up;
    return static_cast<int>(rest ? up - rest : 0);
}

// One pixel of the result, for every size; the common ones go quicker ways (windows.h).
template <class Load>
ECLIPSED_INLINE float upfirdn(const UpFirDn& p, const float* taps, int64_t oy, int64_t ox, Load load) {
    const int up = p.up, down = p.down, taps_h = p.taps_h, taps_w = p.taps_w;
    const int64_t y0 = oy * down - p.top;
    const int64_t x0 = ox * down - p.left;
    float sum = 0.0f;
    for (int ky = first_tap(y0, up); ky < taps_h; ky += up) {
        const int64_t y = (y0 + ky) / up;
        if (y >= p.in_h) break;
        for (int kx = first_tap(x0, up); kx < taps_w; kx += up) {
            const int64_t x = (x0 + kx) / up;
            if (x >= p.in_w) break;
            const int tap = p.flip ? ky * taps_w + kx : (taps_h - 1 - ky) * taps_w + (taps_w - 1 - kx);
            sum += taps[tap] * load(y * p.in_y + x * p.in_x);
        }
    }
    return sum * p.gain;
}

// Where the k-th number of the result lies, counted so that neighbours in memory are neighbours in k.
struct Place {
    int64_t n, c, y, x;
};

ECLIPSED_INLINE Place place(const UpFirDn& p, int64_t k) {
    Place at;
    if (p.channels_last) {
        at.c = k % p.c, k /= p.c;
        at.x = k % p.out_w, k /= p.out_w;
        at.y = k % p.out_h, at.n = k / p.out_h;
    } else {
        at.x = k % p.out_w, k /= p.out_w;
        at.y = k % p.out_h, k /= p.out_h;
        at.c = k % p.c, at.n = k / p.c;
    }
    return at;
}

}  // namespace eclipsed
